//! Means and sums over time of a map that is nowhere kept: piece by piece, each small enough for the first-level cache. The
//! order of the sums is that of a kept array, and so are the bits.

use super::reduce::{Rows, finish_mean};
use super::{Map, Reduction};
use crate::Real;
use crate::simd::sums::add;
use std::ops::Range;

/// The numbers of a piece, if a row is not longer.
const CHUNK: usize = 1024;

/// The pieces of some of the rows.
fn pieces(rows: Rows, steps: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let (end, step) = (steps.end, (CHUNK / rows.width).max(1));
    steps.step_by(step).map(move |first| rows.place(first).start..rows.place((first + step).min(end) - 1).end)
}

/// What is done to the gradients of an array.
pub(super) type Adds<'a, R> = dyn FnMut(&mut [R]) + 'a;

/// The mean or sum over a window of a map of arrays that may hold only some rows of it.
pub(super) struct Streamed<'a, R> {
    pub(super) function: &'a dyn Map<R>,
    pub(super) arrays: &'a [&'a [R]],
    pub(super) reduction: Reduction,
    pub(super) window: &'a Range<usize>,
    pub(super) rows: Rows,
}

impl<R: Real> Streamed<'_, R> {
    /// The steps of the window that the arrays hold.
    fn steps(&self) -> Range<usize> {
        self.arrays.first().map_or(0..0, |array| self.rows.within(array, self.window))
    }

    /// Adds these rows. `out`: one row.
    pub(super) fn reduce(&self, out: &mut [R]) {
        let (n, steps) = (self.rows.width, self.steps());
        if steps.is_empty() {
            return;
        }
        let mut values = vec![R::ZERO; CHUNK.max(n)];
        let mut inputs: Vec<&[R]> = Vec::with_capacity(self.arrays.len());
        if steps.start == self.window.start {
            out.fill(R::ZERO);
        }
        for piece in pieces(self.rows, steps.clone()) {
            inputs.clear();
            inputs.extend(self.arrays.iter().map(|array| &array[piece.clone()]));
            let values = &mut values[..piece.len()];
            self.function.value(&inputs, values);
            values.chunks_exact(n).for_each(|row| add(out, row));
        }
        finish_mean(self.reduction, &steps, self.window, out);
    }

    /// The reverse: calls `with` with the number of an array and with what is to be done to its gradients. `fresh`: there is anything
    /// in those of a single array, which stand for 0.
    pub(super) fn gradient(&self, own: &[R], fresh: bool, with: &mut dyn FnMut(usize, &mut Adds<'_, R>)) {
        let (n, arrays) = (own.len(), self.arrays);
        let count = if self.reduction == Reduction::Mean { self.window.len() as f64 } else { 1.0 };
        let share = R::ONE / R::from_f64(count);
        let length = CHUNK.max(n) / n * n;
        let slopes: Vec<R> = own.iter().map(|&own| own * share).cycle().take(length).collect();
        // The gradients of several arrays cannot be at hand at once.
        let mut room = vec![R::ZERO; if arrays.len() > 1 { arrays.len() * length } else { 0 }];
        let mut inputs: Vec<&[R]> = Vec::with_capacity(arrays.len());
        for piece in pieces(self.rows, self.steps()) {
            inputs.clear();
            inputs.extend(arrays.iter().map(|array| &array[piece.clone()]));
            let slopes = &slopes[..piece.len()];
            if arrays.len() == 1 {
                with(0, &mut |gradient| {
                    let gradient = &mut gradient[piece.clone()];
                    if fresh {
                        gradient.fill(R::ZERO);
                    }
                    self.function.gradient(&inputs, slopes, &mut [gradient]);
                });
                continue;
            }
            let room = &mut room[..arrays.len() * piece.len()];
            room.fill(R::ZERO);
            let mut gradients: Vec<&mut [R]> = room.chunks_exact_mut(piece.len()).collect();
            self.function.gradient(&inputs, slopes, &mut gradients);
            for (k, own) in gradients.iter().enumerate() {
                with(k, &mut |gradient| add(&mut gradient[piece.clone()], own));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reduce::{reduce_time, reduce_time_gradient};
    use super::*;

    /// x y^2
    struct Product;

    impl Map<f32> for Product {
        fn value(&self, inputs: &[&[f32]], out: &mut [f32]) {
            (0..out.len()).for_each(|i| out[i] = inputs[0][i] * inputs[1][i] * inputs[1][i]);
        }
        fn gradient(&self, inputs: &[&[f32]], g: &[f32], out: &mut [&mut [f32]]) {
            for (i, &g) in g.iter().enumerate() {
                out[0][i] += g * inputs[1][i] * inputs[1][i];
                out[1][i] += 2.0 * g * inputs[0][i] * inputs[1][i];
            }
        }
    }

    /// x^2
    struct Square;

    impl Map<f32> for Square {
        fn value(&self, inputs: &[&[f32]], out: &mut [f32]) {
            (0..out.len()).for_each(|i| out[i] = inputs[0][i] * inputs[0][i]);
        }
        fn gradient(&self, inputs: &[&[f32]], g: &[f32], out: &mut [&mut [f32]]) {
            (0..g.len()).for_each(|i| out[0][i] += 2.0 * g[i] * inputs[0][i]);
        }
    }

    /// Pieces with a remainder, rows longer than a piece, windows.
    #[test]
    fn the_bits_are_those_of_a_kept_array() {
        for (steps, n, window) in [(700, 3, 0..700), (700, 3, 5..698), (9, 1500, 2..9), (1, 1, 0..1)] {
            let numbers = |k: usize| (0..steps * n).map(|i| ((i * k) % 97) as f32 / 31.0 - 1.3).collect::<Vec<_>>();
            let (x, y) = (numbers(7), numbers(11));
            let own: Vec<f32> = (0..n).map(|i| i as f32 / 13.0 - 0.4).collect();
            let rows = Rows { first: 0, width: n };
            for reduction in [Reduction::Mean, Reduction::Sum] {
                let (mut kept, mut expected) = (vec![0.0; steps * n], vec![0.0; n]);
                Product.value(&[&x, &y], &mut kept);
                reduce_time(&kept, rows, reduction, &window, false, &mut [], &mut expected);
                let mut found = vec![9.0; n];
                let arrays: [&[f32]; 2] = [&x, &y];
                let product = Streamed { function: &Product, arrays: &arrays, reduction, window: &window, rows };
                product.reduce(&mut found);
                assert_eq!(found, expected, "{steps} {n} {window:?} {reduction:?}");

                let mut slopes = vec![0.0; steps * n];
                reduce_time_gradient(&own, rows, reduction, &window, &[], &mut slopes);
                let mut expected = [vec![0.0; steps * n], vec![0.0; steps * n]];
                let [to_x, to_y] = &mut expected;
                Product.gradient(&[&x, &y], &slopes, &mut [to_x, to_y]);
                let mut found = [vec![0.0; steps * n], vec![0.0; steps * n]];
                product.gradient(&own, false, &mut |k, adds| adds(&mut found[k]));
                assert!(found == expected, "{steps} {n} {window:?} {reduction:?}");

                let mut expected = vec![0.0; steps * n];
                Square.gradient(&[&x], &slopes, &mut [&mut expected]);
                let mut found = vec![0.0; steps * n];
                let square = Streamed { function: &Square, arrays: &arrays[..1], ..product };
                square.gradient(&own, false, &mut |_, adds| adds(&mut found));
                assert!(found == expected, "{steps} {n} {window:?} {reduction:?}");
                let mut found = [f32::NAN].repeat(steps * n);
                square.gradient(&own, true, &mut |_, adds| adds(&mut found));
                let written = window.start * n..window.end * n;
                assert!(found[written.clone()] == expected[written], "{steps} {n} {window:?} {reduction:?}");
            }
        }
    }
}
