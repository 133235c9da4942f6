//! Divisors in equations that may become 0.

use crate::check::interval;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Arena, ExprId, Interval, Leaf, Node, Operation, is_nonzero};
use crate::model::{Neuron, State};
use std::collections::BTreeSet;

/// Warns of the first divisor of each equation that changes from step to step and is not known to stay away from 0, unless
/// a choice decides by what it reads.
pub(super) fn neuron(neuron: &Neuron, diagnostics: &mut Diagnostics) {
    let arena = &neuron.arena;
    let values = |leaf: Leaf| match leaf {
        Leaf::Parameter(i) => match neuron.parameters.get(usize::from(i)) {
            Some(parameter) => interval(parameter, parameter.value),
            None => Interval::ALL,
        },
        Leaf::Dt => Interval::new(f64::MIN_POSITIVE, f64::INFINITY),
        _ => Interval::ALL,
    };
    for state in &neuron.states {
        let unsafe_one = divisors(arena, state).into_iter().find(|&d| {
            arena.leaves(d).into_iter().any(moves) && !is_nonzero(arena, d, values) && !is_guarded(arena, state, d)
        });
        let Some(divisor) = unsafe_one else { continue };
        let text = arena.show(divisor, &|id| leaf_name(neuron, id));
        let message = format!("a divisor in the equation of `{}` may become 0", state.quantity.name);
        let diagnostic = Diagnostic::warning("W0408", state.equation_span, message)
            .label(format!("it divides by {text}"))
            .hint("write x/(exp(x) - 1) with the same x on both sides, a divisor that is positive, or `if` to choose");
        diagnostics.push(diagnostic);
    }
}

fn moves(leaf: Leaf) -> bool {
    !matches!(leaf, Leaf::Parameter(_) | Leaf::Dt)
}

/// What an equation divides by, in the order in which it was written.
fn divisors(arena: &Arena, state: &State) -> Vec<ExprId> {
    let inside = arena.reachable([state.rhs, state.coefficient]).into_iter().filter_map(|id| match arena.node(id) {
        Node::Binary(Operation::Divide, _, b) => Some(b),
        _ => None,
    });
    inside.chain([state.coefficient]).collect()
}

/// True if a choice with a branch that reads the divisor decides by something that the divisor reads, too.
fn is_guarded(arena: &Arena, state: &State, divisor: ExprId) -> bool {
    let reads: BTreeSet<Leaf> = arena.leaves(divisor);
    arena.reachable([state.rhs, state.coefficient]).into_iter().any(|id| match arena.node(id) {
        Node::Select(c, a, b) => {
            arena.leaves(c).intersection(&reads).any(|&l| moves(l)) && arena.reachable([a, b]).contains(&divisor)
        }
        _ => false,
    })
}

fn leaf_name(neuron: &Neuron, id: ExprId) -> Option<String> {
    let quantity = match neuron.arena.node(id) {
        Node::Leaf(Leaf::Parameter(i)) => neuron.parameters.get(usize::from(i)).map(|p| &p.quantity),
        Node::Leaf(Leaf::State(i)) => neuron.states.get(usize::from(i)).map(|s| &s.quantity),
        Node::Leaf(Leaf::Drive(i)) => neuron.drives.get(usize::from(i)),
        Node::Leaf(Leaf::Dt) => return Some("dt".into()),
        _ => None,
    };
    quantity.map(|q| q.name.clone())
}
