//! The exponents of a step that differ from neuron to neuron: rate times dt, with a rate that reads states or inputs.
//!
//! Most of them are small. `exp` and `exprel` of them have code of their own, cheaper where all are (`snn_runtime::math`:
//! `step_exp`, `step_exprel`), which the interpreter and generated code use for the same expressions. They are found by their
//! form: a product with dt. What an equation says itself, like the voltage dependence of a gate, is none.

use super::hoist::Coefficient;
use crate::expr::{Arena, ExprId, Function, IdSet, Leaf, Node, Operation};

/// The exponents among the arguments of `exp` and `exprel` that lead to the results.
pub(super) fn exponents(arena: &Arena, coefficients: &[Coefficient], results: impl Iterator<Item = ExprId>) -> IdSet {
    let is_dt = |id: ExprId| arena.node(id) == Node::Leaf(Leaf::Dt);
    let is_time = |id: ExprId| match arena.node(id) {
        Node::Leaf(Leaf::Coefficient(k)) => {
            coefficients.get(k as usize).is_some_and(|c| is_dt(c.value) || is_product_with(arena, c.value, &is_dt))
        }
        _ => is_dt(id),
    };
    let mut found = IdSet::default();
    for id in arena.reachable(results) {
        if let Node::Apply(Function::Exp | Function::Exprel, z) = arena.node(id)
            && is_product_with(arena, z, &is_time)
        {
            found.insert(z);
        }
    }
    found
}

/// Whether such a factor is in the product; the smaller of two products is one, and so is a quotient.
fn is_product_with(arena: &Arena, id: ExprId, is_factor: &impl Fn(ExprId) -> bool) -> bool {
    let inside = |id: ExprId| is_product_with(arena, id, is_factor);
    match arena.node(id) {
        Node::Binary(Operation::Multiply, a, b) => [a, b].into_iter().any(|x| is_factor(x) || inside(x)),
        Node::Binary(Operation::Divide, a, _) => is_factor(a) || inside(a),
        Node::Negate(a) | Node::Detach(a) => is_factor(a) || inside(a),
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
        assert_eq!(count("-g*V + W", "auto"), 1);
        assert_eq!(count("V*V + g", "auto"), 1, "the slope at the start");
        assert_eq!(count("g - V*V", "exponential_midpoint"), 2, "half a step and a whole one");
    }

    #[test]
    fn what_equations_say_is_not() {
        assert_eq!(count("-V + exp(-W)", "auto"), 0);
        assert_eq!(count("-exp(-W)*V", "auto"), 1);
        assert_eq!(count("-V + W/(exp(W) - 1)", "exponential_midpoint"), 0);
        assert_eq!(count("-g*V", "euler"), 0);
    }
}
