// SPDX-License-Identifier: GPL-2.0

//! Instructions, and what they mean.

use super::*;

/// A word of GA10x, what guards it, whether it is uniform, and what it does.
pub(super) type Sample = (u128, Condition, bool, Operation);

/// All samples.
pub(super) fn samples() -> Vec<Sample> {
    let lanes = |word, operation| (word, ALWAYS, false, operation);
    let warp = |word, operation| (word, ALWAYS, true, operation);
    [
        integers(lanes, warp),
        floats(lanes),
        halves(lanes),
        others(lanes, warp),
    ]
    .concat()
}

fn integers(
    lanes: impl Fn(u128, Operation) -> Sample,
    warp: impl Fn(u128, Operation) -> Sample,
) -> Vec<Sample> {
    let lanes = |word, integer| lanes(word, Operation::Integer(integer));
    let warp = |word, integer| warp(word, Operation::Integer(integer));
    [
        // MOV R4, UR0
        lanes(
            0x8000f000000000000047c02,
            Integer::Move {
                to: 4,
                from: uniform(0),
            },
        ),
        // SEL R7, R7, 0xffffffff, !P1
        lanes(
            0x4800000ffffffff07077807,
            Integer::Select {
                to: 7,
                values: [register(7), immediate(0xffff_ffff)],
                condition: not(predicate(1)),
            },
        ),
        // IADD3 R4, P1, R4, c[0x1][0x0], RZ
        lanes(
            0x7f3e0ff0040000004047a10,
            Integer::Add {
                to: 4,
                values: [register(4), constant(1, 0), register(ZERO_REGISTER)],
                carry_out: [1, 7],
                carry_in: None,
            },
        ),
        // IADD3.X R5, RZ, c[0x1][0x4], RZ, P1, !PT
        lanes(
            0xffe4ff00400100ff057a10,
            Integer::Add {
                to: 5,
                values: [
                    register(ZERO_REGISTER),
                    constant(1, 4),
                    register(ZERO_REGISTER),
                ],
                carry_out: [7, 7],
                carry_in: Some([predicate(1), NEVER]),
            },
        ),
        // IADD3 R7, R3, -R7, RZ
        lanes(
            0x7ffe0ff8000000703077210,
            Integer::Add {
                to: 7,
                values: [register(3), negated(register(7)), register(ZERO_REGISTER)],
                carry_out: [7, 7],
                carry_in: None,
            },
        ),
        // UIADD3 UR0, UR0, UR1, URZ
        warp(
            0xfffe03f0000000100007290,
            Integer::Add {
                to: 0,
                values: [uniform(0), uniform(1), uniform(ZERO_REGISTER)],
                carry_out: [7, 7],
                carry_in: None,
            },
        ),
        // LEA R0, R1, R0, 0x6
        lanes(
            0xe30ff0000000001007211,
            Integer::LoadAddress {
                to: 0,
                value: register(1),
                base: register(0),
                value_high: register(ZERO_REGISTER),
                shift: 6,
                is_high: false,
                is_negated: false,
                carry_out: 7,
                carry_in: None,
            },
        ),
        // IMAD.WIDE.U32 R8, R7, 0x49249249, RZ
        lanes(
            0xe00ff4924924907087825,
            Integer::MultiplyAdd {
                to: 8,
                values: [register(7), immediate(0x4924_9249), register(ZERO_REGISTER)],
                is_signed: false,
                is_wide: true,
            },
        ),
        // IMNMX R9, R5, R1, !PT
        lanes(
            0x78002000000000105097217,
            Integer::MinMax {
                to: 9,
                values: [register(5), register(1)],
                condition: NEVER,
                is_signed: true,
            },
        ),
        // ISETP.GT.U32.AND P1, PT, R9, 0x1388, PT
        lanes(
            0x3f24070000013880900780c,
            Integer::Compare {
                to: [1, 7],
                values: [register(9), immediate(0x1388)],
                comparison: IntegerComparison::Greater,
                is_signed: false,
                low: None,
                logic: LogicOperation::And,
                condition: ALWAYS,
            },
        ),
        // LOP3.LUT R9, R8, 0x1, RZ, 0xc0, !PT
        lanes(
            0x78ec0ff0000000108097812,
            Integer::Logic {
                to: 9,
                values: [register(8), immediate(1), register(ZERO_REGISTER)],
                table: 0xc0,
            },
        ),
        // PLOP3.LUT P0, PT, P1, P0, PT, 0xfc, 0x0
        lanes(
            0xf01f74000000000000781c,
            Integer::LogicPredicate {
                to: [0, 7],
                conditions: [predicate(1), predicate(0), ALWAYS],
                tables: [0xfc, 0],
                last_is_uniform: false,
            },
        ),
        // SHF.R.W.U32.HI R7, RZ, 0x2, R9
        lanes(
            0x11e0900000002ff077819,
            Integer::Shift {
                to: 7,
                low: register(ZERO_REGISTER),
                amount: immediate(2),
                high: register(9),
                data: ShiftType::U32,
                wraps: true,
                is_right: true,
                keeps_high: true,
            },
        ),
        // FLO.U32.SH R7, R7
        lanes(
            0xe04000000000700077300,
            Integer::FindHighest {
                to: 7,
                value: register(7),
                is_signed: false,
                as_shift: true,
            },
        ),
        // SGXT R6, R7, R6
        lanes(
            0x200000000060706721a,
            Integer::Extend {
                to: 6,
                value: register(7),
                width: register(6),
                is_signed: true,
                wraps: false,
            },
        ),
    ]
    .into()
}

