//! The functions that are exact: one operation or one choice each.

use crate::Real;

/// `|x|`.
#[inline(always)]
pub fn abs<R: Real>(x: R) -> R {
    x.abs()
}

/// `if condition { a } else { b }`, of which both are computed: a choice that stays one in loops that are vectorised.
#[inline(always)]
pub fn select<T>(condition: bool, a: T, b: T) -> T {
    std::hint::select_unpredictable(condition, a, b)
}

/// `x`, but -0 instead of 0: what changes no number that it is added to, not even the sign of 0. So to add a sum of nothing is to
/// add nothing.
#[inline(always)]
pub fn addend<R: Real>(x: R) -> R {
    select(x == R::ZERO, -R::ZERO, x)
}

/// The square root, correctly rounded; NaN for negative `x`.
#[inline(always)]
pub fn sqrt<R: Real>(x: R) -> R {
    x.sqrt()
}

/// `if a > b { a } else { b }`: the second if they are equal or if one is NaN.
#[inline(always)]
pub fn max<R: Real>(a: R, b: R) -> R {
    if a > b { a } else { b }
}

/// `if a < b { a } else { b }`: the second if they are equal or if one is NaN.
#[inline(always)]
pub fn min<R: Real>(a: R, b: R) -> R {
    if a < b { a } else { b }
}

/// `max(x, 0)`; NaN becomes 0.
#[inline(always)]
pub fn relu<R: Real>(x: R) -> R {
    max(x, R::ZERO)
}

/// 1 if `x >= 0`, otherwise 0 (also for NaN). A spike exactly at threshold is a spike.
#[inline(always)]
pub fn heaviside<R: Real>(x: R) -> R {
    if x >= R::ZERO { R::ONE } else { R::ZERO }
}

/// `min(max(x, low), high)`; NaN becomes `low`.
#[inline(always)]
pub fn clip<R: Real>(x: R, low: R, high: R) -> R {
    min(max(x, low), high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_the_written_ones() {
        assert_eq!(max(1.0, 2.0), 2.0);
        assert_eq!(max(f32::NAN, 2.0), 2.0);
        assert!(max(2.0, f32::NAN).is_nan());
        assert_eq!(min(1.0, 2.0), 1.0);
        assert_eq!(min(f64::NAN, 2.0), 2.0);
        assert!(max(0.0f32, -0.0).is_sign_negative(), "equal arguments give the second");
        assert_eq!((relu(-3.0f32), relu(3.0f32)), (0.0, 3.0));
        assert_eq!((heaviside(0.0f32), heaviside(-1e-30f32), heaviside(f32::NAN)), (1.0, 0.0, 0.0));
        assert_eq!((clip(5.0, -1.0, 1.0), clip(-5.0, -1.0, 1.0), clip(0.5, -1.0, 1.0)), (1.0, -1.0, 0.5));
        assert_eq!((addend(0.0f32) + -0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!((addend(2.0), addend(-1.0) + 1.0), (2.0, 0.0));
        assert_eq!((abs(-2.0f32), sqrt(9.0f64)), (2.0, 3.0));
    }
}
