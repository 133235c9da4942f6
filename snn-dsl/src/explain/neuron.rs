//! The derivation of one neuron.

use super::{columns, section};
use crate::derive::{Derived, ErrorFilter, FilterEntry, MatrixFunction, Transform};
use crate::expr::{Abbreviations, Arena, ExprId, Leaf, Node, number};
use crate::model::{Neuron, Parameter, Value};

fn unit(text: String) -> String {
    if text.is_empty() { "1".into() } else { text }
}

/// Names for leaves as the reader knows them.
fn leaf_name(neuron: &Neuron, derived: &Derived, leaf: Leaf) -> Option<String> {
    let quantity = |list: &[crate::model::Quantity], i: u16| list.get(usize::from(i)).map(|q| q.name.clone());
    match leaf {
        Leaf::Parameter(i) => neuron.parameters.get(usize::from(i)).map(|p| p.quantity.name.clone()),
        Leaf::Stored(k) => {
            let stored = derived.stored.get(usize::from(k))?;
            neuron.parameters.get(stored.parameter).map(|p| format!("theta_{}", p.quantity.name))
        }
        Leaf::State(i) => neuron.states.get(usize::from(i)).map(|s| s.quantity.name.clone()),
        Leaf::Event(i) => quantity(&neuron.events, i),
        Leaf::Drive(i) => quantity(&neuron.drives, i),
        Leaf::Coefficient(i) => derived.coefficients.get(i as usize).map(|c| c.name.clone()),
        Leaf::StateAdjoint(i) => neuron.states.get(usize::from(i)).map(|s| format!("{}_bar", s.quantity.name)),
        Leaf::SpikeAdjoint => Some("spike_bar".into()),
        Leaf::SignalAdjoint(k) => neuron.outputs.get(usize::from(k)).map(|o| format!("{}_bar", o.quantity.name)),
        Leaf::OutputAdjoint(j) => {
            let &c = derived.differentiated.get(j as usize)?;
            derived.coefficients.get(c).map(|c| format!("{}_bar", c.name))
        }
        Leaf::Noise(i) => neuron.states.get(usize::from(i)).map(|s| format!("N_{}", s.quantity.name)),
        Leaf::Propagator(k) => Some(propagator_entry(derived, k, "")),
        Leaf::PropagatorAdjoint(k) => Some(propagator_entry(derived, k, "_bar")),
        Leaf::Dt => Some("dt".into()),
        Leaf::Refractory => Some("refractory".into()),
        Leaf::Argument(_) => Some("x".into()),
    }
}

/// `E1[2, 3]`, counted from 1 as in mathematics: an entry of the first function of a matrix.
pub(crate) fn propagator_entry(derived: &Derived, k: u32, suffix: &str) -> String {
    let inside = |p: &crate::derive::Propagator| (p.first..p.first + p.entries.len() as u32).contains(&k);
    let number = derived.propagators.iter().position(inside).unwrap_or_default();
    let Some(p) = derived.propagators.get(number) else { return String::new() };
    let (place, columns) = ((k - p.first) as usize, p.entries.len() / p.states.max(1));
    format!("E{}{suffix}[{}, {}]", number + 1, place / columns + 1, place % columns + 1)
}

struct Show<'a> {
    neuron: &'a Neuron,
    derived: &'a Derived,
}

impl Show<'_> {
    fn arena(&self) -> &Arena {
        &self.derived.arena
    }

    /// Leaves by name, everything else written out.
    fn plain(&self, id: ExprId) -> String {
        self.arena().show(id, &|id| self.leaf(id))
    }

    fn leaf(&self, id: ExprId) -> Option<String> {
        match self.arena().node(id) {
            Node::Leaf(leaf) => leaf_name(self.neuron, self.derived, leaf),
            _ => None,
        }
    }

    fn step_name(&self, id: ExprId) -> Option<String> {
        self.leaf(id).or_else(|| self.derived.step.names.get(&id).cloned())
    }

    fn reverse_name(&self, id: ExprId) -> Option<String> {
        self.step_name(id).or_else(|| self.derived.reverse.names.get(&id).cloned())
    }

    fn in_step(&self, id: ExprId) -> String {
        self.arena().show(id, &|id| self.step_name(id))
    }
}

