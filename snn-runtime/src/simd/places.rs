//! Which of 64 numbers are not 0, as bits, and the bits as a list of places.
//!
//! Elsewhere plain Rust is compiled for each level; for these two the compiler does not find the instructions of AVX-512: a comparison
//! whose result is a mask, and a register whose chosen numbers move to its front.

use super::{Level, level};
use crate::Real;

/// The numbers that one word has a bit for.
pub(crate) const WORD: usize = 64;

/// The bits of a word that are taken without looking whether there are so many.
const TOGETHER: usize = 8;

/// Says that AVX-512 is in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide(());

impl Wide {
    /// It is, and the caller is compiled for it.
    #[inline(always)]
    pub(crate) fn new<const BYTES: usize>() -> Option<Self> {
        (BYTES == 64 && level() == Level::Avx512).then_some(Self(()))
    }
}

/// Writes the names of the bits that are set, ascending, to the front of a list, and whatever follows behind them. Returns how many
/// are set.
///
/// Without a decision for each bit there are fewer that the processor foresees wrongly.
#[inline(always)]
pub(crate) fn list(wide: Option<Wide>, bits: u64, name: impl Fn(usize) -> u32, places: &mut [u32; WORD]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if wide.is_some() {
        let mut count = 0;
        for part in 0..WORD / 16 {
            let mask = (bits >> (16 * part)) as u16;
            let names: [u32; 16] = std::array::from_fn(|i| name(16 * part + i));
            // SAFETY: `wide` says that the processor has AVX-512.
            let names = unsafe { compress(mask, names) };
            // Each part has 16 places at most.
            if let Some(places) = places[count..].first_chunk_mut::<16>() {
                *places = names;
            }
            count += mask.count_ones() as usize;
        }
        return count;
    }
    let _ = wide;
    let (mut rest, mut chunks) = (bits, places.as_chunks_mut::<TOGETHER>().0.iter_mut());
    while rest != 0
        && let Some(places) = chunks.next()
    {
        for place in places {
            *place = name(rest.trailing_zeros() as usize % WORD);
            rest &= rest.wrapping_sub(1);
        }
    }
    bits.count_ones() as usize
}

/// A bit for each flag, which is 0 or 1.
#[inline(always)]
pub(crate) fn bits_of(wide: Option<Wide>, flags: &[u8; WORD]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if wide.is_some() {
        // SAFETY: `wide` says that the processor has AVX-512.
        return unsafe { flags_mask(flags) };
    }
    let _ = wide;
    // The product moves the flag of byte `i` to bit 56 + i.
    let (words, _) = flags.as_chunks::<8>();
    let byte = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    words.iter().rev().fold(0, |bits, word| bits << 8 | byte(word))
}

/// A bit for each number that is not 0.
#[inline(always)]
pub(crate) fn bits_of_nonzero<R: Real>(wide: Option<Wide>, numbers: &[R; WORD]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if wide.is_some() {
        // SAFETY: `wide` says that the processor has AVX-512.
        return unsafe { nonzero_mask(numbers) };
    }
    let mut flags = [0; WORD];
    for (flag, &x) in flags.iter_mut().zip(numbers) {
        *flag = u8::from(x != R::ZERO);
    }
    bits_of(wide, &flags)
}

/// # Safety
/// The processor must have AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn compress(mask: u16, names: [u32; 16]) -> [u32; 16] {
    use std::arch::x86_64::{_mm512_loadu_epi32, _mm512_maskz_compress_epi32, _mm512_storeu_epi32};
    let mut places = [0u32; 16];
    // SAFETY: both arrays are 64 bytes, and the caller vouches for the processor.
    unsafe {
        let names = _mm512_loadu_epi32(names.as_ptr().cast());
        _mm512_storeu_epi32(places.as_mut_ptr().cast(), _mm512_maskz_compress_epi32(mask, names));
    }
    places
}

/// # Safety
/// The processor must have AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn flags_mask(flags: &[u8; WORD]) -> u64 {
    use std::arch::x86_64::{_mm512_loadu_epi8, _mm512_test_epi8_mask};
    // SAFETY: the array is 64 bytes, and the caller vouches for the processor.
    unsafe {
        let flags = _mm512_loadu_epi8(flags.as_ptr().cast());
        _mm512_test_epi8_mask(flags, flags)
    }
}

/// # Safety
/// The processor must have AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn nonzero_mask<R: Real>(numbers: &[R; WORD]) -> u64 {
    use std::arch::x86_64::{
        _CMP_NEQ_UQ, _mm512_cmp_pd_mask, _mm512_cmp_ps_mask, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_setzero_pd,
        _mm512_setzero_ps,
    };
    let mut bits = 0;
    if size_of::<R>() == size_of::<f32>() {
        for (part, numbers) in numbers.as_chunks::<16>().0.iter().enumerate() {
            // SAFETY: the chunk is 64 bytes, the real number of four bytes is `f32`, and the caller vouches for the processor.
            let mask = unsafe {
                _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(_mm512_loadu_ps(numbers.as_ptr().cast()), _mm512_setzero_ps())
            };
            bits |= u64::from(mask) << (16 * part);
        }
    } else {
        for (part, numbers) in numbers.as_chunks::<8>().0.iter().enumerate() {
            // SAFETY: the chunk is 64 bytes, the other real number is `f64`, and the caller vouches for the processor.
            let mask = unsafe {
                _mm512_cmp_pd_mask::<_CMP_NEQ_UQ>(_mm512_loadu_pd(numbers.as_ptr().cast()), _mm512_setzero_pd())
            };
            bits |= u64::from(mask) << (8 * part);
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::at_each_level;
    use crate::simd::{Loops, dispatch};

    struct Both<R>([R; WORD], [u8; WORD]);

    impl<R: Real> Loops for Both<R> {
        type Output = [(u64, usize, [u32; WORD]); 2];
        #[inline(always)]
        fn run<const BYTES: usize>(self) -> Self::Output {
            let wide = Wide::new::<BYTES>();
            [bits_of_nonzero(wide, &self.0), bits_of(wide, &self.1)].map(|bits| {
                let mut places = [0; WORD];
                let count = list(wide, bits, |i| 1000 + 3 * i as u32, &mut places);
                (bits, count, places)
            })
        }
    }

    fn check<R: Real>(bits: u64) {
        let is_set = |i: usize| bits >> i & 1 == 1;
        // Zeros of both signs, and what else is none.
        let others = [1.0, -2.0, f64::NAN, f64::INFINITY, 1e-30];
        let zero = |i: usize| if i.is_multiple_of(2) { 0.0 } else { -0.0 };
        let numbers = std::array::from_fn(|i| R::from_f64(if is_set(i) { others[i % 5] } else { zero(i) }));
        let flags = std::array::from_fn(|i| u8::from(is_set(i)));
        let expected: Vec<u32> = (0..WORD).filter(|&i| is_set(i)).map(|i| 1000 + 3 * i as u32).collect();
        at_each_level(|level| {
            for (found, count, places) in dispatch(Both::<R>(numbers, flags)) {
                assert_eq!(found, bits, "{level:?}");
                assert_eq!(places[..count], expected, "{level:?} {bits:#x}");
            }
        });
    }

    #[test]
    fn bits_and_their_places_are_the_same_at_each_level() {
        for bits in [0, 1, 1 << 63, u64::MAX, 0xffff, 0x1ff << 30, 0x8000_0000_0001_8001, 0x0123_4567_89ab_cdef] {
            check::<f32>(bits);
            check::<f64>(bits);
        }
    }
}
