//! The gradients of weights and biases from the errors of a block: only rows whose source fired are touched.

use super::call::Call;
use super::events_by_row::EventsByRow;
use super::packed::{NARROW, TILE, is_paired, sum_of, sums_of, tiles};
use super::plan::PopulationPlan;
use super::projection::ProjectionPlan;
use super::sent::{Message, Sent};
use super::wiring::Wiring;
use super::workspace::{Lane, Scratch};
use crate::Real;
use crate::graph::Source;
use crate::neuron::Mode;
use crate::simd::{Loops, dispatch, prefetch};
use std::ops::Range;

/// Adds the gradients of a piece of the time axis in a block.
pub(crate) fn add_gradients<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    lane: &mut Lane<R>,
    piece: Range<usize>,
) {
    let plan = call.plan;
    let (count, from) = (scratch.sent.count, scratch.from);
    for slot in 0..count {
        scratch.live.clear();
        for (target, p) in plan.populations.iter().enumerate() {
            let reached = scratch.last_live[target].map_or(piece.start, |last| piece.end.min(last + 1));
            let end = end_of_errors(&scratch.errors[target], p, (count, slot), from, piece.start..reached);
            scratch.live.push(piece.start..end);
        }
        let end = scratch.live.iter().map(|live| live.end).max().unwrap_or_default();
        if end <= piece.start {
            continue;
        }
        sort_spikes(call, scratch, slot, &(piece.start..end));
        for (target, p) in plan.populations.iter().enumerate() {
            let live = scratch.live[target].clone();
            if live.is_empty() {
                continue;
            }
            for (port, list) in p.incoming.iter().enumerate() {
                let trained = || list.iter().map(|&j| &plan.projections[j]).filter(|p| !p.frozen);
                let by_tiles = || list.iter().map(|&j| (j, &plan.projections[j])).filter(|(_, p)| p.is_by_tiles(call));
                let errors = Errors::new(&scratch.errors[target], p, (count, slot), port, from, live.clone());
                for p in trained() {
                    if let Some(bias) = p.bias.clone() {
                        errors.of(&p.targets).add_sum(lane.gradient.part(bias), p.columns_of_a_bias);
                    }
                    // What was sent before the window is not in the lists of spikes by row.
                    let early = if call.carry.is_empty() { 0 } else { p.delay };
                    let end = if p.is_by_tiles(call) { live.end.min(early) } else { live.end };
                    if live.start < end {
                        let gradient = lane.gradient.part(p.weight.clone());
                        let errors = errors.of(&p.targets);
                        add_by_steps(call, &scratch.sent, p, slot, live.start..end, &errors, gradient);
                    }
                }
                if by_tiles().next().is_none() {
                    continue;
                }
                for (j, p) in by_tiles() {
                    let Some(sorted) = p.sorted else { continue };
                    let rows = scratch.events[sorted].rows(&p.sources);
                    let fresh = &mut scratch.fresh[j];
                    lane.gradient.begin_rows(&plan.places, j, rows, p.sources.start, fresh);
                }
                for (start, width) in tiles(p.n, TILE) {
                    let slab = &mut scratch.slab[..live.len() * width];
                    dispatch(CutTile { errors: &errors, slab, width, start });
                    for (j, p) in by_tiles() {
                        let Some(sorted) = p.sorted else { continue };
                        let gradient = lane.gradient.part(p.weight.clone());
                        let (slab, columns, sources) = (&slab[..], p.columns, p.sources.clone());
                        // Spikes that arrive before the piece are not in the list.
                        let shift = p.delay.saturating_sub(piece.start);
                        let (events, fresh) = (&scratch.events[sorted], &scratch.fresh[j][..]);
                        dispatch(AddRowSums { events, sources, fresh, slab, shift, width, start, columns, gradient });
                    }
                }
            }
        }
    }
}

/// The end of the steps of a range in which a sample has errors: where losses read a maximum over time, it has none behind that.
fn end_of_errors<R: Real>(
    errors: &[R],
    p: &PopulationPlan<R>,
    (count, slot): (usize, usize),
    from: usize,
    steps: Range<usize>,
) -> usize {
    let (start, width) = (steps.start, count * p.n);
    let has_some = |t: &usize| {
        let mut ports = (0..p.incoming.len()).map(|port| ((t - from) * p.incoming.len() + port) * width + slot * p.n);
        // Without an early end, so that they are compared in vectors.
        ports.any(|place| errors[place..][..p.n].iter().fold(false, |any, &e| any | (e != R::ZERO)))
    };
    steps.rev().find(has_some).map_or(start, |last| last + 1)
}

