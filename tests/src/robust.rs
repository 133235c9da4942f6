//! What must hold for any text at all.

use snn_dsl::compile::{Compilation, compile};
use snn_dsl::diagnostic::{Severity, Style, json, render_all};
use snn_dsl::source::SourceMap;

/// Compiles a text, and derives what was accepted.
///
/// # Panics
/// If a rejection has no error, a diagnostic has a place outside of its text, a message is empty, what was accepted cannot
/// be explained or emitted, or a layout is not laid out to itself.
pub fn holds(text: &str) -> Compilation {
    let compilation = compile("any.snn", text);
    let errors = compilation.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    assert_eq!(compilation.model.is_none(), errors > 0, "a rejection has an error, and only a rejection");
    for diagnostic in &compilation.diagnostics {
        assert!(!diagnostic.message.is_empty() && !diagnostic.labels.is_empty(), "{diagnostic:?}");
        for label in &diagnostic.labels {
            inside(&compilation.sources, label.span);
        }
    }
    // The renderers must bear any place.
    for style in [Style::Plain, Style::Terminal] {
        render_all(&compilation.sources, &compilation.diagnostics, style);
    }
    json(&compilation.sources, &compilation.diagnostics);
    if let Some(model) = &compilation.model {
        snn_dsl::explain::explain(model);
        snn_dsl::emit::rust::module(model, &"::snn_runtime".parse().unwrap_or_default());
    }
    if let Ok(once) = snn_dsl::syntax::format("any.snn", text) {
        let again = snn_dsl::syntax::format("any.snn", &once).ok();
        assert_eq!(again.as_ref(), Some(&once), "a layout is laid out to itself");
    }
    compilation
}

fn inside(sources: &SourceMap, span: snn_dsl::source::Span) {
    let text = &sources.file(span.file).text;
    let (start, end) = (span.start as usize, span.end as usize);
    assert!(start <= end && end <= text.len(), "{start} .. {end} of {} bytes", text.len());
    assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{start} .. {end} cuts a letter");
}
