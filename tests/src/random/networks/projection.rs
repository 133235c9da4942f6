//! Projections of a random network.

use super::super::choices::Choices;
use super::super::make::Unit;
use super::Weights;
use super::population::{Population, Quantity};
use std::ops::Range;

/// What a projection connects.
pub(super) struct Ends<'a> {
    pub(super) from: &'a Population,
    pub(super) to: &'a Population,
    /// Needs a delay, as it may close a cycle.
    pub(super) backwards: bool,
    /// From a layer to itself.
    pub(super) own: bool,
}

/// A synapse of the library.
struct Synapse {
    text: &'static str,
    unit: &'static str,
    size: f64,
    reads_target: bool,
    /// It has states at its source.
    at_source: bool,
}

const fn synapse(text: &'static str, unit: &'static str, size: f64, at_source: bool) -> Synapse {
    // What is measured in uS flows with the distance from the potential of the target.
    Synapse { text, unit, size, reads_target: unit.len() == 2 && unit.as_bytes()[0] == b'u', at_source }
}

const SYNAPSES: &[Synapse] = &[
    synapse("Exponential", "nA", 1.0, false),
    synapse("Exponential(tau = 3 ms)", "nA", 1.0, false),
    synapse("Alpha", "nA", 0.7, false),
    synapse("DualExponential", "nA", 0.7, false),
    synapse("ExponentialConductance(E = 30 mV)", "uS", 0.02, false),
    synapse("AlphaConductance(E = 30 mV)", "uS", 0.02, false),
    synapse("DualExponentialConductance(E = -80 mV)", "uS", 0.02, false),
    synapse("NMDA(E = 30 mV, tau_decay = 20 ms)", "uS", 0.03, false),
    synapse("NMDA_saturating(E = 30 mV, tau_decay = 20 ms)", "uS", 0.03, true),
    synapse("TsodyksMarkram(tau_rec = 20 ms, tau_facil = 10 ms)", "nA", 3.0, true),
    synapse("TsodyksMarkram(U = 0.2)", "nA", 5.0, true),
];

/// Synapses whose weights change by a rule.
const PLASTIC: &[Synapse] =
    &[synapse("PairSTDP(A_plus = 0.1, w_max = 3 nA)", "nA", 1.5, true), synapse("TripletSTDP", "nA", 0.8, true)];

/// A statement of the network.
pub(super) fn line(choices: &mut Choices, ends: Ends<'_>, weights: Weights) -> String {
    let Ends { from, to, .. } = ends;
    let synapse = through(choices, &ends, weights);
    let plastic = synapse.is_some_and(|s| PLASTIC.iter().any(|p| p.text == s.text));
    // A gap junction and layers without spikes send states.
    let gap = synapse.is_some_and(|s| s.text == "GapJunction");
    let state = (synapse.is_none() && !from.kind.states.is_empty() && (!from.kind.spikes || choices.chance(15)))
        .then(|| choices.pick(&from.kind.states).clone());
    let port = port(choices, to, synapse, from.kind.is_input && !from.kind.spikes);
    let (connectivity, sources, targets) = connectivity(choices, &ends, plastic);
    let shared = connectivity.starts_with("conv") || connectivity.starts_with("pool");

    let mut options = vec![connectivity];
    options.extend(synapse.map(|s| s.text.to_string()));
    let one_delay = shared || plastic;
    options.extend(delay(choices, ends.backwards, one_delay));
    let (size, unit) = match (synapse, &state) {
        (Some(synapse), _) => (synapse.size, format!(" {}", synapse.unit)),
        (None, Some(state)) => (port.size / state.size, quotient(port.unit, state.unit)),
        (None, None) => (port.size, spaced(port.unit)),
    };
    let size = size / if shared { 1.5 } else { 1.0 };
    let positive = gap || plastic || synapse.is_some_and(|s| s.reads_target);
    options.push(initial(choices, size, &unit, positive));
    if synapse.is_none() && choices.chance(25) {
        options.push("bias".into());
    }
    let signed = !plastic && choices.chance(15);
    if signed {
        options.push(if positive || choices.chance(50) { "sign +" } else { "sign -" }.into());
    }
    if ends.own && (gap || choices.chance(40)) {
        options.push("no_self".into());
    }
    if choices.chance(10) {
        options.push("frozen".into());
    } else if !plastic && choices.chance(10) {
        options.push(format!("lr x {}", choices.number(0.1, 2.0)));
    } else if !signed && choices.chance(10) {
        let high = rounded(2.0 * size.abs());
        options.push(format!("clip {}{unit} .. {high}{unit}", if positive { "0".into() } else { format!("-{high}") }));
    }
    let signal = state.map_or_else(String::new, |s| format!(".{}", s.name));
    let ends = (part(choices, sources, from.size), part(choices, targets, to.size));
    let (from, to, port) = (from.name, to.name, &port.name);
    format!("{from}{}{signal} -> {to}{}.{port} : {}", ends.0, ends.1, options.join(", "))
}

