//! A network for the engine, with interpreted neurons and losses.

use super::code::{Code, Decisions, Input};
use super::neuron::Interpreted;
use crate::derive::schedule;
use crate::expr::{Arena, ExprId, IdSet, Leaf};
use crate::model::{self, Model, Network, Observable, ProgramNode, Reduction};
use snn_runtime::connectivity::{Connectivity, Grid};
use snn_runtime::graph::{self, Graph};
use snn_runtime::initialise::Initialiser;
use snn_runtime::loss::{self, Map, Node};
use snn_runtime::{Real, graph::Simulation};
use std::sync::Arc;

/// The description of a network that [`snn_runtime::Network`] runs.
pub fn graph<R: Real>(model: &Model, network: &Network) -> Graph<R> {
    let populations = network.layers.iter().filter_map(|layer| {
        let neuron = Interpreted::for_layer(model, layer)?;
        let (name, size, dropout) = (layer.name.clone(), layer.size, layer.dropout);
        Some(graph::Population { name, size, neuron: Arc::new(neuron), dropout })
    });
    let targets = network.targets.iter().map(|t| graph::Target {
        name: t.name.clone(),
        kind: if t.is_class { graph::TargetKind::Class(t.size) } else { graph::TargetKind::Values(t.size) },
        over_time: t.over_time,
    });
    let inputs = network.inputs.iter().map(|i| graph::Input {
        name: i.name.clone(),
        size: i.size,
        kind: if i.is_values { graph::InputKind::Values } else { graph::InputKind::Spikes },
    });
    Graph {
        name: network.name.clone(),
        hash: crate::derive::identity(model, network),
        simulation: Simulation { dt: network.dt, steps: network.steps },
        inputs: inputs.collect(),
        targets: targets.collect(),
        populations: populations.collect(),
        projections: network.projections.iter().map(|p| projection(network, p)).collect(),
        plasticity: plasticity(model, network),
        program: program(&network.program),
    }
}

fn plasticity<R: Real>(model: &Model, network: &Network) -> Vec<graph::Plasticity<R>> {
    let rule = |index: Option<usize>| {
        let neuron = Interpreted::new(model.neurons.get(index?)?, &[]);
        Some(Arc::new(neuron) as Arc<dyn snn_runtime::Neuron<R>>)
    };
    let of = |(projection, p): (usize, &model::Projection)| {
        let own = p.plasticity.as_ref()?;
        let states = own.states.iter().map(|(name, dimension, initial)| {
            let quantity = snn_runtime::Quantity { name: name.clone(), unit: dimension.base_unit() };
            (quantity, *initial)
        });
        let reads = own.reads.iter().map(|read| match *read {
            model::ConnectionRead::Source(layer, state) => graph::Read::Source(layer, state),
            model::ConnectionRead::Target(output) => graph::Read::Target(output),
        });
        Some(graph::Plasticity {
            projection,
            states: states.collect(),
            reads: reads.collect(),
            on_pre: rule(own.on_pre),
            on_post: rule(own.on_post),
            flow: rule(own.flow),
        })
    };
    network.projections.iter().enumerate().filter_map(of).collect()
}

fn projection(network: &Network, p: &model::Projection) -> graph::Projection {
    graph::Projection {
        name: p.name.clone(),
        source: match p.source {
            model::Source::Input(i) => graph::Source::Input(i),
            model::Source::Layer(i) => graph::Source::Population(i),
        },
        signal: match p.signal {
            model::Signal::Spikes => graph::Signal::Spikes,
            model::Signal::State(i) => graph::Signal::State(i),
            model::Signal::Output(i) => graph::Signal::Output(i),
        },
        sources: network.part_of_source(p),
        target: p.target,
        targets: network.part_of_target(p),
        port: p.port,
        connectivity: connectivity(&p.connectivity),
        tied: p.tied,
        unit: p.unit.base_unit(),
        delay: match p.delay {
            model::Delay::Steps(n) => graph::Delay::Steps(n),
            model::Delay::Time(t) => graph::Delay::Time(t),
            model::Delay::Uniform { low, high } => graph::Delay::Uniform { low, high, seed: 0 },
        },
        bias: p.bias,
        sign: p.sign.map(|plus| if plus { graph::Sign::Positive } else { graph::Sign::Negative }),
        no_self: p.no_self,
        frozen: p.frozen,
        rate: p.rate,
        clip: p.clip,
        initial: match p.initial {
            model::Initialiser::Constant(x) => Initialiser::Constant(x),
            model::Initialiser::Uniform { low, high } => Initialiser::Uniform { low, high },
            model::Initialiser::FanIn => Initialiser::KaimingUniform { gain: model::Initialiser::GAIN },
            model::Initialiser::Normal { mean, sd } => Initialiser::Normal { mean, sd },
        },
    }
}

