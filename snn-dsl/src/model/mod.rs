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

use std::collections::BTreeSet;

/// All neurons and networks of one text, and the library neurons its networks use.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The neurons; library ones come after those of the text.
    pub neurons: Vec<Neuron>,
    /// The networks.
    pub networks: Vec<Network>,
}

impl Model {
    /// The states of a neuron (by its index) that losses, readouts or projections of the networks look at; `None` if no network has
    /// a layer of it.
    pub fn observed_states(&self, neuron: usize) -> Option<BTreeSet<usize>> {
        let mut observed = None;
        for network in &self.networks {
            let is_own = |layer: usize| network.layers.get(layer).is_some_and(|l| l.neuron == neuron);
            if !(0..network.layers.len()).any(is_own) {
                continue;
            }
            let observed = observed.get_or_insert_with(BTreeSet::new);
            observed.extend(network.program.nodes.iter().filter_map(|node| match *node {
                ProgramNode::Observe { layer, observable: Observable::State(state) } if is_own(layer) => Some(state),
                _ => None,
            }));
            observed.extend(network.projections.iter().filter_map(|p| match (p.source, p.signal) {
                (Source::Layer(layer), Signal::State(state)) if is_own(layer) => Some(state),
                _ => None,
            }));
        }
        observed
    }

    /// Whether some network has a layer of this neuron (by its index) that spikes reach by listed connections alone, so that in
    /// most steps few of its neurons receive something.
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
