// SPDX-License-Identifier: GPL-2.0

//! PRISCV, the RISC-V core that shares the falcon's memories (Peregrine). Offsets count from the
//! falcon's second base.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102/dev_riscv_pri.h
//! and turing/tu102/dev_riscv_pri.h.

registers! {
    /// State of the core, on Turing and GA100.
    NV_PRISCV_RISCV_CORE_SWITCH_RISCV_STATUS as RiscvCoreSwitchRiscvStatus @ 0x240 {
        /// The core runs.
        pub active_stat: bool,
        #[bits(31)]
        __: u32,
    }

    /// Interrupts that reach the host, one bit each, on Turing and GA100.
    NV_PRISCV_RISCV_IRQMASK as RiscvIrqmaskTu102 @ 0x2b4 {
        /// Bits as in [`FalconIrqstat`](super::falcon::FalconIrqstat).
        pub value: u32,
    }

    /// Destination of interrupts, on Turing and GA100.
    NV_PRISCV_RISCV_IRQDEST as RiscvIrqdestTu102 @ 0x2b8 {
        /// Bits as in [`FalconIrqstat`](super::falcon::FalconIrqstat).
        pub value: u32,
    }

    /// State of the core, on GA102 and later.
    NV_PRISCV_RISCV_CPUCTL as RiscvCpuctl @ 0x388 {
        #[bits(4)]
        __: u8,
        /// The core has halted.
        pub halted: bool,
        #[bits(2)]
        __: u8,
        /// The core runs.
        pub active_stat: bool,
        #[bits(24)]
        __: u32,
    }

    /// Interrupts that reach the host, one bit each, on GA102 and later.
    NV_PRISCV_RISCV_IRQMASK as RiscvIrqmask @ 0x528 {
        /// Bits as in [`FalconIrqstat`](super::falcon::FalconIrqstat).
        pub value: u32,
    }

    /// Destination of interrupts, on GA102 and later.
    NV_PRISCV_RISCV_IRQDEST as RiscvIrqdest @ 0x52c {
        /// Bits as in [`FalconIrqstat`](super::falcon::FalconIrqstat).
        pub value: u32,
    }

    /// Selects the core that the next start runs, on GA102 and later.
    NV_PRISCV_RISCV_BCR_CTRL as RiscvBcrCtrl @ 0x668 {
        /// Applies the written value; reads as set once it is applied.
        pub valid: bool,
        #[bits(3)]
        __: u8,
        /// The core.
        #[bits(1)]
        pub core_select: CoreSelect,
        #[bits(3)]
        __: u8,
        /// The boot ROM fetches its configuration.
        pub br_fetch: bool,
        #[bits(23)]
        __: u32,
    }
}

/// One of the two cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CoreSelect {
    /// Falcon.
    Falcon = 0,
    /// RISC-V.
    Riscv = 1,
}

impl CoreSelect {
    const fn from_bits(bits: u8) -> Self {
        match bits & 1 {
            0 => Self::Falcon,
            _ => Self::Riscv,
        }
    }

    const fn into_bits(self) -> u8 {
        self as u8
    }
}
