// SPDX-License-Identifier: GPL-2.0

//! FUSE, values that are burnt into the chip.
//!
//! The version registers are indexed by ucode ID - 1; each newer version of that ucode blows the
//! next bit, and ucode that is signed for an older version is refused.
//!
//! Source: Linux 7.3, drivers/gpu/nova-core/regs.rs and falcon/hal/ga102.rs;
//! open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga100/dev_fuse.h.

registers! {
    /// Whether the chip has a display engine, on GA100 and later.
    NV_FUSE_STATUS_OPT_DISPLAY as OptDisplay @ 0x820c04 {
        /// The chip has no display engine.
        pub display_disabled: bool,
        #[bits(31)]
        __: u32,
    }

    /// Whether the chip has a display engine, on Turing.
    NV_FUSE_STATUS_OPT_DISPLAY as OptDisplayTu102 @ 0x021c04 {
        /// The chip has no display engine.
        pub display_disabled: bool,
        #[bits(31)]
        __: u32,
    }

    /// Whether the GSP refuses ucode that is signed for debugging, on GA100 and later.
    NV_FUSE_OPT_SECURE_GSP_DEBUG_DIS as OptSecureGspDebugDis @ 0x82074c {
        /// It does: a board that is sold.
        pub data: bool,
        #[bits(31)]
        __: u32,
    }

    /// Whether the GSP refuses ucode that is signed for debugging, on Turing.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/turing/tu102/dev_fuse.h.
    NV_FUSE_OPT_SECURE_GSP_DEBUG_DIS as OptSecureGspDebugDisTu102 @ 0x02174c {
        /// It does: a board that is sold.
        pub data: bool,
        #[bits(31)]
        __: u32,
    }

    /// Versions of NVDEC's ucode.
    NV_FUSE_OPT_FPF_NVDEC_UCODE1_VERSION as NvdecUcodeVersion @ 0x824100 [16; 4] {
        /// One bit per version.
        pub data: u16,
        __: u16,
    }

    /// Versions of SEC2's ucode.
    NV_FUSE_OPT_FPF_SEC2_UCODE1_VERSION as Sec2UcodeVersion @ 0x824140 [16; 4] {
        /// One bit per version.
        pub data: u16,
        __: u16,
    }

    /// Versions of the GSP's ucode.
    NV_FUSE_OPT_FPF_GSP_UCODE1_VERSION as GspUcodeVersion @ 0x8241c0 [16; 4] {
        /// One bit per version.
        pub data: u16,
        __: u16,
    }
}
