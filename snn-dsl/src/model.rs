//! A checked model: names resolved, units verified and folded away, expressions in arenas.
//!
//! All numbers count in the coherent base units (ms, mV, nA, MOhm, nF, uS, ...). After [`crate::check`] has returned a
//! model, nothing downstream fails.

use crate::check::Dimension;
use crate::expr::{Arena, ExprId};
use crate::source::Span;
use std::ops::Range;

/// All neurons and networks of one text, and the library neurons its networks use.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The neurons; library ones come after those of the text.
    pub neurons: Vec<Neuron>,
    /// The networks.
    pub networks: Vec<Network>,
}

/// A neuron model.
#[derive(Clone, Debug)]
pub struct Neuron {
    /// Its name.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// Comes from the library.
    pub is_library: bool,
    /// Where its name stands.
    pub span: Span,
    /// The expressions of everything below. Leaves: parameters, states, events, drives, dt; in surrogates also
    /// `Argument(0)`, the distance x.
    pub arena: Arena,
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// The states.
    pub states: Vec<State>,
    /// The event ports.
    pub events: Vec<Quantity>,
    /// The continuous inputs.
    pub drives: Vec<Quantity>,
    /// `let` names, for printing.
    pub lets: Vec<(String, ExprId)>,
    /// What events do, in the order of the text; at most one block a port.
    pub on: Vec<On>,
    /// The threshold.
    pub spike: Option<Spike>,
    /// The refractory period.
    pub refractory: Option<Refractory>,
    /// The method of integration.
    pub integration: Integration,
    /// Extra results of a step: only those that a loss or readout of some network of the text reads.
    pub outputs: Vec<Output>,
}

/// An extra result of a step.
#[derive(Clone, Debug)]
pub struct Output {
    /// What it is called, e.g. `before_reset(V)`, and what it measures.
    pub quantity: Quantity,
    /// Any expression of states, events, drives and parameters; which values of the states is said by `stage`. Events are
    /// the sums that arrive in the step, whether or not a refractory neuron drops them.
    pub value: ExprId,
    /// The stage of the step whose states it reads.
    pub stage: Stage,
}

/// A stage of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// At the beginning, before events.
    Start,
    /// After the `on` blocks, before integration.
    AfterEvents,
    /// After integration: what the threshold sees.
    BeforeReset,
    /// After the reset: what is recorded.
    End,
}

/// `integrate METHOD`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Integration {
    /// Exact propagators for linear systems, exponential Euler for the rest.
    #[default]
    Auto,
    /// The same; the check has made sure that there is no rest.
    Exact,
    /// Exponential Euler for every state.
    ExponentialEuler,
    /// Exponential Euler twice: half a step, then a step with what was found there. Second order.
    ExponentialMidpoint,
    /// x + dt f
    Euler,
    /// The midpoint rule.
    RungeKutta2,
    /// The classical method of fourth order.
    RungeKutta4,
}

impl Integration {
    /// All methods with their names.
    pub const ALL: [(&'static str, Self); 7] = [
        ("auto", Self::Auto),
        ("exact", Self::Exact),
        ("exponential_euler", Self::ExponentialEuler),
        ("exponential_midpoint", Self::ExponentialMidpoint),
        ("euler", Self::Euler),
        ("rk2", Self::RungeKutta2),
        ("rk4", Self::RungeKutta4),
    ];
}

impl Neuron {
    /// A port: the event ports are counted first, then the drives.
    pub fn port(&self, index: usize) -> Option<&Quantity> {
        self.events.iter().chain(&self.drives).nth(index)
    }

    /// The value of a parameter, by index, in a layer that sets `values`: the layer's, or else the model's.
    pub fn value(&self, i: usize, values: &[(usize, Value)]) -> Option<Value> {
        let set = values.iter().find(|v| v.0 == i).map(|v| v.1);
        set.or_else(|| self.parameters.get(i).map(|p| p.value))
    }