/// Lines `name = expression` that share the names of what they repeat.
struct Lines<'a> {
    arena: &'a Arena,
    name: &'a dyn Fn(ExprId) -> Option<String>,
    short: Abbreviations,
    lines: Vec<String>,
}

impl<'a> Lines<'a> {
    fn new(arena: &'a Arena, roots: &[ExprId], name: &'a dyn Fn(ExprId) -> Option<String>) -> Self {
        Self { arena, name, short: arena.abbreviations(roots, name), lines: Vec::new() }
    }

    fn push(&mut self, id: ExprId, line: impl FnOnce(&str) -> String) {
        self.lines.extend(self.short.before(self.arena, id, self.name));
        let value = self.short.show(self.arena, id, self.name);
        self.lines.push(line(&value));
    }
}

/// The functions of matrices that the coefficients read.
pub fn propagator_lines(neuron: &Neuron, derived: &Derived) -> Vec<String> {
    let show = Show { neuron, derived };
    let text = |part: &[ExprId]| part.iter().map(|&e| show.plain(e)).collect::<Vec<_>>().join(", ");
    let mut lines = Vec::new();
    for (k, propagator) in derived.propagators.iter().enumerate() {
        let columns = propagator.entries.len() / propagator.states.max(1);
        let has_inputs = columns > propagator.states;
        let kind = match propagator.function {
            MatrixFunction::NoiseFactor => {
                "[L | 0], L L' = integral of exp(M s) diag(w)^2 exp(M' s) over s from 0 to 1, of [M | w]"
            }
            MatrixFunction::Propagator if has_inputs => "[exp(M) | phi1(M) B] of [M | B]",
            MatrixFunction::Propagator => "exp(M) of M",
        };
        lines.push(format!("E{} = {kind} with the rows", k + 1));
        for row in propagator.entries.chunks(columns.max(1)) {
            let (states, inputs) = row.split_at(propagator.states.min(row.len()));
            let bar = if has_inputs { format!(" | {}", text(inputs)) } else { String::new() };
            lines.push(format!("  {}{bar}", text(states)));
        }
    }
    lines
}

