//! Small helpers of generated kernels: rows of structure-of-arrays slices, and coefficients that are equal for all
//! neurons or differ from neuron to neuron.

mod short_steps;

pub use short_steps::{Longest, PART, ShortSteps, parts};

use crate::Real;
use std::ops::Range;

/// The first `N` rows of `n` numbers each.
///
/// # Panics
/// If the slice is shorter than `N * n`.
#[inline(always)]
pub fn rows<R, const N: usize>(values: &[R], n: usize) -> [&[R]; N] {
    std::array::from_fn(|k| &values[k * n..(k + 1) * n])
}

/// The first `N` rows of `n` numbers each, to be written.
///
/// # Panics
/// If the slice is shorter than `N * n`.
#[inline(always)]
pub fn rows_mut<R, const N: usize>(values: &mut [R], n: usize) -> [&mut [R]; N] {
    let mut rest = values;
    std::array::from_fn(|_| {
        let (row, tail) = std::mem::take(&mut rest).split_at_mut(n);
        rest = tail;
        row
    })
}

/// The coefficients of a population inside a loop over its neurons.
pub trait CoefficientRows<R: Real>: Copy {
    /// Coefficient `k` of neuron `cell`.
    fn at(&self, k: usize, cell: usize) -> R;

    /// Those of some of the neurons, which count from 0 then.
    fn part(&self, cells: Range<usize>) -> Self;

    /// Coefficient `k`, which is equal for all neurons of a population that has some: read once, before the loop.
    #[inline(always)]
    fn shared(&self, k: usize) -> R {
        self.at(k, 0)
    }
}

/// Coefficients that are equal for all neurons: they stay in registers.
#[derive(Clone, Copy, Debug)]
pub struct Same<R, const N: usize>([R; N]);

impl<R: Real, const N: usize> Same<R, N> {
    /// From `N` numbers.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub fn new(values: &[R]) -> Self {
        Self(std::array::from_fn(|k| values[k]))
    }
}

impl<R: Real, const N: usize> CoefficientRows<R> for Same<R, N> {
    #[inline(always)]
    fn at(&self, k: usize, _cell: usize) -> R {
        self.0[k]
    }

    #[inline(always)]
    fn part(&self, _cells: Range<usize>) -> Self {
        *self
    }
}

/// Coefficients with a value for every neuron.
#[derive(Clone, Copy, Debug)]
pub struct Each<'a, R, const N: usize>([&'a [R]; N]);

impl<'a, R: Real, const N: usize> Each<'a, R, N> {
    /// From `N` rows of `n` numbers.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub fn new(values: &'a [R], n: usize) -> Self {
        Self(rows(values, n))
    }
}

impl<R: Real, const N: usize> CoefficientRows<R> for Each<'_, R, N> {
    #[inline(always)]
    fn at(&self, k: usize, cell: usize) -> R {
        self.0[k][cell]
    }

    #[inline(always)]
    fn part(&self, cells: Range<usize>) -> Self {
        let mut rows = self.0;
        for row in &mut rows {
            *row = &row[cells.start..][..cells.len()];
        }
        Self(rows)
    }
}