    /// The names of its parameters, states, ports and `let`s.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let quantities = self.parameters.iter().map(|p| &p.quantity).chain(self.states.iter().map(|s| &s.quantity));
        let ports = self.events.iter().chain(&self.drives);
        quantities.chain(ports).map(|q| q.name.as_str()).chain(self.lets.iter().map(|l| l.0.as_str()))
    }
}

/// What a neuron computes by one part of its text.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    /// Which part that is, as a sentence has it.
    pub what: String,
    /// Where it stands.
    pub span: Span,
    /// Its expressions.
    pub roots: Vec<ExprId>,
    /// What the step divides by, besides.
    pub divisor: Option<ExprId>,
}

impl Neuron {
    /// Everything that is computed in a run, but for surrogates.
    pub(crate) fn formulas(&self) -> Vec<Formula> {
        let name = |i: usize| self.states.get(i).map_or("", |s| s.quantity.name.as_str());
        let mut formulas = Vec::new();
        let mut add = |what: String, span: Span, roots: Vec<ExprId>, divisor: Option<ExprId>| {
            formulas.push(Formula { what, span, roots, divisor });
        };
        for (i, state) in self.states.iter().enumerate() {
            let roots = [state.rhs, state.coefficient].into_iter().chain(state.noise).collect();
            add(format!("the equation of `{}`", name(i)), state.equation_span, roots, Some(state.coefficient));
            add(format!("the starting value of `{}`", name(i)), state.quantity.span, vec![state.initial], None);
        }
        for assign in self.on.iter().flat_map(|on| &on.body) {
            add(format!("what events do to `{}`", name(assign.state)), assign.span, vec![assign.value], None);
        }
        if let Some(spike) = &self.spike {
            add("the threshold".into(), spike.span, vec![spike.lhs, spike.rhs], None);
            add("the scale of the threshold".into(), spike.span, vec![spike.scale], None);
            for assign in &spike.reset {
                add(format!("the reset of `{}`", name(assign.state)), assign.span, vec![assign.value], None);
            }
        }
        if let Some(refractory) = &self.refractory {
            add("the refractory period".into(), self.span, vec![refractory.duration], None);
        }
        formulas
    }
}

/// A name with its unit.
#[derive(Clone, Debug)]
pub struct Quantity {
    /// Its name.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// What it measures.
    pub dimension: Dimension,
    /// Where its name stands.
    pub span: Span,
}

/// A value that may differ between neurons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// The same for all.
    Constant(f64),
    /// Uniform in low .. high.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Its logarithm is uniform in ln low .. ln high.
    LogUniform {
        /// Lower end, positive.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

/// A parameter of a neuron.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name, docs, dimension, place.
    pub quantity: Quantity,
    /// Its value, in base units.
    pub value: Value,
    /// The lower end of its range.
    pub low: Option<f64>,
    /// The upper end of its range.
    pub high: Option<f64>,
    /// Changed by training.
    pub trainable: bool,
    /// One value for every neuron.
    pub per_neuron: bool,
}

/// A state of a neuron with its equation `coefficient dx/dt = rhs`.
#[derive(Clone, Debug)]
pub struct State {
    /// Name, docs, dimension, place.
    pub quantity: Quantity,
    /// Its value at the start, an expression of parameters.
    pub initial: ExprId,
    /// What multiplies the derivative; the constant 1 if nothing was written.
    pub coefficient: ExprId,
    /// The right-hand side, without noise.
    pub rhs: ExprId,
    /// What multiplies white noise on the right-hand side.
    pub noise: Option<ExprId>,
    /// The equation as written, on one line.
    pub text: String,
    /// Where it stands.
    pub equation_span: Span,
}

/// An assignment to a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assign {
    /// The state's index.
    pub state: usize,
    /// How it changes.
    pub kind: AssignKind,
    /// The operand; states in it are those at the time of the assignment.
    pub value: ExprId,
    /// Where it stands.
    pub span: Span,
}

/// How an assignment changes a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignKind {
    /// x = e
    Set,
    /// x += e
    Add,
    /// x -= e
    Subtract,
}

