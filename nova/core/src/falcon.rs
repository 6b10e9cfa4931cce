// SPDX-License-Identifier: GPL-2.0

//! The falcon, the small processor in the GSP and SEC2: resetting it, and loading and running
//! signed code.
//!
//! Two kinds of falcons differ in how they are reset and loaded; each has a file with its
//! differences, named after the first chip that has the kind.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/falcon/arch/turing/kernel_falcon_tu102.c; Linux 7.3,
//! drivers/gpu/nova-core/falcon.rs and falcon/hal/*.rs.

pub(crate) mod error;
mod fuses;
mod ga102;
pub(crate) mod processors;
mod tu102;
mod ucode;

use core::time::Duration;

use nova_hw::regs::falcon::{
    self, FalconCpuctl, FalconCpuctlAlias, FalconDmactl, FalconEngine, FalconHwcfg2,
    FalconMailbox0, FalconMailbox1, FalconOs, FalconRm,
};
use nova_hw::regs::fbif::{FbifCtl, FbifMemType, FbifTarget, FbifTranscfg};
use nova_hw::regs::riscv::{RiscvCoreSwitchRiscvStatus, RiscvCpuctl};

use self::error::{FalconError, Stopped};
pub(crate) use self::ucode::Ucode;
use crate::chip::FalconKind;
use crate::mmio::{Io, Timeout};
use crate::platform::DmaMemory;

/// Time for which the reset line is held; Linux's.
const RESET_TIME: Duration = Duration::from_micros(10);

/// Time-out for clearing the memories; the driver's own. Linux waits 10 or 20 ms.
const SCRUB_LIMIT: Duration = Duration::from_millis(100);

/// Time-out for running signed ucode; Linux's.
const HALT_LIMIT: Duration = Duration::from_secs(2);

/// The processor that a falcon belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The GSP, which runs FWSEC, and GSP-RM on its RISC-V core.
    Gsp,
    /// SEC2, which runs booter.
    Sec2,
}

/// A falcon.
#[derive(Clone, Copy)]
pub(crate) struct Falcon<'a> {
    io: &'a Io<'a>,
    kind: FalconKind,
    engine: Engine,
    /// PMC_BOOT_0, from which ucode identifies the chip.
    boot0: u32,
}

impl<'a> Falcon<'a> {
    pub(crate) fn new(io: &'a Io<'a>, kind: FalconKind, engine: Engine, boot0: u32) -> Self {
        Self {
            io,
            kind,
            engine,
            boot0,
        }
    }

    /// Base of the falcon's registers.
    fn base(&self) -> u32 {
        match self.engine {
            Engine::Gsp => falcon::GSP_BASE,
            Engine::Sec2 => falcon::SEC2_BASE,
        }
    }

    /// Base of the registers of the RISC-V core and the boot ROM.
    fn base2(&self) -> u32 {
        match self.engine {
            Engine::Gsp => falcon::GSP_BASE2,
            Engine::Sec2 => falcon::SEC2_BASE2,
        }
    }

