//! The values of parameters: constants or distributions, inside their ranges.

use super::dimension::Dimension;
use super::typing::Typing;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest::closest;
use crate::expr::number as number_text;
use crate::model::{Parameter, Value};
use crate::source::Span;
use crate::syntax::tree::{Call, Expr, ExprKind};

const DISTRIBUTIONS: [(&str, [&str; 2]); 3] =
    [("uniform", ["low", "high"]), ("normal", ["mean", "sd"]), ("loguniform", ["low", "high"])];

/// The value of a parameter with its dimension; `expected` is required if it is known.
pub(super) fn value<'a>(
    typing: &mut Typing<'a>,
    expr: &'a Expr,
    expected: Option<Dimension>,
    what: &str,
) -> Option<(Value, Dimension)> {
    if let ExprKind::Call(call) = &expr.kind
        && DISTRIBUTIONS.iter().any(|d| d.0 == call.name.name)
        && !typing.definitions.functions.contains_key(call.name.name.as_str())
    {
        return distribution(typing, call, expected);
    }
    match expected {
        Some(dimension) => Some((Value::Constant(typing.constant_of(expr, dimension, what)?), dimension)),
        None => typing.constant(expr, what).map(|(value, dimension)| (Value::Constant(value), dimension)),
    }
}

/// `uniform(low, high)`, `normal(mean, sd)`, `loguniform(low, high)`
pub(super) fn distribution<'a>(
    typing: &mut Typing<'a>,
    call: &'a Call,
    expected: Option<Dimension>,
) -> Option<(Value, Dimension)> {
    let name = call.name.name.as_str();
    let (_, names) = DISTRIBUTIONS.iter().find(|d| d.0 == name)?;
    let [first, second] = two(typing, call, names)?;
    let what = |i: usize| format!("`{}` of `{name}`", names.get(i).copied().unwrap_or_default());
    let a = match expected {
        Some(dimension) => typing.constant_of(first, dimension, &what(0)).map(|v| (v, dimension)),
        None => typing.constant(first, &what(0)),
    };
    let b = match a.map(|a| a.1).or(expected) {
        Some(dimension) => typing.constant_of(second, dimension, &what(1)),
        None => typing.constant(second, &what(1)).map(|b| b.0),
    };
    let ((a, dimension), b) = (a?, b?);
    let value = match name {
        "uniform" => Value::Uniform { low: a, high: b },
        "normal" => Value::Normal { mean: a, sd: b },
        _ => Value::LogUniform { low: a, high: b },
    };
    let wrong = match value {
        Value::Normal { sd, .. } if sd < 0.0 => Some("expected a standard deviation of at least 0"),
        Value::LogUniform { low, .. } if low <= 0.0 => Some("expected a positive lower end of `loguniform`"),
        Value::Uniform { low, high } | Value::LogUniform { low, high } if low >= high => {
            Some("expected the lower end before the upper end")
        }
        _ => None,
    };
    if let Some(message) = wrong {
        let found = format!("{message}, found `{}`", typing.text(call.span));
        let hint = match value {
            Value::LogUniform { low, .. } if low <= 0.0 => {
                "0 has no logarithm: begin with a small positive number".into()
            }
            Value::Uniform { low, high } | Value::LogUniform { low, high } if low > high => {
                format!("exchange them: `{name}({}, {})`", typing.text(second.span), typing.text(first.span))
            }
            Value::Normal { .. } => "it is the distance from the mean within which two thirds of the values lie".into(),
            _ => "one value for all needs no distribution".to_string(),
        };
        return typing.fail(Diagnostic::error("E0418", call.span, found).hint(hint));
    }
    Some((value, dimension))
}

/// The two arguments of a distribution, by position or name.
fn two<'a>(typing: &mut Typing<'a>, call: &'a Call, names: &[&str; 2]) -> Option<[&'a Expr; 2]> {
    let mut found: [Option<&'a Expr>; 2] = [None, None];
    let usage = format!("write `{}({}, {})`", call.name.name, names[0], names[1]);
    for (i, argument) in call.arguments.iter().enumerate() {
        let place = match &argument.name {
            None => i,
            Some(name) => match names.iter().position(|n| *n == name.name) {
                Some(place) => place,
                None => {
                    let message = format!("expected an argument of `{}`, found `{}`", call.name.name, name.name);
                    let near = closest(&name.name, names.iter().copied()).map(|n| format!("did you mean `{n}`?"));
                    return typing.fail(Diagnostic::error("E0211", name.span, message).hint(near.unwrap_or(usage)));
                }
            },
        };
        match found.get_mut(place) {
            Some(slot) if slot.is_none() => *slot = Some(&argument.value),
            _ => break,
        }
    }
    match found {
        [Some(a), Some(b)] if call.arguments.len() == 2 => Some([a, b]),
        _ => {
            let message = format!("expected 2 arguments of `{}`, found {}", call.name.name, call.arguments.len());
            typing.fail(Diagnostic::error("E0208", call.span, message).hint(usage))
        }
    }
}

/// Checks a value against the range of its parameter.
pub(super) fn in_range(typing: &mut Typing, parameter: &Parameter, value: Value, span: Span) {
    if let Some(message) = outside_range(parameter, value) {
        typing.diagnostics.push(Diagnostic::error("E0407", span, message).hint("change the value or widen the range"));
    }
}

/// What is wrong with a value that is outside the range of its parameter. Trainable values must not lie on an end, where
/// they could not be trained.
pub(crate) fn outside_range(parameter: &Parameter, value: Value) -> Option<String> {
    let (low, high) = (parameter.low.unwrap_or(f64::NEG_INFINITY), parameter.high.unwrap_or(f64::INFINITY));
    let inside = |x: f64| if parameter.trainable { low < x && x < high } else { low <= x && x <= high };
    let (fits, found) = match value {
        Value::Constant(v) => (inside(v), number_text(v)),
        Value::Normal { mean, .. } => (inside(mean), format!("a mean of {}", number_text(mean))),
        Value::Uniform { low: l, high: h } | Value::LogUniform { low: l, high: h } => {
            (low <= l && h <= high, format!("{} .. {}", number_text(l), number_text(h)))
        }
    };
    if fits {
        return None;
    }
    let end = |e: Option<f64>| e.map(number_text).unwrap_or_default();
    let range = format!("{} .. {}", end(parameter.low), end(parameter.high));
    let between = if parameter.trainable { "strictly inside" } else { "inside" };
    let unit = parameter.quantity.dimension.base_unit();
    // A number without unit has none to print.
    let with = |text: &str| format!("{} {unit}", text.trim()).trim_end().to_string();
    let (name, range, found) = (&parameter.quantity.name, with(&range), with(&found));
    Some(format!("expected a value of `{name}` {between} {range}, found {found}"))
}
