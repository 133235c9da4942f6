//! The parameters, states and ports of a neuron.

use super::dimension::Dimension;
use super::neuron::{Checker, distinct, leaf, names_of};
use super::scope::{Entry, Scope};
use super::typing::Typing;
use super::{units, values};
use crate::diagnostic::Diagnostic;
use crate::expr::Leaf;
use crate::model::{self, Value};
use crate::syntax::tree::{BinaryOp, Expr, ExprKind, Ident, NeuronStatement, Param, UnaryOp};
use std::collections::BTreeMap;

/// Fills in what the neuron declares, and the scope of its expressions.
pub(super) fn declare(checker: &mut Checker) {
    let definitions = checker.typing.definitions;
    let free = distinct(checker.tree, definitions, &mut checker.typing.diagnostics);
    checker.typing.scope = outside(checker);
    let mut scope = Scope::new();
    for statement in &checker.tree.statements {
        let (name, docs) = match statement {
            NeuronStatement::Param(p) => (&p.name, &p.docs),
            NeuronStatement::State(s) => (&s.name, &s.docs),
            NeuronStatement::Event(p) | NeuronStatement::Drive(p) => (&p.name, &p.docs),
            NeuronStatement::Let(l) => {
                let message = format!("`{}` is defined further down", l.name.name);
                let hint = "a `let` sees the lines above it: move it up";
                scope.entry(l.name.name.clone()).or_insert(Entry::Forbidden(message, Some(hint.into())));
                continue;
            }
            _ => continue,
        };
        let typing = &mut checker.typing;
        let mut quantity = model::Quantity {
            name: name.name.clone(),
            docs: docs.clone(),
            dimension: Dimension::NONE,
            span: name.span,
        };
        let (dimension, parameter) = match statement {
            NeuronStatement::Param(p) => match parameter(typing, p) {
                Some((parameter, dimension)) => (Some(dimension), Some(parameter)),
                None => (None, None),
            },
            NeuronStatement::State(s) => (unit(typing, s.unit.as_ref(), s.initial.is_none().then_some(&s.name)), None),
            NeuronStatement::Event(p) | NeuronStatement::Drive(p) => (unit(typing, p.unit.as_ref(), None), None),
            _ => (None, None),
        };
        if !free.contains(&name.span.start) {
            continue;
        }
        quantity.dimension = dimension.unwrap_or_default();
        let neuron = &mut checker.neuron;
        let entry = match statement {
            NeuronStatement::Param(p) => {
                let index = neuron.parameters.len() as u16;
                let mut parameter = parameter.unwrap_or_else(|| bare(p, quantity.clone()));
                parameter.quantity = quantity;
                neuron.parameters.push(parameter);
                leaf(typing, Leaf::Parameter(index), dimension)
            }
            NeuronStatement::State(_) => {
                let (zero, one) = (typing.arena.constant(0.0), typing.arena.constant(1.0));
                let index = neuron.states.len() as u16;
                neuron.states.push(model::State {
                    quantity,
                    initial: zero,
                    coefficient: one,
                    rhs: zero,
                    noise: None,
                    text: String::new(),
                    equation_span: name.span,
                });
                leaf(typing, Leaf::State(index), dimension)
            }
            NeuronStatement::Event(_) => {
                neuron.events.push(quantity);
                Entry::Port
            }
            _ => {
                let index = neuron.drives.len() as u16;
                neuron.drives.push(quantity);
                leaf(typing, Leaf::Drive(index), dimension)
            }
        };
        if dimension.is_none() {
            checker.poisoned.insert(name.name.clone());
        }
        scope.insert(name.name.clone(), entry);
    }
    // A name with two meanings was reported; neither counts.
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, what) in names_of(checker.tree) {
        if *kinds.entry(&name.name).or_insert(what) != what {
            checker.poisoned.insert(name.name.clone());
            scope.insert(name.name.clone(), Entry::Poisoned);
        }
    }
    let dt = leaf(&mut checker.typing, Leaf::Dt, Some(Dimension::TIME));
    scope.insert("dt".into(), dt);
    scope.insert("t".into(), Entry::Unsupported("the time `t`"));
    let hint = "its place is the right-hand side of an equation, as in `tau dV/dt = -V + sigma*sqrt(2*tau)*xi`";
    let message = "white noise `xi` has no value outside of an equation";
    scope.insert("xi".into(), Entry::Forbidden(message.into(), Some(hint.into())));
    checker.typing.scope = scope;
}

