// SPDX-License-Identifier: GPL-2.0

//! Whatever a driver writes, the host does not panic and its turns are bounded.

use nova_hw::class::host::method;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::engines::host::pbdma::Budget;
use crate::engines::memory::FaultType;

const RANDOM_ENTRIES: u32 = 256;

/// Words that a driver might write on purpose: most of them do not stop a channel.
fn piece() -> impl Strategy<Value = Vec<u32>> {
    let operation = prop::sample::select(vec![Header::INC, Header::NON_INC, Header::ONE_INC]);
    let engine =
        (operation, 0u32..16, vec(any::<u32>(), 0..12)).prop_map(|(operation, method, data)| {
            let header = header(operation, 0x100 + method * 4, data.len() as u16);
            [&[header], &data[..]].concat()
        });
    let copy = (0u32..3 << 20).prop_map(|size| inc(TestEngine::COPY.into(), &[size]));
    let semaphore = (0u32..8, any::<u32>(), 0u32..7, any::<u32>()).prop_map(
        |(at, payload, operation, rest)| {
            let at = DATA as u32 + at * 16;
            // What may be set at will: 64 bits and the time.
            let data = operation | rest & 3 << 24 | 1 << 31;
            inc(method::SEM_ADDR_LO, &[at, 0, payload, 0, data])
        },
    );
    let host =
        (0..method::END / 4, 0u16..4).prop_map(|(method, data)| vec![immd(method * 4, data)]);
    prop_oneof![
        20 => engine,
        2 => copy,
        6 => semaphore,
        4 => (1usize..100).prop_map(|nops| vec![0; nops]),
        6 => (0u16..8).prop_map(|data| vec![immd(0x100, data); 40]),
        3 => Just(vec![immd(method::YIELD, 2)]),
        1 => host,
        1 => any::<u32>().prop_map(|word| vec![word]),
    ]
}

/// Which segment, and what of its entry is changed.
type Entry = (prop::sample::Index, u64);

fn entry() -> impl Strategy<Value = Entry> {
    let change = prop_oneof![
        30 => Just(0),
        // Conditional, a subroutine, synchronous.
        5 => prop::sample::select(vec![1, 1 << 41, 1 << 63]),
        1 => any::<u64>(),
        1 => (0u32..64).prop_map(|bit| 1 << bit),
    ];
    (any::<prop::sample::Index>(), change)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_panics_and_turns_are_bounded(
        class in prop::sample::select(ChannelClass::ALL.to_vec()),
        is_privileged: bool,
        is_graphics: bool,
        segments in vec(vec(piece(), 0..8), 1..6),
        entries in vec(entry(), 0..100),
        puts in vec(0u32..=RANDOM_ENTRIES, 1..4),
        refused in prop::option::of((0u64..0x100, 1u64..0x100)),
    ) {
        let mut bench = Bench::of(class);
        let setup = Setup {
            is_privileged,
            is_graphics,
            entries: RANDOM_ENTRIES,
            ..bench.setup(1)
        };
        bench.add_as(1, setup);
        let segments: Vec<_> = segments
            .into_iter()
            .map(|pieces| {
                let words = pieces.concat();
                GpEntry::segment(bench.words(&words), words.len() as u32)
            })
            .collect();
        for (number, (segment, change)) in entries.into_iter().enumerate() {
            let entry = u64::from(*segment.get(&segments)) ^ change;
            let at = Address::Virtual(gpfifo(1) + number as u64 * GP_ENTRY_SIZE);
            bench.card.memory.set(at, &entry.to_le_bytes());
        }
        if let Some((offset, size)) = refused {
            let at = Address::Virtual(DATA + offset);
            bench.card.memory.refuse(at, size, FaultType::Pte);
        }
        for put in puts {
            bench.set_gp_put(1, put);
            bench.ring(1);
            for _ in 0..50 {
                let from = bench.card.memory.log.len();
                let Some(turn) = bench.turn() else { break };
                let budget = Budget::TURN;
                prop_assert!(turn.report.methods().count() <= budget.methods as usize);
                // A semaphore is released, and there is what the turn begins with.
                prop_assert!(turn.report.steps.len() <= 2 * budget.methods as usize + 2);
                prop_assert!(turn.report.events.len() <= budget.methods as usize + 1);
                let accesses = budget.methods * 2 + budget.words + budget.entries + 16;
                prop_assert!(bench.card.memory.log.len() - from <= accesses as usize);
            }
            bench.host.poll();
        }
    }
}
