//! The builders of expressions simplify; that must not change values.

use proptest::prelude::*;
use snn_dsl::expr::{Arena, Comparison, ExprId, Function, Leaf, Node, Operation};
use snn_runtime::math;
use snn_tests::random::Choices;

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

fn apply(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => math::exp(x),
        Function::Expm1 => math::expm1(x),
        Function::Exprel => math::exprel(x),
        Function::Ln => math::ln(x),
        Function::Sqrt => math::sqrt(x),
        Function::Sin => math::sin(x),
        Function::Cos => math::cos(x),
        Function::Tanh => math::tanh(x),
        Function::Atan => math::atan(x),
        Function::Sigmoid => math::sigmoid(x),
        Function::Erf => math::erf(x),
        Function::Erfc => math::erfc(x),
        Function::Abs => x.abs(),
    }
}

fn binary(operation: Operation, x: f64, y: f64) -> f64 {
    match operation {
        Operation::Add => x + y,
        Operation::Subtract => x - y,
        Operation::Multiply => x * y,
        Operation::Divide => x / y,
        Operation::Power => math::pow(x, y),
    }
}

/// An expression that was built, and the value that the operations had without the arena.
#[derive(Clone, Copy)]
struct Built {
    id: ExprId,
    value: f64,
    /// All values below it are finite; only then do the rules of the real numbers hold.
    finite: bool,
    /// Powers became products or roots, whose rounding differs.
    rounded: bool,
}

struct Condition {
    id: ExprId,
    holds: bool,
    of: [Built; 2],
}

/// The value of a node by looking at nodes alone.
fn value(arena: &Arena, leaves: &[f64], root: ExprId) -> Result<f64, bool> {
    let number = |id: ExprId| value(arena, leaves, id).unwrap_or(f64::NAN);
    let truth = |id: ExprId| value(arena, leaves, id).err().unwrap_or(false);
    match arena.node(root) {
        Node::Constant(bits) => Ok(f64::from_bits(bits)),
        Node::Leaf(Leaf::State(i)) => Ok(leaves[usize::from(i)]),
        Node::Negate(a) => Ok(-number(a)),
        Node::Apply(f, a) => Ok(apply(f, number(a))),
        Node::Binary(o, a, b) => Ok(binary(o, number(a), number(b))),
        Node::Select(c, a, b) => Ok(if truth(c) { number(a) } else { number(b) }),
        Node::Detach(a) => Ok(number(a)),
        Node::Truth(holds) => Err(holds),
        Node::Compare(c, a, b) => Err(c.holds(number(a), number(b))),
        Node::And(a, b) => Err(truth(a) && truth(b)),
        Node::Or(a, b) => Err(truth(a) || truth(b)),
        Node::Not(a) => Err(!truth(a)),
        other => panic!("{other:?} was not built"),
    }
}

