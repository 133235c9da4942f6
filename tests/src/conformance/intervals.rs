//! Interspike intervals of the leaky integrate-and-fire neuron under a constant current.

use super::rig::{cells, neuron, step};
use super::{Case, Group, Verdict};
use snn_runtime::math;

pub(super) const GROUP: Group = Group {
    title: "Intervals of LIF",
    text: "A constant current gives T = tau ln((V_inf - V_r)/(V_inf - V_th)). On a grid of dt the exact propagator fires every\n\
           ceil(T/dt) + round(t_ref/dt) steps, from the first interval on.",
    cases,
};

/// A neuron, by its conductance form.
struct Setting {
    name: &'static str,
    source: &'static str,
    /// C (nF), g (uS), E, I (nA), V_r, Th (mV), t_ref (ms).
    values: [f64; 6],
    t_ref: Option<f64>,
    /// T + t_ref as published, ms.
    published: f64,
}

const SETTINGS: [Setting; 5] = [
    Setting {
        name: "tau 30 ms, E -50, Th -55, V_r -70 mV",
        source: "closed form",
        values: [0.03, 0.001, -50.0, 0.0, -70.0, -55.0],
        t_ref: None,
        published: 41.58883,
    },
    Setting {
        name: "the same, t_ref 5 ms",
        source: "closed form",
        values: [0.03, 0.001, -50.0, 0.0, -70.0, -55.0],
        t_ref: Some(5.0),
        published: 46.58883,
    },
    Setting {
        name: "C 3.2 pF, g 0.2 nS, E -53, Th -55, V_r -70 mV",
        source: "closed form",
        values: [0.0032, 0.0002, -53.0, 0.0, -70.0, -55.0],
        t_ref: None,
        published: 34.24106,
    },
    Setting {
        name: "C 1 nF, tau 20 ms, I 1 nA, E -65, Th -50, V_r -70 mV, t_ref 8 ms",
        source: "closed form",
        values: [1.0, 0.05, -65.0, 1.0, -70.0, -50.0],
        t_ref: Some(8.0),
        published: 40.18876,
    },
    Setting {
        name: "C 1 nF, tau 20 ms, I 0.9 nA, E -65, Th -52, V_r -62 mV, t_ref 10 ms",
        source: "closed form",
        values: [1.0, 0.05, -65.0, 0.9, -62.0, -52.0],
        t_ref: Some(10.0),
        published: 31.97225,
    },
];

const GRIDS: [f64; 6] = [1.0, 0.5, 0.25, 0.1, 0.07, 0.01];
const INTERVALS: usize = 5;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let grids = GRIDS.map(|dt| dt.to_string()).join(", ");
    for setting in &SETTINGS {
        let [c, g, e, i, v_r, th] = setting.values;
        let v_inf = e + i / g;
        let t = c / g * math::ln((v_inf - v_r) / (v_inf - th));
        let steps = |dt: f64| (t / dt).ceil() as usize + setting.t_ref.map_or(0, |t_ref| (t_ref / dt).round() as usize);
        let expected: Vec<Vec<usize>> = GRIDS.iter().map(|&dt| vec![steps(dt); INTERVALS]).collect();
        let found: Vec<Vec<usize>> = GRIDS.iter().map(|&dt| intervals(setting, dt, INTERVALS)).collect();
        cases.push(Case {
            name: format!("{}: steps, dt = {grids} ms", setting.name),
            source: "ceil(T/dt) + t_ref/dt",
            expected: each(&expected),
            found: each(&found),
            tolerance: "equal".into(),
            verdict: Verdict::met(expected == found),
        });
        let dt = 0.001;
        let ms = intervals(setting, dt, 1)[0] as f64 * dt;
        let name = format!("{}: dt = {dt} ms", setting.name);
        cases.push(Case::number(name, setting.source, (setting.published, ms), dt, (3, "ms")));
    }
    cases
}

/// The lengths of the first intervals, in steps.
fn intervals(setting: &Setting, dt: f64, count: usize) -> Vec<usize> {
    let name = if setting.t_ref.is_some() { "RefractoryLIF" } else { "LIF" };
    let names = ["C", "g", "E", "I", "V_r", "Th"];
    let mut values: Vec<(&str, f64)> = names.into_iter().zip(setting.values).collect();
    values.extend(setting.t_ref.map(|t| ("t_ref", t)));
    let mut cells = cells::<f64>(&neuron("intervals.snn", name), 1, dt, &values);
    let mut spikes = Vec::new();
    let limit = (1000.0 / dt) as usize;
    for now in 1..=limit {
        if step(&mut cells, &[], &[]) {
            spikes.push(now);
        }
        if spikes.len() > count {
            break;
        }
    }
    spikes.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// One number for each grid if all intervals of it are equal.
fn each(intervals: &[Vec<usize>]) -> String {
    let one = |of: &Vec<usize>| match of.first() {
        Some(first) if of.iter().all(|i| i == first) => first.to_string(),
        _ => format!("{of:?}"),
    };
    intervals.iter().map(one).collect::<Vec<_>>().join(" ")
}
