//! Weights that change while the network runs, by rules of their own.

use super::call::Call;
use super::error::Error;
use super::plan::PopulationPlan;
use super::projection::ProjectionPlan;
use super::sent::{Message, within};
use super::wiring::{Rows, Sparse, Wiring};
use super::workspace::Scratch;
use crate::Real;
use crate::graph::{Graph, Plasticity, Read};
use crate::kernel::ShortSteps;
use crate::math::flush;
use crate::neuron::{Coefficients, Mode, Neuron, Step};
use std::sync::Arc;

/// A checked [`Plasticity`].
pub(crate) struct PlasticPlan<R> {
    /// The projection of the plan.
    pub(crate) projection: usize,
    /// Starting values of the states besides the weight.
    initial: Vec<R>,
    reads: Vec<Read>,
    on_pre: Option<Rule<R>>,
    on_post: Option<Rule<R>>,
    flow: Option<Rule<R>>,
    /// The connections of each column: `starts[c] .. starts[c + 1]` is its range in `edges`, and the row of each.
    starts: Vec<u32>,
    edges: Vec<u32>,
    rows: Vec<u32>,
    /// The column of each connection, by its weight.
    columns: Vec<u32>,
    /// The row of each connection, by its weight.
    sources: Vec<u32>,
}

struct Rule<R> {
    neuron: Arc<dyn Neuron<R>>,
    coefficients: Vec<R>,
}

/// The room of one rule.
#[derive(Debug, Default)]
pub(crate) struct Room<R> {
    edges: Vec<u32>,
    rows: Vec<u32>,
    columns: Vec<u32>,
    states: Vec<R>,
    drives: Vec<R>,
    short: ShortSteps<R>,
}

/// Checks the rule of a projection.
pub(crate) fn plan<R: Real>(
    graph: &Graph<R>,
    p: &Plasticity<R>,
    dt: f64,
    projections: &[ProjectionPlan],
    populations: &[PopulationPlan<R>],
) -> Result<PlasticPlan<R>, Error> {
    let name = graph.projections.get(p.projection).map_or("", |q| q.name.as_str());
    let fail = |reason: &str| Err(Error::graph(format!("projection `{name}`: {reason}")));
    let mut own = projections.iter().enumerate().filter(|(_, q)| q.number == p.projection);
    let (Some((index, projection)), None) = (own.next(), own.next()) else {
        return fail("a rule for its weights needs connections with one delay");
    };
    let Wiring::Sparse(sparse) = &projection.wiring else {
        return fail("a rule for its weights needs connections that are listed");
    };
    if projection.sign.is_some() || projection.lead != index {
        return fail("weights that follow a rule have no sign and belong to one projection");
    }
    for read in &p.reads {
        let sound = match *read {
            Read::Source(population, state) => populations
                .get(population)
                .is_some_and(|q| state < q.layout.states.len() && projection.sources.end <= q.n),
            Read::Target(output) => output < populations[projection.target].layout.outputs.len(),
        };
        if !sound {
            return fail("its rule reads what is not there");
        }
    }
    let rule = |neuron: &Option<Arc<dyn Neuron<R>>>| match neuron {
        None => Ok(None),
        Some(neuron) => {
            let layout = neuron.layout();
            let fits = layout.states.len() == p.states.len() + 1
                && layout.drives.len() == p.reads.len()
                && layout.parameters.is_empty()
                && layout.noise == 0;
            if !fits {
                return Err(Error::graph(format!("projection `{name}`: the model of its rule does not fit")));
            }
            let mut exact = vec![0.0; layout.coefficients];
            neuron.coefficients(dt, &[], &mut exact);
            let coefficients = exact.into_iter().map(R::from_f64).collect();
            Ok(Some(Rule { neuron: neuron.clone(), coefficients }))
        }
    };
    let mut starts = vec![0u32; projection.columns + 1];
    // Of a full matrix without its diagonal there are more weights than connections.
    let weights = projection.weight.len();
    let (mut columns, mut sources) = (vec![0; weights], vec![0; weights]);
    for (row, column, weight) in sparse.iter() {
        starts[column as usize + 1] += 1;
        columns[weight as usize] = column;
        sources[weight as usize] = row;
    }
    for column in 0..projection.columns {
        starts[column + 1] += starts[column];
    }
    let (mut edges, mut rows) = (vec![0; sparse.len()], vec![0; sparse.len()]);
    let mut next = starts.clone();
    for (row, column, weight) in sparse.iter() {
        let place = &mut next[column as usize];
        (edges[*place as usize], rows[*place as usize]) = (weight, row);
        *place += 1;
    }
    Ok(PlasticPlan {
        projection: index,
        initial: p.states.iter().map(|s| R::from_f64(s.1)).collect(),
        reads: p.reads.clone(),
        on_pre: rule(&p.on_pre)?,
        on_post: rule(&p.on_post)?,
        flow: rule(&p.flow)?,
        starts,
        edges,
        rows,
        columns,
        sources,
    })
}

