// SPDX-License-Identifier: GPL-2.0

//! PROM, the window through which the flash with the VBIOS is read.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/turing/tu102/dev_ext_devices.h; Linux 7.3,
//! drivers/gpu/nova-core/vbios.rs (size).

registers! {
    /// The flash, word by word.
    NV_PROM_DATA as PromData @ 0x300000 [0x40000; 4] {
        /// Four bytes, the first one lowest.
        pub value: u32,
    }
}

/// Bytes of the window.
pub const SIZE: u32 = PromData::COUNT * PromData::STRIDE;
