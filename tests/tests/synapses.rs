//! The synapses of the library against closed forms and against the recursions of their papers.

use snn_dsl::simulate::{Input, NetworkProtocol, NetworkRecording, run_network};
use snn_runtime::math::{exp, ln};
use snn_tests::model;

/// A cell that holds its potential, or leaks from it, and adds up what flows into it.
fn run(projections: &str, duration: f64, spikes: &[f64], dt: f64) -> NetworkRecording<f64> {
    let text = format!(
        "neuron Held {{
            drive I : nA
            state V : mV = -40 mV
            state Q : nA*ms
            dV/dt = 0 mV/ms
            dQ/dt = I
        }}
        neuron Leaky {{
            param V_0 = 0 mV
            param tau = 20 ms
            drive I : nA
            state V : mV = V_0
            tau dV/dt = -V + 10 MOhm*I
        }}
        network Net {{
            simulate dt = {dt} ms, for {duration} ms
            input x[1] spikes
            layer held[1] = Held
            layer a[1] = Leaky(V_0 = 10 mV)
            layer b[1] = Leaky
            {projections}
        }}"
    );
    let model = model(&text);
    let protocol = NetworkProtocol {
        inputs: vec![("x".into(), String::new(), Input::Spikes { times: spikes.to_vec(), weight: 1.0 })],
        record: [("held", "Q"), ("a", "V"), ("b", "V")].map(|(l, s)| (l.into(), s.into())).to_vec(),
        ..NetworkProtocol::default()
    };
    run_network(&model, &model.networks[0], &protocol, |_, _| Ok(())).unwrap()
}

fn trace(recording: &NetworkRecording<f64>, layer: &str, state: &str) -> Vec<f64> {
    recording.layer(layer).unwrap().trace(state).unwrap().of(0).collect()
}

/// The charge until time t after a spike at 0.
fn charge(synapse: &str, dt: f64) -> Vec<f64> {
    let projection = format!("x -> held.I : dense, {synapse}");
    trace(&run(&projection, 100.0, &[0.0], dt), "held", "Q")
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-3), "{what}: {found}, expected {expected}");
}

#[test]
fn currents_have_the_charge_of_their_formulas() {
    let dt = 0.5;
    let exponential = charge("Exponential(tau = 5 ms), init constant(2 nA)", dt);
    let alpha = charge("Alpha(tau = 5 ms), init constant(2 nA)", dt);
    let dual = charge("DualExponential(tau_rise = 1 ms, tau_decay = 5 ms), init constant(2 nA)", dt);
    let peak = ln(5.0_f64) * 5.0 / 4.0;
    let norm = 1.0 / (exp(-peak / 5.0) - exp(-peak));
    for (k, t) in (0..=200).map(|k| (k, dt * k as f64)) {
        close(exponential[k], 2.0 * 5.0 * (1.0 - exp(-t / 5.0)), 1e-12, "exponential");
        // The integral of e t/tau exp(-t/tau).
        let expected = 2.0 * std::f64::consts::E * (5.0 - (5.0 + t) * exp(-t / 5.0));
        close(alpha[k], expected, 1e-11, "alpha");
        let expected = 2.0 * norm * (5.0 * (1.0 - exp(-t / 5.0)) - (1.0 - exp(-t)));
        close(dual[k], expected, 1e-11, "dual exponential");
    }
}

#[test]
fn conductances_drive_the_held_potential() {
    // What flows is g (E - V) with V = -40 mV held; the product is frozen over a step, so dt is short.
    let dt = 0.01;
    let end = |synapse: &str| *charge(synapse, dt).last().unwrap();
    let exponential = end("ExponentialConductance(tau = 5 ms), init constant(0.1 uS)");
    close(exponential, 0.1 * 40.0 * 5.0, 2e-3, "exponential");
    let alpha = end("AlphaConductance(tau = 5 ms), init constant(0.1 uS)");
    close(alpha, 0.1 * 40.0 * std::f64::consts::E * 5.0, 2e-3, "alpha");
    let peak = ln(5.0_f64) * 5.0 / 4.0;
    let norm = 1.0 / (exp(-peak / 5.0) - exp(-peak));
    let dual = end("DualExponentialConductance(E = -80 mV), init constant(0.1 uS)");
    close(dual, -0.1 * 40.0 * norm * 4.0, 2e-3, "dual exponential");
    // The block at -40 mV (Jahr and Stevens 1990): 1/(1 + exp(0.062 * 40)/3.57).
    let block = 1.0 / (1.0 + exp(0.062_f64 * 40.0) / 3.57);
    let peak = ln(10.0_f64 / 2.0) * 20.0 / 8.0;
    let norm = 1.0 / (exp(-peak / 10.0) - exp(-peak / 2.0));
    let nmda = end("NMDA(tau_decay = 10 ms), init constant(0.1 uS)");
    let open = norm * (10.0 * (1.0 - exp(-10.0_f64)) - 2.0);
    close(nmda, 0.1 * 40.0 * block * open, 2e-3, "NMDA");
}

