//! The layout of a text that a person has written: indentation, spaces, aligned columns. Words, comments and the choice of
//! lines stay as they are.
//!
//! A line is a line of the source, except that a block whose braces stand on different lines has its braces at the ends of
//! lines. `lines` finds the lines, `spacing` puts spaces between words, `columns` aligns neighbouring declarations.

mod columns;
mod lines;
mod spacing;
#[cfg(test)]
mod tests;

use super::lex::{Kind, Token, lex};
use super::parse;
use super::statements::{Statement, statements_of};
use crate::compile::Compilation;
use crate::diagnostic::Diagnostics;
use crate::source::SourceMap;

/// Lays out a text; `name` is what diagnostics call it. The result means the same and is laid out to itself.
///
/// # Errors
/// If the text cannot be parsed: a [`Compilation`] without model, with the reasons.
pub fn format(name: &str, text: &str) -> Result<String, Compilation> {
    // The mark of the byte order that some editors write is no part of the layout.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add(name, text, false);
    parse(&sources, file, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(Compilation { sources, diagnostics: diagnostics.into_sorted(), model: None });
    }
    let read = |text: &str| {
        let (tokens, _) = lex(text);
        let statements = statements_of(file, text, tokens.clone(), &mut Diagnostics::default());
        (tokens, statements)
    };
    let (tokens, before) = read(text);
    let formatted = columns::text(&lines::lines(text, &tokens, &before));
    // A layout that changed the meaning would be a fault of this module: then the text stays as it is.
    let (new_tokens, after) = read(&formatted);
    let same = words(text, &before) == words(&formatted, &after)
        && comments(text, &tokens) == comments(&formatted, &new_tokens);
    debug_assert!(same, "the layout changes the text:\n{formatted}");
    Ok(if same { formatted } else { text.to_string() })
}

/// What a text says: documentation and words of every statement, and where blocks begin and end.
fn words<'a>(text: &'a str, list: &[Statement]) -> Vec<std::borrow::Cow<'a, str>> {
    let mut said = Vec::new();
    for statement in list {
        said.extend(statement.docs.iter().map(|line| line.clone().into()));
        said.extend(statement.tokens.iter().map(|t| text.get(t.start..t.end).unwrap_or("").into()));
        if let Some(block) = &statement.block {
            said.push("{".into());
            said.extend(words(text, block));
            said.push("}".into());
        }
        said.push(";".into());
    }
    said
}

/// The comments of a text in order, documentation included.
fn comments<'a>(text: &'a str, tokens: &[Token]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut at = 0;
    for token in tokens {
        found.extend(lines::comment(text, at, token.start));
        if token.kind == Kind::Doc {
            found.extend(text.get(token.start..token.end).map(str::trim_end));
        }
        at = token.end;
    }
    found.extend(lines::comment(text, at, text.len()));
    found
}
