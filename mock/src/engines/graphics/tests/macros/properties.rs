// SPDX-License-Identifier: GPL-2.0

//! Macros of random instructions, compared with a simple model.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Computes as a person would, in more bits: the result, and the upper half or carry of it.
fn simple(operation: Operation, x: u32, y: u32, merge: u16, carry: u32) -> (u32, u32) {
    let (wide_x, wide_y) = (i128::from(x), i128::from(y));
    let (signed_x, signed_y) = (i128::from(x as i32), i128::from(y as i32));
    let low = |value: i128| value.rem_euclid(1 << 32) as u32;
    let both = |value: i128| (low(value), low(value >> 32));
    let one = |value: u32| (value, carry);
    let bit = |value: u32, at: u32| value >> at & 1;
    let bits = |f: &dyn Fn(u32, u32) -> bool| {
        let set = (0..32).filter(|&at| f(bit(x, at), bit(y, at)));
        one(set.map(|at| 1 << at).sum())
    };
    let all_if = |holds| one(if holds { u32::MAX } else { 0 });
    let by = 1_i128 << (y % 32);
    match operation {
        Operation::Add => (low(wide_x + wide_y), (wide_x + wide_y >= 1 << 32).into()),
        Operation::Addc => one(low(wide_x + wide_y + i128::from(carry))),
        Operation::Sub => (low(wide_x - wide_y), (wide_x < wide_y).into()),
        Operation::Subb => one(low(wide_x - wide_y - i128::from(carry))),
        Operation::Mul => both(signed_x * signed_y),
        Operation::Mulu => both(wide_x * wide_y),
        Operation::Mulh => one(carry),
        Operation::Clz => one((0..32).take_while(|at| bit(x, 31 - at) == 0).count() as u32),
        Operation::Sll => one(low(wide_x * by)),
        Operation::Srl => one(low(wide_x / by)),
        Operation::Sra => one(low(signed_x.div_euclid(by))),
        Operation::And => bits(&|x, y| x == 1 && y == 1),
        Operation::Nand => bits(&|x, y| x == 0 || y == 0),
        Operation::Or => bits(&|x, y| x == 1 || y == 1),
        Operation::Xor => bits(&|x, y| x != y),
        Operation::Merge => {
            let (from, count, to) = (merge & 31, merge >> 5 & 31, merge >> 10 & 31);
            let mut result = x;
            for at in 0..count {
                let (from, to) = (u32::from(from + at), u32::from(to + at));
                if to < 32 {
                    let set = if from < 32 { bit(y, from) } else { 0 };
                    result = result & !(1 << to) | set << to;
                }
            }
            one(result)
        }
        Operation::Slt => all_if(signed_x < signed_y),
        Operation::Sltu => all_if(wide_x < wide_y),
        Operation::Sle => all_if(signed_x <= signed_y),
        Operation::Sleu => all_if(wide_x <= wide_y),
        Operation::Seq => all_if(wide_x == wide_y),
        other => panic!("{other:?}"),
    }
}

/// Operands with which something may go wrong.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        select(vec![
            0,
            1,
            2,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            0xffff_8000,
            31,
            32,
            33
        ]),
        0..64_u32,
    ]
}

