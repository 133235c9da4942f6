//! One large network on several threads: the bits of one thread.

use snn_runtime::ndarray::{Array3, Axis, Slice};
use snn_runtime::{Batch, Network, ParameterSet, Readouts, Real, Recording, Simulation, SpikeTrain, Workspace};
use snn_tests::{model, probe};
use std::sync::Mutex;

/// Populations that are not multiples of 64, of which one is smaller; listed and dense connections between all of them and
/// parts of them, with delays of one step, of many, and such that differ; numbers of each neuron, refractory times and noise.
const NETWORKS: &str = "
    neuron Cell {
        param tau = 8 ms in 1 ms .. 50 ms trainable
        param V_0 = uniform(0 mV, 6 mV) per neuron
        param V_th = uniform(5 mV, 7 mV) per neuron
        event exc : nA
        event inh : nA
        drive I : nA
        state g : nA
        state h : nA
        state V : mV = V_0
        on exc { g += exc }
        on inh { h += inh }
        4 ms dg/dt = -g
        7 ms dh/dt = -h
        tau dV/dt = -V + 10 MOhm*(g - h + I)
        spike when V >= V_th surrogate sigmoid(alpha = 3) scale (4 mV) { V -= 6 mV }
        refractory 2 ms holding V
    }
    neuron Noisy {
        event exc : mV
        state V : mV
        on exc { V += exc }
        12 ms dV/dt = 3 mV - V + 6 mV*sqrt(ms)*xi
        spike when V >= 6 mV surrogate sigmoid(alpha = 3) scale (4 mV) { V = 0 mV }
    }
    neuron Silent {
        event exc : mV
        state V : mV
        on exc { V += exc }
        12 ms dV/dt = -V
    }
    network All {
        simulate dt = 0.5 ms, for 150 ms
        input x[40] spikes
        input y[333] values
        layer a[200] = Cell
        layer b[333] = Cell
        layer c[70] = Noisy
        layer d[5] = Silent
        x -> a.exc : dense, bias, init normal(0.5 nA, 0.4 nA)
        x[3 .. 30] -> a[17 .. 190].inh : random(0.3), init uniform(0 nA, 0.2 nA)
        x -> c.exc : dense, delay 3 steps, init normal(0.5 mV, 0.5 mV)
        a -> a.exc : random(0.2), no_self, delay 1 step, init normal(0.2 nA, 0.2 nA)
        a[100 ..] -> a[64 .. 199].exc : dense, delay 7 ms, init normal(0.1 nA, 0.1 nA)
        y -> b.I : one_to_one, init constant(0.3 nA)
        a -> b[30 .. 300].exc : fixed_outdegree(15), bias, delay uniform(1 ms, 12 ms), init normal(0.2 nA, 0.1 nA)
        b -> b.inh : fixed_indegree(20), delay 1 step, init uniform(0 nA, 0.1 nA)
        b -> a.inh : dense, delay 40 steps, sign +, init normal(0 nA, 0.02 nA)
        b[.. 70] -> c.exc : one_to_one, delay 2 steps, init constant(2 mV)
        c -> b.exc : random(0.1), delay 1 step, init normal(0.2 nA, 0.1 nA)
        c -> d.exc : dense, delay 1 step
    }
    network At_once {
        simulate dt = 0.5 ms, for 150 ms
        layer a[200] = Noisy
        layer b[200] = Cell
        a -> b.exc : random(0.1), init normal(0.2 nA, 0.1 nA)
    }
    network Observed {
        simulate dt = 0.5 ms, for 150 ms
        layer a[200] = Noisy
        a -> a.exc : random(0.1), delay 1 step, init normal(0.2 mV, 0.1 mV)
        readout V = a.V
    }";

/// The threads of the process belong to one run at a time.
static RUNS: Mutex<()> = Mutex::new(());

fn network<R: Real>(index: usize, steps: usize) -> Network<R> {
    let model = model(NETWORKS);
    let graph = snn_dsl::interpret::graph::<R>(&model, &model.networks[index]);
    let simulation = Simulation { steps, ..graph.simulation };
    Network::with_simulation(graph, simulation).unwrap()
}

fn recording<R: Real>(network: &Network<R>) -> Recording {
    let populations = network.graph().populations.iter().filter(|p| p.neuron.layout().spikes);
    populations.fold(Recording::none(), |recording, p| recording.spikes(&p.name))
}

/// All spikes, how many of each population, and the connections they went through.
type Found = (Vec<Vec<(usize, u32)>>, Vec<u64>, u64);

fn found<R: Real>(network: &Network<R>, readouts: &Readouts<R>, before: usize) -> Found {
    let populations = network.graph().populations.iter().filter(|p| p.neuron.layout().spikes);
    let events = |train: &SpikeTrain| train.iter().map(|(t, i)| (t + before, i)).collect();
    let trains = populations.map(|p| events(&readouts.spikes(&p.name).unwrap()[0])).collect();
    (trains, readouts.spike_counts().map(|(_, count)| count).collect(), readouts.synaptic_operations())
}

