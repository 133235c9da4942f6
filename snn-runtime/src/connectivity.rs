//! Which neurons of two populations are connected.

use std::path::PathBuf;
use std::sync::Arc;

/// Which sources have a connection to which targets. Rows are the sources of a projection and columns its targets, both
/// counted from the first that takes part.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Connectivity {
    /// All to all: weights `[rows, columns]`.
    #[default]
    Dense,
    /// Row i to column i; there are as many of both. Weights `[rows]`.
    OneToOne,
    /// Each pair with this probability, independently of all others. Weights `[connections]`.
    Random {
        /// The probability, in `0 ..= 1`.
        probability: f64,
        /// Chooses among the wirings.
        seed: u64,
    },
    /// So many different sources, drawn for each target. Weights `[connections]`.
    FixedIndegree {
        /// Sources of a target.
        count: usize,
        /// Chooses among the wirings.
        seed: u64,
    },
    /// So many different targets, drawn for each source. Weights `[connections]`.
    FixedOutdegree {
        /// Targets of a source.
        count: usize,
        /// Chooses among the wirings.
        seed: u64,
    },
    /// A list of connections. Weights `[connections]`, in the order of the list.
    Edges(Arc<Edges>),
    /// The list of connections in an NPZ archive ([`crate::data::read_edges`]): it becomes [`Connectivity::Edges`] when the
    /// network is made, or before by [`crate::Graph::read_edges`]. A relative path begins in the current folder.
    File(PathBuf),
    /// Discrete cross-correlation of the grid of sources with one kernel for each pair of channels. Weights
    /// `[channels of the target, channels of the source, kernel height, kernel width]`.
    Convolution(Grid),
    /// Every neuron of the target sums the sources of its window in its own channel, all with the same weight. Weights
    /// `[1]`.
    Pool(Grid),
}

impl Connectivity {
    /// How many of so many columns in a row have a bias together: those of a channel of a convolution, else each has its own.
    pub fn columns_of_a_bias(&self) -> usize {
        match self {
            Self::Convolution(grid) => grid.target[1] * grid.target[2],
            _ => 1,
        }
    }
}

/// Connections one by one.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Edges {
    /// The row of each.
    pub sources: Vec<u32>,
    /// The column of each; a pair may not come twice.
    pub targets: Vec<u32>,
    /// The starting weight of each, in the unit of the weights; empty: the rule of the projection says how they begin.
    pub weights: Vec<f64>,
    /// The delay of each in ms, above 0, rounded to steps (at least one); empty: all have the delay of the projection.
    pub delays: Vec<f64>,
    /// The file that they were read from, which messages name.
    pub file: Option<PathBuf>,
}

/// A window that moves over a grid of neurons. A neuron of a population of shape `[channels, height, width]` has the
/// index `(channel * height + y) * width + x`; in one dimension the height is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Channels, height and width of the source.
    pub source: [usize; 3],
    /// Channels, height and width of the target.
    pub target: [usize; 3],
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// How far the window moves from neuron to neuron of the target, down and to the right.
    pub stride: [usize; 2],
    /// How far the first window begins outside the source, above and to the left.
    pub padding: [usize; 2],
}

impl Grid {
    /// The height and width of the target that windows inside the padded source lead to; 0 where none fits.
    pub fn extent(&self) -> [usize; 2] {
        std::array::from_fn(|axis| {
            let length = self.source[axis + 1] + 2 * self.padding[axis];
            match length.checked_sub(self.kernel[axis]) {
                Some(rest) if self.stride[axis] > 0 => rest / self.stride[axis] + 1,
                _ => 0,
            }
        })
    }
}
