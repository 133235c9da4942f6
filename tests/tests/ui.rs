//! Mistakes in `snn_model!` are compile errors that underline the right tokens, inline and by file.

#[test]
fn macro_errors() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
