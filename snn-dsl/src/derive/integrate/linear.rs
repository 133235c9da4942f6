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
use crate::expr::{Arena, ExprId, Leaf, Table};
use crate::model::Neuron;
use std::collections::{BTreeMap, BTreeSet};

/// Matrix exponentials of more states than this are not taken.
const LARGEST: usize = 32;

/// What was excluded makes the coefficients of others change, which are excluded then. After so many rounds all that has no
/// closed form is excluded.
const ROUNDS: usize = 16;

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
    let count = neuron.states.len();
    let mut is_free = vec![true; count];
    held.iter().for_each(|&i| is_free[i] = false);
    let free: Vec<usize> = (0..count).filter(|&i| is_free[i]).collect();
    let mut reads: Vec<Vec<usize>> = vec![Vec::new(); count];
    for &i in &free {
        let flow = derivative(arena, neuron, i);
        let read = arena.leaves(flow).into_iter().filter_map(|leaf| match leaf {
            Leaf::State(j) => Some(usize::from(j)),
            _ => None,
        });
        reads[i] = read.filter(|&j| is_free[j]).collect();
    }
    let components = components(&free, &reads);
    let mut component_of = vec![0; count];
    for (k, component) in components.iter().enumerate() {
        component.iter().for_each(|&i| component_of[i] = k);
    }
    // A matrix exponential of them all would be needed.
    let is_large = |component: &Vec<usize>| component.len() > LARGEST;
    let mut excluded: Vec<Option<Obstacle>> =
        components.iter().map(|c| is_large(c).then_some(Obstacle::Large)).collect();
    let mut rows = Rows::new(count);
    let mut varying = Varying::default();
    let mut round = 0;
    loop {
        let mut linear = vec![false; count];
        let mut found: Vec<Option<Row>> = vec![None; count];
        let mut obstacles = Vec::new();
        for (component, why) in components.iter().zip(&excluded) {
            if let Some(why) = *why {
                obstacles.extend(component.iter().map(|&i| (i, why)));
                continue;
            }
            component.iter().for_each(|&i| linear[i] = true);
            let own: Vec<Option<Row>> =
                component.iter().map(|&i| rows.of(arena, neuron, i, &linear, &reads[i])).collect();
            if own.iter().all(Option::is_some) {
                component.iter().zip(own).for_each(|(&i, row)| found[i] = row);
            } else {
                component.iter().for_each(|&i| linear[i] = false);
                let why = |row: &Option<Row>| if row.is_some() { Obstacle::Coupled } else { Obstacle::NotAffine };
                obstacles.extend(component.iter().zip(&own).map(|(&i, row)| (i, why(row))));
            }
        }
        let parts = connected(&components, found);
        let mut again = false;
        for part in parts.iter().filter(|p| !p.closed) {
            let large = part.rows.len() > LARGEST;
            for (i, row) in &part.rows {
                let why = match (large, varying.row(arena, row) || round >= ROUNDS) {
                    (true, _) => Obstacle::Large,
                    (_, true) => Obstacle::Varying,
                    _ => continue,
                };
                excluded[component_of[*i]] = Some(why);
                again = true;
            }
        }
        if again && round >= ROUNDS {
            obstacles.iter().for_each(|&(i, why)| excluded[component_of[i]] = Some(why));
        }
        if !again {
            return Analysis { parts, obstacles };
        }
        round += 1;
    }
}

/// The equations as far as they were looked at, each with the states in which it was found to be affine or not.
struct Rows(Vec<Option<(Vec<usize>, Option<Row>)>>);

impl Rows {
    fn new(count: usize) -> Self {
        Self(vec![None; count])
    }

    /// The equation of state `i` as affine in those of the states that it reads which are linear.
    fn of(&mut self, arena: &mut Arena, neuron: &Neuron, i: usize, linear: &[bool], reads: &[usize]) -> Option<Row> {
        let with: Vec<usize> = reads.iter().copied().filter(|&j| linear[j]).collect();
        match &self.0[i] {
            Some((before, row)) if *before == with => row.clone(),
            _ => {
                let row = row(arena, neuron, i, &with);
                self.0[i] = Some((with, row.clone()));
                row
            }
        }
    }
}

/// Which coefficients change from step to step.
#[derive(Default)]
struct Varying(Table<ExprId, bool>);

impl Varying {
    fn row(&mut self, arena: &Arena, row: &Row) -> bool {
        let mut of = |e: ExprId| *self.0.entry(e).or_insert_with(|| changes_in_step(arena, e));
        row.slopes.values().chain([&row.coefficient]).any(|&e| of(e))
    }
}

