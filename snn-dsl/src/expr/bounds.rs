//! Bounds of an expression whose leaves have some.

use super::{Arena, Comparison, ExprId, Function, Leaf, Node, Operation, Table};

/// The numbers from `low` to `high`; both may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    /// The lower end.
    pub(crate) low: f64,
    /// The upper end.
    pub(crate) high: f64,
}

impl Interval {
    /// All numbers.
    pub(crate) const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// One number.
    pub(crate) fn point(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// From `low` to `high`; nothing is known if one of them is not a number.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        if low.is_nan() || high.is_nan() { Self::ALL } else { Self { low, high } }
    }

    fn hull(values: [f64; 4]) -> Self {
        // 0 times infinity: the infinite end is not a value, so the product is 0.
        let values = values.map(|v| if v.is_nan() { 0.0 } else { v });
        Self {
            low: values.into_iter().fold(f64::INFINITY, f64::min),
            high: values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// Bounds of an expression whose leaves lie in the intervals that `leaf` gives.
pub(crate) fn bounds(arena: &Arena, root: ExprId, leaf: impl Fn(Leaf) -> Interval) -> Interval {
    all_bounds(arena, &arena.reachable([root]), leaf).get(&root).copied().unwrap_or(Interval::ALL)
}

/// Those of many expressions, operands first.
pub(super) fn all_bounds(arena: &Arena, order: &[ExprId], leaf: impl Fn(Leaf) -> Interval) -> Table<ExprId, Interval> {
    let mut known: Table<ExprId, Interval> = Table::default();
    for &id in order {
        let at = |x: ExprId| known.get(&x).copied().unwrap_or(Interval::ALL);
        let interval = match arena.node(id) {
            Node::Constant(bits) => Interval::point(f64::from_bits(bits)),
            Node::Leaf(l) => leaf(l),
            Node::Negate(a) => Interval { low: -at(a).high, high: -at(a).low },
            Node::Detach(a) => at(a),
            Node::Binary(Operation::Multiply, a, b) if a == b => square(at(a)),
            Node::Binary(o, a, b) => combine(o, at(a), at(b)),
            Node::Apply(f, a) => image(f, at(a)),
            Node::Select(c, a, b) => select(arena, c, (a, at(a)), (b, at(b))),
            Node::Truth(_) | Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_) | Node::Spike(_) => {
                Interval::ALL
            }
        };
        known.insert(id, Interval::new(interval.low, interval.high));
    }
    known
}

fn square(x: Interval) -> Interval {
    let (a, b) = (x.low * x.low, x.high * x.high);
    let low = if x.low <= 0.0 && x.high >= 0.0 { 0.0 } else { a.min(b) };
    Interval { low, high: a.max(b) }
}

fn combine(operation: Operation, x: Interval, y: Interval) -> Interval {
    match operation {
        Operation::Add => Interval::new(x.low + y.low, x.high + y.high),
        Operation::Subtract => Interval::new(x.low - y.high, x.high - y.low),
        Operation::Multiply => Interval::hull([x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high]),
        Operation::Divide if y.low > 0.0 || y.high < 0.0 => {
            Interval::hull([x.low / y.low, x.low / y.high, x.high / y.low, x.high / y.high])
        }
        Operation::Power if x.low > 0.0 => {
            let corner = |a: f64, b: f64| Operation::Power.value(a, b);
            Interval::hull([corner(x.low, y.low), corner(x.low, y.high), corner(x.high, y.low), corner(x.high, y.high)])
        }
        Operation::Divide | Operation::Power => Interval::ALL,
    }
}

fn image(function: Function, x: Interval) -> Interval {
    match function {
        Function::Sin | Function::Cos => Interval { low: -1.0, high: 1.0 },
        Function::Abs => {
            let high = x.low.abs().max(x.high.abs());
            let low = if x.low <= 0.0 && x.high >= 0.0 { 0.0 } else { x.low.abs().min(x.high.abs()) };
            Interval { low, high }
        }
        Function::Ln | Function::Sqrt if x.low < 0.0 => Interval::ALL,
        Function::Erfc => Interval::new(function.value(x.high), function.value(x.low)),
        // expm1(x)/x tends to infinity on the right and to 0 on the left.
        Function::Exprel | Function::Exprel1 | Function::Exprel2
            if x.low == f64::NEG_INFINITY || x.high == f64::INFINITY =>
        {
            let low = if x.low == f64::NEG_INFINITY { 0.0 } else { function.value(x.low) };
            let high = if x.high == f64::INFINITY { f64::INFINITY } else { function.value(x.high) };
            Interval::new(low, high)
        }
        _ => Interval::new(function.value(x.low), function.value(x.high)),
    }
}

/// A choice lies in the union of its branches; the forms of `max` and `min` are exact.
fn select(arena: &Arena, condition: ExprId, a: (ExprId, Interval), b: (ExprId, Interval)) -> Interval {
    match arena.node(condition) {
        Node::Compare(Comparison::Greater | Comparison::GreaterEqual, x, y) if (x, y) == (a.0, b.0) => {
            Interval { low: a.1.low.max(b.1.low), high: a.1.high.max(b.1.high) }
        }
        Node::Compare(Comparison::Less | Comparison::LessEqual, x, y) if (x, y) == (a.0, b.0) => {
            Interval { low: a.1.low.min(b.1.low), high: a.1.high.min(b.1.high) }
        }
        _ => a.1.union(b.1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Interval, bounds};
    use crate::expr::{Arena, Comparison, Function, Leaf, Operation};

    #[test]
    fn bounds_enclose() {
        let mut arena = Arena::default();
        let p = arena.leaf(Leaf::Parameter(0));
        let q = arena.leaf(Leaf::Parameter(1));
        let range = |leaf| match leaf {
            Leaf::Parameter(0) => Interval::new(1.0, 2.0),
            _ => Interval::new(-3.0, f64::INFINITY),
        };
        let difference = arena.subtract(p, q);
        assert_eq!(bounds(&arena, difference, range), Interval::new(f64::NEG_INFINITY, 5.0));
        let product = arena.multiply(p, q);
        assert_eq!(bounds(&arena, product, range), Interval::new(-6.0, f64::INFINITY));
        let exp = arena.apply(Function::Exp, q);
        assert!(bounds(&arena, exp, range).low > 0.0);
        let largest = arena.max(p, q);
        assert_eq!(bounds(&arena, largest, range).low, 1.0);
        let square = arena.multiply(q, q);
        assert_eq!(bounds(&arena, square, range).low, 0.0);
        let quotient = arena.divide(p, q);
        assert_eq!(bounds(&arena, quotient, range), Interval::ALL);
    }

    /// Bounds hold all values, and no end lies beyond the values of an operation on two independent ranges.
    #[test]
    fn bounds_of_operations_and_functions_are_tight() {
        let ranges = [(1.0, 2.0), (-3.0, -0.5), (-1.0, 4.0), (0.0, 2.0), (0.25, 0.25), (-2.0, 0.0)];
        let points = |(low, high): (f64, f64)| (0..=200).map(move |i| low + (high - low) * f64::from(i) / 200.0);
        let check = |what: &str, found: Interval, values: Vec<f64>| {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let close = |a: f64, b: f64| (a - b).abs() < 1e-9 * (1.0 + b.abs());
            assert!(close(found.low, low) && close(found.high, high), "{what}: {found:?}, not {low} to {high}");
        };
        let mut arena = Arena::default();
        let [p, q] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
        for x in ranges {
            for y in ranges {
                let leaf = |l| if l == Leaf::Parameter(0) { Interval::new(x.0, x.1) } else { Interval::new(y.0, y.1) };
                for o in Operation::ALL {
                    let root = arena.binary(o, p, q);
                    let found = bounds(&arena, root, leaf);
                    let unknown = match o {
                        Operation::Divide => y.0 <= 0.0 && y.1 >= 0.0,
                        Operation::Power => x.0 <= 0.0,
                        _ => false,
                    };
                    if unknown {
                        assert_eq!(found, Interval::ALL);
                        continue;
                    }
                    let values = points(x).flat_map(|a| points(y).map(move |b| o.value(a, b)));
                    check(&format!("{o:?} of {x:?} {y:?}"), found, values.collect());
                }
                let chosen = arena.compare(Comparison::Equal, p, q);
                let union = arena.select(chosen, p, q);
                check("union", bounds(&arena, union, leaf), vec![x.0, x.1, y.0, y.1]);
                let (max, min) = (arena.max(p, q), arena.min(p, q));
                check("max", bounds(&arena, max, leaf), vec![x.0.max(y.0), x.1.max(y.1)]);
                check("min", bounds(&arena, min, leaf), vec![x.0.min(y.0), x.1.min(y.1)]);
            }
            let leaf = |_| Interval::new(x.0, x.1);
            for f in Function::ALL.into_iter().filter(|f| !matches!(f, Function::Sin | Function::Cos)) {
                let root = arena.apply(f, p);
                let found = bounds(&arena, root, leaf);
                if matches!(f, Function::Ln | Function::Sqrt) && x.0 < 0.0 {
                    assert_eq!(found, Interval::ALL);
                } else if f != Function::Ln || x.0 > 0.0 {
                    check(&format!("{f:?} of {x:?}"), found, points(x).map(|a| f.value(a)).collect());
                }
            }
            let square = arena.multiply(p, p);
            let minus = arena.negate(p);
            check("square", bounds(&arena, square, leaf), points(x).map(|a| a * a).collect());
            check("minus", bounds(&arena, minus, leaf), vec![-x.0, -x.1]);
            let sine = arena.apply(Function::Sin, p);
            assert_eq!(bounds(&arena, sine, leaf), Interval::new(-1.0, 1.0));
        }
        let exprel = arena.apply(Function::Exprel, p);
        assert_eq!(bounds(&arena, exprel, |_| Interval::ALL), Interval::new(0.0, f64::INFINITY));
        let right = bounds(&arena, exprel, |_| Interval::new(0.0, f64::INFINITY));
        assert_eq!(right, Interval::new(1.0, f64::INFINITY));
        assert_eq!(bounds(&arena, exprel, |_| Interval::new(f64::NEG_INFINITY, 0.0)), Interval::new(0.0, 1.0));
        assert_eq!(Interval::new(f64::NAN, 1.0), Interval::ALL);
        assert_eq!(Interval::new(1.0, f64::NAN), Interval::ALL);
    }
}
