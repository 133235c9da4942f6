//! The statement pre-pass: where statements end, and which block belongs to which statement.
//!
//! A statement ends at a newline or `;`. A line continues if a bracket is open, if it ends in a binary operator, `,`, `:` or
//! `=`, or if the next line starts with a binary operator or `else`. A `{` that belongs to an `if` or `else` is a bracket
//! of an expression; any other opens a block of statements.

use super::lex::{Kind, Token, lex};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span};

/// A statement without its block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    /// The `///` lines before it.
    pub(super) docs: Vec<String>,
    /// The text before the block, comments included.
    pub(super) span: Span,
    /// The words of `span`: tokens.
    pub(super) tokens: Vec<Token>,
    /// The block, if there is one.
    pub(super) block: Option<Vec<Statement>>,
}

/// Nesting beyond this is an error, so that no input overflows the stack.
pub(super) const MAX_NESTING: usize = 64;
/// Longer statements are an error, for the same reason.
pub(super) const MAX_TOKENS: usize = 2000;

const OPERATORS: &[&str] =
    &["+", "-", "*", "/", "^", "=", "<", ">", ">=", "<=", "==", "!=", "->", "+=", "-=", "*=", "..", "and", "or"];

/// Words that begin a statement: a line that starts with one ends an expression whose bracket was forgotten.
pub(super) const KEYWORDS: &[&str] = &[
    "neuron",
    "synapse",
    "network",
    "surrogate",
    "fn",
    "const",
    "use",
    "param",
    "state",
    "event",
    "drive",
    "let",
    "on",
    "spike",
    "refractory",
    "integrate",
    "simulate",
    "input",
    "target",
    "layer",
    "loss",
    "readout",
];

