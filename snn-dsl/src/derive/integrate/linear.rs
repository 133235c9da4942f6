//! Which states form linear systems.
//!
//! The strongly connected components of the state graph are visited in topological order. A component is *linear* if its
//! right-hand sides are affine in its own states and in those of linear components before it, with coefficients that are
//! constant over the step; all else enters frozen. Linear components that read one another form a part, which has one exact
//! propagator. Coefficients that change from step to step (they read inputs or frozen states) are possible where the
//! propagator has a closed form; elsewhere a matrix exponential would be needed in every step, and the component counts as
//! not linear.

use super::derivative;
use super::exponential::exponent;
use crate::derive::hoist::changes_in_step;
use crate::expr::{Arena, ExprId, Leaf};
use crate::model::Neuron;
use std::collections::{BTreeMap, BTreeSet};

/// Matrix exponentials of more states than this are not taken.
const LARGEST: usize = 32;

/// Why a state is not part of a linear system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its equation is not affine in the states of its system, with coefficients that are constant over a step.
    NotAffine,
    /// That of another state is not, which depends on this one and on which this one depends.
    Coupled,
    /// Coefficients change from step to step, and the propagator has no closed form.
    Varying,
    /// More states than a matrix exponential is taken of.
    Large,
    /// The factor of its noise reads a state.
    Multiplicative,
    /// Its noise reaches states that other noise reaches, and the factors change from step to step.
    Mixed,
}

/// The equation of a state of a linear system: c dx/dt = sum of slope times state + input.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// By state; none is zero.
    pub slopes: BTreeMap<usize, ExprId>,
    /// What is frozen.
    pub input: ExprId,
    /// c
    pub coefficient: ExprId,
    /// The input is 0.
    pub is_unforced: bool,
    /// It has white noise.
    pub noisy: bool,
}

impl Row {
    /// The slope with which a state enters, per c, times dt.
    pub(super) fn exponent(&self, arena: &mut Arena, state: usize) -> ExprId {
        match self.slopes.get(&state) {
            Some(&slope) => {
                let dt = arena.leaf(Leaf::Dt);
                exponent(arena, slope, self.coefficient, dt)
            }
            None => arena.constant(0.0),
        }
    }

    /// It has something to pass on that is no state of the system.
    pub(super) fn is_forced(&self) -> bool {
        !self.is_unforced || self.noisy
    }
}

/// Linear components that are connected.
#[derive(Debug)]
pub(super) struct Part {
    /// In an order in which every state comes after those it reads, cycles aside.
    pub rows: Vec<(usize, Row)>,
    /// The states that are in no cycle with another.
    pub alone: BTreeSet<usize>,
    /// Every path through it has one link at most, so that closed formulas do.
    pub closed: bool,
}

/// The state graph, taken apart.
#[derive(Debug)]
pub(super) struct Analysis {
    pub parts: Vec<Part>,
    pub obstacles: Vec<(usize, Obstacle)>,
}

/// Takes the state graph apart; the states in `held` are constants.
pub(super) fn analyse(arena: &mut Arena, neuron: &Neuron, held: &[usize]) -> Analysis {
    let free: Vec<usize> = (0..neuron.states.len()).filter(|i| !held.contains(i)).collect();
    let mut reads: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for &i in &free {
        let flow = derivative(arena, neuron, i);
        let read = arena.leaves(flow).into_iter().filter_map(|leaf| match leaf {
            Leaf::State(j) => Some(usize::from(j)),
            _ => None,
        });
        reads.insert(i, read.filter(|j| !held.contains(j)).collect());
    }
    let components = components(&free, &reads);
    let mut excluded: BTreeMap<usize, Obstacle> = BTreeMap::new();
    loop {
        let mut linear: BTreeSet<usize> = BTreeSet::new();
        let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
        let mut obstacles = Vec::new();
        for (k, component) in components.iter().enumerate() {
            let mut with = linear.clone();
            with.extend(component);
            let mut found: Vec<(usize, Option<Row>)> = Vec::new();
            for &i in component {
                let read = reads.get(&i);
                found.push((i, read.and_then(|read| row(arena, neuron, i, &with, read))));
            }
            if let Some(&why) = excluded.get(&k) {
                obstacles.extend(component.iter().map(|&i| (i, why)));
            } else if found.iter().all(|(_, row)| row.is_some()) {
                linear = with;
                rows.extend(found.into_iter().filter_map(|(i, row)| Some((i, row?))));
            } else {
                let why = |row: Option<Row>| if row.is_some() { Obstacle::Coupled } else { Obstacle::NotAffine };
                obstacles.extend(found.into_iter().map(|(i, row)| (i, why(row))));
            }
        }
        let parts = connected(&components, rows);
        let mut again = false;
        for part in parts.iter().filter(|p| !p.closed) {
            let large = part.rows.len() > LARGEST;
            let varying = |row: &Row| row.slopes.values().chain([&row.coefficient]).any(|&e| changes_in_step(arena, e));
            for (i, row) in &part.rows {
                let why = match (large, varying(row)) {
                    (true, _) => Obstacle::Large,
                    (_, true) => Obstacle::Varying,
                    _ => continue,
                };
                if let Some(k) = components.iter().position(|c| c.contains(i)) {
                    excluded.insert(k, why);
                    again = true;
                }
            }
        }
        if !again {
            return Analysis { parts, obstacles };
        }
    }
}

