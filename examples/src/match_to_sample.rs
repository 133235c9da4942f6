//! Delayed match to sample: a direction is shown, and after a delay another or the same.

use rayon::prelude::*;
use snn_runtime::SpikeTrain;
use snn_runtime::math::{cos, exp, ln};
use snn_runtime::random::{Purpose, Stream};
use std::f64::consts::TAU;

/// Input channels, whose preferred directions are evenly spaced.
pub const CHANNELS: u32 = 100;
/// Directions that are shown.
const DIRECTIONS: u32 = 8;
/// The rate of a channel at its preferred direction, above the background (Hz).
const PEAK: f64 = 40.0;
/// The rate of a channel while nothing is shown (Hz).
const BACKGROUND: f64 = 1.0;
/// The concentration of the tuning curves.
const KAPPA: f64 = 2.0;

/// The periods of a trial in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Nothing is shown.
    pub fixation: usize,
    /// The first direction is shown.
    pub sample: usize,
    /// Nothing is shown.
    pub delay: usize,
    /// The second direction is shown.
    pub test: usize,
}

/// The two directions of a trial, in 45 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The first.
    pub sample: u32,
    /// The second.
    pub test: u32,
}

/// Trials and their spikes, ready for a network.
#[derive(Clone, Debug)]
pub struct Trials {
    /// What is shown.
    pub trials: Vec<Trial>,
    /// The spikes of the input channels.
    pub spikes: Vec<SpikeTrain>,
    /// 1 for a match, else 0.
    pub answers: Vec<u32>,
}

impl Trial {
    /// A trial by its number: with probability 1/2 a match, else another direction, each with the same probability.
    pub fn draw(seed: u64, number: u64) -> Self {
        let [a, b, c, _] = stream(seed, number).block(0, CHANNELS);
        // 32 random bits are uneven over 7 by 2^-29 at most.
        let sample = a % DIRECTIONS;
        let other = (sample + 1 + b % (DIRECTIONS - 1)) % DIRECTIONS;
        Self { sample, test: if c % 2 == 0 { sample } else { other } }
    }

    /// 1 for a match, else 0.
    pub fn answer(self) -> u32 {
        u32::from(self.sample == self.test)
    }
}

impl Default for Task {
    /// In steps of 1 ms.
    fn default() -> Self {
        Self { fixation: 500, sample: 500, delay: 1000, test: 500 }
    }
}

impl Task {
    /// All of a trial.
    pub fn steps(self) -> usize {
        self.fixation + self.sample + self.delay + self.test
    }

    /// The trials with these numbers in steps of `dt` ms.
    pub fn trials(self, dt: f64, seed: u64, numbers: std::ops::Range<u64>) -> Trials {
        let trials: Vec<Trial> = numbers.clone().map(|number| Trial::draw(seed, number)).collect();
        let numbered: Vec<_> = trials.iter().copied().zip(numbers).collect();
        let silence = Silence::new(dt);
        let spikes =
            numbered.into_par_iter().map(|(trial, number)| self.spikes(trial, &silence, seed, number)).collect();
        let answers = trials.iter().map(|trial| trial.answer()).collect();
        Trials { trials, spikes, answers }
    }

    /// Independent spikes, in every step with probability rate dt. The steps between two of them are geometrically
    /// distributed, so random numbers are drawn for spikes alone.
    fn spikes(self, trial: Trial, silence: &Silence, seed: u64, number: u64) -> SpikeTrain {
        let stream = stream(seed, number);
        let mut events = Vec::new();
        for channel in 0..CHANNELS {
            let (mut end, mut draws) = (0, 0);
            let shown = [None, Some(trial.sample), None, Some(trial.test)];
            for (length, direction) in [self.fixation, self.sample, self.delay, self.test].into_iter().zip(shown) {
                let start = end;
                end += length;
                let silent = silence.of(channel, direction);
                let mut next = start as f64;
                loop {
                    let [u, _] = stream.uniform_pair(draws, channel);
                    draws += 1;
                    // Rounded down; what is beyond all steps stays there.
                    next += (ln(1.0 - u) / silent) as u64 as f64;
                    if next >= end as f64 {
                        break;
                    }
                    events.push((next as u32, channel));
                    next += 1.0;
                }
            }
        }
        let mut train = SpikeTrain::new();
        train.fill_from_events(self.steps(), &events);
        train
    }
}

