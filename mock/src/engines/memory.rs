// SPDX-License-Identifier: GPL-2.0

//! Memory as the host and the engines see it.

/// Where physical memory is. The model has no caches, so system memory is of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Aperture {
    /// The frame buffer; addresses are offsets in it.
    Vram,
    /// The machine's memory; addresses are bus addresses.
    System,
}

/// An address that a channel's work names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// In the channel's address space.
    Virtual(u64),
    /// In physical memory, which only privileged channels may name.
    Physical(Aperture, u64),
}

impl Address {
    /// The address `by` bytes further; wraps around, as the hardware's adders do.
    pub(crate) const fn plus(self, by: u64) -> Self {
        match self {
            Self::Virtual(at) => Self::Virtual(at.wrapping_add(by)),
            Self::Physical(aperture, at) => Self::Physical(aperture, at.wrapping_add(by)),
        }
    }
}

/// How memory is accessed, as a fault reports it.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_fault.ref.txt, `NV_PFAULT_ACCESS_TYPE_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    Atomic,
}

/// Why an access failed.
///
/// Source: open-gpu-doc, manuals/turing/tu104/dev_fault.ref.txt, `NV_PFAULT_FAULT_TYPE_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FaultType {
    /// A page directory entry is invalid.
    Pde = 0x0,
    /// A page directory entry has an impossible size.
    PdeSize = 0x1,
    /// A page table entry is invalid.
    Pte = 0x2,
    /// The address is above the address space's limit.
    VaLimit = 0x3,
    /// The channel's instance block has no page directory.
    UnboundInstance = 0x4,
    /// The page is for privileged accesses.
    Privilege = 0x5,
    /// The page is read-only.
    ReadOnly = 0x6,
    /// An entry or a physical address names an aperture that does not exist.
    UnsupportedAperture = 0xa,
    /// The page's kind does not exist.
    UnsupportedKind = 0xc,
    /// Physical memory that the engine must not or cannot reach.
    Region = 0xd,
    /// The page refuses atomic accesses.
    Atomic = 0xf,
}

/// A failed access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MmuFault {
    /// The first byte that could not be accessed, as the work named it.
    pub(crate) address: Address,
    pub(crate) access: Access,
    pub(crate) reason: FaultType,
}

/// Memory, as one channel sees it.
///
/// An access that crosses pages happens page by page. A fault leaves what lies before it done, and
/// nothing behind it.
pub(crate) trait Memory {
    /// Reads `into.len()` bytes.
    fn read(&mut self, at: Address, into: &mut [u8]) -> Result<(), MmuFault>;

    /// Writes `from`.
    fn write(&mut self, at: Address, from: &[u8]) -> Result<(), MmuFault>;

    /// Replaces the `size` (4 or 8) bytes by what `change` makes of them, as one atomic access.
    fn update(
        &mut self,
        at: Address,
        size: usize,
        change: &mut dyn FnMut(u64) -> u64,
    ) -> Result<(), MmuFault>;
}

impl dyn Memory + '_ {
    /// Reads a little-endian word of 32 bits.
    pub(crate) fn read_u32(&mut self, at: Address) -> Result<u32, MmuFault> {
        let mut bytes = [0; 4];
        self.read(at, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Reads a little-endian word of 64 bits.
    pub(crate) fn read_u64(&mut self, at: Address) -> Result<u64, MmuFault> {
        let mut bytes = [0; 8];
        self.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}
