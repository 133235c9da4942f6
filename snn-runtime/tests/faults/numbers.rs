//! Numbers that are not finite: in parameters, inputs, targets, gradients and files.

use super::engine::test_graph;
use super::{clear, folder};
use crate::common::*;
use ndarray::Array2;
use snn_runtime::encode::{Encoder, Latency, Method, Poisson};
use snn_runtime::optimise::{Adam, Optimiser, Sgd};
use snn_runtime::*;
use std::sync::Arc;

const SPECIAL: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// What forward and backward say, which is the same.
fn message<'a>(parameters: &ParameterSet<f64>, input: InputData<'a>, wave: &'a Array2<f64>) -> String {
    let network = Network::new(test_graph()).unwrap();
    let targets = vec![TargetData::Class(&[0, 1]), TargetData::Values(wave.view())];
    let batch = Batch { size: 2, inputs: vec![input], targets };
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let forward = network.forward(parameters, &batch, &mut Workspace::new(), &Recording::none()).unwrap_err();
    let error = network.loss_and_gradient(parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap_err();
    assert_eq!(forward, error);
    assert!(gradient.values().iter().all(|&g| g == 0.0), "the gradient is left as it was");
    error.to_string()
}

fn good() -> ParameterSet<f64> {
    let mut parameters = ParameterSet::zeros(Network::new(test_graph()).unwrap().layout().clone());
    set_weights(&mut parameters);
    parameters
}

#[test]
fn every_parameter_has_to_be_finite() {
    let (trains, wave, good) = (spikes(2, STEPS, INPUTS), Array2::zeros((2, OUTPUTS)), good());
    for tensor in good.layout().tensors() {
        for number in SPECIAL {
            // A weight that is NaN keeps its neuron silent, and the loss would stay finite.
            for place in [0, tensor.range.len() - 1] {
                let mut bad = good.clone();
                bad.values_mut()[tensor.range.start + place] = number;
                let message = message(&bad, InputData::Spikes(&trains), &wave);
                let expected =
                    format!("`{}`: expected finite numbers, found {number} at element {place}; ", tensor.name);
                assert!(message.contains(&expected), "{message}");
            }
        }
    }
}

#[test]
fn a_weight_is_checked_though_the_loss_would_be_finite() {
    let mut graph = test_graph();
    // The cross entropy of the last layer alone: a hidden neuron whose state is NaN does not fire.
    graph.program.losses = vec![2];
    let network = Network::new(graph).unwrap();
    let (trains, wave, mut parameters) = (spikes(2, STEPS, INPUTS), Array2::zeros((2, OUTPUTS)), good());
    let targets = vec![TargetData::Class(&[0, 1]), TargetData::Values(wave.view())];
    let batch = Batch { size: 2, inputs: vec![InputData::Spikes(&trains)], targets };
    let mut gradient = parameters.clone();
    parameters.view_mut("w_in.weight").unwrap().fill(f64::NAN);
    let result = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient);
    let error = result.map(|evaluation| evaluation.loss).unwrap_err();
    assert!(matches!(error, Error::ParameterNotFinite { element: 0, .. }), "{error}");
}

#[test]
fn parameters_that_are_not_finite_are_not_saved() {
    let dir = folder();
    let path = dir.path().join("file");
    for number in SPECIAL {
        let mut bad = good();
        let place = bad.layout().find("w_out.weight").unwrap().range.start + 4;
        bad.values_mut()[place] = number;
        let message = store::save(&path, &bad, &super::ID).unwrap_err().to_string();
        clear(&message, &path);
        assert!(message.contains(&format!("at place 4 of tensor `w_out.weight`, found {number:?}; ")), "{message}");
    }
    assert!(!path.exists());
}

