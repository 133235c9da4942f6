//! Mistakes of the caller are answered with errors that name what has to be changed.

mod common;

use common::*;
use ndarray::Array2;
use snn_runtime::graph::*;
use snn_runtime::loss::*;
use snn_runtime::neuron::Mode;
use snn_runtime::*;
use std::sync::Arc;

fn test_graph() -> Graph<f64> {
    graph(Arc::new(Compiled::new(Lif { per_neuron: false })), Arc::new(Compiled::new(Li)))
}

/// The message for a graph changed by `change`.
fn refused(change: impl FnOnce(&mut Graph<f64>)) -> String {
    let mut graph = test_graph();
    change(&mut graph);
    match Network::new(graph) {
        Ok(_) => panic!("the network should have been refused"),
        Err(error) => error.to_string(),
    }
}

fn contains(message: String, parts: &[&str]) {
    assert!(parts.iter().all(|part| message.contains(part)), "{message:?} should contain {parts:?}");
}

#[test]
fn graphs_are_checked() {
    contains(refused(|g| g.simulation.dt = 0.0), &["dt"]);
    contains(refused(|g| g.simulation.dt = f64::NAN), &["dt"]);
    contains(refused(|g| g.simulation.steps = 0), &["steps"]);
    contains(refused(|g| g.inputs[0].size = 0), &["input `x`", "size 0"]);
    contains(refused(|g| g.populations[0].size = 0), &["`hidden`", "size 0"]);
    contains(refused(|g| g.targets[0].kind = TargetKind::Class(0)), &["`label`", "size 0"]);
    contains(refused(|g| g.populations[1].name = "hidden".into()), &["`hidden`", "twice"]);
    contains(refused(|g| g.projections[2].name = "w_in".into()), &["`w_in.weight`"]);
    contains(refused(|g| g.projections[1].delay = Delay::Steps(0)), &["`w_rec`", "delay"]);
    contains(refused(|g| g.projections[1].delay = Delay::Time(-1.0)), &["`w_rec`", "-1"]);
    contains(refused(|g| g.projections[1].delay = Delay::Time(f64::NAN)), &["`w_rec`", "NaN"]);
    contains(refused(|g| g.projections[0].source = Source::Input(3)), &["`w_in`", "no input 3"]);
    contains(refused(|g| g.projections[0].source = Source::Population(9)), &["`w_in`", "no population 9"]);
    contains(refused(|g| g.projections[0].target = 2), &["`w_in`", "no population 2"]);
    contains(refused(|g| g.projections[0].port = 1), &["`hidden`", "port 1"]);
    contains(refused(|g| g.projections[0].source = Source::Population(1)), &["`out`", "threshold"]);
    contains(refused(|g| g.projections[2].no_self = true), &["`w_out`", "no_self"]);
}

#[test]
fn programs_are_checked() {
    let set = |index: usize, node: Node<f64>| refused(move |g| g.program.nodes[index] = node);
    let observe = |population, observable| Node::Observe { population, observable };
    contains(set(0, observe(7, Observable::Spikes)), &["node 0", "population 7"]);
    contains(set(0, observe(1, Observable::State(4))), &["node 0", "state 4"]);
    contains(set(0, observe(1, Observable::Spikes)), &["`out`", "threshold"]);
    contains(set(4, Node::ReduceNeuron { input: 4, reduction: Reduction::Sum }), &["node 4", "earlier"]);
    contains(set(4, Node::ReduceNeuron { input: 3, reduction: Reduction::Last }), &["node 4", "last"]);
    contains(set(5, Node::Map { inputs: vec![3, 0], function: Arc::new(Times) }), &["70 and 3 neurons"]);
    contains(set(5, Node::Map { inputs: vec![], function: Arc::new(Times) }), &["at least one input"]);
    let time = |from, to| Node::ReduceTime { input: 3, reduction: Reduction::Max, from, to };
    contains(set(4, time(Some(10.0), Some(10.0))), &["10 .. 10 ms", "no step"]);
    contains(set(4, time(Some(100.0), None)), &["100 .. 30 ms"]);
    contains(set(4, time(Some(-1.0), None)), &["-1"]);
    contains(set(2, Node::CrossEntropy { logits: 1, target: 1, from: None, to: None }), &["kind class"]);
    contains(set(2, Node::CrossEntropy { logits: 1, target: 5, from: None, to: None }), &["no target 5"]);
    contains(set(2, Node::CrossEntropy { logits: 1, target: 0, from: Some(1.0), to: None }), &["time axis"]);
    contains(set(7, Node::MeanSquaredError { output: 0, target: 0, from: None, to: None }), &["numbers"]);
    contains(refused(|g| g.program.losses.push(4)), &["node 4", "neuron axis"]);
    contains(refused(|g| g.program.losses.push(99)), &["node 99"]);
    contains(refused(|g| g.program.readouts.push(("r".into(), 99))), &["`r`"]);
}

