//! The identity of a network in saved files: whether trained numbers mean the same.
//!
//! The hash is taken of the structure of what a step computes, never of text: names of states, parameters and `let`s that
//! are no names of tensors, comments, the wording of `explain` and the order of the compiler's work do not enter.

use super::{Derived, MatrixFunction, Transform, derive};
use crate::expr::{Arena, ExprId, Leaf, Node, Operation};
use crate::model::{Connectivity, Delay, Layer, Model, Network, Neuron, Projection, Signal, Sliding, Source, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Sixteen hexadecimal digits that change when the meaning of the trained numbers of a network changes: sizes,
/// projections, equations, constants, ranges of trained parameters, names of tensors; not losses, surrogates, starting
/// values of trained numbers or the time grid.
pub fn identity(model: &Model, network: &Network) -> String {
    // Layers may share a model, which is derived once.
    let used: BTreeSet<usize> = network.layers.iter().map(|l| l.neuron).collect();
    let derived: BTreeMap<usize, Derived> =
        used.into_iter().filter_map(|k| Some((k, derive(model.neurons.get(k)?)))).collect();
    identity_of(model, network, |k| derived.get(&k))
}

/// The same of models that are derived already, by index.
pub(crate) fn identity_of<'d>(
    model: &Model,
    network: &Network,
    derived: impl Fn(usize) -> Option<&'d Derived>,
) -> String {
    let mut hash = Hash::of("network");
    for input in &network.inputs {
        hash = hash.text("input").text(&input.name).count(input.size);
        if input.is_values {
            hash = hash.text("values");
        }
    }
    for layer in &network.layers {
        hash = hash.text("layer").text(&layer.name).count(layer.size);
        if let (Some(neuron), Some(derived)) = (model.neurons.get(layer.neuron), derived(layer.neuron)) {
            hash = hash.number(neuron_identity(neuron, derived, layer).0);
        }
    }
    for p in &network.projections {
        hash = projection(hash, model, network, p);
    }
    format!("{:016x}", hash.0)
}

fn projection(hash: Hash, model: &Model, network: &Network, p: &Projection) -> Hash {
    let source = match p.source {
        Source::Input(i) => network.inputs.get(i).map(|s| s.name.as_str()),
        Source::Layer(i) => network.layers.get(i).map(|s| s.name.as_str()),
    };
    let target = network.layers.get(p.target);
    let port = target.and_then(|l| model.neurons.get(l.neuron)).and_then(|n| n.port(p.port));
    let hash = hash
        .text("projection")
        .text(&p.name)
        .text(source.unwrap_or_default())
        .text(target.map_or("", |l| l.name.as_str()))
        .text(port.map_or("", |q| q.name.as_str()));
    let hash = match p.delay {
        Delay::Steps(steps) => hash.text("steps").count(steps),
        Delay::Time(time) => hash.text("ms").value(time),
        Delay::Uniform { low, high } => hash.text("uniform").value(low).value(high),
    };
    let hash = match &p.plasticity {
        Some(rule) => rule.states.iter().fold(hash.text("plastic"), |hash, state| hash.text(&state.0)),
        None => hash,
    };
    let hash = match p.tied {
        Some(with) => hash.text("tied").count(with),
        None => hash,
    };
    // What is usual counts for nothing.
    let hash = match network.part_of_source(p) {
        Some(part) => hash.text("sources").count(part.start).count(part.end),
        None => hash,
    };
    let hash = match network.part_of_target(p) {
        Some(part) => hash.text("targets").count(part.start).count(part.end),
        None => hash,
    };
    let hash = match p.signal {
        Signal::Spikes => hash,
        Signal::State(state) => hash.text("state").count(state),
        Signal::Output(output) => hash.text("output").count(output),
    };
    let window = |hash: Hash, w: Sliding| {
        let sides = w.source.into_iter().chain(w.target).chain(w.kernel).chain(w.stride).chain(w.padding);
        sides.fold(hash, Hash::count)
    };
    let hash = match p.connectivity {
        Connectivity::Dense => hash,
        // Which connections are there is in the file; their number is in the shape of the weights.
        Connectivity::Edges { ref file } => hash.text("edges").text(file),
        Connectivity::OneToOne => hash.text("one_to_one"),
        Connectivity::Random { probability, seed } => hash.text("random").value(probability).number(seed),
        Connectivity::FixedIndegree { count, seed } => hash.text("fixed_indegree").count(count).number(seed),
        Connectivity::FixedOutdegree { count, seed } => hash.text("fixed_outdegree").count(count).number(seed),
        Connectivity::Convolution(w) => window(hash.text("conv"), w),
        Connectivity::Pool(w) => window(hash.text("pool"), w),
    };
    let sign = match p.sign {
        None => "any",
        Some(true) => "+",
        Some(false) => "-",
    };
    let bias = match (p.bias, &p.connectivity) {
        (false, _) => "",
        (true, Connectivity::Convolution(_)) => "bias of channels",
        (true, _) => "bias",
    };
    hash.text(bias).text(sign).text(if p.no_self { "no_self" } else { "" })
}

