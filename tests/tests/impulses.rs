//! Errors that go back through weights as products with the impulses of spikes: the gradients of those that go back as a whole.

use snn_runtime::neuron::Mode;
use snn_runtime::{Graph, Network, Real, Workspace};
use snn_tests::probe;

mod generated {
    snn_macros::snn_model!("models/impulses.snn");
}

const TEXT: &str = include_str!("../models/impulses.snn");

/// Loss and gradient of 11 samples.
fn run<R: Real>(network: &Network<R>, mode: Mode, densest: f64) -> Vec<f64> {
    let samples = 11;
    let (inputs, values) = (probe::inputs(network, samples, 0.2, 9), probe::values(network, samples));
    let targets = probe::Targets::new(network, samples);
    let batch = targets.batch(network, probe::data(network, &inputs, &values));
    let mut workspace = Workspace::with_lanes(2);
    workspace.set_densest_impulses(densest);
    let bits = probe::learning_bits(network, &network.initial_parameters(5), &batch, &mut workspace, mode).unwrap();
    bits.into_iter().map(f64::from_bits).collect()
}

fn check<R: Real>(graph: Graph<R>, mode: Mode, tolerance: f64) {
    let network = Network::new(graph).unwrap();
    let whole = run(&network, mode, 0.0);
    for tensor in network.layout().tensors().iter().filter(|tensor| !tensor.frozen) {
        let range = tensor.range.start + 1..tensor.range.end + 1;
        let largest = whole[range.clone()].iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        assert!(largest > 0.0, "{}: no gradient", tensor.name);
        for densest in [0.1, 0.25, 1.0] {
            let impulses = run(&network, mode, densest);
            let differences = impulses[range.clone()].iter().zip(&whole[range.clone()]).map(|(a, b)| (a - b).abs());
            let error = differences.fold(0.0, f64::max) / largest;
            assert!(error <= tolerance, "{} {mode:?} {densest}: {error:e}", tensor.name);
        }
    }
    assert!(run(&network, mode, 1.0) != whole, "no error goes back as a product with impulses");
}

fn interpreted<R: Real>() -> Graph<R> {
    let model = snn_tests::model(TEXT);
    snn_dsl::interpret::graph(&model, &model.networks[0])
}

#[test]
fn gradients_are_the_same() {
    check::<f64>(interpreted(), Mode::Spiking, 1e-12);
    check::<f64>(interpreted(), Mode::SmoothRecord, 1e-12);
    check::<f64>(generated::Impulses::<f64>::graph(), Mode::Spiking, 1e-12);
    check::<f32>(generated::Impulses::<f32>::graph(), Mode::Spiking, 1e-4);
}

/// The states of the filter of each neuron that has one.
#[test]
fn which_neurons_have_a_filter() {
    let filters = |text: &str| {
        let model = snn_tests::model(text);
        let graph = snn_dsl::interpret::graph::<f64>(&model, &model.networks[0]);
        let states = |p: &snn_runtime::graph::Population<f64>| {
            p.neuron.layout().error_filter.as_ref().map(snn_runtime::ErrorFilter::states)
        };
        graph.populations.iter().map(states).collect::<Vec<_>>()
    };
    assert_eq!(filters(TEXT), [Some(3), Some(2), Some(1), Some(4), None]);
    let one = |spike: &str, rate: &str| {
        let text = format!(
            "neuron Cell {{
                event exc : nA
                state I : nA
                state w : nA
                state V : mV
                on exc {{ I += exc }}
                5 ms dI/dt = -I
                30 ms dw/dt = -w
                10 ms dV/dt = {rate}
                spike when V >= 1 mV surrogate {spike}
            }}
            network Net {{
                simulate dt = 1 ms, for 10 ms
                layer a[3] = Cell
                a -> a.exc : dense, delay 1 step
                loss mean_n(mean_t(a.spike))
            }}"
        );
        filters(&text)[0]
    };
    let compact = "piecewise_quadratic scale (1 mV)";
    assert_eq!(one(&format!("{compact} {{ V = 0 mV }}"), "-V + 1 MOhm*(I - w)"), Some(2));
    // A current that nothing else changes does not belong to it; one that changes with the spike does, if in proportion.
    assert_eq!(one(&format!("{compact} {{ V = 0 mV; w += 1 nA }}"), "-V + 1 MOhm*(I - w)"), Some(2));
    // A surrogate without end, a reset of two states, a refractory period, a rate that is not linear.
    assert_eq!(one("sigmoid scale (1 mV) { V = 0 mV }", "-V + 1 MOhm*(I - w)"), None);
    assert_eq!(one(&format!("{compact} {{ V = 0 mV; I = 0 nA }}"), "-V + 1 MOhm*(I - w)"), None);
    let refractory = format!("{compact} {{ V = 0 mV }} refractory 2 ms holding V");
    assert_eq!(snn_runtime::ErrorFilter::MAX_STATES, 4);
    assert_eq!(
        filters(
            &TEXT.replace("-f\n", "-f + e\n    7 ms de/dt = -e\n    state e : nA\n").replace("f += exc", "e += exc")
        )[3],
        None
    );
    assert_eq!(one(&refractory.replace("refractory", "\nrefractory"), "-V + 1 MOhm*(I - w)"), None);
    assert_eq!(one(&format!("{compact} {{ V = 0 mV }}"), "-V^2 / (1 mV) + 1 MOhm*(I - w)"), None);
}