/// What a batch leads to after `change`; without a second target it gets zeros.
fn call<'a>(change: impl FnOnce(&mut Batch<'a, f64>), trains: &'a [SpikeTrain], labels: &'a [u32]) -> String {
    let network = Network::new(test_graph()).unwrap();
    let mut parameters = ParameterSet::zeros(network.layout().clone());
    set_weights(&mut parameters);
    let mut gradient = parameters.clone();
    let wave = Array2::zeros((2, OUTPUTS));
    let mut batch =
        Batch { size: 2, inputs: vec![InputData::Spikes(trains)], targets: vec![TargetData::Class(labels)] };
    change(&mut batch);
    let mut targets: Vec<TargetData<'_, f64>> = Vec::new();
    for target in &batch.targets {
        targets.push(match target {
            TargetData::Class(classes) => TargetData::Class(classes),
            TargetData::Values(values) => TargetData::Values(values.view()),
            _ => panic!("the network has no target over time"),
        });
    }
    if targets.len() == 1 {
        targets.push(TargetData::Values(wave.view()));
    }
    let mut inputs = Vec::new();
    for input in &batch.inputs {
        if let InputData::Spikes(trains) = input {
            inputs.push(InputData::Spikes(trains));
        }
    }
    let batch = Batch { size: batch.size, inputs, targets };
    match network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient) {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn batches_are_checked() {
    let trains = spikes(2, STEPS, INPUTS);
    let short = spikes(2, STEPS - 1, INPUTS);
    let wide = spikes(2, STEPS, 2 * INPUTS);
    let bad = Array2::from_elem((2, OUTPUTS), f64::NAN);
    assert_eq!(call(|_| (), &trains, &[0, 2]), "accepted");
    contains(call(|b| b.size = 0, &trains, &[0, 2]), &["empty"]);
    contains(call(|b| b.size = 3, &trains, &[0, 2]), &["input `x`", "expected 3", "found 2"]);
    contains(call(|b| b.inputs.clear(), &trains, &[0, 2]), &["expected 1 inputs (x), found 0"]);
    contains(call(|b| b.targets.clear(), &trains, &[0, 2]), &["expected 2 targets (label, wave), found 0"]);
    contains(call(|_| (), &short, &[0, 2]), &["input `x`, sample 0", "expected 30 steps, found 29"]);
    contains(call(|_| (), &wide, &[0, 2]), &["input `x`, sample 0", "below 23"]);
    contains(call(|_| (), &trains, &[0, 3]), &["target `label`, sample 1", "class 3", "below 3"]);
    contains(call(|_| (), &trains, &[0]), &["target `label`", "found 1"]);
    contains(call(|b| b.targets.push(TargetData::Class(&[0, 1])), &trains, &[0, 2]), &["target `wave`", "numbers"]);
    contains(call(|b| b.targets.push(TargetData::Values(bad.view())), &trains, &[0, 2]), &["`wave`, sample 0", "NaN"]);
}

#[test]
fn parameters_recordings_and_modes_are_checked() {
    let network = Network::new(test_graph()).unwrap();
    let trains = spikes(2, STEPS, INPUTS);
    let wave = Array2::zeros((2, OUTPUTS));
    let batch = Batch {
        size: 2,
        inputs: vec![InputData::Spikes(&trains)],
        targets: vec![TargetData::Class(&[0, 1]), TargetData::Values(wave.view())],
    };
    let mut workspace = Workspace::new();
    let mut other = ParameterSet::zeros(Arc::new(Layout::default()));
    let mut parameters = ParameterSet::zeros(network.layout().clone());
    set_weights(&mut parameters);
    let recording = Recording::none();
    let message = network.forward(&other, &batch, &mut workspace, &recording).unwrap_err().to_string();
    contains(message, &["parameters", "found 0"]);
    let error = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut other).unwrap_err();
    contains(error.to_string(), &["gradient", "found 0"]);
    for (recording, parts) in [
        (Recording::none().trace("nobody", "V"), ["`nobody`", "population"]),
        (Recording::none().trace("out", "spike"), ["`out.spike`", "LI"]),
        (Recording::none().spikes("out"), ["`out`", "threshold"]),
    ] {
        contains(network.forward(&parameters, &batch, &mut workspace, &recording).unwrap_err().to_string(), &parts);
    }
    let mut gradient = parameters.clone();
    let mut smooth = |network: &Network<f64>, mode| {
        let result = network.loss_and_gradient_in_mode(&parameters, &batch, &mut Workspace::new(), &mut gradient, mode);
        result.unwrap_err().to_string()
    };
    contains(smooth(&network, Mode::SmoothRecord), &["`hidden`", "smooth"]);
    let li = Arc::new(Smooth::new(Li));
    let network = Network::new(graph(Arc::new(Smooth::new(Lif { per_neuron: false })), li)).unwrap();
    contains(smooth(&network, Mode::SmoothReplay), &["replay"]);
}

