//! Events that are no more than added to a state.

use super::Derived;
use crate::expr::{Leaf, Node, Operation};
use std::collections::BTreeSet;

/// The state that each event port is added to when a step begins, if a step does nothing else with what arrives or
/// with what the state was before; otherwise empty.
///
/// Whoever has the sums of events can then add them to the states himself: where few neurons are reached, all others need not
/// look whether something arrived.
pub(super) fn direct_events(derived: &Derived) -> Vec<usize> {
    let (arena, program, events) = (&derived.arena, derived.step_program(false), derived.reverse.events.len());
    let mut states = vec![None; events];
    for &id in &program.order {
        let Node::Binary(Operation::Add, a, b) = arena.node(id) else { continue };
        let (Node::Leaf(a_leaf), Node::Leaf(b_leaf)) = (arena.node(a), arena.node(b)) else { continue };
        let (event, state) = match (a_leaf, b_leaf) {
            (Leaf::State(state), Leaf::Event(event)) | (Leaf::Event(event), Leaf::State(state)) => (event, state),
            _ => continue,
        };
        let once = |id| program.uses.get(id) == Some(&1);
        if once(a) && once(b) {
            states[usize::from(event)] = Some(usize::from(state));
        }
    }
    let states: Vec<usize> = states.into_iter().flatten().collect();
    let different: BTreeSet<usize> = states.iter().copied().collect();
    if different.len() == events { states } else { Vec::new() }
}
