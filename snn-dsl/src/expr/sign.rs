//! Whether an expression is known not to be 0, as divisors should be.
//!
//! The signs are those of real numbers, for which exp(x) > 0. In floating point exp(x) is 0 below x = -745 (-104 in f32),
//! and so is 1/(1 + exp(-x)) about there. It counts as positive all the same: 1/exp(x) is beyond all numbers then, as
//! exp(-x) is and as it should be, so that no divisor is to blame. Only where the dividend tends to 0 together with the
//! exponential, as in exp(2*x)/exp(x), the quotient is NaN where it should be small. With erfc that is the rule, not the
//! exception: it is 0 above 27 (10 in f32), where a normal distribution has its tail, and what is divided by it is mostly
//! exp(-x^2). So erfc counts as a number that may be 0.

use super::bounds::all_bounds;
use super::{Arena, Comparison, ExprId, Function, Interval, Leaf, Node, Operation, Table};

/// What is known of the sign of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Positive,
    NotNegative,
    Unknown,
    NotPositive,
    Negative,
}

impl Sign {
    fn of(interval: Interval) -> Self {
        match (interval.low, interval.high) {
            (low, _) if low > 0.0 => Self::Positive,
            (_, high) if high < 0.0 => Self::Negative,
            (0.0, _) => Self::NotNegative,
            (_, 0.0) => Self::NotPositive,
            _ => Self::Unknown,
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::Positive => Self::Negative,
            Self::NotNegative => Self::NotPositive,
            Self::Unknown => Self::Unknown,
            Self::NotPositive => Self::NotNegative,
            Self::Negative => Self::Positive,
        }
    }

    fn is_at_least_zero(self) -> bool {
        matches!(self, Self::Positive | Self::NotNegative)
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Positive, b) if b.is_at_least_zero() => Self::Positive,
            (a, Self::Positive) if a.is_at_least_zero() => Self::Positive,
            (Self::NotNegative, Self::NotNegative) => Self::NotNegative,
            (a, b) if a.negated().is_at_least_zero() && b.negated().is_at_least_zero() => {
                a.negated().plus(b.negated()).negated()
            }
            _ => Self::Unknown,
        }
    }

    fn times(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Negative | Self::NotPositive, b) => self.negated().times(b).negated(),
            (a, Self::Negative | Self::NotPositive) => a.times(other.negated()).negated(),
            (Self::Positive, b) => b,
            (a, Self::Positive) => a,
            (Self::NotNegative, Self::NotNegative) => Self::NotNegative,
        }
    }

    /// What is known of a number that has one sign or the other.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (a, b) if a.is_at_least_zero() && b.is_at_least_zero() => Self::NotNegative,
            (a, b) if a.negated().is_at_least_zero() && b.negated().is_at_least_zero() => Self::NotPositive,
            _ => Self::Unknown,
        }
    }
}

/// What is known of expressions and of all below them.
pub(crate) struct Signs {
    bounds: Table<ExprId, Interval>,
    signs: Table<ExprId, Sign>,
}

impl Signs {
    /// That where the leaves lie in the intervals that `leaf` gives.
    pub(crate) fn new(arena: &Arena, roots: impl IntoIterator<Item = ExprId>, leaf: impl Fn(Leaf) -> Interval) -> Self {
        let order = arena.reachable(roots);
        let bounds = all_bounds(arena, &order, &leaf);
        let mut signs: Table<ExprId, Sign> = Table::default();
        for id in order {
            let at = |x: ExprId| signs.get(&x).copied().unwrap_or(Sign::Unknown);
            let by_bounds = bounds.get(&id).map_or(Sign::Unknown, |&interval| Sign::of(interval));
            let sign = match by_bounds {
                Sign::Positive | Sign::Negative => by_bounds,
                _ => sign(arena, id, at, &leaf),
            };
            signs.insert(id, sign);
        }
        Self { bounds, signs }
    }

