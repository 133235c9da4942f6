//! The reverse of one step of all neurons as a loop.

use super::cells::{Argument, Cells, Flag};
use super::locals::Locals;
use super::{Emit, text_block};
use crate::emit::rust::expression::{Name, Scalar, Writer, leaves_of};
use crate::emit::rust::names::{Mentions, index};
use crate::expr::{ExprId, IdMap, Node};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// What the code of an adjoint calls things of its own.
const FIXED: &[&str] =
    &["coefficient", "count", "cell", "adjoint", "spike_gradient", "spikes", "impulse", "tape_flags"];

impl Emit<'_> {
    pub(super) fn adjoint(&self) -> Cells<'_> {
        let (runtime, real, derived, arena) = (self.runtime, &self.items.real, &self.derived, self.arena());
        let program = derived.reverse_program();
        let on_tape = derived.tape.stored();
        let mut reads = leaves_of(arena, &program);
        // A state on the tape is read from there.
        reads.retain(|leaf| !on_tape.iter().any(|&id| arena.node(id) == Node::Leaf(*leaf)));
        let mut locals = Locals::new(self, &reads, FIXED);
        let differentiated = derived.differentiated.iter().filter_map(|&c| derived.coefficients.get(c));
        let gradients = locals.names.take_all(differentiated.map(|c| format!("gradient_{}", c.name)));
        let mut known = locals.known(self);
        let (before, mut body) = (locals.coefficients(self), locals.loads(self));
        body.extend(self.recall(&mut locals, &mut known));
        let mut writer = Writer::new(arena, runtime, Scalar::Generic(real), known, None)
            .with_exponents(&derived.exponents, quote! { false });
        let mut wishes = derived.step.names.clone();
        wishes.extend(derived.reverse.names.iter().map(|(id, name)| (*id, name.clone())));
        writer.lets(&program, &wishes, &mut locals.names, &mut body);
        body.extend(self.adjoint_stores(&writer, &locals, &gradients));
        let mut docs = vec![
            "The reverse of one step of all neurons (`q_bar` is the derivative of the loss by q):".to_string(),
            String::new(),
        ];
        docs.extend(text_block(crate::explain::adjoint_lines(self.model, derived)));
        let (drives, impulse) = (!self.model.drives.is_empty(), derived.reverse.impulse.is_some());
        let (flag_of_drives, flag_of_impulse) = (&self.items.flags.drives, &self.items.flags.impulse);
        Cells {
            items: &self.own.adjoint,
            real,
            runtime,
            from: (format_ident!("adjoint"), format_ident!("Adjoint")),
            flags: [Flag::new(flag_of_drives, drives.then(|| quote! { !adjoint.drive_gradient.is_empty() }))]
                .into_iter()
                .chain(impulse.then(|| Flag::new(flag_of_impulse, Some(quote! { !adjoint.impulse.is_empty() }))))
                .collect(),
            docs,
            arguments: vec![
                Argument::rows(&locals.states, "state_gradient", true),
                Argument::rows(&locals.events, "event_gradient", true),
                Argument::rows(&locals.drives, "drive_gradient", true).optional(flag_of_drives),
                Argument::rows(&locals.tape, "tape", false),
                Argument::rows(&gradients, "coefficient_gradient", true),
                Argument::rows(&locals.outputs, "output_gradient", false),
                Argument::slice("spike_gradient", quote! { #real }, false),
                Argument::slice("impulse", quote! { #real }, true).optional(flag_of_impulse),
                Argument::slice("spikes", quote! { #real }, false),
                Argument::slice("tape_flags", quote! { u8 }, false),
            ],
            short: None,
            mentions: Mentions::of(&quote! { #before #body }),
            before,
            body,
        }
    }

    /// What the step kept: the tape and the spikes.
    fn recall(&self, locals: &mut Locals, known: &mut IdMap<Name>) -> TokenStream {
        let (derived, real) = (&self.derived, &self.items.real);
        let mut lines = TokenStream::new();
        let wish = |id: ExprId, other: String| derived.step.names.get(&id).cloned().unwrap_or(other);
        for (k, (row, &id)) in locals.tape.iter().zip(&derived.tape.reals).enumerate() {
            let name = locals.names.take(&wish(id, format!("kept_{k}")));
            lines.extend(if self.arena().is_truth(id) {
                quote! { let #name = #row[cell] != #real::ZERO; }
            } else {
                quote! { let #name = #row[cell]; }
            });
            known.insert(id, Name::Local(name));
        }
        for (k, &id) in derived.tape.flags.iter().enumerate() {
            let name = locals.names.take(&format!("flag_{k}"));
            let k = index(k);
            lines.extend(quote! { let #name = tape_flags[cell] & (1 << #k) != 0; });
            known.insert(id, Name::Local(name));
        }
        if let Some(threshold) = derived.step.threshold
            && derived.tape.reads_spikes
        {
            let name = locals.names.take(&wish(threshold.z, "z".into()));
            lines.extend(quote! { let #name = spikes[cell]; });
            known.insert(threshold.z, Name::Local(name));
        }
        lines
    }

    /// The gradients of everything that the step read.
    fn adjoint_stores(&self, writer: &Writer, locals: &Locals, gradients: &[Ident]) -> TokenStream {
        let (runtime, reverse) = (self.runtime, &self.derived.reverse);
        let set = |rows: &[Ident], values: &[ExprId]| -> TokenStream {
            let lines = rows.iter().zip(values).map(|(row, &id)| {
                let value = writer.value(id);
                quote! { #row[cell] = #runtime::math::flush(#value); }
            });
            lines.collect()
        };
        let mut lines = set(&locals.events, &reverse.events);
        if let Some(id) = reverse.impulse {
            let value = writer.value(id);
            let flag = &self.items.flags.impulse;
            lines.extend(quote! { if #flag { impulse[cell] = #runtime::math::flush(#value); } });
        }
        for (row, &id) in gradients.iter().zip(&reverse.coefficients) {
            let value = writer.value(id);
            lines.extend(quote! { #row[cell] += #value; });
        }
        if !locals.drives.is_empty() {
            let drives = set(&locals.drives, &reverse.drives);
            let flag = &self.items.flags.drives;
            lines.extend(quote! { if #flag { #drives } });
        }
        // Of a silent state it is 0 and stays 0.
        let heard = (0..locals.states.len()).filter(|i| !reverse.silent.contains(i));
        let (rows, values): (Vec<_>, Vec<_>) = heard.map(|i| (locals.states[i].clone(), reverse.states[i])).unzip();
        lines.extend(set(&rows, &values));
        lines
    }
}
