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

impl Model {
    /// Whether some network has a layer of this neuron (by its index) that spikes reach by listed connections alone, so that in
    /// most steps few of its neurons receive something. A step without events is of use only there.
    pub fn receives_sparsely(&self, neuron: usize) -> bool {
        let events = self.neurons.get(neuron).map_or(0, |n| n.events.len());
        let is_sparse = |p: &&Projection| !matches!(p.connectivity, Connectivity::Dense) && !p.bias;
        self.networks.iter().any(|network| {
            network.layers.iter().enumerate().filter(|(_, layer)| layer.neuron == neuron).any(|(layer, _)| {
                let mut incoming =
                    network.projections.iter().filter(|p| p.target == layer && p.port < events).peekable();
                incoming.peek().is_some() && incoming.all(|p| is_sparse(&p))
            })
        })
    }
}
