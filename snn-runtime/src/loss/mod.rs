//! Losses and readouts: a small array program over what a sample's populations did, and its reverse.
//!
//! Every node has, for each sample, an array with the axes time and neuron, either of which may be absent:
//! `[steps, neurons]`, `[steps]`, `[neurons]` or a single number. Nodes refer to earlier nodes.

mod compare;
mod couple;
mod evaluate;
mod map;
mod plan;
mod reduce;
mod stream;

pub use map::{CompiledMap, Map, MapKernel};

pub(crate) use couple::Kept;
pub(crate) use evaluate::{Block, Scratch, Targets, Wanted};
pub(crate) use plan::{Plan, Trace, overlaps};

use std::sync::Arc;

/// What of a population a node looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Observable {
    /// A state at the end of each step, after resets.
    State(usize),
    /// The spikes: 0 or 1.
    Spikes,
    /// An extra result of each step, see [`crate::NeuronLayout::outputs`].
    Output(usize),
}

/// How an axis is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The largest value; its gradient goes to the first of them.
    Max,
    /// The mean.
    Mean,
    /// The sum.
    Sum,
    /// The last value (time only).
    Last,
    /// The time in ms of the first spike (time only), for z that is 1 at a spike and else 0: with step n at the time n dt,
    /// the sum over n of n dt z\[n\] times the product of all (1 - z\[m\]), m < n, and the end of the window times the
    /// product of all. A polynomial, so that it has a gradient by every z.
    First,
}

/// One array of the program.
#[derive(Clone)]
pub enum Node<R> {
    /// `[steps, neurons]` of a population.
    Observe {
        /// The population.
        population: usize,
        /// What of it.
        observable: Observable,
    },
    /// An elementwise function of earlier nodes, which are broadcast to the union of their axes.
    Map {
        /// Earlier nodes.
        inputs: Vec<usize>,
        /// The function.
        function: Arc<dyn Map<R>>,
    },
    /// Removes the time axis.
    ReduceTime {
        /// An earlier node with time axis.
        input: usize,
        /// How.
        reduction: Reduction,
        /// The window `from .. to` in ms, half-open: the steps n with from <= n dt < to.
        from: Option<f64>,
        /// See `from`.
        to: Option<f64>,
    },
    /// Removes the neuron axis.
    ReduceNeuron {
        /// An earlier node with neuron axis.
        input: usize,
        /// How.
        reduction: Reduction,
    },
    /// The mean over the samples of the batch, in every sample. Only losses can read it.
    MeanSamples {
        /// An earlier node.
        input: usize,
    },
    /// `-ln softmax(logits)[class]` over the neuron axis.
    CrossEntropy {
        /// An earlier node with neuron axis, of the target's size.
        logits: usize,
        /// The target, of kind class; one over time needs a node with time axis.
        target: usize,
        /// A window in ms if the node has a time axis.
        from: Option<f64>,
        /// See `from`.
        to: Option<f64>,
    },
    /// The mean over the neuron axis of (y - target)^2.
    MeanSquaredError {
        /// An earlier node with neuron axis, of the target's size.
        output: usize,
        /// The target, of kind values; one over time needs a node with time axis.
        target: usize,
        /// A window in ms if the node has a time axis.
        from: Option<f64>,
        /// See `from`.
        to: Option<f64>,
    },
}

/// The losses and readouts of a network.
#[derive(Clone)]
pub struct Program<R> {
    /// The arrays, each computed from earlier ones.
    pub nodes: Vec<Node<R>>,
    /// The loss terms: nodes without neuron axis; remaining time is averaged, terms are added, samples averaged.
    pub losses: Vec<usize>,
    /// The readouts with their names.
    pub readouts: Vec<(String, usize)>,
}
