// SPDX-License-Identifier: GPL-2.0

//! A falcon: its memories, its DMA through FBIF, its reset, start and halt, and the switch to the
//! RISC-V core that shares its memories (Peregrine).
//!
//! The CPU also reaches the memories through [`ports`]. Up to GA100 there is no boot ROM.
//!
//! Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102/dev_falcon_v4.h
//! and turing/tu102,
//! dev_fbif_v4.h and dev_riscv_pri.h, src/nvidia/src/kernel/gpu/falcon/arch/ampere/kernel_falcon_ga102.c,
//! src/nvidia/src/kernel/gpu/gsp/arch/ampere/kernel_gsp_falcon_ga102.c; nouveau, nvkm/falcon/ga102.c.

use nova_hw::falcon::{CoreRev, SecurityModel, BLOCK_SIZE};
use nova_hw::regs::falcon as reg;
use nova_hw::regs::fbif::{FbifCtl, FbifTarget, FbifTranscfg};
use nova_hw::regs::riscv::{CoreSelect, RiscvBcrCtrl, RiscvCpuctl};

use crate::chips::Generation;
use brom::Brom;
use memory::{CodeBlock, Memories};
use ports::Ports;
use riscv::Riscv;

mod actions;
pub(crate) mod brom;
mod dma;
pub(crate) mod memory;
mod ports;
mod riscv;

pub(crate) use actions::read_target;

/// Blocks of code memory and of data memory; enough for all programs of release 570.144.
const IMEM_BLOCKS: usize = 0x100;
const DMEM_BLOCKS: usize = 0x100;

/// Enables interfaces of the falcon (`ITFEN`); none of them is modelled.
///
/// Source: nouveau, nvkm/falcon/gm200.c.
const ITFEN: u32 = 0x048;

/// More of the control of FBIF. What it does is not public, and DMA works with any value.
///
/// Source: NVIDIA's gpu-admin-tools, nvidia_gpu_tools.py (`fbif_ctl2`).
const FBIF_CTL2: u32 = FbifCtl::OFFSET + 0x60;

/// Sizes of the memories in blocks, with more bits than HWCFG has, on GA100 and later: code in bits 0
/// to 11, data in bits 16 to 27.
///
/// Source: NVIDIA's gpu-admin-tools, nvidia_gpu_tools.py (`max_imem_size_from_hwcfg`).
const HWCFG3: u32 = 0x278;

/// State of the crypto unit (`SCP_CTL_STAT`): bit 20 says that the chip takes programs that are
/// signed for debugging. nouveau looks there which of booter's signatures is needed, and takes the
/// value that other chips have for an absent register for a debug chip.
///
/// Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/falcon/gm200.c and nvkm/engine/sec2/tu102.c;
/// open-gpu-kernel-modules 570, src/common/inc/swref/published/nvswitch/lr10/dev_minion_ip.h, for
/// the name.
const SCP_CTL_STAT: u32 = 0x408;

/// Number of ports to the code memory and to the data memory, in bits 8 to 11 and 12 to 15 of HWCFG1.
///
/// Source: as above (`imem_port_count_from_hwcfg`); the numbers are those of the PMU of a T4.
const HWCFG1_PORTS: u32 = 1 << 8 | 4 << 12;

/// Revision of the falcon's core.
const CORE_REV: CoreRev = CoreRev(6);

/// Value read from a register that the CPU may not see or that does not answer.
///
/// Source: open-gpu-kernel-modules 570, kernel_falcon_ga102.c (`privErrVal`).
pub(crate) const PRIV_ERROR: u32 = 0xbadf_5040;

/// Value read from the registers of an engine that is held in reset, but for the one that releases it.
///
/// Source: NVIDIA's gpu-admin-tools, nvidia_gpu_tools.py (`GpuFalcon.enable`); 8 million such reads
/// of SEC2 in a user's log after a failed start, ublue-os/bazzite issue 4494.
const IN_RESET: u32 = 0xbadf_5620;

/// Which of a falcon's registers the CPU may access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// All of them.
    Open,
    /// None: the target mask gives them to another processor. Reads give [`TARGET_MASKED`], writes
    /// do nothing.
    TargetMask,
    /// Only those that show how far the core is: the boot ROM's lockdown.
    Lockdown,
}

/// Value read from a register that the target mask keeps from the CPU; on hardware the low byte
/// varies.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/fsp/arch/hopper/kern_fsp_gh100.c.
const TARGET_MASKED: u32 = 0xbadf_4100;

