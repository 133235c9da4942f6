//! The reverse of a block of samples: errors of all ports, gradients of coefficients.

use super::call::Call;
use super::projection::Carried;
use super::wiring::Wiring;
use super::workspace::{Lane, Scratch};
use crate::Real;
use crate::graph::Signal;
use crate::loss::Observable;
use crate::neuron::{Adjoint, Mode};
use crate::simd::prefetch;

/// How many steps ahead, towards the beginning, the tape is fetched: the samples of a block are more streams than a processor
/// foresees.
const FETCH: usize = 4;

/// The bytes of tape of a block from which on it is fetched ahead; a smaller one lies in the second-level cache.
const LARGE: usize = 2 << 20;

/// Runs the `count` samples of a block backwards.
pub(crate) fn backward<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, lane: &mut Lane<R>, count: usize) {
    let plan = call.plan;
    let steps = plan.simulation.steps;
    let last_loss: Vec<Option<usize>> =
        (0..plan.populations.len()).map(|p| last_loss_step(call, scratch, p, count)).collect();
    scratch.last_live.fill(None);
    scratch.state_gradient.iter_mut().for_each(|g| g.fill(R::ZERO));
    for t in (0..steps).rev() {
        for population in (0..plan.populations.len()).rev() {
            let outgoing = plan.populations[population].outgoing.iter().map(|&j| &plan.projections[j]);
            let reached = outgoing.clone().any(|q| scratch.last_live[q.target].is_some_and(|last| t + q.delay <= last));
            if scratch.last_live[population].is_none() {
                // Nothing that comes later in time reaches a loss from here: all gradients are zero, and stay so.
                if !reached && last_loss[population].is_none_or(|last| t > last) {
                    continue;
                }
                scratch.last_live[population] = Some(t);
            }
            step_back(call, scratch, lane, population, t, count);
        }
    }
    // States that are carried into the window are given.
    let begins = if call.carry.is_empty() { plan.populations.len() } else { 0 };
    for (population, p) in plan.populations.iter().enumerate().take(begins) {
        let gradient = &mut lane.coefficients[population];
        for sample in scratch.state_gradient[population].chunks_exact(p.layout.states.len().max(1) * p.n).take(count) {
            for (from, place) in sample.chunks_exact(p.n).zip(&p.initial) {
                if let Some(place) = place {
                    gradient[place * p.n..][..p.n].iter_mut().zip(from).for_each(|(g, &from)| *g += from);
                }
            }
        }
    }
}

/// The last step of the block in which a loss depends directly on a population.
fn last_loss_step<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &Scratch<R>,
    population: usize,
    count: usize,
) -> Option<usize> {
    let steps = call.plan.simulation.steps;
    let traces = call.plan.loss.traces.iter().zip(&scratch.trace_gradients);
    let own = traces.filter(|(trace, _)| trace.population == population && trace.gradient);
    own.filter_map(|(trace, gradient)| {
        let samples = gradient.chunks_exact(steps * trace.n).take(count);
        samples.filter_map(|g| g.iter().rposition(|&g| g != R::ZERO)).map(|last| last / trace.n).max()
    })
    .max()
}

