//! Reproducible spikes and numbers for tests.

use snn_runtime::SpikeTrain;

/// A small generator (splitmix64), so that tests do not depend on the generator they test.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0 .. 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in low .. high.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

/// `samples` spike trains of `channels` channels: each channel fires in each step with probability `p`.
pub fn trains(samples: usize, channels: usize, steps: usize, p: f64, seed: u64) -> Vec<SpikeTrain> {
    let mut random = Random(seed);
    (0..samples)
        .map(|_| {
            let mut train = SpikeTrain::new();
            for _ in 0..steps {
                for channel in 0..channels {
                    if random.unit() < p {
                        train.push(channel as u32);
                    }
                }
                train.end_step();
            }
            train
        })
        .collect()
}
