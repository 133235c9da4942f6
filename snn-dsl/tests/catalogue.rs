//! The catalogue of codes against the compiler: no code without a page, and every page keeps its word.

use snn_dsl::compile::{Compilation, compile};
use snn_dsl::diagnostic::{Severity, Style, catalogue, render_all};
use std::collections::BTreeSet;
use std::path::Path;

/// The codes that stand as string literals in the source files of a folder, the catalogue's own table left out.
fn literals(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("diagnostic/catalogue") {
                literals(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Whether a piece between two quotes stands inside or outside of a string does not matter: code is none.
            let is_code = |word: &&str| {
                let digits = word.strip_prefix(['E', 'W']).unwrap_or_default();
                digits.len() == 4 && digits.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit())
            };
            found.extend(text.split('"').filter(is_code).map(str::to_string));
        }
    }
}

/// The `snn` examples of a page. A line that ends in `// this line N times` stands for N of them.
fn examples(page: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```snn";
            if inside {
                examples.push(String::new());
            }
        } else if let (true, Some(example)) = (inside, examples.last_mut()) {
            let repeated =
                line.split_once("// this line ").and_then(|(text, n)| Some((text, n.strip_suffix(" times")?)));
            let (text, times) = repeated.map_or((line, 1), |(text, n)| (text, n.parse().unwrap()));
            for _ in 0..times {
                example.push_str(text);
                example.push('\n');
            }
        }
    }
    examples
}

fn rendered(compilation: &Compilation) -> String {
    render_all(&compilation.sources, &compilation.diagnostics, Style::Plain)
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let mut found = BTreeSet::new();
    literals(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let listed: Vec<&str> = catalogue::codes().collect();
    assert!(listed.is_sorted(), "{listed:?}");
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), listed);
}

#[test]
fn pages_have_a_title_a_text_and_two_examples() {
    for code in catalogue::codes() {
        let page = catalogue::explanation(code).unwrap();
        let title = catalogue::title(code).unwrap();
        assert_eq!(page.lines().next(), Some(format!("# {code}: {title}").as_str()));
        assert!(title.len() <= 90 && !title.ends_with('.'), "{code}: {title}");
        assert_eq!(examples(page).len(), 2, "{code}");
        let text = page.split("```snn").next().unwrap().lines().skip(1).collect::<String>();
        assert!(text.len() >= 120, "{code} says little: {text}");
        assert!(page.ends_with("```\n"), "{code} does not end with the mended example");
        let wide = page.lines().find(|l| l.chars().count() > 100);
        assert_eq!(wide, None, "{code} is too wide for a terminal");
    }
}

#[test]
fn the_first_example_makes_the_mistake_alone_and_the_second_none() {
    let mut failures = String::new();
    for code in catalogue::codes() {
        let examples = examples(catalogue::explanation(code).unwrap());
        let (wrong, mended) = (compile(code, &examples[0]), compile(code, &examples[1]));
        let severity = if code.starts_with('E') { Severity::Error } else { Severity::Warning };
        let fits = wrong.diagnostics.iter().all(|d| d.code == code && d.severity == severity);
        if !fits || wrong.diagnostics.is_empty() {
            failures += &format!("{code}: the first example says\n{}\n", rendered(&wrong));
        }
        if !mended.diagnostics.is_empty() || mended.model.is_none() {
            failures += &format!("{code}: the mended example says\n{}\n", rendered(&mended));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn codes_are_found_by_what_people_type() {
    for word in ["E0201", "e0201", "0201", "201", " E0201 "] {
        assert_eq!(catalogue::meant(word), Some("E0201"), "{word}");
    }
    assert_eq!(catalogue::meant("w0401"), Some("W0401"));
    for word in ["", "E", "E201x", "E9999", "1"] {
        assert_eq!(catalogue::meant(word), None, "{word}");
    }
}
