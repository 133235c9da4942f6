//! A synapse: what it does at the source, on the connection and at the target, each checked as the part of a neuron.
//!
//! The post part is what is folded into the target neuron: its states, with the states of the target that it reads as drives
//! and what arrives through the weights as an event port or a drive. The pre part (if there are states of the source neuron,
//! or sums of more than a state) is a relay: a population of its own between the source and the connections.

use super::dimension::Dimension;
use super::neuron::{self, Checked};
use super::scope::Context;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{ExprId, Leaf};
use crate::model;
use crate::source::Span;
use crate::syntax::tree::{
    Assign, AssignOp, BinaryOp, Equation, Expr, ExprKind, Ident, Let, Neuron, NeuronStatement, On, Port, Side, State,
    Synapse, SynapseStatement,
};
use std::collections::BTreeSet;

/// The name of the `let` that holds the output.
pub(super) const OUTPUT: &str = "output";
/// That of the amplitude of a spike.
pub(super) const AMPLITUDE: &str = "amplitude";
/// The event port of a relay.
pub(super) const ARRIVAL: &str = "arrival";
/// The event port of what happens at a spike of the target.
pub(super) const SPIKE: &str = "spike_of_target";

/// A checked synapse.
pub(super) struct CheckedSynapse {
    pub name: String,
    /// The part in the target neuron. Parameters are those of the synapse, in order.
    pub post: Checked,
    /// The part at the source, with the same parameters; spikes arrive at its event port.
    pub relay: Option<Checked>,
    /// The drives of `post` that are states of the target: index, name, dimension, place.
    pub reads: Vec<Read>,
    /// The drives of `relay` that are states of the source.
    pub reads_source: Vec<Read>,
    /// What goes through the weights.
    pub routes: Vec<Route>,
    /// The event port of `post` that stands for a spike of the target.
    pub spike: Option<usize>,
    /// What happens at the connections, with their weights as the first state.
    pub edge: Option<Edge>,
    /// What the weights measure.
    pub weight: Option<Dimension>,
    /// The output of `post`.
    pub output: Option<(ExprId, Dimension)>,
    pub sound: bool,
}

impl CheckedSynapse {
    /// Something happens at spikes of the source.
    pub(super) fn needs_spikes(&self) -> bool {
        let sent = self.routes.iter().any(|r| matches!(r.sent, Sent::Spikes));
        sent || self.edge.is_some() || self.keeps_spikes()
    }

    /// Spikes change states at the source, or what is sent there.
    pub(super) fn keeps_spikes(&self) -> bool {
        let sent = self.routes.iter().any(|r| matches!(r.sent, Sent::Amplitude(_)));
        sent || self.relay.as_ref().is_some_and(|relay| !relay.neuron.on.is_empty())
    }
}

/// The part of a synapse on the connection.
pub(super) struct Edge {
    /// Its states are the weight and those of the connection, its event ports [`ARRIVAL`] and [`SPIKE`], its drives what it
    /// reads at both ends.
    pub checked: Checked,
    /// The drives that are states of the synapse at the source: index, name.
    pub of_source: Vec<(usize, String)>,
    /// Those that are states of the synapse at the target.
    pub of_target: Vec<(usize, String)>,
    /// Those that are states of the target neuron.
    pub of_neuron: Vec<(usize, String)>,
}

impl Edge {
    /// Something happens at spikes of the target.
    pub(super) fn acts_at_spike(&self) -> bool {
        let port = self.checked.neuron.events.iter().position(|e| e.name == SPIKE);
        self.checked.neuron.on.iter().any(|on| Some(on.event) == port)
    }
}

/// A state of another neuron.
pub(super) struct Read {
    pub drive: usize,
    pub name: String,
    pub dimension: Dimension,
}

