//! The elementary functions of the runtime, for `f32` and `f64`.
//!
//! The standard library hands these functions to the platform's C library, whose last bits differ from one system to
//! the next. Everything here is made of correctly rounded operations in a fixed order, so it gives the same bits
//! everywhere. [`exp`] and what is built on it ([`expm1`], [`exprel`], [`sigmoid`], [`tanh`]) contain no branches, so
//! that a loop over them vectorises; the others come from the `libm` crate. Each function states its error bound in
//! units in the last place (ulp), and a test enforces it.
//!
//! They have fused operations (`mul_add`). Within [`crate::simd::dispatch`] these are instructions; in code that is compiled
//! for a processor without them each is a call, with the same result.

mod basic;
mod error_function;
mod exp;
mod expm1;
mod exprel_moments;
mod log_pow;
mod sigmoid;
mod step_factors;
mod tiny;
mod trigonometric;

pub use basic::{abs, addend, clip, heaviside, max, min, relu, select, sqrt};
pub use error_function::{erf, erfc};
pub use exp::exp;
pub use expm1::{expm1, exprel};
pub use exprel_moments::{exprel1, exprel2};
pub use log_pow::{ln, pow};
pub use sigmoid::{sigmoid, tanh};
pub use step_factors::{is_short, step_exp, step_exprel};
pub use tiny::{flush, flush_states};
pub use trigonometric::{atan, cos, sin};

use sealed::Elementary;

/// The functions whose code differs between the two scalar types. A supertrait of [`crate::Real`]; the public names
/// are the functions of this module.
pub(crate) mod sealed {
    /// See the functions of [`crate::math`].
    pub trait Elementary: Copy {
        /// A finite number whose exponential is infinite.
        const HIGH: Self;
        /// So many terms of the series of [`exprel1`](crate::math::exprel1) and [`exprel2`](crate::math::exprel2) matter for arguments up to 1.
        const MOMENT_TERMS: usize;
        /// See [`flush`](crate::math::flush).
        fn is_tiny(self) -> bool;
        /// Bits that are in the order of `|x|`, those of NaN last.
        type Magnitude: Copy + Default + Ord + std::fmt::Debug;
        /// See [`Self::Magnitude`].
        fn magnitude(self) -> Self::Magnitude;
        /// The longest short step, see [`is_short`](crate::math::is_short).
        const SHORT: Self;
        /// `(exp(x) - 1)/x` for `|x|` up to that.
        fn short_exprel(x: Self) -> Self;
        /// `exp(x)` as a factor of a step.
        fn step_exp(x: Self) -> Self;
        /// `(exp(x) - 1)/x` as a factor of a step.
        fn step_exprel(x: Self) -> Self;
        /// `exp(x)`.
        fn exp(x: Self) -> Self;
        /// `exp(x) - 1`.
        fn expm1(x: Self) -> Self;
        /// The natural logarithm.
        fn ln(x: Self) -> Self;
        /// `x` to the power `y`.
        fn pow(x: Self, y: Self) -> Self;
        /// The sine.
        fn sin(x: Self) -> Self;
        /// The cosine.
        fn cos(x: Self) -> Self;
        /// The arc tangent.
        fn atan(x: Self) -> Self;
        /// The error function.
        fn erf(x: Self) -> Self;
        /// `1 - erf(x)`.
        fn erfc(x: Self) -> Self;
    }
}

macro_rules! elementary {
    ($t:ident, $bits:ident, $high:path, $terms:literal, $exponent:literal: $ln:ident, $pow:ident, $sin:ident, $cos:ident, $atan:ident, $erf:ident, $erfc:ident) => {
        impl Elementary for $t {
            const HIGH: Self = $high;
            const MOMENT_TERMS: usize = $terms;
            #[inline(always)]
            fn is_tiny(self) -> bool {
                self.to_bits() & $exponent == 0
            }
            const SHORT: Self = 0.693;
            type Magnitude = $bits;
            #[inline(always)]
            fn magnitude(self) -> Self::Magnitude {
                (self.to_bits() << 1) >> 1
            }
            #[inline(always)]
            fn short_exprel(x: Self) -> Self {
                step_factors::$t::short_exprel(x)
            }
            #[inline(always)]
            fn step_exp(x: Self) -> Self {
                step_factors::$t::exp(x)
            }
            #[inline(always)]
            fn step_exprel(x: Self) -> Self {
                step_factors::$t::exprel(x)
            }
            #[inline(always)]
            fn exp(x: Self) -> Self {
                exp::$t(x)
            }
            #[inline(always)]
            fn expm1(x: Self) -> Self {
                expm1::$t(x)
            }
            #[inline]
            fn ln(x: Self) -> Self {
                libm::$ln(x)
            }
            #[inline]
            fn pow(x: Self, y: Self) -> Self {
                libm::$pow(x, y)
            }
            #[inline]
            fn sin(x: Self) -> Self {
                libm::$sin(x)
            }
            #[inline]
            fn cos(x: Self) -> Self {
                libm::$cos(x)
            }
            #[inline]
            fn atan(x: Self) -> Self {
                libm::$atan(x)
            }
            #[inline]
            fn erf(x: Self) -> Self {
                libm::$erf(x)
            }
            #[inline]
            fn erfc(x: Self) -> Self {
                libm::$erfc(x)
            }
        }
    };
}
elementary!(f32, u32, exp::HIGH_F32, 11, 0x7000_0000: logf, powf, sinf, cosf, atanf, erff, erfcf);
elementary!(f64, u64, exp::HIGH_F64, 19, 0x6000_0000_0000_0000: log, pow, sin, cos, atan, erf, erfc);