fn floats(lanes: impl Fn(u128, Operation) -> Sample) -> Vec<Sample> {
    [
        // FADD.FTZ R7, -RZ, |R1|
        lanes(
            0x1010040000001ff077221,
            Operation::Float(Float::Add {
                to: 7,
                values: [negated(register(ZERO_REGISTER)), absolute(register(1))],
                mode: FLUSHING,
            }),
        ),
        // FFMA.FTZ R0, R2, -1.5, R0
        lanes(
            0x10000bfc0000002007823,
            Operation::Float(Float::MultiplyAdd {
                to: 0,
                values: [register(2), immediate(0xbfc0_0000), register(0)],
                mode: FLUSHING,
            }),
        ),
        // FMUL.FTZ R2, R4, R2
        lanes(
            0x4100ff0000000204027220,
            Operation::Float(Float::Multiply {
                to: 2,
                values: [register(4), register(2)],
                mode: FLUSHING,
            }),
        ),
        // FSETP.EQ.FTZ.AND P0, PT, |R1|, +INF, PT
        lanes(
            0x3f122007f8000000100780b,
            Operation::Float(Float::Compare {
                to: [0, 7],
                values: [absolute(register(1)), immediate(0x7f80_0000)],
                comparison: EQUAL,
                logic: LogicOperation::And,
                condition: ALWAYS,
                flushes: true,
            }),
        ),
        // DADD R8, R6, -1
        lanes(
            0xbff0000006087429,
            Operation::Double(Double::Add {
                to: 8,
                values: [register(6), immediate(0xbff0_0000)],
                rounding: Rounding::Nearest,
            }),
        ),
        // F2F.F32.F16 R3, R1.H1
        lanes(
            0x1010001000000100037304,
            Operation::Convert(Convert::FloatToFloat {
                to: 3,
                value: register(1),
                from_size: FloatSize::F16,
                to_size: FloatSize::F32,
                rounding: Rounding::Nearest,
                flushes: false,
                high_half: true,
            }),
        ),
        // F2I.FTZ.TRUNC R4, R1
        lanes(
            0x21d1000000000100047305,
            Operation::Convert(Convert::FloatToInteger {
                to: 4,
                value: register(1),
                from_size: FloatSize::F32,
                to_size: IntegerSize::I32,
                is_signed: true,
                rounding: Rounding::Zero,
                flushes: true,
            }),
        ),
    ]
    .into()
}

