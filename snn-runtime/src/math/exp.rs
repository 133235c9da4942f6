//! The exponential, branch-free.
//!
//! Cody and Waite's reduction: `x = n ln 2 + r` with an integer `n` and `|r| <= ln(2)/2`. `ln 2` is a rounded number and
//! a correction; with fused operations `x - n * rounded` is exact. Then `exp(r) = 1 + r T(r)` with
//! `T(r) = 1 + r/2 + r^2 P(r)`, where the polynomial `P` makes the largest relative error of `exp(r) - 1` on the interval
//! least (a weighted least-squares fit by Lawson's algorithm): 1.4e-8 (`f32`, degree 3) and 2.6e-17 (`f64`, degree 8).
//!
//! The factor `2^n` is put together from its exponent bits. At the upper end it is beyond the largest number although the
//! result is not, so everything is doubled: the result is `2 + r (2 T(r))` times `2^(n-1)`. Then the ends need no choices.
//! An `x` that is too large counts as one for which this product is infinite by itself, and one that is too small as one
//! for which the exponent bits of `2^(n-1)` are zero, which makes it 0. NaN passes through all of it.

#![allow(clippy::excessive_precision, reason = "the constants are written as their sources print them")]

use super::sealed::Elementary;
use super::{max, min};
use crate::Real;

/// `e^x`, within 1 ulp (measured: 0.92 for `f32`, 0.90 for `f64`).
///
/// Infinite above `ln` of the largest number; 0 where the result would be denormal or less than sqrt(2) times the
/// smallest normal number; NaN for NaN.
#[inline(always)]
pub fn exp<R: Real>(x: R) -> R {
    Elementary::exp(x)
}

/// `e^HIGH` is infinite: the reduction gives `n = 128`.
pub(super) const HIGH_F32: f32 = 89.0;
/// The reduction gives `n = -126`, the first `n` whose `2^(n-1)` is not normal.
const LOW_F32: f32 = -87.5;
/// See [`HIGH_F32`]; `n = 1024`.
pub(super) const HIGH_F64: f64 = 710.0;
/// See [`LOW_F32`]; `n = -1022`.
const LOW_F64: f64 = -708.5;

/// `x = n ln 2 + r`.
pub(super) struct Reduced<T> {
    pub(super) r: T,
    /// `2 (exp(r) - 1)/r`
    pub(super) slope: T,
    /// `2^(n-1)`, or 0 where that is not normal.
    pub(super) scale: T,
}

macro_rules! functions {
    ($t:ident) => {
        impl Reduced<$t> {
            /// `exp(x)`
            #[inline(always)]
            pub(super) fn exp(&self) -> $t {
                self.r.mul_add(self.slope, 2.0) * self.scale
            }

            /// `exp(x) - 1`, see [`super::expm1`].
            #[inline(always)]
            pub(super) fn expm1(&self) -> $t {
                self.scale.mul_add(self.r * self.slope, min($t::MAX, self.scale.mul_add(2.0, -1.0)))
            }
        }
    };
}
functions!(f32);
functions!(f64);

/// The reduction of `x`, which counts as `LOW_F32` or `HIGH_F32` if it is outside.
///
/// Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum; 126 makes it the exponent bits
/// of `2^(n-1)`.
#[inline(always)]
pub(super) fn reduce_f32(x: f32) -> Reduced<f32> {
    const ROUND: f32 = 12_582_912.0 + 126.0;
    const LN2_LOW: f32 = -1.904_654_3e-9;
    let x = max(LOW_F32, min(HIGH_F32, x));
    let sum = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = sum - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-std::f32::consts::LN_2, x));
    let mut p = 2.0 * 1.394_019e-3;
    p = r.mul_add(p, 2.0 * 8.366_437e-3);
    p = r.mul_add(p, 2.0 * 4.166_640_8e-2);
    p = r.mul_add(p, 2.0 * 1.666_654_5e-1);
    p = r.mul_add(p, 1.0);
    Reduced { r, slope: r.mul_add(p, 2.0), scale: f32::from_bits(sum.to_bits() << 23) }
}

