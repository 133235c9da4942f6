//! Weights that change by rules of their own: against closed forms, and against a simulation spike by spike.

use snn_runtime::math::exp;
use snn_runtime::{Batch, Carry, InputData, Network, ParameterSet, Parameters, SpikeTrain, Workspace};
use snn_tests::plasticity::{DT, STEPS, pairs, train, weights};
use snn_tests::{model, smooth};

/// The spikes of the sources, that of the target at 100 ms, and what else arrives.
fn around(spike: u32) -> [SpikeTrain; 3] {
    // Source k spikes (k - 20) * 4 ms from the target.
    let sources: Vec<(u32, u32)> = (0..41).map(|k| ((spike + 1 + 40 * k).saturating_sub(20 * 40), k)).collect();
    [train(&sources), train(&[(spike, 0)]), train(&[])]
}

#[test]
fn the_curve_of_pairs_is_that_of_the_rule() {
    let model = pairs("PairSTDP");
    let network = smooth::network(&model);
    // The target spikes at the end of its step, at 100 ms; a source at the beginning of its own.
    let found = weights(&network, &around(999));
    for (k, &w) in found.iter().enumerate() {
        let difference = 4.0 * (20.0 - k as f64);
        let change = match difference {
            d if d > 0.0 => 0.01 * exp(-d / 20.0),
            // At the same time the target comes first: the end of a step is before the beginning of the next.
            d => -0.0105 * exp(d / 20.0),
        };
        assert!((w - 0.5 - change).abs() < 1e-12, "{difference} ms: {} expected {change}", w - 0.5);
    }
    // In windows, too.
    let simulation = snn_runtime::Simulation { steps: 250, ..network.simulation() };
    let short =
        Network::with_simulation(snn_dsl::interpret::graph::<f64>(&model, &model.networks[0]), simulation).unwrap();
    assert_eq!(weights(&short, &around(999)), found);
}

/// Spikes without pattern: (step, neuron) of `n` neurons.
fn spikes(n: u32, every: u32, seed: u32) -> Vec<(u32, u32)> {
    let mut x = seed.wrapping_mul(2_654_435_761) | 1;
    let mut found = Vec::new();
    for t in 0..STEPS as u32 {
        for i in 0..n {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            if x.is_multiple_of(every) {
                found.push((t, i));
            }
        }
    }
    found
}

#[test]
fn triplets_and_rewards_follow_their_rules() {
    let (a, go) = (spikes(41, 97, 5), spikes(1, 50, 9));
    let reward = vec![(700, 0), (1500, 0)];
    let trains = [train(&a), train(&go), train(&reward)];
    let count = |list: &[(u32, u32)], t: usize, i: u32| list.contains(&(t as u32, i));
    let decay = |tau: f64| exp(-DT / tau);

    let network = smooth::network(&pairs("TripletSTDP"));
    let found = weights(&network, &trains);
    for i in 0..41 {
        let (mut w, mut r, mut o, mut slow) = (0.5_f64, 0.0, 0.0, 0.0);
        for t in 0..STEPS {
            if count(&a, t, i) {
                w = (w - 7.1e-3 * o).clamp(0.0, 1.0);
                r += 1.0;
            }
            (r, o, slow) = (r * decay(16.8), o * decay(33.7), slow * decay(114.0));
            if count(&go, t, 0) {
                w = (w + 6.5e-3 * r * slow).clamp(0.0, 1.0);
                o += 1.0;
                slow += 1.0;
            }
        }
        assert!((found[i as usize] - w).abs() < 1e-11, "source {i}: {} expected {w}", found[i as usize]);
    }

    let network = smooth::network(&pairs("RewardSTDP"));
    let found = weights(&network, &trains);
    let mut moved = 0;
    for i in 0..41 {
        let (mut w, mut x, mut y, mut c, mut d) = (0.5_f64, 0.0, 0.0, 0.0, 0.0);
        for t in 0..STEPS {
            if count(&reward, t, 0) {
                d += 1.0;
            }
            if count(&a, t, i) {
                c -= 1.5 * y;
                x += 1.0;
            }
            (x, y, d) = (x * decay(20.0), y * decay(20.0), d * decay(200.0));
            if count(&go, t, 0) {
                c += x;
                y += 1.0;
            }
            // The trace and the weight move together: the weight with the trace at the beginning of the step.
            w += if (w >= 1.0 && c * d > 0.0) || (w <= 0.0 && c * d < 0.0) { 0.0 } else { 1e-5 * c * d * DT };
            c *= decay(1000.0);
        }
        moved += usize::from((w - 0.5).abs() > 1e-5);
        let error = (found[i as usize] - w).abs();
        assert!(error < 1e-3 * (w - 0.5).abs() + 1e-9, "source {i}: {} expected {w}", found[i as usize]);
    }
    assert!(moved > 20, "{moved}");
}

#[test]
fn a_rule_has_no_gradient() {
    let model = model(
        "network Taught {
            simulate dt = 1 ms, for 20 ms
            input x[3] spikes
            layer a[2] = LIF
            x -> a.I_ext : dense, PairSTDP
            loss mean_n(mean_t(a.spike))
        }",
    );
    let network = smooth::network(&model);
    let parameters = network.initial_parameters(0);
    let mut gradient = ParameterSet::zeros(network.layout().clone());
    let mut silent = SpikeTrain::new();
    silent.fill_from_events(20, &[]);
    let trains = [silent];
    let batch = Batch { size: 1, inputs: vec![InputData::Spikes(&trains)], targets: Vec::new() };
    let error = network.loss_and_gradient(&parameters, &batch, &mut Workspace::new(), &mut gradient).unwrap_err();
    assert!(error.to_string().contains("`x_to_a_I_ext` change by a rule of their own"), "{error}");
    assert_eq!(parameters.values().len(), network.layout().len());
    assert_eq!(Carry::<f64>::default().steps(), 0);
}
