//! A neuron model as a `Kernel`: its parameters as a struct, its coefficients, its step and the reverse of its step.

mod adjoint;
mod cells;
mod coefficients;
mod declaration;
mod locals;
mod step;

use super::items::{Items, NeuronItems};
use super::names::Names;
use crate::derive::Derived;
use crate::expr::{Arena, ExprId, Leaf, Node};
use crate::model::Neuron;
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// Emits one neuron model.
pub(super) struct Emit<'a> {
    model: &'a Neuron,
    derived: Derived,
    items: &'a Items,
    own: &'a NeuronItems,
    /// The field of each parameter.
    fields: Vec<Ident>,
    runtime: &'a TokenStream,
}

impl<'a> Emit<'a> {
    pub(super) fn new(
        model: &'a Neuron,
        derived: Derived,
        items: &'a Items,
        own: &'a NeuronItems,
        runtime: &'a TokenStream,
    ) -> Self {
        let fields = Names::default().take_all(model.parameters.iter().map(|p| &p.quantity.name));
        Self { model, derived, items, own, fields, runtime }
    }

    /// The code of the model.
    pub(super) fn code(&self) -> TokenStream {
        let runtime = self.runtime;
        let (structure, layout) = (self.structure(), self.layout());
        let (refractory, coefficients, chain) = (self.refractory_steps(), self.coefficients(), self.chain());
        let (step, adjoint) = (self.step(), self.adjoint());
        let count = self.derived.coefficients.len();
        let may_differ = self.derived.stored.iter().any(|s| s.per_neuron);
        let methods = [step.method(count, may_differ), adjoint.method(count, may_differ)];
        let functions = [step.rows(), step.function(), adjoint.rows(), adjoint.function()];
        let (name, attributes) = (&self.own.kind, allow());
        quote! {
            #structure

            #attributes
            impl #runtime::Kernel for #name {
                #layout
                #refractory
                #coefficients
                #chain
                #(#methods)*
            }

            #(#functions)*
        }
    }

    pub(super) fn derived(&self) -> &Derived {
        &self.derived
    }

    fn arena(&self) -> &Arena {
        &self.derived.arena
    }

    /// A step may find the events added to the states.
    fn may_lack_events(&self) -> bool {
        !self.derived.direct_events.is_empty()
    }

    fn is_stored(&self, parameter: usize) -> bool {
        self.derived.stored.iter().any(|s| s.parameter == parameter)
    }

    /// The leaves of step and reverse.
    fn leaves(&self) -> Vec<(ExprId, Leaf)> {
        let derived = &self.derived;
        let roots = derived
            .step
            .results()
            .chain(derived.ends.iter().copied())
            .chain(derived.tape.stored())
            .chain(derived.reverse.results());
        let reachable = self.arena().reachable(roots);
        let leaf = |id: ExprId| match self.arena().node(id) {
            Node::Leaf(leaf) => Some((id, leaf)),
            _ => None,
        };
        reachable.into_iter().filter_map(leaf).collect()
    }
}

/// Names and expressions are those of a model, and their style is not the business of whoever includes the code.
pub(super) fn allow() -> TokenStream {
    quote! { #[allow(non_snake_case, non_camel_case_types, clippy::all)] }
}

/// The documentation of an item is cut behind so many bytes; `snn explain` has the rest.
const LONGEST_DOCS: usize = 20_000;

/// `///` lines as attributes.
pub(super) fn doc_lines(lines: &[String]) -> TokenStream {
    let mut left = LONGEST_DOCS;
    let fits = |line: &&String| {
        left = left.saturating_sub(line.len() + 1);
        left > 0
    };
    let mut kept: Vec<&str> = lines.iter().take_while(fits).map(String::as_str).collect();
    if kept.len() < lines.len() {
        kept.push("... (`snn explain` shows the rest)");
        // The end of a fenced block.
        kept.extend(lines.last().map(String::as_str).filter(|l| l.starts_with("```")));
    }
    let lines = kept.into_iter().map(|line| {
        let line = if line.is_empty() { String::new() } else { format!(" {line}") };
        quote! { #[doc = #line] }
    });
    quote! { #(#lines)* }
}

/// Lines that Markdown leaves alone.
fn text_block(lines: impl IntoIterator<Item = String>) -> impl Iterator<Item = String> {
    std::iter::once("```text".to_string()).chain(lines).chain(["```".to_string()])
}
