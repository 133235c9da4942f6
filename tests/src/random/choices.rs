//! Choices made by a list of numbers.

/// A list of numbers that decide; behind its end everything is 0, the simplest choice.
#[derive(Clone, Debug)]
pub struct Choices {
    list: Vec<u32>,
    at: usize,
}

impl Choices {
    /// Choices by the numbers of a list.
    pub fn new(list: Vec<u32>) -> Self {
        Self { list, at: 0 }
    }

    /// Choices by the numbers that follow from a seed (splitmix64).
    pub fn from_seed(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
        let numbers = std::iter::repeat_with(|| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z >> 32) as u32
        });
        Self::new(numbers.take(600).collect())
    }

    /// A whole number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        let number = self.list.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        ((u64::from(number) * n as u64) >> 32) as usize
    }

    /// Yes in about that many of a hundred cases; no is simpler.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// One of a list; the first is the simplest.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// A number with two digits behind the point, from `low` on and below `high`.
    pub fn number(&mut self, low: f64, high: f64) -> f64 {
        let steps = ((high - low) * 100.0).round().max(1.0);
        (low * 100.0 + self.below(steps as usize) as f64).round() / 100.0
    }
}
