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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) population: usize,
    pub(crate) observable: Observable,
    pub(crate) n: usize,
    /// A loss depends on it.
    pub(crate) gradient: bool,
    /// See [`NodePlan::observed`].
    pub(crate) observed: Range<usize>,
    /// Spikes of which nothing but means and sums over time is wanted: they can be counted.
    pub(crate) counted: bool,
}

impl Trace {
    /// One that no loss depends on.
    pub(crate) fn new(population: usize, observable: Observable, n: usize) -> Self {
        Self { population, observable, n, gradient: false, observed: 0..0, counted: false }
    }
}

/// Some steps are in both ranges.
pub(crate) fn overlaps(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// What a node computes; inputs are nodes, windows are steps.
pub(crate) enum Operation<R> {
    Observe {
        trace: usize,
    },
    Map {
        inputs: Vec<usize>,
        function: Arc<dyn Map<R>>,
    },
    ReduceTime {
        input: usize,
        reduction: Reduction,
        window: Range<usize>,
    },
    ReduceNeuron {
        input: usize,
        reduction: Reduction,
    },
    MeanSamples {
        input: usize,
    },
    /// A copy of a trace for the nodes of higher levels, which are computed when the trace is gone.
    Keep {
        input: usize,
    },
    CrossEntropy {
        logits: usize,
        target: usize,
        over_time: bool,
        window: Range<usize>,
    },
    MeanSquaredError {
        output: usize,
        target: usize,
        over_time: bool,
        window: Range<usize>,
    },
}

impl<R> Operation<R> {
    /// The nodes it reads.
    pub(super) fn inputs(&self) -> &[usize] {
        match self {
            Self::Observe { .. } => &[],
            Self::Map { inputs, .. } => inputs,
            Self::ReduceTime { input, .. }
            | Self::ReduceNeuron { input, .. }
            | Self::MeanSamples { input }
            | Self::Keep { input } => std::slice::from_ref(input),
            Self::CrossEntropy { logits, .. } => std::slice::from_ref(logits),
            Self::MeanSquaredError { output, .. } => std::slice::from_ref(output),
        }
    }

    fn inputs_mut(&mut self) -> &mut [usize] {
        match self {
            Self::Observe { .. } => &mut [],
            Self::Map { inputs, .. } => inputs,
            Self::ReduceTime { input, .. }
            | Self::ReduceNeuron { input, .. }
            | Self::MeanSamples { input }
            | Self::Keep { input } => std::slice::from_mut(input),
            Self::CrossEntropy { logits, .. } => std::slice::from_mut(logits),
            Self::MeanSquaredError { output, .. } => std::slice::from_mut(output),
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

/// How many numbers some nodes have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// For each step, of nodes with a time axis.
    timed: usize,
    /// Of the others.
    single: usize,
}

impl Numbers {
    /// With so many steps in memory, of so many samples.
    pub(crate) fn count(self, steps: usize, samples: usize) -> usize {
        (self.timed * steps + self.single) * samples
    }

    fn add(&mut self, shape: Shape) {
        match shape.time {
            Some(_) => self.timed += shape.n(),
            None => self.single += shape.n(),
        }
    }
}

/// A node.
pub(crate) struct NodePlan<R> {
    pub(crate) operation: Operation<R>,
    pub(crate) shape: Shape,
    /// The steps of its time axis, if it has one.
    pub(crate) span: Range<usize>,
    /// The numbers of the nodes before it, for a sample and step of those with a time axis, and for a sample of the others.
    pub(crate) before: Numbers,
    /// Its place in the buffer of positions of maxima, for one sample.
    pub(crate) positions: Range<usize>,
    /// Its place in the buffer of what its reverse reads besides, for one sample: the times of first spikes from each step on.
    pub(crate) room: Range<usize>,
    /// The number of means over the samples between it and the traces: a node of level 1 needs nodes of level 0 of all
    /// samples.
    pub(crate) level: usize,
    /// A loss depends on it.
    pub(crate) for_loss: bool,
    /// The steps of its time axis that losses look at, from the first to the last: elsewhere it has no gradient, and its values are of
    /// no interest to the way back.
    pub(crate) observed: Range<usize>,
    /// Another node reads it that a loss depends on.
    pub(crate) read_for_loss: bool,
    /// A readout depends on it.
    pub(crate) for_readout: bool,
    /// A map over time of which only a mean or sum over time is wanted: it is computed piece by piece where that is taken, and
    /// has no place in the buffers.
    pub(crate) streamed: bool,
}

impl<R> NodePlan<R> {
    /// Losses look at it in some of these steps; at one without time axis in any case.
    pub(crate) fn is_observed(&self, steps: &Range<usize>) -> bool {
        self.shape.time.is_none() || overlaps(&self.observed, steps)
    }

    /// It stands in the buffers of values and gradients; an observation is a trace.
    pub(crate) fn has_place(&self) -> bool {
        !self.streamed && !matches!(self.operation, Operation::Observe { .. })
    }
}

/// A checked program.
pub(crate) struct Plan<R> {
    pub(crate) nodes: Vec<NodePlan<R>>,
    pub(crate) losses: Vec<usize>,
    pub(crate) readouts: Vec<(String, usize)>,
    pub(crate) traces: Vec<Trace>,
    pub(crate) steps: usize,
    /// The length of a step in ms.
    pub(crate) dt: f64,
    /// The levels of the nodes that losses need: 1 if every sample is by itself.
    pub(crate) levels: usize,
    /// The numbers of all nodes.
    pub(crate) values: Numbers,
    pub(crate) positions: usize,
    pub(crate) room: usize,
    /// The most numbers of a map times its number of inputs.
    pub(crate) widest_map: Numbers,
    /// All nodes for readouts, and all nodes, can be computed from segments of the time axis, one after the other.
    pub(crate) readouts_in_segments: bool,
    pub(crate) all_in_segments: bool,
}

impl<R: Real> Plan<R> {
    /// Checks the program.
    pub(crate) fn new(program: &Program<R>, graph: &Graph<R>, simulation: Simulation) -> Result<Self, Error> {
        let mut plan = Self {
            nodes: Vec::new(),
            losses: Vec::new(),
            readouts: Vec::new(),
            traces: Vec::new(),
            steps: simulation.steps,
            dt: simulation.dt,
            levels: 1,
            values: Numbers::default(),
            positions: 0,
            room: 0,
            widest_map: Numbers::default(),
            readouts_in_segments: false,
            all_in_segments: false,
        };
        // Where the nodes of the program are: copies of traces stand between them.
        let mut places = Vec::new();
        for (index, node) in program.nodes.iter().enumerate() {
            let (operation, shape) = plan.node(&places, node, graph, simulation)?;
            let place = plan.add(operation, shape);
            debug_assert_eq!(index, places.len());
            places.push(place);
        }
        plan.mark(program, &places)?;
        plan.stream();
        plan.find_observed();
        plan.find_counted();
        plan.readouts_in_segments = plan.is_in_segments(|node| node.for_readout);
        plan.all_in_segments = plan.is_in_segments(|node| node.for_readout || node.for_loss);
        Ok(plan)
    }

    /// The operations that read a node.
    fn readers(&self, node: usize) -> impl Iterator<Item = &Operation<R>> {
        self.nodes.iter().map(|other| &other.operation).filter(move |reader| reader.inputs().contains(&node))
    }

    /// Nothing but means and sums over time of a node is wanted.
    fn is_summed(&self, node: usize) -> bool {
        let wanted = self.losses.contains(&node) || self.readouts.iter().any(|(_, readout)| *readout == node);
        let sums = |reader: &Operation<R>| {
            matches!(reader, Operation::ReduceTime { reduction: Reduction::Mean | Reduction::Sum, .. })
        };
        !wanted && self.readers(node).all(sums)
    }

    /// Finds the spikes that can be counted.
    fn find_counted(&mut self) {
        for trace in 0..self.traces.len() {
            let own =
                |node: &usize| matches!(self.nodes[*node].operation, Operation::Observe { trace: t } if t == trace);
            let mut nodes = (0..self.nodes.len()).filter(own);
            self.traces[trace].counted =
                self.traces[trace].observable == Observable::Spikes && nodes.all(|node| self.is_summed(node));
        }
    }

    /// Finds the maps that need no place, and moves the others together.
    fn stream(&mut self) {
        let streamed = |index: usize, node: &NodePlan<R>| {
            let Operation::Map { inputs, .. } = &node.operation else { return false };
            // A map of a higher level reads what was kept of the traces; a piece of a broadcast array is none of its source.
            node.level == 0
                && node.shape.time.is_some()
                && inputs.iter().all(|&i| self.nodes[i].shape == node.shape)
                && self.readers(index).count() == 1
                && self.is_summed(index)
        };
        let found: Vec<usize> = (0..self.nodes.len()).filter(|&index| streamed(index, &self.nodes[index])).collect();
        found.iter().for_each(|&index| self.nodes[index].streamed = true);
        self.values = Numbers::default();
        for node in &mut self.nodes {
            node.before = self.values;
            if !node.has_place() {
                continue;
            }
            self.values.add(node.shape);
            if let Operation::Map { inputs, .. } = &node.operation {
                let widest = match node.shape.time {
                    Some(_) => &mut self.widest_map.timed,
                    None => &mut self.widest_map.single,
                };
                *widest = (*widest).max(inputs.len() * node.shape.n());
            }
        }
    }

    /// Finds the steps of each node that losses look at.
    fn find_observed(&mut self) {
        for index in (0..self.nodes.len()).rev() {
            if !self.nodes[index].for_loss {
                continue;
            }
            if self.losses.contains(&index) {
                let all = self.nodes[index].span.clone();
                extend(&mut self.nodes[index].observed, all);
            }
            let (below, here) = self.nodes.split_at_mut(index);
            let here = &here[0];
            for &input in here.operation.inputs() {
                let input = &mut below[input];
                let steps = match &here.operation {
                    Operation::ReduceTime { window, .. }
                    | Operation::CrossEntropy { window, .. }
                    | Operation::MeanSquaredError { window, .. } => {
                        input.span.start + window.start..input.span.start + window.end
                    }
                    Operation::Map { .. } | Operation::ReduceNeuron { .. }
                        if here.shape.time.is_some() && input.shape.time.is_some() =>
                    {
                        let step = |t: usize| input.span.start + t - here.span.start;
                        step(here.observed.start)..step(here.observed.end)
                    }
                    _ => input.span.clone(),
                };
                extend(&mut input.observed, steps);
            }
            if let Operation::Observe { trace } = here.operation {
                extend(&mut self.traces[trace].observed, here.observed.clone());
            }
        }
    }

    /// Some nodes can be computed from segments of the time axis, one after the other, and the gradients of the traces from the last
    /// segment to the first: nothing with a time axis is wanted as a whole or reads what comes from a whole time axis.
    fn is_in_segments(&self, wanted: impl Fn(&NodePlan<R>) -> bool) -> bool {
        let timed = |&node: &usize| self.nodes[node].shape.time.is_some();
        let whole_readout = self.readouts.iter().any(|(_, node)| timed(node));
        !whole_readout
            && self.nodes.iter().filter(|node| wanted(node)).all(|node| {
                let inputs = node.operation.inputs();
                match node.operation {
                    Operation::MeanSamples { .. } | Operation::Keep { .. } => node.shape.time.is_none(),
                    Operation::ReduceTime { reduction: Reduction::First, .. } => false,
                    Operation::Map { .. } if node.shape.time.is_some() => {
                        inputs.iter().all(|input| timed(input) && self.nodes[*input].span == node.span)
                    }
                    _ => true,
                }
            })
    }

    /// Adds a node; one of a higher level reads copies of traces.
    fn add(&mut self, mut operation: Operation<R>, shape: Shape) -> usize {
        let is_mean = matches!(operation, Operation::MeanSamples { .. });
        let below = operation.inputs().iter().map(|&i| self.nodes[i].level).max().unwrap_or(0);
        let level = below + usize::from(is_mean);
        if level > 0 {
            for input in operation.inputs_mut() {
                *input = self.kept(*input);
            }
        }
        let first = match &operation {
            Operation::CrossEntropy { window, .. } | Operation::MeanSquaredError { window, .. } => window.start,
            _ => 0,
        };
        let start = first + operation.inputs().iter().map(|&i| self.nodes[i].span.start).max().unwrap_or(0);
        let span = start..start + shape.t();
        let maxima = if operation.is_maximum() { shape.len() } else { 0 };
        let later = match &operation {
            Operation::ReduceTime { reduction: Reduction::First, window, .. } => window.len() * shape.len(),
            _ => 0,
        };
        let positions = self.positions..self.positions + maxima;
        let room = self.room..self.room + later;
        (self.positions, self.room) = (positions.end, room.end);
        let (for_loss, read_for_loss, for_readout, streamed) = (false, false, false, false);
        let before = Numbers::default();
        self.nodes.push(NodePlan {
            operation,
            shape,
            span,
            observed: 0..0,
            before,
            positions,
            room,
            level,
            for_loss,
            read_for_loss,
            for_readout,
            streamed,
        });
        self.nodes.len() - 1
    }

    /// The copy of a trace; any other node as it is.
    fn kept(&mut self, node: usize) -> usize {
        if !matches!(self.nodes[node].operation, Operation::Observe { .. }) {
            return node;
        }
        let copy = |n: &NodePlan<R>| matches!(n.operation, Operation::Keep { input } if input == node);
        let known = self.nodes.iter().position(copy);
        known.unwrap_or_else(|| self.add(Operation::Keep { input: node }, self.nodes[node].shape))
    }

    /// The losses read means over the samples, so that no sample can be run backwards by itself.
    pub(crate) fn is_coupled(&self) -> bool {
        self.levels > 1
    }

    /// The targets that the nodes for readouts read.
    pub(crate) fn readout_targets(&self) -> impl Iterator<Item = usize> + '_ {
        self.nodes.iter().filter(|node| node.for_readout).filter_map(|node| node.operation.target())
    }

    fn mark(&mut self, program: &Program<R>, places: &[usize]) -> Result<(), Error> {
        for &loss in &program.losses {
            let Some(&place) = places.get(loss) else {
                return Err(Error::program(loss, "a loss refers to this node, which does not exist"));
            };
            self.losses.push(place);
            let node = &mut self.nodes[place];
            self.levels = self.levels.max(node.level + 1);
            if node.shape.neurons.is_some() {
                return Err(Error::program(loss, "a loss must not have a neuron axis: reduce it first"));
            }
            node.for_loss = true;
        }
        for (name, readout) in &program.readouts {
            let Some(&place) = places.get(*readout) else {
                return Err(Error::program(*readout, format!("readout `{name}` refers to no node")));
            };
            if self.nodes[place].level > 0 {
                let reason = format!("readout `{name}` reads a mean over samples, which only losses can");
                return Err(Error::program(*readout, reason));
            }
            self.readouts.push((name.clone(), place));
            self.nodes[place].for_readout = true;
        }
        for index in (0..self.nodes.len()).rev() {
            let (below, here) = self.nodes.split_at_mut(index);
            let here = &here[0];
            for &input in here.operation.inputs() {
                below[input].for_loss |= here.for_loss;
                below[input].read_for_loss |= here.for_loss;
                below[input].for_readout |= here.for_readout;
            }
            if let Operation::Observe { trace } = here.operation {
                self.traces[trace].gradient |= here.for_loss;
            }
        }
        Ok(())
    }

    /// The place and shape of an earlier node of the program.
    fn earlier(&self, places: &[usize], input: usize) -> Result<(usize, Shape), Error> {
        match places.get(input) {
            Some(&place) => Ok((place, self.nodes[place].shape)),
            None => {
                Err(Error::program(places.len(), format!("it refers to node {input}, which is not an earlier one")))
            }
        }
    }

    /// The node behind those with `places`.
    fn node(
        &mut self,
        places: &[usize],
        node: &Node<R>,
        graph: &Graph<R>,
        simulation: Simulation,
    ) -> Result<(Operation<R>, Shape), Error> {
        let index = places.len();
        let fail = |reason: &str| Err(Error::program(index, reason));
        match node {
            Node::Observe { population, observable } => {
                let (trace, n) = self.observe(index, *population, *observable, graph)?;
                Ok((Operation::Observe { trace }, Shape { time: Some(simulation.steps), neurons: Some(n) }))
            }
            Node::Map { inputs, function } => {
                let (inputs, shape) = self.broadcast(places, inputs)?;
                Ok((Operation::Map { inputs, function: function.clone() }, shape))
            }
            Node::ReduceTime { input, reduction, from, to } => {
                let (input, shape) = self.earlier(places, *input)?;
                let Some(steps) = shape.time else { return fail("there is no time axis to reduce") };
                if *reduction == Reduction::First && steps != simulation.steps {
                    return fail("the first spike is looked for in the whole simulation, or in a window of it");
                }
                let window = window(index, *from, *to, steps, simulation)?;
                let shape = Shape { time: None, ..shape };
                Ok((Operation::ReduceTime { input, reduction: *reduction, window }, shape))
            }
            Node::ReduceNeuron { input, reduction } => {
                let (input, shape) = self.earlier(places, *input)?;
                if shape.neurons.is_none() {
                    return fail("there is no neuron axis to reduce");
                }
                if matches!(reduction, Reduction::Last | Reduction::First) {
                    return fail("`last` and `first` reduce time, not neurons");
                }
                let operation = Operation::ReduceNeuron { input, reduction: *reduction };
                Ok((operation, Shape { neurons: None, ..shape }))
            }
            Node::MeanSamples { input } => {
                let (input, shape) = self.earlier(places, *input)?;
                Ok((Operation::MeanSamples { input }, shape))
            }
            Node::CrossEntropy { logits, target, from, to } => {
                let (logits, shape, window) = self.compare(places, *logits, *target, *from, *to, graph, simulation)?;
                if !matches!(graph.targets[*target].kind, TargetKind::Class(_)) {
                    return fail("cross_entropy needs a target of kind class");
                }
                let (target, over_time) = (*target, graph.targets[*target].over_time);
                Ok((Operation::CrossEntropy { logits, target, over_time, window }, shape))
            }
            Node::MeanSquaredError { output, target, from, to } => {
                let (output, shape, window) = self.compare(places, *output, *target, *from, *to, graph, simulation)?;
                if !matches!(graph.targets[*target].kind, TargetKind::Values(_)) {
                    return fail("mse needs a target of numbers");
                }
                let (target, over_time) = (*target, graph.targets[*target].over_time);
                Ok((Operation::MeanSquaredError { output, target, over_time, window }, shape))
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
            self.traces.push(Trace::new(population, observable, p.size));
        }
        Ok((trace, p.size))
    }

    /// The places of the inputs and the union of their axes.
    fn broadcast(&self, places: &[usize], inputs: &[usize]) -> Result<(Vec<usize>, Shape), Error> {
        let index = places.len();
        let mut found = Vec::new();
        if inputs.is_empty() {
            return Err(Error::program(index, "a map needs at least one input"));
        }
        let mut union = Shape { time: None, neurons: None };
        for &input in inputs {
            let (place, shape) = self.earlier(places, input)?;
            found.push(place);
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
        Ok((found, union))
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one node and their context")]
    fn compare(
        &self,
        places: &[usize],
        input: usize,
        target: usize,
        from: Option<f64>,
        to: Option<f64>,
        graph: &Graph<R>,
        simulation: Simulation,
    ) -> Result<(usize, Shape, Range<usize>), Error> {
        let index = places.len();
        let (input, shape) = self.earlier(places, input)?;
        let Some(declared) = graph.targets.get(target) else {
            return Err(Error::program(index, format!("there is no target {target}")));
        };
        let (TargetKind::Class(size) | TargetKind::Values(size)) = declared.kind;
        if shape.neurons != Some(size) {
            let found = shape.neurons.map_or("no neuron axis".into(), |n| format!("{n}"));
            let reason = format!("target `{}` has size {size}, what is compared has {found}", declared.name);
            return Err(Error::program(index, reason));
        }
        if declared.over_time && shape.time != Some(simulation.steps) {
            let reason = format!("target `{}` is over time, what is compared is not", declared.name);
            return Err(Error::program(index, reason));
        }
        let window = match shape.time {
            Some(steps) => window(index, from, to, steps, simulation)?,
            None if from.is_some() || to.is_some() => {
                return Err(Error::program(index, "a window needs a time axis"));
            }
            None => 0..1,
        };
        Ok((input, Shape { time: shape.time.map(|_| window.len()), neurons: None }, window))
    }
}

/// Makes a range reach over another one, too.
fn extend(range: &mut Range<usize>, other: Range<usize>) {
    *range = match range.len() {
        0 => other,
        _ => range.start.min(other.start)..range.end.max(other.end),
    };
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
