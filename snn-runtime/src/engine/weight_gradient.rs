//! The gradients of weights and biases from the errors of a block: only rows whose source fired are touched.

use super::call::Call;
use super::packed::{NARROW, TILE, tiles};
use super::projection::{Carried, ProjectionPlan};
use super::sent::{Message, Sent, within};
use super::wiring::Wiring;
use super::workspace::{Lane, Scratch};
use crate::graph::Source;
use crate::neuron::Mode;
use crate::simd::{Loops, dispatch, prefetch};
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// The spikes of one sample sorted by neuron: the ascending steps in which each fired.
#[derive(Debug, Default)]
pub(crate) struct EventsByRow {
    /// `starts[row] .. starts[row + 1]` is the range of a neuron in `times`.
    starts: Vec<u32>,
    times: Vec<u32>,
    /// The neurons that fired.
    active: Vec<u32>,
}

impl EventsByRow {
    /// Counting sort.
    fn sort(&mut self, train: &SpikeTrain, rows: usize) {
        self.starts.clear();
        self.starts.resize(rows + 2, 0);
        let count = &mut self.starts[2..];
        train.spikes().iter().for_each(|&row| count[row as usize] += 1);
        self.active.resize(rows, 0);
        let (mut sum, mut active) = (0, 0);
        for (row, count) in count.iter_mut().enumerate() {
            // Written over by the next, unless it counts: neurons that fire are anywhere, and a decision would be foreseen
            // wrongly.
            self.active[active] = row as u32;
            active += usize::from(*count > 0);
            sum += *count;
            *count = sum;
        }
        self.active.truncate(active);
        // `starts[row + 1]` moves from the beginning of a row to its end while the row is filled.
        let next = &mut self.starts[1..];
        self.times.resize(train.len(), 0);
        let times = &mut self.times[..];
        for t in 0..train.steps() {
            for &row in train.step(t) {
                let place = &mut next[row as usize];
                times[*place as usize] = t as u32;
                *place += 1;
            }
        }
        self.starts.truncate(rows + 1);
    }

