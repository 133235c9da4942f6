//! Rust: a struct with a kernel for every neuron model, a struct with an engine for every network.

mod expression;
mod items;
mod names;
mod network;
mod neuron;

use crate::derive::derive_of;
use crate::model::Model;
use proc_macro2::TokenStream;
use quote::quote;

/// The code of a model. `runtime` is the path of the runtime crate.
pub fn module(model: &Model, runtime: &TokenStream) -> TokenStream {
    let items = items::Items::new(model, runtime);
    let emitted: Vec<neuron::Emit> = model
        .neurons
        .iter()
        .zip(&items.neurons)
        .enumerate()
        .filter_map(|(k, (neuron, own))| Some(neuron::Emit::new(neuron, derive_of(model, k)?, &items, own, runtime)))
        .collect();
    let neurons = emitted.iter().map(neuron::Emit::code);
    let networks = model
        .networks
        .iter()
        .zip(&items.networks)
        .map(|(n, own)| network::Emit::new(model, n, &emitted, &items, own, runtime).code());
    quote! {
        #(#neurons)*
        #(#networks)*
    }
}
