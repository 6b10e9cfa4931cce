// SPDX-License-Identifier: GPL-2.0

//! Tests of the card as a whole.

use super::*;
use crate::block_id::FalconId;
use crate::blocks::falcon::PRIV_ERROR;
use crate::blocks::pgc6::GFW;
use crate::bus::config::mirror_base;
use crate::bus::machine::GuestMemory;
use crate::chips::{by_name, CHIPS};
use crate::engines::memory::Aperture;
use crate::engines::mmu::testing::{Mapping, Tables};
use crate::engines::mmu::Root;
use crate::images::synthetic;
use crate::machine::in_process::Arena;
use crate::programs::booter;
use nova_hw::gmmu::Format;
use nova_hw::regs::falcon as reg;
use nova_hw::regs::falcon::{GSP_BASE, SEC2_BASE};
use nova_hw::regs::fbif::{FbifCtl, FbifTranscfg};
use nova_hw::regs::gsp::PgspQueueHead;
use nova_hw::regs::intr::{
    CpuIntrLeaf, CpuIntrLeafEnSet, CpuIntrLeafTrigger, CpuIntrTopEnClear, CpuIntrTopEnSet, MsiRearm,
};
use nova_hw::regs::pgc6::GfwBootPrivLevelMask;
use nova_hw::regs::pmc::{PmcBoot0, PmcBoot1};
use nova_hw::regs::prom::PromData;
use nova_hw::regs::vf_mmu::{MmuInvalidate, MmuInvalidatePdb, MmuInvalidateUpperPdb};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) fn card() -> Gpu<Arena> {
    card_of(&CHIPS[0])
}

pub(super) fn card_of(chip: &'static Chip) -> Gpu<Arena> {
    let setup = Setup {
        chip,
        vram: Vram::in_process(chip.vram),
        bar1: None,
        firmware: Firmwares::load(chip, &synthetic::firmware(chip)).unwrap(),
        vbios: None,
        fuses: Fuses::default(),
        trace: Trace::default(),
    };
    let mut card = Gpu::new(setup, Arena::new()).unwrap();
    card.config_mut()
        .enumerate([0xf000_0000, 0x40_0000_0000, 0x40_1000_0000]);
    card.config_mut().set_bus_master(true);
    card.config_mut().set_msi(true);
    card
}

pub(super) fn pass(card: &mut Gpu<Arena>, time: Duration) {
    let until = card.now() + time;
    card.advance(until);
}

fn last_refusal(card: &Gpu<Arena>) -> &str {
    card.trace()
        .refusals()
        .last()
        .map_or("", |refusal| &refusal.reason)
}

/// A card with this VBIOS.
fn with_vbios(chip: &'static Chip, vbios: &[u8]) -> Setup {
    Setup {
        chip,
        vram: Vram::in_process(chip.vram),
        bar1: None,
        firmware: Firmwares::load(chip, &synthetic::firmware(chip)).unwrap(),
        vbios: Some(vbios.to_vec()),
        fuses: Fuses::default(),
        trace: Trace::default(),
    }
}

#[test]
fn a_vbios_without_fwsec_is_refused() {
    let setup = with_vbios(&CHIPS[0], &[0x55, 0xaa]);
    assert_eq!(Gpu::new(setup, Arena::new()).err(), Some(NoFwsec));
}

/// The synthetic VBIOS and the files in `NOVA_VBIOS_DIR`, cut every 256 bytes.
#[test]
fn a_broken_vbios_is_served_on_request() {
    let chip = &CHIPS[0];
    let mut files = vec![vbios::build(chip), vec![1, 2, 3]];
    if let Some(folder) = std::env::var_os("NOVA_VBIOS_DIR") {
        let entries = std::fs::read_dir(folder).unwrap();
        files.extend(entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()));
    }
    for file in files {
        for len in (0..file.len()).step_by(256) {
            let setup = with_vbios(chip, &file[..len]);
            let mut card = Gpu::with_any_vbios(setup, Arena::new());
            let shown = prom::images(&file[..len]).first_chunk();
            let expected = shown.map_or(u32::MAX, |word| u32::from_le_bytes(*word));
            assert_eq!(card.read32(PromData::OFFSET), expected);
        }
    }
}

