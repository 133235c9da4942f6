//! Rate coding: in every step a channel fires with a probability given by its value.

use super::turn::turn;
use super::{EncodeError, Encoder, finite, first_spike, setting};
use crate::random::{Purpose, Stream};
use crate::simd::places::Wide;
use crate::simd::{Loops, dispatch};
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// The draws of one block of random words.
const DRAWS: usize = 8;
/// The channels of a group: the bits of a word.
const GROUP: usize = 64;
/// The channels that are drawn at once: 32-bit lanes of the widest register.
const LANES: usize = 16;

/// Independent spikes with probability `p = gain norm(x) + offset` in every step, where `norm(x)` is
/// `(x - min) / (max - min)` if a range is given, else `x`.
///
/// These are the semantics of BrainPy's `PoissonEncoder` and snnTorch's `spikegen.rate`, which agree: snnTorch clamps `p`
/// to `[0, 1]`, but a `p` below 0 never fires and one above 1 always does in either. `p` is a probability per *step*,
/// whatever dt is; with [`Poisson::rate_hz`] the same formula gives a rate instead.
///
/// `p` is rounded to a multiple of 1/65536, so the probability is off by at most 1/131072: negligible for images, but
/// below `p` = 0.001 already up to a hundredth of it, and below 1/131072 nothing fires. Channels with `p <= 0` cost nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson {
    gain: f64,
    offset: f64,
    range: Option<(f64, f64)>,
    first: f64,
    /// Gain and offset are rates in Hz.
    rate: bool,
}

impl Default for Poisson {
    fn default() -> Self {
        Self::new()
    }
}

impl Poisson {
    /// Gain 1, offset 0, no range, no silence at the beginning: the value is the probability per step.
    pub fn new() -> Self {
        Self { gain: 1.0, offset: 0.0, range: None, first: 0.0, rate: false }
    }

    /// Gain (here the argument) and offset are rates in Hz: the probability per step of `dt` ms is
    /// `p = (gain norm(x) + offset) dt / 1000`. A value of 1 fires at `gain` Hz, as long as that is less than once a step.
    ///
    /// # Errors
    /// If the gain is not finite.
    pub fn rate_hz(gain: f64) -> Result<Self, EncodeError> {
        Self { rate: true, ..Self::new() }.gain(gain)
    }

    /// The factor of the value: a probability, or a rate in Hz after [`Poisson::rate_hz`].
    ///
    /// # Errors
    /// If it is not finite.
    pub fn gain(self, gain: f64) -> Result<Self, EncodeError> {
        Ok(Self { gain: setting("the gain", "a finite number", gain.is_finite(), gain)?, ..self })
    }

    /// What is added: a probability, or a rate in Hz after [`Poisson::rate_hz`].
    ///
    /// # Errors
    /// If it is not finite.
    pub fn offset(self, offset: f64) -> Result<Self, EncodeError> {
        Ok(Self { offset: setting("the offset", "a finite number", offset.is_finite(), offset)?, ..self })
    }

    /// Values are scaled from `min .. max` to `0 .. 1`.
    ///
    /// # Errors
    /// If `min < max` does not hold, or their distance is not finite.
    pub fn range(self, min: f64, max: f64) -> Result<Self, EncodeError> {
        if !(min < max && (max - min).is_finite()) {
            return Err(EncodeError::Range { min, max });
        }
        Ok(Self { range: Some((min, max)), ..self })
    }

    /// Nothing fires in the first `trunc(time / dt)` steps, `time` in ms.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn first_spike(self, time: f64) -> Result<Self, EncodeError> {
        Ok(Self { first: first_spike(time)?, ..self })
    }

    /// How many of 65536 equally likely draws fire.
    #[inline(always)]
    fn threshold(&self, x: f32, dt: f64) -> u32 {
        let x = x.to_f64();
        let x = self.range.map_or(x, |(min, max)| (x - min) / (max - min));
        let p = self.gain * x + self.offset;
        let p = if self.rate { p * dt / 1000.0 } else { p };
        let draws = (p * 65536.0).round();
        // What is negative or NaN becomes 0.
        let draws = if draws > 0.0 { draws } else { 0.0 };
        let draws = if draws < 65536.0 { draws } else { 65536.0 };
        // Beside 2^52 the last bits of a number count ones: a conversion that all processors have in vectors.
        (draws + (1u64 << 52) as f64).to_bits() as u32
    }
}

