//! The forward run of the samples of a block.

mod cells;
mod encode;
mod receive;
mod together;

pub(crate) use cells::Cells;
pub(crate) use together::{NEURONS_PER_THREAD, Together, forward_together};

use super::call::Call;
use super::collect::{any, collect};
use super::dropout::draw;
use super::workspace::Scratch;
use crate::Real;
use crate::graph::Signal;
use crate::loss::{Observable, Trace};
use crate::neuron::Mode;
use crate::random::{Purpose, Stream, normal_numbers};
use crate::spikes::TrainFault;
use cells::Written;
use encode::encode;
use receive::receive;
use std::ops::Range;

/// For so many steps at a time, what comes from inputs is summed before the steps are taken: then the rows of one tile
/// of weights stay in the first-level cache.
pub(crate) const AHEAD: usize = 32;

/// To go through a connection again costs as much as to go through so many bytes of a row of neurons.
const BYTES_PER_CONNECTION: usize = 64;

/// What is counted on the way.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) operations: u64,
    /// The threads that took the steps of a sample together, or 0.
    pub(crate) threads: usize,
    pub(crate) wrong: Option<Wrong>,
}

/// An encoder gave spikes that its input cannot have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrong {
    pub(crate) input: usize,
    pub(crate) sample: usize,
    pub(crate) fault: TrainFault,
}

/// Begins the samples of a block: inputs are encoded, and neurons put into their first states.
pub(crate) fn begin<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, counts: &mut Counts) {
    let (plan, first) = (call.plan, scratch.sent.first);
    for slot in 0..scratch.sent.count {
        encode(call, scratch, slot, &mut counts.wrong);
        if let Some(seed) = call.dropout {
            draw(plan, seed, scratch, slot, first + slot);
        }
        for trains in &mut scratch.sent.trains {
            trains[slot].clear();
        }
    }
    for (population, p) in plan.populations.iter().enumerate() {
        let cells = &mut scratch.cells[population];
        let coefficients = call.weights.coefficients(population, p);
        cells.take_coefficients(p, coefficients);
        cells.refractory.fill(0);
        cells.direct = call.adds_events(p);
        cells.clear_spikes();
        for slot in 0..scratch.sent.count {
            if let Some(before) = call.carry.get(first + slot) {
                before.start(population, cells, slot);
                continue;
            }
            for (state, &c) in p.layout.initial.iter().enumerate() {
                let place = cells.place(state, slot);
                match coefficients.per_neuron {
                    true => cells.states[place].copy_from_slice(&coefficients.values[c * p.n..][..p.n]),
                    false => cells.states[place].fill(coefficients.values[c]),
                }
            }
        }
    }
    for slot in 0..scratch.sent.count {
        for (k, rule) in plan.plastic.iter().enumerate() {
            let states = &mut scratch.plastic[slot * plan.plastic.len() + k];
            match call.carry.get(first + slot) {
                Some(before) => before.start_rule(k, states),
                None => rule.start(call.weights.listed(&plan.projections[rule.projection]), states),
            }
        }
    }
}

/// How steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// For the first time; no tape is written.
    First,
    /// For the first time, with what the adjoints read.
    Taped,
    /// Once more from a checkpoint, for what the adjoints read: what was sent is there.
    Again,
}

/// Takes some steps of a block. `decisions`: per population `[steps, decisions, block sample, n]` in smooth mode, else empty.
pub(crate) fn forward<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    steps: Range<usize>,
    run: Run,
    decisions: &mut [Vec<u8>],
    counts: &mut Counts,
) {
    for t in steps {
        for population in 0..call.plan.populations.len() {
            if run == Run::Again && !scratch.runs_again[population] {
                continue;
            }
            receive(call, scratch, population, t, counts);
            let decisions = decisions.get_mut(population).map_or(&mut [][..], |d| &mut d[..]);
            step(call, scratch, population, t, run, decisions);
            trace(call, scratch, population, t, run);
            if run != Run::Again {
                send(call, scratch, population, t);
            }
        }
        for slot in 0..scratch.sent.count {
            for (k, rule) in call.plan.plastic.iter().enumerate() {
                rule.step(call, scratch, k, slot, t);
            }
        }
    }
}

