// SPDX-License-Identifier: GPL-2.0

use super::*;
use nova_hw::class::copy::method;
use std::vec;
use std::vec::Vec;

/// The methods of a segment, with their data.
fn methods_of(segment: &[u32]) -> Vec<(u16, u32)> {
    let mut found = Vec::new();
    let mut words = segment.iter().copied();
    while let Some(header) = words.next().map(Header::from) {
        assert_eq!((header.operation(), header.subchannel()), (Header::INC, 4));
        for at in 0..header.count() {
            found.push((4 * (header.address() + at), words.next().unwrap()));
        }
    }
    found
}

/// What a segment launches: from where, to where, the length and the launch.
fn launches(segment: &[u32]) -> Vec<(u64, u64, u32, u32)> {
    let mut state = [0; 0x200];
    let mut found = Vec::new();
    for (method, data) in methods_of(segment) {
        state[usize::from(method / 4)] = data;
        let get = |offset: u16| u64::from(state[usize::from(offset / 4)]);
        if method == offset::LAUNCH_DMA {
            let from = get(0x400) << 32 | get(0x404);
            let to = get(0x408) << 32 | get(0x40c);
            found.push((from, to, get(0x418) as u32, data));
        }
    }
    found
}

const FROM: u64 = 0x12_3456_7891;
const TO: u64 = 0x98_7654_3211;

#[test]
fn every_class_has_the_methods() {
    for class in Class::ALL {
        let mut buffer = [0; 24];
        let mut words = Words::new(&mut buffer);
        let mut copy = CopyBytes {
            class,
            from: FROM,
            to: TO,
            bytes: 3,
        };
        let mut clear = ClearBytes {
            class,
            at: TO,
            bytes: 3,
        };
        assert!(copy.write(&mut words) && clear.write(&mut words));
        assert_eq!(words.room(), 0, "both are as long as they say");
        for (offset, data) in methods_of(words.written()) {
            match offset {
                0 => assert_eq!(data, class.number()),
                _ => assert!(method(class, offset).is_some(), "{class:?} {offset:#x}"),
            }
            if offset == offset::LAUNCH_DMA {
                assert_eq!(data & !LaunchDma::defined(class), 0);
            }
        }
    }
}

#[test]
fn a_long_copy_is_several_launches() {
    let mut copy = CopyBytes {
        class: Class::AmpereB,
        from: FROM,
        to: TO,
        bytes: (1 << 32) + 5,
    };
    let mut buffer = vec![0; 64];
    let mut words = Words::new(&mut buffer);
    assert!(copy.write(&mut words));
    let half = 1 << 31;
    let expected = [
        (FROM, TO, 1 << 31, 0x182),
        (FROM + half, TO + half, 1 << 31, 0x182),
        (FROM + 2 * half, TO + 2 * half, 5, 0x182),
    ];
    assert_eq!(launches(words.written()), expected);
    assert!(copy.write(&mut words), "nothing is left");
    assert_eq!(words.written().len(), 3 * CopyBytes::WORDS_MIN);
}

#[test]
fn what_does_not_fit_goes_into_the_next_segment() {
    let copy = CopyBytes {
        class: Class::TuringA,
        from: 0,
        to: 1 << 40,
        bytes: 3 << 31,
    };
    let mut rest = copy;
    let mut all = Vec::new();
    let mut segments = 0;
    loop {
        let mut buffer = [0; 2 * CopyBytes::WORDS_MIN + 10];
        let mut words = Words::new(&mut buffer);
        let is_done = rest.write(&mut words);
        all.extend(launches(words.written()));
        segments += 1;
        if is_done {
            break;
        }
    }
    assert_eq!((segments, all.len()), (2, 3));
    let bytes: u64 = all.iter().map(|launch| u64::from(launch.2)).sum();
    assert_eq!(bytes, copy.bytes);
}

#[test]
fn a_fill_has_words_as_elements_where_it_can() {
    let clear = |at, bytes| {
        let mut buffer = vec![0; 64];
        let mut words = Words::new(&mut buffer);
        let class = Class::HopperA;
        assert!(ClearBytes { class, at, bytes }.write(&mut words));
        let components = methods_of(words.written())
            .into_iter()
            .filter(|(offset, _)| *offset == offset::SET_REMAP_COMPONENTS)
            .map(|(_, data)| data);
        let lengths = launches(words.written())
            .into_iter()
            .map(|(_, to, length, launch)| (to, length, launch));
        (components.collect::<Vec<_>>(), lengths.collect::<Vec<_>>())
    };
    // Constant A, in components of four bytes.
    let (components, launches) = clear(0x1000, 0x2000);
    assert_eq!(components, [0x3_0004]);
    assert_eq!(launches, [(0x1000, 0x800, 0x582)]);
    for (at, bytes) in [(0x1001, 0x2000), (0x1000, 0x2001)] {
        let (components, launches) = clear(at, bytes);
        assert_eq!(components, [0x4]);
        assert_eq!(launches, [(at, bytes as u32, 0x582)]);
    }
    let (_, launches) = clear(0, 5 << 30);
    let elements: Vec<_> = launches
        .iter()
        .map(|&(to, length, _)| (to, length))
        .collect();
    assert_eq!(
        elements,
        [(0, 1 << 29), (1 << 31, 1 << 29), (1 << 32, 1 << 28)]
    );
}
