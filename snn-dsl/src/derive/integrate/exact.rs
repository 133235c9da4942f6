//! Exact propagators of linear systems, exponential Euler for all other states.
//!
//! With x the states of a connected part, M their rates and b what is frozen, x(t + dt) = P x + Q b, where P = exp(M dt) and
//! Q = dt phi1(M dt). P and Q together are blocks of the exponential of the augmented matrix [[M, E], [0, 0]] dt. It is total
//! in every case: singular, with equal time constants, with complex eigenvalues, not diagonalisable.
//!
//! A state alone has the closed form of exponential Euler, and a state that another one drives that of a divided difference:
//! P_ij = M_ij dt exp[a_j, a_i], a = M_ii dt, exp[a, b] = (exp(a) - exp(b))/(a - b) = exp(a) phi1(b - a), evaluated from the
//! larger of the two. Longer paths and cycles take a matrix exponential before the first step.
//!
//! Sources: Rotter and Diesmann, Biological Cybernetics 81 (1999); Van Loan, IEEE Transactions on Automatic Control 23
//! (1978), for the augmented matrix; McCurdy, Ng and Parlett, Mathematics of Computation 43 (1984), for divided differences.

use super::linear::{Obstacle, Part, Row, analyse, reached};
use super::{Method, Update, exponential, noise};
use crate::derive::hoist::{Hoisted, MatrixFunction};
use crate::expr::{Arena, Comparison, ExprId, Function, Leaf};
use crate::model::Neuron;
use std::collections::{BTreeMap, BTreeSet};

/// The updates of all states, and what keeps some from being part of a linear system.
pub(super) fn all(
    arena: &mut Arena,
    neuron: &Neuron,
    held: &[usize],
    hoisted: &mut Hoisted,
) -> (Vec<Update>, Vec<(usize, Obstacle)>) {
    let analysis = analyse(arena, neuron, held);
    let mut found: BTreeMap<usize, Update> = BTreeMap::new();
    for part in analysis.parts.iter().filter(|p| p.rows.len() > 1) {
        found.extend(exact(arena, neuron, part, hoisted));
    }
    let mut update = |i| match found.remove(&i) {
        Some(update) => update,
        None if held.contains(&i) => Update::held(arena, i),
        None => exponential::euler(arena, neuron, i, hoisted),
    };
    ((0..neuron.states.len()).map(&mut update).collect(), analysis.obstacles)
}

/// The propagator of one part: what multiplies state or input `from` in the new value of state `to`.
#[derive(Default)]
struct Propagator {
    states: BTreeMap<(usize, usize), ExprId>,
    inputs: BTreeMap<(usize, usize), ExprId>,
}

fn exact(arena: &mut Arena, neuron: &Neuron, part: &Part, hoisted: &mut Hoisted) -> Vec<(usize, Update)> {
    let reached = reached(part);
    let groups = noise::groups(arena, neuron, part, &reached);
    let passed: BTreeSet<usize> = groups.iter().flat_map(|group| group.passed()).copied().collect();
    let propagator =
        if part.closed { closed(arena, neuron, part, hoisted) } else { matrix(arena, neuron, part, &passed, hoisted) };
    let mut noisy = BTreeMap::new();
    for group in &groups {
        noisy.extend(group.terms(arena, neuron, part, &propagator.inputs, hoisted));
    }
    let mut states: Vec<usize> = part.rows.iter().map(|r| r.0).collect();
    states.sort_unstable();
    let mut updates = Vec::new();
    for &to in &states {
        let mut terms = Vec::new();
        let from_itself = propagator.states.get(&(to, to)).map(|&p| (to, p));
        let others = states.iter().filter(|&&from| from != to);
        let others = others.filter_map(|&from| propagator.states.get(&(to, from)).map(|&p| (from, p)));
        for (from, factor) in from_itself.into_iter().chain(others) {
            let x = arena.leaf(Leaf::State(from as u16));
            terms.push(arena.multiply(factor, x));
        }
        for (from, row) in &part.rows {
            if let Some(&factor) = propagator.inputs.get(&(to, *from)) {
                terms.push(arena.multiply(factor, row.input));
            }
        }
        terms.extend(noisy.get(&to).into_iter().flatten());
        let group = groups.iter().find(|group| group.states.contains(&to));
        let zero = arena.constant(0.0);
        let new = terms.into_iter().fold(zero, |sum, term| arena.add(sum, term));
        let method = Method::Exact { states: states.clone(), closed: part.closed };
        updates.push((to, Update { method, new, noise: group.map(|group| group.noise_of(reached.get(&to))) }));
    }
    updates
}

fn name(neuron: &Neuron, state: usize) -> String {
    neuron.states.get(state).map(|s| s.quantity.name.clone()).unwrap_or_default()
}

