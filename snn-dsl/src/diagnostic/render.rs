//! Diagnostics as text: for a terminal, plain, and as JSON.

use super::{Diagnostic, Severity};
use crate::source::{SourceMap, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt::Write as _;

/// With or without colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// ANSI colours.
    Terminal,
    /// ASCII only.
    Plain,
}

/// One diagnostic with the lines it speaks of, ending in a newline.
pub fn render(sources: &SourceMap, diagnostic: &Diagnostic, style: Style) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
    // One snippet a file, in the order of the labels: the primary place first.
    let mut files: Vec<_> = Vec::new();
    for label in &diagnostic.labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    for file in files {
        let source = sources.file(file);
        let mut snippet = Snippet::source(source.text.as_str()).path(source.name.as_str());
        for label in diagnostic.labels.iter().filter(|l| l.span.file == file) {
            let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(clamp(&source.text, label.span));
            let text = (!label.text.is_empty()).then_some(label.text.as_str());
            snippet = snippet.annotation(annotation.label(text));
        }
        group = group.element(snippet);
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = match style {
        Style::Terminal => Renderer::styled(),
        Style::Plain => Renderer::plain(),
    };
    let mut text = renderer.render(&[group]).to_string();
    text.push('\n');
    text
}

/// All diagnostics, separated by empty lines.
pub fn render_all(sources: &SourceMap, diagnostics: &[Diagnostic], style: Style) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&render(sources, diagnostic, style));
        text.push('\n');
    }
    text
}

/// A list of objects with severity, code, message, labels (file, start and end as line and column from 1) and hints.
pub fn json(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    let list: Vec<String> = diagnostics.iter().map(|d| object(sources, d)).collect();
    format!("[{}]", list.join(","))
}

fn object(sources: &SourceMap, diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let labels: Vec<String> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let source = sources.file(label.span.file);
            let range = clamp(&source.text, label.span);
            let (start, end) = (position(&source.text, range.start), position(&source.text, range.end));
            format!(
                r#"{{"file":{},"start":[{},{}],"end":[{},{}],"text":{},"primary":{}}}"#,
                quoted(&source.name),
                start.0,
                start.1,
                end.0,
                end.1,
                quoted(&label.text),
                label.primary
            )
        })
        .collect();
    let hints: Vec<String> = diagnostic.hints.iter().map(|h| quoted(h)).collect();
    format!(
        r#"{{"severity":"{severity}","code":"{}","message":{},"labels":[{}],"hints":[{}]}}"#,
        diagnostic.code,
        quoted(&diagnostic.message),
        labels.join(","),
        hints.join(",")
    )
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The line and column (in characters) of a byte, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// The range of a span inside the text, on character boundaries.
fn clamp(text: &str, span: Span) -> std::ops::Range<usize> {
    let boundary = |at: u32| {
        let mut at = (at as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}
