//! Statements of a neuron.

use super::expression::missing;
use super::grammar::{Parser, Rule};
use super::items::named;
use super::statements::Statement;
use super::tree::{
    Assign, AssignOp, Equation, Expr, Ident, NeuronStatement, On, Param, Port, Refractory, Spike, State,
};
use crate::diagnostic::{Diagnostic, closest};
use pest::iterators::Pair;

const WORDS: &[&str] =
    &["param", "state", "event", "drive", "let", "on", "spike", "refractory", "integrate", "noise", "record"];

pub(super) fn statement(parser: &mut Parser, statement: Statement) -> Option<NeuronStatement> {
    let words = parser.words(&statement);
    let first = *words.first()?;
    let place = Ident { name: first.to_string(), span: parser.word_span(&statement, 0) };
    if matches!(first, "noise" | "record") {
        return Some(NeuronStatement::Unsupported(place));
    }
    let is_equation = is_equation(&words);
    let takes_block = matches!(first, "on" | "spike") && !is_equation;
    let second = words.iter().skip(1).find(|w| matches!(**w, "on" | "spike"));
    if let (Some(second), true, false) = (second, statement.block.is_some(), takes_block)
        && (WORDS.contains(&first) || is_equation)
    {
        let message = format!("expected the end of the statement, found `{second}`");
        let place = parser.word_span(&statement, words.iter().position(|w| w == second).unwrap_or(0));
        let hint = "a statement ends at the end of the line or at `;`";
        parser.report(Diagnostic::error("E0107", place, message).hint(hint));
        return None;
    }
    if statement.block.is_some() && (WORDS.contains(&first) || is_equation) && !takes_block {
        let what = if is_equation { "an equation".to_string() } else { format!("`{first}`") };
        let message = format!("expected the end of the statement, found a block after {what}");
        let hint = match first {
            "param" | "parameter" => "every parameter has a line of its own: `param tau = 20 ms`",
            "state" => "every state has a line of its own: `state V : mV = 0 mV`",
            "event" => "every port has a line of its own: `event exc : nA`",
            _ => "only `on` and `spike` have a block",
        };
        parser.report(Diagnostic::error("E0107", statement.span, message).hint(hint));
        return None;
    }
    if is_equation {
        return equation(parser, &statement);
    }
    match first {
        "param" => param(parser, &statement),
        "state" => state(parser, &statement),
        "event" => port(parser, Rule::event_statement, &statement).map(NeuronStatement::Event),
        "drive" => port(parser, Rule::drive_statement, &statement).map(NeuronStatement::Drive),
        "let" => {
            let pair = parser.apply(Rule::let_statement, &statement)?;
            named(parser, &statement, pair).map(NeuronStatement::Let)
        }
        "on" => on(parser, &statement),
        "spike" => spike(parser, &statement),
        "refractory" => refractory(parser, &statement),
        "integrate" => {
            let pair = parser.apply(Rule::integrate_statement, &statement)?;
            let name = pair.into_inner().find(|p| p.as_rule() == Rule::name)?;
            Some(NeuronStatement::Integrate(parser.ident(&statement, &name)))
        }
        _ => {
            unknown(parser, &statement, &words);
            None
        }
    }
}

/// `dV / dt` before the first `=`.
fn is_equation(words: &[&str]) -> bool {
    let end = words.iter().position(|&w| w == "=").unwrap_or(words.len());
    words[..end].windows(3).any(|w| w[0].len() > 1 && w[0].starts_with('d') && w[1] == "/" && w[2] == "dt")
}

fn unknown(parser: &mut Parser, statement: &Statement, words: &[&str]) {
    let first = words.first().copied().unwrap_or("");
    let span = parser.word_span(statement, 0);
    let assigns = words.get(1).is_some_and(|w| matches!(*w, "=" | "+=" | "-=" | "*="));
    let network = ["simulate", "input", "target", "layer", "loss", "readout"].contains(&first) || words.contains(&"->");
    let hint = if network {
        format!("`{first}` belongs between the braces of a network")
    } else if let Some(habit) = habit(words) {
        habit
    } else if let Some(close) = closest(first, WORDS.iter().copied()) {
        format!("did you mean `{close}`?")
    } else if assigns {
        "an assignment stands in an `on` or `spike` block; name an expression with `let`, a constant with `param`"
            .into()
    } else if words.len() > 1 && words.iter().all(|w| w.starts_with(|c: char| c.is_ascii_alphabetic())) {
        "a comment begins with //".into()
    } else {
        "write an equation as `tau dV/dt = ...`; other statements begin with param, state, event, drive, let, on, spike, \
         refractory or integrate"
            .into()
    };
    let message = format!("expected a statement of a neuron, found `{first}`");
    parser.report(Diagnostic::error("E0106", span, message).hint(hint));
}

