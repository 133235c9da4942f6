//! Events that are added to states as they arrive: the numbers of events that are read by the steps of the neurons.

use snn_runtime::{
    Adjoint, Batch, Network, Neuron, NeuronLayout, ParameterSet, Readouts, Real, Recording, Simulation, Step, Workspace,
};
use snn_tests::{model, probe};
use std::sync::Arc;

/// Listed connections alone, between populations and parts of them, several to a port; of some few neurons are reached in a step,
/// of others most.
const NETWORK: &str = "
    neuron Cell {
        param V_0 = uniform(0 mV, 6 mV) per neuron
        event exc : nA
        event inh : nA
        event kick : mV
        drive I : nA
        state g : nA
        state h : nA
        state k : mV
        state V : mV = V_0
        on exc { g += exc }
        on inh { h += inh }
        on kick { k += kick }
        4 ms dg/dt = -g
        7 ms dh/dt = -h
        3 ms dk/dt = -k
        8 ms dV/dt = -V + k + 10 MOhm*(g - h + I)
        spike when V >= 6 mV surrogate sigmoid(alpha = 3) scale (4 mV) {
            V -= 6 mV
            k = -0.5*k
        }
        refractory 2 ms holding V
    }
    neuron Kept {
        event exc : mV
        state V : mV
        on exc { V += exc }
        8 ms dV/dt = -V + 4 mV + 6 mV*sqrt(ms)*xi
        spike when V >= 6 mV surrogate sigmoid(alpha = 3) scale (4 mV) { V = 0 mV }
        refractory 3 ms holding V events kept
    }
    network Listed {
        simulate dt = 0.5 ms, for 150 ms
        input x[40] spikes
        input y[90] values
        layer a[90] = Cell
        layer b[70] = Kept
        x -> a.exc : random(0.4), init uniform(0 nA, 0.2 nA)
        x[3 .. 30] -> a[17 .. 80].inh : random(0.3), delay 9 steps, init uniform(0 nA, 0.1 nA)
        y -> a.I : one_to_one, init constant(0.5 nA)
        a -> a.kick : random(0.1), no_self, delay 1 step, init normal(0.4 mV, 0.3 mV)
        a[.. 70] -> b.exc : one_to_one, delay uniform(1 ms, 6 ms), init normal(2 mV, 1 mV)
        b -> a.inh : fixed_outdegree(60), delay 2 steps, init uniform(0 nA, 0.05 nA)
        a -> a.exc : random(0.1), no_self, delay 1 step, init uniform(0 nA, 0.2 nA)
        READOUT
    }";

/// After a spike without a kick before, `k` is -0.
const READOUT: &str = "
    loss mean_n(mean_t(a.V/mV))
    readout V = mean_t(a.V)
    readout k = a.k";
/// A network whose neurons have events added to their states, or, if `reads`, look for them in every step.
fn network<R: Real>(readout: &str, reads: bool) -> Network<R> {
    let model = model(&NETWORK.replace("READOUT", readout));
    let mut graph = snn_dsl::interpret::graph::<R>(&model, &model.networks[0]);
    for population in &mut graph.populations {
        let mut layout = population.neuron.layout().clone();
        assert_eq!(layout.direct_events.len(), layout.events.len());
        if reads {
            layout.direct_events.clear();
            population.neuron = Arc::new(Reading { neuron: population.neuron.clone(), layout });
        }
    }
    Network::new(graph).unwrap()
}

/// A model as it is, but for its layout.
struct Reading<R> {
    neuron: Arc<dyn Neuron<R>>,
    layout: NeuronLayout,
}

