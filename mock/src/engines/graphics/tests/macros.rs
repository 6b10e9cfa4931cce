// SPDX-License-Identifier: GPL-2.0

//! Macros, which are instructions here: `nova-hw` checks how they are encoded.

use super::*;
use nova_hw::class::graphics::mme::{
    Branch, Instruction, Jump, Operand, Operation, Output, Predicate, NOTHING,
};

mod properties;

const R: [Operand; 6] = [
    Operand::Register(0),
    Operand::Register(1),
    Operand::Register(2),
    Operand::Register(3),
    Operand::Register(4),
    Operand::Register(23),
];

/// SET_MME_SHADOW_SCRATCH(0) and SET_REPORT_SEMAPHORE_A, as a macro names them: the number and an
/// increment of 1.
const SCRATCH: u16 = 0x1000 + 0x3400 / 4;
const SEMAPHORE_A: u16 = 0x1000 + 0x1b00 / 4;

/// Adds in ALU 0.
fn add(to: Operand, x: Operand, y: Operand, immediate: u16) -> Instruction {
    alu_0(Operation::Add, to, x, y, immediate)
}

fn alu_0(operation: Operation, to: Operand, x: Operand, y: Operand, immediate: u16) -> Instruction {
    NOTHING
        .with_operation_0(operation)
        .with_destination_0(to)
        .with_x_0(x)
        .with_y_0(y)
        .with_immediate_0(immediate)
}

/// Loads the next word into a register.
fn load(to: Operand) -> Instruction {
    add(to, Operand::Load0, Operand::Zero, 0)
}

/// Sends a register to a method.
fn send(method: u16, from: Operand) -> Instruction {
    add(Operand::Zero, from, Operand::Zero, 0)
        .with_immediate_1(method)
        .with_method_0(Output::Immediate1)
        .with_emit_0(Output::Alu0)
}

/// Sends a constant to a method.
fn send_constant(method: u16, data: u16) -> Instruction {
    NOTHING
        .with_immediate_0(method)
        .with_immediate_1(data)
        .with_method_0(Output::Immediate0)
        .with_emit_0(Output::Immediate1)
}

fn branch(
    operation: Operation,
    x: Operand,
    y: Operand,
    distance: i16,
    if_true: bool,
) -> Instruction {
    let immediate = Branch::new().with_distance(distance).with_if_true(if_true);
    alu_0(operation, Operand::Zero, x, y, immediate.into())
}

impl Bench {
    /// Loads a macro, which ends behind these instructions.
    fn load_macro(&mut self, number: u32, at: u32, instructions: &[Instruction]) {
        self.set(&[(0x11c, number), (0x120, at), (0x114, at)]);
        let end = [NOTHING.with_ends_next(true), NOTHING];
        for word in instructions.iter().chain(&end).flat_map(|it| it.words()) {
            self.set(&[(0x118, word)]);
        }
    }

    /// Calls macro 0.
    fn call(&mut self, words: &[u32]) {
        let (first, others) = words.split_first().unwrap_or((&0, &[]));
        self.set(&[(0x3800, *first)]);
        for &word in others {
            self.set(&[(0x3804, word)]);
        }
    }

    /// What scratch has, by a macro that releases a semaphore with it.
    fn scratch(&mut self, number: u16) -> u32 {
        self.state(0x3400 + 4 * number)
    }

    fn state(&mut self, method: u16) -> u32 {
        let at = Address::Virtual(0x70_0000);
        let state = alu_0(
            Operation::State,
            R[0],
            Operand::Immediate,
            Operand::Zero,
            method / 4,
        );
        self.load_macro(
            255,
            3000,
            &[
                state,
                send_constant(SEMAPHORE_A, 0),
                send_constant(SEMAPHORE_A + 1, 0x70)
                    .with_emit_0(Output::Alu0)
                    .with_operation_0(Operation::Sll)
                    .with_x_0(Operand::ImmediatePair)
                    .with_y_0(Operand::Immediate)
                    .with_immediate_0(16)
                    .with_method_0(Output::None),
                send(SEMAPHORE_A + 2, R[0]),
                send_constant(SEMAPHORE_A + 3, 1)
                    .with_emit_0(Output::Alu0)
                    .with_operation_0(Operation::Sll)
                    .with_x_0(Operand::ImmediatePair)
                    .with_y_0(Operand::Immediate)
                    .with_immediate_0(28)
                    .with_method_0(Output::None),
            ],
        );
        self.set(&[(0x3ff8, 0)]);
        let found = self.memory.get_u32(at);
        self.memory.log.clear();
        found
    }
}

