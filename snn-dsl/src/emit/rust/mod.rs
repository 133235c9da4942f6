//! Rust: a struct with a kernel for every neuron model, a struct with an engine for every network.

mod expression;
mod names;
mod network;
mod neuron;

use crate::derive::derive;
use crate::model::Model;
use proc_macro2::TokenStream;
use quote::quote;

/// The code of a model. `runtime` is the path of the runtime crate.
pub fn module(model: &Model, runtime: &TokenStream) -> TokenStream {
    let derived: Vec<_> = model.neurons.iter().map(derive).collect();
    let neurons = model.neurons.iter().zip(&derived).map(|(m, d)| neuron::neuron(m, d, runtime));
    let networks = model.networks.iter().map(|n| network::network(model, &derived, n, runtime));
    quote! {
        #(#neurons)*
        #(#networks)*
    }
}
