//! The values of a program for the samples of a block, and its reverse, segment by segment of the time axis.
//!
//! All arrays of a block stand in one buffer: `[steps of the segment, samples, n]`, or `[samples, n]` without a time axis. Every
//! number is computed from numbers of its own sample in an order that neither segments nor blocks change.

use super::Reduction;
use super::compare::{cross_entropy, cross_entropy_gradient, squared_error, squared_error_gradient};
use super::plan::{NodePlan, Operation, Plan, Shape, Trace};
use super::reduce::{
    Rows, count_spikes, first_spikes, first_spikes_gradient, reduce_neuron, reduce_neuron_gradient, reduce_time,
    reduce_time_gradient,
};
use super::stream::Streamed;
use crate::aligned::Aligned;
use crate::simd::sums::add;
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// The numbers a sample is compared with; a target's entries for all samples of the batch.
#[derive(Clone, Copy)]
pub(crate) enum Targets<'a, R> {
    /// A class per sample, or per sample and step.
    Class(&'a [u32]),
    /// `[samples, size]` or `[samples, steps, size]`, row-major.
    Values(&'a [R]),
    /// Not given, and not needed.
    Missing,
}

/// What the samples of a block did in some steps, and what they are compared with.
#[derive(Clone)]
pub(crate) struct Block<'a, R> {
    /// Of each trace of the plan, in the steps of the segment: `[steps, samples, n]`. On the way back, where losses do not observe it in
    /// the segment, and where its spikes are counted, whatever lies there.
    pub(crate) traces: &'a [Aligned<R>],
    /// The place of the first sample in the batch.
    pub(crate) first: usize,
    /// The number of samples.
    pub(crate) count: usize,
    /// Per population and sample, if spikes that can be counted are, so that there is no trace of them.
    pub(crate) spikes: Option<&'a [Vec<SpikeTrain>]>,
    /// The targets.
    pub(crate) targets: &'a [Targets<'a, R>],
    /// The steps.
    pub(crate) segment: Range<usize>,
    /// The most steps of a segment.
    pub(crate) room: usize,
}

/// Values and gradients of all nodes of a block.
#[derive(Debug, Default)]
pub(crate) struct Arrays<R> {
    pub(super) values: Vec<R>,
    pub(super) gradients: Vec<R>,
    room: Vec<R>,
    /// Sums over time of the loss terms. `[terms, samples]`
    losses: Vec<f64>,
}

impl<R: Real> Arrays<R> {
    /// Room for a plan: `steps` of the time axis, `count` samples.
    pub(super) fn prepare(&mut self, plan: &Plan<R>, steps: usize, count: usize) {
        self.values.resize(plan.values.count(steps, count), R::ZERO);
        self.gradients.resize(plan.values.count(steps, count), R::ZERO);
        self.room.resize(plan.room * count, R::ZERO);
        self.losses.resize(plan.losses.len() * count, 0.0);
    }

    /// The numbers held.
    pub(super) fn count(&self) -> usize {
        self.values.capacity() + self.gradients.capacity() + self.room.capacity()
    }
}

/// The block at work, and room for the inputs of maps.
#[derive(Debug, Default)]
pub(crate) struct Scratch<R> {
    pub(super) own: Arrays<R>,
    expanded: Vec<R>,
    expanded_gradients: Vec<R>,
}

impl<R: Real> Scratch<R> {
    /// Room for a plan: `steps` of the time axis, `count` samples.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>, steps: usize, count: usize) {
        self.own.prepare(plan, steps, count);
        self.prepare_maps(plan, steps, count);
    }

    /// Room for the maps alone.
    pub(super) fn prepare_maps(&mut self, plan: &Plan<R>, steps: usize, count: usize) {
        self.expanded.resize(plan.widest_map.count(steps, count), R::ZERO);
        self.expanded_gradients.resize(plan.widest_map.count(steps, count), R::ZERO);
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        (self.own.count() + self.expanded.capacity() + self.expanded_gradients.capacity()) * size_of::<R>()
    }
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// What readouts need.
    Readouts,
    /// What readouts and losses need.
    All,
    /// Once more, what the gradients of losses read along the time axis of this segment.
    Again,
}

/// The class at a place, as an index.
fn class<R>(targets: &Targets<'_, R>, place: usize) -> usize {
    match targets {
        Targets::Class(classes) => classes.get(place).map_or(0, |&c| c as usize),
        _ => 0,
    }
}

