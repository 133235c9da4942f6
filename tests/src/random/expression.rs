//! Random expressions of a given unit.

use super::choices::Choices;
use super::make::{
    Unit, add, binary, call, choice, divide, ident, multiply, name, named, negate, not, number, power, subtract,
};
use snn_dsl::syntax::tree::{BinaryOp, Const, Expr, Function, Item, Let};

/// The names that an expression may read.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    names: Vec<(String, Unit)>,
    /// Functions of one argument that keep its unit, and of two numbers.
    functions: Vec<(String, usize)>,
}

impl Scope {
    /// Adds random functions and constants to a text.
    pub(super) fn with_functions(choices: &mut Choices, items: &mut Vec<Item>) -> Self {
        let mut scope = Self::default();
        if choices.chance(40) {
            let unit = *choices.pick(&Unit::OF_STATES);
            let value = number(choices.number(0.5, 2.0) * unit.size(), unit);
            items.push(Item::Const(Const { docs: vec!["Drawn at random".into()], name: ident("c0"), value }));
            scope.declare("c0", unit);
        }
        if choices.chance(40) {
            let bodies = [
                multiply(name("c"), name("a")),
                choice(binary(BinaryOp::Greater, name("c"), number(0.5, Unit::One)), name("a"), negate(name("a"))),
                divide(name("a"), add(number(1.0, Unit::One), power(name("c"), number(2.0, Unit::One)))),
                call("max", vec![name("a"), multiply(name("c"), name("a"))]),
            ];
            let (arguments, body) = (vec![ident("a"), ident("c")], choices.pick(&bodies).clone());
            items.push(Item::Function(Function { docs: Vec::new(), name: ident("scaled"), arguments, body }));
            scope.functions.push(("scaled".into(), 2));
        }
        if choices.chance(30) {
            let body = call(
                "tanh",
                vec![subtract(name("y"), multiply(number(0.7, Unit::One), power(name("y"), number(3.0, Unit::One))))],
            );
            let function = Function { docs: Vec::new(), name: ident("bent"), arguments: vec![ident("y")], body };
            items.push(Item::Function(function));
            scope.functions.push(("bent".into(), 1));
        }
        scope
    }

