//! Sums in which what is known before the first step stands together, to become one coefficient: `g E + E_L + V_in` is
//! `g E + (E_L + V_in)`, one operation less in every step.
//!
//! A part of a sum that something else reads too, or that has a name, stays as it is.

use super::hoist::is_known;
use super::step::Step;
use crate::expr::{Arena, ExprId, IdMap, IdSet, Node, Operation};

/// Does so in all sums of a step.
pub(super) fn gather(arena: &mut Arena, step: &mut Step) {
    let mut roots: Vec<ExprId> = Vec::new();
    step.rewrite(|id| {
        roots.push(id);
        id
    });
    let mut uses: IdMap<usize> = IdMap::default();
    let order = arena.reachable(roots.iter().copied());
    let read = order.iter().flat_map(|&id| arena.children(id).collect::<Vec<_>>());
    for id in read.chain(roots.iter().copied()) {
        uses.insert(id, uses.get(id).map_or(1, |n| n + 1));
    }
    let mut changing = IdSet::default();
    // The parts of sums that belong to a larger sum.
    let mut inner = IdSet::default();
    for &id in &order {
        let changes = match arena.node(id) {
            Node::Leaf(leaf) => !is_known(leaf),
            Node::Spike(_) | Node::Detach(_) => true,
            _ => arena.children(id).any(|child| changing.contains(child)),
        };
        if changes {
            changing.insert(id);
            let own = terms(arena, id).into_iter().flatten().flatten().map(|(_, part)| part);
            own.filter(|&part| uses.get(part) == Some(&1)).for_each(|part| {
                inner.insert(part);
            });
        }
    }
    let mut results: IdMap<ExprId> = IdMap::default();
    for id in order {
        let sum = if inner.contains(id) { Sum::default() } else { Sum::of(arena, id, &inner, &changing) };
        let new = match sum.known.len() {
            2.. if !sum.changing.is_empty() => sum.gathered(arena, &results),
            _ => arena.rebuild(id, |child| results.get(child).copied().unwrap_or(child)),
        };
        results.insert(id, new);
    }
    step.rewrite(|id| results.get(id).copied().unwrap_or(id));
}

/// The terms of a sum or difference of two, or what is negated, each with whether it is subtracted.
fn terms(arena: &Arena, id: ExprId) -> Option<[Option<(bool, ExprId)>; 2]> {
    match arena.node(id) {
        Node::Binary(Operation::Add, a, b) => Some([Some((false, a)), Some((false, b))]),
        Node::Binary(Operation::Subtract, a, b) => Some([Some((false, a)), Some((true, b))]),
        Node::Negate(a) => Some([Some((true, a)), None]),
        _ => None,
    }
}

/// All terms of a sum in their order, with their signs.
#[derive(Default)]
struct Sum {
    /// Known before the first step.
    known: Vec<(bool, ExprId)>,
    changing: Vec<(bool, ExprId)>,
}

impl Sum {
    /// The terms of `root` and of the parts of it that are `inner`.
    fn of(arena: &Arena, root: ExprId, inner: &IdSet, changing: &IdSet) -> Self {
        let mut sum = Self::default();
        let mut stack = vec![(false, root)];
        while let Some((minus, id)) = stack.pop() {
            if !changing.contains(id) {
                sum.known.push((minus, id));
                continue;
            }
            match terms(arena, id) {
                Some(parts) if id == root || inner.contains(id) => {
                    stack.extend(parts.into_iter().flatten().rev().map(|(less, part)| (minus != less, part)));
                }
                _ => sum.changing.push((minus, id)),
            }
        }
        sum
    }

    /// What changes and then what is known; the other way round if the first of what changes is negative.
    fn gathered(&self, arena: &mut Arena, results: &IdMap<ExprId>) -> ExprId {
        let zero = arena.constant(0.0);
        let mut add = |sum: ExprId, terms: &[(bool, ExprId)]| {
            terms.iter().fold(sum, |sum, &(minus, id)| {
                let term = results.get(id).copied().unwrap_or(id);
                if minus { arena.subtract(sum, term) } else { arena.add(sum, term) }
            })
        };
        let known = add(zero, &self.known);
        match self.changing.first() {
            Some((true, _)) => add(known, &self.changing),
            _ => {
                let changing = add(zero, &self.changing);
                arena.add(changing, known)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::explain::explain;

    /// The update of V.
    fn update(equation: &str, lets: &str) -> String {
        let text = format!(
            "neuron Cell {{
                param E = 1 mV
                param F = 2 mV
                drive g
                {lets}
                state V : mV
                state W : mV
                10 ms dV/dt = {equation}
                10 ms dW/dt = -W
                integrate euler
            }}"
        );
        let explained = explain(&compile("", &text).model.unwrap());
        explained.lines().find_map(|line| line.trim().strip_prefix("V_new = ")).unwrap().to_string()
    }

    #[test]
    fn what_is_known_stands_together() {
        assert_eq!(update("E - W + F - V", ""), "V + dt*((k1 - W - V)/10)");
        assert_eq!(update("E + g*W - V + F", ""), "V + dt*((g*W - V + k1)/10)");
        assert_eq!(update("2*(E + W - F) - V", ""), "V + dt*((2*(W + k1) - V)/10)");
    }

    #[test]
    fn what_is_read_elsewhere_stays() {
        assert_eq!(update("E - V", ""), "V + dt*((E - V)/10)");
        assert_eq!(update("I + F - V", "let I = E + W"), "V + dt*((I + F - V)/10)");
        assert_eq!(update("(E + W)/(E + W + F) * 1 mV", "let I = E + W"), "V + dt*(I/(I + F)/10)");
    }
}
