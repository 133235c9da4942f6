//! Comparisons of rows of numbers with targets, and their reverses. `x`: `[rows, n]`; `target` gives that of a row.

use crate::engine::BLOCK;
use crate::simd::{Loops, dispatch};
use crate::{Real, math};

/// `-ln softmax(x)[class]` of each row.
pub(super) fn cross_entropy<R: Real>(x: &[R], n: usize, class: impl Fn(usize) -> usize, out: &mut [R]) {
    dispatch(CrossEntropy { x, n, class, out });
}

/// Adds to `gradient` (`[rows, n]`) what `own`, the gradient of the values, brings.
pub(super) fn cross_entropy_gradient<R: Real>(
    x: &[R],
    n: usize,
    class: impl Fn(usize) -> usize,
    own: &[R],
    gradient: &mut [R],
) {
    dispatch(CrossEntropyGradient { x, n, class, own, gradient });
}

/// The mean of (x - y)^2 of each row.
pub(super) fn squared_error<'a, R: Real>(x: &[R], n: usize, target: impl Fn(usize) -> &'a [R], out: &mut [R]) {
    for (k, (x, out)) in x.chunks_exact(n).zip(out).enumerate() {
        let mut sum = R::ZERO;
        for (&x, &y) in x.iter().zip(target(k)) {
            sum += (x - y) * (x - y);
        }
        *out = sum / R::from_f64(n as f64);
    }
}

/// Adds to `gradient` (`[rows, n]`) what `own`, the gradient of the values, brings.
pub(super) fn squared_error_gradient<'a, R: Real>(
    x: &[R],
    n: usize,
    target: impl Fn(usize) -> &'a [R],
    own: &[R],
    gradient: &mut [R],
) {
    for (k, ((x, g), &own)) in x.chunks_exact(n).zip(gradient.chunks_exact_mut(n)).zip(own).enumerate() {
        let slope = own * R::from_f64(2.0 / n as f64);
        for ((g, &x), &y) in g.iter_mut().zip(x).zip(target(k)) {
            *g += slope * (x - y);
        }
    }
}

/// So many rows are compared at once: as many as a block has samples.
const ROWS: usize = BLOCK;

/// Something that is done to rows, several at once or one by one: the results are the same bits.
trait ByRows {
    /// Does it to `N` rows from `first` on.
    fn rows<const N: usize>(&mut self, first: usize);
}

/// Does something to all of so many rows. A loop and not `for_each`: a closure that is not inlined has no wide registers.
#[inline(always)]
fn by_rows(rows: usize, work: &mut impl ByRows) {
    let whole = rows / ROWS * ROWS;
    for first in (0..whole).step_by(ROWS) {
        work.rows::<ROWS>(first);
    }
    for row in whole..rows {
        work.rows::<1>(row);
    }
}

/// Entry `j` of some rows from `first` on.
#[inline(always)]
fn column<R: Real, const N: usize>(x: &[R], n: usize, first: usize, j: usize) -> [R; N] {
    std::array::from_fn(|row| x[(first + row) * n + j])
}

/// Of some rows the largest entry (the first NaN if it comes first) and the sum of `exp(x - largest)`.
#[inline(always)]
fn softmax_parts<R: Real, const N: usize>(x: &[R], n: usize, first: usize) -> ([R; N], [R; N]) {
    let mut largest = column(x, n, first, 0);
    for j in 1..n {
        let entries: [R; N] = column(x, n, first, j);
        largest = std::array::from_fn(|row| math::max(entries[row], largest[row]));
    }
    let mut sum = [R::ZERO; N];
    for j in 0..n {
        let entries: [R; N] = column(x, n, first, j);
        sum = std::array::from_fn(|row| sum[row] + math::exp(entries[row] - largest[row]));
    }
    (largest, sum)
}

struct CrossEntropy<'a, R, F> {
    x: &'a [R],
    n: usize,
    class: F,
    out: &'a mut [R],
}

impl<R: Real, F: Fn(usize) -> usize> Loops for CrossEntropy<'_, R, F> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(mut self) {
        let rows = self.out.len().min(self.x.len() / self.n);
        by_rows(rows, &mut self);
    }
}

impl<R: Real, F: Fn(usize) -> usize> ByRows for CrossEntropy<'_, R, F> {
    #[inline(always)]
    fn rows<const N: usize>(&mut self, first: usize) {
        let (largest, sum) = softmax_parts::<R, N>(self.x, self.n, first);
        let logarithm: [R; N] = std::array::from_fn(|row| math::ln(sum[row]));
        for row in 0..N {
            let k = first + row;
            self.out[k] = logarithm[row] - (self.x[k * self.n + (self.class)(k)] - largest[row]);
        }
    }
}

struct CrossEntropyGradient<'a, R, F> {
    x: &'a [R],
    n: usize,
    class: F,
    own: &'a [R],
    gradient: &'a mut [R],
}

impl<R: Real, F: Fn(usize) -> usize> Loops for CrossEntropyGradient<'_, R, F> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(mut self) {
        let rows = self.own.len().min(self.x.len() / self.n).min(self.gradient.len() / self.n);
        by_rows(rows, &mut self);
    }
}

impl<R: Real, F: Fn(usize) -> usize> ByRows for CrossEntropyGradient<'_, R, F> {
    #[inline(always)]
    fn rows<const N: usize>(&mut self, first: usize) {
        let n = self.n;
        let (largest, sum) = softmax_parts::<R, N>(self.x, n, first);
        let class: [usize; N] = std::array::from_fn(|row| (self.class)(first + row));
        for j in 0..n {
            let entries: [R; N] = column(self.x, n, first, j);
            let share: [R; N] = std::array::from_fn(|row| math::exp(entries[row] - largest[row]) / sum[row]);
            for row in 0..N {
                let indicator = if j == class[row] { R::ONE } else { R::ZERO };
                self.gradient[(first + row) * n + j] += self.own[first + row] * (share[row] - indicator);
            }
        }
    }
}
