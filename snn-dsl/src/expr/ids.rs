//! Tables by node or by id. The usual hash of the standard library guards against chosen keys, which nodes are not, and
//! takes most of the time of a check; nothing iterates over these tables, so their order never shows.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Multiplication and rotation, as in the compilers of Firefox and Rust.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        // Tables look at the upper bits and at the lower ones.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }
}

/// A table for look-ups alone.
pub type Table<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;