/// Every path has one link: divided differences of order one.
fn closed(arena: &mut Arena, neuron: &Neuron, part: &Part, hoisted: &mut Hoisted) -> Propagator {
    let dt = arena.leaf(Leaf::Dt);
    let zero = arena.constant(0.0);
    let mut own: BTreeMap<usize, ExprId> = BTreeMap::new();
    for (i, row) in &part.rows {
        own.insert(*i, row.exponent(arena, *i));
    }
    let exponent = |i: usize| own.get(&i).copied().unwrap_or(zero);
    let mut propagator = Propagator::default();
    for (to, row) in &part.rows {
        let a = exponent(*to);
        let decay = arena.apply(Function::Exp, a);
        let decay = hoisted.factor(arena, decay, format!("decay_{}", name(neuron, *to)));
        propagator.states.insert((*to, *to), decay);
        for from in row.slopes.keys().filter(|from| *from != to) {
            let difference = divided_difference(arena, a, exponent(*from));
            let link = row.exponent(arena, *from);
            let factor = arena.multiply(link, difference);
            let factor = hoisted.factor(arena, factor, format!("P_{}_{}", name(neuron, *to), name(neuron, *from)));
            propagator.states.insert((*to, *from), factor);
        }
        if !row.is_unforced {
            let slope = row.slopes.get(to).copied().unwrap_or(zero);
            let gain = exponential::gain(arena, slope, row.coefficient, dt);
            let gain = hoisted.factor(arena, gain, format!("gain_{}", name(neuron, *to)));
            propagator.inputs.insert((*to, *to), gain);
        }
    }
    propagator
}

/// exp[a, b] = exp(a) phi1(b - a), from the larger of the two.
fn divided_difference(arena: &mut Arena, a: ExprId, b: ExprId) -> ExprId {
    if a == b {
        return arena.apply(Function::Exp, a);
    }
    let mut from = |a: ExprId, b: ExprId| {
        let exp = arena.apply(Function::Exp, a);
        let difference = arena.subtract(b, a);
        let growth = arena.apply(Function::Exprel, difference);
        arena.multiply(exp, growth)
    };
    let (from_a, from_b) = (from(a, b), from(b, a));
    let larger = arena.compare(Comparison::Greater, a, b);
    arena.select(larger, from_a, from_b)
}

/// Longer paths and cycles: the exponential of the augmented matrix. The noise of the states `passed` counts as an input.
fn matrix(
    arena: &mut Arena,
    neuron: &Neuron,
    part: &Part,
    passed: &BTreeSet<usize>,
    hoisted: &mut Hoisted,
) -> Propagator {
    let dt = arena.leaf(Leaf::Dt);
    let zero = arena.constant(0.0);
    let states: Vec<usize> = part.rows.iter().map(|r| r.0).collect();
    let is_input = |(i, row): &&(usize, Row)| !row.is_unforced || passed.contains(i);
    let inputs: Vec<usize> = part.rows.iter().filter(is_input).map(|r| r.0).collect();
    let mut entries = Vec::new();
    for (to, row) in &part.rows {
        for from in &states {
            entries.push(row.exponent(arena, *from));
        }
        for from in &inputs {
            entries.push(if from == to { arena.divide(dt, row.coefficient) } else { zero });
        }
    }
    let reached = reached(part);
    let results = hoisted.matrix(arena, MatrixFunction::Propagator, states.len(), entries);
    let mut results = results.into_iter();
    let mut propagator = Propagator::default();
    for &to in &states {
        for &from in &states {
            let Some(entry) = results.next() else { continue };
            if from == to && part.alone.contains(&to) {
                // Exact to the last digits, however far the other rates are: it is taken to a high power over time.
                let exponent = part.rows.iter().find(|(i, _)| *i == to).map(|(_, row)| row.exponent(arena, to));
                let decay = arena.apply(Function::Exp, exponent.unwrap_or(zero));
                let decay = hoisted.factor(arena, decay, format!("decay_{}", name(neuron, to)));
                propagator.states.insert((to, to), decay);
            } else if reached.get(&to).is_some_and(|r| r.contains(&from)) {
                let factor = hoisted.factor(arena, entry, format!("P_{}_{}", name(neuron, to), name(neuron, from)));
                propagator.states.insert((to, from), factor);
            }
        }
        for &from in &inputs {
            let Some(entry) = results.next() else { continue };
            if reached.get(&to).is_some_and(|r| r.contains(&from)) {
                let factor = hoisted.factor(arena, entry, format!("Q_{}_{}", name(neuron, to), name(neuron, from)));
                propagator.inputs.insert((to, from), factor);
            }
        }
    }
    propagator
}