/// A way through the weights.
pub(super) struct Route {
    /// The event port or drive of `post` at its end.
    pub port: Arrives,
    /// What is sent.
    pub sent: Sent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrives {
    Event(usize),
    Drive(usize),
}

pub(super) enum Sent {
    /// The spikes of the source.
    Spikes,
    /// A state of the source: an index of `reads_source`.
    State(usize),
    /// The value of a spike at the relay, between the assignments: after so many of them.
    Amplitude(usize),
    /// The `let` of the relay.
    Let(String),
}

/// Checks a synapse of a text.
pub(super) fn check<'a>(
    context: Context<'a>,
    text: usize,
    tree: &'a Synapse,
    parts: &'a Parts,
    diagnostics: Diagnostics,
) -> Option<(CheckedSynapse, Diagnostics)> {
    let mut all = diagnostics.further();
    for diagnostic in parts.diagnostics.clone().into_sorted() {
        all.push(diagnostic);
    }
    let mut sound = !parts.diagnostics.has_errors();
    let mut part = |neuron: &'a Neuron| {
        let (checked, found) = neuron::check(context, text, neuron, diagnostics.further())?;
        sound &= checked.sound;
        // A part does not read what the other one does: what is never read is looked at below.
        for diagnostic in found.into_sorted().into_iter().filter(|d| d.severity == crate::diagnostic::Severity::Error) {
            all.push(diagnostic);
        }
        Some(checked)
    };
    let mut post = part(&parts.post)?;
    let mut relay = match &parts.relay {
        Some(relay) => Some(part(relay)?),
        None => None,
    };
    let edge = match &parts.edge {
        Some(edge) => Some(part(edge)?),
        None => None,
    };
    if let Some(relay) = &mut relay {
        for i in 0..post.neuron.parameters.len() {
            let reads = |neuron: &model::Neuron| reads_parameter(neuron, i);
            let (at_target, at_source) = (reads(&post.neuron), reads(&relay.neuron));
            let Some(parameter) = post.neuron.parameters.get(i).filter(|p| p.trainable) else { continue };
            if at_target && at_source {
                let message = format!(
                    "the trainable parameter `{}` is read at the source and at the target",
                    parameter.quantity.name
                );
                let hint = "these are different neurons: take one parameter for each side";
                all.push(Diagnostic::error("E0515", parameter.quantity.span, message).hint(hint));
                sound = false;
            }
            // A side that does not read it has nothing to train.
            for (neuron, reads) in [(&mut post.neuron, at_target), (&mut relay.neuron, at_source)] {
                if let Some(parameter) = neuron.parameters.get_mut(i).filter(|_| !reads) {
                    parameter.trainable = false;
                }
            }
        }
    }
    let edge = match edge {
        Some(checked) => {
            for parameter in checked.neuron.parameters.iter().filter(|p| p.trainable || p.per_neuron) {
                let name = &parameter.quantity.name;
                let reads = reads_parameter(
                    &checked.neuron,
                    checked.neuron.parameters.iter().position(|p| p.quantity.name == *name).unwrap_or(0),
                );
                if reads {
                    let what =
                        format!("the parameter `{name}`, which differs or is trained, in what a connection does");
                    all.push(Diagnostic::not_supported(parameter.quantity.span, what));
                    sound = false;
                }
            }
            let drives = |names: &BTreeSet<String>| -> Vec<(usize, String)> {
                let drives = checked.neuron.drives.iter().enumerate();
                drives.filter(|(_, d)| names.contains(&d.name)).map(|(i, d)| (i, d.name.clone())).collect()
            };
            let (of_source, of_target, of_neuron) =
                (drives(&parts.pre_states), drives(&parts.post_states), drives(&parts.reads.iter().cloned().collect()));
            Some(Edge { of_source, of_target, of_neuron, checked })
        }
        None => None,
    };
    let spike = post.neuron.events.iter().position(|e| e.name == SPIKE);
    let weight = parts.weight.as_ref().and_then(|weight| {
        let event = post.neuron.events.iter().find(|e| e.name == weight.name);
        event.filter(|e| !post.poisoned.contains(&e.name)).map(|e| e.dimension)
    });
    let drive = |checked: &Checked, name: &str| {
        let index = checked.neuron.drives.iter().position(|d| d.name == name)?;
        let quantity = checked.neuron.drives.get(index)?;
        let known = !checked.poisoned.contains(name);
        known.then(|| Read { drive: index, name: name.to_string(), dimension: quantity.dimension })
    };
    let reads: Vec<Read> = parts.reads.iter().filter_map(|name| drive(&post, name)).collect();
    let reads_source: Vec<Read> =
        relay.iter().flat_map(|relay| parts.reads_source.iter().filter_map(|name| drive(relay, name))).collect();
    let mut routes = Vec::new();
    if let Some(name) = parts.weight.as_ref().filter(|_| parts.has_event) {
        let port = post.neuron.events.iter().position(|e| e.name == name.name).map(Arrives::Event);
        let sent = match parts.amplitude_after {
            None => Sent::Spikes,
            Some(after) => Sent::Amplitude(after),
        };
        if let (Some(_), Some(relay)) = (parts.amplitude_after, &relay)
            && let Some(dimension) = relay.lets.get(AMPLITUDE).filter(|d| !d.is_none())
        {
            let message = format!("expected a factor of `{}` without unit, found {dimension}", name.name);
            let diagnostic = Diagnostic::error("E0515", parts.amplitude_span.unwrap_or(name.span), message);
            all.push(diagnostic.hint("what a spike is multiplied by at the source is a number"));
            sound = false;
        }
        routes.extend(port.map(|port| Route { port, sent }));
    }
    for sum in &parts.sums {
        let index = post.neuron.drives.iter().position(|d| d.name == sum.name.name);
        let Some(index) = index else { continue };
        let of_source = reads_source.iter().position(|r| Some(&r.name) == sum.state.as_ref());
        let sent = of_source.map_or_else(|| Sent::Let(sum.sent.clone()), Sent::State);
        routes.push(Route { port: Arrives::Drive(index), sent });
        // The unit of the sum is that of the weight times that of what is sent.
        let value = match of_source {
            Some(k) => reads_source.get(k).map(|r| r.dimension),
            None => relay.as_ref().and_then(|r| r.lets.get(&sum.sent).copied()),
        };
        let found = weight.zip(value).map(|(weight, value)| weight.times(value));
        let declared = post.neuron.drives.get(index).map(|d| d.dimension);
        if let (Some(found), Some(declared)) = (found, declared)
            && found != declared
            && !post.poisoned.contains(&sum.name.name)
        {
            let message = format!("expected {declared} for the sum `{}`, found {found}", sum.name.name);
            let unit = found.base_unit();
            let hint = format!("write `sum {} : {} = ...`", sum.name.name, if unit.is_empty() { "1" } else { &unit });
            all.push(Diagnostic::error("E0304", sum.span, message).hint(hint));
            sound = false;
        }
    }
    let output = post.neuron.lets.iter().find(|l| l.0 == OUTPUT).map(|l| l.1);
    let output = output.zip(post.lets.get(OUTPUT).copied());
    sound &= output.is_some() && (weight.is_some());
    let checked = CheckedSynapse {
        name: tree.name.name.clone(),
        post,
        relay,
        reads,
        reads_source,
        routes,
        spike,
        edge,
        weight,
        output,
        sound,
    };
    Some((checked, all))
}

