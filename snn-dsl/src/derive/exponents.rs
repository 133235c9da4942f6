//! The exponents of a step that differ from neuron to neuron: rate times dt, with a rate that reads states or inputs.
//!
//! Most of them are small. `exp` and `exprel` of them have code of their own, cheaper where all are (`snn_runtime::math`:
//! `step_exp`, `step_exprel`), which the interpreter and generated code use for the same expressions. They are found by their
//! form: a product with dt. What an equation says itself, like the voltage dependence of a gate, is none.
//!
//! Models whose equations have such functions of their own are left alone. The others are most of the work then, and the
//! conductances of models with gates are so large during a spike that steps are long (docs/performance.md has the times).

use super::hoist::Coefficient;
use crate::expr::{Arena, ExprId, Function, IdSet, Leaf, Node, Operation};

/// The exponents among the arguments of `exp` and `exprel` in a step and its reverse.
pub(super) fn exponents(
    arena: &Arena,
    coefficients: &[Coefficient],
    step: impl Iterator<Item = ExprId>,
    reverse: impl Iterator<Item = ExprId>,
) -> IdSet {
    let is_dt = |id: ExprId| arena.node(id) == Node::Leaf(Leaf::Dt);
    let is_time = |id: ExprId| match arena.node(id) {
        Node::Leaf(Leaf::Coefficient(k)) => {
            coefficients.get(k as usize).is_some_and(|c| is_dt(c.value) || is_product_with(arena, c.value, &is_dt))
        }
        _ => is_dt(id),
    };
    let mut found = IdSet::default();
    for id in arena.reachable(step) {
        match exponent(arena, id, &is_time) {
            Some(z) => found.insert(z),
            None if is_costly(arena, id) => return IdSet::default(),
            None => continue,
        };
    }
    let others = arena.reachable(reverse).into_iter().filter_map(|id| exponent(arena, id, &is_time));
    others.for_each(|z| {
        found.insert(z);
    });
    found
}

fn exponent(arena: &Arena, id: ExprId, is_time: &impl Fn(ExprId) -> bool) -> Option<ExprId> {
    match arena.node(id) {
        Node::Apply(Function::Exp | Function::Exprel, z) if is_product_with(arena, z, is_time) => Some(z),
        _ => None,
    }
}

/// As an exponential is, or more.
fn is_costly(arena: &Arena, id: ExprId) -> bool {
    match arena.node(id) {
        Node::Apply(function, _) => !matches!(function, Function::Abs | Function::Sqrt),
        Node::Binary(operation, ..) => operation == Operation::Power,
        _ => false,
    }
}

/// What the integrator builds is smaller.
const PARTS: usize = 64;

/// Whether such a factor is in the product; the smaller of two products is one, and so are a quotient and a sum of products.
fn is_product_with(arena: &Arena, id: ExprId, is_factor: &impl Fn(ExprId) -> bool) -> bool {
    let mut left = PARTS;
    has_factor(arena, id, is_factor, &mut left)
}

fn has_factor(arena: &Arena, id: ExprId, is_factor: &impl Fn(ExprId) -> bool, left: &mut usize) -> bool {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return false;
    }
    let mut inside = |id: ExprId| has_factor(arena, id, is_factor, left);
    match arena.node(id) {
        Node::Binary(Operation::Multiply, a, b) => [a, b].into_iter().any(|x| is_factor(x) || inside(x)),
        Node::Binary(Operation::Divide, a, _) => is_factor(a) || inside(a),
        Node::Negate(a) | Node::Detach(a) => is_factor(a) || inside(a),
        Node::Binary(Operation::Add | Operation::Subtract, a, b) => {
            [a, b].into_iter().all(|x| is_factor(x) || inside(x))
        }
        Node::Select(_, a, b) => inside(a) || inside(b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::derive::derive;

    /// How many exponents of steps there are.
    fn count(equation: &str, method: &str) -> usize {
        let text = format!(
            "neuron Cell {{
                param tau = 10 ms
                drive g
                state V
                state W
                tau dV/dt = {equation}
                5 ms dW/dt = -W
                integrate {method}
            }}"
        );
        let derived = derive(&compile("", &text).model.unwrap().neurons[0]);
        derived.exponents.in_order().len()
    }

    #[test]
    fn rates_that_change_are_exponents() {
        assert_eq!(count("-V + g", "auto"), 0, "known before the first step");
        assert_eq!(count("-(1 + g)*V", "auto"), 1);
        assert_eq!(count("-g*V + W", "auto"), 3, "its own, and the differences to that of W");
        assert_eq!(count("V*V + g", "auto"), 1, "the slope at the start");
        assert_eq!(count("g - V*V", "exponential_midpoint"), 2, "half a step and a whole one");
    }

    #[test]
    fn what_equations_say_is_not() {
        assert_eq!(count("-V + exp(-W)", "auto"), 0);
        assert_eq!(count("-exp(-W)*V", "auto"), 0, "there is more to do");
        assert_eq!(count("-V + W/(exp(W) - 1)", "exponential_midpoint"), 0);
        assert_eq!(count("-g*V", "euler"), 0);
    }
}
