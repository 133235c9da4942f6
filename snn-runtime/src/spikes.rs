//! The spikes of one sample as index lists, step by step.

use crate::simd::places::{WORD, Wide, list};
use crate::simd::{Loops, dispatch};
use std::ops::Range;
use thiserror::Error;

/// What can be wrong with a train.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum TrainFault {
    #[error("expected {expected} steps, found {found}; close each step of the simulation with `end_step`, and no more")]
    Steps { expected: usize, found: usize },
    #[error(
        "expected all spikes in closed steps, found {spikes} after the last; call `end_step` after the spikes of a step"
    )]
    Open { spikes: usize },
    #[error(
        "channel {channel} in step {step}: expected ascending channels, found it after {before}; \
         sort the channels of a step, each once"
    )]
    Order { step: usize, channel: u32, before: u32 },
    #[error(
        "channel {channel} in step {step}: expected channels below {channels}; check the data or the size of the input"
    )]
    Channel { step: usize, channel: u32, channels: usize },
}

/// The spikes of one population (or input) during one sample: for every step the ascending indices of the neurons
/// that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpikeTrain {
    /// `starts[t] .. starts[t + 1]` is the range of step `t` in `indices`; one entry more than there are closed steps.
    starts: Vec<u32>,
    indices: Vec<u32>,
    /// A long run keeps only what is read.
    forgotten: Forgotten,
}

/// What comes before the first step that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Forgotten {
    steps: usize,
    spikes: usize,
}

impl Default for SpikeTrain {
    fn default() -> Self {
        Self::new()
    }
}

impl SpikeTrain {
    /// No steps yet.
    pub fn new() -> Self {
        Self { starts: vec![0], indices: Vec::new(), forgotten: Forgotten::default() }
    }

    /// Forgets all steps, keeps the memory.
    pub fn clear(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        self.indices.clear();
        self.forgotten = Forgotten::default();
    }

    /// Forgets all but the last steps, so many of them or up to twice as many: what is forgotten counts in [`Self::steps`] and
    /// [`Self::len`], and that is all.
    pub(crate) fn keep_last(&mut self, steps: usize) {
        let there = self.starts.len().saturating_sub(1);
        let Some(first) = there.checked_sub(steps).filter(|&first| first > steps) else { return };
        let spikes = self.starts[first];
        self.indices.drain(..spikes as usize);
        self.starts.drain(..first);
        self.starts.iter_mut().for_each(|start| *start -= spikes);
        self.forgotten.steps += first;
        self.forgotten.spikes += spikes as usize;
    }

    /// Adds a spike to the step that is being filled. Indices must come in ascending order within a step.
    #[inline(always)]
    pub fn push(&mut self, index: u32) {
        self.indices.push(index);
    }

    /// Closes the step that is being filled and begins the next.
    #[inline(always)]
    pub fn end_step(&mut self) {
        self.starts.push(self.indices.len() as u32);
    }

