//! From a text to Rust code: for the macro, for `snn build` and for build scripts.

use crate::compile::compile;
use crate::diagnostic::{Diagnostic, Severity, Style, render_all};
use crate::emit;
use crate::source::SourceMap;
use proc_macro2::TokenStream;
use std::path::{Path, PathBuf};

/// How code is generated.
#[derive(Clone, Debug)]
pub struct Options {
    /// The path of the runtime crate in generated code.
    pub runtime: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { runtime: "::snn_runtime".into() }
    }
}

/// The result of [`compile_source`].
#[derive(Clone, Debug)]
pub struct Output {
    /// The text and the library texts it refers to.
    pub sources: SourceMap,
    /// All mistakes and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The code, if there was no mistake.
    pub code: Option<TokenStream>,
}

/// Compiles a text to Rust; `name` is what diagnostics call it.
pub fn compile_source(name: &str, text: &str, options: &Options) -> Output {
    let compilation = compile(name, text);
    let runtime = options.runtime.parse().unwrap_or_default();
    let code = compilation.model.map(|model| emit::rust::module(&model, &runtime));
    Output { sources: compilation.sources, diagnostics: compilation.diagnostics, code }
}

/// Rust code as formatted text.
pub fn format(code: &TokenStream) -> String {
    match syn::parse2::<syn::File>(code.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(_) => code.to_string(),
    }
}

/// Compiles a `.snn` file into `OUT_DIR/NAME.rs` from a build script, and has Cargo run it again when the file changes:
///
/// ```no_run
/// // build.rs
/// snn_dsl::build::build_script("models/digits.snn").unwrap();
/// // src/lib.rs: include!(concat!(env!("OUT_DIR"), "/digits.rs"));
/// ```
///
/// # Errors
/// The rendered diagnostics, or why a file could not be read or written.
pub fn build_script(path: impl AsRef<Path>) -> Result<PathBuf, String> {
    let path = path.as_ref();
    println!("cargo::rerun-if-changed={}", path.display());
    let directory =
        std::env::var_os("OUT_DIR").ok_or("expected the environment variable OUT_DIR: call this from build.rs")?;
    let stem = path.file_stem().ok_or_else(|| format!("expected a file, found {}", path.display()))?;
    let target = PathBuf::from(directory).join(stem).with_extension("rs");
    let (code, warnings) = compile_file(path, &Options::default())?;
    for line in warnings.lines() {
        println!("cargo::warning={line}");
    }
    std::fs::write(&target, code).map_err(|e| format!("cannot write {}: {e}", target.display()))?;
    Ok(target)
}

/// Compiles a `.snn` file to formatted Rust; also returns the rendered warnings.
///
/// # Errors
/// The rendered diagnostics, or why the file could not be read.
pub fn compile_file(path: &Path, options: &Options) -> Result<(String, String), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let output = compile_source(&path.display().to_string(), &text, options);
    let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        output.diagnostics.into_iter().partition(|d| d.severity == Severity::Error);
    match output.code {
        Some(code) => Ok((format(&code), render_all(&output.sources, &warnings, Style::Plain))),
        None => Err(render_all(&output.sources, &errors, Style::Plain)),
    }
}
