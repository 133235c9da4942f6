//! `exp(x) - 1` and its quotient by `x`, without cancellation near zero.
//!
//! With the reduction of [`super::exp()`], `exp(x) - 1 = 2^n q + (2^n - 1)`, `q = exp(r) - 1`: near zero `n = 0` and
//! `q` is left alone. Far from zero the 1 no longer matters, and the second form would overflow too early.

use super::exp::{MAX_F32, MAX_F64, reduce_f32, reduce_f64, scale_f32, scale_f64};
use super::sealed::Elementary;
use crate::Real;

/// `e^x - 1`, within 3 ulp for `f32` and 3 ulp for `f64`, also near zero. -1 for minus infinity.
#[inline(always)]
pub fn expm1<R: Real>(x: R) -> R {
    Elementary::expm1(x)
}

/// `(e^z - 1)/z`, continued by 1 at zero: the function phi_1 of exponential integrators. Within 4 ulp.
///
/// 0 at minus infinity, infinite where `exp` is.
#[inline(always)]
pub fn exprel<R: Real>(z: R) -> R {
    let e = expm1(z);
    // Where e is infinite, z may be too, and their quotient undefined.
    let y = if e.is_finite() { e / z } else { e };
    if z == R::ZERO { R::ONE } else { y }
}

#[inline(always)]
pub(super) fn f32(x: f32) -> f32 {
    let (q, n) = reduce_f32(x);
    let s = scale_f32(1.0, n);
    let y = s * q + (s - 1.0);
    let y = if x > 30.0 { scale_f32(1.0 + q, n) } else { y };
    let y = if x > MAX_F32 { f32::INFINITY } else { y };
    let y = if x < -30.0 { -1.0 } else { y };
    if x.is_nan() { x } else { y }
}

#[inline(always)]
pub(super) fn f64(x: f64) -> f64 {
    let (q, n) = reduce_f64(x);
    let s = scale_f64(1.0, n);
    let y = s * q + (s - 1.0);
    let y = if x > 50.0 { scale_f64(1.0 + q, n) } else { y };
    let y = if x > MAX_F64 { f64::INFINITY } else { y };
    let y = if x < -50.0 { -1.0 } else { y };
    if x.is_nan() { x } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    fn points(low: f64, high: f64) -> impl Iterator<Item = f64> {
        ulp::grid(low, high, 500_000).chain(ulp::grid(-2.0, 2.0, 500_000)).chain(ulp::magnitudes(-35, 0))
    }

    #[test]
    fn f32_is_within_the_bound() {
        let (mut worst, mut worst_rel): (f64, f64) = (0.0, 0.0);
        for x in points(-60.0, 88.7) {
            let x = x as f32;
            let reference = libm::expm1(x as f64);
            worst = worst.max(ulp::f32(expm1(x), reference));
            let quotient = if x == 0.0 { 1.0 } else { reference / x as f64 };
            worst_rel = worst_rel.max(ulp::f32(exprel(x), quotient));
        }
        println!("expm1 f32: {worst} ulp, exprel f32: {worst_rel} ulp");
        assert!(worst <= 3.0 && worst_rel <= 4.0, "{worst} {worst_rel}");
    }

    #[test]
    fn f64_is_within_the_bound() {
        let (mut worst, mut worst_rel): (f64, f64) = (0.0, 0.0);
        for x in points(-60.0, 709.7) {
            let reference = libm::expm1(x);
            worst = worst.max(ulp::f64(expm1(x), reference));
            let quotient = if x == 0.0 { 1.0 } else { reference / x };
            worst_rel = worst_rel.max(ulp::f64(exprel(x), quotient));
        }
        println!("expm1 f64: {worst} ulp, exprel f64: {worst_rel} ulp");
        // The references are known to 1 ulp (1.5 after the division).
        assert!(worst <= 2.0 && worst_rel <= 2.5, "{worst} {worst_rel}");
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((expm1(0.0f32), exprel(0.0f32), exprel(-0.0f64)), (0.0, 1.0, 1.0));
        assert_eq!((expm1(f32::NEG_INFINITY), expm1(-1e30f64)), (-1.0, -1.0));
        assert_eq!((expm1(f32::INFINITY), exprel(f64::INFINITY)), (f32::INFINITY, f64::INFINITY));
        assert_eq!((exprel(f32::NEG_INFINITY), exprel(-1e10f64)), (0.0, 1e-10));
        assert!(expm1(f32::NAN).is_nan() && exprel(f64::NAN).is_nan());
        assert_eq!((exprel(1e-30f32), exprel(-1e-300f64), exprel(f64::MIN_POSITIVE)), (1.0, 1.0, 1.0));
        assert_eq!(expm1(1e300f64), f64::INFINITY);
        assert!(expm1(MAX_F32).is_finite() && exprel(MAX_F64).is_finite());
        assert_eq!(expm1(f32::from_bits(MAX_F32.to_bits() + 1)), f32::INFINITY);
    }
}
