//! `snn explain-error`

use super::output::print;
use snn_dsl::diagnostic::{catalogue, closest};

/// The page of a code, or the list of all codes.
pub(crate) fn explain_error(code: Option<&str>) -> Result<(), String> {
    let Some(code) = code else {
        let line = |code| format!("{code}  {}\n", catalogue::title(code).unwrap_or_default());
        return print(&catalogue::codes().map(line).collect::<String>());
    };
    match catalogue::meant(code) {
        Some(code) => print(catalogue::explanation(code).unwrap_or_default()),
        None => Err(unknown_code(code)),
    }
}

fn unknown_code(word: &str) -> String {
    let hint = match closest(&word.to_ascii_uppercase(), catalogue::codes()) {
        Some(close) => format!("did you mean `{close}`? `snn explain-error --list` shows all codes"),
        None => "`snn explain-error --list` shows all codes".to_string(),
    };
    format!("error: expected a code such as `E0302`, found `{word}`\nhelp: {hint}")
}
