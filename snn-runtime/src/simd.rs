//! Run-time choice of the instruction set for the heavy loops.
//!
//! A loop is a value that implements [`Loops`] with an `#[inline(always)]` body; [`dispatch`] inlines the body into one
//! function per instruction set and calls the one that is in force. The bodies are plain Rust, rounded operation by
//! operation in a fixed order, so that every level gives the same bits and only the speed differs. What the compiler does not find
//! in plain Rust is in `places`.

pub(crate) mod places;
pub(crate) mod sums;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set, the widest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the program was compiled for.
    Baseline,
    /// x86-64 with AVX2, FMA and the instructions for bits that came with them: 32-byte registers.
    Avx2,
    /// The same and AVX-512 (F, BW, DQ, VL): 64-byte registers.
    Avx512,
}

/// The level in force; `UNSET` before the first question.
static IN_FORCE: AtomicU8 = AtomicU8::new(UNSET);
const UNSET: u8 = u8::MAX;

/// The widest level of this processor.
pub fn detected() -> Level {
    static DETECTED: OnceLock<Level> = OnceLock::new();
    *DETECTED.get_or_init(detect)
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let bits =
        is_x86_feature_detected!("popcnt") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2");
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && bits;
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Baseline
}

/// The level in force: the one that [`force`] set, otherwise the detected one. Never above the detected one.
#[inline]
pub fn level() -> Level {
    match IN_FORCE.load(Ordering::Relaxed) {
        0 => Level::Baseline,
        1 => Level::Avx2,
        2 => Level::Avx512,
        _ => begin(),
    }
}

/// The first level in force, unless another thread sets one at this moment.
#[cold]
fn begin() -> Level {
    let detected = detected();
    let _ = IN_FORCE.compare_exchange(UNSET, detected as u8, Ordering::Relaxed, Ordering::Relaxed);
    level()
}

/// Sets the level for the whole process and returns the one now in force, which is lower if the processor cannot do
/// what was asked. Results do not depend on it; tests use it to prove that. `force(detected())` undoes it.
pub fn force(level: Level) -> Level {
    let level = level.min(detected());
    IN_FORCE.store(level as u8, Ordering::Relaxed);
    level
}

/// A heavy loop as a value: its arguments, and the body to be inlined into the clone of each level.
pub trait Loops {
    /// What the body returns.
    type Output;
    /// The body, `#[inline(always)]`. `BYTES` is the size of a vector register, for the choice of block shapes.
    fn run<const BYTES: usize>(self) -> Self::Output;
}

/// Runs the loop at the level in force.
#[inline]
pub fn dispatch<L: Loops>(loops: L) -> L::Output {
    match level() {
        // SAFETY: `level` never exceeds `detected`, so the processor has the features of the function.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(loops) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(loops) },
        _ => loops.run::<16>(),
    }
}

/// Asks for the cache lines of a slice before they are needed.
#[inline(always)]
pub(crate) fn prefetch<T>(slice: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in slice.chunks((64 / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint about memory that the slice owns; it neither reads nor writes.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = slice;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt,bmi1,bmi2")]
fn avx512<L: Loops>(loops: L) -> L::Output {
    loops.run::<64>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt,bmi1,bmi2")]
fn avx2<L: Loops>(loops: L) -> L::Output {
    loops.run::<32>()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard};

    /// Held by tests that force levels, so that they do not disturb each other.
    pub(crate) fn lock() -> MutexGuard<'static, ()> {
        static LOCK: Mutex<()> = Mutex::new(());
        LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Runs `f` once at every level this processor has.
    pub(crate) fn at_each_level(mut f: impl FnMut(Level)) {
        let _guard = lock();
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            if force(level) == level {
                f(level);
            }
        }
        force(detected());
    }

    #[test]
    fn force_never_exceeds_the_processor() {
        let _guard = lock();
        assert_eq!(force(Level::Baseline), Level::Baseline);
        assert_eq!(level(), Level::Baseline);
        assert_eq!(force(Level::Avx512), detected().min(Level::Avx512));
        assert_eq!(force(detected()), detected());
    }

    #[test]
    fn the_body_learns_the_register_size() {
        struct Size;
        impl Loops for Size {
            type Output = usize;
            #[inline(always)]
            fn run<const BYTES: usize>(self) -> usize {
                BYTES
            }
        }
        at_each_level(|level| {
            let expected = match level {
                Level::Baseline => 16,
                Level::Avx2 => 32,
                Level::Avx512 => 64,
            };
            assert_eq!(dispatch(Size), expected);
        });
    }
}
