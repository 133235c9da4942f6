//! A compact surrogate whose support no threshold ever gets to see.

use super::typical;
use crate::check::scale_bounds;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Leaf, number};
use crate::model::{Neuron, State};

/// A start so many supports away from the threshold is worth a warning.
const FARTHEST: f64 = 100.0;

/// Warns if the distance from the threshold is never, or hardly ever, within the support.
pub(super) fn neuron(neuron: &Neuron, diagnostics: &mut Diagnostics) {
    let Some(spike) = &neuron.spike else { return };
    let Some(support) = spike.surrogate.support else { return };
    let mut arena = neuron.arena.clone();
    let difference = arena.subtract(spike.lhs, spike.rhs);
    let distance = arena.divide(difference, spike.scale);
    let range = scale_bounds(&arena, distance, neuron, &[]);
    let surrogate = &spike.surrogate.text;
    let what = format!("the surrogate `{surrogate}` is 0 beyond a distance of {}", number(support));
    if range.low > support || range.high < -support {
        let message = format!("{what}, and the threshold is always farther away");
        let hint = "no gradient can pass this threshold: take a wider surrogate, or a larger `scale`";
        diagnostics.push(Diagnostic::warning("W0407", spike.span, message).hint(hint));
        return;
    }
    let start = |(i, state): (usize, &State)| (arena.leaf(Leaf::State(i as u16)), state.initial);
    let starts = neuron.states.iter().enumerate().map(start).collect();
    let at_start = arena.substitute(distance, &starts);
    let Some(start) = typical(neuron, &arena, None, at_start, None) else { return };
    if start.abs() > FARTHEST * support {
        let message = format!("{what}, and the neuron starts at a distance of {}", number((start * 1e3).round() / 1e3));
        let hint = "nearly all steps are without gradient: take a wider surrogate, or a larger `scale`";
        diagnostics.push(Diagnostic::warning("W0407", spike.span, message).hint(hint));
    }
}
