//! Connections of every kind: gradients, and equality with what they stand for.

use snn_dsl::model::{Connectivity, Model};
use snn_runtime::neuron::Mode;
use snn_runtime::{
    Batch, Carry, InputData, Network, ParameterSet, Parameters, Readouts, Recording, SpikeTrain, Workspace,
};
use snn_tests::probe::{self, prove};
use snn_tests::{model, smooth};

/// The model with one of its networks alone.
fn alone(all: &Model, network: usize) -> Model {
    let mut model = all.clone();
    model.networks = vec![all.networks[network].clone()];
    model
}

#[test]
fn gradients_of_every_connectivity() {
    gradients(include_str!("../models/connectivity.snn"));
}

#[test]
fn gradients_of_every_synapse() {
    gradients(include_str!("../models/synapses.snn"));
}

/// What a gap junction sends in two ways has one matrix of weights, also where only one of the ways has delays that differ.
#[test]
fn gradients_of_one_matrix_with_several_delays() {
    gradients(
        "synapse Other {
            weight w : uS
            reads pre V_pre : mV
            reads V : mV
            sum D : nA = w*V_pre
            sum G : uS = w
            output D - G*V
        }
        network Junctions {
            simulate dt = 1 ms, for 20 ms
            input x[3] spikes
            layer a[3] = LIF(V_th = 6 mV)
            layer b[3] = LIF(V_th = 6 mV)
            x -> a.exc : dense, init normal(1 nA, 1 nA)
            x -> b.exc : one_to_one, init normal(2 nA, 1 nA)
            a -> a.I_ext : dense, GapJunction, no_self, delay uniform(1 ms, 4 ms), init uniform(0.01 uS, 0.03 uS)
            b -> b.I_ext : dense, Other, no_self, sign +, delay uniform(1 ms, 4 ms), init uniform(0.01 uS, 0.03 uS)
            a -> b.I_ext : random(0.7), Other, delay uniform(1 ms, 4 ms), init uniform(0.01 uS, 0.03 uS)
            loss mean_n(mean_t(sin(a.V/(10 mV)))) + mean_n(mean_t(sin(b.V/(10 mV))))
        }",
    );
}

fn gradients(text: &str) {
    let all = model(text);
    for k in 0..all.networks.len() {
        let one = alone(&all, k);
        for scale in [1.0, 2.0] {
            let report = prove(&one, scale).unwrap();
            let name = &one.networks[0].name;
            assert!(report.failures.is_empty() && report.other_steps == 0, "{name} x {scale}: {report:#?}");
            assert!(report.nonzero * 10 > report.compared * 8, "{name} x {scale}: {report:?}");
        }
    }
}

/// Bits of a network with trained numbers of another of the same sizes.
fn bits(model: &Model, parameters: &ParameterSet<f64>) -> Vec<u64> {
    let network = smooth::network(model);
    let mut own = ParameterSet::zeros(network.layout().clone());
    own.values_mut().copy_from_slice(parameters.values());
    let inputs = probe::inputs(&network, 5, 0.3, 11);
    probe::bits(&network, &own, &inputs, Mode::Spiking).unwrap()
}