/// Whether what a neuron computes depends on a parameter.
fn reads_parameter(neuron: &model::Neuron, index: usize) -> bool {
    let leaf = Leaf::Parameter(index as u16);
    let states = neuron.states.iter().flat_map(|s| [s.initial, s.coefficient, s.rhs].into_iter().chain(s.noise));
    let roots = states.chain(neuron.on.iter().flat_map(|on| &on.body).map(|a| a.value));
    roots.chain(neuron.lets.iter().map(|l| l.1)).any(|root| neuron.arena.depends_on(root, leaf))
}

/// The parts of a synapse as trees of neurons, and what belongs together.
pub(super) struct Parts {
    pub post: Neuron,
    pub relay: Option<Neuron>,
    pub edge: Option<Neuron>,
    /// The states of the synapse at either end.
    pub pre_states: BTreeSet<String>,
    pub post_states: BTreeSet<String>,
    pub weight: Option<Ident>,
    /// An `on pre` block changes a state of the target.
    pub has_event: bool,
    pub reads: Vec<String>,
    pub reads_source: Vec<String>,
    /// What multiplies the weight of a spike reads the source, after so many assignments.
    pub amplitude_after: Option<usize>,
    pub amplitude_span: Option<Span>,
    pub sums: Vec<Sum>,
    pub diagnostics: Diagnostics,
}

