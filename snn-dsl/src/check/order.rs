//! The order of the layers: projections of delay 0 point forwards.

use super::network::Checker;
use super::projection::CheckedProjection;
use crate::diagnostic::Diagnostic;
use crate::model::{Delay, Source};
use std::collections::BTreeSet;

/// Sorts the layers, the first of the text first where there is a choice, and reports cycles without delay.
pub(super) fn check(checker: &mut Checker, projections: &mut [CheckedProjection]) {
    let count = checker.layers.len();
    let mut edges: Vec<(usize, usize, usize)> = Vec::new();
    for (k, checked) in projections.iter().enumerate() {
        let Source::Layer(source) = checked.projection.source else { continue };
        if !at_once(checked.projection.delay) {
            continue;
        }
        if source == checked.projection.target {
            let name = checker.layers.get(source).map(|l| l.layer.name.clone()).unwrap_or_default();
            let message =
                format!("expected a delay of at least 1 step, found a recurrent projection of `{name}` without");
            checker
                .typing
                .diagnostics
                .push(Diagnostic::error("E0509", checked.span, message).hint("add the option `delay 1 step`"));
            continue;
        }
        edges.push((source, checked.projection.target, k));
    }
    let mut order = Vec::new();
    let mut left: BTreeSet<usize> = (0..count).collect();
    while !left.is_empty() {
        let ready = |i: &usize| !edges.iter().any(|(s, t, _)| t == i && left.contains(s));
        match left.iter().copied().find(ready) {
            Some(next) => {
                left.remove(&next);
                order.push(next);
            }
            None => match cycle(&left, &edges) {
                Some(path) => report(checker, projections, &mut edges, &path),
                None => break,
            },
        }
    }
    let mut places = vec![0; count];
    for (new, &old) in order.iter().enumerate() {
        if let Some(place) = places.get_mut(old) {
            *place = new;
        }
    }
    let at = |k: usize| places.get(k).copied().unwrap_or(k);
    for checked in projections.iter_mut() {
        let projection = &mut checked.projection;
        projection.target = at(projection.target);
        if let Source::Layer(source) = &mut projection.source {
            *source = at(*source);
        }
    }
    let mut layers: Vec<_> = std::mem::take(&mut checker.layers).into_iter().enumerate().collect();
    layers.sort_by_key(|(old, _)| at(*old));
    checker.layers = layers.into_iter().map(|(_, layer)| layer).collect();
}

/// A delay that ends in the same step: a time, however short, is at least one step.
fn at_once(delay: Delay) -> bool {
    delay == Delay::Steps(0)
}

/// A cycle among the layers that are left, as indices of edges: each of them has a predecessor among them.
fn cycle(left: &BTreeSet<usize>, edges: &[(usize, usize, usize)]) -> Option<Vec<(usize, usize, usize)>> {
    let mut at = left.first().copied()?;
    let mut visited = vec![at];
    let mut path = Vec::new();
    loop {
        let edge = edges.iter().find(|(s, t, _)| *t == at && left.contains(s))?;
        path.push(*edge);
        at = edge.0;
        if let Some(first) = visited.iter().position(|v| *v == at) {
            let mut cycle = path.split_off(first);
            cycle.reverse();
            return Some(cycle);
        }
        visited.push(at);
    }
}

/// Reports a cycle and cuts it, so that others are found.
fn report(
    checker: &mut Checker,
    projections: &[CheckedProjection],
    edges: &mut Vec<(usize, usize, usize)>,
    path: &[(usize, usize, usize)],
) {
    let name = |i: usize| checker.layers.get(i).map_or(String::new(), |l| format!("`{}`", l.layer.name));
    let mut names: Vec<String> = path.iter().map(|e| name(e.0)).collect();
    names.extend(path.first().map(|e| name(e.0)));
    // The line that comes last in the text closes the cycle.
    let last = path.iter().max_by_key(|e| e.2).copied().unwrap_or((0, 0, 0));
    if let Some(closing) = projections.get(last.2) {
        let message = format!("expected a delay in the cycle {}, found none", names.join(" -> "));
        let mut diagnostic = Diagnostic::error("E0509", closing.span, message);
        for edge in path.iter().filter(|e| e.2 != last.2) {
            if let Some(other) = projections.get(edge.2) {
                diagnostic = diagnostic.also(other.span, "part of the cycle");
            }
        }
        let hint = "add the option `delay 1 step` to one of these projections";
        checker.typing.diagnostics.push(diagnostic.hint(hint));
    }
    edges.retain(|e| (e.0, e.1) != (last.0, last.1));
}
