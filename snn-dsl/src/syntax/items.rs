//! Top-level items.

use super::expression::missing;
use super::grammar::{Parser, Rule};
use super::statements::Statement;
use super::tree::{Const, Function, Ident, Item, Let, Network, Neuron, Surrogate};
use super::{network, neuron};
use crate::diagnostic::{Diagnostic, closest};

const WORDS: &[&str] = &["neuron", "network", "surrogate", "fn", "const", "synapse", "use"];

pub(super) fn items(parser: &mut Parser, statements: Vec<Statement>) -> Vec<Item> {
    statements.into_iter().filter_map(|s| item(parser, s)).collect()
}

fn item(parser: &mut Parser, statement: Statement) -> Option<Item> {
    let words = parser.words(&statement);
    let first = words.first().copied().unwrap_or("");
    let place = Ident { name: first.to_string(), span: parser.word_span(&statement, 0) };
    // A broken header was reported by the pre-pass.
    if words.is_empty() {
        return None;
    }
    match first {
        "synapse" | "use" => return Some(Item::Unsupported(place)),
        "neuron" | "network" | "surrogate" if words.get(2) == Some(&"extends") => {
            let span = parser.word_span(&statement, 2);
            return Some(Item::Unsupported(Ident { name: "extends".into(), span }));
        }
        "neuron" | "network" | "surrogate" if statement.block.is_none() => {
            let diagnostic = Diagnostic::error("E0107", statement.span, "expected `{`, found the end of the statement");
            parser.report(diagnostic.hint(format!("write `{first} NAME {{ ... }}`")));
            return None;
        }
        "fn" | "const" if statement.block.is_some() => {
            let diagnostic = Diagnostic::error("E0107", statement.span, "expected an expression, found a block");
            parser.report(diagnostic.hint(format!("write `{first} NAME = EXPRESSION`")));
            return None;
        }
        _ => {}
    }
    let block = statement.block.clone().unwrap_or_default();
    let docs = statement.docs.clone();
    match first {
        "neuron" => {
            let name = header(parser, Rule::neuron_item, &statement)?;
            let statements = block.into_iter().filter_map(|s| neuron::statement(parser, s)).collect();
            Some(Item::Neuron(Neuron { docs, name, statements }))
        }
        "network" => {
            let name = header(parser, Rule::network_item, &statement)?;
            let statements = block.into_iter().filter_map(|s| network::statement(parser, s)).collect();
            Some(Item::Network(Network { docs, name, statements }))
        }
        "surrogate" => surrogate(parser, &statement, block).map(Item::Surrogate),
        "fn" => function(parser, &statement).map(Item::Function),
        "const" => {
            let pair = parser.apply(Rule::const_item, &statement)?;
            let named = named(parser, &statement, pair)?;
            Some(Item::Const(Const { docs, name: named.name, value: named.value }))
        }
        _ => {
            let hint = match closest(first, WORDS.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None if super::statements::KEYWORDS.contains(&first) => {
                    format!("`{first}` belongs between the braces of a neuron or network")
                }
                None => "an item begins with neuron, network, surrogate, fn or const".to_string(),
            };
            let message = format!("expected an item, found `{first}`");
            parser.report(Diagnostic::error("E0106", place.span, message).hint(hint));
            None
        }
    }
}

/// The name in the header of an item.
fn header(parser: &mut Parser, rule: Rule, statement: &Statement) -> Option<Ident> {
    let pair = parser.apply(rule, statement)?;
    let name = pair.into_inner().find(|p| p.as_rule() == Rule::name)?;
    Some(parser.ident(statement, &name))
}

/// `NAME = EXPRESSION` among the parts of a pair.
pub(super) fn named(parser: &mut Parser, statement: &Statement, pair: pest::iterators::Pair<Rule>) -> Option<Let> {
    let (mut name, mut value) = (None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => name = Some(parser.ident(statement, &part)),
            Rule::expression => value = Some(parser.expression(statement, part)),
            _ => {}
        }
    }
    Some(Let { name: name?, value: value? })
}

fn function(parser: &mut Parser, statement: &Statement) -> Option<Function> {
    let pair = parser.apply(Rule::fn_item, statement)?;
    let mut names = Vec::new();
    let mut body = None;
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => names.push(parser.ident(statement, &part)),
            Rule::expression => body = Some(parser.expression(statement, part)),
            _ => {}
        }
    }
    let mut names = names.into_iter();
    let name = names.next()?;
    let body = body.unwrap_or_else(|| missing(statement.span));
    Some(Function { docs: statement.docs.clone(), name, arguments: names.collect(), body })
}

fn surrogate(parser: &mut Parser, statement: &Statement, block: Vec<Statement>) -> Option<Surrogate> {
    let pair = parser.apply(Rule::surrogate_item, statement)?;
    let mut name = None;
    let mut parameters = Vec::new();
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => name = Some(parser.ident(statement, &part)),
            Rule::default => parameters.extend(named(parser, statement, part)),
            _ => {}
        }
    }
    let mut surrogate = Surrogate {
        docs: statement.docs.clone(),
        name: name?,
        parameters,
        lets: Vec::new(),
        derivative: None,
        primitive: None,
        support: None,
    };
    for line in block {
        surrogate_line(parser, &line, &mut surrogate);
    }
    Some(surrogate)
}

fn surrogate_line(parser: &mut Parser, line: &Statement, surrogate: &mut Surrogate) {
    let words = parser.words(line);
    let first = words.first().copied().unwrap_or("");
    if line.block.is_some() {
        let message = "expected the end of the line, found a block";
        let hint = "a condition is an expression: `derivative = if c { a } else { b }`";
        parser.report(Diagnostic::error("E0107", line.span, message).hint(hint));
    }
    if first == "let" {
        if let Some(pair) = parser.apply(Rule::let_statement, line) {
            surrogate.lets.extend(named(parser, line, pair));
        }
        return;
    }
    let parts = ["derivative", "primitive", "support"];
    if !words.is_empty() && !parts.contains(&first) {
        let hint = match closest(first, parts.into_iter().chain(["let"])) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "the lines of a surrogate are let, derivative = g(x), primitive = G(x), support = w".into(),
        };
        let message = format!("expected a line of a surrogate, found `{first}`");
        parser.report(Diagnostic::error("E0106", parser.word_span(line, 0), message).hint(hint));
        return;
    }
    let Some(pair) = (!words.is_empty()).then(|| parser.apply(Rule::surrogate_line, line)).flatten() else { return };
    let value = pair.into_inner().find(|p| p.as_rule() == Rule::expression).map(|p| parser.expression(line, p));
    let slot = match first {
        "derivative" => &mut surrogate.derivative,
        "primitive" => &mut surrogate.primitive,
        _ => &mut surrogate.support,
    };
    if slot.is_some() {
        let message = format!("expected `{first}` once, found it again");
        parser
            .report(Diagnostic::error("E0107", parser.word_span(line, 0), message).hint("remove one of the two lines"));
        return;
    }
    *slot = value;
}
