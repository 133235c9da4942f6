//! Reductions over time and over neurons, and their reverses.

use super::Reduction;
use crate::simd::sums::add;
use crate::simd::{Loops, dispatch};
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// The times of first spikes of `[steps, n]` within a window: `later[t]` is that from step t on, v\[t\] = z t dt +
/// (1 - z) v\[t + 1\], and the end of the window after the last step. `later`: `[window, n]`
pub(super) fn first_spikes<R: Real>(z: &[R], n: usize, window: &Range<usize>, dt: f64, later: &mut [R], out: &mut [R]) {
    out.fill(R::from_f64(window.end as f64 * dt));
    for (t, row) in window.clone().zip(later.chunks_exact_mut(n)).rev() {
        let now = R::from_f64(t as f64 * dt);
        for ((v, later), &z) in out.iter_mut().zip(row).zip(&z[t * n..]) {
            *v = z * now + (R::ONE - z) * *v;
            *later = *v;
        }
    }
}

/// Adds to `g` the gradient that `own` brings: dv/dz\[t\] = (t dt - v\[t + 1\]) times the product of (1 - z) before t.
pub(super) fn first_spikes_gradient<R: Real>(
    own: &[R],
    z: &[R],
    window: &Range<usize>,
    dt: f64,
    later: &[R],
    g: &mut [R],
) {
    let n = own.len();
    let end = R::from_f64(window.end as f64 * dt);
    for (j, &own) in own.iter().enumerate() {
        let mut reached = own;
        for (k, t) in window.clone().enumerate() {
            let next = later.get((k + 1) * n + j).copied().unwrap_or(end);
            g[t * n + j] += reached * (R::from_f64(t as f64 * dt) - next);
            reached *= R::ONE - z[t * n + j];
        }
    }
}

/// Some rows in the order of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// The step of the first.
    pub(super) first: usize,
    /// The numbers of each.
    pub(super) width: usize,
}

impl Rows {
    /// The steps of a window that are among the rows of `x`.
    pub(super) fn within<R>(self, x: &[R], window: &Range<usize>) -> Range<usize> {
        let end = (self.first + x.len() / self.width).min(window.end);
        let start = self.first.max(window.start);
        start..end.max(start)
    }

    /// The place of a step.
    pub(super) fn place(self, t: usize) -> Range<usize> {
        (t - self.first) * self.width..(t + 1 - self.first) * self.width
    }
}

/// Removes the time axis within a window, of which `x` may hold only some rows; the rest is before it or comes later. The steps of
/// maxima go to `positions`, or come from there.
pub(super) fn reduce_time<R: Real>(
    x: &[R],
    rows: Rows,
    reduction: Reduction,
    window: &Range<usize>,
    replay: bool,
    positions: &mut [u32],
    out: &mut [R],
) {
    let steps = rows.within(x, window);
    if steps.is_empty() {
        return;
    }
    let row = |t: usize| &x[rows.place(t)];
    match reduction {
        // It needs more room: see `first_spikes`.
        Reduction::First => {}
        Reduction::Last if steps.end == window.end => out.copy_from_slice(row(window.end - 1)),
        Reduction::Last => {}
        Reduction::Max if replay => {
            for (j, (out, &position)) in out.iter_mut().zip(positions.iter()).enumerate() {
                if steps.contains(&(position as usize)) {
                    *out = row(position as usize)[j];
                }
            }
        }
        Reduction::Max => {
            if steps.start == window.start {
                positions.fill(window.start as u32);
                out.copy_from_slice(row(window.start));
            }
            dispatch(Max { x: &x[(steps.start - rows.first) * rows.width..], rows, steps, positions, out });
        }
        Reduction::Mean | Reduction::Sum => {
            if steps.start == window.start {
                out.fill(R::ZERO);
            }
            for t in steps.clone() {
                add(out, row(t));
            }
            finish_mean(reduction, &steps, window, out);
        }
    }
}

/// The running maxima of some steps, of which `x` has the rows.
struct Max<'a, R> {
    x: &'a [R],
    rows: Rows,
    steps: Range<usize>,
    positions: &'a mut [u32],
    out: &'a mut [R],
}

impl<R: Real> Loops for Max<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        for (t, row) in self.steps.zip(self.x.chunks_exact(self.rows.width)) {
            for ((&x, best), position) in row.iter().zip(self.out.iter_mut()).zip(self.positions.iter_mut()) {
                // Choices, and no decisions: both are written in any case.
                let is_greater = x > *best;
                *best = if is_greater { x } else { *best };
                *position = if is_greater { t as u32 } else { *position };
            }
        }
    }
}

/// Removes the time axis of spikes within a window, of which `steps` are at hand, by counting: as [`reduce_time`] of ones and zeros, and the
/// same bits. `out`: `[samples, n]`
pub(super) fn count_spikes<R: Real>(
    trains: &[SpikeTrain],
    n: usize,
    reduction: Reduction,
    steps: Range<usize>,
    window: &Range<usize>,
    out: &mut [R],
) {
    if steps.start >= steps.end {
        return;
    }
    if steps.start == window.start {
        out.fill(R::ZERO);
    }
    for (counts, train) in out.chunks_exact_mut(n).zip(trains) {
        train.spikes(steps.clone()).iter().for_each(|&neuron| counts[neuron as usize] += R::ONE);
    }
    finish_mean(reduction, &steps, window, out);
}

