//! The engine against a plain reference, against differences, and against itself on other threads and instruction sets.

mod common;
#[path = "common/reference.rs"]
mod reference;

use common::*;
use ndarray::Array2;
use snn_runtime::neuron::{Mode, Neuron};
use snn_runtime::simd::{self, Level};
use snn_runtime::*;
use std::sync::Arc;

const SAMPLES: usize = 21;

fn network<R: Real>(per_neuron: bool) -> Network<R> {
    Network::new(graph(Arc::new(Compiled::new(Lif { per_neuron })), Arc::new(Compiled::new(Li)))).unwrap()
}

fn wave<R: Real>(samples: usize) -> Array2<R> {
    let mut random = numbers(5);
    Array2::from_shape_fn((samples, OUTPUTS), |_| R::from_f64(random()))
}

struct Data<R> {
    trains: Vec<SpikeTrain>,
    labels: Vec<u32>,
    wave: Array2<R>,
}

impl<R: Real> Data<R> {
    fn new(samples: usize) -> Self {
        Self { trains: spikes(samples, STEPS, INPUTS), labels: labels(samples), wave: wave(samples) }
    }
    fn batch(&self) -> Batch<'_, R> {
        Batch {
            size: self.labels.len(),
            inputs: vec![InputData::Spikes(&self.trains)],
            targets: vec![TargetData::Class(&self.labels), TargetData::Values(self.wave.view())],
        }
    }
}

fn parameters<R: Real>(network: &Network<R>) -> ParameterSet<R> {
    let mut parameters = ParameterSet::zeros(network.layout().clone());
    set_weights(&mut parameters);
    parameters
}

fn run<R: Real>(network: &Network<R>, samples: usize) -> (f64, ParameterSet<R>, Evaluation<R>) {
    let data = Data::new(samples);
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let evaluation =
        network.loss_and_gradient(&parameters(network), &data.batch(), &mut Workspace::new(), &mut gradient).unwrap();
    (evaluation.loss, gradient, evaluation)
}

/// A column-major array of targets is the same batch.
#[test]
fn the_layout_of_targets_does_not_matter() {
    let network = network::<f64>(false);
    let data = Data::<f64>::new(SAMPLES);
    let columns = data.wave.t().as_standard_layout().into_owned();
    let mut batch = data.batch();
    batch.targets[1] = TargetData::Values(columns.t());
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let evaluation =
        network.loss_and_gradient(&parameters(&network), &batch, &mut Workspace::new(), &mut gradient).unwrap();
    let (loss, expected, _) = run(&network, SAMPLES);
    assert_eq!((evaluation.loss, gradient), (loss, expected));
}

/// `Li` that adds a normal number in every step.
struct Noisy;

impl Kernel for Noisy {
    fn layout(&self) -> NeuronLayout {
        NeuronLayout { noise: 1, ..Kernel::layout(&Li) }
    }
    fn refractory_steps(&self, _dt: f64) -> u32 {
        0
    }
    fn coefficients(&self, dt: f64, parameters: &[f64], c: &mut [f64]) {
        Kernel::coefficients(&Li, dt, parameters, c);
    }
    fn chain(&self, _dt: f64, _parameters: &[f64], _gradient: &[f64], _out: &mut [f64]) {}
    fn step<R: Real>(s: Step<'_, R>) {
        let (a, noise) = (s.coefficients.values[0], s.noise);
        for ((o, &e), &x) in s.states.iter_mut().zip(s.events).zip(noise) {
            *o = a * *o + (R::ONE - a) * e + x;
        }
    }
    fn adjoint<R: Real>(s: Adjoint<'_, R>) {
        Li::adjoint(s);
    }
}

