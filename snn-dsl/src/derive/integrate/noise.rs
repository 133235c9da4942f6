//! White noise: `c dx/dt = f + g xi`, in the sense of Itô, with a normal number N of its own for each state, neuron and
//! step.
//!
//! Euler–Maruyama adds g/c sqrt(dt) N, with g at the start of the step. Where x alone relaxes with the rate a, the variance
//! over the step is that of the Ornstein–Uhlenbeck process, dt phi1(2 a dt), and the update is exact in distribution if g is
//! constant (Gillespie, Physical Review E 54 (1996), 2084).
//!
//! In a linear part of several states, the noise of a state reaches all that read it, directly or not. States that share a
//! source form a group. With M the rates of a group and G = diag(g/c), its noise over a step has the covariance
//!
//! ```text
//! Q = integral from 0 to dt of exp(M s) G G' exp(M' s) ds
//! ```
//!
//! (Van Loan, IEEE Transactions on Automatic Control 23 (1978), 395); with Q = L L' (Cholesky), L N is added, with a normal
//! number for each state of the group. The runtime computes L before the first step. The factor of a single source stands
//! before L and may change from step to step; several sources whose factors change would need a factorisation in every
//! step. Their noise is passed on as if it were constant over the step, which leaves the variance of a state alone exact,
//! and makes the variance that one passes on to the next within a step, k^2 dt^3/3, a quarter too small.

use super::linear::{Part, Row, reached};
use super::{Method, Obstacle, Update};
use crate::derive::hoist::{Hoisted, MatrixFunction, changes_in_step};
use crate::expr::{Arena, ExprId, Function, Leaf};
use crate::model::{Neuron, State};
use std::collections::BTreeMap;

/// The white noise in the update of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise {
    /// The states in whose equations it stands.
    pub sources: Vec<usize>,
    /// How it is drawn.
    pub rule: Rule,
    /// A factor reads states, and is that at the start of the step.
    pub frozen: bool,
}

/// How noise is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// With the variance dt.
    EulerMaruyama,
    /// With the variance of an Ornstein–Uhlenbeck process over a step.
    Variance,
    /// With the covariance of several states over a step.
    Covariance,
    /// Each source by itself with its variance, and passed on as if it were constant over the step.
    Passed,
}

/// Adds the noise of every state whose method does not have it yet.
pub(super) fn euler_maruyama(arena: &mut Arena, neuron: &Neuron, updates: &mut [Update]) {
    for (i, (state, update)) in neuron.states.iter().zip(updates).enumerate() {
        if state.noise.is_some()
            && update.noise.is_none()
            && !matches!(update.method, Method::Exact { .. } | Method::Held)
        {
            let zero = arena.constant(0.0);
            add(arena, state, i, update, Rule::EulerMaruyama, zero);
        }
    }
}

/// Adds the noise of a state that relaxes by itself, given a dt.
pub(super) fn add(arena: &mut Arena, state: &State, i: usize, update: &mut Update, rule: Rule, exponent: ExprId) {
    let Some(g) = state.noise else { return };
    let jump = own(arena, state, i, g, exponent);
    update.new = arena.add(update.new, jump);
    update.noise = Some(Noise { sources: vec![i], rule, frozen: reads_a_state(arena, g) });
}

/// g/c sqrt(dt phi1(2 a dt)) N
fn own(arena: &mut Arena, state: &State, i: usize, g: ExprId, exponent: ExprId) -> ExprId {
    let deviation = deviation(arena, exponent);
    let amplitude = arena.divide(deviation, state.coefficient);
    let amplitude = arena.multiply(g, amplitude);
    let normal = arena.leaf(Leaf::Noise(i as u16));
    arena.multiply(amplitude, normal)
}

/// The standard deviation that unit white noise leaves after a step of relaxation with a rate a, given a dt:
/// sqrt(dt phi1(2 a dt)).
fn deviation(arena: &mut Arena, exponent: ExprId) -> ExprId {
    let dt = arena.leaf(Leaf::Dt);
    let two = arena.constant(2.0);
    let twice = arena.multiply(two, exponent);
    let growth = arena.apply(Function::Exprel, twice);
    let variance = arena.multiply(dt, growth);
    arena.apply(Function::Sqrt, variance)
}

fn reads_a_state(arena: &Arena, expression: ExprId) -> bool {
    arena.leaves(expression).iter().any(|leaf| matches!(leaf, Leaf::State(_)))
}

/// States of a part that share a source of noise, directly or not.
pub(super) struct Group {
    /// In the order of the part: sources before what they reach, cycles aside.
    pub states: Vec<usize>,
    /// The noise of all of them.
    pub noise: Noise,
}

/// The groups of a part, given for each state those that reach it.
pub(super) fn groups(arena: &Arena, neuron: &Neuron, part: &Part, reached: &BTreeMap<usize, Vec<usize>>) -> Vec<Group> {
    let factor = |i: usize| neuron.states.get(i).and_then(|s| s.noise);
    let mut found: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for &(i, _) in &part.rows {
        let mut sources: Vec<usize> = reached.get(&i).into_iter().flatten().copied().collect();
        sources.retain(|&j| factor(j).is_some());
        if sources.is_empty() {
            continue;
        }
        let mut states = vec![i];
        found.retain(|(others, their)| {
            let apart = !their.iter().any(|j| sources.contains(j));
            if !apart {
                states.extend(others);
                sources.extend(their);
            }
            apart
        });
        found.push((states, sources));
    }
    let group = |(mut states, mut sources): (Vec<usize>, Vec<usize>)| {
        states.sort_by_key(|i| part.rows.iter().position(|(j, _)| j == i));
        sources.sort_unstable();
        sources.dedup();
        let factors: Vec<ExprId> = sources.iter().filter_map(|&j| factor(j)).collect();
        let rule = match (states.len(), sources.len()) {
            (1, _) => Rule::Variance,
            (_, 1) => Rule::Covariance,
            _ if factors.iter().any(|&g| changes_in_step(arena, g)) => Rule::Passed,
            _ => Rule::Covariance,
        };
        let frozen = factors.iter().any(|&g| reads_a_state(arena, g));
        Group { states, noise: Noise { sources, rule, frozen } }
    };
    found.into_iter().map(group).collect()
}

