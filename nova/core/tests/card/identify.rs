// SPDX-License-Identifier: GPL-2.0

//! Unsupported chips, and cards that are gone.

use std::cell::Cell;
use std::time::Duration;

use nova_core::platform::{Clock, Registers};
use nova_core::{probe, Error, ErrorKind};
use nova_hw::chipset::Chipset;

/// A card with two registers, which counts accesses.
struct Card {
    boot0: u32,
    boot42: u32,
    accesses: Cell<u32>,
    now: Cell<Duration>,
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
        self.now.get()
    }

    fn sleep(&self, time: Duration) {
        assert_eq!(self.boot0, u32::MAX, "identifying a card takes no time");
        self.now.set(self.now.get() + time);
    }
}

fn card(boot0: u32, boot42: u32) -> Card {
    Card {
        boot0,
        boot42,
        accesses: Cell::new(0),
        now: Cell::new(Duration::ZERO),
    }
}

#[test]
fn a_ga102_is_identified_with_two_reads() {
    let card = card(0xb720_00a1, 0x172a_1000);
    let found = probe(&card).unwrap();
    assert_eq!(found.chipset(), Chipset::GA102);
    assert_eq!(found.revision().to_string(), "a.1");
    assert_eq!(found.dma_address_bits(), 47);
    assert_eq!(card.accesses.get(), 2);
}

#[test]
fn chips_of_all_families_are_identified() {
    for (boot42, chipset, bits) in [
        (0x162a_1000, Chipset::TU102, 47),
        (0x168a_1000, Chipset::TU116, 47),
        (0x170a_1000, Chipset::GA100, 47),
        (0x180a_1000, Chipset::GH100, 52),
        (0x197a_1000, Chipset::AD107, 47),
        (0x1b7a_1000, Chipset::GB207, 52),
    ] {
        let found = probe(&card(0, boot42)).unwrap();
        assert_eq!(found.chipset(), chipset);
        assert_eq!(found.dma_address_bits(), bits);
    }
}

#[test]
fn unsupported_chips_cause_errors_of_one_line() {
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
            "identify: PMC_BOOT_42: expected a chip from TU102 to GB207, found 0x140a1000, which \
             looks like Volta and is not supported (PMC_BOOT_0 0x140000a1)",
        ),
        (
            // An unknown chip of a known family.
            (0x1950_00a1, 0x195a_1000),
            ErrorKind::Unsupported,
            "identify: PMC_BOOT_42: expected a chip from TU102 to GB207, found 0x195a1000, which \
             looks like Ada and is not supported (PMC_BOOT_0 0x195000a1)",
        ),
        (
            // An unknown family.
            (0x1234_5678, 0x3f0a_1000),
            ErrorKind::Unsupported,
            "identify: PMC_BOOT_42: expected a chip from TU102 to GB207, found 0x3f0a1000, which \
             looks like no family that is known and is not supported (PMC_BOOT_0 0x12345678)",
        ),
    ];
    for ((boot0, boot42), kind, line) in cases {
        let failure = probe(&card(boot0, boot42)).unwrap_err();
        assert_eq!(failure.to_string(), line);
        assert_eq!(failure.kind(), kind);
        assert!(matches!(
            failure.error,
            Error::CardGone | Error::UnknownChip { .. }
        ));
    }
}
