//! The value of a program for one sample, and its reverse.

use super::Reduction;
use super::plan::{Operation, Plan, Shape};
use super::reduce::{
    add, first_spikes, first_spikes_gradient, reduce_neuron, reduce_neuron_gradient, reduce_time, reduce_time_gradient,
};
use super::stream::{streamed, streamed_gradient};
use crate::Real;
use crate::math;
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

/// What one sample did, and what it is compared with.
#[derive(Clone, Copy)]
pub(crate) struct Sample<'a, R> {
    /// `[block sample, steps, n]` of each trace of the plan.
    pub(crate) traces: &'a [Vec<R>],
    /// Its place in the block.
    pub(crate) slot: usize,
    /// Its place in the batch.
    pub(crate) index: usize,
    /// The targets.
    pub(crate) targets: &'a [Targets<'a, R>],
}

/// Values and gradients of all nodes of one sample.
#[derive(Debug, Default)]
pub(crate) struct Arrays<R> {
    pub(super) values: Vec<R>,
    pub(super) gradients: Vec<R>,
    room: Vec<R>,
}

impl<R: Real> Arrays<R> {
    /// Room for a plan.
    pub(super) fn prepare(&mut self, plan: &Plan<R>) {
        self.values.resize(plan.values, R::ZERO);
        self.gradients.resize(plan.values, R::ZERO);
        self.room.resize(plan.room, R::ZERO);
    }

    /// The numbers held.
    pub(super) fn count(&self) -> usize {
        self.values.capacity() + self.gradients.capacity() + self.room.capacity()
    }
}

/// The sample at work, and room for its inputs of maps.
#[derive(Debug, Default)]
pub(crate) struct Scratch<R> {
    pub(super) own: Arrays<R>,
    expanded: Vec<R>,
    expanded_gradients: Vec<R>,
}

impl<R: Real> Scratch<R> {
    /// Room for a plan.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>) {
        self.own.prepare(plan);
        self.expanded.resize(plan.widest_map, R::ZERO);
        self.expanded_gradients.resize(plan.widest_map, R::ZERO);
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        (self.own.count() + self.expanded.capacity() + self.expanded_gradients.capacity()) * size_of::<R>()
    }
}

