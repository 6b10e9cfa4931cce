// SPDX-License-Identifier: GPL-2.0

//! PMC, the master control: identification of the chip.
//!
//! Source: Linux 7.3, drivers/gpu/nova-core/regs.rs; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/nv_ref.h.

registers! {
    /// Chip and revision in the format before Fermi; later chips have a value that tells them apart
    /// from those.
    NV_PMC_BOOT_0 as PmcBoot0 @ 0x000000 {
        /// Minor revision of the chip.
        #[bits(4)]
        pub minor_revision: u8,
        /// Major revision of the chip.
        #[bits(4)]
        pub major_revision: u8,
        /// Highest bit of the architecture.
        pub architecture_1: bool,
        #[bits(11)]
        __: u16,
        /// Implementation of the architecture.
        #[bits(4)]
        pub implementation: u8,
        /// Lower bits of the architecture.
        #[bits(5)]
        pub architecture_0: u8,
        #[bits(3)]
        __: u8,
    }

    /// Whether the function is a physical one.
    NV_PMC_BOOT_1 as PmcBoot1 @ 0x000004 {
        #[bits(16)]
        __: u16,
        /// Kind of the function.
        #[bits(2)]
        pub vgpu: u8,
        #[bits(14)]
        __: u16,
    }

    /// Chip and revision from Fermi on.
    NV_PMC_BOOT_42 as PmcBoot42 @ 0x000a00 {
        #[bits(12)]
        __: u16,
        /// Minor revision of the chip.
        #[bits(4)]
        pub minor_revision: u8,
        /// Major revision of the chip.
        #[bits(4)]
        pub major_revision: u8,
        /// Implementation of the architecture.
        #[bits(4)]
        pub implementation: u8,
        /// Architecture.
        #[bits(6)]
        pub architecture: u8,
        #[bits(2)]
        __: u8,
    }
}

impl PmcBoot1 {
    /// `vgpu` of a virtual function (NV_PMC_BOOT_1_VGPU_VF).
    pub const VGPU_VF: u8 = 2;
}
