//! Work in the thread pool.

use crate::Real;
use crate::simd::{Loops, dispatch};
use rayon::prelude::*;

/// The numbers that are worth a thread.
pub(crate) const PIECE: usize = 1 << 14;

/// Does something in the thread pool. A thread outside would have to wake it, and to wait for it, each time that something is dealt
/// out; one inside goes on by itself.
pub(crate) fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match rayon::current_thread_index() {
        Some(_) => work(),
        None => rayon::scope(|_| work()),
    }
}

/// Whether all numbers are finite.
pub(crate) fn all_finite<R: Real>(numbers: &[R]) -> bool {
    let finite = |piece: &[R]| dispatch(Finite(piece));
    match numbers.len() {
        0..=PIECE => finite(numbers),
        _ => numbers.par_chunks(PIECE).all(finite),
    }
}

struct Finite<'a, R>(&'a [R]);

impl<R: Real> Loops for Finite<'_, R> {
    type Output = bool;
    #[inline(always)]
    fn run<const BYTES: usize>(self) -> bool {
        // Without an early end, so that it is compared in vectors.
        self.0.iter().fold(true, |all, x| all & x.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_finite_is_found_in_every_piece() {
        for length in [0, 5, PIECE, 3 * PIECE + 7] {
            let mut numbers = vec![1.0f32; length];
            assert!(all_finite(&numbers));
            for place in (0..length).step_by(PIECE / 2 + 1) {
                for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    numbers[place] = wrong;
                    assert!(!in_pool(|| all_finite(&numbers)), "{length} {place}");
                }
                numbers[place] = 1.0;
            }
        }
    }

    #[test]
    fn work_is_done_in_the_pool_once_entered() {
        let (outer, inner) = in_pool(|| (rayon::current_thread_index(), in_pool(rayon::current_thread_index)));
        assert!(outer.is_some());
        assert_eq!(outer, inner);
    }
}
