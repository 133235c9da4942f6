//! The `simulate` line: the time step and the number of steps.

use super::dimension::Dimension;
use super::network::Checker;
use super::typing::Typing;
use crate::diagnostic::Diagnostic;
use crate::expr::number as number_text;
use crate::syntax::tree::{Expr, NetworkStatement, Simulate};

/// More steps are refused by the runtime: it counts them with 32 bits.
const MOST_STEPS: usize = 1 << 28;

/// The time step in ms and the number of steps.
pub(super) fn simulate(checker: &mut Checker) -> Option<(f64, usize)> {
    let tree = checker.tree;
    let mut lines = tree.statements.iter().filter_map(|s| match s {
        NetworkStatement::Simulate(line) => Some(line),
        _ => None,
    });
    let Some(first) = lines.next() else {
        let message = format!("network `{}` has no `simulate` line", tree.name.name);
        return checker
            .typing
            .fail(Diagnostic::error("E0501", tree.name.span, message).hint("write `simulate dt = 1 ms, for 100 ms`"));
    };
    for line in lines {
        checker.typing.diagnostics.push(
            Diagnostic::error("E0501", line.keyword, "expected one `simulate` line, found a second one")
                .also(first.keyword, "the first one")
                .hint("remove one of them"),
        );
    }
    times(&mut checker.typing, first)
}

fn times<'a>(typing: &mut Typing<'a>, line: &'a Simulate) -> Option<(f64, usize)> {
    let mut positive = |expr: &'a Expr, what: &str| {
        let value = typing.constant_of(expr, Dimension::TIME, what)?;
        if value > 0.0 {
            return Some(value);
        }
        let message = format!("expected {what} above 0, found {} ms", number_text(value));
        typing.fail(Diagnostic::error("E0502", expr.span, message).hint("write e.g. `simulate dt = 1 ms, for 100 ms`"))
    };
    let dt = positive(&line.dt, "the time step");
    let duration = positive(&line.duration, "the length of the simulation");
    let (dt, duration) = (dt?, duration?);
    let steps = (duration / dt).round();
    let whole = (duration / dt - steps).abs() <= 1e-6 * steps.max(1.0);
    if steps < 1.0 || !whole {
        let near = (steps.max(1.0)) * dt;
        let message = format!(
            "expected a whole number of steps, found {} ms / {} ms = {}",
            number_text(duration),
            number_text(dt),
            number_text((duration / dt * 1e3).round() / 1e3)
        );
        return typing.fail(
            Diagnostic::error("E0502", line.duration.span, message)
                .hint(format!("write `for {} ms`", number_text(near))),
        );
    }
    if steps > MOST_STEPS as f64 {
        let message = format!("expected at most {MOST_STEPS} steps, found {}", number_text(steps));
        let hint = "make `dt` larger, or the simulation shorter";
        return typing.fail(Diagnostic::error("E0502", line.duration.span, message).hint(hint));
    }
    Some((dt, steps as usize))
}