    pub(crate) fn bytes(&self) -> usize {
        4 * (self.starts.capacity() + self.times.capacity() + self.active.capacity())
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
    let inputs = plan.inputs.len();
    let source_index = |source| match source {
        Source::Input(input) => input,
        Source::Population(population) => inputs + population,
    };
    for slot in 0..count {
        for (index, input) in plan.inputs.iter().enumerate() {
            let train = scratch.sent.input(call, index, slot, first + slot);
            scratch.events[index].sort(train, input.size);
        }
        for (index, p) in plan.populations.iter().enumerate().filter(|(_, p)| !p.outgoing.is_empty()) {
            let all = &scratch.sent.trains[index][slot];
            let train = scratch.sent.dropped[index].trains.get(slot).unwrap_or(all);
            scratch.events[inputs + index].sort(train, p.n);
        }
        for (target, p) in plan.populations.iter().enumerate() {
            let Some(last) = scratch.last_live[target] else { continue };
            for (port, list) in p.incoming.iter().enumerate() {
                let trained = || list.iter().map(|&j| &plan.projections[j]).filter(|p| !p.frozen);
                let errors = Errors::new(call, &scratch.errors[target], target, port, slot, last);
                for p in trained() {
                    if let Some(bias) = p.bias.clone() {
                        errors.of(&p.targets).add_sum(&mut lane.gradient[bias], p.columns_of_a_bias);
                    }
                    // What was sent before the window is not in the lists of spikes by row.
                    let early = if call.carry.is_empty() { 0 } else { p.delay.min(errors.steps) };
                    let range = if by_tiles(call, p, plan.populations[target].n) { 0..early } else { 0..errors.steps };
                    if !range.is_empty() {
                        let gradient = &mut lane.gradient[p.weight.clone()];
                        let errors = errors.of(&p.targets);
                        add_by_steps(call, &scratch.sent, p, (slot, first + slot), range, &errors, gradient);
                    }
                }
                if !trained().any(|q| by_tiles(call, q, p.n)) {
                    continue;
                }
                for (start, width) in tiles(p.n) {
                    let slab = &mut scratch.slab[..errors.steps * width];
                    dispatch(CutTile { errors: &errors, slab, width, start });
                    for p in trained().filter(|q| by_tiles(call, q, p.n)) {
                        let gradient = &mut lane.gradient[p.weight.clone()];
                        let events = &scratch.events[source_index(p.source)];
                        let (slab, columns, delay, sources) = (&slab[..], p.columns, p.delay, p.sources.clone());
                        dispatch(AddRowSums { events, sources, slab, delay, width, start, columns, gradient });
                    }
                }
            }
        }
    }
}

/// Spikes through dense weights to all `n` neurons of a population: the sums of the errors of each row, tile by tile.
fn by_tiles<R: Real>(call: &Call<'_, '_, R>, p: &ProjectionPlan, n: usize) -> bool {
    let spikes = match p.source {
        Source::Input(_) => p.carried == Carried::Spikes,
        Source::Population(_) => p.carried == Carried::Spikes && call.mode == Mode::Spiking,
    };
    spikes && matches!(p.wiring, Wiring::Dense) && p.columns == n
}

/// What arrived in each step of the range, times the errors of that step.
fn add_by_steps<R: Real>(
    call: &Call<'_, '_, R>,
    sent: &Sent<R>,
    p: &ProjectionPlan,
    place: (usize, usize),
    range: Range<usize>,
    errors: &Errors<'_, R>,
    gradient: &mut [R],
) {
    let first = p.sources.start;
    for arrival in range {
        let errors = errors.row(arrival);
        let Some(message) = sent.message(call, p, place, arrival) else { continue };
        match (message, &p.wiring) {
            (Message::Spikes(list), Wiring::Dense) => {
                for &row in list {
                    let row = &mut gradient[(row as usize - first) * p.columns..][..p.columns];
                    row.iter_mut().zip(errors).for_each(|(g, &e)| *g += e);
                }
            }
            (Message::Spikes(list), wiring) => wiring.add_spike_gradient(list, first, errors, gradient),
            (Message::Values(x), Wiring::Dense) => dispatch(AddOuter { x, errors, gradient }),
            (Message::Values(x), wiring) => wiring.add_value_gradient(x, errors, gradient),
        }
    }
}

/// `gradient[row, column] += x[row] errors[column]`
struct AddOuter<'a, R> {
    x: &'a [R],
    errors: &'a [R],
    gradient: &'a mut [R],
}

impl<R: Real> Loops for AddOuter<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        for (row, &x) in self.gradient.chunks_exact_mut(self.errors.len()).zip(self.x) {
            row.iter_mut().zip(self.errors).for_each(|(g, &e)| *g = x.mul_add(e, *g));
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
}

impl<'a, R: Real> Errors<'a, R> {
    fn new(call: &Call<'_, '_, R>, errors: &'a [R], target: usize, port: usize, slot: usize, last: usize) -> Self {
        let p = &call.plan.populations[target];
        let stride = p.incoming.len() * p.n;
        let values = &errors[slot * call.plan.simulation.steps * stride + port * p.n..];
        Self { values, stride, columns: p.n, steps: last + 1 }
    }

    /// Those of some of the neurons.
    fn of(&self, targets: &Range<usize>) -> Self {
        Self { values: &self.values[targets.start..], columns: targets.len(), ..*self }
    }

    #[inline(always)]
    fn row(&self, t: usize) -> &[R] {
        &self.values[t * self.stride..][..self.columns]
    }

    /// The sum over time, and over so many columns in a row.
    fn add_sum(&self, gradient: &mut [R], columns: usize) {
        for t in 0..self.steps {
            let errors = self.row(t).chunks(columns);
            gradient.iter_mut().zip(errors).for_each(|(g, errors)| errors.iter().for_each(|&e| *g += e));
        }
    }
}

