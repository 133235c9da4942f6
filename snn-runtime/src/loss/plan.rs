//! A checked [`Program`]: shapes known, windows in steps, every array with its place in one buffer.

use super::{Map, Node, Observable, Program, Reduction};
use crate::Real;
use crate::engine::Error;
use crate::graph::{Graph, Simulation, TargetKind};
use std::ops::Range;
use std::sync::Arc;

/// The axes of an array with their lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) time: Option<usize>,
    pub(crate) neurons: Option<usize>,
}

impl Shape {
    /// The length of the time axis, 1 if there is none.
    pub(crate) fn t(self) -> usize {
        self.time.unwrap_or(1)
    }
    /// The length of the neuron axis, 1 if there is none.
    pub(crate) fn n(self) -> usize {
        self.neurons.unwrap_or(1)
    }
    /// The number of entries.
    pub(crate) fn len(self) -> usize {
        self.t() * self.n()
    }
}

/// A quantity the program looks at: `[steps, n]` per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) population: usize,
    pub(crate) observable: Observable,
    pub(crate) n: usize,
    /// A loss depends on it.
    pub(crate) gradient: bool,
}

/// What a node computes; inputs are nodes, windows are steps.
pub(crate) enum Operation<R> {
    Observe { trace: usize },
    Map { inputs: Vec<usize>, function: Arc<dyn Map<R>> },
    ReduceTime { input: usize, reduction: Reduction, window: Range<usize> },
    ReduceNeuron { input: usize, reduction: Reduction },
    CrossEntropy { logits: usize, target: usize, window: Range<usize> },
    MeanSquaredError { output: usize, target: usize, window: Range<usize> },
}

impl<R> Operation<R> {
    /// The nodes it reads.
    fn inputs(&self) -> &[usize] {
        match self {
            Self::Observe { .. } => &[],
            Self::Map { inputs, .. } => inputs,
            Self::ReduceTime { input, .. } | Self::ReduceNeuron { input, .. } => std::slice::from_ref(input),
            Self::CrossEntropy { logits, .. } => std::slice::from_ref(logits),
            Self::MeanSquaredError { output, .. } => std::slice::from_ref(output),
        }
    }

    fn target(&self) -> Option<usize> {
        match self {
            Self::CrossEntropy { target, .. } | Self::MeanSquaredError { target, .. } => Some(*target),
            _ => None,
        }
    }

    fn is_maximum(&self) -> bool {
        matches!(
            self,
            Self::ReduceTime { reduction: Reduction::Max, .. } | Self::ReduceNeuron { reduction: Reduction::Max, .. }
        )
    }
}

/// A node.
pub(crate) struct NodePlan<R> {
    pub(crate) operation: Operation<R>,
    pub(crate) shape: Shape,
    /// Its place in the buffer of values (and of gradients); empty for an observation, which is a trace.
    pub(crate) range: Range<usize>,
    /// Its place in the buffer of positions of maxima.
    pub(crate) positions: Range<usize>,
    /// A loss depends on it.
    pub(crate) for_loss: bool,
    /// A readout depends on it.
    pub(crate) for_readout: bool,
}

/// A checked program.
pub(crate) struct Plan<R> {
    pub(crate) nodes: Vec<NodePlan<R>>,
    pub(crate) losses: Vec<usize>,
    pub(crate) readouts: Vec<(String, usize)>,
    pub(crate) traces: Vec<Trace>,
    pub(crate) steps: usize,
    pub(crate) values: usize,
    pub(crate) positions: usize,
    /// The entries of the largest map times its number of inputs.
    pub(crate) widest_map: usize,
}

impl<R: Real> Plan<R> {
    /// Checks the program.
    pub(crate) fn new(program: &Program<R>, graph: &Graph<R>, simulation: Simulation) -> Result<Self, Error> {
        let mut plan = Self {
            nodes: Vec::new(),
            losses: program.losses.clone(),
            readouts: program.readouts.clone(),
            traces: Vec::new(),
            steps: simulation.steps,
            values: 0,
            positions: 0,
            widest_map: 0,
        };
        for (index, node) in program.nodes.iter().enumerate() {
            let (operation, shape) = plan.node(index, node, graph, simulation)?;
            let length = if matches!(operation, Operation::Observe { .. }) { 0 } else { shape.len() };
            let maxima = if operation.is_maximum() { shape.len() } else { 0 };
            let range = plan.values..plan.values + length;
            let positions = plan.positions..plan.positions + maxima;
            (plan.values, plan.positions) = (range.end, positions.end);
            plan.nodes.push(NodePlan { operation, shape, range, positions, for_loss: false, for_readout: false });
        }
        plan.mark()?;
        Ok(plan)
    }

