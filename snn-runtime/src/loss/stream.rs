//! Means and sums over time of a map that is nowhere kept: piece by piece, each small enough for the first-level cache. The
//! order of the sums is that of a kept array, and so are the bits.

use super::reduce::add;
use super::{Map, Reduction};
use crate::Real;
use std::ops::Range;

/// The numbers of a piece, if a row is not longer.
const PIECE: usize = 1024;

/// The pieces of a window of rows of `n` numbers.
fn pieces(window: &Range<usize>, n: usize) -> impl Iterator<Item = Range<usize>> {
    let (end, rows) = (window.end, (PIECE / n).max(1));
    window.clone().step_by(rows).map(move |first| first * n..(first + rows).min(end) * n)
}

/// The mean or sum over the window of `function`, of arrays `[steps, n]`. `out`: `[n]`
pub(super) fn streamed<R: Real>(
    function: &dyn Map<R>,
    arrays: &[&[R]],
    reduction: Reduction,
    window: &Range<usize>,
    out: &mut [R],
) {
    let n = out.len();
    let mut values = vec![R::ZERO; PIECE.max(n)];
    let mut inputs: Vec<&[R]> = Vec::with_capacity(arrays.len());
    out.fill(R::ZERO);
    for piece in pieces(window, n) {
        inputs.clear();
        inputs.extend(arrays.iter().map(|array| &array[piece.clone()]));
        let values = &mut values[..piece.len()];
        function.value(&inputs, values);
        values.chunks_exact(n).for_each(|row| add(out, row));
    }
    if reduction == Reduction::Mean {
        let count = R::from_f64(window.len() as f64);
        out.iter_mut().for_each(|sum| *sum = *sum / count);
    }
}

/// The reverse: calls `give` with the number of an array, a place in it, and what is to be added from there on.
pub(super) fn streamed_gradient<R: Real>(
    function: &dyn Map<R>,
    arrays: &[&[R]],
    reduction: Reduction,
    window: &Range<usize>,
    own: &[R],
    give: &mut dyn FnMut(usize, usize, &[R]),
) {
    let n = own.len();
    let count = if reduction == Reduction::Mean { window.len() as f64 } else { 1.0 };
    let share = R::ONE / R::from_f64(count);
    let length = PIECE.max(n) / n * n;
    let slopes: Vec<R> = own.iter().map(|&own| own * share).cycle().take(length).collect();
    let mut room = vec![R::ZERO; arrays.len() * length];
    let mut inputs: Vec<&[R]> = Vec::with_capacity(arrays.len());
    for piece in pieces(window, n) {
        inputs.clear();
        inputs.extend(arrays.iter().map(|array| &array[piece.clone()]));
        let room = &mut room[..arrays.len() * piece.len()];
        room.fill(R::ZERO);
        let mut gradients: Vec<&mut [R]> = room.chunks_exact_mut(piece.len()).collect();
        function.gradient(&inputs, &slopes[..piece.len()], &mut gradients);
        gradients.iter().enumerate().for_each(|(k, gradient)| give(k, piece.start, gradient));
    }
}
