//! Time to first spike: the greater a value, the earlier its channel fires, once.

use super::{EncodeError, Encoder, each, finite, first_spike, setting};
use crate::math::{ln, max, min};
use crate::{Real, SpikeTrain};

/// How the time depends on the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Falls along a line from small to great values.
    Linear,
    /// The time at which a leaky integrator reaches the threshold: `tau ln(x / (x - threshold))`.
    ///
    /// From `C dV/dt = I - V/R` follows `V(t) = V_inf (1 - exp(-t / tau))`, which crosses the threshold at
    /// `-tau ln(1 - V_threshold / V_inf)`.
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Convention {
    BrainPy,
    SnnTorch,
}

/// At most one spike per channel, in step `round(t / dt)` (ties to even); none if that is before the first or after the
/// last step. Nothing is random. Two conventions are in use, see [`Latency::brainpy`] and [`Latency::snntorch`].
///
/// All times are in ms. Where a convention counts steps (snnTorch), it is the same for a dt of 1 ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    convention: Convention,
    method: Method,
    threshold: f64,
    tau: f64,
    first: f64,
    epsilon: f64,
    clip: bool,
    normalise: bool,
}

impl Latency {
    fn new(convention: Convention, method: Method) -> Self {
        let (threshold, tau, first, epsilon) = (0.01, 1.0, 0.0, 1e-7);
        Self { convention, method, threshold, tau, first, epsilon, clip: false, normalise: false }
    }

    /// The convention of BrainPy's `LatencyEncoder`. With `D = T - first - dt`, where `T` is the length of the run if
    /// normalised, else tau:
    ///
    /// - linear: `t = D (1 - x) + first`;
    /// - log: `t = D ln(x / (x - threshold)) + first`, `x` at least `threshold + epsilon`. Values at the threshold are
    ///   far beyond the end of the run and so give no spike.
    ///
    /// Threshold 0.01, tau 1 ms, first spike at 0 ms, epsilon 1e-7, not clipped, not normalised. With that tau and a dt of
    /// 1 ms `D` is 0: set [`Latency::tau`] or [`Latency::normalise`].
    pub fn brainpy(method: Method) -> Self {
        Self::new(Convention::BrainPy, method)
    }

    /// The convention of snnTorch's `spikegen.latency`:
    ///
    /// - linear: `t = min(tau (1 - x), tau (1 - threshold)) + first`. Normalised, tau is such that a value of 0 would fire
    ///   in the last step; if there are values above 1, the times of the sample are then scaled to span the run;
    /// - log: `t = tau ln(x / (x - threshold)) + first`, `x` at least `threshold + epsilon`. Normalised, times are scaled
    ///   from `first` so that the latest of the sample (channels that are clipped included) is in the last step.
    ///
    /// Threshold 0.01, tau 1 ms, first spike at 0 ms, epsilon 1e-7, not clipped, not normalised.
    ///
    /// Two things differ on purpose. Normalisation looks at one sample, not at the batch, so that spikes do not depend on
    /// the company of a sample. Spikes beyond the last step are left out; those in the last step are kept, whereas snnTorch
    /// loses them when others are beyond.
    pub fn snntorch(method: Method) -> Self {
        Self::new(Convention::SnnTorch, method)
    }

    /// The value below which a channel counts as silent: never fires in log mode (BrainPy) or fires latest (snnTorch).
    ///
    /// # Errors
    /// If it is not between 0 and 1, both excluded.
    pub fn threshold(self, threshold: f64) -> Result<Self, EncodeError> {
        let valid = threshold > 0.0 && threshold < 1.0;
        Ok(Self { threshold: setting("the threshold", "a number between 0 and 1", valid, threshold)?, ..self })
    }

    /// The time constant in ms.
    ///
    /// # Errors
    /// If it is not positive and finite.
    pub fn tau(self, tau: f64) -> Result<Self, EncodeError> {
        let valid = tau > 0.0 && tau.is_finite();
        Ok(Self { tau: setting("tau (ms)", "a positive finite number", valid, tau)?, ..self })
    }

