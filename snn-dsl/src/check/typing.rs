//! Expressions: every name looked up, every unit checked and folded away.
//!
//! A mistake is reported where it stands; the expression around it is then `None` and says nothing more.

use super::dimension::{Dimension, Exponent};
use super::scope::{Axes, Definitions, Entry, Kind, Quantity, Scope, Typed};
use super::{program::ProgramBuilder, remedy::zero, units};
use crate::diagnostic::suggest::closest;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Arena, ExprId, Removable, Values, number as number_text};
use crate::source::{SourceMap, Span};
use crate::syntax::tree::{BinaryOp, Expr, ExprKind, Ident, UnaryOp};
use std::collections::BTreeSet;

/// Deeper expressions are rejected: they would overflow the stack.
const DEPTH: usize = 128;

/// What makes a constant infinite or undefined.
const NOT_FINITE: &str = "it divides by 0, takes the root or logarithm of a negative number, or is beyond 1.8e308";

/// Checks the expressions of one neuron, network or definition.
pub(super) struct Typing<'a> {
    pub sources: &'a SourceMap,
    pub definitions: &'a Definitions<'a>,
    pub diagnostics: Diagnostics,
    pub arena: Arena,
    pub scope: Scope,
    /// In a neuron: what is missing may be a parameter.
    pub in_neuron: bool,
    /// The names that were read.
    pub read: BTreeSet<String>,
    /// In a network: its losses and readouts so far.
    pub program: Option<ProgramBuilder<'a>>,
    /// The functions being inlined.
    pub inlining: Vec<&'a str>,
    /// What is checked here has been checked before, with other arguments.
    pub again: bool,
    /// Something is wrong that has been reported elsewhere.
    pub failed: bool,
    /// The event port whose block is being checked.
    pub block: Block<'a>,
    /// Values of constant expressions that were found out.
    pub values: Values,
    /// What was found of quotients that are 0/0 somewhere.
    removable: Removable,
    depth: usize,
}

/// Where event ports may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Block<'a> {
    /// Nowhere: this is no block.
    None,
    /// In the block of this port, which has its meaning in the scope.
    Port(&'a str),
    /// In a block whose port is unknown, which has been reported.
    Unknown,
}

impl<'a> Typing<'a> {
    pub(super) fn new(sources: &'a SourceMap, definitions: &'a Definitions<'a>, scope: Scope) -> Self {
        Self {
            sources,
            definitions,
            diagnostics: Diagnostics::default(),
            arena: Arena::default(),
            scope,
            in_neuron: false,
            read: BTreeSet::new(),
            program: None,
            inlining: Vec::new(),
            again: false,
            failed: false,
            block: Block::None,
            values: Values::default(),
            removable: Removable::default(),
            depth: 0,
        }
    }