/// What the neurons of a layer compute.
fn neuron_identity(neuron: &Neuron, derived: &Derived, layer: &Layer) -> Hash {
    let mut hash = Hash::of("neuron");
    for stored in &derived.stored {
        let Some(parameter) = neuron.parameters.get(stored.parameter) else { continue };
        hash = hash.text("stored").text(&parameter.quantity.name).text(if stored.per_neuron { "each" } else { "all" });
        hash = match Transform::of(parameter) {
            Transform::Raw => hash.text("raw"),
            Transform::Logit(low, high) => hash.text("logit").value(low).value(high),
            Transform::Above(low) => hash.text("above").value(low),
            Transform::Below(high) => hash.text("below").value(high),
        };
    }
    let mut expressions = Expressions { neuron, derived, layer, coefficients: Vec::new(), propagators: Vec::new() };
    for propagator in &derived.propagators {
        // Every entry of an exponential depends on every entry of the matrix.
        let entries = expressions.hashes(propagator.entries.iter().copied());
        let function = match propagator.function {
            MatrixFunction::Propagator => "exponential",
            MatrixFunction::NoiseFactor => "noise_factor",
        };
        let matrix = entries.into_iter().fold(Hash::of(function), Hash::number).count(propagator.states);
        expressions.propagators.extend((0..propagator.entries.len()).map(|k| matrix.count(k).0));
    }
    expressions.coefficients = expressions.hashes(derived.coefficients.iter().map(|c| c.value));
    let initial = derived.initial.iter().filter_map(|&k| expressions.coefficients.get(k));
    for &start in initial {
        hash = hash.text("start").number(start);
    }
    let step = &derived.step;
    // What only losses read is no part of what numbers mean; relays have nothing else.
    let sent = step.outputs.iter().copied().filter(|_| step.threshold.is_none() && neuron.name.contains("_pre"));
    let results = step.end.iter().copied().chain(step.threshold.map(|t| t.fires)).chain(sent);
    for result in expressions.hashes(results) {
        hash = hash.text("result").number(result);
    }
    for duration in expressions.hashes(neuron.refractory.iter().map(|r| r.duration)) {
        hash = hash.text("refractory").number(duration);
    }
    hash
}

/// Hashes expressions of one neuron in one layer.
struct Expressions<'a> {
    neuron: &'a Neuron,
    derived: &'a Derived,
    layer: &'a Layer,
    /// Of the values of the coefficients: what is hoisted counts as if it stood in the step.
    coefficients: Vec<u64>,
    /// Of the entries of matrix exponentials.
    propagators: Vec<u64>,
}

