//! The lines of a text with their depth.

use super::super::lex::{Kind, Token};
use super::super::statements::Statement;
use super::spacing::{Word, is_before_expressions};
use std::collections::BTreeSet;

/// A line to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Line<'a> {
    /// Levels of indentation.
    pub(super) depth: usize,
    /// Its words.
    pub(super) words: Vec<Word<'a>>,
    /// The comment at its end, or the only thing in it.
    pub(super) comment: Option<&'a str>,
    /// There is an empty line before it.
    pub(super) after_gap: bool,
}

impl Line<'_> {
    /// Whether it is one whole statement without a block.
    pub(super) fn is_statement(&self) -> bool {
        let [first, rest @ ..] = self.words.as_slice() else { return false };
        first.begins && !rest.iter().any(|w| w.begins) && self.words.last().is_some_and(|w| w.ends)
    }
}

/// The comment between two places that have no tokens between them.
pub(super) fn comment(text: &str, start: usize, end: usize) -> Option<&str> {
    text.get(start..end).map(str::trim).filter(|gap| !gap.is_empty())
}

/// The lines of a text without mistakes.
pub(super) fn lines<'a>(text: &'a str, tokens: &[Token], statements: &[Statement]) -> Vec<Line<'a>> {
    let mut roles = Roles::default();
    roles.learn(statements);
    let brackets = brackets(text, tokens, &roles);
    let mut writer = Writer { text, roles, ..Writer::default() };
    for (k, token) in tokens.iter().enumerate() {
        writer.token(tokens, &brackets, k, *token);
    }
    writer.comment_before(text.len());
    writer.end_line();
    writer.lines
}

/// What the statements say about single tokens, by their first byte.
#[derive(Default)]
struct Roles {
    /// Tokens that begin a statement.
    begins: BTreeSet<usize>,
    /// The last tokens of statements without block.
    ends: BTreeSet<usize>,
    /// The last tokens of headers that have a block.
    headers: BTreeSet<usize>,
}

