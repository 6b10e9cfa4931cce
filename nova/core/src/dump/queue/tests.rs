// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::platform::OutOfMemory;
use std::string::String;
use std::vec::Vec;

impl Sink for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.extend(bytes);
        Ok(())
    }
}

/// A binding of memory in which each byte is the same.
#[derive(Clone)]
struct Bound {
    range: Range<u64>,
    about: About,
    label: Text<64>,
    byte: u8,
}

impl Source for Bound {
    fn read(&self, offset: u64, into: &mut [u8]) -> fmt::Result {
        assert_eq!(self.about.object.unwrap().place, Place::System);
        assert!(offset + into.len() as u64 <= size(self), "beyond the end");
        into.fill(self.byte);
        Ok(())
    }
}

impl Binding for Bound {
    fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    fn about(&self) -> About {
        self.about
    }

    fn label(&self) -> Text<64> {
        self.label
    }
}

fn bound(range: Range<u64>, place: Place, dumpable: bool, label: &str) -> Bound {
    let object = AboutObject {
        offset: 0x3000,
        size: 0x8000,
        place,
    };
    Bound {
        label: Text::format(format_args!("{label}")),
        byte: b'a' + (range.start >> 12) as u8,
        range,
        about: About {
            read_only: false,
            dumpable,
            kind: 6,
            object: Some(object),
        },
    }
}

/// An MMU fault, and a ring with nothing in it.
fn lost(bindings: &[Bound]) -> LostQueue<'_, Bound> {
    LostQueue {
        gpu: &"a card",
        interface: [1, 2],
        process: (Text::from_bytes(b"game\0"), 1234),
        id: 3,
        engine: Text::from_bytes(b"copy2"),
        error: Some(ChannelError {
            xid: 31,
            mmu_fault: Some(crate::MmuFault {
                address: 0x5000,
                kind: 2,
            }),
            ..ChannelError::default()
        }),
        architecture: Architecture::Ampere,
        fault: Some(7),
        jobs: [9, 8],
        ring: RingState {
            entries: 64,
            get: 3,
            put: 6,
        },
        unfinished: &[],
        entries: &[],
        bindings,
    }
}

fn written(queue: &LostQueue<'_, Bound>) -> String {
    let mut dump = Dump::new(Vec::new());
    queue.write(&mut dump).unwrap();
    let written = dump.into_inner();
    assert!(written.len() <= queue.size_max(), "{}", written.len());
    String::from_utf8(written).unwrap()
}

fn entry(index: u32, meaning: Meaning) -> Entry {
    Entry {
        index,
        bits: 0x1000 + u64::from(index),
        meaning,
    }
}

fn push(address: u64, words: u32) -> Meaning {
    Meaning::Push(Push {
        address,
        words,
        no_prefetch: false,
    })
}

fn unfinished(number: u64, began: Option<u64>, entries: usize) -> Job {
    Job {
        number,
        began,
        entries,
    }
}

#[test]
fn a_dump_has_all_of_a_fault() {
    let mut sparse = bound(0x4000..0x5000, Place::System, false, "");
    sparse.about.object = None;
    let mut read_only = bound(0x6000..0x6004, Place::System, true, "two\nlines");
    read_only.about.read_only = true;
    let bindings = [
        bound(0x1000..0x2000, Place::System, false, "words"),
        bound(0x2000..0x3000, Place::Vram, true, ""),
        bound(0x3000..0x4000, Place::Import, true, ""),
        sparse,
        read_only,
    ];
    let (jobs, entries) = (
        [unfinished(8, Some(55), 3), unfinished(9, None, 5)],
        [
            entry(3, Meaning::Own),
            entry(4, push(0x1ffc, 3)),
            entry(5, Meaning::Own),
            entry(6, Meaning::Base(1 << 40)),
            entry(7, Meaning::Unknown),
            entry(8, push(0x2000, 1)),
            entry(9, push(0x5ffc, 1)),
            entry(10, push(0x1010, 2)),
        ],
    );
    let queue = LostQueue {
        unfinished: &jobs,
        entries: &entries,
        ..lost(&bindings)
    };
    let expected = "\
nova queue dump 1
gpu            a card
interface      1.2
process        game, 1234
queue          3, engine copy2
reason         a fault of the MMU, Xid 31
fault          7 at 0x5000: Unmapped (0x2)
jobs           9 submitted, 8 done
ring           64 entries, GET 3, PUT 6

job 8 of the ring, begun at 55 ns
    3 0x0000000000001003 driver
    4 0x0000000000001004 push 0x1ffc, 12 bytes
    5 0x0000000000001005 driver

job 9 of the ring, not begun
    6 0x0000000000001006 base 0x10000000000
    7 0x0000000000001007 unknown
    8 0x0000000000001008 push 0x2000, 4 bytes, not in system memory
    9 0x0000000000001009 push 0x5ffc, 4 bytes, not bound
   10 0x000000000000100a push 0x1010, 8 bytes

5 bindings
0x1000-0x2000 kind 0x6 system, object of 0x8000 bytes from 0x3000: \"words\"
0x2000-0x3000 kind 0x6 dumpable vram, object of 0x8000 bytes from 0x3000
0x3000-0x4000 kind 0x6 dumpable import, object of 0x8000 bytes from 0x3000
0x4000-0x5000 kind 0x6 sparse
0x6000-0x6004 kind 0x6 read-only dumpable system, object of 0x8000 bytes from 0x3000: \"two\\nlines\"

== push@0x1ffc 4
bbbb
== push@0x1010 8
bbbbbbbb
== binding@0x6000 4
gggg
";
    assert_eq!(written(&queue), expected);
}