/// What to write in place of a statement of other tools.
fn habit(words: &[&str]) -> Option<String> {
    let first = words.first().copied()?;
    let second = words.get(1).copied().unwrap_or("");
    let text = match first {
        "for" | "while" | "do" | "loop" => {
            "there are no loops: equations and thresholds act in every step, and a layer has many neurons"
        }
        "if" => "what happens at a threshold is written `spike when V >= V_th ... { V = 0 mV }`",
        "threshold" | "reset" => "write `spike when V >= V_th surrogate sigmoid scale V_th { V -= V_th }`",
        "on_pre" | "on_post" | "onReceive" | "receive" => "what events do is written `on PORT { STATE += PORT }`",
        "parameters" | "params" => "every parameter has a line of its own: `param tau = 20 ms`",
        "equations" | "update" | "eqs" | "dynamics" => "equations stand by themselves: `tau dV/dt = ...`",
        "input" | "inputs" => "write `event NAME : UNIT` for spikes, `drive NAME : UNIT` for a continuous input",
        "float" | "double" | "int" | "real" | "var" | "val" | "auto" => {
            "write `param` for a parameter, `state` for what an equation changes, `let` for what follows from others"
        }
        "def" => "a function is defined at the top level: `fn NAME(x) = EXPRESSION`",
        "end" => "a block ends with `}`",
        "+" | "-" | "*" | "/" | "^" => "the statement before ends at its `;`: remove that",
        "diff" | "d" => "a derivative is written dV/dt: `tau dV/dt = ...`",
        "self" => "names stand alone, without `self.`",
        _ if first.starts_with(|c: char| c.is_ascii_digit()) => {
            "the statement before ends at the end of its line or at its `;`"
        }
        _ if second == "=" => {
            let state = first.strip_suffix("_dot").or_else(|| first.strip_suffix("dot")).filter(|s| !s.is_empty());
            return state.map(|state| format!("a derivative is written `d{state}/dt = ...`"));
        }
        _ => return None,
    };
    Some(text.into())
}

fn first_expression(parser: &mut Parser, statement: &Statement, pair: Pair<Rule>) -> Option<Expr> {
    let inner = pair.into_inner().find(|p| p.as_rule() == Rule::expression)?;
    Some(parser.expression(statement, inner))
}

fn param(parser: &mut Parser, statement: &Statement) -> Option<NeuronStatement> {
    let pair = parser.apply(Rule::param_statement, statement)?;
    let (mut name, mut default) = (None, None);
    let (mut range, mut trainable, mut per_neuron) = (None, None, None);
    let mut seen: Vec<Rule> = Vec::new();
    for part in pair.into_inner() {
        let span = parser.span(statement, &part);
        if matches!(part.as_rule(), Rule::in_clause | Rule::trainable | Rule::per_neuron) {
            if seen.contains(&part.as_rule()) {
                let word = part.as_str().split_whitespace().next().unwrap_or("").to_string();
                let message = format!("expected `{word}` once, found it again");
                parser.report(Diagnostic::error("E0107", span, message).hint("remove one of the two"));
                continue;
            }
            seen.push(part.as_rule());
        }
        match part.as_rule() {
            Rule::name => name = Some(parser.ident(statement, &part)),
            Rule::expression => default = Some(parser.expression(statement, part)),
            Rule::in_clause => {
                let inner = part.into_inner().find(|p| p.as_rule() == Rule::range);
                range = inner.map(|p| parser.range(statement, p));
            }
            Rule::trainable => trainable = Some(span),
            Rule::per_neuron => per_neuron = Some(span),
            _ => {}
        }
    }
    let (name, default) = (name?, default?);
    Some(NeuronStatement::Param(Param { docs: statement.docs.clone(), name, default, range, trainable, per_neuron }))
}

fn state(parser: &mut Parser, statement: &Statement) -> Option<NeuronStatement> {
    let pair = parser.apply(Rule::state_statement, statement)?;
    let (mut name, mut unit, mut initial) = (None, None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => name = Some(parser.ident(statement, &part)),
            Rule::unit => unit = first_expression(parser, statement, part),
            Rule::initial => initial = first_expression(parser, statement, part),
            _ => {}
        }
    }
    Some(NeuronStatement::State(State { docs: statement.docs.clone(), name: name?, unit, initial }))
}

fn port(parser: &mut Parser, rule: Rule, statement: &Statement) -> Option<Port> {
    let pair = parser.apply(rule, statement)?;
    let (mut name, mut unit) = (None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => name = Some(parser.ident(statement, &part)),
            Rule::unit => unit = first_expression(parser, statement, part),
            _ => {}
        }
    }
    Some(Port { docs: statement.docs.clone(), name: name?, unit })
}

fn equation(parser: &mut Parser, statement: &Statement) -> Option<NeuronStatement> {
    let pair = parser.apply(Rule::equation_statement, statement)?;
    let (mut coefficient, mut state, mut rhs) = (None, None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::coefficient => {
                coefficient = part.into_inner().next().map(|p| parser.expression(statement, p));
            }
            Rule::derivative => {
                let name = part.as_str().get(1..).unwrap_or("").to_string();
                state = Some(Ident { name, span: parser.span(statement, &part) });
            }
            Rule::expression => rhs = Some(parser.expression(statement, part)),
            _ => {}
        }
    }
    let (state, rhs) = (state?, rhs?);
    Some(NeuronStatement::Equation(Equation { coefficient, state, rhs, span: statement.span }))
}