/// The states of a linear part whose noise is not exact in distribution.
pub(super) fn inexact(arena: &Arena, neuron: &Neuron, part: &Part) -> Vec<(usize, Obstacle)> {
    let mut found = Vec::new();
    for group in groups(arena, neuron, part, &reached(part)) {
        for &source in &group.noise.sources {
            let factor = neuron.states.get(source).and_then(|s| s.noise);
            if factor.is_some_and(|g| reads_a_state(arena, g)) {
                found.push((source, Obstacle::Multiplicative));
            } else if group.noise.rule == Rule::Passed {
                found.push((source, Obstacle::Mixed));
            }
        }
    }
    found
}

impl Group {
    /// The sources whose noise enters as an input that is constant over the step.
    pub(super) fn passed(&self) -> &[usize] {
        if self.noise.rule == Rule::Passed { &self.noise.sources } else { &[] }
    }

    /// The noise in a state that these states reach.
    pub(super) fn noise_of(&self, reached: Option<&Vec<usize>>) -> Noise {
        let mut noise = self.noise.clone();
        noise.sources.retain(|i| reached.is_some_and(|reached| reached.contains(i)));
        noise
    }

    /// The noise in the new value of each state; `inputs` is what multiplies an input of the second state in the first.
    pub(super) fn terms(
        &self,
        arena: &mut Arena,
        neuron: &Neuron,
        part: &Part,
        inputs: &BTreeMap<(usize, usize), ExprId>,
        hoisted: &mut Hoisted,
    ) -> BTreeMap<usize, Vec<ExprId>> {
        if self.noise.rule == Rule::Covariance {
            return self.covariance(arena, neuron, part, hoisted);
        }
        let mut terms: BTreeMap<usize, Vec<ExprId>> = BTreeMap::new();
        for &from in &self.noise.sources {
            let Some((state, g)) = neuron.states.get(from).and_then(|s| Some((s, s.noise?))) else { continue };
            for &to in &self.states {
                let term = if to == from && part.alone.contains(&to) {
                    let row = part.rows.iter().find(|(i, _)| *i == to);
                    row.map(|(_, row)| {
                        let exponent = row.exponent(arena, to);
                        own(arena, state, from, g, exponent)
                    })
                } else {
                    // The factor of an input contains 1/c.
                    inputs.get(&(to, from)).map(|&factor| {
                        let root = root_dt(arena);
                        let factor = arena.divide(factor, root);
                        let amplitude = arena.multiply(g, factor);
                        let normal = arena.leaf(Leaf::Noise(from as u16));
                        arena.multiply(amplitude, normal)
                    })
                };
                terms.entry(to).or_default().extend(term);
            }
        }
        terms
    }

    /// L N, the factor of a single source before L.
    fn covariance(
        &self,
        arena: &mut Arena,
        neuron: &Neuron,
        part: &Part,
        hoisted: &mut Hoisted,
    ) -> BTreeMap<usize, Vec<ExprId>> {
        let name = |i: usize| neuron.states.get(i).map_or("", |s| s.quantity.name.as_str());
        let single = match self.noise.sources.as_slice() {
            [source] => neuron.states.get(*source).and_then(|s| s.noise),
            _ => None,
        };
        let rows: BTreeMap<usize, &Row> = part.rows.iter().map(|(i, row)| (*i, row)).collect();
        let mut entries = Vec::new();
        for &to in &self.states {
            let Some(row) = rows.get(&to) else { continue };
            for &from in &self.states {
                entries.push(row.exponent(arena, from));
            }
            entries.push(match neuron.states.get(to).and_then(|s| s.noise) {
                Some(g) => {
                    let root = root_dt(arena);
                    let unit = arena.divide(root, row.coefficient);
                    if single.is_some() { unit } else { arena.multiply(g, unit) }
                }
                None => arena.constant(0.0),
            });
        }
        let count = self.states.len();
        let results = hoisted.matrix(arena, MatrixFunction::NoiseFactor, count, entries);
        let mut terms: BTreeMap<usize, Vec<ExprId>> = BTreeMap::new();
        for (k, (&to, row)) in self.states.iter().zip(results.chunks(count + 1)).enumerate() {
            for (&from, &entry) in self.states.iter().zip(row).take(k + 1) {
                let label = format!("L_{}_{}", name(to), name(from));
                let factor = match single {
                    Some(g) if !changes_in_step(arena, g) => {
                        let product = arena.multiply(g, entry);
                        hoisted.factor(arena, product, label)
                    }
                    Some(g) => {
                        let factor = hoisted.factor(arena, entry, label);
                        arena.multiply(g, factor)
                    }
                    None => hoisted.factor(arena, entry, label),
                };
                let normal = arena.leaf(Leaf::Noise(from as u16));
                let term = arena.multiply(factor, normal);
                terms.entry(to).or_default().push(term);
            }
        }
        terms
    }
}

fn root_dt(arena: &mut Arena) -> ExprId {
    let dt = arena.leaf(Leaf::Dt);
    arena.apply(Function::Sqrt, dt)
}
