//! The reverse of a block of samples: errors of all ports, gradients of coefficients and weights.

use super::call::Call;
use super::filtered_errors;
use super::forward::{Counts, Run, forward};
use super::impulses::Sparse;
use super::packed::{FACTOR, Factor, products};
use super::projection::Carried;
use super::segments::{piece, pieces, segments};
use super::weight_gradient::add_gradients;
use super::wiring::Wiring;
use super::workspace::{Lane, Scratch};
use crate::Real;
use crate::graph::Signal;
use crate::loss::{Observable, Trace, overlaps};
use crate::neuron::{Adjoint, Mode};
use std::ops::Range;

/// So many products are taken together at most.
const FACTORS: usize = 8;

/// Runs the samples of a block backwards.
pub(crate) fn backward<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    lane: &mut Lane<R>,
    decisions: &mut [Vec<u8>],
) {
    let plan = call.plan;
    let steps = plan.simulation.steps;
    scratch.last_live.fill(None);
    for gradient in scratch.state_gradient.iter_mut().chain(&mut scratch.coefficient_gradient) {
        gradient.fill(R::ZERO);
    }
    for (filtered, q) in scratch.filtered.iter_mut().zip(&plan.projections) {
        let has_filter = q.filtered && call.weights.filter(q.target).is_some();
        filtered.begin(if has_filter { q.columns } else { 0 }, call.densest_impulses);
    }
    let in_segments = scratch.traced < steps;
    if !in_segments {
        call.trace_gradients(scratch, 0..steps);
    }
    for (index, segment) in segments(steps, scratch.segment).enumerate().rev() {
        if segment.end < steps {
            scratch.move_errors(plan);
            scratch.restore(index);
            scratch.from = segment.start;
            if in_segments {
                scratch.traces_from = segment.start;
            }
            for population in 0..plan.populations.len() {
                scratch.runs_again[population] = runs_again(call, population, &segment);
            }
            forward(call, scratch, segment.clone(), Run::Again, decisions, &mut Counts::default());
        }
        if in_segments {
            call.trace_gradients(scratch, segment.clone());
        }
        let last_loss: Vec<Option<usize>> =
            (0..plan.populations.len()).map(|p| last_loss_step(call, scratch, p, &segment)).collect();
        for piece in pieces(segment, piece(steps)).rev() {
            for t in piece.clone().rev() {
                step_back_all(call, scratch, &last_loss, t);
            }
            add_gradients(call, scratch, lane, piece);
        }
    }
    let count = scratch.sent.count;
    for (population, p) in plan.populations.iter().enumerate() {
        let gradient = &mut lane.coefficients[population];
        let own = scratch.coefficient_gradient[population].chunks_exact(count * p.n);
        for (samples, gradient) in own.zip(gradient.chunks_exact_mut(p.n)) {
            for from in samples.chunks_exact(p.n) {
                gradient.iter_mut().zip(from).for_each(|(g, &from)| *g += from);
            }
        }
        // States that are carried into the window are given.
        if !call.carry.is_empty() {
            continue;
        }
        for (samples, place) in scratch.state_gradient[population].chunks_exact(count * p.n).zip(&p.initial) {
            let Some(place) = place else { continue };
            for from in samples.chunks_exact(p.n) {
                gradient[place * p.n..][..p.n].iter_mut().zip(from).for_each(|(g, &from)| *g += from);
            }
        }
    }
}

/// Whether the way back reads anything of a population in a segment but what was sent, so that it runs forwards once more.
fn runs_again<R: Real>(call: &Call<'_, '_, R>, population: usize, segment: &Range<usize>) -> bool {
    let layout = &call.plan.populations[population].layout;
    let observed = |trace: &Trace| !trace.counted && overlaps(&trace.observed, segment);
    layout.tape_reals > 0
        || layout.tape_flags
        || call.plan.loss.traces.iter().any(|trace| trace.population == population && observed(trace))
}

/// The reverse of step `t` of all populations that a loss can see from there.
fn step_back_all<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, last_loss: &[Option<usize>], t: usize) {
    let plan = call.plan;
    for population in (0..plan.populations.len()).rev() {
        if scratch.last_live[population].is_none() {
            let mut outgoing = plan.populations[population].outgoing.iter().map(|&j| &plan.projections[j]);
            let reached = outgoing.any(|q| scratch.last_live[q.target].is_some_and(|last| t + q.delay <= last));
            // Nothing that comes later in time reaches a loss from here: all gradients are zero, and stay so.
            if !reached && last_loss[population].is_none_or(|last| t > last) {
                continue;
            }
            scratch.last_live[population] = Some(t);
        }
        step_back(call, scratch, population, t);
    }
}

