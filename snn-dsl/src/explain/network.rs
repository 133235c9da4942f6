//! The structure of one network: sizes, parameters, initial weights, delays, losses.

use super::{columns, section};
use crate::derive::Derived;
use crate::expr::{ExprId, Leaf, Node, number};
use crate::model::{
    Connectivity, Delay, Model, Network, Observable, Program, ProgramNode, Projection, Reduction, Window,
};
use std::ops::Range;

pub(super) fn explain(model: &Model, derived: &[Derived], network: &Network, out: &mut String) {
    out.push_str(&format!("network {}\n", network.name));
    for line in &network.docs {
        out.push_str(format!("  {line}").trim_end());
        out.push('\n');
    }
    let time = format!(
        "dt = {} ms, {} steps, {} ms",
        number(network.dt),
        network.steps,
        number(network.dt * network.steps as f64)
    );
    section(out, "time", [time]);
    let grid = |grid: Option<[usize; 3]>| grid.map_or_else(String::new, |[c, h, w]| format!(" ({c} x {h} x {w})"));
    let inputs = network.inputs.iter().map(|i| {
        let kind = if i.is_values { ", values" } else { "" };
        vec![format!("input {}", i.name), format!("{} channels{}{kind}", i.size, grid(i.grid))]
    });
    let mut rows: Vec<Vec<String>> = inputs.collect();
    for layer in &network.layers {
        let name = model.neurons.get(layer.neuron).map(|n| n.name.clone()).unwrap_or_default();
        let dropout = if layer.dropout > 0.0 { format!(", dropout {}", number(layer.dropout)) } else { String::new() };
        let size = format!("{} neurons{}", layer.size, grid(layer.grid));
        rows.push(vec![format!("layer {}", layer.name), size, name + &dropout]);
    }
    for target in &network.targets {
        let kind = if target.is_class { "classes" } else { "values" };
        let over_time = if target.over_time { " over time" } else { "" };
        rows.push(vec![format!("target {}", target.name), format!("{} {kind}{over_time}", target.size)]);
    }
    section(out, "populations, in the order of a step", columns(rows));
    let mut total = 0;
    let mut rows = Vec::new();
    for projection in &network.projections {
        let (from, to) = (projection.sources.len(), projection.targets.len());
        let (weights, count) = weights(projection, from, to);
        let biases = if projection.bias { projection.connectivity.biases(to) } else { 0 };
        if !projection.frozen && projection.tied.is_none() {
            total += count + biases;
        }
        let lead = projection.tied.and_then(|k| network.projections.get(k));
        let unit = projection.unit.base_unit();
        let unit = if unit.is_empty() { "1".into() } else { unit };
        rows.push(vec![
            projection.name.clone(),
            format!(
                "{} -> {}",
                end(from, network.part_of_source(projection)),
                end(to, network.part_of_target(projection))
            ),
            connectivity(&projection.connectivity),
            format!("{weights} weights{}", if projection.bias { format!(" + {biases} biases") } else { String::new() }),
            unit,
            delay(projection.delay, network.dt),
            match lead {
                Some(lead) => format!("the weights of {}", lead.name),
                None => format!("init {}", projection.initial_text),
            },
            options(projection),
            projection.through.clone(),
        ]);
    }
    section(out, "projections", columns(rows));
    let mut rows = Vec::new();
    for layer in &network.layers {
        let Some((neuron, derived)) = model.neurons.get(layer.neuron).zip(derived.get(layer.neuron)) else { continue };
        for stored in &derived.stored {
            let Some(parameter) = neuron.parameters.get(stored.parameter) else { continue };
            let count = if stored.per_neuron { layer.size } else { 1 };
            if stored.trainable {
                total += count;
            }
            let state = if stored.trainable { "trained" } else { "fixed" };
            rows.push(vec![format!("{}.{}", layer.name, parameter.quantity.name), format!("{count}"), state.into()]);
        }
    }
    section(out, "stored neuron parameters", columns(rows));
    let read = network
        .projections
        .iter()
        .any(|p| matches!(p.connectivity, Connectivity::Edges { .. }) && !p.frozen && p.tied.is_none());
    let read = if read { ", and a weight for each connection in a file" } else { "" };
    section(out, "trained numbers", [format!("{total}{read}")]);
    let program = &network.program;
    section(out, "loss", program.losses.iter().map(|(text, _)| text.clone()));
    section(out, "losses and readouts as arrays per sample (n: node)", program_lines(model, network, program));
    if !program.losses.is_empty() {
        let coupled = program.losses.iter().any(|loss| Program::is_coupled(&program.nodes, loss.1));
        let line = if coupled {
            "no: a mean over the samples takes two passes, all forward, then all forward and backward"
        } else {
            "yes: every sample runs forward and backward on its own"
        };
        section(out, "separable", [line.to_string()]);
    }
}

/// The neurons of one end of a projection.
fn end(size: usize, part: Option<Range<usize>>) -> String {
    match part {
        Some(part) => format!("{size} ({} .. {})", part.start, part.end),
        None => size.to_string(),
    }
}

/// The number of weights as text, and itself; where connections are drawn, that is expected.
fn weights(projection: &Projection, from: usize, to: usize) -> (String, usize) {
    match projection.connectivity.weights(from, to) {
        Some(shape) => {
            let count = shape.iter().product();
            (format!("{count}"), count)
        }
        None => {
            let Connectivity::Random { probability, .. } = projection.connectivity else { return ("listed".into(), 0) };
            let count = (from as f64 * to as f64 * probability).round() as usize;
            (format!("about {count}"), count)
        }
    }
}

