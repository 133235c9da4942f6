//! Short names for the parts of a syntax tree.

use snn_dsl::source::{FileId, Span};
use snn_dsl::syntax::tree::{Argument, BinaryOp, Call, Expr, ExprKind, Ident, Let, UnaryOp};

/// No place in a text.
pub(super) const NOWHERE: Span = Span { file: FileId(0), start: 0, end: 0 };

/// What a value of a random model measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    One,
    Voltage,
    Current,
    Time,
    Resistance,
}

impl Unit {
    /// The units of states.
    pub(super) const OF_STATES: [Unit; 3] = [Unit::One, Unit::Voltage, Unit::Current];

    pub(super) fn name(self) -> &'static str {
        match self {
            Unit::One => "",
            Unit::Voltage => "mV",
            Unit::Current => "nA",
            Unit::Time => "ms",
            Unit::Resistance => "MOhm",
        }
    }

    /// The annotation of a declaration.
    pub(super) fn annotation(self) -> Option<Expr> {
        (self != Unit::One).then(|| name(self.name()))
    }

    /// A value of ordinary size.
    pub(super) fn size(self) -> f64 {
        match self {
            Unit::One | Unit::Current => 1.0,
            Unit::Voltage | Unit::Time | Unit::Resistance => 10.0,
        }
    }
}

pub(super) fn ident(name: impl Into<String>) -> Ident {
    Ident { name: name.into(), span: NOWHERE }
}

pub(super) fn expr(kind: ExprKind) -> Expr {
    Expr { kind, span: NOWHERE }
}

pub(super) fn name(name: impl Into<String>) -> Expr {
    expr(ExprKind::Name(name.into()))
}

/// A number with its unit; negative ones get a sign.
pub(super) fn number(value: f64, unit: Unit) -> Expr {
    if value < 0.0 {
        return negate(number(-value, unit));
    }
    let unit = (unit != Unit::One).then(|| (ident(unit.name()), 1));
    // So many digits as a person would write.
    let value = (value * 1e4).round() / 1e4;
    expr(ExprKind::Number { value, unit })
}

pub(super) fn negate(a: Expr) -> Expr {
    expr(ExprKind::Unary(UnaryOp::Negate, Box::new(a)))
}

pub(super) fn not(a: Expr) -> Expr {
    expr(ExprKind::Unary(UnaryOp::Not, Box::new(a)))
}

pub(super) fn binary(op: BinaryOp, a: Expr, b: Expr) -> Expr {
    expr(ExprKind::Binary(op, Box::new(a), Box::new(b)))
}

pub(super) fn add(a: Expr, b: Expr) -> Expr {
    binary(BinaryOp::Add, a, b)
}

pub(super) fn subtract(a: Expr, b: Expr) -> Expr {
    binary(BinaryOp::Subtract, a, b)
}

pub(super) fn multiply(a: Expr, b: Expr) -> Expr {
    binary(BinaryOp::Multiply, a, b)
}

pub(super) fn divide(a: Expr, b: Expr) -> Expr {
    binary(BinaryOp::Divide, a, b)
}

pub(super) fn power(a: Expr, b: Expr) -> Expr {
    binary(BinaryOp::Power, a, b)
}

pub(super) fn choice(c: Expr, a: Expr, b: Expr) -> Expr {
    expr(ExprKind::If(Box::new(c), Box::new(a), Box::new(b)))
}

pub(super) fn call_of(name: &str, arguments: Vec<(Option<&str>, Expr)>) -> Call {
    let argument = |(name, value): (Option<&str>, Expr)| Argument { name: name.map(ident), value };
    Call { name: ident(name), arguments: arguments.into_iter().map(argument).collect(), span: NOWHERE }
}

pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    expr(ExprKind::Call(call_of(name, arguments.into_iter().map(|a| (None, a)).collect())))
}

pub(super) fn field(layer: &str, field: &str) -> Expr {
    expr(ExprKind::Field(ident(layer), ident(field)))
}

pub(super) fn named(name: impl Into<String>, value: Expr) -> Let {
    Let { name: ident(name), value }
}