/// `on PORT { ... }`
#[derive(Clone, Debug)]
pub struct On {
    /// The index of the event port.
    pub event: usize,
    /// In order.
    pub body: Vec<Assign>,
}

/// The threshold.
#[derive(Clone, Debug)]
pub struct Spike {
    /// Where its condition stands.
    pub span: Span,
    /// The left-hand side of the condition.
    pub lhs: ExprId,
    /// The right-hand side of the condition.
    pub rhs: ExprId,
    /// `>` instead of `>=`.
    pub strict: bool,
    /// The unit of the distance x = (lhs - rhs)/scale; the constant 1 if nothing was written.
    pub scale: ExprId,
    /// Its dimension.
    pub scale_dimension: Dimension,
    /// No gradient flows through the scale.
    pub scale_detached: bool,
    /// No gradient flows from the reset to the spike.
    pub reset_detached: bool,
    /// In order.
    pub reset: Vec<Assign>,
    /// The surrogate.
    pub surrogate: Surrogate,
    /// The condition as written.
    pub text: String,
}

/// A surrogate with its arguments filled in.
#[derive(Clone, Debug)]
pub struct Surrogate {
    /// As written, defaults included: `sigmoid(alpha = 4)`.
    pub text: String,
    /// g(x), in the neuron's arena; x is `Argument(0)`.
    pub derivative: ExprId,
    /// G(x), likewise.
    pub primitive: ExprId,
    /// g is zero for |x| beyond this.
    pub support: Option<f64>,
}

/// `refractory T holding S`
#[derive(Clone, Debug)]
pub struct Refractory {
    /// How long, in ms: an expression of parameters that are not trainable.
    pub duration: ExprId,
    /// The states that are constants meanwhile.
    pub holding: Vec<usize>,
    /// Events on held states still arrive.
    pub events_kept: bool,
}

/// A network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its `///` lines.
    pub docs: Vec<String>,
    /// Where its name stands.
    pub span: Span,
    /// The time step in ms.
    pub dt: f64,
    /// Where the time step stands.
    pub dt_span: Span,
    /// The number of steps of one sample.
    pub steps: usize,
    /// Spike sources.
    pub inputs: Vec<Input>,
    /// Targets.
    pub targets: Vec<Target>,
    /// Layers, in an order in which no projection of delay 0 points backwards.
    pub layers: Vec<Layer>,
    /// Projections in the order of the text.
    pub projections: Vec<Projection>,
    /// Losses and readouts.
    pub program: Program,
}

/// A source outside the network.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The number of channels.
    pub size: usize,
    /// Channels, height and width, if it is a grid.
    pub grid: Option<[usize; 3]>,
    /// It sends a number without unit from each channel in every step, and not spikes.
    pub is_values: bool,
}

impl Network {
    /// The number of neurons or channels of a source.
    pub fn source_size(&self, source: Source) -> usize {
        match source {
            Source::Input(i) => self.inputs.get(i).map_or(0, |s| s.size),
            Source::Layer(i) => self.layers.get(i).map_or(0, |s| s.size),
        }
    }

    /// The neurons of its source that a projection begins in; `None`: all.
    pub fn part_of_source(&self, p: &Projection) -> Option<Range<usize>> {
        (p.sources != (0..self.source_size(p.source))).then(|| p.sources.clone())
    }

    /// The neurons of its target that a projection leads to; `None`: all.
    pub fn part_of_target(&self, p: &Projection) -> Option<Range<usize>> {
        (p.targets != (0..self.source_size(Source::Layer(p.target)))).then(|| p.targets.clone())
    }
}

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// One of `size` classes, instead of `size` numbers.
    pub is_class: bool,
    /// The number of classes or numbers.
    pub size: usize,
    /// Given for every step, instead of once for a sample.
    pub over_time: bool,
}

