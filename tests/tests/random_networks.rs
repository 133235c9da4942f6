//! Properties of random networks, on the interpreter.

mod cases;

use cases::{check, checked, choices, config, parsed};
use proptest::prelude::*;
use snn_dsl::model::Model;
use snn_dsl::syntax::{self, print};
use snn_runtime::ndarray::{Axis, Slice};
use snn_runtime::neuron::Mode;
use snn_runtime::{Batch, Network, Readouts, Simulation, SpikeTrain, Workspace};
use snn_tests::random::Choices;
use snn_tests::random::networks::{Weights, text, text_of_seed};
use snn_tests::random::rewrite::{shape, untidy};
use snn_tests::tally::Tally;
use snn_tests::{probe, smooth};
use std::cell::Cell;

/// How many cases there are.
const VARIABLE: &str = "SNN_RANDOM_NETWORKS";

/// The text of a random network, which is shown as it is.
#[derive(Clone)]
struct Text(String);

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn networks(weights: Weights) -> impl Strategy<Value = Text> {
    choices().prop_map(move |choices| Text(text(&mut Choices::new(choices), weights)))
}

#[test]
fn the_generator_uses_the_whole_language() {
    let mut all = String::new();
    for seed in 0..300 {
        let one = text_of_seed(seed);
        checked(&one);
        all.push_str(&one);
    }
    for seed in 0..50 {
        let one = text(&mut Choices::from_seed(seed), Weights::Plastic);
        checked(&one);
        all.push_str(&one);
    }
    for part in [
        "] spikes",
        "] values",
        "= LIF(",
        "= LI(",
        "= GIF(",
        "= ALIF(",
        "= LIF_refractory(",
        "= LIF_delta(",
        "= LIF_current(",
        "= Cell",
        "dropout ",
        ": dense",
        "one_to_one",
        "random(",
        "fixed_indegree(",
        "fixed_outdegree(",
        "conv(",
        "pool(",
        "stride = 2, padding = 1",
        "[.. ",
        " ..]",
        "delay 1 step",
        "delay 3 steps",
        "delay uniform(",
        "init normal(",
        "init uniform(",
        "init constant(",
        "bias",
        "sign +",
        "sign -",
        "no_self",
        "frozen",
        "lr x ",
        "clip ",
        ".V -> ",
        "Exponential,",
        "Alpha,",
        "DualExponential,",
        "ExponentialConductance(",
        "NMDA(",
        "NMDA_saturating(",
        "TsodyksMarkram(",
        "GapJunction",
        "PairSTDP(",
        "TripletSTDP",
        "mean_t(",
        "sum_t(",
        "last_t(",
        "max_t(",
        "first_spike_t(",
        "mean_n(",
        "sum_n(",
        "max_n(",
        "mean_b(",
        "before_reset(",
        "from = ",
        "to = ",
        "mse(",
        "cross_entropy(",
        "class[3] over time",
        "values[4] over time",
        "values[4]\n",
    ] {
        assert!(all.contains(part), "no network has `{part}`");
    }
}

/// In smooth mode the analytic gradient is the derivative of the loss.
#[test]
fn gradients_equal_differences() {
    // Networks that are not compared; parameters that are, those that needed another step, and those with a gradient.
    let tally = Tally::default();
    let cases = check(config(VARIABLE, 64), &networks(Weights::Trained), |Text(text)| {
        // A loss that is too steep has no difference quotient that converges; conductances of hundredths have steep ones.
        // A variance of samples that are nearly the same is lost in rounding, and so are its differences.
        let report = match probe::prove(&checked(&text), 1.0) {
            Err(snn_runtime::Error::LossNotFinite { .. }) => None,
            report => Some(report.unwrap()).filter(|r| r.steepest < 300.0 && (r.largest == 0.0 || r.largest > 1e-9)),
        };
        tally.add(report.as_ref());
        prop_assert!(report.as_ref().is_none_or(|r| r.failures.is_empty()), "{:#?}", report);
        Ok(())
    });
    tally.finish(cases, 10, 50);
}

/// The samples of a run: three blocks, the last of them not full.
const SAMPLES: usize = 19;