impl Expressions<'_> {
    fn hashes(&self, roots: impl Iterator<Item = ExprId>) -> Vec<u64> {
        let arena = &self.derived.arena;
        let roots: Vec<ExprId> = roots.collect();
        let mut known: BTreeMap<ExprId, u64> = BTreeMap::new();
        // Children come before their parents.
        for id in arena.reachable(roots.iter().copied()) {
            let hash = self.node(arena, id, |child| known.get(&child).copied().unwrap_or_default());
            known.insert(id, hash);
        }
        roots.iter().map(|root| known.get(root).copied().unwrap_or_default()).collect()
    }

    fn node(&self, arena: &Arena, id: ExprId, child: impl Fn(ExprId) -> u64) -> u64 {
        let hash = match arena.node(id) {
            Node::Leaf(leaf) => return self.leaf(leaf),
            // Forwards, nothing is detached, and a spike is 0 or 1 however its distance is scaled.
            Node::Detach(a) => return child(a),
            Node::Spike(_) => return Hash::of("spike").0,
            Node::Constant(bits) => return Hash::of("constant").value(f64::from_bits(bits)).0,
            Node::Truth(truth) => Hash::of(if truth { "true" } else { "false" }),
            Node::Negate(_) => Hash::of("negate"),
            Node::Apply(function, _) => Hash::of(function.name()),
            Node::Binary(operation, ..) => Hash::of(match operation {
                Operation::Add => "+",
                Operation::Subtract => "-",
                Operation::Multiply => "*",
                Operation::Divide => "/",
                Operation::Power => "^",
            }),
            Node::Compare(comparison, ..) => Hash::of(comparison.symbol()),
            Node::And(..) => Hash::of("and"),
            Node::Or(..) => Hash::of("or"),
            Node::Not(_) => Hash::of("not"),
            Node::Select(..) => Hash::of("if"),
        };
        arena.children(id).fold(hash, |hash, of| hash.number(child(of))).0
    }

    fn leaf(&self, leaf: Leaf) -> u64 {
        let hash = match leaf {
            Leaf::Parameter(i) => return self.parameter(usize::from(i)),
            Leaf::Coefficient(k) => return self.coefficients.get(k as usize).copied().unwrap_or_default(),
            Leaf::State(i) => Hash::of("state").count(usize::from(i)),
            Leaf::Event(i) => match self.neuron.events.get(usize::from(i)) {
                // Ports count by name, as the tensors of their projections do.
                Some(port) => Hash::of("event").text(&port.name),
                None => Hash::of("event"),
            },
            Leaf::Drive(i) => Hash::of("drive").count(usize::from(i)),
            Leaf::Noise(i) => Hash::of("noise").count(usize::from(i)),
            Leaf::Propagator(k) => return self.propagators.get(k as usize).copied().unwrap_or_default(),
            Leaf::Dt => Hash::of("dt"),
            Leaf::Refractory => Hash::of("refractory"),
            // No step reads these.
            Leaf::Stored(_)
            | Leaf::Argument(_)
            | Leaf::StateAdjoint(_)
            | Leaf::SpikeAdjoint
            | Leaf::SignalAdjoint(_)
            | Leaf::OutputAdjoint(_)
            | Leaf::PropagatorAdjoint(_) => Hash::of("other"),
        };
        hash.0
    }

    /// A stored parameter is a tensor and counts by its name, any other by its value in the layer.
    fn parameter(&self, index: usize) -> u64 {
        let Some(parameter) = self.neuron.parameters.get(index) else { return Hash::of("parameter").0 };
        if self.derived.stored.iter().any(|s| s.parameter == index) {
            return Hash::of("parameter").text(&parameter.quantity.name).0;
        }
        match self.neuron.value(index, &self.layer.values) {
            Some(Value::Constant(value)) => Hash::of("constant").value(value).0,
            // A drawn parameter is stored.
            _ => Hash::of("drawn").0,
        }
    }
}

/// FNV-1a, 64 bits, of parts that cannot run into each other.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn of(text: &str) -> Self {
        Hash(0xcbf2_9ce4_8422_2325).text(text)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        Hash(bytes.iter().fold(self.0, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn text(self, text: &str) -> Self {
        self.count(text.len()).bytes(text.as_bytes())
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    fn count(self, count: usize) -> Self {
        self.number(count as u64)
    }

    /// A zero is a zero, whatever its sign.
    fn value(self, value: f64) -> Self {
        self.number(if value == 0.0 { 0 } else { value.to_bits() })
    }
}

#[cfg(test)]
mod tests;
