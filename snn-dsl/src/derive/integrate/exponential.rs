//! Exponential integrators of one state at a time, all others frozen.
//!
//! Exponential Euler: the equation `c dx/dt = alpha x + beta`, with alpha, beta and c frozen over the step, has the
//! solution x(t + h) = exp(a h) x + (expm1(a h)/alpha) beta, a = alpha/c. If the equation dx/dt = f is not affine in x, its
//! slope a = df/dx at the start takes that place: x(t + h) = x + h phi1(min(a h, 1)) f, phi1(z) = expm1(z)/z
//! (Rosenbrock–Euler).
//! Both are of first order, and exact where f is affine and its inputs are constant.
//!
//! Exponential midpoint: half a step of the above gives all states at the middle; slope and inputs are taken there, and the
//! whole step starts at the beginning. Second order.
//!
//! Sources: Certaine 1960; Hochbruck and Ostermann, Acta Numerica 19 (2010), sections 2 and 5; Börgers and Nectow, SIAM
//! Journal on Scientific Computing 35 (2013), for the midpoint.

use super::{Method, Update, derivative, noise};
use crate::derive::hoist::{Hoisted, changes_in_step};
use crate::expr::{Affine, Arena, ExprId, Function, Leaf};
use crate::model::Neuron;
use std::collections::BTreeMap;

/// The slope of a nonlinear equation times h counts as this at most. A growth that is faster is not resolved by the step: the
/// exponential of such a tangent overshoots everything, as in the upstroke of a spike, and can leave the finite numbers.
const FASTEST: f64 = 1.0;

/// One equation over a step of length `h`, in terms of its parts.
enum Form {
    /// decay x + gain rest, decay = exp(exponent)
    Affine { decay: ExprId, gain: ExprId, rest: ExprId, exponent: ExprId, method: Method },
    /// x + h phi1(slope h) derivative
    Rosenbrock { slope: ExprId, derivative: ExprId },
}

/// `prefix` comes before the names of coefficients.
fn form(arena: &mut Arena, neuron: &Neuron, i: usize, h: ExprId, prefix: &str, hoisted: &mut Hoisted) -> Form {
    let leaf = Leaf::State(i as u16);
    let Some(state) = neuron.states.get(i) else {
        let zero = arena.constant(0.0);
        return Form::Rosenbrock { slope: zero, derivative: zero };
    };
    let (c, name) = (state.coefficient, &state.quantity.name);
    let affine = if arena.depends_on(c, leaf) { None } else { arena.affine_in(state.rhs, leaf) };
    let Some(Affine { slope: alpha, offset: rest }) = affine else {
        let derivative = derivative(arena, neuron, i);
        return Form::Rosenbrock { slope: arena.differentiate(derivative, leaf), derivative };
    };
    let method = Method::Affine { varying: changes_in_step(arena, alpha) || changes_in_step(arena, c) };
    let exponent = exponent(arena, alpha, c, h);
    let (decay, gain, method) = if arena.constant_value(alpha) == Some(0.0) {
        (arena.constant(1.0), arena.divide(h, c), Method::Constant)
    } else {
        (arena.apply(Function::Exp, exponent), gain(arena, alpha, c, h), method)
    };
    // dt alone is no gain.
    if method == Method::Constant && arena.constant_value(c).is_some() {
        return Form::Affine { decay, gain, rest, exponent, method };
    }
    let decay = hoisted.factor(arena, decay, format!("{prefix}decay_{name}"));
    let gain = hoisted.factor(arena, gain, format!("{prefix}gain_{name}"));
    Form::Affine { decay, gain, rest, exponent, method }
}

/// a h = alpha h/c; a slope that changes from step to step is multiplied by h/c, which is known before the first, and without
/// the sign of its terms.
pub(super) fn exponent(arena: &mut Arena, alpha: ExprId, c: ExprId, h: ExprId) -> ExprId {
    if changes_in_step(arena, alpha) {
        let time = arena.divide(h, c);
        if let Some(rate) = arena.without_minus(alpha) {
            let exponent = arena.multiply(rate, time);
            return arena.negate(exponent);
        }
        return arena.multiply(alpha, time);
    }
    let scaled = arena.multiply(alpha, h);
    arena.divide(scaled, c)
}

