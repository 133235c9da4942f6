//! Mistakes in `snn_model!` are compile errors that underline the right tokens, inline and by file.

use std::path::{Path, PathBuf};

/// trybuild compiles the cases in a project of its own, below the target folder; models are found relative to it.
fn project() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    // target/debug/deps/ui-...
    let target = executable.ancestors().nth(3).unwrap();
    target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"))
}

#[test]
fn macro_errors() {
    let model = Path::new("models/fail/wrong_unit_in_equation.snn");
    let copy = project().join(model);
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::copy(model, &copy).unwrap();

    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
