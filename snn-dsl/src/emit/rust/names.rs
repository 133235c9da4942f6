//! Names of the model as Rust identifiers that are unique in their scope.
//!
//! A model chooses its names freely, and generated code has names of its own beside them. So no identifier is made from
//! text alone: every scope (the module, the fields of a struct, the locals of a function) has a table from which each
//! name can be taken once. Whoever comes second gets `_` or a number behind his name.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// Words of Rust, reserved ones and those of older and coming editions included.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
    "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual", "where", "while",
    "yield",
];

/// The names of one scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// Takes names that the code of the scope writes out.
    pub(super) fn reserve(&mut self, names: &[&str]) {
        self.taken.extend(names.iter().map(|n| (*n).to_string()));
    }

    /// The names of a scope inside this one, which hides none of the outer names.
    pub(super) fn inside(&self) -> Self {
        self.clone()
    }

    /// The wish if it is free, else with `_` or the first free number behind it.
    pub(super) fn take(&mut self, wish: &str) -> Ident {
        let wish = identifier(wish);
        let mut name = wish.clone();
        let mut number = 1;
        while !self.is_free(&name) {
            name = if number == 1 { format!("{wish}_") } else { format!("{wish}_{number}") };
            number += 1;
        }
        self.taken.insert(name.clone());
        Ident::new(&name, Span::call_site())
    }

    /// One name for each wish. Wishes that can be granted are granted first: beside `type_`, it is `type` that changes.
    pub(super) fn take_all<W: AsRef<str>>(&mut self, wishes: impl IntoIterator<Item = W>) -> Vec<Ident> {
        let mut waiting: Vec<(W, Option<Ident>)> = wishes.into_iter().map(|w| (w, None)).collect();
        for (wish, name) in &mut waiting {
            if self.is_free(wish.as_ref()) {
                *name = Some(self.take(wish.as_ref()));
            }
        }
        waiting.into_iter().map(|(wish, name)| name.unwrap_or_else(|| self.take(wish.as_ref()))).collect()
    }

    /// The next free one of `t1`, `t2`, ...; `last` is the number of the one before.
    pub(super) fn take_numbered(&mut self, prefix: &str, last: &mut usize) -> Ident {
        loop {
            *last += 1;
            let name = format!("{prefix}{last}");
            if self.is_free(&name) {
                return self.take(&name);
            }
        }
    }

    fn is_free(&self, name: &str) -> bool {
        name != "_" && !KEYWORDS.contains(&name) && !self.taken.contains(name)
    }
}

/// A name of the model is an identifier already; this makes sure of it.
pub(super) fn identifier(name: &str) -> String {
    let mut text: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        text.insert(0, '_');
    }
    text
}

/// The locals that code reads or writes; names are unique, so that the same word is the same thing, unless it is that of a
/// field.
pub(super) struct Mentions(BTreeSet<String>);

impl Mentions {
    /// The locals of all of the code.
    pub(super) fn of(code: &TokenStream) -> Self {
        let mut found = BTreeSet::new();
        collect(code.clone(), &mut found);
        Self(found)
    }

    /// Whether that local is among them.
    pub(super) fn contain(&self, name: &Ident) -> bool {
        self.0.contains(&name.to_string())
    }
}

fn collect(code: TokenStream, found: &mut BTreeSet<String>) {
    let mut before = [None, None];
    for token in code {
        let mut mark = None;
        match token {
            // `.x` is a field, `..x` is not.
            TokenTree::Ident(ident) if before[1] != Some('.') || before[0] == Some('.') => {
                found.insert(ident.to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), found),
            TokenTree::Punct(punct) => mark = Some(punct.as_char()),
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
        before = [before[1], mark];
    }
}

/// A whole number as a literal without a type.
pub(super) fn index(k: usize) -> Literal {
    Literal::usize_unsuffixed(k)
}

/// `max_rate` for `MaxRate`; `maxRate` and `max_rate` become the same.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut previous_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && previous_lower {
            out.push('_');
        }
        previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Mentions, Names};
    use quote::{format_ident, quote};

    fn texts(names: Vec<proc_macro2::Ident>) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_is_given_once() {
        let mut names = Names::default();
        names.reserve(&["count"]);
        let taken = ["V", "V", "V", "V_", "type", "_", "count", "self"].map(|n| names.take(n).to_string());
        assert_eq!(taken, ["V", "V_", "V_2", "V__", "type_", "__", "count_", "self_"]);
        assert_eq!(names.inside().take("V").to_string(), "V_3");
    }

    #[test]
    fn a_name_that_can_stay_stays() {
        assert_eq!(texts(Names::default().take_all(["type", "type_", "a", "a"])), ["type_2", "type_", "a", "a_"]);
        assert_eq!(texts(Names::default().take_all(["a", "a_", "a"])), ["a", "a_", "a_2"]);
    }

    #[test]
    fn numbers_pass_over_what_is_taken() {
        let mut names = Names::default();
        names.take("t2");
        let mut last = 0;
        assert_eq!(names.take_numbered("t", &mut last).to_string(), "t1");
        assert_eq!(names.take_numbered("t", &mut last).to_string(), "t3");
    }

    #[test]
    fn mentions_are_of_locals_in_groups_too() {
        let code = quote! { for i in 0..n { out[i] = f(x_1, self.field); } };
        let found = ["x_1", "n", "x", "field"].map(|name| Mentions::of(&code).contain(&format_ident!("{name}")));
        assert_eq!(found, [true, true, false, false]);
    }
}