static GAP: Synapse = synapse("GapJunction", "uS", 0.02, false);

/// The synapse of a projection, if it has one.
fn through(choices: &mut Choices, ends: &Ends<'_>, weights: Weights) -> Option<&'static Synapse> {
    let Ends { from, to, .. } = ends;
    let voltage = |p: &Population| p.kind.states.iter().any(|s| s.name == "V" && s.unit == Unit::Voltage);
    let into_drive = to.kind.drives.iter().any(|d| d.unit == Unit::Current);
    if !into_drive || !choices.chance(50) {
        return None;
    }
    if voltage(from) && voltage(to) && choices.chance(20) {
        return Some(&GAP);
    }
    if !from.kind.spikes {
        return None;
    }
    let wholly_sent = from.dropout.is_none();
    if weights == Weights::Plastic && to.kind.spikes && wholly_sent && choices.chance(60) {
        return Some(choices.pick(PLASTIC));
    }
    let fits = |s: &&Synapse| (voltage(to) || !s.reads_target) && (wholly_sent || !s.at_source);
    let fitting: Vec<&Synapse> = SYNAPSES.iter().filter(fits).collect();
    Some(*choices.pick(&fitting))
}

fn port(choices: &mut Choices, to: &Population, synapse: Option<&Synapse>, numbers: bool) -> Quantity {
    let currents: Vec<&Quantity> = to.kind.drives.iter().filter(|d| d.unit == Unit::Current).collect();
    if synapse.is_some() {
        return (*choices.pick(&currents)).clone();
    }
    if !to.kind.drives.is_empty() && choices.chance(if numbers { 80 } else { 15 }) {
        return choices.pick(&to.kind.drives).clone();
    }
    choices.pick(&to.kind.events).clone()
}

fn spaced(unit: Unit) -> String {
    if unit == Unit::One { String::new() } else { format!(" {}", unit.name()) }
}

fn quotient(a: Unit, b: Unit) -> String {
    if b == Unit::One { spaced(a) } else { format!("{}/{}", spaced(a), b.name()) }
}

fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

fn initial(choices: &mut Choices, size: f64, unit: &str, positive: bool) -> String {
    let value = |factor: f64| format!("{}{unit}", rounded(size * factor));
    match choices.below(if positive { 2 } else { 4 }) {
        0 if positive => format!("init uniform({}, {})", value(0.2), value(1.0)),
        0 | 2 => format!("init normal({}, {}{unit})", value(0.7), rounded(0.6 * size.abs())),
        1 => format!("init constant({})", value(choices.number(0.5, 1.0))),
        _ if size < 0.0 => format!("init uniform({}, {})", value(1.0), value(-0.3)),
        _ => format!("init uniform({}, {})", value(-0.3), value(1.0)),
    }
}

fn delay(choices: &mut Choices, needed: bool, one: bool) -> Option<String> {
    if !needed && !choices.chance(40) {
        return None;
    }
    Some(match choices.below(if one { 5 } else { 7 }) {
        0 => "delay 1 step".into(),
        1 => "delay 2 steps".into(),
        2 => "delay 3 steps".into(),
        3 | 4 => format!("delay {} ms", choices.number(0.2, 4.0)),
        _ => {
            let low = choices.number(0.3, 2.0);
            format!("delay uniform({low} ms, {} ms)", rounded(low + choices.number(0.5, 3.0)))
        }
    })
}

/// The kind of connectivity, and the parts that it connects.
fn connectivity(choices: &mut Choices, ends: &Ends<'_>, own_weights: bool) -> (String, Range<usize>, Range<usize>) {
    let (all, whole) = (0..ends.from.size, 0..ends.to.size);
    if let (Some(from), Some(to)) = (ends.from.grid, ends.to.grid) {
        let windows = windows(from, to);
        if !own_weights && !windows.is_empty() && choices.chance(75) {
            return (choices.pick(&windows).clone(), all, whole);
        }
    }
    let range = |choices: &mut Choices, n: usize| match choices.chance(25) {
        true => {
            let low = choices.below(n);
            low..low + 1 + choices.below(n - low)
        }
        false => 0..n,
    };
    let (mut sources, mut targets) = (range(choices, all.end), range(choices, whole.end));
    // Without connections to itself a neuron has one partner fewer.
    let fewer = usize::from(ends.own);
    let text = match choices.below(5) {
        1 => {
            let n = sources.len().min(targets.len());
            (sources.end, targets.end) = (sources.start + n, targets.start + n);
            "one_to_one".into()
        }
        2 => format!("random({}{})", choices.number(0.3, 1.0), seed(choices)),
        3 if sources.len() > fewer => {
            format!("fixed_indegree({}{})", 1 + choices.below(sources.len() - fewer), seed(choices))
        }
        4 if targets.len() > fewer => {
            format!("fixed_outdegree({}{})", 1 + choices.below(targets.len() - fewer), seed(choices))
        }
        _ => "dense".into(),
    };
    (text, sources, targets)
}

fn seed(choices: &mut Choices) -> String {
    if choices.chance(50) { format!(", seed = {}", choices.below(100)) } else { String::new() }
}

/// All windows that lead from one grid to another.
fn windows(from: [usize; 3], to: [usize; 3]) -> Vec<String> {
    let line = from[1] == 1 && to[1] == 1;
    let mut found = Vec::new();
    for (height, width) in (1..4).flat_map(|h| (1..4).map(move |w| (h, w))) {
        if line && height != width {
            continue;
        }
        let size = if height == width { format!("{width}") } else { format!("{height}, {width}") };
        for (stride, padding) in [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0)] {
            let side = |n: usize, k: usize, p: usize| (n + 2 * p).checked_sub(k).map(|rest| rest / stride + 1);
            let (kernel, border) = if line { (1, 0) } else { (height, padding) };
            if (side(from[1], kernel, border), side(from[2], width, padding)) != (Some(to[1]), Some(to[2])) {
                continue;
            }
            found.push(match (stride, padding) {
                (1, 0) => format!("conv({size})"),
                _ => format!("conv({size}, stride = {stride}, padding = {padding})"),
            });
            if padding == 0 && from[0] == to[0] {
                found.push(format!("pool({size}, stride = {stride})"));
            }
        }
    }
    found
}

/// The brackets of a part.
fn part(choices: &mut Choices, range: Range<usize>, size: usize) -> String {
    match (range.start, range.end) {
        (0, end) if end == size => String::new(),
        (0, end) if choices.chance(50) => format!("[.. {end}]"),
        (start, end) if end == size && choices.chance(50) => format!("[{start} ..]"),
        (start, end) => format!("[{start} .. {end}]"),
    }
}
