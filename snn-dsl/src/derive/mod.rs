//! From a checked neuron to one step of it and the exact reverse of that step.
//!
//! ```text
//! model::Neuron --step--> Step --hoist--> Step over coefficients --reverse--> Reverse --tape--> Tape
//! ```
//!
//! Everything is symbolic, in one arena; nothing here can fail on a checked model.

mod direct;
mod error_filter;
mod exponents;
mod gather;
mod hoist;
mod identity;
mod integrate;
mod jump;
mod program;
mod reverse;
mod step;
mod tape;

pub use error_filter::{ErrorFilter, FilterEntry};
pub use hoist::{Chain, Coefficient, MatrixFunction, Propagator, StoredParameter, Transform};
pub use identity::identity;
pub(crate) use identity::identity_of;
pub use integrate::{Method, Noise, Rule, Update};
pub(crate) use integrate::{Obstacle, inexact_noise, not_linear};
pub use program::{Program, schedule};
pub use reverse::Reverse;
pub use step::{Step, Threshold};
pub use tape::Tape;

use crate::expr::{Arena, ExprId, IdSet, Leaf, Node};
use crate::model;
use std::collections::BTreeSet;

/// A neuron model ready for the interpreter and for emission.
#[derive(Clone, Debug)]
pub struct Derived {
    /// All expressions below.
    pub arena: Arena,
    /// The parameters kept outside the kernel.
    pub stored: Vec<StoredParameter>,
    /// The matrix exponentials that coefficients read.
    pub propagators: Vec<Propagator>,
    /// The hoisted expressions.
    pub coefficients: Vec<Coefficient>,
    /// The coefficient that holds each state's starting value.
    pub initial: Vec<usize>,
    /// The coefficients whose gradient is accumulated.
    pub differentiated: Vec<usize>,
    /// The states, in ascending order, by whose numbers the step reads normal numbers: those that white noise reaches within a
    /// step.
    pub noise: Vec<usize>,
    /// The state that each event port is added to when a step begins, if that is all that a step does with events and the networks of
    /// the model have a use for it ([`model::Model::receives_sparsely`]); otherwise empty.
    pub direct_events: Vec<usize>,
    /// The arguments of `exp` and `exprel` in the step and its reverse that are rate times dt, with a rate that changes.
    pub exponents: IdSet,
    /// One step.
    pub step: Step,
    /// The states at its end where z is 0 or 1: the same numbers with fewer operations.
    pub ends: Vec<ExprId>,
    /// Its reverse.
    pub reverse: Reverse,
    /// How the errors of events follow from the impulse of the reverse, if it has one.
    pub error_filter: Option<ErrorFilter>,
    /// What the step keeps for the reverse.
    pub tape: Tape,
    /// From the coefficients back to the stored parameters.
    pub chain: Chain,
}

/// Derives the step of a neuron, its reverse and the plan of the tape, for losses that may see any state.
pub fn derive(neuron: &model::Neuron) -> Derived {
    derive_for(neuron, &(0..neuron.states.len()).collect())
}

/// Derives a neuron of a model (by its index) for the networks of that model; `None` if there is no such neuron.
pub fn derive_of(model: &model::Model, index: usize) -> Option<Derived> {
    let neuron = model.neurons.get(index)?;
    let mut derived = match model.observed_states(index) {
        Some(observed) => derive_for(neuron, &observed),
        None => derive(neuron),
    };
    // A step without events is more code, and of use only there.
    if model.receives_sparsely(index) {
        derived.direct_events = direct::direct_events(&derived);
    }
    Some(derived)
}

