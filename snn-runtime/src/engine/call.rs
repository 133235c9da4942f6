//! One call: its constants, and what a lane does with each of its blocks.

use super::BLOCK;
use super::backward::backward;
use super::batch::{Batch, InputData};
use super::carry::Sample;
use super::forward::{Counts, Run, begin, forward, forward_together};
use super::plan::{Plan, PopulationPlan};
use super::segments::segments;
use super::sent::Sent;
use super::weights::Weights;
use super::workspace::{Decisions, Lane, Scratch};
use crate::aligned::Aligned;
use crate::graph::Source;
use crate::loss::{Block, Targets, Trace, Wanted};
use crate::neuron::Mode;
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// What a pass over the blocks does. Losses that read means over the samples need two passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Forwards and, with a gradient, through the losses and backwards.
    Only,
    /// Forwards; what the losses need of each sample is kept.
    First,
    /// Forwards again if need be, and backwards from what was kept.
    Second,
}

/// Forgets spikes that are read no more.
pub(crate) fn forget(trains: &mut [Vec<SpikeTrain>], last_steps: impl Iterator<Item = Option<usize>>) {
    for (trains, last) in trains.iter_mut().zip(last_steps) {
        if let Some(last) = last {
            trains.iter_mut().for_each(|train| train.keep_last(last));
        }
    }
}

/// What all lanes of a call read.
pub(crate) struct Call<'a, 'b, R> {
    pub(crate) plan: &'a Plan<R>,
    pub(crate) weights: &'a Weights<R>,
    pub(crate) batch: &'a Batch<'b, R>,
    pub(crate) targets: &'a [Targets<'a, R>],
    /// The traces of the program, then those recorded.
    pub(crate) traces: &'a [Trace],
    /// The populations whose trains are recorded.
    pub(crate) trains: &'a [usize],
    pub(crate) mode: Mode,
    /// The states that the samples begin with; empty: the initial ones.
    pub(crate) carry: &'a [Sample<R>],
    /// The states at the end are wanted.
    pub(crate) carries: bool,
    /// The steps before the window.
    pub(crate) before: usize,
    pub(crate) noise_seed: u64,
    /// The seed of dropout, in a run for training.
    pub(crate) dropout: Option<u64>,
    pub(crate) gradient: bool,
    pub(crate) pass: Pass,
    /// The first pass leaves in memory all that the second needs of each block, which then runs backwards alone.
    pub(crate) keeps: bool,
    /// See [`super::Workspace::set_densest_impulses`].
    pub(crate) densest_impulses: f64,
    /// See [`super::Workspace::set_neurons_per_thread`].
    pub(crate) neurons_per_thread: usize,
}

impl<R: Real> Call<'_, '_, R> {
    /// What the adjoints read is written down.
    pub(crate) fn tapes(&self) -> bool {
        self.gradient || self.keeps
    }

    /// What arrives at the events of a population is added to its states: all others need not look whether something did.
    pub(crate) fn adds_events(&self, p: &PopulationPlan<R>) -> bool {
        p.direct && self.mode == Mode::Spiking && !self.tapes()
    }

    /// Per population how many of its last steps a run without a gradient reads, if it does not hand over all of them.
    pub(crate) fn last_steps(&self) -> impl Iterator<Item = Option<usize>> {
        (0..self.plan.populations.len()).map(|population| {
            let forgets = !self.tapes() && self.mode == Mode::Spiking && !self.trains.contains(&population);
            forgets.then(|| self.plan.longest_delay(|p| p.source == Source::Population(population)) + 1)
        })
    }

    /// Spikes of which losses and readouts want nothing but their number have no trace. Runs without a tape forget them too early for
    /// that, and smooth ones have numbers instead.
    pub(crate) fn counts_spikes(&self) -> bool {
        self.tapes() && self.mode == Mode::Spiking
    }

    /// Rows of a gradient are written to by their spikes alone.
    pub(crate) fn begins_by_rows(&self) -> bool {
        self.mode == Mode::Spiking && self.carry.is_empty()
    }

    /// The blocks run forwards.
    pub(crate) fn runs(&self) -> bool {
        !(self.keeps && self.pass == Pass::Second)
    }

    /// Runs block `block` of the batch, which is the `local`-th of its lane.
    pub(crate) fn block(&self, scratch: &mut Scratch<R>, lane: &mut Lane<R>, block: usize, local: usize) {
        scratch.sent.first = block * BLOCK;
        let mut decisions = match lane.decisions.get_mut(local) {
            Some(decisions) if self.mode != Mode::Spiking => std::mem::take(decisions),
            _ => Decisions::default(),
        };
        if let Some(kept) = lane.kept.get_mut(local).filter(|_| self.pass == Pass::First) {
            kept.prepare(&self.plan.loss, scratch.traced, scratch.sent.count);
        }
        self.exchange(scratch, lane, &mut decisions, local);
        if self.runs() {
            let mut counts = Counts::default();
            self.run(scratch, &mut decisions.populations, &mut counts);
            if self.pass != Pass::Second {
                lane.operations += counts.operations;
                lane.threads = lane.threads.max(counts.threads);
                lane.wrong = lane.wrong.or(counts.wrong);
            }
        }
        if self.pass != Pass::Second {
            self.record(scratch, lane);
        }
        if self.gradient {
            if self.pass == Pass::Only {
                let block = loss_block(self, &scratch.traces, &scratch.sent, scratch.traced, 0..0);
                self.plan.loss.seed(self.scale(), &block, &mut scratch.loss);
            }
            backward(self, scratch, lane, &mut decisions.populations);
        }
        self.exchange(scratch, lane, &mut decisions, local);
        if self.mode != Mode::Spiking
            && let Some(place) = lane.decisions.get_mut(local)
        {
            *place = decisions;
        }
    }