/// A 3D object with macro 0.
fn with_macro(instructions: &[Instruction]) -> Bench {
    let mut bench = Bench::new(Class::TuringA);
    bench.load_macro(0, 0, instructions);
    bench
}

/// Words of a macro of 3D classes that adds what it is called with and stores the sum in scratch 5,
/// put together from the fields in MME64Group_init.cpp by hand.
#[test]
fn words_are_instructions() {
    let mut bench = Bench::new(Class::AmpereB);
    bench.set(&[(0x11c, 0), (0x120, 0x30), (0x114, 0x30)]);
    let zero = 24_u128 << 5 | 24 << 51 | 24 << 56 | 24 << 61;
    let load = zero | 28 << 20 | 24 << 25;
    let add = zero | 24 << 15 | 28 << 20 | 1 << 25 | 5 << 82 | 1 << 85 | 0x1d05 << 30;
    let nothing = zero | 24 << 15 | 24 << 20 | 24 << 25;
    for instruction in [load | 1 << 15, add, nothing | 1, nothing] {
        for word in [64, 32, 0] {
            bench.set(&[(0x118, (instruction >> word) as u32)]);
        }
    }
    bench.set(&[(0x3800, 40), (0x3804, 2)]);
    assert_eq!(bench.scratch(5), 42);
}

#[test]
fn a_macro_waits_for_words() {
    let instructions = [load(R[0]), load(R[1]), send(SCRATCH, R[1])];
    let mut bench = with_macro(&instructions);
    bench.call(&[1, 2]);
    assert_eq!(bench.scratch(0), 2);
    // More than it loads
    bench.call(&[3, 4, 5]);
    assert_eq!(bench.scratch(0), 4);
    bench.set(&[(0x3800, 1)]);
    bench.refused(0x100, 0, "MISSING_MACRO_DATA");
    bench.refused(0x3804, 0, "EXTRA_MACRO_DATA");
    bench.set(&[(0x3800, 1)]);
    bench.refused(0x380c, 0, "MISSING_MACRO_DATA");
    bench.set(&[(0x3800, 1)]);
    bench.refused(0x3800, 0, "MISSING_MACRO_DATA");
    bench.set(&[(0x3800, 1), (0x3804, 1), (0x100, 0)]);
    bench.refused(0x3804, 0, "EXTRA_MACRO_DATA");
}

/// One instruction loads two words, also when nothing of it is executed.
#[test]
fn words_are_loaded_in_order() {
    let both = NOTHING
        .with_destination_0(R[0])
        .with_x_0(Operand::Load1)
        .with_destination_1(R[1])
        .with_x_1(Operand::Load0);
    let never = load(R[0]).with_predicate(Predicate::Tttt);
    let mut bench = with_macro(&[both, never, send(SCRATCH, R[0]), send(SCRATCH + 1, R[1])]);
    bench.call(&[7, 8, 9]);
    assert_eq!([bench.scratch(0), bench.scratch(1)], [8, 7]);
    let mut bench = with_macro(&[NOTHING.with_x_0(Operand::Load1)]);
    bench.not_modelled(0x3800, 0);
}

#[test]
fn what_has_not_been_loaded_is_not_executed() {
    let mut bench = Bench::new(Class::HopperA);
    let what = bench.not_modelled(0x3828, 0);
    assert_eq!(what, "macro 5, which has not been loaded");
    bench.set(&[(0x11c, 5), (0x120, 9)]);
    bench.not_modelled(0x3828, 0);
    bench.set(&[(0x11c, 5), (0x120, 4094)]);
    bench.set(&[(0x114, 4094), (0x118, 0), (0x118, 0)]);
    bench.refused(0x118, 0, "INSTR_RAM_ACCESS_OUT_OF_BOUNDS");
    bench.refused(0x3828, 0, "INSTR_RAM_ACCESS_OUT_OF_BOUNDS");
    bench.set(&[(0x11c, 255), (0x120, 0)]);
    bench.refused(0x120, 0, "INVALID_VALUE");
    // Classes without macros
    for class in [
        Class::TuringComputeA,
        Class::AmpereComputeA,
        Class::KeplerInlineToMemoryB,
    ] {
        Bench::new(class).refused(0x3800, 0, "ILLEGAL_METHOD");
    }
}

