//! The exponential, branch-free.
//!
//! Cody and Waite's reduction: `x = n ln 2 + r` with an integer `n` and `|r| <= ln(2)/2`. `ln 2` is split in a high
//! part of few bits, so that `n * high` is exact, and a low part. Then `exp(x) = 2^n (1 + r + r^2 P(r))`, where the
//! polynomial `P` interpolates `(exp(r) - 1 - r)/r^2` at the Chebyshev points of the interval; its relative error is
//! 2.2e-10 (`f32`, degree 5) and 2.3e-19 (`f64`, degree 10). The factor `2^n` is added to the exponent bits.

#![allow(clippy::excessive_precision, reason = "the constants are written as their sources print them")]

use super::sealed::Elementary;
use crate::Real;

/// `e^x`, within 2 ulp (measured: 0.94 for `f32`; `f64` differs from `libm` in the last bit at most).
///
/// Infinite above `ln` of the largest number; 0 where the result would be denormal; NaN for NaN.
#[inline(always)]
pub fn exp<R: Real>(x: R) -> R {
    Elementary::exp(x)
}

/// Above this, `e^x` is infinite.
pub(super) const MAX_F32: f32 = 88.722_83;
/// Below this, `e^x` is denormal (within rounding) and set to zero.
const MIN_F32: f32 = -87.33;
/// Above this, `e^x` is infinite.
pub(super) const MAX_F64: f64 = 709.782_712_893_384;
/// Below this, `e^x` is denormal (within rounding) and set to zero.
const MIN_F64: f64 = -708.39;

/// `x = n ln 2 + r`: returns (`exp(r) - 1`, the bits of `2^n` to be added to an exponent).
///
/// Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum. If `x` is not finite or
/// far out of range the result is meaningless, but computing it is harmless; callers select another value.
#[inline(always)]
pub(super) fn reduce_f32(x: f32) -> (f32, u32) {
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_375;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let sum = x * std::f32::consts::LOG2_E + ROUND;
    let n = sum - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 1.989_099_1e-4;
    p = p * r + 1.393_365e-3;
    p = p * r + 8.333_311e-3;
    p = p * r + 4.166_646_5e-2;
    p = p * r + 1.666_666_7e-1;
    p = p * r + 5.000_000_013e-1;
    (r + r * r * p, sum.to_bits() << 23)
}

/// See [`reduce_f32`].
#[inline(always)]
pub(super) fn reduce_f64(x: f64) -> (f64, u64) {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let sum = x * std::f64::consts::LOG2_E + ROUND;
    let n = sum - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = 2.091_468_696_808_687_7e-9;
    p = p * r + 2.510_521_700_472_074_5e-8;
    p = p * r + 2.755_727_364_311_029_5e-7;
    p = p * r + 2.755_725_540_020_642_4e-6;
    p = p * r + 2.480_158_732_554_774e-5;
    p = p * r + 1.984_126_987_482_062_5e-4;
    p = p * r + 1.388_888_888_888_374_8e-3;
    p = p * r + 8.333_333_333_326_135e-3;
    p = p * r + 4.166_666_666_666_667e-2;
    p = p * r + 1.666_666_666_666_667_1e-1;
    p = p * r + 0.5;
    (r + r * r * p, sum.to_bits() << 52)
}

/// `2^n` times `p`, where `p` is near 1 and `n` comes from a reduction.
#[inline(always)]
pub(super) fn scale_f32(p: f32, n: u32) -> f32 {
    f32::from_bits(p.to_bits().wrapping_add(n))
}

/// See [`scale_f32`].
#[inline(always)]
pub(super) fn scale_f64(p: f64, n: u64) -> f64 {
    f64::from_bits(p.to_bits().wrapping_add(n))
}

#[inline(always)]
pub(super) fn f32(x: f32) -> f32 {
    let (q, n) = reduce_f32(x);
    let y = scale_f32(1.0 + q, n);
    let y = if x > MAX_F32 { f32::INFINITY } else { y };
    let y = if x < MIN_F32 { 0.0 } else { y };
    if x.is_nan() { x } else { y }
}

#[inline(always)]
pub(super) fn f64(x: f64) -> f64 {
    let (q, n) = reduce_f64(x);
    let y = scale_f64(1.0 + q, n);
    let y = if x > MAX_F64 { f64::INFINITY } else { y };
    let y = if x < MIN_F64 { 0.0 } else { y };
    if x.is_nan() { x } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    const BOUND: f64 = 2.0;

    #[test]
    fn f32_is_within_the_bound() {
        let mut worst: f64 = 0.0;
        for x in ulp::grid(-87.32, 88.722, 2_000_000).chain(ulp::grid(-1.0, 1.0, 500_000)) {
            let x = x as f32;
            worst = worst.max(ulp::f32(exp(x), libm::exp(x as f64)));
        }
        println!("exp f32: {worst} ulp");
        assert!(worst <= BOUND, "{worst}");
    }

    #[test]
    fn f64_is_within_the_bound() {
        let mut worst: f64 = 0.0;
        for x in ulp::grid(-708.38, 709.782, 1_000_000).chain(ulp::grid(-1.0, 1.0, 500_000)) {
            worst = worst.max(ulp::f64(exp(x), libm::exp(x)));
        }
        // The reference itself is known to 1 ulp.
        println!("exp f64: {worst} ulp from libm");
        assert!(worst <= BOUND - 1.0, "{worst}");
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
        assert_eq!(f64s, [4613303445314885482, 4606325270462671674, 4675223978265562427, 1358158949824873357]);
    }
}