/// Derives a neuron for losses that see no states but the observed ones.
fn derive_for(neuron: &model::Neuron, observed: &BTreeSet<usize>) -> Derived {
    let mut arena = neuron.arena.clone();
    let stored = hoist::stored_parameters(&mut arena, neuron);
    let mut hoisted = hoist::Hoisted::new(neuron);
    let mut step = step::step(&mut arena, neuron, &mut hoisted);
    gather::gather(&mut arena, &mut step);
    hoisted.step(&mut arena, &mut step);
    let initial: Vec<usize> = neuron.states.iter().map(|s| hoisted.initial(&mut arena, s)).collect();
    let candidates = hoisted.differentiated(&arena, &stored);
    let mut reverse =
        reverse::reverse(&mut arena, &step, (neuron.events.len(), neuron.drives.len()), &candidates, observed);
    let differentiated = reverse.keep_coefficients(&arena, candidates, &initial);
    hoisted.reverse(&mut arena, &mut reverse);
    let (error_filter, impulse) = error_filter::error_filter(&mut arena, neuron, &reverse, &mut hoisted).unzip();
    reverse.impulse = impulse;
    let tape = tape::plan(&arena, &reverse);
    let (coefficients, propagators) = hoisted.finish(&arena, &stored);
    let chain = hoist::chain(&mut arena, &coefficients, &propagators, &stored, &differentiated);
    let noise = normal_numbers(&arena, &step);
    let ends = jump::ends(&mut arena, &step);
    let exponents = exponents::exponents(&arena, &coefficients, step.results(), reverse.results());
    Derived {
        arena,
        stored,
        coefficients,
        propagators,
        initial,
        differentiated,
        noise,
        direct_events: Vec::new(),
        exponents,
        step,
        ends,
        reverse,
        error_filter,
        tape,
        chain,
    }
}

/// The states by whose numbers a step reads normal numbers.
fn normal_numbers(arena: &Arena, step: &Step) -> Vec<usize> {
    let read = arena.reachable(step.results()).into_iter().filter_map(|id| match arena.node(id) {
        Node::Leaf(Leaf::Noise(i)) => Some(usize::from(i)),
        _ => None,
    });
    read.collect::<BTreeSet<usize>>().into_iter().collect()
}

/// The contributions of an elementwise function `y = f(x0, x1, ...)` to the gradients of its inputs, as expressions of the
/// inputs `Argument(k)` and of `OutputAdjoint(0)`, dL/dy.
pub fn map_gradients(arena: &mut Arena, function: ExprId, inputs: usize) -> Vec<ExprId> {
    let seed = arena.leaf(Leaf::OutputAdjoint(0));
    let adjoint = reverse::adjoints(arena, &[(function, seed)], None);
    let zero = arena.constant(0.0);
    let of = |arena: &mut Arena, k: usize| {
        let leaf = arena.leaf(Leaf::Argument(k as u16));
        adjoint.get(leaf).copied().unwrap_or(zero)
    };
    (0..inputs).map(|k| of(arena, k)).collect()
}

impl Derived {
    /// The computation of the step where z is 0 or 1; with `keep_tape` also of what the reverse reads.
    pub fn step_program(&self, keep_tape: bool) -> Program {
        let tape = if keep_tape { self.tape.stored() } else { BTreeSet::new() };
        let fires = self.step.threshold.map(|t| t.fires);
        let results = self.ends.iter().chain(&self.step.outputs).copied().chain(fires).chain(tape);
        schedule(&self.arena, results, &BTreeSet::new(), self.step.threshold.map(|t| t.fires))
    }

    /// The computation of the step in smooth mode, tape included.
    pub fn smooth_program(&self) -> Program {
        let z = self.step.threshold.map(|t| t.z);
        let results = self.step.results().chain(self.tape.stored()).chain(z);
        schedule(&self.arena, results, &BTreeSet::new(), self.step.threshold.map(|t| t.primitive))
    }

    /// The computation of the reverse from the tape, the spikes and the adjoints.
    pub fn reverse_program(&self) -> Program {
        schedule(&self.arena, self.reverse.results(), &self.tape.stored(), None)
    }
}

#[cfg(test)]
mod tests;
