//! The derivatives of [`exprel`]: moments of the exponential function over the unit interval.

use super::{exp, exprel};
use crate::Real;

/// 1/(k! (k + 2))
const FIRST: [f64; 19] = [
    0.5,
    0.3333333333333333,
    0.125,
    0.03333333333333333,
    0.006944444444444444,
    0.0011904761904761906,
    0.00017361111111111112,
    2.2045855379188714e-05,
    2.48015873015873e-06,
    2.505210838544172e-07,
    2.296443268665491e-08,
    1.9270852604185937e-09,
    1.4911969277048643e-10,
    1.0706029224547743e-11,
    7.169215998581078e-13,
    4.498331606952833e-14,
    2.6552651846596585e-15,
    1.4797143443923793e-16,
    7.809603484293113e-18,
];

/// 1/(k! (k + 3))
const SECOND: [f64; 19] = [
    0.3333333333333333,
    0.25,
    0.1,
    0.027777777777777776,
    0.005952380952380952,
    0.0010416666666666667,
    0.00015432098765432098,
    1.984126984126984e-05,
    2.2546897546897547e-06,
    2.296443268665491e-07,
    2.1197937864604532e-08,
    1.789436313245837e-09,
    1.3917837991912066e-10,
    1.0036902398013508e-11,
    6.74749741042925e-13,
    4.2484242954554536e-14,
    2.515514385467045e-15,
    1.4057286271727604e-16,
    7.437717604088679e-18,
];

/// The integral of `s e^(s z)` over s from 0 to 1, `(e^z - exprel(z))/z`, continued by 1/2 at zero: the derivative of
/// [`exprel`]. Within 10 ulp.
///
/// 0 at minus infinity, infinite where `exp` is.
#[inline(always)]
pub fn exprel1<R: Real>(z: R) -> R {
    moment(z, &FIRST, exprel(z))
}

/// The integral of `s^2 e^(s z)` over s from 0 to 1, `(e^z - 2 exprel1(z))/z`, continued by 1/3 at zero: the derivative of
/// [`exprel1`]. Within 30 ulp.
///
/// 0 at minus infinity, infinite where `exp` is.
#[inline(always)]
pub fn exprel2<R: Real>(z: R) -> R {
    moment(z, &SECOND, R::from_f64(2.0) * exprel1(z))
}

/// The Taylor series for |z| < 1, beyond the recurrence: `(e^z - below)/z`.
#[inline(always)]
fn moment<R: Real>(z: R, series: &[f64; 19], below: R) -> R {
    let small = z.abs() < R::ONE;
    let x = if small { z } else { R::ZERO };
    let mut sum = R::ZERO;
    for &coefficient in series[..R::MOMENT_TERMS].iter().rev() {
        sum = sum.mul_add(x, R::from_f64(coefficient));
    }
    let e = exp(z);
    let difference = e - below;
    // Where the exponential is infinite, the difference is undefined.
    let direct = if e.is_finite() { difference / z } else { e };
    // The sign of zero at minus infinity.
    let direct = if direct < R::from_f64(1e-300) { R::ZERO } else { direct };
    if small { sum } else { direct }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    /// Gauss–Legendre on 400 panels of 5 points: exact to rounding for these smooth integrands.
    fn integral(power: i32, z: f64) -> f64 {
        let [inner, outer] = [-1.0, 1.0].map(|sign: f64| (5.0 + sign * 2.0 * (10.0f64 / 7.0).sqrt()).sqrt() / 3.0);
        let [heavy, light] = [1.0, -1.0].map(|sign: f64| (322.0 + sign * 13.0 * 70.0f64.sqrt()) / 900.0);
        let points = [0.0, inner, outer];
        let weights = [128.0 / 225.0, heavy, light];
        let panels = 400;
        let (mut sum, mut lost) = (0.0, 0.0);
        for panel in 0..panels {
            let middle = (panel as f64 + 0.5) / panels as f64;
            let half = 0.5 / panels as f64;
            for (x, w) in points.iter().zip(weights) {
                let signs: &[f64] = if *x == 0.0 { &[1.0] } else { &[1.0, -1.0] };
                for sign in signs {
                    let s = middle + sign * x * half;
                    // Kahan's sum.
                    let term = w * half * (if power == 1 { s } else { s * s }) * libm::exp(s * z) - lost;
                    let next = sum + term;
                    lost = (next - sum) - term;
                    sum = next;
                }
            }
        }
        sum
    }

    #[test]
    fn both_are_the_integrals() {
        let (mut worst, mut worst_f32) = ([0.0f64; 2], [0.0f64; 2]);
        for z in ulp::grid(-40.0, 40.0, 2000).chain(ulp::grid(-1.5, 1.5, 2000)) {
            for (k, (found, found_f32)) in
                [(exprel1(z), exprel1(z as f32)), (exprel2(z), exprel2(z as f32))].into_iter().enumerate()
            {
                worst[k] = worst[k].max(ulp::f64(found, integral(k as i32 + 1, z)));
                worst_f32[k] = worst_f32[k].max(ulp::f32(found_f32, integral(k as i32 + 1, f64::from(z as f32))));
            }
        }
        println!("f64: {worst:?} ulp, f32: {worst_f32:?} ulp");
        assert!(worst[0] <= 10.0 && worst[1] <= 30.0, "{worst:?}");
        assert!(worst_f32[0] <= 10.0 && worst_f32[1] <= 30.0, "{worst_f32:?}");
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((exprel1(0.0f64), exprel2(0.0f32)), (0.5, 1.0 / 3.0));
        assert_eq!((exprel1(f64::NEG_INFINITY), exprel2(f32::NEG_INFINITY)), (0.0, 0.0));
        assert_eq!((exprel1(f64::INFINITY), exprel2(1e30f32)), (f64::INFINITY, f32::INFINITY));
        assert!(exprel1(f64::NAN).is_nan() && exprel2(f32::NAN).is_nan());
        assert!(exprel1(-1e10f64) > 0.0 && exprel1(-1e3f32) > 0.0);
    }
}