fn connectivity(kind: &Connectivity) -> String {
    let pair = |[a, b]: [usize; 2]| format!("{a} x {b}");
    match *kind {
        Connectivity::Dense => "dense".into(),
        Connectivity::OneToOne => "one to one".into(),
        Connectivity::Random { probability, seed } => format!("random({}), seed {seed}", number(probability)),
        Connectivity::FixedIndegree { count, seed } => format!("{count} sources each, seed {seed}"),
        Connectivity::FixedOutdegree { count, seed } => format!("{count} targets each, seed {seed}"),
        Connectivity::Edges { ref file } => format!("edges of {file:?}"),
        Connectivity::Convolution(w) => {
            let (kernel, stride, padding) = (pair(w.kernel), pair(w.stride), pair(w.padding));
            format!("convolution {kernel}, stride {stride}, padding {padding}")
        }
        Connectivity::Pool(w) => format!("pool {}, stride {}", pair(w.kernel), pair(w.stride)),
    }
}

fn delay(delay: Delay, dt: f64) -> String {
    match delay {
        Delay::Steps(0) => "same step".into(),
        Delay::Steps(1) => "delay 1 step".into(),
        Delay::Steps(n) => format!("delay {n} steps"),
        Delay::Uniform { low, high } => format!("delay {} .. {} ms", number(low), number(high)),
        Delay::Time(time) => format!("delay {} ms = {} steps", number(time), (time / dt).round().max(1.0)),
    }
}

fn options(projection: &Projection) -> String {
    let mut words = Vec::new();
    match projection.sign {
        Some(true) => words.push("sign +"),
        Some(false) => words.push("sign -"),
        None => {}
    }
    if projection.no_self {
        words.push("no_self");
    }
    if projection.frozen {
        words.push("frozen");
    }
    let mut words: Vec<String> = words.into_iter().map(String::from).collect();
    if projection.rate != 1.0 {
        words.push(format!("lr x {}", number(projection.rate)));
    }
    let [low, high] = projection.clip.map(|end| if end.is_finite() { number(end) } else { String::new() });
    if !(low.is_empty() && high.is_empty()) {
        words.push(format!("clip {low} .. {high}").trim_end().to_string());
    }
    words.join(", ")
}

fn window(window: Window) -> String {
    let mut text = String::new();
    if let Some(from) = window.from {
        text.push_str(&format!(", from {} ms", number(from)));
    }
    if let Some(to) = window.to {
        text.push_str(&format!(", to {} ms", number(to)));
    }
    text
}

fn program_lines(model: &Model, network: &Network, program: &Program) -> Vec<String> {
    let reduction = |r: Reduction| match r {
        Reduction::Max => "max",
        Reduction::Mean => "mean",
        Reduction::Sum => "sum",
        Reduction::Last => "last",
        Reduction::First => "first_spike",
    };
    let mut lines: Vec<String> = Vec::new();
    for (k, node) in program.nodes.iter().enumerate() {
        let text = match node {
            ProgramNode::Observe { layer, observable } => observed(model, network, *layer, *observable),
            ProgramNode::Map { inputs, function } => map_text(program, inputs, *function, &mut lines),
            ProgramNode::ReduceTime { input, reduction: r, window: w } => {
                format!("{}_t(n{input}{})", reduction(*r), window(*w))
            }
            ProgramNode::ReduceNeuron { input, reduction: r } => format!("{}_n(n{input})", reduction(*r)),
            ProgramNode::MeanSamples { input } => format!("mean_b(n{input})"),
            ProgramNode::CrossEntropy { logits, target, window: w } => {
                format!("cross_entropy(n{logits}, {}{})", target_name(network, *target), window(*w))
            }
            ProgramNode::MeanSquaredError { output, target, window: w } => {
                format!("mse(n{output}, {}{})", target_name(network, *target), window(*w))
            }
        };
        lines.push(format!("n{k} = {text}"));
    }
    lines.extend(program.losses.iter().map(|(_, node)| format!("loss n{node}")));
    lines.extend(program.readouts.iter().map(|(name, node, _)| format!("readout {name} = n{node}")));
    lines
}

fn observed(model: &Model, network: &Network, layer: usize, observable: Observable) -> String {
    let Some(layer) = network.layers.get(layer) else { return String::new() };
    let state = match observable {
        Observable::Spikes => Some("spike".to_string()),
        Observable::Output(k) => {
            let output = model.neurons.get(layer.neuron).and_then(|n| n.outputs.get(k));
            output.map(|o| o.quantity.name.clone())
        }
        Observable::State(s) => {
            let neuron = model.neurons.get(layer.neuron);
            neuron.and_then(|n| n.states.get(s)).map(|s| s.quantity.name.clone())
        }
    };
    format!("{}.{}", layer.name, state.unwrap_or_default())
}

fn target_name(network: &Network, target: usize) -> String {
    network.targets.get(target).map(|t| t.name.clone()).unwrap_or_default()
}

/// The text of an elementwise function; what it repeats gets names in `lines` if it is long.
fn map_text(program: &Program, inputs: &[usize], function: ExprId, lines: &mut Vec<String>) -> String {
    let name = |id| match program.arena.node(id) {
        Node::Leaf(Leaf::Argument(i)) => inputs.get(usize::from(i)).map(|n| format!("n{n}")),
        _ => None,
    };
    let mut short = program.arena.abbreviations(&[function], &name);
    lines.extend(short.before(&program.arena, function, &name));
    short.show(&program.arena, function, &name)
}