/// A layer of neurons.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub span: Span,
    /// The number of neurons.
    pub size: usize,
    /// Channels, height and width, if they form a grid.
    pub grid: Option<[usize; 3]>,
    /// The index of its model in [`Model::neurons`].
    pub neuron: usize,
    /// The parameters that differ from the model's, by index: value in base units.
    pub values: Vec<(usize, Value)>,
    /// The probability with which a neuron sends nothing in training.
    pub dropout: f64,
}

/// Where a projection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An index into [`Network::inputs`].
    Input(usize),
    /// An index into [`Network::layers`].
    Layer(usize),
}

/// When spikes arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// A whole number of steps; 0 is the same step.
    Steps(usize),
    /// A time in ms.
    Time(f64),
    /// A time in ms for each connection, uniform.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

/// What of its source a projection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Its spikes, or the numbers of an input of values.
    Spikes,
    /// A state of a layer at the end of each step, by index.
    State(usize),
    /// An output of the model of a layer in each step, by index.
    Output(usize),
}

/// Which pairs of neurons are connected.
#[derive(Clone, Debug, PartialEq)]
pub enum Connectivity {
    /// All to all.
    Dense,
    /// Neuron i to neuron i.
    OneToOne,
    /// Each pair with this probability.
    Random {
        /// In 0 ..= 1.
        probability: f64,
        /// Chooses among the wirings.
        seed: u64,
    },
    /// So many sources drawn for each target.
    FixedIndegree {
        /// Sources of a target.
        count: usize,
        /// Chooses among the wirings.
        seed: u64,
    },
    /// So many targets drawn for each source.
    FixedOutdegree {
        /// Targets of a source.
        count: usize,
        /// Chooses among the wirings.
        seed: u64,
    },
    /// The connections listed in a file, which is read when the network is made.
    Edges {
        /// Its path as written.
        file: String,
    },
    /// A kernel for each pair of channels, moved over a grid.
    Convolution(Sliding),
    /// One weight for all sources in a window of the same channel.
    Pool(Sliding),
}

/// A window that moves over a grid of `[channels, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    /// The grid of the source.
    pub source: [usize; 3],
    /// The grid of the target.
    pub target: [usize; 3],
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// How far it begins outside.
    pub padding: [usize; 2],
}

impl Sliding {
    /// The height and width of the target that windows inside the padded source lead to; `None` if none fits.
    pub fn extent(&self) -> Option<[usize; 2]> {
        let side = |axis: usize| {
            let rest = (self.source[axis + 1] + 2 * self.padding[axis]).checked_sub(self.kernel[axis])?;
            Some(rest / self.stride[axis].max(1) + 1)
        };
        Some([side(0)?, side(1)?])
    }
}

impl Connectivity {
    /// The shape of the weights between so many sources and targets; `None` where it is drawn or read: one number for
    /// each connection.
    pub fn weights(&self, rows: usize, columns: usize) -> Option<Vec<usize>> {
        match *self {
            Self::Dense => Some(vec![rows, columns]),
            Self::OneToOne => Some(vec![rows]),
            Self::Random { .. } | Self::Edges { .. } => None,
            Self::FixedIndegree { count, .. } => Some(vec![columns * count]),
            Self::FixedOutdegree { count, .. } => Some(vec![rows * count]),
            Self::Convolution(w) => Some(vec![w.target[0], w.source[0], w.kernel[0], w.kernel[1]]),
            Self::Pool(_) => Some(vec![1]),
        }
    }

    /// How many biases so many targets have: one each, or one for a channel of a convolution.
    pub fn biases(&self, columns: usize) -> usize {
        match *self {
            Self::Convolution(w) => w.target[0],
            _ => columns,
        }
    }

