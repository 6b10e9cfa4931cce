// SPDX-License-Identifier: GPL-2.0

//! Chips that are not booted, and cards that are not there.

use std::cell::Cell;
use std::time::Duration;

use nova_core::platform::{Clock, Registers};
use nova_core::{probe, Error, ErrorKind};
use nova_hw::chipset::Chipset;

/// Two registers, and a count of the accesses.
struct Card {
    boot0: u32,
    boot42: u32,
    accesses: Cell<u32>,
}

impl Registers for Card {
    fn read32(&self, offset: u32) -> u32 {
        self.accesses.set(self.accesses.get() + 1);
        match offset {
            0 => self.boot0,
            0xa00 => self.boot42,
            other => panic!("read of {other:#x}"),
        }
    }

    fn write32(&self, offset: u32, value: u32) {
        panic!("write of {value:#x} to {offset:#x}");
    }
}

impl Clock for Card {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {
        panic!("probing does not take time");
    }
}

fn card(boot0: u32, boot42: u32) -> Card {
    Card {
        boot0,
        boot42,
        accesses: Cell::new(0),
    }
}

#[test]
fn a_ga102_is_found_with_two_reads() {
    let card = card(0xb720_00a1, 0x172a_1000);
    let found = probe(&card).unwrap();
    assert_eq!(found.chipset(), Chipset::GA102);
    assert_eq!(found.revision().to_string(), "a.1");
    assert_eq!(found.dma_address_bits(), 47);
    assert_eq!(card.accesses.get(), 2);
}

#[test]
fn what_cannot_be_booted_is_said_in_one_line() {
    let cases = [
        (
            // Gone from the bus.
            (u32::MAX, u32::MAX),
            ErrorKind::NoDevice,
            "identify: registers: expected a GPU, found all ones (the card is gone)",
        ),
        (
            // A GV100: older than Turing.
            (0x1400_00a1, 0x140a_1000),
            ErrorKind::Unsupported,
            "identify: PMC_BOOT_42: expected a chip from Turing on, found 0x140a1000 \
             (PMC_BOOT_0 0x140000a1)",
        ),
        (
            // Nothing that is known.
            (0x1234_5678, 0x3f0a_1000),
            ErrorKind::Unsupported,
            "identify: PMC_BOOT_42: expected a chip from Turing on, found 0x3f0a1000 \
             (PMC_BOOT_0 0x12345678)",
        ),
        (
            // A TU102 and an AD102: later.
            (0x1620_00a1, 0x162a_1000),
            ErrorKind::Unsupported,
            "identify: chip: expected GA102 to GA107, found TU102 (not supported yet)",
        ),
        (
            (0x1920_00a1, 0x192a_1000),
            ErrorKind::Unsupported,
            "identify: chip: expected GA102 to GA107, found AD102 (not supported yet)",
        ),
    ];
    for ((boot0, boot42), kind, line) in cases {
        let failure = probe(&card(boot0, boot42)).unwrap_err();
        assert_eq!(failure.to_string(), line);
        assert_eq!(failure.kind(), kind);
        assert!(matches!(
            failure.error,
            Error::CardGone | Error::UnknownChip { .. } | Error::UnsupportedChip(_)
        ));
    }
}
