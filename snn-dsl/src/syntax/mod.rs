//! From text to the syntax tree: tokens, the statement pre-pass, and a pest grammar for each statement.

mod characters;
mod expected;
mod expression;
mod format;
mod grammar;
mod habits;
mod items;
mod lex;
mod network;
mod neuron;
mod prefixes;
pub mod print;
mod statements;
mod synapse;
#[cfg(test)]
mod tests;
pub mod tokens;
pub mod tree;

pub use format::format;

use crate::diagnostic::Diagnostics;
use crate::source::{FileId, SourceMap};

/// Parses a text; all mistakes go into `diagnostics`, and what could be understood into the tree.
pub fn parse(sources: &SourceMap, file: FileId, diagnostics: &mut Diagnostics) -> tree::File {
    let text = &sources.file(file).text;
    let (statements, blanked) = statements::statements(file, text, diagnostics);
    let mut parser = grammar::Parser { file, text, blanked: &blanked, diagnostics };
    tree::File { items: items::items(&mut parser, statements) }
}
