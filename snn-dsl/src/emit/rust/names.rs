//! Names of the model as Rust identifiers.

use proc_macro2::{Ident, Literal, Span};

/// Words that a model may use as names but generated code may not, because they are Rust's or the generated code's own.
const TAKEN: &[&str] = &[
    "as",
    "async",
    "await",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "Self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "union",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "abstract",
    "become",
    "TAPE",
    "DRIVES",
    "coefficient",
    "count",
    "cell",
    "flags",
    "spikes",
    "spike_gradient",
    "is_refractory",
    "refractory_left",
    "refractory_steps",
    "parameters",
    "coefficients",
    "gradient",
];

/// The identifier for a name of the model (ASCII letters, digits and underscores).
pub(super) fn ident(name: &str) -> Ident {
    let mut text: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || text == "_" {
        text.insert_str(0, "_0");
    }
    if TAKEN.contains(&text.as_str()) {
        text.push('_');
    }
    Ident::new(&text, Span::call_site())
}

/// `LIF_delta` and `my_cell` as a type name: `LifDelta`, `MyCell`; a name in capitals (`LIF`) stays as it is.
pub(super) fn type_ident(name: &str) -> Ident {
    ident(name)
}

/// A whole number as a literal without a type.
pub(super) fn index(k: usize) -> Literal {
    Literal::usize_unsuffixed(k)
}

/// `max_rate` for `MaxRate`.
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
