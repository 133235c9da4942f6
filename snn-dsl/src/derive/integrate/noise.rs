//! White noise: `c dx/dt = f + g xi`, in the sense of Itô, with a normal number N of its own for each state, neuron and
//! step.
//!
//! Euler–Maruyama adds g/c sqrt(dt) N, with g at the start of the step. Where x alone relaxes with the rate a, the variance
//! over the step is that of the Ornstein–Uhlenbeck process, dt phi1(2 a dt), and the update is exact in distribution if g is
//! constant (Gillespie, Physical Review E 54 (1996), 2084).

use super::exponential::exponent;
use super::{Method, Update};
use crate::expr::{Arena, ExprId, Function, Leaf};
use crate::model::{Neuron, State};

/// Adds the noise of every state whose method does not have it yet.
pub(super) fn euler_maruyama(arena: &mut Arena, neuron: &Neuron, updates: &mut [Update]) {
    for (i, (state, update)) in neuron.states.iter().zip(updates).enumerate() {
        let Some(g) = state.noise else { continue };
        if matches!(update.method, Method::Exact { .. } | Method::Held) {
            continue;
        }
        let exponent = match update.method {
            Method::Affine { .. } => own_exponent(arena, state, i),
            _ => arena.constant(0.0),
        };
        let deviation = deviation(arena, exponent);
        let jump = scaled(arena, state, i, g, deviation);
        update.new = arena.add(update.new, jump);
    }
}

/// a dt of `dx/dt = a x + ...`
fn own_exponent(arena: &mut Arena, state: &State, i: usize) -> ExprId {
    let dt = arena.leaf(Leaf::Dt);
    match arena.affine_in(state.rhs, Leaf::State(i as u16)) {
        Some(form) => exponent(arena, form.slope, state.coefficient, dt),
        None => arena.constant(0.0),
    }
}

/// The standard deviation that unit white noise leaves after a step of relaxation with a rate a, given a dt:
/// sqrt(dt phi1(2 a dt)).
pub(super) fn deviation(arena: &mut Arena, exponent: ExprId) -> ExprId {
    let dt = arena.leaf(Leaf::Dt);
    let two = arena.constant(2.0);
    let twice = arena.multiply(two, exponent);
    let growth = arena.apply(Function::Exprel, twice);
    let variance = arena.multiply(dt, growth);
    arena.apply(Function::Sqrt, variance)
}

/// g/c factor N
pub(super) fn scaled(arena: &mut Arena, state: &State, i: usize, g: ExprId, factor: ExprId) -> ExprId {
    let amplitude = arena.divide(factor, state.coefficient);
    let amplitude = arena.multiply(g, amplitude);
    let normal = arena.leaf(Leaf::Noise(i as u16));
    arena.multiply(amplitude, normal)
}
