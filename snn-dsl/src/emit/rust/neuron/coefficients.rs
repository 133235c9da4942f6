//! Code over f64 that runs once: coefficients from parameters, and gradients back to parameters.

use super::{Emit, doc_lines};
use crate::derive::schedule;
use crate::emit::rust::expression::{Scalar, Writer};
use crate::emit::rust::names::{ident, index};
use crate::expr::{ExprId, Leaf, Node};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::collections::BTreeMap;

impl Emit<'_> {
    /// The names of parameters (as fields or as computed from stored numbers) in code over f64.
    fn parameter_names(&self) -> BTreeMap<ExprId, TokenStream> {
        let mut known = BTreeMap::new();
        for id in self.arena().reachable(self.f64_roots()) {
            if let Node::Leaf(leaf) = self.arena().node(id) {
                let name = match leaf {
                    Leaf::Parameter(i) => match self.model.parameters.get(usize::from(i)) {
                        Some(p) => {
                            let field = ident(&p.quantity.name);
                            if self.is_stored(usize::from(i)) {
                                quote! { #field }
                            } else {
                                quote! { self.#field }
                            }
                        }
                        None => continue,
                    },
                    Leaf::Stored(k) => {
                        let k = index(usize::from(k));
                        quote! { parameters[#k] }
                    }
                    Leaf::OutputAdjoint(j) => {
                        let j = index(usize::from(j));
                        quote! { coefficient_gradient[#j] }
                    }
                    Leaf::Dt => quote! { dt },
                    _ => continue,
                };
                known.insert(id, name);
            }
        }
        known
    }

    fn f64_roots(&self) -> Vec<ExprId> {
        let derived = self.derived;
        let duration = self.model.refractory.iter().map(|r| r.duration);
        derived
            .coefficients
            .iter()
            .map(|c| c.value)
            .chain(derived.stored.iter().map(|s| s.value))
            .chain(derived.chain.gradients.iter().map(|g| g.1))
            .chain(duration)
            .collect()
    }

    /// `let tau = ...;` for each stored parameter that some root reads.
    fn stored_lets(&self, writer: &Writer, roots: &[ExprId]) -> TokenStream {
        let mut lines = TokenStream::new();
        for stored in &self.derived.stored {
            let leaf = Leaf::Parameter(stored.parameter as u16);
            if roots.iter().any(|&r| self.arena().depends_on(r, leaf))
                && let Some(parameter) = self.model.parameters.get(stored.parameter)
            {
                let name = ident(&parameter.quantity.name);
                let value = writer.value(stored.value);
                lines.extend(quote! { let #name = #value; });
            }
        }
        lines
    }

    pub(super) fn refractory_steps(&self) -> TokenStream {
        match &self.model.refractory {
            None => quote! {
                fn refractory_steps(&self, _dt: f64) -> u32 { 0 }
            },
            Some(refractory) => {
                let mut writer = Writer::new(self.arena(), self.runtime, Scalar::F64, self.parameter_names(), None);
                let program = schedule(self.arena(), [refractory.duration], &Default::default(), None);
                let lets = writer.lets(&program, &BTreeMap::new());
                let duration = writer.value(refractory.duration);
                let runtime = self.runtime;
                quote! {
                    fn refractory_steps(&self, dt: f64) -> u32 {
                        #lets
                        #runtime::neuron::whole_steps(#duration, dt)
                    }
                }
            }
        }
    }

    pub(super) fn coefficients(&self) -> TokenStream {
        let derived = self.derived;
        let roots: Vec<ExprId> = derived.coefficients.iter().map(|c| c.value).collect();
        let mut writer = Writer::new(self.arena(), self.runtime, Scalar::F64, self.parameter_names(), None);
        let stored = self.stored_lets(&writer, &roots);
        let program = schedule(self.arena(), roots, &Default::default(), None);
        let lets = writer.lets(&program, &BTreeMap::new());
        let lines = derived.coefficients.iter().enumerate().map(|(i, c)| {
            let (i, value) = (index(i), writer.value(c.value));
            quote! { coefficients[#i] = #value; }
        });
        let name = |id| self.parameter_text(id);
        let values: Vec<ExprId> = derived.coefficients.iter().map(|c| c.value).collect();
        let mut short = self.arena().abbreviations(&values, &name);
        let mut text = vec!["```text".to_string()];
        for c in &derived.coefficients {
            text.extend(short.before(self.arena(), c.value, &name));
            text.push(format!("{} = {}", c.name, short.show(self.arena(), c.value, &name)));
        }
        text.push("```".to_string());
        let docs = doc_lines(&text);
        let parameters =
            if derived.stored.is_empty() { format_ident!("_parameters") } else { format_ident!("parameters") };
        let dt = if derived.coefficients.iter().any(|c| self.arena().depends_on(c.value, Leaf::Dt)) {
            format_ident!("dt")
        } else {
            format_ident!("_dt")
        };
        quote! {
            #docs
            fn coefficients(&self, #dt: f64, #parameters: &[f64], coefficients: &mut [f64]) {
                #stored
                #lets
                #(#lines)*
            }
        }
    }

    fn parameter_text(&self, id: ExprId) -> Option<String> {
        match self.arena().node(id) {
            Node::Leaf(Leaf::Parameter(i)) => {
                self.model.parameters.get(usize::from(i)).map(|p| p.quantity.name.clone())
            }
            _ => None,
        }
    }

    pub(super) fn chain(&self) -> TokenStream {
        let gradients = &self.derived.chain.gradients;
        if gradients.is_empty() {
            return quote! {
                fn chain(&self, _dt: f64, _parameters: &[f64], _coefficient_gradient: &[f64], _gradient: &mut [f64]) {}
            };
        }
        let roots: Vec<ExprId> = gradients.iter().map(|g| g.1).collect();
        let mut writer = Writer::new(self.arena(), self.runtime, Scalar::F64, self.parameter_names(), None);
        let stored = self.stored_lets(&writer, &roots);
        let dt = if roots.iter().any(|&r| self.arena().depends_on(r, Leaf::Dt)) {
            format_ident!("dt")
        } else {
            format_ident!("_dt")
        };
        let program = schedule(self.arena(), roots, &Default::default(), None);
        let lets = writer.lets(&program, &BTreeMap::new());
        let lines = gradients.iter().map(|(k, id)| {
            let (k, value) = (index(*k), writer.value(*id));
            quote! { gradient[#k] += #value; }
        });
        quote! {
            fn chain(&self, #dt: f64, parameters: &[f64], coefficient_gradient: &[f64], gradient: &mut [f64]) {
                #stored
                #lets
                #(#lines)*
            }
        }
    }
}
