//! The pest grammar, applied to one statement at a time.

use super::expected;
use super::statements::Statement;
use super::tree::Ident;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span};
use pest::Parser as _;
use pest::iterators::Pair;

/// The rules of the grammar.
pub(super) use generated::{Grammar, Rule};

mod generated {
    #![allow(missing_docs, reason = "pest derives one variant for each rule")]
    #[derive(pest_derive::Parser)]
    #[grammar = "syntax/grammar.pest"]
    pub(crate) struct Grammar;
}

/// A text that is being parsed.
pub(super) struct Parser<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
    /// `text` without its comments, byte for byte.
    pub(super) blanked: &'a str,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl<'a> Parser<'a> {
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The words of a statement.
    pub(super) fn words(&self, statement: &Statement) -> Vec<&'a str> {
        statement.tokens.iter().map(|t| self.text.get(t.start..t.end).unwrap_or("")).collect()
    }

    /// The place of the `k`-th word of a statement.
    pub(super) fn word_span(&self, statement: &Statement, k: usize) -> Span {
        match statement.tokens.get(k) {
            Some(t) => Span { file: self.file, start: t.start as u32, end: t.end as u32 },
            None => statement.span,
        }
    }

    /// Parses a statement by a rule, or reports what was expected.
    pub(super) fn apply(&mut self, rule: Rule, statement: &Statement) -> Option<Pair<'a, Rule>> {
        let (start, end) = (statement.span.start as usize, statement.span.end as usize);
        let text = self.blanked.get(start..end)?;
        match Grammar::parse(rule, text) {
            Ok(mut pairs) => pairs.next(),
            Err(error) => {
                let words = self.words(statement);
                let diagnostic = expected::diagnostic(self.file, statement, &words, rule, &error);
                self.report(diagnostic);
                None
            }
        }
    }

    /// The place of a pair of a statement.
    pub(super) fn span(&self, statement: &Statement, pair: &Pair<Rule>) -> Span {
        let span = pair.as_span();
        let base = statement.span.start;
        // A pair that ends in optional parts may carry white space behind it.
        let length = pair.as_str().trim_end().len() as u32;
        let start = base + span.start() as u32;
        Span { file: self.file, start, end: start + length }
    }

    /// A name.
    pub(super) fn ident(&self, statement: &Statement, pair: &Pair<Rule>) -> Ident {
        Ident { name: pair.as_str().to_string(), span: self.span(statement, pair) }
    }
}
