// SPDX-License-Identifier: GPL-2.0

//! What a falcon's ucode says about how it is to be loaded, whichever file it came in.

/// A part of the ucode and the place in the falcon's memory where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Offset of the first byte in the ucode.
    pub source: u32,
    /// Offset in IMEM or DMEM where that byte goes.
    pub target: u32,
    /// Length in bytes.
    pub len: u32,
}

/// How ucode is spread over the falcon's memories.
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

/// What the boot ROM is told to check the signature with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brom {
    /// Offset in DMEM where the signature lies (`PARAADDR`).
    pub pkc_data_offset: u32,
    /// Engines that may run the ucode, one bit each.
    pub engine_id_mask: u16,
    /// Number by which the fuses know the ucode, from 1.
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

    /// How many there are.
    pub fn count(&self) -> usize {
        self.bytes.len().checked_div(self.size).unwrap_or(0)
    }

    /// Size of each in bytes.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The signature with the number `index`, from 0.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.size)?;
        self.bytes.get(start..start.checked_add(self.size)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let signatures = *self;
        (0..signatures.count()).filter_map(move |index| signatures.get(index))
    }

    /// All of them, back to back.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
