//! The losses and readouts of a checked network.

use crate::check::Dimension;
use crate::expr::{Arena, ExprId};

/// What of a layer a node looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observable {
    /// A state at the end of each step.
    State(usize),
    /// The spikes.
    Spikes,
    /// An extra result of each step, by its index in [`super::Neuron::outputs`].
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