impl Encoder for Poisson {
    fn encode(&self, values: &[f32], steps: usize, dt: f64, seed: u64, sample: u64, out: &mut SpikeTrain) {
        let stream = Stream::new(seed, Purpose::Encoding, sample);
        let silent = ((self.first / dt) as usize).min(steps);
        dispatch(Encode { poisson: self, values, dt, stream, steps: silent..steps, out });
    }

    fn check(&self, values: &[f32]) -> Result<(), EncodeError> {
        finite(values)
    }
}

struct Encode<'a> {
    poisson: &'a Poisson,
    values: &'a [f32],
    dt: f64,
    stream: Stream,
    /// Before these nothing fires.
    steps: Range<usize>,
    out: &'a mut SpikeTrain,
}

impl Loops for Encode<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        let Self { poisson, values, dt, stream, steps, out } = self;
        let mut thresholds = vec![0; values.len()];
        thresholds.iter_mut().zip(values).for_each(|(to, &x)| *to = poisson.threshold(x, dt));
        let (wide, active) = (Wide::new::<BYTES>(), Active::new(&thresholds));
        let mut fired = vec![[0; DRAWS]; active.channels.len()];
        out.clear();
        (0..steps.start).for_each(|_| out.end_step());
        for block in steps.start / DRAWS..steps.end.div_ceil(DRAWS) {
            active.draw(stream, block as u32, &mut fired);
            // What was drawn outside the steps is left out.
            let first = block * DRAWS;
            let within = steps.start.saturating_sub(first)..(steps.end - first).min(DRAWS);
            out.push_words(wide, &active.channels, &fired, within);
        }
    }
}

/// The channels that may fire, ascending, in groups.
struct Active {
    channels: Vec<[u32; GROUP]>,
    /// 0 behind the last channel.
    thresholds: Vec<[u32; GROUP]>,
    /// How many there are.
    count: usize,
}

impl Active {
    #[inline(always)]
    fn new(all: &[u32]) -> Self {
        let groups = all.len().div_ceil(GROUP);
        let (mut channels, mut thresholds) = (vec![[0; GROUP]; groups], vec![[0; GROUP]; groups]);
        let mut count = 0;
        let (flat_channels, flat_thresholds) = (channels.as_flattened_mut(), thresholds.as_flattened_mut());
        for (channel, &threshold) in (0..).zip(all) {
            // Written over by the next, unless it counts. The last ones are 0.
            flat_channels[count] = channel;
            flat_thresholds[count] = threshold;
            count += usize::from(threshold > 0);
        }
        channels.truncate(count.div_ceil(GROUP));
        thresholds.truncate(count.div_ceil(GROUP));
        Self { channels, thresholds, count }
    }