/// The index of an entry of a broadcast array in the array before broadcasting.
#[inline]
fn source_index(t: usize, n: usize, from: Shape) -> usize {
    let (t, n) = (if from.time.is_some() { t } else { 0 }, if from.neurons.is_some() { n } else { 0 });
    t * from.n() + n
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
    /// The array of a node whose values stand in `values` or in a trace.
    fn value<'v>(&self, node: usize, values: &'v [R], sample: &Sample<'v, R>) -> &'v [R] {
        let node = &self.nodes[node];
        match node.operation {
            Operation::Observe { trace } => {
                let length = node.shape.len();
                &sample.traces[trace][sample.slot * length..][..length]
            }
            _ => &values[node.range.clone()],
        }
    }

    /// The array of a node after [`Plan::forward`].
    pub(crate) fn result<'v>(&self, node: usize, scratch: &'v Scratch<R>, sample: &Sample<'v, R>) -> &'v [R] {
        self.value(node, &scratch.own.values, sample)
    }

    /// The place of what step `t` of a sample is compared with.
    fn place(&self, sample: usize, t: usize, over_time: bool) -> usize {
        if over_time { sample * self.steps + t } else { sample }
    }

    /// A loss term after [`Plan::forward`]: the mean over the time that is left.
    pub(crate) fn loss(&self, node: usize, scratch: &Scratch<R>, sample: &Sample<'_, R>) -> f64 {
        let values = self.value(node, &scratch.own.values, sample);
        values.iter().map(|x| x.to_f64()).sum::<f64>() / values.len() as f64
    }

    /// Computes all nodes of some levels that readouts need and, if `with_losses`, those that losses need. The positions of maxima are
    /// written to `positions`, or read from there if `replay`.
    pub(crate) fn forward(
        &self,
        sample: &Sample<'_, R>,
        levels: Range<usize>,
        with_losses: bool,
        replay: bool,
        positions: &mut [u32],
        scratch: &mut Scratch<R>,
    ) {
        for node in &self.nodes {
            if !(node.for_readout || with_losses && node.for_loss) || !levels.contains(&node.level) || node.streamed {
                continue;
            }
            let (below, out) = scratch.own.values.split_at_mut(node.range.start);
            let out = &mut out[..node.range.len()];
            let positions = &mut positions[node.positions.clone()];
            match &node.operation {
                // Means over samples are filled in by `Plan::couple`.
                Operation::Observe { .. } | Operation::MeanSamples { .. } => {}
                Operation::Keep { input } => out.copy_from_slice(self.value(*input, below, sample)),
                Operation::Map { inputs, function } => {
                    let length = node.shape.len();
                    let mut expanded = scratch.expanded.chunks_exact_mut(length);
                    let arrays: Vec<&[R]> =
                        inputs.iter().map(|&i| self.expand(i, node.shape, below, sample, expanded.next())).collect();
                    function.value(&arrays, out);
                }
                Operation::ReduceTime { input, reduction: Reduction::First, window } => {
                    let x = self.value(*input, below, sample);
                    let room = &mut scratch.own.room[node.room.clone()];
                    first_spikes(x, node.shape.n(), window, self.dt, room, out);
                }
                Operation::ReduceTime { input, reduction, window } => match &self.nodes[*input].operation {
                    Operation::Map { inputs, function } if self.nodes[*input].streamed => {
                        let arrays: Vec<&[R]> = inputs.iter().map(|&i| self.value(i, below, sample)).collect();
                        streamed(&**function, &arrays, *reduction, window, out);
                    }
                    _ => {
                        let x = self.value(*input, below, sample);
                        reduce_time(x, node.shape.n(), *reduction, window, replay, positions, out);
                    }
                },
                Operation::ReduceNeuron { input, reduction } => {
                    let x = self.value(*input, below, sample);
                    let n = self.nodes[*input].shape.n();
                    reduce_neuron(x, n, *reduction, replay, positions, out);
                }
                Operation::CrossEntropy { logits, target, over_time, window } => {
                    let n = self.nodes[*logits].shape.n();
                    let x = self.value(*logits, below, sample);
                    for ((t, x), out) in window.clone().zip(x[window.start * n..].chunks_exact(n)).zip(out) {
                        let place = self.place(sample.index, t, *over_time);
                        *out = cross_entropy(x, class(&sample.targets[*target], place));
                    }
                }
                Operation::MeanSquaredError { output, target, over_time, window } => {
                    let n = self.nodes[*output].shape.n();
                    let x = self.value(*output, below, sample);
                    for ((t, x), out) in window.clone().zip(x[window.start * n..].chunks_exact(n)).zip(out) {
                        let place = self.place(sample.index, t, *over_time);
                        let y = numbers(&sample.targets[*target], place, n);
                        let mut sum = R::ZERO;
                        for (&x, &y) in x.iter().zip(y) {
                            sum += (x - y) * (x - y);
                        }
                        *out = sum / R::from_f64(n as f64);
                    }
                }
            }
        }
    }

    /// The array of an input, broadcast to `shape`.
    fn expand<'v>(
        &self,
        input: usize,
        shape: Shape,
        values: &'v [R],
        sample: &Sample<'v, R>,
        room: Option<&'v mut [R]>,
    ) -> &'v [R] {
        let x = self.value(input, values, sample);
        let from = self.nodes[input].shape;
        match room {
            Some(room) if from != shape => {
                for (t, row) in room.chunks_exact_mut(shape.n()).enumerate() {
                    for (n, e) in row.iter_mut().enumerate() {
                        *e = x[source_index(t, n, from)];
                    }
                }
                room
            }
            _ => x,
        }
    }

    /// Begins the reverse after [`Plan::forward`]: `scale` times the gradient of the summed loss terms with respect to
    /// their nodes.
    pub(crate) fn seed(&self, scale: f64, scratch: &mut Scratch<R>) {
        scratch.own.gradients.fill(R::ZERO);
        for &loss in &self.losses {
            let node = &self.nodes[loss];
            let seed = R::from_f64(scale / node.shape.len() as f64);
            scratch.own.gradients[node.range.clone()].iter_mut().for_each(|g| *g += seed);
        }
    }

    /// The reverse of the nodes of some levels after [`Plan::seed`], with respect to the traces: overwrites
    /// `trace_gradients` (`[block sample, steps, n]`, empty where no loss depends on the trace; without level 0, none).
    pub(crate) fn backward(
        &self,
        sample: &Sample<'_, R>,
        levels: Range<usize>,
        positions: &[u32],
        scratch: &mut Scratch<R>,
        trace_gradients: &mut [Vec<R>],
    ) {
        let mut slots: Vec<&mut [R]> = Vec::with_capacity(trace_gradients.len());
        for (trace, gradient) in self.traces.iter().zip(trace_gradients) {
            let length = self.steps * trace.n;
            slots.push(if trace.gradient { &mut gradient[sample.slot * length..][..length] } else { &mut [] });
        }
        slots.iter_mut().for_each(|g| g.fill(R::ZERO));
        for node in self.nodes.iter().rev().filter(|n| n.for_loss && levels.contains(&n.level) && !n.streamed) {
            let (below, own) = scratch.own.gradients.split_at_mut(node.range.start);
            let own = &own[..node.range.len()];
            let values = &scratch.own.values[..];
            let mut gradient = |input: usize, add: &mut dyn FnMut(&mut [R])| {
                let input = &self.nodes[input];
                match input.operation {
                    Operation::Observe { trace } => add(slots[trace]),
                    _ => add(&mut below[input.range.clone()]),
                }
            };
            match &node.operation {
                Operation::Observe { .. } | Operation::MeanSamples { .. } => {}
                Operation::Keep { input } => {
                    gradient(*input, &mut |g| g.iter_mut().zip(own).for_each(|(g, &own)| *g += own));
                }
                Operation::Map { inputs, function } => {
                    let length = node.shape.len();
                    let mut expanded = scratch.expanded.chunks_exact_mut(length);
                    let arrays: Vec<&[R]> =
                        inputs.iter().map(|&i| self.expand(i, node.shape, values, sample, expanded.next())).collect();
                    let room = &mut scratch.expanded_gradients[..inputs.len() * length];
                    room.fill(R::ZERO);
                    let mut arrays_gradient: Vec<&mut [R]> = room.chunks_exact_mut(length).collect();
                    function.gradient(&arrays, own, &mut arrays_gradient);
                    for (&input, from) in inputs.iter().zip(&arrays_gradient) {
                        let shape = self.nodes[input].shape;
                        gradient(input, &mut |g| collect(from, node.shape.n(), shape, g));
                    }
                }
                Operation::ReduceTime { input, reduction: Reduction::First, window } => {
                    let z = self.value(*input, values, sample);
                    let room = &scratch.own.room[node.room.clone()];
                    gradient(*input, &mut |g| first_spikes_gradient(own, z, window, self.dt, room, g));
                }
                Operation::ReduceTime { input, reduction, window } if self.nodes[*input].streamed => {
                    let Operation::Map { inputs, function } = &self.nodes[*input].operation else { continue };
                    let arrays: Vec<&[R]> = inputs.iter().map(|&i| self.value(i, values, sample)).collect();
                    streamed_gradient(&**function, &arrays, *reduction, window, own, &mut |k, first, piece| {
                        gradient(inputs[k], &mut |g| add(&mut g[first..], piece));
                    });
                }
                Operation::ReduceTime { input, reduction, window } => {
                    let positions = &positions[node.positions.clone()];
                    gradient(*input, &mut |g| reduce_time_gradient(own, *reduction, window, positions, g));
                }
                Operation::ReduceNeuron { input, reduction } => {
                    let positions = &positions[node.positions.clone()];
                    let n = self.nodes[*input].shape.n();
                    gradient(*input, &mut |g| reduce_neuron_gradient(own, n, *reduction, positions, g));
                }
                Operation::CrossEntropy { logits, target, over_time, window } => {
                    let n = self.nodes[*logits].shape.n();
                    let x = &self.value(*logits, values, sample)[window.start * n..];
                    gradient(*logits, &mut |g| {
                        let g = g[window.start * n..].chunks_exact_mut(n);
                        for (((t, x), g), &own) in window.clone().zip(x.chunks_exact(n)).zip(g).zip(own) {
                            let place = self.place(sample.index, t, *over_time);
                            cross_entropy_gradient(x, class(&sample.targets[*target], place), own, g);
                        }
                    });
                }
                Operation::MeanSquaredError { output, target, over_time, window } => {
                    let n = self.nodes[*output].shape.n();
                    let x = &self.value(*output, values, sample)[window.start * n..];
                    gradient(*output, &mut |g| {
                        let g = g[window.start * n..].chunks_exact_mut(n);
                        for (((t, x), g), &own) in window.clone().zip(x.chunks_exact(n)).zip(g).zip(own) {
                            let y = numbers(&sample.targets[*target], self.place(sample.index, t, *over_time), n);
                            let slope = own * R::from_f64(2.0 / n as f64);
                            for ((g, &x), &y) in g.iter_mut().zip(x).zip(y) {
                                *g += slope * (x - y);
                            }
                        }
                    });
                }
            }
        }
    }
}