    /// Selects `gsp` for the GSP, `sec2` for SEC2.
    fn named(&self, gsp: &'static str, sec2: &'static str) -> &'static str {
        match self.engine {
            Engine::Gsp => gsp,
            Engine::Sec2 => sec2,
        }
    }

    /// Resets the engine and waits until its memories are cleared.
    fn reset_engine(&self) -> Result<(), Timeout> {
        match self.kind {
            FalconKind::Tu102 => (),
            FalconKind::Ga102 => self.wait_reset_ready(),
        }
        let engine: FalconEngine = self.io.read_at(self.base());
        self.io.write_at(self.base(), engine.with_reset(true));
        self.io.sleep(RESET_TIME);
        self.io.write_at(self.base(), engine.with_reset(false));
        self.wait_scrubbed()
    }

    fn wait_scrubbed(&self) -> Result<(), Timeout> {
        let (io, base) = (self.io, self.base());
        let awaited = self.named("GSP memory scrubbing", "SEC2 memory scrubbing");
        match self.kind {
            FalconKind::Tu102 => io
                .wait_at(base, awaited, SCRUB_LIMIT, |dmactl: FalconDmactl| {
                    !dmactl.dmem_scrubbing() && !dmactl.imem_scrubbing()
                })
                .map(|_| ()),
            FalconKind::Ga102 => io
                .wait_at(base, awaited, SCRUB_LIMIT, |hwcfg2: FalconHwcfg2| {
                    !hwcfg2.mem_scrubbing()
                })
                .map(|_| ()),
        }
    }

    /// Resets the engine and selects its falcon core.
    pub(crate) fn reset(&self) -> Result<(), Timeout> {
        self.reset_engine()?;
        match self.kind {
            FalconKind::Tu102 => (),
            FalconKind::Ga102 => self.select_falcon()?,
        }
        let rm = FalconRm::from(self.boot0);
        self.io.write_at(self.base(), rm);
        Ok(())
    }

    /// Resets the engine and selects its RISC-V core, which booter or SEC2 starts.
    pub(crate) fn reset_into_riscv(&self) -> Result<(), Timeout> {
        match self.kind {
            FalconKind::Tu102 => self.reset(),
            FalconKind::Ga102 => {
                self.reset_engine()?;
                self.select_riscv();
                Ok(())
            }
        }
    }

    /// Allows the falcon's DMA to use physical addresses.
    pub(crate) fn allow_physical(&self) {
        let ctl: FbifCtl = self.io.read_at(self.base());
        self.io
            .write_at(self.base(), ctl.with_allow_phys_no_ctx(true));
        self.io.write_at(self.base(), FalconDmactl::new());
    }

    /// Configures one of the falcon's eight DMA contexts for system memory.
    pub(crate) fn reach_sysmem(&self, context: u32) {
        let context = context.wrapping_mul(FbifTranscfg::STRIDE);
        let base = self.base().wrapping_add(context);
        let transcfg: FbifTranscfg = self.io.read_at(base);
        let transcfg = transcfg
            .with_target(FbifTarget::CoherentSysmem)
            .with_mem_type(FbifMemType::Physical);
        self.io.write_at(base, transcfg);
    }

    /// Resets the falcon and loads `ucode` into its memories.
    pub(crate) fn load<M: DmaMemory>(&self, ucode: &Ucode<M>) -> Result<(), FalconError> {
        self.reset()?;
        match self.kind {
            FalconKind::Tu102 => self.load_by_ports(ucode),
            FalconKind::Ga102 => self.load_by_dma(ucode),
        }
    }

    /// Runs the loaded ucode and returns the mailboxes that it wrote.
    pub(crate) fn run(&self, mailboxes: [u32; 2]) -> Result<[u32; 2], FalconError> {
        self.write_mailboxes(mailboxes);
        self.start_and_wait()?;
        Ok([self.mailbox0(), self.mailbox1()])
    }

    /// Resets the falcon, loads and runs `ucode`, and returns the mailboxes that it wrote.
    pub(crate) fn execute<M: DmaMemory>(
        &self,
        ucode: &Ucode<M>,
        mailboxes: [u32; 2],
    ) -> Result<[u32; 2], FalconError> {
        self.load(ucode)?;
        self.run(mailboxes)
    }

    /// Starts the falcon; secure code may have disabled CPUCTL for this, so that only its alias
    /// works.
    pub(crate) fn start(&self) {
        let cpuctl: FalconCpuctl = self.io.read_at(self.base());
        if cpuctl.alias_en() {
            self.io
                .write_at(self.base(), FalconCpuctlAlias::new().with_startcpu(true));
        } else {
            self.io
                .write_at(self.base(), FalconCpuctl::new().with_startcpu(true));
        }
    }

    /// Runs the loaded ucode until it halts.
    pub(crate) fn start_and_wait(&self) -> Result<(), Timeout> {
        self.start();
        self.wait_halted()
    }

    /// Waits until the falcon has halted.
    pub(crate) fn wait_halted(&self) -> Result<(), Timeout> {
        let awaited = self.named("GSP falcon to halt", "SEC2 falcon to halt");
        self.io
            .wait_at(self.base(), awaited, HALT_LIMIT, |cpuctl: FalconCpuctl| {
                cpuctl.halted()
            })?;
        Ok(())
    }

    /// Writes both mailboxes.
    pub(crate) fn write_mailboxes(&self, [mailbox0, mailbox1]: [u32; 2]) {
        self.io
            .write_at(self.base(), FalconMailbox0::from(mailbox0));
        self.io
            .write_at(self.base(), FalconMailbox1::from(mailbox1));
    }

    /// Reads the first mailbox.
    pub(crate) fn mailbox0(&self) -> u32 {
        self.io.read_at::<FalconMailbox0>(self.base()).into()
    }

    /// The address in both mailboxes, if the first one is `low`.
    pub(crate) fn mailbox_address(&self, low: u32) -> u64 {
        u64::from(self.mailbox1()) << u32::BITS | u64::from(low)
    }

    /// Reads state and properties of the falcon.
    pub(crate) fn hwcfg2(&self) -> FalconHwcfg2 {
        self.io.read_at(self.base())
    }

    /// Whether the RISC-V core has halted, on GA102 and later.
    pub(crate) fn riscv_halted(&self) -> bool {
        self.io.read_at::<RiscvCpuctl>(self.base2()).halted()
    }

    /// Reads the second mailbox.
    fn mailbox1(&self) -> u32 {
        self.io.read_at::<FalconMailbox1>(self.base()).into()
    }

    /// Waits until bits of the first mailbox are set.
    pub(crate) fn wait_mailbox0(
        &self,
        awaited: &'static str,
        bits: u32,
        limit: Duration,
    ) -> Result<(), Timeout> {
        self.io
            .wait_at(self.base(), awaited, limit, |mailbox: FalconMailbox0| {
                u32::from(mailbox) & bits == bits
            })?;
        Ok(())
    }

    /// Writes the version of the running firmware.
    pub(crate) fn write_os(&self, version: u32) {
        self.io.write_at(self.base(), FalconOs::from(version));
    }

    /// Checks that the RISC-V core runs.
    pub(crate) fn check_liveness(&self) -> Result<(), Stopped> {
        let (state, is_active) = match self.kind {
            FalconKind::Tu102 => {
                let status: RiscvCoreSwitchRiscvStatus = self.io.read_at(self.base2());
                (status.into(), status.active_stat())
            }
            FalconKind::Ga102 => {
                let cpuctl: RiscvCpuctl = self.io.read_at(self.base2());
                (cpuctl.into(), cpuctl.active_stat())
            }
        };
        match state {
            u32::MAX => Err(Stopped::CardGone),
            _ if is_active => Ok(()),
            cpuctl => Err(Stopped::Halted { cpuctl }),
        }
    }

    /// Waits until the RISC-V core runs.
    pub(crate) fn wait_riscv(&self, limit: Duration) -> Result<(), Timeout> {
        let (io, base) = (self.io, self.base2());
        let awaited = "RISC-V core of the GSP to be active";
        match self.kind {
            FalconKind::Tu102 => io
                .wait_at(
                    base,
                    awaited,
                    limit,
                    |status: RiscvCoreSwitchRiscvStatus| status.active_stat(),
                )
                .map(|_| ()),
            FalconKind::Ga102 => io
                .wait_at(base, awaited, limit, |cpuctl: RiscvCpuctl| {
                    cpuctl.active_stat()
                })
                .map(|_| ()),
        }
    }
}
