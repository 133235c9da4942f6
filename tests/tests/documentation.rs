//! Every model in the documentation compiles, and every one that is marked as a mistake does not.

use snn_dsl::compile::compile;
use snn_dsl::diagnostic::{Style, render_all};
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
    for page in ["README.md", "docs/language.md", "docs/integration.md", "docs/simulate.md"] {
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
