//! The dense kernels for whoever measures them.

use super::impulses::{Impulses, Sparse};
use super::packed::{FACTOR, Packed, TILE};
use crate::Real;

/// A weight matrix as the engine keeps it, for its kernels. Benchmarks use it; it is no part of the interface.
#[derive(Debug, Default)]
pub struct Matrix<R> {
    rows: usize,
    to_add: Packed<R, TILE>,
    to_multiply: Packed<R, FACTOR>,
    impulses: Impulses,
}

impl<R: Real> Matrix<R> {
    /// `[rows, columns]`.
    pub fn new(rows: usize, columns: usize, weight: impl Fn(usize, usize) -> R) -> Self {
        let (mut to_add, mut to_multiply) = (Packed::default(), Packed::default());
        let numbers: Vec<R> = (0..rows * columns).map(|k| weight(k / columns, k % columns)).collect();
        to_add.fill(rows, columns, &numbers, |_, _, w| w);
        to_multiply.fill(rows, columns, &numbers, |_, _, w| w);
        Self { rows, to_add, to_multiply, impulses: Impulses::default() }
    }

    /// Adds the rows with these indices to `out` (`[columns]`).
    ///
    /// # Panics
    /// If an index is no row, or `out` is shorter.
    pub fn add_rows(&self, indices: &[u32], out: &mut [R]) {
        self.to_add.add_rows_at(&[(indices, 0)], 0, None, out);
    }

    /// `out[s] = a[s] . self` for `count` rows of `a` and `out`, by those numbers of `a` alone that are not 0.
    ///
    /// # Panics
    /// If a slice is shorter.
    pub fn product_of_impulses(&mut self, count: usize, a: &[R], out: &mut [R]) {
        let sparse = Sparse { numbers: a, stride: self.rows, rows: self.rows, samples: count };
        self.impulses.find(sparse);
        self.impulses.product(sparse, &self.to_multiply, out);
    }

    /// `out[s] += a[s] . self` for `count` rows of `a` and `out`.
    ///
    /// # Panics
    /// If a slice is shorter.
    pub fn product(&self, count: usize, a: &[R], out: &mut [R]) {
        self.to_multiply.product(count, a, self.rows, out);
    }
}
