//! The forward run of one sample.

use super::BLOCK;
use super::batch::InputData;
use super::call::Call;
use super::collect::collect;
use super::dropout::draw;
use super::plan::PopulationPlan;
use super::sent::Message;
use super::wiring::Wiring;
use super::workspace::Scratch;
use crate::graph::{Signal, Source};
use crate::loss::Observable;
use crate::neuron::{Mode, Step};
use crate::random::{Purpose, Stream, normal_numbers};
use crate::spikes::TrainFault;
use crate::{Real, SpikeTrain};

/// For so many steps at a time, what comes from inputs is summed before the steps are taken: then the rows of one tile
/// of weights stay in the first-level cache.
const AHEAD: usize = 128;

/// If connections to fewer than one of so many neurons were used, going through them again costs less than a copy of the
/// biases.
const FEW: usize = 8;

/// The neurons of one population in the sample at work.
#[derive(Debug, Default)]
pub(crate) struct Cells<R> {
    states: Vec<R>,
    events: Vec<R>,
    drives: Vec<R>,
    noise: Vec<R>,
    refractory: Vec<u32>,
    fired: Vec<u8>,
    /// The same as numbers, where these are read.
    spikes: Vec<R>,
    /// Empty if no trace asks for them.
    outputs: Vec<R>,
    /// Per port what comes from inputs, where inputs come first: `[AHEAD, n]`.
    ahead: Vec<Vec<R>>,
    /// Per port: what arrived in the last step came by few enough listed connections, and can be taken back one by one.
    few: Vec<bool>,
}

impl<R: Real> Cells<R> {
    /// Room for the neurons of a population; `outputs` if a trace asks for the extra results of their steps.
    pub(crate) fn prepare(&mut self, p: &PopulationPlan<R>, outputs: bool) {
        let layout = &p.layout;
        self.states.resize(layout.states.len() * p.n, R::ZERO);
        self.events.resize(layout.events.len() * p.n, R::ZERO);
        self.drives.clear();
        self.drives.resize(layout.drives.len() * p.n, R::ZERO);
        self.noise.resize(layout.noise * p.n, R::ZERO);
        self.refractory.resize(if layout.refractory { p.n } else { 0 }, 0);
        self.fired.resize(if layout.spikes { p.n } else { 0 }, 0);
        self.spikes.resize(if layout.spikes { p.n } else { 0 }, R::ZERO);
        self.few.clear();
        self.few.resize(p.incoming.len(), false);
        self.outputs.resize(if outputs { layout.outputs.len() * p.n } else { 0 }, R::ZERO);
        self.ahead.resize_with(p.prefix.len(), Vec::new);
        for (ahead, &prefix) in self.ahead.iter_mut().zip(&p.prefix) {
            ahead.resize(if prefix > 0 { AHEAD * p.n } else { 0 }, R::ZERO);
        }
    }

    /// The spikes of step `t` as numbers. `[n]`
    pub(crate) fn spikes_of(&mut self, train: &SpikeTrain, t: usize) -> &[R] {
        self.spikes.fill(R::ZERO);
        train.step(t).iter().for_each(|&i| self.spikes[i as usize] = R::ONE);
        &self.spikes
    }

    pub(crate) fn states(&self) -> &[R] {
        &self.states
    }

    pub(crate) fn outputs(&self) -> &[R] {
        &self.outputs
    }

    pub(crate) fn refractory(&self) -> &[u32] {
        &self.refractory
    }

    pub(crate) fn bytes(&self) -> usize {
        let reals = self.states.capacity()
            + self.events.capacity()
            + self.drives.capacity()
            + self.spikes.capacity()
            + self.outputs.capacity()
            + self.noise.capacity();
        let ahead: usize = self.ahead.iter().map(Vec::capacity).sum();
        (reals + ahead) * size_of::<R>() + self.refractory.capacity() * 4 + self.fired.capacity()
    }
}

/// What is counted on the way.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) operations: u64,
    pub(crate) wrong: Option<Wrong>,
}