/// See [`reduce_f32`].
#[inline(always)]
pub(super) fn reduce_f64(x: f64) -> Reduced<f64> {
    const ROUND: f64 = 6_755_399_441_055_744.0 + 1022.0;
    const LN2_LOW: f64 = 2.319_046_813_846_299_6e-17;
    let x = max(LOW_F64, min(HIGH_F64, x));
    let sum = x.mul_add(std::f64::consts::LOG2_E, ROUND);
    let n = sum - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-std::f64::consts::LN_2, x));
    let mut p = 2.0 * 2.511_229_408_429_988_3e-8;
    p = r.mul_add(p, 2.0 * 2.762_228_775_708_720_7e-7);
    p = r.mul_add(p, 2.0 * 2.755_723_532_773_043e-6);
    p = r.mul_add(p, 2.0 * 2.480_151_619_643_945_3e-5);
    p = r.mul_add(p, 2.0 * 1.984_126_989_413_947_8e-4);
    p = r.mul_add(p, 2.0 * 1.388_888_892_062_609_3e-3);
    p = r.mul_add(p, 2.0 * 8.333_333_333_319_034e-3);
    p = r.mul_add(p, 2.0 * 4.166_666_666_661_971e-2);
    p = r.mul_add(p, 2.0 * 1.666_666_666_666_668e-1);
    p = r.mul_add(p, 1.0);
    Reduced { r, slope: r.mul_add(p, 2.0), scale: f64::from_bits(sum.to_bits() << 52) }
}

#[inline(always)]
pub(super) fn f32(x: f32) -> f32 {
    reduce_f32(x).exp()
}

#[inline(always)]
pub(super) fn f64(x: f64) -> f64 {
    reduce_f64(x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    /// Above this, `e^x` is infinite.
    const MAX_F32: f32 = 88.722_83;
    const MAX_F64: f64 = 709.782_712_893_384;
    /// From here on the result is not 0: 125.5 ln 2, 1021.5 ln 2.
    const MIN_F32: f32 = -86.989_97;
    const MIN_F64: f64 = -708.049_8;

    const BOUND: f64 = 1.0;

    #[test]
    fn f32_is_within_the_bound() {
        let mut worst: f64 = 0.0;
        for x in ulp::grid(-86.989, 88.722, 2_000_000).chain(ulp::grid(-1.0, 1.0, 500_000)) {
            let x = x as f32;
            worst = worst.max(ulp::f32(exp(x), libm::exp(x as f64)));
        }
        println!("exp f32: {worst} ulp");
        assert!(worst <= BOUND, "{worst}");
    }

    #[test]
    fn f64_is_within_the_bound() {
        let mut worst: f64 = 0.0;
        for x in ulp::grid(-708.04, 709.782, 1_000_000).chain(ulp::grid(-1.0, 1.0, 500_000)) {
            worst = worst.max(ulp::f64(exp(x), libm::exp(x)));
        }
        // The reference itself is known to 1 ulp.
        println!("exp f64: {worst} ulp from libm");
        assert!(worst <= BOUND, "{worst}");
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!(exp(0.0f32), 1.0);
        assert_eq!(exp(-0.0f64), 1.0);
        assert_eq!((exp(f32::INFINITY), exp(f64::INFINITY)), (f32::INFINITY, f64::INFINITY));
        assert_eq!((exp(f32::NEG_INFINITY), exp(f64::NEG_INFINITY)), (0.0, 0.0));
        assert!(exp(f32::NAN).is_nan() && exp(f64::NAN).is_nan() && exp(-f32::NAN).is_nan());
        assert_eq!(
            (exp(1e30f32), exp(-1e30f32), exp(f32::MAX), exp(f32::MIN)),
            (f32::INFINITY, 0.0, f32::INFINITY, 0.0)
        );
        assert_eq!((exp(1e300f64), exp(-1e300f64), exp(f64::MAX)), (f64::INFINITY, 0.0, f64::INFINITY));
        assert_eq!(exp(-1e-40f32), 1.0);
        assert!(exp(MAX_F32).is_finite() && exp(MAX_F32) > 3.4e38);
        assert_eq!(exp(f32::from_bits(MAX_F32.to_bits() + 1)), f32::INFINITY);
        assert!(exp(MAX_F64).is_finite() && exp(MAX_F64) > 1.797e308);
        assert_eq!(exp(709.783), f64::INFINITY);
        assert!(exp(MIN_F32) >= f32::MIN_POSITIVE && exp(MIN_F64) >= f64::MIN_POSITIVE);
    }

    /// Fixed results: these bits may never change, on any machine.
    #[test]
    fn bits_are_pinned() {
        let f32s: Vec<u32> = [1.0f32, -0.1, 10.5, -50.0].iter().map(|&x| exp(x).to_bits()).collect();
        let f64s: Vec<u64> = [1.0f64, -0.1, 10.5, -500.0].iter().map(|&x| exp(x).to_bits()).collect();
        assert_eq!(f32s, [1076754516, 1063756653, 1192090497, 459877355]);
        assert_eq!(f64s, [4613303445314885481, 4606325270462671674, 4675223978265562427, 1358158949824873357]);
    }
}