/// ds/dt = -s/tau + alpha x (1 - s) with x = exp(-t/tau_rise) after a spike, by the classical Runge-Kutta method.
#[test]
fn gates_of_nmda_saturate() {
    let dt = 0.01;
    let spikes = [0.0, 10.0, 12.0, 14.0];
    let projection = "x -> held.I : dense, NMDA_saturating, init constant(0.1 uS)";
    let found = trace(&run(projection, 60.0, &spikes, dt), "held", "Q");
    let (mut x, mut s, mut q) = (0.0_f64, 0.0_f64, 0.0_f64);
    let block = 1.0 / (1.0 + exp(0.062_f64 * 40.0) / 3.57);
    for k in 0..6000 {
        x += spikes.iter().filter(|&&t| (t / dt).round() as usize == k).count() as f64;
        let slope = |x: f64, s: f64| -s / 100.0 + 0.5 * x * (1.0 - s);
        let (half, full) = (exp(-dt / 4.0), exp(-dt / 2.0));
        let k1 = slope(x, s);
        let k2 = slope(x * half, s + 0.5 * dt * k1);
        let k3 = slope(x * half, s + 0.5 * dt * k2);
        let k4 = slope(x * full, s + dt * k3);
        let new = s + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
        q += dt * 0.1 * 40.0 * block * 0.5 * (s + new);
        (x, s) = (x * full, new);
    }
    close(*found.last().unwrap(), q, 3e-3, "charge");
    assert!(s > 0.5 && s < 1.0, "{s}");
}

/// The recursion of Tsodyks, Pawelzik and Markram (1998) for the n-th spike of a regular train.
#[test]
fn resources_follow_the_recursion() {
    let (capital, rec, facil, interval, dt) = (0.2, 120.0, 300.0, 20.0_f64, 0.1);
    let spikes: Vec<f64> = (0..10).map(|n| interval * f64::from(n)).collect();
    let projection = "x -> held.I : dense, TsodyksMarkram(U = 0.2, tau_rec = 120 ms, tau_facil = 300 ms, tau = 1 ms), init constant(2 nA)";
    let charge = trace(&run(projection, 200.0, &spikes, dt), "held", "Q");
    let (mut u, mut x, mut before, mut left) = (0.0, 1.0, 0.0, 0.0);
    for n in 0..10 {
        u += capital * (1.0 - u);
        let used: f64 = u * x;
        x -= used;
        // What a spike brings decays with 1 ms, and what is left of those before it.
        let current: f64 = left + 2.0 * used;
        let expected = current * (1.0 - exp(-interval));
        let at = ((n + 1) as f64 * interval / dt).round() as usize;
        close(charge[at] - before, expected, 1e-10, "spike");
        before = charge[at];
        left = current * exp(-interval);
        u *= exp(-interval / facil);
        x = 1.0 + (x - 1.0) * exp(-interval / rec);
    }
}

/// Two cells that leak with tau and exchange g (V_other - V): their mean decays with tau, their difference faster.
#[test]
fn a_gap_junction_pulls_two_cells_together() {
    let projections = "a -> b.I : dense, GapJunction, delay 1 step, init constant(0.02 uS)
        b -> a.I : dense, GapJunction, delay 1 step, init constant(0.02 uS)";
    let error = |dt: f64| {
        let recording = run(projections, 20.0, &[], dt);
        let (a, b) = (trace(&recording, "a", "V"), trace(&recording, "b", "V"));
        let last = a.len() - 1;
        let mean = 5.0 * exp(-1.0_f64);
        let half = 5.0 * exp(-20.0 * (1.0 / 20.0 + 2.0 * 0.02 * 10.0 / 20.0_f64));
        (a[last] - mean - half).abs() + (b[last] - mean + half).abs()
    };
    let errors = [error(0.1), error(0.05), error(0.025)];
    assert!(errors[2] < 2e-3, "{errors:?}");
    // The other cell is seen as it was at the beginning of a step: first order.
    for pair in errors.windows(2) {
        assert!((pair[0] / pair[1] - 2.0).abs() < 0.1, "{errors:?}");
    }
}
