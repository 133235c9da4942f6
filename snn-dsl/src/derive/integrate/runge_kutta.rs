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

fn updates(order: u8, held: &[usize], new: Vec<ExprId>) -> Vec<Update> {
    let method = |i: usize| if held.contains(&i) { Method::Held } else { Method::RungeKutta(order) };
    new.into_iter().enumerate().map(|(i, new)| Update { method: method(i), new }).collect()
}

/// x + dt f(x)
pub(super) fn euler(arena: &mut Arena, neuron: &Neuron, held: &[usize]) -> Vec<Update> {
    let mut system = System::new(arena, neuron, held);
    let slopes = system.derivatives.clone();
    updates(1, held, system.moved(1.0, &slopes))
}

/// x + dt f(x + dt/2 f(x))
pub(super) fn second_order(
    arena: &mut Arena,
    neuron: &Neuron,
    held: &[usize],
    names: &mut Vec<(ExprId, String)>,
) -> Vec<Update> {
    let mut system = System::new(arena, neuron, held);
    let start = system.states.clone();
    let k1 = system.stage(&start, 1, names);
    let middle = system.moved(0.5, &k1);
    let k2 = system.stage(&middle, 2, names);
    updates(2, held, system.moved(1.0, &k2))
}

/// x + dt/6 (k1 + 2 k2 + 2 k3 + k4)
pub(super) fn fourth_order(
    arena: &mut Arena,
    neuron: &Neuron,
    held: &[usize],
    names: &mut Vec<(ExprId, String)>,
) -> Vec<Update> {
    let mut system = System::new(arena, neuron, held);
    let start = system.states.clone();
    let k1 = system.stage(&start, 1, names);
    let at = system.moved(0.5, &k1);
    let k2 = system.stage(&at, 2, names);
    let at = system.moved(0.5, &k2);
    let k3 = system.stage(&at, 3, names);
    let at = system.moved(1.0, &k3);
    let k4 = system.stage(&at, 4, names);
    let two = system.arena.constant(2.0);
    let mut sums = Vec::new();
    for (((&k1, &k2), &k3), &k4) in k1.iter().zip(&k2).zip(&k3).zip(&k4) {
        let inner = system.arena.add(k2, k3);
        let inner = system.arena.multiply(two, inner);
        let ends = system.arena.add(k1, k4);
        sums.push(system.arena.add(ends, inner));
    }
    updates(4, held, system.moved(1.0 / 6.0, &sums))
}