/// What a write to a register starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing.
    None,
    /// The engine comes out of reset.
    Reset,
    /// The falcon core starts.
    Start,
    /// The driver selects the other core.
    SelectCore(CoreSelect),
    /// A transfer.
    Dma(Transfer),
    /// The engine interrupts the CPU.
    Interrupt,
    /// Nothing, because the hardware refuses the write.
    Refused(&'static str),
}

/// A memory of the falcon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    Imem { tag: u32, secure: bool },
    Dmem,
}

/// A transfer between the falcon's memory and a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// From the falcon's data memory to the target; otherwise from the target.
    pub(crate) is_store: bool,
    /// Aperture of the target.
    pub(crate) target: FbifTarget,
    /// Address in the target.
    pub(crate) address: u64,
    /// Memory of the falcon.
    pub(crate) memory: Memory,
    /// Byte offset in that memory.
    pub(crate) offset: usize,
    /// Number of bytes.
    pub(crate) len: usize,
}

/// State of a falcon.
#[derive(Debug)]
pub(crate) struct Falcon {
    generation: Generation,
    pub(crate) imem: Vec<u8>,
    pub(crate) code: Vec<CodeBlock>,
    pub(crate) dmem: Vec<u8>,
    pub(crate) mailbox: [u32; 2],
    /// The CPU has read something in mailbox 0 and has not read HWCFG2 since.
    pub(crate) is_mailbox_seen: bool,
    pub(crate) os: u32,
    rm: u32,
    /// Where a program that has crashed says that it left a report; 0 if it left none.
    debuginfo: u32,
    pub(crate) bootvec: u32,
    /// Raised interrupts.
    pub(crate) irqstat: u32,
    irqmask: u32,
    irqdest: u32,
    itfen: u32,
    pub(crate) halted: bool,
    /// Only the alias of the control register starts the core.
    pub(crate) alias_en: bool,
    in_reset: bool,
    /// A program has run since the last reset.
    pub(crate) used: bool,
    pub(crate) lock: Lock,
    /// The memories are still being cleared after the reset.
    pub(crate) scrubbing: bool,
    /// A refused transfer blocks the queue until the next reset.
    pub(crate) dma_stuck: bool,
    require_ctx: bool,
    dma_base: u64,
    dma_offset: u32,
    dma_bus_offset: u32,
    transcfg: [FbifTranscfg; FbifTranscfg::COUNT as usize],
    fbif_ctl: FbifCtl,
    fbif_ctl2: u32,
    ports: Ports,
    pub(crate) brom: Brom,
    pub(crate) riscv: Riscv,
}

impl Falcon {
    pub(crate) fn new(generation: Generation) -> Self {
        let mut falcon = Self {
            generation,
            imem: vec![0; IMEM_BLOCKS * BLOCK_SIZE],
            code: vec![CodeBlock::default(); IMEM_BLOCKS],
            dmem: vec![0; DMEM_BLOCKS * BLOCK_SIZE],
            mailbox: [0; 2],
            is_mailbox_seen: false,
            os: 0,
            rm: 0,
            debuginfo: 0,
            bootvec: 0,
            irqstat: 0,
            irqmask: 0,
            irqdest: 0,
            itfen: 0,
            halted: true,
            alias_en: false,
            in_reset: false,
            used: false,
            lock: Lock::Open,
            scrubbing: false,
            dma_stuck: false,
            require_ctx: true,
            dma_base: 0,
            dma_offset: 0,
            dma_bus_offset: 0,
            transcfg: [FbifTranscfg::new(); FbifTranscfg::COUNT as usize],
            fbif_ctl: FbifCtl::new(),
            fbif_ctl2: 0,
            ports: Ports::default(),
            brom: Brom::default(),
            riscv: Riscv {
                active: false,
                irqmask: 0,
                core: CoreSelect::Falcon,
                core_valid: true,
                br_fetch: false,
            },
        };
        falcon.reset();
        falcon.scrubbing = false;
        falcon
    }

    /// Resets the engine. Where the driver can select the core, the selection survives.
    fn reset(&mut self) {
        self.imem.fill(0);
        self.code.fill(CodeBlock::default());
        self.dmem.fill(0);
        self.mailbox = [0; 2];
        (self.os, self.rm, self.debuginfo, self.bootvec) = (0, 0, 0, 0);
        (self.irqstat, self.irqmask, self.irqdest) = (0, 0, 0);
        self.itfen = 0;
        self.halted = true;
        self.used = false;
        self.alias_en = false;
        self.scrubbing = true;
        self.dma_stuck = false;
        self.require_ctx = true;
        self.transcfg = [FbifTranscfg::new(); FbifTranscfg::COUNT as usize];
        self.fbif_ctl = FbifCtl::new();
        self.fbif_ctl2 = 0;
        self.ports = Ports::default();
        self.brom = Brom::default();
        self.riscv.active = false;
        self.riscv.irqmask = 0;
        if !self.generation.has_boot_rom() {
            self.riscv.core = CoreSelect::Falcon;
        }
    }

