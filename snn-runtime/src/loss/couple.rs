//! Losses that read means over the samples of a batch: what lies between the two passes of such a batch.
//!
//! The first pass runs every sample forwards and computes the nodes of level 0, those below all means. Here the nodes of
//! higher levels are computed for all samples, and differentiated back to level 0. The second pass runs every sample forwards
//! again, and from level 0 backwards. Sums over samples are taken in the order of the batch, so the bits do not depend on
//! threads or lanes.

use super::evaluate::{Arrays, Sample, Scratch, Targets};
use super::plan::{Operation, Plan};
use crate::Real;

/// What is kept of one sample between the passes.
#[derive(Debug, Default)]
pub(crate) struct Kept<R> {
    arrays: Arrays<R>,
    /// Positions of maxima.
    pub(crate) positions: Vec<u32>,
}

impl<R: Real> Kept<R> {
    /// Room for a plan; positions of an earlier run stay, to be replayed.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>) {
        self.arrays.prepare(plan);
        self.positions.resize(plan.positions, 0);
    }

    /// Puts the arrays of this sample in place of those in `scratch`, or back.
    pub(crate) fn swap(&mut self, scratch: &mut Scratch<R>) {
        std::mem::swap(&mut self.arrays, &mut scratch.own);
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.arrays.count() * size_of::<R>() + self.positions.capacity() * 4
    }
}

impl<R: Real> Plan<R> {
    /// The nodes above level 0 of all samples, in the order of the batch, and the gradient of the loss back to the nodes
    /// of level 0. Returns the loss terms. `[samples, terms]`
    pub(crate) fn couple(
        &self,
        samples: &mut [&mut Kept<R>],
        targets: &[Targets<'_, R>],
        replay: bool,
        scratch: &mut Scratch<R>,
    ) -> Vec<f64> {
        // Nodes above level 0 read no traces.
        let sample = |index: usize| Sample { traces: &[], slot: 0, index, targets };
        for level in 1..self.levels {
            self.means(level, samples);
            for (index, kept) in samples.iter_mut().enumerate() {
                kept.swap(scratch);
                self.forward(&sample(index), level..level + 1, true, replay, &mut kept.positions, scratch);
                kept.swap(scratch);
            }
        }
        let mut losses = Vec::with_capacity(samples.len() * self.losses.len());
        let scale = 1.0 / samples.len() as f64;
        for (index, kept) in samples.iter_mut().enumerate() {
            kept.swap(scratch);
            losses.extend(self.losses.iter().map(|&node| self.loss(node, scratch, &sample(index))));
            self.seed(scale, scratch);
            kept.swap(scratch);
        }
        for level in (1..self.levels).rev() {
            for (index, kept) in samples.iter_mut().enumerate() {
                kept.swap(scratch);
                self.backward(&sample(index), level..level + 1, &kept.positions, scratch, &mut []);
                kept.swap(scratch);
            }
            self.means_gradient(level, samples);
        }
        losses
    }

    /// The means of a level: each is written to every sample.
    fn means(&self, level: usize, samples: &mut [&mut Kept<R>]) {
        let count = R::from_f64(samples.len() as f64);
        for node in self.nodes.iter().filter(|node| node.for_loss && node.level == level) {
            let Operation::MeanSamples { input } = node.operation else { continue };
            let input = &self.nodes[input].range;
            let mut mean = vec![R::ZERO; node.range.len()];
            for kept in samples.iter() {
                mean.iter_mut().zip(&kept.arrays.values[input.clone()]).for_each(|(sum, &x)| *sum += x);
            }
            mean.iter_mut().for_each(|sum| *sum = *sum / count);
            samples.iter_mut().for_each(|kept| kept.arrays.values[node.range.clone()].copy_from_slice(&mean));
        }
    }

    /// The reverse: each sample has its share in a mean, which all of them read.
    fn means_gradient(&self, level: usize, samples: &mut [&mut Kept<R>]) {
        let count = R::from_f64(samples.len() as f64);
        for node in self.nodes.iter().rev().filter(|node| node.for_loss && node.level == level) {
            let Operation::MeanSamples { input } = node.operation else { continue };
            let input = &self.nodes[input].range;
            let mut share = vec![R::ZERO; node.range.len()];
            for kept in samples.iter() {
                share.iter_mut().zip(&kept.arrays.gradients[node.range.clone()]).for_each(|(sum, &g)| *sum += g);
            }
            share.iter_mut().for_each(|sum| *sum = *sum / count);
            for kept in samples.iter_mut() {
                kept.arrays.gradients[input.clone()].iter_mut().zip(&share).for_each(|(g, &share)| *g += share);
            }
        }
    }
}
