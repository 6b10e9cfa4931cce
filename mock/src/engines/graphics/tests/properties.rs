// SPDX-License-Identifier: GPL-2.0

//! What holds for all methods.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Methods that do something, with data that sometimes does it.
fn method() -> impl Strategy<Value = (u16, u32)> {
    let small = 0..0x80_u32;
    let launch = (any::<u32>(), select(vec![0x1b0_u16, 0x168, 0x1b0c]));
    prop_oneof![
        4 => (select((0x180..0x1b0).step_by(4).collect::<Vec<_>>()), small),
        4 => launch.prop_map(|(data, at)| (at, data & 0x3bff_f3ff)),
        4 => launch_of_few_bits(),
        8 => (Just(0x1b4), any::<u32>()),
        2 => (select(vec![0x158, 0x15c, 0x160, 0x164, 0x1dc, 0x1e0, 0x1e4]), any::<u32>()),
        2 => (select(vec![0x1b00, 0x1b04, 0x1b08, 0x138, 0x1558, 0x1944]), any::<u32>()),
        1 => (any::<u16>(), any::<u32>()),
    ]
}

fn launch_of_few_bits() -> impl Strategy<Value = (u16, u32)> {
    (0..8_u32, any::<bool>())
        .prop_map(|(completion, is_pitch)| (0x1b0, completion << 4 & 0x30 | u32::from(is_pitch)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Nothing panics, and each turn writes no more than its budget and a semaphore.
    #[test]
    fn all_sequences_of_methods_are_executed(
        class in select(Class::ALL),
        methods in prop::collection::vec((method(), 0..6_u64), 1..200),
    ) {
        let mut bench = Bench::new(class);
        for ((at, data), mut budget) in methods {
            let written = bench.memory.transferred(Access::Write) as u64;
            let turn = bench.limited(budget, |engine, context| engine.method(context, at, data));
            let (mut result, left) = turn;
            prop_assert!(left <= budget);
            let written = bench.memory.transferred(Access::Write) as u64 - written;
            prop_assert!(written <= budget - left + 16);
            // A word takes four turns at most.
            for _ in 0..4 {
                if result != Ok(Progress::Unfinished) {
                    break;
                }
                budget = 1;
                result = bench.limited(budget, |engine, context| engine.resume(context)).0;
            }
            prop_assert!(result != Ok(Progress::Unfinished));
        }
    }

    /// Inline data arrives however it is divided into turns.
    #[test]
    fn turns_change_nothing(length in 1..60_u32, budgets in prop::collection::vec(0..9_u64, 60)) {
        let at = Address::Virtual(0x1_0001);
        let mut bench = Bench::new(Class::KeplerInlineToMemoryB);
        bench.address(0x188, at);
        bench.set(&[(0x180, length), (0x184, 1), (0x1b0, 1)]);
        let mut source = TestMemory::new();
        let bytes = source.fill(at, length as usize, 1);
        for (first, budget) in (0..length).step_by(4).zip(budgets) {
            let word = source.get_u32(at.plus(first.into()));
            let turn = bench.limited(budget, |engine, context| engine.method(context, 0x1b4, word));
            if turn.0 == Ok(Progress::Unfinished) {
                let (result, _) = bench.limited(4, |engine, context| engine.resume(context));
                prop_assert_eq!(result, Ok(Progress::Done));
            } else {
                prop_assert_eq!(turn.0, Ok(Progress::Done));
            }
        }
        let found = bench.memory.get(at, length as usize + 1);
        prop_assert_eq!(found.split_last(), Some((&0, &bytes[..])));
    }
}
