//! The twenty firing patterns of the Mihalas–Niebur neuron, from one model text: twenty neurons that differ in three
//! parameters and in what is injected.

use super::reference::PATTERNS;
use super::rig::{cells, cells_with, list, neuron, state, step};
use super::{Case, Group, Verdict};
use snn_runtime::{Cells, Real};

pub(super) const GROUP: Group = Group {
    title: "Twenty firing patterns",
    text: "`MihalasNiebur` with the protocols of Mihalas and Niebur (2009, table 1). Expected are the number of spikes and what the\n\
           pattern is named for; spike times are compared with those of exact solutions between spikes, without a grid, and may be\n\
           1 ms off. dt = 0.01 ms.",
    cases,
};

/// One pattern.
struct Pattern {
    letter: char,
    name: &'static str,
    /// a in Hz, A1 and A2 in mV/ms.
    parameters: [f64; 3],
    /// I_ext in mV/ms, and for how many ms.
    protocol: &'static [(f64, usize)],
    /// What must be seen.
    looks: &'static str,
    /// Whether it is, in the spike times in ms.
    seen: fn(&[f64]) -> bool,
}

const PROTOCOLS: [Pattern; 20] = [
    Pattern {
        letter: 'A',
        name: "tonic spiking",
        parameters: [0.0, 0.0, 0.0],
        protocol: &[(1.5, 200)],
        looks: "regular",
        seen: |t| intervals(t).iter().all(|i| (i - 22.0).abs() < 0.1),
    },
    Pattern {
        letter: 'B',
        name: "class 1",
        parameters: [0.0, 0.0, 0.0],
        protocol: &[(1.0 + 1e-6, 500)],
        looks: "as slow as one likes",
        seen: |t| t[0] > 200.0 && intervals(t).iter().all(|&i| i > 250.0),
    },
    Pattern {
        letter: 'C',
        name: "spike-frequency adaptation",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(2.0, 200)],
        looks: "intervals grow",
        seen: |t| intervals(t).windows(2).all(|i| i[1] > i[0] + 0.5),
    },
    Pattern {
        letter: 'D',
        name: "phasic spiking",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(1.5, 500)],
        looks: "then silent",
        seen: |t| within(t, 0.0, 200.0) == t.len(),
    },
    Pattern {
        letter: 'E',
        name: "accommodation",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(1.5, 100), (0.0, 500), (0.5, 100), (1.0, 100), (1.5, 100), (0.0, 100)],
        looks: "in the first step only, none on the stairs",
        seen: |t| within(t, 0.0, 100.0) == t.len(),
    },
    Pattern {
        letter: 'F',
        name: "threshold variability",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(1.5, 20), (0.0, 180), (-1.5, 25), (0.0, 25), (1.5, 25), (0.0, 125)],
        looks: "only after the hyperpolarising pulse",
        seen: |t| within(t, 250.0, 275.0) == t.len(),
    },
    Pattern {
        letter: 'G',
        name: "rebound spike",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(0.0, 50), (-3.5, 756), (0.0, 194)],
        looks: "after release",
        seen: |t| within(t, 806.0, 1000.0) == t.len(),
    },
    Pattern {
        letter: 'H',
        name: "class 2",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(2.0 * (1.0 + 1e-6), 300)],
        looks: "at once, and never slow",
        seen: |t| t[0] < 0.1 && intervals(t).iter().all(|&i| i < 60.0),
    },
    Pattern {
        letter: 'I',
        name: "integrator",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(1.5, 20), (0.0, 10), (1.5, 20), (0.0, 250), (1.5, 20), (0.0, 20), (1.5, 20), (0.0, 40)],
        looks: "the close pair of pulses only",
        seen: |t| within(t, 30.0, 50.0) == t.len(),
    },
    Pattern {
        letter: 'J',
        name: "input bistability",
        parameters: [5.0, 0.0, 0.0],
        protocol: &[(1.5, 100), (1.7, 400), (1.5, 100), (1.7, 400)],
        looks: "fires in the first stretch of 1.7, is silent in the second",
        seen: |t| within(t, 100.0, 500.0) == 11 && within(t, 500.0, 1000.0) == 0,
    },
    Pattern {
        letter: 'K',
        name: "hyperpolarisation-induced spiking",
        parameters: [30.0, 0.0, 0.0],
        protocol: &[(-1.0, 400)],
        looks: "regular",
        seen: |t| intervals(t).iter().all(|i| (i - 117.4).abs() < 0.1),
    },
    Pattern {
        letter: 'L',
        name: "hyperpolarisation-induced bursting",
        parameters: [30.0, 10.0, -0.6],
        protocol: &[(-1.0, 400)],
        looks: "bursts of 5, 4, 4",
        seen: |t| bursts(t) == [5, 4, 4],
    },
    Pattern {
        letter: 'M',
        name: "tonic bursting",
        parameters: [5.0, 10.0, -0.6],
        protocol: &[(2.0, 500)],
        looks: "bursts of 8, 6, 5, 5",
        seen: |t| bursts(t) == [8, 6, 5, 5],
    },
    Pattern {
        letter: 'N',
        name: "phasic bursting",
        parameters: [5.0, 10.0, -0.6],
        protocol: &[(1.5, 500)],
        looks: "one burst, then silent",
        seen: |t| bursts(t).len() == 1,
    },
    Pattern {
        letter: 'O',
        name: "rebound burst",
        parameters: [5.0, 10.0, -0.6],
        protocol: &[(0.0, 100), (-3.5, 500), (0.0, 400)],
        looks: "one burst after release",
        seen: |t| bursts(t).len() == 1 && within(t, 600.0, 1000.0) == t.len(),
    },
    Pattern {
        letter: 'P',
        name: "mixed mode",
        parameters: [5.0, 5.0, -0.3],
        protocol: &[(2.0, 500)],
        looks: "a burst, single spikes at the end",
        seen: |t| bursts(t).first().is_some_and(|&first| first >= 5) && bursts(t).ends_with(&[1; 9]),
    },
    Pattern {
        letter: 'Q',
        name: "afterpotentials",
        parameters: [5.0, 5.0, -0.3],
        protocol: &[(2.0, 15), (0.0, 185)],
        looks: "depolarised, then hyperpolarised",
        seen: |t| within(t, 0.0, 15.0) == t.len(),
    },
    Pattern {
        letter: 'R',
        name: "basal bistability",
        parameters: [0.0, 8.0, -0.1],
        protocol: &[(5.0, 10), (0.0, 90), (5.0, 10), (0.0, 90)],
        looks: "one pulse switches on, the other off",
        seen: |t| within(t, 10.0, 100.0) == 15 && within(t, 115.0, 200.0) == 0,
    },
    Pattern {
        letter: 'S',
        name: "preferred frequency",
        parameters: [5.0, -3.0, 0.5],
        protocol: &[(5.0, 5), (0.0, 5), (4.0, 5), (0.0, 385), (5.0, 5), (0.0, 45), (4.0, 5), (0.0, 345)],
        looks: "one for the pair 10 ms apart, two for that 50 ms apart",
        seen: |t| within(t, 0.0, 100.0) == 1 && within(t, 400.0, 500.0) == 2,
    },
    Pattern {
        letter: 'T',
        name: "spike latency",
        parameters: [-80.0, 0.0, 0.0],
        protocol: &[(8.0, 2), (0.0, 48)],
        looks: "long after the pulse",
        seen: |t| within(t, 12.0, 50.0) == t.len(),
    },
];

