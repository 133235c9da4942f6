//! Dropout: who is dropped, for whom, when, and by how much the others send more.

use snn_runtime::{
    Batch, Carry, Error, Evaluation, InputData, Network, ParameterSet, Parameters, Real, Recording, Workspace,
};
use snn_tests::probe;

fn network<R: Real>(dropout: &str) -> Network<R> {
    let model = snn_tests::model(&format!(
        "network Net {{
            simulate dt = 1 ms, for 40 ms
            input x[8] spikes
            layer a[40] = LIF_delta(V_th = 5 mV){dropout}
            layer out[2] = LI_delta
            x -> a.exc : dense, init uniform(0 mV, 6 mV)
            a -> out.exc : dense, init uniform(0 mV, 1 mV)
            loss mean_n(mean_t(out.V / mV))
            loss mean_n(mean_t(a.spike))
            readout V = out.V
        }}"
    ));
    Network::new(snn_dsl::interpret::graph(&model, &model.networks[0])).unwrap()
}

fn train(network: &Network<f64>, samples: usize, seed: Option<u64>) -> (Evaluation<f64>, ParameterSet<f64>) {
    let trains = probe::inputs(network, samples, 0.3, 5);
    let batch = Batch { size: samples, inputs: vec![InputData::Spikes(&trains[0])], targets: Vec::new() };
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let mut workspace = Workspace::with_lanes(2);
    workspace.set_dropout_seed(seed);
    let parameters = network.initial_parameters(1);
    let evaluation = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient).unwrap();
    // A run that is no training drops nothing.
    let readouts = network.forward(&parameters, &batch, &mut workspace, &Recording::none()).unwrap();
    assert_eq!(seed.is_none(), readouts.get("V") == evaluation.readouts.get("V"));
    (evaluation, gradient)
}

#[test]
fn nothing_is_dropped_without_a_seed() {
    let (with, without) = (train(&network(", dropout 0.5"), 3, None), train(&network(""), 3, None));
    assert_eq!((&with.0.terms, with.1.values()), (&without.0.terms, without.1.values()));
    // Nor where nothing is to be dropped.
    let zero = network::<f64>(", dropout 0");
    let trains = probe::inputs(&zero, 3, 0.3, 5);
    let batch = Batch { size: 3, inputs: vec![InputData::Spikes(&trains[0])], targets: Vec::new() };
    let (mut gradient, mut workspace) = (ParameterSet::zeros(zero.layout().clone()), Workspace::new());
    workspace.set_dropout_seed(Some(1));
    let parameters = zero.initial_parameters(1);
    let found = zero.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient).unwrap();
    assert_eq!(found.terms, without.0.terms);
}

#[test]
fn neurons_are_dropped_for_a_whole_sample_and_spike_on() {
    let net = network(", dropout 0.5");
    let (plain, plain_gradient) = train(&net, 1, None);
    let (dropped, gradient) = train(&net, 1, Some(4));
    let rows = |g: &ParameterSet<f64>| {
        g.matrix("a_to_out_exc.weight").rows().into_iter().map(|row| row[0]).collect::<Vec<_>>()
    };
    let (plain_rows, rows) = (rows(&plain_gradient), rows(&gradient));
    let silent = rows.iter().filter(|g| **g == 0.0).count();
    assert!(plain_rows.iter().all(|g| *g != 0.0) && (10..=30).contains(&silent), "{silent} of 40");
    // The gradient of a weight is the sum of what its source sends.
    for (plain, g) in plain_rows.iter().zip(&rows) {
        assert!(*g == 0.0 || (g - 2.0 * plain).abs() < 1e-12 * plain, "{plain} {g}");
    }
    // What observes the spikes sees all of them.
    assert_eq!(plain.terms[1], dropped.terms[1]);
    assert_ne!(plain.terms[0], dropped.terms[0]);
    // Another neuron in another sample, for another seed.
    assert_eq!(train(&net, 3, Some(4)).1, train(&net, 3, Some(4)).1);
    assert_ne!(train(&net, 3, Some(4)).1, train(&net, 3, Some(5)).1);
}

#[test]
fn the_mean_over_seeds_is_the_run_without_dropout() {
    let net = network(", dropout 0.3");
    let plain = train(&net, 2, None).0.terms[0];
    let mean = (0..200).map(|seed| train(&net, 2, Some(seed)).0.terms[0]).sum::<f64>() / 200.0;
    // The standard deviation of the mean is 0.3 % or so.
    assert!((mean / plain - 1.0).abs() < 0.02, "{mean} {plain}");
}

/// A window without gradient drops nothing, and neither does the run that looks for the state that left the finite numbers.
#[test]
fn what_diverges_in_a_window_without_dropout_is_found() {
    let model = snn_tests::model(
        "network Net {
            simulate dt = 1 ms, for 40 ms
            input x[8] spikes
            layer a[4] = LIF_delta(V_th = 5 mV), dropout 0.9
            layer out[2] = LI_delta
            x -> a.exc : dense, init constant(6 mV)
            a -> out.exc : dense, init constant(1 mV)
        }",
    );
    let network = Network::new(snn_dsl::interpret::graph::<f32>(&model, &model.networks[0])).unwrap();
    let trains = probe::inputs(&network, 1, 0.5, 5);
    let batch = Batch { size: 1, inputs: vec![InputData::Spikes(&trains[0])], targets: Vec::new() };
    let mut parameters = network.initial_parameters(1);
    let weights = network.layout().tensors().iter().find(|tensor| tensor.shape == [4, 2]).unwrap();
    parameters.values_mut()[weights.range.clone()].fill(f32::MAX);
    for seed in 0..20 {
        let (mut workspace, mut carry) = (Workspace::new(), Carry::default());
        workspace.set_dropout_seed(Some(seed));
        let found = network.forward_from(&mut carry, &parameters, &batch, &mut workspace, &Recording::none());
        assert!(matches!(found, Err(Error::Diverged { .. })), "seed {seed}");
        assert_eq!(carry.steps(), 0);
    }
}