/// The scope of parameter values: the names of the neuron are known but cannot be read.
fn outside(checker: &Checker) -> Scope {
    let forbidden = |what: &str, name: &str| {
        let message = format!("expected a constant, found the {what} `{name}`");
        Entry::Forbidden(message, Some("values and ranges of parameters are constants; use a `let` instead".into()))
    };
    let mut scope: Scope = names_of(checker.tree)
        .map(|(name, what)| (name.name.clone(), forbidden(what.trim_matches('`'), &name.name)))
        .collect();
    scope.insert("dt".into(), forbidden("time step", "dt"));
    // A unit is meant where a parameter's value is written: `param m = 1 * m`.
    scope.retain(|name, _| units::lookup(name).is_none());
    scope
}

fn bare(p: &Param, quantity: model::Quantity) -> model::Parameter {
    let (trainable, per_neuron) = (p.trainable.is_some(), p.per_neuron.is_some());
    model::Parameter { quantity, value: Value::Constant(0.0), low: None, high: None, trainable, per_neuron }
}

fn parameter<'a>(typing: &mut Typing<'a>, p: &'a Param) -> Option<(model::Parameter, Dimension)> {
    let name = &p.name.name;
    let found = values::value(typing, &p.default, None, &format!("parameter `{name}`"));
    let dimension = found.map(|f| f.1);
    let mut end = |expr: &'a Option<Expr>, what: &str| {
        let expr = expr.as_ref()?;
        let what = format!("the {what} end of the range of `{name}`");
        match dimension {
            Some(dimension) => typing.constant_of(expr, dimension, &what),
            None => typing.constant(expr, &what).map(|c| c.0),
        }
    };
    let (low, high) = match &p.range {
        Some(range) => (end(&range.low, "lower"), end(&range.high, "upper")),
        None => (None, None),
    };
    let (value, dimension) = found?;
    let quantity = model::Quantity { name: name.clone(), docs: p.docs.clone(), dimension, span: p.name.span };
    let parameter = model::Parameter { value, low, high, ..bare(p, quantity) };
    if let (Some(l), Some(h), Some(range)) = (low, high, &p.range)
        && l >= h
    {
        let unit = dimension.base_unit();
        let message = format!("expected a range whose lower end is below the upper, found {l} .. {h} {unit}");
        let hint = match (&range.low, &range.high) {
            (Some(low), Some(high)) if l > h => {
                format!("exchange the ends: `in {} .. {}`", typing.text(high.span), typing.text(low.span))
            }
            _ => "a parameter that keeps its value needs no range".into(),
        };
        typing.diagnostics.push(Diagnostic::error("E0406", range.span, message.trim_end()).hint(hint));
        return Some((model::Parameter { low: None, high: None, ..parameter }, dimension));
    }
    values::in_range(typing, &parameter, value, p.default.span);
    if !matches!(value, Value::Constant(_)) && p.per_neuron.is_none() {
        typing.diagnostics.push(
            Diagnostic::error("E0405", p.default.span, "expected a constant, found a distribution")
                .label("one value is drawn for every neuron")
                .hint(format!("add `per neuron` at the end of the line of `{name}`")),
        );
    }
    Some((parameter, dimension))
}

/// The dimension that a unit expression names; `state` is that of a state without starting value.
fn unit<'a>(typing: &mut Typing<'a>, expr: Option<&'a Expr>, state: Option<&Ident>) -> Option<Dimension> {
    let Some(expr) = expr else { return Some(Dimension::NONE) };
    if let Some(wrong) = super::functions::parts(expr).into_iter().find(|e| !is_unit_part(e)) {
        let text = typing.text(wrong.span);
        return typing.fail(
            Diagnostic::error("E0309", wrong.span, format!("expected a unit, found `{text}`"))
                .hint("write a unit such as `mV`, `nA`, `1/ms`, or `1`"),
        );
    }
    if let Some(wrong) = factor(expr) {
        let text = typing.text(wrong.span);
        let value = match &wrong.kind {
            ExprKind::Unary(UnaryOp::Negate, inner) => inner,
            _ => wrong,
        };
        let hint = match (&value.kind, state) {
            (ExprKind::Number { unit: Some((unit, 1)), .. }, Some(state)) if wrong.span == expr.span => {
                format!("a starting value stands behind `=`: `state {} : {} = {text}`", state.name, unit.name)
            }
            _ => String::new(),
        };
        let hint = match &value.kind {
            _ if !hint.is_empty() => hint,
            ExprKind::Number { unit: Some((unit, 1)), .. } => format!("write the unit alone: `{}`", unit.name),
            ExprKind::Number { unit: Some((unit, power)), .. } => {
                format!("write the unit alone: `{}^{power}`", unit.name)
            }
            _ => "write the unit alone, such as `mV`, `nA`, `1/ms`, or `1`".into(),
        };
        let message = format!("expected a unit, found the number `{text}`");
        return typing.fail(Diagnostic::error("E0309", wrong.span, message).hint(hint));
    }
    let mut sound = true;
    for part in super::functions::parts(expr) {
        if let ExprKind::Name(name) = &part.kind
            && units::lookup(name).is_none()
        {
            sound = false;
            let _: Option<()> = typing.unknown_unit(&Ident { name: name.clone(), span: part.span });
        }
    }
    if !sound {
        return None;
    }
    // Declared names do not count here: `state V : V` is a voltage.
    typing.within(Scope::new(), |t| t.number(expr, None)).map(|q| q.dimension)
}