    /// Replaces the content by `steps` closed steps with the given (step, neuron) events. Events of one step must come
    /// with ascending neurons; the order between steps is free (a stable counting sort puts it right), so a source that
    /// goes neuron by neuron is fine. Events at or after `steps` are left out.
    pub fn fill_from_events(&mut self, steps: usize, events: &[(u32, u32)]) {
        self.forgotten = Forgotten::default();
        // Counts, shifted by one entry so that they become the write positions, and these the starts, in place.
        self.starts.clear();
        self.starts.resize(steps + 1, 0);
        for &(t, _) in events {
            if let Some(count) = self.starts.get_mut(t as usize + 2) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        let within = events.iter().filter(|e| (e.0 as usize) < steps).count();
        self.indices.clear();
        self.indices.resize(within, 0);
        for &(t, neuron) in events {
            if let Some(position) = self.starts.get_mut(t as usize + 1) {
                self.indices[*position as usize] = neuron;
                *position += 1;
            }
        }
    }

    /// Adds the spikes of up to 64 neurons to the open step: bit `i` is neuron `first + i`.
    #[inline(always)]
    pub(crate) fn push_bits(&mut self, wide: Option<Wide>, first: u32, bits: u64) {
        let end = self.indices.len();
        self.indices.resize(end + WORD, 0);
        let Some(places) = self.indices[end..].first_chunk_mut::<WORD>() else { return };
        let count = list(wide, bits, |i| first + i as u32, places);
        self.indices.truncate(end + count);
    }

    /// Adds closed steps, some of eight: bit `i` of word `t` of group `g` is a spike of `channels[g][i]` in step `t`.
    /// Channels must be ascending.
    #[inline(always)]
    pub(crate) fn push_words(
        &mut self,
        wide: Option<Wide>,
        channels: &[[u32; WORD]],
        words: &[[u64; 8]],
        steps: Range<usize>,
    ) {
        let mut end = self.indices.len();
        let spikes: u32 = words.iter().flatten().map(|word| word.count_ones()).sum();
        self.indices.resize(end + spikes as usize + WORD, 0);
        for step in steps {
            for (channels, words) in channels.iter().zip(words) {
                let Some(places) = self.indices[end..].first_chunk_mut::<WORD>() else { break };
                end += list(wide, words[step], |i| channels[i], places);
            }
            self.starts.push(end as u32);
        }
        self.indices.truncate(end);
    }

    /// What keeps the train from being the input of so many channels in so many steps.
    pub(crate) fn fault(&self, steps: usize, channels: usize) -> Option<TrainFault> {
        if self.steps() != steps {
            return Some(TrainFault::Steps { expected: steps, found: self.steps() });
        }
        let closed = self.starts.last().map_or(0, |&end| end as usize);
        if closed != self.indices.len() {
            return Some(TrainFault::Open { spikes: self.indices.len().abs_diff(closed) });
        }
        if dispatch(InOrder { train: self, channels }) {
            return None;
        }
        for t in 0..steps {
            let step = self.step(t);
            if let Some((&before, &channel)) = step.iter().zip(step.iter().skip(1)).find(|(a, b)| a >= b) {
                return Some(TrainFault::Order { step: t, channel, before });
            }
            // The last is the greatest.
            if let Some(&channel) = step.last().filter(|&&i| i as usize >= channels) {
                return Some(TrainFault::Channel { step: t, channel, channels });
            }
        }
        None
    }

    /// The number of closed steps.
    #[inline(always)]
    pub fn steps(&self) -> usize {
        self.forgotten.steps + self.starts.len().saturating_sub(1)
    }

    /// The neurons that fired in step `t`, ascending.
    ///
    /// # Panics
    /// If `t` is not below [`Self::steps`], as the index of a slice.
    #[inline(always)]
    pub fn step(&self, t: usize) -> &[u32] {
        let t = t - self.forgotten.steps;
        &self.indices[self.starts[t] as usize..self.starts[t + 1] as usize]
    }

    /// What [`Self::step`] gives for some steps.
    #[inline(always)]
    pub(crate) fn lists(&self, steps: Range<usize>) -> impl Iterator<Item = &[u32]> {
        let forgotten = self.forgotten.steps;
        let starts = &self.starts[steps.start - forgotten..=steps.end - forgotten];
        starts.windows(2).map(|bounds| &self.indices[bounds[0] as usize..bounds[1] as usize])
    }

    /// The spikes of some steps, one step after the other.
    #[inline(always)]
    pub(crate) fn spikes(&self, steps: Range<usize>) -> &[u32] {
        let place = |t: usize| self.starts.get(t - self.forgotten.steps).map_or(0, |&start| start as usize);
        &self.indices[place(steps.start)..place(steps.end)]
    }

    /// The step of each of [`Self::spikes`], counted from the first of less than 255 steps. Each is written by whole registers, which
    /// reach beyond the spikes of its step; the next step writes over that. `times` needs room for a word behind the last spike.
    #[inline(always)]
    pub(crate) fn write_times(&self, steps: Range<usize>, times: &mut [u8]) {
        let mut end = 0;
        for (time, list) in (0..).zip(self.lists(steps)) {
            let begin = end;
            end += list.len();
            for place in (begin..end).step_by(WORD) {
                times[place..][..WORD].fill(time);
            }
        }
    }

    /// The number of spikes.
    pub fn len(&self) -> usize {
        self.forgotten.spikes + self.indices.len()
    }

    /// True if no neuron fired.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All (step, neuron) pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        (self.forgotten.steps..self.steps()).flat_map(move |t| self.step(t).iter().map(move |&i| (t, i)))
    }

    /// The bytes held.
    pub fn bytes(&self) -> usize {
        4 * (self.starts.capacity() + self.indices.capacity())
    }
}

/// Whether the channels of each step are ascending and below a number. All spikes must be in closed steps.
struct InOrder<'a> {
    train: &'a SpikeTrain,
    channels: usize,
}

