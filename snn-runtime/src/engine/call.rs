//! One call: its constants, and what a lane does with each of its blocks.

use super::BLOCK;
use super::backward::backward;
use super::batch::{Batch, InputData};
use super::carry::Sample;
use super::forward::{Counts, Run, begin, forward};
use super::plan::Plan;
use super::segments::segments;
use super::weights::Weights;
use super::workspace::{Decisions, Lane, Scratch};
use crate::Real;
use crate::loss::{self, Targets, Trace};
use crate::neuron::Mode;

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
}

impl<R: Real> Call<'_, '_, R> {
    /// What the adjoints read is written down.
    pub(crate) fn tapes(&self) -> bool {
        self.gradient || self.keeps
    }

    /// The blocks run forwards.
    pub(crate) fn runs(&self) -> bool {
        !(self.keeps && self.pass == Pass::Second)
    }

    /// Runs block `block` of the batch, which is the `local`-th of its lane.
    pub(crate) fn block(&self, scratch: &mut Scratch<R>, lane: &mut Lane<R>, block: usize, local: usize) {
        let first = block * BLOCK;
        let count = BLOCK.min(self.batch.size - first);
        let mut decisions = match lane.decisions.get_mut(local) {
            Some(decisions) if self.mode != Mode::Spiking => std::mem::take(decisions),
            _ => Decisions::default(),
        };
        let mut counts = Counts::default();
        if self.runs() {
            self.run(scratch, first, &mut decisions, &mut counts);
        }
        for slot in (0..count).filter(|_| self.carries && self.pass != Pass::Second) {
            let index = first + slot;
            let input = |input: usize| match &self.batch.inputs[input] {
                InputData::Values(values) => {
                    let (_, times, n) = values.dim();
                    (None, Some((slot * times * n, times)))
                }
                _ => (Some(scratch.sent.input(self, input, slot, index).clone()), None),
            };
            lane.carry.push(Sample::after(self.plan, self.carry.get(index), scratch, slot, input));
        }
        if self.pass != Pass::Second {
            lane.operations += counts.operations;
            lane.wrong = lane.wrong.or(counts.wrong);
            for (count, trains) in lane.spikes.iter_mut().zip(&scratch.sent.trains) {
                *count += trains.iter().map(|t| t.len() as u64).sum::<u64>();
            }
        }
        for slot in 0..count {
            match self.pass {
                Pass::Only => self.evaluate(scratch, lane, slot, first + slot, &mut decisions.positions),
                Pass::First => self.keep(scratch, lane, slot, first + slot, local * BLOCK + slot),
                Pass::Second => self.recall(scratch, lane, slot, first + slot, local * BLOCK + slot),
            }
        }
        if self.pass != Pass::Second {
            self.record(scratch, lane, count);
        }
        if self.gradient {
            backward(self, scratch, lane, first, &mut decisions.populations);
        }
        if self.mode != Mode::Spiking
            && let Some(place) = lane.decisions.get_mut(local)
        {
            *place = decisions;
        }
    }

    /// Runs a block forwards.
    fn run(&self, scratch: &mut Scratch<R>, first: usize, decisions: &mut Decisions, counts: &mut Counts) {
        let (steps, decisions) = (self.plan.simulation.steps, &mut decisions.populations);
        begin(self, scratch, first, counts);
        if !self.tapes() {
            return forward(self, scratch, first, 0..steps, Run::First, decisions, counts);
        }
        for (index, segment) in segments(steps, scratch.segment).enumerate() {
            let last = segment.end == steps;
            if last {
                scratch.from = segment.start;
            } else {
                scratch.save(index);
            }
            forward(self, scratch, first, segment, if last { Run::Taped } else { Run::First }, decisions, counts);
        }
    }

    /// Readouts, losses, and the gradient of the loss with respect to what it observes.
    fn evaluate(&self, scratch: &mut Scratch<R>, lane: &mut Lane<R>, slot: usize, index: usize, recorded: &mut [u32]) {
        let program = &self.plan.loss;
        let sample = loss::Sample { traces: &scratch.traces, slot, index, targets: self.targets };
        let positions = match self.mode {
            Mode::Spiking => &mut scratch.positions[..],
            _ => &mut recorded[slot * program.positions..][..program.positions],
        };
        let replay = self.mode == Mode::SmoothReplay;
        program.forward(&sample, 0..1, self.gradient, replay, positions, &mut scratch.loss);
        for ((_, node), out) in program.readouts.iter().zip(&mut lane.readouts) {
            out.extend_from_slice(program.result(*node, &scratch.loss, &sample));
        }
        if self.gradient {
            lane.losses.extend(program.losses.iter().map(|&node| program.loss(node, &scratch.loss, &sample)));
            program.seed(1.0 / self.batch.size as f64, &mut scratch.loss);
            program.backward(&sample, 0..1, positions, &mut scratch.loss, &mut scratch.trace_gradients);
        }
    }

    /// Readouts, and the nodes of the losses below all means over samples, which are kept in place `kept` of the lane.
    fn keep(&self, scratch: &mut Scratch<R>, lane: &mut Lane<R>, slot: usize, index: usize, kept: usize) {
        let program = &self.plan.loss;
        let sample = loss::Sample { traces: &scratch.traces, slot, index, targets: self.targets };
        let kept = &mut lane.kept[kept];
        kept.swap(&mut scratch.loss);
        let replay = self.mode == Mode::SmoothReplay;
        program.forward(&sample, 0..1, true, replay, &mut kept.positions, &mut scratch.loss);
        for ((_, node), out) in program.readouts.iter().zip(&mut lane.readouts) {
            out.extend_from_slice(program.result(*node, &scratch.loss, &sample));
        }
        kept.swap(&mut scratch.loss);
    }

    /// The gradient of the loss with respect to what it observes, from those of the nodes that were kept.
    fn recall(&self, scratch: &mut Scratch<R>, lane: &mut Lane<R>, slot: usize, index: usize, kept: usize) {
        let sample = loss::Sample { traces: &scratch.traces, slot, index, targets: self.targets };
        let kept = &mut lane.kept[kept];
        kept.swap(&mut scratch.loss);
        let traces = &mut scratch.trace_gradients;
        self.plan.loss.backward(&sample, 0..1, &kept.positions, &mut scratch.loss, traces);
        kept.swap(&mut scratch.loss);
    }

    fn record(&self, scratch: &Scratch<R>, lane: &mut Lane<R>, count: usize) {
        let own = self.plan.loss.traces.len();
        for ((trace, from), to) in self.traces.iter().zip(&scratch.traces).skip(own).zip(&mut lane.traces) {
            to.extend_from_slice(&from[..count * self.plan.simulation.steps * trace.n]);
        }
        for (&population, to) in self.trains.iter().zip(&mut lane.trains) {
            to.extend_from_slice(&scratch.sent.trains[population][..count]);
        }
    }
}
