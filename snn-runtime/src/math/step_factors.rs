//! The two factors of an exponential step, `exp(z)` and `exprel(z)` of z = rate dt.
//!
//! Most steps are short: `|z| <= 3/4`. There `exprel(z) = 1 + z Q(z)`, where the polynomial `Q` makes the largest relative error
//! least (a weighted least-squares fit by Lawson's algorithm): 5.4e-8 (`f32`, degree 5) and 6.8e-17 (`f64`, degree 11); and
//! `exp(z) = 1 + z exprel(z)`. That is a third of the operations of the functions for all numbers, and no division. A loop
//! over neurons takes these alone as long as all steps are short ([`crate::kernel::ShortSteps`]).

#![allow(clippy::excessive_precision, reason = "the constants are written as their source prints them")]

use super::sealed::Elementary;
use super::{exp, exprel, select};
use crate::Real;

/// `|z| <= 3/4`; false for NaN.
#[inline(always)]
pub fn is_short<R: Real>(z: R) -> bool {
    z.abs() <= R::SHORT
}

/// `e^z`, within 3 ulp (measured: 2.3 for `f32`, 2.0 for `f64`); with `SHORT` of a `z` that [`is_short`], with the same bits.
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
    let mut p = 0.000_198_566_311_155_445_87;
    p = z.mul_add(p, 0.001_412_887_708_283_960_8);
    p = z.mul_add(p, 0.008_334_602_229_297_161);
    p = z.mul_add(p, 0.041_660_185_903_310_776);
    p = z.mul_add(p, 0.166_666_358_709_335_33);
    p = z.mul_add(p, 0.500_000_417_232_513_4);
    z.mul_add(p, 1.0)
}

#[inline(always)]
pub(super) fn f64(z: f64) -> f64 {
    let mut p = 1.606_128_985_891_527_3e-10;
    p = z.mul_add(p, 2.108_517_223_466_359e-9);
    p = z.mul_add(p, 2.505_341_908_653_573_2e-8);
    p = z.mul_add(p, 2.755_587_186_407_945e-7);
    p = z.mul_add(p, 2.755_730_830_256_098e-6);
    p = z.mul_add(p, 2.480_159_209_891_106_8e-5);
    p = z.mul_add(p, 0.000_198_412_698_760_574_1);
    p = z.mul_add(p, 0.001_388_888_888_122_733_8);
    p = z.mul_add(p, 0.008_333_333_333_287_275);
    p = z.mul_add(p, 0.041_666_666_666_718_18);
    p = z.mul_add(p, 0.166_666_666_666_668_63);
    p = z.mul_add(p, 0.499_999_999_999_999_06);
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
        assert!(worst <= 3.0 && worst_rel <= 3.0, "{worst} {worst_rel}");
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
        assert!(worst <= 3.0 && worst_rel <= 3.0, "{worst} {worst_rel}");
    }

    #[test]
    fn short_steps_have_the_same_bits() {
        for z in ulp::grid(-0.75, 0.75, 100_000).chain(ulp::magnitudes(-320, -1)).chain([0.0, -0.0]) {
            assert!(is_short(z) && is_short(z as f32), "{z}");
            let same = step_exp::<_, true>(z).to_bits() == step_exp::<_, false>(z).to_bits()
                && step_exprel::<_, true>(z).to_bits() == step_exprel::<_, false>(z).to_bits();
            let z = z as f32;
            let same_f32 = step_exp::<_, true>(z).to_bits() == step_exp::<_, false>(z).to_bits()
                && step_exprel::<_, true>(z).to_bits() == step_exprel::<_, false>(z).to_bits();
            assert!(same && same_f32, "{z}");
        }
        assert!(!is_short(0.75f64.next_up()) && !is_short(-0.75f32.next_up()) && !is_short(f32::NAN));
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((step_exp::<_, false>(0.0f32), step_exprel::<_, false>(-0.0f64)), (1.0, 1.0));
        assert_eq!((step_exp::<_, false>(f64::NEG_INFINITY), step_exprel::<_, false>(-1e10f64)), (0.0, 1e-10));
        assert_eq!(step_exp::<_, false>(f32::INFINITY), f32::INFINITY);
        assert!(step_exp::<_, false>(f32::NAN).is_nan() && step_exprel::<_, false>(f64::NAN).is_nan());
    }
}
