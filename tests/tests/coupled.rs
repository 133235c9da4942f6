//! Losses over times of first spikes and over means of the samples: gradients, equal bits, values.

use snn_dsl::compile::compile;
use snn_runtime::neuron::Mode;
use snn_runtime::{Graph, InputData, Network, ParameterSet, Real, Recording, Workspace};
use snn_tests::probe;

mod coupled {
    snn_macros::snn_model!("models/coupled.snn");
}

const TEXT: &str = include_str!("../models/coupled.snn");

fn model() -> snn_dsl::model::Model {
    snn_tests::model(TEXT)
}

fn interpreted<R: Real>() -> Network<R> {
    let model = model();
    Network::new(snn_dsl::interpret::graph::<R>(&model, &model.networks[0])).unwrap()
}

#[test]
fn gradients_are_differences() {
    let report = probe::prove(&model(), 1.0).unwrap();
    assert!(report.failures.is_empty() && report.other_steps == 0, "{report:#?}");
    assert!(report.nonzero * 10 > report.compared * 8, "{report:?}");
}

fn bits<R: Real>(network: &Network<R>) -> Vec<u64> {
    let inputs = probe::inputs(network, 5, 0.2, 9);
    probe::bits(network, &network.initial_parameters(5), &inputs, Mode::Spiking).unwrap()
}

#[test]
fn generated_code_equals_the_interpreter() {
    fn same<R: Real>(generated: Graph<R>) {
        let (a, b) = (bits(&interpreted::<R>()), bits(&Network::new(generated).unwrap()));
        assert!(a.last().is_some_and(|&spikes| spikes > 10));
        assert_eq!(a, b);
    }
    same(coupled::Coupled::<f64>::graph());
    same(coupled::Coupled::<f32>::graph());
}

/// Loss and gradient of 21 samples, some of whose blocks share a lane; with so many bytes to keep between the passes.
fn many(threads: usize, lanes: usize, kept: usize) -> Vec<u64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let network = Network::new(coupled::Coupled::<f32>::graph()).unwrap();
        let inputs = probe::inputs(&network, 21, 0.2, 9);
        let targets = probe::Targets::new(&network, 21);
        let batch = targets.batch(&network, inputs.iter().map(|t| InputData::Spikes(t)).collect());
        let mut gradient = ParameterSet::zeros(network.layout().clone());
        let mut workspace = Workspace::with_lanes(lanes);
        workspace.set_dropout_seed(Some(9));
        workspace.set_kept_bytes(kept);
        let parameters = network.initial_parameters(5);
        let evaluation = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient).unwrap();
        let again = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient).unwrap();
        assert_eq!(evaluation.terms, again.terms);
        let mut bits = vec![evaluation.loss.to_bits()];
        bits.extend(evaluation.readouts.spike_counts().map(|(_, n)| n));
        bits.push(evaluation.readouts.synaptic_operations());
        let first = evaluation.readouts.get("first").unwrap();
        bits.extend(first.iter().map(|x| u64::from(x.to_bits())));
        use snn_runtime::Parameters;
        bits.extend(gradient.values().iter().map(|g| u64::from(g.to_bits())));
        bits
    })
}

#[test]
fn threads_do_not_matter() {
    let reference = many(1, 2, usize::MAX);
    for threads in [2, 7] {
        assert!(many(threads, 2, usize::MAX) == reference, "{threads} threads");
    }
    // Means over the samples do not depend on lanes either: the loss has the same bits.
    assert_eq!(many(2, 8, usize::MAX)[0], reference[0]);
}

#[test]
fn running_forwards_twice_gives_the_same_bits() {
    assert!(many(2, 2, 0) == many(2, 2, usize::MAX));
}