/// Puts one tile of columns of the errors side by side, so that it stays in the first-level cache.
struct CutTile<'a, R> {
    errors: &'a Errors<'a, R>,
    slab: &'a mut [R],
    width: usize,
    start: usize,
}

impl<R: Real> Loops for CutTile<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        match self.width {
            TILE => self.tile::<TILE>(),
            _ => self.tile::<NARROW>(),
        }
    }
}

impl<R: Real> CutTile<'_, R> {
    #[inline(always)]
    fn tile<const WIDTH: usize>(self) {
        let (slab, _) = self.slab.as_chunks_mut::<WIDTH>();
        for (t, to) in slab.iter_mut().enumerate() {
            let from = &self.errors.row(t)[self.start..];
            match from.first_chunk::<WIDTH>() {
                Some(chunk) => *to = *chunk,
                None => {
                    to[..from.len()].copy_from_slice(from);
                    to[from.len()..].fill(R::ZERO);
                }
            }
        }
    }
}

/// For each row of weights the sum of the errors at the steps in which its spikes arrived, for one tile of columns.
struct AddRowSums<'a, R> {
    events: &'a EventsByRow,
    /// The neurons that are rows.
    sources: Range<usize>,
    /// `[steps, width]`; spikes that arrive later meet no error.
    slab: &'a [R],
    delay: usize,
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

/// How many rows ahead a row is fetched from the second-level cache.
const FETCH: usize = 2;

impl<R: Real> AddRowSums<'_, R> {
    #[inline(always)]
    fn tile<const WIDTH: usize>(self) {
        let (slab, _) = self.slab.as_chunks::<WIDTH>();
        let place = |row: u32| (row as usize - self.sources.start) * self.columns + self.start;
        let used = WIDTH.min(self.columns - self.start);
        let active = within(&self.events.active, &self.sources);
        for (i, &row) in active.iter().enumerate() {
            if let Some(&next) = active.get(i + FETCH) {
                prefetch(&self.gradient[place(next)..][..used]);
            }
            let bounds = &self.events.starts[row as usize..row as usize + 2];
            let mut sum = [R::ZERO; WIDTH];
            for &t in &self.events.times[bounds[0] as usize..bounds[1] as usize] {
                let Some(error) = slab.get(t as usize + self.delay) else { break };
                sum = std::array::from_fn(|j| sum[j] + error[j]);
            }
            let row = &mut self.gradient[place(row)..][..used];
            match row.first_chunk_mut::<WIDTH>() {
                Some(row) => *row = std::array::from_fn(|j| row[j] + sum[j]),
                None => row.iter_mut().zip(&sum).for_each(|(g, &s)| *g += s),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_sorted_by_neuron() {
        let mut events = EventsByRow::default();
        // The memory of greater ones is used again.
        for (steps, rows, period) in [(130, 70, 3), (0, 5, 1), (9, 4, 1), (40, 30, 1000), (100, 64, 7)] {
            let fires = |t: u32, row: u32| row % 5 != 2 && (t * 7 + row * 3).is_multiple_of(period);
            let mut train = SpikeTrain::new();
            for t in 0..steps {
                (0..rows).filter(|&row| fires(t, row)).for_each(|row| train.push(row));
                train.end_step();
            }
            events.sort(&train, rows as usize);
            let times = |row: u32| (0..steps).filter(move |&t| fires(t, row));
            assert_eq!(events.starts.len(), rows as usize + 1);
            for (row, bounds) in (0..).zip(events.starts.windows(2)) {
                assert!(events.times[bounds[0] as usize..bounds[1] as usize].iter().copied().eq(times(row)));
            }
            assert!(events.active.iter().copied().eq((0..rows).filter(|&row| times(row).next().is_some())));
            assert_eq!(events.times.len(), train.len());
        }
    }
}
