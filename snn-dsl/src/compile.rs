//! The passes in order, nothing else.

use crate::check::check;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::lint::lint;
use crate::model::Model;
use crate::source::SourceMap;
use crate::syntax;

/// What became of a text.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// The text and the library texts it refers to.
    pub sources: SourceMap,
    /// All mistakes and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The checked model, if there was no mistake.
    pub model: Option<Model>,
}

impl Compilation {
    /// The number of errors and of warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        (errors, self.diagnostics.len() - errors)
    }
}

/// Parses and checks a text; `name` is what diagnostics call it.
pub fn compile(name: &str, text: &str) -> Compilation {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add(name, text, false);
    let tree = syntax::parse(&sources, file, &mut diagnostics);
    let model = check(&mut sources, &tree, &mut diagnostics);
    let model = (!diagnostics.has_errors()).then_some(model);
    if let Some(model) = &model {
        lint(model, &mut diagnostics);
    }
    Compilation { sources, diagnostics: diagnostics.into_sorted(), model }
}
