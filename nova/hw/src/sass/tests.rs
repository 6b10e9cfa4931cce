// SPDX-License-Identifier: GPL-2.0

//! Words are from programs that NAK of Mesa 26.1.6 has compiled; what they mean is what nvdisasm
//! shows, which stands beside them.

use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

use super::{
    decode, special, Address, Atomic, AtomicOperation, AtomicType, Comparison, Condition, Control,
    Convert, Double, Float, FloatSize, Half, HalfMode, Halves, Instruction, Integer,
    IntegerComparison, IntegerSize, LogicOperation, Memory, Mode, Operand, Operation, Pair,
    Rounding, ShiftType, Shuffle, Source, Space, Unknown, Vote, Warp, Width, ZERO_REGISTER,
};
use crate::class::graphics::Generation;

mod samples;

use samples::samples;

const NEVER: Condition = Condition::NEVER;
const ALWAYS: Condition = Condition::ALWAYS;

const fn register(number: u8) -> Source {
    Source::plain(Operand::Register(number))
}

const fn uniform(number: u8) -> Source {
    Source::plain(Operand::Uniform(number))
}

const fn immediate(value: u32) -> Source {
    Source::plain(Operand::Immediate(value))
}

const fn constant(bank: u8, offset: u16) -> Source {
    Source::plain(Operand::Constant { bank, offset })
}

const fn absolute(mut source: Source) -> Source {
    source.is_absolute = true;
    source
}

const fn negated(mut source: Source) -> Source {
    source.is_negated = true;
    source
}

const fn predicate(predicate: u8) -> Condition {
    Condition {
        predicate,
        is_negated: false,
    }
}

const fn not(mut condition: Condition) -> Condition {
    condition.is_negated = true;
    condition
}

const fn global(register: u8, offset: i32) -> Address {
    Address {
        space: Space::Global,
        register,
        is_wide: true,
        base: ZERO_REGISTER,
        scale: 0,
        offset,
    }
}

const EQUAL: Comparison = Comparison {
    less: false,
    equal: true,
    greater: false,
    unordered: false,
};

const LESS: Comparison = Comparison {
    less: true,
    equal: false,
    ..EQUAL
};

const FLUSHING: Mode = Mode {
    rounding: Rounding::Nearest,
    flushes: true,
    saturates: false,
};

#[test]
fn instructions_mean_what_nvdisasm_shows() {
    for (word, guard, is_uniform, operation) in samples() {
        let expected = Instruction {
            guard,
            is_uniform,
            operation,
        };
        let found = decode(Generation::AmpereB, word);
        assert_eq!(found, Ok(expected), "{word:#x}");
    }
}

#[test]
fn encodings_differ_between_generations() {
    let blackwell = Generation::BlackwellB;
    // LDCU UR3, c[0x1][0x4]
    let word = 0x8000800_00400080ff0377ac;
    let load = Memory::LoadConstant {
        to: 3,
        bank: 1,
        index: ZERO_REGISTER,
        offset: 4,
        width: Width::B32,
    };
    let operation = Operation::Memory(load);
    let instruction = Instruction {
        guard: ALWAYS,
        is_uniform: true,
        operation,
    };
    assert_eq!(decode(blackwell, word), Ok(instruction));
    // BRA.U !UP0, 0xe0 back
    for (generation, word) in [
        (Generation::AmpereB, 0xb83ffff_ffffff2108007547),
        (blackwell, 0xb83ffff_fffffffd08c87547),
    ] {
        let operation = Operation::Control(Control::Branch {
            offset: -0xe0,
            condition: not(predicate(0)),
            is_uniform: true,
        });
        let found = decode(generation, word).map(|found| found.operation);
        assert_eq!(found, Ok(operation));
    }
    // R2UR UR0, R1
    let words = [
        (Generation::AmpereB, 0xe0000_00000000010073c2),
        (blackwell, 0xe0000_00000000010072ca),
    ];
    for (generation, word) in words {
        let operation = Operation::Warp(Warp::MakeUniform { to: 0, from: 1 });
        let found = decode(generation, word).map(|found| found.operation);
        assert_eq!(found, Ok(operation));
        for other in words
            .map(|(_, word)| word)
            .into_iter()
            .filter(|&other| other != word)
        {
            assert!(decode(generation, other).is_err());
        }
    }
}

