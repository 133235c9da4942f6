//! What is to be trained and gets no gradient.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Arena, ExprId, Leaf, Node};
use crate::model::{Assign, Model, Network, Neuron, ProgramNode, Signal, Source};
use std::collections::BTreeSet;

/// The leaves that a gradient can reach from some expressions: it passes neither conditions nor `detach`.
fn reached(arena: &Arena, roots: impl IntoIterator<Item = ExprId>) -> BTreeSet<Leaf> {
    let passes = |id: ExprId| !arena.is_truth(id) && !matches!(arena.node(id), Node::Detach(_));
    let nodes = arena.reachable_where(roots, passes);
    let leaf = |id: ExprId| match arena.node(id) {
        Node::Leaf(leaf) => Some(leaf),
        _ => None,
    };
    nodes.into_iter().filter_map(leaf).collect()
}

/// Warns of trainable parameters on which neither states nor spikes depend, by any path that a gradient takes.
pub(super) fn parameters(neuron: &Neuron, diagnostics: &mut Diagnostics) {
    let states = neuron.states.iter().flat_map(|s| [s.initial, s.coefficient, s.rhs].into_iter().chain(s.noise));
    let values = |body: &[Assign]| body.iter().map(|a| a.value).collect::<Vec<_>>();
    let events = neuron.on.iter().flat_map(|on| values(&on.body));
    let threshold = neuron.spike.iter().flat_map(|s| {
        let scale = (!s.scale_detached).then_some(s.scale);
        [s.lhs, s.rhs].into_iter().chain(scale).chain(values(&s.reset))
    });
    let reached = reached(&neuron.arena, states.chain(events).chain(threshold));
    for (index, parameter) in neuron.parameters.iter().enumerate().filter(|(_, p)| p.trainable) {
        if reached.contains(&Leaf::Parameter(index as u16)) {
            continue;
        }
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
    let neuron = |layer: usize| network.layers.get(layer).and_then(|l| model.neurons.get(l.neuron));
    // Against the direction of the spikes, from the layers that a loss reads.
    let mut seen = BTreeSet::new();
    let mut next = observed(network);
    while let Some(target) = next.pop_first() {
        seen.insert(target);
        for projection in network.projections.iter().filter(|p| p.target == target) {
            if let Source::Layer(source) = projection.source
                && !seen.contains(&source)
                && (projection.signal != Signal::Spikes || neuron(source).is_some_and(|n| n.spike.is_some()))
            {
                next.insert(source);
            }
        }
    }
    for (index, layer) in network.layers.iter().enumerate().filter(|(k, _)| !seen.contains(k)) {
        let weights = network.projections.iter().any(|p| p.target == index && !p.frozen);
        if !weights && !neuron(index).is_some_and(|n| n.parameters.iter().any(|p| p.trainable)) {
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
    let mut layers = BTreeSet::new();
    let mut wanted: BTreeSet<usize> = program.losses.iter().map(|loss| loss.1).collect();
    // Nodes are computed from earlier ones.
    while let Some(index) = wanted.pop_last() {
        match program.nodes.get(index) {
            Some(ProgramNode::Observe { layer, .. }) => _ = layers.insert(*layer),
            Some(ProgramNode::Map { inputs, function }) => {
                let reached = reached(&program.arena, [*function]);
                let flows = |k: &usize| reached.contains(&Leaf::Argument(*k as u16));
                wanted.extend((0..inputs.len()).filter(flows).filter_map(|k| inputs.get(k)));
            }
            Some(node) => wanted.extend(node.inputs()),
            None => {}
        }
    }
    layers
}
