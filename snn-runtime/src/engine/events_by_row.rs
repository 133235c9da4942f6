//! The spikes of one sample sorted by neuron, for sums over the spikes of each.

use super::segments::LONGEST_PIECE;
use super::sent::within;
use crate::SpikeTrain;
use crate::simd::places::{WORD, Wide, bits_of, list};
use crate::simd::{Loops, dispatch};
use std::ops::Range;

/// Neurons that fired so often, or more often, are not told apart.
const COUNTS: usize = 32;

// Steps within a piece, and how often a neuron fired in it, are bytes.
const _: () = assert!(LONGEST_PIECE < u8::MAX as usize);

/// The spikes of one sample in a piece sorted by neuron: the ascending steps in which each fired.
#[derive(Debug, Default)]
pub(crate) struct EventsByRow {
    /// Room for as many steps as there are, for each neuron; it begins with those in which the neuron fired. `[rows, stride]`
    times: Vec<u8>,
    /// A whole number of cache lines.
    stride: usize,
    /// How often each neuron fired, and zeros to the end of a word.
    counts: Vec<u8>,
    /// How many neurons fired.
    fired: usize,
    /// These neurons, and room.
    active: Vec<u32>,
    /// The same in the order of how often, the most frequent together at the end, and room.
    by_count: Vec<u32>,
    /// The step of each spike.
    steps: Vec<u8>,
}

impl EventsByRow {
    /// Sorts the spikes in some steps, at most those of a piece; times count from the first of these.
    pub(super) fn sort(&mut self, train: &SpikeTrain, steps: Range<usize>, rows: usize) {
        self.stride = steps.len().next_multiple_of(64);
        // Memory only grows: nobody reads what was not written.
        if self.times.len() < rows * self.stride {
            self.times.resize(rows * self.stride, 0);
        }
        self.counts.clear();
        self.counts.resize(rows.next_multiple_of(WORD), 0);
        self.fired = 0;
        if train.spikes(steps.clone()).is_empty() {
            return;
        }
        let room = self.counts.len() + WORD;
        if self.active.len() < room {
            self.active.resize(room, 0);
            self.by_count.resize(room, 0);
        }
        dispatch(Sort { events: self, train, steps });
    }

    /// The steps in which a neuron fired.
    #[inline(always)]
    pub(super) fn times(&self, row: u32) -> &[u8] {
        &self.times[row as usize * self.stride..][..usize::from(self.counts[row as usize])]
    }

    /// Counting sort of the active neurons.
    #[inline(always)]
    fn sort_by_count(&mut self) {
        let count = |row: u32| usize::from(self.counts[row as usize]).min(COUNTS) - 1;
        let mut next = [0u32; COUNTS + 1];
        let active = &self.active[..self.fired];
        active.iter().for_each(|&row| next[count(row) + 1] += 1);
        for k in 0..COUNTS {
            next[k + 1] += next[k];
        }
        for &row in active {
            let place = &mut next[count(row)];
            self.by_count[*place as usize] = row;
            *place += 1;
        }
    }

    /// The neurons of a range that fired. Of all neurons, those that fired equally often come one after the other: loops over their
    /// spikes end where the processor foresees it.
    pub(super) fn rows(&self, sources: &Range<usize>) -> &[u32] {
        match within(&self.active[..self.fired], sources) {
            rows if rows.len() == self.fired => &self.by_count[..self.fired],
            rows => rows,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let bytes = [&self.times, &self.counts, &self.steps].map(Vec::capacity);
        bytes.iter().sum::<usize>() + 4 * (self.active.capacity() + self.by_count.capacity())
    }
}

/// See [`EventsByRow::sort`].
struct Sort<'a> {
    events: &'a mut EventsByRow,
    train: &'a SpikeTrain,
    steps: Range<usize>,
}

impl Loops for Sort<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        let Self { events, train, steps } = self;
        let spikes = train.spikes(steps.clone());
        // How many spikes a step has could not be foreseen: all go through one loop.
        if events.steps.len() < spikes.len() + WORD {
            events.steps.resize(spikes.len() + WORD, 0);
        }
        train.write_times(steps, &mut events.steps);
        let (times, counts, stride) = (&mut events.times[..], &mut events.counts[..], events.stride);
        for (&row, &time) in spikes.iter().zip(&events.steps) {
            let count = &mut counts[row as usize];
            times[row as usize * stride + usize::from(*count)] = time;
            *count += 1;
        }
        let wide = Wide::new::<BYTES>();
        for (word, counts) in counts.as_chunks::<WORD>().0.iter().enumerate() {
            let Some(places) = events.active[events.fired..].first_chunk_mut::<WORD>() else { return };
            let mut flags = [0; WORD];
            for (flag, &count) in flags.iter_mut().zip(counts) {
                *flag = count.min(1);
            }
            events.fired += list(wide, bits_of(wide, &flags), |i| (word * WORD + i) as u32, places);
        }
        events.sort_by_count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_sorted_by_neuron() {
        let mut events = EventsByRow::default();
        // The memory of greater ones is used again.
        for (steps, rows, period) in [(128, 70, 3), (0, 5, 1), (9, 4, 1), (40, 30, 1000), (100, 64, 7), (65, 130, 1)] {
            let fires = |t: u32, row: u32| row % 5 != 2 && (t * 7 + row * 3).is_multiple_of(period);
            let mut train = SpikeTrain::new();
            for t in 0..steps {
                (0..rows).filter(|&row| fires(t, row)).for_each(|row| train.push(row));
                train.end_step();
            }
            // All, and some in the middle.
            for part in [0..steps, steps / 3..steps / 2] {
                check(&mut events, &train, part.clone(), rows, &|t, row| fires(t, row));
            }
        }
    }

    fn check(
        events: &mut EventsByRow,
        train: &SpikeTrain,
        part: Range<u32>,
        rows: u32,
        fires: &dyn Fn(u32, u32) -> bool,
    ) {
        events.sort(train, part.start as usize..part.end as usize, rows as usize);
        let times = |row: u32| part.clone().filter(move |&t| fires(t, row)).map(|t| t - part.start);
        for row in 0..rows {
            assert!(events.times(row).iter().map(|&time| u32::from(time)).eq(times(row)));
        }
        let mut again = events.rows(&(0..rows as usize)).to_vec();
        assert!(again.is_sorted_by_key(|&row| times(row).count().min(COUNTS)));
        again.sort_unstable();
        assert_eq!(again, events.active[..events.fired]);
        let some = rows as usize / 3..rows as usize / 2;
        assert_eq!(events.rows(&some), within(&events.active[..events.fired], &some));
        assert!(events.active[..events.fired].iter().copied().eq((0..rows).filter(|&row| times(row).next().is_some())));
    }
}
