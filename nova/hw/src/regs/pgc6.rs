// SPDX-License-Identifier: GPL-2.0

//! PGC6, the island that stays powered in GC6, the GPU's sleep state, and so keeps values across
//! it.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/ampere/ga102/dev_gc6_island.h and dev_gc6_island_addendum.h.

registers! {
    /// How far SEC2 is with starting the core of GSP-RM.
    NV_PGC6_BSI_SECURE_SCRATCH_14 as BsiSecureScratch14 @ 0x1180f8 {
        #[bits(26)]
        __: u32,
        /// SEC2 has handed over to GSP-RM.
        pub boot_stage_3_handoff: bool,
        #[bits(5)]
        __: u8,
    }

    /// Progress of scrubbing the frame buffer, on Ada; the hardware's name is
    /// `NV_PGC6_BSI_SECURE_SCRATCH_15`.
    ///
    /// Source: open-gpu-kernel-modules 570,
    /// src/common/inc/swref/published/ada/ad102/dev_gc6_island_addendum.h.
    NV_PGC6_BSI_VPR_SECURE_SCRATCH_15 as BsiVprSecureScratch15 @ 0x1180fc {
        #[bits(29)]
        __: u32,
        /// At least [`BsiVprSecureScratch15::SCRUBBER_DONE`] once the frame buffer is scrubbed.
        #[bits(3)]
        pub scrubber_handoff: u8,
    }

    /// Access rights of [`GfwBoot`].
    NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_PRIV_LEVEL_MASK as GfwBootPrivLevelMask @ 0x118128 {
        /// The CPU may read the register.
        pub read_protection_level0: bool,
        #[bits(31)]
        __: u32,
    }

    /// WPR2 that FWSEC-FRTS sets up on its own after a reset.
    NV_PGC6_AON_FRTS_INPUT_WPR_SIZE_SECURE_SCRATCH_GROUP_03_0 as FrtsInputWprSize @ 0x118214 {
        /// Size in units of 4 KiB.
        pub wpr_size: u16,
        __: u16,
    }

    /// Progress of GFW, the GPU's own firmware, after a reset.
    NV_PGC6_AON_SECURE_SCRATCH_GROUP_05_0_GFW_BOOT as GfwBoot @ 0x118234 {
        /// [`GfwBoot::COMPLETED`] at the end.
        pub progress: u8,
        #[bits(24)]
        __: u32,
    }

    /// Size of the usable frame buffer, on GA102 and later.
    NV_USABLE_FB_SIZE_IN_MB as UsableFbSize @ 0x1183a4 {
        /// Size in MiB.
        pub value: u32,
    }
}

impl BsiVprSecureScratch15 {
    /// `scrubber_handoff` when the scrubber has finished.
    pub const SCRUBBER_DONE: u8 = 3;
}

impl GfwBoot {
    /// `progress` when GFW has finished.
    pub const COMPLETED: u8 = 0xff;
}

impl UsableFbSize {
    /// Size in bytes.
    pub const fn bytes(self) -> u64 {
        (self.value() as u64) << 20
    }
}
