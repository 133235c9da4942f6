//! From the steps of each channel to the channels of each step: bit matrices, turned.

/// Bit `j` of byte `i` becomes bit `i` of word `j`.
#[inline(always)]
pub(super) fn turn(channels: &[u8; 64]) -> [u64; 8] {
    let (squares, _) = channels.as_chunks::<8>();
    let mut turned = [[0; 8]; 8];
    for (turned, square) in turned.iter_mut().zip(squares) {
        *turned = turn_square(u64::from_le_bytes(*square)).to_le_bytes();
    }
    std::array::from_fn(|j| u64::from_le_bytes(std::array::from_fn(|square| turned[square][j])))
}

/// Bit `j` of byte `i` becomes bit `i` of byte `j`: squares of one, two and four bits change places across the diagonal
/// (Warren, "Hacker's delight", 7-3).
#[inline(always)]
fn turn_square(bits: u64) -> u64 {
    [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)].into_iter().fold(
        bits,
        |bits, (distance, mask)| {
            let different = (bits ^ bits >> distance) & mask;
            bits ^ different ^ different << distance
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_changes_its_places() {
        let bytes: [u8; 64] = std::array::from_fn(|i| (i * i * 37 + i * 11 + 5) as u8);
        let words = turn(&bytes);
        for (i, byte) in bytes.into_iter().enumerate() {
            for (j, word) in words.into_iter().enumerate() {
                assert_eq!(byte >> j & 1 == 1, word >> i & 1 == 1, "channel {i}, step {j}");
            }
        }
    }
}
