//! Diagnostics as text: for a terminal, plain, and as JSON.

use super::{Diagnostic, Diagnostics, Severity};
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
        let labels: Vec<_> = diagnostic.labels.iter().filter(|l| l.span.file == file).collect();
        // The renderer looks through all that it is given: the lines with labels are enough.
        let ranges = || labels.iter().map(|l| clamp(&source.text, l.span));
        let first = source.line(ranges().map(|r| r.start).min().unwrap_or(0));
        let last = source.line(ranges().map(|r| r.end).max().unwrap_or(0));
        let shown = source.line_range(first).start..source.line_range(last + 1).start;
        let text = source.text.get(shown.clone()).unwrap_or("");
        let mut snippet = Snippet::source(text).line_start(first + 1).path(source.name.as_str());
        for label in labels {
            let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let range = clamp(&source.text, label.span);
            let annotation = kind.span(range.start - shown.start..range.end - shown.start);
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

/// So many bytes of source lines are rendered at most, the same line again for every diagnostic in it: a text of one long
/// line with thousands of mistakes would be read thousands of times.
const MOST_LINES: usize = 250_000;

/// How much source text a diagnostic shows.
fn extent(sources: &SourceMap, diagnostic: &Diagnostic) -> usize {
    let lines = diagnostic.labels.iter().map(|label| {
        let source = sources.file(label.span.file);
        let line = |at: u32| source.line_range(source.line(at as usize));
        line(label.span.end).end - line(label.span.start).start
    });
    lines.sum()
}

/// All diagnostics, separated by empty lines; of very many the first, which are enough to begin with.
pub fn render_all(sources: &SourceMap, diagnostics: &[Diagnostic], style: Style) -> String {
    let mut text = String::new();
    let (mut shown, mut lines) = (0, 0);
    for diagnostic in diagnostics.iter().take(Diagnostics::MANY) {
        text.push_str(&render(sources, diagnostic, style));
        text.push('\n');
        shown += 1;
        lines += extent(sources, diagnostic);
        if lines > MOST_LINES {
            break;
        }
    }
    let rest = diagnostics.get(shown..).unwrap_or_default();
    let errors = rest.iter().filter(|d| d.severity == Severity::Error).count();
    let count = |n: usize, word: &str| (n > 0).then(|| format!("{n} more {word}{}", if n == 1 { "" } else { "s" }));
    let left_out: Vec<String> = [(errors, "error"), (rest.len() - errors, "warning")]
        .into_iter()
        .filter_map(|(n, word)| count(n, word))
        .collect();
    if !left_out.is_empty() {
        text.push_str(&format!("and {}\n\n", left_out.join(" and ")));
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
            let (start, end) = (source.position(range.start), source.position(range.end));
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