    /// True if the expression is certainly not 0.
    pub(crate) fn is_nonzero(&self, id: ExprId) -> bool {
        matches!(self.signs.get(&id), Some(Sign::Positive | Sign::Negative))
    }

    /// True if it certainly is 0.
    pub(crate) fn is_zero(&self, id: ExprId) -> bool {
        self.bounds.get(&id) == Some(&Interval::point(0.0))
    }
}

/// The sign of a node by those of its operands.
fn sign(arena: &Arena, id: ExprId, at: impl Fn(ExprId) -> Sign, leaf: impl Fn(Leaf) -> Interval) -> Sign {
    match arena.node(id) {
        Node::Constant(bits) => Sign::of(Interval::point(f64::from_bits(bits))),
        Node::Leaf(l) => Sign::of(leaf(l)),
        Node::Negate(a) => at(a).negated(),
        Node::Detach(a) => at(a),
        Node::Apply(f, a) => image(f, at(a)),
        Node::Binary(Operation::Add, a, b) => at(a).plus(at(b)),
        Node::Binary(Operation::Subtract, a, b) => at(a).plus(at(b).negated()),
        Node::Binary(Operation::Multiply, a, b) if a == b && at(a) == Sign::Unknown => Sign::NotNegative,
        Node::Binary(Operation::Multiply | Operation::Divide, a, b) => at(a).times(at(b)),
        Node::Binary(Operation::Power, a, _) if at(a) == Sign::Positive => Sign::Positive,
        Node::Binary(Operation::Power, ..) => Sign::Unknown,
        Node::Select(c, a, b) => match arena.node(c) {
            // max
            Node::Compare(Comparison::Greater | Comparison::GreaterEqual, x, y)
                if (x, y) == (a, b) && [at(a), at(b)].contains(&Sign::Positive) =>
            {
                Sign::Positive
            }
            _ => at(a).or(at(b)),
        },
        Node::Spike(_) => Sign::NotNegative,
        Node::Truth(_) | Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) => Sign::Unknown,
    }
}

fn image(function: Function, x: Sign) -> Sign {
    match function {
        Function::Exp | Function::Exprel | Function::Exprel1 | Function::Exprel2 | Function::Sigmoid => Sign::Positive,
        Function::Erfc => Sign::NotNegative,
        Function::Abs if x == Sign::Negative => Sign::Positive,
        Function::Abs if x != Sign::Positive => Sign::NotNegative,
        Function::Expm1 | Function::Tanh | Function::Atan | Function::Erf | Function::Abs => x,
        Function::Sqrt if x == Sign::Positive => Sign::Positive,
        Function::Sqrt | Function::Ln | Function::Sin | Function::Cos => Sign::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::Signs;
    use crate::compile::compile;
    use crate::expr::{Interval, Leaf};

    #[test]
    fn sums_of_exponentials_are_positive() {
        let nonzero = |text: &str| {
            let text = format!("neuron N {{ state x \n state y \n ms dx/dt = {text} \n dy/dt = 0 }}");
            let neuron = compile("", &text).model.unwrap().neurons.remove(0);
            let leaf = |leaf| match leaf {
                Leaf::State(1) => Interval::new(0.0, f64::INFINITY),
                _ => Interval::ALL,
            };
            Signs::new(&neuron.arena, [neuron.states[0].rhs], leaf).is_nonzero(neuron.states[0].rhs)
        };
        for text in [
            "exp(x) + exp(-x)",
            "1 + x^2",
            "-exp(x)*(1 + y)",
            "1/(1 + exp(x)) + y",
            "max(x, 2)",
            "-1 - abs(x)",
            "exp(x)",
            "1 + erfc(x)",
        ] {
            assert!(nonzero(text), "{text}");
        }
        for text in ["x", "exp(x) - 1", "y", "x^2", "exp(x) - exp(-x)", "1 + x", "min(x, 2)", "sin(x)", "erfc(x)"] {
            assert!(!nonzero(text), "{text}");
        }
    }
}