/// `sum NAME = WEIGHT*VALUE`
pub(super) struct Sum {
    pub name: Ident,
    pub span: Span,
    /// The `let` of the relay.
    pub sent: String,
    /// The value is a state of the source.
    pub state: Option<String>,
}

/// Takes a synapse apart.
pub(super) fn parts(tree: &Synapse, diagnostics: Diagnostics) -> Parts {
    let mut parts = Parts {
        post: Neuron { docs: tree.docs.clone(), name: tree.name.clone(), statements: Vec::new() },
        relay: None,
        edge: None,
        pre_states: BTreeSet::new(),
        post_states: BTreeSet::new(),
        weight: None,
        has_event: false,
        reads: Vec::new(),
        reads_source: Vec::new(),
        amplitude_after: None,
        amplitude_span: None,
        sums: Vec::new(),
        diagnostics,
    };
    let mut sides = Names::default();
    for statement in &tree.statements {
        match statement {
            SynapseStatement::State(side, state) => match side {
                Side::Pre => {
                    parts.pre_states.insert(state.name.name.clone());
                    sides.pre.insert(state.name.name.clone())
                }
                Side::Post => {
                    parts.post_states.insert(state.name.name.clone());
                    sides.post.insert(state.name.name.clone())
                }
                Side::Edge => sides.edge.insert(state.name.name.clone()),
            },
            SynapseStatement::Reads(Side::Pre, port) => sides.pre.insert(port.name.name.clone()),
            SynapseStatement::Reads(_, port) => sides.post.insert(port.name.name.clone()),
            SynapseStatement::Weight(port) => {
                if let Some(first) = &parts.weight {
                    let diagnostic = Diagnostic::error("E0515", port.name.span, "expected one weight, found a second");
                    parts.diagnostics.push(diagnostic.also(first.span, "the first one").hint("remove one of them"));
                } else {
                    parts.weight = Some(port.name.clone());
                    sides.edge.insert(port.name.name.clone());
                }
                true
            }
            SynapseStatement::Sum(port, _) => sides.post.insert(port.name.name.clone()),
            SynapseStatement::Common(NeuronStatement::Param(param)) => sides.parameters.insert(param.name.name.clone()),
            SynapseStatement::Common(NeuronStatement::Let(line)) => {
                // What reads the source is of the source.
                let mut names = BTreeSet::new();
                names_in(&line.value, &mut names);
                let of_source = names.iter().any(|n| sides.pre.contains(n));
                if of_source { sides.pre.insert(line.name.name.clone()) } else { false }
            }
            _ => true,
        };
    }
    let weight = parts.weight.as_ref().map(|w| w.name.clone());
    if weight.is_none() {
        let diagnostic = Diagnostic::error("E0515", tree.name.span, "expected a weight, found none");
        parts.diagnostics.push(diagnostic.hint("declare what a connection is worth: `weight w : nA`"));
    }
    let mut relay = Vec::new();
    let mut edge = Vec::new();
    let mut output = None;
    for statement in &tree.statements {
        let post = &mut parts.post.statements;
        match statement {
            SynapseStatement::Common(NeuronStatement::Param(param)) => {
                post.push(NeuronStatement::Param(param.clone()));
                relay.push(NeuronStatement::Param(param.clone()));
                edge.push(NeuronStatement::Param(param.clone()));
            }
            SynapseStatement::Common(NeuronStatement::Let(line)) => {
                let list = if sides.pre.contains(&line.name.name) { &mut relay } else { post };
                list.push(NeuronStatement::Let(line.clone()));
            }
            SynapseStatement::Common(NeuronStatement::Equation(equation)) => {
                let name = &equation.state.name;
                let is_pre = sides.pre.contains(name);
                let list = if sides.edge.contains(name) {
                    &mut edge
                } else if is_pre {
                    &mut relay
                } else {
                    post
                };
                list.push(NeuronStatement::Equation(equation.clone()));
            }
            SynapseStatement::Common(NeuronStatement::On(on)) => match on.port.name.as_str() {
                "pre" => on_pre(&mut parts, &sides, weight.as_deref(), on, &mut relay, &mut edge),
                "post" => on_post(&mut parts, &sides, on, &mut edge),
                other => {
                    let message = format!("expected `on pre` or `on post`, found `on {other}`");
                    let hint = "`on pre` is a spike of the source that arrives, `on post` a spike of the target";
                    parts.diagnostics.push(Diagnostic::error("E0515", on.port.span, message).hint(hint));
                }
            },
            SynapseStatement::Common(NeuronStatement::Integrate(method)) => {
                post.push(NeuronStatement::Integrate(method.clone()));
                relay.push(NeuronStatement::Integrate(method.clone()));
            }
            SynapseStatement::Common(other) => post.push(other.clone()),
            SynapseStatement::Weight(port) => {
                if parts.weight.as_ref().is_some_and(|w| w.span == port.name.span) {
                    post.push(NeuronStatement::Event(port.clone()));
                    let (docs, name, unit) = (port.docs.clone(), port.name.clone(), port.unit.clone());
                    edge.push(NeuronStatement::State(State { docs, name, unit, initial: None }));
                }
            }
            SynapseStatement::Reads(Side::Pre, port) => {
                parts.reads_source.push(port.name.name.clone());
                relay.push(NeuronStatement::Drive(port.clone()));
            }
            SynapseStatement::Reads(_, port) => {
                parts.reads.push(port.name.name.clone());
                post.push(NeuronStatement::Drive(port.clone()));
                edge.push(NeuronStatement::Drive(port.clone()));
            }
            SynapseStatement::State(Side::Pre, state) => {
                relay.push(NeuronStatement::State(state.clone()));
                edge.push(as_drive(state));
            }
            SynapseStatement::State(Side::Edge, state) => edge.push(NeuronStatement::State(state.clone())),
            SynapseStatement::State(Side::Post, state) => {
                post.push(NeuronStatement::State(state.clone()));
                edge.push(as_drive(state));
            }
            SynapseStatement::Sum(port, value) => {
                post.push(NeuronStatement::Drive(port.clone()));
                sum(&mut parts, &sides, weight.as_deref(), port, value, &mut relay);
            }
            SynapseStatement::Output(value) => {
                if output.is_some() {
                    let diagnostic = Diagnostic::error("E0515", value.span, "expected one output, found a second");
                    parts.diagnostics.push(diagnostic.hint("add them up in one line"));
                }
                output = Some(value.clone());
            }
        }
    }
    match output {
        Some(value) => {
            let name = Ident { name: OUTPUT.into(), span: value.span };
            parts.post.statements.push(NeuronStatement::Let(Let { name, value }));
        }
        None => {
            let diagnostic = Diagnostic::error("E0515", tree.name.span, "expected an output, found none");
            let hint = "say what flows into the port of the target: `output g*(E - V)`";
            parts.diagnostics.push(diagnostic.hint(hint));
        }
    }
    finish_edge(&mut parts, tree, &sides, edge);
    let has_relay = relay.iter().any(|s| matches!(s, NeuronStatement::State(_)))
        || parts.amplitude_after.is_some()
        || parts.sums.iter().any(|s| s.state.is_none())
        || !parts.reads_source.is_empty();
    if has_relay {
        let port = Port { docs: Vec::new(), name: Ident { name: ARRIVAL.into(), span: tree.name.span }, unit: None };
        relay.insert(0, NeuronStatement::Event(port));
        parts.relay = Some(Neuron { docs: Vec::new(), name: tree.name.clone(), statements: relay });
    }
    parts
}

