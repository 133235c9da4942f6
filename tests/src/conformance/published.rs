//! Spike times of published neurons.

use super::reference::IZHIKEVICH;
use super::rig::{by, cells, list, neuron, state, step, worse};
use super::{Case, Group, Verdict};
use snn_dsl::model::Integration;

pub(super) const GROUP: Group = Group {
    title: "Published neurons",
    text: "Spike times in ms. A spike of `HodgkinHuxley` is an upward crossing of 0 mV, read from the trace.",
    cases,
};

fn cases() -> Vec<Case> {
    let mut cases = hodgkin_huxley();
    cases.extend(adex());
    cases.extend(izhikevich());
    cases
}

/// Times that may each be `tolerance` off.
fn times(name: String, source: &'static str, expected: &[f64], found: &[f64], tolerance: f64) -> Case {
    let close = expected.iter().zip(found).all(|(e, f)| (e - f).abs() <= tolerance + 1e-9);
    Case {
        name,
        source,
        expected: list(expected, 2),
        found: list(found, 2),
        tolerance: format!("{tolerance} ms"),
        verdict: Verdict::met(close && expected.len() == found.len()),
    }
}

fn hodgkin_huxley() -> Vec<Case> {
    use Integration::{ExponentialEuler, ExponentialMidpoint, RungeKutta4};
    const SOURCE: &str = "NeuroML 2, example 1";
    let coarse = [52.22, 68.50, 84.57, 100.70];
    let converged = [52.18, 68.38, 84.37, 100.38];
    let mut cases = Vec::new();
    for (method, name, dt, expected) in [
        (ExponentialEuler, "exponential_euler", 0.01, coarse),
        (RungeKutta4, "rk4", 0.002, converged),
        (ExponentialMidpoint, "exponential_midpoint", 0.002, converged),
    ] {
        let neuron = by(neuron("hodgkin_huxley.snn", "HodgkinHuxley"), method);
        let mut cells = cells::<f64>(&neuron, 1, dt, &[]);
        let mut found = Vec::new();
        let mut before = state(&cells, "V");
        for k in 0..(120.0 / dt) as usize {
            let t = k as f64 * dt;
            let on = (50.0 - 1e-9..100.0 - 1e-9).contains(&t);
            step(&mut cells, &[], &[if on { 0.08 } else { 0.0 }]);
            let after = state(&cells, "V");
            if before < 0.0 && after >= 0.0 {
                found.push(t + dt);
            }
            before = after;
        }
        let name = format!("`HodgkinHuxley`, {name}, dt = {dt} ms");
        cases.push(times(name, SOURCE, &expected, &found, 0.01));
    }
    cases.push(singularities());
    cases
}

/// At -40 and -55 mV a rate is 0/0.
fn singularities() -> Case {
    let text = neuron("hodgkin_huxley.snn", "HodgkinHuxley");
    let mut difference = 0.0;
    for (_, method) in Integration::ALL.into_iter().filter(|m| m.1 != Integration::Exact) {
        for singular in [-40.0, -55.0] {
            let after = |v: f64| {
                let mut cells = cells::<f64>(&by(text.clone(), method), 1, 0.01, &[("V_0", v)]);
                step(&mut cells, &[], &[0.0]);
                ["V", "m", "h", "n"].map(|s| state(&cells, s))
            };
            let (at, beside) = (after(singular), after(singular + 1e-9));
            difference = at.iter().zip(beside).map(|(a, b)| (a - b).abs()).fold(difference, worse);
        }
    }
    Case::error(
        "`HodgkinHuxley` started at V = -40 and -55 mV, where a rate is 0/0, all methods",
        "continuity",
        "the step from 1e-9 mV beside",
        difference,
        1e-8,
    )
}

/// Parameters in pF, nS, mV, ms, pA.
struct Naud {
    name: &'static str,
    values: [f64; 10],
    count: usize,
    first: &'static [f64],
}

