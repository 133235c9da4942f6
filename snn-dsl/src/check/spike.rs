//! The threshold of a neuron and its refractory period.

use super::dimension::Dimension;
use super::neuron::{Checker, interval};
use super::remedy::with_unit;
use super::scope::{Axes, Quantity};
use super::{events, surrogate};
use crate::diagnostic::Diagnostic;
use crate::expr::{Arena, ExprId, Interval, Leaf, bounds, number as number_text};
use crate::model;
use crate::source::Span;
use crate::syntax::tree::{BinaryOp, Expr, ExprKind, NeuronStatement, Refractory, Spike};

/// Checks the `spike` and `refractory` statements.
pub(super) fn check(checker: &mut Checker) {
    let (mut spike, mut refractory): (Option<&Spike>, Option<&Refractory>) = (None, None);
    for statement in &checker.tree.statements {
        match statement {
            NeuronStatement::Spike(tree) if spike.is_some() => {
                checker.typing.diagnostics.push(Diagnostic::not_supported(tree.keyword, "a second threshold"));
            }
            NeuronStatement::Spike(tree) => {
                spike = Some(tree);
                checker.neuron.spike = threshold(checker, tree);
            }
            NeuronStatement::Refractory(tree) => {
                if let Some(first) = refractory {
                    let message = "expected one `refractory` line, found a second one";
                    checker.typing.diagnostics.push(
                        Diagnostic::error("E0417", tree.keyword, message)
                            .also(first.keyword, "the first one")
                            .hint("one line holds several states: `refractory 2 ms holding V, I`"),
                    );
                    continue;
                }
                refractory = Some(tree);
            }
            _ => {}
        }
    }
    if let Some(tree) = refractory {
        checker.neuron.refractory = period(checker, tree, spike.is_some());
    }
}

fn threshold<'a>(checker: &mut Checker<'a>, tree: &'a Spike) -> Option<model::Spike> {
    if let Some(name) = &tree.name {
        checker.typing.diagnostics.push(Diagnostic::not_supported(name.span, "a threshold with a name"));
    }
    if let Some(span) = tree.reset_next_step {
        checker.typing.diagnostics.push(Diagnostic::not_supported(span, "`reset next_step`"));
    }
    let condition = condition(checker, &tree.condition);
    let dimension = condition.as_ref().map(|c| c.0.dimension);
    let level = condition.as_ref().map(|c| c.1.id);
    let scale = scale(checker, tree, dimension, level);
    let surrogate = match &tree.surrogate {
        Some(call) => surrogate::resolve(&checker.context, checker.text, call, &mut checker.typing),
        None => checker.typing.fail(
            Diagnostic::error("E0413", tree.keyword, "expected a surrogate for the threshold, found none")
                .hint("add one behind the condition: `surrogate sigmoid(alpha = 4)`"),
        ),
    };
    let reset = events::assignments(checker, &tree.reset);
    let (lhs, rhs, strict) = condition?;
    let (scale, reset) = (scale?, reset?);
    let roots = [lhs.id, rhs.id, scale.id].into_iter().chain(reset.iter().map(|a| a.value));
    let parts = roots.map(|id| checker.typing.arena.bound(id)).sum();
    checker.typing.spend(parts, tree.condition.span)?;
    let text = checker.typing.text(tree.condition.span);
    Some(model::Spike {
        span: tree.condition.span,
        lhs: lhs.id,
        rhs: rhs.id,
        strict,
        scale: scale.id,
        scale_dimension: scale.dimension,
        scale_detached: tree.scale_detached.is_some(),
        reset_detached: tree.reset_detached.is_some(),
        reset,
        surrogate: surrogate?,
        text,
    })
}