impl<R: Real> Neuron<R> for Reading<R> {
    fn layout(&self) -> &NeuronLayout {
        &self.layout
    }
    fn refractory_steps(&self, dt: f64) -> u32 {
        self.neuron.refractory_steps(dt)
    }
    fn coefficients(&self, dt: f64, parameters: &[f64], coefficients: &mut [f64]) {
        self.neuron.coefficients(dt, parameters, coefficients);
    }
    fn chain(&self, dt: f64, parameters: &[f64], coefficient_gradient: &[f64], parameter_gradient: &mut [f64]) {
        self.neuron.chain(dt, parameters, coefficient_gradient, parameter_gradient);
    }
    fn step(&self, step: Step<'_, R>) {
        assert_eq!(step.events.len(), self.layout.events.len() * step.n);
        self.neuron.step(step);
    }
    fn adjoint(&self, adjoint: Adjoint<'_, R>) {
        self.neuron.adjoint(adjoint);
    }
}

/// All that is recorded, readouts and the numbers of spikes, as bits: of 11 samples, or of one on so many threads.
fn numbers<R: Real>(network: &Network<R>, recording: &Recording, threads: Option<usize>) -> Vec<u64> {
    let samples = if threads.is_some() { 1 } else { 11 };
    let inputs = probe::inputs(network, samples, 0.1, 5);
    let values = probe::values(network, samples);
    let batch = Batch { size: samples, inputs: probe::data(network, &inputs, &values), targets: Vec::new() };
    let mut workspace = Workspace::new();
    workspace.set_noise_seed(4);
    workspace.set_neurons_per_thread(1);
    let parameters = network.initial_parameters(3);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(2)).build().unwrap();
    let readouts = pool.install(|| network.forward(&parameters, &batch, &mut workspace, recording).unwrap());
    assert_eq!(workspace.threads_of_a_sample(), threads.unwrap_or(1));
    let mut numbers: Vec<f64> = probe::arrays(network, &readouts).flatten().map(|x| x.to_f64()).collect();
    let populations = ["a", "b"].into_iter().filter_map(|population| readouts.spikes(population));
    numbers.extend(populations.flatten().flat_map(|train| train.iter()).map(|(t, i)| (t * 1000) as f64 + f64::from(i)));
    numbers.extend(readouts.spike_counts().map(|(_, count)| count as f64));
    numbers.into_iter().map(f64::to_bits).collect()
}

fn spikes() -> Recording {
    Recording::none().spikes("a").spikes("b")
}

fn same<R: Real>() {
    let (direct, reading) = (network::<R>(READOUT, false), network::<R>(READOUT, true));
    let recording = probe::all_states(&direct).spikes("a").spikes("b");
    let (direct, read) = (numbers(&direct, &recording, None), numbers(&reading, &recording, None));
    let counts = direct[direct.len() - 2..].iter().map(|&bits| f64::from_bits(bits));
    assert!(counts.clone().all(|count| count > 1000.0), "{:?} spikes prove little", counts.collect::<Vec<_>>());
    assert!(direct == read, "{}", R::NAME);
    // Without a readout the neurons of a sample can be dealt to threads.
    let expected = numbers(&network::<R>("", true), &spikes(), Some(1));
    for threads in [1, 2] {
        let network = network::<R>("", false);
        assert!(numbers(&network, &spikes(), Some(threads)) == expected, "{} {threads} threads", R::NAME);
    }
}

/// A run with a gradient reads events, one without does not; they have the same bits, the sign of 0 included.
fn same_with_a_gradient<R: Real>() {
    let network = network::<R>(READOUT, false);
    let (inputs, values) = (probe::inputs(&network, 11, 0.1, 5), probe::values(&network, 11));
    let batch = Batch { size: 11, inputs: probe::data(&network, &inputs, &values), targets: Vec::new() };
    let mut workspace = Workspace::new();
    workspace.set_noise_seed(4);
    let parameters = network.initial_parameters(3);
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let evaluation = network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut gradient).unwrap();
    let readouts = network.forward(&parameters, &batch, &mut workspace, &Recording::none()).unwrap();
    let bits = |readouts: &Readouts<R>| -> Vec<u64> {
        readouts.iter().flat_map(|(_, array)| array.iter().map(|x| x.to_f64().to_bits())).collect()
    };
    let found = bits(&readouts);
    let negative_zeros = found.iter().filter(|&&bits| bits == (-0.0f64).to_bits()).count();
    assert!(negative_zeros > 100, "{negative_zeros} numbers prove little");
    assert!(bits(&evaluation.readouts) == found, "{}", R::NAME);
}

