//! Starting values: weights from a rule, stored parameters from what the model declares.
//!
//! A value depends on the seed, the number of its tensor and its place in the tensor alone.

use crate::Real;
use crate::math;
use crate::neuron::{ParameterStart, StoredParameter};
use crate::random::{Purpose, Stream};

/// How the weights of a projection begin. Numbers are in the unit of the weights, gains have no unit.
///
/// A uniform number is drawn in f64 from `low .. high`; rounded to f32 it can be `high` itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Initialiser {
    /// All 0.
    Zeros,
    /// All the same.
    Constant(f64),
    /// Uniform in `low .. high`.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Normal, mean 0, standard deviation `gain / sqrt(fan_in)` (He et al., "Delving deep into rectifiers", ICCV 2015).
    KaimingNormal {
        /// Factor; sqrt(2) for rectifiers.
        gain: f64,
    },
    /// Uniform with the mean and standard deviation of [`Initialiser::KaimingNormal`]: up to `gain sqrt(3 / fan_in)`.
    KaimingUniform {
        /// Factor; sqrt(2) for rectifiers.
        gain: f64,
    },
    /// Normal, mean 0, standard deviation `gain sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio, "Understanding the
    /// difficulty of training deep feedforward neural networks", AISTATS 2010).
    XavierNormal {
        /// Factor; 1 in the paper.
        gain: f64,
    },
    /// Uniform with the mean and standard deviation of [`Initialiser::XavierNormal`]: up to
    /// `gain sqrt(6 / (fan_in + fan_out))`.
    XavierUniform {
        /// Factor; 1 in the paper.
        gain: f64,
    },
}

impl Initialiser {
    /// Fills a tensor. `fan_in` is the number of sources of a target neuron, `fan_out` the number of targets of a source;
    /// 0 counts as 1. `tensor` numbers the tensors of a network, so that equal shapes get different values.
    pub fn fill<R: Real>(&self, out: &mut [R], fan_in: usize, fan_out: usize, seed: u64, tensor: u64) {
        let inputs = fan_in.max(1) as f64;
        let mean_fan = (fan_in as f64 + fan_out as f64).max(1.0) / 2.0;
        let stream = Stream::new(seed, Purpose::Weights, tensor);
        let symmetric = |out: &mut [R], high: f64| uniform(out, stream, -high, high, |x| x);
        match *self {
            Self::Zeros => out.fill(R::ZERO),
            Self::Constant(value) => out.fill(R::from_f64(value)),
            Self::Uniform { low, high } => uniform(out, stream, low, high, |x| x),
            Self::Normal { mean, sd } => normal(out, stream, mean, sd, |x| x),
            Self::KaimingNormal { gain } => normal(out, stream, 0.0, gain / math::sqrt(inputs), |x| x),
            Self::KaimingUniform { gain } => symmetric(out, gain * math::sqrt(3.0 / inputs)),
            Self::XavierNormal { gain } => normal(out, stream, 0.0, gain / math::sqrt(mean_fan), |x| x),
            Self::XavierUniform { gain } => symmetric(out, gain * math::sqrt(3.0 / mean_fan)),
        }
    }
}

/// How often a value is drawn again before the place of the range that is nearest to the mean is taken: that happens only to
/// ranges far from the mean.
const ATTEMPTS: u32 = 1000;

/// Draws the starting values of a stored parameter, one for each entry of `out`, and brings them into the stored form.
///
/// A normal distribution is truncated to the range: values outside are drawn again. The ends of
/// [`ParameterStart::LogUniform`] have to be positive: otherwise the values are not finite, which the engine reports with
/// the name of the tensor.
pub fn parameter_start<R: Real>(parameter: &StoredParameter, out: &mut [R], seed: u64, tensor: u64) {
    let stream = Stream::new(seed, Purpose::Parameters, tensor);
    let transform = parameter.transform;
    match parameter.start {
        ParameterStart::Value(value) => out.fill(R::from_f64(transform.store(value))),
        ParameterStart::Uniform { low, high } => uniform(out, stream, low, high, |x| transform.store(x)),
        ParameterStart::Normal { mean, sd } => {
            truncated(out, stream, mean, sd, parameter.range, |x| transform.store(x))
        }
        ParameterStart::LogUniform { low, high } => {
            uniform(out, stream, math::ln(low), math::ln(high), |x| transform.store(math::exp(x)));
        }
    }
}

