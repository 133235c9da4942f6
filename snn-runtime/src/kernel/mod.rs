//! Small helpers of generated kernels: rows of structure-of-arrays slices, and coefficients that are equal for all
//! neurons or differ from neuron to neuron.

mod short_steps;

pub use short_steps::{Longest, PART, ShortSteps, parts};

use crate::Real;
use std::ops::{Index, Range};

/// The first `N` rows of `n` numbers each.
///
/// # Panics
/// If the slice is shorter than `N * n`.
#[inline(always)]
pub fn rows<R, const N: usize>(values: &[R], n: usize) -> [&[R]; N] {
    // Not `k * n..(k + 1) * n`: the compiler must see that the length is `n`, or a loop of `n` tests each place, and takes its last
    // steps one by one.
    std::array::from_fn(|k| &values[k * n..][..n])
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
    /// A coefficient of all neurons.
    type Row: Index<usize, Output = R> + Copy;

    /// Coefficient `k` of all neurons. `[n]`
    ///
    /// # Panics
    /// If there are fewer coefficients.
    fn row(&self, k: usize) -> Self::Row;

    /// Those of some of the neurons, which count from 0 then.
    fn part(&self, cells: Range<usize>) -> Self;

    /// Coefficient `k`, which is equal for all neurons of a population that has some.
    ///
    /// # Panics
    /// If there are fewer coefficients, or no neurons.
    fn shared(&self, k: usize) -> R;
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

/// The same number for each neuron.
#[derive(Clone, Copy, Debug)]
pub struct ForAll<R>(R);

impl<R> Index<usize> for ForAll<R> {
    type Output = R;

    #[inline(always)]
    fn index(&self, _cell: usize) -> &R {
        &self.0
    }
}

impl<R: Real, const N: usize> CoefficientRows<R> for Same<R, N> {
    type Row = ForAll<R>;

    #[inline(always)]
    fn row(&self, k: usize) -> ForAll<R> {
        ForAll(self.0[k])
    }

    #[inline(always)]
    fn part(&self, _cells: Range<usize>) -> Self {
        *self
    }

    #[inline(always)]
    fn shared(&self, k: usize) -> R {
        self.0[k]
    }
}

/// Coefficients with a value for every neuron.
#[derive(Clone, Copy, Debug)]
pub struct Each<'a, R> {
    /// `[coefficients, n]`
    values: &'a [R],
    n: usize,
    first: usize,
    count: usize,
}

impl<'a, R: Real> Each<'a, R> {
    /// From a row of `n` numbers for each coefficient: `[coefficients, n]`.
    #[inline(always)]
    pub fn new(values: &'a [R], n: usize) -> Self {
        Self { values, n, first: 0, count: n }
    }
}

/// A number for each neuron.
#[derive(Clone, Copy, Debug)]
pub struct ForEach<'a, R>(&'a [R]);

impl<R> Index<usize> for ForEach<'_, R> {
    type Output = R;

    #[inline(always)]
    fn index(&self, cell: usize) -> &R {
        &self.0[cell]
    }
}

impl<'a, R: Real> CoefficientRows<R> for Each<'a, R> {
    type Row = ForEach<'a, R>;

    #[inline(always)]
    fn row(&self, k: usize) -> ForEach<'a, R> {
        ForEach(&self.values[k * self.n + self.first..][..self.count])
    }

    #[inline(always)]
    fn part(&self, cells: Range<usize>) -> Self {
        Self { first: self.first + cells.start, count: cells.len(), ..*self }
    }

    #[inline(always)]
    fn shared(&self, k: usize) -> R {
        self.values[k * self.n + self.first]
    }
}
