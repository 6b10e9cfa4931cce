// SPDX-License-Identifier: GPL-2.0

//! Malformed VBIOSes: the boot fails in bounded time with an error that has the place and the
//! cause, and with a valid VBIOS the next boot works.

use std::time::Duration;

use crate::common::{ga102, Machine};
use nova_core::platform::Clock;
use nova_core::{Error, ErrorKind, Failure, Stage};
use nova_firmware::vbios::{code_type, Image, Vbios};
use nova_mock::chips::CHIPS;
use nova_mock::vbios::{self, Size};

/// Boots with `rom`, which must fail, and then with the card's own ROM.
#[track_caller]
fn fails(machine: &Machine, rom: Vec<u8>) -> Failure {
    *machine.rom.borrow_mut() = Some(rom);
    let start = machine.now();
    let failure = machine.assert_fails();
    // Reading a ROM of 1 MiB takes 262144 reads of a microsecond each.
    assert!(machine.now() - start < Duration::from_secs(1), "{failure}");
    assert!(!failure.to_string().contains('\n'), "{failure}");
    *machine.rom.borrow_mut() = None;
    machine.assert_boots();
    failure
}

/// Asserts that the error is one of the VBIOS.
#[track_caller]
fn assert_vbios(failure: &Failure, says: &str) {
    assert_eq!(failure.kind(), ErrorKind::Invalid, "{failure}");
    assert!(matches!(failure.error, Error::Vbios(_)), "{failure}");
    assert!(failure.to_string().contains(says), "{failure}");
}

fn rom() -> Vec<u8> {
    vbios::build(ga102())
}

/// The images of a ROM.
fn images(rom: &[u8]) -> Vec<Image> {
    Vbios::parse(rom).unwrap().images().collect()
}

fn pcir(rom: &[u8], image: &Image) -> usize {
    let at = image.offset + 0x18;
    image.offset + usize::from(u16::from_le_bytes([rom[at], rom[at + 1]]))
}

/// A driver may look at all of them, and all have descriptors that are in order.
#[test]
fn the_programs_of_the_synthetic_vbios() {
    for chip in CHIPS {
        for size in [Size::Small, Size::Real] {
            let rom = vbios::build_with(chip, size);
            let vbios = Vbios::parse(&rom).unwrap();
            let mut signed = 0;
            for entry in vbios.entries().unwrap().map(Result::unwrap) {
                if !entry.is_empty() && matches!(vbios.descriptor_version(&entry), Ok(2 | 3)) {
                    vbios.ucode(&entry).unwrap();
                    signed += 1;
                }
            }
            let expected = match (chip.boots_through_fsp(), vbios.fwsec()) {
                (true, Err(_)) => 0,
                (false, Ok(fwsec)) if fwsec.brom().is_some() => 4,
                (false, Ok(_)) => 2,
                (_, found) => panic!("{}: {found:?}", chip.chipset),
            };
            assert_eq!(signed, expected, "{}", chip.chipset);
        }
    }
}

#[test]
fn a_rom_without_a_vbios() {
    let machine = Machine::synthetic();
    for byte in [0x00, 0xff, 0x55] {
        let failure = fails(&machine, vec![byte; 1 << 20]);
        assert_eq!(failure.stage, Stage::Vbios);
        assert_vbios(&failure, "VBIOS: ");
    }
    assert_vbios(&fails(&machine, Vec::new()), "VBIOS: ");
}

#[test]
fn a_vbios_without_fwsec() {
    let machine = Machine::synthetic();
    let mut rom = rom();
    for image in images(&rom) {
        if image.code_type == code_type::FWSEC {
            let at = pcir(&rom, &image) + 0x14;
            rom[at] = 0x70;
        }
    }
    assert_vbios(&fails(&machine, rom), "FWSEC");
}

#[test]
fn images_of_wrong_length() {
    let machine = Machine::synthetic();
    for len in [0u16, u16::MAX] {
        let mut rom = rom();
        let image = images(&rom)[0];
        let at = pcir(&rom, &image) + 0x10;
        rom[at..at + 2].copy_from_slice(&len.to_le_bytes());
        // The NPDE of NVIDIA's images has the length, too.
        if let Some(npde) = rom.windows(4).position(|text| text == b"NPDE") {
            rom[npde + 8..npde + 10].copy_from_slice(&len.to_le_bytes());
        }
        assert_vbios(&fails(&machine, rom), "VBIOS: ");
    }
    // A PCI data structure beyond the end of the image.
    let mut rom = rom();
    rom[0x18..0x1a].copy_from_slice(&u16::MAX.to_le_bytes());
    assert_vbios(&fails(&machine, rom), "VBIOS: ");
}

/// With any value in a word of the VBIOS, the boot succeeds or fails with an error, and nothing is
/// left.
#[test]
fn any_word_of_the_vbios() {
    let machine = Machine::synthetic();
    let good = rom();
    let mut refused = 0;
    let step = good.len() / if cfg!(miri) { 8 } else { 128 };
    for at in (0..good.len() - 4).step_by(step / 4 * 4) {
        for value in [0, 0x0001_0000, u32::MAX] {
            let mut rom = good.clone();
            rom[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
            *machine.rom.borrow_mut() = Some(rom);
            match machine.boot() {
                Ok(running) => machine.unload(running).unwrap(),
                Err(failure) => {
                    refused += 1;
                    assert!(!failure.to_string().contains('\n'));
                    // A modified FWSEC does not run, so it cannot do the teardown either, but it
                    // has not changed the GPU.
                    let stages = [Stage::Vbios, Stage::Memory, Stage::FwsecFrts];
                    assert!(stages.contains(&failure.stage), "{at:#x}: {failure}");
                }
            }
            machine.assert_as_before();
        }
    }
    assert!(cfg!(miri) || refused > 20, "{refused}");
    *machine.rom.borrow_mut() = None;
    machine.assert_boots();
}
