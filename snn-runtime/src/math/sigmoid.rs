//! The logistic function and the hyperbolic tangent.

use super::{exp, expm1};
use crate::Real;

/// `1/(1 + e^-x)`, within 3 ulp, 0 where [`exp`] of `x` is; no overflow at either end.
///
/// Computed from `e^-|x|`, which is at most 1; `sigmoid(-x) = e^-|x| sigmoid(x)` keeps the small side accurate.
#[inline(always)]
pub fn sigmoid<R: Real>(x: R) -> R {
    let e = exp(-x.abs());
    let numerator = if x < R::ZERO { e } else { R::ONE };
    numerator / (R::ONE + e)
}

/// The hyperbolic tangent, within 4 ulp: `-m/(2 + m)` with `m = e^(-2|x|) - 1`, and the sign of `x`.
#[inline(always)]
pub fn tanh<R: Real>(x: R) -> R {
    let m = expm1(-(x.abs() + x.abs()));
    let y = -m / (R::ONE + R::ONE + m);
    if x < R::ZERO { -y } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    #[test]
    fn sigmoid_is_within_the_bound() {
        let (mut worst, mut worst64): (f64, f64) = (0.0, 0.0);
        for x in ulp::grid(-80.0, 80.0, 300_000).chain(ulp::grid(-4.0, 4.0, 300_000)) {
            let x32 = x as f32;
            worst = worst.max(ulp::f32(sigmoid(x32), 1.0 / (1.0 + libm::exp(-(x32 as f64)))));
            worst64 = worst64.max(ulp::f64(sigmoid(x), 1.0 / (1.0 + libm::exp(-x))));
        }
        println!("sigmoid: f32 {worst} ulp, f64 {worst64} ulp from the direct form");
        assert!(worst <= 3.0 && worst64 <= 3.0, "{worst} {worst64}");
    }

    #[test]
    fn sigmoid_does_not_overflow() {
        for x in [1e3f32, 1e30, f32::INFINITY] {
            assert_eq!((sigmoid(x), sigmoid(-x)), (1.0, 0.0));
        }
        assert_eq!(sigmoid(0.0f64), 0.5);
        assert!(sigmoid(f64::NAN).is_nan() && sigmoid(-f32::NAN).is_nan());
    }

    #[test]
    fn tanh_is_within_the_bound() {
        let (mut worst, mut worst64): (f64, f64) = (0.0, 0.0);
        for x in ulp::grid(-25.0, 25.0, 300_000).chain(ulp::magnitudes(-30, 0)) {
            let x32 = x as f32;
            worst = worst.max(ulp::f32(tanh(x32), libm::tanh(x32 as f64)));
            worst64 = worst64.max(ulp::f64(tanh(x), libm::tanh(x)));
        }
        println!("tanh: f32 {worst} ulp, f64 {worst64} ulp from libm");
        assert!(worst <= 4.0 && worst64 <= 4.0, "{worst} {worst64}");
        assert_eq!((tanh(0.0f32), tanh(1e30f32), tanh(f64::NEG_INFINITY)), (0.0, 1.0, -1.0));
        assert!(tanh(f32::NAN).is_nan());
    }
}
