//! The starting values of a network.

mod common;

use common::{HIDDEN, Li, Lif};
use ndarray::{ArrayViewD, Ix1, Ix2};
use snn_runtime::initialise::Initialiser;
use snn_runtime::neuron::{Adjoint, Kernel, NeuronLayout, ParameterStart, Step, Transform};
use snn_runtime::{Compiled, Graph, Network, ParameterSet, Parameters, Real};
use std::sync::Arc;

const TRANSFORM: Transform = Transform::Logit { low: 5.0, high: 45.0 };

/// The neuron of the other tests, with a time constant that is drawn for every neuron and stored unconstrained.
struct Drawn(Lif);

impl Kernel for Drawn {
    fn layout(&self) -> NeuronLayout {
        let mut layout = self.0.layout();
        layout.parameters[0].start = ParameterStart::Uniform { low: 10.0, high: 20.0 };
        layout.parameters[0].transform = TRANSFORM;
        layout
    }
    fn refractory_steps(&self, dt: f64) -> u32 {
        self.0.refractory_steps(dt)
    }
    fn coefficients(&self, dt: f64, parameters: &[f64], c: &mut [f64]) {
        self.0.coefficients(dt, parameters, c);
    }
    fn chain(&self, dt: f64, parameters: &[f64], gradient: &[f64], out: &mut [f64]) {
        self.0.chain(dt, parameters, gradient, out);
    }
    fn step<R: Real>(step: Step<'_, R>) {
        Lif::step(step);
    }
    fn adjoint<R: Real>(adjoint: Adjoint<'_, R>) {
        Lif::adjoint(adjoint);
    }
}

fn network() -> Network<f64> {
    let lif = Arc::new(Compiled::new(Drawn(Lif { per_neuron: true })));
    let mut graph: Graph<f64> = common::graph(lif, Arc::new(Compiled::new(Li)));
    for projection in &mut graph.projections {
        projection.initial = Initialiser::KaimingUniform { gain: 1.0 };
    }
    Network::new(graph).unwrap()
}

fn view<'a>(parameters: &'a ParameterSet<f64>, name: &str) -> ArrayViewD<'a, f64> {
    parameters.view(name).unwrap_or_else(|| panic!("no tensor {name}"))
}

#[test]
fn weights_are_bounded_by_the_size_of_the_source() {
    let parameters = network().initial_parameters(1);
    for name in ["w_in", "w_rec", "w_skip"] {
        let weights = view(&parameters, &format!("{name}.weight")).into_dimensionality::<Ix2>().unwrap();
        let bound = (3.0 / weights.nrows() as f64).sqrt();
        let largest = weights.iter().fold(0.0f64, |largest, w| largest.max(w.abs()));
        assert!(largest <= bound && largest > 0.9 * bound, "{name}: {largest} of {bound}");
    }
}

#[test]
fn no_neuron_begins_with_a_weight_to_itself() {
    let parameters = network().initial_parameters(1);
    let weights = view(&parameters, "w_rec.weight").into_dimensionality::<Ix2>().unwrap();
    for ((row, column), &w) in weights.indexed_iter() {
        assert_eq!(w == 0.0, row == column, "{row} {column}");
    }
}

#[test]
fn biases_begin_at_zero() {
    let parameters = network().initial_parameters(1);
    for name in ["w_in.bias", "w_skip.bias"] {
        assert!(view(&parameters, name).iter().all(|&b| b == 0.0), "{name}");
    }
}

#[test]
fn parameters_are_drawn_for_every_neuron_and_stored_unconstrained() {
    let parameters = network().initial_parameters(1);
    let tau = view(&parameters, "hidden.tau").into_dimensionality::<Ix1>().unwrap();
    assert_eq!(tau.len(), HIDDEN);
    let mut values: Vec<f64> = tau.iter().map(|&theta| TRANSFORM.value(theta)).collect();
    assert!(values.iter().all(|x| (10.0 - 1e-9..20.0 + 1e-9).contains(x)), "{values:?}");
    values.sort_by(f64::total_cmp);
    assert!(values[0] < 11.0 && values[HIDDEN - 1] > 19.0, "{values:?}");
    values.dedup();
    assert_eq!(values.len(), HIDDEN);
    assert_eq!(view(&parameters, "hidden.start").iter().copied().collect::<Vec<_>>(), [0.25]);
}

#[test]
fn the_seed_decides() {
    let network = network();
    assert_eq!(network.initial_parameters(1), network.initial_parameters(1));
    let (one, two) = (network.initial_parameters(1), network.initial_parameters(2));
    for name in ["w_in.weight", "w_rec.weight", "w_skip.weight", "hidden.tau"] {
        assert_ne!(view(&one, name), view(&two, name), "{name}");
    }
}
