//! Statements of a network.

use super::expression::missing;
use super::grammar::{Parser, Rule};
use super::items::named;
use super::statements::Statement;
use super::tree::{
    Call, Expr, Ident, Input, Layer, Loss, NetworkStatement, Projection, ProjectionOption, ProjectionOptionKind,
    Simulate, Target,
};
use crate::diagnostic::{Diagnostic, closest};
use pest::iterators::Pair;

const WORDS: &[&str] = &["simulate", "input", "target", "layer", "loss", "readout", "let"];

pub(super) fn statement(parser: &mut Parser, statement: Statement) -> Option<NetworkStatement> {
    let words = parser.words(&statement);
    let first = *words.first()?;
    let place = Ident { name: first.to_string(), span: parser.word_span(&statement, 0) };
    if statement.block.is_some() {
        let message = format!("expected a statement of a network, found `{first}` with a block");
        let hint = "a network has no blocks: define neurons at the top level of the file";
        parser.report(Diagnostic::error("E0107", place.span, message).hint(hint));
        return None;
    }
    match first {
        "simulate" => simulate(parser, &statement),
        "input" => {
            let pair = parser.apply(Rule::input_statement, &statement)?;
            let (mut names, mut shape) = (Vec::new(), Vec::new());
            for part in pair.into_inner() {
                match part.as_rule() {
                    Rule::name => names.push(parser.ident(&statement, &part)),
                    Rule::shape => shape = sides(parser, &statement, part),
                    _ => {}
                }
            }
            let mut names = names.into_iter();
            Some(NetworkStatement::Input(Input { name: names.next()?, shape, kind: names.next()? }))
        }
        "target" => {
            let pair = parser.apply(Rule::target_statement, &statement)?;
            let over_time = pair.clone().into_inner().any(|part| part.as_rule() == Rule::over_time);
            let (names, size) = names_and_size(parser, &statement, pair);
            let mut names = names.into_iter();
            Some(NetworkStatement::Target(Target { name: names.next()?, kind: names.next()?, size: size?, over_time }))
        }
        "layer" => layer(parser, &statement),
        "loss" => {
            let pair = parser.apply(Rule::loss_statement, &statement)?;
            let value = pair.into_inner().find(|p| p.as_rule() == Rule::expression)?;
            let value = parser.expression(&statement, value);
            Some(NetworkStatement::Loss(Loss { keyword: place.span, value }))
        }
        "let" | "readout" => {
            let rule = if first == "let" { Rule::let_statement } else { Rule::readout_statement };
            let pair = parser.apply(rule, &statement)?;
            let named = named(parser, &statement, pair)?;
            Some(if first == "let" { NetworkStatement::Let(named) } else { NetworkStatement::Readout(named) })
        }
        _ if words.contains(&"->") => projection(parser, &statement),
        _ => {
            let hint = match closest(first, WORDS.iter().copied()) {
                _ if matches!(first, "bias" | "delay" | "init" | "sign" | "no_self" | "frozen" | "dense") => {
                    format!("the options of a projection stand in one line, with commas: `... : dense, {first}`")
                }
                _ if first == ":" => "the line before is complete: end it with the `:`".to_string(),
                Some(close) => format!("did you mean `{close}`?"),
                None if super::statements::KEYWORDS.contains(&first) => {
                    format!("`{first}` belongs between the braces of a neuron")
                }
                None => "statements begin with simulate, input, target, layer, let, loss or readout; \
                         a projection is written `source -> target.port : dense`"
                    .to_string(),
            };
            let message = format!("expected a statement of a network, found `{first}`");
            parser.report(Diagnostic::error("E0106", place.span, message).hint(hint));
            None
        }
    }
}

fn names_and_size(
    parser: &mut Parser,
    statement: &Statement,
    pair: Pair<Rule>,
) -> (Vec<Ident>, Option<super::tree::Expr>) {
    let (mut names, mut size) = (Vec::new(), None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => names.push(parser.ident(statement, &part)),
            Rule::expression => size = Some(parser.expression(statement, part)),
            _ => {}
        }
    }
    (names, size)
}

