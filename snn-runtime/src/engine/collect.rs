//! From a flag for each neuron to the list of those that fired.

use crate::SpikeTrain;
use crate::simd::places::{Wide, bits_of};
use crate::simd::{Loops, dispatch};

/// Appends the places of the flags that are not 0.
pub(crate) fn collect(fired: &[u8], train: &mut SpikeTrain) {
    dispatch(Collect { fired, train });
}

/// Whether a flag is not 0.
pub(crate) fn any(fired: &[u8]) -> bool {
    dispatch(Any(fired))
}

struct Any<'a>(&'a [u8]);

impl Loops for Any<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<const BYTES: usize>(self) -> bool {
        self.0.iter().fold(0, |any, &flag| any | flag) != 0
    }
}

struct Collect<'a> {
    fired: &'a [u8],
    train: &'a mut SpikeTrain,
}

impl Loops for Collect<'_> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        let wide = Wide::new::<BYTES>();
        let (chunks, rest) = self.fired.as_chunks::<64>();
        let mut last = [0; 64];
        last[..rest.len()].copy_from_slice(rest);
        for (c, chunk) in chunks.iter().chain([&last]).enumerate() {
            // Most chunks of a large population are silent: one comparison of all of it.
            if chunk.iter().fold(0, |any, &flag| any | flag) == 0 {
                continue;
            }
            self.train.push_bits(wide, c as u32 * 64, bits_of(wide, chunk));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::at_each_level;

    #[test]
    fn places_are_ascending_and_complete() {
        let fired: Vec<u8> = (0..203u32).map(|i| u8::from(i % 7 == 3 || (60..66).contains(&i) || i == 202)).collect();
        let expected: Vec<u32> = (0..203).filter(|&i| fired[i as usize] == 1).collect();
        at_each_level(|level| {
            let mut train = SpikeTrain::new();
            collect(&fired, &mut train);
            assert!(any(&fired) && !any(&fired[..3]) && any(&fired[..4]) && !any(&[]), "{level:?}");
            train.end_step();
            assert_eq!(train.step(0), expected, "{level:?}");
        });
    }
}