#[test]
fn accesses_that_no_register_answers_are_refused() {
    let mut card = card();
    assert_eq!(card.read32(0x50_0000), PRIV_ERROR);
    assert!(last_refusal(&card).contains("0x500000"));
    card.write32(PmcBoot0::OFFSET, 0);
    assert!(last_refusal(&card).contains("NV_PMC_BOOT_0"));
    for offset in (0..16 << 20).step_by(0x404) {
        card.read32(offset & !3);
        card.write32(offset & !3, u32::MAX);
    }
    pass(&mut card, SECOND);
}

#[test]
fn the_gfw_takes_its_time_after_each_reset() {
    let mut card = card();
    for _ in 0..2 {
        assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), 0);
        pass(&mut card, GFW);
        assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), 1);
        card.reset();
    }
    card.inject(Fault::GfwNeverDone);
    pass(&mut card, SECOND);
    assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), 0);
}

#[test]
fn a_card_off_the_bus_reads_as_all_ones() {
    let mut card = card();
    card.inject(Fault::CardGone { after: 2 });
    assert_ne!(card.read32(PmcBoot0::OFFSET), u32::MAX);
    assert_ne!(card.read32(PmcBoot0::OFFSET), u32::MAX);
    assert_eq!(card.read32(PmcBoot0::OFFSET), u32::MAX);
    card.repair();
    assert_ne!(card.read32(PmcBoot0::OFFSET), u32::MAX);
}

/// The registers, and the first word of configuration space.
fn what_answers(card: &mut Gpu<Arena>) -> (bool, bool) {
    let mut id = [0; 4];
    card.read_config(0, &mut id);
    (card.read32(PmcBoot0::OFFSET) != u32::MAX, id != [0xff; 4])
}

#[test]
fn a_lost_link_comes_back() {
    let mut card = card();
    card.inject(Fault::LinkLost(50 * MILLISECOND));
    assert_eq!(what_answers(&mut card), (false, false));
    pass(&mut card, 49 * MILLISECOND);
    assert_eq!(what_answers(&mut card), (false, false));
    pass(&mut card, MILLISECOND);
    assert_eq!(what_answers(&mut card), (true, true));
}

#[test]
fn a_card_may_not_come_back_from_a_reset() {
    for (fault, at_once, later) in [
        (Fault::SlowReset(SECOND), (false, true), (true, true)),
        (Fault::ResetWithoutMemory, (false, true), (false, true)),
        (Fault::DeadlyReset, (false, false), (false, false)),
    ] {
        let mut card = card();
        card.inject(fault);
        assert_eq!(what_answers(&mut card), (true, true), "{fault:?}");
        card.reset();
        assert_eq!(what_answers(&mut card), at_once, "{fault:?}");
        pass(&mut card, 2 * SECOND);
        assert_eq!(what_answers(&mut card), later, "{fault:?}");
        card.repair();
        assert_eq!(what_answers(&mut card), (true, true), "{fault:?}");
    }
}

#[test]
fn a_reset_may_leave_the_gfw_hung() {
    let mut card = card();
    card.inject(Fault::GfwHungByReset);
    pass(&mut card, GFW);
    assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), 1);
    for (is_repaired, mask) in [(false, 0), (true, 1)] {
        if is_repaired {
            card.repair();
        }
        card.reset();
        pass(&mut card, SECOND);
        assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), mask);
    }
}

#[test]
fn a_rom_that_cannot_be_read_may_recover_by_a_reset() {
    let mut card = card();
    let rom = card.read32(PromData::OFFSET);
    for (fault, recovers) in [(Fault::PromFlaky, true), (Fault::PromGarbage, false)] {
        card.inject(fault);
        assert_ne!(card.read32(PromData::OFFSET), rom);
        card.reset();
        assert_eq!(card.read32(PromData::OFFSET) == rom, recovers, "{fault:?}");
    }
}

