//! Layers, batches and time grids without anything in them, and data that does not fit the network.

use crate::common::*;
use ndarray::{Array2, ArrayView2};
use snn_runtime::encode::{EncodeError, Encoder, Poisson};
use snn_runtime::graph::*;
use snn_runtime::*;
use std::sync::Arc;

pub(crate) type Data<'a> = (usize, Vec<InputData<'a>>, Vec<TargetData<'a, f64>>);

pub(crate) fn test_graph() -> Graph<f64> {
    graph(Arc::new(Compiled::new(Lif { per_neuron: false })), Arc::new(Compiled::new(Li)))
}

/// The message says what to do, and names what is wrong.
fn says(message: &str, parts: &[&str]) {
    assert!(message.contains("; ") && parts.iter().all(|part| message.contains(part)), "{message:?} and {parts:?}");
}

fn refused(change: impl FnOnce(&mut Graph<f64>)) -> String {
    let mut graph = test_graph();
    change(&mut graph);
    Network::new(graph).err().expect("the network should have been refused").to_string()
}

/// The same message from a run forwards and from one with gradient, neither of which leaves a trace.
fn message((size, inputs, targets): Data<'_>) -> String {
    let network = Network::new(test_graph()).unwrap();
    let mut parameters = ParameterSet::zeros(network.layout().clone());
    set_weights(&mut parameters);
    let mut gradient = parameters.clone();
    let batch = Batch { size, inputs, targets };
    let mut workspace = Workspace::new();
    let forward = network.forward(&parameters, &batch, &mut workspace, &Recording::none()).unwrap_err();
    let error = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient).unwrap_err();
    assert_eq!(forward, error);
    assert_eq!(gradient, parameters, "the gradient is left as it was");
    // The workspace serves the next call.
    let (trains, wave) = (spikes(2, STEPS, INPUTS), Array2::zeros((2, OUTPUTS)));
    let (inputs, targets) = (vec![InputData::Spikes(&trains)], targets_of(&[0, 1], wave.view()));
    network.loss_and_gradient(&parameters, &Batch { size: 2, inputs, targets }, &mut workspace, &mut gradient).unwrap();
    error.to_string()
}

fn targets_of<'a>(labels: &'a [u32], wave: ArrayView2<'a, f64>) -> Vec<TargetData<'a, f64>> {
    vec![TargetData::Class(labels), TargetData::Values(wave)]
}

#[test]
fn layers_inputs_and_targets_of_size_zero_are_refused() {
    says(&refused(|g| g.populations[0].size = 0), &["population `hidden` has size 0"]);
    says(&refused(|g| g.populations[1].size = 0), &["population `out` has size 0"]);
    says(&refused(|g| g.inputs[0].size = 0), &["input `x` has size 0"]);
    says(&refused(|g| g.targets[0].kind = TargetKind::Class(0)), &["target `label` has size 0"]);
    says(&refused(|g| g.targets[1].kind = TargetKind::Values(0)), &["target `wave` has size 0"]);
    says(&refused(|g| g.populations[0].size = usize::MAX), &["population `hidden` has size 18446744073709551615"]);
    says(
        &refused(|g| (g.inputs[0].size, g.populations[0].size) = (1 << 28, 1 << 28)),
        &["`w_in`", "weights are too many"],
    );
    says(&refused(|g| g.inputs[0].size = 1 << 29), &["input `x` has size 536870912"]);
}

#[test]
fn time_grids_without_a_step_are_refused() {
    for dt in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        says(&refused(|g| g.simulation.dt = dt), &["expected a positive dt", &dt.to_string()]);
    }
    for steps in [0, usize::MAX] {
        says(&refused(|g| g.simulation.steps = steps), &["expected 1 to", &format!("found {steps}")]);
    }
}

#[test]
fn batches_that_are_empty_or_too_large_are_refused() {
    let (trains, wave) = (spikes(2, STEPS, INPUTS), Array2::zeros((2, OUTPUTS)));
    let targets = || targets_of(&[0, 1], wave.view());
    says(&message((0, vec![InputData::Spikes(&[])], vec![])), &["the batch is empty", "at least one sample"]);
    says(&message((0, vec![InputData::Spikes(&trains)], targets())), &["the batch is empty"]);
    for size in [usize::MAX, 1 << 29] {
        says(&message((size, vec![InputData::Spikes(&trains)], targets())), &["expected at most", "several batches"]);
    }
    for size in [1, 3] {
        let expected = format!("input `x`: expected {size} spike trains, one per sample, found 2");
        says(&message((size, vec![InputData::Spikes(&trains)], targets())), &[&expected]);
    }
    says(&message((2, vec![], targets())), &["expected 1 inputs (x), found 0"]);
    let twice = vec![InputData::Spikes(&trains), InputData::Spikes(&trains)];
    says(&message((2, twice, targets())), &["expected 1 inputs (x), found 2"]);
    says(
        &message((2, vec![InputData::Spikes(&trains)], targets().split_off(1))),
        &["expected 2 targets (label, wave)"],
    );
}