const NAUD: [Naud; 4] = [
    Naud {
        name: "tonic",
        values: [200.0, 10.0, -70.0, -50.0, 2.0, 2.0, 30.0, 0.0, -58.0, 500.0],
        count: 62,
        first: &[14.22, 23.16, 32.26],
    },
    Naud {
        name: "adaptation",
        values: [200.0, 12.0, -70.0, -50.0, 2.0, 2.0, 300.0, 60.0, -58.0, 500.0],
        count: 12,
        first: &[14.91, 26.18, 40.56, 60.18, 89.6, 137.35],
    },
    Naud {
        name: "initial burst",
        values: [130.0, 18.0, -58.0, -50.0, 2.0, 4.0, 150.0, 120.0, -50.0, 400.0],
        count: 12,
        first: &[5.46, 8.89, 16.21, 70.97],
    },
    Naud {
        name: "regular bursting",
        values: [200.0, 10.0, -58.0, -50.0, 2.0, 2.0, 120.0, 100.0, -46.0, 210.0],
        count: 11,
        first: &[16.16, 19.08, 24.21, 155.97],
    },
];

fn adex() -> Vec<Case> {
    let dt = 0.005;
    let names = ["C", "g_L", "E_L", "V_T", "D_T", "a", "tau_w", "b", "V_r", "I"];
    // pF and nS are thousandths of nF and uS, pA of nA.
    let factors = [1e-3, 1e-3, 1.0, 1.0, 1.0, 1e-3, 1.0, 1e-3, 1.0, 1e-3];
    let mut cases = Vec::new();
    for Naud { name, values, count, first } in NAUD {
        let values: Vec<(&str, f64)> = names.into_iter().zip(values.iter().zip(factors).map(|(v, f)| v * f)).collect();
        let mut cells = cells::<f64>(&neuron("adex.snn", "AdEx"), 1, dt, &values);
        let steps = (600.0 / dt) as usize;
        let found: Vec<f64> = (1..=steps).filter(|_| step(&mut cells, &[], &[])).map(|k| k as f64 * dt).collect();
        let start = &found[..first.len().min(found.len())];
        const SOURCE: &str = "Naud et al. 2008, converged";
        cases.push(times(format!("`AdEx`, {name}, rk4, dt = {dt} ms: first spikes"), SOURCE, first, start, 0.01));
        cases.push(Case::equal(format!("`AdEx`, {name}: spikes in 600 ms"), SOURCE, count, found.len()));
    }
    cases
}

/// The circulated times are those of Euler's method at 0.01 ms, read at 0 mV; the peak of the exact solution is elsewhere.
fn izhikevich() -> Vec<Case> {
    let euler = [12.52, 16.03, 28.88, 55.9, 82.67];
    let name = "`Izhikevich`, euler, dt = 0.01 ms, upward crossings of 0 mV";
    let crossings =
        times(name.into(), "circulated figures", &euler, &izhikevich_times(Integration::Euler, 100, 0.0), 0.0);
    let name = "`Izhikevich`, rk4, dt = 0.001 ms, spikes at 30 mV";
    let peaks = izhikevich_times(Integration::RungeKutta4, 1000, 30.0);
    vec![crossings, times(name.into(), "exact, event by event", IZHIKEVICH, &peaks, 0.01)]
}

/// When V passes a level upwards; at 30 mV that is a spike. `grid` steps are a millisecond.
fn izhikevich_times(method: Integration, grid: usize, level: f64) -> Vec<f64> {
    let mut cells = cells::<f64>(&by(neuron("izhikevich.snn", "Izhikevich"), method), 1, 1.0 / grid as f64, &[]);
    let mut before = state(&cells, "V");
    let mut found = Vec::new();
    for k in 0..100 * grid {
        let fired = step(&mut cells, &[], &[if k >= 10 * grid { 14.0 } else { 0.0 }]);
        let after = state(&cells, "V");
        if (before < level && level <= after) || (fired && level >= 30.0) {
            found.push((k + 1) as f64 / grid as f64);
        }
        before = after;
    }
    found
}
