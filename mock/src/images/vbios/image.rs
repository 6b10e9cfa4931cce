// SPDX-License-Identifier: GPL-2.0

//! An image of the chain, and its headers.
//!
//! Source: PCI firmware specification 3.0, chapter 5; open-gpu-kernel-modules 570,
//! src/nvidia/inc/kernel/platform/pci_exp_table.h.

use super::shape::Size;

/// Sizes of images are multiples of this.
pub(super) const BLOCK: usize = 512;

/// An image under construction, which grows as it is written.
#[derive(Default)]
pub(super) struct Image(pub(super) Vec<u8>);

impl Image {
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[at..end].copy_from_slice(bytes);
    }

    pub(super) fn put_u16(&mut self, at: usize, values: &[u16]) {
        for (index, value) in values.iter().enumerate() {
            self.put(at + 2 * index, &value.to_le_bytes());
        }
    }

    pub(super) fn put_u32(&mut self, at: usize, values: &[u32]) {
        for (index, value) in values.iter().enumerate() {
            self.put(at + 4 * index, &value.to_le_bytes());
        }
    }

    /// Fills the image up to `real` bytes, or to the end of its last block, and one more if there is
    /// no place for the checksum.
    pub(super) fn fill(&mut self, size: Size, real: usize) {
        let used = self.0.len();
        let len = size.offset(real, used + 1).next_multiple_of(BLOCK);
        self.0.extend(noise(len as u32, len - used));
    }

    /// Writes a PCI data structure, or NVIDIA's, of revision 0, for the filled image; `ids` are
    /// vendor and device.
    pub(super) fn data_structure(
        &mut self,
        at: usize,
        magic: &[u8; 4],
        ids: [u16; 2],
        code_type: u8,
    ) {
        let blocks = self.blocks();
        self.put_u16(0x18, &[at as u16]);
        self.put(at, magic);
        self.put_u16(at + 4, &ids);
        self.put_u16(at + 8, &[0, 0x18]);
        self.put(at + 0xc, &[0; 4]);
        self.put_u16(at + 0x10, &[blocks, 0]);
        self.put(at + 0x14, &[code_type, 0, 0, 0]);
    }

    /// Writes NVIDIA's extension for the filled image.
    pub(super) fn extension(&mut self, at: usize, revision: u16, len: u16, last: u8, flags: u8) {
        let blocks = self.blocks();
        self.put(at, b"NPDE");
        self.put_u16(at + 4, &[revision, len, blocks]);
        self.put(at + 0xa, &[last, flags]);
        self.put(at + 0xc, &vec![0; usize::from(len) - 0xc]);
    }

    pub(super) fn blocks(&self) -> u16 {
        (self.0.len() / BLOCK) as u16
    }

    /// Sets the last byte so that the sum of all bytes is 0.
    pub(super) fn checksum(mut self) -> Vec<u8> {
        if let Some((last, rest)) = self.0.split_last_mut() {
            *last = rest.iter().fold(0, |sum: u8, &byte| sum.wrapping_sub(byte));
        }
        self.0
    }
}

/// Reproducible pseudo-random bytes in place of code.
pub(super) fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}