/// NAK was not run for these: the words are made by its encoder's rules.
fn halves(lanes: impl Fn(u128, Operation) -> Sample) -> Vec<Sample> {
    let lanes = |word, half| lanes(word, Operation::Half(half));
    let pair = |source, halves| Pair { source, halves };
    let both = |source| pair(source, Halves::Both);
    let plain = HalfMode {
        flushes: false,
        saturates: false,
    };
    let add = |values| Half::Add {
        to: 1,
        values,
        mode: plain,
    };
    [
        // HADD2 R1, -|R2|.H0_H0, R3.H1_H1
        lanes(
            0xb003000000302017230,
            add([
                pair(negated(absolute(register(2))), Halves::Lower),
                pair(register(3), Halves::Upper),
            ]),
        ),
        // HADD2.FTZ.SAT R1, R2, R3
        lanes(
            0x120000000000302017230,
            Half::Add {
                to: 1,
                values: [both(register(2)), both(register(3))],
                mode: HalfMode {
                    flushes: true,
                    saturates: true,
                },
            },
        ),
        // HADD2 R1, R2, 1, 2
        lanes(
            0x3c00400002017430,
            add([both(register(2)), both(immediate(0x3c00_4000))]),
        ),
        // HADD2 R1, R2, |c[0x1][0x10].H0_H0|
        lanes(
            0x6040040002017630,
            add([
                both(register(2)),
                pair(absolute(constant(1, 0x10)), Halves::Lower),
            ]),
        ),
        // HADD2 R1, R2, -UR5
        lanes(
            0x80000008000000502017e30,
            add([both(register(2)), both(negated(uniform(5)))]),
        ),
        // HMUL2 R1, R2, 1, 2
        lanes(
            0x3c00400002017832,
            Half::Multiply {
                to: 1,
                values: [both(register(2)), both(immediate(0x3c00_4000))],
                mode: plain,
            },
        ),
        // HFMA2 R1, R2, R3, -|R4|.H0_H0
        lanes(
            0x1c00040000000302017231,
            Half::MultiplyAdd {
                to: 1,
                values: [
                    both(register(2)),
                    both(register(3)),
                    pair(negated(absolute(register(4))), Halves::Lower),
                ],
                mode: plain,
            },
        ),
        // HFMA2 R1, R2, |R4|.H1_H1, 1, 2
        lanes(
            0xe00043c00400002017431,
            Half::MultiplyAdd {
                to: 1,
                values: [
                    both(register(2)),
                    pair(absolute(register(4)), Halves::Upper),
                    both(immediate(0x3c00_4000)),
                ],
                mode: plain,
            },
        ),
        // HMNMX2.FTZ R1, R2, R3, !PT
        lanes(
            0x78100000000000302017240,
            Half::MinMax {
                to: 1,
                values: [both(register(2)), both(register(3))],
                condition: NEVER,
                flushes: true,
            },
        ),
        // HSET2.BF.LT.AND R1, R2, R3, PT
        lanes(
            0x38010800000000302017233,
            Half::Set {
                to: 1,
                values: [both(register(2)), both(register(3))],
                comparison: LESS,
                logic: LogicOperation::And,
                condition: ALWAYS,
                flushes: false,
            },
        ),
        // HSETP2.NEU.H_AND.XOR P1, P2, R2, R3, !P3
        lanes(
            0x5a2d0c00000000302007234,
            Half::Compare {
                to: [1, 2],
                values: [both(register(2)), both(register(3))],
                comparison: Comparison {
                    less: true,
                    equal: false,
                    greater: true,
                    unordered: true,
                },
                is_joint: true,
                logic: LogicOperation::Xor,
                condition: not(predicate(3)),
                flushes: false,
            },
        ),
        // HSETP2.LT.AND P1, PT, R2, c[0x1][0x10].H1_H1, PT
        lanes(
            0x3f210003040040002007634,
            Half::Compare {
                to: [1, 7],
                values: [both(register(2)), pair(constant(1, 0x10), Halves::Upper)],
                comparison: LESS,
                is_joint: false,
                logic: LogicOperation::And,
                condition: ALWAYS,
                flushes: false,
            },
        ),
    ]
    .into()
}

