//! No denormal numbers: on some processors an operation on one takes a hundred times as long.

use crate::Real;
use crate::simd::{Loops, dispatch};

/// Tiny states are set to 0 after every so many steps. In these a state that decays by less than a factor of 3.8 (`f32`)
/// in each does not get from the bound of [`flush`] to the denormal numbers.
const STEPS: usize = 16;

/// 0 if `|x|` is tiny, below 2^-95 (`f32`) or 2^-511 (`f64`), otherwise `x` (also NaN).
///
/// A decaying quantity would end among the denormal numbers. The bounds are such that one test of the first bits of the
/// exponent decides.
#[inline(always)]
pub fn flush<R: Real>(x: R) -> R {
    if x.is_tiny() { R::ZERO } else { x }
}

/// [`flush`] for all states of some neurons after step `t`, which does nothing except after every 16th step (15, 31, ...).
///
/// [`Neuron::step`](crate::Neuron::step) leaves tiny states as they are: to look at them would be six of the 33 instructions
/// of a step of a simple neuron. Whoever calls it calls this too.
pub fn flush_states<R: Real>(t: usize, states: &mut [R]) {
    if t % STEPS == STEPS - 1 {
        dispatch(All(states));
    }
}

struct All<'a, R>(&'a mut [R]);

impl<R: Real> Loops for All<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        self.0.iter_mut().for_each(|x| *x = flush(*x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tiny_values_are_flushed() {
        let bounds = (f32::from_bits(32 << 23), f64::from_bits(512 << 52));
        assert_eq!((libm::log2f(bounds.0), libm::log2(bounds.1)), (-95.0, -511.0));
        assert_eq!((flush(bounds.0), flush(-bounds.1)), (bounds.0, -bounds.1));
        assert_eq!((flush(bounds.0.next_down()), flush(-bounds.1.next_down())), (0.0, 0.0));
        assert_eq!((flush(-1e-40f32).to_bits(), flush(-2.0f64), flush(f32::INFINITY)), (0, -2.0, f32::INFINITY));
        assert!(flush(f32::NAN).is_nan());
    }

    #[test]
    fn a_decaying_state_ends_at_zero_and_not_among_the_denormals() {
        let mut states = vec![1.0f32; 37];
        for t in 0..1600 {
            states.iter_mut().for_each(|x| *x *= 0.3);
            flush_states(t, &mut states);
            assert!(states.iter().all(|x| !x.is_subnormal()), "step {t}");
        }
        assert_eq!(states, [0.0; 37]);
    }
}
