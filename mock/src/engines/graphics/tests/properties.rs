// SPDX-License-Identifier: GPL-2.0

//! What holds for all methods.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Methods that do something.
fn methods() -> impl Strategy<Value = Vec<(u16, u32)>> {
    let one = |at: &'static [u16]| (select(at), any::<u32>()).prop_map(|method| vec![method]);
    let small = (select(&UPLOAD[..]), 0..0x80_u32).prop_map(|method| vec![method]);
    prop_oneof![
        8 => upload(),
        4 => small,
        4 => semaphore(),
        2 => one(&[0x158, 0x15c, 0x160, 0x164, 0x1dc, 0x1e0, 0x1e4, 0x1b00, 0x1b04, 0x1b08]),
        1 => one(&[0x138, 0x1558, 0x1b0, 0x1b4, 0x168, 0x1b0c, 0x238c, 0x2390]),
        1 => (any::<u16>(), any::<u32>()).prop_map(|method| vec![method]),
    ]
}

/// The methods that describe inline data, from LINE_LENGTH_IN on.
const UPLOAD: [u16; 12] = [
    0x180, 0x184, 0x188, 0x18c, 0x190, 0x194, 0x198, 0x19c, 0x1a0, 0x1a4, 0x1a8, 0x1ac,
];

/// Inline data with a valid launch, and up to a word too much or too little of it.
fn upload() -> impl Strategy<Value = Vec<(u16, u32)>> {
    let words = prop::collection::vec(any::<u32>(), 0..12);
    (words, 1..4_u32, 0..3_u32, any::<bool>()).prop_map(|(words, lines, completion, interrupt)| {
        let length = (words.len() as u32 / lines).max(1) * 4;
        let lines = [
            (0x184, lines),
            (0x180, length),
            (0x190, length),
            (0x1944, 1),
        ];
        let launch = 1 | completion << 4 | u32::from(interrupt) << 8 | 1 << 12;
        let data = words.into_iter().map(|word| (0x1b4, word));
        lines
            .into_iter()
            .chain([(0x1b0, launch)])
            .chain(data)
            .collect()
    })
}

/// A semaphore in either form, with bits that are defined.
fn semaphore() -> impl Strategy<Value = Vec<(u16, u32)>> {
    let bits = prop_oneof![
        Just(0x1fbf_ffff),
        Just(0x3bff_efff),
        Just(0x7fff),
        Just(0x101e_0e0f)
    ];
    (any::<u32>(), bits, select(vec![0x168, 0x1b0c]))
        .prop_map(|(data, bits, at)| vec![(at, data & bits)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Nothing panics, and each turn writes no more than its budget and a semaphore.
    #[test]
    fn all_sequences_of_methods_are_executed(
        class in select(Class::ALL),
        methods in prop::collection::vec((methods(), 0..6_u64), 1..60),
    ) {
        let mut bench = Bench::new(class);
        let each = |(methods, budget): (Vec<_>, u64)| {
            methods.into_iter().map(move |method| (method, budget))
        };
        for ((at, data), budget) in methods.into_iter().flat_map(each) {
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
                result = bench.limited(1, |engine, context| engine.proceed(context)).0;
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
                let (result, _) = bench.limited(4, |engine, context| engine.proceed(context));
                prop_assert_eq!(result, Ok(Progress::Done));
            } else {
                prop_assert_eq!(turn.0, Ok(Progress::Done));
            }
        }
        let found = bench.memory.get(at, length as usize + 1);
        prop_assert_eq!(found.split_last(), Some((&0, &bytes[..])));
    }
}
