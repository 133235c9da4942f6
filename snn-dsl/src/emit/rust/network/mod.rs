//! A network as a struct: its trained numbers and the engine that runs its description.

mod data;
mod graph;
mod maps;

use super::items::{Items, NetworkItems};
use super::neuron::{self, allow, doc_lines};
use crate::derive::identity_of;
use crate::model::{Connectivity, Model, Network};
use proc_macro2::TokenStream;
use quote::quote;

/// Emits one network.
pub(super) struct Emit<'a> {
    model: &'a Model,
    network: &'a Network,
    neurons: &'a [neuron::Emit<'a>],
    items: &'a Items,
    own: &'a NetworkItems,
    runtime: &'a TokenStream,
}

impl<'a> Emit<'a> {
    pub(super) fn new(
        model: &'a Model,
        network: &'a Network,
        neurons: &'a [neuron::Emit<'a>],
        items: &'a Items,
        own: &'a NetworkItems,
        runtime: &'a TokenStream,
    ) -> Self {
        Self { model, network, neurons, items, own, runtime }
    }

    /// The code of the network.
    pub(super) fn code(&self) -> TokenStream {
        let (structure, graph) = (self.structure(), self.graph());
        let (parameters, data, maps) = (self.parameters(), self.data(), self.maps());
        quote! { #structure #graph #data #parameters #maps }
    }

    fn has_targets(&self) -> bool {
        !self.network.targets.is_empty()
    }

    fn structure(&self) -> TokenStream {
        let (runtime, name, real) = (self.runtime, &self.own.kind, &self.items.real);
        let (inputs, targets, parameters) = (&self.own.inputs, &self.own.targets, &self.own.parameters);
        let mut docs = self.network.docs.clone();
        docs.push(String::new());
        let sizes: Vec<String> = self.network.layers.iter().map(|l| format!("{}[{}]", l.name, l.size)).collect();
        let from: Vec<String> = self.network.inputs.iter().map(|i| format!("{}[{}]", i.name, i.size)).collect();
        docs.push(format!("Inputs {}; layers {}.", from.join(", "), sizes.join(", ")));
        let docs = doc_lines(&docs);
        let hash = identity_of(self.model, self.network, |k| Some(self.neurons.get(k)?.derived()));
        let text = &self.network.name;
        let gradient = (!self.network.program.losses.is_empty()).then(|| {
            let (argument, data) = if self.has_targets() {
                (quote! { targets: &#targets<'a, #real>, }, quote! { targets.list() })
            } else {
                (quote! {}, quote! { ::std::vec::Vec::new() })
            };
            quote! {
                /// The loss, averaged over the samples, and its gradient by every trained number (overwritten).
                ///
                /// # Errors
                /// If an input or target does not fit the network, or the loss is not finite.
                pub fn loss_and_gradient<'a>(
                    &self,
                    inputs: &#inputs<'a>,
                    #argument
                    workspace: &mut #runtime::Workspace<#real>,
                    gradient: &mut #runtime::ParameterSet<#real>,
                ) -> ::core::result::Result<#runtime::Evaluation<#real>, #runtime::Error> {
                    let batch = #runtime::Batch { size: inputs.samples, inputs: inputs.list(), targets: #data };
                    self.engine.loss_and_gradient(&self.parameters, &batch, workspace, gradient)
                }
            }
        });
        let reads = self.network.projections.iter().any(|p| matches!(p.connectivity, Connectivity::Edges { .. }));
        let in_folder = reads.then(|| {
            quote! {
                /// The network on a time grid, with fresh weights and connections from files: their relative paths begin in
                /// this folder, and not in the current one as those of [`Self::new`] and [`Self::with`].
                ///
                /// # Errors
                /// If a file of connections cannot be read or does not fit the network, or the grid does not.
                pub fn in_folder(
                    folder: impl ::core::convert::AsRef<::std::path::Path>,
                    simulation: #runtime::Simulation,
                    seed: u64,
                ) -> ::core::result::Result<Self, #runtime::Error> {
                    let mut graph = Self::graph();
                    graph.simulation = simulation;
                    graph.read_edges(folder)?;
                    Self::from_graph(graph, seed)
                }
            }
        });
        let attributes = allow();
        quote! {
            #docs
            #attributes
            pub struct #name<#real: #runtime::Real = f32> {
                /// The trained numbers.
                pub parameters: #parameters<#real>,
                engine: #runtime::Network<#real>,
            }

            impl<#real: #runtime::Real> #name<#real> {
                /// The identity of the model in saved files: changes with sizes, projections, equations and constants.
                pub const ID: #runtime::ModelId<'static> = #runtime::ModelId { name: #text, hash: #hash };

                /// The network on the time grid of its text, with fresh weights.
                ///
                /// # Errors
                /// If the description does not fit together.
                pub fn new(seed: u64) -> ::core::result::Result<Self, #runtime::Error> {
                    Self::from_graph(Self::graph(), seed)
                }

                /// The network on another time grid, with fresh weights.
                ///
                /// # Errors
                /// If the grid does not fit the network.
                pub fn with(simulation: #runtime::Simulation, seed: u64) -> ::core::result::Result<Self, #runtime::Error> {
                    let mut graph = Self::graph();
                    graph.simulation = simulation;
                    Self::from_graph(graph, seed)
                }

                #in_folder

                fn from_graph(graph: #runtime::Graph<#real>, seed: u64) -> ::core::result::Result<Self, #runtime::Error> {
                    let engine = #runtime::Network::new(graph)?;
                    let parameters = #parameters(engine.initial_parameters(seed));
                    Ok(Self { parameters, engine })
                }

                /// The engine: time grid, layout of the trained numbers, number of lanes.
                pub fn engine(&self) -> &#runtime::Network<#real> {
                    &self.engine
                }

                /// Buffers for [`Self::forward`] and [`Self::loss_and_gradient`], to be reused from call to call.
                pub fn workspace(&self) -> #runtime::Workspace<#real> {
                    #runtime::Workspace::new()
                }

                /// A gradient of zeros.
                pub fn gradient(&self) -> #runtime::ParameterSet<#real> {
                    #runtime::ParameterSet::zeros(#runtime::Parameters::layout(&self.parameters).clone())
                }

                /// Runs the samples and returns the readouts, and what `recording` asks for.
                ///
                /// # Errors
                /// If an input does not fit the network.
                pub fn forward(
                    &self,
                    inputs: &#inputs<'_>,
                    recording: &#runtime::Recording,
                    workspace: &mut #runtime::Workspace<#real>,
                ) -> ::core::result::Result<#runtime::Readouts<#real>, #runtime::Error> {
                    let batch = #runtime::Batch {
                        size: inputs.samples,
                        inputs: inputs.list(),
                        targets: ::std::vec::Vec::new(),
                    };
                    self.engine.forward(&self.parameters, &batch, workspace, recording)
                }

                #gradient
            }
        }
    }
}
