// SPDX-License-Identifier: GPL-2.0

//! The falcons of GA102 and later: their own DMA engine fetches the code in blocks of 256 bytes,
//! and a boot ROM checks its signature before the first instruction runs.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/falcon/arch/ampere/kernel_falcon_ga102.c and
//! src/nvidia/src/kernel/gpu/gsp/arch/ampere/kernel_gsp_falcon_ga102.c.

use core::time::Duration;

use nova_firmware::falcon::{Brom, Layout, Part};
use nova_hw::falcon::BLOCK_SIZE;
use nova_hw::regs::brom::{BromCurrUcodeId, BromEngidmask, BromModSel, BromParaaddr, ModSelAlgo};
use nova_hw::regs::falcon::{
    FalconBootvec, FalconDmatrfbase, FalconDmatrfbase1, FalconDmatrfcmd, FalconDmatrffboffs,
    FalconDmatrfmoffs, FalconHwcfg2,
};
use nova_hw::regs::riscv::{CoreSelect, RiscvBcrCtrl};

use super::error::FalconError;
use super::ucode::{Ucode, BLOCK};
use super::Falcon;
use crate::mmio::{halves, Timeout};
use crate::platform::DmaMemory;

/// Time-out for readiness for a reset; Linux's. Falcons sometimes never report it, so a time-out is
/// not an error (`kflcnPreResetWait_GA102` of open-gpu-kernel-modules).
const RESET_READY_LIMIT: Duration = Duration::from_micros(150);

/// Time-out for switching to the falcon core; the driver's own. Linux waits 10 ms.
const CORE_SELECT_LIMIT: Duration = Duration::from_millis(50);

/// Time-out for DMA into the falcon's memories; Linux's.
const DMA_LIMIT: Duration = Duration::from_secs(2);

