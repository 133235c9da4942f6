//! Habits of other languages inside statements, and what to write in their place.

use super::grammar::Rule;

/// The remedy for the `k`-th word of a statement, where `wanted` was expected.
pub(super) fn habit(words: &[&str], k: usize, rule: Rule, wanted: &str) -> Option<String> {
    let word = |i: usize| words.get(i).copied().unwrap_or("");
    let (found, before, next) = (word(k), if k > 0 { word(k - 1) } else { "" }, word(k + 1));
    let wants = |sign: &str| wanted.contains(sign);
    let is_number = |w: &str| w.starts_with(|c: char| c.is_ascii_digit());
    let is_name = |w: &str| w.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let in_range = rule == Rule::param_statement && words[..k].contains(&"in");
    let text = match (before, found, next) {
        // Declarations.
        (name, unit, "=") if k == 2 && rule == Rule::param_statement && is_name(unit) => {
            let number = if is_number(word(4)) { word(4) } else { "10" };
            return Some(format!("the unit stands behind the number: `param {name} = {number} {unit}`"));
        }
        (_, ",", "")
            if matches!(
                rule,
                Rule::param_statement | Rule::state_statement | Rule::event_statement | Rule::drive_statement
            ) =>
        {
            "a statement ends at the end of the line: remove the comma"
        }
        (_, ",", _) if matches!(rule, Rule::state_statement | Rule::event_statement | Rule::drive_statement) => {
            return Some(format!("every name has a line of its own: `{} {next} ...`", word(0)));
        }
        (name, unit, _)
            if k == 2
                && is_name(unit)
                && !is_keyword(unit)
                && matches!(rule, Rule::state_statement | Rule::event_statement | Rule::drive_statement) =>
        {
            return Some(format!("the unit stands behind a colon: `{} {name} : {unit}`", word(0)));
        }
        (name, ":", unit) if k == 2 && matches!(rule, Rule::param_statement | Rule::let_statement) => {
            let form = if rule == Rule::let_statement { "let" } else { "param" };
            if is_number(word(k + 3)) && word(k + 2) == "=" && word(k + 4).is_empty() && is_name(unit) {
                return Some(format!("it has the unit of its value: `{form} {name} = {} {unit}`", word(k + 3)));
            }
            return Some(format!("it has the unit of its value: `{form} {name} = ...`"));
        }
        ("unless", "refractory", _) => "write a line `refractory 2 ms holding STATE`",
        (_, "==", _) if k == 2 && wanted == "`=`" => "one = is enough here",
        // Ranges.
        ("in", "[", _) => "a range is written `0 .. 1`, without brackets",
        (_, ".", "..") | ("..", ".", _) => "a range is written with two points: `0 .. 1`",
        (_, "..", _) if in_range => "a range has two ends: `0 .. 1`",
        _ if in_range && (wants("`..`") || found == "," && !words[..k].contains(&"..")) => {
            "a range is written `in 0 .. 1`"
        }
        // Assignments.
        ("self", ".", name) => return Some(format!("names stand alone: write `{name}`")),
        (state, "+", "+") | (state, "-", "-") if rule == Rule::assign_statement && k == 1 => {
            return Some(format!("write `{state} {found}= 1`"));
        }
        (state, "^" | "**", "=") if rule == Rule::assign_statement && k == 1 => {
            return Some(format!("write `{state} = {state}^...`"));
        }
        (state, "/=", _) if k == 1 => return Some(format!("write `{state} = {state}/...`")),
        ("=", "+", _) => "a number has no sign `+`: remove it, or write `+=`",
        (_, ",", _) if rule == Rule::assign_statement && !wants("`)`") => "assignments are separated by `;`",
        // Numbers.
        (whole, ".", fraction) if is_number(whole) && (fraction.is_empty() || !is_name(fraction)) => {
            return Some(format!("write digits behind the point: `{whole}.0`"));
        }
        (whole, ".", exponent) if is_number(whole) && exponent.starts_with(['e', 'E']) => {
            return Some(format!("write digits behind the point: `{whole}.0{exponent}`"));
        }
        (_, ",", _)
            if rule == Rule::projection_statement
                && k > 2
                && word(k - 2) == "("
                && matches!(word(k - 3), "(" | "=") =>
        {
            "the sides of a window are two arguments: `conv(3, 3)`"
        }
        (whole, ",", fraction) if is_number(whole) && is_number(fraction) && words[..k].last() == Some(&whole) => {
            return Some(format!("numbers are written with a point: `{whole}.{fraction}`"));
        }
        (_, _, "") if before.is_empty() => return None,
        // Choices.
        _ if wants("`{`") && words.contains(&"if") => match (found, next) {
            ("=", "<") => "write `<=`",
            ("=", ">") | ("=>", _) => "write `>=`",
            ("=", _) | ("is", _) => "compare with `==`",
            _ => "a choice is written `if c { a } else { b }`",
        },
        ("<", ">", _) => "write `!=`",
        ("==", "=", _) => "write `==`",
        // Calls.
        ("(" | ",", ",", _) if wants("an argument") || wants("an expression") => {
            "remove the comma, or write what belongs before it"
        }
        (_, ";", _) if wants("`)`") => "arguments are separated by commas",
        (name, "[", _)
            if is_name(name)
                && wants("an operator")
                && matches!(rule, Rule::loss_statement | Rule::readout_statement)
                && words[k..].contains(&"..") =>
        {
            return Some(format!("all neurons of `{name}` are meant: make the part a layer of its own"));
        }
        (name, "[", _) if is_name(name) && wants("an operator") => {
            return Some(format!("a function has round brackets: `{name}(...)`; states are no lists"));
        }
        (name, "(", _) if k > 2 && word(k - 2) == "." && is_name(name) => {
            return Some(format!("functions belong to nothing: write `{name}(...)`"));
        }
        (name, ".", _) if k > 2 && word(k - 2) == "." && is_name(name) => "a name has one point at most: `LAYER.STATE`",
        (_, "," | "", _) if rule == Rule::projection_statement && is_last_option(&words[..k], "clip") => {
            "write `clip 0 nA .. 1 nA`; either end may be left out"
        }
        (_, ",", _) if wants("`)`") && !wants("`,`") => "there are no lists: remove the comma",
        (a, b, _) if wants("`,`") && wants("`)`") && is_name(a) && (is_name(b) || is_number(b)) => {
            return Some(format!("arguments are separated by commas: `{a}, {b}`"));
        }
        // Synapses.
        (_, "=", _) if rule == Rule::weight_statement => {
            "how weights begin is said where the synapse is used: `x -> a.I_ext : dense, S, init constant(1 nA)`"
        }
        // Networks.
        (name, "[", _) if rule == Rule::projection_statement && k > 2 && word(k - 2) == "." => {
            return Some(format!("the range stands behind the layer: `{}[...].{name}`", word(k - 3)));
        }
        (first, ":", _) if rule == Rule::projection_statement && wants("`..`") => {
            let last = if is_number(next) { format!(" {next}") } else { String::new() };
            return Some(format!("a range is written with two points: `{first} ..{last}`"));
        }
        (one, "]", _) if rule == Rule::projection_statement && wants("`..`") => {
            return Some(match one.parse::<u32>() {
                Ok(n) => format!("a part is a range, whose end is not in it: `[{n} .. {}]`", n.saturating_add(1)),
                Err(_) => "a part is a range, whose end is not in it: `[3 .. 4]`".into(),
            });
        }
        ("dropout", _, _) if matches!(rule, Rule::projection_statement) && is_number(found) => {
            "it belongs to the layer whose neurons fall silent: `layer a[10] = LIF, dropout 0.2`"
        }
        (_, ",", "dropout") if rule == Rule::input_statement => {
            "layers alone have dropout: `layer a[10] = LIF, dropout 0.2`"
        }
        (_, "delay" | "init" | "bias" | "sign" | "no_self" | "frozen" | "lr" | "clip", _)
            if rule == Rule::layer_statement =>
        {
            return Some(format!("`{found}` is an option of a projection: `a -> b.exc : dense, {found} ...`"));
        }
        (_, "weight" | "weights" | "source" | "target" | "delay", _)
            if words[..k].contains(&"edges") && !wants("`,`") =>
        {
            "the arrays of the file are called `source`, `target`, `weight` and `delay`, and the file stands alone"
        }
        (layer, "", _) if rule == Rule::projection_statement && k == 3 && is_name(layer) => {
            return Some(format!("name the port of the layer, e.g. `{layer}.exc : dense`"));
        }
        (name, "=" | "", _) if k == 2 && matches!(rule, Rule::layer_statement | Rule::input_statement) => {
            return Some(format!("the size stands in square brackets: `{} {name}[10] ...`", word(0)));
        }
        (_, "=" | ":", _) if rule == Rule::loss_statement && k == 1 => "write `loss EXPRESSION`",
        ("minimize" | "minimise" | "maximize" | "maximise", _, _) if rule == Rule::loss_statement => {
            "a loss is minimised: write it alone, or with a `-` before it"
        }
        (option, "=", _) if rule == Rule::projection_statement => match option {
            "bias" | "no_self" | "frozen" => return Some(format!("write `{option}` alone")),
            "delay" => "write `delay 1 step` or `delay 2 ms`",
            "clip" => "write `clip 0 nA .. 1 nA`",
            "init" => "write `init normal(0 nA, 1 nA)`",
            "lr" => "write `lr x 0.1`",
            "weight" | "weights" | "w" => "weights are set by `init`, e.g. `init constant(1 nA)`",
            "p" | "prob" | "probability" => "write `random(0.1)` as the kind of connectivity",
            // A parameter of a synapse behind its brackets.
            _ => match words[..k].iter().rposition(|w| *w == ",").and_then(|comma| words.get(comma.wrapping_sub(1))) {
                Some(synapse) if synapse.starts_with(|c: char| c.is_ascii_uppercase()) && is_name(option) => {
                    return Some(format!(
                        "parameters stand in the brackets of what they belong to: `{synapse}({option} = ...)`"
                    ));
                }
                _ => return None,
            },
        },
        _ => return None,
    };
    Some(text.into())
}

/// Whether the last option of a projection so far begins with a word.
fn is_last_option(words: &[&str], option: &str) -> bool {
    let mut open = 0i32;
    let mut after = words.len();
    for (k, word) in words.iter().enumerate().rev() {
        open += i32::from(matches!(*word, ")" | "]")) - i32::from(matches!(*word, "(" | "["));
        // The bracket in which the words end belongs to the option.
        if open <= 0 && matches!(*word, "," | ":") {
            break;
        }
        after = k;
    }
    words.get(after) == Some(&option)
}

fn is_keyword(word: &str) -> bool {
    super::statements::KEYWORDS.contains(&word)
}
