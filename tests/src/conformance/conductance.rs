//! Conductances, which multiply the potential: against a Runge–Kutta integration written here.

use super::rig::{by, cells, state, step, worse};
use super::{Case, Group};
use crate::library_neuron;
use crate::trains::Random;
use snn_dsl::model::Integration;

pub(super) const GROUP: Group = Group {
    title: "Conductances",
    text: "`LIF_conductance` of the library under random spikes, against a Runge–Kutta integration of the same equations with steps\n\
           of 1/32 of dt, written out in the test. Spikes arrive at the same times; after 200 ms without threshold, and with it.",
    cases,
};

/// Spikes arrive every half a millisecond, on the grid of all time steps below.
const SLOT: f64 = 0.5;
const SLOTS: usize = 400;

/// The summed weights of excitation and inhibition in each slot, in uS.
fn arrivals(scale: f64) -> Vec<[f64; 2]> {
    let mut random = Random(8);
    let mut one = |p: f64, w: f64| if random.unit() < p { scale * w } else { 0.0 };
    (0..SLOTS).map(|_| [one(0.3, 0.006), one(0.2, 0.003)]).collect()
}

/// g_exc, g_inh, V; the parameters of the library's text, in base units.
fn flow([g, h, v]: [f64; 3]) -> [f64; 3] {
    [-g / 5.0, -h / 10.0, (0.01 * (-60.0 - v) + g * (0.0 - v) + h * (-80.0 - v)) / 0.2]
}

fn rk4(x: [f64; 3], dt: f64, held: bool) -> [f64; 3] {
    let f = |x: [f64; 3]| {
        let mut k = flow(x);
        if held {
            k[2] = 0.0;
        }
        k
    };
    let at = |k: [f64; 3], h: f64| [x[0] + h * k[0], x[1] + h * k[1], x[2] + h * k[2]];
    let k1 = f(x);
    let k2 = f(at(k1, dt / 2.0));
    let k3 = f(at(k2, dt / 2.0));
    let k4 = f(at(k3, dt));
    std::array::from_fn(|i| x[i] + dt / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
}

/// V at the end of each step, and the steps with a spike.
type Run = (Vec<f64>, Vec<usize>);

fn model(method: Integration, dt: f64, scale: f64) -> Run {
    let neuron = by(library_neuron("LIF_conductance"), method);
    let mut cells = cells::<f64>(&neuron, 1, dt, &[]);
    let per_slot = (SLOT / dt).round() as usize;
    let (mut trace, mut spikes) = (Vec::new(), Vec::new());
    for events in arrivals(scale) {
        for k in 0..per_slot {
            let events = if k == 0 { events } else { [0.0; 2] };
            if step(&mut cells, &events, &[0.0]) {
                spikes.push(trace.len());
            }
            trace.push(state(&cells, "V"));
        }
    }
    (trace, spikes)
}

fn by_hand(dt: f64, scale: f64) -> Run {
    const FINE: usize = 32;
    let per_slot = (SLOT / dt).round() as usize;
    let refractory = (5.0 / dt).round() as usize;
    let (mut x, mut left) = ([0.0, 0.0, -60.0], 0);
    let (mut trace, mut spikes) = (Vec::new(), Vec::new());
    for [exc, inh] in arrivals(scale) {
        x = [x[0] + exc, x[1] + inh, x[2]];
        for _ in 0..per_slot {
            for _ in 0..FINE {
                x = rk4(x, dt / FINE as f64, left > 0);
            }
            if left == 0 && x[2] >= -50.0 {
                spikes.push(trace.len());
                x[2] = -60.0;
                left = refractory;
            } else {
                left = usize::saturating_sub(left, 1);
            }
            trace.push(x[2]);
        }
    }
    (trace, spikes)
}

fn cases() -> Vec<Case> {
    use Integration::{Auto, ExponentialEuler, ExponentialMidpoint, RungeKutta4};
    const SOURCE: &str = "Runge–Kutta by hand";
    // A tenth of the weights stays below the threshold.
    let (quiet, loud) = (0.1, 1.0);
    let error = |method, dt, scale| {
        let (found, exact) = (model(method, dt, scale), by_hand(dt, scale));
        found.0.iter().zip(&exact.0).map(|(f, e)| (f - e).abs()).fold(0.0, worse)
    };
    let mut cases = vec![Case::equal("no spikes below the threshold", SOURCE, 0, by_hand(0.1, quiet).1.len())];
    for (method, name, tolerance) in [
        (Auto, "auto", 0.1),
        (ExponentialEuler, "exponential_euler", 0.1),
        (ExponentialMidpoint, "exponential_midpoint", 5e-4),
        (RungeKutta4, "rk4", 1e-6),
    ] {
        let name = format!("V in mV, {name}, dt = 0.1 ms");
        cases.push(Case::error(name, SOURCE, "the same trace", error(method, 0.1, quiet), tolerance));
    }
    let times = |run: Run| {
        let printed: Vec<String> = run.1.iter().map(|k| format!("{:.1}", (k + 1) as f64 * 0.1)).collect();
        printed.join(" ")
    };
    let name = "spike times in ms, exponential_midpoint, dt = 0.1 ms";
    cases.push(Case::equal(name, SOURCE, times(by_hand(0.1, loud)), times(model(ExponentialMidpoint, 0.1, loud))));
    cases
}
