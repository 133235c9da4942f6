//! Every stage of ten models: syntax tree, step and adjoint and tape as `explain` prints them, emitted Rust.

use snn_dsl::compile::compile;
use snn_dsl::source::SourceMap;
use std::path::Path;

const MODELS: &[&str] = &[
    "../snn-dsl/src/library/neurons/LI.snn",
    "../snn-dsl/src/library/neurons/IF.snn",
    "../snn-dsl/src/library/neurons/LIF.snn",
    "../snn-dsl/src/library/neurons/LIF_delta.snn",
    "../snn-dsl/src/library/neurons/LIF_refractory.snn",
    "../snn-dsl/src/library/neurons/LIF_conductance.snn",
    "../snn-dsl/src/library/neurons/ALIF.snn",
    "../snn-dsl/src/library/neurons/GIF.snn",
    "../examples/models/mnist.snn",
    "../examples/models/workload.snn",
    "models/two_layers.snn",
];

#[test]
fn every_stage() {
    for file in MODELS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();

        let mut sources = SourceMap::default();
        let id = sources.add(name.clone(), text.clone(), false);
        let tree = snn_dsl::syntax::parse(&sources, id, &mut Default::default());
        // Places are proved by the diagnostics; here they would only make the tree unreadable.
        let tree = format!("{tree:#?}");
        let tree = without_spans(&tree);

        let compilation = compile(&name, &text);
        let model = compilation.model.unwrap_or_else(|| panic!("{name}: {:?}", compilation.diagnostics));
        let code = snn_dsl::emit::rust::module(&model, &"::snn_runtime".parse().unwrap());
        insta::with_settings!({ snapshot_path => "../snapshots/stages", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}-1-tree"), tree);
            insta::assert_snapshot!(format!("{name}-2-explain"), snn_dsl::explain::explain(&model));
            insta::assert_snapshot!(format!("{name}-3-rust"), snn_dsl::build::format(&code).unwrap());
        });
    }
}

/// Drops the lines of `span: Span { ... }` from a pretty-printed tree.
fn without_spans(tree: &str) -> String {
    let mut out = String::new();
    let mut skipping: Option<usize> = None;
    for line in tree.lines() {
        let indent = line.len() - line.trim_start().len();
        if let Some(from) = skipping {
            if indent <= from {
                skipping = None;
            }
            continue;
        }
        let text = line.trim_start();
        if text.ends_with("Span {") && (text.contains("span: ") || text.contains("keyword: ")) {
            skipping = Some(indent);
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}
