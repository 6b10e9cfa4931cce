// SPDX-License-Identifier: GPL-2.0

//! Single instructions, between some that set registers and store one.

use super::super::super::memory::Address;
use super::{buffer, Bench, Grid, CLASSES};

/// MOV R1, 1, if P1
pub(super) const MOVE_IF_P1: u128 = 0xf00_0000_0001_0001_1802;
/// STG.E [R10], R1
const STORE: u128 = 0x900_0000_0001_0a00_7386;
const EXIT: u128 = 0x380_0000_0000_0000_0000_794d;

/// MOV
pub(super) fn set(register: u8, value: u32) -> u128 {
    0xf00 << 64 | u128::from(value) << 32 | u128::from(register) << 16 | 0x7802
}

/// A GA10x whose buffer 0 has these words.
pub(super) fn bench(words: &[u32]) -> Bench {
    let mut bench = Bench::new(CLASSES[2]);
    bench.set_words(buffer(0), words);
    bench
}

/// MOVs of the address of a buffer to R10 and R11.
pub(super) fn address(binding: u64) -> [u128; 2] {
    let Address::Virtual(at) = buffer(binding) else {
        unreachable!()
    };
    [set(10, at as u32), set(11, (at >> 32) as u32)]
}

/// Executes instructions in some lanes.
pub(super) fn execute(bench: &mut Bench, lanes: u32, instructions: &[u128]) {
    let words = instructions.iter().chain([&EXIT]);
    let words: Vec<u32> = words
        .flat_map(|word| [0, 32, 64, 96].map(|shift| (word >> shift) as u32))
        .collect();
    let grid = Grid {
        threads: [lanes, 1, 1],
        ..Grid::ONE
    };
    bench.load(&words, grid);
    assert_eq!(bench.run(u64::MAX), Ok(()));
}

/// What R1 is after instructions in one lane, where R2, R3 and R4 have these values before and R1 is 0.
pub(super) fn result(instructions: &[u128], values: [u32; 3]) -> u32 {
    let mut bench = bench(&[0]);
    let before: Vec<u128> = (2..)
        .zip(values)
        .map(|(at, value)| set(at, value))
        .collect();
    let program = [&before[..], instructions, &address(0), &[STORE]].concat();
    execute(&mut bench, 1, &program);
    bench.words(buffer(0), 1)[0]
}