/// The terms, computed from readouts.
#[test]
fn values_are_those_of_the_definitions() {
    let text = "network Net {
        simulate dt = 1 ms, for 30 ms
        input x[3] spikes
        layer a[4] = LIF
        x -> a.exc : dense, init uniform(2 nA, 12 nA)
        loss mean_n((mean_b(mean_t(a.spike)) - 0.1)^2)
        loss 2*mean_b(mean_n(first_spike_t(a.spike, from = 4 ms)/ms))^2
        loss mean_b(mean_n(last_t(a.V / mV)))
        readout rate = mean_t(a.spike)
        readout first = first_spike_t(a.spike, from = 4 ms)
        readout never = first_spike_t(0*a.spike, to = 20 ms)
        readout V = last_t(a.V / mV)
    }";
    let model = snn_tests::model(text);
    let network = Network::new(snn_dsl::interpret::graph::<f64>(&model, &model.networks[0])).unwrap();
    let trains = probe::inputs(&network, 11, 0.2, 3);
    let targets = probe::Targets::new(&network, 11);
    let batch = targets.batch(&network, trains.iter().map(|t| InputData::Spikes(t)).collect());
    let (parameters, mut workspace) = (network.initial_parameters(5), Workspace::with_lanes(2));
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let found = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient).unwrap();
    let recording = Recording::none().spikes("a");
    let readouts = network.forward(&parameters, &batch, &mut workspace, &recording).unwrap();
    let (rate, first) = (readouts.get("rate").unwrap(), readouts.get("first").unwrap());
    let mean = |array: &snn_runtime::ndarray::ArrayD<f64>, n: usize| (0..11).map(|b| array[[b, n]]).sum::<f64>() / 11.0;
    let square = |x: f64| x * x;
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12 * b.abs(), "{a} {b}");
    near(found.terms[0], (0..4).map(|n| square(mean(rate, n) - 0.1)).sum::<f64>() / 4.0);
    near(found.terms[1], 2.0 * square((0..4).map(|n| mean(first, n)).sum::<f64>() / 4.0));
    near(found.terms[2], (0..4).map(|n| mean(readouts.get("V").unwrap(), n)).sum::<f64>() / 4.0);
    assert!(readouts.get("never").unwrap().iter().all(|&t| t == 20.0));
    let trains = readouts.spikes("a").unwrap();
    let mut without = 0;
    for (b, train) in trains.iter().enumerate() {
        for n in 0..4 {
            let expected = (4..30).find(|&t| train.step(t).contains(&(n as u32))).unwrap_or(30);
            without += usize::from(expected == 30);
            assert_eq!(first[[b, n]], expected as f64, "sample {b}, neuron {n}");
        }
    }
    assert!(without < 30, "{without} of 44 neurons are silent");
}

/// A mean over the samples that is not inside a nonlinear function changes nothing but the order of sums.
#[test]
fn a_linear_mean_over_samples_is_the_mean_of_the_losses() {
    let gradient = |loss: &str| {
        let text = TEXT.lines().filter(|line| !line.trim_start().starts_with("loss")).collect::<Vec<_>>().join("\n");
        let text = text.replace("    readout", &format!("    loss {loss}\n    readout"));
        let model = snn_tests::model(&text);
        let network = Network::new(snn_dsl::interpret::graph::<f64>(&model, &model.networks[0])).unwrap();
        let bits = bits(&network);
        bits[..=network.layout().len()].iter().map(|&b| f64::from_bits(b)).collect::<Vec<_>>()
    };
    let (plain, mean) = (gradient("mean_n(rate*rate)"), gradient("mean_n(0.5*rate*rate + 0.5*mean_b(rate*rate))"));
    assert!(plain.iter().filter(|g| **g != 0.0).count() > 10);
    for (a, b) in plain.iter().zip(&mean) {
        assert!((a - b).abs() <= 1e-12 * a.abs() + 1e-16, "{a} {b}");
    }
    assert_eq!(plain, gradient("mean_b(mean_n(rate*rate))"));
}

#[test]
fn explain_says_whether_samples_are_coupled() {
    let explain = |loss: &str| {
        let text = format!(
            "network N {{\nsimulate dt = 1 ms, for 5 ms\ninput x[2] spikes\nlayer a[2] = LIF\nx -> a.exc : dense\nloss {loss}\n}}"
        );
        snn_dsl::explain::explain(&compile("", &text).model.unwrap())
    };
    assert!(explain("mean_n(mean_b(mean_t(a.spike))^2)").contains("no: a mean over the samples"));
    assert!(explain("mean_b(mean_n(mean_t(a.spike)))").contains("yes: every sample"));
}