/// An encoder gave spikes that its input cannot have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrong {
    pub(crate) input: usize,
    pub(crate) sample: usize,
    pub(crate) fault: TrainFault,
}

fn encode<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    slot: usize,
    index: usize,
    wrong: &mut Option<Wrong>,
) {
    let simulation = call.plan.simulation;
    for (input, (data, trains)) in call.batch.inputs.iter().zip(&mut scratch.sent.inputs).enumerate() {
        if let InputData::Values(values) = data {
            let (_, times, channels) = values.dim();
            let length = times * channels;
            let buffer = &mut scratch.sent.values[input];
            buffer.resize(BLOCK * length, R::ZERO);
            values.copy(index, &mut buffer[slot * length..][..length]);
            // No spikes.
            trains[slot].fill_from_events(simulation.steps, &[]);
            continue;
        }
        let InputData::Encoded { values, encoder, seed, samples } = data else { continue };
        let row = values.row(index);
        let row = match row.as_slice() {
            Some(row) => row,
            None => {
                scratch.row.clear();
                scratch.row.extend(row.iter());
                &scratch.row
            }
        };
        let train = &mut trains[slot];
        train.clear();
        encoder.encode(row, simulation.steps, simulation.dt, *seed, samples[index], train);
        // Encoders may come from outside: what they give is not trusted.
        let size = call.plan.inputs[input].size;
        if let Some(fault) = train.fault(simulation.steps, size) {
            wrong.get_or_insert(Wrong { input, sample: index, fault });
            // The rest of the run goes on in silence, and ends with the error.
            train.fill_from_events(simulation.steps, &[]);
        }
    }
}

/// Runs sample `index` of the batch in place `slot` of the block. `decisions`: per population
/// `[block sample, steps, decisions, n]` in smooth mode, else empty.
pub(crate) fn forward<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    slot: usize,
    index: usize,
    decisions: &mut [Vec<u8>],
    counts: &mut Counts,
) {
    encode(call, scratch, slot, index, &mut counts.wrong);
    let steps = call.plan.simulation.steps;
    if let Some(seed) = call.dropout {
        draw(call.plan, seed, scratch, slot, index);
    }
    for (population, p) in call.plan.populations.iter().enumerate() {
        scratch.sent.trains[population][slot].clear();
        let cells = &mut scratch.cells[population];
        if let Some(before) = call.carry.get(index) {
            before.start(population, &mut cells.states, &mut cells.refractory);
            continue;
        }
        cells.refractory.fill(0);
        let coefficients = call.weights.coefficients(population, p);
        for (&c, states) in p.layout.initial.iter().zip(cells.states.chunks_exact_mut(p.n)) {
            if coefficients.per_neuron {
                states.copy_from_slice(&coefficients.values[c * p.n..][..p.n]);
            } else {
                states.fill(coefficients.values[c]);
            }
        }
    }
    for (k, rule) in call.plan.plastic.iter().enumerate() {
        let states = &mut scratch.plastic[k];
        match call.carry.get(index) {
            Some(before) => before.start_rule(k, states),
            None => rule.start(call.weights.listed(&call.plan.projections[rule.projection]), states),
        }
    }
    for t in 0..steps {
        for population in 0..call.plan.populations.len() {
            receive(call, scratch, population, slot, index, t, counts);
            let decisions = decisions.get_mut(population).map_or(&mut [][..], |d| &mut d[..]);
            step(call, scratch, population, (slot, index), t, decisions);
        }
        for (k, rule) in call.plan.plastic.iter().enumerate() {
            rule.step(call, scratch, k, (slot, index), t);
        }
    }
}

