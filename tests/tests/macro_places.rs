//! An inline model gets the same diagnostics as a file, at the same words.

use proc_macro2::{LineColumn, TokenStream};
use snn_dsl::compile::compile;
use snn_dsl::syntax::tokens::text_of;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A text without the spaces that tokens do not know.
fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Code, message and underlined words.
type Said = (String, String, String);

/// A token is underlined as a whole, and the end of a statement, of which the message speaks, is its last token.
fn as_near_as_tokens_allow((_, message, file): &Said, inline: &str) -> bool {
    let of_an_end = || message.rsplit_once("endof").is_some_and(|(_, of)| of.chars().all(|c| c.is_alphabetic()));
    let is_bracket = matches!(inline, "}" | "]" | ")");
    let is_token = || is_bracket || TokenStream::from_str(inline).is_ok_and(|tokens| tokens.into_iter().count() == 1);
    file == inline || inline.contains(file.as_str()) && is_token() && (!file.is_empty() || of_an_end())
}

/// Code, message and underlined words of every diagnostic of a file.
fn of_file(text: &str) -> Vec<Said> {
    let compilation = compile("model.snn", text);
    let said = compilation.diagnostics.iter().map(|d| {
        let span = d.span().unwrap();
        let words = if span.file.0 == 0 { compilation.sources.text(span) } else { "" };
        (d.code.to_string(), squeeze(&d.message), squeeze(words))
    });
    said.collect()
}

/// The same of the tokens of the text, as the macro gets them: the words are those of the text from the first to the last
/// token that the compiler underlines.
fn of_macro(text: &str, tokens: TokenStream) -> Vec<Said> {
    let tokens = text_of(tokens, |span| span.start().line);
    let lines: Vec<&str> = text.split('\n').collect();
    // Columns count letters.
    let place = |at: LineColumn| -> usize {
        let before: usize = lines[..at.line - 1].iter().map(|line| line.len() + 1).sum();
        before + lines[at.line - 1].char_indices().nth(at.column).map_or(lines[at.line - 1].len(), |(byte, _)| byte)
    };
    let compilation = compile("inline model", &tokens.text);
    let said = compilation.diagnostics.iter().map(|d| {
        let span = d.span().unwrap();
        let spans = tokens.spans(span.start as usize..span.end as usize).filter(|_| span.file.0 == 0);
        let words = spans.map_or("", |(first, last)| &text[place(first.start())..place(last.end())]);
        (d.code.to_string(), squeeze(&d.message), squeeze(words))
    });
    said.collect()
}

fn models(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "snn")).collect();
    files.sort();
    files
}

#[test]
fn the_macro_underlines_the_same_words() {
    let (mut compared, mut not_rust) = (0, Vec::new());
    let mut differences = String::new();
    for path in models("fail").into_iter().chain(models("warn")).chain(models("pass")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // What Rust cannot read as tokens, Rust itself complains about; its own long comments it takes away.
        let Some(tokens) = TokenStream::from_str(&text).ok().filter(|_| !text.contains("/*")) else {
            not_rust.push(name);
            continue;
        };
        let (file, inline) = (of_file(&text), of_macro(&text, tokens));
        compared += 1;
        let differs = |(a, b): &(&Said, &Said)| (&a.0, &a.1) != (&b.0, &b.1) || !as_near_as_tokens_allow(a, &b.2);
        if file.len() != inline.len() || file.iter().zip(&inline).any(|pair| differs(&pair)) {
            let pairs = file.iter().zip(&inline).filter(differs).take(2);
            let shown: String = pairs.map(|(a, b)| format!("  file:   {a:?}\n  inline: {b:?}\n")).collect();
            differences.push_str(&format!("{name}: {} and {} diagnostics\n{shown}", file.len(), inline.len()));
        }
    }
    assert!(differences.is_empty(), "{differences}");
    assert!(compared > 180, "{compared} models, not tokens of Rust: {not_rust:?}");
}