/// What lives where.
#[derive(Default)]
struct Names {
    edge: BTreeSet<String>,
    pre: BTreeSet<String>,
    post: BTreeSet<String>,
    parameters: BTreeSet<String>,
}

impl Names {
    fn reads_parameters_only(&self, expr: &Expr) -> bool {
        let mut names = BTreeSet::new();
        names_in(expr, &mut names);
        names.iter().all(|n| self.parameters.contains(n))
    }

    fn reads_pre(&self, expr: &Expr) -> bool {
        let mut names = BTreeSet::new();
        names_in(expr, &mut names);
        names.iter().any(|n| self.pre.contains(n))
    }
}

/// `on pre`: assignments to states of the source are those of the relay; others are carried out at the target, with the
/// weight in place of the spike.
fn on_pre(
    parts: &mut Parts,
    sides: &Names,
    weight: Option<&str>,
    on: &On,
    relay: &mut Vec<NeuronStatement>,
    edge: &mut Vec<NeuronStatement>,
) {
    let (mut at_source, mut at_target, mut at_connection) = (Vec::new(), Vec::new(), Vec::new());
    let mut amplitude: Option<(Option<Expr>, usize)> = None;
    for assign in &on.body {
        if sides.pre.contains(&assign.target.name) {
            at_source.push(assign.clone());
            continue;
        }
        if sides.edge.contains(&assign.target.name) {
            at_connection.push(assign.clone());
            continue;
        }
        if assign.op != AssignOp::Add && assign.op != AssignOp::Subtract {
            let message = format!("expected `+=` or `-=` for `{}`, found another assignment", assign.target.name);
            let hint = "spikes of several sources arrive in a step, and what they bring adds up: `g += w`";
            parts.diagnostics.push(Diagnostic::error("E0515", assign.span, message).hint(hint));
            continue;
        }
        // The factors that the source knows go with the spike.
        let mut factors = Vec::new();
        factors_of(&assign.value, &mut factors);
        let with_source = factors.iter().any(|f| sides.reads_pre(f.expr));
        // Factors of parameters alone go with those of the source, which reads the same parameters.
        let goes = |f: &Factor| sides.reads_pre(f.expr) || with_source && sides.reads_parameters_only(f.expr);
        let (of_source, others): (Vec<Factor>, Vec<Factor>) = factors.into_iter().partition(goes);
        let reads_weight = |f: &Factor| {
            let mut names = BTreeSet::new();
            names_in(f.expr, &mut names);
            weight.is_some_and(|w| names.contains(w))
        };
        if of_source.iter().any(reads_weight) || !others.iter().any(reads_weight) {
            let (name, w) = (&assign.target.name, weight.unwrap_or("w"));
            let message = format!("expected the weight `{w}` times what the spike brings to `{name}`");
            let hint = format!("write `{name} += {w}*...`, with factors that read the source or the target alone");
            parts.diagnostics.push(Diagnostic::error("E0515", assign.span, message).hint(hint));
            continue;
        }
        let own = product(&of_source, assign.value.span);
        let place = if own.is_some() { at_source.len() } else { 0 };
        match &amplitude {
            None => amplitude = Some((own, place)),
            Some((known, at)) if same(known.as_ref(), own.as_ref()) && *at == place => {}
            Some(_) => {
                let message = "expected the same factor of the source in all assignments of a block";
                parts.diagnostics.push(Diagnostic::error("E0515", assign.span, message).hint("write two synapses"));
            }
        }
        let value = product(&others, assign.value.span).unwrap_or_else(|| assign.value.clone());
        at_target.push(Assign { value, ..assign.clone() });
    }
    if let Some((own, place)) = amplitude {
        if let Some(value) = own {
            parts.amplitude_after = Some(place);
            parts.amplitude_span = Some(value.span);
            let name = Ident { name: AMPLITUDE.into(), span: value.span };
            relay.push(NeuronStatement::Let(Let { name, value }));
        }
        parts.has_event = true;
        let port = Ident { name: weight.unwrap_or("w").into(), span: on.port.span };
        parts.post.statements.push(NeuronStatement::On(On { port, body: at_target }));
    }
    if !at_connection.is_empty() {
        let port = Ident { name: ARRIVAL.into(), span: on.port.span };
        edge.push(NeuronStatement::On(On { port, body: at_connection }));
    }
    if !at_source.is_empty() {
        let port = Ident { name: ARRIVAL.into(), span: on.port.span };
        relay.push(NeuronStatement::On(On { port, body: at_source }));
    }
}

