//! Generates a model as a user's build script would; the lints of this package then see the generated code as a file.

fn main() {
    if let Err(error) = snn_dsl::build::build_script("models/two_layers.snn") {
        panic!("{error}");
    }
}
