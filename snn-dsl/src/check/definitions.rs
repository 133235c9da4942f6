//! The items of the user's text and of the library texts it refers to.

use super::budget::Budget;
use super::functions::check_definitions;
use super::scope::{Definitions, Entry, Names, Scope, SurrogateDefinition};
use super::surrogate;
use super::typing::Typing;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::library;
use crate::source::{SourceMap, Span};
use crate::syntax::tree::{self, Ident, Item, NetworkStatement, NeuronStatement, ProjectionOptionKind};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A library text with the place that refers to it.
pub(super) struct Loaded {
    pub tree: tree::File,
    pub used_at: Span,
}

/// Parses the library texts that a text refers to, directly or through others.
pub(super) fn load(sources: &mut SourceMap, tree: &tree::File, diagnostics: &mut Diagnostics) -> Vec<Loaded> {
    let mut loaded: Vec<Loaded> = Vec::new();
    let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
    let mut queue: Vec<(&'static str, Ident)> = references(tree);
    while !queue.is_empty() {
        let mut next = Vec::new();
        for (kind, name) in std::mem::take(&mut queue) {
            if !seen.insert((kind, name.name.clone())) {
                continue;
            }
            let found = match kind {
                "neuron" => library::neuron(&name.name),
                "synapse" => library::synapse(&name.name),
                _ => library::surrogate(&name.name),
            };
            let Some((file_name, text)) = found else { continue };
            let file = sources.add(file_name, text, true);
            let tree = crate::syntax::parse(sources, file, diagnostics);
            next.extend(references(&tree));
            loaded.push(Loaded { tree, used_at: name.span });
        }
        queue = next;
    }
    loaded
}

/// The neurons, synapses and surrogates that a text names but does not define.
fn references(tree: &tree::File) -> Vec<(&'static str, Ident)> {
    let mut own: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut found = Vec::new();
    for item in &tree.items {
        match item {
            Item::Neuron(neuron) => {
                own.insert(("neuron", &neuron.name.name));
                for statement in &neuron.statements {
                    if let NeuronStatement::Spike(spike) = statement {
                        found.extend(spike.surrogate.iter().map(|call| ("surrogate", call.name.clone())));
                    }
                }
            }
            Item::Synapse(synapse) => {
                own.insert(("synapse", &synapse.name.name));
            }
            Item::Surrogate(surrogate) => {
                own.insert(("surrogate", &surrogate.name.name));
            }
            Item::Network(network) => {
                for statement in &network.statements {
                    match statement {
                        NetworkStatement::Layer(layer) => found.push(("neuron", layer.model.name.clone())),
                        NetworkStatement::Projection(projection) => {
                            let calls = projection.options.iter().filter_map(|option| match &option.kind {
                                ProjectionOptionKind::Connectivity(call) => Some(("synapse", call.name.clone())),
                                _ => None,
                            });
                            found.extend(calls);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found.retain(|(kind, name)| !own.contains(&(*kind, name.name.as_str())));
    found
}

/// Reports items with the same name and those that are not supported; returns the places of the names that count.
pub(super) fn distinct(tree: &tree::File, diagnostics: &mut Diagnostics) -> BTreeSet<Span> {
    let [mut models, mut surrogates, mut functions, mut constants]: [Names; 4] = Default::default();
    let mut free = BTreeSet::new();
    for item in &tree.items {
        let (group, name) = match item {
            Item::Neuron(n) => (&mut models, &n.name),
            Item::Synapse(s) => (&mut models, &s.name),
            Item::Network(n) => (&mut models, &n.name),
            Item::Surrogate(s) => (&mut surrogates, &s.name),
            Item::Function(f) => (&mut functions, &f.name),
            Item::Const(c) => (&mut constants, &c.name),
            Item::Unsupported(keyword) => {
                diagnostics.push(Diagnostic::not_supported(keyword.span, super::neuron::named(&keyword.name)));
                continue;
            }
        };
        if group.declare(name, diagnostics) {
            free.insert(name.span);
        }
    }
    free
}

/// The constants and functions of a text.
pub(super) fn collect<'t>(
    sources: &SourceMap,
    tree: &'t tree::File,
    free: &BTreeSet<Span>,
    budget: &Rc<Budget>,
    diagnostics: &mut Diagnostics,
) -> Definitions<'t> {
    let mut functions = BTreeMap::new();
    let mut constants = Scope::new();
    for item in &tree.items {
        match item {
            Item::Function(f) if free.contains(&f.name.span) => {
                functions.insert(f.name.name.as_str(), f);
            }
            Item::Const(c) if free.contains(&c.name.span) => {
                let message = format!("`{}` is defined further down", c.name.name);
                let hint = "a `const` sees the lines above it: move it up".to_string();
                constants.insert(c.name.name.clone(), Entry::Forbidden(message, Some(hint)));
            }
            _ => {}
        }
    }
    let broken_functions = check_definitions(&functions, &constants, diagnostics);
    let (budget, reported) = (budget.clone(), Default::default());
    let mut definitions = Definitions { functions, broken_functions, constants, budget, reported };
    for item in &tree.items {
        let Item::Const(line) = item else { continue };
        let value = {
            let mut typing = Typing::new(sources, &definitions, Scope::new());
            typing.diagnostics = diagnostics.further();
            let value = typing.constant(&line.value, &format!("constant `{}`", line.name.name));
            for diagnostic in typing.diagnostics.into_sorted() {
                diagnostics.push(diagnostic);
            }
            value
        };
        if free.contains(&line.name.span) {
            let entry = value.map_or(Entry::Poisoned, |(value, dimension)| Entry::Constant(value, dimension));
            definitions.constants.insert(line.name.name.clone(), entry);
        }
    }
    definitions
}

/// The surrogates that each text sees: its own and those of the library. Text k has the definitions `texts[k]`.
pub(super) fn surrogates<'t>(
    sources: &SourceMap,
    trees: &[&'t tree::File],
    texts: &[Definitions<'t>],
    free: &[BTreeSet<Span>],
    diagnostics: &mut Diagnostics,
) -> Vec<BTreeMap<&'t str, SurrogateDefinition<'t>>> {
    let mut all: Vec<BTreeMap<&str, SurrogateDefinition>> = Vec::new();
    for (text, ((tree, definitions), free)) in trees.iter().zip(texts).zip(free).enumerate() {
        let mut own = BTreeMap::new();
        for item in &tree.items {
            let Item::Surrogate(surrogate) = item else { continue };
            let found = surrogate::check_definition(sources, definitions, surrogate, diagnostics.further());
            let broken = found.has_errors();
            for diagnostic in found.into_sorted() {
                diagnostics.push(diagnostic);
            }
            if free.contains(&surrogate.name.span) {
                own.insert(surrogate.name.name.as_str(), SurrogateDefinition { tree: surrogate, text, broken });
            }
        }
        all.push(own);
    }
    let library: Vec<(&str, SurrogateDefinition)> =
        all.iter().skip(1).flatten().map(|(name, definition)| (*name, *definition)).collect();
    for visible in &mut all {
        for (name, definition) in &library {
            visible.entry(name).or_insert(*definition);
        }
    }
    all
}