    /// Reports a mistake; always `None`.
    pub(super) fn fail<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.diagnostics.push(diagnostic);
        None
    }

    /// An expression as the model has it: whatever is computed in a run goes through here.
    pub(super) fn finished(&mut self, id: ExprId) -> ExprId {
        self.removable.removed(&mut self.arena, id)
    }

    /// Does something with other names in scope.
    pub(super) fn within<T>(&mut self, scope: Scope, f: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.scope, scope);
        let result = f(self);
        self.scope = outer;
        result
    }

    /// A place as written, on one line.
    pub(super) fn text(&self, span: Span) -> String {
        one_line(self.sources.text(span))
    }

    /// An expression that must be a number; `expected` only serves better messages.
    pub(super) fn number(&mut self, expr: &'a Expr, expected: Option<Dimension>) -> Option<Quantity> {
        let typed = self.expression(expr, expected)?;
        match typed.kind {
            Kind::Number(dimension) => Some(Quantity { id: typed.id, dimension, axes: typed.axes }),
            Kind::Truth => {
                let text = self.text(expr.span);
                self.fail(
                    Diagnostic::error("E0307", expr.span, "expected a number, found a condition")
                        .hint(format!("make it a number: `if {text} {{ 1 }} else {{ 0 }}`")),
                )
            }
        }
    }

    /// An expression that must be yes or no.
    pub(super) fn truth(&mut self, expr: &'a Expr) -> Option<Typed> {
        let typed = self.expression(expr, None)?;
        match typed.kind {
            Kind::Truth => Some(typed),
            Kind::Number(dimension) => {
                let (text, zero) = (self.text(expr.span), zero(dimension));
                self.fail(
                    Diagnostic::error("E0307", expr.span, "expected a condition, found a number")
                        .hint(format!("compare it with something: `{text} > {zero}`")),
                )
            }
        }
    }

    /// A number that must measure `expected`; `what` names it in the message.
    pub(super) fn quantity(&mut self, expr: &'a Expr, expected: Dimension, what: &str) -> Option<Quantity> {
        let found = self.number(expr, Some(expected))?;
        if found.dimension == expected {
            return Some(found);
        }
        let message = format!("expected {expected} for {what}, found {}", found.dimension);
        let diagnostic = self.remedy(Diagnostic::error("E0305", expr.span, message), expr, found.dimension, expected);
        self.fail(diagnostic)
    }

    /// A number whose value is known now, in base units.
    pub(super) fn constant(&mut self, expr: &'a Expr, what: &str) -> Option<(f64, Dimension)> {
        let found = self.number(expr, None)?;
        Some((self.value(found.id, expr.span, what)?, found.dimension))
    }

    /// The same with a dimension that is required.
    pub(super) fn constant_of(&mut self, expr: &'a Expr, expected: Dimension, what: &str) -> Option<f64> {
        let found = self.quantity(expr, expected, what)?;
        self.value(found.id, expr.span, what)
    }

    fn value(&mut self, id: ExprId, span: Span, what: &str) -> Option<f64> {
        match self.values.of(&self.arena, id) {
            None => self.fail(
                Diagnostic::error("E0308", span, format!("expected a constant for {what}"))
                    .hint("it can be computed from numbers and `const` lines only"),
            ),
            Some(value) if value.is_finite() => Some(value),
            Some(value) => self.fail(
                Diagnostic::error("E0310", span, format!("expected a finite number for {what}, found {value}"))
                    .hint(NOT_FINITE),
            ),
        }
    }

    /// Checks any expression.
    pub(super) fn expression(&mut self, expr: &'a Expr, expected: Option<Dimension>) -> Option<Typed> {
        if !self.has_room(expr.span) {
            return None;
        }
        if self.depth >= DEPTH {
            let hint = if self.inlining.is_empty() {
                "name parts of it with `let`"
            } else {
                "too many functions call one another: write some of them out"
            };
            return self.fail(
                Diagnostic::error("E0311", expr.span, "expected a simpler expression, found one nested too deeply")
                    .hint(hint),
            );
        }
        self.depth += 1;
        let result = self.dispatch(expr, expected);
        self.depth -= 1;
        let typed = result?;
        // What reads nothing has a value now, and its operands have been looked at before.
        let known = |id| self.arena.constant_value(id).is_some();
        let is_new = known(typed.id) || self.arena.children(typed.id).all(known);
        match is_new.then(|| self.values.of(&self.arena, typed.id)).flatten() {
            Some(value) if !value.is_finite() => {
                let message = format!("expected a finite number, found {}", number_text(value));
                self.fail(Diagnostic::error("E0310", expr.span, message).hint(NOT_FINITE))
            }
            _ => Some(typed),
        }
    }

    fn dispatch(&mut self, expr: &'a Expr, expected: Option<Dimension>) -> Option<Typed> {
        match &expr.kind {
            ExprKind::Number { value, unit } => self.literal(*value, unit.as_ref()),
            ExprKind::Name(name) => self.name(name, expr.span),
            ExprKind::Field(owner, field) if self.in_neuron && owner.name == "self" => {
                let message = format!("expected a name, found `self.{}`", field.name);
                let hint = format!("names stand alone: write `{}`", field.name);
                self.fail(Diagnostic::error("E0212", expr.span, message).hint(hint))
            }
            ExprKind::Field(owner, field) => self.field(owner, field, expr.span),
            ExprKind::Call(call) => self.call(call, expected),
            ExprKind::Unary(UnaryOp::Negate, inner) => {
                let q = self.number(inner, expected)?;
                let id = self.arena.negate(q.id);
                Some(number(id, q.dimension, q.axes))
            }
            ExprKind::Unary(UnaryOp::Not, inner) => {
                let t = self.truth(inner)?;
                Some(Typed { id: self.arena.not(t.id), ..t })
            }
            ExprKind::Binary(BinaryOp::Add | BinaryOp::Subtract, ..) => self.sum(expr, expected),
            ExprKind::Binary(BinaryOp::Multiply | BinaryOp::Divide, ..) => self.product(expr),
            ExprKind::Binary(BinaryOp::Power, base, exponent) => self.power(base, exponent),
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), ..) => self.connective(*op, expr),
            ExprKind::Binary(op, left, right) => self.comparison(*op, left, right),
            ExprKind::If(condition, yes, no) => {
                let condition = self.truth(condition);
                let yes_value = self.number(yes, expected);
                let no_value = self.number(no, expected.or(yes_value.map(|y| y.dimension)));
                let (c, y, n) = (condition?, yes_value?, no_value?);
                self.same(y.dimension, yes, n.dimension, no, "the branches of `if`")?;
                let axes = self.broadcast(y.axes, yes.span, n.axes, no.span)?;
                let axes = self.broadcast(c.axes, expr.span, axes, yes.span)?;
                Some(number(self.arena.select(c.id, y.id, n.id), y.dimension, axes))
            }
        }
    }

    fn literal(&mut self, value: f64, unit: Option<&'a (Ident, i32)>) -> Option<Typed> {
        let Some((name, power)) = unit else {
            return Some(number(self.arena.constant(value), Dimension::NONE, Axes::default()));
        };
        let Some(unit) = units::lookup(&name.name) else {
            return self.unknown_unit(name);
        };
        let dimension = unit.dimension.power(Exponent::whole(*power));
        Some(number(self.arena.constant(unit.scale(value, *power)), dimension, Axes::default()))
    }

    pub(super) fn unknown_unit<T>(&mut self, name: &Ident) -> Option<T> {
        if name.name == "step" || name.name == "steps" {
            let message = format!("expected a unit, found `{}`, which only a delay can count", name.name);
            let hint = "write a time such as `1 ms`; in equations and `let` lines the time step is `dt`";
            return self.fail(Diagnostic::error("E0312", name.span, message).hint(hint));
        }
        let suggestions = if self.diagnostics.is_long() { Vec::new() } else { units::suggestions(&name.name) };
        let mut diagnostic = Diagnostic::error("E0301", name.span, format!("expected a unit, found `{}`", name.name));
        if suggestions.is_empty() {
            // A clause behind a number without unit is read as a unit.
            if self.in_neuron
                && let Some(near) = closest(&name.name, ["trainable"].into_iter())
            {
                return self.fail(diagnostic.hint(format!("did you mean `{near}`?")));
            }
            let exponent = name.name.strip_prefix(['e', 'E']);
            if exponent.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit())) {
                let hint = "an exponent has digits, without a space before it: `1e3`, `1e-3`";
                return self.fail(diagnostic.hint(hint));
            }
            if exponent.is_some() {
                let hint = "behind a number an `e` begins an exponent, as in `1e3`; no unit begins with it";
                return self.fail(diagnostic.hint(hint));
            }
            let declared = self.scope.contains_key(&name.name) || self.definitions.constants.contains_key(&name.name);
            diagnostic = diagnostic.hint(if declared {
                format!("`{0}` is a declared name, not a unit; for a product write `* {0}`", name.name)
            } else {
                "units are s m V A Ohm S F C Hz J W mol M K, with the prefixes f p n u m k M G".into()
            });
        } else {
            diagnostic = diagnostic.hint(format!("did you mean `{}`?", suggestions.join("` or `")));
        }
        self.fail(diagnostic)
    }

    fn name(&mut self, name: &str, span: Span) -> Option<Typed> {
        let entry = self.scope.get(name).or_else(|| self.definitions.constants.get(name)).cloned();
        // What a function reads are its arguments, which are read where it is called.
        if entry.is_some() && self.inlining.is_empty() {
            self.read.insert(name.to_string());
        }
        match entry {
            Some(Entry::Constant(value, dimension)) => {
                Some(number(self.arena.constant(value), dimension, Axes::default()))
            }
            Some(Entry::Value(typed)) => Some(typed),
            Some(Entry::Poisoned) => None,
            Some(Entry::Port) => self.port(name, span),
            Some(Entry::Forbidden(message, hint)) => {
                let diagnostic = Diagnostic::error("E0204", span, message);
                self.fail(match hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                })
            }
            Some(Entry::Unsupported(what)) => self.fail(Diagnostic::not_supported(span, what)),
            None => match units::lookup(name) {
                Some(unit) => Some(number(self.arena.constant(unit.scale(1.0, 1)), unit.dimension, Axes::default())),
                None => self.unknown_name(name, span),
            },
        }
    }

    /// An event port that is not that of the block at hand.
    fn port<T>(&mut self, name: &str, span: Span) -> Option<T> {
        let (message, hint) = match self.block {
            Block::Unknown => return None,
            Block::None => (
                format!("expected a state, parameter or drive, found the event port `{name}`"),
                format!("events act in their block, `on {name} {{ ... }}`; a continuous input is a `drive {name}`"),
            ),
            Block::Port(own) => (
                format!("expected the port `{own}` of this block, found the port `{name}`"),
                format!("every port has a block of its own: `on {name} {{ ... }}`"),
            ),
        };
        self.fail(Diagnostic::error("E0204", span, message).hint(hint))
    }

    fn unknown_name<T>(&mut self, name: &str, span: Span) -> Option<T> {
        let mut diagnostic = Diagnostic::error("E0201", span, format!("expected a name or a unit, found `{name}`"));
        let before = self.sources.file(span.file).text.get(..span.start as usize).unwrap_or("");
        if before.trim_end_matches(' ').ends_with("--") {
            return self.fail(diagnostic.hint("`--` is two minus signs; a comment begins with //"));
        }
        let declared = self.scope.keys().chain(self.definitions.constants.keys()).map(String::as_str);
        if let Some(near) = self.near(name, declared) {
            diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
        } else if self.diagnostics.is_long() {
            return self.fail(diagnostic);
        } else if let Some(hint) = self.program.as_ref().and_then(|p| p.state_hint(name)) {
            diagnostic = diagnostic.hint(hint);
        } else if matches!(name, "true" | "false" | "True" | "False") {
            let value = u8::from(matches!(name, "true" | "True"));
            diagnostic = diagnostic.hint(format!("there are no truth values to write down: use the number {value}"));
        } else if let Some(unit) = units::suggestions(name).first() {
            // A single letter is a name more often than a unit.
            diagnostic = diagnostic.hint(if self.in_neuron && name.len() == 1 {
                format!("declare it, e.g. `{}`; the unit is `{unit}`", declaration(name))
            } else {
                format!("did you mean the unit `{unit}`?")
            });
        } else if super::functions::exists(name) || self.definitions.functions.contains_key(name) {
            diagnostic = diagnostic.hint(format!("a function needs its argument: `{name}(...)`"));
        } else if self.in_neuron {
            diagnostic = diagnostic.hint(format!("declare it, e.g. `{}`", declaration(name)));
        } else {
            diagnostic = diagnostic.hint(format!("define it at the top level, e.g. `const {name} = 1`"));
        }
        self.fail(diagnostic)
    }

    /// Two numbers that must measure the same.
    pub(super) fn pair(&mut self, left: &'a Expr, right: &'a Expr, what: &str) -> Option<(Quantity, Quantity)> {
        let a = self.number(left, None);
        let b = self.number(right, a.map(|a| a.dimension));
        let (a, b) = (a?, b?);
        self.same(a.dimension, left, b.dimension, right, what)?;
        Some((a, b))
    }

    pub(super) fn same(&mut self, a: Dimension, left: &Expr, b: Dimension, right: &Expr, what: &str) -> Option<()> {
        if a == b {
            return Some(());
        }
        // A bare number is the likelier slip.
        let ((wrong, found), (witness, expected)) =
            if a.is_none() && !b.is_none() { ((left, a), (right, b)) } else { ((right, b), (left, a)) };
        let diagnostic = Diagnostic::error(
            "E0302",
            wrong.span,
            format!("expected {expected}, found {found}: {what} must measure the same"),
        )
        .label(format!("this is {found}"))
        .also(witness.span, format!("this is {expected}"));
        let diagnostic = self.remedy(diagnostic, wrong, found, expected);
        self.fail(diagnostic)
    }
}

/// A line that declares a name, with the unit that its letters are common for.
fn declaration(name: &str) -> String {
    let lower = name.to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|w| name == *w || name.starts_with(&format!("{w}_")));
    if starts(&["I", "i"]) || ["inj", "ext", "stim", "input"].iter().any(|w| lower.contains(w)) {
        return format!("drive {name} : {}", if starts(&["V", "v", "u"]) { "mV" } else { "nA" });
    }
    let value = match () {
        () if lower.starts_with("tau") || starts(&["t"]) => "10 ms",
        () if starts(&["V", "v", "E", "theta", "Delta", "delta"]) => "10 mV",
        () if starts(&["R", "r"]) => "10 MOhm",
        () if starts(&["C", "c"]) => "200 pF",
        () if starts(&["g", "G"]) => "10 nS",
        () => "1",
    };
    format!("param {name} = {value}")
}

pub(super) fn number(id: ExprId, dimension: Dimension, axes: Axes) -> Typed {
    Typed { id, kind: Kind::Number(dimension), axes }
}

/// A text without comments and line ends.
pub(super) fn one_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
