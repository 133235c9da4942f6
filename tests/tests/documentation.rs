//! Every model in the documentation compiles, and every one that is marked as a mistake does not.

use snn_dsl::compile::compile;
use snn_dsl::diagnostic::{Style, render_all};
use std::collections::BTreeSet;
use std::path::Path;

/// The fenced blocks of a page: the words behind the fence, the line, the text.
fn blocks(page: &str) -> Vec<(String, usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => open = Some((words.trim().to_string(), number + 1, String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn models_in_the_documentation_compile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for page in ["README.md", "docs/language.md", "docs/integration.md", "docs/simulate.md", "docs/networks.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for (words, line, block) in blocks(&text) {
            let compilation = compile(&format!("{page}:{line}"), &block);
            let diagnostics = render_all(&compilation.sources, &compilation.diagnostics, Style::Plain);
            match words.as_str() {
                "snn" => {
                    assert!(diagnostics.is_empty(), "{page}, line {line}:\n{diagnostics}");
                    let formatted = snn_dsl::syntax::format(page, &block).ok();
                    assert_eq!(formatted.as_ref(), Some(&block), "{page}, line {line}: lay it out as `snn fmt` does");
                }
                "snn,error" => assert!(compilation.model.is_none(), "{page}, line {line} compiles"),
                _ => continue,
            }
            count += 1;
        }
    }
    assert!(count >= 10, "{count} models");
}

/// The words of the grammar, and names that the checker knows: each stands in a model of the reference.
#[test]
fn every_word_of_the_language_stands_in_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let grammar = std::fs::read_to_string(root.join("snn-dsl/src/syntax/grammar.pest")).unwrap();
    let mut words: BTreeSet<&str> = grammar.lines().filter(|l| !l.starts_with("//")).flat_map(in_quotes).collect();
    // Not built yet.
    for word in ["use", "extends", "next_step"] {
        assert!(words.remove(word), "{word}");
    }
    // Parts of numbers and letters.
    words.retain(|w| w.chars().all(|c| c.is_ascii_alphabetic() || c == '_') && !matches!(*w, "e" | "d" | "_"));
    let names = "dense one_to_one random fixed_indegree fixed_outdegree edges conv pool seed stride normal uniform \
                 constant zeros loguniform fan_in fan_out spikes values class exp expm1 ln sin cos tanh atan sigmoid erf \
                 erfc exprel exprel1 exprel2 abs relu detach min max clip sqrt pow heaviside max_t mean_t sum_t last_t \
                 first_spike_t max_n mean_n sum_n mean_b cross_entropy mse before_reset from to auto exact \
                 exponential_euler exponential_midpoint euler rk2 rk4 xi dt";
    words.extend(names.split_whitespace());
    let page = std::fs::read_to_string(root.join("docs/language.md")).unwrap();
    let models = blocks(&page).into_iter().filter(|b| b.0 == "snn").map(|b| b.2).collect::<String>();
    let used: BTreeSet<&str> = models.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let missing: Vec<&&str> = words.iter().filter(|w| !used.contains(**w)).collect();
    assert_eq!(missing, [&""; 0], "these stand in no example of docs/language.md");
    assert!(words.len() > 120, "{}", words.len());
}

/// What stands between the quotes of a line.
fn in_quotes(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

/// The commands of a page name files, parameters and inputs that are there.
#[test]
fn commands_in_the_documentation_fit_their_models() {
    use snn_dsl::simulate::options;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for page in ["docs/networks.md", "docs/simulate.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let shell = blocks(&text).into_iter().filter(|b| b.0 == "sh").map(|b| b.2).collect::<String>();
        for line in shell.lines().filter(|l| l.starts_with("snn simulate examples/")) {
            let words: Vec<String> = words_of(line);
            let file = root.join(&words[2]);
            let source = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{page}: {line}: {e}"));
            let model = compile(&words[2], &source).model.unwrap_or_else(|| panic!("{page}: {line}"));
            let Some(network) = model.networks.first() else { continue };
            for pair in words.windows(2) {
                let read = |path: &str| Err(format!("{path} in {page}"));
                let fits = match pair[0].as_str() {
                    "--set" => options::network_set(&model, network, &pair[1]).map(drop),
                    "--input" => options::network_input(&model, network, &pair[1], read).map(drop),
                    _ => continue,
                };
                fits.unwrap_or_else(|e| panic!("{page}: {line}: {e}"));
            }
            count += 1;
        }
    }
    assert!(count >= 5, "{count} commands");
}

/// The words of a line of a shell, without its quotes and comment.
fn words_of(line: &str) -> Vec<String> {
    let line = line.split(" #").next().unwrap_or(line);
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|w| !w.is_empty());
    words
}
