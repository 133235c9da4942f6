//! Random numbers that depend on what they are for, and not on when or where they are drawn.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
//! a function from a key and a counter to four words, without a state. A number here depends on (seed, purpose, sample,
//! step, index) alone, so results are the same for any split into batches and any number of threads.

use crate::math;

/// The multipliers of a round.
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// What the key grows by from round to round: the golden ratio and the square root of 3, less 1.
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Philox4x32 with 10 rounds: four random words from a counter and a key.
#[inline(always)]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// What random numbers are used for. Uses with the same seed do not see each other's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Purpose {
    /// Starting weights.
    Weights = 0,
    /// Starting values of parameters.
    Parameters = 1,
    /// Spikes of encoders.
    Encoding = 2,
    /// The order of samples.
    Shuffle = 3,
    /// Starting values of states.
    States = 4,
    /// Noise while a network runs.
    Noise = 5,
    /// Which neurons are connected.
    Connectivity = 6,
    /// Random changes of training samples.
    Augmentation = 7,
    /// The delays of connections.
    Delays = 8,
    /// Which neurons send nothing.
    Dropout = 9,
}

/// The random numbers of one purpose and sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
    sample: [u32; 2],
}

impl Stream {
    /// The numbers for a seed, a purpose and a sample (or whatever else is numbered, such as a tensor).
    ///
    /// Sample, step and index are the counter, so within a seed and purpose no block comes twice. The key is itself
    /// drawn by seed and purpose.
    #[inline]
    pub fn new(seed: u64, purpose: Purpose, sample: u64) -> Self {
        let [a, b, ..] = philox([purpose as u32, 0, 0, 0], halves(seed));
        Self { key: [a, b], sample: halves(sample) }
    }

    /// Four random words for a step and an index.
    #[inline(always)]
    pub fn block(&self, step: u32, index: u32) -> [u32; 4] {
        philox([step, index, self.sample[0], self.sample[1]], self.key)
    }

    /// Two numbers uniform in `[0, 1)` for a step and an index; see [`uniform`].
    #[inline]
    pub fn uniform_pair(&self, step: u32, index: u32) -> [f64; 2] {
        let [a, b, c, d] = self.block(step, index);
        [uniform(a, b), uniform(c, d)]
    }

    /// Two independent standard normal numbers for a step and an index; see [`normal_pair`].
    #[inline]
    pub fn normal_pair(&self, step: u32, index: u32) -> [f64; 2] {
        normal_pair(self.block(step, index))
    }
}

/// Fills `out`, `[rows, n]` for `n` neurons, with the independent standard normal numbers of a step.
///
/// The two numbers of a block go to two neighbours in the same row: neurons 2k and 2k + 1 have in row r those of the block
/// `first + k rows + r`. So no pair straddles two rows, and what a neuron gets depends on its place and on the number of rows,
/// but not on how many neurons there are. If `n` is odd, the second number of the last blocks is left out;
/// [`normal_blocks`] says how many blocks there are.
///
/// # Panics
/// If `n` is 0.
pub fn normal_numbers<R: crate::Real>(stream: Stream, step: u32, first: u32, n: usize, out: &mut [R]) {
    let rows = (out.len() / n) as u32;
    for (row, values) in out.chunks_exact_mut(n).enumerate() {
        for (k, pair) in values.chunks_mut(2).enumerate() {
            let index = first.wrapping_add((k as u32).wrapping_mul(rows)).wrapping_add(row as u32);
            let numbers = stream.normal_pair(step, index);
            pair.iter_mut().zip(numbers).for_each(|(out, x)| *out = R::from_f64(x));
        }
    }
}

/// The number of blocks that [`normal_numbers`] takes for so many rows of `n` neurons.
pub fn normal_blocks(rows: usize, n: usize) -> usize {
    rows.saturating_mul(n.div_ceil(2))
}

/// The low and the high word.
#[inline(always)]
fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