/// As Mesa uses them: 3D loads macros that compute calls.
#[test]
fn the_objects_of_a_channel_share_macros() {
    for class in [
        Class::FermiTwodA,
        Class::AmpereComputeB,
        Class::BlackwellComputeB,
    ] {
        let macros = Macros::default();
        let mut three_d = Bench::with(Class::AmpereB, &macros);
        let mut other = Bench::with(class, &macros);
        three_d.load_macro(0, 0, &[load(R[0]), load(R[0]), send(SCRATCH, R[0])]);
        other.call(&[3, 4]);
        assert_eq!(three_d.scratch(0), 4);
        other.set(&[(0x3800, 3)]);
        three_d.refused(0x100, 0, "MISSING_MACRO_DATA");
        // A channel of its own
        Bench::new(class).not_modelled(0x3800, 0);
    }
}

#[test]
fn a_macro_that_draws_stops_the_channel() {
    // CLEAR_SURFACE, and what is not a method
    let mut bench = with_macro(&[send_constant(0x19d0 / 4, 0)]);
    assert_eq!(
        bench.not_modelled(0x3800, 0),
        "CLEAR_SURFACE (0x19d0) of TURING_A"
    );
    let mut bench = with_macro(&[send_constant(0x828 / 4, 0)]);
    bench.refused(0x3800, 0, "ILLEGAL_METHOD");
    for method in [0x114, 0x120, 0x3800, 0x3ffc] {
        let mut bench = with_macro(&[send_constant(method / 4, 0)]);
        bench.not_modelled(0x3800, 0);
    }
}

#[test]
fn loops_repeat() {
    let begin = alu_0(Operation::Loop, Operand::Zero, R[0], Operand::Zero, 3);
    let count = |register| add(register, register, Operand::Immediate, 1);
    let mut bench = with_macro(&[
        load(R[0]),
        add(R[1], Operand::Zero, Operand::Zero, 0),
        add(R[2], Operand::Zero, Operand::Zero, 0),
        begin,
        NOTHING,
        count(R[1]),
        count(R[2]),
        send(SCRATCH, R[1]),
        send(SCRATCH + 1, R[2]),
    ]);
    for (times, found) in [(0, 1), (1, 1), (2, 2), (9, 9)] {
        bench.call(&[times]);
        assert_eq!([bench.scratch(0), bench.scratch(1)], [found, 1], "{times}");
    }
    with_macro(&[load(R[0]), begin, begin, NOTHING, NOTHING]).not_modelled(0x3800, 2);
}

/// As Mesa makes `while`: a jump to the condition, which branches back.
#[test]
fn branches_go_both_ways() {
    let jump = u16::from(Jump::new().with_distance(2).with_is_set(true));
    let count = |register| add(register, register, Operand::Immediate, 1);
    let mut bench = with_macro(&[
        load(R[0]),
        add(R[1], Operand::Zero, Operand::Zero, 0),
        alu_0(
            Operation::Jal,
            Operand::Zero,
            Operand::Zero,
            Operand::Zero,
            jump,
        ),
        count(R[1]),
        branch(Operation::Beq, R[1], R[0], -1, false),
        send(SCRATCH, R[1]),
        branch(
            Operation::Beq,
            Operand::Zero,
            Operand::Zero,
            Branch::EXIT,
            true,
        ),
        send_constant(SCRATCH, 99),
    ]);
    for times in [0, 1, 5] {
        bench.call(&[times]);
        assert_eq!(bench.scratch(0), times);
    }
    let back = branch(Operation::Beq, Operand::Zero, Operand::Zero, -1, true);
    with_macro(&[back]).refused(0x3800, 0, "INSTR_RAM_ACCESS_OUT_OF_BOUNDS");
    let last = [NOTHING.with_ends_next(true), back];
    with_macro(&last).refused(0x3800, 0, "BRANCH_IN_DELAY_SLOT");
}