/// Sorts the spikes that arrive in some steps, for each source and delay with which some do.
fn sort_spikes<R: Real>(call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, slot: usize, piece: &Range<usize>) {
    for (&(source, delay), events) in call.plan.sorted.iter().zip(&mut scratch.events) {
        let steps = piece.start.saturating_sub(delay)..piece.end.saturating_sub(delay);
        match source {
            Source::Input(input) => {
                let train = scratch.sent.input(call, input, slot);
                events.sort(train, steps, call.plan.inputs[input].size);
            }
            Source::Population(population) => {
                let all = &scratch.sent.trains[population][slot];
                let train = scratch.sent.dropped[population].trains.get(slot).unwrap_or(all);
                events.sort(train, steps, call.plan.populations[population].n);
            }
        }
    }
}

impl ProjectionPlan {
    /// Its weight gradients are the sums of the errors over the spikes of each row, tile by tile.
    fn is_by_tiles<R: Real>(&self, call: &Call<'_, '_, R>) -> bool {
        let spikes = call.mode == Mode::Spiking || matches!(self.source, Source::Input(_));
        spikes && self.sorted.is_some()
    }
}

/// What arrived in each step of the range, times the errors of that step.
fn add_by_steps<R: Real>(
    call: &Call<'_, '_, R>,
    sent: &Sent<R>,
    p: &ProjectionPlan,
    slot: usize,
    range: Range<usize>,
    errors: &Errors<'_, R>,
    gradient: &mut [R],
) {
    let first = p.sources.start;
    for arrival in range {
        let errors = errors.row(arrival - errors.first);
        let Some(message) = sent.message(call, p, slot, arrival) else { continue };
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

/// The errors of one port in some steps of one sample: row `t` is at `t * stride`, `columns` long.
struct Errors<'a, R> {
    values: &'a [R],
    stride: usize,
    columns: usize,
    /// The step of row 0.
    first: usize,
    /// The number of rows.
    steps: usize,
}

impl<'a, R: Real> Errors<'a, R> {
    /// Of `errors` of population `p`, which begin with step `from`.
    fn new(
        errors: &'a [R],
        p: &PopulationPlan<R>,
        (count, slot): (usize, usize),
        port: usize,
        from: usize,
        steps: Range<usize>,
    ) -> Self {
        let width = count * p.n;
        let stride = p.incoming.len() * width;
        let start = (steps.start - from) * stride + port * width + slot * p.n;
        Self { values: &errors[start..], stride, columns: p.n, first: steps.start, steps: steps.len() }
    }

    /// Those of some of the neurons.
    fn of(&self, targets: &Range<usize>) -> Self {
        Self { values: &self.values[targets.start..], columns: targets.len(), ..*self }
    }

    #[inline(always)]
    fn row(&self, t: usize) -> &[R] {
        &self.values[t * self.stride..][..self.columns]
    }

    /// Adds those of the columns from `start` on, step by step, to sums that stay in registers.
    #[inline(always)]
    fn add_to<const WIDTH: usize>(&self, sums: &mut [[R; WIDTH]], start: usize) {
        for (k, to) in sums.iter_mut().enumerate() {
            let mut sum = *to;
            for t in 0..self.steps {
                let Some(row) = self.row(t)[start + k * WIDTH..].first_chunk::<WIDTH>() else { return };
                sum = std::array::from_fn(|j| sum[j] + row[j]);
            }
            *to = sum;
        }
    }

    /// The sum over time, and over so many columns in a row.
    fn add_sum(&self, gradient: &mut [R], columns: usize) {
        dispatch(AddSum { errors: self, gradient, columns });
    }
}

/// See [`Errors::add_sum`].
struct AddSum<'a, R> {
    errors: &'a Errors<'a, R>,
    gradient: &'a mut [R],
    columns: usize,
}

