//! The two factors of an exponential step, `exp(z)` and `exprel(z)` of z = rate dt.
//!
//! Most steps are short: `|z| <= 0.693`, a little less than `ln 2`. There `exprel(z) = E(z) = 1 + z Q(z)` and
//! `exp(z) = 1 + z E(z)`, where the polynomial `Q` makes the largest relative error of `E` least (a weighted least-squares fit
//! by Lawson's algorithm): 3.1e-8 (`f32`, degree 5) and 2.5e-17 (`f64`, degree 11). A loop over neurons does no more than that
//! as long as all steps are short ([`crate::kernel::ShortSteps`]).
//!
//! The others are reduced as in [`super::exp()`], but by twice the step: `z = n 2 ln 2 + r`. Where `n = 0`, nothing was, and
//! the results have the bits of short steps. The exponential is `2 + r (2 E(r))` times `2^(2n-1)`.

#![allow(clippy::excessive_precision, reason = "the constants are written as their source prints them")]

use super::exp::{HIGH_F32, HIGH_F64, Reduced};
use super::sealed::Elementary;
use super::{max, min, select};
use crate::Real;

/// `|z| <= 0.693`; false for NaN.
#[inline(always)]
pub fn is_short<R: Real>(z: R) -> bool {
    z.abs() <= R::SHORT
}

/// `e^z`, within 3 ulp (measured: 1.6 for `f32`, 2.0 for `f64`); with `SHORT` of a `z` that [`is_short`], with the same bits.
///
/// Infinite above `ln` of the largest number; 0 below -86.6 (`f32`) or -707.8 (`f64`); NaN for NaN.
#[inline(always)]
pub fn step_exp<R: Real, const SHORT: bool>(z: R) -> R {
    if SHORT { z.mul_add(Elementary::short_exprel(z), R::ONE) } else { Elementary::step_exp(z) }
}

/// `(e^z - 1)/z`, continued by 1 at zero, within 5 ulp (measured: 3.6 for `f32`, 4.0 for `f64`); with `SHORT` of a `z` that
/// [`is_short`], with the same bits.
///
/// 0 at minus infinity, infinite where `step_exp` is.
#[inline(always)]
pub fn step_exprel<R: Real, const SHORT: bool>(z: R) -> R {
    if SHORT { Elementary::short_exprel(z) } else { Elementary::step_exprel(z) }
}

macro_rules! factors {
    ($t:ident, $bits:literal, $round:expr, $bias:literal, $ln4:literal + $ln4_low:literal, $low:literal, $high:path, $poly:path) => {
        pub(super) mod $t {
            use super::*;

            /// The reduction of `z` by an even number of `ln 2`; it counts as a number that gives 0 or infinity if it is outside.
            ///
            /// Adding 1.5 times the first number without a fraction rounds to an integer, which then stands in the low bits of
            /// the sum; with the bias they are half of the exponent bits of `2^(2n-1)`.
            #[inline(always)]
            fn reduce(z: $t) -> Reduced<$t> {
                const ROUND: $t = $round + $bias;
                let z = max($low, min($high, z));
                let sum = z.mul_add(0.5 * std::$t::consts::LOG2_E, ROUND);
                let n = sum - ROUND;
                let r = n.mul_add(-$ln4_low, n.mul_add(-$ln4, z));
                Reduced { r, slope: $poly(r, 2.0), scale: $t::from_bits(sum.to_bits() << $bits) }
            }

            #[inline(always)]
            pub(in crate::math) fn exp(z: $t) -> $t {
                reduce(z).exp()
            }

            #[inline(always)]
            pub(in crate::math) fn exprel(z: $t) -> $t {
                let reduced = reduce(z);
                // Where the numerator is infinite, the denominator must not be.
                select(reduced.scale == 0.5, 0.5 * reduced.slope, reduced.expm1() / min($high, z))
            }

            #[inline(always)]
            pub(in crate::math) fn short_exprel(z: $t) -> $t {
                $poly(z, 1.0)
            }
        }
    };
}
factors!(
    f32,
    24,
    12_582_912.0,
    63.0,
    1.386_294_364_929_199_2 + -3.809_308_599_915_536e-9,
    -87.5,
    HIGH_F32,
    polynomial_f32
);
factors!(
    f64,
    53,
    6_755_399_441_055_744.0,
    511.0,
    1.386_294_361_119_890_6 + 4.638_093_627_692_599e-17,
    -708.5,
    HIGH_F64,
    polynomial_f64
);