#[test]
fn a_predicate_turns_parts_off() {
    for predicate in Predicate::ALL {
        for source in [0, 1] {
            let part = NOTHING
                .with_predicate(predicate)
                .with_predicate_source(R[0])
                .with_destination_0(R[1])
                .with_x_0(Operand::Immediate)
                .with_immediate_0(SCRATCH)
                .with_destination_1(R[2])
                .with_x_1(Operand::Immediate)
                .with_immediate_1(SCRATCH + 1)
                .with_method_0(Output::Immediate0)
                .with_emit_0(Output::Immediate1)
                .with_method_1(Output::Immediate1)
                .with_emit_1(Output::Immediate0);
            let mut bench = with_macro(&[
                load(R[0]),
                add(R[1], Operand::Zero, Operand::Zero, 0),
                add(R[2], Operand::Zero, Operand::Zero, 0),
                part,
                send(SCRATCH + 2, R[1]),
                send(SCRATCH + 3, R[2]),
            ]);
            bench.call(&[source]);
            let name = format!("{predicate:?}").to_lowercase();
            let expected = name
                .bytes()
                .zip([SCRATCH, SCRATCH + 1, SCRATCH + 1, SCRATCH]);
            let expected = expected.map(|(letter, done)| match (letter, source) {
                (b'f', 0) | (b't', 1) | (b'u', _) => u32::from(done),
                _ => 0,
            });
            let found = [2, 3, 0, 1].map(|number| bench.scratch(number));
            assert_eq!(
                found.to_vec(),
                expected.collect::<Vec<_>>(),
                "{predicate:?} {source}"
            );
        }
    }
}

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

#[test]
fn a_macro_without_an_end_takes_turns() {
    let forever = branch(Operation::Beq, Operand::Zero, Operand::Zero, 0, true);
    let mut bench = with_macro(&[forever]);
    let turn = bench.limited(1000, |engine, context| engine.method(context, 0x3800, 0));
    assert_eq!(turn, (Ok(Progress::Unfinished), 0));
    for _ in 0..3 {
        let turn = bench.limited(1 << 20, |engine, context| engine.proceed(context));
        assert_eq!(turn, (Ok(Progress::Unfinished), 0));
    }
}

#[test]
fn registers_are_set_before_they_are_read() {
    let reads = send(SCRATCH, R[5]);
    with_macro(&[reads]).not_modelled(0x3800, 0);
    let mut bench = with_macro(&[load(R[5]), reads]);
    bench.call(&[6]);
    assert_eq!(bench.scratch(0), 6);
}

#[test]
fn what_nobody_has_tried_is_not_modelled() {
    let pair = |first, to, second, from| {
        NOTHING
            .with_operation_0(first)
            .with_destination_0(to)
            .with_operation_1(second)
            .with_x_1(from)
    };
    let zero = Operand::Zero;
    for instruction in [
        pair(Operation::Add, R[0], Operation::Add, R[0]),
        pair(Operation::Add, R[0], Operation::Add, zero).with_destination_1(R[0]),
        pair(Operation::Sub, zero, Operation::Addc, zero),
        pair(Operation::Add, zero, Operation::Mulh, zero),
        pair(Operation::Addc, zero, Operation::Add, zero),
        pair(Operation::State, zero, Operation::State, zero),
        NOTHING.with_destination_0(Operand::Load0),
        NOTHING.with_x_0(Operand::Reserved(30)),
        NOTHING.with_emit_0(Output::Reserved11),
        NOTHING.with_operation_0(Operation::Extended),
        NOTHING
            .with_predicate(Predicate::Tttt)
            .with_predicate_source(Operand::Immediate),
        alu_0(Operation::Jal, zero, zero, zero, 1),
        alu_0(Operation::Beq, zero, zero, zero, 0x2001),
        alu_0(Operation::Loop, zero, zero, zero, 1),
        alu_0(Operation::Merge, zero, zero, zero, 0x8000),
    ] {
        with_macro(&[instruction]).not_modelled(0x3800, 0);
    }
}

#[test]
fn outputs_send_immediates() {
    for (output, sent) in [
        (Output::Immediate0, 0x8765),
        (Output::Immediate1, 0x1234),
        (Output::ImmediateHigh0, 8),
        (Output::ImmediateHigh1, 1),
        (Output::Immediate32, 0x8765_1234),
    ] {
        let emit = NOTHING.with_immediate_0(0x8765).with_immediate_1(0x1234);
        let instructions = [
            send_constant(SCRATCH, 0),
            emit.with_emit_0(output),
            emit.with_emit_1(output),
        ];
        let mut bench = with_macro(&instructions);
        bench.call(&[]);
        assert_eq!(
            [bench.scratch(1), bench.scratch(2)],
            [sent; 2],
            "{output:?}"
        );
    }
}