/// The sides of the condition, and whether it is strict.
fn condition<'a>(checker: &mut Checker<'a>, expr: &'a Expr) -> Option<(Quantity, Quantity, bool)> {
    let typing = &mut checker.typing;
    let (op, left, right) = match &expr.kind {
        ExprKind::Binary(op @ (BinaryOp::GreaterEqual | BinaryOp::Greater), left, right) => (*op, left, right),
        ExprKind::Binary(op @ (BinaryOp::LessEqual | BinaryOp::Less), left, right) => {
            let (found, swapped) = if *op == BinaryOp::Less { ("<", ">") } else { ("<=", ">=") };
            let (left, right) = (typing.text(left.span), typing.text(right.span));
            return typing.fail(
                Diagnostic::error(
                    "E0412",
                    expr.span,
                    format!("expected a threshold with `>=` or `>`, found `{found}`"),
                )
                .hint(format!("swap the sides: `spike when {right} {swapped} {left}`")),
            );
        }
        _ => {
            typing.expression(expr, None)?;
            return typing.fail(
                Diagnostic::error("E0412", expr.span, "expected one comparison with `>=` or `>` as threshold")
                    .hint("write e.g. `spike when V >= V_th`"),
            );
        }
    };
    let (lhs, rhs) = typing.pair(left, right, "the sides of a threshold")?;
    let [lhs, rhs] = [lhs, rhs].map(|side| Quantity { id: typing.finished(side.id), ..side });
    let reads_state = |id| typing.arena.leaves(id).iter().any(|l| matches!(l, Leaf::State(_)));
    if !reads_state(lhs.id) && !reads_state(rhs.id) {
        return typing.fail(
            Diagnostic::error("E0412", expr.span, "expected a threshold on a state, found a condition that reads none")
                .hint("write e.g. `spike when V >= V_th` where `V` is a state"),
        );
    }
    Some((lhs, rhs, op == BinaryOp::Greater))
}

/// The scale; `level` is the right side of the condition.
fn scale<'a>(
    checker: &mut Checker<'a>,
    tree: &'a Spike,
    dimension: Option<Dimension>,
    level: Option<ExprId>,
) -> Option<Quantity> {
    let Some(expr) = &tree.scale else {
        let dimension = dimension?;
        if dimension.is_none() {
            let id = checker.typing.arena.constant(1.0);
            return Some(Quantity { id, dimension, axes: Axes::default() });
        }
        let message = format!("expected a scale in {dimension} for the threshold, found none");
        // The height of the threshold is a good scale if it is a positive parameter.
        let height = match (&tree.condition.kind, level) {
            (ExprKind::Binary(_, _, right), Some(level)) if matches!(right.kind, ExprKind::Name(_)) => {
                let bounds = scale_bounds(&checker.typing.arena, level, &checker.neuron, &[]);
                (bounds.low > 0.0).then(|| checker.typing.text(right.span))
            }
            _ => None,
        };
        let example = height.unwrap_or_else(|| with_unit("1", dimension));
        return checker.typing.fail(
            Diagnostic::error("E0414", tree.keyword, message)
                .hint(format!("the surrogate takes a number: add the unit of the distance, e.g. `scale {example}`")),
        );
    };
    let found = match dimension {
        Some(dimension) => checker.typing.quantity(expr, dimension, "the scale of the threshold")?,
        None => checker.typing.number(expr, None)?,
    };
    let found = Quantity { id: checker.typing.finished(found.id), ..found };
    if tree.scale_detached.is_some() || tree.scale.is_some() {
        let neuron = &checker.neuron;
        // A value that is not known because of a mistake proves nothing.
        let unknown = neuron.parameters.iter().any(|p| checker.poisoned.contains(&p.quantity.name));
        let range = scale_bounds(&checker.typing.arena, found.id, neuron, &[]);
        if range.low <= 0.0 && !unknown {
            let diagnostic = not_positive(expr.span, range, found.dimension);
            return checker.typing.fail(diagnostic);
        }
    }
    Some(found)
}

