//! Random cases: how many, which, and what is read from their texts.

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use snn_dsl::compile::compile;
use snn_dsl::diagnostic::{Diagnostics, Style, render_all};
use snn_dsl::model::Model;
use snn_dsl::source::SourceMap;
use snn_dsl::syntax;
use snn_dsl::syntax::tree::File;

/// The checked model of a text that the generator made.
pub(crate) fn checked(text: &str) -> Model {
    let compilation = compile("random.snn", text);
    match compilation.model {
        Some(model) => model,
        None => panic!("{text}\n{}", render_all(&compilation.sources, &compilation.diagnostics, Style::Plain)),
    }
}

/// The tree of a text without mistakes.
pub(crate) fn parsed(text: &str) -> File {
    let mut sources = SourceMap::default();
    let file = sources.add("random.snn", text, false);
    let mut diagnostics = Diagnostics::default();
    let tree = syntax::parse(&sources, file, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{text}\n{:?}", diagnostics.into_sorted());
    tree
}

/// Lists of choices: proptest makes them shorter and their numbers smaller as long as a property fails.
pub(crate) fn choices() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(any::<u32>(), 0..400)
}

/// So many cases, or as many as the environment asks for.
pub(crate) fn config(variable: &str, cases: u32) -> ProptestConfig {
    let cases = std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(cases);
    // A model that fails is printed; it belongs into `models`. The same models in every run: the gate must not depend on
    // luck. `PROPTEST_RNG_SEED` asks for others.
    let defaults = ProptestConfig::default();
    let rng_seed = if defaults.rng_seed == RngSeed::Random { RngSeed::Fixed(3) } else { defaults.rng_seed };
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..defaults }
}

/// Checks a property of random things; returns how many there were.
pub(crate) fn check<S: Strategy>(
    config: ProptestConfig,
    things: &S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> u32 {
    let cases = config.cases;
    TestRunner::new(config).run(things, property).unwrap_or_else(|failure| panic!("{failure}"));
    cases
}
