//! What to type to mend a unit.

use super::dimension::Dimension;
use super::scope::{Entry, Kind};
use super::typing::Typing;
use super::units;
use crate::diagnostic::Diagnostic;
use crate::expr::{Leaf, Node};
use crate::syntax::tree::{BinaryOp, Expr, ExprKind, UnaryOp};

impl Typing<'_> {
    /// Adds what to type to make `found` into `expected`.
    pub(super) fn remedy(
        &self,
        diagnostic: Diagnostic,
        expr: &Expr,
        found: Dimension,
        expected: Dimension,
    ) -> Diagnostic {
        if self.diagnostics.is_long() {
            return diagnostic;
        }
        if let ExprKind::Number { unit: Some((unit, _)), .. } = &expr.kind
            && let Some(other) = units::other_case(&unit.name, expected)
        {
            return diagnostic.hint(format!("`{}` is {found}; did you mean `{other}`?", unit.name));
        }
        let text = self.text(expr.span);
        let literal = match &expr.kind {
            ExprKind::Number { unit: None, .. } => true,
            ExprKind::Unary(UnaryOp::Negate, inner) => matches!(inner.kind, ExprKind::Number { unit: None, .. }),
            _ => false,
        };
        if literal && !expected.is_none() {
            return diagnostic.hint(format!("write the unit: `{}`", with_unit(&text, expected)));
        }
        if matches!(expr.kind, ExprKind::Number { .. }) {
            let unit = if expected.is_none() { "without unit".into() } else { format!("in {expected}") };
            return diagnostic.hint(format!("write the number {unit}"));
        }
        if let (ExprKind::Name(name), true) = (&expr.kind, found.is_none() && !expected.is_none())
            && let Some(Entry::Value(typed)) = self.scope.get(name)
            && let Node::Leaf(Leaf::State(_) | Leaf::Drive(_)) = self.arena.node(typed.id)
        {
            return diagnostic
                .hint(format!("`{name}` was declared without unit: write `{name} : {}`", expected.base_unit()));
        }
        let factor = bracketed(expr, text);
        // What stands in the expression is compared or subtracted there; to divide by it again is hardly meant.
        let own = factor.clone();
        let other = move |name: &&str| !own.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == *name);
        if let Some(name) = self.measuring(expected.over(found)) {
            return diagnostic.hint(format!("multiply by `{name}`: `{name}*{factor}`"));
        }
        if let Some(name) = self.measuring(found.over(expected)).filter(other) {
            return diagnostic.hint(format!("divide by `{name}`: `{factor}/{name}`"));
        }
        if expected.is_none() {
            return diagnostic.hint(format!("divide by the unit: `{factor} / {}`", divisor(&found.base_unit())));
        }
        diagnostic.hint(format!("it lacks a factor in {}", expected.over(found)))
    }

    /// A declared name, the first by alphabet, that measures `dimension` and may be read here.
    pub(super) fn measuring(&self, dimension: Dimension) -> Option<&str> {
        let parameter = |entry: &Entry| match entry {
            Entry::Value(t) => {
                t.kind == Kind::Number(dimension) && matches!(self.arena.node(t.id), Node::Leaf(Leaf::Parameter(_)))
            }
            _ => false,
        };
        if dimension.is_none() {
            return None;
        }
        self.scope.iter().find(|(_, entry)| parameter(entry)).map(|(name, _)| name.as_str())
    }
}

/// The number 0 with unit.
pub(super) fn zero(dimension: Dimension) -> String {
    with_unit("0", dimension)
}

/// A literal with a unit: `0 mV`, `1/ms`, `2 mV/ms`.
pub(super) fn with_unit(number: &str, dimension: Dimension) -> String {
    let unit = dimension.base_unit();
    match unit.strip_prefix("1/") {
        Some(rest) => format!("{number}/{rest}"),
        None if unit.is_empty() => number.to_string(),
        None => format!("{number} {unit}"),
    }
}

/// A unit in brackets if it must have them to stand behind `/`.
pub(super) fn divisor(unit: &str) -> String {
    if unit.contains(['*', '/']) { format!("({unit})") } else { unit.to_string() }
}

/// The text of an expression so that it can stand in a product.
pub(super) fn bracketed(expr: &Expr, text: String) -> String {
    match &expr.kind {
        // Brackets belong to the place of what they enclose.
        ExprKind::Binary(BinaryOp::Add | BinaryOp::Subtract, left, _) if left.span.start == expr.span.start => {
            format!("({text})")
        }
        ExprKind::If(..) if !text.starts_with('(') => format!("({text})"),
        _ => text,
    }
}