/// Runs the network on so many threads.
fn run<R: Real>(
    network: &Network<R>,
    parameters: &ParameterSet<R>,
    threads: usize,
    workspace: &mut Workspace<R>,
) -> Found {
    let (trains, values) = (probe::inputs(network, 1, 0.1, 5), probe::values(network, 1));
    let batch = Batch { size: 1, inputs: probe::data(network, &trains, &values), targets: Vec::new() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let readouts = pool.install(|| network.forward(parameters, &batch, workspace, &recording(network)).unwrap());
    found(network, &readouts, 0)
}

fn same_bits<R: Real>() {
    let network = network::<R>(0, 300);
    let parameters = network.initial_parameters(3);
    let mut workspace = Workspace::new();
    workspace.set_noise_seed(11);
    let expected = run(&network, &parameters, 1, &mut workspace);
    assert_eq!(workspace.threads_of_a_sample(), 1);
    assert!(expected.1[..3].iter().all(|&spikes| spikes > 500), "{:?} spikes prove little", expected.1);
    // It is too small to be worth it.
    assert_eq!(run(&network, &parameters, 7, &mut workspace), expected);
    assert_eq!(workspace.threads_of_a_sample(), 1);
    workspace.set_neurons_per_thread(1);
    // With memory of runs on another number of threads, and on the same.
    for threads in [2, 3, 3, 7] {
        assert!(run(&network, &parameters, threads, &mut workspace) == expected, "{threads} threads, {}", R::NAME);
        assert_eq!(workspace.threads_of_a_sample(), threads);
    }
    workspace.set_noise_seed(12);
    assert!(run(&network, &parameters, 2, &mut workspace) != expected);
}

#[test]
fn several_threads_have_the_bits_of_one() {
    let _only = RUNS.lock();
    same_bits::<f32>();
    same_bits::<f64>();
}

#[test]
fn windows_on_several_threads_are_one_run() {
    let _only = RUNS.lock();
    let (whole, window) = (network::<f32>(0, 300), network::<f32>(0, 60));
    let parameters = whole.initial_parameters(3);
    let (trains, values) = (probe::inputs(&whole, 1, 0.1, 5), probe::values(&whole, 1));
    let batch = Batch { size: 1, inputs: probe::data(&whole, &trains, &values), targets: Vec::new() };
    let mut workspace = Workspace::new();
    let readouts = whole.forward(&parameters, &batch, &mut workspace, &recording(&whole)).unwrap();
    let (expected, counts, operations) = found(&whole, &readouts, 0);
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut session = window.session(&parameters).unwrap();
        session.set_neurons_per_thread(1);
        let mut sums = (vec![Vec::new(); expected.len()], vec![0; counts.len()], 0);
        for k in 0..5 {
            let steps = k * 60..(k + 1) * 60;
            let trains: Vec<_> = trains.iter().map(|trains| vec![cut(&trains[0], steps.clone())]).collect();
            let part = |values: &Array3<f32>| values.slice_axis(Axis(1), Slice::from(steps.clone())).to_owned();
            let values: Vec<_> = values.iter().map(part).collect();
            let batch = Batch { size: 1, inputs: probe::data(&window, &trains, &values), targets: Vec::new() };
            let readouts = pool.install(|| session.run(&batch, &recording(&window)).unwrap());
            assert_eq!(session.threads_of_a_sample(), threads);
            let own = found(&window, &readouts, k * 60);
            sums.0.iter_mut().zip(own.0).for_each(|(sum, own)| sum.extend(own));
            sums.1.iter_mut().zip(own.1).for_each(|(sum, own)| *sum += own);
            sums.2 += own.2;
        }
        assert!(sums == (expected.clone(), counts.clone(), operations), "{threads} threads");
    }
}

/// Some steps of a train.
fn cut(train: &SpikeTrain, steps: std::ops::Range<usize>) -> SpikeTrain {
    let mut part = SpikeTrain::new();
    for t in steps {
        train.step(t).iter().for_each(|&i| part.push(i));
        part.end_step();
    }
    part
}

/// What cannot be dealt to threads runs as before: spikes that arrive at once, and readouts of states.
#[test]
fn other_networks_take_one_thread() {
    let _only = RUNS.lock();
    for index in [1, 2] {
        let network = network::<f32>(index, 300);
        let parameters = network.initial_parameters(3);
        let mut workspace = Workspace::new();
        workspace.set_neurons_per_thread(1);
        let expected = run(&network, &parameters, 1, &mut workspace);
        assert!(run(&network, &parameters, 2, &mut workspace) == expected);
        assert_eq!(workspace.threads_of_a_sample(), 1);
    }
}
