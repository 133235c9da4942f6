//! Dropout: in training some neurons of a population send nothing during a whole sample, and the others more.
//!
//! Which neurons is decided once for each sample; they go on spiking, for themselves and for whatever observes them. The
//! factor 1/(1 - p) of the others stands in the weights in effect of such a run.

use super::plan::Plan;
use super::workspace::Scratch;
use crate::Real;
use crate::random::{Purpose, Stream};

/// What a population with dropout sends; everything is empty without.
#[derive(Debug, Default)]
pub(crate) struct Dropped<R> {
    /// True for neurons that send. `[block sample, n]`
    pub(crate) mask: Vec<bool>,
    /// Per block sample.
    pub(crate) trains: Vec<crate::SpikeTrain>,
    /// Real-valued spikes in smooth mode. `[steps, block sample, n]`
    pub(crate) z: Vec<R>,
}

impl<R: Real> Dropped<R> {
    /// Room for so many samples of a population, or none.
    pub(crate) fn prepare(&mut self, samples: usize, n: usize, numbers: usize) {
        self.mask.resize(samples * n, true);
        self.trains.resize_with(samples, crate::SpikeTrain::new);
        self.z.resize(numbers, R::ZERO);
    }

    pub(crate) fn bytes(&self) -> usize {
        let trains: usize = self.trains.iter().map(crate::SpikeTrain::bytes).sum();
        self.mask.capacity() + trains + self.z.capacity() * size_of::<R>()
    }
}

/// Draws which neurons send in sample `index` of the batch: a number depends on the seed, the sample, the population and
/// the neuron.
pub(crate) fn draw<R: Real>(plan: &Plan<R>, seed: u64, scratch: &mut Scratch<R>, slot: usize, index: usize) {
    let stream = Stream::new(seed, Purpose::Dropout, index as u64);
    for (population, (p, sent)) in plan.populations.iter().zip(&mut scratch.sent.dropped).enumerate() {
        let Some(mask) = sent.mask.get_mut(slot * p.n..(slot + 1) * p.n) else { continue };
        for (pair, mask) in (0..).zip(mask.chunks_mut(2)) {
            let numbers = stream.uniform_pair(population as u32, pair);
            mask.iter_mut().zip(numbers).for_each(|(sends, x)| *sends = x >= p.dropout);
        }
        sent.trains[slot].clear();
    }
}
