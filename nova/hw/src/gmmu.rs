// SPDX-License-Identifier: GPL-2.0

//! Page tables of the GPU's MMU (GMMU), in the two formats that chips from Turing on have: version
//! 2 up to Ada, version 3 from Hopper on.
//!
//! Directories lead from the root, level by level, to page tables. An entry of the last level, PD0,
//! leads to two tables at once: one for big pages of 64 KiB and one for small pages of 4 KiB. An
//! entry of some levels can be a page instead.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/mmu/arch/pascal/
//! kern_gmmu_fmt_gp10x.c, ampere/kern_gmmu_fmt_ga10x.c, hopper/kern_gmmu_fmt_gh10x.c and blackwell/
//! kern_gmmu_fmt_gb10x.c (levels); src/nvidia/generated/g_kern_gmmu_nvoc.c (chips).

use crate::chipset::Architecture;
use kind::Kinds;

pub mod fault;
pub mod instance;
pub mod kind;
pub mod ver2;
pub mod ver3;

#[cfg(test)]
mod tests;

/// Layout of the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 2: [`ver2`].
    Ver2,
    /// Version 3: [`ver3`].
    Ver3,
}

/// A level of page directories, or one of the two kinds of page tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Lowest bit of the virtual address that selects an entry.
    pub shift: u32,
    /// Number of bits that select an entry.
    pub bits: u32,
    /// Bytes of an entry.
    pub entry_size: u64,
    /// An entry can be a page, of `1 << shift` bytes.
    pub has_pages: bool,
}

impl Level {
    const fn directory(shift: u32, bits: u32) -> Self {
        Self {
            shift,
            bits,
            entry_size: 8,
            has_pages: false,
        }
    }

    /// A level of directories that can also hold pages.
    const fn mixed(shift: u32, bits: u32) -> Self {
        Self {
            has_pages: true,
            ..Self::directory(shift, bits)
        }
    }
}

/// The last level of directories, whose entries lead to two page tables.
const PD0: Level = Level {
    entry_size: 16,
    ..Level::mixed(21, 8)
};

/// The levels of a page table.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    /// Layout of the entries.
    pub version: Version,
    /// Levels of directories, from the root to PD0.
    pub directories: &'static [Level],
    /// Tables of pages of 64 KiB.
    pub big: Level,
    /// Tables of pages of 4 KiB.
    pub small: Level,
    /// Number of bits of a virtual address.
    pub va_bits: u32,
    /// The kinds that pages can have.
    pub kinds: Kinds,
}

impl Format {
    /// Bytes to which directories and tables of small pages are aligned.
    pub const TABLE_ALIGN: u64 = 0x1000;

    /// Bytes to which tables of big pages are aligned, which is also their size.
    pub const BIG_TABLE_ALIGN: u64 = 0x100;

    /// Turing.
    const TU102: Self = Self {
        version: Version::Ver2,
        directories: &[
            Level::directory(47, 2),
            Level::directory(38, 9),
            Level::directory(29, 9),
            PD0,
        ],
        big: Level::mixed(16, 5),
        small: Level::mixed(12, 9),
        va_bits: 49,
        kinds: Kinds::TU102,
    };

    /// Ampere and Ada: with pages of 512 MiB.
    const GA100: Self = Self {
        directories: &[
            Level::directory(47, 2),
            Level::directory(38, 9),
            Level::mixed(29, 9),
            PD0,
        ],
        ..Self::TU102
    };

    /// Hopper.
    const GH100: Self = Self {
        version: Version::Ver3,
        directories: &[
            Level::directory(56, 1),
            Level::directory(47, 9),
            Level::directory(38, 9),
            Level::mixed(29, 9),
            PD0,
        ],
        va_bits: 57,
        ..Self::TU102
    };

    /// Blackwell, as GB100: with pages of 256 GiB.
    const GB100: Self = Self {
        directories: &[
            Level::directory(56, 1),
            Level::directory(47, 9),
            Level::mixed(38, 9),
            Level::mixed(29, 9),
            PD0,
        ],
        ..Self::GH100
    };

    /// Blackwell, as GB202: without the kinds for depth.
    const GB202: Self = Self {
        kinds: Kinds::GB202,
        ..Self::GB100
    };

    /// The format of an architecture.
    pub const fn of(arch: Architecture) -> &'static Self {
        match arch {
            Architecture::Turing => &Self::TU102,
            Architecture::Ampere | Architecture::Ada => &Self::GA100,
            Architecture::Hopper => &Self::GH100,
            Architecture::BlackwellGb10x => &Self::GB100,
            Architecture::BlackwellGb20x => &Self::GB202,
        }
    }
}

/// Where a directory or a page table is; the same in both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PdeAperture {
    /// There is none.
    Invalid = 0,
    /// In the frame buffer.
    VideoMemory = 1,
    /// In the machine's memory, coherent with the CPU's caches.
    SystemCoherentMemory = 2,
    /// In the machine's memory.
    SystemNonCoherentMemory = 3,
}

impl PdeAperture {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Invalid,
            1 => Self::VideoMemory,
            2 => Self::SystemCoherentMemory,
            _ => Self::SystemNonCoherentMemory,
        }
    }

    pub(crate) const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// Where a page is; the same in both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PteAperture {
    /// In the frame buffer.
    VideoMemory = 0,
    /// In the frame buffer of another GPU.
    PeerMemory = 1,
    /// In the machine's memory, coherent with the CPU's caches.
    SystemCoherentMemory = 2,
    /// In the machine's memory.
    SystemNonCoherentMemory = 3,
}

impl PteAperture {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::VideoMemory,
            1 => Self::PeerMemory,
            2 => Self::SystemCoherentMemory,
            _ => Self::SystemNonCoherentMemory,
        }
    }

    pub(crate) const fn into_bits(self) -> u8 {
        self as u8
    }
}
