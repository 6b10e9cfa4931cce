// SPDX-License-Identifier: GPL-2.0

//! Boot and unload on the mocked card.

use std::time::Duration;

use crate::common::{ga102, real_firmware, Machine};
use nova_core::platform::{Clock, Registers};
use nova_core::{probe, Error, ErrorKind, Stage};
use nova_mock::chips::{by_name, CHIPS};
use nova_mock::firmware::{Firmwares, Folder};
use nova_mock::in_process::InProcess;
use nova_mock::vbios::Size;
use nova_mock::GuestMemory;
use nova_mock::{synthetic, vbios, Fault, Fuses, Setup, Trace, Vram};

/// Register reads of one stage.
fn reads(report: &nova_core::BootReport, stage: Stage) -> u32 {
    report
        .stages()
        .find(|report| report.stage == stage)
        .unwrap()
        .reads
}

#[test]
fn a_ga102_boots_and_unloads_in_less_than_a_second() {
    let machine = Machine::synthetic();
    machine.assert_boots();
    assert_eq!(machine.refusals(), [""; 0]);
    assert_eq!(*machine.events.borrow(), [""; 0]);
    assert!(machine.now() < Duration::from_secs(1));
}

#[test]
fn a_running_gpu_takes_calls_and_knows_its_vbios() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    assert!(running.has_room());
    let version = running.report().vbios_version.unwrap();
    assert_eq!(version.as_str(), "94.02.42.80.c4");
    machine.unload(running).unwrap();
}

#[test]
fn every_chip_boots_with_the_firmware_that_distributions_ship() {
    let Some(folder) = real_firmware("every_chip_boots") else {
        return;
    };
    for chip in CHIPS {
        let chipset = chip.chipset;
        let machine = Machine::new(chip, Folder(folder.clone()));
        let running = machine.boot().unwrap_or_else(|failure| {
            panic!("{chipset}: {failure}; {:#?}", machine.refusals());
        });
        let report = running.report();
        assert_eq!(report.chipset, chipset);
        assert_eq!(report.firmware_release.as_str(), "570.144");
        assert_eq!(report.info.name.as_str(), chip.marketing_name);
        assert!(report.firmware_mapped > 20 << 20 && report.firmware_copied < 1 << 20);
        machine.unload(running).unwrap();
        assert_eq!(machine.refusals(), [""; 0]);
        machine.assert_as_before();
    }
}

#[test]
fn ada_memory_that_gfw_has_not_scrubbed_is_scrubbed() {
    let Some(folder) = real_firmware("ada_memory_that_gfw_has_not_scrubbed") else {
        return;
    };
    let chip = by_name("ad102").unwrap();
    let files = Folder(folder);
    let setup = Setup {
        chip,
        // The heap grows with VRAM; with the real image, GSP-RM's memory exceeds what GFW scrubs.
        vram: Vram::in_process(1 << 40),
        bar1: None,
        firmware: Firmwares::load(chip, &files).unwrap(),
        vbios: None,
        fuses: Fuses::default(),
        trace: Trace::default(),
    };
    let machine = Machine::with(InProcess::new(setup).unwrap(), files);
    let running = machine.boot().unwrap();
    let stages: Vec<Stage> = running
        .report()
        .stages()
        .map(|report| report.stage)
        .collect();
    assert!(stages.contains(&Stage::Scrubber), "{stages:?}");
    machine.unload(running).unwrap();
    assert_eq!(machine.refusals(), [""; 0]);
}

#[test]
fn ada_memory_that_gfw_has_scrubbed_is_not_scrubbed_again() {
    let chip = by_name("ad102").unwrap();
    let machine = Machine::new(chip, synthetic::firmware(chip));
    let running = machine.boot().unwrap();
    let report = running.report();
    assert!(report
        .stages()
        .all(|report| report.stage != Stage::Scrubber));
    machine.unload(running).unwrap();
}

#[test]
fn the_report_has_the_properties_of_the_card() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    let report = running.report();
    assert_eq!(report.info.fb_length, ga102().vram);
    assert!(report.info.usable_vram() < ga102().vram);
    assert_eq!(Some(report.wpr2.clone()), machine.card().wpr2());
    let frts = report.frts.clone().unwrap();
    assert!(report.wpr2.contains(&frts.start));
    assert_eq!(report.wpr2.end, frts.end);
    assert_eq!(report.stages().count(), 14);
    let text = report.to_string();
    for part in [
        "GA102 rev a.1",
        "RTX 3090",
        "570.144",
        "FWSEC-FRTS",
        "total",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    machine.unload(running).unwrap();
}

