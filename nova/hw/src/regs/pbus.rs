// SPDX-License-Identifier: GPL-2.0

//! PBUS, the bus interface: scratch registers with results of the VBIOS's ucode, and where the
//! windows onto the frame buffer lead.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/turing/tu102/dev_bus.h;
//! Linux 7.3, drivers/gpu/nova-core/regs.rs and gsp/regs.rs.

use core::ops::Range;

/// PRAMIN, a window in BAR0 onto the frame buffer; `NV_PRAMIN`.
///
/// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/turing/tu102/dev_ram.h.
pub const PRAMIN: Range<u32> = 0x70_0000..0x80_0000;

registers! {
    /// Interrupts of the bus interface, such as accesses that no block has answered; written bits
    /// are quieted.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/maxwell/gm107/dev_bus.h.
    NV_PBUS_INTR_0 as PbusIntr0 @ 0x001100 {
        #[bits(1)]
        __: u8,
        /// An access was refused.
        pub pri_squash: bool,
        /// An access failed in the front end of graphics.
        pub pri_fecserr: bool,
        /// An access was not answered in time.
        pub pri_timeout: bool,
        #[bits(1)]
        __: u8,
        /// The frame buffer did not answer in time.
        pub fb_ack_timeout: bool,
        #[bits(26)]
        __: u32,
    }

    /// Where [`PRAMIN`] starts in the frame buffer, up to Ada.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/maxwell/gm107/dev_bus.h.
    NV_PBUS_BAR0_WINDOW as Bar0Window @ 0x001700 {
        /// Address in units of 64 KiB.
        #[bits(24)]
        pub base: u32,
        /// Memory: 0 for the frame buffer.
        #[bits(2)]
        pub target: u8,
        #[bits(6)]
        __: u8,
    }

    /// Where BAR1 leads: to the frame buffer as it is, or through the page tables that this block
    /// names. Up to Ada; drivers of later chips still clear it.
    NV_PBUS_BAR1_BLOCK as Bar1Block @ 0x001704 {
        /// Address of the block, in units of 4 KiB.
        #[bits(28)]
        pub ptr: u32,
        /// Memory with the block: 0 for the frame buffer, 2 and 3 for the machine's.
        #[bits(2)]
        pub target: u8,
        #[bits(1)]
        __: u8,
        /// BAR1 goes through page tables.
        pub mode_virtual: bool,
    }

    /// Scratch register 0xe, with the result of FWSEC-FRTS.
    NV_PBUS_SW_SCRATCH_0E_FRTS_ERR as FrtsErr @ 0x001438 {
        __: u16,
        /// Zero for success.
        pub frts_err_code: u16,
    }

    /// Scratch register 0x15, with the result of FWSEC-SB.
    ///
    /// Source: open-gpu-kernel-modules 570,
    /// src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_frts_tu102.c.
    NV_PBUS_SW_SCRATCH_15_SB_ERR as SbErr @ 0x001454 {
        /// 0 for success.
        pub sb_err_code: u16,
        __: u16,
    }

    /// Scratch registers.
    NV_PBUS_SW_SCRATCH as SwScratch @ 0x001400 [64; 4] {
        /// All bits.
        pub value: u32,
    }
}