impl Loops for InOrder<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<const BYTES: usize>(self) -> bool {
        let SpikeTrain { starts, indices, .. } = self.train;
        // A channel may be followed by a smaller one where a step ends, and nowhere else.
        let falls = indices.iter().zip(indices.iter().skip(1)).map(|(a, b)| u32::from(a >= b)).sum::<u32>();
        let mut allowed = 0;
        for bounds in starts.windows(2) {
            let (start, end) = (bounds[0] as usize, bounds[1] as usize);
            if start > 0 && start < end {
                allowed += u32::from(indices[start - 1] >= indices[start]);
            }
        }
        let greatest = indices.iter().fold(0, |greatest, &i| i.max(greatest));
        falls == allowed && (indices.is_empty() || (greatest as usize) < self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_sorted_by_step() {
        let mut train = SpikeTrain::new();
        train.push(9);
        train.fill_from_events(4, &[(3, 0), (0, 1), (3, 1), (1, 2), (0, 5), (4, 6), (900, 7)]);
        assert_eq!(train.steps(), 4);
        assert_eq!(train.iter().collect::<Vec<_>>(), [(0, 1), (0, 5), (1, 2), (3, 0), (3, 1)]);
        assert!(train.step(2).is_empty());
        train.fill_from_events(0, &[(0, 1)]);
        assert_eq!((train.steps(), train.len()), (0, 0));
        train.fill_from_events(2, &[]);
        assert_eq!((train.steps(), train.len()), (2, 0));
    }

    #[test]
    fn bits_become_lists() {
        let channels: [[u32; 64]; 2] = std::array::from_fn(|g| std::array::from_fn(|i| (200 * g + 3 * i) as u32));
        // No, all and the outer bits, few and many.
        let of = |step: usize| [0, u64::MAX, 1 << 63 | 1, 0x1ff, 0xff, 0x0123_4567_89ab_cdef, 1 << 40, 0][step];
        let words = [std::array::from_fn(of), std::array::from_fn(|step| of(7 - step))];
        let fires = |step: usize| {
            let fires = move |&(g, i): &(usize, usize)| words[g][step] >> i & 1 == 1;
            (0..2).flat_map(|g| (0..64).map(move |i| (g, i))).filter(fires).map(|(g, i)| channels[g][i])
        };
        crate::simd::tests::at_each_level(|level| {
            let mut train = SpikeTrain::new();
            train.push(7);
            train.end_step();
            for range in [0..8, 2..5, 4..4] {
                dispatch(Push { train: &mut train, channels: &channels, words: &words, steps: range });
            }
            let expected = (0..8).chain(2..5);
            assert_eq!((train.steps(), train.step(0)), (12, &[7][..]), "{level:?}");
            for (t, step) in (1..).zip(expected) {
                assert!(train.step(t).iter().copied().eq(fires(step)), "{level:?}, step {step}");
            }
            assert_eq!(train.fault(12, 400), None);
        });
    }

    struct Push<'a> {
        train: &'a mut SpikeTrain,
        channels: &'a [[u32; 64]],
        words: &'a [[u64; 8]],
        steps: Range<usize>,
    }

    impl Loops for Push<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const BYTES: usize>(self) {
            self.train.push_words(Wide::new::<BYTES>(), self.channels, self.words, self.steps);
        }
    }

    #[test]
    fn faults_are_found() {
        let train = |steps: &[&[u32]]| {
            let mut train = SpikeTrain::new();
            for step in steps {
                step.iter().for_each(|&i| train.push(i));
                train.end_step();
            }
            train
        };
        let long: Vec<u32> = (0..100).collect();
        let mut wrong = long.clone();
        wrong.swap(70, 71);
        crate::simd::tests::at_each_level(|level| {
            let fault = |steps: &[&[u32]]| train(steps).fault(steps.len(), 100);
            // Steps that fall, rise or stay where they meet.
            let fine: [&[&[u32]]; 5] =
                [&[], &[&[], &[]], &[&long, &[], &long], &[&[1, 5], &[5], &[6], &[2]], &[&[], &[99]]];
            for steps in fine {
                assert_eq!(fault(steps), None, "{level:?}");
            }
            let order = |step, channel, before| Some(TrainFault::Order { step, channel, before });
            assert_eq!(fault(&[&long, &wrong, &[3, 3]]), order(1, 70, 71), "{level:?}");
            assert_eq!(fault(&[&[7], &[], &[3, 3]]), order(2, 3, 3), "{level:?}");
            assert_eq!(fault(&[&[1, 0], &[5]]), order(0, 0, 1), "{level:?}");
            let channel = |step, channel| Some(TrainFault::Channel { step, channel, channels: 100 });
            assert_eq!(fault(&[&long, &[4, 100], &[200]]), channel(1, 100), "{level:?}");
            assert_eq!(fault(&[&[u32::MAX]]), channel(0, u32::MAX), "{level:?}");
        });
        let mut open = train(&[&[1]]);
        assert_eq!(open.fault(2, 100), Some(TrainFault::Steps { expected: 2, found: 1 }));
        open.push(2);
        assert_eq!(open.fault(1, 100), Some(TrainFault::Open { spikes: 1 }));
        assert_eq!(train(&[&[0]]).fault(1, 0), Some(TrainFault::Channel { step: 0, channel: 0, channels: 0 }));
    }

    #[test]
    fn a_default_train_can_be_filled() {
        let mut train = SpikeTrain::default();
        train.push(3);
        train.end_step();
        assert_eq!(train.step(0), [3]);
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let (mut whole, mut short) = (SpikeTrain::new(), SpikeTrain::new());
        for t in 0..100u32 {
            for train in [&mut whole, &mut short] {
                (0..t % 4).for_each(|i| train.push(t + i));
                train.end_step();
            }
            short.keep_last(5);
            assert_eq!((short.steps(), short.len()), (whole.steps(), whole.len()));
            for back in 1..=5.min(t + 1) {
                let t = (t + 1 - back) as usize;
                assert_eq!(short.step(t), whole.step(t));
            }
            assert!(short.iter().eq(whole.iter().skip(short.forgotten.spikes)));
            assert!(short.starts.len() <= 12 && short.indices.len() <= 3 * 11, "step {t}");
        }
        short.clear();
        assert_eq!(short, SpikeTrain::new());
    }
}
