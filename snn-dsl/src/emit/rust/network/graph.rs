//! The description of a network that the engine runs.

use super::Emit;
use crate::emit::rust::expression::number_literal;
use crate::emit::rust::names::index;
use crate::emit::rust::neuron::allow;
use crate::model::{
    ConnectionRead, Connectivity, Delay, Initialiser, Layer, Observable, Plasticity, ProgramNode, Projection,
    Reduction, Signal, Sliding, Source, Window,
};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

impl Emit<'_> {
    pub(super) fn graph(&self) -> TokenStream {
        let runtime = self.runtime;
        let network = self.network;
        let (name, real) = (&self.own.kind, &self.items.real);
        let inputs = network.inputs.iter().map(|i| {
            let (name, size) = (&i.name, index(i.size));
            let kind = format_ident!("{}", if i.is_values { "Values" } else { "Spikes" });
            let kind = quote! { #runtime::graph::InputKind::#kind };
            quote! { #runtime::graph::Input { name: #name.into(), size: #size, kind: #kind } }
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
        let rules = network
            .projections
            .iter()
            .enumerate()
            .filter_map(|(k, p)| Some(self.plasticity(k, p.plasticity.as_ref()?)));
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
                        plasticity: ::std::vec![#(#rules),*],
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

    /// What differs from the usual projection: dense, at once, trained.
    fn projection(&self, p: &Projection) -> TokenStream {
        let runtime = self.runtime;
        let (name, target, port) = (&p.name, index(p.target), index(p.port));
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
        let mut fields = TokenStream::new();
        let mut field = |name: &str, value: TokenStream| {
            let name = format_ident!("{name}");
            fields.extend(quote! { #name: #value, });
        };
        match p.signal {
            Signal::Spikes => {}
            Signal::State(state) => {
                let state = index(state);
                field("signal", quote! { #runtime::graph::Signal::State(#state) });
            }
            Signal::Output(output) => {
                let output = index(output);
                field("signal", quote! { #runtime::graph::Signal::Output(#output) });
            }
        }
        if let Some(tied) = p.tied {
            let tied = index(tied);
            field("tied", quote! { ::core::option::Option::Some(#tied) });
        }
        let parts = [("sources", self.network.part_of_source(p)), ("targets", self.network.part_of_target(p))];
        for (name, part) in parts {
            if let Some(part) = part {
                let (start, end) = (index(part.start), index(part.end));
                field(name, quote! { ::core::option::Option::Some(#start..#end) });
            }
        }
        if p.connectivity != Connectivity::Dense {
            field("connectivity", self.connectivity(&p.connectivity));
        }
        let unit = p.unit.base_unit();
        if !unit.is_empty() {
            field("unit", quote! { #unit.into() });
        }
        if p.delay != Delay::Steps(0) {
            let delay = delay(p.delay);
            field("delay", quote! { #runtime::graph::Delay::#delay });
        }
        if let Some(positive) = p.sign {
            let sign = format_ident!("{}", if positive { "Positive" } else { "Negative" });
            field("sign", quote! { ::core::option::Option::Some(#runtime::graph::Sign::#sign) });
        }
        for (name, value) in [("bias", p.bias), ("no_self", p.no_self), ("frozen", p.frozen)] {
            if value {
                field(name, quote! { true });
            }
        }
        if p.rate != 1.0 {
            field("rate", number_literal(p.rate));
        }
        if p.clip != [f64::NEG_INFINITY, f64::INFINITY] {
            let clip = p.clip.map(|end| match end {
                f64::NEG_INFINITY => quote! { ::core::primitive::f64::NEG_INFINITY },
                f64::INFINITY => quote! { ::core::primitive::f64::INFINITY },
                end => number_literal(end),
            });
            field("clip", quote! { [#(#clip),*] });
        }
        let initial = initialiser(p.initial);
        field("initial", quote! { #runtime::initialise::Initialiser::#initial });
        quote! {
            #runtime::graph::Projection {
                #fields
                ..#runtime::graph::Projection::new(#name, #source, #target, #port)
            }
        }
    }

    fn plasticity(&self, projection: usize, rule: &Plasticity) -> TokenStream {
        let runtime = self.runtime;
        let projection = index(projection);
        let states = rule.states.iter().map(|(name, dimension, initial)| {
            let (unit, initial) = (dimension.base_unit(), number_literal(*initial));
            quote! { (#runtime::Quantity { name: #name.into(), unit: #unit.into() }, #initial) }
        });
        let reads = rule.reads.iter().map(|read| match *read {
            ConnectionRead::Source(layer, state) => {
                let (layer, state) = (index(layer), index(state));
                quote! { #runtime::graph::Read::Source(#layer, #state) }
            }
            ConnectionRead::Target(output) => {
                let output = index(output);
                quote! { #runtime::graph::Read::Target(#output) }
            }
        });
        let kernel = |neuron: Option<usize>| match neuron.and_then(|i| self.neurons.get(i)) {
            Some(neuron) => {
                let kernel = neuron.kernel(&Vec::new());
                quote! { ::core::option::Option::Some(::std::sync::Arc::new(#runtime::Compiled::new(#kernel))) }
            }
            None => quote! { ::core::option::Option::None },
        };
        let (on_pre, on_post, flow) = (kernel(rule.on_pre), kernel(rule.on_post), kernel(rule.flow));
        quote! {
            #runtime::graph::Plasticity {
                projection: #projection,
                states: ::std::vec![#(#states),*],
                reads: ::std::vec![#(#reads),*],
                on_pre: #on_pre,
                on_post: #on_post,
                flow: #flow,
            }
        }
    }

    fn connectivity(&self, kind: &Connectivity) -> TokenStream {
        let runtime = self.runtime;
        let of = quote! { #runtime::connectivity };
        let drawn = |kind: &str, count: usize, seed: u64| {
            let (kind, count, seed) = (format_ident!("{kind}"), index(count), Literal::u64_unsuffixed(seed));
            quote! { #of::Connectivity::#kind { count: #count, seed: #seed } }
        };
        let window = |kind: &str, w: Sliding| {
            let kind = format_ident!("{kind}");
            let sides = |sides: &[usize]| {
                let sides = sides.iter().map(|&side| index(side));
                quote! { [#(#sides),*] }
            };
            let (source, target, kernel) = (sides(&w.source), sides(&w.target), sides(&w.kernel));
            let (stride, padding) = (sides(&w.stride), sides(&w.padding));
            quote! {
                #of::Connectivity::#kind(#of::Grid {
                    source: #source, target: #target, kernel: #kernel, stride: #stride, padding: #padding,
                })
            }
        };
        match *kind {
            Connectivity::Dense => quote! { #of::Connectivity::Dense },
            Connectivity::OneToOne => quote! { #of::Connectivity::OneToOne },
            Connectivity::Random { probability, seed } => {
                let (probability, seed) = (number_literal(probability), Literal::u64_unsuffixed(seed));
                quote! { #of::Connectivity::Random { probability: #probability, seed: #seed } }
            }
            Connectivity::FixedIndegree { count, seed } => drawn("FixedIndegree", count, seed),
            Connectivity::FixedOutdegree { count, seed } => drawn("FixedOutdegree", count, seed),
            Connectivity::Edges { ref file } => quote! { #of::Connectivity::File(#file.into()) },
            Connectivity::Convolution(w) => window("Convolution", w),
            Connectivity::Pool(w) => window("Pool", w),
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
                    #of::Node::Map { inputs: ::std::vec![#(#inputs),*], function: ::std::sync::Arc::new(#of::CompiledMap::<#name>::new()) }
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

fn delay(delay: Delay) -> TokenStream {
    match delay {
        Delay::Steps(n) => {
            let n = index(n);
            quote! { Steps(#n) }
        }
        Delay::Time(t) => {
            let t = number_literal(t);
            quote! { Time(#t) }
        }
        Delay::Uniform { low, high } => {
            let (low, high) = (number_literal(low), number_literal(high));
            quote! { Uniform { low: #low, high: #high, seed: 0 } }
        }
    }
}

fn initialiser(initial: Initialiser) -> TokenStream {
    match initial {
        Initialiser::Constant(x) => {
            let x = number_literal(x);
            quote! { Constant(#x) }
        }
        Initialiser::Uniform { low, high } => {
            let (low, high) = (number_literal(low), number_literal(high));
            quote! { Uniform { low: #low, high: #high } }
        }
        Initialiser::FanIn => {
            let gain = number_literal(Initialiser::GAIN);
            quote! { KaimingUniform { gain: #gain } }
        }
        Initialiser::Normal { mean, sd } => {
            let (mean, sd) = (number_literal(mean), number_literal(sd));
            quote! { Normal { mean: #mean, sd: #sd } }
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