/// The equation of state `i` as affine in the states `with`.
fn row(arena: &mut Arena, neuron: &Neuron, i: usize, with: &BTreeSet<usize>, reads: &BTreeSet<usize>) -> Option<Row> {
    let state = neuron.states.get(i)?;
    let leaves: Vec<usize> = reads.intersection(with).copied().collect();
    let free = |arena: &Arena, e: ExprId| leaves.iter().all(|&j| !arena.depends_on(e, Leaf::State(j as u16)));
    if !free(arena, state.coefficient) {
        return None;
    }
    let mut slopes = BTreeMap::new();
    let mut rest = state.rhs;
    for &j in &leaves {
        let form = arena.affine_in(rest, Leaf::State(j as u16))?;
        if !free(arena, form.slope) {
            return None;
        }
        rest = form.offset;
        if arena.constant_value(form.slope) != Some(0.0) {
            slopes.insert(j, form.slope);
        }
    }
    let is_unforced = arena.constant_value(rest) == Some(0.0);
    let coefficient = state.coefficient;
    Some(Row { slopes, input: rest, coefficient, is_unforced, noisy: state.noise.is_some() })
}

/// The strongly connected components, each after those it reads (Tarjan, SIAM Journal on Computing 1 (1972), 146).
fn components(states: &[usize], reads: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<Vec<usize>> {
    struct Visit {
        state: usize,
        open: Vec<usize>,
    }
    let mut order: BTreeMap<usize, usize> = BTreeMap::new();
    let mut low: BTreeMap<usize, usize> = BTreeMap::new();
    let mut stack: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    let visit = |state: usize| Visit { state, open: reads.get(&state).into_iter().flatten().copied().collect() };
    for &root in states {
        if order.contains_key(&root) {
            continue;
        }
        let mut path = vec![visit(root)];
        while let Some(top) = path.last_mut() {
            let state = top.state;
            if !order.contains_key(&state) {
                let number = order.len();
                order.insert(state, number);
                low.insert(state, number);
                stack.push(state);
            }
            let lowest = |low: &mut BTreeMap<usize, usize>, value: usize| {
                low.entry(state).and_modify(|l| *l = value.min(*l));
            };
            if let Some(next) = top.open.pop() {
                match order.get(&next) {
                    None => path.push(visit(next)),
                    Some(&number) if stack.contains(&next) => lowest(&mut low, number),
                    Some(_) => {}
                }
                continue;
            }
            let own = low.get(&state).copied().unwrap_or_default();
            if order.get(&state) == Some(&own)
                && let Some(place) = stack.iter().position(|&s| s == state)
            {
                let mut component = stack.split_off(place);
                component.sort_unstable();
                found.push(component);
            }
            path.pop();
            if let Some(below) = path.last() {
                let value = own.min(low.get(&below.state).copied().unwrap_or(own));
                low.insert(below.state, value);
            }
        }
    }
    found
}

/// Linear states that read one another, directly or not, in any direction.
fn connected(components: &[Vec<usize>], mut rows: BTreeMap<usize, Row>) -> Vec<Part> {
    let order: Vec<usize> = components.iter().flatten().copied().filter(|i| rows.contains_key(i)).collect();
    let mut label: BTreeMap<usize, usize> = order.iter().map(|&i| (i, i)).collect();
    for (&i, row) in &rows {
        for &j in row.slopes.keys() {
            let (a, b) = (label.get(&i).copied(), label.get(&j).copied());
            if let (Some(a), Some(b)) = (a, b) {
                label.values_mut().filter(|l| **l == b).for_each(|l| *l = a);
            }
        }
    }
    let mut parts: BTreeMap<usize, Vec<(usize, Row)>> = BTreeMap::new();
    for &i in &order {
        if let (Some(&l), Some(row)) = (label.get(&i), rows.remove(&i)) {
            parts.entry(l).or_default().push((i, row));
        }
    }
    let alone: BTreeSet<usize> = components.iter().filter(|c| c.len() == 1).flatten().copied().collect();
    let part = |rows: Vec<(usize, Row)>| {
        let passes_on = |j: usize| rows.iter().any(|(i, row)| *i != j && row.slopes.contains_key(&j));
        // A state that is read by others and has something to pass on.
        let is_link = |(j, row): &(usize, Row)| passes_on(*j) && (row.is_forced() || row.slopes.keys().any(|k| k != j));
        let closed = !rows.iter().any(is_link);
        let alone = rows.iter().map(|r| r.0).filter(|i| alone.contains(i)).collect();
        Part { rows, alone, closed }
    };
    parts.into_values().map(part).collect()
}

/// For each state those that reach it within a step, itself included.
pub(super) fn reached(part: &Part) -> BTreeMap<usize, Vec<usize>> {
    let rows: BTreeMap<usize, &Row> = part.rows.iter().map(|(i, row)| (*i, row)).collect();
    let all = |start: usize| {
        let mut found = vec![start];
        let mut next = 0;
        while let Some(&i) = found.get(next) {
            next += 1;
            let read = rows.get(&i).into_iter().flat_map(|row| row.slopes.keys().copied());
            let new: Vec<usize> = read.filter(|j| !found.contains(j)).collect();
            found.extend(new);
        }
        found
    };
    rows.keys().map(|&i| (i, all(i))).collect()
}
