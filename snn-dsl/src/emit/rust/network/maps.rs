//! The elementwise functions of losses and readouts, with their derivatives.

use super::Emit;
use crate::derive::{map_gradients, schedule};
use crate::emit::rust::expression::{Name, Scalar, Value, Writer};
use crate::emit::rust::names::{Mentions, index};
use crate::emit::rust::neuron::{allow, doc_lines};
use crate::expr::{ExprId, IdMap, Leaf};
use crate::model::ProgramNode;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use std::collections::BTreeMap;

/// What the code calls things of its own.
const FIXED: &[&str] = &["inputs", "out", "i", "y_bar", "count", "out_gradient", "input_gradients"];

impl Emit<'_> {
    /// All functions of the network.
    pub(super) fn maps(&self) -> TokenStream {
        let nodes = self.network.program.nodes.iter().enumerate();
        let maps = nodes.filter_map(|(k, node)| match node {
            ProgramNode::Map { inputs, function } => Some(self.map(self.own.maps.get(&k)?, inputs.len(), *function)),
            _ => None,
        });
        maps.collect()
    }

    fn map(&self, name: &Ident, inputs: usize, function: ExprId) -> TokenStream {
        let (runtime, real) = (self.runtime, &self.items.real);
        let mut arena = self.network.program.arena.clone();
        let gradients = map_gradients(&mut arena, function, inputs);
        let mut names = self.items.names.inside();
        names.reserve(FIXED);
        let arguments = names.take_all((0..inputs).map(|k| format!("x{k}")));
        let rows = names.take_all((0..inputs).map(|k| format!("x{k}_all")));
        let sums = names.take_all((0..inputs).map(|k| format!("x{k}_bar_all")));
        let mut known: IdMap<Name> = IdMap::default();
        for (k, name) in arguments.iter().enumerate() {
            known.insert(arena.leaf(Leaf::Argument(k as u16)), Name::Local(name.clone()));
        }
        known.insert(arena.leaf(Leaf::OutputAdjoint(0)), Name::Local(format_ident!("y_bar")));
        let text = arena.show(function, &|id| known.get(id).map(|name| name.to_token_stream().to_string()));
        let docs = doc_lines(&[format!("`{text}`, element by element.")]);

        let body = |roots: &[ExprId], store: &dyn Fn(usize, Value) -> TokenStream| {
            let mut writer = Writer::new(&arena, runtime, Scalar::Generic(real), known.clone(), None);
            let program = schedule(&arena, roots.iter().copied(), &Default::default(), None);
            let mut rest = TokenStream::new();
            writer.lets(&program, &BTreeMap::new(), &mut names.inside(), &mut rest);
            rest.extend(roots.iter().enumerate().map(|(k, &root)| store(k, writer.value(root))));
            let mentions = Mentions::of(&rest);
            let read = || arguments.iter().zip(&rows).enumerate().filter(|(_, (name, _))| mentions.contain(name));
            let loads = read().map(|(_, (name, row))| quote! { let #name = #row[i]; });
            // Slices of one length: no place is tested in the loop.
            let slices = read().map(|(k, (_, row))| {
                let k = index(k);
                quote! { let #row = &inputs[#k][..count]; }
            });
            (quote! { #(#loads)* #rest }, quote! { #(#slices)* })
        };
        let (value, value_rows) = body(&[function], &|_, value| quote! { out[i] = #value; });
        let (gradient, gradient_rows) = body(&gradients, &|k, value| {
            let sum = &sums[k];
            quote! { #sum[i] += #value; }
        });
        let in_gradient = Mentions::of(&gradient);
        // Slopes of zero read no gradient.
        let y_bar = format_ident!("y_bar");
        let load = in_gradient.contain(&y_bar).then(|| quote! { let #y_bar = out_gradient[i]; });
        let inputs_of = |rows: &TokenStream| format_ident!("{}", if rows.is_empty() { "_inputs" } else { "inputs" });
        let (value_inputs, gradient_inputs) = (inputs_of(&value_rows), inputs_of(&gradient_rows));
        let attributes = allow();
        quote! {
            #docs
            #attributes
            struct #name;

            #attributes
            impl #runtime::loss::MapKernel for #name {
                #[inline(always)]
                fn value<#real: #runtime::Real>(#value_inputs: &[&[#real]], out: &mut [#real]) {
                    let count = out.len();
                    #value_rows
                    for i in 0..count { #value }
                }

                #[inline(always)]
                fn gradient<#real: #runtime::Real>(
                    #gradient_inputs: &[&[#real]],
                    out_gradient: &[#real],
                    input_gradients: &mut [&mut [#real]],
                ) {
                    let count = out_gradient.len();
                    #gradient_rows
                    let [#(#sums),*] = input_gradients else { return };
                    #(let #sums = &mut #sums[..count];)*
                    for i in 0..count { #load #gradient }
                }
            }
        }
    }
}
