// SPDX-License-Identifier: GPL-2.0

//! Random accesses to the card: it may refuse them, but it must not panic or open WPR2.

use std::time::Duration;

use nova_hw::regs::falcon::{GSP_BASE, SEC2_BASE};
use nova_mock::chips::by_name;
use nova_mock::in_process::InProcess;
use nova_mock::synthetic;

/// Bases of registers with side effects.
const BASES: [u32; 9] = [
    0x00_1000, 0x08_8000, 0x1f_a000, GSP_BASE, GSP_BASE, SEC2_BASE, SEC2_BASE, 0xb8_1000, 0xb8_3000,
];

/// One chip of each kind.
const CHIPS_TRIED: [&str; 7] = [
    "tu102", "ga100", "ga102", "ad102", "gh100", "gb100", "gb202",
];

/// A pseudo-random generator with a fixed seed.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// A register of one of the blocks.
    fn register(&mut self) -> u32 {
        let base = BASES[self.next() as usize % BASES.len()];
        base + ((self.next() % 0x2000) & !3)
    }

    /// A value that is likely to have an effect.
    fn value(&mut self, address: u64) -> u32 {
        match self.next() % 6 {
            0 => 0,
            1 => 2,
            2 => u32::MAX,
            3 => (address >> 8) as u32,
            4 => 1 << (self.next() % 32),
            _ => self.next(),
        }
    }
}

#[test]
fn random_accesses_do_no_harm() {
    let rounds = if cfg!(miri) { 300 } else { 30_000 };
    for (seed, name) in (0..).zip(CHIPS_TRIED) {
        let chip = by_name(name).unwrap();
        let machine = InProcess::with_firmware(chip, &synthetic::firmware(chip)).unwrap();
        let memory = machine.allocate(0x1_0000).unwrap();
        let mut rng = Rng(seed);
        for round in 0..rounds {
            let register = rng.register();
            if rng.next() % 2 == 0 {
                machine.read32(register);
            } else {
                machine.write32(register, rng.value(memory.address()));
            }
            if round % 64 == 0 {
                machine.sleep(Duration::from_millis(1));
                let at = (rng.next() as usize % 0x1_0000) & !3;
                memory.write(at, &rng.next().to_le_bytes()).unwrap();
            }
        }
        // Unsigned code cannot set WPR2 up.
        assert_eq!(machine.card().wpr2(), None);
        assert_eq!(machine.card().trace().accesses().total(), rounds);
    }
}
