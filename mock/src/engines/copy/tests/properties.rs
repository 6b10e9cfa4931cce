// SPDX-License-Identifier: GPL-2.0

//! What holds for all methods and data.

use nova_hw::class::copy::METHODS;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const GOB: u32 = 1 << 12;

fn class() -> impl Strategy<Value = Class> {
    select(Class::ALL.to_vec())
}

/// Data of which some is small, and some is at the limits.
fn data() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..0x40_u32,
        2 => 0..0x4000_u32,
        1 => select(vec![0, 0x200, GOB, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX]),
        1 => any::<u32>(),
    ]
}

/// A launch, often of something that can be copied.
fn launch() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => any::<u32>().prop_map(|bits| bits & 0xf07_3f9e & !0x60 | 2),
        1 => any::<u32>(),
    ]
}

/// A method and its data.
fn step() -> impl Strategy<Value = (u16, u32)> {
    let offsets: Vec<_> = METHODS.iter().map(|method| method.offset).collect();
    let sizes = vec![
        0x410, 0x414, 0x418, 0x41c, 0x710, 0x714, 0x718, 0x72c, 0x730, 0x734,
    ];
    prop_oneof![
        4 => (Just(0x300), launch()),
        8 => (select(offsets), data()),
        4 => (select(sizes), data()),
        1 => (select(vec![0x70c, 0x728]), (0..0x1000_u32).prop_map(|block| block & 0xff0 | GOB)),
        1 => (any::<u16>(), any::<u32>()),
    ]
}

/// A copy within 64 KiB that may overlap: the state of all but the addresses, which are these
/// offsets.
#[derive(Clone, Debug)]
struct Copy {
    offsets: (u64, u64),
    pitches: (i32, i32),
    size: (u32, u32),
    components: u32,
    origins: ((u32, u32), (u32, u32)),
    block: u32,
    launch: u32,
}

fn copy() -> impl Strategy<Value = Copy> {
    let origin = || (0..40_u32, 0..20_u32);
    let pitch = || prop_oneof![0..300_i32, -300..0_i32];
    let offset = || (0..0x40_u64).prop_map(|gob| gob * 0x200);
    (
        (offset(), offset()),
        (pitch(), pitch()),
        (0..200_u32, 0..12_u32),
        any::<u32>(),
        (origin(), origin()),
        (0..4_u32, 0..3_u32).prop_map(|(height, depth)| GOB | height << 4 | depth << 8),
        (0..0x10_u32).prop_map(|bits| 2 | bits << 7),
    )
        .prop_map(
            |(offsets, pitches, size, components, origins, block, launch)| Copy {
                offsets,
                pitches,
                size,
                components,
                origins,
                block,
                launch,
            },
        )
}