/// The logarithm of the probability of a step without a spike.
struct Silence {
    /// Per channel: while nothing is shown, then of each direction.
    logarithms: Vec<[f64; DIRECTIONS as usize + 1]>,
}

impl Silence {
    /// In steps of `dt` ms.
    fn new(dt: f64) -> Self {
        let of = |rate: f64| ln((1.0 - rate * dt / 1000.0).max(f64::MIN_POSITIVE));
        let of_channel = |channel| std::array::from_fn(|k| of(rate(channel, (k as u32).checked_sub(1))));
        Self { logarithms: (0..CHANNELS).map(of_channel).collect() }
    }

    fn of(&self, channel: u32, direction: Option<u32>) -> f64 {
        self.logarithms[channel as usize][direction.map_or(0, |direction| direction as usize + 1)]
    }
}

/// The rate of a channel in Hz: the background, and a von Mises function of the direction that is shown.
fn rate(channel: u32, direction: Option<u32>) -> f64 {
    let tuned = |direction: u32| {
        let distance = TAU * (f64::from(direction) / f64::from(DIRECTIONS) - f64::from(channel) / f64::from(CHANNELS));
        PEAK * exp(KAPPA * (cos(distance) - 1.0))
    };
    BACKGROUND + direction.map_or(0.0, tuned)
}

fn stream(seed: u64, number: u64) -> Stream {
    Stream::new(seed, Purpose::Encoding, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_trials_match_and_all_pairs_come() {
        let trials: Vec<Trial> = (0..56_000).map(|k| Trial::draw(3, k)).collect();
        let matches = trials.iter().filter(|t| t.answer() == 1).count();
        assert!(matches.abs_diff(28_000) < 600, "{matches} matches");
        for sample in 0..DIRECTIONS {
            for test in 0..DIRECTIONS {
                let count = trials.iter().filter(|t| **t == Trial { sample, test }).count();
                let expected = if sample == test { 3500 } else { 500 };
                assert!(count.abs_diff(expected) < expected / 4, "{count} times {sample}, {test}");
            }
        }
    }

    #[test]
    fn channels_fire_at_their_rates() {
        let task = Task::default();
        let trial = Trial { sample: 2, test: 6 };
        let count = 400;
        let silence = Silence::new(1.0);
        let mut sums = [[0.0; 4]; CHANNELS as usize];
        for number in 0..count {
            let train = task.spikes(trial, &silence, 1, number);
            assert_eq!(train.steps(), task.steps());
            for (step, channel) in train.iter() {
                let period = [500, 1000, 2000].iter().filter(|&&end| step >= end).count();
                sums[channel as usize][period] += 1.0;
            }
        }
        for (channel, sums) in sums.iter().enumerate() {
            for ((sum, seconds), direction) in sums.iter().zip([0.5, 0.5, 1.0, 0.5]).zip([None, Some(2), None, Some(6)])
            {
                let expected = rate(channel as u32, direction) * seconds * count as f64;
                let error = (sum - expected).abs();
                assert!(error < 5.0 * snn_runtime::math::sqrt(expected), "channel {channel}: {sum} for {expected}");
            }
        }
        // Channel 25 prefers direction 2.
        assert!((rate(25, Some(2)) - 41.0).abs() < 1e-9 && rate(75, Some(2)) < 1.8);
    }

    #[test]
    fn trials_depend_on_their_numbers_alone() {
        let task = Task::default();
        let all = task.trials(1.0, 5, 0..20);
        let some = task.trials(1.0, 5, 7..9);
        assert_eq!((&some.trials[..], &some.spikes[..]), (&all.trials[7..9], &all.spikes[7..9]));
        assert_ne!(all.spikes[0], all.spikes[1]);
        assert_ne!(task.trials(1.0, 6, 0..20).spikes, all.spikes);
    }
}