#[test]
fn a_virtual_function_only_identifies_the_chip() {
    let mut card = card();
    card.inject(Fault::VirtualFunction);
    assert_eq!(card.read32(PmcBoot0::OFFSET), 0xb720_00a1);
    assert_eq!(card.read32(PmcBoot1::OFFSET), 2 << 16);
    assert_eq!(last_refusal(&card), "");
    assert_eq!(card.read32(GfwBootPrivLevelMask::OFFSET), PRIV_ERROR);
    card.write32(MsiRearm::OFFSET, 0);
    assert!(last_refusal(&card).contains("write"));
}

#[test]
fn configuration_space_is_mirrored() {
    let mut card = card();
    let base = mirror_base(card.chip());
    assert_eq!(card.read32(base), 0x2204_10de);
    assert_eq!(card.read32(base + 0x10), 0xf000_0000);
}

#[test]
fn pramin_shows_the_frame_buffer() {
    let mut card = card();
    card.write32(0x1700, 0x12);
    card.write32(0x70_0010, 0xcafe_f00d);
    let mut bytes = [0; 4];
    card.vram().read(0x12_0010, &mut bytes);
    assert_eq!(u32::from_le_bytes(bytes), 0xcafe_f00d);
    assert_eq!(card.read32(0x70_0010), 0xcafe_f00d);
}

/// The page at virtual address 0, as the card's MMU finds it through tables at 1 MiB.
fn page_zero(card: &mut Gpu<Arena>) -> Option<u64> {
    let root = Root {
        aperture: Aperture::Vram,
        address: 0x10_0000,
    };
    let (mmu, physical) = card.memory();
    let page = mmu.translate(&physical, root, 0).ok()?;
    page.target(0).map(|(_, at)| at)
}

#[test]
fn translations_last_until_they_are_invalidated() {
    let mut card = card();
    let format = Format::of(card.chip().chipset.arch());
    let mut tables = Tables::new(format, Aperture::Vram, 0x10_0000);
    let mut map = |card: &mut Gpu<Arena>, to| {
        let (_, mut physical) = card.memory();
        tables.map(&mut physical, 0, 12, Mapping::vram(to));
    };
    map(&mut card, 0x5000);
    assert_eq!(page_zero(&mut card), Some(0x5000));
    map(&mut card, 0x6000);
    assert_eq!(page_zero(&mut card), Some(0x5000));
    card.write32(MmuInvalidatePdb::OFFSET, 0x10_0000 >> 8);
    card.write32(MmuInvalidateUpperPdb::OFFSET, 0);
    card.write32(MmuInvalidate::OFFSET, 0x8000_0001);
    assert_eq!(card.read32(MmuInvalidate::OFFSET), 1);
    assert_eq!(page_zero(&mut card), Some(0x6000));
    map(&mut card, 0x7000);
    assert_eq!(page_zero(&mut card), Some(0x6000));
    card.reset();
    assert_eq!(page_zero(&mut card), Some(0x7000));
}

/// `NV_VIRTUAL_FUNCTION_PRIV_MMU_INVALIDATE_CACHE_LEVEL` of dev_vm.ref.txt: 1 for page tables alone, 2
/// up to PDE0, and so on; 0 for all.
#[test]
fn an_invalidation_drops_the_levels_up_to_the_one_that_it_names() {
    const TABLES: u64 = 0x10_0000;
    let invalidate = |card: &mut Gpu<Arena>, level: u32| {
        card.write32(MmuInvalidate::OFFSET, 0x8000_0003 | level << 24);
    };
    for (chip, directories) in [("tu102", 4), ("gh100", 5)] {
        let mut card = card_of(by_name(chip).unwrap());
        pass(&mut card, SECOND);
        let format = Format::of(card.chip().chipset.arch());
        let levels = format.directories.iter().rev();
        let shifts: Vec<u32> = [&format.small]
            .into_iter()
            .chain(levels)
            .map(|it| it.shift)
            .collect();
        assert_eq!(shifts.len(), directories + 1);
        for (height, &shift) in shifts.iter().enumerate() {
            let first = height as u32 + 1;
            for enough in [first, 7, 0] {
                card.vram.write(TABLES, &[0; 0x1_0000]);
                let mut tables = Tables::new(format, Aperture::Vram, TABLES);
                let (_, mut physical) = card.memory();
                tables.map(&mut physical, 0, 12, Mapping::vram(0x5000));
                invalidate(&mut card, 0);
                assert_eq!(page_zero(&mut card), Some(0x5000));
                let (_, mut physical) = card.memory();
                tables.write(&mut physical, 0, shift, 0);
                for level in 1..first {
                    invalidate(&mut card, level);
                    let page = page_zero(&mut card);
                    assert_eq!(page, Some(0x5000), "{chip}: {shift}, level {level}");
                }
                invalidate(&mut card, enough);
                assert_eq!(
                    page_zero(&mut card),
                    None,
                    "{chip}: {shift}, level {enough}"
                );
            }
        }
    }
}

