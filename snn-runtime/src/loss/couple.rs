//! Losses that read means over the samples of a batch: what lies between the two passes of such a batch.
//!
//! The first pass runs every block forwards and computes the nodes of level 0, those below all means. Here the nodes of
//! higher levels are computed for all samples, and differentiated back to level 0. The second pass runs every block backwards
//! from level 0, and forwards again before if the first has not left its memory. Sums over samples are taken in the order of the
//! batch, so the bits do not depend on threads or lanes.

use super::evaluate::{Arrays, Block, Scratch, Targets, Wanted};
use super::plan::{NodePlan, Operation, Plan};
use crate::Real;
use crate::simd::sums::add;
use std::ops::Range;

/// What is kept of a block between the passes.
#[derive(Debug, Default)]
pub(crate) struct Kept<R> {
    arrays: Arrays<R>,
    /// Positions of maxima.
    pub(crate) positions: Vec<u32>,
    /// The samples of the block.
    count: usize,
    /// The most steps of a segment of its time axis.
    steps: usize,
}

impl<R: Real> Kept<R> {
    /// Room for `count` samples and segments of `steps` of the time axis; positions of an earlier run stay, to be replayed.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>, steps: usize, count: usize) {
        (self.count, self.steps) = (count, steps);
        self.arrays.prepare(plan, steps, count);
        self.positions.resize(plan.positions * count, 0);
    }

    /// Puts the arrays of this block in place of those in `scratch`, or back.
    pub(crate) fn swap(&mut self, scratch: &mut Scratch<R>) {
        std::mem::swap(&mut self.arrays, &mut scratch.own);
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.arrays.count() * size_of::<R>() + self.positions.capacity() * 4
    }
}

impl<R: Real> Plan<R> {
    /// The nodes above level 0 of all blocks, in the order of the batch, and the gradient of the loss back to the nodes
    /// of level 0. Returns the loss terms. `[samples, terms]`
    pub(crate) fn couple(
        &self,
        blocks: &mut [&mut Kept<R>],
        targets: &[Targets<'_, R>],
        replay: bool,
        scratch: &mut Scratch<R>,
    ) -> Vec<f64> {
        let samples: usize = blocks.iter().map(|kept| kept.count).sum();
        let scale = 1.0 / samples as f64;
        let mut firsts = Vec::with_capacity(blocks.len());
        blocks.iter().fold(0, |first, kept| {
            firsts.push(first);
            first + kept.count
        });
        // Nodes above level 0 read no traces, and have a time axis only if all of it is at hand.
        let block = |first: usize, kept: &Kept<R>| Block {
            traces: &[],
            first,
            spikes: None,
            count: kept.count,
            targets,
            segment: 0..self.steps,
            room: kept.steps,
        };
        for level in 1..self.levels {
            self.means(level, blocks, samples);
            for (&first, kept) in firsts.iter().zip(blocks.iter_mut()) {
                let block = block(first, kept);
                scratch.prepare_maps(self, kept.steps, kept.count);
                kept.swap(scratch);
                let levels = level..level + 1;
                self.forward(&block, levels, Wanted::All, replay, &mut kept.positions, scratch);
                kept.swap(scratch);
            }
        }
        let mut losses = Vec::with_capacity(samples * self.losses.len());
        for (&first, kept) in firsts.iter().zip(blocks.iter_mut()) {
            let block = block(first, kept);
            kept.swap(scratch);
            for slot in 0..block.count {
                losses.extend((0..self.losses.len()).map(|term| self.loss(term, slot, block.count, scratch)));
            }
            self.seed(scale, &block, scratch);
            kept.swap(scratch);
        }
        for level in (1..self.levels).rev() {
            for (&first, kept) in firsts.iter().zip(blocks.iter_mut()) {
                let block = block(first, kept);
                scratch.prepare_maps(self, kept.steps, kept.count);
                kept.swap(scratch);
                self.backward(&block, level..level + 1, scale, &kept.positions, scratch, &mut []);
                kept.swap(scratch);
            }
            self.means_gradient(level, blocks, samples);
        }
        losses
    }

    /// The place of a node in the arrays that are kept of a block.
    fn kept_range(&self, node: &NodePlan<R>, kept: &Kept<R>) -> Range<usize> {
        let start = node.before.count(kept.steps, kept.count);
        start..start + node.shape.len() * kept.count
    }

    /// The means of a level: each is written to every sample.
    fn means(&self, level: usize, blocks: &mut [&mut Kept<R>], samples: usize) {
        let count = R::from_f64(samples as f64);
        for node in self.nodes.iter().filter(|node| node.for_loss && node.level == level) {
            let Operation::MeanSamples { input } = node.operation else { continue };
            let (input, n) = (&self.nodes[input], node.shape.n());
            let mut mean = vec![R::ZERO; node.shape.len()];
            for kept in blocks.iter() {
                let rows = kept.arrays.values[self.kept_range(input, kept)].chunks_exact(n * kept.count);
                for (mean, samples) in mean.chunks_exact_mut(n).zip(rows) {
                    samples.chunks_exact(n).for_each(|sample| add(mean, sample));
                }
            }
            mean.iter_mut().for_each(|sum| *sum = *sum / count);
            for kept in blocks.iter_mut() {
                let range = self.kept_range(node, kept);
                let rows = kept.arrays.values[range].chunks_exact_mut(n * kept.count);
                for (mean, samples) in mean.chunks_exact(n).zip(rows) {
                    samples.chunks_exact_mut(n).for_each(|sample| sample.copy_from_slice(mean));
                }
            }
        }
    }

    /// The reverse: each sample has its share in a mean, which all of them read.
    fn means_gradient(&self, level: usize, blocks: &mut [&mut Kept<R>], samples: usize) {
        let count = R::from_f64(samples as f64);
        for node in self.nodes.iter().rev().filter(|node| node.for_loss && node.level == level) {
            let Operation::MeanSamples { input } = node.operation else { continue };
            let (input, n) = (&self.nodes[input], node.shape.n());
            let mut share = vec![R::ZERO; node.shape.len()];
            for kept in blocks.iter() {
                let rows = kept.arrays.gradients[self.kept_range(node, kept)].chunks_exact(n * kept.count);
                for (share, samples) in share.chunks_exact_mut(n).zip(rows) {
                    samples.chunks_exact(n).for_each(|sample| add(share, sample));
                }
            }
            share.iter_mut().for_each(|sum| *sum = *sum / count);
            for kept in blocks.iter_mut() {
                let range = self.kept_range(input, kept);
                let rows = kept.arrays.gradients[range].chunks_exact_mut(n * kept.count);
                for (share, samples) in share.chunks_exact(n).zip(rows) {
                    samples.chunks_exact_mut(n).for_each(|sample| add(sample, share));
                }
            }
        }
    }
}
