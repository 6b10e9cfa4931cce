// SPDX-License-Identifier: MIT

use super::*;
use crate::testing::Fake;

const TIMELINE: u32 = nouveau_uapi::SYNC_TIMELINE;

fn theirs(handle: u32, flags: u32, timeline_value: u64) -> nouveau_uapi::Sync {
    nouveau_uapi::Sync {
        flags,
        handle,
        timeline_value,
    }
}

fn list(fake: &Fake, handles: std::ops::Range<u32>) -> List {
    let syncs: Vec<_> = handles.map(|handle| theirs(handle, 0, 0)).collect();
    List {
        pointer: fake.place(&syncs),
        count: syncs.len() as u32,
    }
}

/// What is submitted, as part, handles waited for, and handles signalled.
fn pieces(waits: u32, signals: u32, max: usize, parts: &[char]) -> Vec<String> {
    let fake = Fake::new();
    let syncs = Syncs {
        waits: list(&fake, 0..waits),
        signals: list(&fake, 100..100 + signals),
        max,
    };
    let mut pieces = Vec::new();
    let result = syncs.submit(&fake, parts, |part, syncs| {
        let mut piece = part.map_or('-', |part| *part).to_string();
        for sync in syncs {
            let sign = if sync.flags == SYNC_SIGNAL { '+' } else { '<' };
            piece.push_str(&format!(" {sign}{}", sync.handle));
        }
        pieces.push(piece);
        Ok(())
    });
    assert_eq!(result, Ok(()));
    pieces
}

#[test]
fn one_call_is_enough_where_the_limit_allows() {
    assert_eq!(pieces(0, 0, 4, &['a']), ["a"]);
    assert_eq!(pieces(2, 2, 4, &['a']), ["a <0 <1 +100 +101"]);
    assert_eq!(pieces(0, 1, 1, &['a']), ["a +100"]);
    assert_eq!(pieces(2, 0, 4, &[]), ["- <0 <1"]);
}

#[test]
fn work_comes_behind_all_waits_and_before_the_signals_that_do_not_fit() {
    assert_eq!(pieces(3, 1, 2, &['a']), ["- <0 <1", "a <2 +100"]);
    assert_eq!(
        pieces(2, 3, 2, &['a']),
        ["a <0 <1", "- +100 +101", "- +102"]
    );
    assert_eq!(pieces(4, 0, 2, &['a']), ["- <0 <1", "a <2 <3"]);
    assert_eq!(
        pieces(1, 2, 2, &['a', 'b', 'c']),
        ["a <0", "b", "c +100 +101"]
    );
    assert_eq!(pieces(0, 3, 2, &['a', 'b']), ["a", "b +100 +101", "- +102"]);
}

#[test]
fn what_fails_ends_the_rest() {
    let fake = Fake::new();
    let syncs = Syncs {
        waits: list(&fake, 0..3),
        signals: list(&fake, 100..103),
        max: 2,
    };
    for good in 0..4 {
        let mut calls = 0;
        let result = syncs.submit(&fake, ['a'], |_, _| {
            calls += 1;
            if calls > good {
                Err(Errno::NOMEM)
            } else {
                Ok(())
            }
        });
        let expected = if good < 3 { Err(Errno::NOMEM) } else { Ok(()) };
        assert_eq!(result, expected);
        assert_eq!(calls, (good + 1).min(3));
    }
}

/// A program repeats a call that fails with EINTR.
#[test]
fn a_signal_interrupts_nothing_once_the_first_piece_is_submitted() {
    let fake = Fake::new();
    let syncs = Syncs {
        waits: list(&fake, 0..3),
        signals: list(&fake, 100..103),
        max: 2,
    };
    let mut pieces = Vec::new();
    let mut call = || {
        let mut calls = 0;
        syncs.submit(&fake, ['a'], |part, syncs| {
            pieces.push((part, syncs.len()));
            calls += 1;
            match calls {
                2 | 4 => Err(Errno::INTR),
                _ => Ok(()),
            }
        })
    };
    assert_eq!(call(), Ok(()));
    let twice = |piece| [piece; 2];
    let expected = [
        [(None, 2)].as_slice(),
        &twice((Some('a'), 2)),
        &twice((None, 2)),
    ];
    assert_eq!(pieces, expected.concat());
    let result = syncs.submit(&fake, ['a'], |_, _| Err(Errno::INTR));
    assert_eq!(result, Err(Errno::INTR));
}

#[test]
fn points_and_types_are_translated() {
    let binary = Sync {
        handle: 5,
        flags: SYNC_SIGNAL,
        point: 0,
    };
    // nouveau ignores the value of a binary object, and takes point zero for the object itself.
    for same in [theirs(5, 0, 0), theirs(5, 0, 9), theirs(5, TIMELINE, 0)] {
        assert_eq!(translated(same, SYNC_SIGNAL), Ok(binary));
    }
    let point = Sync {
        handle: 5,
        flags: SYNC_TIMELINE,
        point: u64::MAX,
    };
    assert_eq!(translated(theirs(5, TIMELINE, u64::MAX), 0), Ok(point));
    assert_eq!(translated(theirs(5, 2, 0), 0), Err(Errno::OPNOTSUPP));
}

#[test]
fn an_array_that_is_not_there_is_efault() {
    let fake = Fake::new();
    let mut syncs = Syncs {
        waits: list(&fake, 0..2),
        signals: list(&fake, 0..0),
        max: 4,
    };
    syncs.waits.count = 3;
    assert_eq!(syncs.submit(&fake, ['a'], |_, _| Ok(())), Err(Errno::FAULT));
    syncs.waits = List {
        pointer: u64::MAX - 15,
        count: 2,
    };
    assert_eq!(syncs.submit(&fake, ['a'], |_, _| Ok(())), Err(Errno::FAULT));
}