#[test]
fn a_gradient_changes_no_bit() {
    same_with_a_gradient::<f32>();
    same_with_a_gradient::<f64>();
}

#[test]
fn events_are_added_as_a_step_would() {
    same::<f32>();
    same::<f64>();
}

/// Spikes of which nobody asks for are forgotten, but what is counted, carried on and recorded of others is whole.
#[test]
fn forgotten_spikes_are_counted() {
    let network = network::<f32>("", false);
    let count = |recording: &Recording| {
        let numbers = numbers(&network, recording, Some(1));
        numbers[numbers.len() - 2..].to_vec()
    };
    let all = count(&spikes());
    assert_eq!(count(&Recording::none()), all);
    assert_eq!(count(&Recording::none().spikes("b")), all);
}

/// A network without inputs, some 5 spikes in each step.
fn long(steps: usize) -> Network<f32> {
    let model = model(
        "neuron Cell {
            param V_0 = uniform(0 mV, 10 mV) per neuron
            event exc : mV
            state V : mV = V_0
            on exc { V += exc }
            5 ms dV/dt = 20 mV - V
            spike when V >= 10 mV surrogate sigmoid scale (1 mV) { V = 0 mV }
        }
        network Long {
            simulate dt = 0.5 ms, for 1000 ms
            layer a[30] = Cell
            a -> a.exc : random(0.1), delay 20 ms, init uniform(0 mV, 0.4 mV)
        }",
    );
    let graph = snn_dsl::interpret::graph::<f32>(&model, &model.networks[0]);
    let simulation = Simulation { steps, ..graph.simulation };
    Network::with_simulation(graph, simulation).unwrap()
}

const NOTHING: Batch<'_, f32> = Batch { size: 1, inputs: Vec::new(), targets: Vec::new() };

/// What windows hand on is not forgotten.
#[test]
fn windows_are_one_run() {
    let (whole, window) = (long(2000), long(500));
    let parameters = whole.initial_parameters(1);
    let mut workspace = Workspace::new();
    let expected = whole.forward(&parameters, &NOTHING, &mut workspace, &Recording::none()).unwrap();
    let mut session = window.session(&parameters).unwrap();
    let mut spikes = 0;
    for _ in 0..4 {
        let readouts = session.run(&NOTHING, &Recording::none()).unwrap();
        spikes += readouts.spike_counts().map(|(_, count)| count).sum::<u64>();
    }
    assert!(expected.spike_counts().map(|(_, count)| count).eq([spikes]) && spikes > 5_000, "{spikes}");
}

/// The memory of a long run is that of a short one.
#[test]
fn a_run_that_records_nothing_does_not_grow() {
    let bytes = |steps: usize, threads: usize| {
        let network = long(steps);
        let parameters = network.initial_parameters(1);
        let mut workspace = Workspace::new();
        workspace.set_neurons_per_thread(if threads > 1 { 1 } else { usize::MAX });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let run = || network.forward(&parameters, &NOTHING, &mut workspace, &Recording::none()).unwrap();
        let readouts = pool.install(run);
        let spikes: u64 = readouts.spike_counts().map(|(_, count)| count).sum();
        (workspace.bytes(), spikes)
    };
    for threads in [1, 2] {
        let ((short, _), (long, spikes)) = (bytes(2_000, threads), bytes(100_000, threads));
        assert!(spikes > 200_000, "{spikes} spikes prove little");
        // A byte for each step and population says in which samples something was sent.
        assert!(long - short < 2 * 98_000, "{short} and {long} bytes for {spikes} spikes");
    }
}
