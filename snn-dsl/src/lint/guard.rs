//! What the choices above an expression decide by: `if abs(x) > 1 { 1/x } else { 1 }` takes care of its divisor.

use crate::expr::{Arena, ExprId, Leaf, Node, Table};

/// Leaves by which the choices on every way from the roots to an expression decide, and those that an expression reads.
pub(super) struct Guards {
    places: Table<ExprId, usize>,
    leaves: Table<Leaf, usize>,
    /// The words of a set of leaves.
    width: usize,
    reads: Vec<u64>,
    guards: Vec<u64>,
    /// The leaves that change from step to step.
    changing: Vec<u64>,
}

impl Guards {
    /// Walks through all that is below the roots once up and once down.
    pub(super) fn new(arena: &Arena, roots: &[ExprId]) -> Self {
        let order = arena.reachable(roots.iter().copied());
        let mut places: Table<ExprId, usize> = Table::default();
        let mut leaves: Table<Leaf, usize> = Table::default();
        for (place, &id) in order.iter().enumerate() {
            places.insert(id, place);
            if let Node::Leaf(leaf) = arena.node(id) {
                let next = leaves.len();
                leaves.entry(leaf).or_insert(next);
            }
        }
        let width = leaves.len().div_ceil(64).max(1);
        let (mut reads, mut changing) = (vec![0; width * order.len()], vec![0; width]);
        for (place, &id) in order.iter().enumerate() {
            let (below, own) = reads.split_at_mut(place * width);
            for child in arena.children(id) {
                if let Some(child) = places.get(&child).and_then(|&c| below.get(c * width..(c + 1) * width)) {
                    own.iter_mut().zip(child).for_each(|(word, other)| *word |= other);
                }
            }
            if let Node::Leaf(leaf) = arena.node(id)
                && let Some(&bit) = leaves.get(&leaf)
            {
                own[bit / 64] |= 1 << (bit % 64);
                if arena.changes(id) {
                    changing[bit / 64] |= 1 << (bit % 64);
                }
            }
        }
        // Until a way to an expression is found, all leaves are on all ways to it.
        let mut guards = vec![u64::MAX; width * order.len()];
        for root in roots {
            if let Some(&place) = places.get(root) {
                guards[place * width..(place + 1) * width].fill(0);
            }
        }
        for (place, &id) in order.iter().enumerate().rev() {
            let (below, own) = guards.split_at_mut(place * width);
            let mut enter = |child: ExprId, decided: Option<usize>| {
                let Some(&child) = places.get(&child) else { return };
                for (k, word) in below[child * width..(child + 1) * width].iter_mut().enumerate() {
                    *word &= own[k] | decided.map_or(0, |condition| reads[condition * width + k]);
                }
            };
            match arena.node(id) {
                Node::Select(condition, a, b) => {
                    enter(condition, None);
                    let decided = places.get(&condition).copied();
                    [a, b].into_iter().for_each(|branch| enter(branch, decided));
                }
                _ => arena.children(id).for_each(|child| enter(child, None)),
            }
        }
        Self { places, leaves, width, reads, guards, changing }
    }

    /// True if choices above `at` decide by something that `divisor` reads; only what changes counts if the divisor does.
    pub(super) fn decide(&self, at: ExprId, divisor: ExprId) -> bool {
        let (Some(&at), Some(&divisor)) = (self.places.get(&at), self.places.get(&divisor)) else { return false };
        if self.leaves.is_empty() {
            return false;
        }
        let read = &self.reads[divisor * self.width..(divisor + 1) * self.width];
        let changes = read.iter().zip(&self.changing).any(|(r, c)| r & c != 0);
        let counts = |k: usize| if changes { self.changing[k] } else { u64::MAX };
        let guards = &self.guards[at * self.width..(at + 1) * self.width];
        read.iter().zip(guards).enumerate().any(|(k, (r, g))| r & g & counts(k) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Guards;
    use crate::compile::compile;
    use crate::expr::{Node, Operation};

    #[test]
    fn every_way_to_a_quotient_has_to_decide() {
        for (text, guarded) in [
            ("if x > 1 { 1/x } else { 1 }", true),
            ("if x*y > 1 { 2 } else { exp(1/x) }", true),
            ("if y > 1 { if abs(x) > 1 { 1/x } else { 1 } } else { 2 }", true),
            ("if y > 1 { 1/x } else { 1 }", false),
            ("if 1/x > 1 { x } else { 1 }", false),
            ("(if x > 1 { 1/x } else { 1 }) + 1/x", false),
            ("1/x", false),
        ] {
            let text = format!("neuron N {{ state x \n state y \n ms dx/dt = {text} \n dy/dt = 0 }}");
            let neuron = compile("", &text).model.unwrap().neurons.remove(0);
            let (arena, root) = (&neuron.arena, neuron.states[0].rhs);
            let guards = Guards::new(arena, &[root]);
            let quotient = arena.reachable([root]).into_iter().find_map(|id| match arena.node(id) {
                Node::Binary(Operation::Divide, _, b) => Some((id, b)),
                _ => None,
            });
            let (at, divisor) = quotient.unwrap();
            assert_eq!(guards.decide(at, divisor), guarded, "{text}");
        }
    }
}
