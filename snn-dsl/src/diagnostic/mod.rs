//! What the compiler has to say about a text: one type for every mistake and every warning.

pub mod catalogue;
mod render;
pub mod suggest;

pub use suggest::closest;

use crate::source::Span;
pub use render::{Style, json, render, render_all};
use std::collections::BTreeMap;

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Code can be generated, but probably not the code that was meant.
    Warning,
    /// No code is generated.
    Error,
}

/// A place with a word of explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
    /// The place where the mistake can be mended (underlined with `^`), in contrast to supporting places.
    pub primary: bool,
}

/// One mistake or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave.
    pub severity: Severity,
    /// The stable code, e.g. `E0201`; `E01..` syntax, `E02..` names, `E03..` units, `E04..` neurons, `E05..` networks,
    /// `E06..` losses and readouts, `E09..` not supported yet. Each has a page in the [`catalogue`].
    pub code: &'static str,
    /// Lower case, one sentence without a full stop: `expected X, found Y`.
    pub message: String,
    /// At least one, the first of them primary.
    pub labels: Vec<Label>,
    /// What to type instead, or why it is so.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// A mistake at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message)
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message)
    }

    /// A construct of the language that this version does not compile (`E0900`).
    pub fn not_supported(span: Span, what: impl std::fmt::Display) -> Self {
        let what = what.to_string();
        let diagnostic = Self::error("E0900", span, format!("{what} is not supported yet"));
        let hint = match what.as_str() {
            "`use`" => "write what it would bring in into this text; the library is known without it",
            "`synapse`" => {
                "write its current as a state of the neuron, its weights as a projection `A -> B.PORT : dense`"
            }
            "`extends`" => "write the whole model",
            "white noise `xi`" => "leave it out, or bring noise in as spikes of an input",
            "the time `t`" => "leave it out, or bring in what depends on the time as spikes of an input",
            "a threshold with a name" => "leave out the name: `spike when ...`",
            "a second threshold" => "write one threshold: `spike when max(a, b) >= c`",
            "`reset next_step`" => "leave it out: the reset follows in the same step",
            "a refractory period that differs between neurons" => "use a parameter without `per neuron`",
            "a projection of a sub-population" => "make a layer of each part",
            "a projection to a drive" => "project to an event port",
            "reading a parameter of a layer" => "write its value",
            "`mean_b` in a readout" => "a readout is returned for every sample: average what is returned",
            _ => return diagnostic,
        };
        diagnostic.hint(hint)
    }

    fn new(severity: Severity, code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let labels = vec![Label { span, text: String::new(), primary: true }];
        Self { severity, code, message: message.into(), labels, hints: Vec::new() }
    }

    /// Sets the text at the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Adds a supporting place.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into(), primary: false });
        self
    }

    /// Adds a hint.
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// The primary place.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|l| l.span)
    }
}

/// Collects diagnostics; the same mistake at the same place is kept once.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Where in `list` those with the same place and code are.
    known: BTreeMap<(Option<Span>, &'static str), Vec<usize>>,
    /// How many there were in the list that this one goes on from.
    before: usize,
}

impl Diagnostics {
    /// More than anybody reads at once.
    pub const MANY: usize = 100;

    /// An empty list for a part of the text; it is as long as this one.
    pub fn further(&self) -> Self {
        Self { before: self.before + self.list.len(), ..Self::default() }
    }

    /// True if there are so many that hints which take a search are left out of further ones.
    pub fn is_long(&self) -> bool {
        self.before + self.list.len() >= Self::MANY
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let known = self.known.entry((diagnostic.span(), diagnostic.code)).or_default();
        if !known.iter().any(|&i| self.list.get(i) == Some(&diagnostic)) {
            known.push(self.list.len());
            self.list.push(diagnostic);
        }
    }

    /// True if one of them has a hint that begins with a text.
    pub fn has_hint(&self, text: &str) -> bool {
        self.list.iter().any(|d| d.hints.iter().any(|h| h.starts_with(text)))
    }

    /// True if one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// All of them in the order of the text: by file, place and code.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.span(), d.code));
        self.list
    }
}
