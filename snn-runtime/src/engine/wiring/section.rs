//! The listed connections that lead to some of the columns.

use super::{AddSpikes, AddValues, Deliver, Kernel, Restore, Rows, Sparse};
use crate::Real;
use crate::simd::{Loops, dispatch};
use std::convert::identity;
use std::ops::Range;

/// Where the connections to some columns stand in a list: 8 bytes a row. Columns are counted from the first of these.
#[derive(Debug, Default)]
pub(crate) struct Section {
    columns: Range<usize>,
    /// The first and the last connection of each row, this not included.
    rows: Vec<[u32; 2]>,
}

impl Section {
    /// The connections of a list to `columns`.
    pub(crate) fn new(list: &Sparse, columns: Range<usize>) -> Self {
        let cut = |ends: &[u32]| {
            let place = |column: usize| {
                // Columns are ascending.
                let (mut low, mut high) = (ends[0], ends[1]);
                while low < high {
                    let middle = low + (high - low) / 2;
                    match (list.columns.get(middle as usize) as usize) < column {
                        true => low = middle + 1,
                        false => high = middle,
                    }
                }
                low
            };
            [place(columns.start), place(columns.end)]
        };
        let rows = list.starts.windows(2).map(cut).collect();
        Self { columns, rows }
    }

    /// The connections of the rows that spiked, counted from `first`.
    pub(crate) fn degrees(&self, spikes: &[u32], first: usize) -> usize {
        let degree = |&spike: &u32| {
            let [start, end] = self.rows[spike as usize - first];
            (end - start) as usize
        };
        spikes.iter().map(degree).sum()
    }

    /// As [`super::Wiring::add_spikes`].
    pub(crate) fn add_spikes<R: Real>(
        &self,
        list: &Sparse,
        spikes: &[u32],
        first: usize,
        weights: &[R],
        same: Option<R>,
        out: &mut [R],
    ) {
        AddSpikes { spikes, first, weights, same, out, term: identity }.run(&Own { section: self, list });
    }

    /// As [`super::Wiring::restore`].
    pub(crate) fn restore<R: Real>(&self, list: &Sparse, spikes: &[u32], first: usize, start: &[R], out: &mut [R]) {
        Restore { spikes, first, start, out }.run(&Own { section: self, list });
    }

    /// As [`super::Wiring::deliver`].
    pub(crate) fn deliver<R: Real>(
        &self,
        list: &Sparse,
        spikes: &[u32],
        first: usize,
        arrived: &mut [R],
        state: &mut [R],
    ) {
        Deliver { spikes, first, arrived, state }.run(&Own { section: self, list });
    }

    /// As [`super::Wiring::add_values`].
    pub(crate) fn add_values<R: Real>(&self, list: &Sparse, x: &[R], weights: &[R], out: &mut [R]) {
        dispatch(Dispatched(Own { section: self, list }, AddValues { x, weights, out }));
    }

    pub(crate) fn bytes(&self) -> usize {
        8 * self.rows.capacity()
    }
}

struct Own<'a> {
    section: &'a Section,
    list: &'a Sparse,
}

impl Own<'_> {
    #[inline(always)]
    fn range(&self, row: usize) -> Range<usize> {
        let [start, end] = self.section.rows[row];
        start as usize..end as usize
    }
}

impl Rows for Own<'_> {
    #[inline(always)]
    fn each(&self, row: usize, mut connection: impl FnMut(usize, usize)) {
        let first = self.section.columns.start;
        self.list.each_in(self.range(row), |column, weight| connection(column - first, weight));
    }

    #[inline(always)]
    fn each_weight<R: Real>(&self, row: usize, weights: &[R], mut connection: impl FnMut(usize, R)) {
        let first = self.section.columns.start;
        self.list.each_weight_in(self.range(row), weights, |column, weight| connection(column - first, weight));
    }
}

struct Dispatched<'a, K>(Own<'a>, K);

impl<K: Kernel> Loops for Dispatched<'_, K> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        self.1.run(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_the_whole() {
        // Weights in order, and not.
        for weights in [&[][..], &[5, 3, 1, 0, 2, 4]] {
            let list = Sparse::from_pairs(4, &[0, 0, 0, 2, 3, 3], &[0, 4, 6, 5, 1, 6], weights);
            let numbers = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
            let mut whole = [0.0; 7];
            AddSpikes {
                spikes: &[10, 12, 13],
                first: 10,
                weights: &numbers,
                same: None,
                out: &mut whole,
                term: identity,
            }
            .run(&list);
            let mut parts = [0.0; 7];
            let mut count = 0;
            for columns in [0..1, 1..1, 1..5, 5..7] {
                let section = Section::new(&list, columns.clone());
                section.add_spikes(&list, &[10, 12, 13], 10, &numbers, None, &mut parts[columns]);
                count += section.degrees(&[10, 12, 13], 10);
            }
            assert_eq!((parts, count), (whole, 6));
            let (mut equal, mut same) = ([0.0; 7], [0.0; 7]);
            AddSpikes { spikes: &[10, 13], first: 10, weights: &[3.0; 6], same: None, out: &mut equal, term: identity }
                .run(&list);
            AddSpikes { spikes: &[10, 13], first: 10, weights: &[], same: Some(3.0), out: &mut same, term: identity }
                .run(&list);
            assert_eq!(equal, same);
            let section = Section::new(&list, 5..7);
            section.restore(&list, &[13], 10, &[7.0, 9.0], &mut parts[5..]);
            assert_eq!((&parts[..6], parts[6]), (&whole[..6], 9.0));
            let mut values = [0.0; 2];
            section.add_values(&list, &[1.0, 0.0, 0.0, 1.0], &numbers, &mut values);
            assert_eq!(values, [0.0, whole[6]]);
        }
    }
}