/// The equation of state `i` as affine in the states `with`.
fn row(arena: &mut Arena, neuron: &Neuron, i: usize, with: &[usize]) -> Option<Row> {
    let state = neuron.states.get(i)?;
    let variables: Vec<Leaf> = with.iter().map(|&j| Leaf::State(j as u16)).collect();
    let coefficient = state.coefficient;
    if arena.leaves(coefficient).iter().any(|leaf| variables.contains(leaf)) {
        return None;
    }
    let form = arena.affine_in_all(state.rhs, &variables)?;
    let slopes = with.iter().copied().zip(form.slopes).filter_map(|(j, slope)| Some((j, slope?))).collect();
    let is_unforced = arena.constant_value(form.offset) == Some(0.0);
    Some(Row { slopes, input: form.offset, coefficient, is_unforced, noisy: state.noise.is_some() })
}

/// The strongly connected components, each after those it reads (Tarjan, SIAM Journal on Computing 1 (1972), 146).
fn components(states: &[usize], reads: &[Vec<usize>]) -> Vec<Vec<usize>> {
    struct Visit {
        state: usize,
        /// How many of the states it reads are still to be visited.
        open: usize,
    }
    let count = reads.len();
    let mut order: Vec<Option<usize>> = vec![None; count];
    let mut low = vec![0; count];
    let mut on_stack = vec![false; count];
    let mut visited = 0;
    let mut stack: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for &root in states {
        if order[root].is_some() {
            continue;
        }
        let mut path = vec![Visit { state: root, open: reads[root].len() }];
        while let Some(top) = path.last_mut() {
            let state = top.state;
            if order[state].is_none() {
                (order[state], low[state]) = (Some(visited), visited);
                visited += 1;
                stack.push(state);
                on_stack[state] = true;
            }
            if let Some(next) = top.open.checked_sub(1) {
                top.open = next;
                let next = reads[state][next];
                match order[next] {
                    None => path.push(Visit { state: next, open: reads[next].len() }),
                    Some(number) if on_stack[next] => low[state] = low[state].min(number),
                    Some(_) => {}
                }
                continue;
            }
            if order[state] == Some(low[state])
                && let Some(place) = stack.iter().rposition(|&s| s == state)
            {
                let mut component = stack.split_off(place);
                component.iter().for_each(|&i| on_stack[i] = false);
                component.sort_unstable();
                found.push(component);
            }
            path.pop();
            if let Some(below) = path.last() {
                low[below.state] = low[below.state].min(low[state]);
            }
        }
    }
    found
}

/// Linear states that read one another, directly or not, in any direction.
fn connected(components: &[Vec<usize>], mut rows: Vec<Option<Row>>) -> Vec<Part> {
    let order: Vec<usize> = components.iter().flatten().copied().filter(|&i| rows[i].is_some()).collect();
    let mut groups = Groups((0..rows.len()).collect());
    for (i, row) in rows.iter().enumerate() {
        let linear = row.iter().flat_map(|row| row.slopes.keys().copied());
        linear.for_each(|j| groups.join(i, j));
    }
    let mut parts: BTreeMap<usize, Vec<(usize, Row)>> = BTreeMap::new();
    for &i in &order {
        if let Some(row) = rows[i].take() {
            parts.entry(groups.of(i)).or_default().push((i, row));
        }
    }
    let mut alone = vec![false; rows.len()];
    components.iter().filter(|c| c.len() == 1).flatten().for_each(|&i| alone[i] = true);
    let part = |rows: Vec<(usize, Row)>| {
        let read = |(i, row): &(usize, Row)| row.slopes.keys().copied().filter(|j| j != i).collect::<Vec<_>>();
        let passed_on: BTreeSet<usize> = rows.iter().flat_map(read).collect();
        // A state that is read by others and has something to pass on.
        let is_link =
            |(j, row): &(usize, Row)| passed_on.contains(j) && (row.is_forced() || row.slopes.keys().any(|k| k != j));
        let closed = !rows.iter().any(is_link);
        let alone = rows.iter().map(|r| r.0).filter(|&i| alone[i]).collect();
        Part { rows, alone, closed }
    };
    parts.into_values().map(part).collect()
}

/// Sets of states that are joined; each is named by its least member. (Tarjan, Journal of the ACM 22 (1975), 215.)
struct Groups(Vec<usize>);

impl Groups {
    fn of(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, i: usize, j: usize) {
        let (a, b) = (self.of(i), self.of(j));
        self.0[a.max(b)] = a.min(b);
    }
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
