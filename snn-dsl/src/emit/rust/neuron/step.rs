//! One step of all neurons as a loop.

use super::cells::{Argument, Cells, Flag, Short};
use super::locals::Locals;
use super::{Emit, text_block};
use crate::derive::Program;
use crate::emit::rust::expression::{Scalar, Writer, leaves_of};
use crate::emit::rust::names::{Mentions, index};
use crate::expr::ExprId;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// What the code of a step calls things of its own.
const FIXED: &[&str] = &[
    "coefficient",
    "count",
    "cell",
    "step",
    "fired",
    "refractory",
    "refractory_steps",
    "tape_flags",
    "cells",
    "short",
    "tries",
    "longest",
    "saved",
    "saved_refractory",
];

impl Emit<'_> {
    pub(super) fn step(&self) -> Cells<'_> {
        let (runtime, real, derived) = (self.runtime, &self.items.real, &self.derived);
        let program = derived.step_program(true);
        let mut locals = Locals::new(self, &leaves_of(self.arena(), &program), FIXED);
        let fires = derived.step.threshold.map(|t| t.fires);
        let short = &self.items.flags.short;
        let mut writer = Writer::new(self.arena(), runtime, Scalar::Generic(real), locals.known(self), fires)
            .with_exponents(&derived.exponents, quote! { #short });
        let (before, mut body) = (locals.coefficients(self), locals.loads(self));
        writer.lets(&program, &derived.step.names, &mut locals.names, &mut body);
        let short = self.short(&program, &mut locals);
        if let Some(short) = &short {
            body.extend(self.save(short, &program, &writer));
        }
        let keep = self.keep(&writer, &locals);
        let keeps = !keep.is_empty();
        body.extend([keep, self.step_stores(&writer, &locals)]);
        let mut docs = vec!["One step of all neurons:".to_string(), String::new()];
        docs.extend(text_block(crate::explain::update_lines(self.model, derived)));
        let keeps = keeps.then(|| quote! { !(step.tape.is_empty() && step.tape_flags.is_empty()) });
        let [tape, outputs, events] = [&self.items.flags.tape, &self.items.flags.outputs, &self.items.flags.events];
        let mut flags = vec![Flag::new(tape, keeps)];
        if !locals.outputs.is_empty() {
            flags.push(Flag::new(outputs, Some(quote! { !step.outputs.is_empty() })));
        }
        let mut event_rows = Argument::rows(&locals.events, "events", false);
        if self.may_lack_events() {
            let when = Some(quote! { !step.events.is_empty() });
            flags.push(Flag { with: Some(tape.clone()), ..Flag::new(events, when) });
            event_rows = event_rows.optional(events);
        }
        Cells {
            items: &self.own.step,
            real,
            runtime,
            from: (format_ident!("step"), format_ident!("Step")),
            flags,
            docs,
            arguments: vec![
                Argument::rows(&locals.states, "states", true),
                event_rows,
                Argument::rows(&locals.drives, "drives", false),
                Argument::rows(&locals.noise.values().cloned().collect::<Vec<_>>(), "noise", false),
                Argument::rows(&locals.tape, "tape", true).optional(tape),
                Argument::rows(&locals.outputs, "outputs", true).optional(outputs),
                Argument::slice("fired", quote! { u8 }, true),
                Argument::slice("refractory", quote! { u16 }, true),
                Argument::value("refractory_steps", quote! { u16 }),
                Argument::slice("tape_flags", quote! { u8 }, true).optional(tape),
            ],
            short,
            mentions: Mentions::of(&quote! { #before #body }),
            before,
            body,
        }
    }

    /// What a loop for short steps takes, if there are exponents of steps.
    fn short(&self, program: &Program, locals: &mut Locals) -> Option<Short> {
        self.exponents(program).next()?;
        let saved = locals.names.take_all((0..locals.states.len()).map(|k| format!("saved_{k}")));
        let refractory = self.model.refractory.is_some();
        Some(Short { flag: self.items.flags.short.clone(), states: locals.states.clone(), saved, refractory })
    }

    /// The exponents of steps in a program.
    fn exponents(&self, program: &Program) -> impl Iterator<Item = ExprId> {
        let used = |&id: &ExprId| program.uses.contains(id);
        self.derived.exponents.in_order().into_iter().filter(used)
    }

    /// The longest step, and what the loop is about to overwrite.
    fn save(&self, short: &Short, program: &Program, writer: &Writer) -> TokenStream {
        let Short { flag, states, saved, .. } = short;
        let exponents = self.exponents(program).map(|z| {
            let z = writer.value(z);
            quote! { longest.see(#z); }
        });
        let refractory = short.refractory.then(|| quote! { saved_refractory[cell] = refractory[cell]; });
        quote! {
            if #flag {
                #(#exponents)*
                #(#saved[cell] = #states[cell];)*
                #refractory
            }
        }
    }

    /// The tape.
    fn keep(&self, writer: &Writer, locals: &Locals) -> TokenStream {
        let (real, tape) = (&self.items.real, &self.derived.tape);
        let mut lines = TokenStream::new();
        for (row, &id) in locals.tape.iter().zip(&tape.reals) {
            let value = writer.value(id);
            lines.extend(if self.arena().is_truth(id) {
                quote! { #row[cell] = if #value { #real::ONE } else { #real::ZERO }; }
            } else {
                quote! { #row[cell] = #value; }
            });
        }
        if !tape.flags.is_empty() {
            let bits = tape.flags.iter().enumerate().map(|(k, &id)| {
                let (shift, value) = (index(k), writer.value(id));
                if k == 0 {
                    quote! { u8::from(#value) }
                } else {
                    quote! { u8::from(#value) << #shift }
                }
            });
            lines.extend(quote! { tape_flags[cell] = #(#bits)|*; });
        }
        if lines.is_empty() {
            return lines;
        }
        let flag = &self.items.flags.tape;
        quote! { if #flag { #lines } }
    }

    /// The new states and the spikes.
    fn step_stores(&self, writer: &Writer, locals: &Locals) -> TokenStream {
        let (runtime, step) = (self.runtime, &self.derived.step);
        let mut lines = TokenStream::new();
        for (row, &end) in locals.states.iter().zip(&self.derived.ends) {
            let value = writer.value(end);
            lines.extend(quote! { #row[cell] = #value; });
        }
        if !locals.outputs.is_empty() {
            let set = locals.outputs.iter().zip(&step.outputs).map(|(row, &id)| {
                let value = writer.value(id);
                quote! { #row[cell] = #runtime::math::flush(#value); }
            });
            let flag = &self.items.flags.outputs;
            lines.extend(quote! { if #flag { #(#set)* } });
        }
        if let Some(threshold) = step.threshold {
            let fires = writer.value(threshold.fires);
            lines.extend(quote! { fired[cell] = u8::from(#fires); });
            if self.model.refractory.is_some() {
                lines.extend(quote! {
                    refractory[cell] = #runtime::math::select(#fires, refractory_steps, refractory[cell].saturating_sub(1));
                });
            }
        }
        lines
    }
}
