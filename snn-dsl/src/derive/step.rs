//! One step as expressions of the states, events and drives at its start:
//! events, integration, threshold, reset.

use super::hoist::Hoisted;
use super::integrate::{Integrated, Obstacle, Update, integrate};
use crate::expr::{Arena, Comparison, ExprId, Leaf};
use crate::model::{Assign, AssignKind, Neuron, Stage};
use std::collections::BTreeMap;

/// The threshold as expressions of the states after integration.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    /// Whether the neuron fires: the comparison, and not refractory.
    pub fires: ExprId,
    /// The distance x = (lhs - rhs)/scale.
    pub distance: ExprId,
    /// The spike variable z, a node of its own.
    pub z: ExprId,
    /// dz/dx used by the reverse; 0 while refractory.
    pub surrogate: ExprId,
    /// z in smooth mode; 0 while refractory.
    pub primitive: ExprId,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The states after events.
    pub after_events: Vec<ExprId>,
    /// How each state is integrated, in terms of the states after events.
    pub updates: Vec<Update>,
    /// What keeps states from being part of a linear system, by state; none if the method looks for no such systems.
    pub(crate) obstacles: Option<Vec<(usize, Obstacle)>>,
    /// The states after integration.
    pub integrated: Vec<ExprId>,
    /// The threshold.
    pub threshold: Option<Threshold>,
    /// The states after resets: the result.
    pub end: Vec<ExprId>,
    /// The extra results, in the order of the model.
    pub outputs: Vec<ExprId>,
    /// Names for expressions worth one.
    pub names: BTreeMap<ExprId, String>,
}

impl Step {
    /// The expressions that forward code must compute.
    pub fn results(&self) -> impl Iterator<Item = ExprId> + '_ {
        self.end.iter().chain(&self.outputs).copied().chain(self.threshold.map(|t| t.fires))
    }

    /// All expressions, to be rewritten together.
    pub(super) fn rewrite(&mut self, mut f: impl FnMut(ExprId) -> ExprId) {
        let stages = self.after_events.iter_mut().chain(&mut self.integrated).chain(&mut self.end);
        for id in stages.chain(&mut self.outputs) {
            *id = f(*id);
        }
        for update in &mut self.updates {
            update.new = f(update.new);
        }
        if let Some(t) = &mut self.threshold {
            for id in [&mut t.fires, &mut t.distance, &mut t.z, &mut t.surrogate, &mut t.primitive] {
                *id = f(*id);
            }
        }
        self.names = std::mem::take(&mut self.names).into_iter().map(|(id, name)| (f(id), name)).collect();
    }
}

/// Decays, gains and the like become coefficients.
pub(super) fn step(arena: &mut Arena, neuron: &Neuron, hoisted: &mut Hoisted) -> Step {
    let start: Vec<ExprId> = (0..neuron.states.len()).map(|i| arena.leaf(Leaf::State(i as u16))).collect();
    let refractory = arena.leaf(Leaf::Refractory);
    let held = |i: usize| neuron.refractory.as_ref().is_some_and(|r| r.holding.contains(&i));
    let mut names = BTreeMap::new();

    // (a) events
    let mut after_events = events(arena, neuron, &start, |_| true);
    if neuron.refractory.as_ref().is_some_and(|r| !r.events_kept) {
        // Whatever reads a held state sees it without the events that it drops.
        let while_refractory = events(arena, neuron, &start, |i| !held(i));
        let both = after_events.iter_mut().zip(while_refractory);
        both.for_each(|(free, dropped)| *free = arena.select(refractory, dropped, *free));
    }
    for (name, value) in &neuron.lets {
        let value = at_states(arena, *value, &start, &after_events);
        names.insert(value, name.clone());
    }

    // (b) integration, all states at once from the values after events
    let Integrated { updates, names: stages, obstacles } = integrate(arena, neuron, &[], hoisted);
    let while_refractory = match &neuron.refractory {
        Some(refractory) => integrate(arena, neuron, &refractory.holding, hoisted).updates,
        None => Vec::new(),
    };
    let mut integrated = Vec::new();
    for (i, update) in updates.iter().enumerate() {
        let mut new = at_states(arena, update.new, &start, &after_events);
        if let Some(update) = while_refractory.get(i) {
            let other = at_states(arena, update.new, &start, &after_events);
            new = arena.select(refractory, other, new);
        }
        integrated.push(new);
    }
    for (id, name) in stages {
        let id = at_states(arena, id, &start, &after_events);
        let fallback = format!("{name}_stage");
        names.entry(id).or_insert_with(|| free(neuron, &name, &fallback));
    }

    // (c) threshold on the new states, (d) reset
    let mut end = integrated.clone();
    let mut threshold = None;
    if let Some(spike) = &neuron.spike {
        let lhs = at_states(arena, spike.lhs, &start, &integrated);
        let rhs = at_states(arena, spike.rhs, &start, &integrated);
        let mut scale = at_states(arena, spike.scale, &start, &integrated);
        if spike.scale_detached {
            scale = arena.detach(scale);
        }
        let difference = arena.subtract(lhs, rhs);
        let distance = arena.divide(difference, scale);
        let comparison = if spike.strict { Comparison::Greater } else { Comparison::GreaterEqual };
        let mut fires = arena.compare(comparison, lhs, rhs);
        let argument = arena.leaf(Leaf::Argument(0));
        let at_distance = BTreeMap::from([(argument, distance)]);
        let mut surrogate = arena.substitute(spike.surrogate.derivative, &at_distance);
        let mut primitive = arena.substitute(spike.surrogate.primitive, &at_distance);
        if neuron.refractory.is_some() {
            let zero = arena.constant(0.0);
            let free = arena.not(refractory);
            fires = arena.and(free, fires);
            surrogate = arena.select(refractory, zero, surrogate);
            primitive = arena.select(refractory, zero, primitive);
        }
        let z = arena.spike(distance);
        let z_reset = if spike.reset_detached { arena.detach(z) } else { z };
        reset(arena, &spike.reset, &start, &mut end, z_reset);
        for (id, name, other) in [(distance, "x", "distance"), (z, "z", "spike_z"), (surrogate, "g", "slope_g")] {
            names.entry(id).or_insert_with(|| free(neuron, name, other));
        }
        threshold = Some(Threshold { fires, distance, z, surrogate, primitive });
    }
    // What outputs read are the states of a stage; drives are those of the step, and events what arrived in it.
    let of_stage = |output: &crate::model::Output| match output.stage {
        Stage::Start => &start,
        Stage::AfterEvents => &after_events,
        Stage::BeforeReset => &integrated,
        Stage::End => &end,
    };
    let outputs = neuron.outputs.iter().map(|o| at_states(arena, o.value, &start, of_stage(o))).collect();
    for (i, state) in neuron.states.iter().enumerate() {
        let name = &state.quantity.name;
        if after_events[i] != start[i] {
            let fallback = format!("{name}_with_events");
            names.entry(after_events[i]).or_insert_with(|| free(neuron, &format!("{name}_events"), &fallback));
        }
        let fallback = format!("{name}_integrated");
        names.entry(integrated[i]).or_insert_with(|| free(neuron, &format!("{name}_new"), &fallback));
    }
    names.retain(|&id, _| !matches!(arena.node(id), crate::expr::Node::Leaf(_) | crate::expr::Node::Constant(_)));
    Step { after_events, updates, obstacles, integrated, threshold, end, outputs, names }
}

