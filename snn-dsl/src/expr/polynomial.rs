//! Sums of products in a normal form, by which one expression is seen to be a multiple of another however the two were
//! written: `(V - E)/k` and `E/k - V/k`.
//!
//! A sum has one term for each product of whole powers, a term one number. Whatever is no sum, product or quotient by a
//! product stands for itself; so do sums of more terms than are looked at.

use super::{Arena, ExprId, Node, Operation, Table};
use std::cmp::Ordering;
use std::rc::Rc;

/// Sums of more terms are taken as they are.
const TERMS: usize = 16;
/// So are products of more factors,
const FACTORS: usize = 16;
/// and of higher powers.
const POWER: i32 = 64;
/// Numbers that differ by less than this part are equal: 0.3 and 3*0.1.
const CLOSE: f64 = 1e-12;

/// A number times whole powers of expressions, by ascending id; no power is 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) number: f64,
    pub(super) powers: Vec<(ExprId, i32)>,
}

impl Term {
    fn constant(number: f64) -> Self {
        Self { number, powers: Vec::new() }
    }

    /// The power of an expression in it.
    pub(super) fn power(&self, of: ExprId) -> i32 {
        self.powers.iter().find(|p| p.0 == of).map_or(0, |p| p.1)
    }

    fn times(&self, other: &Self) -> Self {
        let powers = merged(&self.powers, &other.powers).map(|(id, p, q)| (id, p + q)).filter(|p| p.1 != 0).collect();
        Self { number: self.number * other.number, powers }
    }

    /// The quotient of two terms.
    pub(super) fn over(&self, other: &Self) -> Self {
        self.times(&other.inverse())
    }

    fn inverse(&self) -> Self {
        Self { number: 1.0 / self.number, powers: self.powers.iter().map(|&(id, p)| (id, -p)).collect() }
    }

    /// The lexicographic order of the powers: that of two terms is that of their products with a third one.
    fn order(&self, other: &Self) -> Ordering {
        let mut differing = merged(&self.powers, &other.powers).filter(|(_, p, q)| p != q);
        differing.next().map_or(Ordering::Equal, |(_, p, q)| q.cmp(&p))
    }

    fn is_small(&self) -> bool {
        let fits = self.powers.len() <= FACTORS && self.powers.iter().all(|p| p.1.abs() <= POWER);
        fits && self.number.is_finite() && self.number != 0.0
    }
}

/// Each expression of two products with its power in the one and in the other, by ascending id.
fn merged(a: &[(ExprId, i32)], b: &[(ExprId, i32)]) -> impl Iterator<Item = (ExprId, i32, i32)> {
    let (mut i, mut j) = (0, 0);
    std::iter::from_fn(move || {
        let (x, y) = (a.get(i).copied(), b.get(j).copied());
        let id = x.map(|x| x.0).into_iter().chain(y.map(|y| y.0)).min()?;
        let take = |x: Option<(ExprId, i32)>, place: &mut usize| match x {
            Some((own, power)) if own == id => {
                *place += 1;
                power
            }
            _ => 0,
        };
        Some((id, take(x, &mut i), take(y, &mut j)))
    })
}

/// True if two numbers are equal but for rounding.
pub(super) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= CLOSE * a.abs().max(b.abs())
}

/// A sum: terms in their order, no two of which have the same powers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Polynomial(Vec<Term>);

impl Polynomial {
    /// An expression that is no sum or product.
    fn atom(id: ExprId) -> Self {
        Self(vec![Term { number: 1.0, powers: vec![(id, 1)] }])
    }

    pub(super) fn terms(&self) -> &[Term] {
        &self.0
    }

    fn negated(mut self) -> Self {
        self.0.iter_mut().for_each(|t| t.number = -t.number);
        self
    }

    /// The sum of terms; what cancels but for rounding is 0.
    fn sum(mut terms: Vec<Term>) -> Self {
        terms.sort_by(Term::order);
        let mut sum: Vec<Term> = Vec::new();
        for term in terms {
            match sum.last_mut() {
                Some(last) if last.powers == term.powers => {
                    let cancels = close(last.number, -term.number);
                    last.number = if cancels { 0.0 } else { last.number + term.number };
                }
                _ => sum.push(term),
            }
        }
        sum.retain(|t| t.number != 0.0);
        Self(sum)
    }

    fn plus(&self, other: &Self) -> Self {
        Self::sum(self.0.iter().chain(&other.0).cloned().collect())
    }

    fn times(&self, other: &Self) -> Self {
        Self::sum(self.0.iter().flat_map(|a| other.0.iter().map(|b| a.times(b))).collect())
    }

    /// One over it, if it is a product.
    fn inverse(&self) -> Option<Self> {
        match &self.0[..] {
            [one] => Some(Self(vec![one.inverse()])),
            _ => None,
        }
    }

    /// What `other` is to be multiplied by to give this, if it is a product; none if `other` is 0 where a factor is that
    /// `counts` and this is not: everything is a multiple of x in so far as one may divide by x.
    pub(super) fn multiple_of(&self, other: &Self, counts: impl Fn(ExprId) -> bool) -> Option<Term> {
        let ratio = self.ratio(other)?;
        let divides = |id: ExprId| other.0.iter().all(|t| t.power(id) > 0);
        let adds_a_pole = ratio.powers.iter().any(|&(id, power)| power < 0 && counts(id) && divides(id));
        (!adds_a_pole).then_some(ratio)
    }

