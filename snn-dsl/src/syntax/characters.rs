//! Characters that are no part of the language, and what to type in their place.

/// The remedy for an unknown character.
pub(super) fn remedy(found: &str) -> String {
    let text = match found {
        "#" => "a comment begins with //",
        "'" | "’" | "′" => "write a derivative as dV/dt",
        "→" => "write ->",
        "−" | "–" | "—" => "write the minus sign as -",
        "·" | "×" | "⋅" | "∙" | "∗" => "write a product with *",
        "÷" => "write a quotient with /",
        "²" => "write a square as a^2",
        "³" => "write a cube as a^3",
        "√" => "write sqrt(a)",
        "≥" => "write >=",
        "≤" => "write <=",
        "≠" => "write !=",
        "!" => "write not",
        "&" => "write and",
        "|" => "write or",
        "?" => "a choice is written `if c { a } else { b }`",
        "\"" | "“" | "”" | "„" | "‘" | "`" => {
            "write names and numbers without quotes; the only text in quotes is the file of `edges(\"connections.npz\")`"
        }
        "%" => "there is no remainder, and a comment begins with //",
        "@" => "there is no product of matrices: the weights between layers are a projection, `a -> b.exc : dense`",
        "∂" => "write a derivative as dV/dt",
        "∞" => "leave out the end of a range that is open: `in 0 ..`",
        "…" => "a range is written with two points: `0 .. 1`",
        "½" => "write 0.5",
        "~" => "write not",
        "$" | "\\" => "remove it",
        _ => "",
    };
    if !text.is_empty() {
        return text.into();
    }
    if found.starts_with("/*") {
        return "a comment begins with // and ends with its line".into();
    }
    match ascii(found) {
        Some(name) => format!("write {name}"),
        None if found.chars().all(char::is_alphabetic) => "names are written with ASCII letters".into(),
        None => "remove it".into(),
    }
}

/// How a letter that is common in formulas is written.
fn ascii(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "α" => "alpha",
        "β" => "beta",
        "γ" => "gamma",
        "δ" => "delta",
        "ε" => "epsilon",
        "η" => "eta",
        "θ" => "theta",
        "λ" => "lambda",
        "ν" => "nu",
        "ξ" => "xi",
        "π" => "pi",
        "ρ" => "rho",
        "σ" => "sigma",
        "τ" => "tau",
        "φ" | "ϕ" => "phi",
        "ω" => "omega",
        "Δ" => "Delta",
        "\u{2126}" => "Ohm",
        _ => return None,
    })
}
