//! Steps of which some are short and some are not: generated code, which begins with the loop for short steps and does parts of
//! a population again, equals the interpreter bit for bit.

use snn_runtime::neuron::Mode;
use snn_runtime::{Batch, Graph, Network, Real, Workspace};
use snn_tests::{model, probe};

snn_macros::snn_model!("models/short_steps.snn");

/// Both descriptions of a network.
fn both<R: Real>(name: &str, generated: Graph<R>) -> [Network<R>; 2] {
    let model = model(include_str!("../models/short_steps.snn"));
    let network = model.networks.iter().find(|n| n.name == name).unwrap();
    [snn_dsl::interpret::graph::<R>(&model, network), generated].map(|graph| Network::new(graph).unwrap())
}

fn learning_is_the_same<R: Real>(generated: Graph<R>) {
    let networks = both("Mixed", generated);
    let parameters = networks[0].initial_parameters(5);
    let inputs = probe::inputs(&networks[0], 5, 0.2, 9);
    let [a, b] = networks.each_ref().map(|n| probe::bits(n, &parameters, &inputs, Mode::Spiking).unwrap());
    let different = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    assert_eq!((a.len(), different), (b.len(), 0), "{}", R::NAME);
    assert!(a.last().is_some_and(|&spikes| spikes > 1000), "{:?} spikes prove little", a.last());
}

fn running_is_the_same<R: Real>(generated: Graph<R>) {
    let networks = both("Alone", generated);
    let parameters = networks[0].initial_parameters(5);
    let inputs = probe::inputs(&networks[0], 1, 0.2, 9);
    let values = probe::values(&networks[0], 1);
    let run = |network: &Network<R>| {
        let mut workspace = Workspace::new();
        workspace.set_noise_seed(4);
        let batch = Batch { size: 1, inputs: probe::data(network, &inputs, &values), targets: Vec::new() };
        probe::forward_bits(network, &parameters, &batch, &mut workspace).unwrap()
    };
    let [a, b] = networks.each_ref().map(run);
    assert!(a == b, "{}", R::NAME);
    assert!(a.last().is_some_and(|&spikes| spikes > 1000), "{:?} spikes prove little", a.last());
}

#[test]
fn with_gradients() {
    learning_is_the_same(Mixed::<f64>::graph());
    learning_is_the_same(Mixed::<f32>::graph());
}

#[test]
fn without_gradients() {
    running_is_the_same(Alone::<f64>::graph());
    running_is_the_same(Alone::<f32>::graph());
}