/// Operations that compute, and those that may go on with them.
fn pair() -> impl Strategy<Value = (Operation, Operation)> {
    let alone = Operation::ALL.into_iter().filter(|&operation| {
        let computes = (operation as u8) <= Operation::Seq as u8;
        computes
            && !matches!(
                operation,
                Operation::Addc | Operation::Subb | Operation::Mulh | Operation::Extended
            )
    });
    let alone: Vec<_> = alone.collect();
    prop_oneof![
        (select(alone.clone()), select(alone)),
        select(vec![
            (Operation::Add, Operation::Addc),
            (Operation::Sub, Operation::Subb),
            (Operation::Mul, Operation::Mulh),
            (Operation::Mulu, Operation::Mulh),
        ]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn alus_compute_as_the_simple_model(
        (first, second) in pair(),
        [x_0, y_0, x_1, y_1] in [number(), number(), number(), number()],
        [merge_0, merge_1] in [0..0x8000_u16, 0..0x8000_u16],
    ) {
        let both = NOTHING
            .with_operation_0(first)
            .with_x_0(R[0])
            .with_y_0(R[1])
            .with_destination_0(R[4])
            .with_immediate_0(merge_0)
            .with_operation_1(second)
            .with_x_1(R[2])
            .with_y_1(R[3])
            .with_destination_1(R[5])
            .with_immediate_1(merge_1);
        let mut bench = with_macro(&[
            load(R[0]), load(R[1]), load(R[2]), load(R[3]), both,
            send(SCRATCH, R[4]), send(SCRATCH + 1, R[5]),
        ]);
        bench.call(&[x_0, y_0, x_1, y_1]);
        let (result_0, carry) = simple(first, x_0, y_0, merge_0, 0);
        let (result_1, _) = simple(second, x_1, y_1, merge_1, carry);
        prop_assert_eq!([bench.scratch(0), bench.scratch(1)], [result_0, result_1]);
    }

    #[test]
    fn branches_compare_as_the_simple_model(
        at in 0..5_usize, x in number(), y in number(), if_true: bool,
    ) {
        let (branches, compares) = [
            (Operation::Blt, Operation::Slt),
            (Operation::Bltu, Operation::Sltu),
            (Operation::Ble, Operation::Sle),
            (Operation::Bleu, Operation::Sleu),
            (Operation::Beq, Operation::Seq),
        ][at];
        let mut bench = with_macro(&[
            load(R[0]), load(R[1]), send_constant(SCRATCH, 1),
            branch(branches, R[0], R[1], 2, if_true),
            send_constant(SCRATCH, 2),
        ]);
        bench.call(&[x, y]);
        let branched = (simple(compares, x, y, 0, 0).0 != 0) == if_true;
        prop_assert_eq!(bench.scratch(0), if branched { 1 } else { 2 });
    }

    /// Inline data that a macro sends arrives however it is divided into turns.
    #[test]
    fn turns_change_nothing_in_macros(words in 1..20_u16, budgets in prop::collection::vec(0..300_u64, 400)) {
        let at = Address::Virtual(0x1_0000);
        let begin = alu_0(Operation::Loop, Operand::Zero, R[0], Operand::Zero, 3);
        let mut bench = with_macro(&[
            load(R[0]), add(R[1], Operand::Zero, Operand::Zero, 0),
            send_constant(0x1b0 / 4, 1),
            begin, send(0x1b4 / 4, R[1]), add(R[1], R[1], Operand::Immediate, 1),
            send_constant(SCRATCH, 5),
        ]);
        bench.address(0x188, at);
        bench.set(&[(0x180, u32::from(words) * 4), (0x184, 1)]);
        let mut budgets = budgets.into_iter();
        let budget = budgets.next().unwrap_or(0);
        let mut result = bench.limited(budget, |engine, context| {
            engine.method(context, 0x3800, words.into())
        });
        while result.0 == Ok(Progress::Unfinished) {
            let budget = budgets.next().unwrap_or(1000);
            result = bench.limited(budget, |engine, context| engine.proceed(context));
        }
        prop_assert_eq!(result.0, Ok(Progress::Done));
        for index in 0..u32::from(words) {
            prop_assert_eq!(bench.memory.get_u32(at.plus(u64::from(index) * 4)), index);
        }
        prop_assert_eq!(bench.scratch(0), 5);
    }

    /// Nothing panics, and each turn ends.
    #[test]
    fn instructions_may_be_anything(
        words in prop::collection::vec(prop_oneof![any::<u128>(), Just(u128::from(NOTHING))], 1..20),
        data in prop::collection::vec(number(), 0..5),
    ) {
        let instructions: Vec<_> = words.into_iter().map(|bits| Instruction::from(bits & !0 >> 32)).collect();
        let mut bench = with_macro(&instructions);
        let calls = [(0x3800, 0)].into_iter().chain(data.into_iter().map(|word| (0x3804, word)));
        for (at, word) in calls {
            let mut result = bench.limited(500, |engine, context| engine.method(context, at, word)).0;
            for _ in 0..5 {
                if result != Ok(Progress::Unfinished) {
                    break;
                }
                result = bench.limited(500, |engine, context| engine.proceed(context)).0;
            }
            if result != Ok(Progress::Done) {
                break;
            }
        }
    }
}