/// `on post`: assignments to states of the target are carried out at its spike, others at its connections.
fn on_post(parts: &mut Parts, sides: &Names, on: &On, edge: &mut Vec<NeuronStatement>) {
    let (mut at_target, mut at_connection) = (Vec::new(), Vec::new());
    for assign in &on.body {
        if sides.pre.contains(&assign.target.name) {
            let message = format!(
                "expected a state of the target or of the connection, found `{}` of the source",
                assign.target.name
            );
            let hint = "a spike of the target does nothing to its sources";
            parts.diagnostics.push(Diagnostic::error("E0515", assign.span, message).hint(hint));
        } else if sides.edge.contains(&assign.target.name) {
            at_connection.push(assign.clone());
        } else {
            at_target.push(assign.clone());
        }
    }
    let name = Ident { name: SPIKE.into(), span: on.port.span };
    if !at_target.is_empty() {
        let port = Port { docs: Vec::new(), name: name.clone(), unit: None };
        parts.post.statements.push(NeuronStatement::Event(port));
        parts.post.statements.push(NeuronStatement::On(On { port: name.clone(), body: at_target }));
    }
    if !at_connection.is_empty() {
        edge.push(NeuronStatement::On(On { port: name, body: at_connection }));
    }
}

/// A state of one end as what a connection reads.
fn as_drive(state: &State) -> NeuronStatement {
    NeuronStatement::Drive(Port { docs: Vec::new(), name: state.name.clone(), unit: state.unit.clone() })
}

