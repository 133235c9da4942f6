//! Shared helpers of the end-to-end tests.

pub mod conformance;
pub mod plasticity;
pub mod probe;
pub mod random;
pub mod reference;
pub mod robust;
pub mod smooth;
pub mod tally;
pub mod trains;

use snn_dsl::compile::compile;
use snn_dsl::diagnostic::{Style, render_all};
use snn_dsl::model::{Model, Neuron};

/// The checked model of a text.
///
/// # Panics
/// With the rendered diagnostics if the text has mistakes.
pub fn model(text: &str) -> Model {
    let compilation = compile("test.snn", text);
    match compilation.model {
        Some(model) => model,
        None => panic!("{}", render_all(&compilation.sources, &compilation.diagnostics, Style::Plain)),
    }
}

/// A neuron of the library.
///
/// # Panics
/// If there is none of that name, or its text has mistakes.
pub fn library_neuron(name: &str) -> Neuron {
    let (file, text) = snn_dsl::library::neuron(name).unwrap_or_else(|| panic!("no library neuron {name}"));
    let compilation = compile(file, text);
    match compilation.model {
        Some(model) => model.neurons.into_iter().next().unwrap_or_else(|| panic!("{file} defines no neuron")),
        None => panic!("{}", render_all(&compilation.sources, &compilation.diagnostics, Style::Plain)),
    }
}
