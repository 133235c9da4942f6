//! What can be wrong with a network, a batch or a result.

use thiserror::Error;

/// Errors of the engine. Every message names the part of the network or the batch that has to be changed.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The description of the network contradicts itself.
    #[error("invalid network: {0}")]
    Graph(String),
    /// A list of connections cannot be read.
    #[error("projection `{projection}`: {reason}")]
    Edges {
        /// The name of the projection.
        projection: String,
        /// The file, what is wrong with it, and the remedy.
        reason: String,
    },
    /// A loss or readout cannot be evaluated.
    #[error("invalid loss program: node {node}: {reason}")]
    Program {
        /// The index of the node.
        node: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The time grid is unusable.
    #[error("invalid simulation: {0}")]
    Simulation(String),
    /// A batch without samples.
    #[error("the batch is empty: expected at least one sample; leave the call out if there is nothing to run")]
    EmptyBatch,
    /// A batch of more samples than can be counted.
    #[error("expected at most {limit} samples in a batch, found {found}; cut it into several batches")]
    LargeBatch {
        /// The number of samples.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A wrong number of inputs or targets.
    #[error("expected {expected} {what} ({names}), found {found}; give one for each, in this order")]
    Count {
        /// `inputs` or `targets`.
        what: &'static str,
        /// How many the network has.
        expected: usize,
        /// Their names.
        names: String,
        /// How many the batch has.
        found: usize,
    },
    /// An input does not fit.
    #[error("input `{input}`: {reason}")]
    Input {
        /// The name of the input.
        input: String,
        /// What is wrong with it.
        reason: String,
    },
    /// One sample of an input does not fit.
    #[error("input `{input}`, sample {sample}: {reason}")]
    InputSample {
        /// The name of the input.
        input: String,
        /// The sample's place in the batch.
        sample: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A target does not fit.
    #[error("target `{target}`: {reason}")]
    Target {
        /// The name of the target.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// One sample of a target does not fit.
    #[error("target `{target}`, sample {sample}: {reason}")]
    TargetSample {
        /// The name of the target.
        target: String,
        /// The sample's place in the batch.
        sample: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Parameters or a gradient of another network.
    #[error(
        "{0} do not fit the network: expected its own tensors ({1} numbers), found {2} numbers; \
         make them from the layout of this network"
    )]
    Parameters(&'static str, usize, usize),
    /// A parameter that is not a finite number.
    #[error(
        "parameter `{tensor}`: expected finite numbers, found {value} at element {element}; \
         go back to parameters from before the training diverged, or correct the starting values"
    )]
    ParameterNotFinite {
        /// The name of the tensor.
        tensor: String,
        /// The first such element in row-major order.
        element: usize,
        /// Its value.
        value: String,
    },
    /// Something to be recorded does not exist.
    #[error("cannot record `{0}`: {1}")]
    Recording(String, String),
    /// Smooth mode needs neurons that implement it.
    #[error("population `{0}` has no smooth mode: compiled kernels are spiking only; interpret the model")]
    Smooth(String),
    /// A replay without a recording of the same batch.
    #[error("nothing to replay: record the same batch in the same workspace first")]
    Replay,
    /// Backpropagation through weights that change by a rule of their own.
    #[error(
        "the weights of `{0}` change by a rule of their own while the network runs, which has no gradient; \
         run it with `forward`, or give the projection a synapse without such a rule"
    )]
    Plastic(String),
    /// A carry of another network or batch.
    #[error("{}", if *same {
        format!("the window before had {found} samples, found {expected}: begin with a new carry, or give the same batch size")
    } else {
        "the carry comes from another network: begin with a new one".to_string()
    })]
    Carry {
        /// The samples of the batch.
        expected: usize,
        /// Those of the carry.
        found: usize,
        /// It comes from the same network.
        same: bool,
    },
    /// A state left the finite numbers.
    #[error(
        "the simulation diverged: state `{state}` of population `{population}` is {value} \
         in neuron {neuron} of sample {sample} after step {step}; \
         use smaller weights, a smaller dt or a smaller learning rate"
    )]
    Diverged {
        /// The population.
        population: String,
        /// The state (or `spike`).
        state: String,
        /// The neuron's index.
        neuron: usize,
        /// The sample's place in the batch.
        sample: usize,
        /// The first step after which it is not finite.
        step: usize,
        /// The value.
        value: String,
    },
    /// The states stayed finite, the loss did not.
    #[error(
        "the loss is {value} in sample {sample}, although all states are finite: term {term} overflows; \
         scale the term down"
    )]
    LossNotFinite {
        /// The sample's place in the batch.
        sample: usize,
        /// The index of the loss term.
        term: usize,
        /// The value.
        value: String,
    },
}

impl Error {
    /// A contradiction in the description.
    pub(crate) fn graph(reason: impl Into<String>) -> Self {
        Self::Graph(reason.into())
    }

    /// Something wrong with a node.
    pub(crate) fn program(node: usize, reason: impl Into<String>) -> Self {
        Self::Program { node, reason: reason.into() }
    }
}