/// The numbers at a place.
fn numbers<'a, R>(targets: &Targets<'a, R>, place: usize, size: usize) -> &'a [R] {
    match targets {
        Targets::Values(values) => values.get(place * size..(place + 1) * size).unwrap_or(&[]),
        _ => &[],
    }
}

impl<R: Real> Plan<R> {
    /// The segment begins the time axis.
    fn begins(&self, block: &Block<'_, R>) -> bool {
        block.segment.start == 0
    }

    /// The segment ends the time axis.
    fn ends(&self, block: &Block<'_, R>) -> bool {
        block.segment.end == self.steps
    }

    /// The whole time axis is at hand at once.
    fn is_whole(&self, block: &Block<'_, R>) -> bool {
        block.room == self.steps
    }

    /// The steps of a node that are in the segment, counted from the first of the node; one of a node without time axis.
    fn local(&self, node: &NodePlan<R>, block: &Block<'_, R>) -> Range<usize> {
        if node.shape.time.is_none() || self.is_whole(block) {
            return 0..node.shape.t();
        }
        let local = |t: usize| t.clamp(node.span.start, node.span.end) - node.span.start;
        local(block.segment.start)..local(block.segment.end)
    }

    /// The place of a node in the buffers of values and gradients.
    fn range(&self, node: &NodePlan<R>, block: &Block<'_, R>) -> Range<usize> {
        let start = node.before.count(block.room, block.count);
        if !node.has_place() {
            return start..start;
        }
        start..start + self.local(node, block).len() * node.shape.n() * block.count
    }

    /// The rows of a node in the segment: one for each step, of the numbers of all samples.
    fn rows(&self, node: usize, block: &Block<'_, R>) -> Rows {
        let node = &self.nodes[node];
        Rows { first: self.local(node, block).start, width: node.shape.n() * block.count }
    }

    /// The array of a node whose values stand in `values` or in a trace.
    fn value<'v>(&self, node: usize, values: &'v [R], block: &Block<'v, R>) -> &'v [R] {
        let node = &self.nodes[node];
        match node.operation {
            Operation::Observe { trace } => &block.traces[trace][..block.segment.len() * block.count * node.shape.n()],
            _ => &values[self.range(node, block)],
        }
    }

