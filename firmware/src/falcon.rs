// SPDX-License-Identifier: GPL-2.0

//! The layout, boot ROM parameters and signatures of falcon ucode, independent of the file format.

/// A part of the ucode and its destination in the falcon's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Offset of the first byte in the ucode.
    pub source: u32,
    /// Destination of that byte in IMEM or DMEM.
    pub target: u32,
    /// Length in bytes.
    pub len: u32,
}

/// The parts of ucode and their destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Non-secure code; only ucode for Turing and GA100 has it.
    pub imem_ns: Option<Part>,
    /// Secure code.
    pub imem_sec: Part,
    /// Data.
    pub dmem: Part,
    /// Address at which the falcon starts.
    pub boot_addr: u32,
}

/// The boot ROM's parameters for checking the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brom {
    /// Offset of the signature in DMEM (`PARAADDR`).
    pub pkc_data_offset: u32,
    /// Engines that may run the ucode, one bit each.
    pub engine_id_mask: u16,
    /// Number of the ucode's version fuse, from 1.
    pub ucode_id: u8,
}

/// Signatures of equal size, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signatures<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl<'a> Signatures<'a> {
    /// Splits `bytes` into signatures of `size` bytes.
    pub(crate) const fn new(bytes: &'a [u8], size: usize) -> Self {
        Self { bytes, size }
    }

    /// Number of signatures.
    pub fn count(&self) -> usize {
        self.bytes.len().checked_div(self.size).unwrap_or(0)
    }

    /// Size of a signature in bytes.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The signature with the number `index`, from 0.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.size)?;
        self.bytes.get(start..start.checked_add(self.size)?)
    }

    /// All signatures.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let signatures = *self;
        (0..signatures.count()).filter_map(move |index| signatures.get(index))
    }

    /// All signatures, back to back.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
