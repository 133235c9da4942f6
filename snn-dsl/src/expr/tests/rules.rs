use super::*;

/// Operands of every shape that a builder looks at.
fn operands(arena: &mut Arena) -> Vec<ExprId> {
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    let numbers = [0.0, 1.0, -1.0, 2.0, 3.0, 4.0, 0.5, -2.0, -3.0, -0.5, 0.3].map(|v| arena.constant(v));
    let mut all = vec![x, y, arena.negate(x), arena.negate(y), arena.subtract(x, y), arena.subtract(y, x)];
    all.extend([arena.add(x, y), arena.multiply(x, y), arena.divide(x, y), arena.apply(Function::Abs, x)]);
    all.extend(numbers);
    all
}

const POINTS: [[f64; 2]; 5] = [[0.7, 1.9], [1.9, 0.7], [-0.4, 1.3], [0.6, -2.5], [-1.5, -0.2]];

#[test]
fn operations_keep_the_value() {
    let mut arena = Arena::default();
    let operands = operands(&mut arena);
    for operation in Operation::ALL {
        for &a in &operands {
            for &b in &operands {
                let built = arena.binary(operation, a, b);
                for point in &POINTS {
                    let expected = operation.value(value(&arena, a, point), value(&arena, b, point));
                    let found = value(&arena, built, point);
                    // 0*x and 0/x are 0 even where x is not finite or 0.
                    assert!(
                        close(found, expected, 1e-13),
                        "{:?} {:?} {:?} at {point:?}: {found}, not {expected}",
                        arena.node(a),
                        operation,
                        arena.node(b)
                    );
                }
            }
        }
    }
}

#[test]
fn functions_keep_the_value() {
    let mut arena = Arena::default();
    let operands = operands(&mut arena);
    for function in Function::ALL {
        for &a in &operands {
            let built = arena.apply(function, a);
            for point in &POINTS {
                let expected = function.value(value(&arena, a, point));
                let found = value(&arena, built, point);
                assert!(close(found, expected, 1e-13), "{function:?} {:?}: {found}, not {expected}", arena.node(a));
            }
        }
    }
}

#[test]
fn choices_and_conditions_keep_the_value() {
    let mut arena = Arena::default();
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    let numbers = [1.0, 2.0].map(|v| arena.constant(v));
    let mut conditions = vec![arena.truth(true), arena.truth(false)];
    for comparison in Comparison::ALL {
        let c = arena.compare(comparison, x, y);
        let of_numbers = arena.compare(comparison, numbers[0], numbers[1]);
        assert_eq!(arena.node(of_numbers), Node::Truth(comparison.holds(1.0, 2.0)));
        conditions.extend([c, arena.not(c)]);
    }
    let mut branches = vec![x, y, arena.negate(x), numbers[1]];
    for &c in &conditions[2..6] {
        branches.extend([arena.select(c, x, y), arena.select(c, y, numbers[0])]);
    }
    let points = [[0.7, 1.9], [1.9, 0.7], [0.5, 0.5]];
    for point in &points {
        for &c in &conditions {
            let yes = value(&arena, c, point) == 1.0;
            let not = arena.not(c);
            assert_eq!(value(&arena, not, point) == 1.0, !yes);
            for &d in &conditions {
                let other = value(&arena, d, point) == 1.0;
                let (and, or) = (arena.and(c, d), arena.or(c, d));
                assert_eq!(value(&arena, and, point) == 1.0, yes && other);
                assert_eq!(value(&arena, or, point) == 1.0, yes || other);
            }
            for &a in &branches {
                for &b in &branches {
                    let built = arena.select(c, a, b);
                    assert_eq!(value(&arena, built, point), value(&arena, if yes { a } else { b }, point));
                }
            }
        }
        for &a in &branches {
            let [p, q] = [value(&arena, a, point), point[1]];
            let built = [arena.max(a, y), arena.min(a, y), arena.relu(a), arena.heaviside(a)];
            let expected = [p.max(q), p.min(q), p.max(0.0), if p >= 0.0 { 1.0 } else { 0.0 }];
            assert_eq!(built.map(|id| value(&arena, id, point)), expected);
        }
    }
    let zero = arena.constant(0.0);
    let at_the_step = arena.heaviside(zero);
    assert_eq!(arena.constant_value(at_the_step), Some(1.0));
}

