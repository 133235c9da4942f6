//! Rows of a matrix that are added up for steps in which hardly anything fires.
//!
//! [`Packed::add_rows_at`] goes from list to list, and the processor cannot foresee how long the next one is: where most are empty, that is
//! what takes the time. Here all sums begin, and then one loop goes from spike to spike. The sums are the same bits.

use super::forward::AHEAD;
use super::packed::{NARROW, Packed, TILE, tiles};
use crate::simd::places::WORD;
use crate::simd::{Loops, dispatch};
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// The most spikes in all steps that are taken at once.
const FEW: usize = AHEAD;

/// Where the sums of some steps are: the first at `place`, and each `stride` after the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) place: usize,
    pub(crate) stride: usize,
}

impl<R: Real> Packed<R, TILE> {
    /// Writes the sum of `start` and the rows of the spikes of a step to the `columns` numbers of `out` that belong to it, for at most
    /// [`AHEAD`] steps, if the spikes are few; otherwise returns `false`.
    pub(crate) fn add_rare_rows(
        &self,
        train: &SpikeTrain,
        steps: Range<usize>,
        start: &[R],
        sums: Rows,
        out: &mut [R],
    ) -> bool {
        let is_rare = train.spikes(steps.clone()).len() <= FEW;
        if is_rare {
            dispatch(AddRare { packed: self, train, steps, start, sums, out });
        }
        is_rare
    }
}

struct AddRare<'a, R> {
    packed: &'a Packed<R, TILE>,
    train: &'a SpikeTrain,
    steps: Range<usize>,
    start: &'a [R],
    sums: Rows,
    out: &'a mut [R],
}

impl<R: Real> Loops for AddRare<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(mut self) {
        let mut times = [0; FEW + WORD];
        self.train.write_times(self.steps.clone(), &mut times);
        let columns = self.packed.columns();
        for (column, width) in tiles(columns, TILE) {
            match (width, column + width <= columns) {
                (TILE, true) => self.tile::<TILE>(&times, column),
                (_, true) => self.tile::<NARROW>(&times, column),
                _ => self.last_tile(&times, column, width),
            }
        }
    }
}

impl<R: Real> AddRare<'_, R> {
    #[inline(always)]
    fn tile<const WIDTH: usize>(&mut self, times: &[u8], column: usize) {
        let (rows, _) = self.packed.tile(column, WIDTH).as_chunks::<WIDTH>();
        let Some(start) = self.start[column..].first_chunk::<WIDTH>() else { return };
        let Rows { place, stride } = self.sums;
        let out = &mut self.out[place + column..];
        for step in 0..self.steps.len() {
            out[step * stride..][..WIDTH].copy_from_slice(start);
        }
        for (&row, &time) in self.train.spikes(self.steps.clone()).iter().zip(times) {
            let Some(sum) = out[usize::from(time) * stride..].first_chunk_mut::<WIDTH>() else { return };
            let row = &rows[row as usize];
            *sum = std::array::from_fn(|j| sum[j] + row[j]);
        }
    }

    /// The same for a tile that is not full.
    #[inline(always)]
    fn last_tile(&mut self, times: &[u8], column: usize, width: usize) {
        let rows = self.packed.tile(column, width);
        let start = &self.start[column..];
        let Rows { place, stride } = self.sums;
        let out = &mut self.out[place + column..];
        for step in 0..self.steps.len() {
            for (sum, &start) in out[step * stride..].iter_mut().zip(start) {
                *sum = start;
            }
        }
        for (&row, &time) in self.train.spikes(self.steps.clone()).iter().zip(times) {
            let row = &rows[row as usize * width..][..start.len()];
            for (sum, &weight) in out[usize::from(time) * stride..].iter_mut().zip(row) {
                *sum += weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::at_each_level;

    fn check<R: Real>() {
        let rows = 40;
        for columns in [1, 16, 20, 64, 80, 100, 130] {
            let number = |i: usize| R::from_f64((i * 7 % 97) as f64 / 31.0 - 1.3);
            let weights: Vec<R> = (0..rows * columns).map(number).collect();
            let start: Vec<R> = (0..columns).map(|i| number(i + 5)).collect();
            let mut packed = Packed::<R, TILE>::default();
            packed.fill(rows, columns, &weights, |_, _, w| w);
            // Steps with none, one, and several spikes: few in all, and too many.
            for (every, few) in [(17, true), (3, false)] {
                let mut train = SpikeTrain::new();
                for t in 0..40 {
                    let fires =
                        |i: &usize| (t * 31 + i * i).is_multiple_of(every * 5) || (t == 9 && i.is_multiple_of(8));
                    (0..rows).filter(fires).for_each(|i| train.push(i as u32));
                    train.end_step();
                }
                let (steps, stride) = (3..3 + AHEAD, columns + 3);
                at_each_level(|level| {
                    let mut out = vec![R::from_f64(9.0); AHEAD * stride + 2];
                    let mut expected = out.clone();
                    let sums = Rows { place: 2, stride };
                    let found = packed.add_rare_rows(&train, steps.clone(), &start, sums, &mut out);
                    assert_eq!(found, few, "{level:?} {columns}");
                    if found {
                        let lists: Vec<_> = steps.clone().map(|t| (train.step(t), 2 + (t - 3) * stride)).collect();
                        assert!(lists.iter().any(|list| list.0.len() > 1));
                        packed.add_rows_at(&lists, 0, Some(&start), &mut expected);
                    }
                    assert_eq!(out, expected, "{level:?} {columns}");
                });
            }
        }
    }

    #[test]
    fn the_sums_are_those_of_the_lists() {
        check::<f32>();
        check::<f64>();
    }
}