    /// The time in ms to which all times are shifted.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn first_spike(self, time: f64) -> Result<Self, EncodeError> {
        Ok(Self { first: first_spike(time)?, ..self })
    }

    /// How far above the threshold the values below it are taken to be in log mode.
    ///
    /// # Errors
    /// If it is not between 1e-12 and 1.
    pub fn epsilon(self, epsilon: f64) -> Result<Self, EncodeError> {
        // Smaller ones could vanish in the sum with the threshold.
        let valid = (1e-12..=1.0).contains(&epsilon);
        Ok(Self { epsilon: setting("epsilon", "a number between 1e-12 and 1", valid, epsilon)?, ..self })
    }

    /// Values below the threshold never fire.
    pub fn clip(self, clip: bool) -> Self {
        Self { clip, ..self }
    }

    /// Times are scaled to the length of the run, as the convention has it.
    pub fn normalise(self, normalise: bool) -> Self {
        Self { normalise, ..self }
    }

    /// The time of a value in ms, from a scale in ms.
    fn time(&self, scale: f64, x: f32) -> f64 {
        let x = x.to_f64();
        let t = match (self.method, self.convention) {
            (Method::Linear, Convention::BrainPy) => scale * (1.0 - x),
            (Method::Linear, Convention::SnnTorch) => min(scale * (1.0 - x), scale * (1.0 - self.threshold)),
            (Method::Log, _) => {
                let x = max(x, self.threshold + self.epsilon);
                scale * ln(x / (x - self.threshold))
            }
        };
        t + self.first
    }

    /// The times of all channels in ms.
    fn times(&self, values: &[f32], steps: usize, dt: f64) -> Vec<f64> {
        let last = (steps as f64 - 1.0) * dt;
        let scale = match (self.convention, self.method, self.normalise) {
            (Convention::BrainPy, _, true) => steps as f64 * dt - self.first - dt,
            (Convention::BrainPy, _, false) => self.tau - self.first - dt,
            (Convention::SnnTorch, Method::Linear, true) => max(last - self.first, 0.0),
            (Convention::SnnTorch, ..) => self.tau,
        };
        let mut times: Vec<f64> = values.iter().map(|&x| self.time(scale, x)).collect();
        if self.convention == Convention::SnnTorch && self.normalise {
            let latest = times.iter().fold(f64::NEG_INFINITY, |latest, &t| max(t, latest));
            let earliest = times.iter().fold(f64::INFINITY, |earliest, &t| min(t, earliest));
            // (from, to): `from` is moved to `to`, and the latest time to that of the last step.
            let moved = match self.method {
                Method::Log => Some((self.first, self.first)),
                Method::Linear => (earliest < 0.0).then_some((earliest, 0.0)),
            };
            if let Some((from, to)) = moved {
                let factor = if latest > from { max(last - to, 0.0) / (latest - from) } else { 0.0 };
                times.iter_mut().for_each(|t| *t = (*t - from) * factor + to);
            }
        }
        times
    }
}

impl Encoder for Latency {
    fn encode(&self, values: &[f32], steps: usize, dt: f64, _seed: u64, _sample: u64, out: &mut SpikeTrain) {
        let mut events = Vec::with_capacity(values.len());
        // As the values, so that a value equal to the threshold is not below it.
        let threshold = self.threshold as f32;
        for ((channel, &x), t) in (0u32..).zip(values).zip(self.times(values, steps, dt)) {
            let step = (t / dt).round_ties_even();
            // False for NaN.
            let within = step >= 0.0 && step < steps as f64;
            if within && !(self.clip && x < threshold) {
                events.push((step as u32, channel));
            }
        }
        out.fill_from_events(steps, &events);
    }

