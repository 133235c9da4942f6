//! The neurons of one population in the samples of a block.

use super::{AHEAD, BYTES_PER_CONNECTION};
use crate::aligned::Aligned;
use crate::engine::plan::PopulationPlan;
use crate::engine::sent::slots;
use crate::engine::weights::Weights;
use crate::kernel::ShortSteps;
use crate::math::flush_states;
use crate::neuron::{Coefficients, Mode, Step};
use crate::simd::{Loops, dispatch, prefetch};
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// The neurons of one population in the samples of a block: every quantity has a number for each neuron of each sample, sample
/// by sample, so that one call of the model serves them all.
#[derive(Debug, Default)]
pub(crate) struct Cells<R> {
    n: usize,
    count: usize,
    /// `[states, block sample, n]`
    pub(super) states: Aligned<R>,
    /// `[coefficients, block sample, n]`; empty if all neurons have the same.
    coefficients: Aligned<R>,
    /// `[noise, block sample, n]`
    pub(super) noise: Aligned<R>,
    /// The noise of one sample. `[noise, n]`
    pub(super) drawn: Aligned<R>,
    /// `[block sample, n]`
    pub(super) refractory: Aligned<u16>,
    /// `[block sample, n]`
    pub(super) fired: Aligned<u8>,
    /// The spikes of a step as numbers, for adjoints that read them.
    spikes: Aligned<R>,
    short: ShortSteps<R>,
    /// The step whose spikes these are, if any.
    spikes_of: Option<usize>,
    /// Empty if no trace asks for them. `[outputs, block sample, n]`
    pub(super) outputs: Aligned<R>,
    /// What arrives in each step: `[rows, events and drives, block sample, n]`. Where dense inputs come first there are several
    /// rows, and what comes from these inputs is summed for so many steps at once.
    arriving: Aligned<R>,
    rows: usize,
    /// What arrives at events is added to the states, and then 0 again.
    pub(super) direct: bool,
    /// What arrived at each port in the last step.
    left: Vec<Left>,
}

/// What arrived at a port in the last step and is still there: bit `slot` of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// It came by few enough listed connections, and can be taken back one by one.
    pub(super) few: u8,
    /// It can be anywhere.
    pub(super) many: u8,
}

impl Left {
    /// Whatever is there.
    const UNKNOWN: Self = Self { few: 0, many: u8::MAX };
}

impl<R: Real> Cells<R> {
    /// Room for the neurons of a population in `count` samples; `outputs` if somebody asks for the extra results of their steps here,
    /// `spikes` if an adjoint reads these.
    pub(crate) fn prepare(&mut self, p: &PopulationPlan<R>, count: usize, outputs: bool, spikes: bool) {
        let layout = &p.layout;
        (self.n, self.count) = (p.n, count);
        let width = count * p.n;
        self.states.resize(layout.states.len() * width);
        self.noise.resize(layout.noise * width);
        self.drawn.resize(layout.noise * p.n);
        self.refractory.resize(if layout.refractory { width } else { 0 });
        self.fired.resize(if layout.spikes { width } else { 0 });
        self.spikes.resize(if spikes { width } else { 0 });
        self.left.clear();
        self.left.resize(p.incoming.len(), Left::UNKNOWN);
        self.outputs.resize(if outputs { layout.outputs.len() * width } else { 0 });
        self.rows = if p.prefix.iter().any(|&early| early > 0) { AHEAD } else { 1 };
        // Drives that nothing leads to are 0.
        self.arriving.zeroed(self.rows * p.ports() * width);
    }

    /// Takes the coefficients of the neurons in, if these differ, once for each sample.
    pub(super) fn take_coefficients(&mut self, p: &PopulationPlan<R>, all: Coefficients<'_, R>) {
        // Of a single sample they are there as they are needed.
        self.coefficients.resize(0);
        if self.count > 1 {
            self.take_coefficients_of(p, all, p.n, 0..p.n);
        }
    }

    /// The same of the neurons in a range of a population of `n`.
    pub(super) fn take_coefficients_of(
        &mut self,
        p: &PopulationPlan<R>,
        all: Coefficients<'_, R>,
        n: usize,
        range: Range<usize>,
    ) {
        let rows = if p.per_neuron { all.values.len() / n } else { 0 };
        self.coefficients.resize(rows * self.width());
        let (width, own) = (self.width(), range.len());
        for (to, row) in self.coefficients.chunks_exact_mut(width).zip(all.values.chunks_exact(n)) {
            to.chunks_exact_mut(own).for_each(|to| to.copy_from_slice(&row[range.clone()]));
        }
    }