/// The same bits for any number of threads.
#[test]
fn threads_change_nothing() {
    let spikes = Cell::new(0);
    let pools: Vec<_> =
        [1, 2, 7].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap()).into_iter().collect();
    let property = |Text(text): Text, weights: Weights| {
        let network = smooth::network(&checked(&text));
        let parameters = network.initial_parameters(7);
        let trains = probe::inputs(&network, SAMPLES, 0.3, 11);
        let (targets, values) = (probe::Targets::new(&network, SAMPLES), probe::values(&network, SAMPLES));
        let batch = targets.batch(&network, probe::data(&network, &trains, &values));
        let run = || {
            let mut workspace = Workspace::with_lanes(4);
            let learning = (weights == Weights::Trained)
                .then(|| probe::learning_bits(&network, &parameters, &batch, &mut workspace, Mode::Spiking));
            (learning, probe::forward_bits(&network, &parameters, &batch, &mut workspace))
        };
        let expected = pools[0].install(run);
        let finite = expected.1.as_ref().ok().and_then(|bits| bits.last());
        spikes.set(spikes.get() + usize::from(finite > Some(&20)));
        for pool in &pools[1..] {
            prop_assert!(pool.install(run) == expected, "{} threads", pool.current_num_threads());
        }
        Ok(())
    };
    let mut cases = check(config(VARIABLE, 48), &networks(Weights::Trained), |text| property(text, Weights::Trained));
    cases += check(config(VARIABLE, 24), &networks(Weights::Plastic), |text| property(text, Weights::Plastic));
    assert!(spikes.get() * 2 >= cases as usize, "{} of {cases} networks spike", spikes.get());
}

/// The text with compact surrogates in the neurons of the library that are linear between spikes, each layer of which is connected
/// to itself.
fn with_impulses(text: &str) -> String {
    let mut text = text.trim_end().trim_end_matches('}').to_string();
    let mut neurons = String::new();
    for (name, source, unit) in [
        ("LIF", include_str!("../../snn-dsl/src/library/neurons/LIF.snn"), "nA"),
        ("LIF_delta", include_str!("../../snn-dsl/src/library/neurons/LIF_delta.snn"), "mV"),
        ("ALIF", include_str!("../../snn-dsl/src/library/neurons/ALIF.snn"), "nA"),
    ] {
        let compact = source.replace("sigmoid(alpha = 4)", "piecewise_quadratic(alpha = 0.8)");
        neurons += &compact.replace(&format!("neuron {name} {{"), &format!("neuron Compact{name} {{"));
        let layers = text.lines().filter(|line| line.contains(&format!("= {name}(")));
        let names: Vec<String> =
            layers.filter_map(|line| line.trim().strip_prefix("layer ")?.split('[').next().map(String::from)).collect();
        text = text.replace(&format!("= {name}("), &format!("= Compact{name}("));
        for layer in names {
            text += &format!("    {layer} -> {layer}.exc : dense, delay 1 step, init normal(0 {unit}, 1 {unit})\n");
            text += &format!("    loss mean_n(mean_t({layer}.spike))\n");
        }
    }
    format!("{neurons}{text}}}\n")
}

/// Errors that go back as products with impulses are those that go back as a whole.
#[test]
fn impulses_change_no_gradient() {
    let filtered = Cell::new(0);
    let cases = check(config(VARIABLE, 96), &networks(Weights::Trained), |Text(text)| {
        let network = smooth::network(&checked(&with_impulses(&text)));
        let parameters = network.initial_parameters(7);
        let trains = probe::inputs(&network, SAMPLES, 0.3, 11);
        let (targets, values) = (probe::Targets::new(&network, SAMPLES), probe::values(&network, SAMPLES));
        let batch = targets.batch(&network, probe::data(&network, &trains, &values));
        let run = |densest: f64| {
            let mut workspace = Workspace::with_lanes(4);
            workspace.set_densest_impulses(densest);
            probe::learning_bits(&network, &parameters, &batch, &mut workspace, Mode::Spiking)
        };
        let (Ok(whole), Ok(impulses)) = (run(0.0), run(1.0)) else { return Ok(()) };
        filtered.set(filtered.get() + usize::from(whole != impulses));
        let numbers = |bits: &[u64]| bits.iter().map(|&bits| f64::from_bits(bits)).collect::<Vec<_>>();
        let (whole, impulses) = (numbers(&whole), numbers(&impulses));
        let largest = whole.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        for (a, b) in whole.iter().zip(&impulses) {
            prop_assert!((a - b).abs() <= 1e-9 * largest, "{} {} of {}", a, b, largest);
        }
        Ok(())
    });
    assert!(filtered.get() * 20 >= cases as usize, "{} of {cases} networks have impulses", filtered.get());
}

/// The network of a model with other samples, forwards alone.
struct Forward {
    network: Network<f64>,
    trains: Vec<Vec<SpikeTrain>>,
    values: Vec<snn_runtime::ndarray::Array3<f32>>,
}

impl Forward {
    fn new(model: &Model) -> Self {
        let network = smooth::network(model);
        let (trains, values) = (probe::inputs(&network, SAMPLES, 0.3, 5), probe::values(&network, SAMPLES));
        Self { network, trains, values }
    }

    /// The inputs of some samples in some steps.
    fn part(&self, samples: usize, steps: std::ops::Range<usize>) -> (Vec<Vec<SpikeTrain>>, Vec<Array3>) {
        let cut = |train: &SpikeTrain| {
            let mut out = SpikeTrain::new();
            for t in steps.clone() {
                train.step(t).iter().for_each(|&i| out.push(i));
                out.end_step();
            }
            out
        };
        let trains = self.trains.iter().map(|trains| trains[..samples].iter().map(cut).collect()).collect();
        let slice = snn_runtime::ndarray::s![..samples, steps.clone(), ..];
        (trains, self.values.iter().map(|v| v.slice(slice).to_owned()).collect())
    }
}