fn simulate(parser: &mut Parser, statement: &Statement) -> Option<NetworkStatement> {
    let pair = parser.apply(Rule::simulate_statement, statement)?;
    let mut parts = Vec::new();
    for part in pair.into_inner().filter(|p| p.as_rule() == Rule::expression) {
        parts.push(parser.expression(statement, part));
    }
    let mut parts = parts.into_iter();
    let (dt, duration) = (parts.next()?, parts.next()?);
    Some(NetworkStatement::Simulate(Simulate { keyword: parser.word_span(statement, 0), dt, duration }))
}

fn layer(parser: &mut Parser, statement: &Statement) -> Option<NetworkStatement> {
    let pair = parser.apply(Rule::layer_statement, statement)?;
    let (mut name, mut shape, mut model, mut dropout): (_, _, Option<Call>, _) = (None, Vec::new(), None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => name = Some(parser.ident(statement, &part)),
            Rule::shape => shape = sides(parser, statement, part),
            Rule::callable => model = Some(parser.call(statement, part)),
            Rule::dropout => {
                let value = part.into_inner().find(|p| p.as_rule() == Rule::expression);
                dropout = value.map(|value| parser.expression(statement, value));
            }
            _ => {}
        }
    }
    Some(NetworkStatement::Layer(Layer { name: name?, shape, model: model?, dropout }))
}

/// The sizes in the brackets of a layer or input.
fn sides(parser: &mut Parser, statement: &Statement, pair: Pair<Rule>) -> Vec<Expr> {
    let sides = pair.into_inner().filter(|p| p.as_rule() == Rule::expression);
    sides.map(|side| parser.expression(statement, side)).collect()
}

fn projection(parser: &mut Parser, statement: &Statement) -> Option<NetworkStatement> {
    let pair = parser.apply(Rule::projection_statement, statement)?;
    let (mut names, mut options) = (Vec::new(), Vec::new());
    let (mut sources, mut targets, mut signal) = (None, None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => names.push(parser.ident(statement, &part)),
            Rule::part => {
                let range = part.into_inner().find(|p| p.as_rule() == Rule::range)?;
                let range = parser.range(statement, range);
                *if names.len() == 1 { &mut sources } else { &mut targets } = Some(range);
            }
            Rule::signal => {
                let name = part.into_inner().find(|p| p.as_rule() == Rule::field_name)?;
                signal = Some(parser.ident(statement, &name));
            }
            Rule::option => options.extend(option(parser, statement, part)),
            _ => {}
        }
    }
    let mut names = names.into_iter();
    let (source, target, port) = (names.next()?, names.next()?, names.next()?);
    let span = statement.span;
    let projection = Projection { source, sources, signal, target, targets, port, options, span };
    Some(NetworkStatement::Projection(projection))
}

fn option(parser: &mut Parser, statement: &Statement, pair: Pair<Rule>) -> Option<ProjectionOption> {
    let span = parser.span(statement, &pair);
    let inner = pair.into_inner().next()?;
    let kind = match inner.as_rule() {
        Rule::edges => {
            let text = inner.into_inner().find(|p| p.as_rule() == Rule::text)?;
            let name = text.as_str().trim_matches('"').to_string();
            ProjectionOptionKind::Edges(Ident { name, span: parser.span(statement, &text) })
        }
        Rule::bias => ProjectionOptionKind::Bias,
        Rule::no_self => ProjectionOptionKind::NoSelf,
        Rule::frozen => ProjectionOptionKind::Frozen,
        Rule::callable => ProjectionOptionKind::Connectivity(parser.call(statement, inner)),
        Rule::sign => ProjectionOptionKind::Sign(inner.into_inner().any(|p| p.as_rule() == Rule::plus)),
        Rule::init => {
            let call = inner.into_inner().find(|p| p.as_rule() == Rule::callable)?;
            ProjectionOptionKind::Init(parser.call(statement, call))
        }
        Rule::clip => {
            let range = inner.into_inner().find(|p| p.as_rule() == Rule::range)?;
            ProjectionOptionKind::Clip(parser.range(statement, range))
        }
        rule => {
            let value = inner.into_inner().find(|p| p.as_rule() == Rule::expression);
            let value = value.map_or_else(|| missing(span), |p| parser.expression(statement, p));
            if rule == Rule::delay {
                ProjectionOptionKind::Delay(value)
            } else {
                ProjectionOptionKind::LearningRate(value)
            }
        }
    };
    Some(ProjectionOption { kind, span })
}
