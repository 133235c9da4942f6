//! Expressions: from the flat pairs of the grammar to a tree, by precedence.

use super::grammar::{Parser, Rule};
use super::statements::Statement;
use super::tree::{Argument, BinaryOp, Call, Expr, ExprKind, Ident, UnaryOp, ValueRange};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::sync::OnceLock;

/// `^` (right) > unary minus > `* /` > `+ -` > comparison > `not` > `and` > `or`.
fn pratt() -> &'static PrattParser<Rule> {
    static PRATT: OnceLock<PrattParser<Rule>> = OnceLock::new();
    PRATT.get_or_init(|| {
        let left = |rule| Op::infix(rule, Assoc::Left);
        PrattParser::new()
            .op(left(Rule::or))
            .op(left(Rule::and))
            .op(Op::prefix(Rule::not))
            .op(left(Rule::ge) | left(Rule::gt) | left(Rule::le) | left(Rule::lt) | left(Rule::eq) | left(Rule::ne))
            .op(left(Rule::add) | left(Rule::subtract))
            .op(left(Rule::multiply) | left(Rule::divide))
            .op(Op::prefix(Rule::negate))
            .op(Op::infix(Rule::power, Assoc::Right))
    })
}

fn binary(rule: Rule) -> BinaryOp {
    match rule {
        Rule::add => BinaryOp::Add,
        Rule::subtract => BinaryOp::Subtract,
        Rule::multiply => BinaryOp::Multiply,
        Rule::divide => BinaryOp::Divide,
        Rule::power => BinaryOp::Power,
        Rule::ge => BinaryOp::GreaterEqual,
        Rule::gt => BinaryOp::Greater,
        Rule::le => BinaryOp::LessEqual,
        Rule::lt => BinaryOp::Less,
        Rule::eq => BinaryOp::Equal,
        Rule::ne => BinaryOp::NotEqual,
        Rule::and => BinaryOp::And,
        _ => BinaryOp::Or,
    }
}

