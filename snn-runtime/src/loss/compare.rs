//! Comparisons of rows of numbers with targets, and their reverses. `x`: `[rows, n]`; `target` gives that of a row.

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

/// The largest entry (the first NaN if it comes first) and the sum of `exp(x - largest)`.
#[inline(always)]
fn softmax_parts<R: Real>(x: &[R]) -> (R, R) {
    let mut largest = x[0];
    x.iter().for_each(|&x| largest = math::max(x, largest));
    let mut sum = R::ZERO;
    x.iter().for_each(|&x| sum += math::exp(x - largest));
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
    fn run<const BYTES: usize>(self) {
        for (k, (x, out)) in self.x.chunks_exact(self.n).zip(self.out).enumerate() {
            let (largest, sum) = softmax_parts(x);
            *out = math::ln(sum) - (x[(self.class)(k)] - largest);
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
    fn run<const BYTES: usize>(self) {
        let rows = self.x.chunks_exact(self.n).zip(self.gradient.chunks_exact_mut(self.n)).zip(self.own);
        for (k, ((x, g), &own)) in rows.enumerate() {
            let class = (self.class)(k);
            let (largest, sum) = softmax_parts(x);
            for (j, (g, &x)) in g.iter_mut().zip(x).enumerate() {
                let indicator = if j == class { R::ONE } else { R::ZERO };
                *g += own * (math::exp(x - largest) / sum - indicator);
            }
        }
    }
}