/// White noise is that of the seed of the workspace, the same on any number of lanes, and in the first sample that of neurons
/// without a network.
#[test]
fn the_workspace_has_the_seed_of_the_noise() {
    let noisy: Arc<dyn Neuron<f64>> = Arc::new(Compiled::new(Noisy));
    let network = Network::new(graph(Arc::new(Compiled::new(Lif { per_neuron: false })), noisy.clone())).unwrap();
    let data = Data::<f64>::new(SAMPLES);
    let mut parameters = ParameterSet::zeros(network.layout().clone());
    parameters.view_mut("hidden.tau").unwrap().fill(20.0);
    let of = |workspace: &mut Workspace<f64>| {
        let readouts = network.forward(&parameters, &data.batch(), workspace, &Recording::default()).unwrap();
        readouts.get("out").unwrap().clone()
    };
    let seeded = |lanes: usize, seed: u64| {
        let mut workspace = Workspace::with_lanes(lanes);
        workspace.set_noise_seed(seed);
        of(&mut workspace)
    };
    let first = seeded(8, 7);
    assert_eq!(first, seeded(3, 7));
    assert_ne!(first, seeded(8, 8));
    assert_eq!(of(&mut Workspace::new()), seeded(8, 0));
    let mut cells = Cells::new(noisy, OUTPUTS, 1.0, &[]).unwrap();
    cells.set_noise_seed(7);
    for step in 0..STEPS {
        cells.step(&[0.0; OUTPUTS], &[]).unwrap();
        for (i, &x) in cells.state("O").unwrap().iter().enumerate() {
            assert_eq!(first[[0, step, i]], x, "neuron {i}, step {step}");
        }
        assert_ne!(first[[0, step, 0]], first[[1, step, 0]]);
    }
}

#[test]
fn the_gradient_is_that_of_the_reference() {
    for per_neuron in [false, true] {
        let network = network::<f64>(per_neuron);
        let (loss, gradient, evaluation) = run(&network, SAMPLES);
        let data = Data::<f64>::new(SAMPLES);
        let expected = reference::evaluate(&parameters(&network), &data.trains, &data.labels, &data.wave);
        assert!((loss - expected.loss).abs() < 1e-12, "{loss} {}", expected.loss);
        let rate = expected.spikes as f64 / (SAMPLES * STEPS * HIDDEN) as f64;
        assert!(rate > 0.03 && rate < 0.3, "the test needs activity, but not too much: {rate}");
        assert_eq!(evaluation.readouts.spike_counts().next(), Some(("hidden", expected.spikes)));
        for tensor in network.layout().tensors() {
            let (found, wanted) =
                (&gradient.values()[tensor.range.clone()], &expected.gradient.values()[tensor.range.clone()]);
            let largest = wanted.iter().fold(0.0f64, |m, g| m.max(g.abs()));
            assert!(largest > 1e-6, "{}", tensor.name);
            for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
                assert!((a - b).abs() < 1e-11 * largest, "{} {i}: {a} {b}", tensor.name);
            }
        }
    }
}

#[test]
fn the_smooth_gradient_is_that_of_differences() {
    for per_neuron in [false, true] {
        let lif: Arc<dyn Neuron<f64>> = Arc::new(Smooth::new(Lif { per_neuron }));
        let network = Network::new(graph(lif, Arc::new(Smooth::new(Li)))).unwrap();
        let data = Data::new(9);
        let mut p = parameters(&network);
        // A weight at zero has no derivative under a sign.
        p.view_mut("w_rec.weight").unwrap().iter_mut().for_each(|w| *w += w.signum() * 0.01);
        let mut workspace = Workspace::new();
        let mut gradient = ParameterSet::zeros(network.layout().clone());
        let mut evaluate = |p: &ParameterSet<f64>, g: &mut ParameterSet<f64>, mode| {
            network.loss_and_gradient_in_mode(p, &data.batch(), &mut workspace, g, mode).unwrap().loss
        };
        let recorded = evaluate(&p, &mut gradient, Mode::SmoothRecord);
        let mut other = gradient.clone();
        assert_eq!(evaluate(&p, &mut other, Mode::SmoothReplay), recorded);
        assert_eq!(other, gradient);
        let largest = gradient.values().iter().fold(0.0f64, |m, g| m.max(g.abs()));
        for tensor in network.layout().tensors() {
            let stride = (tensor.range.len() / 6).max(1);
            for i in tensor.range.clone().step_by(stride) {
                let original = p.values()[i];
                let h = 1e-5 * original.abs().max(1.0);
                let mut difference = |h: f64| {
                    p.values_mut()[i] = original + h;
                    let up = evaluate(&p, &mut other, Mode::SmoothReplay);
                    p.values_mut()[i] = original - h;
                    let down = evaluate(&p, &mut other, Mode::SmoothReplay);
                    p.values_mut()[i] = original;
                    (up - down) / (2.0 * h)
                };
                let (d1, d2) = (difference(h), difference(2.0 * h));
                let d = (4.0 * d1 - d2) / 3.0;
                let a = gradient.values()[i];
                assert!((a - d).abs() <= 1e-6 * a.abs().max(d.abs()) + 1e-9 * largest, "{} {i}: {a} {d}", tensor.name);
            }
        }
    }
}