/// Pairs with probability 1 and all sources of each target are the dense matrix: forwards bit for bit, and backwards but for
/// the order in which the errors of a weight are added.
#[test]
fn all_pairs_are_dense() {
    let all = model(include_str!("../models/connectivity.snn"));
    let mut dense = alone(&all, 2);
    for p in &mut dense.networks[0].projections {
        (p.connectivity, p.delay) = (Connectivity::Dense, snn_dsl::model::Delay::Steps(1));
        p.no_self = false;
    }
    let parameters = smooth::network(&dense).initial_parameters(7);
    let expected = bits(&dense, &parameters);
    assert!(expected.last() > Some(&50));
    for kind in [
        Connectivity::Random { probability: 1.0, seed: 5 },
        Connectivity::FixedIndegree { count: 0, seed: 5 },
        Connectivity::FixedOutdegree { count: 0, seed: 5 },
    ] {
        let mut sparse = dense.clone();
        for p in &mut sparse.networks[0].projections {
            p.connectivity = match kind.clone() {
                Connectivity::FixedIndegree { seed, .. } => {
                    Connectivity::FixedIndegree { count: p.sources.len(), seed }
                }
                Connectivity::FixedOutdegree { seed, .. } => {
                    Connectivity::FixedOutdegree { count: p.targets.len(), seed }
                }
                other => other,
            };
        }
        let found = bits(&sparse, &parameters);
        let gradient = 1..parameters.values().len() + 1;
        let largest = expected[gradient.clone()].iter().map(|&b| f64::from_bits(b).abs()).fold(0.0, f64::max);
        let differ = |k: usize| match gradient.contains(&k) {
            true => (f64::from_bits(found[k]) - f64::from_bits(expected[k])).abs() > 1e-14 * largest,
            false => found[k] != expected[k],
        };
        let different: Vec<usize> = (0..expected.len()).filter(|&k| differ(k)).collect();
        assert_eq!(different, [0; 0], "{kind:?}");
    }
}

/// All spikes of a run.
fn spikes(readouts: &Readouts<f64>, network: &Network<f64>) -> Vec<Vec<SpikeTrain>> {
    let names = network.graph().populations.iter().filter(|p| p.neuron.layout().spikes).map(|p| &p.name);
    names.map(|name| readouts.spikes(name).unwrap().to_vec()).collect()
}

/// A long run in windows has the bits of one run; the gradient of a window from the initial state is the usual one.
#[test]
fn windows_are_one_run() {
    let all = model(include_str!("../models/connectivity.snn"));
    for k in 0..all.networks.len() {
        let network = smooth::network(&alone(&all, k));
        let name = &all.networks[k].name;
        let steps = network.simulation().steps;
        let parameters = network.initial_parameters(3);
        let (trains, values) = (probe::inputs(&network, 9, 0.3, 5), probe::values(&network, 9));
        let batch = Batch { size: 9, inputs: probe::data(&network, &trains, &values), targets: Vec::new() };
        let populations = network.graph().populations.iter();
        let recording =
            populations.filter(|p| p.neuron.layout().spikes).fold(Recording::none(), |r, p| r.spikes(&p.name));
        let mut workspace = Workspace::with_lanes(3);
        let whole = network.forward(&parameters, &batch, &mut workspace, &recording).unwrap();
        let whole = spikes(&whole, &network);
        assert!(whole.iter().flatten().map(SpikeTrain::len).sum::<usize>() > 100, "{name}");

        for window in [1, 4, 7] {
            let windows = steps / window;
            let simulation = snn_runtime::Simulation { steps: window, ..network.simulation() };
            let short =
                Network::with_simulation(snn_dsl::interpret::graph::<f64>(&all, &all.networks[k]), simulation).unwrap();
            let mut session = short.session(&parameters).unwrap();
            for w in 0..windows {
                let part = |train: &SpikeTrain| {
                    let mut out = SpikeTrain::new();
                    for t in w * window..(w + 1) * window {
                        train.step(t).iter().for_each(|&i| out.push(i));
                        out.end_step();
                    }
                    out
                };
                let parts: Vec<Vec<SpikeTrain>> =
                    trains.iter().map(|trains| trains.iter().map(part).collect()).collect();
                let slice = snn_runtime::ndarray::s![.., w * window..(w + 1) * window, ..];
                let numbers: Vec<_> = values.iter().map(|v| v.slice(slice).to_owned()).collect();
                let batch = Batch { size: 9, inputs: probe::data(&short, &parts, &numbers), targets: Vec::new() };
                let found = spikes(&session.run(&batch, &recording).unwrap(), &short);
                let expected: Vec<Vec<SpikeTrain>> =
                    whole.iter().map(|trains| trains.iter().map(part).collect()).collect();
                assert_eq!(found, expected, "{name}, window {w} of {window} steps");
            }
            assert_eq!(session.carry().steps(), windows * window);
        }

        let mut usual = ParameterSet::zeros(network.layout().clone());
        let mut carried = usual.clone();
        network.loss_and_gradient(&parameters, &batch, &mut workspace, &mut usual).unwrap();
        let mut carry = Carry::default();
        network.loss_and_gradient_from(&mut carry, &parameters, &batch, &mut workspace, &mut carried).unwrap();
        assert_eq!(usual, carried, "{name}");
        assert_eq!(carry.steps(), steps);
        let error = network.loss_and_gradient_from(
            &mut carry,
            &parameters,
            &Batch {
                size: 2,
                inputs: probe::data(
                    &network,
                    &[trains[0][..2].to_vec(), trains[trains.len() - 1][..2].to_vec()],
                    &[
                        values[0].slice(snn_runtime::ndarray::s![..2, .., ..]).to_owned(),
                        values[values.len() - 1].slice(snn_runtime::ndarray::s![..2, .., ..]).to_owned(),
                    ],
                ),
                targets: Vec::new(),
            },
            &mut workspace,
            &mut carried,
        );
        assert!(error.is_err_and(|e| e.to_string().contains("9 samples")), "{name}");
    }
}

