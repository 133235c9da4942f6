//! Listed connections, row by row.

use super::Rows;
use crate::Real;

/// The connections of all rows one after the other, columns ascending (CSR): 4 bytes a connection besides its weight, or 8
/// where weights are not in this order.
#[derive(Clone, Debug)]
pub(crate) struct Sparse {
    /// `starts[row] .. starts[row + 1]` is the range of a row in `columns`.
    pub(super) starts: Vec<u32>,
    pub(super) columns: Vec<u32>,
    /// The weight of each connection; empty: they are numbered as the connections are.
    pub(super) weights: Vec<u32>,
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
        Self { starts, columns, weights: Vec::new() }
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
        Self { starts, columns, weights: if in_order { Vec::new() } else { weights } }
    }

    /// All connections: (row, column, weight).
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        self.starts.windows(2).enumerate().flat_map(move |(row, ends)| {
            (ends[0]..ends[1]).map(move |k| {
                let weight = self.weights.get(k as usize).copied().unwrap_or(k);
                (row as u32, self.columns[k as usize], weight)
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
        4 * (self.starts.capacity() + self.columns.capacity() + self.weights.capacity())
    }
}

impl Rows for Sparse {
    #[inline(always)]
    fn each(&self, row: usize, mut connection: impl FnMut(usize, usize)) {
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        let columns = &self.columns[range.clone()];
        match self.weights.get(range.clone()) {
            Some(weights) if !self.weights.is_empty() => {
                columns.iter().zip(weights).for_each(|(&column, &weight)| connection(column as usize, weight as usize));
            }
            _ => columns.iter().zip(range).for_each(|(&column, weight)| connection(column as usize, weight)),
        }
    }

    #[inline(always)]
    fn each_weight<R: Real>(&self, row: usize, weights: &[R], mut connection: impl FnMut(usize, R)) {
        if !self.weights.is_empty() {
            return self.each(row, |column, weight| connection(column, weights[weight]));
        }
        // Both lists have the order of the connections: there is no place to look up.
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        let pairs = self.columns[range.clone()].iter().zip(&weights[range]);
        pairs.for_each(|(&column, &weight)| connection(column as usize, weight));
    }
}
