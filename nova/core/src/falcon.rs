// SPDX-License-Identifier: GPL-2.0

//! The falcon: the small processor that the GSP and SEC2 are made of, and how signed code gets to
//! run on one.
//!
//! The falcon's own DMA engine copies code and data out of system memory, 256 bytes at a time. Its
//! boot ROM checks the signature before the first instruction runs.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/falcon/arch/ampere/kernel_falcon_ga102.c and
//! src/nvidia/src/kernel/gpu/gsp/arch/ampere/kernel_gsp_falcon_ga102.c.

use core::time::Duration;

use nova_firmware::falcon::{Brom, Layout, Part};
use nova_hw::falcon::{EngineId, BLOCK_SIZE};
use nova_hw::regs::brom::{BromCurrUcodeId, BromEngidmask, BromModSel, BromParaaddr, ModSelAlgo};
use nova_hw::regs::falcon::{
    self, FalconBootvec, FalconCpuctl, FalconCpuctlAlias, FalconDmactl, FalconDmatrfbase,
    FalconDmatrfbase1, FalconDmatrfcmd, FalconDmatrffboffs, FalconDmatrfmoffs, FalconEngine,
    FalconHwcfg2, FalconMailbox0, FalconMailbox1, FalconOs, FalconRm,
};
use nova_hw::regs::fbif::{FbifCtl, FbifMemType, FbifTarget, FbifTranscfg};
use nova_hw::regs::fuse::{GspUcodeVersion, NvdecUcodeVersion, Sec2UcodeVersion};
use nova_hw::regs::riscv::{CoreSelect, RiscvBcrCtrl, RiscvCpuctl};

use crate::error::{Error, Timeout};
use crate::io::{halves, Io};
use crate::platform::{DmaAllocator, DmaMemory};

/// Bytes that one DMA transfer moves; memory to be loaded is made of whole blocks.
const BLOCK: u32 = BLOCK_SIZE as u32;

/// The reset line is held at least this long.
const RESET_TIME: Duration = Duration::from_micros(10);

/// Hardware sometimes never says that it is ready for reset, so this is not an error.
const RESET_READY_LIMIT: Duration = Duration::from_micros(150);

/// Clearing a falcon's memories takes less than 20 ms.
const SCRUB_LIMIT: Duration = Duration::from_millis(100);

/// Switching between falcon and RISC-V takes less than 10 ms.
const CORE_SELECT_LIMIT: Duration = Duration::from_millis(50);

/// No transfer into such small memories takes anywhere near as long.
const DMA_LIMIT: Duration = Duration::from_secs(2);

/// Signed ucode is through in less than this.
const HALT_LIMIT: Duration = Duration::from_secs(2);

/// Which processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Runs FWSEC, and GSP-RM on its RISC-V side.
    Gsp,
    /// Runs booter.
    Sec2,
}

/// Signed code in system memory, ready to be loaded.
pub(crate) struct Ucode<M> {
    /// Its name, for errors.
    pub(crate) name: &'static str,
    /// Bytes of the code and data.
    pub(crate) size: usize,
    /// Where they are; all of `layout` lies in it, padded to whole blocks.
    memory: M,
    /// What goes where.
    layout: Layout,
    /// What the boot ROM is told.
    brom: Brom,
}

impl<M: DmaMemory> Ucode<M> {
    /// Copies `bytes` to where the falcon can get them.
    pub(crate) fn new<A: DmaAllocator<Memory = M>>(
        allocator: &A,
        name: &'static str,
        bytes: &[u8],
        layout: Layout,
        brom: Brom,
    ) -> Result<Self, Error> {
        let end = |part: Part| {
            let len = part.len.checked_next_multiple_of(BLOCK)?;
            usize::try_from(part.source.checked_add(len)?).ok()
        };
        // Transfers move whole blocks, the last of which may end behind the code.
        let size = end(layout.imem_sec)
            .max(end(layout.dmem))
            .unwrap_or(usize::MAX)
            .max(bytes.len());
        if size.saturating_sub(bytes.len()) >= BLOCK_SIZE {
            return Err(Error::Ucode {
                name,
                field: "end of a part",
                expected: "at most the end of the ucode",
                found: u32::try_from(size).unwrap_or(u32::MAX),
            });
        }
        let memory = allocator
            .alloc_dma(size)
            .map_err(|e| Error::no_memory(name, e))?;
        memory.write(0, bytes)?;
        Ok(Self {
            name,
            size: bytes.len(),
            memory,
            layout,
            brom,
        })
    }

    /// Overwrites what is at byte `offset` of the ucode.
    pub(crate) fn patch(self, offset: usize, bytes: &[u8]) -> Result<Self, Error> {
        self.memory.write(offset, bytes)?;
        Ok(self)
    }
}

/// One falcon.
#[derive(Clone, Copy)]
pub(crate) struct Falcon<'a> {
    io: &'a Io<'a>,
    engine: Engine,
    /// PMC_BOOT_0, for the ucode to know the chip by.
    boot0: u32,
}