    /// The security processor resets the engine and selects the RISC-V core.
    pub(crate) fn boot_riscv(&mut self) {
        self.reset();
        self.scrubbing = false;
        self.in_reset = false;
        self.riscv.core = CoreSelect::Riscv;
        self.riscv.core_valid = true;
    }

    /// Interrupts that are raised and go to the CPU.
    pub(crate) fn interrupts_to_cpu(&self) -> u32 {
        let mask = match self.riscv.core {
            CoreSelect::Falcon => self.irqmask & self.irqdest,
            CoreSelect::Riscv => self.riscv.irqmask,
        };
        self.irqstat & mask
    }

    /// Interrupts the CPU if interrupts that go to it are pending and `are_new`.
    fn interrupt_if(&self, are_new: bool) -> Action {
        match are_new && self.interrupts_to_cpu() != 0 {
            true => Action::Interrupt,
            false => Action::None,
        }
    }

    /// Reads the register at `offset` from the engine's base, if there is one.
    pub(crate) fn read(&mut self, offset: u32) -> Option<u32> {
        match self.lock {
            Lock::TargetMask => return Some(TARGET_MASKED),
            Lock::Lockdown if !is_seen_in_lockdown(offset) => return None,
            _ => {}
        }
        if self.in_reset && offset != reg::FalconEngine::OFFSET {
            return Some(IN_RESET);
        }
        let value = match offset {
            reg::FalconIrqstat::OFFSET => self.irqstat,
            reg::FalconIrqmask::OFFSET => self.irqmask,
            reg::FalconIrqdest::OFFSET => self.irqdest,
            reg::FalconMailbox0::OFFSET => {
                self.is_mailbox_seen = self.mailbox[0] != 0;
                self.mailbox[0]
            }
            reg::FalconMailbox1::OFFSET => self.mailbox[1],
            ITFEN => self.itfen,
            reg::FalconOs::OFFSET => self.os,
            reg::FalconRm::OFFSET => self.rm,
            reg::FalconDebuginfo::OFFSET => self.debuginfo,
            reg::FalconHwcfg2::OFFSET => {
                self.is_mailbox_seen = false;
                self.hwcfg2().into()
            }
            reg::FalconCpuctl::OFFSET => reg::FalconCpuctl::new()
                .with_halted(self.halted)
                .with_alias_en(self.alias_en)
                .into(),
            reg::FalconCpuctlAlias::OFFSET => 0,
            reg::FalconBootvec::OFFSET => self.bootvec,
            reg::FalconHwcfg::OFFSET => reg::FalconHwcfg::new()
                .with_imem_size((IMEM_BLOCKS & 0x1ff) as u16)
                .with_dmem_size((DMEM_BLOCKS & 0x1ff) as u16)
                .into(),
            HWCFG3 if self.generation != Generation::Tu102 => {
                (IMEM_BLOCKS | DMEM_BLOCKS << 16) as u32
            }
            reg::FalconHwcfg1::OFFSET => reg::FalconHwcfg1::from(HWCFG1_PORTS)
                .with_core_rev(CORE_REV)
                .with_security_model(SecurityModel::Heavy)
                .into(),
            reg::FalconDmactl::OFFSET => reg::FalconDmactl::new()
                .with_require_ctx(self.require_ctx)
                .with_imem_scrubbing(self.scrubbing)
                .with_dmem_scrubbing(self.scrubbing)
                .into(),
            reg::FalconDmatrfbase::OFFSET => (self.dma_base >> 8) as u32,
            reg::FalconDmatrfbase1::OFFSET => (self.dma_base >> 40) as u32,
            reg::FalconDmatrfmoffs::OFFSET => self.dma_offset,
            reg::FalconDmatrffboffs::OFFSET => self.dma_bus_offset,
            reg::FalconDmatrfcmd::OFFSET => reg::FalconDmatrfcmd::new()
                .with_idle(!self.dma_stuck)
                .into(),
            reg::FalconEngine::OFFSET => reg::FalconEngine::new().with_reset(self.in_reset).into(),
            SCP_CTL_STAT if !self.generation.has_boot_rom() => 0,
            FbifCtl::OFFSET => self.fbif_ctl.into(),
            FBIF_CTL2 => self.fbif_ctl2,
            ports::FIRST..ports::END => return self.read_port(offset),
            _ => match offset.checked_sub(reg::SIZE) {
                Some(second) if self.generation.has_boot_rom() => {
                    return self.riscv.read(second).or_else(|| self.brom.read(second));
                }
                Some(second) => return self.riscv.read_tu102(second),
                None => (*self.transcfg.get(transcfg_index(offset)?)?).into(),
            },
        };
        Some(value)
    }

