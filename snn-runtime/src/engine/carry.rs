//! What a network carries from one window of steps to the next: states, refractory times, and what is on its way.

use super::forward::Cells;
use super::plan::Plan;
use super::projection::{Carried, ProjectionPlan};
use super::sent::{Message, within};
use super::workspace::Scratch;
use crate::graph::{Signal, Source};
use crate::{Real, SpikeTrain};

/// The state of a network between two windows of its simulation, for each sample of a batch.
///
/// A network that runs for a long time, or step by step as its input arrives, runs window after window: each begins where
/// the one before has ended ([`super::Network::forward_from`], [`super::Network::loss_and_gradient_from`],
/// [`super::Session`]). A run in windows has the bits of one long run.
#[derive(Clone, Debug, Default)]
pub struct Carry<R> {
    /// The plan it belongs to.
    pub(crate) plan: u64,
    /// The steps taken so far.
    pub(crate) steps: usize,
    pub(crate) samples: Vec<Sample<R>>,
}

impl<R: Real> Carry<R> {
    /// The steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The number of samples; 0 before the first window.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// The values of a state of a population (by their places in the graph) in a sample.
    pub fn state(&self, sample: usize, population: usize, state: usize) -> Option<&[R]> {
        let states = self.samples.get(sample)?.states.get(population)?;
        let n = self.samples[sample].sizes.get(population)?;
        states.get(state * n..(state + 1) * n)
    }

    /// The states of the connections of a rule (by its place in [`crate::Graph::plasticity`]) in a sample: the weights in the
    /// order in which they are stored, then the other states. `[states, connections]`
    pub fn connections(&self, sample: usize, rule: usize) -> Option<&[R]> {
        self.samples.get(sample)?.plastic.get(rule).map(Vec::as_slice)
    }

    /// The bytes held.
    pub fn bytes(&self) -> usize {
        self.samples.iter().map(Sample::bytes).sum()
    }
}

/// One sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample<R> {
    /// The neurons of each population.
    sizes: Vec<usize>,
    /// Per population `[states, n]`.
    states: Vec<Vec<R>>,
    /// Per population `[n]`.
    refractory: Vec<Vec<u16>>,
    /// The last steps of each input, as long as a projection looks back.
    inputs: Vec<SpikeTrain>,
    /// Likewise of each population.
    trains: Vec<SpikeTrain>,
    /// Likewise of each input of values and of each signal: `[steps, n]`.
    values: Vec<Vec<R>>,
    signals: Vec<Vec<R>>,
    /// Per rule the states of the connections.
    plastic: Vec<Vec<R>>,
}

/// The last `steps` steps of two trains one after the other.
fn last(before: &SpikeTrain, after: &SpikeTrain, steps: usize) -> SpikeTrain {
    let mut out = SpikeTrain::new();
    let all = before.steps() + after.steps();
    for t in all.saturating_sub(steps)..all {
        let list = match t.checked_sub(before.steps()) {
            None => before.step(t),
            Some(t) => after.step(t),
        };
        list.iter().for_each(|&i| out.push(i));
        out.end_step();
    }
    out
}

/// The last `steps` rows of `n` numbers.
fn last_rows<R: Real>(before: &[R], after: &[R], steps: usize, n: usize) -> Vec<R> {
    let all = before.len() + after.len();
    let skip = all.saturating_sub(steps * n);
    before.iter().chain(after).skip(skip).copied().collect()
}

impl<R: Real> Sample<R> {
    /// Puts the neurons of population `index` into their states, in place `slot` of the block.
    pub(crate) fn start(&self, index: usize, cells: &mut Cells<R>, slot: usize) {
        cells.start(slot, &self.states[index], &self.refractory[index]);
    }

    /// The states of the connections of a rule.
    pub(crate) fn start_rule(&self, rule: usize, states: &mut Vec<R>) {
        states.clone_from(&self.plastic[rule]);
    }

