//! Statements of a synapse: those of a neuron, and what belongs to a connection.

use super::grammar::{Parser, Rule};
use super::neuron;
use super::statements::Statement;
use super::tree::{Ident, NeuronStatement, Port, Side, State, SynapseStatement};
use crate::diagnostic::{Diagnostic, closest};

const WORDS: &[&str] =
    &["param", "state", "pre", "post", "edge", "weight", "reads", "sum", "output", "let", "on", "integrate"];

pub(super) fn statement(parser: &mut Parser, statement: Statement) -> Option<SynapseStatement> {
    let words = parser.words(&statement);
    let first = *words.first()?;
    let second = words.get(1).copied().unwrap_or("");
    let place = Ident { name: first.to_string(), span: parser.word_span(&statement, 0) };
    let own = match first {
        "pre" | "post" | "edge" => Some(Rule::sided_state_statement),
        "weight" => Some(Rule::weight_statement),
        "reads" => Some(Rule::reads_statement),
        "sum" => Some(Rule::sum_statement),
        "output" => Some(Rule::output_statement),
        _ => None,
    };
    // A state may be called like these words: `pre += 1` stands in a block, and an equation has a slash.
    if let Some(rule) = own.filter(|_| second != "/") {
        if statement.block.is_some() {
            let message = format!("expected the end of the statement, found a block after `{first}`");
            let hint = if matches!(first, "pre" | "post") {
                format!("what happens at a spike is written `on {first} {{ ... }}`")
            } else {
                "only `on` has a block".into()
            };
            parser.report(Diagnostic::error("E0107", statement.span, message).hint(hint));
            return None;
        }
        return parts(parser, rule, &statement);
    }
    if matches!(first, "spike" | "refractory" | "event" | "drive") {
        let message = format!("expected a statement of a synapse, found `{first}`");
        let hint = match first {
            "event" => "what a spike brings is the weight: `weight w : nA`, and `on pre { g += w }`",
            "drive" => "a state of the target neuron is read by `reads V : mV`",
            _ => "thresholds belong to neurons: a synapse has `on pre { ... }` and `on post { ... }`",
        };
        parser.report(Diagnostic::error("E0106", place.span, message).hint(hint));
        return None;
    }
    let is_equation = words.windows(2).any(|w| w == ["/", "dt"]);
    if !WORDS.contains(&first) && !is_equation {
        let hint = match closest(first, WORDS.iter().copied()) {
            _ if matches!(first, "on_pre" | "pre_spike" | "presyn") => "write `on pre { ... }`".into(),
            _ if matches!(first, "on_post" | "post_spike" | "postsyn") => "write `on post { ... }`".into(),
            _ if first.starts_with("presyn") => "what is at the source is called `pre`: `pre state x`".into(),
            _ if first.starts_with("postsyn") => "what is at the target needs no word: `state g : uS`".into(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its statements begin with {}", WORDS.join(", ")),
        };
        let message = format!("expected a statement of a synapse, found `{first}`");
        parser.report(Diagnostic::error("E0106", place.span, message).hint(hint));
        return None;
    }
    match neuron::statement(parser, statement)? {
        NeuronStatement::State(state) => Some(SynapseStatement::State(Side::Post, state)),
        other => Some(SynapseStatement::Common(other)),
    }
}

fn parts(parser: &mut Parser, rule: Rule, statement: &Statement) -> Option<SynapseStatement> {
    let pair = parser.apply(rule, statement)?;
    let (mut name, mut unit, mut initial, mut value) = (None, None, None, None);
    let mut side = Side::Post;
    for part in pair.into_inner() {
        let expression = |parser: &mut Parser, part: pest::iterators::Pair<Rule>| {
            let inner = part.into_inner().find(|p| p.as_rule() == Rule::expression)?;
            Some(parser.expression(statement, inner))
        };
        match part.as_rule() {
            Rule::name => name = Some(parser.ident(statement, &part)),
            Rule::unit => unit = expression(parser, part),
            Rule::initial => initial = expression(parser, part),
            Rule::expression => value = Some(parser.expression(statement, part)),
            Rule::pre_word => side = Side::Pre,
            Rule::side => {
                side = match part.as_str() {
                    "pre" => Side::Pre,
                    "edge" => Side::Edge,
                    _ => Side::Post,
                }
            }
            _ => {}
        }
    }
    let docs = statement.docs.clone();
    Some(match rule {
        Rule::output_statement => SynapseStatement::Output(value?),
        Rule::sided_state_statement => SynapseStatement::State(side, State { docs, name: name?, unit, initial }),
        Rule::sum_statement => SynapseStatement::Sum(Port { docs, name: name?, unit }, value?),
        Rule::reads_statement => SynapseStatement::Reads(side, Port { docs, name: name?, unit }),
        _ => SynapseStatement::Weight(Port { docs, name: name?, unit }),
    })
}
