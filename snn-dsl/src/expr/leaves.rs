//! What an expression depends on, and replacing it.

use super::{Arena, ExprId, IdSet, Leaf, Node, Table};
use std::collections::{BTreeMap, BTreeSet};

impl Arena {
    /// All expressions below the roots, roots included, children before parents.
    pub fn reachable(&self, roots: impl IntoIterator<Item = ExprId>) -> Vec<ExprId> {
        self.reachable_where(roots, |_| true)
    }

    /// The same without what `enter` forbids, and without what lies below that alone.
    pub fn reachable_where(
        &self,
        roots: impl IntoIterator<Item = ExprId>,
        enter: impl Fn(ExprId) -> bool,
    ) -> Vec<ExprId> {
        let mut found = IdSet::default();
        let mut stack: Vec<ExprId> = roots.into_iter().collect();
        while let Some(id) = stack.pop() {
            if enter(id) && found.insert(id) {
                stack.extend(self.children(id));
            }
        }
        found.in_order()
    }

    /// The leaves below an expression.
    pub fn leaves(&self, root: ExprId) -> BTreeSet<Leaf> {
        self.reachable_where([root], |id| self.reads_anything(id))
            .into_iter()
            .filter_map(|id| match self.node(id) {
                Node::Leaf(leaf) => Some(leaf),
                _ => None,
            })
            .collect()
    }

    /// True if the expression reads the leaf.
    pub fn depends_on(&self, root: ExprId, leaf: Leaf) -> bool {
        let Some(leaf_id) = self.existing(Node::Leaf(leaf)) else { return false };
        let below = self.reachable_where([root], |id| id >= leaf_id && self.may_read(id, leaf));
        below.first() == Some(&leaf_id)
    }

    /// The expression with some sub-expressions replaced by others. Replacements are not themselves searched.
    pub fn substitute(&mut self, root: ExprId, replacements: &BTreeMap<ExprId, ExprId>) -> ExprId {
        if replacements.is_empty() {
            return root;
        }
        let mut done: Table<ExprId, ExprId> = Table::default();
        for id in self.reachable([root]) {
            let new = match replacements.get(&id) {
                Some(&replacement) => replacement,
                None => self.rebuild(id, |child| done.get(&child).copied().unwrap_or(child)),
            };
            done.insert(id, new);
        }
        done.get(&root).copied().unwrap_or(root)
    }

    /// The same operation on other operands.
    pub fn rebuild(&mut self, id: ExprId, new: impl Fn(ExprId) -> ExprId) -> ExprId {
        match self.node(id) {
            Node::Constant(_) | Node::Truth(_) | Node::Leaf(_) => id,
            Node::Negate(a) => self.negate(new(a)),
            Node::Apply(f, a) => self.apply(f, new(a)),
            Node::Binary(o, a, b) => self.binary(o, new(a), new(b)),
            Node::Compare(c, a, b) => self.compare(c, new(a), new(b)),
            Node::And(a, b) => self.and(new(a), new(b)),
            Node::Or(a, b) => self.or(new(a), new(b)),
            Node::Not(a) => self.not(new(a)),
            Node::Select(c, a, b) => self.select(new(c), new(a), new(b)),
            Node::Detach(a) => self.detach(new(a)),
            Node::Spike(a) => self.spike(new(a)),
        }
    }

    /// Copies an expression of another arena into this one; leaves are translated by `leaf`.
    pub fn import(&mut self, other: &Arena, root: ExprId, mut leaf: impl FnMut(&mut Arena, Leaf) -> ExprId) -> ExprId {
        let mut done: Table<ExprId, ExprId> = Table::default();
        for id in other.reachable([root]) {
            let at = |child: ExprId| done.get(&child).copied().unwrap_or(child);
            let new = match other.node(id) {
                Node::Leaf(l) => leaf(self, l),
                Node::Constant(bits) => self.constant(f64::from_bits(bits)),
                Node::Truth(value) => self.truth(value),
                Node::Negate(a) => self.negate(at(a)),
                Node::Apply(f, a) => self.apply(f, at(a)),
                Node::Binary(o, a, b) => self.binary(o, at(a), at(b)),
                Node::Compare(c, a, b) => self.compare(c, at(a), at(b)),
                Node::And(a, b) => self.and(at(a), at(b)),
                Node::Or(a, b) => self.or(at(a), at(b)),
                Node::Not(a) => self.not(at(a)),
                Node::Select(c, a, b) => self.select(at(c), at(a), at(b)),
                Node::Detach(a) => self.detach(at(a)),
                Node::Spike(a) => self.spike(at(a)),
            };
            done.insert(id, new);
        }
        done.get(&root).copied().unwrap_or(root)
    }
}
