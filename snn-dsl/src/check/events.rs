//! What events and resets do: assignments to states.

use super::dimension::Dimension;
use super::neuron::{Checker, leaf};
use super::scope::Entry;
use super::typing::Block;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::suggest::closest;
use crate::expr::{Affine, ExprId, Leaf, Table};
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
        // Where it is read in an equation, that was reported.
        if !misnamed && !places.contains_key(&index) && !checker.typing.read.contains(&event.name) {
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
    let name = &on.port.name;
    let event = port.map(|p| Leaf::Event(p as u16));
    let quantity = port.and_then(|p| checker.neuron.events.get(p));
    let dimension = quantity.and_then(|q| checker.dimension(q));
    // An unknown port was reported; its name means nothing more.
    let own = event.map_or(Entry::Poisoned, |event| leaf(&mut checker.typing, event, dimension));
    let is_known = port.is_some() || !checker.typing.scope.contains_key(name);
    let outer = if is_known { checker.typing.scope.insert(name.clone(), own) } else { None };
    checker.typing.block = if port.is_some() { Block::Port(name) } else { Block::Unknown };
    let body = assignments(checker, &on.body);
    checker.typing.block = Block::None;
    if let Some(outer) = outer {
        checker.typing.scope.insert(name.clone(), outer);
    } else if is_known {
        checker.typing.scope.remove(name);
    }
    let (Some(body), Some(port), Some(event)) = (body, port, event) else { return };
    let parts = body.iter().map(|a| checker.typing.arena.bound(a.value)).sum();
    if checker.typing.spend(parts, on.port.span).is_none() {
        return;
    }
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
    let len = arena.len();
    let zero = arena.constant(0.0);
    let mut forms: Table<ExprId, Affine> = Table::default();
    let mut sound = true;
    for (assign, tree) in body.iter().zip(&on.body) {
        let leaf = arena.leaf(Leaf::State(assign.state as u16));
        let now = forms.get(&leaf).copied().unwrap_or(Affine { slope: zero, offset: leaf });
        let result = arena.affine_given(assign.value, event, &forms).map(|value| match assign.kind {
            AssignKind::Set => value,
            AssignKind::Add => {
                let slope = arena.add(now.slope, value.slope);
                Affine { slope, offset: arena.add(now.offset, value.offset) }
            }
            AssignKind::Subtract => {
                let slope = arena.subtract(now.slope, value.slope);
                Affine { slope, offset: arena.subtract(now.offset, value.offset) }
            }
        });
        let Some(form) = result else {
            let name = &on.port.name;
            let message = format!("expected an assignment affine in `{name}`, found one that is not");
            checker.typing.diagnostics.push(Diagnostic::error("E0409", tree.span, message).hint(format!(
                "the block runs once per step with the sum of all events: write `{} += ... * {name}`",
                tree.target.name
            )));
            sound = false;
            break;
        };
        forms.insert(leaf, form);
    }
    checker.typing.arena.forget(len);
    sound
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
        (_, Some(Dimension::NONE)) => {
            let found = typing.number(&tree.value, Some(Dimension::NONE));
            match found.filter(|f| !f.dimension.is_none()) {
                Some(found) => {
                    let hint = format!("`{name}` was declared without unit: write `{name} : ");
                    // Said before, where the state was compared with something.
                    if typing.diagnostics.is_long() || !typing.diagnostics.has_hint(&hint) {
                        let message = format!(
                            "expected a number without unit for what is assigned to `{name}`, found {}",
                            found.dimension
                        );
                        let hint = format!("{hint}{}`", found.dimension.base_unit());
                        typing.diagnostics.push(Diagnostic::error("E0305", tree.value.span, message).hint(hint));
                    }
                    typing.failed = true;
                    None
                }
                None => found,
            }
        }
        (_, Some(dimension)) => typing.quantity(&tree.value, dimension, &format!("what is assigned to `{name}`")),
        (_, None) => typing.number(&tree.value, None),
    };
    let (state, value, _) = (state?, value?.id, dimension?);
    let value = typing.finished(value);
    let (kind, value) = match tree.op {
        AssignOp::Set => (AssignKind::Set, value),
        AssignOp::Add => (AssignKind::Add, value),
        AssignOp::Subtract => (AssignKind::Subtract, value),
        AssignOp::Multiply => {
            let own = typing.arena.leaf(Leaf::State(state as u16));
            let product = typing.arena.multiply(own, value);
            (AssignKind::Set, typing.finished(product))
        }
    };
    Some(model::Assign { state, kind, value, span: tree.span })
}