/// A number uniform in `[0, 1)`, a multiple of 2^-53, from two random words.
#[inline(always)]
pub fn uniform(low: u32, high: u32) -> f64 {
    let bits = u64::from(high) << 32 | u64::from(low);
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Two independent standard normal numbers from four random words (Box and Muller, "A note on the generation of random
/// normal deviates", 1958). Their magnitude is at most 8.6.
#[inline]
pub fn normal_pair([a, b, c, d]: [u32; 4]) -> [f64; 2] {
    // 1 - u is in (0, 1], where the logarithm is finite.
    let radius = math::sqrt(-2.0 * math::ln(1.0 - uniform(a, b)));
    let angle = std::f64::consts::TAU * uniform(c, d);
    [radius * math::cos(angle), radius * math::sin(angle)]
}

/// The numbers `0..n` in an order that depends on `n`, `seed` and `epoch` (Fisher and Yates, as in Durstenfeld 1964).
///
/// Numbers of 32 bits end at 2^32: a larger `n` counts as 2^32.
pub fn permutation(n: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let n = (n as u64).min(1 << 32);
    let stream = Stream::new(seed, Purpose::Shuffle, epoch);
    let mut order: Vec<u32> = (0..n).map(|i| i as u32).collect();
    for i in (1..order.len()).rev() {
        let [low, high, ..] = stream.block(0, i as u32);
        let bits = u64::from(high) << 32 | u64::from(low);
        // Multiplied by i + 1 <= 2^32, 64 bits are uneven by 2^-32 at most.
        let j = (u128::from(bits) * (i as u128 + 1)) >> 64;
        order.swap(i, j as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn known_answers() {
        // The file kat_vectors of Random123.
        let cases: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }

    #[test]
    fn every_part_of_the_address_counts() {
        let block = |seed, purpose, sample, step, index| Stream::new(seed, purpose, sample).block(step, index);
        let first = block(1, Purpose::Weights, 2, 3, 4);
        assert_eq!(first, block(1, Purpose::Weights, 2, 3, 4));
        let all = [
            first,
            block(1 + (1 << 32), Purpose::Weights, 2, 3, 4),
            block(2, Purpose::Weights, 2, 3, 4),
            block(1, Purpose::Parameters, 2, 3, 4),
            block(1, Purpose::Weights, 3, 3, 4),
            block(1, Purpose::Weights, 2 + (1 << 63), 3, 4),
            block(1, Purpose::Weights, 2, 4, 4),
            block(1, Purpose::Weights, 2, 3, 5),
            block(1, Purpose::Weights, 2, 4, 3),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn uniform_numbers_stay_below_one() {
        assert_eq!(uniform(0, 0), 0.0);
        assert_eq!(uniform(u32::MAX, u32::MAX), 1.0 - f64::EPSILON / 2.0);
        assert_eq!(uniform(0, 1 << 31), 0.5);
        assert_eq!(uniform(1 << 11, 0), f64::EPSILON / 2.0);
    }

    /// Mean, variance, and fourth moment over the squared variance.
    fn moments(values: &[f64]) -> [f64; 3] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let central = |x: &f64| (x - mean) * (x - mean);
        let variance = values.iter().map(central).sum::<f64>() / n;
        let fourth = values.iter().map(|x| central(x) * central(x)).sum::<f64>() / n;
        [mean, variance, fourth / (variance * variance)]
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let stream = Stream::new(9, Purpose::Noise, 0);
        // 200,000 numbers: the bounds are more than 5 standard errors.
        let uniforms: Vec<f64> = (0..100_000).flat_map(|i| stream.uniform_pair(7, i)).collect();
        let [mean, variance, kurtosis] = moments(&uniforms);
        assert!((mean - 0.5).abs() < 0.004, "{mean}");
        assert!((variance - 1.0 / 12.0).abs() < 0.001, "{variance}");
        assert!((kurtosis - 1.8).abs() < 0.02, "{kurtosis}");
        let normals: Vec<f64> = (0..100_000).flat_map(|i| stream.normal_pair(8, i)).collect();
        let [mean, variance, kurtosis] = moments(&normals);
        assert!(mean.abs() < 0.012, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!((kurtosis - 3.0).abs() < 0.06, "{kurtosis}");
        let product = normals.chunks_exact(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / 1e5;
        assert!(product.abs() < 0.02, "the two of a pair are correlated: {product}");
    }

    #[test]
    fn normal_numbers_belong_to_a_neuron_and_a_row() {
        let stream = Stream::new(3, Purpose::Noise, 1);
        let of = |n: usize| {
            let mut out = vec![0.0f64; 3 * n];
            normal_numbers(stream, 9, 40, n, &mut out);
            out
        };
        let many = of(101);
        assert_eq!(many.iter().map(|x| x.to_bits()).collect::<BTreeSet<_>>().len(), 303);
        for n in [1, 2, 7, 100] {
            for (few, many) in of(n).chunks(n).zip(many.chunks(101)) {
                assert_eq!(few, &many[..n], "{n}");
            }
        }
        // Behind its last block there is room for the next population.
        assert_eq!(normal_blocks(3, 101), 153);
        let [last, _] = stream.normal_pair(9, 40 + 152);
        assert_eq!(many[302], last);
    }

    #[test]
    fn normal_numbers_are_finite_at_the_ends() {
        let [x, y] = normal_pair([u32::MAX, u32::MAX, 0, 0]);
        assert!((x - 8.571_674_348_652_905).abs() < 1e-12 && y == 0.0, "{x} {y}");
        assert_eq!(normal_pair([0; 4]), [0.0, 0.0]);
    }

    #[test]
    fn a_permutation_has_every_number_once() {
        let order = permutation(1000, 3, 0);
        assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), (0..1000).collect());
        assert_eq!(order, permutation(1000, 3, 0));
        assert_ne!(order, permutation(1000, 3, 1));
        assert_ne!(order, permutation(1000, 4, 0));
        assert!(permutation(0, 3, 0).is_empty());
        assert_eq!(permutation(1, 3, 0), [0]);
    }

    #[test]
    fn permutations_are_equally_frequent() {
        let mut counts = [0u32; 6];
        for epoch in 0..6000 {
            let order = permutation(3, 5, epoch);
            counts[(order[0] * 2 + u32::from(order[1] > order[2])) as usize] += 1;
        }
        // 1000 each, with a standard deviation of 29.
        assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
    }
}
