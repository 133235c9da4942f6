//! The time axis in segments: the same bits for any number of bytes that a block may hold for its way back.

use snn_runtime::neuron::Mode;
use snn_runtime::{Carry, Error, InputData, Network, ParameterSet, Parameters, Real, Recording, Simulation, Workspace};
use snn_tests::probe;

/// Long delays, white noise, dropout, values for each neuron, and losses that can be taken piece by piece.
const LONG: &str = "
    neuron Noisy {
        param tau = uniform(5 ms, 20 ms) in 1 ms .. 100 ms trainable per neuron
        event exc : mV
        state V : mV = 0 mV
        on exc { V += exc }
        tau dV/dt = -V + 2 mV * sqrt(2*tau)*xi
        spike when V >= 8 mV surrogate piecewise_quadratic(alpha = 1) scale 8 mV { V -= 8 mV }
        refractory 3 ms holding V
    }
    network Long {
        simulate dt = 1 ms, for 300 ms
        input x[9] spikes
        input current[4] values
        target word : class[3]
        target curve : values[4] over time
        layer a[20] = Noisy, dropout 0.2
        layer b[4] = LI_delta
        layer out[3] = LI_delta
        x -> a.exc : dense, bias, init normal(2 mV, 2 mV)
        a -> a.exc : dense, no_self, delay 1 step, init normal(0 mV, 1 mV)
        a -> a.exc : random(0.4), delay 150 ms, init normal(0 mV, 3 mV)
        current -> b.exc : dense, init uniform(0 mV, 1 mV)
        b.V -> a.exc : dense, delay 70 ms, init uniform(0, 0.1)
        a -> out.exc : dense, bias, delay 3 ms, init normal(0 mV, 3 mV)
        let x_ = out.V / mV
        loss cross_entropy(x_, word, from = 50 ms, to = 170 ms)
        loss mse(b.V / mV, curve, from = 100 ms)
        loss cross_entropy(max_t(x_, from = 20 ms), word)
        loss mean_t(max_n(x_))
        loss mean_t(sum_n(relu(x_ - 1)^2), to = 128 ms)
        loss mean_n(last_t(b.V / mV, to = 64 ms))
        loss mean_n(mean_t(a.spike))
        COUPLED
        readout x_ = max_t(x_)
        readout rate = mean_t(a.spike)
    }";

fn networks<R: Real>(text: &str) -> Vec<Network<R>> {
    let model = snn_tests::model(text);
    let long = |index: usize| {
        let graph = snn_dsl::interpret::graph::<R>(&model, &model.networks[index]);
        let dt = graph.simulation.dt;
        Network::with_simulation(graph, Simulation { dt, steps: 300 }).unwrap()
    };
    (0..model.networks.len()).map(long).collect()
}

/// Loss and gradient; what a run without gradient reads out, with traces of the whole time axis and without.
fn bits<R: Real>(network: &Network<R>, mode: Mode, bytes: Option<usize>, kept: usize, densest: f64) -> Vec<u64> {
    let samples = 11;
    let (inputs, values) = (probe::inputs(network, samples, 0.1, 9), probe::values(network, samples));
    let targets = probe::Targets::new(network, samples);
    let batch = targets.batch(network, probe::data(network, &inputs, &values));
    let mut workspace = Workspace::with_lanes(2);
    workspace.set_tape_bytes(bytes);
    workspace.set_kept_bytes(kept);
    workspace.set_densest_impulses(densest);
    let parameters = network.initial_parameters(5);
    let bits = probe::learning_bits(network, &parameters, &batch, &mut workspace, mode).unwrap();
    if mode == Mode::Spiking {
        let whole = network.forward(&parameters, &batch, &mut workspace, &probe::all_states(network)).unwrap();
        let pieces = network.forward(&parameters, &batch, &mut workspace, &Recording::none()).unwrap();
        assert!(whole.iter().eq(pieces.iter()));
    }
    bits
}

fn check<R: Real>(text: &str, mode: Mode) {
    check_with::<R>(text, mode, 0.4);
}

