//! Sums, products, powers, comparisons and their units.

use super::dimension::{Dimension, Exponent};
use super::remedy::divisor;
use super::scope::{Kind, Quantity, Typed};
use super::typing::{Typing, number};
use super::units;
use crate::diagnostic::Diagnostic;
use crate::expr::Comparison;
use crate::source::Span;
use crate::syntax::tree::{BinaryOp, Expr, ExprKind};
use std::collections::BTreeMap;

impl<'a> Typing<'a> {
    /// A sum: all terms must measure the same. Those that differ from `expected`, or else from the most of them, are
    /// wrong.
    pub(super) fn sum(&mut self, expr: &'a Expr, expected: Option<Dimension>) -> Option<Typed> {
        let (first, rest) = spine(expr, |op| matches!(op, BinaryOp::Add | BinaryOp::Subtract));
        let terms: Vec<(&Expr, Option<Quantity>)> =
            std::iter::once(first).chain(rest.iter().map(|r| r.1)).map(|e| (e, self.number(e, expected))).collect();
        let found: Vec<Dimension> = terms.iter().filter_map(|t| t.1.map(|q| q.dimension)).collect();
        let reference = expected.filter(|e| found.contains(e)).or_else(|| most_frequent(&found))?;
        let witness = terms.iter().find(|t| t.1.is_some_and(|q| q.dimension == reference)).map(|t| t.0.span);
        let mut sum: Option<Quantity> = None;
        let mut sound = true;
        for (i, (term, quantity)) in terms.iter().enumerate() {
            let Some(quantity) = quantity else {
                sound = false;
                continue;
            };
            if quantity.dimension != reference {
                sound = false;
                let message = format!("expected {reference}, found {}", quantity.dimension);
                let mut diagnostic =
                    Diagnostic::error("E0302", term.span, message).label(format!("this is {}", quantity.dimension));
                if let Some(witness) = witness {
                    diagnostic = diagnostic.also(witness, format!("this is {reference}"));
                }
                let diagnostic = self.remedy(diagnostic, term, quantity.dimension, reference);
                self.diagnostics.push(diagnostic);
                continue;
            }
            let op = i.checked_sub(1).and_then(|k| rest.get(k)).map(|r| r.0);
            sum = match (sum, op) {
                (Some(total), Some(op)) => {
                    let axes = self.broadcast(total.axes, first.span.to(term.span), quantity.axes, term.span);
                    sound &= axes.is_some();
                    let id = match op {
                        BinaryOp::Subtract => self.arena.subtract(total.id, quantity.id),
                        _ => self.arena.add(total.id, quantity.id),
                    };
                    Some(Quantity { id, dimension: reference, axes: axes.unwrap_or_default() })
                }
                _ => Some(*quantity),
            };
        }
        let sum = sum.filter(|_| sound)?;
        Some(number(sum.id, reference, sum.axes))
    }

    pub(super) fn product(&mut self, expr: &'a Expr) -> Option<Typed> {
        let (first, rest) = spine(expr, |op| matches!(op, BinaryOp::Multiply | BinaryOp::Divide));
        let mut product = self.number(first, None);
        let mut before = first;
        for (op, factor) in rest {
            let doubtful = op == BinaryOp::Divide && self.unit_like_divisor(before, factor);
            before = factor;
            let right = self.number(factor, None).filter(|_| !doubtful);
            let (Some(a), Some(b)) = (product, right) else {
                product = None;
                continue;
            };
            if op == BinaryOp::Divide && self.arena.constant_value(b.id) == Some(0.0) {
                let message = format!("expected a divisor other than 0, found `{}`", self.text(factor.span));
                let hint = "a quotient by 0 is infinite or undefined";
                self.diagnostics.push(Diagnostic::error("E0310", factor.span, message).hint(hint));
                product = None;
                continue;
            }
            let axes = self.broadcast(a.axes, first.span, b.axes, factor.span);
            product = axes.map(|axes| match op {
                BinaryOp::Divide => {
                    Quantity { id: self.arena.divide(a.id, b.id), dimension: a.dimension.over(b.dimension), axes }
                }
                _ => Quantity { id: self.arena.multiply(a.id, b.id), dimension: a.dimension.times(b.dimension), axes },
            });
        }
        product.map(|p| number(p.id, p.dimension, p.axes))
    }

