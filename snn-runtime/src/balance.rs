//! Scaling the states of a linear system, so that it does not matter in which units they are.
//!
//! With D = diag(2^e), D^-1 A D has the entries 2^(e_j - e_i) a_ij and the same diagonal and cycles as A: powers of 2, which
//! change no digit. The exponents are the smallest for which no entry is beyond 2^b, with b the smallest bound that allows
//! that (the mean of the logarithms along any cycle is fixed), but not below the diagonal or 1: what small entries there are
//! does no harm. A matrix within the bound is left as it is.
//!
//! This does for chains, which have no cycles, what balancing of rows against columns (Parlett and Reinsch, Numerische
//! Mathematik 13 (1969), 293) does for matrices that cannot be made triangular.

/// The norm of a balanced matrix that is still taken.
const LARGEST: f64 = 1e6;

/// The exponents e, by row and column of the square matrix `[[M, E], [0, 0]]`.
#[derive(Debug)]
pub(crate) struct Balance {
    exponents: Vec<i64>,
}

impl Balance {
    /// Balances the rows of `[M, E]`; nothing if there are numbers that are not finite, or too large in any units.
    pub(crate) fn of(states: usize, columns: usize, matrix: &[f64]) -> Option<(Self, Vec<f64>)> {
        if !matrix.iter().all(|x| x.is_finite()) {
            return None;
        }
        let mut links = Vec::new();
        let (mut low, mut high) = (0, 0);
        for (row, entries) in matrix.chunks_exact(columns).enumerate().take(states) {
            for (column, &x) in entries.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                let size = exponent(x);
                high = high.max(size);
                if row == column {
                    low = low.max(size);
                } else {
                    links.push((row, column, size));
                }
            }
        }
        // The smallest bound in low..=high with which no cycle grows.
        while low < high {
            let middle = (low + high).div_euclid(2);
            match potentials(columns, &links, middle) {
                Some(_) => high = middle,
                None => low = middle + 1,
            }
        }
        let balance = Self { exponents: potentials(columns, &links, low)? };
        let mut balanced = matrix.to_vec();
        balance.apply(columns, &mut balanced);
        let norm = |row: &[f64]| row.iter().map(|x| x.abs()).sum::<f64>();
        balanced.chunks_exact(columns).all(|row| norm(row) <= LARGEST).then_some((balance, balanced))
    }

    /// D^-1 A D
    pub(crate) fn apply(&self, columns: usize, matrix: &mut [f64]) {
        self.scaled(columns, matrix, |row, column| column - row);
    }

    /// D A D^-1
    pub(crate) fn undo(&self, columns: usize, matrix: &mut [f64]) {
        self.scaled(columns, matrix, |row, column| row - column);
    }

    /// 2^e of a row.
    pub(crate) fn exponent(&self, row: usize) -> i64 {
        self.exponents[row]
    }

    fn scaled(&self, columns: usize, matrix: &mut [f64], by: impl Fn(i64, i64) -> i64) {
        for (row, entries) in self.exponents.iter().zip(matrix.chunks_exact_mut(columns)) {
            for (column, x) in self.exponents.iter().zip(entries) {
                *x = scale(*x, by(*row, *column));
            }
        }
    }
}

/// The smallest exponents that are not negative with size + e_column - e_row <= bound for every link (Bellman and Ford);
/// none if a cycle is too large for it.
fn potentials(n: usize, links: &[(usize, usize, i64)], bound: i64) -> Option<Vec<i64>> {
    let mut exponents = vec![0; n];
    for _ in 0..=n {
        let mut changed = false;
        for &(row, column, size) in links {
            let least = size - bound + exponents[column];
            if least > exponents[row] {
                exponents[row] = least;
                changed = true;
            }
        }
        if !changed {
            return Some(exponents);
        }
    }
    None
}

/// The k with 2^(k - 1) <= |x| < 2^k; x is not 0. Subnormal numbers count as the smallest normal ones.
pub(crate) fn exponent(x: f64) -> i64 {
    (x.to_bits() >> 52 & 0x7ff) as i64 - 1022
}

/// x 2^k, in two factors that are both finite; exact where the result is a normal number.
pub(crate) fn scale(x: f64, k: i64) -> f64 {
    let half = k.clamp(-2040, 2040).div_euclid(2);
    let power = |k: i64| f64::from_bits(((1023 + k) as u64) << 52);
    x * power(half) * power(k.clamp(-2040, 2040) - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for (x, k) in [(0.7, 3), (-0.7, -300), (1e-300, 1900), (1e300, -1999), (3.0, 0)] {
            assert_eq!(scale(scale(x, k), -k), x, "{x} {k}");
        }
        for (x, k) in [(1.0, 1), (0.5, 0), (0.75, 0), (-8.0, 4), (1e300, 997)] {
            assert_eq!(exponent(x), k, "{x}");
        }
    }

    #[test]
    fn a_chain_and_a_cycle_become_small() {
        // A chain with links beyond all bounds, and a cycle that is of order one in other units.
        let matrix = [-0.1, 0.0, 0.0, 1e200, -0.2, 1e-9, 0.0, 0.5e9, -0.3];
        let (balance, mut balanced) = Balance::of(3, 3, &matrix).unwrap();
        assert!(balanced.iter().all(|x| x.abs() < 2.0), "{balanced:?}");
        balance.undo(3, &mut balanced);
        assert_eq!(balanced, matrix);
    }

    #[test]
    fn what_is_small_is_left_as_it_is() {
        let matrix = [-20.0, 1e-12, 16.0, 0.0, -1.0, 1e-9];
        assert_eq!(Balance::of(2, 3, &matrix).unwrap().1, matrix);
        assert!(Balance::of(1, 1, &[-2e6]).is_none());
        assert!(Balance::of(2, 2, &[0.0, 2e6, 2e6, 0.0]).is_none());
    }
}