#[test]
fn an_interrupt_becomes_an_msi() {
    let mut card = card();
    card.write32(CpuIntrLeafEnSet::OFFSET, 1 << 5);
    card.write32(CpuIntrTopEnSet::OFFSET, 1);
    card.write32(CpuIntrLeafTrigger::OFFSET, 5);
    assert_eq!(card.machine().interrupts(), 1);
    card.write32(MsiRearm::OFFSET, 0);
    assert_eq!(
        card.machine().interrupts(),
        2,
        "the vector is still pending"
    );
    card.config_mut().set_bus_master(false);
    card.write32(MsiRearm::OFFSET, 0);
    assert_eq!(
        card.machine().interrupts(),
        2,
        "an MSI is a write to memory"
    );
    assert!(!card.machine().pin(), "MSI");
}

/// The level of the pin, and bit 3 of the status register in configuration space and its mirror.
fn intx(card: &mut Gpu<Arena>) -> (bool, bool) {
    let mut status = [0];
    card.read_config(6, &mut status);
    let mirror = card.read32(mirror_base(card.chip()) + 4);
    assert_eq!(mirror >> 16 & 0xff, u32::from(status[0]));
    (card.machine().pin(), status[0] & 8 != 0)
}

#[test]
fn without_msi_the_pin_follows_the_tree() {
    let mut card = card();
    // The enable bit of MSI.
    card.write_config(0x6a, &[0x80]);
    card.write32(CpuIntrLeafEnSet::OFFSET, 1 << 5);
    card.write32(CpuIntrLeafTrigger::OFFSET, 5);
    assert_eq!(intx(&mut card), (false, false), "the top is not enabled");
    card.write32(CpuIntrTopEnSet::OFFSET, 1);
    assert_eq!(intx(&mut card), (true, true));
    // No message announces the level: neither bus mastering nor rearming matter to it.
    card.config_mut().set_bus_master(false);
    card.write32(MsiRearm::OFFSET, 0);
    assert_eq!(intx(&mut card), (true, true));
    card.write32(CpuIntrTopEnClear::OFFSET, 1);
    assert_eq!(intx(&mut card), (false, false));
    card.write32(CpuIntrTopEnSet::OFFSET, 1);
    assert_eq!(intx(&mut card), (true, true), "still pending");
    card.write32(CpuIntrLeaf::OFFSET, 1 << 5);
    assert_eq!(intx(&mut card), (false, false));
    card.write32(CpuIntrLeafTrigger::OFFSET, 5);
    assert_eq!(intx(&mut card), (true, true));
    assert_eq!(card.machine().interrupts(), 0);
}

#[test]
fn configuration_space_disables_the_pin() {
    let mut card = card();
    card.write_config(0x6a, &[0x80]);
    card.write32(CpuIntrLeafEnSet::OFFSET, 1 << 5);
    card.write32(CpuIntrTopEnSet::OFFSET, 1);
    card.write32(CpuIntrLeafTrigger::OFFSET, 5);
    // Interrupt disable, through the mirror.
    let command = mirror_base(card.chip()) + 4;
    card.write32(command, 0x406);
    assert_eq!(intx(&mut card), (false, true));
    card.write32(command, 0x006);
    assert_eq!(intx(&mut card), (true, true));
    card.write_config(0x6a, &[0x81]);
    assert_eq!(intx(&mut card), (false, false), "MSI");
    card.write_config(0x6a, &[0x80]);
    assert_eq!(intx(&mut card), (true, true));
    card.inject(Fault::CardGone { after: 0 });
    card.read32(0);
    assert!(!card.machine().pin(), "a card off the bus");
    card.repair();
    card.read32(0);
    card.write32(0, 0);
    assert!(card.machine().pin());
    card.reset();
    assert_eq!(intx(&mut card), (false, false), "after a reset");
}