/// A number other than 1 that scales a unit; exponents do not.
fn factor(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Number { value, .. } => (*value != 1.0).then_some(expr),
        ExprKind::Unary(..) => Some(expr),
        ExprKind::Binary(BinaryOp::Power, base, _) => factor(base),
        ExprKind::Binary(_, left, right) => factor(left).or_else(|| factor(right)),
        _ => None,
    }
}

fn is_unit_part(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) | ExprKind::Unary(UnaryOp::Negate, _) => true,
        ExprKind::Number { .. } => true,
        ExprKind::Binary(op, ..) => matches!(op, BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Power),
        _ => false,
    }
}

/// Checks the initial values of the states, which may read parameters only.
pub(super) fn initial_values<'a>(checker: &mut Checker<'a>) {
    let mut scope = checker.typing.scope.clone();
    for (name, what) in names_of(checker.tree) {
        let reads_states = match scope.get(&name.name) {
            Some(Entry::Value(typed)) => !checker.typing.arena.reads_parameters_only(typed.id),
            _ => false,
        };
        if reads_states {
            let message = format!("expected a parameter, found the {} `{}`", what.trim_matches('`'), name.name);
            let hint = "an initial value reads constants and parameters only".to_string();
            scope.insert(name.name.clone(), Entry::Forbidden(message, Some(hint)));
        }
    }
    let message = "expected a parameter, found the time step `dt`".to_string();
    let hint = "an initial value reads constants and parameters only".to_string();
    scope.insert("dt".into(), Entry::Forbidden(message, Some(hint)));
    let outer = std::mem::replace(&mut checker.typing.scope, scope);
    let places: BTreeMap<u32, usize> =
        checker.neuron.states.iter().enumerate().map(|(i, s)| (s.quantity.span.start, i)).collect();
    for statement in &checker.tree.statements {
        let NeuronStatement::State(tree) = statement else { continue };
        let Some(initial) = &tree.initial else { continue };
        if let ExprKind::Call(call) = &initial.kind
            && matches!(call.name.name.as_str(), "uniform" | "normal" | "loguniform")
            && !checker.typing.definitions.functions.contains_key(call.name.name.as_str())
        {
            let (name, drawn) = (&tree.name.name, checker.typing.text(initial.span));
            let message = format!("expected one initial value for `{name}`, found a distribution");
            let hint = format!(
                "draw a parameter and begin there: `param {name}_0 = {drawn} per neuron`, and `= {name}_0` here"
            );
            checker.typing.diagnostics.push(Diagnostic::error("E0206", call.name.span, message).hint(hint));
            continue;
        }
        let index = places.get(&tree.name.span.start).copied();
        let state = index.and_then(|i| checker.neuron.states.get(i));
        let dimension = state.and_then(|s| checker.dimension(&s.quantity));
        let name = &tree.name.name;
        let value = (|t: &mut Typing<'a>| {
            let Some(dimension) = dimension else { return t.number(initial, None) };
            let found = t.number(initial, Some(dimension))?;
            if found.dimension == dimension {
                return Some(found);
            }
            let message = format!("expected {dimension} for the initial value of `{name}`, found {}", found.dimension);
            let diagnostic = Diagnostic::error("E0305", initial.span, message);
            if tree.unit.is_none() {
                let unit = found.dimension.base_unit();
                let text = t.text(initial.span);
                return t.fail(diagnostic.hint(format!("give the state its unit: `state {name} : {unit} = {text}`")));
            }
            let diagnostic = t.remedy(diagnostic, initial, found.dimension, dimension);
            t.fail(diagnostic)
        })(&mut checker.typing);
        if let (Some(value), Some(state)) = (value, index.and_then(|i| checker.neuron.states.get_mut(i))) {
            state.initial = checker.typing.finished(value.id);
        }
    }
    checker.typing.scope = outer;
}
