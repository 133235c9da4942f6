//! Values that stand outside of a model, such as those of options: the expressions and units of the language, without
//! names of a model.

use super::budget::Budget;
use super::dimension::Dimension;
use super::scope::{Definitions, Scope};
use super::typing::Typing;
use super::values;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Value;
use crate::source::SourceMap;
use crate::syntax;
use crate::syntax::tree::{Expr, Item};
use std::rc::Rc;

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// `expected X, found Y`
    pub message: String,
    /// What to type instead.
    pub hint: Option<String>,
}

/// A number in base units; `what` names it in messages.
pub(crate) fn constant(text: &str, expected: Dimension, what: &str) -> Result<f64, Mistake> {
    evaluate(text, what, |typing, expr| typing.constant_of(expr, expected, what))
}

/// A number in base units, and what it measures.
pub(crate) fn quantity(text: &str, what: &str) -> Result<(f64, Dimension), Mistake> {
    evaluate(text, what, |typing, expr| typing.constant(expr, what))
}

/// A number in base units or a distribution of them.
pub(crate) fn value(text: &str, expected: Dimension, what: &str) -> Result<Value, Mistake> {
    evaluate(text, what, |typing, expr| values::value(typing, expr, Some(expected), what).map(|v| v.0))
}

fn evaluate<T>(
    text: &str,
    what: &str,
    find: impl for<'a> FnOnce(&mut Typing<'a>, &'a Expr) -> Option<T>,
) -> Result<T, Mistake> {
    let nothing = |hint: &str| Mistake { message: format!("expected a value for {what}"), hint: Some(hint.into()) };
    let text = text.trim();
    if text.is_empty() {
        return Err(Mistake { message: format!("expected a value for {what}, found nothing"), hint: None });
    }
    if text.contains(['\n', '\r', ';']) || text.contains("//") {
        return Err(nothing("write one value, such as `20 mV`, on one line and without comments"));
    }
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("", format!("const x = {text}"), false);
    let tree = syntax::parse(&sources, file, &mut diagnostics);
    let line = match tree.items.as_slice() {
        [Item::Const(line)] if !diagnostics.has_errors() => line,
        _ => return Err(first(diagnostics).unwrap_or_else(|| nothing("write a value such as `20 mV`"))),
    };
    let budget = Rc::new(Budget::new(text.len()));
    let definitions = Definitions {
        functions: Default::default(),
        broken_functions: Default::default(),
        constants: Scope::new(),
        budget,
        reported: Default::default(),
    };
    let mut typing = Typing::new(&sources, &definitions, Scope::new());
    let found = find(&mut typing, &line.value);
    let mistake = first(std::mem::take(&mut typing.diagnostics));
    match (found, mistake) {
        (Some(found), None) => Ok(found),
        (_, mistake) => Err(mistake.unwrap_or_else(|| nothing("write a value such as `20 mV`"))),
    }
}

/// The first mistake.
fn first(diagnostics: Diagnostics) -> Option<Mistake> {
    let Diagnostic { code, message, hints, .. } = diagnostics.into_sorted().into_iter().next()?;
    let message = message.replace("the end of the statement", "the end");
    let mut hint = hints.into_iter().next();
    let is_about_text = match &hint {
        Some(hint) => hint.contains("const") || code == "E0201" && !hint.starts_with("did you mean"),
        None => code == "E0201",
    };
    if is_about_text {
        // There is no text in which something could be defined.
        hint = Some("a value is made of numbers and units, such as `20 mV`".into());
    }
    Some(Mistake { message, hint })
}

#[cfg(test)]
mod tests {
    use super::{constant, quantity, value};
    use crate::check::Dimension;
    use crate::model::Value;

    #[test]
    fn values_are_those_of_the_language() {
        let voltage = |text| constant(text, Dimension::VOLTAGE, "V");
        for (text, expected) in
            [("10mV", 10.0), ("10 mV", 10.0), ("-0.07 V", -70.0), ("2*(3 mV)", 6.0), ("1 nA * 2 MOhm", 2.0)]
        {
            assert_eq!(voltage(text), Ok(expected), "{text}");
        }
        assert_eq!(quantity("0.1*mV/ms", "x"), Ok((0.1, Dimension::VOLTAGE.over(Dimension::TIME))));
        let drawn = value("uniform(1 ms, 2 ms)", Dimension::TIME, "tau");
        assert_eq!(drawn, Ok(Value::Uniform { low: 1.0, high: 2.0 }));
    }

    #[test]
    fn mistakes_have_words_and_remedies() {
        let cases = [
            ("10", "expected mV for V, found a number without unit", "write the unit: `10 mV`"),
            ("10 mS", "expected mV for V, found uS", "write the number in mV"),
            ("10 mvolt", "expected a unit, found `mvolt`", "did you mean `mV`?"),
            ("tau", "expected a name or a unit, found `tau`", "a value is made of numbers and units"),
            ("1/0*mV", "expected a divisor other than 0", "a quotient by 0"),
            ("uniform(2 ms, 1 ms)", "", ""),
            ("1 mV; 2 mV", "expected a value for V", "write one value"),
            ("1 mV)+(1 mV", "", ""),
            ("", "expected a value for V, found nothing", ""),
            ("(", "", ""),
            ("1 mV 2", "", ""),
            ("'", "", ""),
        ];
        for (text, message, hint) in cases {
            let mistake = constant(text, Dimension::VOLTAGE, "V").unwrap_err();
            assert!(mistake.message.starts_with(message), "{text}: {mistake:?}");
            assert!(mistake.hint.clone().unwrap_or_default().starts_with(hint), "{text}: {mistake:?}");
        }
    }
}
