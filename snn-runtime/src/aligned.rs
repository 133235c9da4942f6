//! Buffers that begin with a cache line.
//!
//! A register of AVX-512 is a cache line wide: where rows begin in the middle of a line, every access takes two. The memory of
//! an allocation begins anywhere.

use std::ops::{Deref, DerefMut};

/// The bytes of a cache line.
const LINE: usize = 64;

/// Numbers, the first of which is the first of a cache line.
#[derive(Debug, Default)]
pub(crate) struct Aligned<T> {
    data: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// Makes room for so many numbers. What they are is not said: those of before, or zeros.
    pub(crate) fn resize(&mut self, length: usize) {
        let spare = LINE / size_of::<T>();
        if length > 0 && self.data.len() < length + spare {
            self.data = vec![T::default(); length + spare];
            self.start = self.data.as_ptr().align_offset(LINE).min(spare);
        }
        self.length = length;
    }

    /// So many zeros.
    pub(crate) fn zeroed(&mut self, length: usize) {
        self.resize(length);
        self.fill(T::default());
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<T>()
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.data[self.start..][..self.length]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[self.start..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_with_a_line() {
        let mut buffers: Vec<Aligned<f32>> = (0..9).map(|_| Aligned::default()).collect();
        for length in [0, 1, 100, 7, 100_000] {
            for buffer in &mut buffers {
                buffer.zeroed(length);
                assert!(buffer.len() == length && buffer.iter().all(|&x| x == 0.0));
                assert!(length == 0 || buffer.as_ptr().addr().is_multiple_of(LINE));
                buffer.fill(1.0);
            }
        }
    }
}
