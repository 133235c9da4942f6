//! Straight-line programs: which expressions are computed, in which order.

use crate::expr::{Arena, ExprId, IdMap, IdSet, Node};
use std::collections::BTreeSet;

/// The expressions that lead from what is given to some results.
#[derive(Clone, Debug)]
pub struct Program {
    /// What is computed, operands first; leaves, constants and given expressions are not listed.
    pub order: Vec<ExprId>,
    /// How often each expression (given and leaves included) is used as an operand or result.
    pub uses: IdMap<usize>,
}

/// Orders the computation of `results`. Expressions in `given` are known already; the spike variable is computed from
/// `spike` (whether the neuron fires, or the primitive in smooth mode).
pub fn schedule(
    arena: &Arena,
    results: impl IntoIterator<Item = ExprId>,
    given: &BTreeSet<ExprId>,
    spike: Option<ExprId>,
) -> Program {
    let mut found = IdSet::default();
    let mut uses: IdMap<usize> = IdMap::default();
    let mut stack: Vec<ExprId> = results.into_iter().collect();
    let mut z = None;
    while let Some(id) = stack.pop() {
        uses.insert(id, uses.get(id).map_or(1, |n| n + 1));
        if given.contains(&id) || !found.insert(id) {
            continue;
        }
        match (arena.node(id), spike) {
            (Node::Spike(_), Some(value)) => {
                z = Some(id);
                stack.push(value);
            }
            (Node::Spike(_), None) => {}
            _ => stack.extend(arena.children(id)),
        }
    }
    let computed = |id: &ExprId| !matches!(arena.node(*id), Node::Leaf(_) | Node::Constant(_) | Node::Truth(_));
    let order: Vec<ExprId> = found.in_order().into_iter().filter(computed).collect();
    Program { order: place_spike(arena, order, z, spike), uses }
}

/// The comparison that decides over a spike may have been built after the spike variable: put the variable, and
/// whatever was built from it, behind it.
fn place_spike(arena: &Arena, order: Vec<ExprId>, z: Option<ExprId>, spike: Option<ExprId>) -> Vec<ExprId> {
    let (Some(z), Some(spike)) = (z, spike) else { return order };
    if spike < z {
        return order;
    }
    let mut after = IdSet::default();
    after.insert(z);
    for &id in &order {
        if arena.children(id).any(|c| after.contains(c)) {
            after.insert(id);
        }
    }
    let (late, early): (Vec<_>, Vec<_>) = order.into_iter().partition(|id| after.contains(*id));
    early.into_iter().chain(late).collect()
}
