//! The derivation of one neuron.

use super::{columns, section};
use crate::derive::{Derived, Transform, derive};
use crate::expr::{Arena, ExprId, Leaf, Node, number};
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
        Leaf::Coefficient(i) => derived.coefficients.get(usize::from(i)).map(|c| c.name.clone()),
        Leaf::StateAdjoint(i) => neuron.states.get(usize::from(i)).map(|s| format!("{}_bar", s.quantity.name)),
        Leaf::SpikeAdjoint => Some("spike_bar".into()),
        Leaf::OutputAdjoint(j) => {
            let &c = derived.differentiated.get(usize::from(j))?;
            derived.coefficients.get(c).map(|c| format!("{}_bar", c.name))
        }
        Leaf::Dt => Some("dt".into()),
        Leaf::Refractory => Some("refractory".into()),
        Leaf::Argument(_) => Some("x".into()),
    }
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

    fn in_step(&self, id: ExprId) -> String {
        self.arena().show(id, &|id| self.step_name(id))
    }

    fn in_reverse(&self, id: ExprId) -> String {
        self.arena().show(id, &|id| self.step_name(id).or_else(|| self.derived.reverse.names.get(&id).cloned()))
    }
}

/// The step in terms of its coefficients, one assignment a line.
pub fn update_lines(neuron: &Neuron, derived: &Derived) -> Vec<String> {
    let show = Show { neuron, derived };
    let step = &derived.step;
    let fires = step.threshold.map(|t| t.fires);
    let program = crate::derive::schedule(show.arena(), step.results(), &Default::default(), fires);
    let mut lines = Vec::new();
    for id in &program.order {
        if let Some(name) = step.names.get(id)
            && !matches!(show.arena().node(*id), Node::Spike(_))
        {
            lines.push(format!("{name} = {}", show.in_step(*id)));
        }
    }
    if let Some(threshold) = step.threshold {
        let z = show.step_name(threshold.z).unwrap_or_default();
        lines.push(format!("{z} = if {} {{ 1 }} else {{ 0 }}", show.in_step(threshold.fires)));
    }
    for (state, &end) in neuron.states.iter().zip(&step.end) {
        let name = &state.quantity.name;
        let value = match step.names.get(&end) {
            Some(value) => value.clone(),
            None => show.in_step(end),
        };
        if value != *name {
            lines.push(format!("{name} <- {value}"));
        }
    }
    lines
}

/// The reverse of the step, one assignment a line.
pub fn adjoint_lines(neuron: &Neuron, derived: &Derived) -> Vec<String> {
    let show = Show { neuron, derived };
    let reverse = &derived.reverse;
    let program = derived.reverse_program();
    let mut lines = Vec::new();
    for id in &program.order {
        if let Some(name) = reverse.names.get(id).or_else(|| derived.step.names.get(id))
            && !matches!(show.arena().node(*id), Node::Spike(_))
        {
            lines.push(format!("{name} = {}", show.in_reverse(*id)));
        }
    }
    let value = |id: ExprId| match reverse.names.get(&id) {
        Some(name) => name.clone(),
        None => show.in_reverse(id),
    };
    for (port, &id) in neuron.events.iter().zip(&reverse.events) {
        lines.push(format!("{}_bar = {}", port.name, value(id)));
    }
    for (port, &id) in neuron.drives.iter().zip(&reverse.drives) {
        lines.push(format!("{}_bar = {}", port.name, value(id)));
    }
    for (&c, &id) in derived.differentiated.iter().zip(&reverse.coefficients) {
        if let Some(coefficient) = derived.coefficients.get(c)
            && show.arena().constant_value(id) != Some(0.0)
        {
            lines.push(format!("{}_bar += {}", coefficient.name, value(id)));
        }
    }
    for (state, &id) in neuron.states.iter().zip(&reverse.states) {
        lines.push(format!("{}_bar <- {}", state.quantity.name, value(id)));
    }
    lines
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

pub(super) fn explain(neuron: &Neuron, out: &mut String) {
    let derived = derive(neuron);
    let show = Show { neuron, derived: &derived };
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

    let methods = neuron.states.iter().zip(&derived.step.updates);
    let methods = methods.map(|(s, u)| format!("{}: exponential Euler; {}", s.quantity.name, u.method.reason()));
    section(out, "method", methods);
    // A parameter that the step reads as it is needs no line.
    let coefficients = derived.coefficients.iter().filter_map(|c| {
        let value = show.plain(c.value);
        let note = if c.per_neuron { "one value for each neuron" } else { "" };
        (value != c.name).then(|| vec![format!("{} = {value}", c.name), note.to_string()])
    });
    section(out, "coefficients (computed once, in double precision)", columns(coefficients.collect()));
    section(out, "update of one step (a <- b: the new value of a state)", update_lines(neuron, &derived));
    if let (Some(spike), Some(threshold)) = (&neuron.spike, derived.step.threshold) {
        let mut lines = vec![
            format!("condition  {}", spike.text),
            format!(
                "distance   {} = {}",
                show.step_name(threshold.distance).unwrap_or_default(),
                show.in_step(threshold.distance)
            ),
            format!("surrogate  {}", spike.surrogate.text),
            format!("  dz/dx    g(x) = {}", show.plain(spike.surrogate.derivative)),
            format!("  smooth   G(x) = {}", show.plain(spike.surrogate.primitive)),
        ];
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
    section(out, "adjoint of one step (q_bar: derivative of the loss by q)", adjoint_lines(neuron, &derived));
    let mut chain = Vec::new();
    for stored in derived.stored.iter().filter(|s| s.trainable) {
        if let Some(parameter) = neuron.parameters.get(stored.parameter)
            && Transform::of(parameter) != Transform::Raw
        {
            chain.push(format!("{} = {}", parameter.quantity.name, show.plain(stored.value)));
        }
    }
    for (k, id) in &derived.chain.gradients {
        if let Some(parameter) = derived.stored.get(*k).and_then(|s| neuron.parameters.get(s.parameter)) {
            chain.push(format!("theta_{}_bar = {}", parameter.quantity.name, show.plain(*id)));
        }
    }
    section(out, "gradient of the trainable parameters (once, after the last step)", chain);
    section(out, "tape", tape_lines(&show));
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