impl Pattern {
    /// The length of its protocol in ms.
    fn length(&self) -> usize {
        self.protocol.iter().map(|p| p.1).sum()
    }

    /// I_ext in a millisecond.
    fn injected(&self, ms: usize) -> f64 {
        let mut end = 0;
        let segment = self.protocol.iter().find(|(_, length)| {
            end += length;
            ms < end
        });
        segment.map_or(0.0, |s| s.0)
    }
}

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
    let n = PROTOCOLS.len();
    let dt = 1.0 / GRID as f64;
    let column = |k: usize| PROTOCOLS.iter().map(|p| p.parameters[k]).collect::<Vec<f64>>();
    // Hz are 1e-3/ms.
    let a = column(0).into_iter().map(|a| 1e-3 * a).collect();
    let values = [("a", a), ("A1", column(1)), ("A2", column(2))];
    let mut cells: Cells<R> = cells_with(&neuron("mihalas_niebur.snn", "MihalasNiebur"), n, dt, &values);
    let class_2 = PROTOCOLS.iter().position(|p| p.letter == 'H').unwrap_or_default();
    for name in ["V", "Th"] {
        cells.state_mut(name).unwrap_or_default()[class_2] = R::from_f64(-30.0);
    }
    let afterpotentials = PROTOCOLS.iter().position(|p| p.letter == 'Q').unwrap_or_default();
    let length = PROTOCOLS.iter().map(Pattern::length).max().unwrap_or_default();
    let (mut times, mut trace) = (vec![Vec::new(); n], Vec::new());
    for ms in 0..length {
        let drives: Vec<R> = PROTOCOLS.iter().map(|p| R::from_f64(p.injected(ms))).collect();
        for k in 1..=GRID {
            let fired = cells.step(&[], &drives).unwrap_or_else(|e| panic!("{e}"));
            for (i, &z) in fired.iter().enumerate() {
                if z != R::ZERO && ms < PROTOCOLS[i].length() {
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
    for ((pattern, found), (letter, exact)) in PROTOCOLS.iter().zip(&times).zip(PATTERNS) {
        assert_eq!(pattern.letter, *letter);
        let mut seen = !found.is_empty() && (pattern.seen)(found);
        if pattern.letter == 'Q' {
            // After the spike at 14.65 ms, compared with the resting potential.
            let of = |from: usize, to: usize, f: fn(f64, f64) -> f64| {
                afterpotentials[from..to].iter().copied().reduce(f).unwrap_or(f64::NAN)
            };
            seen &= of(16, 40, f64::max) > -65.0 && of(40, 200, f64::min) < -72.0;
        }
        let error = found.iter().zip(*exact).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
        let spikes = |n: usize| format!("{n} spike{}", if n == 1 { "" } else { "s" });
        let off = format!("{} off by up to {error:.2} ms", spikes(found.len()));
        cases.push(Case {
            name: format!("{letter} {}", pattern.name),
            source: "exact, event by event",
            expected: format!("{}; {}", spikes(exact.len()), pattern.looks),
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
        let counts = PROTOCOLS.iter().zip(times).filter(|(p, _)| p.letter != 'B').map(|(_, t)| t.len().to_string());
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
