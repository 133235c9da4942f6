//! A checked model: names resolved, units verified and folded away, expressions in arenas.
//!
//! All numbers count in the coherent base units (ms, mV, nA, MOhm, nF, uS, ...). After [`crate::check`] has returned a
//! model, nothing downstream fails.

mod network;
mod neuron;
mod program;
mod projection;

pub use network::*;
pub use neuron::*;
pub use program::*;
pub use projection::*;

/// All neurons and networks of one text, and the library neurons its networks use.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The neurons; library ones come after those of the text.
    pub neurons: Vec<Neuron>,
    /// The networks.
    pub networks: Vec<Network>,
}
