//! Resets where z is 0 or 1: `(1-z) x + z e` is a choice between x and e.

use super::step::Step;
use crate::expr::{Arena, ExprId, Node, Operation};

/// The states at the end of a step in which neurons either fire or do not. The smooth form of a reset costs four operations
/// more, and is not a number where the value that is thrown away is infinite.
pub(super) fn ends(arena: &mut Arena, step: &Step) -> Vec<ExprId> {
    let Some(threshold) = step.threshold else { return step.end.clone() };
    let choice = |&end: &ExprId| match parts(arena, end) {
        Some((kept, new)) => {
            let new = new.unwrap_or_else(|| arena.constant(0.0));
            arena.select(threshold.fires, new, kept)
        }
        None => end,
    };
    step.end.iter().map(choice).collect()
}

/// What is kept without a spike and what comes with one, of `(1-z) kept + z new`; 0 is left out.
fn parts(arena: &Arena, end: ExprId) -> Option<(ExprId, Option<ExprId>)> {
    let of = |id: ExprId, operation: Operation| match arena.node(id) {
        Node::Binary(o, a, b) if o == operation => Some((a, b)),
        _ => None,
    };
    let is_spike = |id: ExprId| match arena.node(id) {
        Node::Detach(a) => matches!(arena.node(a), Node::Spike(_)),
        node => matches!(node, Node::Spike(_)),
    };
    let is_rest = |id: ExprId| {
        of(id, Operation::Subtract).is_some_and(|(a, b)| arena.constant_value(a) == Some(1.0) && is_spike(b))
    };
    let times = |id: ExprId, is_factor: &dyn Fn(ExprId) -> bool| match of(id, Operation::Multiply)? {
        (a, b) if is_factor(a) => Some(b),
        (a, b) if is_factor(b) => Some(a),
        _ => None,
    };
    if let Some(kept) = times(end, &is_rest) {
        return Some((kept, None));
    }
    let (a, b) = of(end, Operation::Add)?;
    Some((times(a, &is_rest)?, Some(times(b, &is_spike)?)))
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::derive::derive;
    use crate::expr::Node;

    #[test]
    fn an_assignment_becomes_a_choice() {
        let text = "neuron Cell {
            param V_r = -60 mV
            state V : mV
            state W : mV
            state U : mV
            dV/dt = -V / 10 ms
            dW/dt = -W / 10 ms
            dU/dt = -U / 10 ms
            spike when V >= 1 mV surrogate sigmoid scale 1 mV { V = V_r; W = 0 mV; U += 1 mV }
        }";
        let model = compile("", text).model.unwrap();
        let derived = derive(model.neurons.iter().find(|n| n.name == "Cell").unwrap());
        let is_choice = |id: &_| matches!(derived.arena.node(*id), Node::Select(..));
        assert_eq!(derived.ends.iter().map(is_choice).collect::<Vec<_>>(), [true, true, false]);
        assert!(!derived.step.end.iter().any(is_choice));
    }
}
