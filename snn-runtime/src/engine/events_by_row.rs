//! The spikes of one sample sorted by neuron, for sums over the spikes of each.

use super::sent::within;
use crate::SpikeTrain;
use std::ops::Range;

/// Neurons that fired so often, or more often, are not told apart.
const COUNTS: usize = 32;

/// The spikes of one sample sorted by neuron: the ascending steps in which each fired.
#[derive(Debug, Default)]
pub(crate) struct EventsByRow {
    /// `starts[row] .. starts[row + 1]` is the range of a neuron in `times`.
    pub(super) starts: Vec<u32>,
    pub(super) times: Vec<u32>,
    /// The neurons that fired.
    active: Vec<u32>,
    /// The same in the order of how often, the most frequent together at the end.
    by_count: Vec<u32>,
    /// Room for the step of each spike, at the first of a step.
    steps: Vec<u32>,
}

impl EventsByRow {
    /// Counting sort of the spikes in some steps; times count from the first of these.
    pub(super) fn sort(&mut self, train: &SpikeTrain, steps: Range<usize>, rows: usize) {
        self.starts.clear();
        self.starts.resize(rows + 2, 0);
        let count = &mut self.starts[2..];
        let spikes = train.spikes(steps.clone());
        spikes.iter().for_each(|&row| count[row as usize] += 1);
        self.active.resize(rows, 0);
        let (mut sum, mut active) = (0, 0);
        for (row, count) in count.iter_mut().enumerate() {
            // Written over by the next, unless it counts: neurons that fire are anywhere, and a decision would be foreseen
            // wrongly.
            self.active[active] = row as u32;
            active += usize::from(*count > 0);
            sum += *count;
            *count = sum;
        }
        self.active.truncate(active);
        self.sort_by_count();
        // How many spikes a step has could not be foreseen either: all go through one loop, with the last step that had begun.
        self.steps.clear();
        self.steps.resize(spikes.len() + 1, 0);
        (0..).zip(train.places(steps)).for_each(|(time, place)| self.steps[place] = time);
        // `starts[row + 1]` moves from the beginning of a row to its end while the row is filled.
        let next = &mut self.starts[1..];
        self.times.resize(spikes.len(), 0);
        let times = &mut self.times[..];
        let mut time = 0;
        for (&row, &begun) in spikes.iter().zip(&self.steps) {
            time = time.max(begun);
            let place = &mut next[row as usize];
            times[*place as usize] = time;
            *place += 1;
        }
        self.starts.truncate(rows + 1);
    }

    /// Counting sort of the active neurons; `starts[row + 2]` is the end of a row.
    fn sort_by_count(&mut self) {
        let ends = &self.starts[1..];
        let count = |row: u32| ((ends[row as usize + 1] - ends[row as usize]) as usize).min(COUNTS) - 1;
        let mut next = [0u32; COUNTS + 1];
        self.active.iter().for_each(|&row| next[count(row) + 1] += 1);
        for k in 0..COUNTS {
            next[k + 1] += next[k];
        }
        self.by_count.resize(self.active.len(), 0);
        for &row in &self.active {
            let place = &mut next[count(row)];
            self.by_count[*place as usize] = row;
            *place += 1;
        }
    }

    /// The neurons of a range that fired. Of all neurons, those that fired equally often come one after the other: loops over their
    /// spikes end where the processor foresees it.
    pub(super) fn rows(&self, sources: &Range<usize>) -> &[u32] {
        match within(&self.active, sources) {
            rows if rows.len() == self.active.len() => &self.by_count,
            rows => rows,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let lists = [&self.starts, &self.times, &self.active, &self.by_count, &self.steps];
        4 * lists.into_iter().map(Vec::capacity).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_sorted_by_neuron() {
        let mut events = EventsByRow::default();
        // The memory of greater ones is used again.
        for (steps, rows, period) in [(130, 70, 3), (0, 5, 1), (9, 4, 1), (40, 30, 1000), (100, 64, 7)] {
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
        let steps = part.start as usize..part.end as usize;
        events.sort(train, steps, rows as usize);
        let times = |row: u32| part.clone().filter(move |&t| fires(t, row)).map(|t| t - part.start);
        assert_eq!(events.starts.len(), rows as usize + 1);
        for (row, bounds) in (0..).zip(events.starts.windows(2)) {
            assert!(events.times[bounds[0] as usize..bounds[1] as usize].iter().copied().eq(times(row)));
        }
        let mut again = events.rows(&(0..rows as usize)).to_vec();
        assert!(again.is_sorted_by_key(|&row| times(row).count().min(COUNTS)));
        again.sort_unstable();
        assert_eq!(again, events.active);
        let some = rows as usize / 3..rows as usize / 2;
        assert_eq!(events.rows(&some), within(&events.active, &some));
        assert!(events.active.iter().copied().eq((0..rows).filter(|&row| times(row).next().is_some())));
    }
}