    /// The coefficients of the neurons of all samples.
    pub(crate) fn coefficients<'a>(
        &'a self,
        weights: &'a Weights<R>,
        population: usize,
        p: &PopulationPlan<R>,
    ) -> Coefficients<'a, R> {
        match &self.coefficients[..] {
            [] => weights.coefficients(population, p),
            values => Coefficients { values, per_neuron: true },
        }
    }

    /// Puts the neurons of a sample into their states: `[states, n]`, `[n]`.
    pub(crate) fn start(&mut self, slot: usize, states: &[R], refractory: &[u16]) {
        for (state, values) in states.chunks_exact(self.n).enumerate() {
            let place = self.place(state, slot);
            self.states[place].copy_from_slice(values);
        }
        let place = self.place(0, slot);
        if let Some(to) = self.refractory.get_mut(place) {
            to.copy_from_slice(refractory);
        }
    }

    /// Copies states and refractory times into place `index`.
    pub(crate) fn save(&self, index: usize, states: &mut [R], refractory: &mut [u16]) {
        let copy = |from: usize| index * from..(index + 1) * from;
        if let Some(to) = states.get_mut(copy(self.states.len())) {
            to.copy_from_slice(&self.states);
        }
        if let Some(to) = refractory.get_mut(copy(self.refractory.len())) {
            to.copy_from_slice(&self.refractory);
        }
    }

    /// Takes states and refractory times back from place `index`.
    pub(crate) fn restore(&mut self, index: usize, states: &[R], refractory: &[u16]) {
        let width = self.states.len();
        self.states.copy_from_slice(&states[index * width..][..width]);
        let width = self.refractory.len();
        self.refractory.copy_from_slice(&refractory[index * width..][..width]);
        // What lies at the ports is of a later step.
        self.left.fill(Left::UNKNOWN);
    }

    /// Asks for the cache lines of the states at place `index`.
    pub(crate) fn prefetch(&self, index: usize, states: &[R]) {
        let width = self.states.len();
        prefetch(&states[index * width..][..width]);
    }

    /// Neurons times samples.
    pub(crate) fn width(&self) -> usize {
        self.count * self.n
    }

    /// The place of a sample in row `row` of a quantity.
    pub(crate) fn place(&self, row: usize, slot: usize) -> Range<usize> {
        let start = (row * self.count + slot) * self.n;
        start..start + self.n
    }

    /// The numbers of a state in a sample.
    pub(crate) fn state(&self, state: usize, slot: usize) -> &[R] {
        &self.states[self.place(state, slot)]
    }

    /// The numbers of an output in a sample.
    pub(crate) fn output(&self, output: usize, slot: usize) -> &[R] {
        &self.outputs[self.place(output, slot)]
    }

    /// The refractory steps that are left in a sample; empty if the model has no refractory period.
    pub(crate) fn refractory(&self, slot: usize) -> &[u16] {
        self.refractory.get(self.place(0, slot)).unwrap_or_default()
    }

    /// The place where the inputs of step `t` to a port (events first, then drives) of a sample are summed.
    pub(super) fn arrival(&self, p: &PopulationPlan<R>, t: usize, port: usize, slot: usize) -> Range<usize> {
        self.place(t % self.rows * p.ports() + port, slot)
    }

    /// From what arrives in a step to the same of the next step, where there are several rows.
    pub(super) fn stride(&self, p: &PopulationPlan<R>) -> usize {
        p.ports() * self.width()
    }

    pub(super) fn arriving(&mut self) -> &mut [R] {
        &mut self.arriving
    }

    /// Whether what arrives at a port is added to a state.
    pub(super) fn is_direct(&self, p: &PopulationPlan<R>, port: usize) -> bool {
        self.direct && port < p.layout.events.len()
    }

    /// What arrived at an event port of a sample in step `t`, and the state that it is added to.
    pub(super) fn arrived(
        &mut self,
        p: &PopulationPlan<R>,
        t: usize,
        port: usize,
        slot: usize,
    ) -> (&mut [R], &mut [R]) {
        let (arrived, state) = (self.arrival(p, t, port, slot), self.place(p.layout.direct_events[port], slot));
        (&mut self.arriving[arrived], &mut self.states[state])
    }

    /// Whether to go through so many connections again costs less than to go through all neurons.
    pub(super) fn are_few(&self, touched: usize) -> bool {
        touched < self.n * size_of::<R>() / BYTES_PER_CONNECTION
    }

    /// Keeps in mind by how many listed connections something came to a port: in the samples of `reached`.
    pub(super) fn leave(&mut self, port: usize, reached: u8, touched: &[usize]) {
        // Where there are several rows, what lies in the next one came longer ago.
        if self.rows > 1 {
            return;
        }
        let few = slots(reached).filter(|&slot| self.are_few(touched[slot])).fold(0, |few, slot| few | 1 << slot);
        self.left[port] = Left { few, many: reached & !few };
    }

    pub(super) fn left(&self, port: usize) -> Left {
        self.left[port]
    }

    /// Step `t` of the window of the neurons of all samples; `before` it were so many steps.
    pub(super) fn step(
        &mut self,
        (before, t): (usize, usize),
        p: &PopulationPlan<R>,
        shared: Coefficients<'_, R>,
        to: Written<'_, R>,
    ) {
        let width = self.width();
        let (events, drives) = (p.layout.events.len() * width, p.layout.drives.len() * width);
        let row = &self.arriving[t % self.rows * (events + drives)..][..events + drives];
        let (events, drives) = row.split_at(events);
        let events = if self.direct { &[] } else { events };
        let coefficients = match &self.coefficients[..] {
            [] => shared,
            values => Coefficients { values, per_neuron: true },
        };
        p.neuron.step(Step {
            n: width,
            coefficients,
            states: &mut self.states,
            events,
            drives,
            noise: &self.noise,
            refractory: &mut self.refractory,
            refractory_steps: p.refractory_steps,
            fired: &mut self.fired,
            spikes: to.spikes,
            outputs: if to.outputs.is_empty() { &mut self.outputs } else { to.outputs },
            tape: to.tape,
            tape_flags: to.tape_flags,
            short: &mut self.short,
            mode: to.mode,
            decisions: to.decisions,
        });
        flush_states(before + t, &mut self.states);
    }

    /// Where neurons fired in the last step: one, otherwise zero.
    pub(super) fn fired_as_numbers(&self, numbers: &mut [R]) {
        struct Numbers<'a, R>(&'a [u8], &'a mut [R]);
        impl<R: Real> Loops for Numbers<'_, R> {
            type Output = ();
            #[inline(always)]
            fn run<const BYTES: usize>(self) {
                let number = |fired| if fired != 0 { R::ONE } else { R::ZERO };
                self.0.iter().zip(self.1).for_each(|(&fired, to)| *to = number(fired));
            }
        }
        dispatch(Numbers(&self.fired, numbers));
    }

    /// No spikes in [`Self::spikes`].
    pub(super) fn clear_spikes(&mut self) {
        self.spikes.fill(R::ZERO);
        self.spikes_of = None;
    }

    /// Makes [`Self::spikes`] those of step `t`. Bit `slot` of `senders[t]`: there are some in this sample.
    pub(crate) fn set_spikes(&mut self, trains: &[SpikeTrain], senders: &[u8], t: usize) {
        let mut set = |t: usize, number: R| {
            let samples = trains.iter().zip(self.spikes.chunks_exact_mut(self.n)).enumerate();
            for (_, (train, spikes)) in samples.filter(|(slot, _)| senders[t] >> slot & 1 != 0) {
                train.step(t).iter().for_each(|&i| spikes[i as usize] = number);
            }
        };
        if let Some(before) = self.spikes_of {
            set(before, R::ZERO);
        }
        set(t, R::ONE);
        self.spikes_of = Some(t);
    }

    /// Spikes as numbers. `[block sample, n]`
    pub(crate) fn spikes(&self) -> &[R] {
        &self.spikes
    }

    pub(crate) fn bytes(&self) -> usize {
        let reals =
            [&self.states, &self.coefficients, &self.noise, &self.drawn, &self.spikes, &self.outputs, &self.arriving];
        let reals: usize = reals.into_iter().map(Aligned::bytes).sum();
        reals
            + self.refractory.bytes()
            + self.fired.bytes()
            + size_of::<Left>() * self.left.capacity()
            + self.short.bytes()
    }
}

/// What a step writes besides states and spikes.
pub(super) struct Written<'a, R> {
    pub(super) spikes: &'a mut [R],
    /// The place of the outputs, if it is not in the cells.
    pub(super) outputs: &'a mut [R],
    pub(super) tape: &'a mut [R],
    pub(super) tape_flags: &'a mut [u8],
    pub(super) mode: Mode,
    pub(super) decisions: &'a mut [u8],
}
