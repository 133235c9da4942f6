//! What is to be trained and gets no gradient.

use crate::derive::{derive, map_gradients};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Model, Network, Neuron, Observable, ProgramNode, Source};
use std::collections::BTreeSet;

/// Warns of trainable parameters on which neither states nor spikes depend, by any path that a gradient takes.
pub(super) fn parameters(neuron: &Neuron, diagnostics: &mut Diagnostics) {
    if !neuron.parameters.iter().any(|p| p.trainable) {
        return;
    }
    let derived = derive(neuron);
    for &(stored, gradient) in &derived.chain.gradients {
        let parameter = derived.stored.get(stored).and_then(|s| neuron.parameters.get(s.parameter));
        let Some(parameter) = parameter.filter(|_| derived.arena.constant_value(gradient) == Some(0.0)) else {
            continue;
        };
        let name = &parameter.quantity.name;
        let message = format!("`{name}` is trainable and gets no gradient");
        let hint = "states and spikes depend on it through conditions and `detach` alone, or not at all; \
                    without `trainable` it is a constant";
        diagnostics.push(Diagnostic::warning("W0405", parameter.quantity.span, message).hint(hint));
    }
}

/// Warns of layers that are trained and that no loss depends on.
pub(super) fn layers(model: &Model, network: &Network, diagnostics: &mut Diagnostics) {
    if network.program.losses.is_empty() {
        return;
    }
    let mut seen = observed(network);
    let spikes = |layer: usize| {
        let neuron = network.layers.get(layer).and_then(|l| model.neurons.get(l.neuron));
        neuron.is_some_and(|n| n.spike.is_some())
    };
    loop {
        let before = seen.len();
        for projection in &network.projections {
            if let Source::Layer(source) = projection.source
                && seen.contains(&projection.target)
                && spikes(source)
            {
                seen.insert(source);
            }
        }
        if seen.len() == before {
            break;
        }
    }
    for (index, layer) in network.layers.iter().enumerate().filter(|(k, _)| !seen.contains(k)) {
        let neuron = model.neurons.get(layer.neuron);
        let weights = network.projections.iter().any(|p| p.target == index && !p.frozen);
        if !weights && !neuron.is_some_and(|n| n.parameters.iter().any(|p| p.trainable)) {
            continue;
        }
        let message = format!("no loss depends on layer `{}`: nothing in it is trained", layer.name);
        let hint =
            "read it in a loss, or connect it to a layer that a loss reads; `frozen` projections are not trained";
        diagnostics.push(Diagnostic::warning("W0405", layer.span, message).hint(hint));
    }
}

/// The layers whose states or spikes a loss reads, through functions that have a gradient.
fn observed(network: &Network) -> BTreeSet<usize> {
    let program = &network.program;
    let mut arena = program.arena.clone();
    let mut layers = BTreeSet::new();
    let mut wanted: BTreeSet<usize> = program.losses.iter().map(|loss| loss.1).collect();
    // Nodes are computed from earlier ones.
    while let Some(index) = wanted.pop_last() {
        match program.nodes.get(index) {
            Some(ProgramNode::Observe { layer, observable: Observable::State(_) | Observable::Spikes }) => {
                layers.insert(*layer);
            }
            Some(ProgramNode::Map { inputs, function }) => {
                let gradients = map_gradients(&mut arena, *function, inputs.len());
                let flows = inputs.iter().zip(gradients).filter(|(_, g)| arena.constant_value(*g) != Some(0.0));
                wanted.extend(flows.map(|(input, _)| *input));
            }
            Some(ProgramNode::ReduceTime { input, .. } | ProgramNode::ReduceNeuron { input, .. }) => {
                wanted.insert(*input);
            }
            Some(ProgramNode::CrossEntropy { logits, .. }) => _ = wanted.insert(*logits),
            Some(ProgramNode::MeanSquaredError { output, .. }) => _ = wanted.insert(*output),
            None => {}
        }
    }
    layers
}
