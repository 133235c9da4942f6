//! From a text to Rust code: for the macro, for `snn build` and for build scripts.

use crate::compile::compile;
use crate::diagnostic::{Diagnostic, Severity, Style, render_all};
use crate::emit;
use crate::source::SourceMap;
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use syn::parse::Parser;

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
///
/// # Errors
/// If the options are wrong. Mistakes of the text are in the output.
pub fn compile_source(name: &str, text: &str, options: &Options) -> Result<Output, String> {
    let runtime = runtime_path(&options.runtime)?;
    let compilation = compile(name, text);
    let code = compilation.model.map(|model| emit::rust::module(&model, &runtime));
    Ok(Output { sources: compilation.sources, diagnostics: compilation.diagnostics, code })
}

/// Any other text than a path would turn up in the middle of generated code.
fn runtime_path(text: &str) -> Result<TokenStream, String> {
    let path = syn::Path::parse_mod_style.parse_str(text);
    let path =
        path.map_err(|_| format!("expected the path of the runtime crate, as `::snn_runtime`, found `{text}`"))?;
    Ok(path.into_token_stream())
}

/// Rust code as formatted text.
///
/// # Errors
/// If the code is no Rust, which is a mistake of whoever generated it.
pub fn format(code: &TokenStream) -> Result<String, String> {
    let file = syn::parse2::<syn::File>(code.clone());
    let file = file.map_err(|e| format!("the generated code is not valid Rust, please report this: {e}"))?;
    Ok(prettyplease::unparse(&file))
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
    let target = PathBuf::from(directory).join(rust_file_name(path)?);
    let (code, warnings) = compile_file(path, &Options::default())?;
    for line in warnings.lines() {
        println!("cargo::warning={line}");
    }
    std::fs::write(&target, code).map_err(|e| format!("cannot write {}: {e}", target.display()))?;
    Ok(target)
}

/// `net.v1.rs` for `models/net.v1.snn`: only the last extension is that of the model.
fn rust_file_name(path: &Path) -> Result<OsString, String> {
    let stem = path.file_stem().ok_or_else(|| format!("expected a file, found {}", path.display()))?;
    let mut name = stem.to_os_string();
    name.push(".rs");
    Ok(name)
}

/// Compiles a `.snn` file to formatted Rust; also returns the rendered warnings.
///
/// # Errors
/// The rendered diagnostics, or why the file could not be read, or what is wrong with the options.
pub fn compile_file(path: &Path, options: &Options) -> Result<(String, String), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let output = compile_source(&path.display().to_string(), &text, options)?;
    let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        output.diagnostics.into_iter().partition(|d| d.severity == Severity::Error);
    match output.code {
        Some(code) => Ok((format(&code)?, render_all(&output.sources, &warnings, Style::Plain))),
        None => Err(render_all(&output.sources, &errors, Style::Plain)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, compile_source, format, runtime_path, rust_file_name};
    use quote::quote;
    use std::path::Path;

    #[test]
    fn a_runtime_is_a_path() {
        for good in ["::snn_runtime", "snn_runtime", "crate::runtime", "self::a", "super::super::a::b"] {
            assert_eq!(runtime_path(good).unwrap().to_string().replace(' ', ""), good);
        }
        for bad in ["::a(", "", "::", "a + b", "a::<u8>", "a;", "1"] {
            let error = compile_source("a.snn", "", &Options { runtime: bad.into() }).unwrap_err();
            assert!(error.ends_with(&format!("found `{bad}`")), "{error}");
        }
    }

    #[test]
    fn only_the_last_extension_is_replaced() {
        for (from, to) in [("models/digits.snn", "digits.rs"), ("net.v1.snn", "net.v1.rs"), ("net.v2", "net.rs")] {
            assert_eq!(rust_file_name(Path::new(from)).unwrap(), to);
        }
        assert!(rust_file_name(Path::new("..")).is_err());
    }

    #[test]
    fn code_that_is_no_rust_is_an_error() {
        assert_eq!(format(&quote! { struct A; }).unwrap(), "struct A;\n");
        assert!(format(&quote! { struct ; }).is_err());
    }
}
