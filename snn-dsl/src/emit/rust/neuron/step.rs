//! One step of all neurons as a loop.

use super::{Emit, allow, doc_lines, rows};
use crate::emit::rust::expression::{Scalar, Writer, leaves_of};
use crate::emit::rust::names::{ident, index, snake};
use crate::expr::Leaf;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

impl Emit<'_> {
    pub(super) fn step_call(&self) -> TokenStream {
        let runtime = self.runtime;
        let function = format_ident!("{}_step_rows", snake(&self.model.name));
        let keeps = !(self.derived.tape.reals.is_empty() && self.derived.tape.flags.is_empty());
        let flag = keeps.then(|| quote! { !(step.tape.is_empty() && step.tape_flags.is_empty()) });
        let body = self.variants(&function, "step", flag);
        quote! {
            #[inline(always)]
            fn step<R: #runtime::Real>(step: #runtime::Step<'_, R>) { #body }
        }
    }

    /// Cuts the arguments of a step into rows.
    pub(super) fn step_rows(&self) -> TokenStream {
        let runtime = self.runtime;
        let (outer, inner) =
            (format_ident!("{}_step_rows", snake(&self.model.name)), format_ident!("{}_step", snake(&self.model.name)));
        let (states, events, drives) =
            (self.state_rows(), self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let tape = self.tape_rows();
        let count = quote! { step.n };
        let kept = quote! { if TAPE { step.n } else { 0 } };
        let splits = [
            rows(&states, true, quote! { step.states }, &count, runtime),
            rows(&events, false, quote! { step.events }, &count, runtime),
            rows(&drives, false, quote! { step.drives }, &count, runtime),
            rows(&tape, true, quote! { step.tape }, &kept, runtime),
        ];
        let extra = self.step_extra(|name| quote! { step.#name });
        let attributes = allow();
        quote! {
            #attributes
            #[inline(always)]
            fn #outer<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const TAPE: bool>(
                coefficient: C,
                step: #runtime::Step<'_, R>,
            ) {
                #(#splits)*
                #inner::<R, C, TAPE>(coefficient, step.n, #(#states,)* #(#events,)* #(#drives,)* #(#tape,)* #(#extra,)*);
            }
        }
    }

    /// The arguments of a step that only some models have.
    fn step_extra(&self, of: impl Fn(proc_macro2::Ident) -> TokenStream) -> Vec<TokenStream> {
        let mut list = Vec::new();
        if self.derived.step.threshold.is_some() {
            list.push(of(format_ident!("spikes")));
        }
        if self.model.refractory.is_some() {
            list.push(of(format_ident!("refractory")));
            list.push(of(format_ident!("refractory_steps")));
        }
        if !self.derived.tape.flags.is_empty() {
            list.push(of(format_ident!("tape_flags")));
        }
        list
    }

    pub(super) fn step(&self) -> TokenStream {
        let runtime = self.runtime;
        let derived = self.derived;
        let function = format_ident!("{}_step", snake(&self.model.name));
        let states = self.state_rows();
        let (events, drives) = (self.port_rows(&self.model.events), self.port_rows(&self.model.drives));
        let tape = self.tape_rows();
        let program = derived.step_program(true);
        let leaves = leaves_of(self.arena(), &program);
        let fires = derived.step.threshold.map(|t| t.fires);
        let mut writer = Writer::new(self.arena(), runtime, Scalar::Generic, self.leaf_names(), fires);
        let mut loads = self.coefficient_lets(&program);
        for (i, (row, state)) in states.iter().zip(&self.model.states).enumerate() {
            if leaves.contains(&Leaf::State(i as u16)) {
                let name = ident(&state.quantity.name);
                loads.extend(quote! { let #name = #row[cell]; });
            }
        }
        let ports = events.iter().zip(&self.model.events).enumerate().map(|(i, (r, p))| (r, p, Leaf::Event(i as u16)));
        let drive_ports =
            drives.iter().zip(&self.model.drives).enumerate().map(|(i, (r, p))| (r, p, Leaf::Drive(i as u16)));
        for (row, port, leaf) in ports.chain(drive_ports) {
            if leaves.contains(&leaf) {
                let name = ident(&port.name);
                loads.extend(quote! { let #name = #row[cell]; });
            }
        }
        let refractory = self.model.refractory.is_some();
        if refractory {
            loads.extend(quote! { let is_refractory = refractory[cell] > 0; });
        }
        let lets = writer.lets(&program, &derived.step.names);
        let mut stores = TokenStream::new();
        for (row, &end) in states.iter().zip(&derived.step.end) {
            let value = writer.value(end);
            stores.extend(quote! { #row[cell] = #runtime::math::flush(#value); });
        }
        if let Some(threshold) = derived.step.threshold {
            let z = writer.value(threshold.z);
            stores.extend(quote! { spikes[cell] = #z; });
            if refractory {
                let fires = writer.value(threshold.fires);
                stores.extend(quote! {
                    refractory[cell] = if #fires { refractory_steps } else { refractory[cell].saturating_sub(1) };
                });
            }
        }
        let mut keep = TokenStream::new();
        for (row, &id) in tape.iter().zip(&derived.tape.reals) {
            let value = writer.value(id);
            keep.extend(if self.arena().is_truth(id) {
                quote! { #row[cell] = if #value { R::ONE } else { R::ZERO }; }
            } else {
                quote! { #row[cell] = #value; }
            });
        }
        if !derived.tape.flags.is_empty() {
            let bits = derived.tape.flags.iter().enumerate().map(|(k, &id)| {
                let (shift, value) = (index(k), writer.value(id));
                if k == 0 {
                    quote! { u8::from(#value) }
                } else {
                    quote! { u8::from(#value) << #shift }
                }
            });
            keep.extend(quote! { tape_flags[cell] = #(#bits)|*; });
        }
        let keep = (!keep.is_empty()).then(|| quote! { if TAPE { #keep } });
        let mut equal = TokenStream::new();
        if derived.step.threshold.is_some() {
            equal.extend(quote! { let spikes = &mut spikes[..count]; });
        }
        if refractory {
            equal.extend(quote! { let refractory = &mut refractory[..count]; });
        }
        if !derived.tape.flags.is_empty() {
            equal.extend(quote! { let tape_flags = &mut tape_flags[..if TAPE { count } else { 0 }]; });
        }
        let extra = self.step_extra(|name| match name.to_string().as_str() {
            "refractory" => quote! { #name: &mut [u32] },
            "refractory_steps" => quote! { #name: u32 },
            "tape_flags" => quote! { #name: &mut [u8] },
            _ => quote! { #name: &mut [R] },
        });
        let mut text = vec!["One step of all neurons:".to_string(), String::new(), "```text".into()];
        text.extend(crate::explain::update_lines(self.model, derived));
        text.push("```".into());
        let (docs, attributes) = (doc_lines(&text), allow());
        quote! {
            #docs
            #attributes
            #[inline(always)]
            fn #function<R: #runtime::Real, C: #runtime::kernel::CoefficientRows<R>, const TAPE: bool>(
                coefficient: C,
                count: usize,
                #(#states: &mut [R],)*
                #(#events: &[R],)*
                #(#drives: &[R],)*
                #(#tape: &mut [R],)*
                #(#extra,)*
            ) {
                #equal
                for cell in 0..count {
                    #loads
                    #lets
                    #keep
                    #stores
                }
            }
        }
    }
}
