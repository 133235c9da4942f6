//! Calls: the functions of the language, and those of the text, which are inlined.

use super::dimension::{Dimension, Exponent};
use super::scope::{Entry, Quantity, Scope, Typed};
use super::typing::{Typing, number};
use super::{calls, program};
use crate::diagnostic::suggest::closest;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::expr::Function;
use crate::syntax::tree::{self, Call, Expr, ExprKind};
use std::collections::{BTreeMap, BTreeSet};

/// What a function does with its arguments and their units.
#[derive(Clone, Copy)]
enum Builtin {
    /// Number to number.
    Plain(Function),
    /// Keeps the unit.
    Abs,
    Relu,
    Detach,
    Min,
    Max,
    Clip,
    /// Any unit to a number.
    Heaviside,
    Sqrt,
    Pow,
}

const BUILTINS: [(&str, Builtin, usize); 22] = [
    ("exp", Builtin::Plain(Function::Exp), 1),
    ("ln", Builtin::Plain(Function::Ln), 1),
    ("sqrt", Builtin::Sqrt, 1),
    ("abs", Builtin::Abs, 1),
    ("min", Builtin::Min, 2),
    ("max", Builtin::Max, 2),
    ("sin", Builtin::Plain(Function::Sin), 1),
    ("cos", Builtin::Plain(Function::Cos), 1),
    ("tanh", Builtin::Plain(Function::Tanh), 1),
    ("atan", Builtin::Plain(Function::Atan), 1),
    ("sigmoid", Builtin::Plain(Function::Sigmoid), 1),
    ("relu", Builtin::Relu, 1),
    ("erf", Builtin::Plain(Function::Erf), 1),
    ("erfc", Builtin::Plain(Function::Erfc), 1),
    ("expm1", Builtin::Plain(Function::Expm1), 1),
    ("exprel", Builtin::Plain(Function::Exprel), 1),
    ("exprel1", Builtin::Plain(Function::Exprel1), 1),
    ("exprel2", Builtin::Plain(Function::Exprel2), 1),
    ("clip", Builtin::Clip, 3),
    ("heaviside", Builtin::Heaviside, 1),
    ("pow", Builtin::Pow, 2),
    ("detach", Builtin::Detach, 1),
];

/// As many calls of a chain are pointed at, besides the outermost.
const CALLS: usize = 3;

/// Functions of other tools.
const ELSEWHERE: [(&str, &str); 21] = [
    ("log", "the natural logarithm is `ln`"),
    ("log10", "write `ln(x)/ln(10)`"),
    ("log2", "write `ln(x)/ln(2)`"),
    ("tan", "write `sin(x)/cos(x)`"),
    ("arctan", "write `atan(x)`"),
    ("softplus", "write `ln(1 + exp(x))`"),
    ("step", "write `heaviside(x)`"),
    ("square", "write `x^2`"),
    ("rand", RANDOM),
    ("randn", RANDOM),
    ("random", RANDOM),
    ("gauss", "did you mean `normal`?"),
    ("gaussian", "did you mean `normal`?"),
    ("zeros", "a state begins at 0 if its line gives no start"),
    ("CrossEntropyLoss", CROSS_ENTROPY),
    ("ce", CROSS_ENTROPY),
    ("nll_loss", CROSS_ENTROPY),
    ("MSELoss", "write `mse(y, target)`"),
    ("mse_loss", "write `mse(y, target)`"),
    ("min_t", "the smallest of y is `-max_t(-y)`"),
    ("min_n", "the smallest of y is `-max_n(-y)`"),
];
const RANDOM: &str = "a value for every neuron is drawn by `param a = uniform(0, 1) per neuron`";
const CROSS_ENTROPY: &str = "write `cross_entropy(y, target)`";

/// True for a function of the language.
pub(super) fn exists(name: &str) -> bool {
    BUILTINS.iter().any(|b| b.0 == name)
}

