//! The corpora: models that compile, and models with mistakes whose diagnostics are kept as snapshots.

use snn_dsl::compile::compile;
use snn_dsl::diagnostic::{Severity, Style, render_all};
use std::path::{Path, PathBuf};

fn models(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "snn"))
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
fn passing_models_compile_without_a_word() {
    let files = models("pass");
    assert!(files.len() >= 15, "{} models", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let compilation = compile(&name(&path), &text);
        let words = render_all(&compilation.sources, &compilation.diagnostics, Style::Plain);
        assert!(words.is_empty(), "{}:\n{words}", path.display());
        assert_eq!(snn_dsl::syntax::format("", &text).ok().as_ref(), Some(&text), "run `snn fmt {}`", path.display());
        // What the checker accepts can be derived and emitted.
        let model = compilation.model.unwrap();
        snn_dsl::explain::explain(&model);
        let code = snn_dsl::emit::rust::module(&model, &"::snn_runtime".parse().unwrap());
        syn::parse2::<syn::File>(code).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

#[test]
fn failing_models_say_what_is_wrong() {
    let files = models("fail");
    assert!(files.len() >= 270, "{} models", files.len());
    insta::with_settings!({ snapshot_path => "../snapshots/fail", prepend_module_to_snapshot => false, omit_expression => true }, {
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let file = format!("{}.snn", name(&path));
            let compilation = compile(&file, &text);
            assert!(compilation.model.is_none(), "{} compiles", path.display());
            assert!(compilation.diagnostics.iter().any(|d| d.severity == Severity::Error));
            for diagnostic in &compilation.diagnostics {
                let span = diagnostic.span().unwrap();
                let length = compilation.sources.file(span.file).text.len();
                assert!(span.start <= span.end && span.end as usize <= length, "{}: {diagnostic:?}", path.display());
            }
            insta::assert_snapshot!(name(&path), render_all(&compilation.sources, &compilation.diagnostics, Style::Plain));
        }
    });
}

#[test]
fn doubtful_models_are_warned_about() {
    insta::with_settings!({ snapshot_path => "../snapshots/warn", prepend_module_to_snapshot => false, omit_expression => true }, {
        for path in models("warn") {
            let text = std::fs::read_to_string(&path).unwrap();
            let compilation = compile(&format!("{}.snn", name(&path)), &text);
            assert!(compilation.model.is_some(), "{} does not compile", path.display());
            insta::assert_snapshot!(name(&path), render_all(&compilation.sources, &compilation.diagnostics, Style::Plain));
        }
    });
}

#[test]
fn layout_is_idempotent_and_changes_no_diagnostic() {
    let mut laid_out = 0;
    for path in models("fail") {
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(once) = snn_dsl::syntax::format("", &text) else { continue };
        laid_out += 1;
        assert_eq!(snn_dsl::syntax::format("", &once).ok().as_ref(), Some(&once), "{}", path.display());
        let said = |text: &str| -> Vec<_> {
            let said = compile("", text).diagnostics.into_iter();
            said.map(|d| (d.code, d.message)).collect()
        };
        assert_eq!(said(&text), said(&once), "{}", path.display());
    }
    assert!(laid_out > 50, "{laid_out} texts");
}
