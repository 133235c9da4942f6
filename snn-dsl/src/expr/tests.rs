//! The builders simplify without changing a value; derivatives equal difference quotients; affine forms are equal to what
//! they stand for.

mod calculus;
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
        Node::Apply(f, a) => apply(f, at(a)),
        Node::Binary(o, a, b) => binary(o, at(a), at(b)),
        Node::Compare(c, a, b) => f64::from(u8::from(c.holds(at(a), at(b)))),
        Node::And(a, b) => at(a).min(at(b)),
        Node::Or(a, b) => at(a).max(at(b)),
        Node::Not(a) => 1.0 - at(a),
        Node::Select(c, a, b) => at(if at(c) == 1.0 { a } else { b }),
        Node::Detach(a) => at(a),
        Node::Spike(_) => panic!("a spike has no value here"),
    }
}

fn binary(operation: Operation, x: f64, y: f64) -> f64 {
    match operation {
        Operation::Add => x + y,
        Operation::Subtract => x - y,
        Operation::Multiply => x * y,
        Operation::Divide => x / y,
        Operation::Power => libm::pow(x, y),
    }
}

fn apply(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => libm::exp(x),
        Function::Expm1 => libm::expm1(x),
        Function::Exprel => {
            if x == 0.0 {
                1.0
            } else {
                libm::expm1(x) / x
            }
        }
        Function::Ln => libm::log(x),
        Function::Sqrt => x.sqrt(),
        Function::Sin => libm::sin(x),
        Function::Cos => libm::cos(x),
        Function::Tanh => libm::tanh(x),
        Function::Atan => libm::atan(x),
        Function::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
        Function::Erf => libm::erf(x),
        Function::Erfc => libm::erfc(x),
        Function::Abs => x.abs(),
    }
}

const FUNCTIONS: [Function; 13] = [
    Function::Exp,
    Function::Expm1,
    Function::Exprel,
    Function::Ln,
    Function::Sqrt,
    Function::Sin,
    Function::Cos,
    Function::Tanh,
    Function::Atan,
    Function::Sigmoid,
    Function::Erf,
    Function::Erfc,
    Function::Abs,
];

const OPERATIONS: [Operation; 5] =
    [Operation::Add, Operation::Subtract, Operation::Multiply, Operation::Divide, Operation::Power];

const COMPARISONS: [Comparison; 6] = [
    Comparison::GreaterEqual,
    Comparison::Greater,
    Comparison::LessEqual,
    Comparison::Less,
    Comparison::Equal,
    Comparison::NotEqual,
];

/// Equal, or as good as equal; numbers that are not finite are not compared.
fn close(a: f64, b: f64, tolerance: f64) -> bool {
    !a.is_finite() || !b.is_finite() || (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}