fn assignments(parser: &mut Parser, block: Option<&Vec<Statement>>) -> Vec<Assign> {
    let mut list = Vec::new();
    for statement in block.into_iter().flatten() {
        list.extend(assignment(parser, statement));
    }
    list
}

fn assignment(parser: &mut Parser, statement: &Statement) -> Option<Assign> {
    if statement.tokens.is_empty() {
        return None;
    }
    if statement.block.is_some() {
        let message = "expected the end of the statement, found a block after an assignment";
        let hint = "assignments have no blocks; a condition is an expression: `V = if c { a } else { b }`";
        parser.report(Diagnostic::error("E0107", statement.span, message).hint(hint));
    }
    let pair = parser.apply(Rule::assign_statement, statement)?;
    let (mut target, mut op, mut value) = (None, AssignOp::Set, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => target = Some(parser.ident(statement, &part)),
            Rule::assign => {
                op = match part.as_str().trim() {
                    "+=" => AssignOp::Add,
                    "-=" => AssignOp::Subtract,
                    "*=" => AssignOp::Multiply,
                    _ => AssignOp::Set,
                };
            }
            Rule::expression => value = Some(parser.expression(statement, part)),
            _ => {}
        }
    }
    Some(Assign { target: target?, op, value: value?, span: statement.span })
}

fn on(parser: &mut Parser, statement: &Statement) -> Option<NeuronStatement> {
    let pair = parser.apply(Rule::on_statement, statement)?;
    let port = pair.into_inner().find(|p| p.as_rule() == Rule::name)?;
    let port = parser.ident(statement, &port);
    if statement.block.is_none() {
        let diagnostic = Diagnostic::error("E0107", statement.span, "expected `{`, found the end of the statement");
        parser
            .report(diagnostic.hint(format!("write what the events do: `on {} {{ I += {} }}`", port.name, port.name)));
        return None;
    }
    let body = assignments(parser, statement.block.as_ref());
    Some(NeuronStatement::On(On { port, body }))
}

fn spike(parser: &mut Parser, statement: &Statement) -> Option<NeuronStatement> {
    let pair = parser.apply(Rule::spike_statement, statement);
    let reset = assignments(parser, statement.block.as_ref());
    let mut spike = Spike {
        keyword: parser.word_span(statement, 0),
        name: None,
        condition: missing(statement.span),
        surrogate: None,
        scale: None,
        scale_detached: None,
        reset_detached: None,
        reset_next_step: None,
        reset,
    };
    let mut seen: Vec<Rule> = Vec::new();
    for part in pair?.into_inner() {
        let (rule, span) = (part.as_rule(), parser.span(statement, &part));
        if matches!(rule, Rule::surrogate_clause | Rule::scale_clause | Rule::reset_clause) {
            if seen.contains(&rule) {
                let word = part.as_str().split_whitespace().next().unwrap_or("").to_string();
                let message = format!("expected `{word}` once, found it again");
                parser.report(Diagnostic::error("E0107", span, message).hint("remove one of the two"));
                continue;
            }
            seen.push(rule);
        }
        match rule {
            Rule::name => spike.name = Some(parser.ident(statement, &part)),
            Rule::expression => spike.condition = parser.expression(statement, part),
            Rule::surrogate_clause => {
                let call = part.into_inner().find(|p| p.as_rule() == Rule::callable);
                spike.surrogate = call.map(|p| parser.call(statement, p));
            }
            Rule::scale_clause => {
                for inner in part.into_inner() {
                    let span = parser.span(statement, &inner);
                    match inner.as_rule() {
                        Rule::detached => spike.scale_detached = Some(span),
                        Rule::expression => spike.scale = Some(parser.expression(statement, inner)),
                        _ => {}
                    }
                }
            }
            Rule::reset_clause => {
                for inner in part.into_inner() {
                    let span = parser.span(statement, &inner);
                    match inner.as_rule() {
                        Rule::detached => spike.reset_detached = Some(span),
                        Rule::next_step => spike.reset_next_step = Some(span),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(NeuronStatement::Spike(spike))
}

fn refractory(parser: &mut Parser, statement: &Statement) -> Option<NeuronStatement> {
    let pair = parser.apply(Rule::refractory_statement, statement)?;
    let keyword = parser.word_span(statement, 0);
    let (mut duration, mut holding, mut events_kept) = (None, Vec::new(), None);
    for part in pair.into_inner() {
        let span = parser.span(statement, &part);
        match part.as_rule() {
            Rule::expression => duration = Some(parser.expression(statement, part)),
            Rule::name => holding.push(parser.ident(statement, &part)),
            Rule::events_kept => events_kept = Some(span),
            _ => {}
        }
    }
    Some(NeuronStatement::Refractory(Refractory { keyword, duration: duration?, holding, events_kept }))
}
