//! `exp(x) - 1` and its quotient by `x`, without cancellation near zero.
//!
//! With the reduction of [`super::exp()`], `exp(x) - 1 = 2^n q + (2^n - 1)`, `q = exp(r) - 1`: near zero `n = 0` and
//! `q` is left alone. In its terms this is `scale (2 q) + (2 scale - 1)`. At the upper end `2^n` is beyond the largest
//! number although the sum is not; the largest number then stands for it, which is near enough.

use super::exp::{reduce_f32, reduce_f64};
use super::min;
use super::sealed::Elementary;
use crate::Real;

/// `e^x - 1`, within 3 ulp, also near zero (measured: 2.0 for `f32`, 2.6 for `f64`). -1 for minus infinity.
#[inline(always)]
pub fn expm1<R: Real>(x: R) -> R {
    Elementary::expm1(x)
}

/// `(e^z - 1)/z`, continued by 1 at zero: the function phi_1 of exponential integrators. Within 3 ulp
/// (measured: 1.9 for `f32`, 2.4 for `f64`).
///
/// 0 at minus infinity, infinite where `exp` is.
#[inline(always)]
pub fn exprel<R: Real>(z: R) -> R {
    // Where the numerator is infinite, the denominator must not be.
    let y = expm1(z) / min(R::HIGH, z);
    if z == R::ZERO { R::ONE } else { y }
}

#[inline(always)]
pub(super) fn f32(x: f32) -> f32 {
    reduce_f32(x).expm1()
}

#[inline(always)]
pub(super) fn f64(x: f64) -> f64 {
    reduce_f64(x).expm1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    /// Above this, `e^x` is infinite.
    const MAX_F32: f32 = 88.722_83;
    const MAX_F64: f64 = 709.782_712_893_384;

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
        assert!(worst <= 3.0 && worst_rel <= 3.0, "{worst} {worst_rel}");
    }

    /// `exprel(z)` as the sum of a number and a correction: Horner's form of the series.
    fn series(z: f64) -> [f64; 2] {
        let [mut high, mut low] = [1.0, 0.0];
        for k in (2..40).rev().map(f64::from) {
            // 1 + z/k (high + low)
            let product = high * z;
            let product_error = high.mul_add(z, -product) + low * z;
            let quotient = product / k;
            let quotient_error = ((-quotient).mul_add(k, product) + product_error) / k;
            let sum = 1.0 + quotient;
            let rest = sum - 1.0;
            high = sum;
            low = (1.0 - (sum - rest)) + (quotient - rest) + quotient_error;
        }
        [high, low]
    }

    #[test]
    fn f64_is_within_the_bound() {
        let (mut worst, mut worst_rel): (f64, f64) = (0.0, 0.0);
        for x in ulp::grid(-2.0, 2.0, 500_000).chain(ulp::magnitudes(-35, 0)) {
            let [high, low] = series(x);
            worst_rel = worst_rel.max(ulp::sum(exprel(x), [high, low]));
            let product = high * x;
            worst = worst.max(ulp::sum(expm1(x), [product, high.mul_add(x, -product) + low * x]));
        }
        println!("expm1 f64: {worst} ulp, exprel f64: {worst_rel} ulp");
        assert!(worst <= 3.0 && worst_rel <= 3.0, "{worst} {worst_rel}");

        let (mut worst, mut worst_rel): (f64, f64) = (0.0, 0.0);
        for x in ulp::grid(-60.0, 709.7, 500_000) {
            let reference = libm::expm1(x);
            worst = worst.max(ulp::f64(expm1(x), reference));
            let quotient = if x == 0.0 { 1.0 } else { reference / x };
            worst_rel = worst_rel.max(ulp::f64(exprel(x), quotient));
        }
        println!("far from zero: expm1 f64: {worst} ulp, exprel f64: {worst_rel} ulp");
        // The references are known to 1 ulp (1.5 after the division).
        assert!(worst <= 2.0 && worst_rel <= 2.0, "{worst} {worst_rel}");
    }

    /// Between 127.5 ln 2 and the upper end `2^n` is beyond the largest number.
    #[test]
    fn the_upper_end_is_accurate() {
        for x in ulp::grid(88.38, 88.722, 10_000) {
            let error = ulp::f32(expm1(x as f32), libm::expm1(f64::from(x as f32)));
            assert!(error <= 3.0, "{error} at {x}");
        }
        for x in ulp::grid(709.44, 709.782, 10_000) {
            let error = ulp::f64(expm1(x), libm::expm1(x));
            assert!(error <= 2.0, "{error} at {x}");
        }
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