impl<'a> Falcon<'a> {
    pub(crate) fn new(io: &'a Io<'a>, engine: Engine, boot0: u32) -> Self {
        Self { io, engine, boot0 }
    }

    /// Base of the falcon's registers.
    fn base(&self) -> u32 {
        match self.engine {
            Engine::Gsp => falcon::GSP_BASE,
            Engine::Sec2 => falcon::SEC2_BASE,
        }
    }

    /// Base of the registers that RISC-V and the boot ROM brought.
    fn base2(&self) -> u32 {
        match self.engine {
            Engine::Gsp => falcon::GSP_BASE2,
            Engine::Sec2 => falcon::SEC2_BASE2,
        }
    }

    /// `gsp` for the GSP, `sec2` for SEC2.
    fn named(&self, gsp: &'static str, sec2: &'static str) -> &'static str {
        match self.engine {
            Engine::Gsp => gsp,
            Engine::Sec2 => sec2,
        }
    }

    /// Resets the engine and waits until its memories are cleared.
    fn reset_engine(&self) -> Result<(), Timeout> {
        let _ = self.io.wait_at(
            self.base(),
            "reset to be possible",
            RESET_READY_LIMIT,
            |hwcfg2: FalconHwcfg2| hwcfg2.reset_ready(),
        );
        let engine: FalconEngine = self.io.read_at(self.base());
        self.io.write_at(self.base(), engine.with_reset(true));
        self.io.sleep(RESET_TIME);
        self.io.write_at(self.base(), engine.with_reset(false));
        self.wait_scrubbed()
    }

    fn wait_scrubbed(&self) -> Result<(), Timeout> {
        let awaited = self.named("GSP memory scrubbing", "SEC2 memory scrubbing");
        self.io
            .wait_at(self.base(), awaited, SCRUB_LIMIT, |hwcfg2: FalconHwcfg2| {
                !hwcfg2.mem_scrubbing()
            })?;
        Ok(())
    }

    /// Resets the engine to run falcon code.
    pub(crate) fn reset(&self) -> Result<(), Timeout> {
        self.reset_engine()?;
        let bcr: RiscvBcrCtrl = self.io.read_at(self.base2());
        if bcr.core_select() != CoreSelect::Falcon {
            let falcon = RiscvBcrCtrl::new().with_core_select(CoreSelect::Falcon);
            self.io.write_at(self.base2(), falcon);
            let awaited = self.named("GSP falcon core", "SEC2 falcon core");
            self.io.wait_at(
                self.base2(),
                awaited,
                CORE_SELECT_LIMIT,
                |bcr: RiscvBcrCtrl| bcr.valid(),
            )?;
            self.wait_scrubbed()?;
        }
        let rm = FalconRm::from(self.boot0);
        self.io.write_at(self.base(), rm);
        Ok(())
    }

    /// Resets the engine to run RISC-V code, which starts once booter has put it there.
    pub(crate) fn reset_into_riscv(&self) -> Result<(), Timeout> {
        self.reset_engine()?;
        let riscv = RiscvBcrCtrl::new()
            .with_core_select(CoreSelect::Riscv)
            .with_valid(true)
            .with_br_fetch(true);
        self.io.write_at(self.base2(), riscv);
        Ok(())
    }

    /// Lets the falcon's DMA use physical addresses.
    pub(crate) fn allow_physical(&self) {
        let ctl: FbifCtl = self.io.read_at(self.base());
        self.io
            .write_at(self.base(), ctl.with_allow_phys_no_ctx(true));
        self.io.write_at(self.base(), FalconDmactl::new());
    }

    /// Resets the falcon, loads `ucode`, runs it and returns what it left in its mailboxes.
    pub(crate) fn execute<M: DmaMemory>(
        &self,
        ucode: &Ucode<M>,
        mailboxes: [u32; 2],
    ) -> Result<[u32; 2], Error> {
        self.reset()?;
        self.load(ucode)?;
        self.write_mailboxes(mailboxes);
        self.start();
        self.wait_halted()?;
        Ok([self.mailbox0(), self.mailbox1()])
    }

    /// Copies `ucode` into the falcon's memories and tells the boot ROM about it.
    fn load<M: DmaMemory>(&self, ucode: &Ucode<M>) -> Result<(), Error> {
        self.allow_physical();
        let transcfg: FbifTranscfg = self.io.read_at(self.base());
        let transcfg = transcfg
            .with_target(FbifTarget::CoherentSysmem)
            .with_mem_type(FbifMemType::Physical);
        self.io.write_at(self.base(), transcfg);

        let Layout {
            imem_sec,
            dmem,
            boot_addr,
            ..
        } = ucode.layout;
        let command = FalconDmatrfcmd::new().with_size(FalconDmatrfcmd::SIZE_256B);
        self.transfer(
            ucode,
            imem_sec,
            boot_addr,
            command.with_imem(true).with_sec(1),
        )?;
        self.transfer(ucode, dmem, 0, command)?;

        let Brom {
            pkc_data_offset,
            engine_id_mask,
            ucode_id,
        } = ucode.brom;
        self.io
            .write_at(self.base2(), BromParaaddr::from(pkc_data_offset));
        self.io
            .write_at(self.base2(), BromEngidmask::from(u32::from(engine_id_mask)));
        self.io
            .write_at(self.base2(), BromCurrUcodeId::new().with_ucode_id(ucode_id));
        self.io
            .write_at(self.base2(), BromModSel::new().with_algo(ModSelAlgo::Rsa3k));
        self.io
            .write_at(self.base(), FalconBootvec::from(boot_addr));
        Ok(())
    }

    /// Copies one part; code gets tagged with its virtual address, which starts at `tag`.
    ///
    /// The tag is at once the offset of the transfer, so it is taken off the base address.
    fn transfer<M: DmaMemory>(
        &self,
        ucode: &Ucode<M>,
        part: Part,
        tag: u32,
        command: FalconDmatrfcmd,
    ) -> Result<(), Error> {
        let base = ucode
            .memory
            .dma_addr()
            .wrapping_add(u64::from(part.source))
            .wrapping_sub(u64::from(tag));
        let offsets = part.target | tag;
        if base % u64::from(BLOCK) != 0 || offsets % BLOCK != 0 {
            return Err(Error::Ucode {
                name: ucode.name,
                field: "offset of a part",
                expected: "a multiple of 256",
                found: part.source | offsets,
            });
        }
        let [base0, base1] = halves(base >> 8);
        self.io.write_at(self.base(), FalconDmatrfbase::from(base0));
        self.io
            .write_at(self.base(), FalconDmatrfbase1::from(base1));
        for at in (0..part.len).step_by(BLOCK_SIZE) {
            // Registers that are written while the queue is full would change a transfer in it.
            self.wait_dma("falcon DMA queue", |command| !command.full())?;
            let target = FalconDmatrfmoffs::from(part.target.wrapping_add(at));
            let offset = FalconDmatrffboffs::from(tag.wrapping_add(at));
            self.io.write_at(self.base(), target);
            self.io.write_at(self.base(), offset);
            self.io.write_at(self.base(), command);
        }
        self.wait_dma("falcon DMA", |command| command.idle())
    }

    fn wait_dma(
        &self,
        awaited: &'static str,
        done: impl Fn(FalconDmatrfcmd) -> bool,
    ) -> Result<(), Error> {
        self.io.wait_at(self.base(), awaited, DMA_LIMIT, done)?;
        Ok(())
    }

    /// Starts the falcon; code that has set up its security may allow that through an alias only.
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

    /// Notes the version of the firmware that runs.
    pub(crate) fn write_os(&self, version: u32) {
        self.io.write_at(self.base(), FalconOs::from(version));
    }

    /// Looks whether the RISC-V core still runs.
    pub(crate) fn check_riscv(&self) -> Result<(), Error> {
        let cpuctl: RiscvCpuctl = self.io.read_at(self.base2());
        match u32::from(cpuctl) {
            u32::MAX => Err(Error::CardGone),
            _ if cpuctl.active_stat() => Ok(()),
            cpuctl => Err(Error::Halted { cpuctl }),
        }
    }

    /// Waits until the RISC-V core runs.
    pub(crate) fn wait_riscv(&self, limit: Duration) -> Result<(), Timeout> {
        self.io.wait_at(
            self.base2(),
            "RISC-V core of the GSP to be active",
            limit,
            |cpuctl: RiscvCpuctl| cpuctl.active_stat(),
        )?;
        Ok(())
    }
}

/// Version of the ucode `name` that is fused into the chip.
pub(crate) fn fuse_version(io: &Io<'_>, name: &'static str, brom: &Brom) -> Result<u32, Error> {
    let id = u32::from(brom.ucode_id);
    let engines = u32::from(brom.engine_id_mask);
    let fuses = if engines & EngineId::Sec2.bit() != 0 {
        Sec2UcodeVersion::at
    } else if engines & EngineId::Nvdec.bit() != 0 {
        NvdecUcodeVersion::at
    } else if engines & EngineId::Gsp.bit() != 0 {
        GspUcodeVersion::at
    } else {
        return Err(Error::Ucode {
            name,
            field: "engine mask",
            expected: "SEC2 (0x1), NVDEC (0x4) or GSP (0x400)",
            found: engines,
        });
    };
    // Ucodes are numbered from 1.
    let offset = id.checked_sub(1).and_then(fuses).ok_or(Error::Ucode {
        name,
        field: "ucode id",
        expected: "1 to 16",
        found: id,
    })?;
    // All three have the same fields. Each newer version blows the next fuse.
    let fuses = GspUcodeVersion::from(io.read32(offset)).data();
    Ok(u16::BITS.saturating_sub(fuses.leading_zeros()))
}