/// expm1(a h)/alpha while alpha is known not to vanish; otherwise exprel(a h) h/c, the same without a pole.
pub(super) fn gain(arena: &mut Arena, alpha: ExprId, c: ExprId, h: ExprId) -> ExprId {
    let a_h = exponent(arena, alpha, c, h);
    match arena.constant_value(alpha) {
        Some(0.0) => arena.divide(h, c),
        Some(_) => {
            let growth = arena.apply(Function::Expm1, a_h);
            arena.divide(growth, alpha)
        }
        None => {
            let mean_growth = arena.apply(Function::Exprel, a_h);
            let time = arena.divide(h, c);
            arena.multiply(mean_growth, time)
        }
    }
}

impl Form {
    /// The new value, with slope and inputs where `at` puts the states, from the states at the start.
    fn stepped(&self, arena: &mut Arena, i: usize, h: ExprId, at: &BTreeMap<ExprId, ExprId>) -> ExprId {
        let x = arena.leaf(Leaf::State(i as u16));
        match *self {
            Form::Affine { decay, gain, rest, .. } => {
                let [decay, gain, rest] = [decay, gain, rest].map(|e| arena.substitute(e, at));
                let (kept, gained) = (arena.multiply(decay, x), arena.multiply(gain, rest));
                arena.add(kept, gained)
            }
            Form::Rosenbrock { slope, derivative } => {
                let [slope, derivative] = [slope, derivative].map(|e| arena.substitute(e, at));
                // The tangent there, at the state at the start.
                let there = at.get(&x).copied().unwrap_or(x);
                let back = arena.subtract(x, there);
                let correction = arena.multiply(slope, back);
                let flow = arena.add(derivative, correction);
                let a_h = arena.multiply(slope, h);
                let limit = arena.constant(FASTEST);
                let a_h = arena.min(a_h, limit);
                let mean_growth = arena.apply(Function::Exprel, a_h);
                let time = arena.multiply(h, mean_growth);
                let change = arena.multiply(time, flow);
                arena.add(x, change)
            }
        }
    }
}

/// The update of one state, all others at the start of the step.
pub(super) fn euler(arena: &mut Arena, neuron: &Neuron, i: usize, hoisted: &mut Hoisted) -> Update {
    let dt = arena.leaf(Leaf::Dt);
    let form = form(arena, neuron, i, dt, "", hoisted);
    let new = form.stepped(arena, i, dt, &BTreeMap::new());
    let (method, exponent) = match form {
        Form::Affine { method, exponent, .. } => (method, Some(exponent)),
        Form::Rosenbrock { .. } => (Method::Rosenbrock, None),
    };
    let mut update = Update::new(method, new);
    if let (Some(state), Some(exponent)) = (neuron.states.get(i), exponent) {
        noise::add(arena, state, i, &mut update, noise::Rule::Variance, exponent);
    }
    update
}

/// The updates of all states with slopes and inputs at the middle of the step.
pub(super) fn midpoint(
    arena: &mut Arena,
    neuron: &Neuron,
    held: &[usize],
    hoisted: &mut Hoisted,
    names: &mut Vec<(ExprId, String)>,
) -> Vec<Update> {
    let dt = arena.leaf(Leaf::Dt);
    let two = arena.constant(2.0);
    let half = arena.divide(dt, two);
    let mut middle = BTreeMap::new();
    for (i, state) in neuron.states.iter().enumerate().filter(|(i, _)| !held.contains(i)) {
        let form = form(arena, neuron, i, half, "half_", hoisted);
        let x = arena.leaf(Leaf::State(i as u16));
        let new = form.stepped(arena, i, half, &BTreeMap::new());
        names.push((new, format!("{}_half", state.quantity.name)));
        middle.insert(x, new);
    }
    let mut update = |i| {
        if held.contains(&i) {
            return Update::held(arena, i);
        }
        let form = form(arena, neuron, i, dt, "", hoisted);
        Update::new(Method::Midpoint, form.stepped(arena, i, dt, &middle))
    };
    (0..neuron.states.len()).map(&mut update).collect()
}