type Array3 = snn_runtime::ndarray::Array3<f32>;

/// Bits of arrays, of some samples, and of some steps of what has steps.
fn part_of(network: &Network<f64>, readouts: &Readouts<f64>, samples: usize, steps: Option<Slice>) -> Vec<u64> {
    let parts = probe::arrays(network, readouts).flat_map(|array| {
        let mut view = array.slice_axis(Axis(0), Slice::from(..samples));
        if let Some(steps) = steps {
            view.slice_axis_inplace(Axis(1), steps);
        }
        view.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    });
    parts.collect()
}

/// A run in windows is one run, and a sample does not depend on what else is in its batch.
#[test]
fn windows_and_samples_are_parts_of_one_run() {
    let property = |Text(text): Text| {
        let mut model = checked(&text);
        // Losses and readouts may look at times beyond a window.
        model.networks[0].program = Default::default();
        model.networks[0].targets.clear();
        let all = Forward::new(&model);
        let network = &all.network;
        let steps = network.simulation().steps;
        let parameters = network.initial_parameters(3);
        let recording = probe::all_states(network);
        let mut workspace = Workspace::with_lanes(3);
        let batch =
            Batch { size: SAMPLES, inputs: probe::data(network, &all.trains, &all.values), targets: Vec::new() };
        let Ok(whole) = network.forward(&parameters, &batch, &mut workspace, &recording) else { return Ok(()) };

        let (trains, values) = all.part(3, 0..steps);
        let few = Batch { size: 3, inputs: probe::data(network, &trains, &values), targets: Vec::new() };
        let found = network.forward(&parameters, &few, &mut workspace, &recording).unwrap();
        prop_assert!(part_of(network, &found, 3, None) == part_of(network, &whole, 3, None), "3 samples alone");

        for window in [1, 4, 7] {
            let simulation = Simulation { steps: window, ..network.simulation() };
            let graph = snn_dsl::interpret::graph::<f64>(&model, &model.networks[0]);
            let short = Network::with_simulation(graph, simulation).unwrap();
            let mut session = short.session(&parameters).unwrap();
            for w in 0..steps / window {
                let range = w * window..(w + 1) * window;
                let (trains, values) = all.part(SAMPLES, range.clone());
                let batch = Batch { size: SAMPLES, inputs: probe::data(&short, &trains, &values), targets: Vec::new() };
                let found = session.run(&batch, &recording).unwrap();
                let expected = part_of(network, &whole, SAMPLES, Some(Slice::from(range)));
                let found = part_of(&short, &found, SAMPLES, None);
                prop_assert!(found == expected, "window {} of {} steps", w, window);
            }
        }
        Ok(())
    };
    check(config(VARIABLE, 32), &networks(Weights::Trained), property);
    check(config(VARIABLE, 32), &networks(Weights::Plastic), property);
}

/// A layout changes nothing but the layout, and what the checker accepts can be explained and emitted.
#[test]
fn texts_are_laid_out_and_derived() {
    let cases = (networks(Weights::Plastic), choices());
    check(config(VARIABLE, 64), &cases, |(Text(text), spaces)| {
        let tree = parsed(&text);
        let printed = print::print(&tree);
        prop_assert_eq!(shape(&parsed(&printed)), shape(&tree));
        let untidy = untidy(&text, &mut Choices::new(spaces));
        let Ok(tidy) = syntax::format("", &untidy) else { panic!("{untidy}") };
        prop_assert_eq!(shape(&parsed(&tidy)), shape(&tree), "{}\n{}", untidy, tidy);
        prop_assert_eq!(syntax::format("", &tidy).ok(), Some(tidy.clone()));

        let model = checked(&text);
        let run = |text: &str| {
            let network = smooth::network(&checked(text));
            let trains = probe::inputs(&network, 2, 0.3, 11);
            let (targets, values) = (probe::Targets::new(&network, 2), probe::values(&network, 2));
            let batch = targets.batch(&network, probe::data(&network, &trains, &values));
            let hash = network.graph().hash.clone();
            (hash, probe::forward_bits(&network, &network.initial_parameters(7), &batch, &mut Workspace::with_lanes(1)))
        };
        let expected = run(&text);
        for other in [tidy, printed] {
            prop_assert!(run(&other) == expected, "{}", other);
        }

        prop_assert!(snn_dsl::explain::explain(&model).contains("network Net"));
        let code = snn_dsl::emit::rust::module(&model, &"::snn_runtime".parse().unwrap());
        prop_assert!(syn::parse2::<syn::File>(code).is_ok());
        Ok(())
    });
}
