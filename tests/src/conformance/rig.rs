//! Runs a neuron of a model file by hand.

use snn_dsl::interpret::Interpreted;
use snn_dsl::model::{Integration, Model, Neuron, Value};
use snn_runtime::{Cells, Real};
use std::path::Path;
use std::sync::Arc;

/// The models of a file in `tests/models/conformance`.
pub(super) fn model(file: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/conformance").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    crate::model(&text)
}

pub(super) fn neuron(file: &str, name: &str) -> Neuron {
    let found = model(file).neurons.into_iter().find(|n| n.name == name);
    found.unwrap_or_else(|| panic!("{file} has no neuron {name}"))
}

/// The same neuron by another method.
pub(super) fn by(mut neuron: Neuron, method: Integration) -> Neuron {
    neuron.integration = method;
    neuron
}

/// `n` neurons with some parameters, in base units, in place of those of the text.
pub(super) fn cells<R: Real>(neuron: &Neuron, n: usize, dt: f64, values: &[(&str, f64)]) -> Cells<R> {
    let columns: Vec<(&str, Vec<f64>)> = values.iter().map(|&(name, value)| (name, vec![value])).collect();
    cells_with(neuron, n, dt, &columns)
}

/// The same with one value for all, or one for each neuron where the parameter is `per neuron`.
pub(super) fn cells_with<R: Real>(neuron: &Neuron, n: usize, dt: f64, values: &[(&str, Vec<f64>)]) -> Cells<R> {
    let index = |name: &str| {
        let found = neuron.parameters.iter().position(|p| p.quantity.name == name);
        found.unwrap_or_else(|| panic!("`{}` has no parameter `{name}`", neuron.name))
    };
    let constants: Vec<(usize, Value)> =
        values.iter().map(|(name, v)| (index(name), Value::Constant(v.first().copied().unwrap_or(f64::NAN)))).collect();
    let interpreted = Interpreted::new(neuron, &constants);
    let layout = snn_runtime::Neuron::<R>::layout(&interpreted).clone();
    let stored: Vec<Vec<f64>> = layout
        .parameters
        .iter()
        .map(|parameter| {
            let given = values.iter().find(|v| v.0 == parameter.name).map(|v| v.1.clone());
            let own = || match neuron.parameters.get(index(&parameter.name)).map(|p| p.value) {
                Some(Value::Constant(x)) => vec![x],
                other => panic!("expected a number for `{}`, found {other:?}", parameter.name),
            };
            given.unwrap_or_else(own).into_iter().map(|x| parameter.transform.store(x)).collect()
        })
        .collect();
    let columns: Vec<&[f64]> = stored.iter().map(Vec::as_slice).collect();
    Cells::new(Arc::new(interpreted), n, dt, &columns).unwrap_or_else(|e| panic!("{e}"))
}

/// One step; says whether the first neuron fired.
pub(super) fn step<R: Real>(cells: &mut Cells<R>, events: &[R], drives: &[R]) -> bool {
    let spikes = cells.step(events, drives).unwrap_or_else(|e| panic!("{e}"));
    spikes.first().is_some_and(|&z| z != R::ZERO)
}

/// A state of the first neuron.
pub(super) fn state<R: Real>(cells: &Cells<R>, name: &str) -> f64 {
    cells.state(name).and_then(|s| s.first()).unwrap_or_else(|| panic!("no state `{name}`")).to_f64()
}

/// |found - expected| relative to |expected|, or NaN where one of them is.
pub(super) fn relative(found: f64, expected: f64) -> f64 {
    if found == expected { 0.0 } else { (found - expected).abs() / expected.abs() }
}

/// The larger one; NaN wins.
pub(super) fn worse(a: f64, b: f64) -> f64 {
    if a >= b || a.is_nan() { a } else { b }
}

/// `21.9 43.9`
pub(super) fn list(times: &[f64], digits: usize) -> String {
    let printed: Vec<String> = times.iter().map(|t| format!("{t:.digits$}")).collect();
    if printed.is_empty() { "none".into() } else { printed.join(" ") }
}
