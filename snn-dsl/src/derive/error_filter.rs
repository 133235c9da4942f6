//! The errors of the events as a linear filter of the impulses of the spike.
//!
//! Between spikes many neurons are linear with the same constants for all neurons and steps. Then so is the reverse: with G the adjoints
//! of the states and q what the surrogate (or a reset, a refractory period, or a loss of outputs) adds to them, the *impulse*,
//!
//! ```text
//! error of an event = R G + D q,    G <- T G + B q
//! ```
//!
//! with one number q for each neuron, which is 0 unless the neuron is inside the support of its surrogate, or fires, or a loss looks at
//! it. A matrix of weights commutes with T, B, R and D: its product with the errors is the same filter of its product with the impulses,
//! most of which are 0.

use super::hoist::{Hoisted, Rewriting, is_known};
use super::reverse::Reverse;
use crate::expr::{Arena, ExprId, IdMap, IdSet, Leaf, Node, Operation};
use crate::model::Neuron;
use std::collections::{BTreeMap, BTreeSet};

/// As many states as the runtime takes.
const STATES: usize = 4;

/// A constant of a filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FilterEntry {
    /// A number.
    Number(f64),
    /// A coefficient.
    Coefficient(usize),
}

/// The constants, by rows: T and B with a row for each state, R and D with one for each event.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorFilter {
    /// The states whose adjoints G are.
    pub states: Vec<usize>,
    /// T
    pub transition: Vec<FilterEntry>,
    /// B
    pub gain: Vec<FilterEntry>,
    /// R
    pub read: Vec<FilterEntry>,
    /// D
    pub direct: Vec<FilterEntry>,
}

/// The filter of a neuron whose reverse has one, and its impulse; looked for where a compact surrogate promises zeros.
pub(super) fn error_filter(
    arena: &mut Arena,
    neuron: &Neuron,
    reverse: &Reverse,
    hoisted: &mut Hoisted,
) -> Option<(ErrorFilter, ExprId)> {
    neuron.spike.as_ref()?.surrogate.support?;
    let parts = Parts::of(arena, reverse);
    let events: Vec<Split> = reverse.events.iter().map(|&id| parts.split(id)).collect::<Option<_>>()?;
    // The states that the errors depend on, in this step or those before it.
    let mut states: BTreeMap<usize, Split> = BTreeMap::new();
    let mut open: BTreeSet<usize> = events.iter().flat_map(|event| event.linear.keys().copied()).collect();
    while let Some(state) = open.pop_first() {
        let split = parts.split(*reverse.states.get(state)?)?;
        open.extend(split.linear.keys().filter(|&s| *s != state && !states.contains_key(s)));
        states.insert(state, split);
    }
    if states.is_empty() || states.len() > STATES {
        return None;
    }
    let mut impulses = states.values().chain(&events).filter_map(|split| split.impulse);
    let (_, impulse) = impulses.next()?;
    if impulses.any(|(_, other)| other != impulse) {
        return None;
    }
    let order: Vec<usize> = states.keys().copied().collect();
    let mut row = |split: &Split| {
        let linear: Vec<FilterEntry> =
            order.iter().map(|s| hoisted.entry(arena, split.linear.get(s).copied())).collect();
        (linear, hoisted.entry(arena, split.impulse.map(|(factor, _)| factor)))
    };
    let (transition, gain): (Vec<_>, Vec<_>) = states.values().map(&mut row).unzip();
    let (read, direct): (Vec<_>, Vec<_>) = events.iter().map(row).unzip();
    let filter = ErrorFilter { states: order, transition: transition.concat(), gain, read: read.concat(), direct };
    Some((filter, impulse))
}

/// An expression of the reverse: constants times the adjoints of the states, and a constant times something that is mostly 0.
#[derive(Clone, Default)]
struct Split {
    /// The constant of each state.
    linear: BTreeMap<usize, ExprId>,
    impulse: Option<(ExprId, ExprId)>,
}

/// What is known of the expressions of a reverse.
struct Parts<'a> {
    arena: &'a mut Arena,
    /// Those that contain an adjoint.
    mixed: IdSet,
    /// The others that change in the step: what they are without spike, outside the support and not refractory.
    quiet: IdMap<ExprId>,
    splits: IdMap<Split>,
    /// Which are known before the first step.
    constants: Rewriting,
}

impl<'a> Parts<'a> {
    fn of(arena: &'a mut Arena, reverse: &Reverse) -> Self {
        let order = arena.reachable(reverse.results());
        let (mixed, constants) = (IdSet::default(), Rewriting::of(is_known));
        let mut parts = Self { arena, mixed, quiet: IdMap::default(), splits: IdMap::default(), constants };
        for id in order {
            let mixed = match parts.arena.node(id) {
                Node::Leaf(leaf) => {
                    matches!(leaf, Leaf::StateAdjoint(_) | Leaf::SpikeAdjoint | Leaf::SignalAdjoint(_))
                }
                _ => parts.arena.children(id).any(|child| parts.mixed.contains(child)),
            };
            if mixed {
                parts.mixed.insert(id);
                // One with more states is part of no filter.
                if let Some(split) = parts.split_node(id).filter(|split| split.linear.len() <= STATES) {
                    parts.splits.insert(id, split);
                }
            } else {
                let quiet = parts.quiet_node(id);
                parts.quiet.insert(id, quiet);
            }
        }
        parts
    }

    fn split(&self, id: ExprId) -> Option<Split> {
        match self.arena.constant_value(id) {
            Some(0.0) => Some(Split::default()),
            _ => self.splits.get(id).cloned(),
        }
    }

    fn quiet(&self, id: ExprId) -> ExprId {
        self.quiet.get(id).copied().unwrap_or(id)
    }

