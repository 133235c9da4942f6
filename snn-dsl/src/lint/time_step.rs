//! A time step that is long against a time constant.

use super::typical;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Arena, ExprId, Leaf, number};
use crate::model::{Model, Network, Neuron, State};
use std::collections::BTreeMap;

/// A step longer than this part of a time constant is worth a warning.
const LONGEST: f64 = 0.5;

/// Warns of the shortest time constant of a network.
pub(super) fn network(model: &Model, network: &Network, diagnostics: &mut Diagnostics) {
    let mut shortest: Option<(f64, String)> = None;
    // Layers of one model share the form of their equations.
    let mut rates: BTreeMap<usize, (Arena, Vec<ExprId>)> = BTreeMap::new();
    for layer in &network.layers {
        let Some(neuron) = model.neurons.get(layer.neuron) else { continue };
        let (arena, rates) = rates.entry(layer.neuron).or_insert_with(|| self::rates(neuron));
        for (state, &rate) in neuron.states.iter().zip(&*rates) {
            let Some(rate) = typical(neuron, arena, Some(layer), rate, Some(network.dt)) else { continue };
            let tau = -1.0 / rate;
            if rate < 0.0 && network.dt > LONGEST * tau && shortest.as_ref().is_none_or(|s| tau < s.0) {
                shortest = Some((tau, format!("`{}` in layer `{}`", state.quantity.name, layer.name)));
            }
        }
    }
    let Some((tau, state)) = shortest else { return };
    let (dt, tau_text) = (number(network.dt), number((tau * 1e6).round() / 1e6));
    let message = format!("the time step of {dt} ms is long against the time constant of {tau_text} ms of {state}");
    let hint = format!(
        "inputs are held constant during a step, which blurs what is faster: take dt = {} ms or less",
        number((tau * 0.1 * 1e6).round() / 1e6)
    );
    diagnostics.push(Diagnostic::warning("W0406", network.dt_span, message).hint(hint));
}

/// What multiplies each state in its own derivative; 0 where that depends on dt itself: such a state is meant to be as fast.
fn rates(neuron: &Neuron) -> (Arena, Vec<ExprId>) {
    let mut arena = neuron.arena.clone();
    let mut rate = |(index, state): (usize, &State)| match arena.affine_in(state.rhs, Leaf::State(index as u16)) {
        Some(form) => {
            let rate = arena.divide(form.slope, state.coefficient);
            if arena.depends_on(rate, Leaf::Dt) { arena.constant(0.0) } else { rate }
        }
        None => arena.constant(0.0),
    };
    let rates = neuron.states.iter().enumerate().map(&mut rate).collect();
    (arena, rates)
}