/// The connection as a neuron, if anything happens there.
fn finish_edge(parts: &mut Parts, tree: &Synapse, sides: &Names, mut edge: Vec<NeuronStatement>) {
    let happens = |s: &NeuronStatement| matches!(s, NeuronStatement::On(_) | NeuronStatement::Equation(_));
    if !edge.iter().any(happens) {
        let unused = edge.iter().find_map(|s| match s {
            NeuronStatement::State(state) if parts.weight.as_ref().is_none_or(|w| w.name != state.name.name) => {
                Some(state)
            }
            _ => None,
        });
        if let Some(state) = unused {
            let message = format!("nothing happens to the state `{}` of the connection", state.name.name);
            parts.diagnostics.push(Diagnostic::error("E0515", state.name.span, message).hint("remove it"));
        }
        return;
    }
    // What has no equation changes by spikes alone.
    let with_equation: BTreeSet<String> = edge
        .iter()
        .filter_map(|s| match s {
            NeuronStatement::Equation(equation) => Some(equation.state.name.clone()),
            _ => None,
        })
        .collect();
    for name in sides.edge.iter().filter(|name| !with_equation.contains(*name)) {
        let span = tree.name.span;
        let rhs = Expr { kind: ExprKind::Number { value: 0.0, unit: None }, span };
        let state = Ident { name: name.clone(), span };
        edge.push(NeuronStatement::Equation(Equation { coefficient: None, state, rhs, span }));
    }
    for port in [ARRIVAL, SPIKE] {
        let name = Ident { name: port.into(), span: tree.name.span };
        edge.insert(0, NeuronStatement::Event(Port { docs: Vec::new(), name, unit: None }));
    }
    // A drive of a name that no state may have is left out by its own check.
    parts.edge = Some(Neuron { docs: Vec::new(), name: tree.name.clone(), statements: edge });
}