fn bits<R: Real>(gradient: &ParameterSet<R>) -> Vec<u64> {
    gradient.values().iter().map(|g| g.to_f64().to_bits()).collect()
}

#[test]
fn threads_and_instruction_sets_do_not_change_a_bit() {
    fn check<R: Real>() {
        let network = network::<R>(true);
        let (loss, gradient, _) = run(&network, SAMPLES);
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (other_loss, other, _) = pool.install(|| run(&network, SAMPLES));
            assert_eq!((loss.to_bits(), bits(&gradient)), (other_loss.to_bits(), bits(&other)), "{threads} threads");
        }
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            let level = simd::force(level);
            let (other_loss, other, _) = run(&network, SAMPLES);
            assert_eq!((loss.to_bits(), bits(&gradient)), (other_loss.to_bits(), bits(&other)), "{level:?}");
        }
        simd::force(simd::detected());
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn single_precision_is_near_double() {
    let (loss, gradient, _) = run(&network::<f64>(true), 8);
    let (loss32, gradient32, _) = run(&network::<f32>(true), 8);
    assert!((loss - loss32).abs() < 1e-3 * loss.abs(), "{loss} {loss32}");
    let norm = gradient.values().iter().map(|g| g * g).sum::<f64>();
    let pairs = gradient.values().iter().zip(gradient32.values());
    let distance = pairs.map(|(a, &b)| (a - b as f64) * (a - b as f64)).sum::<f64>();
    assert!(distance < 1e-4 * norm, "{distance} {norm}");
}

#[test]
fn a_workspace_serves_batches_of_all_sizes() {
    let network = network::<f32>(false);
    let p = parameters(&network);
    let mut workspace = Workspace::new();
    for samples in [21, 1, 100, 8, 9] {
        let data = Data::new(samples);
        let mut gradient = ParameterSet::zeros(network.layout().clone());
        let reused = network.loss_and_gradient(&p, &data.batch(), &mut workspace, &mut gradient).unwrap();
        let (fresh, fresh_gradient, _) = run(&network, samples);
        assert_eq!((reused.loss, bits(&gradient)), (fresh, bits(&fresh_gradient)), "{samples}");
    }
    assert!(workspace.bytes() > 0);
}

#[test]
fn forward_gives_the_readouts_and_recordings() {
    let network = network::<f32>(false);
    let p = parameters(&network);
    let data = Data::new(SAMPLES);
    let recording = Recording::none().trace("hidden", "V").trace("hidden", "spike").trace("out", "O").spikes("hidden");
    let batch = Batch { targets: vec![], ..data.batch() };
    let readouts = network.forward(&p, &batch, &mut Workspace::new(), &recording).unwrap();
    let (_, _, evaluation) = run(&network, SAMPLES);
    for ((name, a), (_, b)) in readouts.iter().zip(evaluation.readouts.iter()) {
        assert_eq!(a, b, "{name}");
    }
    assert_eq!(readouts.get("rate").unwrap().shape(), [SAMPLES, HIDDEN]);
    assert_eq!(readouts.get("out").unwrap().shape(), [SAMPLES, STEPS, OUTPUTS]);
    assert_eq!(readouts.get("out"), readouts.trace("out", "O"));
    assert_eq!(readouts.trace("hidden", "V").unwrap().shape(), [SAMPLES, STEPS, HIDDEN]);
    let (trains, dense) = (readouts.spikes("hidden").unwrap(), readouts.trace("hidden", "spike").unwrap());
    for (b, train) in trains.iter().enumerate() {
        assert_eq!(train.len() as f32, dense.index_axis(ndarray::Axis(0), b).sum());
        assert!(train.iter().all(|(t, i)| dense[[b, t, i as usize]] == 1.0));
    }
    let total: usize = trains.iter().map(SpikeTrain::len).sum();
    assert_eq!(readouts.spike_counts().next(), Some(("hidden", total as u64)));
    assert!(readouts.synaptic_operations() > (total * OUTPUTS) as u64);
    assert!(readouts.get("none").is_none() && readouts.trace("out", "V").is_none());
}
