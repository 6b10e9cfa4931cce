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

/// Base of the registers of the RISC-V core and the boot ROM of the GSP.
pub const GSP_BASE2: u32 = 0x111000;

/// Base of SEC2's falcon in BAR0.
pub const SEC2_BASE: u32 = 0x840000;

/// Base of the registers of the RISC-V core and the boot ROM of SEC2.
pub const SEC2_BASE2: u32 = 0x841000;

/// Bytes of the registers at each base.
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
        /// First software interrupt, which GSP-RM raises for new messages.
        pub swgen0: bool,
        #[bits(25)]
        __: u32,
    }

    /// Clears interrupts.
    NV_PFALCON_FALCON_IRQSCLR as FalconIrqsclr @ 0x004 {
        #[bits(4)]
        __: u8,
        /// The falcon has halted.
        pub halt: bool,
        #[bits(1)]
        __: u8,
        /// First software interrupt, which GSP-RM raises for new messages.
        pub swgen0: bool,
        #[bits(25)]
        __: u32,
    }

    /// Pending interrupts, masked or not.
    NV_PFALCON_FALCON_IRQSTAT as FalconIrqstat @ 0x008 {
        #[bits(4)]
        __: u8,
        /// The falcon has halted.
        pub halt: bool,
        #[bits(1)]
        __: u8,
        /// First software interrupt, which GSP-RM raises for new messages.
        pub swgen0: bool,
        #[bits(25)]
        __: u32,
    }

    /// Enables interrupts, one bit each.
    NV_PFALCON_FALCON_IRQMSET as FalconIrqmset @ 0x010 {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// Disables interrupts, one bit each.
    NV_PFALCON_FALCON_IRQMCLR as FalconIrqmclr @ 0x014 {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// Enabled interrupts, one bit each.
    NV_PFALCON_FALCON_IRQMASK as FalconIrqmask @ 0x018 {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// Destination of interrupts: the falcon or the host.
    NV_PFALCON_FALCON_IRQDEST as FalconIrqdest @ 0x01c {
        /// Bits as in [`FalconIrqstat`].
        pub value: u32,
    }

    /// First mailbox; ucode and driver define its meaning.
    NV_PFALCON_FALCON_MAILBOX0 as FalconMailbox0 @ 0x040 {
        /// All bits.
        pub value: u32,
    }

    /// Second mailbox.
    NV_PFALCON_FALCON_MAILBOX1 as FalconMailbox1 @ 0x044 {
        /// All bits.
        pub value: u32,
    }

    /// Version of the running firmware, written by the driver.
    NV_PFALCON_FALCON_OS as FalconOs @ 0x080 {
        /// All bits.
        pub value: u32,
    }

    /// `NV_PMC_BOOT_0`, written by the driver so that ucode can identify the chip.
    NV_PFALCON_FALCON_RM as FalconRm @ 0x084 {
        /// All bits.
        pub value: u32,
    }

    /// State that ucode writes for debugging.
    NV_PFALCON_FALCON_DEBUGINFO as FalconDebuginfo @ 0x094 {
        /// All bits.
        pub value: u32,
    }

    /// State and properties of the falcon.
    NV_PFALCON_FALCON_HWCFG2 as FalconHwcfg2 @ 0x0f4 {
        #[bits(10)]
        __: u16,
        /// The falcon has a RISC-V core.
        pub riscv: bool,
        #[bits(1)]
        __: u8,
        /// The memories are being cleared.
        pub mem_scrubbing: bool,
        /// The RISC-V boot ROM locks the CPU out.
        pub riscv_br_priv_lockdown: bool,
        #[bits(17)]
        __: u32,
        /// The falcon is ready for a reset, on GA102 and later.
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
        /// Only [`FalconCpuctlAlias`] can start the core; this register cannot.
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

    /// Control of the DMA engine; on Turing and GA100 also the state of the memory scrubbing.
    NV_PFALCON_FALCON_DMACTL as FalconDmactl @ 0x10c {
        /// Transfers need a context.
        pub require_ctx: bool,
        /// The data memory is being cleared.
        pub dmem_scrubbing: bool,
        /// The code memory is being cleared.
        pub imem_scrubbing: bool,
        /// Number of queued transfers.
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

    /// Writing queues a transfer; reading returns the state of the queue.
    NV_PFALCON_FALCON_DMATRFCMD as FalconDmatrfcmd @ 0x118 {
        /// The queue is full.
        pub full: bool,
        /// All transfers are complete.
        pub idle: bool,
        /// Security of code: 1 marks it secure.
        #[bits(2)]
        pub sec: u8,
        /// The target is code memory.
        pub imem: bool,
        /// The transfer is from the falcon's memory to the bus.
        pub is_write: bool,
        #[bits(2)]
        __: u8,
        /// Size of the transfer: 4 << size bytes.
        #[bits(3)]
        pub size: u8,
        #[bits(1)]
        __: u8,
        /// Index of the [`FbifTranscfg`](super::fbif::FbifTranscfg) that defines the memory behind
        /// the bus address.
        #[bits(3)]
        pub ctxdma: u8,
        #[bits(1)]
        __: u8,
        /// Tags the blocks of data memory, too.
        pub set_dmtag: bool,
        #[bits(15)]
        __: u16,
    }

    /// Offset of a transfer from its base on the bus; for code also its virtual address, which
    /// becomes the tag.
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

    /// Revision and security model of the falcon.
    NV_PFALCON_FALCON_HWCFG1 as FalconHwcfg1 @ 0x12c {
        /// Revision of the core.
        #[bits(4)]
        pub core_rev: CoreRev,
        /// Security model of the core.
        #[bits(2)]
        pub security_model: SecurityModel,
        /// Second part of the revision.
        #[bits(2)]
        pub core_rev_subversion: u8,
        #[bits(24)]
        __: u32,
    }

    /// Starts the core while [`FalconCpuctl::alias_en`] disables [`FalconCpuctl`].
    NV_PFALCON_FALCON_CPUCTL_ALIAS as FalconCpuctlAlias @ 0x130 {
        #[bits(1)]
        __: u8,
        /// Starts the core.
        pub startcpu: bool,
        #[bits(30)]
        __: u32,
    }

    /// Position of a port into the code memory.
    NV_PFALCON_FALCON_IMEMC as FalconImemc @ 0x180 [4; 16] {
        #[bits(2)]
        __: u8,
        /// Word in the block.
        #[bits(6)]
        pub offs: u8,
        /// Block of 256 bytes.
        pub blk: u16,
        /// Increments the position after each write.
        pub aincw: bool,
        #[bits(3)]
        __: u8,
        /// Written code is secure.
        pub secure: bool,
        #[bits(3)]
        __: u8,
    }

    /// Reads or writes a word of the code memory at the port's position.
    NV_PFALCON_FALCON_IMEMD as FalconImemd @ 0x184 [4; 16] {
        /// All bits.
        pub data: u32,
    }

    /// Tag of the next block that a port writes.
    NV_PFALCON_FALCON_IMEMT as FalconImemt @ 0x188 [4; 16] {
        /// Virtual address in units of 256 bytes.
        pub tag: u16,
        __: u16,
    }

    /// Position of a port into the data memory.
    NV_PFALCON_FALCON_DMEMC as FalconDmemc @ 0x1c0 [8; 8] {
        #[bits(2)]
        __: u8,
        /// Word in the block.
        #[bits(6)]
        pub offs: u8,
        /// Block of 256 bytes.
        pub blk: u16,
        /// Increments the position after each write.
        pub aincw: bool,
        /// Increments the position after each read.
        pub aincr: bool,
        #[bits(6)]
        __: u8,
    }

    /// Reads or writes a word of the data memory at the port's position.
    NV_PFALCON_FALCON_DMEMD as FalconDmemd @ 0x1c4 [8; 8] {
        /// All bits.
        pub data: u32,
    }

    /// Reset of the engine; `NV_PGSP_FALCON_ENGINE` and `NV_PSEC_FALCON_ENGINE` in the manuals.
    NV_PFALCON_FALCON_ENGINE as FalconEngine @ 0x3c0 {
        /// The engine is held in reset.
        pub reset: bool,
        #[bits(31)]
        __: u32,
    }

    /// Announces interrupts again that were raised while an earlier one was pending, on GA100 and
    /// later.
    NV_PFALCON_FALCON_INTR_RETRIGGER as FalconIntrRetrigger @ 0x3e8 [2; 4] {
        /// Triggers it.
        pub trigger: bool,
        #[bits(31)]
        __: u32,
    }
}

impl FalconHwcfg2 {
    /// Whether the CPU may read the falcon; until the FSP allows it, reads return an error code.
    ///
    /// Source: open-gpu-kernel-modules 570, `_kfspIsGspTargetMaskReleased` in
    /// src/nvidia/src/kernel/gpu/fsp/arch/hopper/kern_fsp_gh100.c.
    pub const fn readable(self) -> bool {
        let bits = self.into_bits();
        // The lowest byte has details of the error.
        bits != 0 && bits & 0xffff_ff00 != 0xbadf_4100
    }
}

impl FalconDmatrfcmd {
    /// Value of `size` for a whole block.
    pub const SIZE_256B: u8 = 6;
}
