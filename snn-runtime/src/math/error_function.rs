//! The error function and its complement, from the `libm` crate.

use super::sealed::Elementary;
use crate::Real;

/// `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`, within 1 ulp.
#[inline(always)]
pub fn erf<R: Real>(x: R) -> R {
    Elementary::erf(x)
}

/// `1 - erf(x)` without cancellation, within 4 ulp.
#[inline(always)]
pub fn erfc<R: Real>(x: R) -> R {
    Elementary::erfc(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::ulp;

    #[test]
    fn f32_is_within_the_bound() {
        let (mut worst, mut worst_complement): (f64, f64) = (0.0, 0.0);
        for x in ulp::grid(-4.0, 8.0, 200_000) {
            let x = x as f32;
            worst = worst.max(ulp::f32(erf(x), libm::erf(x as f64)));
            worst_complement = worst_complement.max(ulp::f32(erfc(x), libm::erfc(x as f64)));
        }
        println!("erf {worst}, erfc {worst_complement}");
        assert!(worst <= 1.0 && worst_complement <= 4.0, "{worst} {worst_complement}");
    }

    /// Abramowitz and Stegun, table 7.1.
    #[test]
    fn known_values() {
        assert!((erf(0.5f64) - 0.520_499_877_813_046_5).abs() < 1e-15);
        assert!((erf(-1.0f64) + 0.842_700_792_949_714_9).abs() < 1e-15);
        assert!((erfc(2.0f64) - 4.677_734_981_047_266e-3).abs() < 1e-17);
    }
}