/// `densest`: see [`Workspace::set_densest_impulses`].
fn check_with<R: Real>(text: &str, mode: Mode, densest: f64) {
    for network in networks::<R>(text) {
        let name = &network.graph().name;
        let whole = bits(&network, mode, Some(usize::MAX), usize::MAX, densest);
        assert!(whole.iter().filter(|&&bits| bits != 0).count() > whole.len() / 3, "{name}: hardly a gradient");
        for bytes in [Some(0), Some(150_000), None] {
            assert!(bits(&network, mode, bytes, usize::MAX, densest) == whole, "{name}: {bytes:?}");
        }
        assert!(bits(&network, mode, Some(0), 0, densest) == whole, "{name}: run again");
    }
}

#[test]
fn long_delays_noise_and_dropout() {
    for coupled in ["", "loss mean_b(mean_n(mean_t(a.spike)))^2"] {
        let text = LONG.replace("COUPLED", coupled);
        check::<f32>(&text, Mode::Spiking);
        check::<f64>(&text, Mode::SmoothRecord);
    }
}

/// Losses look at `out`, whose way back needs no tape, in the first 170 steps: in later segments it runs forwards once.
#[test]
fn an_output_that_losses_see_for_a_while() {
    let changes = [
        ("loss cross_entropy(max_t(x_, from = 20 ms), word)", ""),
        ("loss mean_t(max_n(x_))", ""),
        ("layer out[3] = LI_delta", "layer out[3] = Sum"),
        ("delay 3 ms, init normal(0 mV, 3 mV)", "delay 3 ms, init normal(0, 3)"),
        ("let x_ = out.V / mV", "let x_ = 2*out.y"),
        ("network Long", "neuron Sum {\nevent exc\nstate y\ndy/dt = -y / (9 ms)\non exc { y += exc }\n}\nnetwork Long"),
    ];
    let text = changes.iter().fold(LONG.to_owned(), |text, (from, to)| {
        assert!(text.contains(from));
        text.replace(from, to)
    });
    // In steps that no loss looks at, y is 0, where the slope of the root is infinite: that must not come back.
    let root = "loss mean_n(max_t(sqrt(abs(out.y)), from = 110 ms, to = 120 ms))";
    for more in ["", "loss mean_b(mean_n(mean_t(a.spike)))^2", root] {
        let text = text.replace("COUPLED", more);
        check::<f32>(&text, Mode::Spiking);
        check::<f64>(&text, Mode::SmoothRecord);
    }
}

/// Errors that go back as products with impulses: in all steps, and up to one with too many.
#[test]
fn impulses() {
    let text = include_str!("../models/impulses.snn");
    for densest in [0.2, 1.0] {
        check_with::<f32>(text, Mode::Spiking, densest);
        check_with::<f64>(text, Mode::SmoothRecord, densest);
    }
}

#[test]
fn losses_over_the_whole_time_axis() {
    let text = LONG.replace("COUPLED", "loss mean_t(mean_n((a.V / mV - mean_t(a.V / mV))^2))");
    check::<f32>(&text, Mode::Spiking);
    check::<f32>(include_str!("../models/coupled.snn"), Mode::Spiking);
    check::<f64>(include_str!("../models/coupled.snn"), Mode::SmoothRecord);
}

#[test]
fn kinds_of_connections() {
    check::<f32>(include_str!("../models/two_layers.snn"), Mode::Spiking);
    check::<f32>(include_str!("../models/convolution.snn"), Mode::Spiking);
    check::<f32>(include_str!("../models/synapses.snn"), Mode::Spiking);
}