/// Sums what arrives at the ports of a population in step `t`.
fn receive<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    population: usize,
    slot: usize,
    index: usize,
    t: usize,
    counts: &mut Counts,
) {
    let p = &call.plan.populations[population];
    let steps = call.plan.simulation.steps;
    let cells = &mut scratch.cells[population];
    let (sent, plastic) = (&scratch.sent, &scratch.plastic);
    for (port, list) in p.incoming.iter().enumerate() {
        let bias = &call.weights.biases[population][port * p.n..][..p.n];
        let (early, late) = list.split_at(p.prefix[port]);
        if !early.is_empty() && t.is_multiple_of(AHEAD) {
            let ahead = &mut cells.ahead[port][..AHEAD.min(steps - t) * p.n];
            ahead.chunks_exact_mut(p.n).for_each(|row| row.copy_from_slice(bias));
            for &j in early {
                let projection = &call.plan.projections[j];
                let Source::Input(input) = projection.source else { continue };
                let train = sent.input(call, input, slot, index);
                let skip = projection.delay.saturating_sub(t).min(AHEAD);
                let first = (t + skip).saturating_sub(projection.delay);
                let lists = (first..train.steps()).map(|t| train.step(t));
                let out = ahead.get_mut(skip * p.n..).unwrap_or_default();
                counts.operations += lists.clone().take(out.len() / p.n).map(|l| l.len() * p.n).sum::<usize>() as u64;
                call.weights.forward[j].add_rows_of_steps(lists, out);
                // What was sent before the window.
                for (t, out) in (t..projection.delay.min(t + AHEAD)).zip(ahead.chunks_exact_mut(p.n)) {
                    if let Some(Message::Spikes(list)) = sent.message(call, projection, (slot, index), t) {
                        counts.operations += (list.len() * p.n) as u64;
                        call.weights.forward[j].add_rows(list, 0, out);
                    }
                }
            }
        }
        let events = p.layout.events.len();
        let arriving = match port.checked_sub(events) {
            None => &mut cells.events[port * p.n..][..p.n],
            Some(drive) => &mut cells.drives[drive * p.n..][..p.n],
        };
        if t > 0 && cells.few[port] {
            for projection in late.iter().map(|&j| &call.plan.projections[j]) {
                if let Some(Message::Spikes(list)) = sent.message(call, projection, (slot, index), t - 1) {
                    let (bias, out) = (&bias[projection.targets.clone()], &mut arriving[projection.targets.clone()]);
                    projection.wiring.restore(list, projection.sources.start, bias, out);
                }
            }
        } else {
            arriving.copy_from_slice(if early.is_empty() {
                bias
            } else {
                &cells.ahead[port][t % AHEAD * p.n..][..p.n]
            });
        }
        let mut touched = if early.is_empty() { 0 } else { p.n };
        for &j in late {
            let projection = &call.plan.projections[j];
            let Some(message) = sent.message(call, projection, (slot, index), t) else { continue };
            let out = &mut arriving[projection.targets.clone()];
            let listed = match projection.plastic {
                Some(rule) => &plastic[rule][..],
                None if matches!(projection.wiring, Wiring::Dense) => &[],
                None => call.weights.listed(projection),
            };
            let first = projection.sources.start;
            match (message, &projection.wiring) {
                (Message::Spikes([]), _) => continue,
                (Message::Spikes(list), Wiring::Dense) => {
                    counts.operations += (list.len() * projection.columns) as u64;
                    call.weights.forward[j].add_rows(list, first, out);
                }
                (Message::Spikes(list), wiring) => {
                    let degree = |&i: &u32| wiring.degree(i as usize - first, projection.columns) as u64;
                    let count = list.iter().map(degree).sum::<u64>();
                    counts.operations += count;
                    touched += count as usize;
                    wiring.add_spikes(list, first, listed, out);
                    continue;
                }
                (Message::Values(x), Wiring::Dense) => call.weights.forward[j].product(1, x, x.len(), out),
                (Message::Values(x), wiring) => wiring.add_values(x, listed, out),
            }
            touched = p.n;
        }
        cells.few[port] = touched < p.n / FEW;
    }
}