fn others(
    lanes: impl Fn(u128, Operation) -> Sample,
    warp: impl Fn(u128, Operation) -> Sample,
) -> Vec<Sample> {
    [
        // S2UR UR0, SR_CTAID.X
        warp(
            0x250000000000000079c3,
            Operation::Warp(Warp::ReadSpecial {
                to: 0,
                register: special::CTAID_X,
                is_wide: false,
            }),
        ),
        // ULDC UR1, c[0x0][0x0]
        warp(
            0x8000000000000017ab9,
            Operation::Memory(Memory::LoadConstant {
                to: 1,
                bank: 0,
                index: ZERO_REGISTER,
                offset: 0,
                width: Width::B32,
            }),
        ),
        // STL.128 [RZ], R8
        lanes(
            0x100c0000000008ff007387,
            Operation::Memory(Memory::Store {
                at: Address {
                    space: Space::Local,
                    register: ZERO_REGISTER,
                    is_wide: false,
                    base: ZERO_REGISTER,
                    scale: 0,
                    offset: 0,
                },
                from: 8,
                width: Width::B128,
            }),
        ),
        // LDS R1, [R0.X4+0x100]
        lanes(
            0x48000001000000017984,
            Operation::Memory(Memory::Load {
                to: 1,
                at: Address {
                    space: Space::Shared,
                    register: 0,
                    is_wide: false,
                    base: ZERO_REGISTER,
                    scale: 2,
                    offset: 0x100,
                },
                width: Width::B32,
            }),
        ),
        // LDG.E R1, [R2.64+UR4+0x10]
        lanes(
            0xc0e09000000100402017981,
            Operation::Memory(Memory::Load {
                to: 1,
                at: Address {
                    base: 4,
                    ..global(2, 0x10)
                },
                width: Width::B32,
            }),
        ),
        // STG.E [R2.U32+UR4+0x10], R3
        lanes(
            0x80009040000100302007986,
            Operation::Memory(Memory::Store {
                at: Address {
                    base: 4,
                    is_wide: false,
                    ..global(2, 0x10)
                },
                from: 3,
                width: Width::B32,
            }),
        ),
        // ATOMG.E.CAS.STRONG.GPU PT, R2, [R2+0x28], R1, R4
        lanes(
            0x1ee10400002801020273a9,
            Operation::Memory(Memory::Atomic(Atomic {
                to: 2,
                at: global(2, 0x28),
                operation: AtomicOperation::CompareExchange,
                data: AtomicType::U32,
                value: 4,
                compare: 1,
            })),
        ),
        // RED.E.MIN.S32.STRONG.GPU [R2+0x20], R1
        lanes(
            0x90e3000000200102ff798e,
            Operation::Memory(Memory::Atomic(Atomic {
                to: ZERO_REGISTER,
                at: global(2, 0x20),
                operation: AtomicOperation::Min,
                data: AtomicType::S32,
                value: 1,
                compare: ZERO_REGISTER,
            })),
        ),
        // SHFL.BFLY PT, R6, R1, 0x3, 0x1f
        lanes(
            0xe00000c601f0001067f89,
            Operation::Warp(Warp::Shuffle {
                to: 6,
                in_bounds: 7,
                value: 1,
                mode: Shuffle::Butterfly,
                lane: immediate(3),
                clamp: immediate(0x1f),
            }),
        ),
        // VOTEU.ANY UR0, UPT, P0
        lanes(
            0xe01000000000000007886,
            Operation::Warp(Warp::Vote {
                ballot: 0,
                result: 7,
                mode: Vote::Any,
                condition: predicate(0),
                is_uniform: true,
            }),
        ),
        // @!P0 EXIT
        (
            0x3800000000000000000894d,
            not(predicate(0)),
            false,
            Operation::Control(Control::Exit { condition: ALWAYS }),
        ),
        // BRA, at 0x700 to 0x1f0
        lanes(
            0x383fffffffffae000007947,
            Operation::Control(Control::Branch {
                offset: 0x1f0 - 0x710,
                condition: ALWAYS,
                is_uniform: false,
            }),
        ),
        // BMOV.32.CLEAR RZ, B2
        lanes(
            0x1000000000000002ff7355,
            Operation::Control(Control::MoveFromBarrier {
                to: ZERO_REGISTER,
                barrier: 2,
                clears: true,
            }),
        ),
        // BSYNC B1
        lanes(
            0x38000000000000000017941,
            Operation::Control(Control::WaitBarrier {
                barrier: 1,
                condition: ALWAYS,
            }),
        ),
    ]
    .into()
}
