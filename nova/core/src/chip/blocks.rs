// SPDX-License-Identifier: GPL-2.0

//! The kinds of hardware blocks, each named after the first chip that has it. What a kind means is in
//! the file of the block.

/// How GSP-RM is booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BootMethod {
    /// FWSEC on the GSP makes WPR2, and booter on SEC2 fills it.
    Sec2,
    /// The FSP starts the FMC on the GSP, which does the rest.
    Fsp(FspBoot),
}

/// What differs between the chips that the FSP boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FspBoot {
    /// Where the FSP says that it is ready.
    pub(crate) status: FspStatus,
    /// Version of the chain-of-trust message.
    pub(crate) cot_version: u16,
    /// Bytes at the end of the frame buffer that are for others.
    pub(crate) end_reserved: u64,
    /// Bytes before them that are for the PMU.
    pub(crate) pmu_reserved: u32,
}

/// Where the FSP says that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FspStatus {
    /// Hopper and GB10x.
    Gh100,
    /// GB20x.
    Gb202,
}

/// Which kind of falcon a chip has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FalconKind {
    /// Turing and GA100: loaded through ports; the RISC-V core beside it needs no switch.
    Tu102,
    /// GA102 and later: loaded by DMA, signatures checked by a boot ROM, one core at a time.
    Ga102,
}

/// What says how large the frame buffer is and whether there is a display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FbRegisters {
    /// Turing.
    Tu102,
    /// GA100: the fuses are somewhere else.
    Ga100,
    /// GA102 and later: the GFW says what is usable.
    Ga102,
}

/// Where the GPU is told of the sysmem flush page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushRegisters {
    /// Turing: one register, which reaches 1 TiB.
    Tu102,
    /// GA100 to Ada: one more for the rest of the address.
    Ga100,
    /// Hopper: the address is not shifted any more.
    Gh100,
    /// GB10x: two pairs, which have to be equal.
    Gb100,
    /// GB20x.
    Gb202,
}

/// How the GSP's interrupt gets from its falcon into the CPU's interrupt tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntrWiring {
    /// Turing.
    Tu102,
    /// GA100: what was raised while the CPU looked has to be announced again.
    Ga100,
    /// GA102 to Ada: the same with another mask register.
    Ga102,
    /// Hopper and later: the next MSI needs no permission, and the tree is larger.
    Gh100,
}

/// What GSP-RM's heap is for; how large that makes it depends on the release.
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
