//! The connections of a checked network.

use super::Value;
use crate::check::Dimension;
use std::ops::Range;

/// Where a projection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An index into [`super::Network::inputs`].
    Input(usize),
    /// An index into [`super::Network::layers`].
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
    /// Indices into [`Model::neurons`](super::Model::neurons): at connections where a spike arrives.
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
