//! Limits for a gradient.

use crate::Real;

/// Partial sums of the norm; their number and order are fixed, so the result is the same on every machine.
const SUMS: usize = 8;

/// 2^-600: a power of two, so that scaling does not round.
const SMALL: f64 = f64::from_bits((1023 - 600) << 52);

/// Scales the gradient so that its Euclidean norm is at most `max`, and returns the norm it had (Pascanu, Mikolov &
/// Bengio, "On the difficulty of training recurrent neural networks", ICML 2013).
///
/// The norm is taken over all numbers given, in `f64`. If it is not finite the gradient stays as it is, for an optimiser
/// to refuse. A negative `max` or one that is not a number counts as 0.
pub fn clip_norm<R: Real>(gradient: &mut [R], max: f64) -> f64 {
    let norm = norm(gradient);
    // `f64::max` takes the number if the other is none.
    let max = max.max(0.0);
    if norm.is_finite() && norm > max {
        let factor = R::from_f64(max / norm);
        for x in gradient {
            *x *= factor;
        }
    }
    norm
}

/// Moves every number of the gradient into `-max..=max`. Numbers that are NaN stay, for an optimiser to refuse. A
/// negative `max` or one that is not a number counts as 0.
pub fn clip_value<R: Real>(gradient: &mut [R], max: f64) {
    let max = R::from_f64(max.max(0.0));
    for x in gradient {
        *x = if *x > max {
            max
        } else if *x < -max {
            -max
        } else {
            *x
        };
    }
}

fn norm<R: Real>(gradient: &[R]) -> f64 {
    let norm = sum_of_squares(gradient, 1.0).sqrt();
    if norm == f64::INFINITY {
        // The squares of large doubles overflow though their norm may not.
        return sum_of_squares(gradient, SMALL).sqrt() / SMALL;
    }
    norm
}

fn sum_of_squares<R: Real>(gradient: &[R], scale: f64) -> f64 {
    let mut sums = [0.0; SUMS];
    let (chunks, rest) = gradient.as_chunks::<SUMS>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            let x = x.to_f64() * scale;
            *sum += x * x;
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        let x = x.to_f64() * scale;
        *sum += x * x;
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_gradients_are_scaled_and_short_ones_left() {
        let mut g = [3.0f32, -4.0];
        assert_eq!(clip_norm(&mut g, 5.0), 5.0);
        assert_eq!(g, [3.0, -4.0]);
        assert_eq!(clip_norm(&mut g, 2.5), 5.0);
        assert_eq!(g, [1.5, -2.0]);
        assert_eq!(clip_norm(&mut g, f64::INFINITY), 2.5);
        assert_eq!(g, [1.5, -2.0]);
    }

    #[test]
    fn every_number_counts_once() {
        for n in 0..40 {
            let mut g: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let squares = (0..n).map(|i| f64::from(i * i)).sum::<f64>();
            assert_eq!(clip_norm(&mut g, f64::INFINITY), squares.sqrt(), "{n}");
        }
    }

    #[test]
    fn squares_may_overflow() {
        let mut g = [3e30f32, 4e30];
        assert!((clip_norm(&mut g, 1.0) / 5e30 - 1.0).abs() < 1e-6);
        assert!((g[0] - 0.6).abs() < 1e-6);
        let mut g = [3e200, 4e200];
        assert!((clip_norm(&mut g, 1.0) / 5e200 - 1.0).abs() < 1e-15);
        assert!((g[1] - 0.8).abs() < 1e-15);
    }

    #[test]
    fn gradients_that_are_not_finite_stay() {
        let mut g = [1.0, f64::INFINITY];
        assert_eq!(clip_norm(&mut g, 1.0), f64::INFINITY);
        assert_eq!(g, [1.0, f64::INFINITY]);
        let mut g = [1.0, f64::NAN, f64::INFINITY];
        assert!(clip_norm(&mut g, 1.0).is_nan());
        assert!(g[0] == 1.0 && g[1].is_nan());
        clip_value(&mut g, 0.5);
        assert!(g[0] == 0.5 && g[1].is_nan() && g[2] == 0.5);
    }

    #[test]
    fn values_are_limited_on_both_sides() {
        let mut g = [-3.0f32, -0.25, 0.5, 7.0];
        clip_value(&mut g, 0.5);
        assert_eq!(g, [-0.5, -0.25, 0.5, 0.5]);
        clip_value(&mut g, f64::INFINITY);
        assert_eq!(g, [-0.5, -0.25, 0.5, 0.5]);
    }

    #[test]
    fn a_limit_below_zero_counts_as_zero() {
        for max in [-1.0, f64::NAN] {
            let (mut a, mut b) = ([1.0, -2.0], [1.0, -2.0]);
            clip_norm(&mut a, max);
            clip_value(&mut b, max);
            assert!(a == [0.0, 0.0] && b == [0.0, 0.0], "{max}");
        }
    }
}
