//! Where each thread writes down which of its neurons fired in a step, for all to read.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// The spikes of two steps: while some threads still read those of a step, others write those of the next. After each step all
/// wait for each other, and nobody is further ahead; that also orders what is read after what was written.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Of even and odd steps, per population: for each part the number of its spikes, then these, with room for all its neurons.
    spikes: [Vec<Vec<AtomicU32>>; 2],
    /// Per population and part the place of the number of its spikes.
    places: Vec<Vec<usize>>,
}

impl Board {
    /// Room for populations that are cut into these ranges.
    pub(super) fn new(populations: &[Vec<Range<usize>>]) -> Self {
        let zeros = |parts: &Vec<Range<usize>>| {
            let n = parts.last().map_or(0, |part| part.end);
            (0..n + parts.len()).map(|_| AtomicU32::new(0)).collect()
        };
        let step = || populations.iter().map(zeros).collect();
        let places = |parts: &Vec<Range<usize>>| parts.iter().enumerate().map(|(k, part)| part.start + k).collect();
        Self { spikes: [step(), step()], places: populations.iter().map(places).collect() }
    }

    /// Writes down the spikes of a part of a population in step `t`, each a number in the part, which begins with neuron `first`.
    pub(super) fn write(&self, t: usize, population: usize, part: usize, first: usize, spikes: &[u32]) {
        let places = &self.spikes[t % 2][population][self.places[population][part]..];
        let list = spikes.iter().map(|&i| i + first as u32);
        let list = std::iter::once(spikes.len() as u32).chain(list);
        list.zip(places).for_each(|(x, place)| place.store(x, Ordering::Relaxed));
    }

    /// All spikes of a population in step `t`, ascending.
    pub(super) fn read(&self, t: usize, population: usize) -> impl Iterator<Item = u32> + '_ {
        let spikes = &self.spikes[t % 2][population];
        self.places[population].iter().flat_map(move |&place| {
            let count = spikes[place].load(Ordering::Relaxed) as usize;
            spikes[place + 1..][..count].iter().map(|spike| spike.load(Ordering::Relaxed))
        })
    }

    /// Forgets all spikes.
    pub(super) fn clear(&self) {
        for (spikes, places) in self.spikes.iter().flat_map(|step| step.iter().zip(&self.places)) {
            places.iter().for_each(|&place| spikes[place].store(0, Ordering::Relaxed));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.spikes.iter().flatten().map(|spikes| 4 * spikes.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_in_order() {
        let board = Board::new(&[vec![0..3, 3..3, 3..5], vec![0..0, 0..1, 1..1]]);
        let read = |t, population| board.read(t, population).collect::<Vec<_>>();
        board.write(4, 0, 2, 3, &[0, 1]);
        board.write(4, 0, 0, 0, &[0, 1, 2]);
        board.write(5, 0, 0, 0, &[1]);
        board.write(5, 1, 1, 0, &[0]);
        assert_eq!((read(4, 0), read(5, 0), read(5, 1)), (vec![0, 1, 2, 3, 4], vec![1], vec![0]));
        board.write(6, 0, 0, 0, &[]);
        assert_eq!((read(6, 0), read(6, 1)), (vec![3, 4], vec![]));
        board.clear();
        assert!(read(5, 0).is_empty() && read(6, 0).is_empty());
    }
}
