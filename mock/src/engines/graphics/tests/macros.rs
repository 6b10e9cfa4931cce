// SPDX-License-Identifier: GPL-2.0

//! Macros, which are instructions here: `nova-hw` checks how they are encoded.

use super::*;
use nova_hw::class::graphics::mme::{
    Branch, Instruction, Operand, Operation, Output, Predicate, NOTHING,
};

mod data;
mod instructions;
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
