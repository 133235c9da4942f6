use super::*;
use crate::expr::evaluate;
use std::collections::BTreeMap;

fn quotient(arena: &Arena, root: ExprId, point: [f64; 2], k: usize) -> f64 {
    let h = 1e-6;
    let at = |step: f64| {
        let mut point = point;
        point[k] += step;
        value(arena, root, &point)
    };
    (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
}

fn derivatives_agree(arena: &mut Arena, root: ExprId, points: &[[f64; 2]]) {
    for k in 0..2 {
        let derivative = arena.differentiate(root, Leaf::Parameter(k as u16));
        for &point in points {
            let (found, expected) = (value(arena, derivative, &point), quotient(arena, root, point, k));
            assert!(
                found.is_finite() && close(found, expected, 1e-7),
                "{:?} by {k} at {point:?}: {found}, not {expected}",
                arena.node(root)
            );
        }
    }
}

#[test]
fn operations() {
    let mut arena = Arena::default();
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    for operation in Operation::ALL {
        let root = arena.binary(operation, x, y);
        derivatives_agree(&mut arena, root, &[[0.7, 1.9], [1.3, -0.6]]);
        let sine = arena.apply(Function::Sin, root);
        let nested = arena.multiply(sine, root);
        derivatives_agree(&mut arena, nested, &[[0.7, 1.9], [1.3, -0.6]]);
    }
    for exponent in [-3.0, -1.0, 0.5, 1.7, 2.0, 3.0, 4.0] {
        let exponent = arena.constant(exponent);
        let root = arena.power(x, exponent);
        derivatives_agree(&mut arena, root, &[[0.7, 0.0], [1.4, 0.0]]);
    }
    let minus = arena.negate(x);
    derivatives_agree(&mut arena, minus, &[[0.7, 0.0]]);
}

#[test]
fn functions() {
    let mut arena = Arena::default();
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    let product = arena.multiply(x, y);
    for function in Function::ALL {
        let positive = matches!(function, Function::Ln | Function::Sqrt);
        let points: &[[f64; 2]] =
            if positive { &[[0.7, 1.9], [1.3, 0.6]] } else { &[[0.7, 1.9], [1.3, -0.6], [0.02, 0.5], [-0.08, 1.0]] };
        let root = arena.apply(function, product);
        derivatives_agree(&mut arena, root, points);
    }
}

/// Beside 0 both forms of the derivative of exprel are the same function, and its series has all of its terms.
#[test]
fn the_derivative_of_exprel_near_zero() {
    let mut arena = Arena::default();
    let x = arena.leaf(Leaf::Parameter(0));
    let root = arena.apply(Function::Exprel, x);
    let derivative = arena.differentiate(root, Leaf::Parameter(0));
    // Sum of k x^(k-1)/(k+1)!
    let expected = |x: f64| {
        let (mut sum, mut power, mut factorial) = (0.0, 1.0, 1.0);
        for k in 1..20 {
            factorial *= f64::from(k + 1);
            sum += f64::from(k) * power / factorial;
            power *= x;
        }
        sum
    };
    for x in [0.0, 1e-9, -1e-9, 1e-3, -1e-3, 0.029, -0.029, 0.03, -0.03, 0.031, -0.031, 0.1, -0.1, 0.5] {
        let found = value(&arena, derivative, &[x]);
        assert!((found - expected(x)).abs() <= 2e-14, "{x}: {found}, not {}", expected(x));
    }
}

#[test]
fn choices_and_detached_values() {
    let mut arena = Arena::default();
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    let points = [[0.7, 1.9], [1.9, 0.7], [-0.7, -1.9]];
    let product = arena.multiply(x, y);
    let c = arena.compare(Comparison::Less, x, y);
    let choice = arena.select(c, product, y);
    derivatives_agree(&mut arena, choice, &points);
    let largest = arena.max(product, x);
    let scaled = arena.multiply(largest, choice);
    derivatives_agree(&mut arena, scaled, &points);
    let relu = arena.relu(x);
    derivatives_agree(&mut arena, relu, &points);

    let detached = arena.detach(x);
    let product = arena.multiply(detached, y);
    let by = [0, 1].map(|k| arena.differentiate(product, Leaf::Parameter(k)));
    assert_eq!(by, [arena.constant(0.0), detached]);
}

/// A choice that gives 0 for a factor hides any infinity of the other one, wherever the choice stands.
#[test]
fn the_branch_that_is_not_taken_hides_infinities() {
    let mut arena = Arena::default();
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    let [zero, two, three] = [0.0, 2.0, 3.0].map(|v| arena.constant(v));
    let c = arena.compare(Comparison::Greater, x, zero);
    let first = arena.select(c, y, zero);
    let second = arena.select(c, two, zero);
    let other_way = arena.compare(Comparison::LessEqual, x, zero);
    let third = arena.select(other_way, zero, three);
    let factors = [
        first,
        third,
        arena.negate(first),
        arena.multiply(first, y),
        arena.multiply(y, first),
        arena.divide(first, y),
        arena.add(first, second),
        arena.subtract(first, third),
    ];
    let sum = arena.add(first, third);
    let deep = arena.divide(sum, y);
    let deep = arena.negate(deep);
    let deep = arena.multiply(y, deep);
    // 1/x and ln(x) are infinite at 0.
    let one = arena.constant(1.0);
    let partials = [arena.divide(one, x), arena.apply(Function::Ln, x)];
    for factor in factors.into_iter().chain([deep]) {
        for partial in partials {
            let product = arena.scale_partial(partial, factor);
            assert_eq!(value(&arena, product, &[0.0, 1.7]), 0.0, "{:?}", arena.node(factor));
            for point in [[0.4, 1.7], [2.0, -0.3]] {
                let expected = value(&arena, partial, &point) * value(&arena, factor, &point);
                assert!(close(value(&arena, product, &point), expected, 1e-14), "{:?}", arena.node(factor));
            }
        }
    }
    // An indicator becomes the choice itself, on either side.
    let wild = arena.divide(one, x);
    for (a, b) in [(one, zero), (zero, one)] {
        let indicator = arena.select(c, a, b);
        let product = arena.scale_partial(indicator, wild);
        assert!(matches!(arena.node(product), Node::Select(..)));
        assert_eq!(value(&arena, product, &[0.5, 0.0]), if a == one { 2.0 } else { 0.0 });
    }
    // A factor without such a choice, or with one in only one term, is multiplied as it is.
    let half = arena.add(first, y);
    for factor in [y, half] {
        let product = arena.scale_partial(wild, factor);
        assert_eq!(product, arena.multiply(factor, wild));
    }
}

/// Below a choice everything that is derived has the choice in it, and the sums of the chain share it.
#[test]
fn derivatives_below_a_choice_grow_with_the_length_of_a_chain() {
    let chains: [fn(&mut Arena, ExprId) -> ExprId; 3] = [
        |arena, a| {
            let (sin, cos) = (arena.apply(Function::Sin, a), arena.apply(Function::Cos, a));
            arena.add(sin, cos)
        },
        |arena, a| {
            let sin = arena.apply(Function::Sin, a);
            let exp = arena.apply(Function::Exp, sin);
            let both = arena.multiply(exp, sin);
            arena.subtract(both, a)
        },
        |arena, a| {
            let zero = arena.constant(0.0);
            let exp = arena.apply(Function::Exp, a);
            let c = arena.compare(Comparison::Less, a, zero);
            let choice = arena.select(c, exp, zero);
            arena.add(choice, a)
        },
    ];
    for link in chains {
        let mut arena = Arena::default();
        let x = arena.leaf(Leaf::Parameter(0));
        let mut root = arena.apply(Function::Exp, x);
        for _ in 0..40 {
            root = link(&mut arena, root);
        }
        let zero = arena.constant(0.0);
        let c = arena.compare(Comparison::Less, x, zero);
        root = arena.select(c, root, zero);
        // Against the direction of the graph, as gradients are derived.
        let mut adjoint: BTreeMap<ExprId, ExprId> = BTreeMap::from([(root, arena.constant(1.0))]);
        for id in arena.reachable([root]).into_iter().rev() {
            let Some(&of_node) = adjoint.get(&id) else { continue };
            for (child, partial) in arena.partials(id) {
                let term = arena.scale_partial(partial, of_node);
                let sum = adjoint.get(&child).copied().unwrap_or(zero);
                adjoint.insert(child, arena.add(sum, term));
            }
        }
        assert!(arena.len() < 1000, "{}", arena.len());
        let forwards = arena.differentiate(root, Leaf::Parameter(0));
        for point in [-0.7, -0.1, 0.3] {
            let [a, b] = [forwards, adjoint[&x]].map(|id| evaluate(&arena, id, |_| Some(point)).unwrap());
            assert!(a.is_finite() && close(a, b, 1e-9), "{a}, not {b}");
        }
    }
}

#[test]
fn affine_forms() {
    let mut arena = Arena::default();
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    let two = arena.constant(2.0);
    let zero = arena.constant(0.0);
    let sine = arena.apply(Function::Sin, y);
    let scaled = arena.multiply(x, y);
    let line = arena.add(scaled, sine);
    let c = arena.compare(Comparison::Greater, y, two);
    let all = [
        x,
        scaled,
        line,
        arena.multiply(sine, line),
        arena.multiply(line, sine),
        arena.divide(line, y),
        arena.negate(line),
        arena.subtract(x, line),
        arena.subtract(line, y),
        arena.select(c, line, two),
        sine,
    ];
    for root in all {
        let form = arena.affine_in(root, Leaf::Parameter(0)).unwrap();
        for part in [form.slope, form.offset] {
            assert!(!arena.depends_on(part, Leaf::Parameter(0)));
        }
        for point in [[0.3, 1.9], [-2.0, 2.6]] {
            let [slope, offset] = [form.slope, form.offset].map(|id| value(&arena, id, &point));
            assert!(close(slope * point[0] + offset, value(&arena, root, &point), 1e-14));
        }
        let of_line = arena.multiply(root, two);
        assert_eq!(arena.affine_in(of_line, Leaf::Parameter(2)).unwrap().slope, zero);
    }
    let reads = arena.compare(Comparison::Greater, x, y);
    let none = [
        arena.multiply(x, x),
        arena.multiply(line, x),
        arena.divide(y, x),
        arena.power(x, two),
        arena.apply(Function::Sin, x),
        arena.detach(x),
        arena.select(reads, x, y),
    ];
    for root in none {
        assert_eq!(arena.affine_in(root, Leaf::Parameter(0)), None, "{:?}", arena.node(root));
    }
}