impl<R: Real> PlasticPlan<R> {
    /// The states of all connections at the beginning: the weight, then the others. `[states, connections]`
    pub(crate) fn start(&self, weights: &[R], states: &mut Vec<R>) {
        states.clear();
        states.extend_from_slice(weights);
        for &initial in &self.initial {
            states.resize(states.len() + weights.len(), initial);
        }
    }

    /// What happens at the end of step `t`, when all populations have taken theirs: first at the connections where spikes
    /// arrived, which do so at the beginning of a step, then at those whose target spiked, then everywhere.
    pub(crate) fn step(&self, call: &Call<'_, '_, R>, scratch: &mut Scratch<R>, index: usize, slot: usize, t: usize) {
        let plan = call.plan;
        let p = &plan.projections[self.projection];
        let Wiring::Sparse(sparse) = &p.wiring else { return };
        let mut room = std::mem::take(&mut scratch.room);
        if let Some(rule) = &self.on_pre {
            room.clear();
            match scratch.sent.message(call, p, slot, t) {
                Some(Message::Spikes(list)) => list.iter().for_each(|&i| room.row(sparse, i - p.sources.start as u32)),
                Some(Message::Values(x)) => {
                    let sending = x.iter().enumerate().filter(|(_, x)| **x != R::ZERO);
                    sending.for_each(|(row, _)| room.row(sparse, row as u32));
                }
                None => {}
            }
            self.apply(call, scratch, (index, slot), &mut room, rule);
        }
        if let Some(rule) = &self.on_post {
            room.clear();
            for &target in within(scratch.sent.trains[p.target][slot].step(t), &p.targets) {
                let column = target - p.targets.start as u32;
                let range = self.starts[column as usize] as usize..self.starts[column as usize + 1] as usize;
                room.edges.extend_from_slice(&self.edges[range.clone()]);
                room.rows.extend_from_slice(&self.rows[range.clone()]);
                room.columns.resize(room.edges.len(), column);
            }
            self.apply(call, scratch, (index, slot), &mut room, rule);
        }
        if let Some(rule) = &self.flow {
            room.clear();
            room.edges.extend(0..self.columns.len() as u32);
            room.rows.extend_from_slice(&self.sources);
            room.columns.extend_from_slice(&self.columns);
            self.apply(call, scratch, (index, slot), &mut room, rule);
        }
        scratch.room = room;
    }

    /// Takes one step of a rule for the connections in the room.
    fn apply(
        &self,
        call: &Call<'_, '_, R>,
        scratch: &mut Scratch<R>,
        (index, slot): (usize, usize),
        room: &mut Room<R>,
        rule: &Rule<R>,
    ) {
        let n = room.edges.len();
        if n == 0 {
            return;
        }
        let p = &call.plan.projections[self.projection];
        let all = self.columns.len();
        let states = &mut scratch.plastic[slot * call.plan.plastic.len() + index];
        room.states.clear();
        for row in states.chunks_exact(all) {
            room.states.extend(room.edges.iter().map(|&e| row[e as usize]));
        }
        room.drives.clear();
        for read in &self.reads {
            match *read {
                Read::Source(population, state) => {
                    let values = &scratch.cells[population].state(state, slot)[p.sources.clone()];
                    room.drives.extend(room.rows.iter().map(|&r| values[r as usize]));
                }
                Read::Target(output) => {
                    let values = &scratch.cells[p.target].output(output, slot)[p.targets.clone()];
                    room.drives.extend(room.columns.iter().map(|&c| values[c as usize]));
                }
            }
        }
        rule.neuron.step(Step {
            n,
            coefficients: Coefficients { values: &rule.coefficients, per_neuron: false },
            states: &mut room.states,
            events: &[],
            drives: &room.drives,
            noise: &[],
            refractory: &mut [],
            refractory_steps: 0,
            fired: &mut [],
            spikes: &mut [],
            outputs: &mut [],
            tape: &mut [],
            tape_flags: &mut [],
            short: &mut room.short,
            mode: Mode::Spiking,
            decisions: &mut [],
        });
        for (row, new) in states.chunks_exact_mut(all).zip(room.states.chunks_exact(n)) {
            room.edges.iter().zip(new).for_each(|(&e, &x)| row[e as usize] = flush(x));
        }
    }

    /// The bytes of the lists of connections.
    pub(crate) fn bytes(&self) -> usize {
        let lists = [&self.starts, &self.edges, &self.rows, &self.columns, &self.sources];
        lists.into_iter().map(|list| 4 * list.capacity()).sum()
    }
}

impl<R> Room<R> {
    fn clear(&mut self) {
        self.edges.clear();
        self.rows.clear();
        self.columns.clear();
    }

    /// Adds the connections of a row.
    fn row(&mut self, sparse: &Sparse, row: u32) {
        sparse.each(row as usize, |column, weight| {
            self.edges.push(weight as u32);
            self.columns.push(column as u32);
        });
        self.rows.resize(self.edges.len(), row);
    }
}
