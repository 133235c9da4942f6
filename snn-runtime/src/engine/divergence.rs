//! Where a run left the finite numbers: the sample is run again with all states recorded.

use super::batch::Batch;
use super::call::{Call, Pass};
use super::carry::Carry;
use super::error::Error;
use super::forward::{Counts, Run, begin, forward};
use super::plan::Plan;
use super::workspace::{Scratch, Shape, Workspace};
use crate::Real;
use crate::loss::{Observable, Trace};
use crate::neuron::Mode;

/// The error for a loss that is not finite. `losses`: `[samples, terms]`. A run in smooth mode cannot be repeated: its states
/// are others than those with spikes.
pub(crate) fn locate<R: Real>(
    plan: &Plan<R>,
    batch: &Batch<'_, R>,
    workspace: &Workspace<R>,
    carry: Option<&Carry<R>>,
    dropout: Option<u64>,
    losses: &[f64],
    mode: Mode,
) -> Error {
    let terms = plan.loss.losses.len().max(1);
    let place = losses.iter().position(|loss| !loss.is_finite()).unwrap_or(0);
    let (sample, term) = (place / terms, place % terms);
    if mode == Mode::Spiking
        && let Some((_, error)) = state(plan, batch, workspace, carry, dropout, sample)
    {
        return error;
    }
    let value = losses.get(place).map_or_else(String::new, f64::to_string);
    Error::LossNotFinite { sample, term, value }
}

/// The error for a gradient that is not finite although the loss is, or for the end of a window that is not: the first state of
/// the batch that is not. `None` if all are finite, and the backward pass overflowed. `dropout`: the seed that the run had.
pub(crate) fn locate_state<R: Real>(
    plan: &Plan<R>,
    batch: &Batch<'_, R>,
    workspace: &Workspace<R>,
    carry: Option<&Carry<R>>,
    dropout: Option<u64>,
) -> Option<Error> {
    let found = (0..batch.size).filter_map(|sample| state(plan, batch, workspace, carry, dropout, sample));
    found.min_by_key(|(step, _)| *step).map(|(_, error)| error)
}

/// The first state of a sample that is not finite, with its step.
fn state<R: Real>(
    plan: &Plan<R>,
    batch: &Batch<'_, R>,
    workspace: &Workspace<R>,
    carry: Option<&Carry<R>>,
    dropout: Option<u64>,
    sample: usize,
) -> Option<(usize, Error)> {
    // Those of the program come first, as in every call.
    let mut traces = plan.loss.traces.clone();
    for (population, p) in plan.populations.iter().enumerate() {
        let states = (0..p.layout.states.len()).map(Observable::State);
        traces.extend(states.map(|observable| Trace::new(population, observable, p.n)));
    }
    let mut scratch = Scratch::default();
    scratch.prepare(
        plan,
        Shape {
            mode: Mode::Spiking,
            gradient: false,
            traces: &traces,
            trains: 0,
            dropout: dropout.is_some(),
            tape_bytes: 0,
        },
        1,
    );
    let call = Call {
        plan,
        weights: &workspace.weights,
        batch,
        targets: &[],
        traces: &traces,
        trains: &[],
        mode: Mode::Spiking,
        carry: carry.map_or(&[], |c| &c.samples),
        carries: false,
        before: carry.map_or(0, |c| c.steps),
        noise_seed: workspace.noise_seed,
        dropout,
        gradient: false,
        pass: Pass::Only,
        keeps: false,
        densest_impulses: 0.0,
        neurons_per_thread: usize::MAX,
    };
    let mut counts = Counts::default();
    scratch.sent.first = sample;
    begin(&call, &mut scratch, &mut counts);
    forward(&call, &mut scratch, 0..plan.simulation.steps, Run::First, &mut [], &mut counts);
    for step in 0..plan.simulation.steps {
        for (trace, values) in traces.iter().zip(&scratch.traces).skip(plan.loss.traces.len()) {
            let values = &values[step * trace.n..][..trace.n];
            if let Some(neuron) = values.iter().position(|x| !x.is_finite()) {
                let p = &plan.populations[trace.population];
                let Observable::State(state) = trace.observable else { continue };
                let error = Error::Diverged {
                    population: p.name.clone(),
                    state: p.layout.states[state].name.clone(),
                    neuron,
                    sample,
                    step: call.before + step,
                    value: values[neuron].to_string(),
                };
                return Some((step, error));
            }
        }
    }
    None
}
