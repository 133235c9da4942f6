//! Random models and networks of fixed seeds, compiled into this test: generated code equals the interpreter bit for bit in
//! f64, forwards and backwards.

use snn_dsl::syntax::print::print;
use snn_runtime::neuron::Mode;
use snn_runtime::{Graph, Network};
use snn_tests::random::{EMITTED, model_of_seed, networks};
use snn_tests::{model, probe, smooth};

#[allow(dead_code, unreachable_pub, reason = "a generated module is public as a whole, and used here in part")]
mod emitted {
    include!(concat!(env!("OUT_DIR"), "/random_models.rs"));
}

#[allow(dead_code, unreachable_pub, reason = "a generated module is public as a whole, and used here in part")]
mod emitted_networks {
    include!(concat!(env!("OUT_DIR"), "/random_networks.rs"));
}

/// Compares loss, gradient, states and readouts; returns them of the interpreter, and how many are gradients.
fn same(seed: u64, text: &str, generated: Graph<f64>) -> (Vec<u64>, usize) {
    let interpreted = smooth::network(&model(text));
    let generated = Network::new(generated).unwrap();
    assert_eq!(interpreted.layout(), generated.layout(), "seed {seed}");
    assert_eq!(interpreted.graph().hash, generated.graph().hash, "seed {seed}");
    let parameters = interpreted.initial_parameters(5);
    assert_eq!(parameters, generated.initial_parameters(5), "seed {seed}");
    let inputs = probe::inputs(&interpreted, 5, 0.3, 9);
    let run = |network| probe::bits(network, &parameters, &inputs, Mode::Spiking).unwrap();
    let expected = run(&interpreted);
    let compare = |found: &[u64]| {
        let different = expected.iter().zip(found).filter(|(a, b)| a != b).count();
        let all = expected.len();
        assert!(all == found.len() && different == 0, "seed {seed}: {different} of {all} numbers differ\n{text}");
    };
    compare(&run(&generated));
    (expected, interpreted.layout().len())
}

/// How many of some runs have spikes, and how many have no gradient at all.
fn lively(runs: &[(Vec<u64>, usize)]) -> (usize, usize) {
    let spiking = runs.iter().filter(|(bits, _)| bits.last().is_some_and(|&spikes| spikes > 0)).count();
    let silent =
        |(bits, parameters): &&(Vec<u64>, usize)| bits[1..=*parameters].iter().all(|&g| f64::from_bits(g) == 0.0);
    (spiking, runs.iter().filter(silent).count())
}

#[test]
fn generated_code_equals_the_interpreter() {
    let models = emitted::all();
    assert_eq!(models.len() as u64, EMITTED);
    let runs = models.into_iter().map(|(seed, generated)| same(seed, &print(&model_of_seed(seed)), generated));
    let (spiking, silent_gradients) = lively(&runs.collect::<Vec<_>>());
    assert!(spiking > 25, "only {spiking} models spike");
    assert!(silent_gradients < 5, "{silent_gradients} models have no gradient");
}

#[test]
fn generated_networks_equal_the_interpreter() {
    let emitted = emitted_networks::all();
    assert_eq!(emitted.len() as u64, networks::EMITTED);
    let runs = emitted.into_iter().map(|(seed, generated)| same(seed, &networks::text_of_seed(seed), generated));
    let (spiking, silent_gradients) = lively(&runs.collect::<Vec<_>>());
    assert!(spiking > 8, "only {spiking} networks spike");
    assert!(silent_gradients < 3, "{silent_gradients} networks have no gradient");
}
