//! The twenty firing patterns of the Mihalas–Niebur neuron, from one model text: twenty neurons that differ in three
//! parameters and in what is injected.

use super::reference::PATTERN_TIMES;
use super::rig::{cells, cells_with, list, neuron, state, step};
use super::{Case, Group, Verdict};
use patterns::{PATTERNS, Pattern};
use snn_runtime::{Cells, Real};

/// The protocols, which the example draws.
#[path = "../../../examples/firing_patterns/patterns.rs"]
mod patterns;

pub(super) const GROUP: Group = Group {
    title: "Twenty firing patterns",
    text: "`MihalasNiebur` with the protocols of Mihalas and Niebur (2009, table 1). Expected are the number of spikes and what the\n\
           pattern is named for; spike times are compared with those of exact solutions between spikes, without a grid, and may be\n\
           1 ms off. dt = 0.01 ms.",
    cases,
};

/// What each pattern is named for, and whether that is seen in its spike times in ms.
type Look = (char, &'static str, fn(&[f64]) -> bool);

const LOOKS: [Look; 20] = [
    ('A', "regular", |t| intervals(t).iter().all(|i| (i - 22.0).abs() < 0.1)),
    ('B', "as slow as one likes", |t| t[0] > 200.0 && intervals(t).iter().all(|&i| i > 250.0)),
    ('C', "intervals grow", |t| intervals(t).windows(2).all(|i| i[1] > i[0] + 0.5)),
    ('D', "then silent", |t| within(t, 0.0, 200.0) == t.len()),
    ('E', "in the first step only, none on the stairs", |t| within(t, 0.0, 100.0) == t.len()),
    ('F', "only after the hyperpolarising pulse", |t| within(t, 250.0, 275.0) == t.len()),
    ('G', "after release", |t| within(t, 806.0, 1000.0) == t.len()),
    ('H', "at once, and never slow", |t| t[0] < 0.1 && intervals(t).iter().all(|&i| i < 60.0)),
    ('I', "the close pair of pulses only", |t| within(t, 30.0, 50.0) == t.len()),
    ('J', "fires in the first stretch of 1.7, is silent in the second", |t| {
        within(t, 100.0, 500.0) == 11 && within(t, 500.0, 1000.0) == 0
    }),
    ('K', "regular", |t| intervals(t).iter().all(|i| (i - 117.4).abs() < 0.1)),
    ('L', "bursts of 5, 4, 4", |t| bursts(t) == [5, 4, 4]),
    ('M', "bursts of 8, 6, 5, 5", |t| bursts(t) == [8, 6, 5, 5]),
    ('N', "one burst, then silent", |t| bursts(t).len() == 1),
    ('O', "one burst after release", |t| bursts(t).len() == 1 && within(t, 600.0, 1000.0) == t.len()),
    ('P', "a burst, single spikes at the end", |t| {
        bursts(t).first().is_some_and(|&first| first >= 5) && bursts(t).ends_with(&[1; 9])
    }),
    ('Q', "depolarised, then hyperpolarised", |t| within(t, 0.0, 15.0) == t.len()),
    ('R', "one pulse switches on, the other off", |t| within(t, 10.0, 100.0) == 15 && within(t, 115.0, 200.0) == 0),
    ('S', "one for the pair 10 ms apart, two for that 50 ms apart", |t| {
        within(t, 0.0, 100.0) == 1 && within(t, 400.0, 500.0) == 2
    }),
    ('T', "long after the pulse", |t| within(t, 12.0, 50.0) == t.len()),
];

fn intervals(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// How many spikes fall into a window.
fn within(times: &[f64], from: f64, to: f64) -> usize {
    times.iter().filter(|&&t| from <= t && t < to).count()
}

/// The sizes of groups of spikes less than 20 ms apart.
fn bursts(times: &[f64]) -> Vec<usize> {
    let mut sizes = Vec::new();
    for (k, &time) in times.iter().enumerate() {
        match sizes.last_mut() {
            Some(size) if k > 0 && time - times[k - 1] < 20.0 => *size += 1,
            _ => sizes.push(1),
        }
    }
    sizes
}

/// The steps of a millisecond.
const GRID: usize = 100;

/// Spike times of all patterns, and V of neuron Q at the end of every millisecond.
fn run<R: Real>() -> (Vec<Vec<f64>>, Vec<f64>) {
    let n = PATTERNS.len();
    let dt = 1.0 / GRID as f64;
    let column = |of: fn(&Pattern) -> f64| PATTERNS.iter().map(of).collect::<Vec<f64>>();
    // Hz are 1e-3/ms.
    let values = [("a", column(|p| 1e-3 * p.a)), ("A1", column(|p| p.jumps[0])), ("A2", column(|p| p.jumps[1]))];
    let mut cells: Cells<R> = cells_with(&neuron("mihalas_niebur.snn", "MihalasNiebur"), n, dt, &values);
    for (k, name) in ["V", "Th"].into_iter().enumerate() {
        for (x, pattern) in cells.state_mut(name).unwrap_or_default().iter_mut().zip(&PATTERNS) {
            *x = R::from_f64(pattern.start()[k]);
        }
    }
    let afterpotentials = PATTERNS.iter().position(|p| p.letter == 'Q').unwrap_or_default();
    let length = PATTERNS.iter().map(Pattern::length).max().unwrap_or_default();
    let (mut times, mut trace) = (vec![Vec::new(); n], Vec::new());
    for ms in 0..length {
        let drives: Vec<R> = PATTERNS.iter().map(|p| R::from_f64(p.injected(ms))).collect();
        for k in 1..=GRID {
            let fired = cells.step(&[], &drives).unwrap_or_else(|e| panic!("{e}"));
            for (i, &z) in fired.iter().enumerate() {
                if z != R::ZERO && ms < PATTERNS[i].length() {
                    times[i].push(ms as f64 + k as f64 * dt);
                }
            }
        }
        trace.push(cells.state("V").unwrap_or_default()[afterpotentials].to_f64());
    }
    (times, trace)
}

fn cases() -> Vec<Case> {
    let (times, afterpotentials) = run::<f64>();
    let mut cases = Vec::new();
    for (((pattern, found), (letter, exact)), (look, looks, is_seen)) in
        PATTERNS.iter().zip(&times).zip(PATTERN_TIMES).zip(LOOKS)
    {
        assert!(pattern.letter == *letter && look == *letter);
        let mut seen = !found.is_empty() && is_seen(found);
        if pattern.letter == 'Q' {
            // After the spike at 14.65 ms, compared with the resting potential.
            let of = |from: usize, to: usize, f: fn(f64, f64) -> f64| {
                afterpotentials[from..to].iter().copied().reduce(f).unwrap_or(f64::NAN)
            };
            seen &= of(16, 40, f64::max) > -65.0 && of(40, 200, f64::min) < -71.0;
        }
        let error = found.iter().zip(*exact).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
        let spikes = |n: usize| format!("{n} spike{}", if n == 1 { "" } else { "s" });
        let off = format!("{} off by up to {error:.2} ms", spikes(found.len()));
        cases.push(Case {
            name: format!("{letter} {}", pattern.name),
            source: "exact, event by event",
            expected: format!("{}; {}", spikes(exact.len()), looks),
            found: if seen { format!("{off}; seen") } else { format!("{off}; not seen: {}", list(found, 1)) },
            tolerance: "1 ms".into(),
            verdict: Verdict::met(seen && found.len() == exact.len() && error <= 1.0),
        });
    }
    cases.extend(single_precision(&times));
    cases
}

/// Pattern B injects a millionth more than reaches the threshold: an f32 of -50 mV has steps of 4e-6 mV, and the last of the
/// way is 1e-8 mV a step.
fn single_precision(double: &[Vec<f64>]) -> Vec<Case> {
    let (times, _) = run::<f32>();
    let others = |times: &[Vec<f64>]| -> String {
        let counts = PATTERNS.iter().zip(times).filter(|(p, _)| p.letter != 'B').map(|(_, t)| t.len().to_string());
        counts.collect::<Vec<_>>().join(" ")
    };
    let mut cells = cells::<f32>(&neuron("mihalas_niebur.snn", "MihalasNiebur"), 1, 1.0 / GRID as f64, &[]);
    let mut spikes = 0;
    let mut run = |cells: &mut Cells<f32>, ms: usize| {
        for _ in 0..ms * GRID {
            spikes += usize::from(step(cells, &[], &[1.0 + 1e-6]));
        }
        (state(cells, "V"), spikes)
    };
    let (before, _) = run(&mut cells, 400);
    let (after, spikes) = run(&mut cells, 100);
    let stalls = spikes == 0 && before == after && (-50.1..-50.0).contains(&after);
    vec![
        Case {
            name: "B in f32".into(),
            source: "the same in f64",
            expected: "2 spikes".into(),
            found: if stalls { format!("stalls at {after:.4} mV, no spike") } else { format!("{spikes} spikes") },
            tolerance: "equal".into(),
            verdict: if stalls { Verdict::Limit } else { Verdict::Missed },
        },
        Case::equal("the other nineteen in f32: spikes", "the same in f64", others(double), others(&times)),
    ]
}