/// The values that the scale of a threshold can take, given the values that a layer puts in place of the model's.
pub(crate) fn scale_bounds(
    arena: &Arena,
    scale: ExprId,
    neuron: &model::Neuron,
    values: &[(usize, model::Value)],
) -> Interval {
    bounds(arena, scale, |leaf| match leaf {
        Leaf::Parameter(i) => {
            let i = usize::from(i);
            neuron.parameters.get(i).zip(neuron.value(i, values)).map_or(Interval::ALL, |(p, value)| interval(p, value))
        }
        Leaf::Dt => Interval::new(f64::MIN_POSITIVE, f64::INFINITY),
        _ => Interval::ALL,
    })
}

/// The scale may be 0 or negative.
pub(super) fn not_positive(span: Span, range: Interval, dimension: Dimension) -> Diagnostic {
    let unit = dimension.base_unit();
    let end = |x: f64| match x {
        f64::INFINITY => "infinity".into(),
        f64::NEG_INFINITY => "-infinity".into(),
        x => number_text(x),
    };
    let found = if range.low == range.high {
        end(range.low)
    } else {
        format!("a value from {} to {}", end(range.low), end(range.high))
    };
    let message = format!("expected a scale that is positive for all values of its parameters, found {found} {unit}");
    Diagnostic::error("E0415", span, message.trim_end())
        .hint("give the parameters in it ranges that keep it above 0, e.g. `param V_th = 20 mV in 1 mV .. 100 mV`")
}

fn period<'a>(checker: &mut Checker<'a>, tree: &'a Refractory, spikes: bool) -> Option<model::Refractory> {
    if !spikes {
        checker.typing.diagnostics.push(
            Diagnostic::error("E0416", tree.keyword, "expected a neuron that spikes, found no `spike when` statement")
                .hint("a refractory period begins with a spike"),
        );
    }
    let mut holding = Vec::new();
    for name in &tree.holding {
        let Some(state) = checker.state(name, "E0416") else { continue };
        if holding.contains(&state) {
            let message = format!("state `{}` is held twice", name.name);
            checker.typing.diagnostics.push(Diagnostic::error("E0416", name.span, message).hint("remove it here"));
            continue;
        }
        holding.push(state);
    }
    let duration = checker.typing.quantity(&tree.duration, Dimension::TIME, "the refractory period")?;
    let duration = Quantity { id: checker.typing.finished(duration.id), ..duration };
    let span = tree.duration.span;
    for leaf in checker.typing.arena.leaves(duration.id) {
        let Leaf::Parameter(i) = leaf else {
            if leaf == Leaf::Dt {
                continue;
            }
            let message = "expected a refractory period of parameters, found one that reads a state or a drive";
            let hint = "write a time such as `2 ms`, or a parameter: it is the same for every spike";
            return checker.typing.fail(Diagnostic::error("E0416", span, message).hint(hint));
        };
        let parameter = checker.neuron.parameters.get(usize::from(i))?;
        if parameter.trainable {
            let name = &parameter.quantity.name;
            let diagnostic = Diagnostic::error(
                "E0416",
                span,
                format!("expected a fixed refractory period, found the trainable `{name}`"),
            )
            .also(parameter.quantity.span, "declared `trainable` here")
            .hint("a number of steps has no gradient: remove `trainable`");
            return checker.typing.fail(diagnostic);
        }
        if parameter.per_neuron {
            return checker
                .typing
                .fail(Diagnostic::not_supported(span, "a refractory period that differs between neurons"));
        }
    }
    let range = scale_bounds(&checker.typing.arena, duration.id, &checker.neuron, &[]);
    if range.high <= 0.0 {
        let message = format!("expected a positive refractory period, found {} ms", number_text(range.high));
        let hint = "write a time such as `2 ms`";
        return checker.typing.fail(Diagnostic::error("E0416", span, message).hint(hint));
    }
    Some(model::Refractory { duration: duration.id, holding, events_kept: tree.events_kept.is_some() })
}