    /// Puts what is kept of the losses of this block in place of what lies in the scratch memory, or back.
    fn exchange(&self, scratch: &mut Scratch<R>, lane: &mut Lane<R>, decisions: &mut Decisions, local: usize) {
        match lane.kept.get_mut(local) {
            Some(kept) if self.pass != Pass::Only => {
                kept.swap(&mut scratch.loss);
                std::mem::swap(&mut kept.positions, &mut scratch.positions);
            }
            _ if self.mode != Mode::Spiking => std::mem::swap(&mut decisions.positions, &mut scratch.positions),
            _ => {}
        }
    }

    /// Runs a block forwards, and computes what its losses and readouts need.
    fn run(&self, scratch: &mut Scratch<R>, decisions: &mut [Vec<u8>], counts: &mut Counts) {
        let steps = self.plan.simulation.steps;
        let in_segments = scratch.traced < steps;
        begin(self, scratch, counts);
        let done = forward_together(self, scratch, counts);
        (scratch.from, scratch.traces_from) = (0, 0);
        for (index, segment) in segments(steps, scratch.segment).enumerate() {
            let last = segment.end == steps;
            if in_segments {
                scratch.traces_from = segment.start;
            }
            if self.tapes() && last {
                scratch.from = segment.start;
            } else if self.tapes() {
                scratch.save(index);
            }
            let run = if self.tapes() && last { Run::Taped } else { Run::First };
            if !done {
                forward(self, scratch, segment.clone(), run, decisions, counts);
                forget(&mut scratch.sent.trains, self.last_steps());
            }
            if in_segments {
                self.evaluate(scratch, segment);
            }
        }
        if !in_segments {
            self.evaluate(scratch, 0..steps);
        }
    }

    /// The factor of the loss of a sample in that of the batch.
    fn scale(&self) -> f64 {
        1.0 / self.batch.size as f64
    }

    /// The nodes of losses and readouts, from a segment of the time axis.
    fn evaluate(&self, scratch: &mut Scratch<R>, segment: Range<usize>) {
        if self.pass == Pass::Second {
            return;
        }
        let wanted = if self.gradient || self.pass == Pass::First { Wanted::All } else { Wanted::Readouts };
        let block = loss_block(self, &scratch.traces, &scratch.sent, scratch.traced, segment);
        let replay = self.mode == Mode::SmoothReplay;
        self.plan.loss.forward(&block, 0..1, wanted, replay, &mut scratch.positions, &mut scratch.loss);
    }

    /// The gradient of the loss with respect to what it observes in a segment of the time axis.
    pub(crate) fn trace_gradients(&self, scratch: &mut Scratch<R>, segment: Range<usize>) {
        let program = &self.plan.loss;
        let last = segment.end == self.plan.simulation.steps;
        let block = loss_block(self, &scratch.traces, &scratch.sent, scratch.traced, segment);
        if !last {
            program.forward(&block, 0..1, Wanted::Again, true, &mut scratch.positions, &mut scratch.loss);
        }
        let traces = &mut scratch.trace_gradients;
        program.backward(&block, 0..1, self.scale(), &scratch.positions, &mut scratch.loss, traces);
    }

    /// Hands over what is asked for of each sample.
    fn record(&self, scratch: &Scratch<R>, lane: &mut Lane<R>) {
        let (program, count) = (&self.plan.loss, scratch.sent.count);
        for (spikes, trains) in lane.spikes.iter_mut().zip(&scratch.sent.trains) {
            *spikes += trains.iter().map(|t| t.len() as u64).sum::<u64>();
        }
        let block = loss_block(self, &scratch.traces, &scratch.sent, scratch.traced, 0..self.plan.simulation.steps);
        for slot in 0..count {
            for ((_, node), out) in program.readouts.iter().zip(&mut lane.readouts) {
                out.extend(program.result(*node, slot, &scratch.loss, &block));
            }
            if self.gradient {
                let terms = 0..program.losses.len();
                lane.losses.extend(terms.map(|term| program.loss(term, slot, count, &scratch.loss)));
            }
        }
        for ((trace, from), to) in
            self.traces.iter().zip(&scratch.traces).skip(program.traces.len()).zip(&mut lane.traces)
        {
            for slot in 0..count {
                to.extend(from.chunks_exact(trace.n).skip(slot).step_by(count).flatten());
            }
        }
        for (&population, to) in self.trains.iter().zip(&mut lane.trains) {
            to.extend_from_slice(&scratch.sent.trains[population]);
        }
        for slot in (0..count).filter(|_| self.carries) {
            let index = scratch.sent.first + slot;
            let input = |input: usize| match &self.batch.inputs[input] {
                InputData::Values(values) => {
                    let (_, times, n) = values.dim();
                    (None, Some((slot * times * n, times)))
                }
                _ => (Some(scratch.sent.input(self, input, slot).clone()), None),
            };
            lane.carry.push(Sample::after(self.plan, self.carry.get(index), scratch, slot, input));
        }
    }
}

/// What losses and readouts see of a segment of the time axis.
fn loss_block<'a, R: Real>(
    call: &Call<'a, '_, R>,
    traces: &'a [Aligned<R>],
    sent: &'a Sent<R>,
    room: usize,
    segment: Range<usize>,
) -> Block<'a, R> {
    let spikes = call.counts_spikes().then_some(&sent.trains[..]);
    Block { traces, first: sent.first, count: sent.count, spikes, targets: call.targets, segment, room }
}
