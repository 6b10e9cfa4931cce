// SPDX-License-Identifier: GPL-2.0

//! Accesses to memory and to other lanes.

use super::super::lanes::UNDEFINED;
use super::buffer;
use super::single::{address, bench, execute, set};

/// R2UR UR4, R10; R2UR UR5, R11
const MAKE_UNIFORM: [u128; 2] = [0xe_0000_0000_0000_0a04_73c2, 0xe_0000_0000_0000_0b05_73c2];
/// LDG.E R1, [R2.U32+UR4+0x4]
const LOAD: u128 = 0x80e_0900_0000_0404_0201_7981;
/// STG.E [R2.U32+UR4+0x8], R1
const STORE: u128 = 0x800_0904_0000_0801_0200_7986;
/// .64
const WIDE: u128 = 1 << 90;

#[test]
fn global_memory_has_bases_in_uniform_registers() {
    for (width, upper) in [(0, u32::MAX), (WIDE, 0)] {
        let mut bench = bench(&[10, 11, 12, 13, 0, 0]);
        let program = [
            &address(0)[..],
            &MAKE_UNIFORM,
            &[set(2, 8), set(3, upper), LOAD | width, STORE | width],
        ]
        .concat();
        execute(&mut bench, 1, &program);
        assert_eq!(bench.words(buffer(0), 6), [10, 11, 12, 13, 13, 0]);
    }
}

#[test]
fn a_lane_that_does_not_execute_a_shuffle_is_not_read() {
    let mut bench = bench(&[0; 2]);
    let program = [
        &address(0)[..],
        &[
            // S2R R1, SR_LANEID; ISETP.EQ.AND P0, PT, R1, RZ, PT
            0x0001_7919,
            0x3f0_2270_0000_00ff_0100_720c,
            // @P0 SHFL.IDX PT, R3, R1, 0x0, 0x1f; @P0 SHFL.IDX PT, R4, R1, 0x1, 0x1f
            0xe_0000_0000_1f00_0103_0f89,
            0xe_0000_0020_1f00_0104_0f89,
            // @P0 STG.E [R10], R3; @P0 STG.E [R10+0x4], R4
            0x900_0000_0003_0a00_0386,
            0x900_0000_0404_0a00_0386,
        ],
    ]
    .concat();
    execute(&mut bench, 32, &program);
    assert_eq!(bench.words(buffer(0), 2), [0, UNDEFINED]);
}

#[test]
fn an_atomic_sum_of_floats_knows_no_denormal_numbers() {
    const NORMAL: u32 = 0x0080_0000;
    const DENORMAL: u32 = 0x0040_0000;
    const MINUS: u32 = 0x8000_0000;
    // ATOMG.E.ADD.F32.FTZ.RN PT, R1, [R10], R2
    let add = 0xe_0700_0000_0002_0a01_73a8;
    for (old, value, expected) in [
        (1f32.to_bits(), 2f32.to_bits(), 3f32.to_bits()),
        (DENORMAL, DENORMAL, 0),
        (DENORMAL | MINUS, DENORMAL | MINUS, MINUS),
        (NORMAL, DENORMAL, NORMAL),
        (NORMAL | DENORMAL, NORMAL | MINUS, 0),
    ] {
        let mut bench = bench(&[old]);
        let program = [&address(0)[..], &[set(2, value), add]].concat();
        execute(&mut bench, 1, &program);
        assert_eq!(bench.words(buffer(0), 1), [expected], "{old:#x} {value:#x}");
    }
}
