// SPDX-License-Identifier: GPL-2.0

//! CE, the copy engines.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/blackwell/gb202/dev_ce.h.

registers! {
    /// The copy engines that share a runlist with graphics, on GB20x.
    NV_CE_GRCE_MASK as CeGrceMask @ 0x1040d8 {
        /// A bit for each logical copy engine.
        #[bits(10)]
        pub value: u16,
        #[bits(22)]
        __: u32,
    }
}

impl CeGrceMask {
    /// The mask of all chips that have the register (`NV_CE_GRCE_MASK_VALUE_INIT`).
    pub const INIT: u16 = 0x00f;
}
