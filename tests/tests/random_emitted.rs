//! Random models of fixed seeds, compiled into this test: generated code equals the interpreter bit for bit in f64, forwards
//! and backwards.

use snn_dsl::syntax::print::print;
use snn_runtime::Network;
use snn_runtime::neuron::Mode;
use snn_tests::random::{EMITTED, model_of_seed};
use snn_tests::{model, probe, smooth};

#[allow(dead_code, unreachable_pub, reason = "a generated module is public as a whole, and used here in part")]
mod emitted {
    include!(concat!(env!("OUT_DIR"), "/random_models.rs"));
}

#[test]
fn generated_code_equals_the_interpreter() {
    let (mut spiking, mut silent_gradients) = (0, 0);
    let networks = emitted::all();
    assert_eq!(networks.len() as u64, EMITTED);
    for (seed, generated) in networks {
        let text = print(&model_of_seed(seed));
        let interpreted = smooth::network(&model(&text));
        let generated = Network::new(generated).unwrap();
        assert_eq!(interpreted.layout(), generated.layout(), "seed {seed}");
        assert_eq!(interpreted.graph().hash, generated.graph().hash, "seed {seed}");
        let parameters = interpreted.initial_parameters(5);
        assert_eq!(parameters, generated.initial_parameters(5), "seed {seed}");
        let inputs = probe::inputs(&interpreted, 5, 0.3, 9);
        let run = |network| probe::bits(network, &parameters, &inputs, Mode::Spiking).unwrap();
        let (a, b) = (run(&interpreted), run(&generated));
        let different = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        assert!(a.len() == b.len() && different == 0, "seed {seed}: {different} of {} numbers differ\n{text}", a.len());
        spiking += usize::from(a.last().is_some_and(|&spikes| spikes > 0));
        silent_gradients += usize::from(a[1..=parameters_len(&interpreted)].iter().all(|&g| f64::from_bits(g) == 0.0));
    }
    assert!(spiking > 25, "only {spiking} models spike");
    assert!(silent_gradients < 5, "{silent_gradients} models have no gradient");
}

fn parameters_len(network: &Network<f64>) -> usize {
    network.layout().len()
}