/// `sum NAME = w*VALUE`, or `w` alone for the sum of the weights.
fn sum(
    parts: &mut Parts,
    sides: &Names,
    weight: Option<&str>,
    port: &Port,
    value: &Expr,
    relay: &mut Vec<NeuronStatement>,
) {
    let mut factors = Vec::new();
    factors_of(value, &mut factors);
    let is_weight =
        |f: &Factor| !f.inverse && matches!(&f.expr.kind, ExprKind::Name(name) if Some(name.as_str()) == weight);
    let Some(at) = factors.iter().position(is_weight) else {
        let w = weight.unwrap_or("w");
        let message = format!("expected a sum of `{w}` times what the sources send, found another expression");
        let hint = format!("write `sum {} = {w}*...`", port.name.name);
        parts.diagnostics.push(Diagnostic::error("E0515", value.span, message).hint(hint));
        return;
    };
    factors.remove(at);
    let sent = format!("{}_sent", port.name.name);
    let one = || Expr { kind: ExprKind::Number { value: 1.0, unit: None }, span: value.span };
    let value = product(&factors, value.span).unwrap_or_else(one);
    let mut names = BTreeSet::new();
    names_in(&value, &mut names);
    if let Some(name) = names.iter().find(|n| sides.post.contains(*n)) {
        let message = format!("expected what the source sends, found `{name}` of the target");
        let hint = "the sum goes over the sources: multiply by it in the `output`";
        parts.diagnostics.push(Diagnostic::error("E0515", value.span, message).hint(hint));
        return;
    }
    let state = match &value.kind {
        ExprKind::Name(name) if parts.reads_source.contains(name) => Some(name.clone()),
        _ => None,
    };
    let name = Ident { name: sent.clone(), span: value.span };
    relay.push(NeuronStatement::Let(Let { name, value: value.clone() }));
    parts.sums.push(Sum { name: port.name.clone(), span: value.span, sent, state });
}

/// A factor of a product.
#[derive(Clone, Copy)]
struct Factor<'e> {
    expr: &'e Expr,
    /// It is divided by.
    inverse: bool,
}

fn factors_of<'e>(expr: &'e Expr, out: &mut Vec<Factor<'e>>) {
    match &expr.kind {
        ExprKind::Binary(BinaryOp::Multiply, left, right) => {
            factors_of(left, out);
            factors_of(right, out);
        }
        ExprKind::Binary(BinaryOp::Divide, left, right) => {
            factors_of(left, out);
            out.push(Factor { expr: right, inverse: true });
        }
        _ => out.push(Factor { expr, inverse: false }),
    }
}

fn product(factors: &[Factor], span: Span) -> Option<Expr> {
    let binary =
        |op, left: Expr, right: Expr| Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span };
    let mut all: Option<Expr> = None;
    for factor in factors {
        let own = factor.expr.clone();
        all = Some(match (all, factor.inverse) {
            (None, false) => own,
            (None, true) => {
                let one = Expr { kind: ExprKind::Number { value: 1.0, unit: None }, span: own.span };
                binary(BinaryOp::Divide, one, own)
            }
            (Some(all), false) => binary(BinaryOp::Multiply, all, own),
            (Some(all), true) => binary(BinaryOp::Divide, all, own),
        });
    }
    all
}

/// The same text of operations, wherever it stands.
fn same(a: Option<&Expr>, b: Option<&Expr>) -> bool {
    a.map(crate::syntax::print::expression) == b.map(crate::syntax::print::expression)
}

/// The names that an expression reads.
fn names_in(expr: &Expr, out: &mut BTreeSet<String>) {
    out.extend(super::functions::parts(expr).into_iter().filter_map(|e| match &e.kind {
        ExprKind::Name(name) => Some(name.clone()),
        _ => None,
    }));
}
