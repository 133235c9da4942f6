//! A network as a struct: its trained numbers and the engine that runs its description.

use super::expression::{Scalar, Writer, number_literal};
use super::names::{ident, index, type_ident};
use super::neuron::{doc_lines, parameter_value};
use crate::derive::{Derived, map_gradients, schedule};
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::{
    Delay, Initialiser, Layer, Model, Network, Observable, ProgramNode, Projection, Reduction, Source, Window,
};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::collections::BTreeMap;

/// The code of one network.
pub(super) fn network(model: &Model, derived: &[Derived], network: &Network, runtime: &TokenStream) -> TokenStream {
    let emit = Emit { model, derived, network, runtime };
    let (structure, graph) = (emit.structure(), emit.graph());
    let (parameters, data, maps) = (emit.parameters(), emit.data(), emit.maps());
    quote! { #structure #graph #data #parameters #maps }
}

struct Emit<'a> {
    model: &'a Model,
    derived: &'a [Derived],
    network: &'a Network,
    runtime: &'a TokenStream,
}

impl Emit<'_> {
    fn type_with(&self, suffix: &str) -> proc_macro2::Ident {
        format_ident!("{}{suffix}", type_ident(&self.network.name))
    }

    fn has_targets(&self) -> bool {
        !self.network.targets.is_empty()
    }

    fn structure(&self) -> TokenStream {
        let runtime = self.runtime;
        let name = type_ident(&self.network.name);
        let (inputs, targets, parameters) =
            (self.type_with("Inputs"), self.type_with("Targets"), self.type_with("Parameters"));
        let mut docs = self.network.docs.clone();
        docs.push(String::new());
        let sizes: Vec<String> = self.network.layers.iter().map(|l| format!("{}[{}]", l.name, l.size)).collect();
        let from: Vec<String> = self.network.inputs.iter().map(|i| format!("{}[{}]", i.name, i.size)).collect();
        docs.push(format!("Inputs {}; layers {}.", from.join(", "), sizes.join(", ")));
        let docs = doc_lines(&docs);
        let hash = crate::build::hash(self.model, self.network);
        let text = &self.network.name;
        let gradient = (!self.network.program.losses.is_empty()).then(|| {
            let (argument, data) = if self.has_targets() {
                (quote! { targets: &#targets<'a, R>, }, quote! { targets.list() })
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
                    workspace: &mut #runtime::Workspace<R>,
                    gradient: &mut #runtime::ParameterSet<R>,
                ) -> ::core::result::Result<#runtime::Evaluation<R>, #runtime::Error> {
                    let batch = #runtime::Batch { size: inputs.samples, inputs: inputs.list(), targets: #data };
                    self.engine.loss_and_gradient(&self.parameters, &batch, workspace, gradient)
                }
            }
        });
        quote! {
            #docs
            pub struct #name<R: #runtime::Real = f32> {
                /// The trained numbers.
                pub parameters: #parameters<R>,
                engine: #runtime::Network<R>,
            }

            impl<R: #runtime::Real> #name<R> {
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

                fn from_graph(graph: #runtime::Graph<R>, seed: u64) -> ::core::result::Result<Self, #runtime::Error> {
                    let engine = #runtime::Network::new(graph)?;
                    let parameters = #parameters(engine.initial_parameters(seed));
                    Ok(Self { parameters, engine })
                }

                /// The engine: time grid, layout of the trained numbers, number of lanes.
                pub fn engine(&self) -> &#runtime::Network<R> {
                    &self.engine
                }

                /// Buffers for [`Self::forward`] and [`Self::loss_and_gradient`], to be reused from call to call.
                pub fn workspace(&self) -> #runtime::Workspace<R> {
                    #runtime::Workspace::new()
                }

                /// A gradient of zeros.
                pub fn gradient(&self) -> #runtime::ParameterSet<R> {
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
                    workspace: &mut #runtime::Workspace<R>,
                ) -> ::core::result::Result<#runtime::Readouts<R>, #runtime::Error> {
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

    /// What goes into a call, by name.
    fn data(&self) -> TokenStream {
        let runtime = self.runtime;
        let (inputs, targets) = (self.type_with("Inputs"), self.type_with("Targets"));
        let names: Vec<_> = self.network.inputs.iter().map(|i| ident(&i.name)).collect();
        let fields = self.network.inputs.iter().zip(&names).map(|(input, name)| {
            let docs = doc_lines(&[format!("{} channels.", input.size)]);
            quote! { #docs pub #name: #runtime::InputData<'a> }
        });
        // A network without inputs still has a lifetime, so that all networks are used alike.
        let marker = names.is_empty().then(|| {
            quote! { #[doc(hidden)] pub marker: ::core::marker::PhantomData<&'a ()>, }
        });
        let title = doc_lines(&[format!("The inputs of some samples of [`{}`].", type_ident(&self.network.name))]);
        let mut code = quote! {
            #title
            #[derive(Clone, Copy)]
            pub struct #inputs<'a> {
                /// The number of samples.
                pub samples: usize,
                #(#fields,)*
                #marker
            }

            impl<'a> #inputs<'a> {
                fn list(&self) -> ::std::vec::Vec<#runtime::InputData<'a>> {
                    ::std::vec![#(self.#names),*]
                }
            }
        };
        if self.has_targets() {
            let names: Vec<_> = self.network.targets.iter().map(|t| ident(&t.name)).collect();
            let fields = self.network.targets.iter().zip(&names).map(|(target, name)| {
                let kind = if target.is_class { "classes" } else { "numbers" };
                let docs = doc_lines(&[format!("{} {kind}.", target.size)]);
                quote! { #docs pub #name: #runtime::TargetData<'a, R> }
            });
            let title = doc_lines(&[format!("The targets of some samples of [`{}`].", type_ident(&self.network.name))]);
            code.extend(quote! {
                #title
                #[derive(Clone, Copy)]
                pub struct #targets<'a, R: #runtime::Real = f32> { #(#fields,)* }

                impl<'a, R: #runtime::Real> #targets<'a, R> {
                    fn list(&self) -> ::std::vec::Vec<#runtime::TargetData<'a, R>> {
                        ::std::vec![#(self.#names),*]
                    }
                }
            });
        }
        code
    }

    /// The trained numbers with a method for every tensor.
    fn parameters(&self) -> TokenStream {
        let runtime = self.runtime;
        let name = self.type_with("Parameters");
        let mut methods = TokenStream::new();
        for p in &self.network.projections {
            let (from, to) = (self.source_size(p), self.layer_size(p.target));
            let tensor = format!("{}.weight", p.name);
            let method = ident(&format!("{}_weight", p.name));
            let docs = doc_lines(&[format!("`{}`, `[{from}, {to}]`.", p.text)]);
            methods.extend(quote! {
                #docs
                pub fn #method(&self) -> #runtime::ndarray::ArrayView2<'_, R> { self.0.matrix(#tensor) }
            });
            if p.bias {
                let tensor = format!("{}.bias", p.name);
                let method = ident(&format!("{}_bias", p.name));
                let docs = doc_lines(&[format!("The bias of `{}`, `[{to}]`.", p.text)]);
                methods.extend(quote! {
                    #docs
                    pub fn #method(&self) -> #runtime::ndarray::ArrayView1<'_, R> { self.0.vector(#tensor) }
                });
            }
        }
        let title = doc_lines(&[format!(
            "The trained numbers of [`{}`]; optimisers and files see them as [`Parameters`](trait.Parameters.html).",
            type_ident(&self.network.name)
        )]);
        quote! {
            #title
            #[derive(Clone, Debug, PartialEq)]
            pub struct #name<R: #runtime::Real = f32>(#runtime::ParameterSet<R>);

            impl<R: #runtime::Real> #name<R> { #methods }

            impl<R: #runtime::Real> #runtime::Parameters<R> for #name<R> {
                fn layout(&self) -> &::std::sync::Arc<#runtime::Layout> { #runtime::Parameters::layout(&self.0) }
                fn values(&self) -> &[R] { #runtime::Parameters::values(&self.0) }
                fn values_mut(&mut self) -> &mut [R] { #runtime::Parameters::values_mut(&mut self.0) }
            }
        }
    }

    fn source_size(&self, p: &Projection) -> usize {
        match p.source {
            Source::Input(i) => self.network.inputs.get(i).map_or(0, |s| s.size),
            Source::Layer(i) => self.layer_size(i),
        }
    }

    fn layer_size(&self, layer: usize) -> usize {
        self.network.layers.get(layer).map_or(0, |l| l.size)
    }

    fn graph(&self) -> TokenStream {
        let runtime = self.runtime;
        let network = self.network;
        let name = type_ident(&network.name);
        let inputs = network.inputs.iter().map(|i| {
            let (name, size) = (&i.name, index(i.size));
            quote! { #runtime::graph::Input { name: #name.into(), size: #size } }
        });
        let targets = network.targets.iter().map(|t| {
            let (name, size) = (&t.name, index(t.size));
            let kind = if t.is_class { format_ident!("Class") } else { format_ident!("Values") };
            quote! { #runtime::graph::Target { name: #name.into(), kind: #runtime::graph::TargetKind::#kind(#size) } }
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
        let text = &network.name;
        quote! {
            impl<R: #runtime::Real> #name<R> {
                /// The description that the engine runs.
                pub fn graph() -> #runtime::Graph<R> {
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
        let (name, size) = (&layer.name, index(layer.size));
        let (Some(model), Some(derived)) = (self.model.neurons.get(layer.neuron), self.derived.get(layer.neuron))
        else {
            return TokenStream::new();
        };
        let kind = type_ident(&model.name);
        let values: Vec<TokenStream> = layer
            .values
            .iter()
            .filter_map(|&(index, value)| {
                let field = ident(&model.parameters.get(index)?.quantity.name);
                let value = parameter_value(derived, index, value, runtime);
                Some(quote! { #field: #value })
            })
            .collect();
        let all = values.len() == model.parameters.len();
        let rest = (!all).then(|| quote! { ..::core::default::Default::default() });
        let kernel = if values.is_empty() {
            quote! { <#kind as ::core::default::Default>::default() }
        } else {
            quote! { #kind { #(#values,)* #rest } }
        };
        quote! {
            #runtime::graph::Population {
                name: #name.into(),
                size: #size,
                neuron: ::std::sync::Arc::new(#runtime::Compiled::new(#kernel)),
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
                initial: #runtime::initialise::Initialiser::#initial,
            }
        }
    }

    fn map_name(&self, node: usize) -> proc_macro2::Ident {
        format_ident!("{}Map{node}", type_ident(&self.network.name))
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
                };
                quote! { #of::Node::Observe { population: #layer, observable: #of::Observable::#observable } }
            }
            ProgramNode::Map { inputs, .. } => {
                let name = self.map_name(k);
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

    /// The elementwise functions of losses and readouts.
    fn maps(&self) -> TokenStream {
        let nodes = self.network.program.nodes.iter().enumerate();
        let maps = nodes.filter_map(|(k, node)| match node {
            ProgramNode::Map { inputs, function } => Some(self.map(k, inputs.len(), *function)),
            _ => None,
        });
        quote! { #(#maps)* }
    }

    fn map(&self, node: usize, inputs: usize, function: ExprId) -> TokenStream {
        let runtime = self.runtime;
        let name = self.map_name(node);
        let mut arena = self.network.program.arena.clone();
        let gradients = map_gradients(&mut arena, function, inputs);
        let names: Vec<_> = (0..inputs).map(|k| format_ident!("x{k}")).collect();
        let known = |arena: &mut Arena| {
            let mut known: BTreeMap<ExprId, TokenStream> = BTreeMap::new();
            for (k, name) in names.iter().enumerate() {
                known.insert(arena.leaf(Leaf::Argument(k as u16)), quote! { #name });
            }
            known.insert(arena.leaf(Leaf::OutputAdjoint(0)), quote! { y_bar });
            known
        };
        let known = known(&mut arena);
        let text = arena.show(function, &|id| known.get(&id).map(ToString::to_string));
        let docs = doc_lines(&[format!("`{text}`, element by element.")]);
        let loads = |reads: &[ExprId]| -> TokenStream {
            let lines = names.iter().enumerate().filter_map(|(k, name)| {
                let leaf = Leaf::Argument(k as u16);
                let is_read = reads.iter().any(|&r| arena.depends_on(r, leaf));
                is_read.then(|| {
                    let k = index(k);
                    quote! { let #name = inputs[#k][i]; }
                })
            });
            quote! { #(#lines)* }
        };
        let body = |roots: &[ExprId]| {
            let program = schedule(&arena, roots.iter().copied(), &Default::default(), None);
            let mut writer = Writer::new(&arena, runtime, Scalar::Generic, known.clone(), None);
            let lets = writer.lets(&program, &BTreeMap::new());
            let values: Vec<TokenStream> = roots.iter().map(|&r| writer.value(r)).collect();
            (lets, values)
        };
        let (value_lets, value) = body(&[function]);
        let value_loads = loads(&[function]);
        let (gradient_lets, values) = body(&gradients);
        let gradient_loads = loads(&gradients);
        // The slope of a linear function reads nothing.
        let gradient_inputs =
            if gradient_loads.is_empty() { format_ident!("_inputs") } else { format_ident!("inputs") };
        let lines = values.iter().enumerate().map(|(k, v)| {
            let k = index(k);
            quote! { input_gradients[#k][i] += #v; }
        });
        quote! {
            #docs
            struct #name;

            impl<R: #runtime::Real> #runtime::loss::Map<R> for #name {
                fn value(&self, inputs: &[&[R]], out: &mut [R]) {
                    for (i, y) in out.iter_mut().enumerate() {
                        #value_loads
                        #value_lets
                        *y = #(#value)*;
                    }
                }

                fn gradient(&self, #gradient_inputs: &[&[R]], out_gradient: &[R], input_gradients: &mut [&mut [R]]) {
                    for (i, &y_bar) in out_gradient.iter().enumerate() {
                        #gradient_loads
                        #gradient_lets
                        #(#lines)*
                    }
                }
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
