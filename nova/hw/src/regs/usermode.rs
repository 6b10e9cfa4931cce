// SPDX-License-Identifier: GPL-2.0

//! The page of registers that user space may map: the time, and the doorbell of channels.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_usermode.ref.txt; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/turing/tu102/dev_vm.h (offsets from 0xb80000).

registers! {
    /// Lower half of the GPU's time in nanoseconds (PTIMER), in steps of 32.
    NV_VIRTUAL_FUNCTION_TIME_0 as Time0 @ 0xbb0080 {
        /// The lower half.
        pub nanoseconds: u32,
    }

    /// Upper half of the time.
    NV_VIRTUAL_FUNCTION_TIME_1 as Time1 @ 0xbb0084 {
        /// The upper half.
        #[bits(29)]
        pub nanoseconds: u32,
        #[bits(3)]
        __: u8,
    }

    /// Tells the host that a channel's ring has new entries.
    NV_VIRTUAL_FUNCTION_DOORBELL as Doorbell @ 0xbb0090 {
        /// [`WorkSubmitToken`](crate::class::host::WorkSubmitToken).
        pub token: u32,
    }
}