    /// What the rows of a projection sent `back` steps before the window, at least one.
    pub(crate) fn message(&self, plan: &Plan<R>, p: &ProjectionPlan, back: usize) -> Option<Message<'_, R>> {
        let train = |train: &'_ SpikeTrain| train.steps().checked_sub(back);
        let rows = |values: &'_ [R], n: usize| (values.len() / n).checked_sub(back).map(|t| t * n);
        match (p.carried, p.source) {
            (Carried::Values, Source::Input(input)) => {
                let values = self.values.get(input)?;
                let n = plan.inputs[input].size;
                let at = rows(values, n)?;
                Some(Message::Values(&values[at..at + n][p.sources.clone()]))
            }
            (Carried::Signal(signal), _) => {
                let values = self.signals.get(signal)?;
                let n = plan.populations[plan.signals[signal].0].n;
                let at = rows(values, n)?;
                Some(Message::Values(&values[at..at + n][p.sources.clone()]))
            }
            (_, Source::Population(population)) => {
                let list = &self.trains[population];
                Some(Message::Spikes(within(list.step(train(list)?), &p.sources)))
            }
            (_, Source::Input(input)) => {
                let list = &self.inputs[input];
                Some(Message::Spikes(within(list.step(train(list)?), &p.sources)))
            }
        }
    }

    /// The state after a window that began with `before`.
    pub(crate) fn after(
        plan: &Plan<R>,
        before: Option<&Self>,
        scratch: &Scratch<R>,
        slot: usize,
        input: impl Fn(usize) -> (Option<SpikeTrain>, Option<(usize, usize)>),
    ) -> Self {
        let none = Self::default();
        let before = before.unwrap_or(&none);
        let steps = plan.simulation.steps;
        let nothing = SpikeTrain::new();
        let empty: &[R] = &[];
        let rules = plan.plastic.len();
        let plastic = scratch.plastic[slot * rules..(slot + 1) * rules].to_vec();
        let mut sample = Self { plastic, ..Self::default() };
        for (index, p) in plan.populations.iter().enumerate() {
            sample.sizes.push(p.n);
            let cells = &scratch.cells[index];
            let states = 0..p.layout.states.len();
            sample.states.push(states.flat_map(|state| cells.state(state, slot)).copied().collect());
            sample.refractory.push(cells.refractory(slot).to_vec());
            let earlier = before.trains.get(index).unwrap_or(&nothing);
            let reach = plan.longest_delay(|p| p.source == Source::Population(index));
            sample.trains.push(last(earlier, &scratch.sent.trains[index][slot], reach));
        }
        for (index, declared) in plan.inputs.iter().enumerate() {
            let reach = plan.longest_delay(|p| p.source == Source::Input(index));
            let (train, rows) = input(index);
            let earlier = before.inputs.get(index).unwrap_or(&nothing);
            sample.inputs.push(train.map_or_else(SpikeTrain::new, |train| last(earlier, &train, reach)));
            let earlier = before.values.get(index).map_or(empty, Vec::as_slice);
            // A constant input has one row for all steps.
            let values = rows.map_or_else(Vec::new, |(start, times)| {
                let n = declared.size;
                let own = &scratch.sent.values[index][start..start + times * n];
                let own: Vec<R> =
                    own.iter().copied().cycle().take(n * if times == 1 { steps } else { times }).collect();
                last_rows(earlier, &own, reach, n)
            });
            sample.values.push(values);
        }
        for (index, (population, signal)) in plan.signals.iter().enumerate() {
            let n = plan.populations[*population].n;
            let reach = plan.longest_delay(|p| p.carried == Carried::Signal(index));
            if *signal == Signal::Spikes {
                sample.signals.push(Vec::new());
                continue;
            }
            let earlier = before.signals.get(index).map_or(empty, Vec::as_slice);
            let own = scratch.sent.signals[index].chunks_exact(n).skip(slot).step_by(scratch.sent.count);
            let own: Vec<R> = own.flatten().copied().collect();
            sample.signals.push(last_rows(earlier, &own, reach, n));
        }
        sample
    }

    pub(crate) fn is_finite(&self) -> bool {
        // Without an early end inside a piece, so that it is compared in vectors.
        let finite = |piece: &[R]| piece.iter().fold(true, |all, x| all & x.is_finite());
        self.states.iter().chain(&self.plastic).flat_map(|states| states.chunks(1024)).all(finite)
    }

    pub(crate) fn bytes(&self) -> usize {
        let reals = [&self.states, &self.values, &self.signals, &self.plastic];
        let reals: usize = reals.into_iter().flatten().map(Vec::capacity).sum();
        let trains: usize = self.inputs.iter().chain(&self.trains).map(SpikeTrain::bytes).sum();
        reals * size_of::<R>() + trains + self.refractory.iter().map(|r| 2 * r.capacity()).sum::<usize>()
    }
}