impl Copy {
    /// Executes it with these budgets in turn.
    fn run(&self, budgets: &[u64]) -> (Result<Progress, Exception>, Vec<u8>) {
        let mut bench = Bench::new(Class::HopperA);
        let base = Address::Virtual(0x10_0000);
        bench.memory.fill(base, 0x1_0000, 15);
        let at = |offset| Address::Virtual(0x10_8000 + offset);
        bench.addresses(at(self.offsets.0), at(self.offsets.1));
        let ((from_x, from_y), (to_x, to_y)) = self.origins;
        bench.set(&[
            (0x410, self.pitches.0 as u32),
            (0x414, self.pitches.1 as u32),
        ]);
        bench.set(&[
            (0x418, self.size.0),
            (0x41c, self.size.1),
            (0x708, self.components),
        ]);
        bench.set(&[
            (0x728, self.block),
            (0x72c, 300),
            (0x730, 40),
            (0x734, 4),
            (0x738, 3),
        ]);
        bench.set(&[
            (0x70c, self.block),
            (0x710, 300),
            (0x714, 40),
            (0x718, 4),
            (0x71c, 1),
        ]);
        bench.set(&[
            (0x744, from_x),
            (0x748, from_y),
            (0x74c, to_x),
            (0x750, to_y),
        ]);
        bench.memory.refuse(at(0x3000), 7, FaultType::Pte);
        let mut budgets = budgets.iter().copied().cycle();
        let mut turn = bench.limited(budgets.next().unwrap(), |engine, context| {
            engine.method(context, 0x300, self.launch)
        });
        while turn.0 == Ok(Progress::Unfinished) {
            assert_eq!(turn.1, 0);
            let budget = budgets.next().unwrap();
            turn = bench.limited(budget, |engine, context| engine.proceed(context));
        }
        bench.memory.refuse_nothing();
        (turn.0, bench.memory.get(base, 0x2_0000))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Nothing panics, and no turn copies more than its budget.
    #[test]
    fn methods_keep_to_their_budget(
        class in class(),
        steps in prop::collection::vec(step(), 1..60),
        budgets in prop::collection::vec(0..0x3000_u64, 1..8),
        is_privileged: bool,
    ) {
        let mut bench = Bench::new(class);
        bench.is_privileged = is_privileged;
        bench.memory.refuse(Address::Virtual(0x2000), 0x100, FaultType::Pte);
        let mut budgets = budgets.into_iter().cycle();
        for (at, data) in steps {
            let mut turn = Ok(Progress::Unfinished);
            for attempt in 0..6 {
                let budget = budgets.next().unwrap();
                bench.memory.log.clear();
                let (result, left) = bench.limited(budget, |engine, context| match attempt {
                    0 => engine.method(context, at, data),
                    _ => engine.proceed(context),
                });
                prop_assert!(left <= budget);
                // A semaphore of up to 16 bytes is not copied.
                let written = bench.memory.transferred(Access::Write) as u64;
                prop_assert!(written <= budget - left + 16);
                // A piece is read ahead of up to 16 times of what is written.
                let read = bench.memory.transferred(Access::Read) as u64;
                prop_assert!(read <= 16 * budget + 2 * transfer::PIECE + 16);
                prop_assert!(result != Ok(Progress::Unfinished) || left == 0);
                turn = result;
                if turn != Ok(Progress::Unfinished) {
                    break;
                }
            }
            if turn == Ok(Progress::Unfinished) {
                bench.engine = CopyEngine::new(class);
            }
        }
    }

    /// How a copy is divided into turns changes nothing, whatever it overlaps, and where it faults.
    #[test]
    fn turns_change_nothing(
        copy in copy(),
        mut budgets in prop::collection::vec(0..700_u64, 1..6),
    ) {
        budgets.push(1);
        let (result, memory) = copy.run(&[u64::MAX]);
        prop_assert_eq!((result, memory), copy.run(&budgets));
    }

    /// What goes from lines into blocks comes back from there.
    #[test]
    fn blocks_keep_what_lines_have(
        (length, lines) in (1..150_u32, 1..40_u32),
        (x, y, layer) in (0..150_u32, 0..60_u32, 0..5_u32),
        block in (0..6_u32, 0..6_u32).prop_map(|(height, depth)| GOB | height << 4 | depth << 8),
        kind in 0..3_u32,
    ) {
        let block = block | kind << 16;
        let mut bench = Bench::new(Class::BlackwellB);
        let bytes = bench.memory.fill(SRC, 150 * 40, 16);
        let back = DST.plus(0x1000_0000);
        bench.addresses(SRC, DST);
        bench.set(&[(0x418, length), (0x41c, lines), (0x410, 150), (0x414, 150)]);
        bench.set(&[(0x70c, block), (0x710, 300), (0x714, 100), (0x718, 5), (0x71c, layer)]);
        bench.set(&[(0x728, block), (0x72c, 300), (0x730, 100), (0x734, 5), (0x738, layer)]);
        bench.set(&[(0x744, x), (0x748, y), (0x74c, x), (0x750, y)]);
        bench.completes(0x82 | MULTI_LINE);
        bench.addresses(DST, back);
        bench.completes(0x102 | MULTI_LINE);
        for line in 0..lines as usize {
            let found = bench.memory.get(back.plus(150 * line as u64), length as usize);
            prop_assert_eq!(&found, &bytes[150 * line..150 * line + length as usize]);
        }
    }
}