    /// The quotient of two sums, if it is a product.
    fn ratio(&self, other: &Self) -> Option<Term> {
        if self.0.len() != other.0.len() {
            return None;
        }
        let ratio = self.0.first()?.over(other.0.first()?);
        let same = |(a, b): (&Term, &Term)| {
            let b = b.times(&ratio);
            a.powers == b.powers && close(a.number, b.number)
        };
        (ratio.is_small() && self.0.iter().zip(&other.0).all(same)).then_some(ratio)
    }
}

/// The normal forms of the expressions looked at so far.
#[derive(Debug, Default)]
pub(super) struct Polynomials(Table<ExprId, Rc<Polynomial>>);

impl Polynomials {
    /// The normal form of an expression. What was looked at for another one is not looked at again.
    pub(super) fn of(&mut self, arena: &Arena, root: ExprId) -> Rc<Polynomial> {
        let mut stack = vec![root];
        while let Some(&id) = stack.last() {
            if self.0.contains_key(&id) {
                stack.pop();
                continue;
            }
            let open = stack.len();
            if let Node::Negate(_)
            | Node::Binary(Operation::Add | Operation::Subtract | Operation::Multiply | Operation::Divide, ..) =
                arena.node(id)
            {
                stack.extend(arena.children(id).filter(|child| !self.0.contains_key(child)));
            }
            if stack.len() == open {
                let form = self.expanded(arena, id).unwrap_or_else(|| Polynomial::atom(id));
                self.0.insert(id, Rc::new(form));
                stack.pop();
            }
        }
        self.0.get(&root).cloned().unwrap_or_else(|| Rc::new(Polynomial::atom(root)))
    }

    /// The form of a node whose operands have theirs; none if it is to stand for itself.
    fn expanded(&self, arena: &Arena, id: ExprId) -> Option<Polynomial> {
        let at = |child: ExprId| self.0.get(&child);
        let form = match arena.node(id) {
            Node::Constant(bits) if bits == 0.0f64.to_bits() => return Some(Polynomial(Vec::new())),
            Node::Constant(bits) => Polynomial(vec![Term::constant(f64::from_bits(bits))]),
            Node::Negate(a) => Polynomial::clone(at(a)?).negated(),
            Node::Binary(Operation::Add, a, b) => at(a)?.plus(at(b)?),
            Node::Binary(Operation::Subtract, a, b) => at(a)?.plus(&Polynomial::clone(at(b)?).negated()),
            Node::Binary(Operation::Multiply, a, b) => at(a)?.times(at(b)?),
            Node::Binary(Operation::Divide, a, b) => at(a)?.times(&at(b)?.inverse()?),
            _ => return None,
        };
        (form.0.len() <= TERMS && form.0.iter().all(Term::is_small)).then_some(form)
    }
}

#[cfg(test)]
mod tests {
    use super::Polynomials;
    use crate::expr::{Arena, ExprId, Function, Leaf};

    /// Whether a is a multiple of b, and the number and powers that it takes.
    fn ratio(arena: &Arena, a: ExprId, b: ExprId) -> Option<(f64, Vec<(ExprId, i32)>)> {
        let mut forms = Polynomials::default();
        let (a, b) = (forms.of(arena, a), forms.of(arena, b));
        a.ratio(&b).map(|t| (t.number, t.powers))
    }

    #[test]
    fn multiples_are_recognised_in_every_form() {
        let mut arena = Arena::default();
        let v = arena.leaf(Leaf::State(0));
        let [e, k] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
        let [three, tenth, third] = [3.0, 0.1, 0.3].map(|x| arena.constant(x));
        let from_e = arena.subtract(v, e);
        let to_e = arena.subtract(e, v);
        assert_eq!(ratio(&arena, from_e, to_e), Some((-1.0, vec![])));
        let (v_k, e_k) = (arena.divide(v, k), arena.divide(e, k));
        let apart = arena.subtract(e_k, v_k);
        assert_eq!(ratio(&arena, apart, from_e), Some((-1.0, vec![(k, -1)])));
        assert_eq!(ratio(&arena, from_e, apart), Some((-1.0, vec![(k, 1)])));
        // 3*0.1 is not 0.3 in floating point.
        let rounded = arena.multiply(three, tenth);
        let (a, b) = (arena.add(v, rounded), arena.add(third, v));
        assert_eq!(ratio(&arena, a, b), Some((1.0, vec![])));
        let other = arena.add(v, three);
        assert_eq!(ratio(&arena, a, other), None);
        let exp = arena.apply(Function::Exp, v);
        assert_eq!(ratio(&arena, exp, v), Some((1.0, vec![(v, -1), (exp, 1)])));
        let nothing = arena.subtract(from_e, v);
        let nothing = arena.add(nothing, e);
        assert_eq!(ratio(&arena, nothing, v), None);
    }

    #[test]
    fn large_products_stand_for_themselves() {
        let mut arena = Arena::default();
        let mut product = arena.leaf(Leaf::State(0));
        for _ in 0..60 {
            product = arena.multiply(product, product);
        }
        let one = arena.constant(1.0);
        let mut power = one;
        for i in 0..40 {
            let x = arena.leaf(Leaf::State(i));
            let sum = arena.add(x, one);
            power = arena.multiply(power, sum);
        }
        let mut forms = Polynomials::default();
        assert_eq!(forms.of(&arena, product).terms().len(), 1);
        assert!(forms.of(&arena, power).terms().len() <= super::TERMS);
    }
}