/// The coefficients as expressions of parameters and dt, each with a note; names of repeated parts before them.
pub fn coefficient_lines(neuron: &Neuron, derived: &Derived) -> Vec<(String, &'static str)> {
    let show = Show { neuron, derived };
    let name = |id| show.leaf(id);
    let roots: Vec<ExprId> = derived.coefficients.iter().map(|c| c.value).collect();
    let mut short = show.arena().abbreviations(&roots, &name);
    let mut lines: Vec<(String, &'static str)> = Vec::new();
    lines.extend(propagator_lines(neuron, derived).into_iter().map(|line| (line, "")));
    for c in &derived.coefficients {
        let value = short.show(show.arena(), c.value, &name);
        // A parameter that the step reads as it is needs no line.
        if value != c.name {
            lines.extend(short.before(show.arena(), c.value, &name).into_iter().map(|line| (line, "")));
            let note = if c.per_neuron { "one value for each neuron" } else { "" };
            lines.push((format!("{} = {value}", c.name), note));
        }
    }
    lines
}

/// The step in terms of its coefficients, one assignment a line.
pub fn update_lines(neuron: &Neuron, derived: &Derived) -> Vec<String> {
    let show = Show { neuron, derived };
    let step = &derived.step;
    let fires = step.threshold.map(|t| t.fires);
    let program = crate::derive::schedule(show.arena(), step.results(), &Default::default(), fires);
    let is_line = |id: &ExprId| step.names.contains_key(id) && !matches!(show.arena().node(*id), Node::Spike(_));
    let named: Vec<ExprId> = program.order.iter().copied().filter(is_line).collect();
    let roots: Vec<ExprId> = named.iter().copied().chain(step.results()).collect();
    let name = |id| show.step_name(id);
    let mut lines = Lines::new(show.arena(), &roots, &name);
    for id in named {
        let name = step.names.get(&id).cloned().unwrap_or_default();
        lines.push(id, |value| format!("{name} = {value}"));
    }
    if let Some(threshold) = step.threshold {
        let z = show.step_name(threshold.z).unwrap_or_default();
        lines.push(threshold.fires, |value| format!("{z} = if {value} {{ 1 }} else {{ 0 }}"));
    }
    for (state, &end) in neuron.states.iter().zip(&step.end) {
        let name = &state.quantity.name;
        match step.names.get(&end) {
            Some(value) if value == name => {}
            Some(value) => lines.lines.push(format!("{name} <- {value}")),
            None if show.leaf(end).as_ref() == Some(name) => {}
            None => lines.push(end, |value| format!("{name} <- {value}")),
        }
    }
    for (output, &id) in neuron.outputs.iter().zip(&step.outputs) {
        let name = &output.quantity.name;
        match step.names.get(&id) {
            Some(value) => lines.lines.push(format!("{name} -> {value}")),
            None => lines.push(id, |value| format!("{name} -> {value}")),
        }
    }
    lines.lines
}

/// The reverse of the step, one assignment a line.
pub fn adjoint_lines(neuron: &Neuron, derived: &Derived) -> Vec<String> {
    let show = Show { neuron, derived };
    let reverse = &derived.reverse;
    let program = derived.reverse_program();
    let own_name = |id: &ExprId| reverse.names.get(id).or_else(|| derived.step.names.get(id));
    let is_line = |id: &ExprId| own_name(id).is_some() && !matches!(show.arena().node(*id), Node::Spike(_));
    let named: Vec<ExprId> = program.order.iter().copied().filter(is_line).collect();
    let roots: Vec<ExprId> = named.iter().copied().chain(reverse.results()).collect();
    let name = |id| show.reverse_name(id);
    let mut lines = Lines::new(show.arena(), &roots, &name);
    for id in named {
        let name = own_name(&id).cloned().unwrap_or_default();
        lines.push(id, |value| format!("{name} = {value}"));
    }
    let mut result = |left: String, id: ExprId| match reverse.names.get(&id) {
        Some(name) => lines.lines.push(format!("{left} {name}")),
        None => lines.push(id, |value| format!("{left} {value}")),
    };
    for (port, &id) in neuron.events.iter().zip(&reverse.events) {
        result(format!("{}_bar =", port.name), id);
    }
    for (port, &id) in neuron.drives.iter().zip(&reverse.drives) {
        result(format!("{}_bar =", port.name), id);
    }
    for (&c, &id) in derived.differentiated.iter().zip(&reverse.coefficients) {
        if let Some(coefficient) = derived.coefficients.get(c)
            && show.arena().constant_value(id) != Some(0.0)
        {
            result(format!("{}_bar +=", coefficient.name), id);
        }
    }
    let heard = |i: &usize| !reverse.silent.contains(i);
    for (_, (state, &id)) in neuron.states.iter().zip(&reverse.states).enumerate().filter(|(i, _)| heard(i)) {
        result(format!("{}_bar <-", state.quantity.name), id);
    }
    let silent = reverse.silent.iter().filter_map(|&i| Some(&neuron.states.get(i)?.quantity.name));
    lines.lines.extend(silent.map(|name| format!("{name}_bar = 0 (nothing that a loss sees depends on {name})")));
    lines.lines
}

fn value_text(value: Value) -> String {
    match value {
        Value::Constant(x) => number(x),
        Value::Uniform { low, high } => format!("uniform({}, {})", number(low), number(high)),
        Value::Normal { mean, sd } => format!("normal({}, {})", number(mean), number(sd)),
        Value::LogUniform { low, high } => format!("loguniform({}, {})", number(low), number(high)),
    }
}

fn parameter_row(parameter: &Parameter) -> Vec<String> {
    let range = match (parameter.low, parameter.high) {
        (None, None) => String::new(),
        (low, high) => {
            let end = |x: Option<f64>| x.map(number).unwrap_or_default();
            format!("in {} .. {}", end(low), end(high)).trim_end().to_string()
        }
    };
    let mut notes = vec![range];
    if parameter.trainable {
        notes.push("trainable".into());
    }
    if parameter.per_neuron {
        notes.push("per neuron".into());
    }
    notes.retain(|n| !n.is_empty());
    vec![
        format!("{} = {}", parameter.quantity.name, value_text(parameter.value)),
        unit(parameter.quantity.dimension.base_unit()),
        notes.join(", "),
    ]
}

pub(super) fn explain(neuron: &Neuron, derived: &Derived, out: &mut String) {
    let show = Show { neuron, derived };
    let origin = if neuron.is_library { " (library)" } else { "" };
    out.push_str(&format!("neuron {}{origin}\n", neuron.name));
    for line in &neuron.docs {
        out.push_str(format!("  {line}").trim_end());
        out.push('\n');
    }
    section(out, "parameters (in base units)", columns(neuron.parameters.iter().map(parameter_row).collect()));
    let quantities = |list: &[crate::model::Quantity], what: &str| -> Vec<Vec<String>> {
        list.iter().map(|q| vec![format!("{what} {}", q.name), unit(q.dimension.base_unit())]).collect()
    };
    let mut rows: Vec<Vec<String>> = neuron
        .states
        .iter()
        .map(|s| {
            let start = format!("starts at {}", show.plain(s.initial));
            vec![format!("state {}", s.quantity.name), unit(s.quantity.dimension.base_unit()), start]
        })
        .collect();
    rows.extend(quantities(&neuron.events, "event"));
    rows.extend(quantities(&neuron.drives, "drive"));
    section(out, "states and inputs", columns(rows));
    section(out, "equations", neuron.states.iter().map(|s| s.text.clone()));

    section(out, "method", super::method::lines(neuron, derived));
    let coefficients = coefficient_lines(neuron, derived).into_iter().map(|(line, note)| vec![line, note.into()]);
    section(out, "coefficients (computed once, in double precision)", columns(coefficients.collect()));
    section(out, "update of one step (a <- b: the new value of a state)", update_lines(neuron, derived));
    if let (Some(spike), Some(threshold)) = (&neuron.spike, derived.step.threshold) {
        let name = |id| show.leaf(id);
        let surrogate = [spike.surrogate.derivative, spike.surrogate.primitive];
        let mut sides = Lines::new(show.arena(), &surrogate, &name);
        sides.push(spike.surrogate.derivative, |value| format!("dz/dx    g(x) = {value}"));
        sides.push(spike.surrogate.primitive, |value| format!("smooth   G(x) = {value}"));
        let mut lines = vec![
            format!("condition  {}", spike.text),
            format!(
                "distance   {} = {}",
                show.step_name(threshold.distance).unwrap_or_default(),
                show.in_step(threshold.distance)
            ),
            format!("surrogate  {}", spike.surrogate.text),
        ];
        lines.extend(sides.lines.iter().map(|line| format!("  {line}")));
        if let Some(support) = spike.surrogate.support {
            lines.push(format!("  support  |x| <= {}", number(support)));
        }
        if spike.scale_detached {
            lines.push("no gradient through the scale".into());
        }
        if spike.reset_detached {
            lines.push("no gradient from the reset to the spike".into());
        }
        section(out, "threshold", lines);
    }
    if let Some(refractory) = &neuron.refractory {
        let held = refractory.holding.iter().filter_map(|&i| neuron.states.get(i)).map(|s| s.quantity.name.clone());
        let held = held.collect::<Vec<_>>().join(", ");
        let events = if refractory.events_kept { "events on them arrive" } else { "events on them are dropped" };
        section(
            out,
            "refractory",
            [
                format!("for round(({})/dt) steps after a spike, at least one", show.plain(refractory.duration)),
                format!("held: {held}; {events}; no threshold is tested"),
            ],
        );
    }
    section(out, "adjoint of one step (q_bar: derivative of the loss by q)", adjoint_lines(neuron, derived));
    if let (Some(filter), Some(impulse)) = (&derived.error_filter, reverse_impulse(&show)) {
        let title = format!("errors as a filter of the impulse q = {impulse}, which is 0 for most neurons");
        section(out, &title, filter_lines(&show, filter));
    }
    let name = |id| show.leaf(id);
    let transformed = derived.stored.iter().filter(|s| s.trainable).map(|s| s.value);
    let roots: Vec<ExprId> = transformed.chain(derived.chain.gradients.iter().map(|g| g.1)).collect();
    let mut chain = Lines::new(show.arena(), &roots, &name);
    for stored in derived.stored.iter().filter(|s| s.trainable) {
        if let Some(parameter) = neuron.parameters.get(stored.parameter)
            && Transform::of(parameter) != Transform::Raw
        {
            chain.push(stored.value, |value| format!("{} = {value}", parameter.quantity.name));
        }
    }
    for (k, id) in &derived.chain.gradients {
        if let Some(parameter) = derived.stored.get(*k).and_then(|s| neuron.parameters.get(s.parameter)) {
            chain.push(*id, |value| format!("theta_{}_bar = {value}", parameter.quantity.name));
        }
    }
    let chain = chain.lines;
    section(out, "gradient of the trainable parameters (once, after the last step)", chain);
    section(out, "tape", tape_lines(&show));
}

fn reverse_impulse(show: &Show) -> Option<String> {
    let name = |id| show.reverse_name(id);
    Some(show.arena().show(show.derived.reverse.impulse?, &name))
}

fn filter_lines(show: &Show, filter: &ErrorFilter) -> Vec<String> {
    let bar = |&state: &usize| {
        let name = show.neuron.states.get(state).map_or("", |s| &s.quantity.name);
        format!("{name}_bar")
    };
    let states: Vec<String> = filter.states.iter().map(bar).collect();
    let sum = |row: &[FilterEntry], direct: Option<&FilterEntry>| {
        let factors = row.iter().chain(direct);
        let terms =
            factors.zip(states.iter().map(String::as_str).chain(["q"])).filter_map(|(factor, of)| match *factor {
                FilterEntry::Number(0.0) => None,
                FilterEntry::Number(1.0) => Some(of.to_string()),
                FilterEntry::Number(x) => Some(format!("{}*{of}", number(x))),
                FilterEntry::Coefficient(k) => Some(format!("{}*{of}", show.derived.coefficients.get(k)?.name)),
            });
        let terms: Vec<String> = terms.collect();
        if terms.is_empty() { "0".into() } else { terms.join(" + ") }
    };
    let count = states.len().max(1);
    let events = show.neuron.events.iter().zip(filter.read.chunks(count)).zip(&filter.direct);
    let events = events.map(|((event, row), direct)| format!("{}_bar = {}", event.name, sum(row, Some(direct))));
    let moves = states.iter().zip(filter.transition.chunks(count)).zip(&filter.gain);
    events.chain(moves.map(|((state, row), gain)| format!("{state} <- {}", sum(row, Some(gain))))).collect()
}

fn tape_lines(show: &Show) -> Vec<String> {
    let tape = &show.derived.tape;
    let mut lines: Vec<String> = tape
        .reals
        .iter()
        .map(|&id| match show.derived.step.names.get(&id) {
            Some(name) => format!("number  {name}"),
            None => format!("number  {}", show.in_step(id)),
        })
        .collect();
    lines.extend(tape.flags.iter().map(|&id| format!("flag    {}", show.in_step(id))));
    let spikes = if tape.reads_spikes { ", and reads the spikes" } else { "" };
    lines.push(format!("{} bytes per neuron and step in f32, {} in f64{spikes}", tape.bytes(4), tape.bytes(8)));
    lines
}