/// Takes step `t` of a population.
fn step<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    population: usize,
    t: usize,
    run: Run,
    decisions: &mut [u8],
) {
    let p = &call.plan.populations[population];
    let cells = &mut scratch.cells[population];
    let width = cells.width();
    if !cells.noise.is_empty() {
        for slot in 0..scratch.sent.count {
            let stream = Stream::new(call.noise_seed, Purpose::Noise, (scratch.sent.first + slot) as u64);
            normal_numbers(stream, (call.before + t) as u32, p.first_noise, p.n, &mut cells.drawn);
            for row in 0..p.layout.noise {
                let place = cells.place(row, slot);
                cells.noise[place].copy_from_slice(&cells.drawn[row * p.n..][..p.n]);
            }
        }
    }
    let smooth = call.mode != Mode::Spiking;
    let (tape, tape_flags): (&mut [R], &mut [u8]) = if run != Run::First {
        let (reals, flags) = (p.layout.tape_reals * width, if p.layout.tape_flags { width } else { 0 });
        let t = t - scratch.from;
        (&mut scratch.tape[population][t * reals..][..reals], &mut scratch.tape_flags[population][t * flags..][..flags])
    } else {
        (&mut [], &mut [])
    };
    let count = if smooth { p.layout.decisions * width } else { 0 };
    let outputs = match scratch.only_output[population] {
        Some(trace) if is_kept(call, scratch.traced, &call.traces[trace], run) => {
            &mut scratch.traces[trace][(t - scratch.traces_from) * width..][..width]
        }
        _ => &mut [],
    };
    let to = Written {
        outputs,
        spikes: match (p.layout.spikes, smooth) {
            (true, true) => &mut scratch.sent.z[population][t * width..][..width],
            _ => &mut [],
        },
        tape,
        tape_flags,
        // A step that is taken again decides as it did.
        mode: if smooth && run == Run::Again { Mode::SmoothReplay } else { call.mode },
        decisions: if count > 0 { &mut decisions[t * count..][..count] } else { &mut [] },
    };
    cells.step((call.before, t), p, call.weights.coefficients(population, p), to);
}

/// Whether a trace is kept in a run.
fn is_kept<R: Real>(call: &Call<'_, '_, R>, traced: usize, trace: &Trace, run: Run) -> bool {
    // Steps are taken again for the gradients.
    run != Run::Again || (trace.gradient && traced < call.plan.simulation.steps)
}

/// Keeps what losses and records read of step `t` of a population.
fn trace<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, population: usize, t: usize, run: Run) {
    let cells = &mut scratch.cells[population];
    let width = cells.width();
    let at = t - scratch.traces_from;
    let only_output = scratch.only_output[population];
    for (index, (trace, buffer)) in call.traces.iter().zip(&mut scratch.traces).enumerate() {
        let written = only_output == Some(index) || (trace.counted && call.counts_spikes());
        if trace.population != population || written || !is_kept(call, scratch.traced, trace, run) {
            continue;
        }
        let to = &mut buffer[at * width..][..width];
        let from = match trace.observable {
            Observable::State(state) => &cells.states[state * width..][..width],
            Observable::Spikes if call.mode != Mode::Spiking => &scratch.sent.z[population][t * width..][..width],
            Observable::Spikes => {
                cells.fired_as_numbers(to);
                continue;
            }
            Observable::Output(output) => &cells.outputs[output * width..][..width],
        };
        to.copy_from_slice(from);
    }
}

/// Keeps what targets read of step `t` of a population.
fn send<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, population: usize, t: usize) {
    let p = &call.plan.populations[population];
    let smooth = call.mode != Mode::Spiking;
    let cells = &scratch.cells[population];
    let width = cells.width();
    for ((_, signal), buffer) in
        call.plan.signals.iter().zip(&mut scratch.sent.signals).filter(|((p, _), _)| *p == population)
    {
        let from = match *signal {
            Signal::State(state) => &cells.states[state * width..][..width],
            Signal::Output(output) => &cells.outputs[output * width..][..width],
            Signal::Spikes => continue,
        };
        buffer[t * width..][..width].copy_from_slice(from);
    }
    let sent = &mut scratch.sent.dropped[population];
    if smooth && !sent.mask.is_empty() {
        let place = t * width..(t + 1) * width;
        let (to, from) = (&mut sent.z[place.clone()], &scratch.sent.z[population][place]);
        for ((to, &z), &sends) in to.iter_mut().zip(from).zip(&sent.mask) {
            *to = if sends { z } else { R::ZERO };
        }
    }
    let mut senders = 0;
    // Of one sample all flags are looked at once in any case.
    let fires = !smooth && p.layout.spikes && (scratch.sent.count == 1 || any(&cells.fired));
    for (slot, train) in scratch.sent.trains[population].iter_mut().enumerate() {
        if fires {
            collect(&cells.fired[slot * p.n..][..p.n], train);
        }
        train.end_step();
        senders |= u8::from(fires && !train.step(t).is_empty()) << slot;
        if sent.mask.is_empty() {
            continue;
        }
        let mask = &sent.mask[slot * p.n..][..p.n];
        let to = &mut sent.trains[slot];
        train.step(t).iter().filter(|&&i| mask[i as usize]).for_each(|&i| to.push(i));
        to.end_step();
    }
    scratch.sent.senders[population][t] = senders;
}