/// Adds the gradient of a broadcast array to that of the array before broadcasting.
fn collect<R: Real>(from: &[R], n: usize, shape: Shape, to: &mut [R]) {
    if shape.len() == from.len() {
        return add(to, from);
    }
    for (t, row) in from.chunks_exact(n).enumerate() {
        for (j, &g) in row.iter().enumerate() {
            to[source_index(t, j, shape)] += g;
        }
    }
}

/// The largest entry (the first NaN if it comes first) and the sum of `exp(x - largest)`.
fn softmax_parts<R: Real>(x: &[R]) -> (R, R) {
    let mut largest = x[0];
    x.iter().for_each(|&x| largest = math::max(x, largest));
    let mut sum = R::ZERO;
    x.iter().for_each(|&x| sum += math::exp(x - largest));
    (largest, sum)
}

fn cross_entropy<R: Real>(x: &[R], class: usize) -> R {
    let (largest, sum) = softmax_parts(x);
    math::ln(sum) - (x[class] - largest)
}

fn cross_entropy_gradient<R: Real>(x: &[R], class: usize, own: R, g: &mut [R]) {
    let (largest, sum) = softmax_parts(x);
    for (j, (g, &x)) in g.iter_mut().zip(x).enumerate() {
        let indicator = if j == class { R::ONE } else { R::ZERO };
        *g += own * (math::exp(x - largest) / sum - indicator);
    }
}
