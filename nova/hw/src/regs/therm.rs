// SPDX-License-Identifier: GPL-2.0

//! PTHERM: a scratch register in which the FSP reports that it has booted.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/hopper/gh100/dev_therm.h and blackwell/gb202/dev_therm.h; Linux
//! 7.3, drivers/gpu/nova-core/regs.rs.

registers! {
    /// Progress of the FSP's secure boot, on Hopper and GB10x.
    NV_THERM_I2CS_SCRATCH as ThermI2csScratch @ 0x0200bc {
        /// [`FSP_BOOT_COMPLETE`] at the end.
        pub data: u32,
    }

    /// Progress of the FSP's secure boot, on GB20x.
    NV_THERM_I2CS_SCRATCH as ThermI2csScratchGb202 @ 0xad00bc {
        /// [`FSP_BOOT_COMPLETE`] at the end.
        pub data: u32,
    }
}

/// The FSP has completed its secure boot.
pub const FSP_BOOT_COMPLETE: u32 = 0xff;
