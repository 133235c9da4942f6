//! A network for the engine, with interpreted neurons and losses.

use super::code::{Code, Decisions, Input};
use super::neuron::Interpreted;
use crate::derive::schedule;
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::{self, Model, Network, Observable, ProgramNode, Reduction};
use snn_runtime::graph::{self, Graph};
use snn_runtime::initialise::Initialiser;
use snn_runtime::loss::{self, Map, Node};
use snn_runtime::{Real, graph::Simulation};
use std::sync::Arc;

/// The description of a network that [`snn_runtime::Network`] runs.
pub fn graph<R: Real>(model: &Model, network: &Network) -> Graph<R> {
    let populations = network.layers.iter().filter_map(|layer| {
        let neuron = Interpreted::new(model.neurons.get(layer.neuron)?, &layer.values);
        let (name, size, dropout) = (layer.name.clone(), layer.size, layer.dropout);
        Some(graph::Population { name, size, neuron: Arc::new(neuron), dropout })
    });
    let targets = network.targets.iter().map(|t| graph::Target {
        name: t.name.clone(),
        kind: if t.is_class { graph::TargetKind::Class(t.size) } else { graph::TargetKind::Values(t.size) },
        over_time: t.over_time,
    });
    let inputs = network.inputs.iter().map(|i| graph::Input { name: i.name.clone(), size: i.size });
    Graph {
        name: network.name.clone(),
        hash: crate::derive::identity(model, network),
        simulation: Simulation { dt: network.dt, steps: network.steps },
        inputs: inputs.collect(),
        targets: targets.collect(),
        populations: populations.collect(),
        projections: network.projections.iter().map(|p| projection(model, network, p)).collect(),
        program: program(&network.program),
    }
}

fn projection(model: &Model, network: &Network, p: &model::Projection) -> graph::Projection {
    let neuron = network.layers.get(p.target).and_then(|l| model.neurons.get(l.neuron));
    let unit = neuron.and_then(|n| n.events.get(p.port)).map(|q| q.dimension.base_unit()).unwrap_or_default();
    graph::Projection {
        name: p.name.clone(),
        source: match p.source {
            model::Source::Input(i) => graph::Source::Input(i),
            model::Source::Layer(i) => graph::Source::Population(i),
        },
        target: p.target,
        port: p.port,
        unit,
        delay: match p.delay {
            model::Delay::Steps(n) => graph::Delay::Steps(n),
            model::Delay::Time(t) => graph::Delay::Time(t),
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
            model::Initialiser::Normal { mean, sd } => Initialiser::Normal { mean, sd },
        },
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
            Code::new(arena, &program, &[], None)
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
