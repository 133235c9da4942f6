//! The statement pre-pass: where statements end, and which block belongs to which statement.
//!
//! A statement ends at a newline or `;`. A line continues if a bracket is open, if it ends in a binary operator, `,`, `:` or
//! `=`, or if the next line starts with a binary operator, `->` or `else`, or with the `{` of a block. A line that starts
//! with a keyword goes on with none. A `{` that belongs to an `if` or `else` is a bracket of an expression; any other opens
//! a block of statements.

use super::characters;
use super::lex::{Kind, Token, lex};
use super::prefixes::Prefixes;
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
/// More prefix operators around one operand are an error, too.
const MAX_PREFIXES: usize = 64;
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
    (statements_of(file, text, tokens, diagnostics), blanked)
}

/// The same of tokens that are there already.
pub(super) fn statements_of(
    file: FileId,
    text: &str,
    tokens: Vec<Token>,
    diagnostics: &mut Diagnostics,
) -> Vec<Statement> {
    let missing_braces = missing_braces(text, &tokens);
    let mut reader = Reader { file, text, tokens, missing_braces, at: 0, headless: false, diagnostics };
    reader.block(0, false)
}

/// For each token, how many more `{` than `}` there are from it to the end.
fn missing_braces(text: &str, tokens: &[Token]) -> Vec<i64> {
    let mut more = 0;
    let mut list: Vec<i64> = tokens
        .iter()
        .rev()
        .map(|t| {
            more += match text.get(t.start..t.end) {
                Some("{") => 1,
                Some("}") => -1,
                _ => 0,
            };
            more
        })
        .collect();
    list.reverse();
    list
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    tokens: Vec<Token>,
    /// See [`missing_braces`].
    missing_braces: Vec<i64>,
    at: usize,
    /// The last item has a header and no block, so that its `}` closes nothing.
    headless: bool,
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

    /// Statements up to the `}` that closes this block, or to the end of the text. A block of assignments ends before the
    /// next declaration, too, if its `}` is missing.
    fn block(&mut self, depth: usize, assigns: bool) -> Vec<Statement> {
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
                (Kind::Word, word) if assigns && KEYWORDS.contains(&word) && self.lacks_brace(self.at, depth) => {
                    return list;
                }
                (_, "}") if self.headless => {
                    self.headless = false;
                    self.at += 1;
                }
                (_, "}") => {
                    let message = "expected a statement, found `}`";
                    let hint = "there is no `{` that it could close: remove it";
                    self.diagnostics.push(Diagnostic::error("E0102", self.span(token), message).hint(hint));
                    self.at += 1;
                }
                (_, "{") => self.stray_block(token),
                _ => {
                    let statement = self.statement(depth, std::mem::take(&mut docs));
                    if depth == 0
                        && let Some(Statement { tokens, block, .. }) = &statement
                    {
                        let first = tokens.first().map_or("", |&t| self.word(t));
                        let takes_block = matches!(first, "neuron" | "synapse" | "network" | "surrogate");
                        self.headless = block.is_none() && (takes_block || self.headless);
                    }
                    list.extend(statement);
                }
            }
        }
        list
    }

    fn statement(&mut self, depth: usize, docs: Vec<String>) -> Option<Statement> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut open: Vec<Token> = Vec::new();
        let mut prefixes = Prefixes::default();
        let mut pending_if = 0;
        let mut broken = false;
        let mut unknown: Vec<&str> = Vec::new();
        let mut block = None;
        while let Some(token) = self.peek() {
            let word = self.word(token);
            match (token.kind, word) {
                (Kind::Newline, _) => {
                    if self.ends_here(&tokens, !open.is_empty()) {
                        break;
                    }
                    while self.peek().is_some_and(|t| t.kind == Kind::Newline) {
                        self.at += 1;
                    }
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
                    // The same character once for a statement.
                    if unknown.contains(&word) {
                        self.pass_unknown(token);
                    } else {
                        self.unknown(token);
                        unknown.push(word);
                    }
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
                        let owner = tokens.first().map_or("", |&t| self.word(t));
                        block = Some(self.enter(token, depth, owner));
                        break;
                    }
                }
                (_, ")" | "]" | "}") => broken |= self.close(token, &mut open),
                // Reported by the grammar; its brace is none of a block.
                (Kind::Word, "if" | "elif") => pending_if += 1,
                _ => {}
            }
            if open.len() + depth > MAX_NESTING {
                self.too_deep(token);
                self.skip_statement(tokens, &open);
                return None;
            }
            if prefixes.after(word, token.kind) > MAX_PREFIXES {
                let message = format!("expected at most {MAX_PREFIXES} signs before an operand, found more");
                let hint = "name parts of the expression with `let`";
                self.diagnostics.push(Diagnostic::error("E0104", self.span(token), message).hint(hint));
                self.skip_statement(tokens, &open);
                return None;
            }
            if tokens.len() == MAX_TOKENS {
                let message = format!("expected at most {MAX_TOKENS} words in a statement, found more");
                let hint = "name parts of the expression with `let`";
                // What is wrong with it is seen at its beginning, not where the limit happens to lie.
                let place = tokens.first().copied().unwrap_or(token);
                self.diagnostics.push(Diagnostic::error("E0105", self.span(place), message).hint(hint));
                self.skip_statement(tokens, &open);
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
    fn ends_here(&self, tokens: &[Token], is_open: bool) -> bool {
        let next = self.beyond_newlines();
        if is_open {
            // A keyword at the start of a line: more likely a forgotten bracket than part of an expression.
            return next.is_none_or(|t| t.kind == Kind::Word && KEYWORDS.contains(&self.word(t)));
        }
        let takes_block =
            matches!(self.word(tokens[0]), "neuron" | "synapse" | "network" | "surrogate" | "on" | "spike");
        if takes_block && next.is_some_and(|t| self.word(t) == "{") {
            return false;
        }
        let last = tokens.last().map(|&t| self.word(t)).unwrap_or("");
        let before = tokens.len().checked_sub(2).and_then(|i| tokens.get(i)).map(|&t| self.word(t));
        let is_sign_option = before == Some("sign") && matches!(last, "+" | "-");
        if next.is_some_and(|t| t.kind == Kind::Word && KEYWORDS.contains(&self.word(t))) {
            // Whatever is missing at the end of the line.
            return true;
        }
        // A header in the manner of Python.
        if last == ":" && matches!(self.word(tokens[0]), "neuron" | "synapse" | "network" | "surrogate") {
            return true;
        }
        if OPERATORS.contains(&last) && self.equation_begins() {
            return true;
        }
        if (OPERATORS.contains(&last) || matches!(last, "," | ":" | "not")) && !is_sign_option && last != ".." {
            return false;
        }
        !next.is_some_and(|t| {
            let word = self.word(t);
            matches!(word, "else" | "elif") || OPERATORS.contains(&word)
        })
    }

    /// Whether the next line begins with an equation such as `tau dV/dt =`.
    fn equation_begins(&self) -> bool {
        let rest = self.tokens.get(self.at..).unwrap_or_default().iter();
        let line = rest.skip_while(|t| t.kind == Kind::Newline).take_while(|t| t.kind != Kind::Newline);
        let words: Vec<&str> = line.take(6).map(|&t| self.word(t)).collect();
        words.windows(4).take(3).any(|w| w[0].len() > 1 && w[0].starts_with('d') && w[1..] == ["/", "dt", "="])
    }

    /// Reads the block behind a `{`; `owner` is the word that begins its statement.
    fn enter(&mut self, brace: Token, depth: usize, owner: &str) -> Vec<Statement> {
        self.at += 1;
        if depth + 1 > MAX_NESTING {
            self.too_deep(brace);
            self.at = self.tokens.len();
            return Vec::new();
        }
        let list = self.block(depth + 1, matches!(owner, "on" | "spike"));
        match self.peek() {
            Some(token) if self.word(token) == "}" => self.at += 1,
            next => {
                let found = next.map_or("the end of the text".into(), |t| format!("`{}`", self.word(t)));
                let diagnostic = Diagnostic::error("E0103", self.span(brace), format!("expected `}}`, found {found}"));
                let diagnostic = match next {
                    Some(token) if self.item_begins(self.at, depth + 1) => {
                        diagnostic.also(self.span(token), "this item stands outside of blocks")
                    }
                    Some(token) => diagnostic.also(self.span(token), "this statement stands outside of the block"),
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
            "neuron" | "synapse" | "network" => &["{"],
            "surrogate" => &["{", "("],
            "fn" => &["("],
            "const" => &["="],
            _ => return false,
        };
        let starts_line = at == 0 || matches!(self.tokens.get(at - 1).map(|t| t.kind), Some(Kind::Newline | Kind::Doc));
        if !starts_line || token(1).is_none_or(|t| t.kind != Kind::Word) || !after.contains(&sign(2)) {
            return false;
        }
        self.lacks_brace(at, depth)
    }

    /// Whether the text from the `at`-th token on does not close the `depth` open blocks.
    fn lacks_brace(&self, at: usize, depth: usize) -> bool {
        self.missing_braces.get(at).is_some_and(|&more| more + depth as i64 > 0)
    }

    /// Reports a block without a statement before it, and goes on behind it.
    fn stray_block(&mut self, brace: Token) {
        let hint = "a block stands behind `neuron NAME`, `synapse NAME`, `network NAME`, `surrogate NAME`, `on PORT` or `spike when ...`";
        let diagnostic = Diagnostic::error("E0102", self.span(brace), "expected a statement, found `{`");
        self.diagnostics.push(diagnostic.hint(hint));
        let mut open = 0;
        while let Some(token) = self.peek() {
            open += i64::from(self.word(token) == "{") - i64::from(self.word(token) == "}");
            self.at += 1;
            if open == 0 {
                break;
            }
        }
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
                let hint = if (self.word(bracket), found) == ("[", ")") {
                    "a range is written `0 .. 1`, without brackets".into()
                } else {
                    format!("write `{}`", wanted(self.word(bracket)))
                };
                self.diagnostics.push(diagnostic.also(self.span(bracket), "to close this bracket").hint(hint));
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
        let before = self.at.checked_sub(1).and_then(|k| self.tokens.get(k));
        let is_string = found == "'" && before.is_none_or(|t| t.end < token.start || t.kind == Kind::Punctuation);
        let (message, hint) = if found.starts_with("/*") {
            ("unknown sign `/*`".to_string(), characters::remedy(found))
        } else {
            (format!("unknown character `{found}`"), characters::remedy(if is_string { "\"" } else { found }))
        };
        self.diagnostics.push(Diagnostic::error("E0101", self.span(token), message).hint(hint));
        self.pass_unknown(token);
    }

    /// Moves to the last token of what an unknown character begins: one complaint a comment, string or name.
    fn pass_unknown(&mut self, token: Token) {
        let found = self.word(token);
        if found == "#" {
            self.skip_line();
            self.at = self.at.saturating_sub(1);
        } else if matches!(found, "\"" | "'" | "“" | "„" | "‘" | "`") {
            let ends: &[&str] =
                if matches!(found, "“" | "„" | "‘") { &["“", "”", "’", "„", "‘"] } else { &[found] };
            let mut line =
                self.tokens.iter().enumerate().skip(self.at + 1).take_while(|(_, t)| t.kind != Kind::Newline);
            if let Some((quote, _)) = line.find(|&(_, &t)| ends.contains(&self.word(t))) {
                self.at = quote;
            }
        } else if found.chars().all(char::is_alphabetic) {
            let is_part = |t: Token| match t.kind {
                Kind::Word | Kind::Number => true,
                Kind::Unknown => self.word(t).chars().all(char::is_alphabetic),
                _ => false,
            };
            let mut at = self.at;
            while let (Some(this), Some(&next)) = (self.tokens.get(at), self.tokens.get(at + 1))
                && this.end == next.start
                && is_part(next)
            {
                at += 1;
            }
            self.at = at;
        }
    }

    fn too_deep(&mut self, token: Token) {
        let message = format!("expected at most {MAX_NESTING} nested brackets, found more");
        let hint = "name parts of the expression with `let`";
        self.diagnostics.push(Diagnostic::error("E0104", self.span(token), message).hint(hint));
    }

    /// Goes on behind a statement that was given up: the rest of it, on whatever line, says nothing more.
    fn skip_statement(&mut self, mut tokens: Vec<Token>, open: &[Token]) {
        let mut braces = open.iter().filter(|&&t| self.word(t) == "{").count();
        let mut brackets = open.len() - braces;
        // The word at the reader was too much; if it is a bracket, it is among the open ones.
        tokens.extend(self.peek());
        self.at += 1;
        while let Some(token) = self.peek() {
            match (token.kind, self.word(token)) {
                (Kind::Newline, _) if self.ends_here(&tokens, braces + brackets > 0) => return,
                (Kind::Newline, _) => {
                    while self.peek().is_some_and(|t| t.kind == Kind::Newline) {
                        self.at += 1;
                    }
                    continue;
                }
                (_, ";") if braces + brackets == 0 => return,
                (_, "}") if braces == 0 => return,
                (_, "}") => braces -= 1,
                (_, "{") => braces += 1,
                (_, "(" | "[") => brackets += 1,
                (_, ")" | "]") => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            tokens.push(token);
            self.at += 1;
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|t| t.kind != Kind::Newline) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