/// A train of these steps, whose last is closed if `closed`.
fn train(steps: &[&[u32]], closed: bool) -> SpikeTrain {
    let mut train = SpikeTrain::new();
    for (i, step) in steps.iter().enumerate() {
        step.iter().for_each(|&channel| train.push(channel));
        if closed || i + 1 < steps.len() {
            train.end_step();
        }
    }
    train
}

/// Trains that no input can have, and what is said of them.
fn wrong_trains() -> Vec<(SpikeTrain, &'static str)> {
    let with = |step: &'static [u32]| [&[&[][..]; STEPS - 1][..], &[step]].concat();
    vec![
        (train(&with(&[3, 2]), true), "channel 2 in step 29: expected ascending channels, found it after 3"),
        (train(&with(&[3, 3]), true), "channel 3 in step 29: expected ascending channels, found it after 3"),
        (train(&with(&[3, 23]), true), "channel 23 in step 29: expected channels below 23"),
        (train(&with(&[u32::MAX]), true), "channel 4294967295 in step 29"),
        (train(&with(&[3]), false), "expected 30 steps, found 29"),
        (train(&[&with(&[3])[..], &[&[1, 2]]].concat(), false), "found 2 after the last"),
        (train(&[&with(&[3])[..], &[&[1, 2]]].concat(), true), "expected 30 steps, found 31"),
        (train(&[], true), "expected 30 steps, found 0"),
        (SpikeTrain::default(), "expected 30 steps, found 0"),
    ]
}

#[test]
fn trains_that_the_input_cannot_have_are_refused() {
    let wave = Array2::zeros((2, OUTPUTS));
    let good = spikes(1, STEPS, INPUTS).remove(0);
    for (wrong, expected) in wrong_trains() {
        let trains = [good.clone(), wrong];
        let found = message((2, vec![InputData::Spikes(&trains)], targets_of(&[0, 1], wave.view())));
        says(&found, &["input `x`, sample 1: ", expected]);
    }
}

/// An encoder that gives the same train whatever the values.
struct Always(SpikeTrain);

impl Encoder for Always {
    fn encode(&self, _: &[f32], _: usize, _: f64, _: u64, _: u64, out: &mut SpikeTrain) {
        out.clone_from(&self.0);
    }
    fn check(&self, _: &[f32]) -> Result<(), EncodeError> {
        Ok(())
    }
}

#[test]
fn encoders_that_give_such_trains_are_found() {
    let (values, wave) = (Array2::zeros((2, INPUTS)), Array2::zeros((2, OUTPUTS)));
    for (wrong, expected) in wrong_trains() {
        let encoder = Always(wrong);
        let input = InputData::Encoded { values: values.view(), encoder: &encoder, seed: 1, samples: &[0, 1] };
        let found = message((2, vec![input], targets_of(&[0, 1], wave.view())));
        says(&found, &["input `x`, sample 0: its encoder gave what it must not: ", expected]);
    }
}

#[test]
fn arrays_of_another_shape_are_refused() {
    let (wave, encoder) = (Array2::zeros((2, OUTPUTS)), Poisson::new());
    let trains = spikes(2, STEPS, INPUTS);
    for shape in [(0, 0), (0, INPUTS), (2, 0), (1, INPUTS), (3, INPUTS), (2, INPUTS + 1), (INPUTS, 2)] {
        let values = Array2::zeros(shape);
        let input = InputData::Encoded { values: values.view(), encoder: &encoder, seed: 1, samples: &[0, 1] };
        let found = message((2, vec![input], targets_of(&[0, 1], wave.view())));
        says(&found, &["input `x`: expected values of shape [2, 23], found ", &format!("[{}, {}]", shape.0, shape.1)]);
        let wave = Array2::zeros(shape);
        let found = message((2, vec![InputData::Spikes(&trains)], targets_of(&[0, 1], wave.view())));
        says(&found, &["target `wave`: expected values of shape [2, 3]"]);
    }
    let values = Array2::zeros((2, INPUTS));
    let input = InputData::Encoded { values: values.view(), encoder: &encoder, seed: 1, samples: &[0] };
    let found = message((2, vec![input], targets_of(&[0, 1], wave.view())));
    says(&found, &["input `x`: expected 2 sample numbers, found 1"]);
}

#[test]
fn targets_that_do_not_fit_are_refused() {
    let (trains, wave) = (spikes(2, STEPS, INPUTS), Array2::zeros((2, OUTPUTS)));
    let message = |targets| message((2, vec![InputData::Spikes(&trains)], targets));
    for labels in [&[0, 3], &[0, u32::MAX]] {
        let expected = format!("target `label`, sample 1: class {}: expected a class below 3", labels[1]);
        says(&message(targets_of(labels, wave.view())), &[&expected]);
    }
    for labels in [&[][..], &[0], &[0, 1, 2]] {
        let expected = format!("target `label`: expected 2 classes, one per sample, found {}", labels.len());
        says(&message(targets_of(labels, wave.view())), &[&expected]);
    }
    let swapped = vec![TargetData::Values(wave.view()), TargetData::Class(&[0, 1])];
    says(&message(swapped), &["target `label`: expected classes, found numbers"]);
    says(&message(vec![TargetData::Class(&[0, 1]); 2]), &["target `wave`: expected numbers, found classes"]);
}
