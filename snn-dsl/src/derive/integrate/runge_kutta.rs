//! Explicit Runge–Kutta methods for all states together: Euler, the midpoint rule, and the classical method of fourth order.
//!
//! Source: Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, section II.1.

use super::{Method, Update, derivative};
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::Neuron;
use std::collections::BTreeMap;

/// The derivatives of all states where they have the values `at`; held states do not move.
struct System<'a> {
    arena: &'a mut Arena,
    neuron: &'a Neuron,
    derivatives: Vec<ExprId>,
    states: Vec<ExprId>,
    dt: ExprId,
}

impl<'a> System<'a> {
    fn new(arena: &'a mut Arena, neuron: &'a Neuron, held: &[usize]) -> Self {
        let mut derivatives = Vec::new();
        for i in 0..neuron.states.len() {
            derivatives.push(if held.contains(&i) { arena.constant(0.0) } else { derivative(arena, neuron, i) });
        }
        let states = (0..neuron.states.len()).map(|i| arena.leaf(Leaf::State(i as u16))).collect();
        let dt = arena.leaf(Leaf::Dt);
        Self { arena, neuron, derivatives, states, dt }
    }

    /// The stage: derivatives at the given states.
    fn stage(&mut self, at: &[ExprId], number: usize, names: &mut Vec<(ExprId, String)>) -> Vec<ExprId> {
        let at: BTreeMap<ExprId, ExprId> = self.states.iter().copied().zip(at.iter().copied()).collect();
        let mut stage = Vec::new();
        for (&f, state) in self.derivatives.iter().zip(&self.neuron.states) {
            let k = self.arena.substitute(f, &at);
            names.push((k, format!("k{number}_{}", state.quantity.name)));
            stage.push(k);
        }
        stage
    }

    /// The states moved by `fraction` of the step along `slopes`.
    fn moved(&mut self, fraction: f64, slopes: &[ExprId]) -> Vec<ExprId> {
        let fraction = self.arena.constant(fraction);
        let time = self.arena.multiply(fraction, self.dt);
        let mut moved = Vec::new();
        for (&x, &k) in self.states.iter().zip(slopes) {
            let change = self.arena.multiply(time, k);
            moved.push(self.arena.add(x, change));
        }
        moved
    }
}

/// An explicit method each of whose stages starts from the one before.
pub(super) struct Tableau {
    order: u8,
    /// How much of the step each stage but the first is moved along the slopes of the one before.
    moves: &'static [f64],
    /// The weights of the stages, over their sum.
    weights: &'static [f64],
}

/// x + dt f(x)
pub(super) const EULER: Tableau = Tableau { order: 1, moves: &[], weights: &[1.0] };
/// x + dt f(x + dt/2 f(x))
pub(super) const SECOND_ORDER: Tableau = Tableau { order: 2, moves: &[0.5], weights: &[0.0, 1.0] };
/// x + dt/6 (k1 + 2 k2 + 2 k3 + k4)
pub(super) const FOURTH_ORDER: Tableau = Tableau { order: 4, moves: &[0.5, 0.5, 1.0], weights: &[1.0, 2.0, 2.0, 1.0] };

/// The updates of all states; `names` gets those of the stages.
pub(super) fn explicit(
    arena: &mut Arena,
    neuron: &Neuron,
    held: &[usize],
    tableau: &Tableau,
    names: &mut Vec<(ExprId, String)>,
) -> Vec<Update> {
    let mut system = System::new(arena, neuron, held);
    let mut stages = vec![system.derivatives.clone()];
    for (number, &fraction) in (2..).zip(tableau.moves) {
        if let [first] = &stages[..] {
            names.extend(first.iter().zip(&neuron.states).map(|(&k, s)| (k, format!("k1_{}", s.quantity.name))));
        }
        let Some(last) = stages.last() else { break };
        let at = system.moved(fraction, last);
        stages.push(system.stage(&at, number, names));
    }
    let mut sums: Vec<ExprId> = vec![system.arena.constant(0.0); neuron.states.len()];
    for (stage, &weight) in stages.iter().zip(tableau.weights) {
        let weight = system.arena.constant(weight);
        for (sum, &k) in sums.iter_mut().zip(stage) {
            let term = system.arena.multiply(weight, k);
            *sum = system.arena.add(*sum, term);
        }
    }
    let new = system.moved(1.0 / tableau.weights.iter().sum::<f64>(), &sums);
    let method = |i: usize| if held.contains(&i) { Method::Held } else { Method::RungeKutta(tableau.order) };
    new.into_iter().enumerate().map(|(i, new)| Update::new(method(i), new)).collect()
}