    /// The targets that the nodes for readouts read.
    pub(crate) fn readout_targets(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().filter(|node| node.for_readout).filter_map(|node| node.operation.target())
    }

    fn mark(&mut self) -> Result<(), Error> {
        for &loss in &self.losses {
            let Some(node) = self.nodes.get_mut(loss) else {
                return Err(Error::program(loss, "a loss refers to this node, which does not exist"));
            };
            if node.shape.neurons.is_some() {
                return Err(Error::program(loss, "a loss must not have a neuron axis: reduce it first"));
            }
            node.for_loss = true;
        }
        for (name, readout) in &self.readouts {
            match self.nodes.get_mut(*readout) {
                Some(node) => node.for_readout = true,
                None => return Err(Error::program(*readout, format!("readout `{name}` refers to no node"))),
            }
        }
        for index in (0..self.nodes.len()).rev() {
            let (below, here) = self.nodes.split_at_mut(index);
            let here = &here[0];
            for &input in here.operation.inputs() {
                below[input].for_loss |= here.for_loss;
                below[input].for_readout |= here.for_readout;
            }
            if let Operation::Observe { trace } = here.operation {
                self.traces[trace].gradient |= here.for_loss;
            }
        }
        Ok(())
    }

    /// The shape of an earlier node.
    fn shape(&self, index: usize, input: usize) -> Result<Shape, Error> {
        match self.nodes.get(input) {
            Some(node) => Ok(node.shape),
            None => Err(Error::program(index, format!("it refers to node {input}, which is not an earlier one"))),
        }
    }

    fn node(
        &mut self,
        index: usize,
        node: &Node<R>,
        graph: &Graph<R>,
        simulation: Simulation,
    ) -> Result<(Operation<R>, Shape), Error> {
        let fail = |reason: &str| Err(Error::program(index, reason));
        match node {
            Node::Observe { population, observable } => {
                let (trace, n) = self.observe(index, *population, *observable, graph)?;
                Ok((Operation::Observe { trace }, Shape { time: Some(simulation.steps), neurons: Some(n) }))
            }
            Node::Map { inputs, function } => {
                let shape = self.broadcast(index, inputs)?;
                self.widest_map = self.widest_map.max(inputs.len() * shape.len());
                Ok((Operation::Map { inputs: inputs.clone(), function: function.clone() }, shape))
            }
            Node::ReduceTime { input, reduction, from, to } => {
                let shape = self.shape(index, *input)?;
                let Some(steps) = shape.time else { return fail("there is no time axis to reduce") };
                let window = window(index, *from, *to, steps, simulation)?;
                let shape = Shape { time: None, ..shape };
                Ok((Operation::ReduceTime { input: *input, reduction: *reduction, window }, shape))
            }
            Node::ReduceNeuron { input, reduction } => {
                let shape = self.shape(index, *input)?;
                if shape.neurons.is_none() {
                    return fail("there is no neuron axis to reduce");
                }
                if *reduction == Reduction::Last {
                    return fail("`last` reduces time, not neurons");
                }
                let operation = Operation::ReduceNeuron { input: *input, reduction: *reduction };
                Ok((operation, Shape { neurons: None, ..shape }))
            }
            Node::CrossEntropy { logits, target, from, to } => {
                let (shape, window) = self.compare(index, *logits, *target, *from, *to, graph, simulation)?;
                if !matches!(graph.targets[*target].kind, TargetKind::Class(_)) {
                    return fail("cross_entropy needs a target of kind class");
                }
                Ok((Operation::CrossEntropy { logits: *logits, target: *target, window }, shape))
            }
            Node::MeanSquaredError { output, target, from, to } => {
                let (shape, window) = self.compare(index, *output, *target, *from, *to, graph, simulation)?;
                if !matches!(graph.targets[*target].kind, TargetKind::Values(_)) {
                    return fail("mse needs a target of numbers");
                }
                Ok((Operation::MeanSquaredError { output: *output, target: *target, window }, shape))
            }
        }
    }