impl Parser<'_> {
    /// The tree of an `expression` pair (or of one of the operands).
    pub(super) fn expression(&mut self, statement: &Statement, pair: Pair<Rule>) -> Expr {
        if pair.as_rule() != Rule::expression {
            return self.operand(statement, pair);
        }
        self.chained_comparison(statement, &pair);
        let this = std::cell::RefCell::new(&mut *self);
        pratt()
            .map_primary(|p| this.borrow_mut().operand(statement, p))
            .map_prefix(|op, operand| {
                let kind = if op.as_rule() == Rule::negate { UnaryOp::Negate } else { UnaryOp::Not };
                let span = this.borrow().span(statement, &op).to(operand.span);
                Expr { kind: ExprKind::Unary(kind, Box::new(operand)), span }
            })
            .map_infix(|a, op, b| {
                let span = a.span.to(b.span);
                Expr { kind: ExprKind::Binary(binary(op.as_rule()), Box::new(a), Box::new(b)), span }
            })
            .parse(pair.into_inner())
    }

    fn chained_comparison(&mut self, statement: &Statement, pair: &Pair<Rule>) {
        let mut compared = false;
        for op in pair.clone().into_inner() {
            match op.as_rule() {
                Rule::and | Rule::or => compared = false,
                Rule::ge | Rule::gt | Rule::le | Rule::lt | Rule::eq | Rule::ne => {
                    if compared {
                        let span = self.span(statement, &op);
                        let message = format!("expected one comparison, found a second one `{}`", op.as_str());
                        let hint = "comparisons are not chained: write `a < b and b < c`";
                        self.report(Diagnostic::error("E0108", span, message).hint(hint));
                        return;
                    }
                    compared = true;
                }
                _ => {}
            }
        }
    }

    fn operand(&mut self, statement: &Statement, pair: Pair<Rule>) -> Expr {
        let span = self.span(statement, &pair);
        let kind = match pair.as_rule() {
            Rule::expression => return self.expression(statement, pair),
            Rule::bracket => {
                let inner = pair.into_inner().find(|p| p.as_rule() == Rule::expression);
                let inner = inner.map(|p| self.expression(statement, p));
                // The brackets belong to the place: a hint may replace the whole.
                return Expr { span, ..inner.unwrap_or_else(|| missing(span)) };
            }
            Rule::quantity => self.quantity(statement, pair),
            Rule::call => ExprKind::Call(self.call(statement, pair)),
            Rule::field => {
                let mut inner = pair.into_inner();
                match (inner.next(), inner.next()) {
                    (Some(a), Some(b)) => ExprKind::Field(self.ident(statement, &a), self.ident(statement, &b)),
                    _ => return missing(span),
                }
            }
            Rule::choice => {
                let mut parts: Vec<Expr> = Vec::new();
                for p in pair.into_inner() {
                    if matches!(p.as_rule(), Rule::expression | Rule::choice) {
                        parts.push(self.expression(statement, p));
                    }
                }
                let mut parts = parts.into_iter().map(Box::new);
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(c), Some(a), Some(b)) => ExprKind::If(c, a, b),
                    _ => return missing(span),
                }
            }
            _ => ExprKind::Name(pair.as_str().trim().to_string()),
        };
        Expr { kind, span }
    }

    fn quantity(&mut self, statement: &Statement, pair: Pair<Rule>) -> ExprKind {
        let (mut value, mut unit, mut power) = (0.0, None, 1);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::number => {
                    let digits: String = part.as_str().chars().filter(|&c| c != '_').collect();
                    value = digits.parse().unwrap_or(f64::INFINITY);
                    if !f64::is_finite(value) {
                        let span = self.span(statement, &part);
                        let message = format!("expected a number that fits into 64 bits, found `{}`", part.as_str());
                        self.report(
                            Diagnostic::error("E0109", span, message).hint("the largest number is about 1.8e308"),
                        );
                        value = 1.0;
                    }
                }
                Rule::unit_name => unit = Some(self.ident(statement, &part)),
                _ => match part.as_str().parse() {
                    Ok(p) => power = p,
                    Err(_) => {
                        let span = self.span(statement, &part);
                        let message = format!("expected a small whole power of a unit, found `{}`", part.as_str());
                        self.report(Diagnostic::error("E0109", span, message).hint("write for example `3 mV^2`"));
                    }
                },
            }
        }
        ExprKind::Number { value, unit: unit.map(|u| (u, power)) }
    }

    /// The tree of a `call` or `callable` pair.
    pub(super) fn call(&mut self, statement: &Statement, pair: Pair<Rule>) -> Call {
        let span = self.span(statement, &pair);
        let mut name = Ident { name: String::new(), span };
        let mut arguments = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = self.ident(statement, &part),
                Rule::argument => {
                    let mut argument = Argument { name: None, value: missing(span) };
                    for inner in part.into_inner() {
                        match inner.as_rule() {
                            Rule::name => argument.name = Some(self.ident(statement, &inner)),
                            Rule::expression => argument.value = self.expression(statement, inner),
                            _ => {}
                        }
                    }
                    arguments.push(argument);
                }
                _ => {}
            }
        }
        Call { name, arguments, span }
    }

    /// The tree of a `range` pair.
    pub(super) fn range(&mut self, statement: &Statement, pair: Pair<Rule>) -> ValueRange {
        let span = self.span(statement, &pair);
        let mut range = ValueRange { low: None, high: None, span };
        for part in pair.into_inner() {
            let slot = match part.as_rule() {
                Rule::low => &mut range.low,
                Rule::high => &mut range.high,
                _ => continue,
            };
            *slot = part.into_inner().next().map(|p| self.expression(statement, p));
        }
        range
    }
}

/// Stands where the grammar guarantees an expression.
pub(super) fn missing(span: Span) -> Expr {
    Expr { kind: ExprKind::Number { value: 0.0, unit: None }, span }
}
