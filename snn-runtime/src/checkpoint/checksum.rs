//! A checksum of what a checkpoint says, whatever the order in which its file says it.

use safetensors::tensor::Dtype;
use std::collections::BTreeMap;

/// The checksum of metadata and tensors (name to type, shape and bytes), both in the order of their names: 16
/// hexadecimal digits.
pub(super) fn checksum<'a>(
    metadata: impl Iterator<Item = (&'a str, &'a str)>,
    tensors: &BTreeMap<&str, (Dtype, &[usize], &[u8])>,
) -> String {
    let mut hash = Fnv::new();
    for (key, value) in metadata {
        hash.part(key.as_bytes());
        hash.part(value.as_bytes());
    }
    for (name, (dtype, shape, data)) in tensors {
        hash.part(name.as_bytes());
        hash.part(dtype.to_string().as_bytes());
        hash.bytes(&(shape.len() as u64).to_le_bytes());
        shape.iter().for_each(|&n| hash.bytes(&(n as u64).to_le_bytes()));
        hash.part(data);
    }
    format!("{:016x}", hash.0)
}

/// FNV-1a with 64 bits (Fowler, Noll and Vo). Every step is a bijection of the hash, so a change of one byte is always
/// found.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Bytes after their number, so that nothing can move from one part to the next.
    fn part(&mut self, bytes: &[u8]) {
        self.bytes(&(bytes.len() as u64).to_le_bytes());
        self.bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // The test suite of the authors.
        for (text, expected) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut hash = Fnv::new();
            hash.bytes(text.as_bytes());
            assert_eq!(hash.0, expected, "{text}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let of = |entries: &[(&str, &str)]| checksum(entries.iter().copied(), &BTreeMap::new());
        let all = [of(&[]), of(&[("", "")]), of(&[("ab", "c")]), of(&[("a", "bc")]), of(&[("a", "b"), ("c", "")])];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }
}