/// Bits of nouveau's interrupt line on such a card (GA100 with id 0x20f1, whose MSIs it disables).
#[test]
fn an_interrupt_of_the_gsp_asserts_the_pin() {
    let mut card = card_of(by_name("ga100").unwrap());
    card.config_mut().set_msi(false);
    card.write32(CpuIntrTopEnSet::OFFSET, u32::MAX);
    for leaf in 0..8 {
        card.write32(CpuIntrLeafEnSet::at(leaf).unwrap(), u32::MAX);
    }
    card.announce();
    assert_eq!(intx(&mut card), (true, true));
    let saved = card.config().clone();
    card.reset();
    card.restore_config(saved);
    assert_eq!(intx(&mut card), (false, false), "with what was saved");
}

/// Prepares a falcon for DMA and loads a block of its data memory from `address`.
fn load_block(card: &mut Gpu<Arena>, base: u32, target: u32, address: u64) {
    card.write32(base + FbifCtl::OFFSET, 0x80);
    card.write32(base + reg::FalconDmactl::OFFSET, 0);
    card.write32(base + FbifTranscfg::OFFSET, 0x4 | target);
    card.write32(base + reg::FalconDmatrfbase::OFFSET, (address >> 8) as u32);
    card.write32(base + reg::FalconDmatrfcmd::OFFSET, 0x600);
}

#[test]
fn dma_reads_from_its_target() {
    let mut card = card();
    let address = card.machine_mut().place(&[0x11; 256]);
    card.vram_mut().write(address, &[0x22; 256]);
    load_block(&mut card, SEC2_BASE, 1, address);
    assert_eq!(card.blocks.sec2.falcon.dmem[..256], [0x11; 256]);
    load_block(&mut card, SEC2_BASE, 0, address);
    assert_eq!(
        card.blocks.sec2.falcon.dmem[..256],
        [0x22; 256],
        "the frame buffer"
    );
    load_block(&mut card, SEC2_BASE, 1, 0xdead_0000);
    assert_eq!(
        card.blocks.sec2.falcon.dmem[..256],
        [0xff; 256],
        "no memory there"
    );
    assert!(last_refusal(&card).contains("no memory"));
}

/// gpu-admin-tools writes and reads system memory so, on T4, A10 and A100 cards: data through a
/// port, DMA out of the GSP's data memory and back into it, without any signed program.
#[test]
fn data_memory_is_stored_in_the_target() {
    for chip in ["tu104", "ga100", "ga102"] {
        let mut card = card_of(by_name(chip).unwrap());
        let address = card.machine_mut().place(&[0; 256]);
        let sysmem = address + 8;
        card.write32(GSP_BASE + FbifTranscfg::OFFSET, 0x5);
        card.write32(GSP_BASE + 0x684, 1);
        card.write32(GSP_BASE + FbifCtl::OFFSET, 0x90);
        card.write32(GSP_BASE + reg::FalconDmactl::OFFSET, 0);
        card.write32(GSP_BASE + reg::FalconDmemc::OFFSET, 1 << 24);
        card.write32(GSP_BASE + reg::FalconDmemd::OFFSET, 0xcafe_f00d);
        card.write32(
            GSP_BASE + reg::FalconDmatrfbase::OFFSET,
            (sysmem >> 8) as u32,
        );
        card.write32(
            GSP_BASE + reg::FalconDmatrfbase1::OFFSET,
            (sysmem >> 40) as u32,
        );
        card.write32(0x10_0f04, (sysmem >> 47) as u32);
        let offset = (sysmem % 256) as u32;
        card.write32(GSP_BASE + reg::FalconDmatrffboffs::OFFSET, offset);
        card.write32(GSP_BASE + reg::FalconDmatrfmoffs::OFFSET, 0);
        card.write32(GSP_BASE + reg::FalconDmatrfcmd::OFFSET, 1 << 5);
        let done = card.read32(GSP_BASE + reg::FalconDmatrfcmd::OFFSET) & 1 << 1;
        assert_ne!(done, 0, "{chip}");
        assert_eq!(card.machine().read_u32(sysmem), Ok(0xcafe_f00d), "{chip}");
        assert_eq!(last_refusal(&card), "", "{chip}");
    }
}

