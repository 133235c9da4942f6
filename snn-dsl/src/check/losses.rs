//! The `loss` and `readout` lines of a network.

use super::dimension::Dimension;
use super::scope::{Axes, Entry, Names, Quantity};
use super::typing::Typing;
use crate::diagnostic::Diagnostic;
use crate::model::{Program, ProgramNode};
use crate::syntax::tree::{Expr, ExprKind, Let, Loss, NetworkStatement};

/// Checks the `let`, `loss` and `readout` lines in order.
pub(super) fn check<'a>(typing: &mut Typing<'a>, statements: &'a [NetworkStatement]) -> Program {
    let mut program = Program::default();
    let mut readouts = Names::default();
    let mut lets: Vec<&Let> = Vec::new();
    for statement in statements {
        match statement {
            NetworkStatement::Let(line) => {
                let value = typing.expression(&line.value, None);
                // A name that is defined twice was reported; the first definition stays.
                if matches!(typing.scope.get(&line.name.name), Some(Entry::Forbidden(..))) {
                    typing.scope.insert(line.name.name.clone(), value.map_or(Entry::Poisoned, Entry::Value));
                    lets.push(line);
                }
            }
            NetworkStatement::Loss(line) => {
                if let Some(node) = loss(typing, line) {
                    program.losses.push((typing.text(line.value.span), node));
                }
            }
            NetworkStatement::Readout(line) => {
                let free = readouts.declare(&line.name, &mut typing.diagnostics);
                let found = typing.number(&line.value, None);
                if let Some((node, found)) = found.and_then(|f| Some((array(typing, f, &line.value, "readout")?, f)))
                    && separate(typing, node, &line.value)
                    && free
                {
                    program.readouts.push((line.name.name.clone(), node, found.dimension));
                }
            }
            _ => {}
        }
    }
    for line in lets {
        if !typing.read.contains(&line.name.name) {
            let message = format!("`{}` is never read", line.name.name);
            typing.diagnostics.push(Diagnostic::warning("W0401", line.name.span, message).hint("remove it"));
        }
    }
    program
}

fn loss<'a>(typing: &mut Typing<'a>, line: &'a Loss) -> Option<usize> {
    let found = typing.number(&line.value, Some(Dimension::NONE))?;
    let (span, text) = (line.value.span, typing.text(line.value.span));
    if !found.dimension.is_none() {
        let message = format!("expected a loss without unit, found {}", found.dimension);
        let diagnostic = Diagnostic::error("E0601", span, message);
        let diagnostic = typing.remedy(diagnostic, &line.value, found.dimension, Dimension::NONE);
        return typing.fail(diagnostic);
    }
    if let Some(layer) = found.axes.neurons {
        let name = typing.program.as_ref().and_then(|p| p.populations.get(layer)).map(|p| p.name.clone());
        let message =
            format!("expected one number as loss, found one for every neuron of `{}`", name.unwrap_or_default());
        return typing.fail(Diagnostic::error("E0604", span, message).hint(format!("write `loss mean_n({text})`")));
    }
    let node = array(typing, found, &line.value, "loss")?;
    // Samples are averaged anyway, and what need not couple them is not to do so.
    match typing.program.as_ref().and_then(|p| p.nodes.get(node)) {
        Some(&ProgramNode::MeanSamples { input }) => Some(input),
        _ => Some(node),
    }
}

/// A readout has a value for every sample, whichever others are in the batch.
fn separate(typing: &mut Typing, node: usize, expr: &Expr) -> bool {
    let coupled = typing.program.as_ref().is_some_and(|p| Program::is_coupled(&p.nodes, node));
    if coupled {
        typing.diagnostics.push(Diagnostic::not_supported(expr.span, "`mean_b` in a readout"));
    }
    !coupled
}

/// The node of a value that depends on what the network does.
fn array(typing: &mut Typing, found: Quantity, expr: &Expr, what: &str) -> Option<usize> {
    if !typing.arena.reads_anything(found.id) && !mentions_a_layer(typing, expr) {
        return constant(typing, expr, what);
    }
    typing.materialise(found.id, found.axes, expr.span)
}

/// A term that is switched off by a factor of 0 reads a layer, too.
fn mentions_a_layer(typing: &Typing, expr: &Expr) -> bool {
    super::functions::parts(expr).into_iter().any(|part| match &part.kind {
        ExprKind::Field(..) => true,
        ExprKind::Name(name) => match typing.scope.get(name) {
            Some(Entry::Value(typed)) => typing.arena.reads_anything(typed.id) || typed.axes != Axes::default(),
            _ => false,
        },
        _ => false,
    })
}

fn constant(typing: &mut Typing, expr: &Expr, what: &str) -> Option<usize> {
    let state = typing.program.as_ref().and_then(|p| p.state_hint_in(expr));
    let hint = state.unwrap_or_else(|| "read a state or the spikes of a layer, e.g. `out.V` or `out.spike`".into());
    let message = format!("expected a {what} that reads a layer, found a constant");
    typing.fail(Diagnostic::error("E0607", expr.span, message).hint(hint))
}

/// Takes the finished program out of the checker, without nodes that nothing reads.
pub(super) fn finish(typing: &mut Typing, mut program: Program) -> Program {
    let nodes = typing.program.as_mut().map(|p| std::mem::take(&mut p.nodes)).unwrap_or_default();
    let mut needed = vec![false; nodes.len()];
    let roots = program.losses.iter().map(|l| l.1).chain(program.readouts.iter().map(|r| r.1));
    let mut stack: Vec<usize> = roots.collect();
    while let Some(k) = stack.pop() {
        if let Some(mark) = needed.get_mut(k)
            && !std::mem::replace(mark, true)
        {
            stack.extend(nodes.get(k).map(ProgramNode::inputs).unwrap_or_default());
        }
    }
    let mut places = vec![0; nodes.len()];
    for (k, node) in nodes.into_iter().enumerate() {
        if needed.get(k) == Some(&true) {
            if let Some(place) = places.get_mut(k) {
                *place = program.nodes.len();
            }
            program.nodes.push(moved(node, &places));
        }
    }
    let at = |k: usize| places.get(k).copied().unwrap_or(k);
    for (_, node) in &mut program.losses {
        *node = at(*node);
    }
    for (_, node, _) in &mut program.readouts {
        *node = at(*node);
    }
    program.arena = std::mem::take(&mut typing.arena);
    program
}

fn moved(mut node: ProgramNode, places: &[usize]) -> ProgramNode {
    for k in node.inputs_mut() {
        *k = places.get(*k).copied().unwrap_or(*k);
    }
    node
}
