//! What the grammar expected, in the reader's words.

use super::grammar::Rule;
use super::habits::habit;
use super::statements::Statement;
use crate::diagnostic::{Diagnostic, closest};
use crate::source::{FileId, Span};
use pest::error::{Error, ErrorVariant, InputLocation};

/// The diagnostic for a statement that does not fit its rule. `words` are the words of the statement.
pub(super) fn diagnostic(
    file: FileId,
    statement: &Statement,
    words: &[&str],
    rule: Rule,
    error: &Error<Rule>,
) -> Diagnostic {
    let offset = match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((at, _)) => at,
    } as u32;
    let at = statement.span.start + offset;
    let k = statement.tokens.iter().position(|t| t.end as u32 > at).unwrap_or(words.len());
    let (found, span) = match statement.tokens.get(k) {
        Some(t) => (format!("`{}`", words[k]), Span { file, start: t.start as u32, end: t.end as u32 }),
        None => ("the end of the statement".into(), Span { file, start: statement.span.end, end: statement.span.end }),
    };
    let wanted = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => list(positives),
        ErrorVariant::CustomError { message } => message.clone(),
    };
    let ends = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.contains(&Rule::EOI),
        ErrorVariant::CustomError { .. } => false,
    };
    let code = if words.get(k).is_some() { "E0110" } else { "E0111" };
    let diagnostic = Diagnostic::error(code, span, format!("expected {wanted}, found {found}"));
    let operands = || product(statement, words, k);
    if wanted == "`else`" {
        return diagnostic.hint("a choice is a value and has two branches: `if c { a } else { b }`");
    }
    if let Some(hint) = habit(words, k, rule, &wanted) {
        return diagnostic.hint(hint);
    }
    match hint(words, k, rule, (ends, wanted == "a name"), operands) {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The remedy: habits of other tools first, then the form of the statement. `ends` and `name` tell whether the statement
/// could end here, and whether nothing but a name could stand here; `product` writes the words around `k` as a product.
fn hint(
    words: &[&str],
    k: usize,
    rule: Rule,
    (ends, name): (bool, bool),
    product: impl Fn() -> String,
) -> Option<String> {
    let word = |i: usize| words.get(i).copied().unwrap_or("");
    let (found, before) = (word(k), if k > 0 { word(k - 1) } else { "" });
    let next = word(k + 1);
    let is_name = |w: &str| w.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let is_keyword = |w: &str| super::statements::KEYWORDS.contains(&w);
    let in_expression = words[..k].contains(&"=") || rule == Rule::loss_statement;
    let wrong_colon = match rule {
        Rule::state_statement => words[..k].contains(&"="),
        Rule::layer_statement => true,
        _ => false,
    };
    if found == ":" && wrong_colon {
        return form(rule).map(|f| format!("the form is `{f}`"));
    }
    if rule == Rule::param_statement && before == "per" {
        return Some("write `per neuron`".into());
    }
    if rule != Rule::fn_item && (found == "lambda" || before == "lambda") {
        return Some("a function is defined at the top level: `fn NAME(x) = EXPRESSION`".into());
    }
    if found == "." && next.starts_with(|c: char| c.is_ascii_digit()) && !is_name(before) {
        return Some(format!("write `0.{next}`"));
    }
    if rule == Rule::projection_statement && found == "->" && k > 2 && word(k - 2) == "," {
        return Some(format!("a comma continues the statement: remove the one before `{before}`"));
    }
    if rule == Rule::projection_statement && found == ":" && word(k.wrapping_sub(2)) == "->" {
        return Some(format!("name the port of the layer, e.g. `{before}.exc`"));
    }
    if rule == Rule::spike_statement
        && !words.contains(&"when")
        && matches!(found, "surrogate" | "scale" | "reset" | "")
    {
        return Some("the condition is missing: write `spike when V >= V_th`".into());
    }
    let known = match found {
        "if" if rule == Rule::spike_statement && k == 1 => Some("write `spike when V >= V_th`"),
        "spike" if rule == Rule::on_statement && k == 1 => {
            Some("what a neuron's own spike does stands in its threshold: `spike when V >= V_th ... { V = V_reset }`")
        }
        ":" if next == "=" => Some("write an assignment with ="),
        "=" if rule == Rule::spike_statement && before != "=" => Some("a threshold is a comparison: write `>=`"),
        "**" => Some("a power is written a^b"),
        "&&" => Some("write `and`"),
        "||" => Some("write `or`"),
        "/=" => Some("write `x = x / e`"),
        "<-" => Some("write an assignment with ="),
        "=>" => Some("a comparison is written >=, a projection ->"),
        "elif" => Some("write `else if`"),
        "," if matches!(rule, Rule::spike_statement | Rule::param_statement)
            || rule == Rule::refractory_statement && next == "holding" =>
        {
            Some("there are no commas between clauses: remove it")
        }
        _ if before == "lr" && rule == Rule::projection_statement => Some("write `lr x 0.1`"),
        _ if before == "^" && found.contains('.') && ends => {
            Some("the power of a unit is a whole number; a power of the quantity is written `(3 mV)^2.5`")
        }
        "else" | "if" if !words[..k].contains(&"if") || found == "if" => {
            Some("a choice is written `if c { a } else { b }`")
        }
        ":" if rule == Rule::equation_statement => {
            Some("an equation has no unit annotation: the unit belongs to the state, as in `state V : mV`")
        }
        ":" if in_expression => Some("a choice is written `if c { a } else { b }`"),
        "=" if before == "=" => Some("one = is enough here"),
        _ => None,
    };
    if let Some(text) = known {
        return Some(text.into());
    }
    if k == 1 && name && is_reserved(found) {
        return Some(format!("`{found}` is a keyword: choose another name"));
    }
    let clauses = clauses(rule);
    if let Some(near) = closest(found, clauses.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    // A misspelt word was taken for a unit or name; it is behind it that nothing fits.
    if k > 1
        && !clauses.contains(&before)
        && let Some(near) = closest(before, clauses.iter().copied())
    {
        return Some(format!("did you mean `{near}` in place of `{before}`?"));
    }
    if k > 0 && is_keyword(found) {
        if ends {
            return Some("a statement ends at the end of the line or at `;`".into());
        }
        if is_operator(before) {
            return Some(format!("write the expression that belongs behind `{before}`"));
        }
    }
    let after_operand = is_name(before) && !is_reserved(before) || matches!(before, ")" | "]");
    let operand_here = is_name(found) && !is_reserved(found) || found == "(";
    if in_expression && after_operand && operand_here {
        return Some(format!("there is no product without a sign: write `{}`", product()));
    }
    form(rule).map(|f| format!("the form is `{f}`"))
}

fn is_operator(word: &str) -> bool {
    matches!(word, "+" | "-" | "*" | "/" | "^" | "=" | "<" | ">" | ">=" | "<=" | "==" | "!=" | "and" | "or" | "not")
}

/// The operands on both sides of the place before word `k`, with the sign between them.
fn product(statement: &Statement, words: &[&str], k: usize) -> String {
    let word = |i: usize| words.get(i).copied().unwrap_or("");
    let mut first = k.saturating_sub(1);
    if word(first) == ")" {
        let mut open = 0;
        for i in (0..k).rev() {
            open += i32::from(word(i) == ")") - i32::from(word(i) == "(");
            if open == 0 {
                first = i;
                break;
            }
        }
        // A call has its name before the bracket.
        let is_call = first > 0 && word(first - 1).starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        first -= usize::from(is_call && !is_reserved(word(first - 1)));
    }
    let mut last = k;
    let bracket = if word(k) == "(" { k } else { k + 1 };
    if word(bracket) == "(" {
        let mut open = 0;
        for i in bracket..words.len() {
            open += i32::from(word(i) == "(") - i32::from(word(i) == ")");
            if open == 0 {
                last = i;
                break;
            }
        }
    }
    let text = |range: std::ops::RangeInclusive<usize>| {
        let mut text = String::new();
        let mut end = None;
        for i in range {
            let Some(token) = statement.tokens.get(i) else { continue };
            if end.is_some_and(|end| end < token.start) {
                text.push(' ');
            }
            text.push_str(word(i));
            end = Some(token.end);
        }
        text
    };
    format!("{}*{}", text(first..=k.saturating_sub(1)), text(k..=last))
}

/// The words that cannot be names.
fn is_reserved(word: &str) -> bool {
    let others = [
        "when",
        "holding",
        "if",
        "else",
        "and",
        "or",
        "not",
        "in",
        "trainable",
        "per",
        "scale",
        "detached",
        "next_step",
        "reset",
        "for",
        "extends",
    ];
    super::statements::KEYWORDS.contains(&word) || others.contains(&word)
}

/// The words that go on with a statement.
fn clauses(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::spike_statement => &["when", "surrogate", "scale", "reset", "detached", "next_step"],
        Rule::refractory_statement => &["holding", "events", "kept"],
        Rule::param_statement => &["trainable", "per", "neuron"],
        _ => &[],
    }
}

fn form(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::neuron_item => "neuron NAME { ... }",
        Rule::network_item => "network NAME { ... }",
        Rule::surrogate_item => "surrogate NAME(alpha = 1) { derivative = ...; primitive = ... }",
        Rule::fn_item => "fn NAME(a, b) = EXPRESSION",
        Rule::const_item => "const NAME = EXPRESSION",
        Rule::param_statement => "param NAME = VALUE [in LOW .. HIGH] [trainable] [per neuron]",
        Rule::state_statement => "state NAME : UNIT = START",
        Rule::event_statement => "event NAME : UNIT",
        Rule::drive_statement => "drive NAME : UNIT",
        Rule::let_statement => "let NAME = EXPRESSION",
        Rule::equation_statement => "tau dV/dt = EXPRESSION",
        Rule::on_statement => "on PORT { STATE += PORT }",
        Rule::weight_statement => "weight NAME : UNIT",
        Rule::reads_statement => "reads STATE : UNIT` or `reads pre STATE_pre : UNIT",
        Rule::sided_state_statement => "pre state NAME : UNIT = START",
        Rule::sum_statement => "sum NAME : UNIT = w*EXPRESSION",
        Rule::output_statement => "output EXPRESSION",
        Rule::assign_statement => "STATE += EXPRESSION",
        Rule::spike_statement => "spike when V >= V_th surrogate sigmoid(alpha = 4) scale SCALE { V -= V_th }",
        Rule::refractory_statement => "refractory TIME holding STATE",
        Rule::integrate_statement => "integrate exponential_euler",
        Rule::surrogate_line => "derivative = EXPRESSION",
        Rule::simulate_statement => "simulate dt = 1 ms, for 100 ms",
        Rule::input_statement => "input NAME[SIZE] spikes",
        Rule::target_statement => "target NAME : class[SIZE]` or `target NAME : class[SIZE] over time",
        Rule::layer_statement => "layer NAME[SIZE] = MODEL(tau = 20 ms)",
        Rule::projection_statement => "SOURCE -> LAYER.PORT : dense, delay 1 step",
        Rule::loss_statement => "loss EXPRESSION",
        Rule::readout_statement => "readout NAME = EXPRESSION",
        _ => return None,
    })
}

