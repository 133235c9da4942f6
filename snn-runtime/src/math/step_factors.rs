//! The two factors of an exponential step, `exp(z)` and `exprel(z)` of z = rate dt.
//!
//! Most steps are short: `|z| <= 1`. There `exprel(z) = 1 + z Q(z)`, where the polynomial `Q` makes the largest relative error
//! least (a weighted least-squares fit by Lawson's algorithm): 2.4e-8 (`f32`, degree 6) and 9.9e-17 (`f64`, degree 12); and
//! `exp(z) = 1 + z exprel(z)`. That is a third of the operations of the functions for all numbers, and no division. A loop
//! over neurons takes these alone as long as all steps are short ([`crate::kernel::ShortSteps`]).

#![allow(clippy::excessive_precision, reason = "the constants are written as their source prints them")]

use super::sealed::Elementary;
use super::{exp, exprel, select};
use crate::Real;

/// `|z| <= 1`; false for NaN.
#[inline(always)]
pub fn is_short<R: Real>(z: R) -> bool {
    z.abs() <= R::ONE
}

/// `e^z`, within 4 ulp (measured: 2.9 for `f32`, 3.0 for `f64`); with `SHORT` of a `z` that [`is_short`], with the same bits.
#[inline(always)]
pub fn step_exp<R: Real, const SHORT: bool>(z: R) -> R {
    let short = z.mul_add(Elementary::short_exprel(z), R::ONE);
    if SHORT { short } else { select(is_short(z), short, exp(z)) }
}

/// `(e^z - 1)/z`, within 3 ulp (measured: 2.0 for both); with `SHORT` of a `z` that [`is_short`], with the same bits.
#[inline(always)]
pub fn step_exprel<R: Real, const SHORT: bool>(z: R) -> R {
    let short = Elementary::short_exprel(z);
    if SHORT { short } else { select(is_short(z), short, exprel(z)) }
}

#[inline(always)]
pub(super) fn f32(z: f32) -> f32 {
    let mut p = 2.476_028_021_192_178e-5;
    p = z.mul_add(p, 2.037_028_316_408_396_4e-4);
    p = z.mul_add(p, 1.389_550_743_624_568e-3);
    p = z.mul_add(p, 8.330_309_763_550_758e-3);
    p = z.mul_add(p, 4.166_626_185_178_757e-2);
    p = z.mul_add(p, 1.666_671_484_708_786e-1);
    p = z.mul_add(p, 5.000_000_596_046_448e-1);
    z.mul_add(p, 1.0)
}

#[inline(always)]
pub(super) fn f64(z: f64) -> f64 {
    let mut p = 1.146_654_230_558_061_7e-11;
    p = z.mul_add(p, 1.632_308_648_747_006_6e-10);
    p = z.mul_add(p, 2.087_996_422_057_027_4e-9);
    p = z.mul_add(p, 2.504_856_744_255_963_3e-8);
    p = z.mul_add(p, 2.755_726_729_399_114e-7);
    p = z.mul_add(p, 2.755_734_250_757_549_5e-6);
    p = z.mul_add(p, 2.480_158_764_191_885e-5);
    p = z.mul_add(p, 1.984_126_976_409_959_7e-4);
    p = z.mul_add(p, 1.388_888_888_787_278_2e-3);
    p = z.mul_add(p, 8.333_333_333_450_512e-3);
    p = z.mul_add(p, 4.166_666_666_667_901e-2);
    p = z.mul_add(p, 1.666_666_666_666_607_7e-1);
    p = z.mul_add(p, 4.999_999_999_999_996e-1);
    z.mul_add(p, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    fn points() -> impl Iterator<Item = f64> {
        ulp::grid(-60.0, 60.0, 200_000).chain(ulp::grid(-1.2, 1.2, 500_000)).chain(ulp::magnitudes(-35, 0))
    }

    #[test]
    fn f32_is_within_the_bound() {
        let (mut worst, mut worst_rel): (f64, f64) = (0.0, 0.0);
        for z in points().map(|z| z as f32) {
            let exact = f64::from(z);
            worst = worst.max(ulp::f32(step_exp::<_, false>(z), libm::exp(exact)));
            let quotient = if z == 0.0 { 1.0 } else { libm::expm1(exact) / exact };
            worst_rel = worst_rel.max(ulp::f32(step_exprel::<_, false>(z), quotient));
        }
        println!("step_exp f32: {worst} ulp, step_exprel f32: {worst_rel} ulp");
        assert!(worst <= 4.0 && worst_rel <= 3.0, "{worst} {worst_rel}");
    }

    #[test]
    fn f64_is_within_the_bound() {
        let (mut worst, mut worst_rel): (f64, f64) = (0.0, 0.0);
        for z in points() {
            worst = worst.max(ulp::f64(step_exp::<_, false>(z), libm::exp(z)));
            let quotient = if z == 0.0 { 1.0 } else { libm::expm1(z) / z };
            worst_rel = worst_rel.max(ulp::f64(step_exprel::<_, false>(z), quotient));
        }
        // The references are known to 1 ulp (1.5 after the division).
        println!("step_exp f64: {worst} ulp, step_exprel f64: {worst_rel} ulp");
        assert!(worst <= 4.0 && worst_rel <= 3.0, "{worst} {worst_rel}");
    }

    #[test]
    fn short_steps_have_the_same_bits() {
        for z in ulp::grid(-1.0, 1.0, 100_000).chain(ulp::magnitudes(-320, 0)).chain([0.0, -0.0]) {
            assert!(is_short(z) && is_short(z as f32), "{z}");
            let same = step_exp::<_, true>(z).to_bits() == step_exp::<_, false>(z).to_bits()
                && step_exprel::<_, true>(z).to_bits() == step_exprel::<_, false>(z).to_bits();
            let z = z as f32;
            let same_f32 = step_exp::<_, true>(z).to_bits() == step_exp::<_, false>(z).to_bits()
                && step_exprel::<_, true>(z).to_bits() == step_exprel::<_, false>(z).to_bits();
            assert!(same && same_f32, "{z}");
        }
        assert!(!is_short(1.0f64.next_up()) && !is_short(-(1.0f32.next_up())) && !is_short(f32::NAN));
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((step_exp::<_, false>(0.0f32), step_exprel::<_, false>(-0.0f64)), (1.0, 1.0));
        assert_eq!((step_exp::<_, false>(f64::NEG_INFINITY), step_exprel::<_, false>(-1e10f64)), (0.0, 1e-10));
        assert_eq!(step_exp::<_, false>(f32::INFINITY), f32::INFINITY);
        assert!(step_exp::<_, false>(f32::NAN).is_nan() && step_exprel::<_, false>(f64::NAN).is_nan());
    }
}