#[test]
fn the_card_gets_the_flush_page_and_doorbells() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    // One for the messages that are sent before the start of GSP-RM, and one for each call.
    assert_eq!(machine.doorbells.get(), 3);
    let page = machine.card().flush_page();
    assert!(page != 0 && page % 0x1000 == 0);
    machine
        .card()
        .machine()
        .read(page, &mut [0; 0x1000])
        .unwrap();
    machine.unload(running).unwrap();
}

/// No known program reads the version, so the card boots without it. On GA102 this tests the
/// resume, which resets the GSP; Hopper has no resume.
#[test]
fn the_gsp_gets_the_version_of_its_firmware() {
    const FALCON_OS: u32 = 0x110080;
    for name in ["ga102", "gh100"] {
        let chip = by_name(name).unwrap();
        let machine = Machine::new(chip, synthetic::firmware(chip));
        let running = machine.boot().unwrap();
        assert_eq!(machine.read32(FALCON_OS), synthetic::APP_VERSION, "{name}");
        machine.unload(running).unwrap();
    }
}

/// The VBIOSes of three Turing cards take 10,027 to 10,275 reads, and GA100 shows a header before the
/// images.
#[test]
fn only_parts_of_the_vbios_are_read() {
    for (name, small, real) in [
        ("tu102", 550..650, 10_000..10_100),
        ("ga100", 450..550, 10_200..10_300),
        ("ga102", 1_100..1_150, 15_400..15_500),
        ("ad102", 1_350..1_400, 16_700..16_800),
    ] {
        let chip = by_name(name).unwrap();
        for (size, expected) in [(Size::Small, small), (Size::Real, real)] {
            let files = synthetic::firmware(chip);
            let rom = vbios::build_with(chip, size);
            // Linux 7.3's nova-core reads everything up to the end of the last image, and one word
            // more; six on GA100, which has 20 KiB before the images.
            let more = if name == "ga100" { 0x5000 / 4 + 6 } else { 1 };
            let linux = rom.len() as u32 / 4 + more;
            let setup = Setup {
                chip,
                vram: Vram::in_process(chip.vram),
                bar1: None,
                firmware: Firmwares::load(chip, &files).unwrap(),
                vbios: Some(rom),
                fuses: Fuses::default(),
                trace: Trace::default(),
            };
            let machine = Machine::with(InProcess::new(setup).unwrap(), files);
            let running = machine.boot().unwrap();
            let ours = reads(running.report(), Stage::Vbios);
            assert!(ours < linux, "{name}: {ours} reads, Linux makes {linux}");
            assert!(expected.contains(&ours), "{name}: {ours} reads");
            machine.unload(running).unwrap();
            assert_eq!(machine.refusals(), [""; 0]);
            machine.assert_as_before();
        }
    }
}

#[test]
fn after_the_boot_messages_arrive_by_interrupt() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    assert_eq!(machine.announced.get(), 0);
    machine.unload(running).unwrap();
    assert!(machine.announced.get() > 0);
}

#[test]
fn lost_interrupts_only_delay_the_unload() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    machine.card().inject(Fault::NoInterrupt);
    machine.unload(running).unwrap();
    assert_eq!(machine.announced.get(), 0);
    machine.assert_as_before();
}

#[test]
fn boot_and_unload_can_be_repeated() {
    let machine = Machine::synthetic();
    for _ in 0..if cfg!(miri) { 2 } else { 20 } {
        machine.assert_boots();
    }
    assert_eq!(machine.refusals(), [""; 0]);
}

#[test]
fn leftover_state_of_a_crashed_driver_is_removed() {
    let machine = Machine::synthetic();
    drop(machine.boot().unwrap());
    assert!(machine.card().wpr2().is_some());
    machine.assert_boots();
}

#[test]
fn the_card_counts_unloads_but_not_resets() {
    for name in ["ga102", "gh100"] {
        let chip = by_name(name).unwrap();
        let machine = Machine::new(chip, synthetic::firmware(chip));
        let unloads = || machine.card().unloads();
        assert_eq!(unloads(), 0);
        machine.assert_boots();
        assert_eq!(unloads(), 1, "{name}");
        drop(machine.boot().unwrap());
        machine.mock.reset();
        assert_eq!(unloads(), 1, "{name}");
    }
}

#[test]
fn dropping_a_prepared_boot_does_not_change_the_card() {
    let machine = Machine::synthetic();
    let prepared = probe(&machine).unwrap().prepare(&machine).unwrap();
    assert!(machine.card().machine().allocations() > 0);
    drop(prepared);
    machine.assert_as_before();
    machine.assert_boots();
}