    fn hwcfg2(&self) -> reg::FalconHwcfg2 {
        let hwcfg2 = reg::FalconHwcfg2::new()
            .with_riscv(true)
            .with_riscv_br_priv_lockdown(self.lock == Lock::Lockdown);
        match self.generation.has_boot_rom() {
            true => hwcfg2
                .with_mem_scrubbing(self.scrubbing)
                .with_reset_ready(true),
            false => hwcfg2,
        }
    }

    /// Writes the register at `offset` from the engine's base, if there is one.
    ///
    /// Only the registers of an engine that is open to the CPU and out of reset can be written:
    /// NVIDIA's driver waits for the target mask and the lockdown (`kgspBootstrap_GH100`), and
    /// `kflcnResetHw` writes nothing while it holds the engine in reset.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Option<Action> {
        if self.lock != Lock::Open {
            return Some(Action::Refused("write to a falcon that is locked"));
        }
        if self.in_reset && offset != reg::FalconEngine::OFFSET {
            return Some(Action::Refused("write to a falcon that is held in reset"));
        }
        match offset {
            reg::FalconIrqsset::OFFSET => {
                let before = self.interrupts_to_cpu();
                self.irqstat |= value;
                return Some(self.interrupt_if(before == 0));
            }
            reg::FalconIrqsclr::OFFSET => self.irqstat &= !value,
            reg::FalconIrqmset::OFFSET => self.irqmask |= value,
            // This clears bits of either core's mask, as nouveau relies on
            // (nvkm/subdev/gsp/rm/r535/gsp.c).
            reg::FalconIrqmclr::OFFSET => {
                self.irqmask &= !value;
                self.riscv.irqmask &= !value;
            }
            reg::FalconIrqdest::OFFSET => self.irqdest = value,
            reg::FalconMailbox0::OFFSET => self.mailbox[0] = value,
            reg::FalconMailbox1::OFFSET => self.mailbox[1] = value,
            ITFEN => self.itfen = value,
            reg::FalconOs::OFFSET => self.os = value,
            reg::FalconRm::OFFSET => self.rm = value,
            reg::FalconDebuginfo::OFFSET => self.debuginfo = value,
            reg::FalconCpuctl::OFFSET => {
                let start = reg::FalconCpuctl::from(value).startcpu();
                return Some(self.start(start, !self.alias_en));
            }
            reg::FalconCpuctlAlias::OFFSET => {
                let start = reg::FalconCpuctlAlias::from(value).startcpu();
                return Some(self.start(start, self.alias_en));
            }
            reg::FalconBootvec::OFFSET => self.bootvec = value,
            reg::FalconDmactl::OFFSET => {
                self.require_ctx = reg::FalconDmactl::from(value).require_ctx();
            }
            reg::FalconDmatrfbase::OFFSET => {
                self.dma_base = self.dma_base & !0xff_ffff_ff00 | u64::from(value) << 8;
            }
            reg::FalconDmatrfbase1::OFFSET => {
                let base1 = u64::from(reg::FalconDmatrfbase1::from(value).base());
                self.dma_base = self.dma_base & 0xff_ffff_ffff | base1 << 40;
            }
            reg::FalconDmatrfmoffs::OFFSET => {
                self.dma_offset = reg::FalconDmatrfmoffs::from(value).offs();
            }
            reg::FalconDmatrffboffs::OFFSET => self.dma_bus_offset = value,
            reg::FalconDmatrfcmd::OFFSET => return Some(self.transfer(value.into())),
            reg::FalconEngine::OFFSET => {
                return Some(self.hold_in_reset(reg::FalconEngine::from(value).reset()));
            }
            reg::FalconIntrRetrigger::OFFSET if self.generation != Generation::Tu102 => {
                return Some(self.interrupt_if(true));
            }
            FbifCtl::OFFSET => self.fbif_ctl = value.into(),
            FBIF_CTL2 => self.fbif_ctl2 = value,
            ports::FIRST..ports::END => return self.write_port(offset, value),
            _ => match offset.checked_sub(reg::SIZE) {
                Some(_) if !self.generation.has_boot_rom() => return None,
                Some(RiscvBcrCtrl::OFFSET) => return Some(self.select_core(value.into())),
                Some(second) => self.brom.write(second, value)?,
                None => *self.transcfg.get_mut(transcfg_index(offset)?)? = value.into(),
            },
        }
        Some(Action::None)
    }

    /// Writes a port. While the memories are scrubbed, accesses to them time out:
    /// `kflcnWaitForResetToFinish_TU102` of NVIDIA's driver waits for that reason, and so do nouveau
    /// and Linux' nova-core.
    fn write_port(&mut self, offset: u32, value: u32) -> Option<Action> {
        if self.scrubbing {
            return Some(Action::Refused("access to memory that is being scrubbed"));
        }
        let memories = Memories {
            code: &mut self.imem,
            blocks: &mut self.code,
            data: &mut self.dmem,
        };
        Some(match self.ports.write(memories, offset, value)? {
            Ok(()) => Action::None,
            Err(reason) => Action::Refused(reason),
        })
    }

    fn read_port(&mut self, offset: u32) -> Option<u32> {
        match self.scrubbing {
            true => None,
            false => self.ports.read(&self.dmem, offset),
        }
    }

    /// Starts the core: through the alias of the control register where a program has enabled that,
    /// and with the falcon core selected. A core that runs cannot be started.
    ///
    /// Source: open-gpu-kernel-modules 570, `kflcnStartCpu_TU102` in kernel_falcon_tu102.c (alias) and
    /// `kflcnSwitchToFalcon_GA102` in kernel_falcon_ga102.c, which each reset calls; envytools,
    /// docs/hw/falcon/proc.rst (the start trigger has an effect on a halted core only).
    fn start(&mut self, start: bool, through_here: bool) -> Action {
        match (start, through_here) {
            (false, _) => Action::None,
            (true, false) => Action::Refused("start through the wrong control register"),
            (true, true) if self.riscv.core == CoreSelect::Riscv => {
                Action::Refused("start of the falcon core while RISC-V is selected")
            }
            (true, true) if self.scrubbing => Action::Refused("start before the scrubbing is done"),
            (true, true) if !self.halted => Action::Refused("start of a falcon that runs"),
            (true, true) => {
                self.halted = false;
                Action::Start
            }
        }
    }

    /// Holds the engine in reset, or releases it.
    ///
    /// The time in between is not checked: nouveau and Linux' nova-core wait 10 µs, nvidia.ko reads
    /// the register ten times, and on a busy machine both writes of a VM may arrive at once.
    fn hold_in_reset(&mut self, hold: bool) -> Action {
        let was_held = std::mem::replace(&mut self.in_reset, hold);
        match (was_held, hold) {
            (true, false) => {
                self.reset();
                Action::Reset
            }
            (false, true) => {
                self.riscv.active = false;
                Action::None
            }
            _ => Action::None,
        }
    }

    /// Switches to the other core. The model does not require the scrubbing to be over: nvidia.ko of
    /// 535 does not wait for it (`kflcnReset_TU102` in kernel_falcon_tu102.c), though that of 570,
    /// nouveau and Linux' nova-core do.
    fn select_core(&mut self, value: RiscvBcrCtrl) -> Action {
        self.riscv.br_fetch = value.br_fetch();
        self.riscv.core_valid = false;
        Action::SelectCore(value.core_select())
    }

    /// Number of the first code block that is loaded for virtual address `address`.
    pub(crate) fn block_at(&self, address: u32) -> Option<usize> {
        let tag = address / BLOCK_SIZE as u32;
        self.code
            .iter()
            .position(|block| block.valid && block.tag == tag)
    }
}

fn transcfg_index(offset: u32) -> Option<usize> {
    Some((offset.checked_sub(FbifTranscfg::OFFSET)? / FbifTranscfg::STRIDE) as usize)
}

fn is_seen_in_lockdown(offset: u32) -> bool {
    const CPUCTL: u32 = reg::SIZE + RiscvCpuctl::OFFSET;
    matches!(
        offset,
        reg::FalconHwcfg2::OFFSET
            | reg::FalconMailbox0::OFFSET
            | reg::FalconMailbox1::OFFSET
            | CPUCTL
    )
}

#[cfg(test)]
mod tests;