/// Bits without a meaning here: of the scheduler, of the order and the priority of accesses, of
/// where a barrier is waited for.
fn is_ignored(operation: Operation, bit: u32) -> bool {
    match operation {
        _ if bit >= 105 => bit < 126,
        Operation::Memory(
            Memory::Load { at, .. } | Memory::Store { at, .. } | Memory::Atomic(Atomic { at, .. }),
        ) => at.space == Space::Global && matches!(bit, 77..=80 | 84..=86),
        Operation::Control(Control::SetBarrier { .. }) => matches!(bit, 34..=63),
        _ => false,
    }
}

#[test]
fn each_bit_means_something_or_is_refused() {
    for (word, guard, is_uniform, operation) in samples() {
        let instruction = Instruction {
            guard,
            is_uniform,
            operation,
        };
        for bit in 0..128 {
            let found = decode(Generation::AmpereB, word ^ 1 << bit);
            match is_ignored(operation, bit) {
                true if found.is_err() => assert!(matches!(bit, 77..=80), "{word:#x} {bit}"),
                true => assert_eq!(found, Ok(instruction), "{word:#x} {bit}"),
                false => assert_ne!(found, Ok(instruction), "{word:#x} {bit}"),
            }
        }
    }
}

#[test]
fn what_is_not_known_is_named() {
    for (word, text) in [
        (0x367, "TLD (opcode 0x367)"),
        (0x226, "IDP (opcode 0x226)"),
        (0xfff, "unknown (opcode 0xfff)"),
        (0x38007d4d, "unknown (opcode 0xd4d)"),
        // EXIT.KEEPREFCOUNT
        (
            0x3900000_00000000_0000794d,
            "EXIT (opcode 0x94d, bits 0x1000000000000000000000)",
        ),
    ] {
        let unknown = decode(Generation::AmpereB, word);
        assert_eq!(
            unknown.map_err(|unknown| unknown.to_string()),
            Err(text.into())
        );
    }
}

proptest! {
    #[test]
    fn each_word_has_a_meaning_or_bits_that_are_not_known(word: u128, opcode in 0..0x1000u128) {
        for generation in [Generation::Turing, Generation::Hopper, Generation::BlackwellB] {
            let word = word & !0xfff | opcode;
            if let Err(Unknown { opcode, bits }) = decode(generation, word) {
                prop_assert_eq!(u128::from(opcode), word & 0xfff);
                prop_assert_ne!(bits, 0);
            }
        }
    }
}

/// nvdisasm shows `.INVALID3` for F32; the same bits are known for global memory.
#[test]
fn shared_memory_has_no_atomic_floats() {
    // ATOMS R1, [R2+0x10], R3 and ATOMG.E PT, R1, [R2+0x10], R3
    for (word, is_known) in [
        (0x1003_0201_738c, false),
        (0xe_0100_0000_1003_0201_73a8, true),
    ] {
        for data in [3, 6] {
            let found = decode(Generation::AmpereB, word | data << 73);
            assert_eq!(found.is_ok(), is_known, "{word:#x} {data}");
        }
        assert!(decode(Generation::AmpereB, word).is_ok(), "integers");
    }
}

/// An odd shift has a bit that negates the second operand of other instructions, where that is the
/// narrow one.
#[test]
fn an_odd_shift_does_not_negate_the_base() {
    // LEA R0, R1, R0, 0x6 of the samples, with R3 and an immediate, and shifted by 7
    let word = 0xe_3803_0000_0005_0100_7411;
    let found = decode(Generation::AmpereB, word).unwrap();
    let Operation::Integer(Integer::LoadAddress {
        value,
        base,
        value_high,
        shift,
        ..
    }) = found.operation
    else {
        panic!("{found:?}");
    };
    assert_eq!(
        (value, base, value_high, shift),
        (register(1), register(3), immediate(5), 7)
    );
}