/// Builds some dozens of expressions out of each other.
fn build(choices: &mut Choices, arena: &mut Arena, leaves: &[f64]) -> (Vec<Built>, Vec<Condition>) {
    let mut built: Vec<Built> = Vec::new();
    let mut conditions: Vec<Condition> = Vec::new();
    let exact = |id, value: f64| Built { id, value, finite: value.is_finite(), rounded: false };
    for (i, &x) in leaves.iter().enumerate() {
        built.push(exact(arena.leaf(Leaf::State(i as u16)), x));
    }
    for x in [0.0, 1.0, -1.0, 2.0, 0.5, 3.0, -2.0] {
        built.push(exact(arena.constant(x), x));
    }
    for _ in 0..40 {
        let a = *choices.pick(&built);
        let b = *choices.pick(&built);
        let of = |id, value: f64, parts: &[Built], rounded: bool| Built {
            id,
            value,
            finite: value.is_finite() && parts.iter().all(|p| p.finite),
            rounded: rounded || parts.iter().any(|p| p.rounded),
        };
        match choices.below(9) {
            0 => built.push(of(arena.negate(a.id), -a.value, &[a], false)),
            1 | 2 => {
                let o = *choices.pick(&OPERATIONS);
                built.push(of(
                    arena.binary(o, a.id, b.id),
                    binary(o, a.value, b.value),
                    &[a, b],
                    o == Operation::Power,
                ));
            }
            3 => {
                let f = *choices.pick(&FUNCTIONS);
                built.push(of(arena.apply(f, a.id), apply(f, a.value), &[a], false));
            }
            4 => {
                let c = *choices.pick(&COMPARISONS);
                let holds = c.holds(a.value, b.value);
                conditions.push(Condition { id: arena.compare(c, a.id, b.id), holds, of: [a, b] });
            }
            5 if !conditions.is_empty() => {
                let (k, l) = (choices.below(conditions.len()), choices.below(conditions.len()));
                let (p, q) = (&conditions[k], &conditions[l]);
                let (id, holds) = match choices.below(3) {
                    0 => (arena.and(p.id, q.id), p.holds && q.holds),
                    1 => (arena.or(p.id, q.id), p.holds || q.holds),
                    _ => (arena.not(p.id), !p.holds),
                };
                // Of what it was made of, the worst.
                let worst = |x: Built, y: Built| if x.finite && !x.rounded { y } else { x };
                let of = [worst(p.of[0], p.of[1]), worst(q.of[0], q.of[1])];
                conditions.push(Condition { id, holds, of });
            }
            6 if !conditions.is_empty() => {
                let k = choices.below(conditions.len());
                let c = &conditions[k];
                let value = if c.holds { a.value } else { b.value };
                built.push(of(arena.select(c.id, a.id, b.id), value, &[a, b, c.of[0], c.of[1]], false));
            }
            7 => {
                let (id, value) = match choices.below(4) {
                    0 => (arena.max(a.id, b.id), if a.value > b.value { a.value } else { b.value }),
                    1 => (arena.min(a.id, b.id), if a.value < b.value { a.value } else { b.value }),
                    2 => (arena.relu(a.id), if a.value > 0.0 { a.value } else { 0.0 }),
                    _ => (arena.heaviside(a.id), if a.value >= 0.0 { 1.0 } else { 0.0 }),
                };
                built.push(of(id, value, &[a, b], false));
            }
            _ => built.push(of(arena.detach(a.id), a.value, &[a], false)),
        }
    }
    (built, conditions)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn simplification_preserves_values(choices in proptest::collection::vec(any::<u32>(), 0..250)) {
        let mut choices = Choices::new(choices);
        let leaves = [choices.number(-3.0, 3.0), choices.number(-1.0, 1.0), choices.number(0.0, 20.0)];
        let mut arena = Arena::default();
        let (built, conditions) = build(&mut choices, &mut arena, &leaves);
        for b in built.iter().filter(|b| b.finite && !b.rounded) {
            let found = value(&arena, &leaves, b.id).unwrap();
            // 0 has one sign in the arena, and numbers other than 0 have the same bits.
            prop_assert!(found == b.value, "{:?}: {} for {}", arena.node(b.id), found, b.value);
        }
        // Rounding of a power may be magnified by what follows: only the power itself is compared.
        for b in built.iter().filter(|b| b.finite && b.rounded) {
            if let Node::Binary(Operation::Power, ..) = arena.node(b.id) {
                continue;
            }
            let found = value(&arena, &leaves, b.id).unwrap();
            prop_assert!(found.is_finite() || b.value.abs() > 1e300 || b.value.abs() < 1e-300, "{} for {}", found, b.value);
        }
        for c in conditions.iter().filter(|c| c.of.iter().all(|b| b.finite && !b.rounded)) {
            prop_assert_eq!(value(&arena, &leaves, c.id), Err(c.holds));
        }
    }

    #[test]
    fn powers_are_products_and_roots(x in 0.01f64..50.0, exponent in -8i32..8, half in any::<bool>()) {
        let y = f64::from(exponent) + if half { 0.5 } else { 0.0 };
        let mut arena = Arena::default();
        let (base, power) = (arena.leaf(Leaf::State(0)), arena.constant(y));
        let id = arena.power(base, power);
        let (found, expected) = (value(&arena, &[x], id).unwrap(), math::pow(x, y));
        prop_assert!((found - expected).abs() <= 4e-15 * expected.abs(), "{}^{}: {} for {}", x, y, found, expected);
        let negative = arena.negate(base);
        let whole = arena.constant(f64::from(exponent));
        let id = arena.power(negative, whole);
        let (found, sign) = (value(&arena, &[x], id).unwrap(), if exponent % 2 == 0 { 1.0 } else { -1.0 });
        let expected = sign * math::pow(x, f64::from(exponent));
        prop_assert!((found - expected).abs() <= 4e-15 * expected.abs(), "(-{})^{}: {} for {}", x, exponent, found, expected);
    }
}