impl Roles {
    fn learn(&mut self, list: &[Statement]) {
        for statement in list {
            let (Some(first), Some(last)) = (statement.tokens.first(), statement.tokens.last()) else { continue };
            self.begins.insert(first.start);
            match &statement.block {
                Some(block) => {
                    self.headers.insert(last.start);
                    self.learn(block);
                }
                None => {
                    self.ends.insert(last.start);
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bracket {
    /// Of a block on one line.
    Inline,
    /// Of a block on several lines.
    Block,
    /// Of an expression.
    Expression,
}

fn is_layout(token: &Token) -> bool {
    matches!(token.kind, Kind::Newline | Kind::Doc)
}

/// The kind of every token that is a bracket.
fn brackets(text: &str, tokens: &[Token], roles: &Roles) -> Vec<Option<Bracket>> {
    let mut kinds = vec![None; tokens.len()];
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut last = None;
    for (k, token) in tokens.iter().enumerate().filter(|(_, t)| !is_layout(t)) {
        match text.get(token.start..token.end).unwrap_or("") {
            "{" => open.push((k, last.is_some_and(|start| roles.headers.contains(&start)))),
            "(" | "[" => open.push((k, false)),
            "}" | ")" | "]" => {
                if let Some((from, is_block)) = open.pop() {
                    let kind = match is_block {
                        true if tokens[from..k].iter().any(is_layout) => Bracket::Block,
                        true => Bracket::Inline,
                        false => Bracket::Expression,
                    };
                    (kinds[from], kinds[k]) = (Some(kind), Some(kind));
                }
            }
            _ => {}
        }
        last = Some(token.start);
    }
    kinds
}

#[derive(Default)]
struct Writer<'a> {
    text: &'a str,
    roles: Roles,
    lines: Vec<Line<'a>>,
    /// The line in the making.
    line: Line<'a>,
    /// Its words have ended: only a comment can follow on it.
    full: bool,
    /// Open blocks, and open brackets of expressions.
    blocks: usize,
    brackets: usize,
    /// Newlines since the last word or comment.
    newlines: usize,
    /// The last brace, by its token, that was found behind nothing but newlines.
    brace: Option<usize>,
    /// The end of what has been read.
    at: usize,
}

impl<'a> Writer<'a> {
    fn token(&mut self, tokens: &[Token], brackets: &[Option<Bracket>], k: usize, token: Token) {
        self.comment_before(token.start);
        self.at = token.end;
        let word = self.text.get(token.start..token.end).unwrap_or("");
        match token.kind {
            Kind::Newline => {
                self.newlines += 1;
                // Lines of comments and the newlines in front of a brace have no look of their own at what follows.
                let follows = self.brace.is_some_and(|brace| k < brace)
                    || !self.line.words.is_empty() && self.brace_follows(tokens, brackets, k);
                if !follows {
                    self.end_line();
                }
            }
            Kind::Doc => self.comment(word.trim_end()),
            _ if word == ";" => self.semicolon(tokens, k),
            _ => self.word(token, word, brackets.get(k).copied().flatten()),
        }
    }

    /// Whether nothing but newlines separates the header in this line from the brace of its block.
    fn brace_follows(&mut self, tokens: &[Token], brackets: &[Option<Bracket>], k: usize) -> bool {
        let Some(brace) = tokens.iter().skip(k).position(|t| t.kind != Kind::Newline).map(|n| k + n) else {
            return false;
        };
        let is_block = matches!(brackets.get(brace), Some(Some(Bracket::Block | Bracket::Inline)));
        let opens = self.text.get(tokens[brace].start..tokens[brace].end) == Some("{");
        let gap = self.text.get(self.at..tokens[brace].start).unwrap_or("");
        let follows = is_block && opens && gap.trim().is_empty() && self.line.comment.is_none();
        self.brace = follows.then_some(brace);
        follows
    }

    /// A `;` stays where it separates two statements of a line.
    fn semicolon(&mut self, tokens: &[Token], k: usize) {
        let next = tokens.get(k + 1).filter(|t| !is_layout(t)).map(|t| self.text.get(t.start..t.end).unwrap_or(""));
        let separates = next.is_some_and(|w| w != ";" && w != "}") && !self.full;
        if separates && self.line.words.last().is_some_and(|w| w.text != "{") {
            self.line.words.push(Word { text: ";", ..Word::default() });
        }
    }

    fn word(&mut self, token: Token, text: &'a str, bracket: Option<Bracket>) {
        let (opens, closes) = (matches!(text, "{" | "(" | "["), matches!(text, "}" | ")" | "]"));
        if self.full || (closes && bracket == Some(Bracket::Block)) {
            self.end_line();
        }
        let of_block = matches!(bracket, Some(Bracket::Block | Bracket::Inline));
        if closes {
            let count = if of_block { &mut self.blocks } else { &mut self.brackets };
            *count = count.saturating_sub(1);
        }
        let begins = self.roles.begins.contains(&token.start);
        if self.line.words.is_empty() {
            let continued = match () {
                () if begins || of_block => 0,
                () if closes || text == "else" => self.brackets,
                () => self.brackets.max(1),
            };
            self.line.depth = self.blocks + continued;
            self.line.after_gap = self.newlines > 1;
        }
        let before = self.line.words.last().or_else(|| self.lines.iter().rev().find_map(|line| line.words.last()));
        let unary = text == "-" && (begins || !before.is_some_and(Word::ends_operand));
        // `x`, `delay` and the like are names elsewhere.
        let opens_expression = match (before.map(|w| w.text), text) {
            (Some("lr"), "x") => true,
            (Some(":" | ","), "delay" | "clip" | "dropout") => self.brackets == 0,
            _ => is_before_expressions(text),
        };
        let spaced = self.text.get(..token.start).is_some_and(|t| t.ends_with(char::is_whitespace));
        let ends = self.roles.ends.contains(&token.start);
        self.line.words.push(Word { text, spaced, unary, opens_expression, begins, ends });
        self.newlines = 0;
        if opens {
            *(if of_block { &mut self.blocks } else { &mut self.brackets }) += 1;
        }
        self.full = bracket == Some(Bracket::Block);
    }

    fn comment_before(&mut self, end: usize) {
        if let Some(comment) = comment(self.text, self.at, end) {
            self.comment(comment);
        }
    }

    fn comment(&mut self, comment: &'a str) {
        if self.line.words.is_empty() {
            self.line.depth = self.blocks + self.brackets;
            self.line.after_gap = self.newlines > 1;
        }
        self.newlines = 0;
        self.line.comment = Some(comment);
    }

    fn end_line(&mut self) {
        self.full = false;
        let line = std::mem::take(&mut self.line);
        if !line.words.is_empty() || line.comment.is_some() {
            self.lines.push(line);
        }
    }
}
