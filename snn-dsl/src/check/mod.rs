//! Names, units and roles: from the syntax tree to a checked model.
//!
//! Every mistake is reported, each once, at the place where it can be mended; what is wrong is poisoned and says nothing
//! more. What the codes mean stands in [`crate::diagnostic::catalogue`].

mod budget;
mod calls;
mod connectivity;
#[cfg(feature = "simulate")]
pub(crate) mod constant;
mod declarations;
mod definitions;
mod dimension;
mod equations;
mod events;
mod functions;
mod integrate;
mod layer;
mod losses;
mod network;
mod neuron;
mod operators;
mod order;
mod outputs;
mod program;
mod projection;
mod recovered;
mod remedy;
mod scope;
mod spike;
mod surrogate;
mod synapse;
mod synapses;
mod time;
mod typing;
mod units;
mod values;

#[cfg(test)]
mod tests;

pub use dimension::{Dimension, Exponent};
#[cfg(feature = "simulate")]
pub(crate) use layer::layer_values;
pub(crate) use neuron::interval;
pub(crate) use spike::scale_bounds;
#[cfg(feature = "simulate")]
pub(crate) use values::outside_range;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Model, Observable};
use crate::source::SourceMap;
use crate::syntax::tree::{self, Item};
use std::collections::BTreeSet;

/// Checks a text. Library neurons and surrogates it refers to are parsed and added to `sources`.
///
/// The model is only meaningful if `diagnostics` holds no errors afterwards; then everything downstream succeeds.
pub fn check(sources: &mut SourceMap, tree: &tree::File, diagnostics: &mut Diagnostics) -> Model {
    let lost = recovered::Lost::new(sources, diagnostics);
    let mut found = Diagnostics::default();
    let model = check_all(sources, tree, &mut found);
    for diagnostic in found.into_sorted().into_iter().filter(|d| !lost.explains(sources, d)) {
        diagnostics.push(diagnostic);
    }
    model
}

fn check_all(sources: &mut SourceMap, tree: &tree::File, diagnostics: &mut Diagnostics) -> Model {
    let loaded = definitions::load(sources, tree, diagnostics);
    let sources = &*sources;
    let trees: Vec<&tree::File> = std::iter::once(tree).chain(loaded.iter().map(|l| &l.tree)).collect();
    let free: Vec<_> = trees.iter().map(|tree| definitions::distinct(tree, diagnostics)).collect();
    let length = sources.files().next().map_or(0, |(_, file)| file.text.len());
    let budget = std::rc::Rc::new(budget::Budget::new(length));
    let texts: Vec<_> = trees
        .iter()
        .zip(&free)
        .map(|(tree, free)| definitions::collect(sources, tree, free, &budget, diagnostics))
        .collect();
    let surrogates = definitions::surrogates(sources, &trees, &texts, &free, diagnostics);
    let context = scope::Context { sources, texts: &texts, surrogates: &surrogates };

    let mut neurons = Vec::new();
    for (text, (tree, free)) in trees.iter().zip(&free).enumerate() {
        let used_at = text.checked_sub(1).and_then(|k| loaded.get(k)).map(|l| l.used_at);
        for item in &tree.items {
            let Item::Neuron(neuron) = item else { continue };
            let Some((checked, found)) = neuron::check(context, text, neuron, diagnostics.further()) else { continue };
            for diagnostic in found.into_sorted() {
                match used_at {
                    // The user cannot mend a library text, but need not use it.
                    Some(span) if diagnostic.severity == Severity::Error => {
                        diagnostics.push(diagnostic.also(span, "used here"));
                    }
                    Some(_) => {}
                    None => diagnostics.push(diagnostic),
                }
            }
            if free.contains(&neuron.name.span) {
                neurons.push(checked);
            }
        }
    }

    let synapse_trees = trees.iter().enumerate().zip(&free).flat_map(|((text, tree), free)| {
        tree.items.iter().filter_map(move |item| match item {
            Item::Synapse(synapse) => Some((text, synapse, free.contains(&synapse.name.span))),
            _ => None,
        })
    });
    let parts: Vec<_> = synapse_trees
        .map(|(text, tree, free)| (text, tree, free, synapse::parts(tree, diagnostics.further())))
        .collect();
    let mut synapses = Vec::new();
    for (text, tree, free, parts) in &parts {
        let used_at = text.checked_sub(1).and_then(|k| loaded.get(k)).map(|l| l.used_at);
        let Some((checked, found)) = synapse::check(context, *text, tree, parts, diagnostics.further()) else {
            continue;
        };
        for diagnostic in found.into_sorted() {
            diagnostics.push(match used_at {
                Some(span) => diagnostic.also(span, "used here"),
                None => diagnostic,
            });
        }
        if *free {
            synapses.push(checked);
        }
    }

    let library = neurons.iter().filter(|c| c.neuron.is_library).map(|c| c.neuron.name.as_str());
    let library: BTreeSet<&str> = library.collect();
    let mut networks = Vec::new();
    let mut observed = BTreeSet::new();
    for item in &tree.items {
        let Item::Network(network) = item else { continue };
        if library.contains(network.name.name.as_str()) {
            let message = format!("`{}` is also a neuron of the library that this text uses", network.name.name);
            diagnostics.push(Diagnostic::error("E0202", network.name.span, message).hint("rename the network"));
        }
        let Some(outcome) = network::check(context, &neurons, &synapses, network, diagnostics.further()) else {
            continue;
        };
        for diagnostic in outcome.diagnostics.into_sorted() {
            diagnostics.push(diagnostic);
        }
        observed.extend(outcome.observed);
        networks.push(outcome.network);
    }
    drop(library);
    for (index, checked) in neurons.iter().enumerate().filter(|(_, c)| !c.neuron.is_library) {
        for &state in checked.unread_states.iter().filter(|s| !observed.contains(&(index, Observable::State(**s)))) {
            let Some(state) = checked.neuron.states.get(state) else { continue };
            let message = format!("state `{}` is never read", state.quantity.name);
            let hint = "read it in an equation, a threshold or a loss, or remove it";
            diagnostics.push(Diagnostic::warning("W0401", state.quantity.span, message).hint(hint));
        }
    }
    let mut neurons: Vec<_> = neurons.into_iter().map(|c| c.neuron).collect();
    if !diagnostics.has_errors() {
        synapses::expand(&mut neurons, &mut networks, &synapses);
    }
    outputs::assign(&mut neurons, &mut networks);
    Model { neurons, networks }
}
