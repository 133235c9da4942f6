//! Encoders: how numbers become spikes.
//!
//! An encoder turns the values of one sample, one per channel, into a [`SpikeTrain`] with one channel of spikes each.
//! Random numbers depend on (seed, sample, step, channel) alone, so the spikes of a sample are the same in any batch and
//! for any number of threads, and a longer run begins with the spikes of a shorter one.
//!
//! ```
//! use snn_runtime::SpikeTrain;
//! use snn_runtime::encode::{Encoder, Latency, Method, Poisson};
//!
//! let pixels = [0.0, 0.5, 1.0];
//! let mut spikes = SpikeTrain::new();
//! // 100 steps of 1 ms: the second channel fires in about an eighth of them, the third in about a quarter.
//! let poisson = Poisson::new().gain(0.25)?;
//! poisson.check(&pixels)?;
//! poisson.encode(&pixels, 100, 1.0, 7, 0, &mut spikes);
//! assert!(spikes.iter().all(|(_, channel)| channel != 0));
//!
//! // The brighter, the earlier.
//! let latency = Latency::snntorch(Method::Linear).normalise(true);
//! latency.encode(&pixels, 5, 1.0, 0, 0, &mut spikes);
//! assert_eq!(spikes.iter().collect::<Vec<_>>(), [(0, 2), (2, 1), (4, 0)]);
//! # Ok::<(), snn_runtime::encode::EncodeError>(())
//! ```

mod latency;
mod poisson;
mod turn;

pub use latency::{Latency, Method};
pub use poisson::Poisson;

use crate::SpikeTrain;
use thiserror::Error;

/// A rule that turns numbers into spikes.
pub trait Encoder: Send + Sync {
    /// Encodes the values of one sample (`[channels]`) on a grid of `steps` steps of `dt` ms.
    ///
    /// Clears `out` and leaves exactly `steps` closed steps with ascending channels. Random numbers depend on `seed`,
    /// `sample`, the step and the channel alone. A value that [`Encoder::check`] refuses may give any spikes, but no panic.
    fn encode(&self, values: &[f32], steps: usize, dt: f64, seed: u64, sample: u64, out: &mut SpikeTrain);

    /// Whether the rule applies to the values of a sample.
    ///
    /// # Errors
    /// If one of them is NaN, infinite or outside the domain of the rule.
    fn check(&self, values: &[f32]) -> Result<(), EncodeError>;
}

/// Errors of encoders.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A value the rule does not apply to.
    #[error("channel {channel} is {found}: expected {expected}; change the value, or take another encoder")]
    Value {
        /// The channel.
        channel: usize,
        /// What the rule applies to.
        expected: &'static str,
        /// The value.
        found: f32,
    },
    /// A setting outside its range.
    #[error("expected {expected} as {setting}, found {found}; change the setting")]
    Setting {
        /// The name of the setting.
        setting: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value.
        found: f64,
    },
    /// An empty or endless range of values.
    #[error("expected a range of values from a number to a greater one, found {min} to {max}; change the range")]
    Range {
        /// The lower end.
        min: f64,
        /// The upper end.
        max: f64,
    },
}

/// All values are finite.
fn finite(values: &[f32]) -> Result<(), EncodeError> {
    each(values, "a finite number", f32::is_finite)
}

/// All values pass a test.
fn each(values: &[f32], expected: &'static str, test: impl Fn(f32) -> bool) -> Result<(), EncodeError> {
    // All of them first, without a decision for each: most samples pass.
    if values.iter().fold(true, |all, &x| all & test(x)) {
        return Ok(());
    }
    match values.iter().position(|&x| !test(x)) {
        Some(channel) => Err(EncodeError::Value { channel, expected, found: values[channel] }),
        None => Ok(()),
    }
}

/// A setting that passes its test.
fn setting(setting: &'static str, expected: &'static str, valid: bool, found: f64) -> Result<f64, EncodeError> {
    if valid { Ok(found) } else { Err(EncodeError::Setting { setting, expected, found }) }
}

/// A time (ms) before which nothing fires.
fn first_spike(found: f64) -> Result<f64, EncodeError> {
    setting(
        "the time of the first spike (ms)",
        "a finite number, not negative",
        found >= 0.0 && found.is_finite(),
        found,
    )
}