/// Rules by the words of the reader, each once; operators are one thing.
fn list(rules: &[Rule]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for &rule in rules {
        let name = describe(rule);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // An expression begins with a name, a number or a bracket, and goes on with a bracket behind a name.
    if names.contains(&"an expression") {
        names.retain(|n| !matches!(*n, "a name" | "a number" | "`(`"));
    }
    if names.contains(&"an operator") {
        names.retain(|n| *n != "`(`");
    }
    // Where an expression may go on, everything else that may follow it is more telling.
    if names.len() > 4 {
        names.retain(|n| *n != "an operator");
    }
    match names.as_slice() {
        [] => "something else".into(),
        [one] => (*one).into(),
        [all @ .., last] => format!("{} or {last}", all.join(", ")),
    }
}

fn describe(rule: Rule) -> &'static str {
    match rule {
        Rule::expression
        | Rule::operand
        | Rule::quantity
        | Rule::call
        | Rule::field
        | Rule::variable
        | Rule::bracket
        | Rule::choice
        | Rule::negate
        | Rule::not
        | Rule::prefix
        | Rule::unit_or_name
        | Rule::if_word => "an expression",
        Rule::infix
        | Rule::power
        | Rule::multiply
        | Rule::divide
        | Rule::add
        | Rule::subtract
        | Rule::ge
        | Rule::le
        | Rule::eq
        | Rule::ne
        | Rule::gt
        | Rule::lt
        | Rule::and
        | Rule::or => "an operator",
        Rule::name | Rule::field_name => "a name",
        Rule::unit_name => "a unit",
        Rule::number => "a number",
        Rule::whole => "a whole number",
        Rule::argument => "an argument",
        Rule::range | Rule::low | Rule::high => "a range `low .. high`",
        Rule::EOI => "the end of the statement",
        Rule::assign => "`=`, `+=` or `-=`",
        Rule::in_clause | Rule::in_word => "`in low .. high`",
        Rule::trainable => "`trainable`",
        Rule::per_neuron | Rule::per_word => "`per neuron`",
        Rule::unit => "`: unit`",
        Rule::initial => "`= start`",
        Rule::coefficient => "a coefficient",
        Rule::derivative => "a derivative dV/dt",
        Rule::when_word => "`when`",
        Rule::surrogate_clause | Rule::surrogate_word => "`surrogate`",
        Rule::scale_clause | Rule::scale_word => "`scale`",
        Rule::reset_clause | Rule::reset_word => "`reset`",
        Rule::detached => "`detached`",
        Rule::next_step => "`next_step`",
        Rule::holding_word => "`holding`",
        Rule::events_kept | Rule::events_word => "`events kept`",
        Rule::kept_word => "`kept`",
        Rule::dt_word => "`dt`",
        Rule::for_word => "`for`",
        Rule::else_word => "`else`",
        Rule::neuron_word => "`neuron`",
        Rule::callable => "a name with its arguments",
        Rule::default => "a parameter with its default",
        Rule::option => "an option",
        Rule::edges | Rule::edges_word => "`edges`",
        Rule::text => "a file in quotes",
        Rule::bias => "`bias`",
        Rule::delay | Rule::delay_word => "`delay`",
        Rule::init | Rule::init_word => "`init`",
        Rule::sign | Rule::sign_word => "`sign`",
        Rule::plus | Rule::minus => "`+` or `-`",
        Rule::no_self => "`no_self`",
        Rule::frozen => "`frozen`",
        Rule::learning_rate | Rule::lr_word => "`lr`",
        Rule::times_word => "`x`",
        Rule::clip | Rule::clip_word => "`clip`",
        Rule::dropout | Rule::dropout_word => "`dropout`",
        Rule::over_time | Rule::over_word => "`over time`",
        Rule::time_word => "`time`",
        Rule::equals => "`=`",
        Rule::comma => "`,`",
        Rule::colon => "`:`",
        Rule::open => "`(`",
        Rule::close => "`)`",
        Rule::square_open => "`[`",
        Rule::square_close => "`]`",
        Rule::brace_open => "`{`",
        Rule::brace_close => "`}`",
        Rule::arrow => "`->`",
        Rule::dots => "`..`",
        Rule::dot => "`.`",
        Rule::surrogate_part => "`derivative`, `primitive` or `support`",
        _ => "a statement",
    }
}