#[test]
fn any_failed_allocation_is_handled() {
    let machine = Machine::synthetic();
    let mut failures = 0;
    loop {
        machine
            .card()
            .machine_mut()
            .limit_allocations(Some(failures));
        match machine.boot().and_then(|running| machine.unload(running)) {
            Ok(()) => break,
            Err(failure) => {
                assert_eq!(failure.kind(), ErrorKind::NoMemory, "{failure}");
                machine.assert_as_before();
            }
        }
        failures += 1;
    }
    assert!(failures > 10, "{failures}");
    machine.assert_as_before();
}

#[test]
fn loss_of_the_card_is_detected_at_any_access() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    let report = running.report();
    let total: u32 = report.stages().map(|s| s.reads + s.writes).sum();
    machine.unload(running).unwrap();

    let step = if cfg!(miri) { 400 } else { 7 };
    for after in (0..u64::from(total)).step_by(step) {
        let machine = Machine::synthetic();
        machine.card().inject(Fault::CardGone { after });
        let before = machine.now();
        let failure = machine.boot().map(|_| ()).unwrap_err();
        assert_eq!(failure.error, Error::CardGone, "after {after}: {failure}");
        assert_eq!(failure.kind(), ErrorKind::NoDevice);
        // No teardown is tried, so no failed one is reported.
        assert_eq!(*machine.events.borrow(), [""; 0], "after {after}");
        machine.assert_cut_off();
        assert!(machine.now() - before < Duration::from_secs(15));
    }
}

#[test]
fn a_running_card_that_is_gone_can_be_unloaded() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    machine.card().inject(Fault::CardGone { after: 0 });
    let failure = machine.unload(running).unwrap_err();
    assert_eq!(failure.error, Error::CardGone, "{failure}");
    machine.assert_cut_off();
}

#[test]
fn gsp_rm_cannot_access_memory_without_bus_mastering() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    machine.card().config_mut().set_bus_master(false);
    let failure = machine.unload(running).unwrap_err();
    assert_eq!(failure.stage, Stage::Shutdown, "{failure}");
    assert_eq!(failure.kind(), ErrorKind::Timeout, "{failure}");
    let expected = "Gsp: DMA while the card is no bus master";
    assert!(machine.refusals().iter().any(|refusal| refusal == expected));
    assert_eq!(machine.dma_disabled.take(), 1);
    machine.assert_boots();
}

#[test]
fn mapped_firmware_is_not_copied() {
    let machine = Machine::synthetic();
    let running = machine.boot().unwrap();
    let mapped = running.report().firmware_mapped;
    let file = &synthetic::firmware(ga102()).0["nvidia/ga102/gsp/gsp-570.144.bin"];
    // The rest of the file is signatures and ELF tables.
    assert!(mapped < file.len() && mapped > file.len() / 2);
    // The image follows the ELF header. None of its pages is in the memory that the driver has
    // allocated for the card.
    let pages: Vec<_> = file[64..64 + mapped].chunks_exact(4096).collect();
    let memory = machine.dma_memory();
    assert!(!memory.is_empty());
    for bytes in memory {
        assert!(!bytes.windows(4096).any(|window| pages.contains(&window)));
    }
    assert_eq!(
        machine.images.get(),
        1,
        "the image was at the expected offset"
    );
    machine.unload(running).unwrap();
}

/// Boot and unload work again after a failed boot and after a crashed driver, too.
#[test]
fn every_chip_boots_and_unloads_repeatedly() {
    for chip in CHIPS {
        let machine = Machine::new(chip, synthetic::firmware(chip));
        machine.assert_boots();
        assert_eq!(machine.refusals(), [""; 0], "{}", chip.chipset);

        // If the FMC does the teardown and GSP-RM does not stop, only a reset helps.
        let through_fsp = chip.chipset.arch().boots_through_fsp();
        machine.card().inject(Fault::NoInitDone);
        let failure = machine.boot().map(|_| ()).unwrap_err();
        assert_eq!(failure.stage, Stage::InitDone, "{}", chip.chipset);
        assert_eq!(machine.dma_disabled.take(), u32::from(through_fsp));
        assert_eq!(machine.card().wpr2(), None, "{}", chip.chipset);
        machine.card().repair();
        machine.assert_boots();

        drop(machine.boot().unwrap());
        assert!(machine.card().wpr2().is_some());
        if through_fsp {
            let failure = machine.boot().map(|_| ()).unwrap_err();
            assert_eq!(failure.stage, Stage::Leftovers, "{}", chip.chipset);
            assert_eq!(failure.kind(), ErrorKind::Busy, "{}", chip.chipset);
            machine.mock.reset();
        }
        machine.assert_boots();
    }
}