#[test]
fn values_to_be_encoded_have_to_be_finite() {
    let wave = Array2::zeros((2, OUTPUTS));
    let encoders: [&dyn Encoder; 5] = [
        &Poisson::new(),
        &Latency::brainpy(Method::Linear),
        &Latency::brainpy(Method::Log),
        &Latency::snntorch(Method::Linear),
        &Latency::snntorch(Method::Log),
    ];
    for encoder in encoders {
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for channel in [0, INPUTS - 1] {
                let mut values = Array2::zeros((2, INPUTS));
                values[[1, channel]] = number;
                // Rows that do not lie one after the other in memory are checked as well.
                let columns = values.t().as_standard_layout().into_owned();
                for values in [values.view(), columns.t()] {
                    let input = InputData::Encoded { values, encoder, seed: 1, samples: &[0, 1] };
                    let message = message(&good(), input, &wave);
                    let expected =
                        format!("input `x`, sample 1: channel {channel} is {number}: expected a finite number; ");
                    assert!(message.contains(&expected), "{message}");
                }
            }
        }
    }
}

#[test]
fn large_finite_values_are_encoded_without_a_panic() {
    let mut out = SpikeTrain::new();
    let extremes = [f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0, 1e-45, 1e30];
    let encoders: [&dyn Encoder; 3] = [
        &Poisson::new().gain(1e308).unwrap().offset(-1e308).unwrap(),
        &Latency::brainpy(Method::Log).normalise(true),
        &Latency::snntorch(Method::Linear).normalise(true),
    ];
    for encoder in encoders {
        for (steps, dt) in [(1, 1e-300), (7, 1.0), (7, 1e300), (0, 1.0)] {
            encoder.encode(&extremes, steps, dt, u64::MAX, u64::MAX, &mut out);
            assert_eq!(out.steps(), steps);
            assert!((0..steps).all(|t| out.step(t).is_sorted_by(|a, b| a < b)));
        }
    }
}

#[test]
fn targets_have_to_be_finite() {
    let trains = spikes(2, STEPS, INPUTS);
    for number in SPECIAL {
        let mut wave = Array2::zeros((2, OUTPUTS));
        wave[[1, 2]] = number;
        let message = message(&good(), InputData::Spikes(&trains), &wave);
        let expected = format!("target `wave`, sample 1: number 2 is {number}: expected a finite number; ");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn optimisers_refuse_gradients_that_are_not_finite() {
    for number in SPECIAL {
        let mut parameters = good();
        let before = parameters.clone();
        let mut gradient = ParameterSet::zeros(parameters.layout().clone());
        let place = parameters.layout().find("w_rec.weight").unwrap().range.start + 9;
        gradient.values_mut()[place] = number;
        let (mut adam, mut sgd) = (Adam::new(), Sgd::new());
        let optimisers: [&mut dyn Optimiser<f64>; 2] = [&mut adam, &mut sgd];
        for optimiser in optimisers {
            let message = optimiser.step(&mut parameters, gradient.values(), 0.1).unwrap_err().to_string();
            assert!(message.contains(&format!("found {number} at place 9 of tensor `w_rec.weight`; ")), "{message}");
            assert!(optimiser.step(&mut parameters, &[], 0.1).is_err());
        }
        assert_eq!(parameters, before);
    }
}

#[test]
fn cells_take_finite_numbers_only() {
    let neuron = || Arc::new(Compiled::new(Lif { per_neuron: true }));
    let mut cells = Cells::<f64>::new(neuron(), 2, 1.0, &[&[10.0, 20.0], &[0.5]]).unwrap();
    for number in SPECIAL {
        let error = cells.step(&[0.0, number], &[]).unwrap_err().to_string();
        let expected = format!("input `events`: port 0 of neuron 1 is {number}: expected a finite number; ");
        assert!(error.contains(&expected), "{error}");
        let error = Cells::<f64>::new(neuron(), 2, 1.0, &[&[10.0, number], &[0.5]]).err().unwrap().to_string();
        assert!(
            error.contains(&format!("parameter `tau`: expected finite numbers, found {number} at element 1")),
            "{error}"
        );
        assert!(Cells::<f64>::new(neuron(), 2, number, &[&[10.0], &[0.5]]).is_err());
    }
    let error = Cells::<f64>::new(neuron(), 0, 1.0, &[&[10.0], &[0.5]]).err().unwrap().to_string();
    assert!(error.contains("expected at least one neuron of model `LIF`"), "{error}");
    assert_eq!(cells.state("V"), Some(&[0.5; 2][..]), "the states are as they were");
}