impl<'a> Typing<'a> {
    pub(super) fn call(&mut self, call: &'a Call, expected: Option<Dimension>) -> Option<Typed> {
        let name = call.name.name.as_str();
        if let Some(&function) = self.definitions.functions.get(name) {
            return self.inline(call, function);
        }
        if let Some(&(_, builtin, arity)) = BUILTINS.iter().find(|b| b.0 == name) {
            let names: &[&str] = match (builtin, arity) {
                (_, 1) => &["x"],
                (Builtin::Pow, _) => &["x", "y"],
                (_, 2) => &["a", "b"],
                _ => &["x", "low", "high"],
            };
            let arguments = self.positional(call, names)?;
            return self.builtin(call, builtin, &arguments, expected);
        }
        if program::is_operation(name) {
            return self.operation(call);
        }
        let mut diagnostic = Diagnostic::error("E0206", call.name.span, format!("expected a function, found `{name}`"));
        if ["uniform", "normal", "loguniform"].contains(&name) {
            diagnostic = diagnostic.hint("a distribution can only be the whole value of a parameter or an `init`");
        } else if let Some((_, hint)) = ELSEWHERE.iter().find(|e| e.0 == name) {
            diagnostic = diagnostic.hint(*hint);
        } else if self.program.is_some()
            && name.ends_with(['t', 'n'])
            && matches!(name.get(..name.len().saturating_sub(2)), Some("std" | "var" | "argmax" | "argmin" | "median"))
        {
            let list = program::OPERATIONS.iter().filter(|o| o.ends_with("_t") || o.ends_with("_n"));
            let list = list.copied().collect::<Vec<_>>().join("`, `");
            diagnostic = diagnostic.hint(format!("the reductions are `{list}`"));
        } else {
            let operations = if self.program.is_some() { program::OPERATIONS.as_slice() } else { &[] };
            let names = BUILTINS.iter().map(|b| b.0).chain(self.definitions.functions.keys().copied());
            if let Some(near) = self.near(name, names.chain(operations.iter().copied())) {
                diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
            } else if self.scope.contains_key(name) {
                diagnostic = diagnostic.hint(format!("`{name}` is no function; for a product write `{name} * (...)`"));
            } else if operations.contains(&format!("{name}_t").as_str()) {
                let neurons = format!("{name}_n");
                let neurons = if operations.contains(&neurons.as_str()) { neurons } else { "mean_n".into() };
                diagnostic = diagnostic.hint(format!("`{name}_t` reduces the time, `{neurons}` the neurons"));
            } else {
                diagnostic = diagnostic.hint(format!("define it at the top level: `fn {name}(x) = ...`"));
            }
        }
        self.fail(diagnostic)
    }