/// Truncated backpropagation: the windows are longer than segments, and delays reach from one to the next.
#[test]
fn windows_in_segments() {
    let text = LONG.replace("COUPLED", "");
    let network = &networks::<f32>(&text)[0];
    let run = |bytes| {
        let (inputs, values) = (probe::inputs(network, 9, 0.1, 9), probe::values(network, 9));
        let targets = probe::Targets::new(network, 9);
        let batch = targets.batch(network, probe::data(network, &inputs, &values));
        let (mut workspace, mut carry) = (Workspace::with_lanes(2), Carry::default());
        workspace.set_tape_bytes(bytes);
        let parameters = network.initial_parameters(5);
        let mut gradient = ParameterSet::zeros(network.layout().clone());
        let mut bits = Vec::new();
        for _ in 0..2 {
            let found =
                network.loss_and_gradient_from(&mut carry, &parameters, &batch, &mut workspace, &mut gradient).unwrap();
            bits.push(found.loss.to_bits());
            bits.extend(gradient.values().iter().map(|g| u64::from(g.to_bits())));
        }
        bits
    };
    assert!(run(Some(0)) == run(Some(usize::MAX)));
}

/// The network of a text over some steps of 1 ms: what a run of 8 samples from these weights gives, and the bytes that it held.
fn run(text: &str, steps: usize, scale: f32) -> (Result<f64, Error>, usize) {
    let model = snn_tests::model(text);
    let graph = snn_dsl::interpret::graph::<f32>(&model, &model.networks[0]);
    let network = Network::with_simulation(graph, Simulation { dt: 1.0, steps }).unwrap();
    let inputs = probe::inputs(&network, 8, 0.01, 9);
    let targets = probe::Targets::new(&network, 8);
    let batch = targets.batch(&network, inputs.iter().map(|t| InputData::Spikes(t)).collect());
    let mut workspace = Workspace::with_lanes(1);
    workspace.set_tape_bytes(Some(0));
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let mut parameters = network.initial_parameters(1);
    let weights = network.layout().tensors().iter().filter(|tensor| tensor.name.ends_with(".weight"));
    weights.for_each(|tensor| parameters.values_mut()[tensor.range.clone()].iter_mut().for_each(|w| *w *= scale));
    let found = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient);
    (found.map(|evaluation| evaluation.loss), workspace.bytes())
}

/// The run that looks for the place observes other things than the loss does, and as many.
#[test]
fn a_state_that_diverges_in_a_long_run_is_named() {
    let text = "network Net {
        simulate dt = 1 ms, for 100 ms
        input x[20] spikes
        layer a[3] = LI_delta
        layer b[2] = LI_delta
        x -> a.exc : dense, init constant(1 mV)
        x -> b.exc : dense, init constant(0 mV)
        loss mean_n(mean_t(a.V / mV))
        loss mean_n(mean_t(b.V / mV))
    }";
    match run(text, 300, 3e38).0 {
        Err(Error::Diverged { population, state, .. }) => assert_eq!((&population[..], &state[..]), ("a", "V")),
        other => panic!("{other:?}"),
    }
}

/// A delay that is longer than the run is no reason for memory.
#[test]
fn delays_beyond_the_end_need_no_memory() {
    let text = |delay: &str| {
        format!(
            "network Net {{
                simulate dt = 1 ms, for 100 ms
                input x[20] spikes
                layer a[50] = LIF
                x -> a.exc : dense, init uniform(0 nA, 4 nA)
                a -> a.exc : dense, delay {delay}
                loss mean_n(mean_t(a.spike))
            }}"
        )
    };
    let ((one, short), (other, long)) = (run(&text("299 ms"), 300, 1.0), run(&text("100 s"), 300, 1.0));
    assert!(one.is_ok() && other.is_ok() && long <= short, "{short} {long}");
}

/// A long run does not need much more memory than a short one.
#[test]
fn memory_grows_with_states_alone() {
    let text = "network Net {
        simulate dt = 1 ms, for 100 ms
        input x[20] spikes
        layer a[50] = LIF
        x -> a.exc : dense, bias, init uniform(0 nA, 4 nA)
        loss mean_n(mean_t(a.spike))
    }";
    let bytes = |steps| run(text, steps, 1.0).1;
    let (short, long) = (bytes(128), bytes(128 * 40));
    assert!(long < 4 * short, "{short} {long}");
}
