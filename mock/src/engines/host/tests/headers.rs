// SPDX-License-Identifier: GPL-2.0

//! Headers, and where segments split what they have.

use nova_hw::class::host::SubdeviceHeader;

use super::*;

/// Words, and the methods that the engine is to see.
type Form = (Vec<u32>, Vec<(u16, u32)>);

/// A header of each form with its data, and what the engine is to see.
fn forms() -> Vec<Form> {
    let form = |operation, methods: [u16; 3]| {
        let header = header(operation, 0x100, 3);
        let seen = methods.into_iter().zip([7, 8, 9]).collect();
        (vec![header, 7, 8, 9], seen)
    };
    vec![
        form(Header::INC, [0x100, 0x104, 0x108]),
        form(Header::NON_INC, [0x100, 0x100, 0x100]),
        form(Header::ONE_INC, [0x100, 0x104, 0x104]),
        (vec![immd(0x100, 0x1fff)], vec![(0x100, 0x1fff)]),
        (vec![0, 0], vec![]),
        (vec![header(Header::INC, 0x100, 0)], vec![]),
        (vec![header(Header::NON_INC, 0x100, 0)], vec![]),
        (vec![header(Header::ONE_INC, 0x100, 0)], vec![]),
        (inc(0x3ffc, &[5]), vec![(0x3ffc, 5)]),
        (
            vec![header(Header::ONE_INC, 0x3ffc, 1), 5],
            vec![(0x3ffc, 5)],
        ),
        (
            vec![header(Header::ONE_INC, 0x3ff8, 3), 5, 6, 7],
            vec![(0x3ff8, 5), (0x3ffc, 6), (0x3ffc, 7)],
        ),
        (
            vec![header(Header::NON_INC, 0x3ffc, 2), 5, 6],
            vec![(0x3ffc, 5), (0x3ffc, 6)],
        ),
    ]
}

#[test]
fn every_form_is_understood_wherever_segments_split_it() {
    let last = immd(0x200, 1);
    for (words, seen) in forms() {
        let expected = [seen, vec![(0x200, 1)]].concat();
        let words = [words, vec![last]].concat();
        for split in 0..words.len() {
            let mut bench = Bench::with_channel(ChannelClass::TuringA);
            let (first, second) = words.split_at(split);
            if !first.is_empty() {
                bench.segment(1, first);
            }
            bench.push(1, second);
            assert_eq!(bench.events(), []);
            assert_eq!(bench.seen(), expected, "{words:x?} split at {split}");
            assert_eq!(bench.status(1), Status::Idle);
        }
    }
}

#[test]
fn data_goes_on_in_a_later_push() {
    let mut bench = Bench::with_channel(ChannelClass::HopperA);
    bench.push(1, &[header(Header::INC, 0x100, 2)]);
    bench.run();
    bench.push(1, &[1]);
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
    bench.entry(1, GpEntry::control(GpEntry::NOP, 0));
    bench.push(1, &[2, immd(0x108, 3)]);
    bench.run();
    assert_eq!(bench.seen(), [(0x104, 2), (0x108, 3)]);
}

#[test]
fn obsolete_and_reserved_headers_stop_the_channel() {
    // Old increments and non-increments, the reserved operation, and masks with stray bits.
    for header in [
        0x0000_0100,
        0x0004_0100,
        0x4004_0100,
        0xc001_0040,
        0x0010_0010,
        0x0001_0000 | 1 << 18,
    ] {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        let stop = bench.error_of(&[immd(0x100, 1), header, immd(0x100, 2)]);
        let reason = "obsolete or reserved";
        assert_eq!(stop.cause, Cause::PbEntry { header, reason });
        assert_eq!((stop.exception, stop.engine), (32, HOST_TYPE));
        assert_eq!(bench.seen(), [(0x100, 1)]);
    }
}

#[test]
fn methods_that_wrap_around_stop_the_channel() {
    for bad in [
        header(Header::INC, 0x3ffc, 2),
        header(Header::INC, 0x100, 0xfff),
        header(Header::ONE_INC, 0x3ffc, 2),
    ] {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        let reason = "the methods wrap around";
        let cause = Cause::PbEntry {
            header: bad,
            reason,
        };
        assert_eq!(bench.error_of(&[bad, 1, 2]).cause, cause);
        assert_eq!(bench.seen(), []);
    }
}

#[test]
fn a_segment_ends_at_its_end_header() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let end = header(Header::END_PB_SEGMENT, 0, 0);
    bench.segment(1, &[immd(0x100, 1), end, immd(0x100, 2), 0xc000_0000]);
    bench.push(1, &[immd(0x100, 3)]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.seen(), [(0x100, 1), (0x100, 3)]);
}

fn mask(opcode: u16, mask: u16) -> u32 {
    SubdeviceHeader::new()
        .with_opcode(opcode)
        .with_mask(mask)
        .into()
}

#[test]
fn a_subdevice_mask_without_this_gpu_hides_methods() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let (off, on) = (mask(SubdeviceHeader::SET, 0), mask(SubdeviceHeader::SET, 1));
    let hidden = inc(0x100, &[2, 3]);
    let words = [
        &[immd(0x100, 1), off],
        &hidden[..],
        &[immd(0, 1), on, immd(0x100, 4)],
    ];
    bench.push(1, &words.concat());
    assert_eq!(bench.events(), []);
    assert_eq!(bench.seen(), [(0x100, 1), (0x100, 4)]);
    // The stored mask is used later.
    let words = [
        mask(SubdeviceHeader::STORE, 0),
        immd(0x100, 5),
        mask(SubdeviceHeader::USE, 0xfff),
        immd(0x100, 6),
        mask(SubdeviceHeader::STORE, 2),
        immd(0x100, 7),
        mask(SubdeviceHeader::USE, 0),
        immd(0x100, 8),
    ];
    bench.push(1, &words);
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 5), (0x100, 8)]);
}