    /// One block of steps: bit `i` of `fired[g][j]` is channel `i` of group `g` in step `j`.
    #[inline(always)]
    fn draw(&self, stream: Stream, block: u32, fired: &mut [[u64; DRAWS]]) {
        for (group, fired) in fired.iter_mut().enumerate() {
            let lanes = (self.count - group * GROUP).min(GROUP).next_multiple_of(LANES);
            let mut bytes = [0u8; GROUP];
            let channels = &self.channels[group][..lanes];
            let thresholds = &self.thresholds[group][..lanes];
            for ((&channel, &threshold), byte) in channels.iter().zip(thresholds).zip(&mut bytes) {
                let words = stream.block(block, channel);
                let mut bits = 0;
                for (j, word) in words.into_iter().enumerate() {
                    bits |= u32::from(word & 0xffff < threshold) << (2 * j);
                    bits |= u32::from(word >> 16 < threshold) << (2 * j + 1);
                }
                *byte = bits as u8;
            }
            *fired = turn(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: usize = 20_000;

    fn encode(encoder: &Poisson, values: &[f32], steps: usize, dt: f64, seed: u64, sample: u64) -> SpikeTrain {
        let mut out = SpikeTrain::new();
        out.push(99);
        encoder.encode(values, steps, dt, seed, sample, &mut out);
        assert_eq!(out.steps(), steps);
        assert!((0..steps).all(|t| out.step(t).is_sorted_by(|a, b| a < b)));
        out
    }

    fn counts(train: &SpikeTrain, channels: usize) -> Vec<usize> {
        (0..channels).map(|c| train.iter().filter(|&(_, i)| i as usize == c).count()).collect()
    }

    /// Within 5 standard deviations of the binomial distribution.
    fn assert_rate(count: usize, p: f64) {
        let expected = p * STEPS as f64;
        let sd = crate::math::sqrt(expected * (1.0 - p));
        assert!((count as f64 - expected).abs() <= 5.0 * sd, "{count} spikes, expected {expected}");
    }

    #[test]
    fn rates_are_the_probabilities() -> Result<(), EncodeError> {
        let values = [-1.0, 0.0, 0.02, 0.5, 0.9, 1.0, 7.0];
        let train = encode(&Poisson::new(), &values, STEPS, 1.0, 1, 2);
        for (count, p) in counts(&train, 7).into_iter().zip([0.0, 0.0, 0.02, 0.5, 0.9, 1.0, 1.0]) {
            assert_rate(count, p);
        }
        let encoder = Poisson::new().range(-1.0, 3.0)?.gain(0.5)?.offset(0.25)?;
        let train = encode(&encoder, &[-1.0, 1.0, 3.0], STEPS, 1.0, 1, 2);
        for (count, p) in counts(&train, 3).into_iter().zip([0.25, 0.5, 0.75]) {
            assert_rate(count, p);
        }
        Ok(())
    }

    #[test]
    fn only_the_rate_form_depends_on_dt() -> Result<(), EncodeError> {
        let rate = Poisson::rate_hz(100.0)?.offset(20.0)?;
        for (dt, p) in [(1.0, 0.07), (0.5, 0.035), (10.0, 0.7)] {
            assert_rate(encode(&rate, &[0.5], STEPS, dt, 3, 4).len(), p);
        }
        let per_step = |dt| encode(&Poisson::new(), &[0.3, 0.6], 100, dt, 3, 4);
        assert_eq!(per_step(1.0), per_step(0.1));
        Ok(())
    }

    #[test]
    fn probabilities_are_rounded_to_65536ths() {
        let threshold = |p: f32| Poisson::new().threshold(p, 1.0);
        assert_eq!(
            [threshold(0.25), threshold(1.0), threshold(9.0), threshold(f32::INFINITY)],
            [16384, 65536, 65536, 65536]
        );
        assert_eq!([threshold(0.0), threshold(-0.1), threshold(f32::NAN), threshold(f32::NEG_INFINITY)], [0; 4]);
        assert_eq!([threshold(1.4 / 65536.0), threshold(1.6 / 65536.0), threshold(0.4 / 65536.0)], [1, 2, 0]);
    }

    #[test]
    fn a_draw_has_its_place_in_the_block() {
        let stream = Stream::new(5, Purpose::Encoding, 6);
        let train = encode(&Poisson::new(), &[0.0, 0.5], 20, 1.0, 5, 6);
        for t in 0..20 {
            let word = stream.block(t / 8, 1)[(t % 8 / 2) as usize];
            let draw = if t % 2 == 0 { word & 0xffff } else { word >> 16 };
            assert_eq!(!train.step(t as usize).is_empty(), draw < 32768, "step {t}");
        }
    }

    #[test]
    fn trains_are_those_of_one_draw_after_the_other() -> Result<(), EncodeError> {
        let encoders = [
            Poisson::new(),
            Poisson::rate_hz(400.0)?.offset(-20.0)?,
            Poisson::new().range(-0.5, 2.0)?.first_spike(3.0)?,
            Poisson::new().gain(0.7)?.first_spike(8.5)?,
        ];
        // No, some and all channels of a group; lanes that are not filled.
        for (channels, steps) in [(0, 9), (1, 1), (15, 8), (64, 24), (65, 23), (150, 7), (200, 100)] {
            for (encoder, period) in encoders.iter().zip([1, 3, 7, 2]) {
                let value = |i: u32| if i.is_multiple_of(period) { (i * 29 % 64) as f32 / 50.0 - 0.1 } else { 0.0 };
                let values: Vec<f32> = (0..channels).map(value).collect();
                let stream = Stream::new(7, Purpose::Encoding, 1 << 40);
                let mut expected = SpikeTrain::new();
                for t in 0..steps {
                    for (channel, &x) in (0..).zip(&values) {
                        let x = encoder.range.map_or(x.to_f64(), |(min, max)| (x.to_f64() - min) / (max - min));
                        let p = encoder.gain * x + encoder.offset;
                        let p = if encoder.rate { p * 0.5 / 1000.0 } else { p };
                        let threshold = ((p * 65536.0).round() as u32).min(65536);
                        let word = stream.block(t / 8, channel)[(t % 8 / 2) as usize];
                        let draw = if t % 2 == 0 { word & 0xffff } else { word >> 16 };
                        if draw < threshold && t >= (encoder.first / 0.5) as u32 {
                            expected.push(channel);
                        }
                    }
                    expected.end_step();
                }
                crate::simd::tests::at_each_level(|level| {
                    let train = encode(encoder, &values, steps as usize, 0.5, 7, 1 << 40);
                    assert_eq!(train, expected, "{level:?}: {channels} channels, {steps} steps, {encoder:?}");
                });
            }
        }
        Ok(())
    }

    #[test]
    fn spikes_depend_on_seed_sample_step_and_channel_alone() {
        let encoder = Poisson::new();
        let values: Vec<f32> = (0..50).map(|i| i as f32 / 50.0).collect();
        let all = encode(&encoder, &values, 101, 1.0, 1, 7);
        // A train that another sample has used gives the same, and so does any processor.
        let mut reused = encode(&encoder, &values, 33, 1.0, 1, 8);
        crate::simd::tests::at_each_level(|level| {
            encoder.encode(&values, 101, 1.0, 1, 7, &mut reused);
            assert_eq!(reused, all, "{level:?}");
        });
        // Fewer steps are the beginning, fewer channels the part.
        let short = encode(&encoder, &values, 45, 1.0, 1, 7);
        assert!(short.iter().eq(all.iter().filter(|&(t, _)| t < 45)));
        let narrow = encode(&encoder, &values[..20], 101, 1.0, 1, 7);
        assert!(narrow.iter().eq(all.iter().filter(|&(_, i)| i < 20)));
        // A channel does not see the values of the others.
        let mut lonely = vec![0.0; 50];
        lonely[40] = values[40];
        let lonely = encode(&encoder, &lonely, 101, 1.0, 1, 7);
        assert!(lonely.iter().eq(all.iter().filter(|&(_, i)| i == 40)));
        assert_ne!(encode(&encoder, &values, 101, 1.0, 2, 7), all);
        assert_ne!(encode(&encoder, &values, 101, 1.0, 1, 8), all);
    }

    #[test]
    fn the_split_into_batches_does_not_matter() {
        use rayon::prelude::*;
        let encoder = Poisson::new();
        let values = [0.1, 0.4, 0.0, 0.8];
        let one_by_one: Vec<_> = (0..40).map(|sample| encode(&encoder, &values, 30, 1.0, 9, sample)).collect();
        let blocks: Vec<_> = (0..40u32)
            .into_par_iter()
            .with_min_len(7)
            .map(|sample| encode(&encoder, &values, 30, 1.0, 9, sample.into()))
            .collect();
        assert_eq!(blocks, one_by_one);
        assert_ne!(one_by_one[0], one_by_one[1]);
    }

    #[test]
    fn the_beginning_is_silent() -> Result<(), EncodeError> {
        let values = [0.5, 1.0];
        let all = encode(&Poisson::new(), &values, 40, 0.5, 1, 2);
        for (time, silent) in [(0.0, 0), (1.2, 2), (4.0, 8), (5.6, 11), (19.9, 39), (20.0, 40), (1e300, 40)] {
            let train = encode(&Poisson::new().first_spike(time)?, &values, 40, 0.5, 1, 2);
            assert!(train.iter().eq(all.iter().filter(|&(t, _)| t >= silent)), "{time} ms");
        }
        Ok(())
    }

    #[test]
    fn no_steps_and_no_channels_are_fine() {
        assert!(encode(&Poisson::new(), &[1.0], 0, 1.0, 1, 2).is_empty());
        assert!(encode(&Poisson::new(), &[], 5, 1.0, 1, 2).is_empty());
        assert_eq!(encode(&Poisson::new(), &[f32::NAN, 1.0], 3, 1.0, 1, 2).len(), 3);
    }

    #[test]
    fn wrong_settings_and_values_are_refused() {
        assert!(Poisson::new().gain(f64::NAN).is_err());
        assert!(Poisson::rate_hz(f64::INFINITY).is_err());
        assert!(Poisson::new().offset(f64::INFINITY).is_err());
        assert!(Poisson::new().first_spike(-1.0).is_err());
        assert_eq!(Poisson::new().range(1.0, 1.0), Err(EncodeError::Range { min: 1.0, max: 1.0 }));
        assert!(Poisson::new().range(0.0, f64::NAN).is_err());
        assert!(Poisson::new().range(f64::MIN, f64::MAX).is_err());
        assert_eq!(Poisson::new().check(&[0.0, 2.0, -1.0]), Ok(()));
        let error = Poisson::new().check(&[0.0, f32::NAN]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "channel 1 is NaN: expected a finite number; change the value, or take another encoder"
        );
    }
}
