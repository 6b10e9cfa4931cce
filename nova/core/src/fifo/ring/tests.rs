// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::testing::Allocator;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;
use ChannelClass::{AmpereA, HopperA, TuringA};

/// The driver's own segments.
const OWN: [Push; 2] = [own(0x1060, 6), own(0x1000, 19)];

const fn own(address: u64, words: u32) -> Push {
    Push {
        address,
        words,
        no_prefetch: false,
    }
}

const TIB: u64 = 1 << 40;

fn push(address: u64) -> Push {
    Push {
        address,
        words: 4,
        no_prefetch: false,
    }
}

/// Pushes, each of which needs another base than the one before it.
fn apart(count: u32) -> Vec<Push> {
    let addresses = (1..=count).map(|n| u64::from(n % 2) * TIB);
    addresses.map(push).collect()
}

/// A ring, and what it has written.
struct Tested {
    ring: Ring<Allocator>,
    entries: Vec<Option<GpEntry>>,
    /// The indices in the order in which they were written.
    order: Vec<u32>,
}

impl Tested {
    fn new(class: ChannelClass, entries: u32) -> Self {
        Self {
            ring: Ring::new(&Allocator::default(), class, entries).unwrap(),
            entries: vec![None; entries as usize],
            order: Vec::new(),
        }
    }

    fn submit(&mut self, pushes: &[Push]) -> Result<(), SubmitError> {
        let (entries, order) = (&mut self.entries, &mut self.order);
        self.ring.submit(pushes, OWN, &mut |index, entry| {
            entries[index as usize] = Some(entry);
            order.push(index);
            Ok(())
        })
    }
}

#[test]
fn a_job_is_its_pushes_between_the_driver_s_segments_in_order() {
    let mut tested = Tested::new(AmpereA, 8);
    let waits = Push {
        no_prefetch: true,
        ..push(0xab_0000_0004)
    };
    tested.submit(&[push(0x2000), waits]).unwrap();
    let expected = [
        GpEntry::segment(0x1060, 6),
        GpEntry::segment(0x2000, 4),
        GpEntry::segment(0xab_0000_0004, 4).with_sync(true),
        GpEntry::segment(0x1000, 19),
    ];
    assert_eq!(tested.entries[..4], expected.map(Some));
    assert_eq!((tested.ring.put(), tested.ring.submitted()), (4, 1));
}

/// With eight entries there is room for seven.
#[test]
fn one_entry_stays_free_while_jobs_wrap_around() {
    let mut tested = Tested::new(TuringA, 8);
    for job in 0..100 {
        tested.submit(&[push(0x2000); 2]).unwrap();
        assert_eq!(tested.submit(&[push(0x2000); 2]), Err(SubmitError::NoRoom));
        tested.submit(&[push(0x2000); 1]).unwrap();
        assert_eq!(tested.submit(&[]), Err(SubmitError::NoRoom));
        tested.ring.complete(job * 2 + 1);
        assert_eq!(tested.submit(&[push(0x2000); 3]), Err(SubmitError::NoRoom));
        tested.ring.complete(job * 2 + 2);
        assert_eq!(tested.ring.completed(), u64::from(job) * 2 + 2);
    }
    let expected = (0..8).cycle().take(tested.order.len());
    assert!(tested.order.iter().copied().eq(expected));
}

#[test]
fn the_most_pushes_fit_and_more_never_do() {
    for (class, entries, max) in [(TuringA, 8, 5), (HopperA, 8, 1), (HopperA, 64, 29)] {
        assert_eq!(pushes_max(class, entries), max, "{class:?}");
        let mut tested = Tested::new(class, entries);
        let pushes = |count| match class {
            HopperA => apart(count),
            _ => vec![push(0x2000); count as usize],
        };
        assert_eq!(tested.submit(&pushes(max)), Ok(()));
        tested.ring.complete(1);
        let many = tested.submit(&pushes(max + 2));
        let needed = match class {
            HopperA => 2 * (max as usize + 2) + 3,
            _ => max as usize + 4,
        };
        let room = entries - 1;
        assert_eq!(
            many,
            Err(SubmitError::TooMany { needed, room }),
            "{class:?}"
        );
    }
    assert_eq!(pushes_max(HopperA, 2), 0);
}

/// From Hopper on, the upper bits of addresses are in an entry of their own.
#[test]
fn a_base_is_set_where_the_upper_bits_change() {
    let mut tested = Tested::new(HopperA, 16);
    let far = 5 * TIB + 0x40;
    tested
        .submit(&[push(far), push(far), push(0x2000)])
        .unwrap();
    tested.submit(&[push(0x2000)]).unwrap();
    let expected = [
        GpEntry::extended_base(0),
        GpEntry::segment(0x1060, 6),
        GpEntry::extended_base(far),
        GpEntry::segment(far, 4),
        GpEntry::segment(far, 4),
        GpEntry::extended_base(0),
        GpEntry::segment(0x2000, 4),
        GpEntry::segment(0x1000, 19),
        GpEntry::segment(0x1060, 6),
        GpEntry::segment(0x2000, 4),
        GpEntry::segment(0x1000, 19),
    ];
    assert_eq!(tested.entries[..11], expected.map(Some));
}