#[test]
fn a_dump_says_why() {
    let error = |xid| {
        Some(ChannelError {
            xid,
            ..ChannelError::default()
        })
    };
    for (error, fault, expected) in [
        (None, None, "reason         a job took too long\njobs"),
        (
            error(32),
            None,
            "reason         an error of the engine, Xid 32\njobs",
        ),
        (
            error(109),
            None,
            "reason         the engine did not get to an end, Xid 109\njobs",
        ),
        // Release 535 does not tell the address.
        (
            error(31),
            Some(4),
            "reason         a fault of the MMU, Xid 31\nfault          4\njobs",
        ),
    ] {
        let queue = LostQueue {
            error,
            fault,
            ..lost(&[])
        };
        let text = written(&queue);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_dump_is_bounded() {
    let at = |number: u64| number << 24..(number << 24) + 0x90_0000;
    let bindings: Vec<_> = (0..5000)
        .map(|number| bound(at(number), Place::System, number % 1000 == 7, ""))
        .collect();
    let entries: Vec<_> = (0..ENTRIES_MAX as u32)
        .map(|index| entry(index, push(0x1000, 0x1000)))
        .collect();
    let jobs = [unfinished(1, None, entries.len())];
    let mut queue = LostQueue {
        unfinished: &jobs,
        entries: &entries,
        ..lost(&bindings)
    };
    if let Some(fault) = queue.error.as_mut().and_then(|e| e.mmu_fault.as_mut()) {
        fault.address = at(4500).start - 1;
    }
    let text = written(&queue);
    assert!(text.contains("\nentries behind these, if there are any, are left out\n"));
    assert!(text.contains("\n5000 bindings, of which 904 are left out\n"));
    // As many as there are behind the fault, and so more before it.
    let listed = |number| text.contains(&std::format!("\n{:#x}-", at(number).start));
    assert_eq!([903, 904, 4999].map(listed), [false, true, true]);
    assert_eq!(text.matches("== push@0x1000 4096\n").count(), PUSHES_MAX);
    // The first one has 9 MiB, and the second one what is left.
    let heads: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("== binding@"))
        .collect();
    let expected = [(7, 9 << 20), (1007, 7 << 20)];
    let expected =
        expected.map(|(number, size): (u64, u32)| std::format!("{:#x} {size}", at(number).start));
    assert_eq!(heads, expected);
}

#[test]
fn many_bindings_do_not_make_a_dump_larger() {
    let bindings = std::vec![bound(0x1000..0x2000, Place::System, true, ""); 100_000];
    assert!(lost(&bindings).size_max() < 24 << 20);
}

#[test]
fn those_around_are_as_many_as_there_may_be() {
    for (count, middle, max, expected) in [
        (0, 0, 4, 0..0),
        (3, 1, 4, 0..3),
        (9, 0, 4, 0..4),
        (9, 4, 4, 2..6),
        (9, 9, 4, 5..9),
        (9, 7, 4, 5..9),
    ] {
        assert_eq!(around(count, middle, max), expected, "{middle} of {count}");
    }
}
