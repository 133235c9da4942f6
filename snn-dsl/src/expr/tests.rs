//! The builders simplify without changing a value; derivatives equal difference quotients; affine forms are equal to what
//! they stand for.

mod calculus;
mod random;
mod rules;

use super::{Arena, Comparison, ExprId, Function, Leaf, Node, Operation};

/// The value of an expression; leaves are parameters. Yes is 1, no is 0.
fn value(arena: &Arena, root: ExprId, leaves: &[f64]) -> f64 {
    let at = |id: ExprId| value(arena, id, leaves);
    match arena.node(root) {
        Node::Constant(bits) => f64::from_bits(bits),
        Node::Truth(yes) => f64::from(u8::from(yes)),
        Node::Leaf(Leaf::Parameter(i)) => leaves[usize::from(i)],
        Node::Leaf(leaf) => panic!("{leaf:?} has no value here"),
        Node::Negate(a) => -at(a),
        Node::Apply(f, a) => f.value(at(a)),
        Node::Binary(o, a, b) => o.value(at(a), at(b)),
        Node::Compare(c, a, b) => f64::from(u8::from(c.holds(at(a), at(b)))),
        Node::And(a, b) => at(a).min(at(b)),
        Node::Or(a, b) => at(a).max(at(b)),
        Node::Not(a) => 1.0 - at(a),
        Node::Select(c, a, b) => at(if at(c) == 1.0 { a } else { b }),
        Node::Detach(a) => at(a),
        Node::Spike(_) => panic!("a spike has no value here"),
    }
}

/// Equal, or as good as equal; numbers that are not finite are not compared.
fn close(a: f64, b: f64, tolerance: f64) -> bool {
    !a.is_finite() || !b.is_finite() || (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}
