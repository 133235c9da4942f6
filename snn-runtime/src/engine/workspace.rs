//! The memory of a run, reused from call to call.

use super::carry::Sample;
use super::dropout::Dropped;
use super::events_by_row::EventsByRow;
use super::filtered_errors::FilteredErrors;
use super::impulses::Impulses;
use super::lane_gradient::{LaneGradient, add};
use super::packed::TILE;
use super::plan::Plan;
use super::segments::{self, Checkpoints};
use super::sent::Sent;
use super::weights::Weights;
use super::{BLOCK, forward};
use crate::aligned::Aligned;
use crate::graph::Signal;
use crate::loss::{self, Kept, Observable, Trace};
use crate::neuron::Mode;
use crate::{Real, SpikeTrain};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// See [`Workspace::set_kept_bytes`].
const KEPT_BYTES: usize = 512 << 20;

/// See [`Workspace::set_densest_impulses`].
const DENSEST_IMPULSES: f64 = 0.4;

/// See [`Workspace::set_tape_bytes`].
const TAPE_BYTES: usize = 1 << 20;

/// The memory of a run. One workspace serves one call at a time and may serve several networks in turn.
///
/// The batch is cut into blocks of 8 samples, dealt in order to the lanes; a lane adds its gradients up in order, and
/// the lanes are added pairwise. So results depend on the number of lanes, but not on that of threads.
#[derive(Debug)]
pub struct Workspace<R> {
    lanes: usize,
    pub(crate) kept_bytes: usize,
    pub(crate) tape_bytes: usize,
    /// See [`Workspace::segments`].
    pub(crate) segments: usize,
    pub(crate) noise_seed: u64,
    pub(crate) dropout_seed: Option<u64>,
    pub(crate) neurons_per_thread: usize,
    pub(crate) densest_impulses: f64,
    pub(crate) weights: Weights<R>,
    pub(crate) lane: Vec<Lane<R>>,
    pub(crate) pool: Pool<Scratch<R>>,
    /// The gradients of lanes that are not at work.
    pub(crate) gradients: Pool<LaneGradient<R>>,
    /// The batch whose decisions are recorded: (plan, samples).
    pub(crate) recorded: Option<(u64, usize)>,
}

impl<R: Real> Workspace<R> {
    /// Eight lanes.
    pub fn new() -> Self {
        Self::with_lanes(8)
    }

    /// So many lanes, at least one. More lanes serve more cores. They need more memory, a gradient for each that is at work and a few that
    /// wait to be added up, and time to add them up: on two cores an update of a network with 270,000 weights took 2 % less with two
    /// lanes than with eight.
    pub fn with_lanes(lanes: usize) -> Self {
        Self {
            lanes: lanes.max(1),
            kept_bytes: KEPT_BYTES,
            tape_bytes: TAPE_BYTES,
            segments: 1,
            noise_seed: 0,
            dropout_seed: None,
            neurons_per_thread: forward::NEURONS_PER_THREAD,
            densest_impulses: DENSEST_IMPULSES,
            weights: Weights::default(),
            lane: Vec::new(),
            pool: Pool::default(),
            gradients: Pool::default(),
            recorded: None,
        }
    }

    /// The seed of white noise in the runs to come: a number depends on it, the place of the sample in its batch, the step,
    /// and the neuron. 0 at first; whoever trains takes another one for every update, such as its number.
    pub fn set_noise_seed(&mut self, seed: u64) {
        self.noise_seed = seed;
    }

    /// The seed of dropout in the runs of `loss_and_gradient` to come; `None`, as at first: no neuron is dropped. Which are
    /// depends on it, the place of the sample in its batch, the population, and the neuron; whoever trains takes another
    /// one for every update, such as its number. Other runs never drop any.
    pub fn set_dropout_seed(&mut self, seed: Option<u64>) {
        self.dropout_seed = seed;
    }

    /// About the most bytes that are held between the two passes of a loss that reads means over the samples; 512 MiB at first. If the
    /// whole batch fits, the second pass goes backwards alone; if not, every block runs forwards twice. The results are the
    /// same bits.
    pub fn set_kept_bytes(&mut self, bytes: usize) {
        self.kept_bytes = bytes;
    }

