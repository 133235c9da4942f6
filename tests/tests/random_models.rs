//! Properties of random models, on the interpreter.

mod cases;

use cases::{check, checked, choices, config, parsed};
use proptest::prelude::*;
use snn_dsl::syntax::tree::File;
use snn_dsl::syntax::{self, print};
use snn_runtime::neuron::Mode;
use snn_tests::random::rewrite::{in_other_units, shape, untidy};
use snn_tests::random::{self, Choices, model_of_seed};
use snn_tests::tally::Tally;
use snn_tests::{probe, smooth};
use std::cell::Cell;

/// How many cases there are.
const VARIABLE: &str = "SNN_RANDOM_MODELS";

/// A random model that is shown as its text.
struct Made {
    tree: File,
    text: String,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}", self.text)
    }
}

fn models() -> impl Strategy<Value = Made> {
    choices().prop_map(|choices| {
        let tree = random::model(&mut Choices::new(choices));
        Made { text: print::print(&tree), tree }
    })
}

#[test]
fn the_generator_uses_the_whole_language() {
    let mut text = String::new();
    for seed in 0..300 {
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
        "*xi",
        "integrate exponential_euler",
        "integrate auto",
        "integrate exponential_midpoint",
        "integrate euler",
        "integrate rk2",
        "integrate rk4",
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
        "before_reset(",
        "mean_b(",
    ] {
        assert!(text.contains(part), "no model has `{part}`");
    }
}

/// In smooth mode the analytic gradient is the derivative of the loss.
#[test]
fn gradients_equal_differences() {
    // Models that are not compared; parameters that are, those that needed another step, and those with a gradient.
    let tally = Tally::default();
    let models = check(config(VARIABLE, 128), &models(), |made| {
        let model = checked(&made.text);
        // Some recurrent networks explode when spikes are numbers of any size: no difference quotient converges there.
        // What decides is the loss, not the gradient that is to be proved.
        let report = match probe::prove(&model, 1.0) {
            Err(snn_runtime::Error::LossNotFinite { .. }) => None,
            report => Some(report.unwrap()).filter(|r| r.steepest < 10.0),
        };
        tally.add(report.as_ref());
        prop_assert!(report.as_ref().is_none_or(|r| r.failures.is_empty()), "{:#?}", report);
        Ok(())
    });
    tally.finish(models, 5, 100);
}

/// The units that numbers are written in do not matter to a single bit.
#[test]
fn units_change_nothing() {
    let failed = Cell::new(0);
    let models = check(config(VARIABLE, 128), &(models(), choices()), |(made, units)| {
        let (other, changes) = in_other_units(&made.tree, &mut Choices::new(units));
        prop_assert!(changes > 0);
        let run = |text: &str| {
            let network = smooth::network(&checked(text));
            let inputs = probe::inputs(&network, 5, 0.3, 11);
            probe::bits(&network, &network.initial_parameters(7), &inputs, Mode::Spiking)
        };
        let other = print::print(&other);
        let expected = run(&made.text);
        failed.set(failed.get() + usize::from(expected.is_err()));
        prop_assert!(expected == run(&other), "{}", other);
        Ok(())
    });
    println!("{} of {models} models fail", failed.get());
    assert!(failed.get() * 20 <= models as usize, "{} of {models} models fail", failed.get());
}

proptest! {
    #![proptest_config(config(VARIABLE, 128))]

    /// Printing loses nothing, and a layout changes nothing but the layout.
    #[test]
    fn texts_come_back(made in models(), spaces in choices()) {
        let Made { tree, text } = made;
        prop_assert_eq!(shape(&parsed(&text)), shape(&tree));
        prop_assert_eq!(print::print(&parsed(&text)), text.clone());

        let untidy = untidy(&text, &mut Choices::new(spaces));
        let Ok(tidy) = syntax::format("", &untidy) else { panic!("{untidy}") };
        prop_assert_eq!(shape(&parsed(&tidy)), shape(&tree), "{}\n{}", untidy, tidy);
        let again = syntax::format("", &tidy).ok();
        prop_assert_eq!(again, Some(tidy));
    }

    /// What the checker accepts can be explained and emitted.
    #[test]
    fn accepted_models_are_derived(made in models()) {
        let model = checked(&made.text);
        prop_assert!(snn_dsl::explain::explain(&model).contains("neuron Cell"));
        let code = snn_dsl::emit::rust::module(&model, &"::snn_runtime".parse().unwrap());
        prop_assert!(syn::parse2::<syn::File>(code).is_ok());
    }
}
