//! The gradients of weights and biases from the errors of a block: only rows whose source fired are touched.

use super::call::Call;
use super::forward::input_train;
use super::packed::{NARROW, TILE, tiles};
use super::plan::ProjectionPlan;
use super::workspace::{Lane, Scratch};
use crate::graph::Source;
use crate::neuron::Mode;
use crate::simd::{Loops, dispatch};
use crate::{Real, SpikeTrain};

/// The spikes of one sample sorted by neuron: the ascending steps in which each fired.
#[derive(Debug, Default)]
pub(crate) struct EventsByRow {
    /// `starts[row] .. starts[row + 1]` is the range of a neuron in `times`.
    starts: Vec<u32>,
    times: Vec<u32>,
}

impl EventsByRow {
    /// Counting sort.
    fn sort(&mut self, train: &SpikeTrain, rows: usize) {
        self.starts.clear();
        self.starts.resize(rows + 2, 0);
        self.times.resize(train.len(), 0);
        let count = &mut self.starts[2..];
        for t in 0..train.steps() {
            train.step(t).iter().for_each(|&row| count[row as usize] += 1);
        }
        let mut sum = 0;
        for count in count {
            sum += *count;
            *count = sum;
        }
        // `starts[row + 1]` moves from the beginning of a row to its end while the row is filled.
        let next = &mut self.starts[1..];
        for t in 0..train.steps() {
            for &row in train.step(t) {
                let place = &mut next[row as usize];
                self.times[*place as usize] = t as u32;
                *place += 1;
            }
        }
        self.starts.truncate(rows + 1);
    }

    pub(crate) fn bytes(&self) -> usize {
        4 * (self.starts.capacity() + self.times.capacity())
    }
}

/// Adds the gradients of a block of `count` samples, the first of which is sample `first` of the batch.
pub(crate) fn add_gradients<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    lane: &mut Lane<R>,
    first: usize,
    count: usize,
) {
    let plan = call.plan;
    for slot in 0..count {
        let inputs = (0..plan.inputs.len()).map(Source::Input);
        for source in inputs.chain((0..plan.populations.len()).map(Source::Population)) {
            let mut sorted = false;
            for p in plan.projections.iter().filter(|p| p.source == source && !p.frozen) {
                let Some(last) = scratch.last_live[p.target] else { continue };
                let train = match source {
                    Source::Input(input) => input_train(call, &scratch.inputs, input, slot, first + slot),
                    Source::Population(population) => &scratch.trains[population][slot],
                };
                if !std::mem::replace(&mut sorted, true) {
                    scratch.events.sort(train, p.rows);
                }
                let errors = Errors::new(call, &scratch.errors[p.target], p, slot, last);
                if let Some(bias) = p.bias.clone() {
                    errors.add_sum(&mut lane.gradient[bias]);
                }
                let gradient = &mut lane.gradient[p.weight.clone()];
                match source {
                    Source::Population(population) if call.mode != Mode::Spiking => {
                        let z = &scratch.z[population][slot * plan.simulation.steps * p.rows..];
                        errors.add_weighted(z, p, gradient);
                    }
                    _ => errors.add_rows(&scratch.events, p.delay, &mut scratch.slab, gradient),
                }
            }
        }
    }
}

/// The errors of one port in one sample: row `t` is at `t * stride`, `columns` long.
struct Errors<'a, R> {
    values: &'a [R],
    stride: usize,
    columns: usize,
    /// The rows that are not zero.
    steps: usize,
    /// All rows.
    total: usize,
}

impl<'a, R: Real> Errors<'a, R> {
    fn new(call: &Call<'_, '_, R>, errors: &'a [R], p: &ProjectionPlan, slot: usize, last: usize) -> Self {
        let total = call.plan.simulation.steps;
        let stride = call.plan.populations[p.target].incoming.len() * p.columns;
        let values = &errors[slot * total * stride + p.port * p.columns..];
        Self { values, stride, columns: p.columns, steps: last + 1, total }
    }

    fn row(&self, t: usize) -> &[R] {
        &self.values[t * self.stride..][..self.columns]
    }

    /// The sum over time.
    fn add_sum(&self, gradient: &mut [R]) {
        for t in 0..self.steps {
            gradient.iter_mut().zip(self.row(t)).for_each(|(g, &e)| *g += e);
        }
    }

    /// Smooth mode: every neuron sends a number in every step.
    fn add_weighted(&self, z: &[R], p: &ProjectionPlan, gradient: &mut [R]) {
        for t in p.delay..self.steps {
            let z = &z[(t - p.delay) * p.rows..][..p.rows];
            for (row, &z) in gradient.chunks_exact_mut(p.columns).zip(z) {
                row.iter_mut().zip(self.row(t)).for_each(|(g, &e)| *g = z.mul_add(e, *g));
            }
        }
    }

    /// For each row of weights the sum of the errors at the steps in which its spikes arrived.
    fn add_rows(&self, events: &EventsByRow, delay: usize, slab: &mut [R], gradient: &mut [R]) {
        for (start, width) in tiles(self.columns) {
            let used = width.min(self.columns - start);
            let slab = &mut slab[..self.total * width];
            for (t, to) in slab.chunks_exact_mut(width).enumerate() {
                let arrival = t + delay;
                if arrival < self.steps {
                    to[..used].copy_from_slice(&self.row(arrival)[start..start + used]);
                    to[used..].fill(R::ZERO);
                } else {
                    to.fill(R::ZERO);
                }
            }
            dispatch(AddRowSums { events, slab, width, start, columns: self.columns, gradient });
        }
    }
}

struct AddRowSums<'a, R> {
    events: &'a EventsByRow,
    slab: &'a [R],
    width: usize,
    start: usize,
    columns: usize,
    gradient: &'a mut [R],
}

impl<R: Real> Loops for AddRowSums<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        match self.width {
            TILE => self.tile::<TILE>(),
            _ => self.tile::<NARROW>(),
        }
    }
}

impl<R: Real> AddRowSums<'_, R> {
    #[inline(always)]
    fn tile<const WIDTH: usize>(self) {
        let (slab, _) = self.slab.as_chunks::<WIDTH>();
        let used = WIDTH.min(self.columns - self.start);
        let rows = self.gradient.chunks_exact_mut(self.columns);
        for (row, bounds) in rows.zip(self.events.starts.windows(2)) {
            let times = &self.events.times[bounds[0] as usize..bounds[1] as usize];
            if times.is_empty() {
                continue;
            }
            let mut sum = [R::ZERO; WIDTH];
            for &t in times {
                let error = &slab[t as usize];
                sum = std::array::from_fn(|j| sum[j] + error[j]);
            }
            let row = &mut row[self.start..];
            match row.first_chunk_mut::<WIDTH>() {
                Some(row) => *row = std::array::from_fn(|j| row[j] + sum[j]),
                None => row[..used].iter_mut().zip(&sum).for_each(|(g, &s)| *g += s),
            }
        }
    }
}
