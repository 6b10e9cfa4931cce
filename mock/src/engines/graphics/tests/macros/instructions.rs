// SPDX-License-Identifier: GPL-2.0

//! What instructions of macros do.

use nova_hw::class::graphics::mme::Jump;

use super::*;

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