/// A normal distribution truncated to a range by rejection; the number of the attempt is the step of its block.
///
/// From a range that is narrow against sd hardly any normal number would fall into, so numbers are drawn uniformly from it
/// there and accepted with the ratio of their density to the highest in the range.
fn truncated<R: Real>(
    out: &mut [R],
    stream: Stream,
    mean: f64,
    sd: f64,
    [low, high]: [f64; 2],
    form: impl Fn(f64) -> f64,
) {
    let narrow = high - low < sd;
    // The least distance of the range from the mean.
    let least = math::max(math::max(low - mean, mean - high), 0.0);
    let draw = |attempt: u32, index: u32, k: usize| -> Option<f64> {
        if !narrow {
            let x = mean + sd * stream.normal_pair(attempt, index)[k];
            return (low..=high).contains(&x).then_some(x);
        }
        let [place, chance] = stream.uniform_pair(2 * attempt + k as u32, index);
        let x = low + (high - low) * place;
        let ratio = math::exp((least * least - (x - mean) * (x - mean)) / (2.0 * sd * sd));
        (chance < ratio).then_some(x)
    };
    // A population has fewer neurons than 2^32 blocks.
    for (index, pair) in (0u32..).zip(out.chunks_mut(2)) {
        for (k, out) in pair.iter_mut().enumerate() {
            let drawn = (0..ATTEMPTS).find_map(|attempt| draw(attempt, index, k));
            let value = drawn.unwrap_or_else(|| math::min(math::max(mean, low), high));
            *out = R::from_f64(form(value));
        }
    }
}

fn uniform<R: Real>(out: &mut [R], stream: Stream, low: f64, high: f64, form: impl Fn(f64) -> f64) {
    pairs(out, |step, index| stream.uniform_pair(step, index).map(|u| form(low + (high - low) * u)));
}

fn normal<R: Real>(out: &mut [R], stream: Stream, mean: f64, sd: f64, form: impl Fn(f64) -> f64) {
    pairs(out, |step, index| stream.normal_pair(step, index).map(|z| form(mean + sd * z)));
}