    /// The arguments of a call, which have no names there; `names` are those of the definition.
    fn positional(&mut self, call: &'a Call, names: &[&str]) -> Option<Vec<&'a Expr>> {
        if let Some(named) = call.arguments.iter().find_map(|a| a.name.as_ref()) {
            return self.fail(
                Diagnostic::error("E0208", named.span, format!("`{}` has no named arguments", call.name.name))
                    .hint(format!("remove `{} =`", named.name)),
            );
        }
        let arity = names.len();
        if call.arguments.len() != arity {
            let plural = if arity == 1 { "" } else { "s" };
            let message =
                format!("expected {arity} argument{plural} of `{}`, found {}", call.name.name, call.arguments.len());
            let usage = format!("write `{}({})`", call.name.name, names.join(", "));
            return self.fail(Diagnostic::error("E0208", call.span, message).hint(usage));
        }
        Some(call.arguments.iter().map(|a| &a.value).collect())
    }

    fn builtin(
        &mut self,
        call: &'a Call,
        builtin: Builtin,
        arguments: &[&'a Expr],
        expected: Option<Dimension>,
    ) -> Option<Typed> {
        let first = *arguments.first()?;
        let second = arguments.get(1).copied();
        let (id, q) = match builtin {
            Builtin::Plain(function) => {
                let q = self.pure_number(first, &call.name.name)?;
                (self.arena.apply(function, q.id), q)
            }
            Builtin::Abs => {
                let q = self.number(first, expected)?;
                (self.arena.apply(Function::Abs, q.id), q)
            }
            Builtin::Relu => {
                let q = self.number(first, expected)?;
                (self.arena.relu(q.id), q)
            }
            Builtin::Detach => {
                let q = self.number(first, expected)?;
                (self.arena.detach(q.id), q)
            }
            Builtin::Heaviside => {
                let q = self.number(first, None)?;
                (self.arena.heaviside(q.id), Quantity { dimension: Dimension::NONE, ..q })
            }
            Builtin::Sqrt => {
                let inner = expected.map(|e| e.power(Exponent::whole(2)));
                let q = self.number(first, inner)?;
                (self.arena.apply(Function::Sqrt, q.id), Quantity { dimension: q.dimension.root(), ..q })
            }
            Builtin::Pow => {
                let second = second?;
                let (base, exponent) = (self.number(first, None), self.number(second, Some(Dimension::NONE)));
                return self.raise(base?, first.span, exponent?, second);
            }
            Builtin::Min | Builtin::Max | Builtin::Clip => return self.choose(call, builtin, arguments),
        };
        Some(number(id, q.dimension, q.axes))
    }

    /// `min`, `max`, `clip`: all arguments measure the same.
    fn choose(&mut self, call: &'a Call, builtin: Builtin, arguments: &[&'a Expr]) -> Option<Typed> {
        let what = format!("the arguments of `{}`", call.name.name);
        let mut all: Vec<Option<Quantity>> = Vec::new();
        for argument in arguments {
            let known = all.iter().flatten().map(|q| q.dimension).next();
            all.push(self.number(argument, known));
        }
        let all: Vec<Quantity> = all.into_iter().collect::<Option<_>>()?;
        let (first, rest) = all.split_first()?;
        let first_expr = *arguments.first()?;
        let mut result = *first;
        for (i, (q, expr)) in rest.iter().zip(arguments.iter().skip(1)).enumerate() {
            self.same(result.dimension, first_expr, q.dimension, expr, &what)?;
            let axes = self.broadcast(result.axes, first_expr.span, q.axes, expr.span)?;
            let id = match (builtin, i) {
                (Builtin::Min, _) | (Builtin::Clip, 1) => self.arena.min(result.id, q.id),
                _ => self.arena.max(result.id, q.id),
            };
            result = Quantity { id, axes, ..result };
        }
        Some(number(result.id, result.dimension, result.axes))
    }

    /// An argument that must not have a unit.
    fn pure_number(&mut self, expr: &'a Expr, function: &str) -> Option<Quantity> {
        let q = self.number(expr, Some(Dimension::NONE))?;
        if q.dimension.is_none() {
            return Some(q);
        }
        let message = format!("expected a number without unit for `{function}`, found {}", q.dimension);
        let diagnostic = Diagnostic::error("E0303", expr.span, message).label(format!("this is {}", q.dimension));
        let diagnostic = self.remedy(diagnostic, expr, q.dimension, Dimension::NONE);
        self.fail(diagnostic)
    }

    /// The body of a function of the text with the arguments in place of their names.
    fn inline(&mut self, call: &'a Call, function: &'a tree::Function) -> Option<Typed> {
        let names: Vec<&str> = function.arguments.iter().map(|a| a.name.as_str()).collect();
        let arguments = self.positional(call, &names)?;
        let values: Vec<Option<Typed>> = arguments.into_iter().map(|a| self.expression(a, None)).collect();
        let name = function.name.name.as_str();
        if self.definitions.broken_functions.contains(name) || self.inlining.contains(&name) {
            return None;
        }
        let values: Vec<Typed> = values.into_iter().collect::<Option<_>>()?;
        let names = function.arguments.iter().map(|a| a.name.clone());
        let scope: Scope = names.zip(values.into_iter().map(Entry::Value)).collect();
        let outer = std::mem::take(&mut self.diagnostics);
        self.inlining.push(name);
        let result = self.within(scope, |t| t.expression(&function.body, None));
        self.inlining.pop();
        let inner = std::mem::replace(&mut self.diagnostics, outer);
        for diagnostic in inner.into_sorted() {
            self.pass_on(diagnostic, call, function);
        }
        if self.inlining.is_empty() && self.definitions.budget.is_spent() {
            return self.spent(call.span);
        }
        result
    }

    /// Passes on what was found in a body: every call finds the same mistake, which is reported for the first of them.
    fn pass_on(&mut self, diagnostic: Diagnostic, call: &Call, function: &tree::Function) {
        let body = function.body.span;
        let place = diagnostic.span().filter(|s| s.file == body.file && body.start <= s.start && s.end <= body.end);
        let is_new = match place {
            Some(span) => {
                let mistake = (span, diagnostic.code, diagnostic.message.clone());
                self.definitions.reported.borrow_mut().insert(mistake)
            }
            // Found by a call in this body, and passed on there.
            None => true,
        };
        // Of a long chain of calls its beginning and its end.
        if is_new && diagnostic.labels.len() > CALLS && !self.inlining.is_empty() {
            self.diagnostics.push(diagnostic);
        } else if is_new {
            self.diagnostics.push(diagnostic.also(call.span, format!("in this call of `{}`", function.name.name)));
        } else {
            self.failed = true;
        }
    }
}

/// Checks what can be checked of a function without a call: its names, and that it does not call itself. Returns the
/// functions with mistakes.
pub(super) fn check_definitions<'t>(
    functions: &BTreeMap<&'t str, &'t tree::Function>,
    constants: &Scope,
    diagnostics: &mut Diagnostics,
) -> BTreeSet<&'t str> {
    let mut broken = BTreeSet::new();
    let calls = calls::Calls::new(functions);
    let (cycles, callers) = (calls.cycles(), calls.callers());
    for (&name, &function) in functions {
        let mut found = diagnostics.further();
        let mut seen = super::scope::Names::default();
        for argument in &function.arguments {
            seen.declare(argument, &mut found);
        }
        let known: Vec<&str> = function.arguments.iter().map(|a| a.name.as_str()).collect();
        for (word, span) in names_in(&function.body) {
            if known.contains(&word) || constants.contains_key(word) || super::units::lookup(word).is_some() {
                continue;
            }
            let candidates = known.iter().copied().chain(constants.keys().map(String::as_str));
            let diagnostic = Diagnostic::error("E0201", span, format!("expected a name or a unit, found `{word}`"));
            let near = if found.is_long() { None } else { closest(word, candidates) };
            found.push(match near {
                Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                None => diagnostic.hint(format!("a function sees its arguments only; make `{word}` one of them")),
            });
        }
        if let Some(path) = cycles.get(name) {
            let message = format!("function `{name}` calls itself: {path}");
            found.push(
                Diagnostic::error("E0207", function.name.span, message)
                    .hint("functions are inlined and cannot recurse"),
            );
        }
        if found.has_errors() {
            broken.insert(name);
        }
        for diagnostic in found.into_sorted().into_iter().filter(|d| d.severity == Severity::Error) {
            diagnostics.push(diagnostic);
        }
    }
    // What calls a broken function is broken, without a message of its own.
    let mut queue: Vec<&str> = broken.iter().copied().collect();
    while let Some(name) = queue.pop() {
        for &caller in callers.get(name).into_iter().flatten() {
            if broken.insert(caller) {
                queue.push(caller);
            }
        }
    }
    broken
}

/// All parts of an expression, without recursion.
pub(super) fn parts(root: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut stack = vec![root];
    while let Some(expr) = stack.pop() {
        found.push(expr);
        match &expr.kind {
            ExprKind::Number { .. } | ExprKind::Name(_) | ExprKind::Field(..) => {}
            ExprKind::Call(call) => stack.extend(call.arguments.iter().rev().map(|a| &a.value)),
            ExprKind::Unary(_, a) => stack.push(a),
            ExprKind::Binary(_, a, b) => stack.extend([b.as_ref(), a.as_ref()]),
            ExprKind::If(c, a, b) => stack.extend([b.as_ref(), a.as_ref(), c.as_ref()]),
        }
    }
    found
}

fn names_in(root: &Expr) -> Vec<(&str, crate::source::Span)> {
    parts(root)
        .into_iter()
        .filter_map(|e| match &e.kind {
            ExprKind::Name(name) => Some((name.as_str(), e.span)),
            _ => None,
        })
        .collect()
}

pub(super) fn calls_in(root: &Expr) -> Vec<&Call> {
    parts(root)
        .into_iter()
        .filter_map(|e| match &e.kind {
            ExprKind::Call(call) => Some(call),
            _ => None,
        })
        .collect()
}