    /// The most bytes of what a block of 8 samples keeps of each step for its way back: the tape, the errors, and what losses
    /// observe, as far as these can be taken piece by piece. For each thread; `None`, as at first: 1 MiB, about what stays in the
    /// cache. If the whole simulation needs more, its time axis is cut into segments, of 64 steps at least (or all, if these are
    /// not more than 128): the states at their beginnings are kept, and in each the populations that the way back reads are run
    /// forwards once more before it is run backwards
    /// (checkpointing; Griewank and Walther, "Evaluating derivatives", 2008, chapter 12). The results are the same bits.
    pub fn set_tape_bytes(&mut self, bytes: Option<usize>) {
        self.tape_bytes = bytes.unwrap_or(TAPE_BYTES);
    }

    /// The segments into which the last call with a gradient cut the time axis of a block of 8 samples.
    pub fn segments(&self) -> usize {
        self.segments
    }

    /// The fewest neurons that are worth a thread where one network takes several: a run of a single sample without a gradient
    /// deals the neurons of each population to the threads of the current pool of rayon, if there are so many for each, and
    /// the run is long enough for what it takes to begin. 2000 at first; `usize::MAX`: such a run takes one thread. The results
    /// are the same bits.
    ///
    /// Long enough are 500 steps if each thread has just so many neurons, fewer if it has more: a step of a [`super::Session`]
    /// takes one thread. All this is for spikes with a delay of at least one step between populations. A run that records states,
    /// or whose losses and readouts observe the network, takes one thread, and so does one with plasticity, with gap junctions or
    /// other projections that carry numbers between populations, with dense projections of numbers, with convolutions or pooling,
    /// and with dense projections to a part of a population that does not begin with a multiple of 64.
    pub fn set_neurons_per_thread(&mut self, neurons: usize) {
        self.neurons_per_thread = neurons;
    }

    /// The share of the neurons with an impulse ([`crate::ErrorFilter`]) up to which a block of samples sends its errors back through
    /// dense weights as products with these alone; 0.4 at first, 0: never, 1: always (else not for less than 64 targets). From the first
    /// step on, in the order of the way back, in which more have one, the errors of the block go back as a whole. The sums of the two ways
    /// have other orders.
    pub fn set_densest_impulses(&mut self, share: f64) {
        self.densest_impulses = share;
    }

    /// The most threads that a sample of the last run was dealt to ([`Self::set_neurons_per_thread`]).
    pub fn threads_of_a_sample(&self) -> usize {
        self.lane.iter().map(|lane| lane.threads).max().unwrap_or(1)
    }

    /// The number of lanes.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// The bytes held: as memory is kept from call to call, the most that any call needed.
    pub fn bytes(&self) -> usize {
        let scratch: usize = self.pool.lock().iter().map(Scratch::bytes).sum();
        let gradients: usize = self.gradients.lock().iter().map(LaneGradient::bytes).sum();
        self.weights.bytes() + self.lane.iter().map(Lane::bytes).sum::<usize>() + scratch + gradients
    }
}

impl<R: Real> Default for Workspace<R> {
    fn default() -> Self {
        Self::new()
    }
}

/// What one lane leaves behind, its blocks one after the other.
#[derive(Debug, Default)]
pub(crate) struct Lane<R> {
    /// In the layout of the parameters; with respect to weights in effect.
    pub(crate) gradient: LaneGradient<R>,
    /// Per population `[differentiated, n]`.
    pub(crate) coefficients: Vec<Vec<R>>,
    /// `[samples of the lane, terms]`
    pub(crate) losses: Vec<f64>,
    /// Per readout `[samples of the lane, ...]`.
    pub(crate) readouts: Vec<Vec<R>>,
    /// Per recorded trace `[samples of the lane, steps, n]`.
    pub(crate) traces: Vec<Vec<R>>,
    /// Per recorded population one train per sample of the lane.
    pub(crate) trains: Vec<Vec<SpikeTrain>>,
    /// Spikes per population.
    pub(crate) spikes: Vec<u64>,
    pub(crate) operations: u64,
    /// The most threads that took a block.
    pub(crate) threads: usize,
    pub(crate) wrong: Option<forward::Wrong>,
    /// The states at the end of each sample of the lane, if they are wanted.
    pub(crate) carry: Vec<Sample<R>>,
    /// Decisions of a smooth run, per block.
    pub(crate) decisions: Vec<Decisions>,
    /// Per block of the lane, between the passes of a loss that reads means over samples.
    pub(crate) kept: Vec<Kept<R>>,
    /// Per block of the lane, between the passes, if the first leaves everything in memory.
    pub(crate) blocks: Vec<Scratch<R>>,
}

