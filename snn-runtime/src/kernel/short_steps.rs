//! Loops over neurons that begin with cheaper code for short steps ([`is_short`](crate::math::is_short)).
//!
//! The cheap loop goes through a part of the neurons and notes the longest step among them. If that was not short, what
//! the loop overwrote is taken back, and the code for all steps does the part again. Both give the same bits where steps are
//! short, so that nothing but the time depends on which neurons stand in a part.

use crate::Real;
use crate::aligned::Aligned;
use std::ops::Range;

/// The neurons of a part, at most.
pub const PART: usize = 512;

/// `0..n` in parts if the cheap loop `tries` them, otherwise as one.
#[inline(always)]
pub fn parts(n: usize, tries: bool) -> impl Iterator<Item = Range<usize>> {
    let part = if tries { PART } else { n.max(1) };
    (0..n).step_by(part).map(move |start| start..n.min(start + part))
}

/// What a cheap loop overwrote, and whether to try it at all: where much had to be done twice, the next steps do not.
#[derive(Debug, Default)]
pub struct ShortSteps<R> {
    /// `[states, PART]`
    states: Aligned<R>,
    /// `[PART]`
    refractory: Aligned<u16>,
    /// The neurons of this step that were done twice.
    again: usize,
    /// The steps that are still taken without an attempt, and how many it were the last time.
    waits: u16,
    pause: u16,
}

impl<R: Real> ShortSteps<R> {
    /// At most so many steps are taken without an attempt.
    const LONGEST_PAUSE: u16 = 255;

    /// At the beginning of a step: whether to try the cheap loop. There is room for that many states then, and for counters of
    /// refractory steps if a model has them.
    #[inline]
    pub fn begin(&mut self, states: usize, refractory: bool) -> bool {
        self.again = 0;
        if self.waits > 0 {
            self.waits -= 1;
            return false;
        }
        self.states.resize(states * PART);
        self.refractory.resize(if refractory { PART } else { 0 });
        true
    }

    /// The memory that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.states.bytes() + self.refractory.bytes()
    }

    /// Where the cheap loop saves the states (`[states, PART]`) and counters (`[PART]`) that it overwrites.
    #[inline]
    pub fn room(&mut self) -> (&mut [R], &mut [u16]) {
        (&mut self.states, &mut self.refractory)
    }

    /// Takes back what the cheap loop overwrote in the part `cells`.
    #[inline]
    pub fn restore<const STATES: usize>(
        &mut self,
        cells: Range<usize>,
        states: [&mut [R]; STATES],
        refractory: &mut [u16],
    ) {
        let count = cells.len();
        self.again += count;
        for (state, saved) in states.into_iter().zip(self.states.chunks_exact(PART)) {
            state[cells.clone()].copy_from_slice(&saved[..count]);
        }
        if !self.refractory.is_empty() {
            refractory[cells].copy_from_slice(&self.refractory[..count]);
        }
    }

    /// At the end of a step of `n` neurons in which the cheap loop was tried.
    #[inline]
    pub fn end(&mut self, n: usize) {
        // Half of the work is saved where it succeeds.
        if 3 * self.again > n {
            self.pause = (2 * self.pause + 1).min(Self::LONGEST_PAUSE);
            self.waits = self.pause;
        } else {
            self.pause = 0;
        }
    }
}

/// The longest step so far. In terms of the bits of the numbers: a maximum of integers, which vectors have.
#[derive(Clone, Copy, Debug)]
pub struct Longest<R: Real>(R::Magnitude);

impl<R: Real> Longest<R> {
    /// Of no steps.
    #[inline(always)]
    pub fn new() -> Self {
        Self(R::Magnitude::default())
    }

    /// Takes in z = rate dt.
    #[inline(always)]
    pub fn see(&mut self, z: R) {
        self.0 = self.0.max(z.magnitude());
    }

    /// All steps were short; not if one was NaN.
    #[inline(always)]
    pub fn is_short(self) -> bool {
        self.0 <= R::SHORT.magnitude()
    }
}

impl<R: Real> Default for Longest<R> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_neurons() {
        let lengths = |n| parts(n, true).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!((lengths(0), lengths(PART), lengths(7)), (vec![], vec![PART], vec![7]));
        assert_eq!(parts(2 * PART + 88, true).collect::<Vec<_>>(), [0..PART, PART..2 * PART, 2 * PART..2 * PART + 88]);
        assert_eq!(parts(2 * PART, false).map(|part| part.len()).collect::<Vec<_>>(), [2 * PART]);
        assert_eq!(parts(0, false).count(), 0);
    }

    #[test]
    fn one_long_step_is_seen() {
        let is_short = |steps: &[f64]| {
            let (mut double, mut single) = (Longest::<f64>::new(), Longest::<f32>::new());
            for &z in steps {
                double.see(z);
                single.see(z as f32);
            }
            assert_eq!(double.is_short(), single.is_short());
            double.is_short()
        };
        assert!(is_short(&[]) && is_short(&[0.5, -0.693, 0.69, -0.0]));
        assert!(!is_short(&[0.5, -0.694]) && !is_short(&[0.694, 0.0]));
        assert!(!is_short(&[f64::NAN, 0.0]) && !is_short(&[f64::NEG_INFINITY]) && !is_short(&[-f64::NAN]));
    }

    #[test]
    fn what_was_overwritten_comes_back() {
        let mut short = ShortSteps::<f32>::default();
        assert!(short.begin(2, true));
        let (states, refractory) = short.room();
        states[..3].copy_from_slice(&[1.0, 2.0, 3.0]);
        states[PART..PART + 3].copy_from_slice(&[4.0, 5.0, 6.0]);
        refractory[..3].copy_from_slice(&[7, 8, 9]);
        let (mut v, mut w, mut counters) = ([0.0; 5], [0.0; 5], [0; 5]);
        short.restore(1..4, [&mut v, &mut w], &mut counters);
        assert_eq!((v, w), ([0.0, 1.0, 2.0, 3.0, 0.0], [0.0, 4.0, 5.0, 6.0, 0.0]));
        assert_eq!(counters, [0, 7, 8, 9, 0]);
    }

    #[test]
    fn where_most_was_done_twice_it_is_tried_ever_more_seldom() {
        let mut short = ShortSteps::<f32>::default();
        let mut attempts = Vec::new();
        for t in 0..100 {
            if short.begin(1, false) {
                attempts.push(t);
                short.restore(0..PART, [&mut [0.0; PART]], &mut []);
                short.end(PART);
            }
        }
        assert_eq!(attempts, [0, 2, 6, 14, 30, 62]);
        while !short.begin(1, false) {}
        short.restore(0..PART, [&mut [0.0; PART]], &mut []);
        short.end(16 * PART);
        assert!(short.begin(1, false), "one part of sixteen is worth an attempt");
    }
}
