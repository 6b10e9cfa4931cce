// SPDX-License-Identifier: GPL-2.0

//! XAL, the bus interface on Hopper and later.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/hopper/gh100/pri_nv_xal_ep.h
//! and blackwell/gb100/pri_nv_xal_ep.h.

registers! {
    /// Where PRAMIN starts in the frame buffer.
    NV_XAL_EP_BAR0_WINDOW as XalBar0Window @ 0x10fd40 {
        /// Address in units of 64 KiB; Hopper has one bit less.
        #[bits(23)]
        pub base: u32,
        #[bits(9)]
        __: u16,
    }
}