/// The yes/no decisions of a block in a smooth run.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    /// Per population `[steps, decisions, block sample, n]`.
    pub(crate) populations: Vec<Vec<u8>>,
    /// Positions of maxima in the loss program. `[block sample, positions]`
    pub(crate) positions: Vec<u32>,
}

impl Decisions {
    fn bytes(&self) -> usize {
        self.populations.iter().map(Vec::capacity).sum::<usize>() + 4 * self.positions.capacity()
    }
}

/// What of a call decides the sizes of buffers.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) mode: Mode,
    pub(crate) gradient: bool,
    /// The traces of the program, then those recorded.
    pub(crate) traces: &'a [Trace],
    pub(crate) trains: usize,
    pub(crate) dropout: bool,
    /// See [`Workspace::set_tape_bytes`].
    pub(crate) tape_bytes: usize,
}

impl<R: Real> Lane<R> {
    /// Makes the lane ready for a call of at most `blocks` blocks.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>, shape: Shape<'_>, blocks: usize) {
        let count = plan.populations.len();
        self.losses.clear();
        self.readouts.resize_with(plan.loss.readouts.len(), Vec::new);
        self.readouts.iter_mut().for_each(Vec::clear);
        self.traces.resize_with(shape.traces.len() - plan.loss.traces.len(), Vec::new);
        self.traces.iter_mut().for_each(Vec::clear);
        self.trains.resize_with(shape.trains, Vec::new);
        self.trains.iter_mut().for_each(Vec::clear);
        zeroed(&mut self.spikes, count);
        self.operations = 0;
        self.threads = 1;
        self.wrong = None;
        self.carry.clear();
        self.blocks.clear();
        if shape.gradient && plan.loss.is_coupled() {
            self.kept.resize_with(blocks, Kept::default);
        }
        if shape.mode != Mode::Spiking {
            self.decisions.resize_with(blocks, Decisions::default);
            for decisions in &mut self.decisions {
                decisions.populations.resize_with(count, Vec::new);
                for (buffer, p) in decisions.populations.iter_mut().zip(&plan.populations) {
                    buffer.resize(BLOCK * plan.simulation.steps * p.layout.decisions * p.n, 0);
                }
                decisions.positions.resize(BLOCK * plan.loss.positions, 0);
            }
        }
    }

    /// A gradient of zeros, in memory that another lane had if there is some; see [`LaneGradient::begin`].
    pub(crate) fn begin_gradient(&mut self, plan: &Plan<R>, by_rows: bool, memories: &Pool<LaneGradient<R>>) {
        if self.gradient.is_empty() {
            self.gradient = memories.take();
        }
        self.gradient.begin(plan, by_rows);
        self.coefficients.resize_with(plan.populations.len(), Vec::new);
        for (buffer, p) in self.coefficients.iter_mut().zip(&plan.populations) {
            zeroed(buffer, p.layout.differentiated.len() * p.n);
        }
    }

    /// Adds the gradient of a lane that is done, and gives its memory back.
    pub(crate) fn add_gradient(&mut self, other: &mut Self, plan: &Plan<R>, memories: &Pool<LaneGradient<R>>) {
        self.gradient.add(&other.gradient, &plan.places);
        self.coefficients.iter_mut().zip(&other.coefficients).for_each(|(sum, other)| add(sum, other));
        memories.put(std::mem::take(&mut other.gradient));
    }

    fn bytes(&self) -> usize {
        let reals: usize =
            [&self.coefficients, &self.readouts, &self.traces].into_iter().flatten().map(Vec::capacity).sum();
        let trains: usize = self.trains.iter().flatten().map(SpikeTrain::bytes).sum();
        let kept: usize = self.kept.iter().map(Kept::bytes).sum();
        let decisions: usize = self.decisions.iter().map(Decisions::bytes).sum();
        let carry: usize = self.carry.iter().map(Sample::bytes).sum();
        let blocks: usize = self.blocks.iter().map(Scratch::bytes).sum();
        decisions
            + carry
            + blocks
            + self.gradient.bytes()
            + reals * size_of::<R>()
            + trains
            + self.losses.capacity() * 8
            + kept
    }
}