/// From a sum to a mean, at the end of the window.
pub(super) fn finish_mean<R: Real>(reduction: Reduction, steps: &Range<usize>, window: &Range<usize>, out: &mut [R]) {
    if reduction == Reduction::Mean && steps.end == window.end {
        let count = R::from_f64(window.len() as f64);
        out.iter_mut().for_each(|sum| *sum = *sum / count);
    }
}

/// Adds to `g`, which may hold only some rows, the gradient that `own` brings.
pub(super) fn reduce_time_gradient<R: Real>(
    own: &[R],
    rows: Rows,
    reduction: Reduction,
    window: &Range<usize>,
    positions: &[u32],
    g: &mut [R],
) {
    let steps = rows.within(g, window);
    if steps.is_empty() {
        return;
    }
    match reduction {
        Reduction::First => {}
        Reduction::Last if steps.end == window.end => add(&mut g[rows.place(window.end - 1)], own),
        Reduction::Last => {}
        Reduction::Max => {
            for (j, (&position, &own)) in positions.iter().zip(own).enumerate() {
                if steps.contains(&(position as usize)) {
                    g[rows.place(position as usize)][j] += own;
                }
            }
        }
        Reduction::Mean | Reduction::Sum => {
            let count = if reduction == Reduction::Mean { window.len() as f64 } else { 1.0 };
            let share = R::ONE / R::from_f64(count);
            for t in steps {
                g[rows.place(t)].iter_mut().zip(own).for_each(|(g, &own)| *g += own * share);
            }
        }
    }
}

/// Removes the neuron axis of `[steps, n]`; positions as above.
pub(super) fn reduce_neuron<R: Real>(
    x: &[R],
    n: usize,
    reduction: Reduction,
    replay: bool,
    positions: &mut [u32],
    out: &mut [R],
) {
    for (t, (x, out)) in x.chunks_exact(n).zip(out).enumerate() {
        if reduction == Reduction::Max {
            if !replay {
                let mut best = 0;
                for (j, &value) in x.iter().enumerate() {
                    if value > x[best] {
                        best = j;
                    }
                }
                positions[t] = best as u32;
            }
            *out = x[positions[t] as usize];
        } else {
            let mut sum = R::ZERO;
            x.iter().for_each(|&x| sum += x);
            *out = if reduction == Reduction::Mean { sum / R::from_f64(n as f64) } else { sum };
        }
    }
}

/// Adds to `g` the gradient that `own` brings.
pub(super) fn reduce_neuron_gradient<R: Real>(
    own: &[R],
    n: usize,
    reduction: Reduction,
    positions: &[u32],
    g: &mut [R],
) {
    for (t, (g, &own)) in g.chunks_exact_mut(n).zip(own).enumerate() {
        if reduction == Reduction::Max {
            g[positions[t] as usize] += own;
        } else {
            let count = if reduction == Reduction::Mean { n as f64 } else { 1.0 };
            let share = own / R::from_f64(count);
            g.iter_mut().for_each(|g| *g += share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two samples, in segments of a window, of all steps or some.
    #[test]
    fn counts_of_spikes_are_sums_of_ones() {
        let (n, steps) = (5, 40);
        let fires = |sample: usize, t: usize, i: usize| (sample * 31 + t * 7 + i * 11).is_multiple_of(5);
        let mut trains = vec![SpikeTrain::new(), SpikeTrain::new()];
        let mut numbers = Vec::new();
        for t in 0..steps {
            for (sample, train) in trains.iter_mut().enumerate() {
                (0..n).filter(|&i| fires(sample, t, i)).for_each(|i| train.push(i as u32));
                train.end_step();
                numbers.extend((0..n).map(|i| if fires(sample, t, i) { 1.0f32 } else { 0.0 }));
            }
        }
        for (reduction, window) in [(Reduction::Mean, 0..40), (Reduction::Sum, 3..29), (Reduction::Mean, 16..17)] {
            let (mut counted, mut summed) = ([9.0; 10], [7.0; 10]);
            for segment in [0..16, 16..32, 32..40] {
                let here = segment.start.max(window.start)..segment.end.min(window.end);
                count_spikes(&trains, n, reduction, here, &window, &mut counted);
                let rows = Rows { first: segment.start, width: 2 * n };
                let x = &numbers[segment.start * 2 * n..segment.end * 2 * n];
                reduce_time(x, rows, reduction, &window, false, &mut [], &mut summed);
            }
            assert_eq!(counted, summed, "{reduction:?} {window:?}");
            assert!(counted.iter().any(|&count| count > 0.0));
        }
    }

    /// The first of equal largest values takes the gradient, over time as over neurons.
    #[test]
    fn the_first_of_equal_values_counts() {
        let x = [1.0, 5.0, 5.0, 2.0, 5.0, 2.0, 0.0, 5.0, 5.0];
        let (mut positions, mut out) = ([9; 3], [0.0; 3]);
        reduce_neuron(&x, 3, Reduction::Max, false, &mut positions, &mut out);
        assert_eq!((positions, out), ([1, 1, 1], [5.0; 3]));
        let rows = Rows { first: 0, width: 3 };
        reduce_time(&x, rows, Reduction::Max, &(0..3), false, &mut positions, &mut out);
        assert_eq!((positions, out), ([1, 0, 0], [2.0, 5.0, 5.0]));
        reduce_time(&x, rows, Reduction::Max, &(1..3), false, &mut positions, &mut out);
        assert_eq!((positions, out), ([1, 1, 2], [2.0, 5.0, 5.0]));
    }
}
