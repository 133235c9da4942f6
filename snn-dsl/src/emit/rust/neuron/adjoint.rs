//! The reverse of one step of all neurons as a loop.

use super::{Emit, allow, doc_lines, rows};
use crate::emit::rust::expression::{Scalar, Writer, leaves_of};
use crate::emit::rust::names::{ident, index, snake};
use crate::expr::Leaf;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

impl Emit<'_> {
    pub(super) fn adjoint_call(&self) -> TokenStream {
        let runtime = self.runtime;
        let function = format_ident!("{}_adjoint_rows", snake(&self.model.name));
        let flag = (!self.model.drives.is_empty()).then(|| quote! { !adjoint.drive_gradient.is_empty() });
        let body = self.variants(&function, "adjoint", flag);
        quote! {
            #[inline(always)]
            fn adjoint<R: #runtime::Real>(adjoint: #runtime::Adjoint<'_, R>) { #body }
        }
    }

    /// Cuts the arguments of the reverse of a step into rows.
    pub(super) fn adjoint_rows(&self) -> TokenStream {
        let runtime = self.runtime;
        let (outer, inner) = (
            format_ident!("{}_adjoint_rows", snake(&self.model.name)),
            format_ident!("{}_adjoint", snake(&self.model.name)),
        );
        let (states, events, drives) =
            (self.state_rows(), self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let (tape, gradients) = (self.tape_rows(), self.gradient_rows());
        let count = quote! { adjoint.n };
        let wanted = quote! { if DRIVES { adjoint.n } else { 0 } };
        let splits = [
            rows(&states, true, quote! { adjoint.state_gradient }, &count, runtime),
            rows(&events, true, quote! { adjoint.event_gradient }, &count, runtime),
            rows(&drives, true, quote! { adjoint.drive_gradient }, &wanted, runtime),
            rows(&tape, false, quote! { adjoint.tape }, &count, runtime),
            rows(&gradients, true, quote! { adjoint.coefficient_gradient }, &count, runtime),
        ];
        let extra = self.adjoint_extra(|name| quote! { adjoint.#name });
        let attributes = allow();
        quote! {
            #attributes
            #[inline(always)]
            fn #outer<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const DRIVES: bool>(
                coefficient: C,
                adjoint: #runtime::Adjoint<'_, R>,
            ) {
                #(#splits)*
                #inner::<R, C, DRIVES>(
                    coefficient, adjoint.n,
                    #(#states,)* #(#events,)* #(#drives,)* #(#tape,)* #(#gradients,)* #(#extra,)*
                );
            }
        }
    }

    /// The arguments of the reverse that only some models have.
    fn adjoint_extra(&self, of: impl Fn(proc_macro2::Ident) -> TokenStream) -> Vec<TokenStream> {
        let leaves = leaves_of(self.arena(), &self.derived.reverse_program());
        let mut list = Vec::new();
        if leaves.contains(&Leaf::SpikeAdjoint) {
            list.push(of(format_ident!("spike_gradient")));
        }
        if self.derived.tape.reads_spikes {
            list.push(of(format_ident!("spikes")));
        }
        if !self.derived.tape.flags.is_empty() {
            list.push(of(format_ident!("tape_flags")));
        }
        list
    }

    fn gradient_rows(&self) -> Vec<proc_macro2::Ident> {
        let derived = self.derived;
        derived
            .differentiated
            .iter()
            .filter_map(|&c| derived.coefficients.get(c))
            .map(|c| format_ident!("gradient_{}", c.name))
            .collect()
    }

    pub(super) fn adjoint(&self) -> TokenStream {
        let runtime = self.runtime;
        let derived = self.derived;
        let arena = self.arena();
        let function = format_ident!("{}_adjoint", snake(&self.model.name));
        let states = self.state_rows();
        let (events, drives) = (self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let (tape, gradients) = (self.tape_rows(), self.gradient_rows());
        let program = derived.reverse_program();
        let leaves = leaves_of(arena, &program);
        let mut known = self.leaf_names();
        let mut loads = self.coefficient_lets(&program);
        for (row, (i, state)) in states.iter().zip(self.model.states.iter().enumerate()) {
            if leaves.contains(&Leaf::StateAdjoint(i as u16)) {
                let name = format_ident!("{}_bar", state.quantity.name);
                loads.extend(quote! { let #name = #row[cell]; });
            }
        }
        if leaves.contains(&Leaf::SpikeAdjoint) {
            loads.extend(quote! { let spike_bar = spike_gradient[cell]; });
        }
        for (k, (row, &id)) in tape.iter().zip(&derived.tape.reals).enumerate() {
            let name = match derived.step.names.get(&id) {
                Some(name) => ident(name),
                None => format_ident!("kept_{k}"),
            };
            loads.extend(if arena.is_truth(id) {
                quote! { let #name = #row[cell] != R::ZERO; }
            } else {
                quote! { let #name = #row[cell]; }
            });
            known.insert(id, quote! { #name });
        }
        for (k, &id) in derived.tape.flags.iter().enumerate() {
            let (k, name) = (index(k), format_ident!("flag_{k}"));
            loads.extend(quote! { let #name = tape_flags[cell] & (1 << #k) != 0; });
            known.insert(id, quote! { #name });
        }
        if let Some(threshold) = derived.step.threshold
            && derived.tape.reads_spikes
        {
            loads.extend(quote! { let z = spikes[cell]; });
            known.insert(threshold.z, quote! { z });
        }
        let mut writer = Writer::new(arena, runtime, Scalar::Generic, known, None);
        let mut names = derived.step.names.clone();
        names.extend(derived.reverse.names.iter().map(|(id, name)| (*id, name.clone())));
        let lets = writer.lets(&program, &names);
        let mut stores = TokenStream::new();
        for (row, &id) in events.iter().zip(&derived.reverse.events) {
            let value = writer.value(id);
            stores.extend(quote! { #row[cell] = #runtime::math::flush(#value); });
        }
        for (row, &id) in gradients.iter().zip(&derived.reverse.coefficients) {
            let value = writer.value(id);
            stores.extend(quote! { #row[cell] += #value; });
        }
        if !drives.is_empty() {
            let lines = drives.iter().zip(&derived.reverse.drives).map(|(row, &id)| {
                let value = writer.value(id);
                quote! { #row[cell] = #runtime::math::flush(#value); }
            });
            stores.extend(quote! { if DRIVES { #(#lines)* } });
        }
        for (row, &id) in states.iter().zip(&derived.reverse.states) {
            let value = writer.value(id);
            stores.extend(quote! { #row[cell] = #runtime::math::flush(#value); });
        }
        let mut equal = TokenStream::new();
        for name in self.adjoint_extra(|name| quote! { #name }) {
            equal.extend(quote! { let #name = &#name[..count]; });
        }
        let extra = self.adjoint_extra(|name| match name.to_string().as_str() {
            "tape_flags" => quote! { #name: &[u8] },
            _ => quote! { #name: &[R] },
        });
        let mut text =
            vec!["The reverse of one step of all neurons (`q_bar` is the derivative of the loss by q):".to_string()];
        text.extend([String::new(), "```text".into()]);
        text.extend(crate::explain::adjoint_lines(self.model, derived));
        text.push("```".into());
        let (docs, attributes) = (doc_lines(&text), allow());
        quote! {
            #docs
            #attributes
            #[inline(always)]
            fn #function<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const DRIVES: bool>(
                coefficient: C,
                count: usize,
                #(#states: &mut [R],)*
                #(#events: &mut [R],)*
                #(#drives: &mut [R],)*
                #(#tape: &[R],)*
                #(#gradients: &mut [R],)*
                #(#extra,)*
            ) {
                #equal
                for cell in 0..count {
                    #loads
                    #lets
                    #stores
                }
            }
        }
    }
}
