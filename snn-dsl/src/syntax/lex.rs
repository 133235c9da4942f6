//! Tokens: just enough of them to find the ends of statements. They are tokens of Rust, too, so that files and the inline
//! form of the macro are one language.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// A number with whatever is glued to it.
    Number,
    /// A sign or bracket.
    Punctuation,
    /// A `///` line.
    Doc,
    /// The name of a file in quotes.
    Text,
    /// The end of a line.
    Newline,
    /// A character that no token of the language begins with.
    Unknown,
}

/// A token with its place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What.
    pub(super) kind: Kind,
    /// The first byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
}

/// Signs of two characters; the longest match wins.
const DOUBLE: &[&str] = &["->", "+=", "-=", "*=", "/=", "..", ">=", "<=", "==", "!=", "**", "&&", "||", "=>", "<-"];
const SINGLE: &str = "+-*/^=<>()[]{},;:.";

/// The tokens of a text, and the text with its comments blanked out (of the same length, byte for byte).
pub(super) fn lex(text: &str) -> (Vec<Token>, String) {
    let mut tokens = Vec::new();
    let mut blanked = text.as_bytes().to_vec();
    let mut at = 0;
    let mut unclosed = false;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, length) = if c == '\n' {
            (Some(Kind::Newline), 1)
        } else if c.is_whitespace() || (at == 0 && c == '\u{feff}') {
            // Some editors put a mark of the byte order in front of the text.
            blanked[at..at + c.len_utf8()].fill(b' ');
            (None, c.len_utf8())
        } else if let Some(length) = quoted(rest).filter(|_| takes_text(text, &tokens)) {
            (Some(Kind::Text), length)
        } else if rest.starts_with("/*") {
            // A comment of another language, as one token: one complaint.
            let end = if unclosed { None } else { rest.find("*/") };
            // There is none further on, either.
            unclosed |= end.is_none();
            let length = end.map_or(2, |end| end + 2);
            (Some(Kind::Unknown), length)
        } else if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            blanked[at..at + length].fill(b' ');
            let is_doc = rest.starts_with("///") && !rest.starts_with("////");
            (is_doc.then_some(Kind::Doc), length)
        } else if is_word_start(c) {
            (Some(Kind::Word), run(rest, is_word))
        } else if c.is_ascii_digit() {
            (Some(Kind::Number), number(rest))
        } else if DOUBLE.iter().any(|d| rest.starts_with(d)) {
            (Some(Kind::Punctuation), 2)
        } else if SINGLE.contains(c) {
            (Some(Kind::Punctuation), 1)
        } else {
            (Some(Kind::Unknown), c.len_utf8())
        };
        if let Some(kind) = kind {
            tokens.push(Token { kind, start: at, end: at + length });
        }
        at += length;
    }
    // Comments and white space are ASCII spaces now, everything else is untouched.
    (tokens, String::from_utf8(blanked).unwrap_or_else(|_| text.to_string()))
}

/// The length of a text in quotes that ends in its line.
fn quoted(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('"')?;
    let end = inner.find(['"', '\n'])?;
    inner.get(end..)?.starts_with('"').then_some(end + 2)
}

/// Whether a text in quotes can follow: there is one behind `edges(` alone.
fn takes_text(text: &str, tokens: &[Token]) -> bool {
    let mut before = tokens.iter().rev().filter(|t| t.kind != Kind::Newline).map(|t| text.get(t.start..t.end));
    before.next() == Some(Some("(")) && before.next() == Some(Some("edges"))
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == 'µ' || c == 'μ' || c == 'Ω'
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit()
}

fn run(text: &str, inside: impl Fn(char) -> bool) -> usize {
    text.find(|c| !inside(c)).unwrap_or(text.len())
}

/// The length of a number: `20`, `1_000`, `0.5`, `1e-3`, with a glued unit such as `10mV`.
fn number(text: &str) -> usize {
    let digits = |t: &str| run(t, |c| c.is_ascii_digit() || c == '_');
    let mut length = digits(text);
    if let Some(fraction) = text[length..].strip_prefix('.')
        && !fraction.starts_with(|c: char| c == '.' || is_word_start(c))
    {
        length += 1 + digits(fraction);
    }
    let tail = &text[length..];
    if let Some(exponent) = tail.strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        if exponent[sign..].starts_with(|c: char| c.is_ascii_digit()) {
            length += 1 + sign + digits(&exponent[sign..]);
        }
    }
    length + run(&text[length..], is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        lex(text).0.iter().map(|t| &text[t.start..t.end]).collect()
    }

    #[test]
    fn tokens_of_an_equation() {
        assert_eq!(texts("tau dV/dt = -V"), ["tau", "dV", "/", "dt", "=", "-", "V"]);
        assert_eq!(texts("1..200 ms"), ["1", "..", "200", "ms"]);
        assert_eq!(texts("10mV+1.5e-3*2.5"), ["10mV", "+", "1.5e-3", "*", "2.5"]);
        assert_eq!(texts("a->b.c"), ["a", "->", "b", ".", "c"]);
        assert_eq!(texts("edges(\"a // b.npz\") \"c\""), ["edges", "(", "\"a // b.npz\"", ")", "\"", "c", "\""]);
        assert_eq!(texts("edges(\"a\n"), ["edges", "(", "\"", "a", "\n"]);
    }

    #[test]
    fn comments_are_blanked_and_docs_are_kept_as_tokens() {
        let (tokens, blanked) = lex("a // b µ\n/// doc\nc");
        assert_eq!(blanked.len(), "a // b µ\n/// doc\nc".len());
        assert!(!blanked.contains('b'));
        let kinds: Vec<Kind> = tokens.iter().map(|t| t.kind).collect();
        assert_eq!(kinds, [Kind::Word, Kind::Newline, Kind::Doc, Kind::Newline, Kind::Word]);
    }
}
