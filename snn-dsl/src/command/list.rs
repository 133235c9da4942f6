//! `snn list`

use super::output::print;
use super::unknown;
use snn_dsl::library;

/// The text of a library model, or the list of all.
pub(crate) fn list(name: Option<&str>) -> Result<(), String> {
    if let Some(name) = name {
        let found = library::neuron(name).or_else(|| library::surrogate(name));
        return found.map_or_else(|| Err(unknown(name)), |(_, text)| print(text));
    }
    let mut text = String::from("neurons\n");
    for name in library::neuron_names() {
        text.push_str(&format!("  {:<22}{}\n", name, summary(library::neuron(name))));
    }
    text.push_str("surrogates\n");
    for name in library::surrogate_names() {
        text.push_str(&format!("  {:<28}{}\n", name, summary(library::surrogate(name))));
    }
    print(&text)
}

/// The first documentation line of a library text.
fn summary(entry: Option<(&'static str, &'static str)>) -> &'static str {
    let text = entry.map_or("", |e| e.1);
    text.lines().find_map(|line| line.strip_prefix("///")).map_or("", str::trim)
}
