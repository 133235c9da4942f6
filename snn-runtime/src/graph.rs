//! The description of a network that generated code (or the interpreter) hands to the engine.

use crate::initialise::Initialiser;
use crate::loss::Program;
use crate::neuron::Neuron;
use std::sync::Arc;

/// The time grid of a simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simulation {
    /// The length of a step in ms.
    pub dt: f64,
    /// The number of steps of one sample.
    pub steps: usize,
}

/// A source of spikes outside the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The number of channels.
    pub size: usize,
}

/// What a sample is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// One of so many classes.
    Class(usize),
    /// So many numbers.
    Values(usize),
}

/// A target with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its kind and size.
    pub kind: TargetKind,
    /// Given for every step, instead of once for a sample.
    pub over_time: bool,
}

/// A layer of neurons of one model.
pub struct Population<R> {
    /// Its name.
    pub name: String,
    /// The number of neurons.
    pub size: usize,
    /// The model.
    pub neuron: Arc<dyn Neuron<R>>,
    /// The probability in 0..1 with which a neuron sends nothing during a sample, in training; the others send 1/(1 - p).
    pub dropout: f64,
}

/// Where a projection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An index into [`Graph::inputs`].
    Input(usize),
    /// An index into [`Graph::populations`].
    Population(usize),
}

/// When spikes arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// A whole number of steps; 0 is the same step.
    Steps(usize),
    /// A time in ms, rounded to steps at the dt of the simulation (at least one step).
    Time(f64),
}

/// Dale's law: the effective weight is |W| with this sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Excitatory.
    Positive,
    /// Inhibitory.
    Negative,
}

/// All-to-all weights between a source and an event port.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The prefix of its tensors: `NAME.weight`, `NAME.bias`.
    pub name: String,
    /// Where spikes come from.
    pub source: Source,
    /// The population they arrive at.
    pub target: usize,
    /// The event port there.
    pub port: usize,
    /// The unit of the weights (that of the port).
    pub unit: String,
    /// When they arrive.
    pub delay: Delay,
    /// A trained constant is added to the port in every step.
    pub bias: bool,
    /// Dale's law.
    pub sign: Option<Sign>,
    /// No neuron projects to itself: the diagonal is zero and stays so.
    pub no_self: bool,
    /// Saved but not trained.
    pub frozen: bool,
    /// A factor of the learning rate of its weights and biases, at least 0.
    pub rate: f64,
    /// Stored weights stay from the first of these to the second, in the unit of the port; infinite ends are none.
    pub clip: [f64; 2],
    /// How the weights begin; biases begin at 0.
    pub initial: Initialiser,
}

/// A network.
pub struct Graph<R> {
    /// Its name.
    pub name: String,
    /// Changes when the structure or an equation changes; kept in saved files.
    pub hash: String,
    /// The time grid the text asks for.
    pub simulation: Simulation,
    /// Spike sources.
    pub inputs: Vec<Input>,
    /// Targets.
    pub targets: Vec<Target>,
    /// Layers, in an order in which no projection of delay 0 points backwards.
    pub populations: Vec<Population<R>>,
    /// Projections, in the order in which their weights are added to a port.
    pub projections: Vec<Projection>,
    /// Losses and readouts.
    pub program: Program<R>,
}
