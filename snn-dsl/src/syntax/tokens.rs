//! The inline form of a model: the text of macro tokens, with the way back from a byte of the text to a token.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use std::ops::Range;

/// Macro tokens as text.
#[derive(Clone, Debug, Default)]
pub struct TokenText {
    /// The text: one line where the tokens were on one line, `///` lines where they arrived as `#[doc]`.
    pub text: String,
    /// The tokens by the bytes they take in `text`, in order.
    pub map: Vec<(Range<usize>, Span)>,
    /// All tokens report the same line, as happens to tokens that came through another macro.
    pub single_line: bool,
}

impl TokenText {
    /// The first and the last token that overlap a range of bytes; for an empty range the token before it.
    pub fn spans(&self, range: Range<usize>) -> Option<(Span, Span)> {
        let inside = |r: &Range<usize>| r.start < range.end && r.end > range.start;
        let first = self.map.iter().find(|(r, _)| inside(r));
        let last = self.map.iter().rev().find(|(r, _)| inside(r));
        match (first, last) {
            (Some(first), Some(last)) => Some((first.1, last.1)),
            _ => {
                let before = self.map.iter().rev().find(|(r, _)| r.end <= range.start.max(1));
                before.or(self.map.first()).map(|(_, span)| (*span, *span))
            }
        }
    }
}

/// The text of tokens. `line` gives the line of a token.
pub fn text_of(tokens: TokenStream, line: impl Fn(Span) -> usize) -> TokenText {
    let mut writer =
        Writer { out: TokenText::default(), line, last_line: None, first_line: None, joint: false, several: false };
    writer.stream(tokens);
    writer.out.single_line = !writer.several;
    writer.out
}

struct Writer<F> {
    out: TokenText,
    line: F,
    last_line: Option<usize>,
    /// The last token was a sign that belongs to the next one.
    joint: bool,
    first_line: Option<usize>,
    several: bool,
}

impl<F: Fn(Span) -> usize> Writer<F> {
    fn stream(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if let TokenTree::Punct(sign) = &token
                && sign.as_char() == '#'
                && let Some(TokenTree::Group(group)) = tokens.peek()
                && let Some(doc) = doc_line(group)
            {
                let span = group.span_open();
                // A documentation line ends at its newline: the next token must not follow on it.
                self.word(&format!("///{doc}"), span);
                self.last_line = None;
                self.out.text.push('\n');
                tokens.next();
                continue;
            }
            match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::None => ("", ""),
                    };
                    self.word(open, group.span_open());
                    self.stream(group.stream());
                    self.word(close, group.span_close());
                }
                TokenTree::Punct(sign) => {
                    self.word(sign.as_char().encode_utf8(&mut [0; 4]), sign.span());
                    self.joint = sign.spacing() == proc_macro2::Spacing::Joint;
                }
                TokenTree::Ident(ident) => self.word(&ident.to_string(), ident.span()),
                TokenTree::Literal(literal) => self.word(&literal.to_string(), literal.span()),
            }
        }
    }

    fn word(&mut self, word: &str, span: Span) {
        let line = (self.line)(span);
        self.several |= *self.first_line.get_or_insert(line) != line;
        match self.last_line {
            Some(last) if line > last => self.out.text.push('\n'),
            Some(_) if !self.joint => self.out.text.push(' '),
            Some(_) | None => {}
        }
        self.joint = false;
        self.last_line = Some(line);
        let start = self.out.text.len();
        self.out.text.push_str(word);
        self.out.map.push((start..self.out.text.len(), span));
    }
}

/// The text of `#[doc = "..."]`.
fn doc_line(group: &proc_macro2::Group) -> Option<String> {
    let mut inner = group.stream().into_iter();
    match (inner.next(), inner.next(), inner.next()) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Punct(_)), Some(TokenTree::Literal(text))) if word == "doc" => {
            let text: syn::LitStr = syn::parse2(TokenStream::from(TokenTree::Literal(text))).ok()?;
            // A block comment has several lines; as documentation of a model they are one.
            Some(text.value().replace('\n', " "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stay_together_and_docs_come_back() {
        let tokens: TokenStream = "/// A cell\nneuron A { on exc { I += exc } }".parse().unwrap();
        let text = text_of(tokens, |_| 1);
        assert_eq!(text.text, "/// A cell\nneuron A { on exc { I += exc } }");
        assert!(text.single_line);
        let word = |range: std::ops::Range<usize>| text.map.iter().position(|(r, _)| *r == range);
        // `on` is the fifth token: the documentation, neuron, A, {, on.
        assert_eq!(word(22..24), Some(4));
    }
}
