//! Random connections: a connection depends on the seed, the projection, and its row (or column) alone.

use super::Sparse;
use crate::math;
use crate::random::{Purpose, Stream, uniform};
use std::collections::BTreeSet;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// The column of the neuron that row 0 is, if there are connections from a neuron to itself and these are left out.
    pub(crate) no_self: Option<isize>,
    /// The number of the projection.
    pub(crate) number: u64,
    stream: Stream,
}

impl Draw {
    /// For projection `number` of a network.
    pub(crate) fn new(rows: usize, columns: usize, no_self: Option<isize>, seed: u64, number: u64) -> Self {
        Self { rows, columns, no_self, number, stream: Stream::new(seed, Purpose::Connectivity, number) }
    }

    /// The column of the neuron that row `row` is.
    fn own_column(&self, row: usize) -> Option<usize> {
        self.no_self.and_then(|first| usize::try_from(row as isize + first).ok()).filter(|&c| c < self.columns)
    }

    /// The row of the neuron that column `column` is.
    fn own_row(&self, column: usize) -> Option<usize> {
        self.no_self.and_then(|first| usize::try_from(column as isize - first).ok()).filter(|&r| r < self.rows)
    }

    /// All pairs; the weight of each has its place in the full matrix.
    pub(crate) fn all(&self) -> Sparse {
        let mut lists = [Vec::new(), Vec::new(), Vec::new()];
        for row in 0..self.rows {
            for column in (0..self.columns).filter(|&c| Some(c) != self.own_column(row)) {
                let entry = [row, column, row * self.columns + column];
                entry.into_iter().zip(&mut lists).for_each(|(x, list)| list.push(x as u32));
            }
        }
        let [rows, columns, weights] = lists;
        Sparse::from_pairs(self.rows, &rows, &columns, &weights)
    }

    /// Each pair with probability `p`: the number of pairs passed over is geometric.
    pub(crate) fn pairs(&self, p: f64) -> Sparse {
        let all =
            |row: usize| (0..self.columns).filter(|&c| Some(c) != self.own_column(row)).map(|c| c as u32).collect();
        if p >= 1.0 {
            return Sparse::from_rows((0..self.rows).map(all));
        }
        let scale = math::ln(1.0 - p);
        let row = |row: usize| {
            let mut found = Vec::new();
            let mut next = 0.0f64;
            for k in 0.. {
                if p <= 0.0 {
                    break;
                }
                let [a, b] = self.stream.uniform_pair(row as u32, k);
                for u in [a, b] {
                    // 1 - u is in (0, 1].
                    next += (math::ln(1.0 - u) / scale).floor();
                    if next < self.columns as f64 && Some(next as usize) != self.own_column(row) {
                        found.push(next as u32);
                    }
                    next += 1.0;
                }
                if next >= self.columns as f64 {
                    break;
                }
            }
            found
        };
        Sparse::from_rows((0..self.rows).map(row))
    }

    /// So many different columns for each row.
    pub(crate) fn columns_of_rows(&self, count: usize) -> Sparse {
        Sparse::from_rows((0..self.rows).map(|row| self.choose(row, self.columns, count, self.own_column(row))))
    }

    /// So many different rows for each column.
    pub(crate) fn rows_of_columns(&self, count: usize) -> Sparse {
        let mut columns = vec![Vec::new(); self.rows];
        for column in 0..self.columns {
            for row in self.choose(column, self.rows, count, self.own_row(column)) {
                columns[row as usize].push(column as u32);
            }
        }
        Sparse::from_rows(columns.into_iter())
    }

    /// `count` different numbers below `n`, ascending, without one of them (Floyd's algorithm; Bentley and Floyd, "A sample
    /// of brilliance", 1987).
    fn choose(&self, step: usize, n: usize, count: usize, without: Option<usize>) -> Vec<u32> {
        let available = n - usize::from(without.is_some());
        let mut chosen = BTreeSet::new();
        for (k, j) in (available - count..available).enumerate() {
            let [a, b, ..] = self.stream.block(step as u32, k as u32);
            let drawn = (uniform(a, b) * (j as f64 + 1.0)) as usize;
            if !chosen.insert(drawn.min(j)) {
                chosen.insert(j);
            }
        }
        let skip = |i: usize| if without.is_some_and(|w| i >= w) { i + 1 } else { i };
        chosen.into_iter().map(|i| skip(i) as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::wiring::Rows;

    fn rows(sparse: &Sparse, rows: usize) -> Vec<Vec<usize>> {
        let of = |row| {
            let mut columns = Vec::new();
            sparse.each(row, |column, _| columns.push(column));
            columns
        };
        (0..rows).map(of).collect()
    }

    #[test]
    fn a_pair_has_the_probability() {
        let draw = Draw::new(500, 400, None, 1, 2);
        let drawn = rows(&draw.pairs(0.1), 500);
        let count: usize = drawn.iter().map(Vec::len).sum();
        // 20,000 of 200,000 pairs, with a standard deviation of 134.
        assert!(count.abs_diff(20_000) < 670, "{count}");
        assert!(drawn.iter().all(|row| row.is_sorted_by(|a, b| a < b)));
        // Columns are equally likely: 50 each, with a standard deviation of 6.7.
        let mut columns = vec![0usize; 400];
        drawn.iter().flatten().for_each(|&c| columns[c] += 1);
        assert!(columns.iter().all(|&c| (17..90).contains(&c)), "{columns:?}");
        assert_ne!(drawn, rows(&Draw::new(500, 400, None, 2, 2).pairs(0.1), 500));
        assert_ne!(drawn, rows(&Draw::new(500, 400, None, 1, 3).pairs(0.1), 500));
    }

    #[test]
    fn the_ends_of_probability_are_nothing_and_all() {
        let draw = Draw::new(3, 4, None, 1, 2);
        assert_eq!(draw.pairs(0.0).len(), 0);
        assert_eq!(rows(&draw.pairs(1.0), 3), vec![vec![0, 1, 2, 3]; 3]);
        let draw = Draw::new(3, 3, Some(0), 1, 2);
        assert_eq!(rows(&draw.pairs(1.0), 3), vec![vec![1, 2], vec![0, 2], vec![0, 1]]);
    }

    #[test]
    fn degrees_are_exact_and_choices_equally_likely() {
        let draw = Draw::new(60, 40, Some(-10), 5, 0);
        let drawn = rows(&draw.columns_of_rows(39), 60);
        for (row, columns) in drawn.iter().enumerate() {
            assert_eq!(columns.len(), 39);
            assert!(columns.is_sorted_by(|a, b| a < b));
            assert!(row < 10 || !columns.contains(&(row - 10)));
        }
        let mut degrees = [0; 40];
        let drawn = rows(&draw.rows_of_columns(7), 60);
        for (row, columns) in drawn.iter().enumerate() {
            columns.iter().for_each(|&c| degrees[c] += 1);
            assert!(row < 10 || !columns.contains(&(row - 10)));
        }
        assert_eq!(degrees, [7; 40]);
        let mut counts = [0usize; 20];
        let draw = Draw::new(4000, 20, None, 5, 0);
        rows(&draw.columns_of_rows(5), 4000).iter().flatten().for_each(|&c| counts[c] += 1);
        // 1000 each, with a standard deviation of 27.
        assert!(counts.iter().all(|&c| (860..1140).contains(&c)), "{counts:?}");
    }
}
