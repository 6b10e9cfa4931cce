// SPDX-License-Identifier: GPL-2.0

//! The CRC of entries and segments.

/// Continues a CRC with the bytes of a word.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_pbdma.ref.txt, `NV_UDMA_CRC_CHECK`, has the
/// polynomial and the order of the bits for the CRC of methods. For the others it has only the
/// polynomial; the model takes the same order.
pub(super) fn add(crc: u32, word: u32) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    let mut crc = crc;
    for byte in word.to_le_bytes() {
        crc ^= u32::from(byte) << 24;
        for _ in 0..8 {
            let carry = crc >> 31;
            crc = (crc << 1) ^ (carry * POLYNOMIAL);
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CRC-32/BZIP2 is of this form, but starts with ones and inverts the result. Its check value,
    /// that of "123456789", is known.
    #[test]
    fn the_crc_is_that_of_the_catalogue() {
        let word = |text: &[u8; 4]| u32::from_le_bytes(*text);
        let crc = add(add(u32::MAX, word(b"1234")), word(b"5678"));
        // The last byte alone: its table entry.
        let mut last = crc ^ u32::from(b'9') << 24;
        for _ in 0..8 {
            last = (last << 1) ^ ((last >> 31) * 0x04c1_1db7);
        }
        assert_eq!(!last, 0xfc89_1918);
        assert_eq!(add(0, 0), 0);
        assert_eq!(add(0, 0x0100_0000), 0x04c1_1db7);
    }
}
