//! Names, units and roles: from the syntax tree to a checked model.
//!
//! Every mistake is reported, each once, at the place where it can be mended; what is wrong is poisoned and says nothing
//! more. The codes:
//!
//! | code | mistake |
//! |---|---|
//! | E0201 | a name that nothing defines |
//! | E0202 | a name that is defined twice |
//! | E0203 | a name that has a meaning of its own (`dt`, `t`, `xi`; functions in a neuron; `x` in a surrogate) |
//! | E0204 | a name that cannot be read here |
//! | E0205 | a divisor after a number with unit that is both a unit and a declared name |
//! | E0206 | an unknown function |
//! | E0207 | a function that calls itself |
//! | E0208 | a wrong number of arguments |
//! | E0209 | an unknown neuron model |
//! | E0210 | an unknown surrogate |
//! | E0211 | an argument that is unknown, unnamed or given twice |
//! | E0212 | a field that a layer does not have |
//! | E0301 | an unknown unit |
//! | E0302 | terms, sides, branches or arguments that measure different things |
//! | E0303 | a function argument that must not have a unit |
//! | E0304 | an equation whose sides measure different things |
//! | E0305 | a value whose unit is not that of its place |
//! | E0306 | an exponent that has a unit, or is not a constant fraction |
//! | E0307 | a number where a condition is expected, or the reverse |
//! | E0308 | a value that is not constant |
//! | E0309 | something else than a unit where a unit is expected |
//! | E0310 | a value that is not finite |
//! | E0311 | an expression that is too deep, a neuron or a network that is too large |
//! | E0312 | `step` where only units count |
//! | E0401 | a state without equation |
//! | E0402 | a state with two equations |
//! | E0403 | an equation of something that is no state |
//! | E0404 | a derivative times 0 |
//! | E0405 | a distribution for a parameter that is not `per neuron` |
//! | E0406 | an empty range |
//! | E0407 | a value outside its range |
//! | E0408 | an `on` block of something that is no event port |
//! | E0409 | an `on` block that is not affine in its port |
//! | E0410 | two `on` blocks of a port |
//! | E0411 | an assignment to something that is no state |
//! | E0412 | a threshold that is not a `>=` or `>` comparison of a state |
//! | E0413 | a threshold without surrogate |
//! | E0414 | a threshold with unit but without scale |
//! | E0415 | a scale that is not known to be positive |
//! | E0416 | a refractory period that is wrong |
//! | E0417 | a second `integrate` or `refractory` line |
//! | E0418 | arguments of a distribution that make none |
//! | E0419 | an unknown method of integration |
//! | E0420 | a surrogate without derivative or primitive |
//! | E0421 | a support that is not positive |
//! | E0501 | no `simulate` line, or two |
//! | E0502 | a time step or a length that do not fit |
//! | E0503 | a size that is not a whole number from 1 on |
//! | E0504 | an unknown kind of input or target |
//! | E0505 | a source that sends no spikes |
//! | E0506 | a target or port that does not exist |
//! | E0507 | no connectivity, or an unknown option |
//! | E0508 | a delay that is wrong |
//! | E0509 | a cycle without delay |
//! | E0510 | an option twice, or two that contradict each other |
//! | E0511 | an unknown initialiser |
//! | E0512 | `no_self` between two populations |
//! | E0601 | a loss with a unit |
//! | E0602 | a reduction of an axis that is not there |
//! | E0603 | arrays of different sizes |
//! | E0604 | a loss with a neuron axis |
//! | E0605 | something else than a target of the right kind |
//! | E0606 | a window outside the simulation |
//! | E0607 | a loss or readout that reads no layer |
//! | E0608 | the spikes of a layer that has none |
//! | E0900 | a construct that this version does not compile |
//! | W0401 | a name that nothing reads |
//! | W0402 | an event port without `on` block |
//! | W0403 | an `on` block that does not read its port |
//! | W0404 | a primitive whose derivative is not the surrogate's |

mod budget;
mod calls;
mod declarations;
mod definitions;
mod dimension;
mod equations;
mod evaluate;
mod events;
mod functions;
mod losses;
mod network;
mod neuron;
mod operators;
mod order;
mod program;
mod projection;
mod recovered;
mod remedy;
mod scope;
mod spike;
mod surrogate;
mod typing;
mod units;
mod values;

#[cfg(test)]
mod tests;

pub use dimension::{Dimension, Exponent};

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
            let Some((checked, found)) = neuron::check(context, text, neuron) else { continue };
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
        let Some(outcome) = network::check(context, &neurons, network) else { continue };
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
    Model { neurons: neurons.into_iter().map(|c| c.neuron).collect(), networks }
}
