//! The gradient of a lane: memory that is not cleared as a whole.
//!
//! Of dense weights only the rows are touched whose source fired. So the first sum of a row is written over what is there, the others
//! are added, and a row that no lane has begun is 0 without ever being read.

use super::plan::Plan;
use super::projection::ProjectionPlan;
use crate::Real;
use crate::aligned::Aligned;
use crate::simd::sums;
use crate::threads::PIECE;
use rayon::prelude::*;
use std::ops::Range;

/// The places of a gradient, by how they begin.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Matrices whose rows begin one by one.
    matrices: Vec<Matrix>,
    /// Per projection the matrix of its weights, if it is one of these.
    of_projections: Vec<Option<usize>>,
    /// Everything else.
    rest: Vec<Range<usize>>,
    /// The rows of all matrices.
    rows: usize,
}

/// A matrix whose rows begin one by one.
#[derive(Clone, Debug)]
struct Matrix {
    weight: Range<usize>,
    columns: usize,
    /// The number of its first row among those of all matrices.
    first: usize,
}

impl Places {
    /// Of a gradient of `length` numbers.
    pub(crate) fn new(projections: &[ProjectionPlan], length: usize) -> Self {
        let mut places = Self::default();
        // Whoever has the same weights must have them row by row, too.
        let by_rows = |lead: usize| projections.iter().filter(|p| p.lead == lead).all(|p| p.sorted.is_some());
        let leads = projections.iter().enumerate().filter(|(j, p)| p.lead == *j && by_rows(*j));
        for (_, p) in leads {
            let matrix = Matrix { weight: p.weight.clone(), columns: p.columns, first: places.rows };
            places.rows += p.rows;
            places.matrices.push(matrix);
        }
        places.matrices.sort_by_key(|matrix| matrix.weight.start);
        let mut end = 0;
        for matrix in &places.matrices {
            places.rest.push(end..matrix.weight.start);
            end = matrix.weight.end;
        }
        places.rest.push(end..length);
        let of = |p: &ProjectionPlan| places.matrices.iter().position(|matrix| matrix.weight == p.weight);
        places.of_projections = projections.iter().map(of).collect();
        places
    }
}

/// The gradient of a lane, in the layout of the parameters.
#[derive(Debug, Default)]
pub(crate) struct LaneGradient<R> {
    values: Aligned<R>,
    /// A bit for each row of [`Places::matrices`]: it has been begun.
    begun: Vec<u64>,
}

/// Whether a row has been begun.
fn has(begun: &[u64], row: usize) -> bool {
    begun[row / 64] >> (row % 64) & 1 != 0
}

impl<R: Real> LaneGradient<R> {
    /// There is no memory.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Zeros, in whatever memory there is; with `by_rows`, rows of dense weights are begun ([`Self::begin_rows`]) by whoever writes to
    /// them.
    pub(crate) fn begin<P>(&mut self, plan: &Plan<P>, by_rows: bool) {
        let (places, length) = (&plan.places, plan.layout.len());
        self.begun.clear();
        if by_rows {
            self.begun.resize(places.rows.div_ceil(64), 0);
            self.values.resize(length);
            places.rest.iter().for_each(|range| self.values[range.clone()].fill(R::ZERO));
        } else {
            self.begun.resize(places.rows.div_ceil(64), u64::MAX);
            self.values.zeroed(length);
        }
    }

    /// Some places, to be added to.
    pub(crate) fn part(&mut self, range: Range<usize>) -> &mut [R] {
        &mut self.values[range]
    }

    /// Begins some rows, counted from `first`, of the weights of projection `j`. `fresh`: whether each has not been begun before and
    /// must be written over.
    pub(crate) fn begin_rows(&mut self, places: &Places, j: usize, rows: &[u32], first: usize, fresh: &mut Vec<bool>) {
        fresh.clear();
        let Some(matrix) = places.of_projections[j] else { return fresh.resize(rows.len(), false) };
        let matrix = &places.matrices[matrix];
        fresh.extend(rows.iter().map(|&row| {
            let row = matrix.first + row as usize - first;
            let (word, bit) = (&mut self.begun[row / 64], 1 << (row % 64));
            let is_fresh = *word & bit == 0;
            *word |= bit;
            is_fresh
        }));
    }