/// Takes the step `t` of a population in sample `index` of the batch, and keeps what is needed later.
fn step<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    population: usize,
    (slot, index): (usize, usize),
    t: usize,
    decisions: &mut [u8],
) {
    let p = &call.plan.populations[population];
    let at = slot * call.plan.simulation.steps + t;
    let cells = &mut scratch.cells[population];
    let smooth = call.mode != Mode::Spiking;
    let smooth_spikes = match (p.layout.spikes, smooth) {
        (true, true) => &mut scratch.sent.z[population][at * p.n..][..p.n],
        _ => &mut [],
    };
    let (tape, tape_flags): (&mut [R], &mut [u8]) = if call.tapes() {
        let (reals, flags) = (p.layout.tape_reals * p.n, if p.layout.tape_flags { p.n } else { 0 });
        (
            &mut scratch.tape[population][at * reals..][..reals],
            &mut scratch.tape_flags[population][at * flags..][..flags],
        )
    } else {
        (&mut [], &mut [])
    };
    let count = if smooth { p.layout.decisions * p.n } else { 0 };
    if !cells.noise.is_empty() {
        let stream = Stream::new(call.noise_seed, Purpose::Noise, index as u64);
        normal_numbers(stream, (call.before + t) as u32, p.first_noise, p.n, &mut cells.noise);
    }
    p.neuron.step(Step {
        n: p.n,
        coefficients: call.weights.coefficients(population, p),
        states: &mut cells.states,
        events: &cells.events,
        drives: &cells.drives,
        noise: &cells.noise,
        refractory: &mut cells.refractory,
        refractory_steps: p.refractory_steps,
        fired: &mut cells.fired,
        spikes: smooth_spikes,
        outputs: &mut cells.outputs,
        tape,
        tape_flags,
        mode: call.mode,
        decisions: if count > 0 { &mut decisions[at * count..][..count] } else { &mut [] },
    });
    for (trace, buffer) in call.traces.iter().zip(&mut scratch.traces).filter(|(t, _)| t.population == population) {
        let from = match trace.observable {
            Observable::State(state) => &cells.states[state * p.n..][..p.n],
            Observable::Spikes if smooth => &scratch.sent.z[population][at * p.n..][..p.n],
            Observable::Spikes => as_numbers(&cells.fired, &mut cells.spikes),
            Observable::Output(output) => &cells.outputs[output * p.n..][..p.n],
        };
        buffer[at * p.n..][..p.n].copy_from_slice(from);
    }
    for ((_, signal), buffer) in
        call.plan.signals.iter().zip(&mut scratch.sent.signals).filter(|((p, _), _)| *p == population)
    {
        let from = match *signal {
            Signal::State(state) => &cells.states[state * p.n..][..p.n],
            Signal::Output(output) => &cells.outputs[output * p.n..][..p.n],
            Signal::Spikes => continue,
        };
        buffer[at * p.n..][..p.n].copy_from_slice(from);
    }
    let train = &mut scratch.sent.trains[population][slot];
    if !smooth {
        collect(&cells.fired, train);
    }
    train.end_step();
    let sent = &mut scratch.sent.dropped[population];
    if sent.mask.is_empty() {
        return;
    }
    let mask = &sent.mask[slot * p.n..][..p.n];
    if smooth {
        let (to, from) = (&mut sent.z[at * p.n..][..p.n], &scratch.sent.z[population][at * p.n..][..p.n]);
        for ((to, &z), &sends) in to.iter_mut().zip(from).zip(mask) {
            *to = if sends { z } else { R::ZERO };
        }
    }
    let to = &mut sent.trains[slot];
    train.step(t).iter().filter(|&&i| mask[i as usize]).for_each(|&i| to.push(i));
    to.end_step();
}

/// Zeros and ones as numbers.
fn as_numbers<'a, R: Real>(fired: &[u8], spikes: &'a mut [R]) -> &'a [R] {
    for (spike, &fired) in spikes.iter_mut().zip(fired) {
        *spike = if fired != 0 { R::ONE } else { R::ZERO };
    }
    spikes
}
