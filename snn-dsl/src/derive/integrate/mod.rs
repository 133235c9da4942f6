//! From equations `c dx/dt = f` to the states after one step, as expressions of the states after events.
//!
//! Inputs are constant during a step. What each method does, and why, is said in its own file; [`Method`] says for one state
//! what was chosen and is what `snn explain` prints.

mod exact;
mod exponential;
mod linear;
mod noise;
mod runge_kutta;

pub(crate) use linear::Obstacle;
pub use noise::{Noise, Rule};

use super::hoist::Hoisted;
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::{Integration, Neuron};

/// How the equation of one state becomes its update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// The right-hand side is free of the state itself: x + dt f/c.
    Constant,
    /// Exponential Euler: affine in itself; `varying` if its rate changes from step to step.
    Affine {
        /// The rate reads states or inputs.
        varying: bool,
    },
    /// Exponential Euler with the slope at the start of the step (Rosenbrock–Euler).
    Rosenbrock,
    /// One exact propagator for all of these states, itself included.
    Exact {
        /// The states, in ascending order.
        states: Vec<usize>,
        /// The factors are closed formulas; otherwise entries of a matrix exponential.
        closed: bool,
    },
    /// Exponential midpoint: the slope and all else at the middle of the step.
    Midpoint,
    /// Runge–Kutta of that order (1, 2 or 4).
    RungeKutta(u8),
    /// It is held.
    Held,
}

/// The update of one state.
#[derive(Clone, Debug)]
pub struct Update {
    /// How.
    pub method: Method,
    /// The new value; states in it are those after events.
    pub new: ExprId,
    /// The white noise in it.
    pub noise: Option<Noise>,
}

impl Update {
    /// Without noise.
    fn new(method: Method, new: ExprId) -> Self {
        Self { method, new, noise: None }
    }

    fn held(arena: &mut Arena, state: usize) -> Self {
        Self::new(Method::Held, arena.leaf(Leaf::State(state as u16)))
    }
}

/// The updates of all states, and names for what they share.
pub(super) struct Integrated {
    pub updates: Vec<Update>,
    pub names: Vec<(ExprId, String)>,
    /// What keeps states from being part of a linear system, if the method looks for such.
    pub obstacles: Option<Vec<(usize, Obstacle)>>,
}

/// Integrates the equations over one step; the states in `held` are constants.
pub(super) fn integrate(arena: &mut Arena, neuron: &Neuron, held: &[usize], hoisted: &mut Hoisted) -> Integrated {
    let mut names = Vec::new();
    let mut obstacles = None;
    let mut updates = match neuron.integration {
        Integration::Auto | Integration::Exact => {
            let (updates, found) = exact::all(arena, neuron, held, hoisted);
            obstacles = Some(found);
            updates
        }
        Integration::ExponentialEuler => {
            let mut update = |i| match held.contains(&i) {
                true => Update::held(arena, i),
                false => exponential::euler(arena, neuron, i, hoisted),
            };
            (0..neuron.states.len()).map(&mut update).collect()
        }
        Integration::ExponentialMidpoint => exponential::midpoint(arena, neuron, held, hoisted, &mut names),
        Integration::Euler => runge_kutta::explicit(arena, neuron, held, &runge_kutta::EULER, &mut names),
        Integration::RungeKutta2 => runge_kutta::explicit(arena, neuron, held, &runge_kutta::SECOND_ORDER, &mut names),
        Integration::RungeKutta4 => runge_kutta::explicit(arena, neuron, held, &runge_kutta::FOURTH_ORDER, &mut names),
    };
    noise::euler_maruyama(arena, neuron, &mut updates);
    Integrated { updates, names, obstacles }
}

/// The states whose equations are not linear in the sense of `auto`, with the reason; empty if the whole neuron has an exact
/// propagator.
pub(crate) fn not_linear(arena: &mut Arena, neuron: &Neuron) -> Vec<(usize, Obstacle)> {
    linear::analyse(arena, neuron, &[]).obstacles
}

/// The states whose equations are linear, but whose noise is not exact in distribution, with the reason.
pub(crate) fn inexact_noise(arena: &mut Arena, neuron: &Neuron) -> Vec<(usize, Obstacle)> {
    let analysis = linear::analyse(arena, neuron, &[]);
    analysis.parts.iter().flat_map(|part| noise::inexact(arena, neuron, part)).collect()
}

/// dx/dt of a state.
fn derivative(arena: &mut Arena, neuron: &Neuron, state: usize) -> ExprId {
    match neuron.states.get(state) {
        Some(s) => arena.divide(s.rhs, s.coefficient),
        None => arena.constant(0.0),
    }
}
