// SPDX-License-Identifier: GPL-2.0

//! What macros read: methods and scratch, the data RAM, and memory.

use super::*;

#[test]
fn methods_are_recorded_unless_they_pass_through() {
    let mut bench = Bench::new(Class::AdaA);
    // SET_WINDOW_ORIGIN or another method that only sets something
    bench.set(&[(0x13ac, 5)]);
    assert_eq!(bench.state(0x13ac), 5);
    bench.set(&[(0x124, 2), (0x13ac, 6), (0x3400, 7)]);
    assert_eq!(bench.state(0x13ac), 5);
    assert_eq!(bench.scratch(0), 7);
    assert_eq!(bench.scratch(1), 0);
    let state = alu_0(
        Operation::State,
        R[0],
        Operand::Immediate,
        Operand::Zero,
        0x13b0 / 4,
    );
    bench.load_macro(0, 0, &[state]);
    bench.not_modelled(0x3800, 0);
}

#[test]
fn the_data_ram_and_memory() {
    let at = Address::Virtual(0x12_3456_7890);
    let write = |index: u16| {
        alu_0(
            Operation::Dwrite,
            Operand::Zero,
            Operand::Immediate,
            Operand::Load0,
            index,
        )
    };
    let mut bench = with_macro(&[
        write(5),
        write(8),
        alu_0(Operation::Dread, R[0], Operand::Immediate, Operand::Zero, 5),
        send(SCRATCH, R[0]),
    ]);
    bench.call(&[0x1111, 0x2222]);
    assert_eq!(bench.scratch(0), 0x1111);
    bench.address(0x550, at);
    // From word 3 on: SET_MME_DATA_RAM_ADDRESS, MME_DMA_WRITE
    bench.memory.set(at, &[0xff; 0x20]);
    bench.set(&[(0x558, 3), (0x564, 6)]);
    let found = [0, 4, 8, 12, 16, 20, 24].map(|offset| bench.memory.get_u32(at.plus(offset)));
    assert_eq!(found, [0, 0, 0x1111, 0, 0, 0x2222, u32::MAX]);
    // MME_DMA_READ of the second word on, MME_DMA_SYNC, and back to memory.
    bench.set(&[(0x558, 0xbfe), (0x554, 0x3456_7898), (0x55c, 2)]);
    bench.set(&[(0x558, 0xbff), (0x570, 0x3333), (0x558, 0xbfe), (0x564, 2)]);
    assert_eq!(bench.memory.get_u64(at.plus(8)), 0x3333_0000_1111);
    let mut bench = Bench::new(Class::AmpereB);
    bench.set(&[(0x558, 0xbff)]);
    for method in [0x55c, 0x564] {
        bench.refused(method, 2, "DMA_DRAM_ACCESS_OUT_OF_BOUNDS");
    }
    bench.set(&[(0x558, 0xc00)]);
    bench.refused(0x570, 2, "DMA_DRAM_ACCESS_OUT_OF_BOUNDS");
    for operation in [Operation::Dread, Operation::Dwrite] {
        let beyond = alu_0(
            operation,
            Operand::Zero,
            Operand::Immediate,
            Operand::Zero,
            0xc00,
        );
        with_macro(&[beyond]).refused(0x3800, 0, "DATA_RAM_ACCESS_OUT_OF_BOUNDS");
    }
}

/// As Mesa reads what indirect commands have in memory.
#[test]
fn a_macro_loads_what_it_reads_from_memory() {
    let at = Address::Virtual(0x42_0000);
    let from_fifo = alu_0(
        Operation::Extended,
        Operand::Zero,
        Operand::Immediate,
        Operand::ImmediatePair,
        0x1000,
    )
    .with_immediate_1(1);
    let read = |words: u16| send_constant(0x560 / 4, words);
    let macro_of = |words| {
        [
            load(R[2]),
            read(words),
            from_fifo,
            load(R[0]),
            load(R[1]),
            send(SCRATCH, R[1]),
        ]
    };
    let mut bench = with_macro(&macro_of(2));
    bench.memory.set(at, &[1, 0, 0, 0, 2, 0, 0, 0]);
    bench.address(0x550, at);
    bench.set(&[(0x574, 1)]);
    bench.call(&[9]);
    assert_eq!(bench.scratch(0), 2);
    bench.refused(0x560, 1, "DMA_READ_FIFOED_FROM_PB");
    bench.load_macro(0, 0, &macro_of(1));
    bench.not_modelled(0x3800, 0);
    bench.load_macro(0, 0, &macro_of(0x401));
    bench.refused(0x3800, 0, "DMA_READ_FIFOED_OVERFLOW");
    bench.refused(0x574, 5, "DMA_ILLEGAL_FIFO_CONFIG");
    bench.refused(0x574, 8, "INVALID_UNUSED_FIELD");
    bench.load_macro(0, 0, &macro_of(2));
    bench.memory.refuse(at, 8, FaultType::Pte);
    assert!(matches!(bench.method(0x3800, 0), Err(Exception::Fault(_))));
}

/// As Mesa changes registers: the macro waits until the falcon says that it has.
#[test]
fn the_falcon_says_when_it_has_set_a_register() {
    let state = alu_0(
        Operation::State,
        R[0],
        Operand::Immediate,
        Operand::Zero,
        0x3400 / 4,
    );
    let instructions = [
        send_constant(SCRATCH, 0),
        load(R[1]),
        send(SCRATCH + 1, R[1]),
        load(R[1]),
        send(SCRATCH + 2, R[1]),
        load(R[1]),
        send(0x2310 / 4, R[1]),
        state,
        branch(Operation::Beq, R[0], Operand::ImmediatePair, -1, false).with_immediate_1(1),
        send_constant(SCRATCH + 3, 77),
    ];
    let old = [0x41_9ba4, 0x41_9ea8];
    let new = [0x42_43a4, 0x42_46a8];
    for (class, has, has_not) in [
        (Class::TuringA, old, new),
        (Class::AdaA, old, new),
        (Class::HopperA, new, old),
        (Class::BlackwellB, new, old),
    ] {
        let mut bench = Bench::new(class);
        bench.load_macro(0, 0, &instructions);
        for register in has.into_iter().chain([0x41_8800]) {
            bench.call(&[0, 8, register]);
            assert_eq!([bench.scratch(0), bench.scratch(3)], [1, 77]);
        }
        bench.set(&[(0x3800, 0), (0x3804, 8)]);
        bench.not_modelled(0x3804, has_not[0]);
    }
}
