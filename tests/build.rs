//! Generates models as a user's build script would; the lints of this package then see the generated code as a file.

use std::path::{Path, PathBuf};

fn main() {
    let done = snn_dsl::build::build_script("models/two_layers.snn").map(drop).and_then(|()| quietly("hostile_names"));
    if let Err(error) = done {
        panic!("{error}");
    }
}

/// Without the warnings of a model that has things unused on purpose.
fn quietly(name: &str) -> Result<(), String> {
    let path = format!("models/{name}.snn");
    println!("cargo::rerun-if-changed={path}");
    let (code, _) = snn_dsl::build::compile_file(Path::new(&path), &Default::default())?;
    let folder = std::env::var_os("OUT_DIR").ok_or("expected the environment variable OUT_DIR")?;
    std::fs::write(PathBuf::from(folder).join(format!("{name}.rs")), code).map_err(|e| e.to_string())
}