/// Spikes that were sent before a window and arrive in it belong to its weight gradient: d(sum of V)/dw of a leaky
/// integrator is the sum over arrivals of what is left of each.
#[test]
fn what_is_on_its_way_has_a_gradient() {
    let model = model(
        "neuron Sum { event e\n state V\n on e { V += e }\n 1 ms dV/dt = 0/ms*V*ms }
        network Late {
            simulate dt = 1 ms, for 4 ms
            input x[1] spikes
            layer out[1] = Sum
            x -> out.e : dense, delay 3 steps, init constant(1)
            loss mean_n(sum_t(out.V))
        }",
    );
    let network = smooth::network(&model);
    let parameters = network.initial_parameters(0);
    let mut train = SpikeTrain::new();
    train.fill_from_events(4, &[(0, 0), (2, 0)]);
    let (trains, mut silent) = ([train], SpikeTrain::new());
    silent.fill_from_events(4, &[]);
    let silent = [silent];
    let batch = |trains| Batch { size: 1, inputs: vec![InputData::Spikes(trains)], targets: Vec::new() };
    let (mut carry, mut workspace) = (Carry::default(), Workspace::new());
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    network.loss_and_gradient_from(&mut carry, &parameters, &batch(&trains), &mut workspace, &mut gradient).unwrap();
    // Sent in step 0, it arrives in step 3 and counts once; the other arrives later.
    assert_eq!(gradient.values(), [1.0]);
    network.loss_and_gradient_from(&mut carry, &parameters, &batch(&silent), &mut workspace, &mut gradient).unwrap();
    // Sent in step 2 of the window before, it arrives in step 1 and counts three times.
    assert_eq!(gradient.values(), [3.0]);
}

/// A rule changes the weights of all pairs but those of a neuron with itself as it changes listed ones.
#[test]
fn rules_of_a_matrix_without_its_diagonal() {
    let run = |connectivity: &str| {
        let model = model(&format!(
            "network Net {{
                simulate dt = 1 ms, for 40 ms
                input x[3] spikes
                layer a[5] = LIF(V_th = 6 mV)
                x -> a.exc : dense, init constant(3 nA)
                x -> a[.. 2].exc : dense, init constant(1 nA)
                a -> a.I_ext : {connectivity}, PairSTDP(A_plus = 0.1), no_self, delay 1 step, init constant(0.5 nA)
            }}"
        ));
        let network = smooth::network(&model);
        let (trains, mut workspace) = (probe::inputs(&network, 3, 0.3, 5), Workspace::with_lanes(1));
        let batch = Batch { size: 3, inputs: vec![InputData::Spikes(&trains[0])], targets: Vec::new() };
        probe::forward_bits(&network, &network.initial_parameters(3), &batch, &mut workspace).unwrap()
    };
    let found = run("dense");
    assert!(found.last() > Some(&50), "{:?} spikes prove little", found.last());
    assert_eq!(found, run("random(1)"));
}
