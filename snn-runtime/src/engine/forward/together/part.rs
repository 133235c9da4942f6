//! What one thread serves: a range of neurons of each population.

use crate::engine::call::Call;
use crate::engine::forward::Cells;
use crate::engine::plan::{Plan, PopulationPlan};
use crate::engine::projection::ProjectionPlan;
use crate::engine::wiring::{Section, Wiring};
use crate::graph::Source;
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// Parts begin with a multiple of so many neurons: the width of a tile of dense weights.
pub(super) const GRAIN: usize = crate::engine::packed::TILE;

/// Per population the ranges of its neurons in each of so many parts, about equal, some of them empty.
pub(super) fn ranges<R>(plan: &Plan<R>, parts: usize) -> Vec<Vec<Range<usize>>> {
    // The parts that get one more take turns, so that small populations do not all fall to the same.
    let mut turn = 0;
    let of = |p: &PopulationPlan<R>| {
        let (each, more) = (p.n.div_ceil(GRAIN) / parts, p.n.div_ceil(GRAIN) % parts);
        let mut end = 0;
        let ranges = (0..parts).map(|part| {
            let start = end;
            end += each + usize::from((part + parts - turn) % parts < more);
            p.n.min(start * GRAIN)..p.n.min(end * GRAIN)
        });
        let ranges = ranges.collect();
        turn = (turn + more) % parts;
        ranges
    };
    plan.populations.iter().map(of).collect()
}

/// What one thread serves.
#[derive(Debug)]
pub(super) struct Part<R> {
    pub(super) groups: Vec<Group<R>>,
    /// Per projection its listed connections to these neurons.
    pub(super) sections: Vec<Section>,
    /// Per population the spikes of the last steps.
    pub(super) recent: Vec<Recent>,
    /// Room for the spikes of a group in a step.
    pub(super) fired: SpikeTrain,
    pub(super) operations: u64,
}

impl<R: Real> Part<R> {
    /// Part `part` of a network.
    pub(super) fn new(plan: &Plan<R>, ranges: &[Vec<Range<usize>>], part: usize) -> Self {
        let groups = plan.populations.iter().zip(ranges).enumerate();
        let groups = groups.filter(|(_, (_, ranges))| !ranges[part].is_empty());
        let section = |p: &ProjectionPlan| match &p.wiring {
            Wiring::Sparse(list) => Section::new(list, reached(&p.targets, &ranges[p.target][part])),
            Wiring::Dense | Wiring::Window(_) => Section::default(),
        };
        // What came by few connections is taken back one step later.
        let looks_back = |population: usize| {
            let source = Source::Population(population);
            let delay = plan.longest_delay(|p| p.source == source).min(plan.simulation.steps);
            if plan.projections.iter().any(|p| p.source == source) { delay + 1 } else { 0 }
        };
        Self {
            groups: groups.map(|(index, (p, ranges))| Group::new(index, p, ranges[part].clone())).collect(),
            sections: plan.projections.iter().map(section).collect(),
            recent: (0..plan.populations.len()).map(|p| Recent(vec![Vec::new(); looks_back(p)])).collect(),
            fired: SpikeTrain::new(),
            operations: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let recent: usize = self.recent.iter().flat_map(|recent| &recent.0).map(|list| 4 * list.capacity()).sum();
        let sections: usize = self.sections.iter().map(Section::bytes).sum();
        let groups: usize = self.groups.iter().map(|group| group.cells.bytes()).sum();
        recent + sections + groups + self.fired.bytes()
    }
}

/// The columns of a projection to `targets` that are neurons of a part.
pub(super) fn reached(targets: &Range<usize>, part: &Range<usize>) -> Range<usize> {
    let end = part.end.clamp(targets.start, targets.end);
    let start = part.start.clamp(targets.start, end);
    start - targets.start..end - targets.start
}

/// The spikes of the last steps of a population, as many as projections look back; none if there is no projection.
#[derive(Debug)]
pub(super) struct Recent(Vec<Vec<u32>>);

impl Recent {
    pub(super) fn step(&self, t: usize) -> &[u32] {
        &self.0[t % self.0.len()]
    }

    /// Takes the spikes of step `t` in.
    pub(super) fn push(&mut self, t: usize, spikes: impl Iterator<Item = u32>) {
        let steps = self.0.len();
        if steps > 0 {
            let list = &mut self.0[t % steps];
            list.clear();
            list.extend(spikes);
        }
    }
}

/// The neurons of a population in a part: a population by itself.
pub(super) struct Group<R> {
    pub(super) population: usize,
    pub(super) range: Range<usize>,
    /// The plan of the population with the number of these neurons.
    pub(super) p: PopulationPlan<R>,
    pub(super) cells: Cells<R>,
}

impl<R: std::fmt::Debug> std::fmt::Debug for Group<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("population", &self.population).field("range", &self.range).finish()
    }
}

impl<R: Real> Group<R> {
    fn new(population: usize, p: &PopulationPlan<R>, range: Range<usize>) -> Self {
        let mut p = p.clone();
        p.n = range.len();
        // A block of normal numbers is for two neurons in each row.
        p.first_noise += (range.start / 2 * p.layout.noise) as u32;
        Self { population, range, p, cells: Cells::default() }
    }

    /// Begins with the states of the whole population.
    pub(super) fn begin(&mut self, call: &Call<'_, '_, R>, whole: &Cells<R>) {
        let (p, n) = (&self.p, call.plan.populations[self.population].n);
        self.cells.prepare(p, 1, false, false);
        self.cells.direct = call.adds_events(p);
        for state in 0..p.layout.states.len() {
            let place = self.cells.place(state, 0);
            self.cells.states[place].copy_from_slice(&whole.state(state, 0)[self.range.clone()]);
        }
        if let Some(refractory) = whole.refractory(0).get(self.range.clone()) {
            self.cells.refractory.copy_from_slice(refractory);
        }
        self.cells.take_coefficients_of(p, call.weights.coefficients(self.population, p), n, self.range.clone());
    }

    /// Leaves its states in the whole population.
    pub(super) fn end(&self, whole: &mut Cells<R>) {
        let place = |start: usize| start + self.range.start..start + self.range.end;
        for state in 0..self.p.layout.states.len() {
            let to = place(whole.place(state, 0).start);
            whole.states[to].copy_from_slice(self.cells.state(state, 0));
        }
        if let Some(to) = whole.refractory.get_mut(self.range.clone()) {
            to.copy_from_slice(self.cells.refractory(0));
        }
    }
}
