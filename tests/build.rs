//! Generates models as a user's build script would; the lints of this package then see the generated code as files. The
//! random models of fixed seeds are generated likewise, each into a module of its own.

#[path = "src/random/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "a module of the library, which the tests use as a whole")]
mod random;

use snn_dsl::build::{Options, compile_file, compile_source, format};
use snn_dsl::diagnostic::{Style, render_all};
use snn_dsl::syntax::print::print;
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/random");
    snn_dsl::build::build_script("models/two_layers.snn")?;
    quietly("hostile_names")?;
    quietly("integration")?;
    write("absolute", &by_absolute_path()?)?;
    let models = (0..random::EMITTED).map(|seed| print(&random::model_of_seed(seed)));
    write("random_models", &modules("random", models)?)?;
    let networks = (0..random::networks::EMITTED).map(random::networks::text_of_seed);
    write("random_networks", &modules("network", networks)?)
}

/// Without the warnings of a model that has things unused on purpose.
fn quietly(name: &str) -> Result<(), Box<dyn Error>> {
    let path = format!("models/{name}.snn");
    println!("cargo::rerun-if-changed={path}");
    let (code, _) = compile_file(Path::new(&path), &Options::default())?;
    write(name, &code)
}

/// The macro with an absolute path in a raw string.
fn by_absolute_path() -> Result<String, Box<dyn Error>> {
    let folder = std::env::var("CARGO_MANIFEST_DIR")?;
    Ok(format!("snn_macros::snn_model!(r#\"{folder}/models/two_layers.snn\"#);\n"))
}

/// A module for each text, and the network `Net` of each with its seed.
fn modules(name: &str, texts: impl Iterator<Item = String>) -> Result<String, Box<dyn Error>> {
    let mut modules = String::new();
    let mut list = String::new();
    for (seed, text) in texts.enumerate() {
        let output = compile_source(&format!("{name}_{seed}.snn"), &text, &Options::default())?;
        let Some(code) = output.code else {
            return Err(render_all(&output.sources, &output.diagnostics, Style::Plain).into());
        };
        writeln!(modules, "pub mod {name}_{seed} {{\n{}}}", format(&code)?)?;
        writeln!(list, "        ({seed}, {name}_{seed}::Net::<f64>::graph()),")?;
    }
    writeln!(
        modules,
        "/// The network of each seed.\npub fn all() -> Vec<(u64, snn_runtime::Graph<f64>)> {{\n    vec![\n{list}    ]\n}}"
    )?;
    Ok(modules)
}

fn write(name: &str, code: &str) -> Result<(), Box<dyn Error>> {
    let folder = std::env::var_os("OUT_DIR").ok_or("expected the environment variable OUT_DIR")?;
    std::fs::write(PathBuf::from(folder).join(format!("{name}.rs")), code)?;
    Ok(())
}
