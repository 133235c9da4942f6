//! A membrane behind a synapse of the same time constant, where formulas with 1/(tau_m - tau_syn) have no value.

use super::reference::{ALPHA, ALPHA_GRADIENT, EXPONENTIAL, EXPONENTIAL_GRADIENT};
use super::rig::{cells, model, neuron, relative, state, step, worse};
use super::{Case, Group, Verdict};
use crate::smooth::network;
use snn_dsl::model::Model;
use snn_runtime::neuron::Mode;
use snn_runtime::{Batch, InputData, ParameterSet, Parameters, SpikeTrain, Workspace};
use std::collections::BTreeMap;

pub(super) const GROUP: Group = Group {
    title: "Equal time constants",
    text: "Current-based synapses with tau_syn = tau_m (1 + offset), after one spike; tau_m = 10 ms, dt = 0.5 ms. I and V are compared\n\
           after 1, 2, 20, 100 and 400 steps, relative to the exact value of each.",
    cases,
};

const TAU_M: f64 = 10.0;
const DT: f64 = 0.5;
const STEPS: [usize; 5] = [1, 2, 20, 100, 400];
const SOURCE: &str = "50 digits";

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, values) in [("Exponential", EXPONENTIAL), ("Alpha", ALPHA)] {
        let mut shapes = Vec::new();
        let mut errors: BTreeMap<String, f64> = BTreeMap::new();
        let mut order = Vec::new();
        for (offset, expected) in values {
            let trace = trace(name, *offset);
            let size = if *offset == 0.0 { "0".to_string() } else { format!("+-{:e}", offset.abs()) };
            if !errors.contains_key(&size) {
                order.push(size.clone());
            }
            let error = errors.entry(size).or_insert(0.0);
            for (steps, expected) in STEPS.iter().zip(expected) {
                let found = trace[steps - 1];
                *error = (0..2).map(|k| relative(found[k], expected[k])).fold(*error, worse);
            }
            shapes.push(shape(&trace));
        }
        for size in order {
            let case = format!("{name}, offset {size}");
            cases.push(Case::error(case, SOURCE, "50-digit I and V", errors[&size], 1e-12));
        }
        let worst = shapes.iter().copied().map(|s| s.1).fold(0.0, worse);
        let peaks = shapes.iter().map(|s| s.0).max().unwrap_or_default();
        let bends = if worst <= 1.0 { "" } else { ", too sharp a bend" };
        cases.push(Case {
            name: format!("{name}: shape of all potentials"),
            source: "abs(V'') <= (1/tau_m + 1/tau_syn)/tau_m",
            expected: "1 peak".into(),
            found: format!("{peaks} peak{}{bends}", if peaks == 1 { "" } else { "s" }),
            tolerance: "equal".into(),
            verdict: Verdict::met(worst <= 1.0 && shapes.iter().all(|s| s.0 == 1)),
        });
    }
    let model = model("two_exponentials.snn");
    for (name, values) in [("Exponential", EXPONENTIAL_GRADIENT), ("Alpha", ALPHA_GRADIENT)] {
        let mut error = 0.0;
        for (offset, expected) in values {
            let found = gradient(&model, name, *offset);
            // Some derivatives are small differences of large terms: relative to the larger one.
            let size = expected[0].abs().max(expected[1].abs());
            error = (0..2).map(|k| (found[k] - expected[k]).abs() / size).fold(error, worse);
        }
        let name = format!("{name}: dV/dtau_m and dV/dtau_syn after 15 ms, all offsets");
        cases.push(Case::error(name, SOURCE, "50-digit derivatives", error, 1e-12));
    }
    cases
}

/// I and V after each step, from one spike of weight 1 in the first.
fn trace(name: &str, offset: f64) -> Vec<[f64; 2]> {
    let values = [("tau_m", TAU_M), ("tau_syn", TAU_M * (1.0 + offset))];
    let mut cells = cells::<f64>(&neuron("two_exponentials.snn", name), 1, DT, &values);
    let mut trace = Vec::new();
    for k in 0..400 {
        step(&mut cells, &[if k == 0 { 1.0 } else { 0.0 }], &[]);
        trace.push([state(&cells, "I"), state(&cells, "V")]);
    }
    trace
}

/// The number of peaks of V, and its largest second difference in terms of the bound on V''. A potential that is not finite
/// has no peak.
fn shape(trace: &[[f64; 2]]) -> (usize, f64) {
    let v: Vec<f64> = std::iter::once(0.0).chain(trace.iter().map(|x| x[1])).collect();
    let rises: Vec<bool> = v.windows(2).map(|pair| pair[1] > pair[0]).collect();
    let peaks = rises.windows(2).filter(|pair| pair[0] && !pair[1]).count();
    let valleys = rises.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let bound = DT * DT * 2.25 / (TAU_M * TAU_M);
    let bend = v.windows(3).map(|w| (w[2] - 2.0 * w[1] + w[0]).abs() / bound).fold(0.0, worse);
    (peaks + valleys, bend)
}

/// The derivatives of the last V by tau_m and tau_syn, by the reverse of the steps.
fn gradient(model: &Model, name: &str, offset: f64) -> [f64; 2] {
    let index = model.networks.iter().position(|n| n.name == format!("{name}AfterSpike")).unwrap_or_default();
    let one = Model { neurons: model.neurons.clone(), networks: vec![model.networks[index].clone()] };
    let network = network(&one);
    let mut parameters = network.initial_parameters(1);
    let layout = network.layout().clone();
    let mut write = |tensor: &str, value: f64| {
        let tensor = layout.find(tensor).unwrap_or_else(|| panic!("no tensor `{tensor}`"));
        parameters.values_mut()[tensor.range.clone()].fill(value);
    };
    write("x_to_cells_exc.weight", 1.0);
    write("cells.tau_m", TAU_M);
    write("cells.tau_syn", TAU_M * (1.0 + offset));
    let mut train = SpikeTrain::new();
    for k in 0..network.simulation().steps {
        if k == 0 {
            train.push(0);
        }
        train.end_step();
    }
    let batch = Batch { size: 1, inputs: vec![InputData::Spikes(std::slice::from_ref(&train))], targets: Vec::new() };
    let mut gradient = ParameterSet::zeros(layout.clone());
    let mut workspace = Workspace::with_lanes(1);
    let run = network.loss_and_gradient_in_mode(&parameters, &batch, &mut workspace, &mut gradient, Mode::Spiking);
    run.unwrap_or_else(|e| panic!("{e}"));
    ["cells.tau_m", "cells.tau_syn"]
        .map(|tensor| layout.find(tensor).map_or(f64::NAN, |t| gradient.values()[t.range.clone()][0]))
}
