// SPDX-License-Identifier: GPL-2.0

//! PFALCON, the falcon's own registers. Offsets count from the falcon's base.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/ampere/ga102/dev_falcon_v4.h, dev_gsp.h and dev_sec_pri.h,
//! turing/tu102/dev_falcon_v4.h, nvswitch/lr10/dev_falcon_v4.h (IRQSSET); Linux 7.3,
//! drivers/gpu/nova-core/regs.rs and drivers/gpu/drm/nouveau/nvkm/falcon/base.c (HWCFG).

use crate::falcon::{CoreRev, SecurityModel};

/// Base of the GSP's falcon in BAR0.
pub const GSP_BASE: u32 = 0x110000;

/// Base of what RISC-V and the boot ROM brought to the GSP's falcon.
pub const GSP_BASE2: u32 = 0x111000;

/// Base of SEC2's falcon in BAR0.
pub const SEC2_BASE: u32 = 0x840000;

/// Base of what RISC-V and the boot ROM brought to SEC2's falcon.
pub const SEC2_BASE2: u32 = 0x841000;

/// Bytes of registers from each of the bases.
pub const SIZE: u32 = 0x1000;

registers! {
    /// Raises interrupts.
    NV_PFALCON_FALCON_IRQSSET as FalconIrqsset @ 0x000 {
        #[bits(4)]
        __: u8,
        /// The falcon has halted.
        pub halt: bool,
        #[bits(1)]
        __: u8,
        /// Software's first, by which GSP-RM announces messages.
        pub swgen0: bool,
        #[bits(25)]
        __: u32,
    }

    /// Quiets interrupts.
    NV_PFALCON_FALCON_IRQSCLR as FalconIrqsclr @ 0x004 {
        #[bits(4)]
        __: u8,
        /// The falcon has halted.
        pub halt: bool,
        #[bits(1)]
        __: u8,
        /// Software's first, by which GSP-RM announces messages.
        pub swgen0: bool,
        #[bits(25)]
        __: u32,
    }

    /// Interrupts that are raised, masked or not.
    NV_PFALCON_FALCON_IRQSTAT as FalconIrqstat @ 0x008 {
        #[bits(4)]
        __: u8,
        /// The falcon has halted.
        pub halt: bool,
        #[bits(1)]
        __: u8,
        /// Software's first, by which GSP-RM announces messages.
        pub swgen0: bool,
        #[bits(25)]
        __: u32,
    }

    /// Enables interrupts, a bit each.
    NV_PFALCON_FALCON_IRQMSET as FalconIrqmset @ 0x010 {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// Disables interrupts, a bit each.
    NV_PFALCON_FALCON_IRQMCLR as FalconIrqmclr @ 0x014 {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// Interrupts that are enabled, a bit each.
    NV_PFALCON_FALCON_IRQMASK as FalconIrqmask @ 0x018 {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// Where interrupts go: to the falcon or out to the host.
    NV_PFALCON_FALCON_IRQDEST as FalconIrqdest @ 0x01c {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// First mailbox; ucode and driver agree on what it means.
    NV_PFALCON_FALCON_MAILBOX0 as FalconMailbox0 @ 0x040 {
        /// All bits.
        pub value: u32,
    }

    /// Second mailbox.
    NV_PFALCON_FALCON_MAILBOX1 as FalconMailbox1 @ 0x044 {
        /// All bits.
        pub value: u32,
    }

    /// Version of the firmware that runs, noted by the driver.
    NV_PFALCON_FALCON_OS as FalconOs @ 0x080 {
        /// All bits.
        pub value: u32,
    }

    /// `NV_PMC_BOOT_0`, noted by the driver for ucode to know the chip by.
    NV_PFALCON_FALCON_RM as FalconRm @ 0x084 {
        /// All bits.
        pub value: u32,
    }

    /// State that ucode leaves for debugging.
    NV_PFALCON_FALCON_DEBUGINFO as FalconDebuginfo @ 0x094 {
        /// All bits.
        pub value: u32,
    }

    /// State of the falcon beyond its core.
    NV_PFALCON_FALCON_HWCFG2 as FalconHwcfg2 @ 0x0f4 {
        #[bits(10)]
        __: u16,
        /// There is a RISC-V core.
        pub riscv: bool,
        #[bits(1)]
        __: u8,
        /// The memories are being cleared.
        pub mem_scrubbing: bool,
        /// The RISC-V boot ROM keeps the CPU out.
        pub riscv_br_priv_lockdown: bool,
        #[bits(17)]
        __: u32,
        /// A reset is possible, on GA102 and later.
        pub reset_ready: bool,
    }

    /// Control of the core.
    NV_PFALCON_FALCON_CPUCTL as FalconCpuctl @ 0x100 {
        #[bits(1)]
        __: u8,
        /// Starts the core.
        pub startcpu: bool,
        #[bits(2)]
        __: u8,
        /// The core has halted.
        pub halted: bool,
        #[bits(1)]
        __: u8,
        /// [`FalconCpuctlAlias`] works, and this register does not.
        pub alias_en: bool,
        #[bits(25)]
        __: u32,
    }

    /// Virtual address of the first instruction.
    NV_PFALCON_FALCON_BOOTVEC as FalconBootvec @ 0x104 {
        /// All bits.
        pub value: u32,
    }

    /// Sizes of the memories.
    NV_PFALCON_FALCON_HWCFG as FalconHwcfg @ 0x108 {
        /// Code memory in blocks of 256 bytes.
        #[bits(9)]
        pub imem_size: u16,
        /// Data memory in blocks of 256 bytes.
        #[bits(9)]
        pub dmem_size: u16,
        #[bits(14)]
        __: u16,
    }

    /// Control of the DMA engine and, on Turing and GA100, of the scrubbing of the memories.
    NV_PFALCON_FALCON_DMACTL as FalconDmactl @ 0x10c {
        /// Transfers need a context.
        pub require_ctx: bool,
        /// The data memory is being cleared.
        pub dmem_scrubbing: bool,
        /// The code memory is being cleared.
        pub imem_scrubbing: bool,
        /// Transfers that are queued.
        #[bits(4)]
        pub dmaq_num: u8,
        /// The falcon runs in secure mode.
        pub secure_stat: bool,
        #[bits(24)]
        __: u32,
    }

    /// Base of transfers on the bus, in units of 256 bytes.
    NV_PFALCON_FALCON_DMATRFBASE as FalconDmatrfbase @ 0x110 {
        /// Bits 8 to 39 of the address.
        pub base: u32,
    }

    /// Offset of a transfer in the falcon's memory.
    NV_PFALCON_FALCON_DMATRFMOFFS as FalconDmatrfmoffs @ 0x114 {
        /// Bytes.
        #[bits(24)]
        pub offs: u32,
        __: u8,
    }

    /// Queues a transfer when written; state of the queue when read.
    NV_PFALCON_FALCON_DMATRFCMD as FalconDmatrfcmd @ 0x118 {
        /// The queue takes no more.
        pub full: bool,
        /// All transfers are through.
        pub idle: bool,
        /// Security of code: 1 marks it secure.
        #[bits(2)]
        pub sec: u8,
        /// The memory is the one for code.
        pub imem: bool,
        /// From the falcon's memory to the bus.
        pub is_write: bool,
        #[bits(2)]
        __: u8,
        /// Bytes as 4 << size.
        #[bits(3)]
        pub size: u8,
        #[bits(1)]
        __: u8,
        /// Which of [`FbifTranscfg`](super::fbif::FbifTranscfg) says where the bus address leads.
        #[bits(3)]
        pub ctxdma: u8,
        #[bits(1)]
        __: u8,
        /// Data memory gets tags too.
        pub set_dmtag: bool,
        #[bits(15)]
        __: u16,
    }

    /// Offset of a transfer from its base on the bus; for code also its virtual address, which tags
    /// it.
    NV_PFALCON_FALCON_DMATRFFBOFFS as FalconDmatrffboffs @ 0x11c {
        /// Bytes.
        pub offs: u32,
    }

    /// High part of [`FalconDmatrfbase`].
    NV_PFALCON_FALCON_DMATRFBASE1 as FalconDmatrfbase1 @ 0x128 {
        /// Bits 40 to 48 of the address.
        #[bits(9)]
        pub base: u16,
        #[bits(23)]
        __: u32,
    }

    /// What kind of falcon this is.
    NV_PFALCON_FALCON_HWCFG1 as FalconHwcfg1 @ 0x12c {
        /// Revision of the core.
        #[bits(4)]
        pub core_rev: CoreRev,
        /// What the core does about security.
        #[bits(2)]
        pub security_model: SecurityModel,
        /// Second part of the revision.
        #[bits(2)]
        pub core_rev_subversion: u8,
        #[bits(24)]
        __: u32,
    }

    /// What starts the core where ucode has taken [`FalconCpuctl`] away.
    NV_PFALCON_FALCON_CPUCTL_ALIAS as FalconCpuctlAlias @ 0x130 {
        #[bits(1)]
        __: u8,
        /// Starts the core.
        pub startcpu: bool,
        #[bits(30)]
        __: u32,
    }

    /// Where a port into the code memory stands.
    NV_PFALCON_FALCON_IMEMC as FalconImemc @ 0x180 [4; 16] {
        #[bits(2)]
        __: u8,
        /// Word of the block.
        #[bits(6)]
        pub offs: u8,
        /// Block of 256 bytes.
        pub blk: u16,
        /// Moves on after each write.
        pub aincw: bool,
        #[bits(3)]
        __: u8,
        /// What is written is secure code.
        pub secure: bool,
        #[bits(3)]
        __: u8,
    }

    /// A word of the code memory through a port.
    NV_PFALCON_FALCON_IMEMD as FalconImemd @ 0x184 [4; 16] {
        /// All bits.
        pub data: u32,
    }

    /// Tag of the block that a port writes next.
    NV_PFALCON_FALCON_IMEMT as FalconImemt @ 0x188 [4; 16] {
        /// Virtual address in units of 256 bytes.
        pub tag: u16,
        __: u16,
    }

    /// Where a port into the data memory stands.
    NV_PFALCON_FALCON_DMEMC as FalconDmemc @ 0x1c0 [8; 8] {
        #[bits(2)]
        __: u8,
        /// Word of the block.
        #[bits(6)]
        pub offs: u8,
        /// Block of 256 bytes.
        pub blk: u16,
        /// Moves on after each write.
        pub aincw: bool,
        /// Moves on after each read.
        pub aincr: bool,
        #[bits(6)]
        __: u8,
    }

    /// A word of the data memory through a port.
    NV_PFALCON_FALCON_DMEMD as FalconDmemd @ 0x1c4 [8; 8] {
        /// All bits.
        pub data: u32,
    }

    /// Reset of the engine; `NV_PGSP_FALCON_ENGINE` and `NV_PSEC_FALCON_ENGINE` in the manuals.
    NV_PFALCON_FALCON_ENGINE as FalconEngine @ 0x3c0 {
        /// Held in reset.
        pub reset: bool,
        #[bits(31)]
        __: u32,
    }

    /// Announces interrupts again that were raised meanwhile, on GA100 and later.
    NV_PFALCON_FALCON_INTR_RETRIGGER as FalconIntrRetrigger @ 0x3e8 [2; 4] {
        /// Does it.
        pub trigger: bool,
        #[bits(31)]
        __: u32,
    }
}

impl FalconHwcfg2 {
    /// Whether the CPU may read the falcon at all; until the FSP lets it, reads give an error code.
    ///
    /// Source: open-gpu-kernel-modules 570, `_kfspIsGspTargetMaskReleased` in
    /// src/nvidia/src/kernel/gpu/fsp/arch/hopper/kern_fsp_gh100.c.
    pub const fn readable(self) -> bool {
        let bits = self.into_bits();
        // The lowest byte says more about the error.
        bits != 0 && bits & 0xffff_ff00 != 0xbadf_4100
    }
}

impl FalconDmatrfcmd {
    /// `size` of a whole block.
    pub const SIZE_256B: u8 = 6;
}
