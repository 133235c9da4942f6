//! Linear systems without a simple formula: singular, oscillating, not diagonalisable, stiff, partly held.

use super::reference as exact;
use super::rig::{cells, neuron, relative, step, worse};
use super::{Case, Group, Verdict};

pub(super) const GROUP: Group = Group {
    title: "Linear systems",
    text: "The exact propagator of `integrate auto`, dt = 0.5 ms. All states are compared after 1, 10, 100 and 1000 steps, each\n\
           relative to its exact value. A stiff cycle takes seven squarings, which leave 1.5e-14 in a factor close to 1: over 1000 steps\n\
           that adds up.",
    cases,
};

const DT: f64 = 0.5;
const SOURCE: &str = "50 digits";

/// States after a number of steps.
type Rows = &'static [(usize, &'static [f64])];

/// Neuron, what it is, drive, states, exact values.
const SYSTEMS: [(&str, &str, f64, &[&str], Rows); 9] = [
    ("Ramp", "dV/dt = const", 0.0, &["V"], exact::RAMP),
    ("DoubleIntegrator", "dx/dt = y, dy/dt = u", 0.3, &["x", "y"], exact::DOUBLE_INTEGRATOR),
    ("Undamped", "imaginary eigenvalues", 0.7, &["x", "y"], exact::UNDAMPED),
    ("Damped", "complex eigenvalues", 0.7, &["x", "y"], exact::DAMPED),
    ("JordanThree", "Jordan block of order 3", 0.7, &["a", "b", "c"], exact::JORDAN_THREE),
    ("JordanFour", "Jordan block of order 4", 0.7, &["a", "b", "c", "d"], exact::JORDAN_FOUR),
    ("StiffChain", "tau 0.01 ms drives tau 100 ms", 0.7, &["x", "y"], exact::STIFF_CHAIN),
    ("StiffCycle", "the same with feedback", 0.7, &["x", "y"], exact::STIFF_CYCLE),
    ("ResonateAndFire", "below its threshold", 0.02, &["x", "y"], exact::RESONATE_AND_FIRE),
];

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, what, drive, states, rows) in SYSTEMS {
        let drives: &[f64] = if name == "Ramp" { &[] } else { &[drive] };
        let mut push = |rows, limit: bool, what: String| {
            let (error, spikes) = worst(name, drives, states, rows);
            let error = if spikes.is_empty() { error } else { f64::NAN };
            let mut case = Case::error(what, SOURCE, "50-digit states", error, 1e-12);
            if limit && case.verdict == Verdict::Missed && error <= 1e-10 {
                case.verdict = Verdict::Limit;
            }
            cases.push(case);
        };
        if name.starts_with("Stiff") {
            push(&rows[..2], false, format!("`{name}`: {what}, 10 steps"));
            push(rows, name == "StiffCycle", format!("`{name}`: {what}, 1000 steps"));
        } else {
            push(rows, false, format!("`{name}`: {what}"));
        }
    }
    let (error, spikes) = worst("Held", &[], &["I", "V", "w"], exact::HELD);
    let name = "`Held`: V held for 2 ms after a spike, I before it and w behind it go on";
    cases.push(Case::error(name, SOURCE, "50-digit states", error, 1e-12));
    let steps = |s: &[usize]| s.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    cases.push(Case::equal("`Held`: steps with a spike", SOURCE, steps(exact::HELD_SPIKES), steps(&spikes)));
    cases
}

/// The largest relative error of any state, and the steps with a spike.
fn worst(name: &str, drives: &[f64], states: &[&str], rows: Rows) -> (f64, Vec<usize>) {
    let mut cells = cells::<f64>(&neuron("linear.snn", name), 1, DT, &[]);
    let (mut now, mut error, mut spikes) = (0, 0.0, Vec::new());
    for (steps, expected) in rows {
        while now < *steps {
            now += 1;
            if step(&mut cells, &[], drives) {
                spikes.push(now);
            }
        }
        assert_eq!(states.len(), expected.len(), "{name}");
        for (state, &expected) in states.iter().zip(*expected) {
            error = worse(error, relative(super::rig::state(&cells, state), expected));
        }
    }
    (error, spikes)
}