/// `length` zeros.
fn zeroed<T: Copy + Default>(buffer: &mut Vec<T>, length: usize) {
    buffer.clear();
    buffer.resize(length, T::default());
}

/// The memory of one thread while it works on a block. It carries nothing from block to block.
#[derive(Debug, Default)]
pub(crate) struct Scratch<R> {
    /// The steps of a segment: those whose tape and errors are in memory.
    pub(crate) segment: usize,
    /// The first of them.
    pub(crate) from: usize,
    pub(crate) checkpoints: Checkpoints<R>,
    /// The most steps whose traces are in memory at once: those of a segment, or all.
    pub(crate) traced: usize,
    /// The first of them.
    pub(crate) traces_from: usize,
    /// What the sources of projections have sent.
    pub(crate) sent: Sent<R>,
    /// One row of encoder input.
    pub(crate) row: Vec<f32>,
    pub(crate) cells: Vec<forward::Cells<R>>,
    /// What the threads have that take the steps of one sample together.
    pub(crate) together: forward::Together<R>,
    /// Per block sample and rule of the plan the states of the connections: the weight, then others.
    pub(crate) plastic: Vec<Vec<R>>,
    /// Room for a rule.
    pub(crate) room: super::plastic::Room<R>,
    /// Per population `[steps of a segment, tape_reals, block sample, n]`.
    pub(crate) tape: Vec<Aligned<R>>,
    /// Per population `[steps of a segment, block sample, n]`.
    pub(crate) tape_flags: Vec<Aligned<u8>>,
    /// Per trace of the call `[traced steps, block sample, n]`.
    pub(crate) traces: Vec<Aligned<R>>,
    /// Per population the trace of its only output: steps write there, and adjoints read the gradient there.
    pub(crate) only_output: Vec<Option<usize>>,
    /// Per trace of the program that a loss depends on `[traced steps, block sample, n]`.
    pub(crate) trace_gradients: Vec<Aligned<R>>,
    pub(crate) loss: loss::Scratch<R>,
    pub(crate) positions: Vec<u32>,
    /// Per population: dL/d(events). `[steps, ports, block sample, n]`, for the steps of a segment and as many after it as
    /// delays reach.
    pub(crate) errors: Vec<Aligned<R>>,
    /// Per population whose neurons have an [`crate::ErrorFilter`]: the impulses of the last steps that delays reach, in turn.
    /// `[steps, block sample, n]`
    pub(crate) impulses: Vec<Aligned<R>>,
    /// Per projection what it has of the steps behind.
    pub(crate) filtered: Vec<FilteredErrors<R>>,
    /// The impulses of a step.
    pub(crate) list: Impulses,
    /// Per population the last step whose errors are not all zero.
    pub(crate) last_live: Vec<Option<usize>>,
    /// Per population: it takes the steps of the segment at hand once more.
    pub(crate) runs_again: Vec<bool>,
    /// Per population `[states, block sample, n]`.
    pub(crate) state_gradient: Vec<Aligned<R>>,
    /// Per population `[differentiated, block sample, n]`.
    pub(crate) coefficient_gradient: Vec<Aligned<R>>,
    /// `[block sample, n]` of the population at work.
    pub(crate) spike_gradient: Aligned<R>,
    /// `[block sample, rows]` of the projection at work.
    pub(crate) part: Aligned<R>,
    /// `[outputs, block sample, n]` of the population at work.
    pub(crate) output_gradient: Aligned<R>,
    /// What comes back to the spikes of a population with dropout. `[block sample, n]`
    pub(crate) sent_gradient: Aligned<R>,
    /// Gradients nobody asks for: `[drives, block sample, n]`.
    pub(crate) drive_gradient: Aligned<R>,
    /// Per list of [`Plan::sorted`]: the spikes of one sample.
    pub(crate) events: Vec<EventsByRow>,
    /// Per projection: which of the rows that spiked are the first to be written to.
    pub(crate) fresh: Vec<Vec<bool>>,
    /// Per population the steps of a piece in which the sample at work has errors.
    pub(crate) live: Vec<Range<usize>>,
    /// One tile of errors over time. `[steps of a piece, TILE]`
    pub(crate) slab: Aligned<R>,
}

