//! Spaces between the words of a line.

/// A word or sign.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// There was space before it.
    pub(super) spaced: bool,
    /// It is a minus sign without left operand.
    pub(super) unary: bool,
    /// An expression begins behind it: a bracket there is not that of a call, a sign has no left operand.
    pub(super) opens_expression: bool,
    /// It is the first word of a statement.
    pub(super) begins: bool,
    /// It is the last word of a statement without block.
    pub(super) ends: bool,
}

/// Words that open an expression wherever they stand: none of them can be a name.
pub(super) fn is_before_expressions(word: &str) -> bool {
    matches!(
        word,
        "and" | "or" | "not" | "in" | "if" | "else" | "when" | "scale" | "detached" | "refractory" | "for" | "loss"
    )
}

impl Word<'_> {
    /// Whether an operand can end in this word, so that a sign behind it is an infix operator.
    pub(super) fn ends_operand(&self) -> bool {
        match self.text.chars().next() {
            Some(c) if c.is_alphanumeric() || c == '_' => !self.opens_expression,
            _ => matches!(self.text, ")" | "]" | "}"),
        }
    }

    /// Whether a bracket behind this word is that of a call or a list of parameters.
    fn is_callable(&self) -> bool {
        let is_name = self.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        is_name && !self.opens_expression
    }
}

/// Words with their spaces.
pub(super) fn join(words: &[Word<'_>]) -> String {
    let mut text = String::new();
    for (k, word) in words.iter().enumerate() {
        if k > 0 && space_before(words, k) {
            text.push(' ');
        }
        text.push_str(word.text);
    }
    text
}

/// Whether a space stands before the `k`-th word; `k` is at least 1.
fn space_before(words: &[Word<'_>], k: usize) -> bool {
    let (before, word) = (&words[k - 1], &words[k]);
    match (before.text, word.text) {
        (_, "," | ";" | ")" | "]" | "[" | "^") | ("(" | "[" | "^", _) => false,
        (_, ".") | (".", _) => false,
        ("{", "}") => false,
        // `dV/dt` is one symbol.
        ("/", "dt") | (_, "/") if is_derivative(words, if word.text == "/" { k } else { k - 1 }) => false,
        (_, "*" | "/") => is_wide_product(words, k),
        ("*" | "/", _) => is_wide_product(words, k - 1),
        ("-", _) if before.unary => false,
        (_, "(") => !before.is_callable(),
        _ => true,
    }
}

/// Whether the `k`-th word is the `/` of a derivative.
fn is_derivative(words: &[Word<'_>], k: usize) -> bool {
    let text = |i: Option<usize>| i.and_then(|i| words.get(i)).map_or("", |w| w.text);
    let state = text(k.checked_sub(1));
    let equation = !words[..k].iter().any(|w| w.text == "=");
    text(Some(k)) == "/" && text(Some(k + 1)) == "dt" && state.len() > 1 && state.starts_with('d') && equation
}

/// Products are as wide as they were written: `R*I`, `out.V / mV`; at the end of a line they are wide.
fn is_wide_product(words: &[Word<'_>], k: usize) -> bool {
    words[k].spaced || words.get(k + 1).is_none_or(|w| w.spaced)
}
