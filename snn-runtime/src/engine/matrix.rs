//! The dense kernels for whoever measures them.

use super::packed::Packed;
use crate::Real;

/// A weight matrix as the engine keeps it. Benchmarks use it; it is no part of the interface.
#[derive(Debug, Default)]
pub struct Matrix<R>(Packed<R>, usize);

impl<R: Real> Matrix<R> {
    /// `[rows, columns]`.
    pub fn new(rows: usize, columns: usize, weight: impl Fn(usize, usize) -> R) -> Self {
        let mut packed = Packed::default();
        let numbers: Vec<R> = (0..rows * columns).map(|k| weight(k / columns, k % columns)).collect();
        packed.fill(rows, columns, &numbers, |_, _, w| w);
        Self(packed, rows)
    }

    /// Adds the rows with these indices to `out` (`[columns]`).
    ///
    /// # Panics
    /// If an index is no row, or `out` is shorter.
    pub fn add_rows(&self, indices: &[u32], out: &mut [R]) {
        self.0.add_rows_at(&[(indices, 0)], 0, None, out);
    }

    /// `out[s] += a[s] . self` for `count` rows of `a` and `out`.
    ///
    /// # Panics
    /// If a slice is shorter.
    pub fn product(&self, count: usize, a: &[R], out: &mut [R]) {
        self.0.product(count, a, self.1, out);
    }
}
