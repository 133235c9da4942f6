//! The logarithm and powers, from the `libm` crate.

use super::sealed::Elementary;
use crate::Real;

/// The natural logarithm, within 1 ulp. Minus infinity at zero, NaN below.
#[inline(always)]
pub fn ln<R: Real>(x: R) -> R {
    Elementary::ln(x)
}

/// `x^y`, within 1 ulp. NaN for negative `x` with a `y` that is no integer; 1 for `y = 0`.
#[inline(always)]
pub fn pow<R: Real>(x: R, y: R) -> R {
    Elementary::pow(x, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    #[test]
    fn f32_is_within_the_bound() {
        let mut worst: f64 = 0.0;
        for x in ulp::grid(0.01, 50.0, 100_000) {
            let x = x as f32;
            worst = worst.max(ulp::f32(ln(x), libm::log(x as f64)));
            worst = worst.max(ulp::f32(pow(x, 1.7), libm::pow(x as f64, 1.7f32 as f64)));
        }
        assert!(worst <= 1.0, "{worst}");
    }

    #[test]
    fn known_values() {
        assert_eq!((ln(1.0f32), ln(0.0f64)), (0.0, f64::NEG_INFINITY));
        assert!(ln(-1.0f32).is_nan());
        assert_eq!((pow(2.0f32, 10.0), pow(-2.0f64, 3.0), pow(5.0f64, 0.0)), (1024.0, -8.0, 1.0));
        assert!(pow(-2.0f32, 0.5).is_nan());
    }
}
