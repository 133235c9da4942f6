//! The description of a network that the engine runs.

use super::Emit;
use crate::emit::rust::expression::number_literal;
use crate::emit::rust::names::index;
use crate::emit::rust::neuron::allow;
use crate::model::{Delay, Initialiser, Layer, Observable, ProgramNode, Projection, Reduction, Source, Window};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

impl Emit<'_> {
    pub(super) fn graph(&self) -> TokenStream {
        let runtime = self.runtime;
        let network = self.network;
        let (name, real) = (&self.own.kind, &self.items.real);
        let inputs = network.inputs.iter().map(|i| {
            let (name, size) = (&i.name, index(i.size));
            quote! { #runtime::graph::Input { name: #name.into(), size: #size } }
        });
        let targets = network.targets.iter().map(|t| {
            let (name, size) = (&t.name, index(t.size));
            let kind = if t.is_class { format_ident!("Class") } else { format_ident!("Values") };
            let over_time = t.over_time;
            let kind = quote! { #runtime::graph::TargetKind::#kind(#size) };
            quote! { #runtime::graph::Target { name: #name.into(), kind: #kind, over_time: #over_time } }
        });
        let populations = network.layers.iter().map(|l| self.population(l));
        let projections = network.projections.iter().map(|p| self.projection(p));
        let nodes = network.program.nodes.iter().enumerate().map(|(k, node)| self.node(k, node));
        let losses = network.program.losses.iter().map(|l| index(l.1));
        let readouts = network.program.readouts.iter().map(|(name, node, _)| {
            let node = index(*node);
            quote! { (#name.into(), #node) }
        });
        let (dt, steps) = (number_literal(network.dt), index(network.steps));
        let (text, attributes) = (&network.name, allow());
        quote! {
            #attributes
            impl<#real: #runtime::Real> #name<#real> {
                /// The description that the engine runs.
                pub fn graph() -> #runtime::Graph<#real> {
                    #runtime::Graph {
                        name: #text.into(),
                        hash: Self::ID.hash.into(),
                        simulation: #runtime::Simulation { dt: #dt, steps: #steps },
                        inputs: ::std::vec![#(#inputs),*],
                        targets: ::std::vec![#(#targets),*],
                        populations: ::std::vec![#(#populations),*],
                        projections: ::std::vec![#(#projections),*],
                        program: #runtime::loss::Program {
                            nodes: ::std::vec![#(#nodes),*],
                            losses: ::std::vec![#(#losses),*],
                            readouts: ::std::vec![#(#readouts),*],
                        },
                    }
                }
            }
        }
    }

    fn population(&self, layer: &Layer) -> TokenStream {
        let runtime = self.runtime;
        let (name, size, dropout) = (&layer.name, index(layer.size), number_literal(layer.dropout));
        let Some(kernel) = self.neurons.get(layer.neuron).map(|n| n.kernel(&layer.values)) else {
            return TokenStream::new();
        };
        quote! {
            #runtime::graph::Population {
                name: #name.into(),
                size: #size,
                neuron: ::std::sync::Arc::new(#runtime::Compiled::new(#kernel)),
                dropout: #dropout,
            }
        }
    }

    fn projection(&self, p: &Projection) -> TokenStream {
        let runtime = self.runtime;
        let source = match p.source {
            Source::Input(i) => {
                let i = index(i);
                quote! { #runtime::graph::Source::Input(#i) }
            }
            Source::Layer(i) => {
                let i = index(i);
                quote! { #runtime::graph::Source::Population(#i) }
            }
        };
        let neuron = self.network.layers.get(p.target).and_then(|l| self.model.neurons.get(l.neuron));
        let unit = neuron.and_then(|n| n.events.get(p.port)).map(|q| q.dimension.base_unit()).unwrap_or_default();
        let delay = match p.delay {
            Delay::Steps(n) => {
                let n = index(n);
                quote! { #runtime::graph::Delay::Steps(#n) }
            }
            Delay::Time(t) => {
                let t = number_literal(t);
                quote! { #runtime::graph::Delay::Time(#t) }
            }
        };
        let sign = match p.sign {
            None => quote! { ::core::option::Option::None },
            Some(true) => quote! { ::core::option::Option::Some(#runtime::graph::Sign::Positive) },
            Some(false) => quote! { ::core::option::Option::Some(#runtime::graph::Sign::Negative) },
        };
        let initial = match p.initial {
            Initialiser::Constant(x) => {
                let x = number_literal(x);
                quote! { Constant(#x) }
            }
            Initialiser::Uniform { low, high } => {
                let (low, high) = (number_literal(low), number_literal(high));
                quote! { Uniform { low: #low, high: #high } }
            }
            Initialiser::Normal { mean, sd } => {
                let (mean, sd) = (number_literal(mean), number_literal(sd));
                quote! { Normal { mean: #mean, sd: #sd } }
            }
        };
        let (name, target, port) = (&p.name, index(p.target), index(p.port));
        let (bias, no_self, frozen) = (p.bias, p.no_self, p.frozen);
        let rate = number_literal(p.rate);
        let clip = p.clip.map(|end| match end {
            f64::NEG_INFINITY => quote! { ::core::primitive::f64::NEG_INFINITY },
            f64::INFINITY => quote! { ::core::primitive::f64::INFINITY },
            end => number_literal(end),
        });
        quote! {
            #runtime::graph::Projection {
                name: #name.into(),
                source: #source,
                target: #target,
                port: #port,
                unit: #unit.into(),
                delay: #delay,
                bias: #bias,
                sign: #sign,
                no_self: #no_self,
                frozen: #frozen,
                rate: #rate,
                clip: [#(#clip),*],
                initial: #runtime::initialise::Initialiser::#initial,
            }
        }
    }

    fn node(&self, k: usize, node: &ProgramNode) -> TokenStream {
        let runtime = self.runtime;
        let of = quote! { #runtime::loss };
        let reduction = |r: &Reduction| {
            let r = format_ident!("{}", format!("{r:?}"));
            quote! { #of::Reduction::#r }
        };
        match node {
            ProgramNode::Observe { layer, observable } => {
                let layer = index(*layer);
                let observable = match observable {
                    Observable::State(s) => {
                        let s = index(*s);
                        quote! { State(#s) }
                    }
                    Observable::Spikes => quote! { Spikes },
                    Observable::Output(k) => {
                        let k = index(*k);
                        quote! { Output(#k) }
                    }
                };
                quote! { #of::Node::Observe { population: #layer, observable: #of::Observable::#observable } }
            }
            ProgramNode::Map { inputs, .. } => {
                let name = self.own.maps.get(&k);
                let inputs = inputs.iter().map(|&k| index(k));
                quote! {
                    #of::Node::Map { inputs: ::std::vec![#(#inputs),*], function: ::std::sync::Arc::new(#name) }
                }
            }
            ProgramNode::ReduceTime { input, reduction: r, window: w } => {
                let (input, r, w) = (index(*input), reduction(r), window(w));
                quote! { #of::Node::ReduceTime { input: #input, reduction: #r, #w } }
            }
            ProgramNode::ReduceNeuron { input, reduction: r } => {
                let (input, r) = (index(*input), reduction(r));
                quote! { #of::Node::ReduceNeuron { input: #input, reduction: #r } }
            }
            ProgramNode::MeanSamples { input } => {
                let input = index(*input);
                quote! { #of::Node::MeanSamples { input: #input } }
            }
            ProgramNode::CrossEntropy { logits, target, window: w } => {
                let (logits, target, w) = (index(*logits), index(*target), window(w));
                quote! { #of::Node::CrossEntropy { logits: #logits, target: #target, #w } }
            }
            ProgramNode::MeanSquaredError { output, target, window: w } => {
                let (output, target, w) = (index(*output), index(*target), window(w));
                quote! { #of::Node::MeanSquaredError { output: #output, target: #target, #w } }
            }
        }
    }
}

fn window(window: &Window) -> TokenStream {
    let end = |t: Option<f64>| match t {
        Some(t) => {
            let t = number_literal(t);
            quote! { ::core::option::Option::Some(#t) }
        }
        None => quote! { ::core::option::Option::None },
    };
    let (from, to) = (end(window.from), end(window.to));
    quote! { from: #from, to: #to }
}
