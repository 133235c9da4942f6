//! The subcommands of `snn`, and what they share: models, reports, output.

pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod explain_error;
pub(crate) mod fmt;
pub(crate) mod list;
pub(crate) mod output;
pub(crate) mod setup;
pub(crate) mod simulate;
pub(crate) mod simulate_network;

use snn_dsl::compile::{Compilation, compile};
use snn_dsl::diagnostic::{Style, closest, render_all};
use snn_dsl::library;
use std::io::IsTerminal;
use std::path::Path;

/// A file, or the name of a library neuron.
pub(crate) fn load(model: &str) -> Result<Compilation, String> {
    let path = Path::new(model);
    if path.exists() {
        return read(path);
    }
    match library::neuron(model) {
        Some((file, text)) => Ok(compile(file, text)),
        None if path.extension().is_some() => Err(format!("error: cannot read {model}: there is no such file")),
        None => Err(unknown(model)),
    }
}

pub(crate) fn unknown(name: &str) -> String {
    let names = library::neuron_names().iter().chain(library::surrogate_names()).copied();
    let hint = match closest(name, names) {
        Some(close) => format!("did you mean `{close}`?"),
        None => "`snn list` shows the library".to_string(),
    };
    format!("error: expected a model file or the name of a library model, found `{name}`\nhelp: {hint}")
}

pub(crate) fn read(path: &Path) -> Result<Compilation, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("error: cannot read {}: {e}", path.display()))?;
    Ok(compile(&path.display().to_string(), &text))
}

pub(crate) fn report(compilation: &Compilation) {
    let style = if std::io::stderr().is_terminal() { Style::Terminal } else { Style::Plain };
    let text = render_all(&compilation.sources, &compilation.diagnostics, style);
    eprint!("{text}");
}
