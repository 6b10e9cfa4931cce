// SPDX-License-Identifier: GPL-2.0

//! What stops a program, and what is not launched at all.

use super::super::super::memory::{Access, FaultType, MmuFault};
use super::super::COST;
use super::*;

const EXIT: [u32; 4] = [0x0000_794d, 0, 0x0380_0000, 0];

/// STG.E [RZ], RZ: a write that is to have no effect.
const STORE: [u32; 4] = [0xff00_7386, 0xff, 0x0010_e900, 0];

fn bench(program: &[[u32; 4]]) -> Bench {
    let mut bench = Bench::new(CLASSES[2]);
    bench.load(program.as_flattened(), Grid::ONE);
    bench
}

#[test]
fn an_instruction_that_is_not_known_is_named_and_stops_the_program() {
    for (opcode, name) in [(0x367, "TLD"), (0x99c, "SUST"), (0xfff, "unknown")] {
        let unknown = [opcode, 0, 0, 0];
        let mut bench = bench(&[[0x918, 0, 0, 0], unknown, STORE, EXIT]);
        let reason = format!("the model has no {name} (opcode {opcode:#05x}), at 0x1100000110");
        assert_eq!(bench.trap(), reason);
        assert_eq!(bench.memory.transferred(Access::Write), 0);
    }
}

#[test]
fn accesses_that_hardware_does_not_allow_stop_the_program() {
    for (program, reason) in [
        // MOV R1, 2; LDS R0, [R1]
        (
            [[0x0001_7802, 2, 0xf00, 0], [0x0100_7984, 0, 0x800, 0]],
            "misaligned access of 4 bytes at 0x2",
        ),
        // MOV R1, 0x400; LDS R0, [R1]
        (
            [[0x0001_7802, 0x400, 0xf00, 0], [0x0100_7984, 0, 0x800, 0]],
            "shared memory of 0x400 bytes at 0x400",
        ),
        // LDL R0, [RZ]
        (
            [[0xff00_7983, 0, 0x0010_0800, 0], EXIT],
            "local memory of 0x0 bytes at 0x0",
        ),
        // ULDC UR0, c[0x3][0]
        (
            [[0x0000_7ab9, 0x00c0_0000, 0x800, 0], EXIT],
            "not modelled: constant buffer 3, which is not valid",
        ),
    ] {
        let mut bench = bench(&[program[0], program[1], STORE, EXIT]);
        assert_eq!(bench.trap(), reason);
        assert_eq!(bench.memory.transferred(Access::Write), 0);
    }
}

#[test]
fn faults_are_those_of_the_mmu() {
    for (at, access) in [(0, Access::Write), (PROGRAM + 16, Access::Read)] {
        let mut bench = bench(&[[0x918, 0, 0, 0], STORE, EXIT]);
        bench
            .memory
            .refuse(Address::Virtual(at), 16, FaultType::Pte);
        let fault = MmuFault {
            address: Address::Virtual(at),
            access,
            reason: FaultType::Pte,
        };
        assert_eq!(bench.run(u64::MAX), Err(Exception::Fault(fault)));
        assert_eq!(bench.memory.transferred(Access::Write), 0);
        // The object is as before the launch.
        bench.memory.refuse_nothing();
        assert_eq!(bench.run(u64::MAX), Ok(()));
    }
}

#[test]
fn an_endless_loop_is_one_of_turns() {
    // BRA to itself
    let mut bench = bench(&[[0x0000_7947, 0xffff_fff0, 0x0383_ffff, 0]]);
    assert_eq!(bench.launch(100 * COST), Ok(Progress::Unfinished));
    for _ in 0..100 {
        let progress = bench.limited(100 * COST, |engine, context| {
            let progress = engine.proceed(context);
            assert!(context.budget < COST);
            progress
        });
        assert_eq!(progress, Ok(Progress::Unfinished));
    }
}

#[test]
fn the_memory_of_blocks_takes_turns() {
    let mut bench = bench(&[EXIT]);
    let grid = Grid {
        blocks: [4, 1, 1],
        shared_memory: 0x8000,
        ..Grid::ONE
    };
    bench.load(&EXIT, grid);
    let mut turns = vec![bench.launch(0x4000)];
    while turns.last() == Some(&Ok(Progress::Unfinished)) {
        turns.push(bench.limited(0x4000, |engine, context| engine.proceed(context)));
    }
    // Each turn but the first executes a block, and each but the last makes one.
    let unfinished = Ok(Progress::Unfinished);
    let expected = [
        unfinished.clone(),
        unfinished.clone(),
        unfinished.clone(),
        unfinished,
        Ok(Progress::Done),
    ];
    assert_eq!(turns, expected);
}

#[test]
fn qmds_of_other_classes_are_refused() {
    for class in CLASSES {
        for (_, _, version) in CLASSES {
            let mut bench = Bench::new(class);
            bench.load(&EXIT, Grid::ONE);
            let qmd = qmd(version, Grid::ONE);
            bench.set_words(Address::Virtual(QMD), &qmd);
            match bench.run(u64::MAX) {
                Ok(()) => assert_eq!(version, class.2),
                Err(Exception::Method { reason }) => {
                    assert_ne!(version, class.2);
                    assert!(
                        reason.starts_with("INVALID_VALUE: a QMD of version"),
                        "{reason}"
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn blocks_are_as_large_as_hardware_has_them() {
    for (threads, shared_memory, is_valid) in [
        ([1024, 1, 1], 0, true),
        ([1025, 1, 1], 0, false),
        ([64, 32, 1], 0, false),
        ([1, 1, 1], 228 << 10, true),
        ([1, 1, 1], (228 << 10) + 1, false),
        ([0, 1, 1], 0, true),
    ] {
        let grid = Grid {
            threads,
            shared_memory,
            ..Grid::ONE
        };
        let mut bench = Bench::new(CLASSES[2]);
        bench.load(&EXIT, grid);
        let result = bench.run(u64::MAX);
        assert_eq!(result.is_ok(), is_valid, "{result:?}");
    }
}

#[test]
fn lanes_that_can_never_meet_stop_the_program() {
    let mut bench = bench(&[
        // S2R R1, SR_LANEID; ISETP.EQ.AND P0, PT, R1, RZ, PT
        [0x0001_7919, 0, 0, 0],
        [0x0100_720c, 0xff, 0x03f0_2270, 0],
        // MOV R2, 3; BMOV.32 B0, R2
        [0x0002_7802, 3, 0xf00, 0],
        [0x0000_7356, 2, 0, 0],
        // @P0 BSYNC B0; BAR.SYNC 0
        [0x0000_0941, 0, 0x0380_0000, 0],
        [0x0000_7b1d, 0, 0, 0],
        EXIT,
    ]);
    assert_eq!(bench.trap(), "lanes 0x1 wait for others, which do not come");
}
