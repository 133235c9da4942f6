//! How the learning rate changes.

use crate::math::{cos, pow};
use std::f64::consts::PI;

/// The course of the learning rate: a factor for every step, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// Always 1.
    #[default]
    Constant,
    /// Linear warm-up, then half a period of a cosine from 1 to `final_fraction` (Loshchilov & Hutter, "SGDR: stochastic
    /// gradient descent with warm restarts", ICLR 2017, without restarts):
    ///
    /// ```text
    /// step < warmup_steps: (step + 1) / warmup_steps
    /// then, with q = (step - warmup_steps) / (total_steps - warmup_steps), at most 1:
    ///     final_fraction + (1 - final_fraction) (1 + cos π q) / 2
    /// ```
    Cosine {
        /// Steps of the warm-up; the last of them has the factor 1.
        warmup_steps: usize,
        /// The step at which `final_fraction` is reached, and from which on it stays.
        total_steps: usize,
        /// The factor at the end.
        final_fraction: f64,
    },
    /// `factor^k` after `k · every` steps.
    Step {
        /// Steps between two changes; 0 means no change.
        every: usize,
        /// What the rate is multiplied with.
        factor: f64,
    },
}

impl Schedule {
    /// The factor of the learning rate at `step`, counted from 0.
    pub fn factor(&self, step: usize) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Cosine { warmup_steps, .. } if step < warmup_steps => (step as f64 + 1.0) / warmup_steps as f64,
            Self::Cosine { total_steps, final_fraction, .. } if step >= total_steps => final_fraction,
            Self::Cosine { warmup_steps, total_steps, final_fraction } => {
                let q = (step - warmup_steps) as f64 / (total_steps - warmup_steps) as f64;
                final_fraction + (1.0 - final_fraction) * 0.5 * (1.0 + cos(PI * q))
            }
            Self::Step { every: 0, .. } => 1.0,
            Self::Step { every, factor } => pow(factor, (step / every) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_is_one() {
        assert_eq!((Schedule::default().factor(0), Schedule::Constant.factor(usize::MAX)), (1.0, 1.0));
    }

    #[test]
    fn cosine_rises_and_falls() {
        let s = Schedule::Cosine { warmup_steps: 4, total_steps: 12, final_fraction: 0.2 };
        let found: Vec<f64> = (0..5).map(|i| s.factor(i)).collect();
        assert_eq!(found, [0.25, 0.5, 0.75, 1.0, 1.0]);
        // A quarter, a half and three quarters of the way: (1 ± 1/√2) / 2 and 1/2.
        let quarter = 0.5 * (1.0 + 0.5_f64.sqrt());
        for (step, part) in [(6, quarter), (8, 0.5), (10, 1.0 - quarter)] {
            assert!((s.factor(step) - (0.2 + 0.8 * part)).abs() < 1e-15, "{step}");
        }
        assert_eq!((s.factor(12), s.factor(usize::MAX)), (0.2, 0.2));
        assert!((4..12).all(|i| s.factor(i + 1) < s.factor(i)));
    }

    #[test]
    fn cosine_without_steps_ends_at_once() {
        let s = Schedule::Cosine { warmup_steps: 0, total_steps: 0, final_fraction: 0.5 };
        assert_eq!(s.factor(0), 0.5);
        let s = Schedule::Cosine { warmup_steps: 4, total_steps: 2, final_fraction: 0.5 };
        assert_eq!((s.factor(3), s.factor(4)), (1.0, 0.5));
        let s = Schedule::Cosine { warmup_steps: 0, total_steps: 10, final_fraction: 0.0 };
        assert_eq!(s.factor(0), 1.0);
    }

    #[test]
    fn steps_multiply() {
        let s = Schedule::Step { every: 3, factor: 0.5 };
        let found: Vec<f64> = (0..8).map(|i| s.factor(i)).collect();
        assert_eq!(found, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]);
        assert_eq!(Schedule::Step { every: 0, factor: 0.5 }.factor(100), 1.0);
    }
}
