// SPDX-License-Identifier: GPL-2.0

//! Tests of configuration space.

use super::*;
use crate::chips::{by_name, CHIPS};

fn space() -> ConfigSpace {
    ConfigSpace::new(&CHIPS[0])
}

fn space_of(name: &str) -> ConfigSpace {
    ConfigSpace::new(by_name(name).unwrap())
}

#[test]
fn capabilities_form_a_list_that_ends() {
    for chip in CHIPS {
        let space = ConfigSpace::new(chip);
        let mut found = Vec::new();
        let mut at = usize::from(space.bytes[CAPABILITY_POINTER]);
        while at != 0 && found.len() < 10 {
            found.push(space.bytes[at]);
            at = usize::from(space.bytes[at + 1]);
        }
        assert_eq!(found, [0x01, 0x05, 0x10], "{}", chip.chipset);
    }
}

/// The first lines of a public dump of an H100's configuration space
/// (topofmind.dev/notes/sysadmin/gpu), and that of an H200 in a VM, without the addresses.
#[test]
fn gh100_matches_real_cards() {
    let mut space = space_of("gh100");
    for (at, expected) in [(0x10, 0xc), (0x18, 0xc), (0x20, 0xc), (0x34, 0x40)] {
        assert_eq!(space.read_u32(at), expected, "{at:#x}");
    }
    assert_eq!(space.read_u32(0x08), 0x0302_00a1);
    assert_eq!(space.read_u32(0x40) & 0xffff, 0x4801);
    assert_eq!(space.read_u32(0x48), 0x0188_6005);
    space.write(0x10, &[0xff; 8]);
    assert_eq!(space.read_u32(0x10), 0xff00_000c, "16 MiB of registers");
    // Of the PCIe capability: function level reset, then the speed and the width of the link.
    assert_ne!(space.read_u32(0x64) & DEVICE_CAPABILITY_FLR, 0);
    assert_eq!(space.read_u32(0x6c) & 0x3ff, 0x105);
    assert_eq!(space.read_u32(0x70) >> 16, 0x1105);
    assert_eq!(space.read_u32(0x8c), 0x0180_003e);
    assert_eq!(space.read_u32(0x90) & 0xf, 5);
}

#[test]
fn the_link_of_ga102_has_16_gigatransfers() {
    let space = space();
    assert_eq!(space.read_u32(0x78 + 12), 0x0045_3d04);
    assert_eq!(space.read_u32(0x78 + 0x2c), 0x0180_001e);
}

#[test]
fn the_registers_of_gb202_have_32_bits_and_64_mib() {
    let mut space = space_of("gb202");
    space.write(0x10, &[0xff; 4]);
    assert_eq!(space.read_u32(0x10), 0xfc00_0000);
}

#[test]
fn the_bar_of_the_frame_buffer_has_the_size_that_was_asked_for() {
    for (size, [low, high]) in [
        (64 << 20, [0xfc00_000c, 0xffff_ffff]),
        (32 << 30, [0x0000_000c, 0xffff_fff8]),
        (64 << 40, [0x0000_000c, 0xffff_c000]),
    ] {
        for (name, at) in [("ga102", 0x14), ("gh100", 0x18)] {
            let mut space = ConfigSpace::with_bar1(by_name(name).unwrap(), Some(size));
            space.write(at, &[0xff; 8]);
            assert_eq!(space.read_u32(at), low, "{name}, {size:#x}");
            assert_eq!(space.read_u32(at + 4), high, "{name}, {size:#x}");
            let [registers, bar, instance] = space.bars();
            assert_eq!(bar.size, size);
            assert_eq!((registers.size, instance.size), (16 << 20, 32 << 20));
        }
    }
    let chip = by_name("ga102").unwrap();
    assert_eq!(ConfigSpace::with_bar1(chip, None).bars(), bars(chip));
}

#[test]
fn bars_report_their_size_and_keep_their_address() {
    let mut space = space();
    space.write(0x10, &[0xff; 20]);
    assert_eq!(space.read_u32(0x10), 0xff00_0000);
    assert_eq!(space.read_u32(0x14), 0xf000_000c);
    assert_eq!(space.read_u32(0x18), 0xffff_ffff);
    assert_eq!(space.read_u32(0x1c), 0xfe00_000c);
    assert_eq!(space.read_u32(0x20), 0xffff_ffff);

    let addresses = [0xf000_0000, 0x40_0000_0000, 0x40_1000_0000];
    space.enumerate(addresses);
    assert_eq!([0, 1, 2].map(|bar| space.bar_address(bar)), addresses);
    assert!(!space.is_bus_master());
    space.set_bus_master(true);
    assert!(space.is_bus_master());
}

/// Bits of the status register and of the command register, and the enable bit of MSI, which is
/// at 0x48 of cards that boot through the FSP.
#[test]
fn the_pin_is_asserted_unless_msi_or_the_command_register_forbids_it() {
    for (name, msi_control) in [("ga102", 0x6a), ("gh100", 0x4a)] {
        let mut space = space_of(name);
        let shown = |space: &ConfigSpace| (space.bytes[6] & 8 != 0, space.is_pin_asserted());
        assert_eq!(shown(&space), (false, false), "{name}");
        space.show_interrupt(true);
        assert_eq!(shown(&space), (true, true), "{name}");
        space.write(4, &[0x00, 0x04]);
        assert_eq!(shown(&space), (true, false), "{name}: disabled");
        space.write(4, &[0x00, 0x00]);
        assert!(!space.has_msi());
        space.write(msi_control, &[0x81]);
        assert!(space.has_msi(), "{name}");
        space.show_interrupt(true);
        assert_eq!(shown(&space), (false, false), "{name}: MSI");
        space.set_msi(false);
        assert_eq!(space.bytes[msi_control] & 1, 0);
        space.show_interrupt(false);
        assert_eq!(shown(&space), (false, false), "{name}");
        space.write(6, &[0xff; 2]);
        assert_eq!(shown(&space), (false, false), "{name}: read-only");
    }
}

#[test]
fn identity_cannot_be_written() {
    let mut space = space();
    let before = space.read_u32(0);
    assert_eq!(space.write(0, &[0xff; 4]), Effect::None);
    assert_eq!(space.read_u32(0), before);
}

#[test]
fn the_reset_bit_initiates_a_reset_and_reads_as_zero() {
    for (name, at, effect) in [
        ("ga102", 0x78, Effect::Reset),
        ("gh100", 0x60, Effect::Reset),
        ("tu104", 0x78, Effect::None),
    ] {
        let mut space = space_of(name);
        assert_eq!(space.write(at + 8, &[0x30, 0xa9]), effect, "{name}");
        assert_eq!(space.bytes[at + 9], 0x29);
        let is_offered = space.read_u32(at + 4) & 1 << 28 != 0;
        assert_eq!(is_offered, effect == Effect::Reset, "{name}");
    }
}

#[test]
fn bytes_outside_of_the_space_are_all_ones() {
    let mut bytes = [0; 4];
    space().read(SIZE - 2, &mut bytes);
    assert_eq!(bytes, [0, 0, 0xff, 0xff]);
    assert_eq!(space().write(usize::MAX, &[1, 2]), Effect::None);
}
