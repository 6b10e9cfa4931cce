// SPDX-License-Identifier: GPL-2.0

//! The falcon, the small processor in the GSP, SEC2 and others.
//!
//! Its registers are in [`regs::falcon`](crate::regs::falcon) and its siblings; this module has the
//! definitions for firmware headers and drivers.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a block, the unit of a falcon's memories: code has one tag per block, and a DMA
/// transfer moves at most one block.
pub const BLOCK_SIZE: usize = 256;

/// Falcons for which ucode can be signed; their numbers are bits of a ucode's engine ID mask and of
/// `NV_PFALCON2_FALCON_BROM_ENGIDMASK`.
///
/// Source: Linux 7.3, drivers/gpu/nova-core/falcon/hal/ga102.rs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EngineId {
    /// SEC2, which runs booter.
    Sec2 = 0x0001,
    /// NVDEC; its fuses apply to ucode that ran on it before GPUs had a GSP.
    Nvdec = 0x0004,
    /// The GSP.
    Gsp = 0x0400,
}

impl EngineId {
    /// The falcon's bit in an engine ID mask.
    pub const fn bit(self) -> u32 {
        self as u32
    }
}

/// Parts of a falcon's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Code that the boot ROM verifies.
    ImemSecure,
    /// Code that runs without privileges.
    ImemNonSecure,
    /// Data.
    Dmem,
}

/// Revision of a falcon's core, in `NV_PFALCON_FALCON_HWCFG1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreRev(
    /// 1 to 7 on existing chips.
    pub u8,
);

impl CoreRev {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(crate) const fn into_bits(self) -> u8 {
        self.0
    }
}

/// Security model of a falcon, in `NV_PFALCON_FALCON_HWCFG1`.
///
/// Source: Linux 7.3, drivers/gpu/nova-core/falcon.rs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SecurityModel {
    /// Runs any code, without privileges.
    None = 0,
    /// Reserved; no falcon has this.
    Reserved = 1,
    /// Runs signed code with some privileges (light secure, LS).
    Light = 2,
    /// Runs signed code with all privileges; the boot ROM checks the signature (heavy secure, HS).
    Heavy = 3,
}

impl SecurityModel {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Reserved,
            2 => Self::Light,
            _ => Self::Heavy,
        }
    }

    pub(crate) const fn into_bits(self) -> u8 {
        self as u8
    }
}

/// Description of the ucode that the generic bootloader fetches and starts, in data memory
/// (`RM_FLCN_BL_DMEM_DESC`). Addresses are split, low half first.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/rmflcnbl.h.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct LoaderDescriptor {
    /// Zero.
    pub reserved: [u32; 4],
    /// Signature of the secure code; zero if the code contains it.
    pub signature: [u32; 4],
    /// Index of the FBIF configuration (`TRANSCFG`) that the code is fetched through.
    pub ctx_dma: u32,
    /// Bus address that corresponds to offset 0 of code memory.
    pub code_dma_base: [u32; 2],
    /// Offset of the non-secure code from that address, and in code memory.
    pub non_secure_code_off: u32,
    /// Bytes of the non-secure code.
    pub non_secure_code_size: u32,
    /// Offset of the secure code from that address, and in code memory.
    pub secure_code_off: u32,
    /// Bytes of the secure code.
    pub secure_code_size: u32,
    /// Entry point of the code.
    pub code_entry_point: u32,
    /// Bus address of the data, which goes to the start of data memory.
    pub data_dma_base: [u32; 2],
    /// Bytes of the data.
    pub data_size: u32,
    /// Number of arguments to the code.
    pub argc: u32,
    /// Address of the arguments.
    pub argv: u32,
}

const _: () = assert!(size_of::<LoaderDescriptor>() == 84);

impl LoaderDescriptor {
    /// Value of [`Self::ctx_dma`] for system memory with physical addresses.
    ///
    /// Source: open-gpu-kernel-modules 570,
    /// src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_falcon_tu102.c.
    pub const CTX_DMA_SYSMEM: u32 = 4;
}
