//! The equations of a neuron: one for every state, both sides of one dimension, affine in white noise.

use super::dimension::{Dimension, Exponent};
use super::neuron::Checker;
use super::remedy::bracketed;
use super::scope::{Axes, Entry};
use super::typing::number;
use super::units;
use crate::diagnostic::Diagnostic;
use crate::expr::{Affine, ExprId, Leaf, evaluate};
use crate::source::Span;
use crate::syntax::tree::{Equation, ExprKind, NeuronStatement};
use std::collections::BTreeMap;

/// Checks all equations and that every state has one.
pub(super) fn check(checker: &mut Checker) {
    let mut places: BTreeMap<usize, Span> = BTreeMap::new();
    for statement in &checker.tree.statements {
        let NeuronStatement::Equation(equation) = statement else { continue };
        let state = checker.state(&equation.state, "E0403");
        if let Some(state) = state {
            if let Some(first) = places.get(&state) {
                let message = format!("`{}` has two equations", equation.state.name);
                checker.typing.diagnostics.push(
                    Diagnostic::error("E0402", equation.span, message)
                        .label("the second one")
                        .also(*first, "the first one")
                        .hint("add the right-hand sides up, or remove one of them"),
                );
                continue;
            }
            places.insert(state, equation.span);
        }
        check_equation(checker, equation, state);
    }
    for (index, state) in checker.neuron.states.iter().enumerate() {
        if !places.contains_key(&index) {
            let name = &state.quantity.name;
            let message = format!("state `{name}` has no equation");
            let hint = format!("write `d{name}/dt = 0` if only events change it");
            checker.typing.diagnostics.push(Diagnostic::error("E0401", state.quantity.span, message).hint(hint));
        }
    }
}

fn check_equation<'a>(checker: &mut Checker<'a>, equation: &'a Equation, state: Option<usize>) -> Option<()> {
    let text = checker.typing.text(equation.span);
    let own = state.and_then(|i| checker.neuron.states.get(i)).map(|s| s.quantity.clone());
    let dimension = own.as_ref().and_then(|q| checker.dimension(q));
    let typing = &mut checker.typing;
    let coefficient = match &equation.coefficient {
        Some(expr) => typing.number(expr, None).map(|c| (c.id, c.dimension)),
        None => Some((typing.arena.constant(1.0), Dimension::NONE)),
    };
    let left = coefficient.zip(dimension).map(|(c, d)| c.1.times(d).over(Dimension::TIME));
    let zero_rhs = matches!(equation.rhs.kind, ExprKind::Number { value: 0.0, unit: None });
    // White noise is read in equations alone, in each the noise of its own state.
    let normal = Leaf::Noise(state.unwrap_or_default() as u16);
    let unit = Dimension::TIME.power(Exponent::new(-1, 2));
    let xi = Entry::Value(number(typing.arena.leaf(normal), unit, Axes::default()));
    let outside = typing.scope.insert("xi".into(), xi);
    let rhs = typing.number(&equation.rhs, left);
    if let Some(outside) = outside {
        typing.scope.insert("xi".into(), outside);
    }
    let (state, (coefficient, unit), left, rhs) = (state?, coefficient?, left?, rhs?);
    // `dX/dt = 0` needs no unit: 0 in every unit is the same statement that X does not change.
    if rhs.dimension != left && !zero_rhs {
        let diagnostic = sides_differ(checker, equation, unit, left, rhs.dimension);
        return checker.typing.fail(diagnostic);
    }
    let parts = checker.typing.arena.bound(rhs.id) + checker.typing.arena.bound(coefficient);
    checker.typing.spend(parts, equation.span)?;
    sound_coefficient(checker, equation, coefficient)?;
    let (drift, noise) = noise(checker, equation, rhs.id, normal)?;
    let [drift, coefficient] = [drift, coefficient].map(|e| checker.typing.finished(e));
    let noise = noise.map(|e| checker.typing.finished(e));
    let place = checker.neuron.states.get_mut(state)?;
    (place.coefficient, place.rhs, place.noise) = (coefficient, drift, noise);
    (place.text, place.equation_span) = (text, equation.span);
    Some(())
}

