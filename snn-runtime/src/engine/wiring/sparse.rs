//! Listed connections, row by row.

use super::Rows;
use crate::Real;
use std::ops::Range;

/// The connections of all rows one after the other, columns ascending (CSR): 2 bytes a connection besides its weight, or 4 where
/// there are more than 65536 columns, and 4 more where weights are not in this order.
#[derive(Clone, Debug)]
pub(crate) struct Sparse {
    /// `starts[row] .. starts[row + 1]` is the range of a row in `columns`.
    pub(super) starts: Vec<u32>,
    pub(super) columns: Columns,
    /// The weight of each connection; empty: they are numbered as the connections are.
    pub(super) weights: Vec<u32>,
}

/// The columns of connections, in as few bytes as hold them: what a spike reaches is read from the cache in half the time.
#[derive(Clone, Debug)]
pub(super) enum Columns {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Columns {
    fn new(columns: Vec<u32>) -> Self {
        if columns.iter().any(|&column| column > u16::MAX.into()) {
            return Self::Wide(columns);
        }
        Self::Narrow(columns.iter().map(|&column| column as u16).collect())
    }

    fn len(&self) -> usize {
        match self {
            Self::Narrow(columns) => columns.len(),
            Self::Wide(columns) => columns.len(),
        }
    }

    pub(super) fn get(&self, place: usize) -> u32 {
        match self {
            Self::Narrow(columns) => columns[place].into(),
            Self::Wide(columns) => columns[place],
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Narrow(columns) => 2 * columns.capacity(),
            Self::Wide(columns) => 4 * columns.capacity(),
        }
    }

    /// Calls `connection` with the column, and its item of `with`, of the connections in a range.
    #[inline(always)]
    pub(super) fn each<T>(
        &self,
        range: Range<usize>,
        with: impl Iterator<Item = T>,
        mut connection: impl FnMut(usize, T),
    ) {
        match self {
            Self::Narrow(columns) => {
                columns[range].iter().zip(with).for_each(|(&column, with)| connection(column.into(), with));
            }
            Self::Wide(columns) => {
                columns[range].iter().zip(with).for_each(|(&column, with)| connection(column as usize, with));
            }
        }
    }
}

impl Sparse {
    /// From the ascending columns of each row.
    pub(crate) fn from_rows(rows: impl Iterator<Item = Vec<u32>>) -> Self {
        let (mut starts, mut columns) = (vec![0], Vec::new());
        for row in rows {
            columns.extend_from_slice(&row);
            starts.push(columns.len() as u32);
        }
        columns.shrink_to_fit();
        Self { starts, columns: Columns::new(columns), weights: Vec::new() }
    }

    /// From (row, column) pairs in any order; the weight of a connection has its place in the list.
    pub(crate) fn from_pairs(rows: usize, sources: &[u32], targets: &[u32], weights: &[u32]) -> Self {
        let mut order: Vec<u32> = (0..sources.len() as u32).collect();
        let key = |&k: &u32| (sources[k as usize], targets[k as usize]);
        order.sort_unstable_by_key(key);
        let mut starts = vec![0u32; rows + 1];
        sources.iter().for_each(|&row| starts[row as usize + 1] += 1);
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let columns = order.iter().map(|&k| targets[k as usize]).collect();
        let weights: Vec<u32> = order.iter().map(|&k| weights.get(k as usize).copied().unwrap_or(k)).collect();
        let in_order = weights.iter().enumerate().all(|(k, &w)| k as u32 == w);
        Self { starts, columns: Columns::new(columns), weights: if in_order { Vec::new() } else { weights } }
    }

    /// All connections: (row, column, weight).
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        self.starts.windows(2).enumerate().flat_map(move |(row, ends)| {
            (ends[0]..ends[1]).map(move |k| {
                let weight = self.weights.get(k as usize).copied().unwrap_or(k);
                (row as u32, self.columns.get(k as usize), weight)
            })
        })
    }

    /// The number of connections.
    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn degree(&self, row: usize) -> usize {
        (self.starts[row + 1] - self.starts[row]) as usize
    }

    pub(crate) fn bytes(&self) -> usize {
        self.columns.bytes() + 4 * (self.starts.capacity() + self.weights.capacity())
    }
}

impl Sparse {
    /// See [`Rows::each`], of the connections in a range.
    #[inline(always)]
    pub(super) fn each_in(&self, range: Range<usize>, mut connection: impl FnMut(usize, usize)) {
        if self.weights.is_empty() {
            return self.columns.each(range.clone(), range, connection);
        }
        let weights = self.weights[range.clone()].iter();
        self.columns.each(range, weights, |column, &weight| connection(column, weight as usize));
    }

    /// See [`Rows::each_weight`], of the connections in a range.
    #[inline(always)]
    pub(super) fn each_weight_in<R: Real>(
        &self,
        range: Range<usize>,
        weights: &[R],
        mut connection: impl FnMut(usize, R),
    ) {
        if !self.weights.is_empty() {
            return self.each_in(range, |column, weight| connection(column, weights[weight]));
        }
        // Both lists have the order of the connections: there is no place to look up.
        self.columns.each(range.clone(), weights[range].iter(), |column, &weight| connection(column, weight));
    }

    fn row(&self, row: usize) -> Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }
}

impl Rows for Sparse {
    #[inline(always)]
    fn each(&self, row: usize, connection: impl FnMut(usize, usize)) {
        self.each_in(self.row(row), connection);
    }

    #[inline(always)]
    fn each_weight<R: Real>(&self, row: usize, weights: &[R], connection: impl FnMut(usize, R)) {
        self.each_weight_in(self.row(row), weights, connection);
    }
}