/// The last step of a segment in which a loss depends directly on a population; of no interest once a later one is known.
fn last_loss_step<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &Scratch<R>,
    population: usize,
    segment: &Range<usize>,
) -> Option<usize> {
    if scratch.last_live[population].is_some() {
        return None;
    }
    let traces = call.plan.loss.traces.iter().zip(&scratch.trace_gradients);
    let own = traces.filter(|(trace, _)| trace.population == population && trace.gradient);
    own.filter_map(|(trace, gradient)| {
        let width = scratch.sent.count * trace.n;
        let at = |t: usize| (t - scratch.traces_from) * width;
        let rows = &gradient[at(segment.start)..at(segment.end)];
        rows.iter().rposition(|&g| g != R::ZERO).map(|last| segment.start + last / width)
    })
    .max()
}

/// The reverse of step `t` of a population.
fn step_back<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, population: usize, t: usize) {
    let plan = call.plan;
    let p = &plan.populations[population];
    let layout = &p.layout;
    let (n, count) = (p.n, scratch.sent.count);
    let width = n * count;
    let (ports, states) = (p.incoming.len() * width, layout.states.len() * width);
    let at = t - scratch.from;

    let mut spike_gradient = Sums { values: &mut scratch.spike_gradient[..width], fresh: true };
    // The gradient of a single output is read where it is.
    let only_output = scratch.only_output[population].filter(|&k| plan.loss.traces.get(k).is_some_and(|t| t.gradient));
    let output_gradient = &mut scratch.output_gradient[..layout.outputs.len() * width];
    if only_output.is_none() {
        output_gradient.fill(R::ZERO);
    }
    for (index, (trace, gradient)) in plan.loss.traces.iter().zip(&scratch.trace_gradients).enumerate() {
        if trace.population != population || !trace.gradient || only_output == Some(index) {
            continue;
        }
        let from = &gradient[(t - scratch.traces_from) * width..][..width];
        match trace.observable {
            Observable::Spikes => spike_gradient.set(from),
            Observable::Output(output) => output_gradient[output * width..][..width].copy_from_slice(from),
            Observable::State(state) => {
                let to = &mut scratch.state_gradient[population][state * width..][..width];
                to.iter_mut().zip(from).for_each(|(to, &g)| *to += g);
            }
        }
    }
    // What comes back from the targets reaches only neurons that sent something; what observes the spikes sees all of them.
    let dropped = !scratch.sent.dropped[population].mask.is_empty();
    let mut sent_gradient = Sums { values: &mut scratch.sent_gradient[..width], fresh: true };
    let sums = if dropped { &mut sent_gradient } else { &mut spike_gradient };
    // Products that come one after the other are taken together.
    let mut factors = [Factor { packed: &call.weights.empty, a: &[], a_stride: 0 }; FACTORS];
    let mut taken = 0;
    for &j in &p.outgoing {
        let projection = &plan.projections[j];
        if scratch.last_live[projection.target].is_none_or(|last| t + projection.delay > last) {
            continue;
        }
        let target = &plan.populations[projection.target];
        let row = (at + projection.delay) * target.incoming.len() + projection.port;
        let errors = &scratch.errors[projection.target][row * count * target.n + projection.targets.start..];
        let (rows, sources) = (projection.rows, projection.sources.clone());
        if scratch.filtered[j].is_on()
            && let Some(constants) = call.weights.filter(projection.target)
        {
            let kept = scratch.impulses[projection.target].len() / (count * target.n);
            let row = (t + projection.delay) % kept * count * target.n;
            let numbers = &scratch.impulses[projection.target][row + projection.targets.start..];
            let impulses = Sparse { numbers, stride: target.n, rows: projection.columns, samples: count };
            let (weights, port) = (&call.weights.backward[j], projection.port);
            let step = filtered_errors::Step { constants, port, weights, impulses };
            let filtered = &mut scratch.filtered[j];
            let (list, part) = (&mut scratch.list, &mut scratch.part[..count * rows]);
            if filtered.takes(&step, call.densest_impulses, list) {
                sums.add_products(&factors[..taken], count);
                taken = 0;
                filtered.step(&step, list, part, std::mem::take(&mut sums.fresh), sums.values);
                continue;
            }
        }
        // Spikes of all neurons are the usual case; their errors need no detour.
        if projection.carried == Carried::Spikes && rows == n && matches!(projection.wiring, Wiring::Dense) {
            if taken == FACTORS {
                sums.add_products(&factors, count);
                taken = 0;
            }
            factors[taken] = Factor { packed: &call.weights.backward[j], a: errors, a_stride: target.n };
            taken += 1;
            continue;
        }
        sums.add_products(&factors[..taken], count);
        taken = 0;
        let part = &mut scratch.part[..count * rows];
        part.fill(R::ZERO);
        match &projection.wiring {
            Wiring::Dense => call.weights.backward[j].product(count, errors, target.n, part),
            wiring => {
                for (slot, part) in part.chunks_exact_mut(rows).enumerate() {
                    let errors = &errors[slot * target.n..][..projection.columns];
                    wiring.add_errors(errors, call.weights.listed(projection), part);
                }
            }
        }
        let signal = match projection.carried {
            Carried::Signal(signal) => plan.signals[signal].1,
            Carried::Spikes | Carried::Values => Signal::Spikes,
        };
        let to = match signal {
            Signal::Spikes => sums.values(),
            Signal::State(state) => &mut scratch.state_gradient[population][state * width..][..width],
            Signal::Output(output) => &mut output_gradient[output * width..][..width],
        };
        for (to, part) in to.chunks_exact_mut(n).zip(part.chunks_exact(rows)) {
            to[sources.clone()].iter_mut().zip(part).for_each(|(to, &g)| *to += g);
        }
    }
    sums.add_products(&factors[..taken], count);
    let spike_gradient = spike_gradient.values();
    if dropped {
        let mask = &scratch.sent.dropped[population].mask;
        let sums = spike_gradient.iter_mut().zip(sent_gradient.values().iter()).zip(mask);
        sums.filter(|(_, sends)| **sends).for_each(|((gradient, &sum), _)| *gradient += sum);
    }

    let (reals, flags) = (layout.tape_reals * width, if layout.tape_flags { width } else { 0 });
    let cells = &mut scratch.cells[population];
    if layout.adjoint_reads_spikes && call.mode == Mode::Spiking {
        cells.set_spikes(&scratch.sent.trains[population], &scratch.sent.senders[population], t);
    }
    let errors = &mut scratch.errors[population][at * ports..][..ports];
    let (event_gradient, drive_gradient) = errors.split_at_mut(layout.events.len() * width);
    p.neuron.adjoint(Adjoint {
        n: width,
        coefficients: cells.coefficients(call.weights, population, p),
        tape: &scratch.tape[population][at * reals..][..reals],
        tape_flags: &scratch.tape_flags[population][at * flags..][..flags],
        spikes: match (layout.adjoint_reads_spikes, call.mode) {
            (false, _) => &[],
            (true, Mode::Spiking) => cells.spikes(),
            (true, _) => &scratch.sent.z[population][t * width..][..width],
        },
        state_gradient: &mut scratch.state_gradient[population][..states],
        spike_gradient: if layout.spikes { spike_gradient } else { &[] },
        output_gradient: match only_output {
            Some(trace) => &scratch.trace_gradients[trace][(t - scratch.traces_from) * width..][..width],
            None => output_gradient,
        },
        event_gradient,
        drive_gradient: match drive_gradient {
            [] => &mut scratch.drive_gradient[..layout.drives.len() * width],
            wanted => wanted,
        },
        impulse: match scratch.impulses[population].len() / width {
            0 => &mut [],
            _ if !p.incoming.iter().flatten().any(|&j| scratch.filtered[j].is_on()) => &mut [],
            kept => &mut scratch.impulses[population][t % kept * width..][..width],
        },
        coefficient_gradient: &mut scratch.coefficient_gradient[population],
    });
}

/// Sums that begin with the first that is written to them.
struct Sums<'a, R> {
    values: &'a mut [R],
    /// Nothing has been written yet: they stand for 0, whatever lies there.
    fresh: bool,
}

impl<R: Real> Sums<'_, R> {
    fn set(&mut self, to: &[R]) {
        self.values.copy_from_slice(to);
        self.fresh = false;
    }

    fn add_products(&mut self, factors: &[Factor<'_, R, FACTOR>], count: usize) {
        if !factors.is_empty() {
            products(factors, count, self.fresh, self.values);
            self.fresh = false;
        }
    }

    fn values(&mut self) -> &mut [R] {
        if std::mem::take(&mut self.fresh) {
            self.values.fill(R::ZERO);
        }
        self.values
    }
}
