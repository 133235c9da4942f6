//! Sine, cosine and arc tangent, from the `libm` crate.

use super::sealed::Elementary;
use crate::Real;

/// The sine of `x` radians, within 1 ulp.
#[inline(always)]
pub fn sin<R: Real>(x: R) -> R {
    Elementary::sin(x)
}

/// The cosine of `x` radians, within 1 ulp.
#[inline(always)]
pub fn cos<R: Real>(x: R) -> R {
    Elementary::cos(x)
}

/// The arc tangent in radians, within 1 ulp.
#[inline(always)]
pub fn atan<R: Real>(x: R) -> R {
    Elementary::atan(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    #[test]
    fn f32_is_within_the_bound() {
        let mut worst: f64 = 0.0;
        for x in ulp::grid(-100.0, 100.0, 200_000) {
            let x = x as f32;
            worst = worst.max(ulp::f32(sin(x), libm::sin(x as f64)));
            worst = worst.max(ulp::f32(cos(x), libm::cos(x as f64)));
            worst = worst.max(ulp::f32(atan(x), libm::atan(x as f64)));
        }
        assert!(worst <= 1.0, "{worst}");
    }

    #[test]
    fn known_values() {
        assert_eq!((sin(0.0f64), cos(0.0f32), atan(0.0f64)), (0.0, 1.0, 0.0));
        assert_eq!(atan(f64::INFINITY), std::f64::consts::FRAC_PI_2);
    }
}
