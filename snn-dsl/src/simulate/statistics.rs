//! What is said of the spikes of a run: how many, how often, how regularly.

use super::recording::Recording;
use snn_runtime::{Real, math};

/// Numbers about the spikes of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// The spikes of all neurons.
    pub spikes: usize,
    /// The mean over the neurons, in Hz.
    pub rate: f64,
    /// How many intervals between two spikes of a neuron there were.
    pub intervals: usize,
    /// Their mean over all neurons, in ms.
    pub mean_interval: Option<f64>,
    /// Their standard deviation over their mean, for at least two intervals: 0 for a clock, 1 for a Poisson process. The
    /// variance is the mean of the squared deviations.
    pub cv: Option<f64>,
}

impl Statistics {
    /// Counts the spikes of a run.
    pub fn new<R: Real>(recording: &Recording<R>) -> Self {
        let mut last: Vec<Option<u32>> = vec![None; recording.n];
        // In steps: sums of whole numbers are exact.
        let (mut count, mut sum, mut squares) = (0usize, 0u64, 0u128);
        for spike in &recording.spikes {
            let Some(last) = last.get_mut(spike.neuron as usize) else { continue };
            if let Some(before) = last.replace(spike.step) {
                let interval = u64::from(spike.step - before);
                count += 1;
                sum += interval;
                squares += u128::from(interval) * u128::from(interval);
            }
        }
        let spikes = recording.spikes.len();
        let (all, dt) = (count as f64, recording.grid.dt);
        let mean = sum as f64 / all;
        // n sum x^2 - (sum x)^2 is exact, so equal intervals have a CV of exactly 0.
        let spread = (count as u128 * squares).saturating_sub(u128::from(sum) * u128::from(sum));
        let cv = math::sqrt(spread as f64) / sum as f64;
        Self {
            spikes,
            rate: spikes as f64 * 1e3 / (recording.n as f64 * recording.grid.end()),
            intervals: count,
            mean_interval: (count > 0).then_some(mean * dt),
            cv: (count > 1).then_some(cv),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Grid, Recording, Spike};
    use super::Statistics;

    fn of(spikes: &[(u32, u32)], n: usize) -> Statistics {
        Statistics::new(&Recording::<f64> {
            model: String::new(),
            grid: Grid::new(0.5, 100.0).unwrap(),
            n,
            traces: Vec::new(),
            spikes: spikes.iter().map(|&(step, neuron)| Spike { step, neuron }).collect(),
            has_threshold: true,
        })
    }

    #[test]
    fn intervals_are_those_of_a_neuron() {
        let found = of(&[(10, 0), (15, 1), (20, 0), (40, 0)], 2);
        assert_eq!((found.spikes, found.rate, found.intervals), (4, 20.0, 2));
        // 5 ms and 10 ms: mean 7.5, standard deviation 2.5.
        assert_eq!(found.mean_interval, Some(7.5));
        assert!((found.cv.unwrap() - 1.0 / 3.0).abs() < 1e-15);
        let found = of(&[(1, 0), (8, 0), (15, 0)], 1);
        assert_eq!((found.mean_interval, found.cv), (Some(3.5), Some(0.0)));
        let found = of(&[(1, 0), (8, 0)], 1);
        assert_eq!((found.mean_interval, found.cv), (Some(3.5), None));
        let found = of(&[], 1);
        assert_eq!((found.rate, found.mean_interval, found.cv), (0.0, None, None));
    }
}
