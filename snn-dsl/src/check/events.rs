//! What events and resets do: assignments to states.

use super::dimension::Dimension;
use super::neuron::{Checker, leaf};
use super::scope::Entry;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest::closest;
use crate::expr::{ExprId, Leaf};
use crate::model::{self, AssignKind};
use crate::source::Span;
use crate::syntax::tree::{Assign, AssignOp, NeuronStatement, On};
use std::collections::BTreeMap;

/// Checks the `on` blocks, and that every event port has one.
pub(super) fn check(checker: &mut Checker) {
    let mut places: BTreeMap<usize, Span> = BTreeMap::new();
    let mut misnamed = false;
    for statement in &checker.tree.statements {
        let NeuronStatement::On(on) = statement else { continue };
        let port = port(checker, on);
        misnamed |= port.is_none();
        if let Some(port) = port {
            if let Some(first) = places.get(&port) {
                let message = format!("event port `{}` has two `on` blocks", on.port.name);
                checker.typing.diagnostics.push(
                    Diagnostic::error("E0410", on.port.span, message)
                        .also(*first, "the first one")
                        .hint("write the assignments into one block"),
                );
                continue;
            }
            places.insert(port, on.port.span);
        }
        block(checker, on, port);
    }
    for (index, event) in checker.neuron.events.iter().enumerate() {
        if !misnamed && !places.contains_key(&index) {
            let message = format!("events of `{}` have no effect", event.name);
            let state = checker.neuron.states.iter().find(|s| s.quantity.dimension == event.dimension);
            let state = state.map_or("I", |s| s.quantity.name.as_str());
            let hint = format!("write `on {0} {{ {state} += {0} }}`", event.name);
            checker.typing.diagnostics.push(Diagnostic::warning("W0402", event.span, message).hint(hint));
        }
    }
}

fn port(checker: &mut Checker, on: &On) -> Option<usize> {
    let names = || checker.neuron.events.iter().map(|e| e.name.as_str());
    if let Some(index) = names().position(|n| n == on.port.name) {
        return Some(index);
    }
    let message = format!("expected an event port, found `{}`", on.port.name);
    let diagnostic = Diagnostic::error("E0408", on.port.span, message);
    let diagnostic = match closest(&on.port.name, names()) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint(format!("declare it: `event {} : nA`", on.port.name)),
    };
    checker.typing.fail(diagnostic)
}

fn block<'a>(checker: &mut Checker<'a>, on: &'a On, port: Option<usize>) {
    let mut scope = checker.typing.scope.clone();
    let event = port.map(|p| Leaf::Event(p as u16));
    for quantity in &checker.neuron.events {
        let name = quantity.name.clone();
        let entry = if name == on.port.name && event.is_some() {
            let dimension = checker.dimension(quantity);
            event.map_or(Entry::Poisoned, |event| leaf(&mut checker.typing, event, dimension))
        } else if port.is_none() {
            Entry::Poisoned
        } else {
            let message = format!("expected the port `{}` of this block, found the port `{name}`", on.port.name);
            Entry::Forbidden(message, Some(format!("every port has a block of its own: `on {name} {{ ... }}`")))
        };
        scope.insert(name, entry);
    }
    // An unknown port was reported; its name means nothing more.
    scope.entry(on.port.name.clone()).or_insert(Entry::Poisoned);
    let outer = std::mem::replace(&mut checker.typing.scope, scope);
    let body = assignments(checker, &on.body);
    checker.typing.scope = outer;
    let (Some(body), Some(port), Some(event)) = (body, port, event) else { return };
    let reads_port = body.iter().any(|a| checker.typing.arena.depends_on(a.value, event));
    if !reads_port {
        let message = format!("this block does not read `{}`", on.port.name);
        let hint = "it runs once in every step, whether or not events arrive";
        checker.typing.diagnostics.push(Diagnostic::warning("W0403", on.port.span, message).hint(hint));
    }
    if affine(checker, on, &body, event) {
        checker.neuron.on.push(model::On { event: port, body });
    }
}

/// True if the states after the block are affine in the port: then one run with the sum of all events is the same as a
/// run for each. Reports the first assignment that breaks it.
fn affine(checker: &mut Checker, on: &On, body: &[model::Assign], event: Leaf) -> bool {
    let arena = &mut checker.typing.arena;
    let start: Vec<ExprId> = (0..checker.neuron.states.len()).map(|i| arena.leaf(Leaf::State(i as u16))).collect();
    let mut now = start.clone();
    for (assign, tree) in body.iter().zip(&on.body) {
        let changed = start.iter().zip(&now).filter(|(s, n)| s != n).map(|(&s, &n)| (s, n)).collect();
        let value = arena.substitute(assign.value, &changed);
        let Some(slot) = now.get_mut(assign.state) else { continue };
        *slot = match assign.kind {
            AssignKind::Set => value,
            AssignKind::Add => arena.add(*slot, value),
            AssignKind::Subtract => arena.subtract(*slot, value),
        };
        let result = *slot;
        if arena.affine_in(result, event).is_none() {
            let name = &on.port.name;
            let message = format!("expected an assignment affine in `{name}`, found one that is not");
            checker.typing.diagnostics.push(Diagnostic::error("E0409", tree.span, message).hint(format!(
                "the block runs once per step with the sum of all events: write `{} += ... * {name}`",
                tree.target.name
            )));
            return false;
        }
    }
    true
}

/// Checks assignments in order; `None` if one of them is wrong.
pub(super) fn assignments<'a>(checker: &mut Checker<'a>, body: &'a [Assign]) -> Option<Vec<model::Assign>> {
    let checked: Vec<Option<model::Assign>> = body.iter().map(|a| assignment(checker, a)).collect();
    checked.into_iter().collect()
}

fn assignment<'a>(checker: &mut Checker<'a>, tree: &'a Assign) -> Option<model::Assign> {
    let state = checker.state(&tree.target, "E0411");
    let own = state.and_then(|i| checker.neuron.states.get(i)).map(|s| s.quantity.clone());
    let dimension = own.as_ref().and_then(|q| checker.dimension(q));
    let name = &tree.target.name;
    let typing = &mut checker.typing;
    let value = match (tree.op, dimension) {
        (AssignOp::Multiply, _) => typing.quantity(&tree.value, Dimension::NONE, &format!("the factor of `{name}`")),
        (_, Some(dimension)) => typing.quantity(&tree.value, dimension, &format!("what is assigned to `{name}`")),
        (_, None) => typing.number(&tree.value, None),
    };
    let (state, value, _) = (state?, value?.id, dimension?);
    let (kind, value) = match tree.op {
        AssignOp::Set => (AssignKind::Set, value),
        AssignOp::Add => (AssignKind::Add, value),
        AssignOp::Subtract => (AssignKind::Subtract, value),
        AssignOp::Multiply => {
            let own = typing.arena.leaf(Leaf::State(state as u16));
            (AssignKind::Set, typing.arena.multiply(own, value))
        }
    };
    Some(model::Assign { state, kind, value })
}
