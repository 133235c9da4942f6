//! Top-level items.

use super::expression::missing;
use super::grammar::{Parser, Rule};
use super::statements::Statement;
use super::tree::{Const, Function, Ident, Item, Let, Network, Neuron, Surrogate, Synapse};
use super::{network, neuron, synapse};
use crate::diagnostic::{Diagnostic, closest};

const WORDS: &[&str] = &["neuron", "network", "surrogate", "fn", "const", "synapse", "use"];

pub(super) fn items(parser: &mut Parser, statements: Vec<Statement>) -> Vec<Item> {
    let mut items = Vec::new();
    // What follows a header without its block is the block: it says nothing more.
    let mut headless = false;
    for statement in statements {
        let words = parser.words(&statement);
        let first = words.first().copied().unwrap_or("");
        if headless && !WORDS.contains(&first) && !matches!(first, "def" | "class") {
            continue;
        }
        let is_header = matches!(first, "neuron" | "synapse" | "network" | "surrogate") || words.last() == Some(&":");
        headless = statement.block.is_none() && (is_header || headless);
        items.extend(item(parser, statement));
    }
    items
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
        "use" => return Some(Item::Unsupported(place)),
        "neuron" | "synapse" | "network" | "surrogate" if words.get(2) == Some(&"extends") => {
            let span = parser.word_span(&statement, 2);
            return Some(Item::Unsupported(Ident { name: "extends".into(), span }));
        }
        "neuron" | "synapse" | "network" | "surrogate" if statement.block.is_none() => {
            let name = words.get(1).filter(|w| w.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
            let name = name.copied().unwrap_or("NAME");
            let found = if words.last() == Some(&":") { "`:`" } else { "the end of the statement" };
            let diagnostic = Diagnostic::error("E0107", statement.span, format!("expected `{{`, found {found}"));
            parser.report(diagnostic.hint(format!("write `{first} {name} {{ ... }}`")));
            return None;
        }
        "fn" | "const" if statement.block.is_some() => {
            let diagnostic = Diagnostic::error("E0107", statement.span, "expected an expression, found a block");
            let name = if first == "fn" { "NAME(x)" } else { "NAME" };
            parser.report(diagnostic.hint(format!("write `{first} {name} = EXPRESSION`")));
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
        "synapse" => {
            let name = header(parser, Rule::synapse_item, &statement)?;
            let statements = block.into_iter().filter_map(|s| synapse::statement(parser, s)).collect();
            Some(Item::Synapse(Synapse { docs, name, statements }))
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
                _ if habit(&words).is_some() => habit(&words).unwrap_or_default(),
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

/// What to write in place of a statement of other tools.
fn habit(words: &[&str]) -> Option<String> {
    let has = |word: &str| words.contains(&word);
    let first = words.first().copied()?;
    let text = match first {
        "import" | "from" | "include" => "remove it: the neurons and functions of the library are known everywhere",
        "def" => "a function is written `fn NAME(x) = EXPRESSION`",
        "class" | "model" | "cell" | "component" => {
            "a neuron is written `neuron NAME { ... }`, a network `network NAME { ... }`"
        }
        "end" => "a block ends with `}`",
        "run" => "write the duration into the network: `simulate dt = 1 ms, for 100 ms`",
        "<" => "a neuron is written `neuron NAME { ... }`, without tags",
        _ if has("NeuronGroup") || has("Create") => {
            "neurons of one kind are a layer of a network: `layer NAME[100] = LIF`"
        }
        _ if has("Synapses") || has("Connect") => {
            "synapses are a projection of a network: `SOURCE -> LAYER.PORT : dense`"
        }
        _ if has("->") => "a projection belongs between the braces of a network",
        _ if words.windows(2).any(|w| w == ["/", "dt"]) => "an equation belongs between the braces of a neuron",
        _ if words.get(1) == Some(&".") => {
            "values are set where they are declared, by `param` and `state` lines of a neuron"
        }
        _ if words.get(1) == Some(&"=") => return Some(format!("a constant is written `const {first} = ...`")),
        _ => return None,
    };
    Some(text.into())
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
