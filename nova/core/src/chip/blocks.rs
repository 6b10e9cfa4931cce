// SPDX-License-Identifier: GPL-2.0

//! The kinds of hardware blocks, each named after the first chip that has it. The file of a block
//! implements its kinds.

/// The way to start GSP-RM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BootMethod {
    /// FWSEC on the GSP sets up WPR2, and booter on SEC2 fills it.
    Sec2,
    /// The FSP starts the FMC on the GSP, which does the rest.
    Fsp(FspBoot),
}

/// Differences between the chips that the FSP boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FspBoot {
    /// Register with the state of the FSP's boot.
    pub(crate) status: FspStatus,
    /// Version of the chain-of-trust message.
    pub(crate) cot_version: u16,
    /// Bytes at the end of the frame buffer that are reserved for other users.
    pub(crate) end_reserved: u64,
    /// Bytes below these that are reserved for the PMU.
    pub(crate) pmu_reserved: u32,
}

/// Register with the state of the FSP's boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FspStatus {
    /// Hopper and GB10x.
    Gh100,
    /// GB20x.
    Gb202,
}

/// The kind of a chip's falcons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FalconKind {
    /// Turing and GA100: loaded through ports; the RISC-V core is separate and needs no switch.
    Tu102,
    /// GA102 and later: loaded by DMA, with a boot ROM that checks signatures; one core runs at a
    /// time.
    Ga102,
}

/// Registers with the size of the frame buffer, and fuses about the display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FbRegisters {
    /// Turing.
    Tu102,
    /// GA100: the fuses are at another offset.
    Ga100,
    /// GA102 and later: GFW reports the usable size.
    Ga102,
}

/// Registers for the sysmem flush page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushRegisters {
    /// Turing: one register, for addresses below 1 TiB.
    Tu102,
    /// GA100 to Ada: a second register for the high part of the address.
    Ga100,
    /// Hopper: the address is not shifted.
    Gh100,
    /// GB10x: two pairs of registers, which must be equal.
    Gb100,
    /// GB20x.
    Gb202,
}

/// Register that moves PRAMIN, the window in BAR0 onto VRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PraminRegister {
    /// Turing to Ada.
    Tu102,
    /// Hopper and later.
    Gh100,
}

/// The wiring of the GSP's interrupt from its falcon into the CPU's interrupt tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntrWiring {
    /// Turing.
    Tu102,
    /// GA100: interrupts that were raised during handling have to be retriggered.
    Ga100,
    /// GA102 to Ada: as GA100, with another mask register.
    Ga102,
    /// Hopper and later: MSIs need no rearming, and the tree is larger.
    Gh100,
}

/// Components of GSP-RM's heap; their sizes depend on the release.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/inc/kernel/gpu/gsp/gsp_fw_heap.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeapKind {
    /// Turing and GA100.
    Libos2,
    /// GA102 to Ada.
    Libos3,
    /// Hopper and later.
    Libos3Gh100,
}