    /// Sources of a target and targets of a source, on average; at least one, and one where the compiler does not know.
    pub fn fans(&self, rows: usize, columns: usize) -> (f64, f64) {
        let (rows, columns) = (rows as f64, columns as f64);
        let (fan_in, fan_out) = match *self {
            Self::Dense => (rows, columns),
            Self::OneToOne | Self::Edges { .. } => (1.0, 1.0),
            Self::Random { probability, .. } => (rows * probability, columns * probability),
            Self::FixedIndegree { count, .. } => (count as f64, count as f64 * columns / rows),
            Self::FixedOutdegree { count, .. } => (count as f64 * rows / columns, count as f64),
            Self::Convolution(w) => {
                let kernel = (w.kernel[0] * w.kernel[1]) as f64;
                (w.source[0] as f64 * kernel, w.target[0] as f64 * kernel)
            }
            Self::Pool(w) => ((w.kernel[0] * w.kernel[1]) as f64, 1.0),
        };
        (fan_in.max(1.0), fan_out.max(1.0))
    }
}

/// How weights begin, in the base unit of the port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initialiser {
    /// All the same.
    Constant(f64),
    /// Uniform.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Uniform, from -1/sqrt(fan_in) to 1/sqrt(fan_in), where that number is known when connections are read.
    FanIn,
}

impl Initialiser {
    /// The standard deviation of [`Initialiser::FanIn`], times sqrt(fan_in): 1/sqrt(3).
    pub const GAIN: f64 = 0.577_350_269_189_625_8;
}

/// A synapse of a projection: its index among those of the text, and the parameters that are set.
#[derive(Clone, Debug, PartialEq)]
pub struct SynapseUse {
    /// The index.
    pub synapse: usize,
    /// By index: value in base units.
    pub values: Vec<(usize, Value)>,
}

/// How the weights of a projection change while the network runs. The models have a neuron for each connection and the same
/// states: the weight, then others.
#[derive(Clone, Debug, PartialEq)]
pub struct Plasticity {
    /// The names of the states besides the weight, and where they begin.
    pub states: Vec<(String, Dimension, f64)>,
    /// What the models read, in the order of their drives.
    pub reads: Vec<ConnectionRead>,
    /// Indices into [`Model::neurons`]: at connections where a spike arrives.
    pub on_pre: Option<usize>,
    /// At connections whose target spikes.
    pub on_post: Option<usize>,
    /// At all connections, in every step.
    pub flow: Option<usize>,
}

/// A value at one end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionRead {
    /// Of a layer with as many neurons as the source has: layer, state.
    Source(usize, usize),
    /// An output of the target.
    Target(usize),
}

/// Connections between two populations.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The prefix of its tensors, e.g. `pixel_to_hidden_exc`; unique in the network.
    pub name: String,
    /// Where they begin.
    pub source: Source,
    /// What they carry.
    pub signal: Signal,
    /// The neurons of the source that take part.
    pub sources: Range<usize>,
    /// The layer they lead to.
    pub target: usize,
    /// The neurons of that layer that take part.
    pub targets: Range<usize>,
    /// The port of that layer's model: first the event ports are counted, then the drives.
    pub port: usize,
    /// The unit of the weights: that of the port, by that of what is sent.
    pub unit: Dimension,
    /// Which pairs are connected.
    pub connectivity: Connectivity,
    /// It has the weights of this projection of the network, an earlier one.
    pub tied: Option<usize>,
    /// What stands between the spikes and the port, while the network is checked: afterwards it is part of the layers.
    pub synapse: Option<SynapseUse>,
    /// The synapse that it goes through, and the states that it is folded into; empty without.
    pub through: String,
    /// Its weights change while the network runs.
    pub plasticity: Option<Plasticity>,
    /// When what is sent arrives.
    pub delay: Delay,
    /// A trained constant is added to the port in every step.
    pub bias: bool,
    /// Dale's law: true for +.
    pub sign: Option<bool>,
    /// The diagonal is zero.
    pub no_self: bool,
    /// Not trained.
    pub frozen: bool,
    /// A factor of the learning rate.
    pub rate: f64,
    /// Weights stay from the first of these to the second, in the base unit of the port; infinite ends are none.
    pub clip: [f64; 2],
    /// How weights begin.
    pub initial: Initialiser,
    /// The initialiser as written, or the default's text.
    pub initial_text: String,
    /// The statement as written, on one line.
    pub text: String,
}