    /// `10 mV/s` where `s` is declared: does it mean seconds?
    fn unit_like_divisor(&mut self, before: &Expr, divisor: &Expr) -> bool {
        let (ExprKind::Number { unit: Some((unit, _)), .. }, ExprKind::Name(name)) = (&before.kind, &divisor.kind)
        else {
            return false;
        };
        let declared = self.scope.contains_key(name) || self.definitions.constants.contains_key(name);
        let number = self.text(before.span);
        if !declared || units::lookup(name).is_none() || number.starts_with('(') {
            return false;
        }
        self.diagnostics.push(
            Diagnostic::error("E0205", divisor.span, format!("`{name}` is both a unit and a name of this model"))
                .label(format!("after `{}` this could be either", unit.name))
                .hint(format!("for the declared `{name}` write `({number})/{name}`; for the unit rename `{name}`")),
        );
        true
    }

    pub(super) fn power(&mut self, base: &'a Expr, exponent: &'a Expr) -> Option<Typed> {
        let (b, e) = (self.number(base, None), self.number(exponent, Some(Dimension::NONE)));
        let (b, e) = (b?, e?);
        self.raise(b, base.span, e, exponent)
    }

    /// base ^ exponent
    pub(super) fn raise(&mut self, base: Quantity, base_span: Span, exponent: Quantity, at: &'a Expr) -> Option<Typed> {
        if !exponent.dimension.is_none() {
            let message = format!("expected a number without unit as exponent, found {}", exponent.dimension);
            let diagnostic = Diagnostic::error("E0306", at.span, message);
            let diagnostic = self.remedy(diagnostic, at, exponent.dimension, Dimension::NONE);
            return self.fail(diagnostic);
        }
        let value = self.values.of(&self.arena, exponent.id);
        let dimension = if base.dimension.is_none() {
            Dimension::NONE
        } else {
            let Some(rational) = value.and_then(Exponent::from_value) else {
                let base_text = self.text(base_span);
                let unit = base.dimension.base_unit();
                return self.fail(
                    Diagnostic::error(
                        "E0306",
                        at.span,
                        "expected a constant fraction as exponent of a number with unit",
                    )
                    .also(base_span, format!("this is {}", base.dimension))
                    .hint(format!("divide by the unit first: `({base_text} / {})`", divisor(&unit))),
                );
            };
            base.dimension.power(rational)
        };
        let axes = self.broadcast(base.axes, base_span, exponent.axes, at.span)?;
        let exponent = value.map_or(exponent.id, |v| self.arena.constant(v));
        Some(number(self.arena.power(base.id, exponent), dimension, axes))
    }

    pub(super) fn connective(&mut self, op: BinaryOp, expr: &'a Expr) -> Option<Typed> {
        let (first, rest) = spine(expr, |o| o == op);
        let mut all = self.truth(first);
        for (_, operand) in rest {
            let right = self.truth(operand);
            all = match (all, right) {
                (Some(a), Some(b)) => {
                    let axes = self.broadcast(a.axes, first.span, b.axes, operand.span);
                    axes.map(|axes| {
                        let id = match op {
                            BinaryOp::And => self.arena.and(a.id, b.id),
                            _ => self.arena.or(a.id, b.id),
                        };
                        Typed { id, kind: Kind::Truth, axes }
                    })
                }
                _ => None,
            };
        }
        all
    }

    pub(super) fn comparison(&mut self, op: BinaryOp, left: &'a Expr, right: &'a Expr) -> Option<Typed> {
        let (a, b) = self.pair(left, right, "the sides of a comparison")?;
        let axes = self.broadcast(a.axes, left.span, b.axes, right.span)?;
        let comparison = match op {
            BinaryOp::Greater => Comparison::Greater,
            BinaryOp::LessEqual => Comparison::LessEqual,
            BinaryOp::Less => Comparison::Less,
            BinaryOp::Equal => Comparison::Equal,
            BinaryOp::NotEqual => Comparison::NotEqual,
            _ => Comparison::GreaterEqual,
        };
        Some(Typed { id: self.arena.compare(comparison, a.id, b.id), kind: Kind::Truth, axes })
    }
}

/// `a + b - c` as a and the list of (+, b), (-, c): long chains must not become deep recursions.
fn spine(expr: &Expr, joins: impl Fn(BinaryOp) -> bool) -> (&Expr, Vec<(BinaryOp, &Expr)>) {
    let mut rest = Vec::new();
    let mut first = expr;
    while let ExprKind::Binary(op, left, right) = &first.kind {
        if !joins(*op) {
            break;
        }
        rest.push((*op, right.as_ref()));
        first = left;
    }
    rest.reverse();
    (first, rest)
}

fn most_frequent(dimensions: &[Dimension]) -> Option<Dimension> {
    let mut counts: BTreeMap<Dimension, usize> = BTreeMap::new();
    for dimension in dimensions {
        *counts.entry(*dimension).or_default() += 1;
    }
    // A number without unit among others is the likelier slip.
    let weight = |d: &Dimension| (counts.get(d).copied(), !d.is_none());
    dimensions.iter().copied().reduce(|best, d| if weight(&d) > weight(&best) { d } else { best })
}
