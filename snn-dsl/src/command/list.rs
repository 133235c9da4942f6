//! `snn list`

use super::output::print;
use super::unknown;
use snn_dsl::library;

/// The text of a library model, or the list of all.
pub(crate) fn list(name: Option<&str>) -> Result<(), String> {
    if let Some(name) = name {
        let found = library::neuron(name).or_else(|| library::synapse(name)).or_else(|| library::surrogate(name));
        return found.map_or_else(|| Err(unknown(name)), |(_, text)| print(text));
    }
    let mut text = section("neurons", library::neuron_names(), library::neuron);
    text.push_str(&section("synapses", library::synapse_names(), library::synapse));
    text.push_str(&section("surrogates", library::surrogate_names(), library::surrogate));
    print(&text)
}

/// The names with what they stand for, in two columns.
fn section(title: &str, names: &[&str], entry: fn(&str) -> Option<library::Entry>) -> String {
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let line = |name: &&str| format!("  {name:width$}  {}\n", summary(entry(name)));
    format!("{title}\n{}", names.iter().map(line).collect::<String>())
}

/// The first documentation line of a library text.
fn summary(entry: Option<library::Entry>) -> &'static str {
    let text = entry.map_or("", |e| e.1);
    text.lines().find_map(|line| line.strip_prefix("///")).map_or("", str::trim)
}