    fn observe(
        &mut self,
        index: usize,
        population: usize,
        observable: Observable,
        graph: &Graph<R>,
    ) -> Result<(usize, usize), Error> {
        let Some(p) = graph.populations.get(population) else {
            return Err(Error::program(index, format!("there is no population {population}")));
        };
        let layout = p.neuron.layout();
        match observable {
            Observable::State(state) if state >= layout.states.len() => {
                return Err(Error::program(index, format!("population `{}` has no state {state}", p.name)));
            }
            Observable::Spikes if !layout.spikes => {
                return Err(Error::program(index, format!("population `{}` has no threshold", p.name)));
            }
            Observable::Output(output) if output >= layout.outputs.len() => {
                return Err(Error::program(index, format!("population `{}` has no output {output}", p.name)));
            }
            _ => {}
        }
        let same = |t: &Trace| t.population == population && t.observable == observable;
        let trace = self.traces.iter().position(same).unwrap_or(self.traces.len());
        if trace == self.traces.len() {
            self.traces.push(Trace { population, observable, n: p.size, gradient: false });
        }
        Ok((trace, p.size))
    }

    fn broadcast(&self, index: usize, inputs: &[usize]) -> Result<Shape, Error> {
        if inputs.is_empty() {
            return Err(Error::program(index, "a map needs at least one input"));
        }
        let mut union = Shape { time: None, neurons: None };
        for &input in inputs {
            let shape = self.shape(index, input)?;
            for (axis, length, name) in
                [(&mut union.time, shape.time, "steps"), (&mut union.neurons, shape.neurons, "neurons")]
            {
                match (*axis, length) {
                    (Some(a), Some(b)) if a != b => {
                        return Err(Error::program(index, format!("its inputs have {a} and {b} {name}")));
                    }
                    _ => *axis = axis.or(length),
                }
            }
        }
        Ok(union)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one node and their context")]
    fn compare(
        &self,
        index: usize,
        input: usize,
        target: usize,
        from: Option<f64>,
        to: Option<f64>,
        graph: &Graph<R>,
        simulation: Simulation,
    ) -> Result<(Shape, Range<usize>), Error> {
        let shape = self.shape(index, input)?;
        let Some(declared) = graph.targets.get(target) else {
            return Err(Error::program(index, format!("there is no target {target}")));
        };
        let (TargetKind::Class(size) | TargetKind::Values(size)) = declared.kind;
        if shape.neurons != Some(size) {
            let found = shape.neurons.map_or("no neuron axis".into(), |n| format!("{n}"));
            let reason = format!("target `{}` has size {size}, what is compared has {found}", declared.name);
            return Err(Error::program(index, reason));
        }
        let window = match shape.time {
            Some(steps) => window(index, from, to, steps, simulation)?,
            None if from.is_some() || to.is_some() => {
                return Err(Error::program(index, "a window needs a time axis"));
            }
            None => 0..1,
        };
        Ok((Shape { time: shape.time.map(|_| window.len()), neurons: None }, window))
    }
}

/// The steps of `from .. to` in ms, cut at the end of the simulation.
fn window(
    index: usize,
    from: Option<f64>,
    to: Option<f64>,
    steps: usize,
    simulation: Simulation,
) -> Result<Range<usize>, Error> {
    let step = |time: f64| {
        if time >= 0.0 && time.is_finite() {
            Ok((time / simulation.dt).round() as usize)
        } else {
            Err(Error::program(index, format!("expected a window in ms from 0 on, found {time}")))
        }
    };
    let first = from.map_or(Ok(0), step)?;
    let last = to.map_or(Ok(steps), step)?.min(steps);
    if first >= last {
        let (from, to) = (from.unwrap_or(0.0), to.unwrap_or(steps as f64 * simulation.dt));
        let end = steps as f64 * simulation.dt;
        return Err(Error::program(index, format!("the window {from} .. {to} ms holds no step of 0 .. {end} ms")));
    }
    Ok(first..last)
}