#[test]
fn divergence_is_located() {
    let network = Network::new(test_graph()).unwrap();
    let trains = spikes(20, STEPS, INPUTS);
    let wave = Array2::zeros((20, OUTPUTS));
    let labels = labels(20);
    let batch = Batch {
        size: 20,
        inputs: vec![InputData::Spikes(&trains)],
        targets: vec![TargetData::Class(&labels), TargetData::Values(wave.view())],
    };
    let mut parameters = ParameterSet::zeros(network.layout().clone());
    set_weights(&mut parameters);
    let mut gradient = parameters.clone();
    let before = gradient.clone();
    let mut run =
        |p: &ParameterSet<f64>| network.loss_and_gradient(p, &batch, &mut Workspace::new(), &mut gradient).unwrap_err();
    parameters.view_mut("w_out.weight").unwrap()[[3, 1]] = f64::NAN;
    contains(run(&parameters).to_string(), &["`w_out.weight`", "element 10", "NaN"]);
    parameters.view_mut("w_out.weight").unwrap()[[3, 1]] = 1e308;
    parameters.view_mut("w_skip.weight").unwrap().fill(1e308);
    match run(&parameters) {
        Error::Diverged { population, state, sample: 0, step, .. } => {
            assert_eq!((population.as_str(), state.as_str()), ("out", "O"));
            assert!(step >= 1, "the projection has a delay of one step");
        }
        other => panic!("{other}"),
    }
    parameters.view_mut("w_out.weight").unwrap()[[3, 1]] = 0.0;
    parameters.view_mut("w_skip.weight").unwrap().fill(1e160);
    assert!(matches!(run(&parameters), Error::LossNotFinite { sample: 0, term: 2, .. }), "a square overflows");
    assert_eq!(gradient, before, "an error leaves the gradient alone");
    // A neuron that sinks without bound does not spike: nothing of it reaches the loss, but the gradient is not finite.
    parameters.view_mut("w_skip.weight").unwrap().fill(0.0);
    parameters.view_mut("w_in.weight").unwrap().index_axis_mut(ndarray::Axis(1), 1).fill(-1e308);
    let error = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap_err();
    assert!(matches!(&error, Error::Diverged { population, neuron: 1, .. } if population == "hidden"), "{error}");
}

#[test]
fn cells_run_without_a_network() {
    let neuron = || Arc::new(Compiled::new(Lif { per_neuron: true }));
    let mut cells = Cells::<f64>::new(neuron(), 3, 1.0, &[&[10.0, 20.0, 40.0], &[0.5]]).unwrap();
    assert_eq!(cells.state("V"), Some(&[0.5; 3][..]));
    let first = cells.step(&[0.0, 0.0, 0.0], &[]).unwrap().to_vec();
    assert_eq!(first, [0.0; 3]);
    let v = cells.state("V").unwrap().to_vec();
    for (v, tau) in v.iter().zip([10.0f64, 20.0, 40.0]) {
        assert!((v - 0.5 * math::exp(-1.0 / tau)).abs() < 1e-15);
    }
    assert_eq!(cells.step(&[9.0, 9.0, 0.0], &[]).unwrap(), [1.0, 1.0, 0.0]);
    cells.reset();
    assert_eq!((cells.state("V"), cells.state("I")), (Some(&[0.5; 3][..]), Some(&[0.0; 3][..])));
    assert_eq!(cells.state("W"), None);
    assert!(cells.step(&[0.0; 2], &[]).is_err() && cells.step(&[0.0; 3], &[1.0]).is_err());
    assert!(Cells::<f64>::new(neuron(), 0, 1.0, &[&[10.0], &[0.5]]).is_err());
    assert!(Cells::<f64>::new(neuron(), 3, 0.0, &[&[10.0], &[0.5]]).is_err());
    assert!(Cells::<f64>::new(neuron(), 3, 1.0, &[&[10.0]]).is_err());
    assert!(Cells::<f64>::new(neuron(), 3, 1.0, &[&[10.0; 2], &[0.5]]).is_err());
}