/// What a rule is for: the result is no new node.
#[test]
fn rules_leave_nothing_to_compute() {
    let mut arena = Arena::default();
    let a = &mut arena;
    let [x, y] = [0, 1].map(|i| a.leaf(Leaf::Parameter(i)));
    let [zero, one, minus_one, two, half] = [0.0, 1.0, -1.0, 2.0, 0.5].map(|v| a.constant(v));
    assert_eq!(a.constant(-0.0), zero);
    let minus_x = a.negate(x);
    let minus_y = a.negate(y);
    let difference = a.subtract(x, y);

    assert_eq!(a.negate(minus_x), x);
    assert_eq!(a.negate(difference), a.subtract(y, x));
    assert_eq!([a.add(x, zero), a.add(zero, x), a.subtract(x, zero)], [x; 3]);
    assert_eq!(a.subtract(zero, x), minus_x);
    assert_eq!(a.subtract(x, x), zero);
    assert_eq!([a.add(x, minus_y), a.add(minus_y, x)], [difference; 2]);
    assert_eq!(a.subtract(x, minus_y), a.add(x, y));
    assert_eq!([a.multiply(x, zero), a.multiply(zero, x), a.divide(zero, x)], [zero; 3]);
    assert_eq!([a.multiply(x, one), a.multiply(one, x), a.divide(x, one), a.power(x, one)], [x; 4]);
    assert_eq!([a.multiply(x, minus_one), a.multiply(minus_one, x), a.divide(x, minus_one)], [minus_x; 3]);
    assert_eq!([a.divide(x, x), a.power(x, zero)], [one; 2]);
    let product = a.multiply(x, y);
    let minus_product = a.negate(product);
    assert_eq!([a.multiply(minus_x, y), a.multiply(x, minus_y)], [minus_product; 2]);
    assert_eq!(a.multiply(minus_x, minus_y), product);
    let quotient = a.divide(x, y);
    assert_eq!(a.divide(minus_x, y), a.negate(quotient));
    assert_eq!(a.power(x, two), a.multiply(x, x));
    assert_eq!(a.power(x, half), a.apply(Function::Sqrt, x));
    let square = a.multiply(x, x);
    let [minus_two, three, fourth] = [-2.0, 3.0, 4.0].map(|v| a.constant(v));
    assert_eq!(a.power(x, three), a.multiply(square, x));
    assert_eq!(a.power(x, fourth), a.multiply(square, square));
    assert_eq!(a.power(x, minus_two), a.divide(one, square));
    // The second order of a sum or product is the first one.
    assert_eq!(a.add(y, x), a.add(x, y));
    assert_eq!(a.multiply(y, x), product);
    assert_eq!([a.add(one, one), a.multiply(two, one)], [two; 2]);

    let four = a.constant(4.0);
    assert_eq!(a.apply(Function::Sqrt, four), two);
    assert_eq!(a.apply(Function::Ln, one), zero);
    assert_eq!(a.apply(Function::Abs, minus_one), one);
    let size = a.apply(Function::Abs, x);
    assert_eq!([a.apply(Function::Abs, minus_x), a.apply(Function::Abs, size)], [size; 2]);
    for function in Function::ALL {
        let built = a.apply(function, zero);
        let folds = !matches!(function, Function::Ln | Function::Sigmoid);
        assert_eq!(a.constant_value(built).is_some(), folds, "{function:?}");
    }
    // A root of a negative number stays, to be found at run time.
    let root = a.apply(Function::Sqrt, minus_one);
    assert_eq!(a.constant_value(root), None);
    let infinite = a.divide(one, zero);
    assert_eq!(a.constant_value(infinite), None);

    let [yes, no] = [true, false].map(|t| a.truth(t));
    let c = a.compare(Comparison::Less, x, y);
    assert_eq!([a.and(yes, c), a.and(c, yes), a.and(c, c), a.or(no, c), a.or(c, no), a.or(c, c)], [c; 6]);
    assert_eq!([a.and(no, c), a.and(c, no), a.not(yes)], [no; 3]);
    assert_eq!([a.or(yes, c), a.or(c, yes), a.not(no)], [yes; 3]);
    let not = a.not(c);
    assert_eq!(a.not(not), c);
    assert_eq!([a.select(yes, x, y), a.select(no, y, x), a.select(c, x, x)], [x; 3]);
    let choice = a.select(c, x, y);
    assert_eq!([a.select(not, y, x), a.select(c, choice, y), a.select(c, x, choice)], [choice; 3]);

    let detached = a.detach(x);
    assert_ne!(detached, x);
    assert_eq!([a.detach(detached), a.detach(one), a.detach(yes)], [detached, one, yes]);
}

#[test]
fn copies_are_equal() {
    let mut arena = Arena::default();
    let [x, y] = [0, 1].map(|i| arena.leaf(Leaf::Parameter(i)));
    let c = arena.compare(Comparison::Less, x, y);
    let d = arena.compare(Comparison::Equal, x, y);
    let not = arena.not(c);
    let or = arena.or(not, d);
    let and = arena.and(or, not);
    let yes = arena.truth(true);
    let detached = arena.detach(y);
    let spike = arena.spike(x);
    let minus = arena.negate(spike);
    let sin = arena.apply(Function::Sin, detached);
    let choice = arena.select(and, minus, sin);
    for root in [choice, or, yes, and] {
        let mut copy = Arena::default();
        let copied = copy.import(&arena, root, |copy, leaf| copy.leaf(leaf));
        assert_eq!(shape(&copy, copied), shape(&arena, root));
        let same = arena.rebuild(root, |child| child);
        assert_eq!(same, root);
    }
    let replaced = arena.substitute(choice, &std::collections::BTreeMap::from([(y, x)]));
    assert!(!arena.depends_on(replaced, Leaf::Parameter(1)) && arena.depends_on(replaced, Leaf::Parameter(0)));
}

/// The tree as text.
fn shape(arena: &Arena, root: ExprId) -> String {
    let below: Vec<String> = arena.children(root).map(|child| shape(arena, child)).collect();
    match arena.node(root) {
        Node::Apply(f, _) => format!("{f:?}{below:?}"),
        Node::Binary(o, ..) => format!("{o:?}{below:?}"),
        Node::Compare(c, ..) => format!("{c:?}{below:?}"),
        Node::Negate(_) => format!("-{below:?}"),
        Node::And(..) => format!("and{below:?}"),
        Node::Or(..) => format!("or{below:?}"),
        Node::Not(_) => format!("not{below:?}"),
        Node::Select(..) => format!("if{below:?}"),
        Node::Detach(_) => format!("detach{below:?}"),
        Node::Spike(_) => format!("spike{below:?}"),
        leaf => format!("{leaf:?}"),
    }
}