impl<R: Real> Scratch<R> {
    /// Room for a call; existing memory is kept and not cleared.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>, shape: Shape<'_>, samples: usize) {
        let steps = plan.simulation.steps;
        let count = plan.populations.len();
        self.sent.count = samples;
        let trains = |trains: &mut Vec<Vec<SpikeTrain>>, count| {
            trains.resize_with(count, Vec::new);
            trains.iter_mut().for_each(|of| of.resize_with(samples, SpikeTrain::new));
        };
        trains(&mut self.sent.inputs, plan.inputs.len());
        trains(&mut self.sent.trains, count);
        self.sent.values.resize_with(plan.inputs.len(), Vec::new);
        self.sent.signals.resize_with(plan.signals.len(), Vec::new);
        for (buffer, (population, _)) in self.sent.signals.iter_mut().zip(&plan.signals) {
            buffer.resize(samples * steps * plan.populations[*population].n, R::ZERO);
        }
        self.segment =
            if shape.gradient { segments::length(plan, samples, shape.tape_bytes) } else { segments::piece(steps) };
        let in_segments = if shape.gradient { plan.loss.all_in_segments } else { plan.loss.readouts_in_segments };
        let recorded = shape.traces.len() > plan.loss.traces.len();
        self.traced = if in_segments && !recorded { self.segment } else { steps };
        self.traces.resize_with(shape.traces.len(), Aligned::default);
        for (buffer, trace) in self.traces.iter_mut().zip(shape.traces) {
            buffer.resize(samples * self.traced * trace.n);
        }
        let per_population =
            [&mut self.tape, &mut self.errors, &mut self.state_gradient, &mut self.coefficient_gradient];
        for buffers in per_population {
            buffers.resize_with(count, Aligned::default);
        }
        self.sent.z.resize_with(count, Vec::new);
        self.sent.senders.resize_with(count, Vec::new);
        self.sent.senders.iter_mut().for_each(|senders| senders.resize(steps, 0));
        self.plastic.resize_with(samples * plan.plastic.len(), Vec::new);
        self.tape_flags.resize_with(count, Aligned::default);
        self.cells.resize_with(count, forward::Cells::default);
        self.sent.dropped.resize_with(count, Dropped::default);
        self.last_live.resize(count, None);
        self.runs_again.resize(count, true);
        self.loss.prepare(&plan.loss, self.traced, samples);
        self.positions.resize(plan.loss.positions * samples, 0);
        self.only_output.clear();
        for (index, p) in plan.populations.iter().enumerate() {
            let output = |t: &Trace| t.population == index && matches!(t.observable, Observable::Output(_));
            let sends = |s: &(usize, Signal)| s.0 == index && matches!(s.1, Signal::Output(_));
            let rules = plan.plastic.iter().any(|r| plan.projections[r.projection].target == index);
            let read_now = rules || plan.signals.iter().any(sends);
            let mut traced = shape.traces.iter().enumerate().filter(|(_, t)| output(t)).map(|(trace, _)| trace);
            let (first, more) = (traced.next(), traced.next().is_some());
            let only = first.filter(|_| !read_now && !more && p.layout.outputs.len() == 1);
            self.only_output.push(only);
            let outputs = read_now || (first.is_some() && only.is_none());
            let spikes = shape.gradient && p.layout.adjoint_reads_spikes;
            self.cells[index].prepare(p, samples, outputs, spikes);
            let dropped = if shape.dropout && p.dropout > 0.0 { samples } else { 0 };
            let numbers = if shape.mode == Mode::Spiking { 0 } else { dropped * steps * p.n };
            self.sent.dropped[index].prepare(dropped, p.n, numbers);
            if shape.mode != Mode::Spiking {
                self.sent.z[index].resize(samples * steps * p.n, R::ZERO);
            }
        }
        if shape.gradient {
            self.prepare_backward(plan);
        }
    }

    fn prepare_backward(&mut self, plan: &Plan<R>) {
        let (steps, count) = (plan.simulation.steps, self.sent.count);
        let cut = self.segment < steps;
        self.checkpoints.prepare(plan, count, steps.div_ceil(self.segment));
        self.trace_gradients.resize_with(plan.loss.traces.len(), Aligned::default);
        for (buffer, trace) in self.trace_gradients.iter_mut().zip(&plan.loss.traces) {
            buffer.resize(if trace.gradient { count * self.traced * trace.n } else { 0 });
        }
        for (index, p) in plan.populations.iter().enumerate() {
            let (width, layout) = (count * p.n, &p.layout);
            let later = if cut { segments::reach(plan, index) } else { 0 };
            self.tape[index].resize(self.segment * layout.tape_reals * width);
            self.tape_flags[index].resize(if layout.tape_flags { self.segment * width } else { 0 });
            self.errors[index].resize((self.segment + later) * p.incoming.len() * width);
            self.state_gradient[index].resize(layout.states.len() * width);
            self.coefficient_gradient[index].resize(layout.differentiated.len() * width);
        }
        self.impulses.resize_with(plan.populations.len(), Aligned::default);
        for (index, (impulses, p)) in self.impulses.iter_mut().zip(&plan.populations).enumerate() {
            let kept = if p.layout.error_filter.is_some() { plan.impulses_of(index) } else { 0 };
            impulses.resize(kept * count * p.n);
        }
        self.filtered.resize_with(plan.projections.len(), FilteredErrors::default);
        for (filtered, q) in self.filtered.iter_mut().zip(&plan.projections).filter(|(_, q)| q.filtered) {
            filtered.prepare(&plan.populations[q.target], q.rows, count);
        }
        let largest = count * plan.populations.iter().map(|p| p.n).max().unwrap_or(0);
        self.spike_gradient.resize(largest);
        self.sent_gradient.resize(largest);
        let outputs = plan.populations.iter().map(|p| p.n * p.layout.outputs.len()).max().unwrap_or(0);
        self.output_gradient.resize(count * outputs);
        let drives = plan.populations.iter().map(|p| p.n * p.layout.drives.len()).max().unwrap_or(0);
        self.drive_gradient.resize(count * drives);
        self.part.resize(largest);
        self.events.resize_with(plan.sorted.len(), EventsByRow::default);
        self.fresh.resize_with(plan.projections.len(), Vec::new);
        self.slab.resize(segments::piece(steps) * TILE);
    }

    pub(crate) fn bytes(&self) -> usize {
        let of_populations = [
            &self.tape,
            &self.traces,
            &self.trace_gradients,
            &self.errors,
            &self.impulses,
            &self.state_gradient,
            &self.coefficient_gradient,
        ];
        let of_populations: usize = of_populations.into_iter().flatten().map(Aligned::bytes).sum();
        let of_steps = [
            &self.spike_gradient,
            &self.sent_gradient,
            &self.output_gradient,
            &self.drive_gradient,
            &self.part,
            &self.slab,
        ];
        let of_steps: usize = of_steps.into_iter().map(Aligned::bytes).sum();
        let sent = [&self.sent.z, &self.sent.values, &self.sent.signals, &self.plastic];
        let sent: usize = sent.into_iter().flatten().map(Vec::capacity).sum();
        let trains: usize = self.sent.inputs.iter().chain(&self.sent.trains).flatten().map(SpikeTrain::bytes).sum();
        of_populations
            + of_steps
            + sent * size_of::<R>()
            + trains
            + self.tape_flags.iter().map(Aligned::bytes).sum::<usize>()
            + self.cells.iter().map(forward::Cells::bytes).sum::<usize>()
            + self.together.bytes()
            + self.loss.bytes()
            + 4 * (self.positions.capacity() + self.row.capacity())
            + self.checkpoints.bytes()
            + self.filtered.iter().map(FilteredErrors::bytes).sum::<usize>()
            + self.list.bytes()
            + self.events.iter().map(EventsByRow::bytes).sum::<usize>()
            + self.fresh.iter().map(Vec::capacity).sum::<usize>()
            + self.sent.senders.iter().map(Vec::capacity).sum::<usize>()
            + self.sent.dropped.iter().map(Dropped::bytes).sum::<usize>()
    }
}

/// Memories that no thread is using.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T: Default> Pool<T> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the one out that was put back last, which may still be in the cache, or a new one.
    pub(crate) fn take(&self) -> T {
        self.lock().pop().unwrap_or_default()
    }

    /// Puts one back.
    pub(crate) fn put(&self, memory: T) {
        self.lock().push(memory);
    }
}
