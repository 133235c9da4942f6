//! A neuron model as a `Kernel`: its parameters as a struct, its coefficients, its step and the reverse of its step.

mod adjoint;
mod coefficients;
mod declaration;
mod step;

pub(super) use declaration::parameter_value;

use super::expression::leaves_of;
use super::names::{ident, index, type_ident};
use crate::derive::{Derived, Program};
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::Neuron;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::collections::BTreeMap;

/// The code of one neuron model.
pub(super) fn neuron(model: &Neuron, derived: &Derived, runtime: &TokenStream) -> TokenStream {
    let emit = Emit { model, derived, runtime };
    let (structure, layout) = (emit.structure(), emit.layout());
    let (refractory, coefficients, chain) = (emit.refractory_steps(), emit.coefficients(), emit.chain());
    let (step, adjoint) = (emit.step(), emit.adjoint());
    let (step_rows, adjoint_rows, attributes) = (emit.step_rows(), emit.adjoint_rows(), allow());
    let name = type_ident(&model.name);
    let (step_call, adjoint_call) = (emit.step_call(), emit.adjoint_call());
    quote! {
        #structure

        #attributes
        impl #runtime::Kernel for #name {
            #layout
            #refractory
            #coefficients
            #chain
            #step_call
            #adjoint_call
        }

        #step_rows
        #step
        #adjoint_rows
        #adjoint
    }
}

struct Emit<'a> {
    model: &'a Neuron,
    derived: &'a Derived,
    runtime: &'a TokenStream,
}

impl Emit<'_> {
    fn arena(&self) -> &Arena {
        &self.derived.arena
    }

    fn is_stored(&self, parameter: usize) -> bool {
        self.derived.stored.iter().any(|s| s.parameter == parameter)
    }

    fn state_rows(&self) -> Vec<proc_macro2::Ident> {
        self.model.states.iter().map(|s| format_ident!("{}_all", s.quantity.name)).collect()
    }

    fn port_rows(&self, ports: &[crate::model::Quantity]) -> Vec<proc_macro2::Ident> {
        ports.iter().map(|p| format_ident!("{}_all", p.name)).collect()
    }

    /// `kept_V_new` for the tape's numbers.
    fn tape_rows(&self) -> Vec<proc_macro2::Ident> {
        (0..self.derived.tape.reals.len()).map(|k| format_ident!("tape_{k}")).collect()
    }

    /// One call for equal and one for differing coefficients, with and without an optional output.
    fn variants(&self, function: &proc_macro2::Ident, argument: &str, flag: Option<TokenStream>) -> TokenStream {
        let runtime = self.runtime;
        let argument = format_ident!("{argument}");
        let count = index(self.derived.coefficients.len());
        let call = |each: bool, on: bool| {
            let coefficients = if each {
                quote! { #runtime::kernel::Each::<R, #count>::new(#argument.coefficients.values, #argument.n) }
            } else {
                quote! { #runtime::kernel::Same::<R, #count>::new(#argument.coefficients.values) }
            };
            quote! { #function::<R, _, #on>(#coefficients, #argument) }
        };
        let by_flag = |each: bool| match &flag {
            None => call(each, false),
            Some(flag) => {
                let (on, off) = (call(each, true), call(each, false));
                quote! { if #flag { #on } else { #off } }
            }
        };
        let (each, same) = (by_flag(true), by_flag(false));
        quote! { if #argument.coefficients.per_neuron { #each } else { #same } }
    }

    /// Names of the leaves of step and reverse inside the loop.
    fn leaf_names(&self) -> BTreeMap<ExprId, TokenStream> {
        let mut known = BTreeMap::new();
        let derived = self.derived;
        let roots: Vec<ExprId> =
            derived.step.results().chain(derived.tape.stored()).chain(derived.reverse.results()).collect();
        for id in self.arena().reachable(roots) {
            let crate::expr::Node::Leaf(leaf) = self.arena().node(id) else { continue };
            let name = match leaf {
                Leaf::State(i) => self.model.states.get(usize::from(i)).map(|s| ident(&s.quantity.name)),
                Leaf::Event(i) => self.model.events.get(usize::from(i)).map(|q| ident(&q.name)),
                Leaf::Drive(i) => self.model.drives.get(usize::from(i)).map(|q| ident(&q.name)),
                Leaf::Coefficient(i) => derived.coefficients.get(usize::from(i)).map(|c| format_ident!("c_{}", c.name)),
                Leaf::StateAdjoint(i) => {
                    self.model.states.get(usize::from(i)).map(|s| format_ident!("{}_bar", s.quantity.name))
                }
                Leaf::SpikeAdjoint => Some(format_ident!("spike_bar")),
                Leaf::Refractory => Some(format_ident!("is_refractory")),
                _ => None,
            };
            if let Some(name) = name {
                known.insert(id, quote! { #name });
            }
        }
        known
    }

    /// `let c_decay_V = coefficient.at(0, cell);` for the coefficients that a program reads.
    fn coefficient_lets(&self, program: &Program) -> TokenStream {
        let leaves = leaves_of(self.arena(), program);
        let mut lines = TokenStream::new();
        for (i, coefficient) in self.derived.coefficients.iter().enumerate() {
            if leaves.contains(&Leaf::Coefficient(i as u16)) {
                let (i, name) = (index(i), format_ident!("c_{}", coefficient.name));
                lines.extend(quote! { let #name = coefficient.at(#i, cell); });
            }
        }
        lines
    }
}

/// `let [a, b] = rows(from, count);`
fn rows(
    names: &[proc_macro2::Ident],
    writes: bool,
    from: TokenStream,
    count: &TokenStream,
    runtime: &TokenStream,
) -> TokenStream {
    if names.is_empty() {
        return TokenStream::new();
    }
    let function = if writes { format_ident!("rows_mut") } else { format_ident!("rows") };
    quote! { let [#(#names),*] = #runtime::kernel::#function(#from, #count); }
}

/// What lints would say of names taken over from equations and of loops over several rows.
pub(super) fn allow() -> TokenStream {
    quote! {
        #[allow(
            non_snake_case,
            non_camel_case_types,
            clippy::approx_constant,
            clippy::too_many_arguments,
            clippy::needless_range_loop
        )]
    }
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