/// The states after the assignments of all `on` blocks to states that `takes` them.
fn events(arena: &mut Arena, neuron: &Neuron, start: &[ExprId], takes: impl Fn(usize) -> bool) -> Vec<ExprId> {
    let mut now = start.to_vec();
    for assign in neuron.on.iter().flat_map(|on| &on.body).filter(|assign| takes(assign.state)) {
        let value = at_states(arena, assign.value, start, &now);
        now[assign.state] = match assign.kind {
            AssignKind::Set => value,
            AssignKind::Add => arena.add(now[assign.state], value),
            AssignKind::Subtract => arena.subtract(now[assign.state], value),
        };
    }
    now
}

/// The name, or the other one if the model uses it for something of its own.
fn free(neuron: &Neuron, name: &str, other: &str) -> String {
    let own: Vec<&str> = neuron.names().collect();
    let mut found = if own.contains(&name) { other.to_string() } else { name.to_string() };
    while own.contains(&found.as_str()) {
        found.push('_');
    }
    found
}

/// `x = e` becomes (1-z) x + z e, and `x += e` becomes x + z e: exact for z in {0, 1}, smooth in between.
fn reset(arena: &mut Arena, body: &[Assign], start: &[ExprId], states: &mut [ExprId], z: ExprId) {
    let one = arena.constant(1.0);
    for assign in body {
        let value = at_states(arena, assign.value, start, states);
        let Some(state) = states.get_mut(assign.state) else { continue };
        let jump = arena.multiply(z, value);
        *state = match assign.kind {
            AssignKind::Add => arena.add(*state, jump),
            AssignKind::Subtract => arena.subtract(*state, jump),
            AssignKind::Set => {
                let rest = arena.subtract(one, z);
                let kept = arena.multiply(rest, *state);
                arena.add(kept, jump)
            }
        };
    }
}

fn at_states(arena: &mut Arena, expression: ExprId, start: &[ExprId], now: &[ExprId]) -> ExprId {
    let changed = start.iter().zip(now).filter(|(s, n)| s != n).map(|(&s, &n)| (s, n)).collect();
    arena.substitute(expression, &changed)
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::explain::explain;

    #[test]
    fn what_reads_a_held_state_does_not_see_the_events_it_drops() {
        let text = "neuron Cell {
            param tau = 10 ms
            event exc : mV
            state V : mV
            state W : mV
            tau dV/dt = -V
            tau dW/dt = -W
            on exc { V += exc; W += V }
            spike when V >= 1 mV surrogate sigmoid scale 1 mV { V = 0 mV }
            refractory 2 ms holding V KEPT
            integrate exponential_euler
        }";
        let of = |kept: &str| explain(&compile("", &text.replace("KEPT", kept)).model.unwrap());
        assert!(of("").contains("W_events = if refractory { W + V } else { W + "), "{}", of(""));
        assert!(of("events kept").contains("W_events = W + "), "{}", of("events kept"));
    }
}