/// The statements of a text as a tree, and the text with its comments blanked out.
pub(super) fn statements(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> (Vec<Statement>, String) {
    let (tokens, blanked) = lex(text);
    let mut reader = Reader { file, text, tokens, at: 0, diagnostics };
    let list = reader.block(0);
    (list, blanked)
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Reader<'a> {
    fn word(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    fn span(&self, token: Token) -> Span {
        Span { file: self.file, start: token.start as u32, end: token.end as u32 }
    }

    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// The first token after `at` that is neither a newline nor a comment.
    fn beyond_newlines(&self) -> Option<Token> {
        self.tokens[self.at.min(self.tokens.len())..].iter().copied().find(|t| !matches!(t.kind, Kind::Newline))
    }

    /// Statements up to the `}` that closes this block, or to the end of the text.
    fn block(&mut self, depth: usize) -> Vec<Statement> {
        let mut list = Vec::new();
        let mut docs = Vec::new();
        while let Some(token) = self.peek() {
            match (token.kind, self.word(token)) {
                (Kind::Newline, _) | (_, ";") => self.at += 1,
                (Kind::Doc, line) => {
                    let line = line.trim_start_matches('/');
                    docs.push(line.strip_prefix(' ').unwrap_or(line).trim_end().to_string());
                    self.at += 1;
                }
                (_, "}") if depth > 0 => return list,
                _ if depth > 0 && self.item_begins(self.at, depth) => return list,
                (_, "}") => {
                    let message = "expected a statement, found `}`";
                    let hint = "there is no `{` that it could close: remove it";
                    self.diagnostics.push(Diagnostic::error("E0102", self.span(token), message).hint(hint));
                    self.at += 1;
                }
                _ => {
                    let statement = self.statement(depth, std::mem::take(&mut docs));
                    list.extend(statement);
                }
            }
        }
        list
    }

    fn statement(&mut self, depth: usize, docs: Vec<String>) -> Option<Statement> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut open: Vec<Token> = Vec::new();
        let mut pending_if = 0;
        let mut broken = false;
        let mut block = None;
        while let Some(token) = self.peek() {
            let word = self.word(token);
            match (token.kind, word) {
                (Kind::Newline, _) => {
                    if self.ends_here(&tokens, &open) {
                        break;
                    }
                    self.at += 1;
                    continue;
                }
                (Kind::Doc, _) => {
                    self.at += 1;
                    continue;
                }
                (_, ";") if open.is_empty() => break,
                // What a `use` names is no matter: the statement is not supported as a whole.
                (Kind::Unknown, _) if tokens.first().is_some_and(|&t| self.word(t) == "use") => {
                    self.at += 1;
                    continue;
                }
                (Kind::Unknown, _) => {
                    self.unknown(token);
                    broken = true;
                }
                (_, "}") if !open.iter().any(|&t| self.word(t) == "{") => break,
                (_, "(" | "[") => open.push(token),
                (_, "{") => {
                    let after_else = tokens.last().is_some_and(|&t| self.word(t) == "else");
                    if after_else || pending_if > 0 {
                        pending_if -= usize::from(!after_else);
                        open.push(token);
                    } else {
                        broken |= self.unclosed(&open);
                        open.clear();
                        block = Some(self.enter(token, depth));
                        break;
                    }
                }
                (_, ")" | "]" | "}") => broken |= self.close(token, &mut open),
                (Kind::Word, "if") => pending_if += 1,
                _ => {}
            }
            if open.len() + depth > MAX_NESTING {
                self.too_deep(token);
                self.skip_line();
                return None;
            }
            if tokens.len() == MAX_TOKENS {
                let message = format!("expected at most {MAX_TOKENS} words in a statement, found more");
                let hint = "name parts of the expression with `let`";
                self.diagnostics.push(Diagnostic::error("E0105", self.span(token), message).hint(hint));
                self.skip_line();
                return None;
            }
            tokens.push(token);
            self.at += 1;
        }
        broken |= self.unclosed(&open);
        let (first, last) = (tokens.first()?, tokens.last()?);
        let span = Span { file: self.file, start: first.start as u32, end: last.end as u32 };
        // A broken header has been reported; its block is still worth a look.
        (!broken || block.is_some()).then_some(())?;
        Some(Statement { docs, span, tokens: if broken { Vec::new() } else { tokens }, block })
    }

    /// Whether the newline before the reader ends the statement.
    fn ends_here(&self, tokens: &[Token], open: &[Token]) -> bool {
        let next = self.beyond_newlines();
        if !open.is_empty() {
            // A keyword at the start of a line: more likely a forgotten bracket than part of an expression.
            return next.is_none_or(|t| t.kind == Kind::Word && KEYWORDS.contains(&self.word(t)));
        }
        let last = tokens.last().map(|&t| self.word(t)).unwrap_or("");
        let before = tokens.len().checked_sub(2).and_then(|i| tokens.get(i)).map(|&t| self.word(t));
        let is_sign_option = before == Some("sign") && matches!(last, "+" | "-");
        if (OPERATORS.contains(&last) || matches!(last, "," | ":" | "not")) && !is_sign_option && last != ".." {
            return false;
        }
        !next.is_some_and(|t| {
            let word = self.word(t);
            word == "else" || (OPERATORS.contains(&word) && word != "->")
        })
    }

    /// Reads the block behind a `{`.
    fn enter(&mut self, brace: Token, depth: usize) -> Vec<Statement> {
        self.at += 1;
        if depth + 1 > MAX_NESTING {
            self.too_deep(brace);
            self.at = self.tokens.len();
            return Vec::new();
        }
        let list = self.block(depth + 1);
        match self.peek() {
            Some(token) if self.word(token) == "}" => self.at += 1,
            next => {
                let found = next.map_or("the end of the text".into(), |t| format!("`{}`", self.word(t)));
                let diagnostic = Diagnostic::error("E0103", self.span(brace), format!("expected `}}`, found {found}"));
                let diagnostic = match next {
                    Some(token) => diagnostic.also(self.span(token), "this item stands outside of blocks"),
                    None => diagnostic,
                };
                self.diagnostics.push(diagnostic.label("this block is never closed").hint("add a `}` where it ends"));
            }
        }
        list
    }

    /// Whether an item of the top level begins at the `at`-th token, at the start of a line, and the rest of the text does
    /// not close the `depth` open blocks: then one has ended before whose `}` is missing.
    fn item_begins(&self, at: usize, depth: usize) -> bool {
        let token = |k: usize| self.tokens.get(at + k).copied();
        let sign = |k: usize| token(k).map_or("", |t| self.word(t));
        let after: &[&str] = match sign(0) {
            "neuron" | "network" => &["{"],
            "surrogate" => &["{", "("],
            "fn" => &["("],
            "const" => &["="],
            _ => return false,
        };
        let starts_line = at == 0 || matches!(self.tokens.get(at - 1).map(|t| t.kind), Some(Kind::Newline | Kind::Doc));
        if !starts_line || token(1).is_none_or(|t| t.kind != Kind::Word) || !after.contains(&sign(2)) {
            return false;
        }
        let rest = self.tokens.get(at..).unwrap_or_default();
        let count = |brace: &str| rest.iter().filter(|&&t| self.word(t) == brace).count();
        count("}") < count("{") + depth
    }

    fn close(&mut self, token: Token, open: &mut Vec<Token>) -> bool {
        let found = self.word(token);
        let wanted = |bracket: &str| match bracket {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        match open.pop() {
            Some(bracket) if wanted(self.word(bracket)) == found => false,
            Some(bracket) => {
                let message = format!("expected `{}`, found `{found}`", wanted(self.word(bracket)));
                let diagnostic = Diagnostic::error("E0102", self.span(token), message);
                self.diagnostics.push(diagnostic.also(self.span(bracket), "to close this bracket"));
                true
            }
            None => {
                let message = format!("expected an operator or the end of the statement, found `{found}`");
                let hint = "there is no bracket that it could close: remove it";
                self.diagnostics.push(Diagnostic::error("E0102", self.span(token), message).hint(hint));
                true
            }
        }
    }

    /// Reports brackets that are still open; true if there are any.
    fn unclosed(&mut self, open: &[Token]) -> bool {
        let Some(&bracket) = open.last() else { return false };
        let wanted = match self.word(bracket) {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        let diagnostic = Diagnostic::error(
            "E0103",
            self.span(bracket),
            format!("expected `{wanted}`, found the end of the statement"),
        );
        self.diagnostics
            .push(diagnostic.label("this bracket is never closed").hint(format!("add the missing `{wanted}`")));
        true
    }

    fn unknown(&mut self, token: Token) {
        let found = self.word(token);
        let hint = match found {
            "#" => "a comment begins with //",
            "'" | "’" => "write a derivative as dV/dt",
            "→" => "write ->",
            "−" => "write the minus sign as -",
            "·" | "×" => "write a product with *",
            "≥" => "write >=",
            "≤" => "write <=",
            "!" => "write not",
            "&" => "write and",
            "|" => "write or",
            "\"" => "the language has no strings",
            _ => "remove it",
        };
        let diagnostic = Diagnostic::error("E0101", self.span(token), format!("unknown character `{found}`"));
        self.diagnostics.push(diagnostic.hint(hint));
        if found == "#" {
            // One complaint a comment.
            self.skip_line();
            self.at = self.at.saturating_sub(1);
        }
    }

    fn too_deep(&mut self, token: Token) {
        let message = format!("expected at most {MAX_NESTING} nested brackets, found more");
        let hint = "name parts of the expression with `let`";
        self.diagnostics.push(Diagnostic::error("E0104", self.span(token), message).hint(hint));
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|t| t.kind != Kind::Newline) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> Vec<String> {
        let mut diagnostics = Diagnostics::default();
        let (list, _) = statements(FileId(0), text, &mut diagnostics);
        let diagnostics = diagnostics.into_sorted();
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        list.iter().map(|s| text[s.span.start as usize..s.span.end as usize].to_string()).collect()
    }

    #[test]
    fn statements_end_at_newlines_and_semicolons() {
        assert_eq!(headers("a = 1\nb = 2; c = 3"), ["a = 1", "b = 2", "c = 3"]);
    }

    #[test]
    fn lines_continue() {
        assert_eq!(headers("a = 1 +\n 2\nb = (1\n2)\nc = 1\n + 2"), ["a = 1 +\n 2", "b = (1\n2)", "c = 1\n + 2"]);
        assert_eq!(headers("a = if c { 1 }\nelse { 2 }\nb"), ["a = if c { 1 }\nelse { 2 }", "b"]);
        assert_eq!(
            headers("a -> b.c : dense, sign +\nd -> e.f : dense"),
            ["a -> b.c : dense, sign +", "d -> e.f : dense"]
        );
        assert_eq!(headers("param x = 1 in 0 ..\nparam y = 1"), ["param x = 1 in 0 ..", "param y = 1"]);
    }

    #[test]
    fn blocks_belong_to_statements() {
        let mut diagnostics = Diagnostics::default();
        let text = "neuron A {\n  on e { I += e }\n  let x = if a { b } else { c }\n}\nconst y = 1";
        let (list, _) = statements(FileId(0), text, &mut diagnostics);
        assert_eq!(list.len(), 2);
        let block = list[0].block.as_ref().unwrap();
        assert_eq!(block.len(), 2);
        assert_eq!(block[0].block.as_ref().map(Vec::len), Some(1));
        assert_eq!(block[1].block, None);
    }

    #[test]
    fn a_forgotten_brace_does_not_swallow_the_next_items() {
        let count = |text: &str| {
            let mut diagnostics = Diagnostics::default();
            let (list, _) = statements(FileId(0), text, &mut diagnostics);
            (list.len(), diagnostics.into_sorted().iter().map(|d| d.code).collect::<Vec<_>>())
        };
        assert_eq!(count("neuron A {\n state V\nconst a = 1\nfn f(x) = x"), (3, vec!["E0103"]));
        assert_eq!(count("neuron A {\n on e {\nsurrogate s(a = 1) {\n}"), (2, vec!["E0103", "E0103"]));
        // Every brace is closed: the item stands in the wrong place.
        assert_eq!(count("network A {\n neuron B {\n }\n}\nconst a = 1"), (2, vec![]));
    }

    #[test]
    fn a_forgotten_bracket_does_not_swallow_the_rest() {
        let mut diagnostics = Diagnostics::default();
        let text = "neuron A {\n  let x = (1 + 2\n  param y = 3\n}";
        let (list, _) = statements(FileId(0), text, &mut diagnostics);
        assert_eq!(diagnostics.into_sorted().len(), 1);
        assert_eq!(list[0].block.as_ref().map(Vec::len), Some(1));
    }
}
