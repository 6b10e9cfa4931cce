// SPDX-License-Identifier: GPL-2.0

//! FBIF, the falcon's interface to memory for DMA. Offsets count from the falcon's base.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102/dev_fbif_v4.h;
//! Linux 7.3, drivers/gpu/nova-core/regs.rs (base and targets).

registers! {
    /// Memory and kind of addresses of a transfer.
    NV_PFALCON_FBIF_TRANSCFG as FbifTranscfg @ 0x600 [8; 4] {
        /// Memory.
        #[bits(2)]
        pub target: FbifTarget,
        /// Kind of addresses.
        #[bits(1)]
        pub mem_type: FbifMemType,
        #[bits(29)]
        __: u32,
    }

    /// Control.
    NV_PFALCON_FBIF_CTL as FbifCtl @ 0x624 {
        #[bits(7)]
        __: u8,
        /// Transfers with physical addresses need no context.
        pub allow_phys_no_ctx: bool,
        #[bits(24)]
        __: u32,
    }
}

/// Target memory of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FbifTarget {
    /// Frame buffer.
    LocalFb = 0,
    /// System memory, coherent with the CPU's caches.
    CoherentSysmem = 1,
    /// System memory.
    NoncoherentSysmem = 2,
    /// Reserved; no meaning is known.
    Reserved = 3,
}

impl FbifTarget {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::LocalFb,
            1 => Self::CoherentSysmem,
            2 => Self::NoncoherentSysmem,
            _ => Self::Reserved,
        }
    }

    const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// Kind of addresses of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FbifMemType {
    /// Translated by the GPU's MMU.
    Virtual = 0,
    /// Physical, not translated.
    Physical = 1,
}

impl FbifMemType {
    const fn from_bits(bits: u8) -> Self {
        match bits & 1 {
            0 => Self::Virtual,
            _ => Self::Physical,
        }
    }

    const fn into_bits(self) -> u8 {
        self as u8
    }
}