#[cfg(test)]
pub(crate) mod ulp {
    /// The distance of two `f32` results in units in the last place of the reference, `reference` known to `f64`.
    pub(crate) fn f32(found: f32, reference: f64) -> f64 {
        let rounded = reference as f32;
        if found.is_nan() || reference.is_nan() {
            return if found.is_nan() && reference.is_nan() { 0.0 } else { f64::INFINITY };
        }
        if found.is_infinite() || rounded.is_infinite() {
            return if found == rounded { 0.0 } else { f64::INFINITY };
        }
        let magnitude = rounded.abs().max(f32::MIN_POSITIVE);
        let spacing = f32::from_bits(magnitude.to_bits() + 1) as f64 - magnitude as f64;
        (found as f64 - reference).abs() / spacing
    }

    /// The distance of two `f64` results in units in the last place of the reference.
    pub(crate) fn f64(found: f64, reference: f64) -> f64 {
        if found.is_nan() || reference.is_nan() {
            return if found.is_nan() && reference.is_nan() { 0.0 } else { f64::INFINITY };
        }
        if found.is_infinite() || reference.is_infinite() {
            return if found == reference { 0.0 } else { f64::INFINITY };
        }
        let magnitude = reference.abs().max(f64::MIN_POSITIVE);
        let spacing = f64::from_bits(magnitude.to_bits() + 1) - magnitude;
        (found - reference).abs() / spacing
    }

    /// The same, the reference being a normal number and a correction of it.
    pub(crate) fn sum(found: f64, [high, low]: [f64; 2]) -> f64 {
        let magnitude = high.abs();
        let spacing = f64::from_bits(magnitude.to_bits() + 1) - magnitude;
        ((found - high) - low).abs() / spacing
    }

    /// `n + 1` evenly spaced points from `low` to `high`.
    pub(crate) fn grid(low: f64, high: f64, n: usize) -> impl Iterator<Item = f64> {
        (0..=n).map(move |i| low + (high - low) * (i as f64 / n as f64))
    }

    /// Magnitudes `10^low .. 10^high` of both signs, for functions that must stay accurate near zero.
    pub(crate) fn magnitudes(low: i32, high: i32) -> impl Iterator<Item = f64> {
        grid(low as f64, high as f64, 20_000).flat_map(|e| {
            let x = libm::pow(10.0, e);
            [x, -x]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Real;
    use crate::simd::{Loops, dispatch, tests::at_each_level};

    struct All<'a, R>(&'a [R], Vec<[R; 9]>);

    impl<R: Real> Loops for All<'_, R> {
        type Output = Vec<[R; 9]>;
        #[inline(always)]
        fn run<const BYTES: usize>(mut self) -> Vec<[R; 9]> {
            for (y, &x) in self.1.iter_mut().zip(self.0) {
                let step = [step_exp::<_, false>(x), step_exprel::<_, false>(x)];
                *y = [exp(x), expm1(x), exprel(x), exprel1(x), exprel2(x), sigmoid(x), tanh(x), step[0], step[1]];
            }
            self.1
        }
    }

    fn same_at_each_level<R: Real>(bits: impl Fn(R) -> u64) {
        let x: Vec<R> = ulp::grid(-100.0, 100.0, 4000)
            .chain(ulp::grid(-1.0, 1.0, 1000))
            .chain([1e-30, -1e-44, 0.0, -0.0, 720.0, -720.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN])
            .map(R::from_f64)
            .collect();
        let mut first = Vec::new();
        at_each_level(|level| {
            let y = dispatch(All(&x, vec![[R::ZERO; 9]; x.len()]));
            // Which NaN it is does not matter.
            let found: Vec<u64> =
                y.iter().flatten().map(|&y| if y.to_f64().is_nan() { u64::MAX } else { bits(y) }).collect();
            if first.is_empty() {
                first = found;
            } else {
                assert!(first == found, "{level:?} differs");
            }
        });
    }

    #[test]
    fn bits_do_not_depend_on_the_instruction_set() {
        same_at_each_level(|x: f32| x.to_bits().into());
        same_at_each_level(|x: f64| x.to_bits());
    }
}