    fn is_zero(&self, id: ExprId) -> bool {
        self.arena.constant_value(id) == Some(0.0)
    }

    fn is_constant(&mut self, id: ExprId) -> bool {
        self.constants.classify(self.arena, id);
        self.constants.is_pure(id)
    }

    /// The value of a number or condition of the step without spike, outside the support and not refractory.
    fn quiet_node(&mut self, id: ExprId) -> ExprId {
        match self.arena.node(id) {
            Node::Spike(_) => self.arena.constant(0.0),
            Node::Leaf(Leaf::Refractory) => self.arena.truth(false),
            Node::Select(c, a, b) => {
                let [c, a, b] = [c, a, b].map(|part| self.quiet(part));
                match self.arena.node(c) {
                    // Where a choice makes it 0 it is 0.
                    Node::Truth(_) => self.arena.select(c, a, b),
                    _ if self.is_zero(a) || self.is_zero(b) => self.arena.constant(0.0),
                    _ => self.arena.select(c, a, b),
                }
            }
            _ => {
                let quiet = &self.quiet;
                self.arena.rebuild(id, |child| quiet.get(child).copied().unwrap_or(child))
            }
        }
    }

    fn split_node(&mut self, id: ExprId) -> Option<Split> {
        let is_mixed = |parts: &Self, id| parts.mixed.contains(id);
        match self.arena.node(id) {
            Node::Leaf(Leaf::StateAdjoint(i)) => {
                let one = self.arena.constant(1.0);
                Some(Split { linear: BTreeMap::from([(usize::from(i), one)]), impulse: None })
            }
            // Most losses that read outputs want them within bounds, and see few neurons outside.
            Node::Leaf(Leaf::SignalAdjoint(_)) => Some(self.impulse(id)),
            Node::Negate(a) => {
                let (split, minus) = (self.split(a)?, self.arena.constant(-1.0));
                Some(self.scaled(split, minus))
            }
            Node::Binary(Operation::Add, a, b) => {
                let (a, b) = (self.split(a)?, self.split(b)?);
                Some(self.sum(a, b))
            }
            Node::Binary(Operation::Subtract, a, b) => {
                let (a, b, minus) = (self.split(a)?, self.split(b)?, self.arena.constant(-1.0));
                let b = self.scaled(b, minus);
                Some(self.sum(a, b))
            }
            Node::Binary(Operation::Multiply, a, b) => match (is_mixed(self, a), is_mixed(self, b)) {
                (true, false) => self.product(id, b, a),
                (false, true) => self.product(id, a, b),
                _ => None,
            },
            Node::Binary(Operation::Divide, a, b) if !is_mixed(self, b) && self.is_constant(b) => {
                let (split, one) = (self.split(a)?, self.arena.constant(1.0));
                let inverse = self.arena.divide(one, b);
                Some(self.scaled(split, inverse))
            }
            Node::Select(c, a, b) if !is_mixed(self, c) => self.choice(id, c, a, b),
            _ => None,
        }
    }

    /// `id = factor * mixed`
    fn product(&mut self, id: ExprId, factor: ExprId, mixed: ExprId) -> Option<Split> {
        let quiet = self.quiet(factor);
        if self.is_zero(quiet) {
            return Some(self.impulse(id));
        }
        if !self.is_constant(quiet) {
            return None;
        }
        let split = self.split(mixed)?;
        let split = self.scaled(split, quiet);
        if quiet == factor {
            return Some(split);
        }
        // What differs comes with a spike or the like.
        let difference = match self.arena.node(factor) {
            Node::Binary(Operation::Subtract, a, b) if a == quiet => self.arena.negate(b),
            _ => self.arena.subtract(factor, quiet),
        };
        let more = self.arena.multiply(difference, mixed);
        let more = self.impulse(more);
        Some(self.sum(split, more))
    }

    /// `id = if c { a } else { b }`
    fn choice(&mut self, id: ExprId, c: ExprId, a: ExprId, b: ExprId) -> Option<Split> {
        let quiet = self.quiet(c);
        let Node::Truth(is_a) = self.arena.node(quiet) else {
            return (self.is_zero(a) || self.is_zero(b)).then(|| self.impulse(id));
        };
        let (usual, other) = if is_a { (a, b) } else { (b, a) };
        let (split, zero) = (self.split(usual)?, self.arena.constant(0.0));
        let difference = self.arena.subtract(other, usual);
        let more = if is_a { self.arena.select(c, zero, difference) } else { self.arena.select(c, difference, zero) };
        let more = self.impulse(more);
        Some(self.sum(split, more))
    }

    fn impulse(&mut self, id: ExprId) -> Split {
        Split { linear: BTreeMap::new(), impulse: Some((self.arena.constant(1.0), id)) }
    }

    fn scaled(&mut self, mut split: Split, factor: ExprId) -> Split {
        for own in split.linear.values_mut().chain(split.impulse.as_mut().map(|(own, _)| own)) {
            *own = self.arena.multiply(factor, *own);
        }
        split
    }

    fn sum(&mut self, mut a: Split, b: Split) -> Split {
        for (state, factor) in b.linear {
            let sum = match a.linear.get(&state) {
                Some(&own) => self.arena.add(own, factor),
                None => factor,
            };
            a.linear.insert(state, sum);
        }
        a.impulse = match (a.impulse, b.impulse) {
            (Some((of_a, own)), Some((of_b, other))) if own == other => Some((self.arena.add(of_a, of_b), own)),
            (Some((of_a, own)), Some((of_b, other))) => {
                let (own, other) = (self.arena.multiply(of_a, own), self.arena.multiply(of_b, other));
                Some((self.arena.constant(1.0), self.arena.add(own, other)))
            }
            (one, other) => one.or(other),
        };
        a
    }
}
