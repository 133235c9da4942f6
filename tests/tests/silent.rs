//! States that no gradient reaches have no adjoint. A network that looks at them has one, or is refused.

use snn_runtime::loss::{Node, Observable};
use snn_runtime::{Network, Real, Workspace};
use snn_tests::probe::{self, Targets};

/// Of the states `c` is detached, nothing depends on `count`, and `b` is seen through `c` only by itself.
const NETWORK: &str = "
    neuron Cell {
        param tau_b = 30 ms in 1 ms .. 90 ms trainable
        param jump = 0.4 in 0.1 .. 2 trainable
        event exc
        state b
        state c
        state count
        state V
        on exc { V += exc }
        tau_b db/dt = c - b
        7 ms dc/dt = -c
        50 ms dcount/dt = -count
        9 ms dV/dt = -V + 0.3 - detach(c)
        spike when V >= 1 surrogate sigmoid(alpha = 3) scale 1 {
            V -= 1
            c += jump
            count += jump
        }
    }
    network N {
        simulate dt = 1 ms, for 200 ms
        input x[10] spikes
        target y : class[3]
        layer a[17] = Cell
        layer out[3] = LI
        x -> a.exc : dense, bias, init normal(0.3, 0.4)
        a -> a.exc : random(0.5), delay 1 step, init normal(0.1, 0.4)
        a -> out.exc : dense, init normal(0 nA, 1 nA)
        loss cross_entropy(max_t(out.V / mV), y)
        MORE
    }";

fn network<R: Real>(more: &str) -> Network<R> {
    let model = snn_tests::model(&NETWORK.replace("MORE", more));
    Network::new(snn_dsl::interpret::graph::<R>(&model, &model.networks[0])).unwrap()
}

fn silent<R: Real>(network: &Network<R>) -> Vec<&str> {
    let layout = network.graph().populations[0].neuron.layout();
    layout.silent.iter().map(|&state| layout.states[state].name.as_str()).collect()
}

fn gradient<R: Real>(network: &Network<R>) -> Vec<u64> {
    let parameters = network.initial_parameters(4);
    let (inputs, values) = (probe::inputs(network, 5, 0.2, 9), probe::values(network, 5));
    let targets = Targets::new(network, 5);
    let batch = targets.batch(network, probe::data(network, &inputs, &values));
    let mode = snn_runtime::neuron::Mode::Spiking;
    probe::learning_bits(network, &parameters, &batch, &mut Workspace::new(), mode).unwrap()
}

#[test]
fn an_adjoint_without_them_is_the_same() {
    let (without, with) = (network::<f64>(""), network::<f64>("readout b = mean_t(a.b)"));
    assert_eq!((silent(&without), silent(&with)), (vec!["b", "c", "count"], vec!["count"]));
    let tape = |network: &Network<f64>| network.graph().populations[0].neuron.layout().tape_reals;
    assert!(tape(&without) < tape(&with));
    let (without, with) = (gradient(&without), gradient(&with));
    let numbers = without.iter().filter(|&&bits| f64::from_bits(bits) != 0.0).count();
    assert!(numbers > 200, "{numbers} numbers prove little");
    assert!(without.iter().zip(&with).all(|(&a, &b)| f64::from_bits(a) == f64::from_bits(b)));
    // What a loss sees is not silent.
    let seen = network::<f64>("loss mean_n(mean_t(a.b))");
    assert_eq!(silent(&seen), ["count"]);
    assert_ne!(gradient(&seen), with);
}

/// The adjoints of a kernel are those of the networks that it was compiled with.
#[test]
fn a_network_that_looks_at_them_is_refused() {
    let model = snn_tests::model(&NETWORK.replace("MORE", "loss mean_n(mean_t(a.V))"));
    let mut graph = snn_dsl::interpret::graph::<f32>(&model, &model.networks[0]);
    let observed = graph.program.nodes.iter_mut().find_map(|node| match node {
        Node::Observe { observable: observable @ Observable::State(3), population: 0 } => Some(observable),
        _ => None,
    });
    *observed.unwrap() = Observable::State(2);
    let error = Network::new(graph).err().unwrap().to_string();
    assert!(error.contains("no gradient of state `count` of model `Cell`"), "{error}");
    assert!(error.contains("compile the model with a network"), "{error}");
    // Without a gradient there is none to miss.
    let mut graph = snn_dsl::interpret::graph::<f32>(&model, &model.networks[0]);
    graph.program.losses.clear();
    for node in graph.program.nodes.iter_mut() {
        if let Node::Observe { observable: observable @ Observable::State(3), population: 0 } = node {
            *observable = Observable::State(2);
        }
    }
    assert!(Network::new(graph).is_ok());
}