impl Falcon<'_> {
    /// Waits until the falcon is ready for a reset, or until the time is over.
    pub(super) fn wait_reset_ready(&self) {
        // A time-out is not an error.
        let _ = self.io.wait_at(
            self.base(),
            "reset to be possible",
            RESET_READY_LIMIT,
            |hwcfg2: FalconHwcfg2| hwcfg2.reset_ready(),
        );
    }

    /// Selects the falcon core.
    pub(super) fn select_falcon(&self) -> Result<(), Timeout> {
        let bcr: RiscvBcrCtrl = self.io.read_at(self.base2());
        if bcr.core_select() == CoreSelect::Falcon {
            return Ok(());
        }
        let falcon = RiscvBcrCtrl::new().with_core_select(CoreSelect::Falcon);
        self.io.write_at(self.base2(), falcon);
        let awaited = self.named("GSP falcon core", "SEC2 falcon core");
        self.io.wait_at(
            self.base2(),
            awaited,
            CORE_SELECT_LIMIT,
            |bcr: RiscvBcrCtrl| bcr.valid(),
        )?;
        self.wait_scrubbed()
    }

    /// Selects the RISC-V core, which runs once it is started.
    pub(super) fn select_riscv(&self) {
        let riscv = RiscvBcrCtrl::new()
            .with_core_select(CoreSelect::Riscv)
            .with_valid(true)
            .with_br_fetch(true);
        self.io.write_at(self.base2(), riscv);
    }

    /// Copies `ucode` into the falcon's memories and sets up the boot ROM.
    pub(super) fn load_by_dma<M: DmaMemory>(&self, ucode: &Ucode<M>) -> Result<(), FalconError> {
        self.allow_physical();
        self.reach_sysmem(0);
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
        if let Some(brom) = &ucode.brom {
            self.set_up_boot_rom(brom);
        }
        self.io
            .write_at(self.base(), FalconBootvec::from(boot_addr));
        Ok(())
    }

    /// Writes the location of the signature and the falcons that it is valid for.
    fn set_up_boot_rom(&self, brom: &Brom) {
        let signature = BromParaaddr::from(brom.pkc_data_offset);
        self.io.write_at(self.base2(), signature);
        let engines = BromEngidmask::from(u32::from(brom.engine_id_mask));
        self.io.write_at(self.base2(), engines);
        let ucode = BromCurrUcodeId::new().with_ucode_id(brom.ucode_id);
        self.io.write_at(self.base2(), ucode);
        let algorithm = BromModSel::new().with_algo(ModSelAlgo::Rsa3k);
        self.io.write_at(self.base2(), algorithm);
    }

    /// Copies a part of the ucode; blocks of code are tagged with their virtual addresses, which
    /// start at `tag`.
    ///
    /// The hardware adds the tag to the base address, so it is subtracted from the base.
    fn transfer<M: DmaMemory>(
        &self,
        ucode: &Ucode<M>,
        part: Part,
        tag: u32,
        command: FalconDmatrfcmd,
    ) -> Result<(), FalconError> {
        let base = ucode
            .memory
            .dma_addr()
            .wrapping_add(u64::from(part.source))
            .wrapping_sub(u64::from(tag));
        let offsets = part.target | tag;
        if base % u64::from(BLOCK) != 0 || offsets % BLOCK != 0 {
            return Err(FalconError::Ucode {
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
            // Writing the registers while the queue is full would change a queued transfer.
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
    ) -> Result<(), FalconError> {
        self.io.wait_at(self.base(), awaited, DMA_LIMIT, done)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::FalconKind;
    use crate::falcon::Engine;
    use crate::mmio::Io;
    use crate::platform::Clock;
    use crate::testing::{Allocator, Card, Memory};

    const BROM: Brom = Brom {
        pkc_data_offset: 0x10,
        engine_id_mask: 0x401,
        ucode_id: 9,
    };

    fn ucode(allocator: &Allocator) -> Ucode<Memory> {
        let part = |source, target, len| Part {
            source,
            target,
            len,
        };
        let layout = Layout {
            imem_ns: None,
            imem_sec: part(0x100, 0, 0x180),
            dmem: part(0x300, 0, 0x100),
            boot_addr: 0x100,
        };
        Ucode::new(allocator, "test", &[1; 0x400], layout, Some(BROM)).unwrap()
    }

    /// A falcon whose DMA engine is idle and whose falcon core is selected.
    fn card() -> Card {
        let card = Card::default();
        card.set(0x1100f4, 1 << 31);
        card.set(0x110118, 1 << 1);
        card
    }

    /// The writes and their order are those of Linux's nova-core.
    #[test]
    fn code_and_data_are_fetched_and_the_boot_rom_is_set_up() {
        let card = card();
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Ga102, Engine::Gsp, 0xb720_00a1);
        gsp.load(&ucode(&Allocator::default())).unwrap();
        let expected = [
            (0x1103c0, 1),
            (0x1103c0, 0),
            (0x110084, 0xb720_00a1),
            (0x110624, 0x80),
            (0x11010c, 0),
            (0x110600, 0x5),
            // The virtual address of the code is subtracted from the base.
            (0x110110, 0x0100_0000),
            (0x110128, 0),
            (0x110114, 0),
            (0x11011c, 0x100),
            (0x110118, 0x614),
            (0x110114, 0x100),
            (0x11011c, 0x200),
            (0x110118, 0x614),
            (0x110110, 0x0100_0003),
            (0x110128, 0),
            (0x110114, 0),
            (0x11011c, 0),
            (0x110118, 0x600),
            (0x111210, 0x10),
            (0x11119c, 0x401),
            (0x111198, 9),
            (0x111180, 1),
            (0x110104, 0x100),
        ];
        assert_eq!(*card.writes.borrow(), expected);
    }

    #[test]
    fn unaligned_parts_are_refused() {
        let card = card();
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Ga102, Engine::Gsp, 0);
        let allocator = Allocator::default();
        // Source, target and virtual address of the code.
        for (source, target, boot_addr, found) in [
            (0x180, 0, 0x100, 0x180),
            (0x180, 0, 0x80, 0x180),
            (0x100, 0x80, 0x100, 0x180),
            (0x180, 0x80, 0x80, 0x180),
        ] {
            let code = Part {
                source,
                target,
                len: 0x100,
            };
            let mut ucode = ucode(&allocator);
            (ucode.layout.imem_sec, ucode.layout.boot_addr) = (code, boot_addr);
            let error = FalconError::Ucode {
                name: "test",
                field: "offset of a part",
                expected: "a multiple of 256",
                found,
            };
            assert_eq!(gsp.load(&ucode), Err(error));
        }
    }

    /// The writes are those of nvidia.ko and nouveau. The mocked card does not check them, since
    /// GSP-RM also starts with the falcon core selected, as Linux's nova-core leaves it.
    #[test]
    fn reset_into_riscv_selects_the_riscv_core() {
        let card = card();
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Ga102, Engine::Gsp, 0);
        gsp.reset_into_riscv().unwrap();
        let expected = [(0x1103c0, 1), (0x1103c0, 0), (0x111668, 0x111)];
        assert_eq!(*card.writes.borrow(), expected);
    }

    #[test]
    fn waiting_for_readiness_ends_without_an_error() {
        let card = card();
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Ga102, Engine::Gsp, 0);
        gsp.wait_reset_ready();
        assert_eq!(card.now(), Duration::ZERO);
        card.set(0x1100f4, 0);
        gsp.wait_reset_ready();
        assert!(card.now() >= RESET_READY_LIMIT);
    }

    /// nvidia.ko does not wait here; nouveau and Linux's nova-core do.
    #[test]
    fn select_falcon_waits_until_the_memories_are_cleared() {
        let card = card();
        let io = &Io::new(&card);
        let gsp = Falcon::new(io, FalconKind::Ga102, Engine::Gsp, 0);
        card.set(0x111668, 0x11);
        gsp.select_falcon().unwrap();
        assert_eq!(*card.writes.borrow(), [(0x111668, 0)]);
        card.set(0x1100f4, 1 << 12);
        let timeout = gsp.select_falcon().unwrap_err();
        assert_eq!(timeout.awaited, "GSP memory scrubbing");
        card.set(0x111668, 0x10);
        let timeout = gsp.select_falcon().unwrap_err();
        assert_eq!(timeout.awaited, "GSP falcon core");
    }
}