    pub(super) fn declare(&mut self, name: &str, unit: Unit) {
        self.names.push((name.into(), unit));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(n, _)| n == name)
    }

    /// The same without one name.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut scope = self.clone();
        scope.names.retain(|(n, _)| n != name);
        scope
    }

    /// A `let` of any unit, which can be read from then on.
    pub(super) fn name_something(&mut self, choices: &mut Choices, name: &str) -> (Let, Unit) {
        let unit = *choices.pick(&Unit::OF_STATES);
        let value = self.value(choices, unit, 2);
        self.declare(name, unit);
        (named(name, value), unit)
    }

    /// A number, a name, or an expression of at most that depth.
    pub(super) fn value(&self, choices: &mut Choices, unit: Unit, depth: usize) -> Expr {
        if depth == 0 {
            return self.leaf(choices, unit);
        }
        let d = depth - 1;
        let one = Unit::One;
        match choices.below(18) {
            0 | 1 => self.leaf(choices, unit),
            2 => add(self.value(choices, unit, d), self.value(choices, unit, d)),
            3 => subtract(self.value(choices, unit, d), self.value(choices, unit, d)),
            4 => multiply(number(choices.number(0.1, 1.5), one), self.value(choices, unit, d)),
            5 => multiply(self.bounded(choices, d), self.value(choices, unit, d)),
            6 => choice(self.condition(choices, depth), self.value(choices, unit, d), self.value(choices, unit, d)),
            7 => {
                let f = *choices.pick(&["min", "max"]);
                call(f, vec![self.value(choices, unit, d), self.value(choices, unit, d)])
            }
            8 => {
                let size = unit.size();
                let (low, high) =
                    (number(-choices.number(0.5, 2.0) * size, unit), number(choices.number(0.5, 2.0) * size, unit));
                call("clip", vec![self.value(choices, unit, d), low, high])
            }
            9 => call(choices.pick::<&str>(&["abs", "relu", "detach"]), vec![self.value(choices, unit, d)]),
            10 => negate(self.value(choices, unit, d)),
            11 => multiply(number(choices.number(0.5, 2.0) * unit.size(), unit), self.bounded(choices, d)),
            12 => self.converted(choices, unit, d),
            13 => {
                let floor = number(choices.number(0.5, 2.0) * unit.size(), unit);
                let two = || number(2.0, one);
                call("sqrt", vec![add(power(self.value(choices, unit, d), two()), power(floor, two()))])
            }
            14 => {
                // Bounded, or a square fed back would leave all numbers behind.
                let (size, two) = (unit.size(), number(2.0, one));
                let (low, high) = (number(-2.0 * size, unit), number(2.0 * size, unit));
                let square = power(call("clip", vec![self.value(choices, unit, d), low, high]), two);
                divide(square, number(choices.number(1.0, 4.0) * size, unit))
            }
            15 => {
                let below = add(number(1.0, one), power(self.number(choices, d), number(2.0, one)));
                divide(self.value(choices, unit, d), below)
            }
            16 => self.applied(choices, unit, d),
            _ => {
                divide(multiply(self.value(choices, unit, d), name("dt")), number(choices.number(1.0, 4.0), Unit::Time))
            }
        }
    }

    fn leaf(&self, choices: &mut Choices, unit: Unit) -> Expr {
        let known: Vec<&String> = self.names.iter().filter(|(_, u)| *u == unit).map(|(n, _)| n).collect();
        if known.is_empty() || choices.chance(25) {
            return number(choices.number(0.1, 2.0) * unit.size(), unit);
        }
        name(choices.pick(&known).as_str())
    }

    /// A number of any size: often something with a unit, made a number.
    fn number(&self, choices: &mut Choices, depth: usize) -> Expr {
        let unit = *choices.pick(&Unit::OF_STATES);
        let value = self.value(choices, unit, depth);
        match unit {
            Unit::One => value,
            _ if choices.chance(30) => divide(value, multiply(number(2.0 * unit.size(), Unit::One), name(unit.name()))),
            _ => divide(value, number(choices.number(0.5, 2.0) * unit.size(), unit)),
        }
    }

    /// A number between about -1 and 1.
    pub(super) fn bounded(&self, choices: &mut Choices, depth: usize) -> Expr {
        let y = self.number(choices, depth);
        let (half, two) = (number(0.5, Unit::One), number(2.0, Unit::One));
        match choices.below(11) {
            0 => call("tanh", vec![y]),
            1 => call("sigmoid", vec![y]),
            2 => call("sin", vec![y]),
            3 => call("cos", vec![y]),
            4 => multiply(half, call("atan", vec![y])),
            5 => call(choices.pick::<&str>(&["erf", "erfc", "heaviside"]), vec![y]),
            6 => call("exp", vec![negate(call("abs", vec![y]))]),
            7 => multiply(
                half,
                call("exprel", vec![call("clip", vec![y, number(-1.0, Unit::One), number(1.0, Unit::One)])]),
            ),
            8 => call("expm1", vec![negate(power(y, two))]),
            9 => divide(
                call("ln", vec![add(number(1.0, Unit::One), power(y.clone(), two.clone()))]),
                add(number(1.0, Unit::One), power(y, two)),
            ),
            _ => {
                let base = add(number(1.0, Unit::One), call("abs", vec![y]));
                let exponent = *choices.pick(&[-1.0, -2.0, -0.5, -0.7]);
                match choices.chance(50) {
                    true => call("pow", vec![base, number(exponent, Unit::One)]),
                    false => power(base, number(exponent, Unit::One)),
                }
            }
        }
    }

    /// A value made of one with another unit.
    fn converted(&self, choices: &mut Choices, unit: Unit, depth: usize) -> Expr {
        let resistance = self.leaf(choices, Unit::Resistance);
        match unit {
            Unit::Voltage => multiply(resistance, self.value(choices, Unit::Current, depth)),
            Unit::Current => divide(self.value(choices, Unit::Voltage, depth), resistance),
            _ => multiply(number(unit.size(), unit), self.number(choices, depth)),
        }
    }

    /// A call of a function of the text, if there is one.
    fn applied(&self, choices: &mut Choices, unit: Unit, depth: usize) -> Expr {
        let Some((f, arguments)) = (!self.functions.is_empty()).then(|| choices.pick(&self.functions).clone()) else {
            return self.value(choices, unit, depth);
        };
        if arguments == 2 {
            return call(&f, vec![self.value(choices, unit, depth), self.bounded(choices, depth)]);
        }
        let y = self.number(choices, depth);
        multiply(number(choices.number(0.5, 1.5) * unit.size(), unit), call(&f, vec![y]))
    }

    /// Yes or no.
    pub(super) fn condition(&self, choices: &mut Choices, depth: usize) -> Expr {
        let unit = *choices.pick(&Unit::OF_STATES);
        let ops = [BinaryOp::Greater, BinaryOp::GreaterEqual, BinaryOp::Less, BinaryOp::LessEqual, BinaryOp::NotEqual];
        let op = *choices.pick(&ops);
        let simple = binary(op, self.value(choices, unit, depth.min(1)), self.value(choices, unit, 0));
        match (depth > 0).then(|| choices.below(6)) {
            Some(4) => not(simple),
            Some(5) => {
                let op = *choices.pick(&[BinaryOp::And, BinaryOp::Or]);
                binary(op, simple, self.condition(choices, depth - 1))
            }
            _ => simple,
        }
    }
}
