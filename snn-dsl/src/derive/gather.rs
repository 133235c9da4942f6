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
    let mut results: IdMap<ExprId> = IdMap::default();
    for id in order {
        let changes = match arena.node(id) {
            Node::Leaf(leaf) => !is_known(leaf),
            Node::Spike(_) | Node::Detach(_) => true,
            _ => arena.children(id).any(|child| changing.contains(child)),
        };
        if changes {
            changing.insert(id);
        }
        let mut sum = Sum::default();
        sum.collect(arena, (false, id), &|of| of == id || uses.get(of) == Some(&1), &changing);
        let new = match sum.known.len() {
            2.. if !sum.changing.is_empty() => sum.gathered(arena, &results),
            _ => arena.rebuild(id, |child| results.get(child).copied().unwrap_or(child)),
        };
        results.insert(id, new);
    }
    step.rewrite(|id| results.get(id).copied().unwrap_or(id));
}

/// The terms of a sum in their order, with their signs.
#[derive(Default)]
struct Sum {
    /// Known before the first step.
    known: Vec<(bool, ExprId)>,
    changing: Vec<(bool, ExprId)>,
}

impl Sum {
    /// Takes in the terms of `id`, or minus those; it and what is in it are taken apart if they `may` be.
    fn collect(&mut self, arena: &Arena, (minus, id): (bool, ExprId), may: &impl Fn(ExprId) -> bool, changing: &IdSet) {
        let parts = match arena.node(id) {
            _ if !changing.contains(id) => return self.known.push((minus, id)),
            Node::Binary(Operation::Add, a, b) => [Some((minus, a)), Some((minus, b))],
            Node::Binary(Operation::Subtract, a, b) => [Some((minus, a)), Some((!minus, b))],
            Node::Negate(a) => [Some((!minus, a)), None],
            _ => return self.changing.push((minus, id)),
        };
        if !may(id) {
            return self.changing.push((minus, id));
        }
        parts.into_iter().flatten().for_each(|part| self.collect(arena, part, may, changing));
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
