//! Properties of random models, on the interpreter.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use snn_dsl::compile::compile;
use snn_dsl::diagnostic::{Style, render_all};
use snn_dsl::model::Model;
use snn_dsl::syntax::{print, tree};
use snn_tests::random::{self, Choices, model_of_seed};

/// What a list of choices makes.
fn text_of(choices: Vec<u32>) -> String {
    print::print(&random::model(&mut Choices::new(choices)))
}

/// The checked model of a text that the generator made.
fn checked(text: &str) -> Model {
    let compilation = compile("random.snn", text);
    match compilation.model {
        Some(model) => model,
        None => panic!("{text}\n{}", render_all(&compilation.sources, &compilation.diagnostics, Style::Plain)),
    }
}

#[test]
fn the_generator_uses_the_whole_language() {
    let mut text = String::new();
    for seed in 0..200 {
        let one = print::print(&model_of_seed(seed));
        checked(&one);
        text.push_str(&one);
    }
    for part in [
        "const ",
        "fn ",
        "param ",
        "trainable",
        "per neuron",
        " in ",
        "uniform(",
        "loguniform(",
        "normal(",
        "event ",
        "drive ",
        "state ",
        "let ",
        "if ",
        "not ",
        " and ",
        " or ",
        "min(",
        "max(",
        "clip(",
        "abs(",
        "relu(",
        "detach(",
        "sqrt(",
        "tanh(",
        "sigmoid(",
        "sin(",
        "cos(",
        "atan(",
        "erf(",
        "erfc(",
        "heaviside(",
        "exp(",
        "exprel(",
        "expm1(",
        "ln(",
        "pow(",
        "^",
        "dt",
        "spike when",
        "scale detached",
        "reset detached",
        "refractory ",
        "events kept",
        "*=",
        "-=",
        "+=",
        "bias",
        "sign +",
        "sign -",
        "no_self",
        "frozen",
        "delay 2 step",
        "max_t",
        "last_t",
        "sum_t",
        "mean_n",
        "sum_n",
    ] {
        assert!(text.contains(part), "no model has `{part}`");
    }
}
