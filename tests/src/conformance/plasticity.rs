//! What pairs and triplets of spikes change, against the closed forms of the rules.

use super::rig::worse;
use super::{Case, Group};
use crate::plasticity::{DT, SOURCES, pairs, train, weights};
use crate::smooth::network;
use snn_runtime::math::exp;

pub(super) const GROUP: Group = Group {
    title: "Changes of weights",
    text: "41 sources with one spike each, every 4 ms, and a target that spikes at given times at the ends of steps: the changes of all\n\
           weights in nA. dt = 0.1 ms.",
    cases,
};

/// The steps at whose ends the target spikes.
const TARGET: [u32; 3] = [499, 699, 999];

/// When source k spikes, in steps: from 20 to 180 ms.
fn step_of(source: usize) -> u32 {
    200 + 40 * source as u32
}

/// The largest difference of a change from the rule, which is told the time of the source and those of the target in ms.
fn error(synapse: &str, target: &[u32], rule: fn(f64, &[f64]) -> f64) -> f64 {
    let sources: Vec<(u32, u32)> = (0..SOURCES).map(|k| (step_of(k), k as u32)).collect();
    let told: Vec<(u32, u32)> = target.iter().map(|&step| (step, 0)).collect();
    let found = weights(&network(&pairs(synapse)), &[train(&sources), train(&told), train(&[])]);
    // The end of a step is the beginning of the next.
    let times: Vec<f64> = target.iter().map(|&step| DT * f64::from(step + 1)).collect();
    let errors = found.iter().enumerate().map(|(k, w)| (w - 0.5 - rule(DT * f64::from(step_of(k)), &times)).abs());
    errors.fold(if found.len() == SOURCES { 0.0 } else { f64::NAN }, worse)
}

/// The window of Song, Miller and Abbott (2000), summed over all pairs; at the same time the target is first.
fn pair(source: f64, target: &[f64]) -> f64 {
    let window = |d: f64| if d > 1e-9 { 0.01 * exp(-d / 20.0) } else { -0.0105 * exp(d / 20.0) };
    target.iter().map(|t| window(t - source)).sum()
}

/// Pfister and Gerstner (2006), the minimal model of visual cortex: pairs weaken, triplets with two spikes of the target
/// strengthen.
fn triplet(source: f64, target: &[f64]) -> f64 {
    let mut change = 0.0;
    for &t in target {
        if t <= source + 1e-9 {
            change -= 7.1e-3 * exp(-(source - t) / 33.7);
        } else {
            let before: f64 = target.iter().filter(|&&s| s < t).map(|s| exp(-(t - s) / 114.0)).sum();
            change += 6.5e-3 * exp(-(t - source) / 16.8) * before;
        }
    }
    change
}

fn cases() -> Vec<Case> {
    let case = |name: &str, source, error| Case::error(name, source, "the closed form", error, 1e-12);
    let (song, pfister) = ("Song, Miller and Abbott 2000", "Pfister and Gerstner 2006");
    vec![
        case("`PairSTDP`: pairs with one spike of the target", song, error("PairSTDP", &TARGET[2..], pair)),
        case("`PairSTDP`: all pairs with three spikes of the target", song, error("PairSTDP", &TARGET, pair)),
        case("`TripletSTDP`: a pair, which only weakens", pfister, error("TripletSTDP", &TARGET[2..], triplet)),
        case(
            "`TripletSTDP`: triplets with two spikes of the target",
            pfister,
            error("TripletSTDP", &TARGET[1..], triplet),
        ),
        case("`TripletSTDP`: with three spikes of the target", pfister, error("TripletSTDP", &TARGET, triplet)),
    ]
}
