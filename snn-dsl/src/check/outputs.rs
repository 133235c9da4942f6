//! The extra results that losses and readouts ask of neurons.

use crate::expr::Leaf;
use crate::model::{Network, Neuron, Observable, Output, ProgramNode, Quantity, Stage};

/// Gives each neuron an output for every state that some network reads before the reset.
///
/// While networks are checked, `Observable::Output(s)` stands for the state s before the reset: what other networks read of
/// the same neuron is not known yet. Here it becomes the index of an output.
pub(super) fn assign(neurons: &mut [Neuron], networks: &mut [Network]) {
    for network in networks {
        for node in &mut network.program.nodes {
            let ProgramNode::Observe { layer, observable: Observable::Output(state) } = node else { continue };
            let neuron = network.layers.get(*layer).and_then(|l| neurons.get_mut(l.neuron));
            if let Some(output) = neuron.and_then(|n| before_reset(n, *state)) {
                *state = output;
            }
        }
    }
}

/// The index of the output that holds a state before the reset.
fn before_reset(neuron: &mut Neuron, state: usize) -> Option<usize> {
    let quantity = &neuron.states.get(state)?.quantity;
    let value = neuron.arena.leaf(Leaf::State(state as u16));
    let same = |o: &Output| o.stage == Stage::BeforeReset && o.value == value;
    if let Some(known) = neuron.outputs.iter().position(same) {
        return Some(known);
    }
    let name = format!("before_reset({})", quantity.name);
    let quantity = Quantity { name, docs: Vec::new(), ..quantity.clone() };
    neuron.outputs.push(Output { quantity, value, stage: Stage::BeforeReset });
    Some(neuron.outputs.len() - 1)
}
