//! The engine: runs a [`crate::graph::Graph`] forwards and backwards on batches of samples.
//!
//! A batch is cut into blocks of 8 samples and dealt to lanes ([`Workspace`]). The samples of a block take each step together:
//! spikes are index lists, and only the weight rows of the neurons that fired are added; then one call of the neuron model
//! serves all samples. Losses and their gradients are evaluated for the block, and it is run backwards: there the errors are
//! dense, and one pass over the transposed weights serves 8 products. Each weight row that was used gets the sum of the errors
//! at the steps in which it was. Long runs are cut into segments of time, which run forwards again before they run backwards.
//!
//! Every sum has a fixed order, so results are the same bits for any number of threads and any instruction set.

mod backward;
mod batch;
mod call;
mod carry;
mod collect;
mod divergence;
mod dropout;
mod error;
mod events_by_row;
mod filtered_errors;
mod forward;
mod impulses;
mod in_tree;
mod initial;
mod lane_gradient;
mod matrix;
mod network;
mod packed;
mod parameter_gradient;
mod plan;
mod plastic;
mod projection;
mod rare_rows;
mod result;
mod segments;
mod sent;
mod session;
mod weight_gradient;
mod weights;
mod wiring;
mod workspace;

pub use batch::{Batch, InputData, TargetData, Values};
pub use carry::Carry;
pub use error::Error;
#[doc(hidden)]
pub use matrix::Matrix;
pub use network::Network;
pub use result::{Evaluation, Readouts, Recording};
pub use session::Session;
pub use workspace::Workspace;

/// The samples that are run backwards at once.
pub(crate) const BLOCK: usize = 8;