    /// The array of a sample of the block, of a node without time axis or of the whole time axis, after [`Plan::forward`].
    pub(crate) fn result<'v>(
        &self,
        node: usize,
        slot: usize,
        scratch: &'v Scratch<R>,
        block: &Block<'v, R>,
    ) -> impl Iterator<Item = R> + use<'v, R> {
        let n = self.nodes[node].shape.n();
        let rows = self.value(node, &scratch.own.values, block).chunks_exact(n);
        rows.skip(slot).step_by(block.count).flatten().copied()
    }

    /// The place of what step `t` of a sample is compared with.
    fn place(&self, sample: usize, t: usize, over_time: bool) -> usize {
        if over_time { sample * self.steps + t } else { sample }
    }

    /// Loss term `term` of a sample of the block, after [`Plan::forward`]: the mean over the time that is left.
    pub(crate) fn loss(&self, term: usize, slot: usize, count: usize, scratch: &Scratch<R>) -> f64 {
        scratch.own.losses[term * count + slot] / self.nodes[self.losses[term]].shape.t() as f64
    }

    /// Adds this segment of the loss terms of some levels up.
    fn sum_losses(&self, block: &Block<'_, R>, levels: &Range<usize>, scratch: &mut Scratch<R>) {
        let Scratch { own: Arrays { values, losses, .. }, .. } = scratch;
        for (&node, sums) in self.losses.iter().zip(losses.chunks_exact_mut(block.count)) {
            let timed = self.nodes[node].shape.time.is_some();
            if !levels.contains(&self.nodes[node].level) || !(timed || self.ends(block)) {
                continue;
            }
            if self.begins(block) || !timed {
                sums.fill(0.0);
            }
            for row in self.value(node, values, block).chunks_exact(block.count) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x.to_f64());
            }
        }
    }

    /// Whether a node is computed from a segment that need not be the last.
    fn is_along_time(&self, node: &NodePlan<R>) -> bool {
        node.shape.time.is_some() || matches!(node.operation, Operation::ReduceTime { .. })
    }

    /// Computes what is wanted of the nodes of some levels from a segment; segments come in the order of time, and what has no time
    /// axis is there after the last. The positions of maxima are written to `positions`, or read from there if `replay`.
    pub(crate) fn forward(
        &self,
        block: &Block<'_, R>,
        levels: Range<usize>,
        wanted: Wanted,
        replay: bool,
        positions: &mut [u32],
        scratch: &mut Scratch<R>,
    ) {
        for node in &self.nodes {
            let is_wanted = match wanted {
                Wanted::Readouts => node.for_readout,
                Wanted::All => node.for_readout || node.for_loss,
                Wanted::Again => node.read_for_loss && node.shape.time.is_some() && node.is_observed(&block.segment),
            };
            let now = self.is_along_time(node) || self.ends(block);
            if is_wanted && now && levels.contains(&node.level) && !node.streamed {
                let positions = &mut positions[node.positions.start * block.count..node.positions.end * block.count];
                self.compute(node, block, replay, positions, scratch);
            }
        }
        if wanted == Wanted::All {
            self.sum_losses(block, &levels, scratch);
        }
    }

    /// Computes one node.
    fn compute(
        &self,
        node: &NodePlan<R>,
        block: &Block<'_, R>,
        replay: bool,
        positions: &mut [u32],
        scratch: &mut Scratch<R>,
    ) {
        let place = self.range(node, block);
        let (below, out) = scratch.own.values.split_at_mut(place.start);
        let out = &mut out[..place.len()];
        let local = self.local(node, block);
        match &node.operation {
            // Means over samples are filled in by `Plan::couple`.
            Operation::Observe { .. } | Operation::MeanSamples { .. } => {}
            Operation::Keep { input } => out.copy_from_slice(self.value(*input, below, block)),
            Operation::Map { inputs, function } => {
                let mut expanded = scratch.expanded.chunks_exact_mut(out.len().max(1));
                let arrays: Vec<&[R]> =
                    inputs.iter().map(|&i| self.expand(i, node, below, block, expanded.next())).collect();
                function.value(&arrays, out);
            }
            Operation::ReduceTime { input, reduction: Reduction::First, window } => {
                let x = self.value(*input, below, block);
                let room = &mut scratch.own.room[node.room.start * block.count..node.room.end * block.count];
                first_spikes(x, out.len(), window, self.dt, room, out);
            }
            Operation::ReduceTime { input, reduction, window } => {
                let rows = self.rows(*input, block);
                match &self.nodes[*input].operation {
                    Operation::Observe { trace } if block.spikes.is_some() && self.traces[*trace].counted => {
                        let Trace { population, n, .. } = self.traces[*trace];
                        let trains = block.spikes.map_or(&[][..], |trains| &trains[population]);
                        let steps = block.segment.start.max(window.start)..block.segment.end.min(window.end);
                        count_spikes(trains, n, *reduction, steps, window, out);
                    }
                    Operation::Map { inputs, function } if self.nodes[*input].streamed => {
                        let arrays: Vec<&[R]> = inputs.iter().map(|&i| self.value(i, below, block)).collect();
                        let (function, reduction) = (&**function, *reduction);
                        Streamed { function, arrays: &arrays, reduction, window, rows }.reduce(out);
                    }
                    _ => {
                        let x = self.value(*input, below, block);
                        reduce_time(x, rows, *reduction, window, replay, positions, out);
                    }
                }
            }
            Operation::ReduceNeuron { input, reduction } => {
                let x = self.value(*input, below, block);
                let n = self.nodes[*input].shape.n();
                let positions = match reduction {
                    Reduction::Max => &mut positions[local.start * block.count..local.end * block.count],
                    _ => positions,
                };
                reduce_neuron(x, n, *reduction, replay, positions, out);
            }
            Operation::CrossEntropy { logits, target, over_time, window } => {
                let x = self.compared(*logits, node, window, below, block);
                let place = |k| self.place_of(k, &local, window, block, *over_time);
                let n = self.nodes[*logits].shape.n();
                cross_entropy(x, n, |k| class(&block.targets[*target], place(k)), out);
            }
            Operation::MeanSquaredError { output, target, over_time, window } => {
                let x = self.compared(*output, node, window, below, block);
                let place = |k| self.place_of(k, &local, window, block, *over_time);
                let n = self.nodes[*output].shape.n();
                squared_error(x, n, |k| numbers(&block.targets[*target], place(k), n), out);
            }
        }
    }

    /// Where in its array what a comparison reads begins.
    fn compared_start(&self, input: usize, node: &NodePlan<R>, window: &Range<usize>, block: &Block<'_, R>) -> usize {
        let rows = self.rows(input, block);
        // An empty part of a window may lie outside.
        (window.start + self.local(node, block).start).saturating_sub(rows.first) * rows.width
    }

    /// What a comparison reads in this segment.
    fn compared<'v>(
        &self,
        input: usize,
        node: &NodePlan<R>,
        window: &Range<usize>,
        values: &'v [R],
        block: &Block<'v, R>,
    ) -> &'v [R] {
        let start = self.compared_start(input, node, window, block);
        self.value(input, values, block).get(start..).unwrap_or_default()
    }

    /// The place of what row `k` of the segment of a comparison (step by step, and in it sample by sample) is compared with.
    fn place_of(
        &self,
        k: usize,
        local: &Range<usize>,
        window: &Range<usize>,
        block: &Block<'_, R>,
        over_time: bool,
    ) -> usize {
        self.place(block.first + k % block.count, window.start + local.start + k / block.count, over_time)
    }

    /// The steps that losses look at of a node, counted from its first in the segment; of one without time axis 0..1.
    fn observed(&self, node: &NodePlan<R>, block: &Block<'_, R>) -> Range<usize> {
        let local = self.local(node, block);
        if node.shape.time.is_none() {
            return local;
        }
        let step = |t: usize| t.saturating_sub(node.span.start).clamp(local.start, local.end) - local.start;
        step(node.observed.start)..step(node.observed.end)
    }

    /// The array of an input, broadcast to the shape of `node`.
    fn expand<'v>(
        &self,
        input: usize,
        node: &NodePlan<R>,
        values: &'v [R],
        block: &Block<'v, R>,
        room: Option<&'v mut [R]>,
    ) -> &'v [R] {
        let x = self.value(input, values, block);
        let from = self.nodes[input].shape;
        match room {
            Some(room) if from != node.shape => {
                for (k, row) in room.chunks_exact_mut(node.shape.n()).enumerate() {
                    let start = source_row(k, block.count, from);
                    match from.neurons {
                        Some(n) => row.copy_from_slice(&x[start * n..][..n]),
                        None => row.fill(x[start]),
                    }
                }
                room
            }
            _ => x,
        }
    }

    /// Begins the reverse after [`Plan::forward`]: `scale` times the gradient of the summed loss terms with respect to
    /// their nodes.
    pub(crate) fn seed(&self, scale: f64, block: &Block<'_, R>, scratch: &mut Scratch<R>) {
        scratch.own.gradients.fill(R::ZERO);
        let whole = self.is_whole(block);
        self.seed_nodes(scale, |node| whole || node.shape.time.is_none(), block, scratch);
    }

    fn seed_nodes(
        &self,
        scale: f64,
        which: impl Fn(&NodePlan<R>) -> bool,
        block: &Block<'_, R>,
        scratch: &mut Scratch<R>,
    ) {
        for node in self.losses.iter().map(|&loss| &self.nodes[loss]).filter(|node| which(node)) {
            let seed = R::from_f64(scale / node.shape.len() as f64);
            scratch.own.gradients[self.range(node, block)].iter_mut().for_each(|g| *g += seed);
        }
    }

    /// The reverse of the nodes of some levels after [`Plan::seed`], with respect to the traces: overwrites
    /// `trace_gradients` (`[steps of the segment, samples, n]`, empty where no loss depends on the trace; without level 0, none).
    /// Segments come from the last to the first; `scale` is that of the seed.
    pub(crate) fn backward(
        &self,
        block: &Block<'_, R>,
        levels: Range<usize>,
        scale: f64,
        positions: &[u32],
        scratch: &mut Scratch<R>,
        trace_gradients: &mut [Aligned<R>],
    ) {
        if levels.contains(&0) && !self.is_whole(block) {
            let timed = |node: &NodePlan<R>| node.shape.time.is_some();
            for node in self.nodes.iter().filter(|node| timed(node)) {
                scratch.own.gradients[self.range(node, block)].fill(R::ZERO);
            }
            self.seed_nodes(scale, timed, block, scratch);
        }
        // A trace is 0 before anything is added to it.
        let mut begun: Vec<bool> = self.traces.iter().map(|trace| !trace.gradient).collect();
        let clear = |trace: usize, trace_gradients: &mut [Aligned<R>]| {
            if let Some(gradient) = trace_gradients.get_mut(trace) {
                gradient[..block.segment.len() * block.count * self.traces[trace].n].fill(R::ZERO);
            }
        };
        for node in self.nodes.iter().rev() {
            let now = self.is_along_time(node) || self.ends(block);
            let observed = self.is_whole(block) || node.is_observed(&block.segment);
            if node.for_loss && observed && now && levels.contains(&node.level) && !node.streamed {
                let positions = &positions[node.positions.start * block.count..node.positions.end * block.count];
                let mut fresh = false;
                for trace in self.observed_by(node) {
                    if !std::mem::replace(&mut begun[trace], true) {
                        fresh = self.writes_all(node, block);
                        if !fresh {
                            clear(trace, trace_gradients);
                        }
                    }
                }
                self.reverse(node, block, positions, fresh, scratch, trace_gradients);
            }
        }
        begun.iter().enumerate().filter(|(_, begun)| !**begun).for_each(|(trace, _)| clear(trace, trace_gradients));
    }

    /// The nodes whose gradients a node adds to: through a map that is kept nowhere.
    fn sources<'n>(&'n self, node: &'n NodePlan<R>) -> &'n [usize] {
        match &node.operation {
            Operation::ReduceTime { input, .. } if self.nodes[*input].streamed => self.nodes[*input].operation.inputs(),
            operation => operation.inputs(),
        }
    }

    /// The traces whose gradients a node adds to.
    fn observed_by<'n>(&'n self, node: &'n NodePlan<R>) -> impl Iterator<Item = usize> {
        self.sources(node).iter().filter_map(|&input| match self.nodes[input].operation {
            Operation::Observe { trace } => Some(trace),
            _ => None,
        })
    }

    /// A node adds to a single trace, to every number of it in this segment, and piece by piece.
    fn writes_all(&self, node: &NodePlan<R>, block: &Block<'_, R>) -> bool {
        match (&node.operation, self.sources(node)) {
            (Operation::ReduceTime { input, window, .. }, [_]) if self.nodes[*input].streamed => {
                let steps = self.local(&self.nodes[*input], block);
                window.start <= steps.start && steps.end <= window.end
            }
            _ => false,
        }
    }

    /// The reverse of one node; `fresh`: there is anything in the gradient of the trace that it adds to, see [`Self::writes_all`].
    fn reverse(
        &self,
        node: &NodePlan<R>,
        block: &Block<'_, R>,
        positions: &[u32],
        fresh: bool,
        scratch: &mut Scratch<R>,
        trace_gradients: &mut [Aligned<R>],
    ) {
        let place = self.range(node, block);
        let (below, own) = scratch.own.gradients.split_at_mut(place.start);
        let own = &own[..place.len()];
        let values = &scratch.own.values[..];
        let local = self.local(node, block);
        // Elsewhere nothing comes back, which times an infinite slope would be no number.
        let observed = self.observed(node, block);
        let mut gradient = |input: usize, add: &mut dyn FnMut(&mut [R])| {
            let input = &self.nodes[input];
            match input.operation {
                Operation::Observe { trace } => {
                    let length = block.segment.len() * block.count * input.shape.n();
                    if let Some(g) = trace_gradients.get_mut(trace).and_then(|g| g.get_mut(..length)) {
                        add(g);
                    }
                }
                _ => add(&mut below[self.range(input, block)]),
            }
        };
        match &node.operation {
            Operation::Observe { .. } | Operation::MeanSamples { .. } => {}
            Operation::Keep { input } => gradient(*input, &mut |g| add(g, own)),
            Operation::Map { inputs, function } => {
                let length = own.len();
                if length == 0 {
                    return;
                }
                let width = node.shape.n() * block.count;
                let part = observed.start * width..observed.end * width;
                let mut expanded = scratch.expanded.chunks_exact_mut(length);
                let mut array = |&input: &usize| self.expand(input, node, values, block, expanded.next());
                let arrays: Vec<&[R]> = inputs.iter().map(|input| &array(input)[part.clone()]).collect();
                let room = &mut scratch.expanded_gradients[..inputs.len() * length];
                room.fill(R::ZERO);
                let mut parts: Vec<&mut [R]> = room.chunks_exact_mut(length).map(|g| &mut g[part.clone()]).collect();
                function.gradient(&arrays, &own[part], &mut parts);
                for (&input, from) in inputs.iter().zip(room.chunks_exact(length)) {
                    let shape = self.nodes[input].shape;
                    gradient(input, &mut |g| collect(from, node.shape, shape, block.count, g));
                }
            }
            Operation::ReduceTime { input, reduction: Reduction::First, window } => {
                let z = self.value(*input, values, block);
                let room = &scratch.own.room[node.room.start * block.count..node.room.end * block.count];
                gradient(*input, &mut |g| first_spikes_gradient(own, z, window, self.dt, room, g));
            }
            Operation::ReduceTime { input, reduction, window } if self.nodes[*input].streamed => {
                let Operation::Map { inputs, function } = &self.nodes[*input].operation else { return };
                let rows = self.rows(*input, block);
                let arrays: Vec<&[R]> = inputs.iter().map(|&i| self.value(i, values, block)).collect();
                let (function, reduction) = (&**function, *reduction);
                let streamed = Streamed { function, arrays: &arrays, reduction, window, rows };
                streamed.gradient(own, fresh, &mut |k, adds| gradient(inputs[k], adds));
            }
            Operation::ReduceTime { input, reduction, window } => {
                let rows = self.rows(*input, block);
                gradient(*input, &mut |g| reduce_time_gradient(own, rows, *reduction, window, positions, g));
            }
            Operation::ReduceNeuron { input, reduction } => {
                let positions = match reduction {
                    Reduction::Max => &positions[local.start * block.count..local.end * block.count],
                    _ => positions,
                };
                let n = self.nodes[*input].shape.n();
                gradient(*input, &mut |g| reduce_neuron_gradient(own, n, *reduction, positions, g));
            }
            Operation::CrossEntropy { logits, target, over_time, window } => {
                let n = self.nodes[*logits].shape.n();
                let rows = observed.start * block.count..observed.end * block.count;
                let x = self.compared(*logits, node, window, values, block);
                let x = x.get(rows.start * n..).unwrap_or_default();
                let start = self.compared_start(*logits, node, window, block) + rows.start * n;
                let own = &own[rows.clone()];
                let place = |k| self.place_of(rows.start + k, &local, window, block, *over_time);
                gradient(*logits, &mut |g| {
                    let g = g.get_mut(start..).unwrap_or_default();
                    cross_entropy_gradient(x, n, |k| class(&block.targets[*target], place(k)), own, g);
                });
            }
            Operation::MeanSquaredError { output, target, over_time, window } => {
                let n = self.nodes[*output].shape.n();
                let rows = observed.start * block.count..observed.end * block.count;
                let x = self.compared(*output, node, window, values, block);
                let x = x.get(rows.start * n..).unwrap_or_default();
                let start = self.compared_start(*output, node, window, block) + rows.start * n;
                let own = &own[rows.clone()];
                let place = |k| self.place_of(rows.start + k, &local, window, block, *over_time);
                gradient(*output, &mut |g| {
                    let g = g.get_mut(start..).unwrap_or_default();
                    squared_error_gradient(x, n, |k| numbers(&block.targets[*target], place(k), n), own, g);
                });
            }
        }
    }
}

/// The row of an array before broadcasting that row `k` of the broadcast array (step by step, and in it sample by sample) comes from.
fn source_row(k: usize, count: usize, from: Shape) -> usize {
    if from.time.is_some() { k } else { k % count }
}

/// Adds the gradient of a broadcast array to that of the array before broadcasting.
fn collect<R: Real>(from: &[R], shape: Shape, before: Shape, count: usize, to: &mut [R]) {
    if before == shape {
        return add(to, from);
    }
    for (k, row) in from.chunks_exact(shape.n()).enumerate() {
        let start = source_row(k, count, before);
        match before.neurons {
            Some(n) => add(&mut to[start * n..][..n], row),
            None => row.iter().for_each(|&g| to[start] += g),
        }
    }
}
