// SPDX-License-Identifier: GPL-2.0

//! The instance block of a channel, as far as it names an address space.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_ram.ref.txt (`NV_RAMIN_*`).

use bitfield_struct::bitfield;

/// Bytes of an instance block, to which it is also aligned.
pub const SIZE: u64 = 0x1000;

/// Offset of [`PageDirBase`] for the host, copy engines and other engines without subcontexts. A
/// limit of the address space, which followed it up to Pascal, is no longer there.
pub const PAGE_DIR_BASE: u64 = 128 * 4;

/// Where the root directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Target {
    /// In the frame buffer.
    VidMem = 0,
    /// There is none.
    Invalid = 1,
    /// In the machine's memory, coherent with the CPU's caches.
    SysMemCoherent = 2,
    /// In the machine's memory.
    SysMemNoncoherent = 3,
}

impl Target {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::VidMem,
            1 => Self::Invalid,
            2 => Self::SysMemCoherent,
            _ => Self::SysMemNoncoherent,
        }
    }

    const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// The root of an address space; `NV_RAMIN_PAGE_DIR_BASE_*`.
#[bitfield(u64)]
#[derive(PartialEq, Eq)]
pub struct PageDirBase {
    /// Where the root directory is.
    #[bits(2, default = Target::VidMem)]
    pub target: Target,
    /// The root directory is volatile.
    pub vol: bool,
    #[bits(1)]
    __: u8,
    /// Faults of texture units can be replayed.
    pub fault_replay_tex: bool,
    /// Faults of the constant cache can be replayed.
    pub fault_replay_gcc: bool,
    #[bits(4)]
    __: u8,
    /// The page tables are not of version 1, which these chips no longer have.
    pub use_ver2_pt_format: bool,
    /// Big pages have 64 KiB, and not 128 KiB, which these chips no longer have.
    pub big_page_size_64kb: bool,
    /// Address of the root directory in units of 4 KiB.
    #[bits(52)]
    pub page: u64,
}

impl PageDirBase {
    /// Address of the root directory in bytes.
    pub const fn address(self) -> u64 {
        self.page() << 12
    }
}