#[test]
fn pushes_that_no_entry_can_name_are_refused() {
    let refused = |class, pushes: &[Push]| {
        let mut tested = Tested::new(class, 16);
        let error = tested.submit(pushes).unwrap_err();
        assert_eq!((tested.order.len(), tested.ring.put()), (0, 0));
        assert_eq!(tested.ring.submitted(), 0);
        error
    };
    let words = |words| Push {
        words,
        ..push(0x2000)
    };
    for bad in [
        words(0),
        words(1 << 21),
        push(0x2002),
        push(u64::MAX - 3),
        push(TIB),
        push(TIB - 8),
    ] {
        let error = refused(TuringA, &[push(0x2000), bad]);
        assert_eq!(error, SubmitError::Push { index: 1 }, "{bad:?}");
    }
    for bad in [push(TIB - 8), push(1 << 57), push((1 << 57) - 8)] {
        let error = refused(HopperA, &[bad]);
        assert_eq!(error, SubmitError::Push { index: 0 }, "{bad:?}");
    }
    for (class, last) in [(TuringA, TIB - 16), (HopperA, (1 << 57) - 16)] {
        assert_eq!(Tested::new(class, 16).submit(&[push(last)]), Ok(()));
    }
    assert_eq!(
        Tested::new(TuringA, 16).submit(&[words((1 << 21) - 1)]),
        Ok(())
    );
}

#[test]
fn a_payload_of_no_job_is_ignored() {
    let mut tested = Tested::new(AmpereA, 16);
    for _ in 0..3 {
        tested.submit(&[]).unwrap();
    }
    for (payload, completed) in [
        (4, 0),
        (u32::MAX, 0),
        (2, 2),
        (1, 2),
        (0, 2),
        (3, 3),
        (4, 3),
    ] {
        tested.ring.complete(payload);
        assert_eq!(tested.ring.completed(), completed, "{payload:#x}");
    }
}

/// The lower half of the payload wraps around after years of work.
#[test]
fn numbers_of_jobs_do_not_wrap_around() {
    let mut tested = Tested::new(AmpereA, 16);
    let start = (1 << 32) - 2;
    (tested.ring.submitted, tested.ring.completed) = (start, start);
    for _ in 0..4 {
        tested.submit(&[]).unwrap();
    }
    tested.ring.complete(1);
    assert_eq!(tested.ring.completed(), start + 3);
    tested.ring.complete(2);
    assert_eq!(tested.ring.completed(), start + 4);
}

#[test]
fn so_many_jobs_are_under_way_and_no_more() {
    let mut tested = Tested::new(AmpereA, 0x1_0000);
    for _ in 0..JOBS - 1 {
        tested.submit(&[]).unwrap();
    }
    assert_eq!(tested.submit(&[]), Err(SubmitError::NoRoom));
    tested.ring.complete(1);
    assert_eq!(tested.submit(&[]), Ok(()));
    assert_eq!(tested.submit(&[]), Err(SubmitError::NoRoom));
}

#[test]
fn a_job_that_cannot_be_written_changes_nothing() {
    let mut tested = Tested::new(HopperA, 16);
    let outside = OutOfBounds {
        offset: 0,
        len: 8,
        size: 0,
    };
    let written = tested.ring.submit(&[], OWN, &mut |_, _| Err(outside));
    assert_eq!(written, Err(SubmitError::Memory(outside)));
    assert_eq!((tested.ring.put(), tested.ring.submitted()), (0, 0));
    tested.submit(&[]).unwrap();
    assert_eq!(tested.entries[0], Some(GpEntry::extended_base(0)));
}

proptest! {
    /// The host, which processes entries from GP_GET to GP_PUT, finds every job whole and in order,
    /// however jobs come and complete.
    #[test]
    fn no_entry_is_lost_or_overwritten(steps in prop::collection::vec((0..8_u32, any::<bool>()), 0..200)) {
        let mut tested = Tested::new(HopperA, 16);
        // What the host has still to do, and where it is.
        let (mut expected, mut get) = (Vec::new(), 0);
        for (count, completes) in steps {
            let pushes: Vec<Push> = (0..count).map(|n| push(u64::from(n / 2) * TIB)).collect();
            if tested.submit(&pushes).is_ok() {
                let [first, last] = OWN;
                let all = [first].into_iter().chain(pushes.iter().copied()).chain([last]);
                expected.extend(all.map(|push| push.address));
            }
            let mut base = 0;
            let mut seen = Vec::new();
            let mut at = get;
            while at != tested.ring.put() {
                let entry = tested.entries[at as usize].unwrap();
                match entry.is_control() {
                    true => base = entry.extended_base_operand(),
                    false => seen.push(base | entry.address()),
                }
                at = (at + 1) % 16;
            }
            prop_assert_eq!(seen.len(), expected.len());
            if completes {
                let last = tested.ring.submitted();
                tested.ring.complete(last as u32);
                (get, expected) = (tested.ring.put(), Vec::new());
            }
        }
    }
}