/// The reverse of step `t` of a population.
fn step_back<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    lane: &mut Lane<R>,
    population: usize,
    t: usize,
    count: usize,
) {
    let plan = call.plan;
    let steps = plan.simulation.steps;
    let p = &plan.populations[population];
    let layout = &p.layout;
    let (n, ports, states) = (p.n, p.incoming.len() * p.n, layout.states.len() * p.n);
    let outputs = layout.outputs.len() * n;

    let large = std::mem::size_of_val(&scratch.tape[population][..]) > LARGE;
    let spike_gradient = &mut scratch.spike_gradient[..count * n];
    spike_gradient.fill(R::ZERO);
    let output_gradient = &mut scratch.output_gradient[..count * outputs];
    output_gradient.fill(R::ZERO);
    for (trace, gradient) in plan.loss.traces.iter().zip(&scratch.trace_gradients) {
        if trace.population != population || !trace.gradient {
            continue;
        }
        let from = |slot: usize| &gradient[(slot * steps + t) * n..][..n];
        if large && t >= FETCH {
            (0..count).for_each(|slot| prefetch(&gradient[(slot * steps + t - FETCH) * n..][..n]));
        }
        match trace.observable {
            Observable::Spikes => {
                spike_gradient.chunks_exact_mut(n).enumerate().for_each(|(slot, to)| to.copy_from_slice(from(slot)));
            }
            Observable::Output(output) => {
                for (slot, to) in output_gradient.chunks_exact_mut(outputs).enumerate() {
                    to[output * n..][..n].copy_from_slice(from(slot));
                }
            }
            Observable::State(state) => {
                let samples = scratch.state_gradient[population].chunks_exact_mut(states).take(count);
                for (slot, to) in samples.enumerate() {
                    to[state * n..][..n].iter_mut().zip(from(slot)).for_each(|(to, &g)| *to += g);
                }
            }
        }
    }
    // What comes back from the targets reaches only neurons that sent something; what observes the spikes sees all of them.
    let dropped = !scratch.sent.dropped[population].mask.is_empty();
    let sums = if dropped { &mut scratch.sent_gradient[..count * n] } else { &mut *spike_gradient };
    if dropped {
        sums.fill(R::ZERO);
    }
    for &j in &p.outgoing {
        let projection = &plan.projections[j];
        let arrival = t + projection.delay;
        if scratch.last_live[projection.target].is_none_or(|last| arrival > last) {
            continue;
        }
        let target = &plan.populations[projection.target];
        let stride = target.incoming.len() * target.n;
        let first = projection.port * target.n + projection.targets.start;
        let errors = &scratch.errors[projection.target][arrival * stride + first..];
        let (rows, sources) = (projection.rows, projection.sources.clone());
        // Spikes of all neurons are the usual case; their errors need no detour.
        if projection.carried == Carried::Spikes && rows == n && matches!(projection.wiring, Wiring::Dense) {
            call.weights.backward[j].product(count, errors, steps * stride, sums);
            continue;
        }
        let part = &mut scratch.part[..count * rows];
        part.fill(R::ZERO);
        match &projection.wiring {
            Wiring::Dense => call.weights.backward[j].product(count, errors, steps * stride, part),
            wiring => {
                for (slot, part) in part.chunks_exact_mut(rows).enumerate() {
                    let errors = &errors[slot * steps * stride..][..projection.columns];
                    wiring.add_errors(errors, call.weights.listed(projection), part);
                }
            }
        }
        let signal = match projection.carried {
            Carried::Signal(signal) => plan.signals[signal].1,
            Carried::Spikes | Carried::Values => Signal::Spikes,
        };
        for (slot, part) in part.chunks_exact(rows).enumerate() {
            let to = match signal {
                Signal::Spikes => &mut sums[slot * n..][..n],
                Signal::State(state) => &mut scratch.state_gradient[population][slot * states + state * n..][..n],
                Signal::Output(output) => &mut output_gradient[slot * outputs + output * n..][..n],
            };
            to[sources.clone()].iter_mut().zip(part).for_each(|(to, &g)| *to += g);
        }
    }
    if dropped {
        let mask = &scratch.sent.dropped[population].mask;
        let sums = spike_gradient.iter_mut().zip(&scratch.sent_gradient).zip(mask);
        sums.filter(|(_, sends)| **sends).for_each(|((gradient, &sum), _)| *gradient += sum);
    }

    for slot in 0..count {
        let at = slot * steps + t;
        if large && t >= FETCH {
            let (at, reals) = (at - FETCH, layout.tape_reals * n);
            prefetch(&scratch.tape[population][at * reals..][..reals]);
            prefetch(&scratch.errors[population][at * ports..][..ports]);
        }
        let (reals, flags) = (layout.tape_reals * n, if layout.tape_flags { n } else { 0 });
        let spikes: &[R] = if !layout.adjoint_reads_spikes {
            &[]
        } else if call.mode != Mode::Spiking {
            &scratch.sent.z[population][at * n..][..n]
        } else {
            scratch.cells[population].spikes_of(&scratch.sent.trains[population][slot], t)
        };
        let errors = &mut scratch.errors[population][at * ports..][..ports];
        let (event_gradient, drive_gradient) = errors.split_at_mut(layout.events.len() * n);
        p.neuron.adjoint(Adjoint {
            n,
            coefficients: call.weights.coefficients(population, p),
            tape: &scratch.tape[population][at * reals..][..reals],
            tape_flags: &scratch.tape_flags[population][at * flags..][..flags],
            spikes,
            state_gradient: &mut scratch.state_gradient[population][slot * states..][..states],
            spike_gradient: if layout.spikes { &spike_gradient[slot * n..][..n] } else { &[] },
            output_gradient: &output_gradient[slot * outputs..][..outputs],
            event_gradient,
            drive_gradient: match drive_gradient {
                [] => &mut scratch.drive_gradient[..layout.drives.len() * n],
                wanted => wanted,
            },
            coefficient_gradient: &mut lane.coefficients[population],
        });
    }
}