impl<R: Real> Loops for AddSum<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        let Self { errors, gradient, columns } = self;
        if columns == 1 {
            let (wide, rest) = gradient.as_chunks_mut::<TILE>();
            let (narrow, last) = rest.as_chunks_mut::<NARROW>();
            let start = wide.len() * TILE;
            errors.add_to(wide, 0);
            errors.add_to(narrow, start);
            errors.add_to(last.as_chunks_mut::<1>().0, start + narrow.len() * NARROW);
            return;
        }
        for t in 0..errors.steps {
            let sums = gradient.iter_mut().zip(errors.row(t).chunks(columns));
            sums.for_each(|(g, errors)| errors.iter().for_each(|&e| *g += e));
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
            // Behind the errors of a tile that is not full are others: nobody reads what their sums are.
            let from = &self.errors.values[t * self.errors.stride + self.start..];
            match from.first_chunk::<WIDTH>() {
                Some(chunk) => *to = *chunk,
                None => to[..from.len()].copy_from_slice(from),
            }
        }
    }
}

/// For each row of weights the sum of the errors at the steps in which its spikes arrived, for one tile of columns.
struct AddRowSums<'a, R> {
    events: &'a EventsByRow,
    /// The neurons that are rows.
    sources: Range<usize>,
    /// Of each of them that fired: its sum is written over what is there.
    fresh: &'a [bool],
    /// `[steps, width]`; spikes that arrive later meet no error.
    slab: &'a [R],
    /// The place in the slab where spikes of time 0 arrive.
    shift: usize,
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
            TILE => self.tile::<TILE, BYTES>(),
            _ => self.tile::<NARROW, BYTES>(),
        }
    }
}

/// How many rows ahead a row is fetched from the second-level cache.
const FETCH: usize = 4;

impl<'a, R: Real> AddRowSums<'a, R> {
    #[inline(always)]
    fn tile<const WIDTH: usize, const BYTES: usize>(mut self) {
        let (slab, _) = self.slab.as_chunks::<WIDTH>();
        let shift = self.shift;
        let place = |time: u8| usize::from(time) + shift;
        let events = self.events;
        let active = events.rows(&self.sources);
        let (first, columns, start) = (self.sources.start, self.columns, self.start);
        let fetch = |gradient: &[R], i: usize| {
            if let Some(&next) = active.get(i + FETCH) {
                let next = (next as usize - first) * columns + start;
                prefetch(&gradient[next..][..WIDTH.min(columns - start)]);
            }
        };
        let zero = [R::ZERO; WIDTH];
        let mut done = 0;
        if const { is_paired::<R>(WIDTH, BYTES) } {
            let (pairs, _) = active.as_chunks::<2>();
            for &[a, b] in pairs {
                fetch(self.gradient, done);
                fetch(self.gradient, done + 1);
                let lists = [self.times(a, slab.len()), self.times(b, slab.len())];
                let [sum_a, sum_b] = sums_of(slab, lists, place, [zero, zero]);
                self.add(done, a, sum_a);
                self.add(done + 1, b, sum_b);
                done += 2;
            }
        }
        for (i, &row) in active.iter().enumerate().skip(done) {
            fetch(self.gradient, i);
            let sum = sum_of(slab, self.times(row, slab.len()), place, zero);
            self.add(i, row, sum);
        }
    }

    /// The times of a row at which there are errors: those of the first `steps` steps.
    #[inline(always)]
    fn times(&self, row: u32, steps: usize) -> &'a [u8] {
        let mut times = self.events.times(row);
        while let [rest @ .., last] = times
            && usize::from(*last) + self.shift >= steps
        {
            times = rest;
        }
        times
    }

    #[inline(always)]
    fn add<const WIDTH: usize>(&mut self, i: usize, row: u32, sum: [R; WIDTH]) {
        let place = (row as usize - self.sources.start) * self.columns + self.start;
        let row = &mut self.gradient[place..][..WIDTH.min(self.columns - self.start)];
        match row.first_chunk_mut::<WIDTH>() {
            Some(row) if self.fresh[i] => *row = sum,
            Some(row) => *row = std::array::from_fn(|j| row[j] + sum[j]),
            None => add_part(row, self.fresh[i], sum),
        }
    }
}

/// By itself, so that the compiler does not take other sums apart.
#[inline(never)]
fn add_part<R: Real, const WIDTH: usize>(row: &mut [R], fresh: bool, sum: [R; WIDTH]) {
    if fresh {
        row.copy_from_slice(&sum[..row.len()]);
    } else {
        row.iter_mut().zip(&sum).for_each(|(g, &s)| *g += s);
    }
}