/// What of a layer a node looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observable {
    /// A state at the end of each step.
    State(usize),
    /// The spikes.
    Spikes,
    /// An extra result of each step, by its index in [`Neuron::outputs`].
    Output(usize),
}

/// How an axis is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in mathematics")]
pub enum Reduction {
    Max,
    Mean,
    Sum,
    Last,
    /// Of the time: that of the first spike, in ms.
    First,
}

/// A window in ms, half-open; `None`: from the beginning, to the end.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Window {
    /// First time inside.
    pub from: Option<f64>,
    /// First time outside.
    pub to: Option<f64>,
}

/// One array of a [`Program`], with the axes time and neuron, either of which may be absent.
#[derive(Clone, Debug, PartialEq)]
pub enum ProgramNode {
    /// `[steps, neurons]`
    Observe {
        /// The layer.
        layer: usize,
        /// What of it.
        observable: Observable,
    },
    /// An elementwise function; `Argument(k)` is the k-th input.
    Map {
        /// Earlier nodes.
        inputs: Vec<usize>,
        /// The function, in the program's arena.
        function: ExprId,
    },
    /// Removes the time axis.
    ReduceTime {
        /// An earlier node.
        input: usize,
        /// How.
        reduction: Reduction,
        /// When.
        window: Window,
    },
    /// Removes the neuron axis.
    ReduceNeuron {
        /// An earlier node.
        input: usize,
        /// How (not `Last`).
        reduction: Reduction,
    },
    /// The mean over the samples of the batch.
    MeanSamples {
        /// An earlier node.
        input: usize,
    },
    /// Cross-entropy over the neuron axis.
    CrossEntropy {
        /// An earlier node.
        logits: usize,
        /// The target.
        target: usize,
        /// When.
        window: Window,
    },
    /// Mean squared error over the neuron axis.
    MeanSquaredError {
        /// An earlier node.
        output: usize,
        /// The target.
        target: usize,
        /// When.
        window: Window,
    },
}

impl Program {
    /// Whether a node depends on a mean over the samples.
    pub(crate) fn is_coupled(nodes: &[ProgramNode], root: usize) -> bool {
        let mut seen = vec![false; nodes.len()];
        let mut stack = vec![root];
        while let Some(k) = stack.pop() {
            let Some(node) = nodes.get(k) else { continue };
            if matches!(node, ProgramNode::MeanSamples { .. }) {
                return true;
            }
            if let Some(mark) = seen.get_mut(k)
                && !std::mem::replace(mark, true)
            {
                stack.extend(node.inputs());
            }
        }
        false
    }
}

impl ProgramNode {
    /// The nodes it is computed from.
    pub fn inputs(&self) -> &[usize] {
        match self {
            Self::Observe { .. } => &[],
            Self::Map { inputs, .. } => inputs,
            Self::ReduceTime { input, .. } | Self::ReduceNeuron { input, .. } | Self::MeanSamples { input } => {
                std::slice::from_ref(input)
            }
            Self::CrossEntropy { logits: input, .. } | Self::MeanSquaredError { output: input, .. } => {
                std::slice::from_ref(input)
            }
        }
    }

    pub(crate) fn inputs_mut(&mut self) -> &mut [usize] {
        match self {
            Self::Observe { .. } => &mut [],
            Self::Map { inputs, .. } => inputs,
            Self::ReduceTime { input, .. } | Self::ReduceNeuron { input, .. } | Self::MeanSamples { input } => {
                std::slice::from_mut(input)
            }
            Self::CrossEntropy { logits: input, .. } | Self::MeanSquaredError { output: input, .. } => {
                std::slice::from_mut(input)
            }
        }
    }
}

/// The losses and readouts of a network.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The expressions of the maps.
    pub arena: Arena,
    /// Each computed from earlier ones.
    pub nodes: Vec<ProgramNode>,
    /// The loss terms with their text.
    pub losses: Vec<(String, usize)>,
    /// The readouts by name, with their unit as base unit text.
    pub readouts: Vec<(String, usize, Dimension)>,
}
