//! The reverse of a step: symbolic reverse accumulation over its expression graph.
//!
//! With L the loss, q-bar means dL/dq. The graph is walked from results to leaves; the spike variable z passes its
//! adjoint on to its distance x by the surrogate: x-bar += z-bar g(x).

use super::step::{Step, Threshold};
use crate::expr::{Arena, ExprId, IdMap, IdSet, Leaf, Node};
use std::collections::{BTreeMap, BTreeSet};

/// The adjoints of everything a step reads.
#[derive(Clone, Debug)]
pub struct Reverse {
    /// Of the states at the start of the step.
    pub states: Vec<ExprId>,
    /// The states whose adjoint is always 0: nothing that a loss sees depends on them.
    pub silent: BTreeSet<usize>,
    /// Of the events.
    pub events: Vec<ExprId>,
    /// Of the drives.
    pub drives: Vec<ExprId>,
    /// The contribution of the step to the gradient of each differentiated coefficient.
    pub coefficients: Vec<ExprId>,
    /// What the spike adds to the adjoints of the states, if the errors of events follow from that alone.
    pub impulse: Option<ExprId>,
    /// Names for expressions worth one.
    pub names: BTreeMap<ExprId, String>,
}

impl Reverse {
    /// All results.
    pub fn results(&self) -> impl Iterator<Item = ExprId> + '_ {
        self.states
            .iter()
            .chain(&self.events)
            .chain(&self.drives)
            .chain(&self.coefficients)
            .chain(&self.impulse)
            .copied()
    }

    /// Forgets the coefficients that the gradient does not reach: neither in the step nor as a starting value. Returns
    /// the others.
    pub(super) fn keep_coefficients(&mut self, arena: &Arena, candidates: Vec<usize>, initial: &[usize]) -> Vec<usize> {
        let reached = |c: &usize, id: &ExprId| arena.constant_value(*id) != Some(0.0) || initial.contains(c);
        let gradients = std::mem::take(&mut self.coefficients);
        let kept = candidates.into_iter().zip(gradients).filter(|(c, id)| reached(c, id));
        let (kept, gradients) = kept.unzip();
        self.coefficients = gradients;
        kept
    }

    pub(super) fn rewrite(&mut self, mut f: impl FnMut(ExprId) -> ExprId) {
        let results =
            self.states.iter_mut().chain(&mut self.events).chain(&mut self.drives).chain(&mut self.coefficients);
        for id in results {
            *id = f(*id);
        }
        self.names = std::mem::take(&mut self.names).into_iter().map(|(id, name)| (f(id), name)).collect();
    }
}

/// `ports` counts the event ports and the drives; losses may see the `observed` states and, of any model, spikes and outputs.
pub(super) fn reverse(
    arena: &mut Arena,
    step: &Step,
    ports: (usize, usize),
    differentiated: &[usize],
    observed: &BTreeSet<usize>,
) -> Reverse {
    let seen = seen(arena, step, observed);
    let mut seeds = Vec::new();
    for (i, &end) in step.end.iter().enumerate().filter(|(i, _)| seen.contains(i)) {
        seeds.push((end, arena.leaf(Leaf::StateAdjoint(i as u16))));
    }
    if let Some(threshold) = &step.threshold {
        seeds.push((threshold.z, arena.leaf(Leaf::SpikeAdjoint)));
    }
    for (k, &output) in step.outputs.iter().enumerate() {
        seeds.push((output, arena.leaf(Leaf::SignalAdjoint(k as u16))));
    }
    let adjoint = adjoints(arena, &seeds, step.threshold.as_ref());
    let zero = arena.constant(0.0);
    let mut of = |leaf: Leaf| {
        let leaf = arena.leaf(leaf);
        adjoint.get(leaf).copied().unwrap_or(zero)
    };
    let states = (0..step.end.len()).map(|i| of(Leaf::State(i as u16))).collect();
    let coefficients = differentiated.iter().map(|&c| of(Leaf::Coefficient(c as u32))).collect();
    let events = (0..ports.0).map(|i| of(Leaf::Event(i as u16))).collect();
    let drives = (0..ports.1).map(|i| of(Leaf::Drive(i as u16))).collect();
    let mut names = BTreeMap::new();
    if let Some(t) = &step.threshold {
        for id in [t.z, t.distance] {
            if let (Some(&adjoint), Some(name)) = (adjoint.get(id), step.names.get(&id)) {
                names.insert(adjoint, format!("{name}_bar"));
            }
        }
    }
    let silent = (0..step.end.len()).filter(|i| !seen.contains(i)).collect();
    Reverse { states, silent, events, drives, coefficients, impulse: None, names }
}

/// The states that a gradient reaches from observed states, spikes and outputs, in this step or those before it.
fn seen(arena: &mut Arena, step: &Step, observed: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut seen = observed.clone();
    let ends = observed.iter().filter_map(|&i| step.end.get(i));
    let mut stack: Vec<ExprId> = ends.chain(&step.outputs).copied().collect();
    stack.extend(step.threshold.map(|t| t.distance));
    let mut visited = IdSet::default();
    while let Some(id) = stack.pop() {
        if !visited.insert(id) {
            continue;
        }
        if let Node::Leaf(Leaf::State(i)) = arena.node(id)
            && seen.insert(usize::from(i))
        {
            stack.extend(step.end.get(usize::from(i)));
        }
        stack.extend(arena.partials(id).into_iter().map(|(child, _)| child));
    }
    seen
}

/// The adjoint of every expression below the seeds' expressions.
pub(super) fn adjoints(arena: &mut Arena, seeds: &[(ExprId, ExprId)], threshold: Option<&Threshold>) -> IdMap<ExprId> {
    let order = arena.reachable(seeds.iter().map(|s| s.0));
    let mut adjoint = IdMap::default();
    for &(id, seed) in seeds {
        accumulate(arena, &mut adjoint, id, seed);
    }
    // Parents have larger ids than their children.
    for id in order.into_iter().rev() {
        let Some(&of_node) = adjoint.get(id) else { continue };
        if let Some(t) = threshold
            && id == t.z
        {
            let to_distance = arena.multiply(of_node, t.surrogate);
            accumulate(arena, &mut adjoint, t.distance, to_distance);
        }
        for (child, partial) in arena.partials(id) {
            let term = arena.scale_partial(partial, of_node);
            accumulate(arena, &mut adjoint, child, term);
        }
    }
    adjoint
}

fn accumulate(arena: &mut Arena, adjoint: &mut IdMap<ExprId>, id: ExprId, term: ExprId) {
    let sum = match adjoint.get(id) {
        Some(&sum) => arena.add(sum, term),
        None => term,
    };
    adjoint.insert(id, sum);
}
