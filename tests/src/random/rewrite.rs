//! Texts and trees that must mean the same as the ones they come from.

use super::choices::Choices;
use snn_dsl::syntax::tree::{
    Assign, Call, Expr, ExprKind, File, Ident, Item, NetworkStatement, NeuronStatement, ProjectionOptionKind,
    ValueRange,
};

/// A tree without places, to compare trees by.
pub fn shape(file: &File) -> String {
    let mut text = format!("{file:?}");
    while let Some(start) = text.find("Span {") {
        let end = text[start..].find('}').map_or(text.len(), |n| start + n + 1);
        text.replace_range(start..end, "@");
    }
    text
}

/// A printed text with other spaces, empty lines, comments and semicolons.
pub fn untidy(text: &str, choices: &mut Choices) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if choices.chance(10) {
            out.push_str("\n\n\n");
        }
        if line.trim_start().starts_with("///") {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let mut words = line.trim_start().split(' ').peekable();
        while let Some(word) = words.next() {
            out.push_str(word);
            let Some(next) = words.peek() else { break };
            let glues = |w: &str| matches!(w, "+" | "=" | "+=" | "{" | "}" | ":") || w.ends_with(',');
            match choices.below(4) {
                0 => out.push(' '),
                1 => out.push_str("   "),
                2 => out.push('\t'),
                _ if glues(word) && !next.starts_with('-') => {}
                _ => out.push(' '),
            }
        }
        match choices.below(6) {
            0 => out.push_str("  "),
            1 => out.push_str(" // a remark"),
            2 if !line.is_empty() => out.push_str(" ;"),
            _ => {}
        }
        out.push('\n');
    }
    out
}

/// The same model with its numbers in other units; the second value counts the changes.
pub fn in_other_units(file: &File, choices: &mut Choices) -> (File, usize) {
    let mut file = file.clone();
    let mut changes = 0;
    let mut change = |value: &mut f64, unit: &mut Ident| {
        // A thousand times larger, a thousand times smaller.
        let others = match unit.name.as_str() {
            "mV" => ["V", "uV"],
            "nA" => ["uA", "pA"],
            "ms" => ["s", "us"],
            "MOhm" => ["GOhm", "kOhm"],
            _ => return,
        };
        // Only where not a single bit is lost, so that nothing but the unit changes.
        let (other, back) = match choices.below(2) {
            0 => (*value / 1e3, *value / 1e3 * 1e3),
            _ => (*value * 1e3, *value * 1e3 / 1e3),
        };
        if back == *value {
            unit.name = others[usize::from(other > *value)].into();
            *value = other;
            changes += 1;
        }
    };
    for item in &mut file.items {
        match item {
            Item::Const(c) => expression(&mut c.value, &mut change),
            Item::Function(f) => expression(&mut f.body, &mut change),
            Item::Neuron(n) => n.statements.iter_mut().for_each(|s| neuron_statement(s, &mut change)),
            Item::Network(n) => n.statements.iter_mut().for_each(|s| network_statement(s, &mut change)),
            Item::Surrogate(_) | Item::Synapse(_) | Item::Unsupported(_) => {}
        }
    }
    (file, changes)
}

type Change<'a> = dyn FnMut(&mut f64, &mut Ident) + 'a;

fn neuron_statement(statement: &mut NeuronStatement, change: &mut Change) {
    let assignments =
        |list: &mut Vec<Assign>, change: &mut Change| list.iter_mut().for_each(|a| expression(&mut a.value, change));
    match statement {
        NeuronStatement::Param(p) => {
            expression(&mut p.default, change);
            p.range.iter_mut().for_each(|r| range(r, change));
        }
        NeuronStatement::State(s) => s.initial.iter_mut().for_each(|e| expression(e, change)),
        NeuronStatement::Let(l) => expression(&mut l.value, change),
        NeuronStatement::Equation(e) => {
            e.coefficient.iter_mut().for_each(|c| expression(c, change));
            expression(&mut e.rhs, change);
        }
        NeuronStatement::On(on) => assignments(&mut on.body, change),
        NeuronStatement::Spike(spike) => {
            expression(&mut spike.condition, change);
            spike.scale.iter_mut().for_each(|e| expression(e, change));
            assignments(&mut spike.reset, change);
        }
        NeuronStatement::Refractory(r) => expression(&mut r.duration, change),
        _ => {}
    }
}

fn network_statement(statement: &mut NetworkStatement, change: &mut Change) {
    match statement {
        NetworkStatement::Simulate(s) => {
            expression(&mut s.dt, change);
            expression(&mut s.duration, change);
        }
        NetworkStatement::Layer(l) => arguments(&mut l.model, change),
        NetworkStatement::Projection(p) => {
            for option in &mut p.options {
                if let ProjectionOptionKind::Init(call) = &mut option.kind {
                    arguments(call, change);
                }
            }
        }
        NetworkStatement::Loss(l) => expression(&mut l.value, change),
        _ => {}
    }
}

fn range(range: &mut ValueRange, change: &mut Change) {
    range.low.iter_mut().chain(&mut range.high).for_each(|e| expression(e, change));
}

fn arguments(call: &mut Call, change: &mut Change) {
    call.arguments.iter_mut().for_each(|a| expression(&mut a.value, change));
}

fn expression(e: &mut Expr, change: &mut Change) {
    match &mut e.kind {
        ExprKind::Number { value, unit: Some((unit, 1)) } => change(value, unit),
        ExprKind::Number { .. } | ExprKind::Name(_) | ExprKind::Field(..) => {}
        ExprKind::Call(call) => arguments(call, change),
        ExprKind::Unary(_, a) => expression(a, change),
        ExprKind::Binary(_, a, b) => [a, b].into_iter().for_each(|x| expression(x, change)),
        ExprKind::If(c, a, b) => [c, a, b].into_iter().for_each(|x| expression(x, change)),
    }
}