    fn check(&self, values: &[f32]) -> Result<(), EncodeError> {
        finite(values)?;
        if (self.convention, self.method, self.normalise) == (Convention::SnnTorch, Method::Linear, false) {
            // A greater one would fire before the beginning; snnTorch refuses it, too.
            each(values, "a number of at most 1 (or normalised times)", |x| x <= 1.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(encoder: &Latency, values: &[f32], steps: usize, dt: f64) -> SpikeTrain {
        let mut out = SpikeTrain::new();
        out.push(99);
        encoder.encode(values, steps, dt, 0, 0, &mut out);
        assert_eq!(out.steps(), steps);
        assert!((0..steps).all(|t| out.step(t).is_sorted_by(|a, b| a < b)));
        out
    }

    /// The step of each channel.
    fn steps_of(encoder: &Latency, values: &[f32], steps: usize, dt: f64) -> Vec<Option<usize>> {
        let train = encode(encoder, values, steps, dt);
        let of = |channel: usize| {
            let mut spikes = train.iter().filter(|&(_, i)| i as usize == channel).map(|(t, _)| t);
            let step = spikes.next();
            assert_eq!(spikes.next(), None, "two spikes in channel {channel}");
            step
        };
        (0..values.len()).map(of).collect()
    }

    /// n_time 20, tau 20, threshold 0.2, log, dt 1.
    fn brainpy_log() -> Result<Latency, EncodeError> {
        Latency::brainpy(Method::Log).threshold(0.2)?.tau(20.0)
    }

    #[test]
    fn brainpy_log_gives_the_known_steps() -> Result<(), EncodeError> {
        let encoder = brainpy_log()?;
        assert_eq!(steps_of(&encoder, &[1.0, 0.312, 0.311, 0.2, 0.0, -3.0], 20, 1.0)[..3], [Some(4), Some(19), None]);
        let values: Vec<f32> = (0..=1000).map(|i| i as f32 / 1000.0).collect();
        let train = encode(&encoder, &values, 20, 1.0);
        assert!((0..4).all(|t| train.step(t).is_empty()));
        assert!((4..20).all(|t| !train.step(t).is_empty()));
        // Exactly the values from 0.312 on ever fire.
        let mut fired: Vec<u32> = train.iter().map(|(_, i)| i).collect();
        fired.sort_unstable();
        assert_eq!(fired, (312..=1000).collect::<Vec<_>>());
        // Normalised to 20 ms it is the same, whatever tau.
        assert_eq!(encode(&encoder.tau(3.0)?.normalise(true), &values, 20, 1.0), train);
        Ok(())
    }

    #[test]
    fn brainpy_linear_spans_the_run() -> Result<(), EncodeError> {
        let encoder = Latency::brainpy(Method::Linear).normalise(true);
        // D = 9: 0, 2.25, 4.5 (a tie, to even), 6.75, 9; a value above 1 is before the beginning.
        let values = [1.0, 0.75, 0.5, 0.25, 0.0, 1.5, -0.5];
        let expected = [Some(0), Some(2), Some(4), Some(7), Some(9), None, None];
        assert_eq!(steps_of(&encoder, &values, 10, 1.0), expected);
        assert_eq!(steps_of(&Latency::brainpy(Method::Linear).tau(10.0)?, &values, 10, 1.0), expected);
        // D = 5 - 2 - 0.5 = 2.5 ms: 4 to 9 steps of 0.5 ms.
        let encoder = encoder.first_spike(2.0)?;
        assert_eq!(steps_of(&encoder, &[1.0, 0.4, 0.0], 10, 0.5), [Some(4), Some(7), Some(9)]);
        Ok(())
    }

    #[test]
    fn brainpy_with_tau_of_one_step_has_no_latency() {
        let encoder = Latency::brainpy(Method::Linear);
        assert_eq!(steps_of(&encoder, &[1.0, 0.3], 10, 1.0), [Some(0), Some(0)]);
    }

    #[test]
    fn values_below_the_threshold_are_clipped() -> Result<(), EncodeError> {
        // 0.7 is a little less in f32, and still not below the threshold.
        for encoder in [Latency::brainpy(Method::Linear), Latency::snntorch(Method::Linear)] {
            let encoder = encoder.threshold(0.7)?.normalise(true);
            let fires = |encoder: &Latency| -> Vec<bool> {
                steps_of(encoder, &[0.69, 0.7, 0.9], 10, 1.0).iter().map(Option::is_some).collect()
            };
            assert_eq!(fires(&encoder), [true, true, true]);
            assert_eq!(fires(&encoder.clip(true)), [false, true, true]);
        }
        Ok(())
    }

    #[test]
    fn snntorch_linear_gives_the_documented_steps() -> Result<(), EncodeError> {
        // The example of spikegen.latency.
        let encoder = Latency::snntorch(Method::Linear).normalise(true);
        assert_eq!(steps_of(&encoder, &[0.02, 0.5, 1.0], 5, 1.0), [Some(4), Some(2), Some(0)]);
        // Not normalised: no later than tau (1 - threshold).
        let encoder = Latency::snntorch(Method::Linear).tau(10.0)?.threshold(0.2)?;
        let values = [1.0, 0.5, 0.2, 0.1, 0.0];
        assert_eq!(steps_of(&encoder, &values, 20, 1.0), [Some(0), Some(5), Some(8), Some(8), Some(8)]);
        let later = encoder.first_spike(3.0)?;
        assert_eq!(steps_of(&later, &values, 20, 1.0), [Some(3), Some(8), Some(11), Some(11), Some(11)]);
        Ok(())
    }

    #[test]
    fn snntorch_linear_scales_values_above_one() {
        // tau 8: times -8, 0, 4, which become 0, 5.33, 8 of 8.
        let encoder = Latency::snntorch(Method::Linear).normalise(true);
        assert_eq!(steps_of(&encoder, &[2.0, 1.0, 0.5], 9, 1.0), [Some(0), Some(5), Some(8)]);
        assert_eq!(steps_of(&encoder, &[2.0], 9, 1.0), [Some(0)]);
    }

    #[test]
    fn snntorch_log_normalises_each_sample() -> Result<(), EncodeError> {
        let encoder = Latency::snntorch(Method::Log).normalise(true);
        // ln(0.02 / 0.01) = 0.6931, ln(0.04 / 0.03) = 0.2877, ln(1 / 0.99) = 0.01005: of 10 steps, 9, 3.74, 0.13.
        assert_eq!(steps_of(&encoder, &[0.02, 0.04, 1.0], 10, 1.0), [Some(9), Some(4), Some(0)]);
        // ln(0.0100001 / 1e-7) = 11.51 is now the latest, also if it is clipped: 9, 0.54, 0.22.
        assert_eq!(steps_of(&encoder, &[0.0, 0.02, 0.04], 10, 1.0), [Some(9), Some(1), Some(0)]);
        assert_eq!(steps_of(&encoder.clip(true), &[0.0, 0.02, 0.04], 10, 1.0), [None, Some(1), Some(0)]);
        // From 4 on: 4 + 5 * (1, 0.415, 0.0145).
        let later = encoder.first_spike(4.0)?;
        assert_eq!(steps_of(&later, &[0.02, 0.04, 1.0], 10, 1.0), [Some(9), Some(6), Some(4)]);
        // No room: nothing fires, and nothing panics.
        assert_eq!(steps_of(&encoder.first_spike(20.0)?, &[0.02, 1.0], 10, 1.0), [None, None]);
        Ok(())
    }

    #[test]
    fn log_times_are_those_of_a_leaky_integrator() -> Result<(), EncodeError> {
        let encoder = Latency::snntorch(Method::Log).tau(20.0)?.threshold(0.2)?;
        for x in [0.25f32, 0.5, 0.8, 1.0, 3.0] {
            let t = encoder.time(20.0, x);
            assert!((t + 20.0 * ln(1.0 - 0.2 / x.to_f64())).abs() < 1e-12);
            // Steps of 1 us: V reaches the threshold where it says, for dV/dt = (x - V) / tau.
            let mut v = 0.0;
            let mut steps = 0;
            while v < 0.2 {
                v += (x.to_f64() - v) * (0.001 / 20.0);
                steps += 1;
            }
            assert!((t - f64::from(steps) * 0.001).abs() < 0.01, "{t} {steps}");
            assert_eq!(steps_of(&encoder, &[x], 100, 1.0), [Some(t.round_ties_even() as usize)]);
        }
        Ok(())
    }

    #[test]
    fn no_steps_and_no_channels_are_fine() {
        for method in [Method::Linear, Method::Log] {
            for encoder in [Latency::brainpy(method), Latency::snntorch(method)] {
                for encoder in [encoder, encoder.normalise(true)] {
                    assert!(encode(&encoder, &[0.5, 1.0], 0, 1.0).is_empty());
                    assert!(encode(&encoder, &[], 5, 1.0).is_empty());
                    encode(&encoder, &[f32::NAN, f32::INFINITY, f32::MAX, f32::MIN, f32::NEG_INFINITY], 5, 1.0);
                }
            }
        }
    }

    #[test]
    fn wrong_settings_and_values_are_refused() {
        let encoder = Latency::snntorch(Method::Linear);
        for threshold in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(encoder.threshold(threshold).is_err());
        }
        for tau in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            assert!(encoder.tau(tau).is_err());
        }
        for epsilon in [0.0, 1e-13, 2.0, f64::NAN] {
            assert!(encoder.epsilon(epsilon).is_err());
        }
        assert!(encoder.first_spike(f64::NAN).is_err());
        let error = encoder.threshold(1.5).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a number between 0 and 1 as the threshold, found 1.5; change the setting"
        );
        assert_eq!(encoder.check(&[0.0, 1.0, -1.0]), Ok(()));
        assert!(encoder.check(&[0.5, 1.5]).is_err());
        assert_eq!(encoder.normalise(true).check(&[0.5, 1.5]), Ok(()));
        assert_eq!(Latency::brainpy(Method::Linear).check(&[0.5, 1.5]), Ok(()));
        for method in [Method::Linear, Method::Log] {
            assert!(matches!(
                Latency::brainpy(method).check(&[0.0, f32::NAN]),
                Err(EncodeError::Value { channel: 1, .. })
            ));
        }
    }
}