    /// Adds another one.
    pub(crate) fn add(&mut self, other: &Self, places: &Places) {
        for range in &places.rest {
            add(&mut self.values[range.clone()], &other.values[range.clone()]);
        }
        let begun = &self.begun;
        for Matrix { weight, columns, first } in &places.matrices {
            let rows = (PIECE / columns).max(1);
            let own = self.values[weight.clone()].par_chunks_mut(rows * columns);
            let pieces = own.zip(other.values[weight.clone()].par_chunks(rows * columns)).enumerate();
            pieces.for_each(|(piece, (own, other_piece))| {
                let both = own.chunks_exact_mut(*columns).zip(other_piece.chunks_exact(*columns));
                for (row, (own, numbers)) in both.enumerate() {
                    let row = first + piece * rows + row;
                    match (has(begun, row), has(&other.begun, row)) {
                        (_, false) => {}
                        (true, true) => sums::add(own, numbers),
                        (false, true) => own.copy_from_slice(numbers),
                    }
                }
            });
        }
        self.begun.iter_mut().zip(&other.begun).for_each(|(own, other)| *own |= other);
    }

    /// Writes all numbers, 0 where nothing has been begun.
    pub(crate) fn write(&self, places: &Places, to: &mut [R]) {
        for range in &places.rest {
            let pieces = to[range.clone()].par_chunks_mut(PIECE).zip(self.values[range.clone()].par_chunks(PIECE));
            pieces.for_each(|(to, values)| to.copy_from_slice(values));
        }
        for Matrix { weight, columns, first } in &places.matrices {
            let rows = (PIECE / columns).max(1);
            let pieces = to[weight.clone()].par_chunks_mut(rows * columns);
            let pieces = pieces.zip(self.values[weight.clone()].par_chunks(rows * columns)).enumerate();
            pieces.for_each(|(piece, (to, values))| {
                let both = to.chunks_exact_mut(*columns).zip(values.chunks_exact(*columns));
                for (row, (to, numbers)) in both.enumerate() {
                    match has(&self.begun, first + piece * rows + row) {
                        true => to.copy_from_slice(numbers),
                        false => to.fill(R::ZERO),
                    }
                }
            });
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.values.bytes() + 8 * self.begun.capacity()
    }
}

/// Adds numbers to sums, in pieces that are worth a thread.
pub(crate) fn add<R: Real>(sums: &mut [R], numbers: &[R]) {
    let pieces = sums.par_chunks_mut(PIECE).zip(numbers.par_chunks(PIECE));
    pieces.for_each(|(sums, numbers)| sums::add(sums, numbers));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let matrix = |weight: Range<usize>, columns, first| Matrix { weight, columns, first };
        Places {
            matrices: vec![matrix(2..8, 2, 0), matrix(9..15, 3, 3)],
            of_projections: vec![None, Some(0), Some(1)],
            rest: vec![0..2, 8..9, 15..16],
            rows: 5,
        }
    }

    fn begun(places: &Places) -> LaneGradient<f32> {
        let mut lane = LaneGradient::default();
        // What another call left.
        lane.values.resize(16);
        lane.values.fill(f32::NAN);
        places.rest.iter().for_each(|range| lane.values[range.clone()].fill(0.0));
        lane.begun.resize(1, 0);
        lane
    }

    #[test]
    fn rows_that_nobody_began_are_zero_whatever_lies_there() {
        let places = places();
        let [mut left, mut right] = [begun(&places), begun(&places)];
        let mut fresh = Vec::new();
        left.begin_rows(&places, 1, &[11, 12], 10, &mut fresh);
        assert_eq!(fresh, [true, true]);
        left.part(2..8)[2..].copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        left.begin_rows(&places, 1, &[10, 12], 10, &mut fresh);
        assert_eq!(fresh, [true, false]);
        left.part(2..8)[..2].copy_from_slice(&[5.0, 6.0]);
        right.begin_rows(&places, 1, &[12], 10, &mut fresh);
        right.part(2..8)[4..].copy_from_slice(&[0.5, 0.25]);
        right.begin_rows(&places, 2, &[1], 0, &mut fresh);
        right.part(9..15)[3..].copy_from_slice(&[7.0, 8.0, 9.0]);
        right.part(15..16)[0] = 10.0;
        // Rows of weights that do not begin one by one.
        right.begin_rows(&places, 0, &[0, 1], 0, &mut fresh);
        assert_eq!(fresh, [false, false]);

        left.add(&right, &places);
        let mut all = [f32::NAN; 16];
        left.write(&places, &mut all);
        assert_eq!(all, [0.0, 0.0, 5.0, 6.0, 1.0, 2.0, 3.5, 4.25, 0.0, 0.0, 0.0, 0.0, 7.0, 8.0, 9.0, 10.0]);
        left.begin_rows(&places, 2, &[0, 1], 0, &mut fresh);
        assert_eq!(fresh, [true, false]);
    }
}
