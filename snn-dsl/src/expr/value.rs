//! The value of an expression whose leaves are known.

use super::moments::moment;
use super::{Arena, ExprId, Function, Leaf, Node, Operation, Table};

/// The value of an expression whose leaves `leaf` knows; `None` if it reads another leaf or is yes or no.
pub(crate) fn evaluate(arena: &Arena, root: ExprId, leaf: impl Fn(Leaf) -> Option<f64>) -> Option<f64> {
    let mut values = Values::default();
    values.add(arena, root, leaf);
    values.number(root)
}

/// The values of the expressions seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Table<ExprId, Value>);

#[derive(Clone, Copy, Debug)]
enum Value {
    Number(f64),
    Truth(bool),
    Unknown,
}

impl Values {
    /// The value of an expression that reads nothing. What was looked at for another one is not looked at again.
    pub(crate) fn of(&mut self, arena: &Arena, root: ExprId) -> Option<f64> {
        self.add(arena, root, |_| None);
        self.number(root)
    }

    fn number(&self, id: ExprId) -> Option<f64> {
        match self.0.get(&id) {
            Some(Value::Number(value)) => Some(*value),
            _ => None,
        }
    }

    fn truth(&self, id: ExprId) -> Option<bool> {
        match self.0.get(&id) {
            Some(Value::Truth(value)) => Some(*value),
            _ => None,
        }
    }

    fn add(&mut self, arena: &Arena, root: ExprId, leaf: impl Fn(Leaf) -> Option<f64>) {
        for id in arena.reachable_where([root], |id| !self.0.contains_key(&id)) {
            let (number, truth) = (|x| self.number(x), |x| self.truth(x));
            let value = match arena.node(id) {
                Node::Constant(bits) => Some(Value::Number(f64::from_bits(bits))),
                Node::Leaf(l) => leaf(l).map(Value::Number),
                Node::Negate(a) => number(a).map(|x| Value::Number(-x)),
                Node::Apply(f, a) => number(a).map(|x| Value::Number(f.value(x))),
                Node::Binary(o, a, b) => number(a).zip(number(b)).map(|(x, y)| Value::Number(o.value(x, y))),
                Node::Select(c, a, b) => {
                    truth(c).and_then(|c| if c { number(a) } else { number(b) }).map(Value::Number)
                }
                Node::Detach(a) => number(a).map(Value::Number),
                Node::Spike(_) => None,
                Node::Truth(value) => Some(Value::Truth(value)),
                Node::Compare(c, a, b) => number(a).zip(number(b)).map(|(x, y)| Value::Truth(c.holds(x, y))),
                Node::And(a, b) => truth(a).zip(truth(b)).map(|(x, y)| Value::Truth(x && y)),
                Node::Or(a, b) => truth(a).zip(truth(b)).map(|(x, y)| Value::Truth(x || y)),
                Node::Not(a) => truth(a).map(|x| Value::Truth(!x)),
            };
            self.0.insert(id, value.unwrap_or(Value::Unknown));
        }
    }
}

impl Operation {
    /// a op b
    pub fn value(self, a: f64, b: f64) -> f64 {
        match self {
            Operation::Add => a + b,
            Operation::Subtract => a - b,
            Operation::Multiply => a * b,
            Operation::Divide => a / b,
            Operation::Power => libm::pow(a, b),
        }
    }
}

impl Function {
    /// f(x)
    pub fn value(self, x: f64) -> f64 {
        match self {
            Function::Exp => libm::exp(x),
            Function::Expm1 => libm::expm1(x),
            Function::Exprel => moment(0, x),
            Function::Exprel1 => moment(1, x),
            Function::Exprel2 => moment(2, x),
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
}

#[cfg(test)]
mod tests {
    use super::evaluate;
    use crate::expr::{Arena, Comparison, Function, Leaf};

    #[test]
    fn constants_have_values() {
        let mut arena = Arena::default();
        let two = arena.constant(2.0);
        let ln = arena.apply(Function::Ln, two);
        let exp = arena.apply(Function::Exp, ln);
        let value = evaluate(&arena, exp, |_| None);
        assert!(value.is_some_and(|v| (v - 2.0).abs() < 1e-15));
        let dt = arena.leaf(Leaf::Dt);
        let sum = arena.add(exp, dt);
        assert_eq!(evaluate(&arena, sum, |_| None), None);
    }

    #[test]
    fn conditions_of_constants_have_values() {
        let mut arena = Arena::default();
        let [p, q] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
        let c = arena.compare(Comparison::Less, p, q);
        let d = arena.compare(Comparison::Greater, p, q);
        let [zero, one] = [0.0, 1.0].map(|v| arena.constant(v));
        let (and, or, not) = (arena.and(c, d), arena.or(c, d), arena.not(c));
        let never = arena.and(c, not);
        let minus = arena.negate(p);
        for (x, y) in [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0)] {
            let value = |arena: &mut Arena, condition| {
                let choice = arena.select(condition, one, zero);
                let leaf = |leaf| Some(if leaf == Leaf::Parameter(0) { x } else { y });
                evaluate(arena, choice, leaf).map(|v| v == 1.0)
            };
            assert_eq!(value(&mut arena, c), Some(x < y));
            assert_eq!(value(&mut arena, and), Some(false));
            assert_eq!(value(&mut arena, or), Some(x != y));
            assert_eq!(value(&mut arena, not), Some(x >= y));
            assert_eq!(value(&mut arena, never), Some(false));
            assert_eq!(evaluate(&arena, minus, |_| Some(x)), Some(-x));
        }
        // Neither a condition by itself nor a choice by what is not known is a number.
        assert_eq!(evaluate(&arena, c, |_| Some(1.0)), None);
        let choice = arena.select(c, one, zero);
        assert_eq!(evaluate(&arena, choice, |_| None), None);
    }
}