/// A right-hand side as drift and the factor of its noise.
fn noise(checker: &mut Checker, equation: &Equation, rhs: ExprId, normal: Leaf) -> Option<(ExprId, Option<ExprId>)> {
    let arena = &mut checker.typing.arena;
    if !arena.depends_on(rhs, normal) {
        return Some((rhs, None));
    }
    let Some(Affine { slope, offset }) = arena.affine_in(rhs, normal) else {
        let message = "expected white noise times a factor, plus what is free of it";
        let diagnostic = Diagnostic::error("E0422", equation.rhs.span, message);
        return checker.typing.fail(diagnostic.hint("write `... + sigma*xi`; the factor may read states"));
    };
    let is_zero = arena.constant_value(slope) == Some(0.0);
    Some((offset, (!is_zero).then_some(slope)))
}

fn sound_coefficient(checker: &mut Checker, equation: &Equation, coefficient: ExprId) -> Option<()> {
    let parameters = &checker.neuron.parameters;
    let value = evaluate(&checker.typing.arena, coefficient, |leaf| match leaf {
        Leaf::Parameter(i) => match parameters.get(usize::from(i))?.value {
            crate::model::Value::Constant(value) => Some(value),
            _ => None,
        },
        _ => None,
    });
    if value != Some(0.0) {
        return Some(());
    }
    let span = equation.coefficient.as_ref().map_or(equation.span, |c| c.span);
    let message = format!("expected a factor of `d{}/dt` that is not 0", equation.state.name);
    let hint = format!("what follows at once is no state: name it by `let {} = ...`", equation.state.name);
    checker.typing.fail(Diagnostic::error("E0404", span, message).label("this is 0").hint(hint))
}

/// Both sides are sound but measure different things.
fn sides_differ(
    checker: &Checker,
    equation: &Equation,
    coefficient: Dimension,
    left: Dimension,
    right: Dimension,
) -> Diagnostic {
    let name = &equation.state.name;
    let typing = &checker.typing;
    let rhs = typing.text(equation.rhs.span);
    let factor = equation.coefficient.as_ref().map(|c| typing.text(c.span));
    let before = factor.as_ref().map_or(String::new(), |f| format!("{f} "));
    let message = format!("expected {left} on the right side of `{before}d{name}/dt`, found {right}");
    let diagnostic = Diagnostic::error("E0304", equation.rhs.span, message)
        .label(format!("this is {right}"))
        .also(equation.state.span, format!("this side is {left}"));
    if let Some(hint) = other_unit(checker, equation, left.over(coefficient), right) {
        return diagnostic.hint(hint);
    }
    let ratio = right.over(left);
    let known = typing.measuring(ratio);
    if let (Some(known), None) = (known, &factor) {
        return diagnostic.hint(format!("write `{known} d{name}/dt = {rhs}`"));
    }
    if factor.is_some() && ratio.times(coefficient).is_none() {
        return diagnostic.hint(format!("write `d{name}/dt = {rhs}`"));
    }
    if ratio == Dimension::TIME && factor.is_none() {
        return diagnostic.hint(format!("write `tau d{name}/dt = {rhs}` with a time constant `param tau = 10 ms`"));
    }
    if let ExprKind::Number { unit: None, .. } = equation.rhs.kind {
        return diagnostic.hint(format!("write the unit: `{}`", super::remedy::with_unit(&rhs, left)));
    }
    let rhs = bracketed(&equation.rhs, rhs);
    if let Some(known) = typing.measuring(ratio.inverse()) {
        return diagnostic.hint(format!("multiply the right side by `{known}`: `{known}*{rhs}`"));
    }
    if let Some(known) = known {
        return diagnostic.hint(format!("divide the right side by `{known}`: `{rhs}/{known}`"));
    }
    diagnostic.hint(format!("the right side lacks a factor in {}", ratio.inverse()))
}

/// `param tau = 20 mS` where `ms` was meant, or `param tau = 20`.
fn other_unit(checker: &Checker, equation: &Equation, derivative: Dimension, right: Dimension) -> Option<String> {
    let ExprKind::Name(name) = &equation.coefficient.as_ref()?.kind else { return None };
    let param = checker.tree.statements.iter().find_map(|s| match s {
        NeuronStatement::Param(p) if p.name.name == *name => Some(p),
        _ => None,
    })?;
    if let ExprKind::Number { unit: None, .. } = &param.default.kind {
        let value = checker.typing.text(param.default.span);
        let needed = right.over(derivative);
        return (!needed.is_none()).then(|| {
            format!("`{name}` has no unit: write `param {name} = {}`", super::remedy::with_unit(&value, needed))
        });
    }
    let ExprKind::Number { unit: Some((unit, 1)), .. } = &param.default.kind else { return None };
    let other = units::other_case(&unit.name, right.over(derivative))?;
    Some(format!("`{name}` is given in `{}`; did you mean `{other}`?", unit.name))
}