/// `factor E(r)`; with a power of two as the factor every operation has the same bits but for the exponent.
#[inline(always)]
fn polynomial_f32(r: f32, factor: f32) -> f32 {
    let mut p = factor * 0.000_198_551_599_169_15;
    p = r.mul_add(p, factor * 0.001_409_464_981_406_927_1);
    p = r.mul_add(p, factor * 0.008_334_259_502_589_703);
    p = r.mul_add(p, factor * 0.041_661_892_086_267_47);
    p = r.mul_add(p, factor * 0.166_666_477_918_624_88);
    p = r.mul_add(p, factor * 0.500_000_238_418_579_1);
    r.mul_add(p, factor)
}

/// See [`polynomial_f32`].
#[inline(always)]
fn polynomial_f64(r: f64, factor: f64) -> f64 {
    let mut p = factor * 1.606_105_405_448_315_6e-10;
    p = r.mul_add(p, factor * 2.105_529_668_678_483e-9);
    p = r.mul_add(p, factor * 2.505_306_880_239_187_4e-8);
    p = r.mul_add(p, factor * 2.755_625_627_557_983_3e-7);
    p = r.mul_add(p, factor * 2.755_731_236_410_864_7e-6);
    p = r.mul_add(p, factor * 2.480_159_032_368_898e-5);
    p = r.mul_add(p, factor * 0.000_198_412_698_600_015_89);
    p = r.mul_add(p, factor * 0.001_388_888_888_474_563_7);
    p = r.mul_add(p, factor * 0.008_333_333_333_312_062);
    p = r.mul_add(p, factor * 0.041_666_666_666_690_61);
    p = r.mul_add(p, factor * 0.166_666_666_666_667_43);
    p = r.mul_add(p, factor * 0.499_999_999_999_999_6);
    r.mul_add(p, factor)
}

#[cfg(test)]
mod tests {
    use super::{is_short, step_exp, step_exprel};
    use crate::math::ulp;

    fn points() -> impl Iterator<Item = f64> {
        ulp::grid(-86.6, 88.7, 200_000).chain(ulp::grid(-1.2, 1.2, 500_000)).chain(ulp::magnitudes(-35, 0))
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
        assert!(worst <= 3.0 && worst_rel <= 5.0, "{worst} {worst_rel}");
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
        assert!(worst <= 3.0 && worst_rel <= 5.0, "{worst} {worst_rel}");
    }

    #[test]
    fn short_steps_have_the_same_bits() {
        for z in ulp::grid(-0.693, 0.693, 100_000).chain(ulp::magnitudes(-320, -1)).chain([0.0, -0.0]) {
            assert!(is_short(z) && is_short(z as f32), "{z}");
            let same = step_exp::<_, true>(z).to_bits() == step_exp::<_, false>(z).to_bits()
                && step_exprel::<_, true>(z).to_bits() == step_exprel::<_, false>(z).to_bits();
            let z = z as f32;
            let same_f32 = step_exp::<_, true>(z).to_bits() == step_exp::<_, false>(z).to_bits()
                && step_exprel::<_, true>(z).to_bits() == step_exprel::<_, false>(z).to_bits();
            assert!(same && same_f32, "{z}");
        }
        assert!(!is_short(0.693f64.next_up()) && !is_short(-0.693f32.next_up()) && !is_short(f32::NAN));
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((step_exp::<_, false>(0.0f32), step_exprel::<_, false>(-0.0f64)), (1.0, 1.0));
        assert_eq!((step_exp::<_, false>(f64::NEG_INFINITY), step_exprel::<_, false>(-1e10f64)), (0.0, 1e-10));
        assert_eq!(
            (step_exp::<_, false>(f32::INFINITY), step_exprel::<_, false>(f64::INFINITY)),
            (f32::INFINITY, f64::INFINITY)
        );
        assert_eq!((step_exp::<_, false>(-1e30f32), step_exprel::<_, false>(f32::NEG_INFINITY)), (0.0, 0.0));
        assert_eq!((step_exp::<_, false>(1e300f64), step_exp::<_, false>(f64::MIN)), (f64::INFINITY, 0.0));
        assert!(
            step_exp::<_, false>(88.722_83f32).is_finite() && step_exp::<_, false>(709.782_712_893_384f64).is_finite()
        );
        assert_eq!((step_exp::<_, false>(88.723f32), step_exp::<_, false>(709.783f64)), (f32::INFINITY, f64::INFINITY));
        assert!(step_exp::<_, false>(f32::NAN).is_nan() && step_exprel::<_, false>(f64::NAN).is_nan());
    }
}
