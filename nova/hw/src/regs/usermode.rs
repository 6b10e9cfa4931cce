// SPDX-License-Identifier: GPL-2.0

//! The page of registers that user space may map: the doorbell of channels.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_usermode.ref.txt; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/turing/tu102/dev_vm.h (offsets from 0xb80000).

registers! {
    /// Tells the host that a channel's ring has new entries.
    NV_VIRTUAL_FUNCTION_DOORBELL as Doorbell @ 0xbb0090 {
        /// [`WorkSubmitToken`](crate::class::host::WorkSubmitToken).
        pub token: u32,
    }
}