/// Two values come from each block; the number of the block is spread over step (high word) and index (low word).
fn pairs<R: Real>(out: &mut [R], draw: impl Fn(u32, u32) -> [f64; 2]) {
    for (block, pair) in (0u64..).zip(out.chunks_mut(2)) {
        let values = draw((block >> 32) as u32, block as u32);
        pair.iter_mut().zip(values).for_each(|(out, value)| *out = R::from_f64(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neuron::Transform;

    const N: usize = 40_000;

    fn filled(initialiser: &Initialiser) -> Vec<f64> {
        let mut out = vec![f64::NAN; N];
        initialiser.fill(&mut out, 50, 150, 1, 2);
        out
    }

    const ALL: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

    fn stored(start: &ParameterStart, transform: Transform, range: [f64; 2]) -> StoredParameter {
        let (name, unit, start) = ("p".into(), String::new(), start.clone());
        StoredParameter { name, unit, per_neuron: true, trainable: false, transform, start, range }
    }

    fn started(start: &ParameterStart, transform: Transform) -> Vec<f64> {
        let mut out = vec![f64::NAN; N];
        parameter_start(&stored(start, transform, ALL), &mut out, 1, 2);
        out
    }

    fn mean_sd(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, math::sqrt(values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n))
    }

    fn largest(values: &[f64]) -> f64 {
        values.iter().fold(0.0, |largest, x| math::max(largest, x.abs()))
    }

    #[test]
    fn standard_deviations_are_those_of_the_papers() {
        // 40,000 numbers: the bounds are more than 5 standard errors. fan_in 50, fan_out 150.
        let root2 = std::f64::consts::SQRT_2;
        let expected = [
            (Initialiser::Normal { mean: 3.0, sd: 0.5 }, 3.0, 0.5),
            (Initialiser::Uniform { low: -1.0, high: 3.0 }, 1.0, 4.0 / math::sqrt(12.0)),
            (Initialiser::KaimingNormal { gain: root2 }, 0.0, 0.2),
            (Initialiser::KaimingUniform { gain: root2 }, 0.0, 0.2),
            (Initialiser::XavierNormal { gain: 1.0 }, 0.0, 0.1),
            (Initialiser::XavierUniform { gain: 1.0 }, 0.0, 0.1),
        ];
        for (initialiser, mean, sd) in expected {
            let found = mean_sd(&filled(&initialiser));
            assert!((found.0 - mean).abs() < 0.03 * sd, "{initialiser:?}: mean {}", found.0);
            assert!((found.1 / sd - 1.0).abs() < 0.02, "{initialiser:?}: standard deviation {}", found.1);
        }
        assert!(filled(&Initialiser::Zeros).iter().all(|&x| x == 0.0));
        assert!(filled(&Initialiser::Constant(-0.5)).iter().all(|&x| x == -0.5));
    }

    #[test]
    fn uniform_numbers_fill_their_range() {
        for (initialiser, high) in [
            (Initialiser::KaimingUniform { gain: 1.0 }, math::sqrt(3.0 / 50.0)),
            (Initialiser::XavierUniform { gain: 1.0 }, math::sqrt(6.0 / 200.0)),
        ] {
            let largest = largest(&filled(&initialiser));
            assert!(largest <= high && largest > 0.999 * high, "{initialiser:?}: {largest} of {high}");
        }
    }

    #[test]
    fn a_value_depends_on_seed_tensor_and_place_alone() {
        for initialiser in [Initialiser::Uniform { low: 0.0, high: 1.0 }, Initialiser::Normal { mean: 0.0, sd: 1.0 }] {
            let fill = |n: usize, seed, tensor| {
                let mut out = vec![0.0f64; n];
                initialiser.fill(&mut out, 1, 1, seed, tensor);
                out
            };
            let all = fill(101, 1, 2);
            assert_eq!(fill(100, 1, 2), all[..100]);
            assert_eq!(fill(37, 1, 2), all[..37]);
            for other in [fill(101, 2, 2), fill(101, 1, 3)] {
                assert!(all.iter().zip(&other).all(|(a, b)| a != b));
            }
            let mut narrow = vec![0.0f32; 101];
            initialiser.fill(&mut narrow, 1, 1, 1, 2);
            assert!(narrow.iter().zip(&all).all(|(a, b)| *a == *b as f32));
        }
    }

    #[test]
    fn fans_of_zero_give_finite_weights() {
        let mut out = [f32::NAN; 4];
        Initialiser::KaimingNormal { gain: 1.0 }.fill(&mut out, 0, 0, 1, 2);
        assert!(out.iter().all(|x| x.is_finite()));
        Initialiser::XavierUniform { gain: 1.0 }.fill(&mut out, 0, 0, 1, 2);
        assert!(out.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn parameters_begin_in_their_stored_form() {
        let transform = Transform::Logit { low: 5.0, high: 45.0 };
        let theta = started(&ParameterStart::Value(15.0), transform);
        assert!(theta.iter().all(|&x| x == transform.store(15.0)));
        let theta = started(&ParameterStart::Uniform { low: 10.0, high: 20.0 }, transform);
        let values: Vec<f64> = theta.iter().map(|&x| transform.value(x)).collect();
        assert!(values.iter().all(|x| (10.0 - 1e-9..20.0 + 1e-9).contains(x)));
        assert!((mean_sd(&values).0 - 15.0).abs() < 0.1);
        let (mean, sd) = mean_sd(&started(&ParameterStart::Normal { mean: -2.0, sd: 0.1 }, Transform::Raw));
        assert!((mean + 2.0).abs() < 0.003 && (sd - 0.1).abs() < 0.002, "{mean} {sd}");
    }

    #[test]
    fn log_uniform_starts_have_uniform_logarithms() {
        let values = started(&ParameterStart::LogUniform { low: 0.1, high: 1000.0 }, Transform::Raw);
        assert!(values.iter().all(|x| (0.1 - 1e-12..1000.0 + 1e-9).contains(x)));
        // A quarter lies in each decade; a standard error is 87.
        for decade in [0.1, 1.0, 10.0, 100.0] {
            let count = values.iter().filter(|&x| (decade..10.0 * decade).contains(x)).count();
            assert!(count.abs_diff(N / 4) < 500, "{count} in the decade from {decade}");
        }
    }

    #[test]
    fn weights_and_parameters_of_a_tensor_are_not_the_same_numbers() {
        let weights = filled(&Initialiser::Uniform { low: 0.0, high: 1.0 });
        let parameters = started(&ParameterStart::Uniform { low: 0.0, high: 1.0 }, Transform::Raw);
        assert!(weights.iter().zip(&parameters).all(|(w, p)| w != p));
    }

    #[test]
    fn a_normal_distribution_is_truncated_to_the_range() {
        let start = ParameterStart::Normal { mean: 2.0, sd: 50.0 };
        let mut out = vec![f64::NAN; N];
        parameter_start(&stored(&start, Transform::Raw, [1.0, 100.0]), &mut out, 1, 2);
        assert!(out.iter().all(|x| (1.0..=100.0).contains(x)));
        // Nearly the upper half of a normal distribution: mean 2 + 50 (phi(a) - phi(b))/(Phi(b) - Phi(a)).
        let (mean, _) = mean_sd(&out);
        assert!((mean - 37.2).abs() < 0.7, "{mean}");
        let all = started(&start, Transform::Raw);
        assert!(all.iter().zip(&out).all(|(free, kept)| !(1.0..=100.0).contains(free) || free == kept));
        // Narrow against the standard deviation: nearly uniform, and nothing piles up at an end.
        parameter_start(&stored(&start, Transform::Raw, [1.0, 1.01]), &mut out, 1, 2);
        assert!(out.iter().all(|x| (1.0..=1.01).contains(x)));
        let (mean, sd) = mean_sd(&out);
        assert!((mean - 1.005).abs() < 1e-4 && (sd - 0.01 / math::sqrt(12.0)).abs() < 1e-4, "{mean} {sd}");
        // A range that is never met: the nearer end.
        parameter_start(&stored(&start, Transform::Raw, [1e6, 2e6]), &mut out[..9], 1, 2);
        assert_eq!(out[..9], [1e6; 9]);
    }
}
