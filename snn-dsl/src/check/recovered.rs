//! What follows from a syntax error alone: statements that could not be parsed are missing in the tree, and what they
//! declare must not be reported as missing once more.

use crate::diagnostic::suggest::closest;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceMap, Span};
use std::collections::BTreeSet;

/// What the syntax errors hide.
#[derive(Default)]
pub(super) struct Lost {
    /// The words of the lines with errors.
    words: BTreeSet<String>,
    /// A block does not end where it should: anything may be missing.
    everything: bool,
    /// Chained comparisons.
    chains: Vec<Span>,
    /// The `simulate` line may be among them.
    simulate: bool,
}

impl Lost {
    /// Looks through the errors reported so far, which are those of the parser.
    pub(super) fn new(sources: &SourceMap, diagnostics: &Diagnostics) -> Self {
        let mut lost = Self::default();
        let mut seen = BTreeSet::new();
        for diagnostic in diagnostics.clone().into_sorted() {
            let Some(span) = diagnostic.span().filter(|_| diagnostic.code.starts_with("E01")) else { continue };
            match diagnostic.code {
                "E0108" => lost.chains.push(span),
                // The statement is complete but for the number.
                "E0109" => {}
                _ => {
                    let file = sources.file(span.file);
                    // Many errors may share a line.
                    for line in file.line(span.start as usize)..=file.line(span.end as usize) {
                        if seen.insert((span.file, line)) {
                            let text = file.text.get(file.line_range(line)).unwrap_or("");
                            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                            lost.words.extend(words.filter(|w| !w.is_empty()).map(str::to_string));
                        }
                    }
                }
            }
            lost.everything |= diagnostic.code == "E0103" && matches!(sources.text(span), "{" | "}");
        }
        let words = lost.words.iter().map(String::as_str);
        lost.simulate = lost.everything || lost.words.contains("simulate") || closest("simulate", words).is_some();
        lost
    }

    /// True if a diagnostic only says that something is missing that a syntax error hides.
    pub(super) fn explains(&self, sources: &SourceMap, diagnostic: &Diagnostic) -> bool {
        let Some(span) = diagnostic.span() else { return false };
        let name = sources.text(span);
        let has = |word: &str| self.everything || self.words.contains(word);
        let derivative = || name.strip_prefix('d').is_some_and(has) || has(&format!("d{name}"));
        match diagnostic.code {
            "E0401" | "E0403" => has(name) || derivative(),
            "E0420" => {
                ["derivative", "primitive"].iter().any(|w| has(w) && diagnostic.message.contains(&format!("`{w} =")))
            }
            "E0501" => self.simulate,
            "E0515" if diagnostic.message.ends_with("found none") => {
                ["weight", "output"].iter().any(|w| has(w) && diagnostic.message.contains(w))
            }
            // What an assignment is not made of may stand in a line that could not be parsed.
            "E0515" if diagnostic.message.contains("what the spike brings") => {
                name.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| !word.is_empty() && has(word))
            }
            "E0507" => has(name) && name.contains(char::is_alphabetic),
            // Of the constructs that are not supported only the missing line is a matter of absence.
            "E0900" => diagnostic.message.contains("without `integrate`") && has("integrate"),
            // A threshold that could not be parsed leaves a neuron that seems not to spike.
            "E0416" | "E0505" | "E0608" if diagnostic.hints.iter().any(|h| h.contains("spike")) && has("spike") => true,
            "E0307" => self.chains.iter().any(|c| c.file == span.file && (span.end..=span.end + 4).contains(&c.start)),
            "E0201" | "E0206" | "E0208" | "E0209" | "E0210" | "E0211" | "E0212" | "E0408" | "E0411" | "E0416"
            | "E0505" | "E0506" | "E0605" | "W0401" | "W0402" | "W0403" => has(name),
            _ => false,
        }
    }
}
