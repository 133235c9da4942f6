//! The derivation as text that a mathematician can check: `snn explain`.

mod method;
mod network;
mod neuron;

pub(crate) use neuron::propagator_entry;
pub use neuron::{adjoint_lines, coefficient_lines, propagator_lines, update_lines};

use crate::derive::{Derived, derive_of};
use crate::model::Model;

/// The derivation of every neuron of a model, then its networks.
pub fn explain(model: &Model) -> String {
    let mut out = String::new();
    let derived: Vec<Derived> = (0..model.neurons.len()).filter_map(|k| derive_of(model, k)).collect();
    for (neuron, derived) in model.neurons.iter().zip(&derived) {
        neuron::explain(neuron, derived, &mut out);
        out.push('\n');
    }
    for network in &model.networks {
        network::explain(model, &derived, network, &mut out);
        out.push('\n');
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// `text` under a heading, indented by two spaces.
fn section(out: &mut String, heading: &str, lines: impl IntoIterator<Item = String>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return;
    }
    out.push_str(&format!("  {heading}\n"));
    for line in lines {
        out.push_str(format!("    {line}").trim_end());
        out.push('\n');
    }
}

/// Rows of cells as columns of equal width.
fn columns(rows: Vec<Vec<String>>) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |k: usize| rows.iter().filter_map(|r| r.get(k)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:w$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
        })
        .collect()
}
