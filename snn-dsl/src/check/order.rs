//! The order of the layers: projections of delay 0 point forwards.

use super::network::Checker;
use super::projection::CheckedProjection;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Delay, Source};
use std::collections::{BTreeMap, BTreeSet};

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
    let order = sorted(checker, projections, &edges);
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

/// Takes out layer after layer whose projections come from layers that are out (Kahn), the first of the text first.
fn sorted(checker: &mut Checker, projections: &[CheckedProjection], edges: &[(usize, usize, usize)]) -> Vec<usize> {
    let count = checker.layers.len();
    let mut graph =
        Graph { edges, cut: vec![false; edges.len()], from: vec![Vec::new(); count], left: BTreeSet::new() };
    let mut to = vec![Vec::new(); count];
    let mut open = vec![0; count];
    for (k, &(source, target, _)) in edges.iter().enumerate() {
        if let (Some(from), Some(to), Some(open)) =
            (graph.from.get_mut(target), to.get_mut(source), open.get_mut(target))
        {
            from.push(k);
            to.push(k);
            *open += 1;
        }
    }
    graph.left = (0..count).collect();
    let mut ready: BTreeSet<usize> = (0..count).filter(|&i| open.get(i) == Some(&0)).collect();
    let mut order = Vec::new();
    let mut reports = 0;
    while let Some(&first) = graph.left.first() {
        let done: Vec<usize> = match ready.pop_first() {
            Some(next) => {
                graph.left.remove(&next);
                order.push(next);
                to.get_mut(next).map(std::mem::take).unwrap_or_default()
            }
            // What remains has cycles: cut one after another. Of very many the first are enough.
            None if reports == Diagnostics::MANY => return order,
            None => {
                reports += 1;
                match graph.cycle(first) {
                    Some(path) => graph.parallel(report(checker, projections, edges, &path)),
                    None => return order,
                }
            }
        };
        for edge in done {
            let Some(&(_, target, _)) = edges.get(edge) else { continue };
            if graph.cut.get_mut(edge).is_some_and(|cut| !std::mem::replace(cut, true))
                && let Some(open) = open.get_mut(target)
            {
                *open -= 1;
                if *open == 0 {
                    ready.insert(target);
                }
            }
        }
    }
    order
}

/// The projections between layers that are not in order yet.
struct Graph<'e> {
    /// From, to, and the index of the projection.
    edges: &'e [(usize, usize, usize)],
    /// Those that count no more.
    cut: Vec<bool>,
    /// The edges to each layer.
    from: Vec<Vec<usize>>,
    left: BTreeSet<usize>,
}

impl Graph<'_> {
    /// The edges between the same two layers.
    fn parallel(&self, edge: usize) -> Vec<usize> {
        let Some(&(source, target, _)) = self.edges.get(edge) else { return Vec::new() };
        let same = |k: &usize| self.edges.get(*k).is_some_and(|e| e.0 == source);
        self.from.get(target).into_iter().flatten().copied().filter(same).collect()
    }

    /// A cycle as indices of edges: each layer that is left has a predecessor among them.
    fn cycle(&self, start: usize) -> Option<Vec<usize>> {
        let mut at = start;
        let mut visited = BTreeMap::from([(at, 0)]);
        let mut path = Vec::new();
        loop {
            let edge = self.from.get(at)?.iter().copied().find(|&k| self.cut.get(k) == Some(&false))?;
            path.push(edge);
            at = self.edges.get(edge)?.0;
            if let Some(&first) = visited.get(&at) {
                let mut cycle = path.split_off(first);
                cycle.reverse();
                return Some(cycle);
            }
            visited.insert(at, path.len());
        }
    }
}

/// Of longer cycles not every part is shown.
const LONG: usize = 12;

/// Reports a cycle; returns the edge that closes it.
fn report(
    checker: &mut Checker,
    projections: &[CheckedProjection],
    edges: &[(usize, usize, usize)],
    path: &[usize],
) -> usize {
    let edge = |k: usize| edges.get(k).copied().unwrap_or_default();
    let name = |i: usize| checker.layers.get(i).map_or(String::new(), |l| format!("`{}`", l.layer.name));
    let mut names: Vec<String> = path.iter().take(LONG).map(|&k| name(edge(k).0)).collect();
    if path.len() > LONG {
        names.push("...".into());
    }
    names.extend(path.first().map(|&k| name(edge(k).0)));
    // The line that comes last in the text closes the cycle.
    let last = path.iter().copied().max_by_key(|&k| edge(k).2).unwrap_or(0);
    if let Some(closing) = projections.get(edge(last).2) {
        let message = format!("expected a delay in the cycle {}, found none", names.join(" -> "));
        let mut diagnostic = Diagnostic::error("E0509", closing.span, message);
        for &k in path.iter().filter(|&&k| k != last).take(LONG) {
            if let Some(other) = projections.get(edge(k).2) {
                diagnostic = diagnostic.also(other.span, "part of the cycle");
            }
        }
        let hint = "add the option `delay 1 step` to one of these projections";
        checker.typing.diagnostics.push(diagnostic.hint(hint));
    }
    last
}