#[test]
fn a_card_that_is_not_a_bus_master_has_no_dma() {
    let mut card = card();
    let address = card.machine_mut().place(&[0x11; 256]);
    card.write_config(4, &[0x02]);
    load_block(&mut card, GSP_BASE, 1, address);
    assert_eq!(card.blocks.gsp.falcon.dmem[..256], [0xff; 256]);
    assert!(last_refusal(&card).contains("bus master"));
}

#[test]
fn a_falcon_without_signed_code_halts_and_keeps_its_mailboxes() {
    let mut card = card();
    let cpuctl = SEC2_BASE + reg::FalconCpuctl::OFFSET;
    card.write32(SEC2_BASE + reg::FalconMailbox0::OFFSET, 7);
    card.write32(cpuctl, 2);
    assert!(last_refusal(&card).contains("no code"));
    pass(&mut card, SECOND);
    assert_eq!(card.read32(cpuctl), 1 << 4);
    assert_eq!(card.read32(SEC2_BASE + reg::FalconMailbox0::OFFSET), 7);

    let address = card.machine_mut().place(&[0x11; 256]);
    load_block(&mut card, SEC2_BASE, 1, address);
    card.write32(SEC2_BASE + reg::FalconDmatrfcmd::OFFSET, 0x614);
    card.write32(cpuctl, 2);
    assert!(last_refusal(&card).contains("not signed"));
    pass(&mut card, SECOND);
    assert_eq!(card.wpr2(), None);
}

#[test]
fn a_falcon_is_scrubbed_after_its_reset() {
    let mut card = card();
    let hwcfg2 = GSP_BASE + reg::FalconHwcfg2::OFFSET;
    let is_scrubbing =
        |card: &mut Gpu<Arena>| reg::FalconHwcfg2::from(card.read32(hwcfg2)).mem_scrubbing();
    for fault in [None, Some(Fault::ScrubbingNeverDone(FalconId::Gsp))] {
        card.faults = fault.into_iter().collect();
        card.write32(GSP_BASE + reg::FalconEngine::OFFSET, 1);
        card.write32(GSP_BASE + reg::FalconEngine::OFFSET, 0);
        assert!(is_scrubbing(&mut card));
        pass(&mut card, SECOND);
        assert_eq!(is_scrubbing(&mut card), fault.is_some());
    }
}

#[test]
fn booter_refuses_a_gsp_that_was_not_reset() {
    let mut card = card();
    card.blocks.gsp.falcon.used = true;
    card.run_booter();
    assert!(last_refusal(&card).contains("not reset"));
    assert_eq!(
        card.blocks.sec2.falcon.mailbox,
        [booter::Code::Busy as u32, 0]
    );
    card.write32(GSP_BASE + reg::FalconEngine::OFFSET, 1);
    card.write32(GSP_BASE + reg::FalconEngine::OFFSET, 0);
    card.run_booter();
    assert!(last_refusal(&card).contains("WPR metadata"));
}

#[test]
fn a_doorbell_without_gsp_rm_does_nothing() {
    let mut card = card();
    card.write32(PgspQueueHead::OFFSET, 0);
    pass(&mut card, SECOND);
    assert!(card.trace().refusals().is_empty());
    assert_eq!(card.machine().read_u32(0).ok(), None);
}

/// As on real cards, whose users get rid of what a dead driver has left by a reset of the function.
#[test]
fn a_reset_of_the_function_removes_wpr2() {
    for chip in CHIPS {
        let mut card = card_of(chip);
        card.inject(Fault::Wpr2Up);
        card.reset();
        assert!(card.wpr2().is_some(), "no driver has seen the card yet");
        card.read32(PmcBoot0::OFFSET);
        card.reset();
        assert_eq!(card.wpr2(), None, "{}", chip.chipset);
        card.inject(Fault::Wpr2Up);
        assert!(card.wpr2().is_some());
    }
}
