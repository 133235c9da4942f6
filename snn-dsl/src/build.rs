//! From a text to Rust code: for the macro, for `snn build` and for build scripts.

use crate::compile::compile;
use crate::diagnostic::{Diagnostic, Severity, Style, render_all};
use crate::emit;
use crate::model::{Model, Network};
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

/// Sixteen hexadecimal digits that change when the meaning of the trained numbers of a network changes: sizes,
/// projections, equations, constants; not losses, initial weights, the time grid or comments.
pub fn hash(model: &Model, network: &Network) -> String {
    let mut text = String::new();
    for input in &network.inputs {
        text.push_str(&format!("input {} {}\n", input.name, input.size));
    }
    for layer in &network.layers {
        text.push_str(&format!("layer {} {} {:?}\n", layer.name, layer.size, layer.values));
        if let Some(neuron) = model.neurons.get(layer.neuron) {
            let derived = crate::derive::derive(neuron);
            for parameter in &neuron.parameters {
                let p = &parameter.quantity;
                let stored = parameter.trainable || parameter.per_neuron;
                let value = if stored { String::new() } else { format!("{:?}", parameter.value) };
                text.push_str(&format!("{} {value} {:?} {:?}\n", p.name, parameter.low, parameter.high));
            }
            for line in crate::explain::update_lines(neuron, &derived) {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    for p in &network.projections {
        let line = format!(
            "{} {:?} {} {} {:?} {} {:?} {}\n",
            p.name, p.source, p.target, p.port, p.delay, p.bias, p.sign, p.no_self
        );
        text.push_str(&line);
    }
    // FNV-1a, 64 bits.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
