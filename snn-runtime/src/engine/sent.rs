//! What inputs and populations have sent in a block: spikes as lists, everything else as numbers.

use super::BLOCK;
use super::batch::InputData;
use super::call::Call;
use super::dropout::Dropped;
use super::projection::{Carried, ProjectionPlan};
use crate::graph::Source;
use crate::neuron::Mode;
use crate::{Real, SpikeTrain};
use std::ops::Range;

/// What the sources of projections have sent.
#[derive(Debug, Default)]
pub(crate) struct Sent<R> {
    /// The place of the first sample of the block in the batch.
    pub(crate) first: usize,
    /// The samples of the block.
    pub(crate) count: usize,
    /// Per input and block sample: encoded spikes.
    pub(crate) inputs: Vec<Vec<SpikeTrain>>,
    /// Per input: the numbers of a sample. `[block sample, steps, n]`, or `[block sample, n]` if they are constant.
    pub(crate) values: Vec<Vec<R>>,
    /// Per population and block sample.
    pub(crate) trains: Vec<Vec<SpikeTrain>>,
    /// Per population and step: bit `slot` is set if some neuron spiked in this sample.
    pub(crate) senders: Vec<Vec<u8>>,
    /// Per population: real-valued spikes in smooth mode. `[steps, block sample, n]`
    pub(crate) z: Vec<Vec<R>>,
    /// Per population: what is sent where neurons are dropped.
    pub(crate) dropped: Vec<Dropped<R>>,
    /// Per signal of the plan. `[steps, block sample, n]`
    pub(crate) signals: Vec<Vec<R>>,
}

/// What the rows of a projection have sent in one step.
pub(crate) enum Message<'a, R> {
    /// The neurons that spiked, with their numbers in the source.
    Spikes(&'a [u32]),
    /// A number of each row.
    Values(&'a [R]),
}

/// The samples of a block whose bits are set, ascending.
#[inline(always)]
pub(crate) fn slots(mut bits: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let slot = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(slot)
    })
}

/// The ascending numbers that lie in a range.
// Inlined, it makes the loops around it slower: the sums over rows of a gradient took 18 % of an update instead of 13.
#[inline(never)]
pub(crate) fn within<'a>(list: &'a [u32], range: &Range<usize>) -> &'a [u32] {
    // Most projections take all of a population.
    if let (Some(&first), Some(&last)) = (list.first(), list.last())
        && range.contains(&(first as usize))
        && range.contains(&(last as usize))
    {
        return list;
    }
    let start = list.partition_point(|&i| (i as usize) < range.start);
    let end = list.partition_point(|&i| (i as usize) < range.end);
    &list[start..end]
}

impl<R: Real> Sent<R> {
    /// The spikes of an input in a sample of the block.
    pub(crate) fn input<'a>(&'a self, call: &'a Call<'_, '_, R>, input: usize, slot: usize) -> &'a SpikeTrain {
        match &call.batch.inputs[input] {
            InputData::Spikes(trains) => &trains[self.first + slot],
            InputData::Encoded { .. } | InputData::Values(_) => &self.inputs[input][slot],
        }
    }

    /// The samples in which something of the rows of a projection may arrive in step `t`: bit `slot`.
    #[inline]
    pub(crate) fn senders(&self, call: &Call<'_, '_, R>, p: &ProjectionPlan, t: usize) -> u8 {
        match (p.carried, p.source) {
            (Carried::Spikes, Source::Population(population)) if call.mode == Mode::Spiking && t >= p.delay => {
                self.senders[population][t - p.delay]
            }
            _ => u8::MAX >> (BLOCK - self.count),
        }
    }

    /// What of the rows of a projection arrives in step `t`.
    #[inline]
    pub(crate) fn message<'a>(
        &'a self,
        call: &'a Call<'_, '_, R>,
        p: &ProjectionPlan,
        slot: usize,
        t: usize,
    ) -> Option<Message<'a, R>> {
        let Some(t) = t.checked_sub(p.delay) else {
            return call.carry.get(self.first + slot).and_then(|before| before.message(call.plan, p, p.delay - t));
        };
        let steps = call.plan.simulation.steps;
        let rows = |values: &'a [R], n: usize, at: usize| Message::Values(&values[at * n..][..n][p.sources.clone()]);
        Some(match (p.carried, p.source) {
            (Carried::Values, Source::Input(input)) => {
                let n = call.plan.inputs[input].size;
                let values = &self.values[input];
                let constant = matches!(&call.batch.inputs[input], InputData::Values(v) if v.dim().1 == 1);
                rows(values, n, if constant { slot } else { slot * steps + t })
            }
            (Carried::Signal(signal), _) => {
                let n = call.plan.populations[call.plan.signals[signal].0].n;
                rows(&self.signals[signal], n, t * self.count + slot)
            }
            (_, Source::Population(population)) if call.mode != Mode::Spiking => {
                let dropped = &self.dropped[population].z;
                let z = if dropped.is_empty() { &self.z[population] } else { dropped };
                rows(z, call.plan.populations[population].n, t * self.count + slot)
            }
            (_, Source::Population(population)) => {
                let train = self.dropped[population].trains.get(slot).unwrap_or(&self.trains[population][slot]);
                Message::Spikes(within(train.step(t), &p.sources))
            }
            (_, Source::Input(input)) => Message::Spikes(within(self.input(call, input, slot).step(t), &p.sources)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_part_of_a_list_is_found() {
        let list = [2, 3, 7, 8, 12];
        assert_eq!(within(&list, &(0..20)), list);
        assert_eq!(within(&list, &(2..13)), list);
        assert_eq!(within(&list, &(2..12)), [2, 3, 7, 8]);
        assert_eq!(within(&list, &(3..9)), [3, 7, 8]);
        assert!(within(&list, &(4..7)).is_empty());
        assert!(within(&list, &(13..20)).is_empty());
        assert!(within(&[], &(0..20)).is_empty());
    }
}
