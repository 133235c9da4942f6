//! The moments of the exponential over the unit interval: m_p(x), the integral of s^p exp(s x) over s from 0 to 1. m_0 is
//! `exprel`, and each is the derivative of the one before.
//!
//! Near 0 the sum of x^k/(k! (k + 1 + p)); elsewhere by parts, (exp(x) - p m_(p-1)(x))/x. Where the exponential is infinite
//! so are all moments, and their difference is not defined. `snn_runtime::math` has the same for running models.

use super::{Arena, Comparison, ExprId, Function};

/// Terms of the series: enough for |x| < 1.
const TERMS: usize = 20;

/// 1/(k! (k + 1 + p))
fn series(power: u32) -> [f64; TERMS] {
    let mut factorial = 1.0;
    std::array::from_fn(|k| {
        factorial *= k.max(1) as f64;
        1.0 / (factorial * (k as f64 + 1.0 + f64::from(power)))
    })
}

/// m_p(x)
pub(super) fn moment(power: u32, x: f64) -> f64 {
    match power {
        0 if x == 0.0 => 1.0,
        0 if x == f64::INFINITY => x,
        0 => libm::expm1(x) / x,
        p if x.abs() < 1.0 => series(p).iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient),
        p => {
            let (exp, below) = (libm::exp(x), f64::from(p) * moment(p - 1, x));
            if exp == below { exp } else { (exp - below) / x }
        }
    }
}

impl Arena {
    /// m_3(x), the derivative of `exprel2`, which has the value `second`.
    pub(super) fn third_moment(&mut self, x: ExprId, second: ExprId) -> ExprId {
        let mut sum = self.constant(0.0);
        for coefficient in series(3).into_iter().rev() {
            let product = self.multiply(sum, x);
            let coefficient = self.constant(coefficient);
            sum = self.add(coefficient, product);
        }
        let exp = self.apply(Function::Exp, x);
        let three = self.constant(3.0);
        let below = self.multiply(three, second);
        let difference = self.subtract(exp, below);
        let direct = self.divide(difference, x);
        let infinite = self.compare(Comparison::Equal, exp, below);
        let direct = self.select(infinite, exp, direct);
        let size = self.apply(Function::Abs, x);
        let one = self.constant(1.0);
        let small = self.compare(Comparison::Less, size, one);
        self.select(small, sum, direct)
    }
}

#[cfg(test)]
mod tests {
    use super::moment;
    use crate::expr::{Arena, Function, Leaf, evaluate};

    #[test]
    fn every_derivative_of_exprel_is_the_next_moment() {
        let mut arena = Arena::default();
        let x = arena.leaf(Leaf::Argument(0));
        let mut root = arena.apply(Function::Exprel, x);
        for power in 0..4 {
            // Sums of the series to 60 terms, which all have one sign for a > 0.
            for a in [0.0, 1e-12, 1e-3, 0.03, 0.5, 0.9999, 1.0001, 2.0, 3.0] {
                let (mut term, mut sum) = (1.0, 0.0);
                for k in 0..60 {
                    sum += term / f64::from(k + 1 + power);
                    term *= a / f64::from(k + 1);
                }
                let found = evaluate(&arena, root, |_| Some(a)).unwrap();
                assert!((found - sum).abs() < 2e-14 * sum, "{power}, {a}: {found} for {sum}");
            }
            // To the ends of the range: between 0 and the moment before, and never NaN.
            for a in [-1e300, -800.0, -40.0, -1.0, 1.0, 40.0, 709.0, 709.8, 1e4, 1e300] {
                let found = evaluate(&arena, root, |_| Some(a)).unwrap();
                let before = if power == 0 { f64::INFINITY } else { moment(power - 1, a) };
                assert!((0.0..=before).contains(&found), "{power}, {a}: {found}, and {before} before");
                assert!(a < 710.0 || found == f64::INFINITY, "{power}, {a}: {found}");
            }
            root = arena.differentiate(root, Leaf::Argument(0));
        }
        assert_eq!(
            [0, 1, 2, 3].map(|p| (moment(p, f64::NEG_INFINITY), moment(p, f64::INFINITY))),
            [(0.0, f64::INFINITY); 4]
        );
    }

    #[cfg(feature = "simulate")]
    #[test]
    fn they_are_those_of_running_models() {
        use snn_runtime::math::{exprel, exprel1, exprel2};
        for k in -2000..=2000 {
            let x = f64::from(k) * 0.01;
            for (power, found) in [(0, exprel(x)), (1, exprel1(x)), (2, exprel2(x))] {
                let expected = moment(power, x);
                assert!((found - expected).abs() < 1e-14 * expected, "{power}, {x}: {found} for {expected}");
            }
        }
    }
}
