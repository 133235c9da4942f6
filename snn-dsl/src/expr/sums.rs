//! Sums without the sign that all their terms have.

use super::{Arena, ExprId, Node, Operation};

/// Longer sums are left as they are.
const TERMS: usize = 64;

impl Arena {
    /// `a + b + 1` of `-a - b - 1`: the negative of a sum all of whose terms are negative.
    pub fn without_minus(&mut self, sum: ExprId) -> Option<ExprId> {
        let mut left = TERMS;
        self.negated_terms(sum, &mut left)
    }

    fn negated_terms(&mut self, sum: ExprId, left: &mut usize) -> Option<ExprId> {
        *left = left.checked_sub(1)?;
        match self.node(sum) {
            Node::Constant(bits) if f64::from_bits(bits) < 0.0 => Some(self.negate(sum)),
            Node::Negate(a) => Some(a),
            Node::Binary(Operation::Add, a, b) => {
                let (a, b) = (self.negated_terms(a, left)?, self.negated_terms(b, left)?);
                Some(self.add(a, b))
            }
            Node::Binary(Operation::Subtract, a, b) => {
                let a = self.negated_terms(a, left)?;
                Some(self.add(a, b))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::{Arena, Leaf};

    #[test]
    fn the_sign_of_all_terms() {
        let mut arena = Arena::default();
        let [a, b] = [0, 1].map(|i| arena.leaf(Leaf::State(i)));
        let one = arena.constant(1.0);
        let minus_a = arena.negate(a);
        let difference = arena.subtract(minus_a, b);
        let sum = arena.subtract(difference, one);
        let (positive, expected) = (arena.without_minus(sum), arena.add(a, b));
        assert_eq!(positive, Some(arena.add(expected, one)));
        assert_eq!((arena.without_minus(minus_a), arena.without_minus(a)), (Some(a), None));
        let many = (0..100_000).fold(minus_a, |sum, _| arena.subtract(sum, b));
        let doubled = (0..1000).fold(sum, |sum, _| arena.add(sum, sum));
        assert_eq!((arena.without_minus(many), arena.without_minus(doubled)), (None, None));
        let mixed = arena.subtract(a, b);
        assert_eq!((arena.without_minus(mixed), arena.without_minus(one)), (None, None));
    }
}
