//! The time axis in segments: what the adjoints read is in memory for one of them at a time.
//!
//! The neurons' states at the beginning of each segment are kept. On the way back a segment is run forwards once more from
//! there, as far as the way back reads what it does, with what it sent at hand, and then backwards.

use super::plan::{Plan, PopulationPlan};
use super::workspace::Scratch;
use crate::Real;
use crate::graph::Source;
use crate::loss::Trace;
use std::ops::Range;

/// The steps of a piece of a long run; one that is not longer than two is a piece by itself.
const PIECE: usize = 64;
/// The steps of the longest piece.
pub(crate) const LONGEST_PIECE: usize = 2 * PIECE;

/// Weight gradients are summed for so many steps at once, in a run of `steps`. A segment is a whole number of these pieces, so
/// that no sum depends on the number of segments.
pub(crate) fn piece(steps: usize) -> usize {
    if steps <= LONGEST_PIECE { steps } else { PIECE }
}

/// The pieces of some steps that begin at a whole number of pieces of this length.
pub(crate) fn pieces(steps: Range<usize>, piece: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    let end = steps.end;
    steps.step_by(piece).map(move |start| start..end.min(start + piece))
}

/// The segments of a run of `steps`, each but the last `length` long.
pub(crate) fn segments(
    steps: usize,
    length: usize,
) -> impl DoubleEndedIterator<Item = Range<usize>> + ExactSizeIterator {
    (0..steps).step_by(length.max(1)).map(move |start| start..steps.min(start + length))
}

/// The steps of a segment such that what the adjoints of a block of `count` samples read and write fits so many bytes, but
/// not less than a piece.
pub(crate) fn length<R: Real>(plan: &Plan<R>, count: usize, bytes: usize) -> usize {
    let steps = plan.simulation.steps;
    let of = |p: &PopulationPlan<R>| {
        let reals = p.layout.tape_reals + p.incoming.len();
        p.n * (reals * size_of::<R>() + usize::from(p.layout.tape_flags))
    };
    let traced = |trace: &Trace| trace.n * (usize::from(!trace.counted) + usize::from(trace.gradient)) * size_of::<R>();
    // What is needed of the whole time axis is there in any case.
    let traces = if plan.loss.all_in_segments { plan.loss.traces.iter().map(traced).sum() } else { 0 };
    let step = count * (plan.populations.iter().map(of).sum::<usize>() + traces);
    if bytes / step.max(1) >= steps {
        return steps;
    }
    // The errors that delays reach of the segment after it.
    let later = |(target, p): (usize, &PopulationPlan<R>)| reach(plan, target) * p.incoming.len() * p.n;
    let later = plan.populations.iter().enumerate().map(later).sum::<usize>() * count * size_of::<R>();
    let (fitting, piece) = (bytes.saturating_sub(later) / step.max(1), piece(steps));
    ((fitting / piece).max(1) * piece).min(steps)
}

/// How far back errors of population `target` are read: the longest delay from a population, of those that end within the run.
pub(crate) fn reach<R>(plan: &Plan<R>, target: usize) -> usize {
    plan.longest_delay(|p| {
        p.target == target && matches!(p.source, Source::Population(_)) && p.delay < plan.simulation.steps
    })
}

/// The neurons at the beginning of each segment but the last.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints<R> {
    /// Per population, segment after segment.
    states: Vec<Vec<R>>,
    refractory: Vec<Vec<u16>>,
}

impl<R: Real> Checkpoints<R> {
    /// Room for a run of the block of `count` samples.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>, count: usize, segments: usize) {
        self.states.resize_with(plan.populations.len(), Vec::new);
        self.refractory.resize_with(plan.populations.len(), Vec::new);
        let kept = segments.saturating_sub(1) * count;
        for ((states, refractory), p) in self.states.iter_mut().zip(&mut self.refractory).zip(&plan.populations) {
            states.resize(kept * p.n * p.layout.states.len(), R::ZERO);
            refractory.resize(if p.layout.refractory { kept * p.n } else { 0 }, 0);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let reals: usize = self.states.iter().map(Vec::capacity).sum();
        reals * size_of::<R>() + self.refractory.iter().map(|r| 2 * r.capacity()).sum::<usize>()
    }
}

impl<R: Real> Scratch<R> {
    /// Keeps the neurons at the beginning of segment `index`; the last needs it not.
    pub(crate) fn save(&mut self, index: usize) {
        for (population, cells) in self.cells.iter().enumerate() {
            cells.save(index, &mut self.checkpoints.states[population], &mut self.checkpoints.refractory[population]);
        }
    }

    /// Puts the neurons back, and asks for those of the segment before, which come next: they were kept long ago.
    pub(crate) fn restore(&mut self, index: usize) {
        for (population, cells) in self.cells.iter_mut().enumerate() {
            let states = &self.checkpoints.states[population];
            cells.restore(index, states, &self.checkpoints.refractory[population]);
            if let Some(before) = index.checked_sub(1) {
                cells.prefetch(before, states);
            }
        }
    }

    /// Moves the errors that reach beyond the beginning of a segment behind the one before it.
    pub(crate) fn move_errors(&mut self, plan: &Plan<R>) {
        for (target, (errors, p)) in self.errors.iter_mut().zip(&plan.populations).enumerate() {
            let row = self.sent.count * p.incoming.len() * p.n;
            let behind = self.segment * row;
            errors.copy_within(..reach(plan, target) * row, behind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_pieces_cover_the_time_axis() {
        let all = |steps, length| segments(steps, length).collect::<Vec<_>>();
        assert_eq!(all(300, 128), [0..128, 128..256, 256..300]);
        assert_eq!(all(100, 100).len(), 1);
        assert_eq!(all(256, 128), [0..128, 128..256]);
        assert_eq!(pieces(128..240, 64).collect::<Vec<_>>(), [128..192, 192..240]);
        assert_eq!([piece(1), piece(100), piece(128), piece(129)], [1, 100, 128, 64]);
    }
}