fn connectivity(kind: &model::Connectivity) -> Connectivity {
    let grid = |w: model::Sliding| Grid {
        source: w.source,
        target: w.target,
        kernel: w.kernel,
        stride: w.stride,
        padding: w.padding,
    };
    match *kind {
        model::Connectivity::Dense => Connectivity::Dense,
        model::Connectivity::OneToOne => Connectivity::OneToOne,
        model::Connectivity::Random { probability, seed } => Connectivity::Random { probability, seed },
        model::Connectivity::FixedIndegree { count, seed } => Connectivity::FixedIndegree { count, seed },
        model::Connectivity::FixedOutdegree { count, seed } => Connectivity::FixedOutdegree { count, seed },
        model::Connectivity::Edges { ref file } => Connectivity::File(file.into()),
        model::Connectivity::Convolution(window) => Connectivity::Convolution(grid(window)),
        model::Connectivity::Pool(window) => Connectivity::Pool(grid(window)),
    }
}

/// Losses and readouts with interpreted maps.
pub fn program<R: Real>(program: &model::Program) -> loss::Program<R> {
    let mut arena = program.arena.clone();
    let reduction = |r: Reduction| match r {
        Reduction::Max => loss::Reduction::Max,
        Reduction::Mean => loss::Reduction::Mean,
        Reduction::Sum => loss::Reduction::Sum,
        Reduction::Last => loss::Reduction::Last,
        Reduction::First => loss::Reduction::First,
    };
    let nodes = program.nodes.iter().map(|node| match node {
        ProgramNode::Observe { layer, observable } => Node::Observe {
            population: *layer,
            observable: match observable {
                Observable::State(s) => loss::Observable::State(*s),
                Observable::Spikes => loss::Observable::Spikes,
                Observable::Output(k) => loss::Observable::Output(*k),
            },
        },
        ProgramNode::Map { inputs, function } => Node::Map {
            inputs: inputs.clone(),
            function: Arc::new(InterpretedMap::new(&mut arena, *function, inputs.len())) as Arc<dyn Map<R>>,
        },
        ProgramNode::ReduceTime { input, reduction: r, window } => {
            Node::ReduceTime { input: *input, reduction: reduction(*r), from: window.from, to: window.to }
        }
        ProgramNode::ReduceNeuron { input, reduction: r } => {
            Node::ReduceNeuron { input: *input, reduction: reduction(*r) }
        }
        ProgramNode::MeanSamples { input } => Node::MeanSamples { input: *input },
        ProgramNode::CrossEntropy { logits, target, window } => {
            Node::CrossEntropy { logits: *logits, target: *target, from: window.from, to: window.to }
        }
        ProgramNode::MeanSquaredError { output, target, window } => {
            Node::MeanSquaredError { output: *output, target: *target, from: window.from, to: window.to }
        }
    });
    loss::Program {
        nodes: nodes.collect(),
        losses: program.losses.iter().map(|l| l.1).collect(),
        readouts: program.readouts.iter().map(|r| (r.0.clone(), r.1)).collect(),
    }
}

struct InterpretedMap {
    value: Code,
    value_root: ExprId,
    gradient: Code,
    gradient_roots: Vec<ExprId>,
}

impl InterpretedMap {
    fn new(arena: &mut Arena, function: ExprId, inputs: usize) -> Self {
        let gradient_roots = crate::derive::map_gradients(arena, function, inputs);
        let closed = |roots: Vec<ExprId>| {
            let program = schedule(arena, roots, &Default::default(), None);
            Code::new(arena, &program, &[], None, &IdSet::default())
        };
        Self {
            value: closed(vec![function]),
            value_root: function,
            gradient: closed(gradient_roots.clone()),
            gradient_roots,
        }
    }
}

impl<R: Real> Map<R> for InterpretedMap {
    fn value(&self, inputs: &[&[R]], out: &mut [R]) {
        let registers = self.value.run(
            out.len(),
            |input, row: &mut [R]| {
                if let Input::Leaf(Leaf::Argument(k)) = input {
                    row.copy_from_slice(inputs[usize::from(k)]);
                }
            },
            Decisions::Free,
        );
        out.copy_from_slice(registers.row(self.value_root));
    }

    fn gradient(&self, inputs: &[&[R]], out_gradient: &[R], input_gradients: &mut [&mut [R]]) {
        let registers = self.gradient.run(
            out_gradient.len(),
            |input, row: &mut [R]| match input {
                Input::Leaf(Leaf::Argument(k)) => row.copy_from_slice(inputs[usize::from(k)]),
                Input::Leaf(Leaf::OutputAdjoint(_)) => row.copy_from_slice(out_gradient),
                _ => {}
            },
            Decisions::Free,
        );
        for (sums, &root) in input_gradients.iter_mut().zip(&self.gradient_roots) {
            for (sum, &value) in sums.iter_mut().zip(registers.row(root)) {
                *sum += value;
            }
        }
    }
}
