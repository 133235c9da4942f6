//! The description of a network that generated code (or the interpreter) hands to the engine.

use crate::connectivity::{Connectivity, Edges};
use crate::data::read_edges;
use crate::engine::Error;
use crate::initialise::Initialiser;
use crate::loss::Program;
use crate::neuron::{Neuron, Quantity};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The time grid of a simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simulation {
    /// The length of a step in ms.
    pub dt: f64,
    /// The number of steps of one sample.
    pub steps: usize,
}

/// A source outside the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The number of channels.
    pub size: usize,
    /// What it sends.
    pub kind: InputKind,
}

/// What an input sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InputKind {
    /// Spikes.
    #[default]
    Spikes,
    /// A number from each channel in every step.
    Values,
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
    /// Drawn for each connection: a time in ms, uniform in `low .. high`, rounded to steps (at least one step).
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
        /// Chooses among the delays.
        seed: u64,
    },
}

/// What of its source a projection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Signal {
    /// Its spikes; the numbers of an input of values.
    #[default]
    Spikes,
    /// A state of a population at the end of each step.
    State(usize),
    /// An output of the model of a population in each step ([`crate::NeuronLayout::outputs`]).
    Output(usize),
}

/// Dale's law: the effective weight is |W| with this sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Excitatory.
    Positive,
    /// Inhibitory.
    Negative,
}

/// Connections between a source and a port.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The prefix of its tensors: `NAME.weight`, `NAME.bias`.
    pub name: String,
    /// Where they begin.
    pub source: Source,
    /// What they carry.
    pub signal: Signal,
    /// The neurons of the source that take part; `None`: all.
    pub sources: Option<Range<usize>>,
    /// The population they lead to.
    pub target: usize,
    /// The neurons of the target that take part; `None`: all.
    pub targets: Option<Range<usize>>,
    /// The port there: first the event ports are counted, then the drives.
    pub port: usize,
    /// Which pairs are connected.
    pub connectivity: Connectivity,
    /// It has the connections and weights of an earlier projection of the graph, between as many neurons.
    pub tied: Option<usize>,
    /// The unit of the weights (that of the port).
    pub unit: String,
    /// When they arrive.
    pub delay: Delay,
    /// A trained constant is added to the port in every step: one for each target neuron, in a convolution for each channel.
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

impl Projection {
    /// All neurons to all neurons in the same step, with trained weights that begin at 0.
    pub fn new(name: impl Into<String>, source: Source, target: usize, port: usize) -> Self {
        Self {
            name: name.into(),
            source,
            signal: Signal::Spikes,
            sources: None,
            target,
            targets: None,
            port,
            connectivity: Connectivity::Dense,
            tied: None,
            unit: String::new(),
            delay: Delay::Steps(0),
            bias: false,
            sign: None,
            no_self: false,
            frozen: false,
            rate: 1.0,
            clip: [f64::NEG_INFINITY, f64::INFINITY],
            initial: Initialiser::Zeros,
        }
    }
}

/// How the weights of a projection change by what happens at their ends, while the network runs. Each sample has weights of
/// its own, which begin at those of the projection.
///
/// What happens is said by up to three models whose neurons are the connections. They have the same states: the weight, then
/// others of the connection. Their drives are the values that [`Plasticity::reads`] lists.
pub struct Plasticity<R> {
    /// The projection.
    pub projection: usize,
    /// The states besides the weight, and where they begin.
    pub states: Vec<(Quantity, f64)>,
    /// What the models read, in the order of their drives.
    pub reads: Vec<Read>,
    /// One step of it is taken for a connection at which a spike of the source arrives.
    pub on_pre: Option<Arc<dyn Neuron<R>>>,
    /// One step of it is taken for a connection whose target spikes.
    pub on_post: Option<Arc<dyn Neuron<R>>>,
    /// One step of it is taken for every connection in every step.
    pub flow: Option<Arc<dyn Neuron<R>>>,
}

/// A value at one end of a connection, at the end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A state of a population with as many neurons as the source has: population, state.
    Source(usize, usize),
    /// An output of the target.
    Target(usize),
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
    /// Projections whose weights change while the network runs.
    pub plasticity: Vec<Plasticity<R>>,
    /// Losses and readouts.
    pub program: Program<R>,
}

impl<R> Graph<R> {
    /// Reads the lists of connections that projections have in files, each file once. Relative paths begin in `folder`;
    /// an empty one is the current folder.
    ///
    /// # Errors
    /// If a file cannot be read or is no list of connections. Whether neurons of these numbers exist is checked when the
    /// network is made.
    pub fn read_edges(&mut self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let mut known: BTreeMap<PathBuf, Arc<Edges>> = BTreeMap::new();
        for projection in &mut self.projections {
            let Connectivity::File(file) = &projection.connectivity else { continue };
            let path = folder.as_ref().join(file);
            let edges = match known.get(&path) {
                Some(edges) => edges.clone(),
                None => {
                    let projection = projection.name.clone();
                    let failed = |e: crate::data::EdgesError| Error::Edges { projection, reason: e.to_string() };
                    let edges = Arc::new(read_edges(&path).map_err(failed)?);
                    known.insert(path, edges.clone());
                    edges
                }
            };
            projection.connectivity = Connectivity::Edges(edges);
        }
        Ok(())
    }
}
