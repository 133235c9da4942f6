//! Sets and tables by the place of an expression in its arena, for passes over most of a graph: they are in order, and fast
//! in macros, which are not optimised.

use super::ExprId;

/// A set of expressions.
#[derive(Clone, Debug, Default)]
pub struct IdSet {
    /// A bit for each place.
    words: Vec<u64>,
}

impl IdSet {
    /// Adds an expression; false if it was there.
    pub fn insert(&mut self, id: ExprId) -> bool {
        let (word, bit) = place(id);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        is_new
    }

    /// Whether the expression is in the set.
    pub fn contains(&self, id: ExprId) -> bool {
        let (word, bit) = place(id);
        word < self.words.len() && self.words[word] & bit != 0
    }

    /// All of them, children before parents.
    pub fn in_order(&self) -> Vec<ExprId> {
        let mut ids = Vec::new();
        for (k, &word) in self.words.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                ids.push(ExprId(64 * k as u32 + rest.trailing_zeros()));
                rest &= rest - 1;
            }
        }
        ids
    }
}

fn place(id: ExprId) -> (usize, u64) {
    (id.index() / 64, 1 << (id.index() % 64))
}

/// A table by expression.
#[derive(Clone, Debug)]
pub struct IdMap<V> {
    values: Vec<Option<V>>,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<V> IdMap<V> {
    /// The value of an expression.
    pub fn get(&self, id: ExprId) -> Option<&V> {
        match self.values.get(id.index()) {
            Some(value) => value.as_ref(),
            None => None,
        }
    }

    /// Sets the value of an expression.
    pub fn insert(&mut self, id: ExprId, value: V) {
        if id.index() >= self.values.len() {
            self.values.resize_with(id.index() + 1, || None);
        }
        self.values[id.index()] = Some(value);
    }

    /// Whether the expression has a value.
    pub fn contains(&self, id: ExprId) -> bool {
        self.get(id).is_some()
    }

    /// The expressions with their values, children before parents.
    pub fn iter(&self) -> impl Iterator<Item = (ExprId, &V)> {
        let values = self.values.iter().enumerate();
        values.filter_map(|(k, value)| value.as_ref().map(|value| (ExprId(k as u32), value)))
    }
}

#[cfg(test)]
mod tests {
    use super::{ExprId, IdMap, IdSet};

    #[test]
    fn a_set_is_in_order() {
        let mut set = IdSet::default();
        let ids = [200, 3, 64, 63, 3, 0].map(ExprId);
        assert_eq!(ids.map(|id| set.insert(id)), [true, true, true, true, false, true]);
        assert_eq!(set.in_order(), [0, 3, 63, 64, 200].map(ExprId));
        assert!(set.contains(ExprId(64)) && !set.contains(ExprId(65)) && !set.contains(ExprId(1000)));
    }

    #[test]
    fn a_table_keeps_the_last_value() {
        let mut map = IdMap::default();
        for (id, value) in [(5, 'a'), (2, 'b'), (5, 'c')] {
            map.insert(ExprId(id), value);
        }
        assert_eq!(map.iter().collect::<Vec<_>>(), [(ExprId(2), &'b'), (ExprId(5), &'c')]);
        assert!(map.contains(ExprId(2)) && !map.contains(ExprId(3)) && !map.contains(ExprId(9)));
    }
}
