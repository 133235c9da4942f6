//! The time to check and to translate the largest neuron of the library.
//!
//! ```text
//! cargo bench -p snn-dsl --bench compile
//! cargo bench -p snn-dsl --bench compile --profile dev --config 'profile.dev.package.snn-dsl.opt-level=0'
//! ```
//!
//! The second is what `snn_model!` costs in a debug build, where macros are not optimised.

use criterion::{Criterion, criterion_main};
use snn_dsl::build::{Options, compile_source};
use snn_dsl::compile::compile;
use snn_dsl::library;
use std::hint::black_box;

fn largest() -> (&'static str, &'static str) {
    let statements = |text: &str| text.lines().filter(|l| !l.trim().is_empty() && !l.trim().starts_with("//")).count();
    let texts = library::neuron_names().iter().filter_map(|name| library::neuron(name));
    texts.max_by_key(|(_, text)| statements(text)).expect("the library has neurons")
}

fn benches(criterion: &mut Criterion) {
    let (file, text) = largest();
    criterion.bench_function(&format!("check {file}"), |b| b.iter(|| compile(black_box(file), black_box(text))));
    criterion.bench_function(&format!("translate {file}"), |b| {
        b.iter(|| compile_source(black_box(file), black_box(text), &Options::default()))
    });
}

#[allow(missing_docs, reason = "criterion writes this function")]
mod group {
    use super::benches;
    criterion::criterion_group!(compile_benches, benches);
}
use group::compile_benches;
criterion_main!(compile_benches);
