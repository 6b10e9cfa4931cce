// SPDX-License-Identifier: GPL-2.0

//! Entries, and what USERD says about them.

use nova_hw::class::host::SubdeviceHeader;

use super::*;
use crate::engines::host::crc;

#[test]
fn the_ring_wraps_around() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    for number in 0..20 {
        bench.segment(1, &[immd(0x100, number * 2)]);
        bench.push(1, &[immd(0x100, number * 2 + 1)]);
        bench.run();
        assert_eq!(bench.gp_get(1), u32::from(number * 2 + 2) % ENTRIES);
    }
    let seen = bench.seen();
    assert_eq!(seen.len(), 40);
    assert!((0..).zip(seen).all(|(data, seen)| seen == (0x100, data)));
}

#[test]
fn a_full_ring_is_processed() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    for number in 1..ENTRIES as u16 {
        bench.segment(1, &[immd(0x100, number)]);
    }
    bench.ring(1);
    bench.run();
    assert_eq!(bench.seen().len(), 7);
    assert_eq!((bench.gp_get(1), bench.gp_put(1)), (7, 7));
}

#[test]
fn new_entries_wait_for_the_doorbell() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.segment(1, &[immd(0x100, 1)]);
    assert_eq!(bench.status(1), Status::Idle);
    assert_eq!(bench.run(), []);
    bench.ring(1);
    assert_eq!(bench.status(1), Status::Runnable);
    assert_eq!(bench.seen(), [], "the doorbell only marks");
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
    // A doorbell without new entries costs one turn.
    bench.ring(1);
    bench.card.memory.log.clear();
    let turns = bench.run();
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].report, Report::default());
    assert_eq!(bench.card.memory.log.len(), 1, "it only reads GP_PUT");
}

#[test]
fn userd_tells_how_far_the_channel_is() {
    let mut bench = Bench::with_channel(ChannelClass::HopperA);
    let main = bench.words(&[0, 0, 0]);
    let sub = bench.words(&[0, 0]);
    bench.entry(1, GpEntry::extended_base(1 << 40));
    bench.entry(1, GpEntry::segment(main, 3));
    bench.entry(1, GpEntry::segment(sub, 2).with_subroutine(true));
    bench.ring(1);
    bench.run();
    let word = |offset| bench.userd(1, offset);
    assert_eq!(word(userd::GP_GET), 3);
    assert_eq!(word(userd::GET), sub as u32 + 8);
    assert_eq!(word(userd::PUT), sub as u32 + 8);
    assert_eq!((word(userd::GET_HI), word(userd::PUT_HI)), (0x100, 0x100));
    assert_eq!(word(userd::TOP_LEVEL_GET), main as u32 + 12);
    assert_eq!(word(userd::TOP_LEVEL_GET_HI), 0x8000_0100);
    assert_eq!(word(userd::GP_PUT), 3);
}

#[test]
fn userd_has_little_on_blackwell() {
    let mut bench = Bench::with_channel(ChannelClass::BlackwellB);
    bench.push(1, &[0, 0, immd(0x50, 9)]);
    bench.run();
    let userd = bench.card.memory.get(userd_at(1, 0), 512);
    let set: Vec<_> = (0..512).filter(|&at| userd[at] != 0).collect();
    assert_eq!(set, [0x88, 0x8c]);
}

#[test]
fn an_entry_counts_as_soon_as_it_is_begun() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.push(1, &vec![0; 1000]);
    assert!(bench.turn().is_some());
    assert_eq!(bench.status(1), Status::Runnable);
    assert_eq!(bench.gp_get(1), 1);
    let begin = 0x100_0000;
    assert_eq!(bench.userd(1, userd::GET), begin + 256 * 4);
    assert_eq!(bench.userd(1, userd::PUT), begin + 4000);
}

#[test]
fn entries_without_a_segment_do_nothing() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.entry(1, GpEntry::control(GpEntry::NOP, 0xffff_ffff));
    let nop = GpEntry::control(GpEntry::NOP, 4);
    bench.entry(1, nop.with_sync(true).with_subroutine(true));
    bench.push(1, &[immd(0x100, 1)]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.seen(), [(0x100, 1)]);
    assert_eq!(bench.gp_get(1), 3);
}

#[test]
fn bad_control_entries_stop_the_channel() {
    let bad = |class, opcode| {
        let mut bench = Bench::with_channel(class);
        let entry = GpEntry::control(opcode, 1);
        bench.segment(1, &[immd(0x100, 1)]);
        bench.entry(1, entry);
        bench.push(1, &[immd(0x100, 2)]);
        let stop = bench.error();
        assert_eq!(bench.seen(), [(0x100, 1)]);
        let reason = "no such operation";
        let entry = u64::from(entry);
        assert_eq!(stop.cause, Cause::GpEntry { entry, reason });
        assert_eq!(stop.exception, 32);
    };
    bad(ChannelClass::AmpereA, GpEntry::ILLEGAL);
    bad(ChannelClass::AmpereA, GpEntry::SET_PB_SEGMENT_EXTENDED_BASE);
    bad(ChannelClass::HopperA, 5);
    bad(ChannelClass::BlackwellB, 0xff);
}

#[test]
fn the_extended_base_goes_in_front_of_segments() {
    let mut bench = Bench::with_channel(ChannelClass::BlackwellA);
    let high = 0x1ab_cd00_0000_0000;
    let words = immd(0x100, 1).to_le_bytes();
    bench
        .card
        .memory
        .set(Address::Virtual(high + 0x1000), &words);
    bench.entry(1, GpEntry::extended_base(high));
    bench.entry(1, GpEntry::segment(high + 0x1000, 1));
    bench.ring(1);
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1)]);
    // It stays, and can be taken back.
    bench.entry(1, GpEntry::segment(0x1000, 1));
    bench.entry(1, GpEntry::extended_base(0));
    bench.push(1, &[immd(0x100, 2)]);
    bench.run();
    assert_eq!(bench.seen(), [(0x100, 1), (0x100, 2)]);
}

#[test]
fn a_segment_must_end_before_the_address_space() {
    for (at, length, is_right) in [
        (0xff_ffff_fff8, 1, true),
        (0xff_ffff_fffc, 1, false),
        (0xff_ffff_fffc, 2, false),
        (0xff_ffff_f000, 0x400, false),
        (0xff_ffff_f000, 0x3ff, true),
    ] {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        bench.entry(1, GpEntry::segment(at, length));
        bench.ring(1);
        let events = bench.events();
        assert_eq!(events.is_empty(), is_right, "{at:#x}: {events:?}");
    }
}

#[test]
fn a_skipped_segment_is_not_even_read() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let off = SubdeviceHeader::new().with_opcode(SubdeviceHeader::SET);
    bench.segment(1, &[off.into(), header(Header::INC, 0x100, 2), 1]);
    let at = bench.words(&[0xc000_0000, 0]);
    bench.card.memory.refuse(
        Address::Virtual(at),
        8,
        crate::engines::memory::FaultType::Pte,
    );
    bench.entry(1, GpEntry::segment(at, 2).with_conditional(true));
    let on = off.with_mask(1).into();
    bench.push(1, &[2, on, immd(0x104, 3)]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.seen(), [(0x104, 3)]);
}

#[test]
fn a_conditional_segment_ends_where_the_mask_excludes_the_gpu() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    let off = SubdeviceHeader::new().with_opcode(SubdeviceHeader::SET);
    let on = off.with_mask(8);
    let at = bench.words(&[immd(0x100, 1), off.into(), on.into(), immd(0x100, 2)]);
    bench.entry(1, GpEntry::segment(at, 4).with_conditional(true));
    bench.push(1, &[immd(0x100, 3), on.into(), immd(0x100, 4)]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.seen(), [(0x100, 1), (0x100, 4)]);
}

#[test]
fn a_conditional_segment_must_not_begin_with_data() {
    let mut bench = Bench::with_channel(ChannelClass::AmpereA);
    bench.segment(1, &[header(Header::INC, 0x100, 2), 1]);
    let at = bench.words(&[2]);
    bench.entry(1, GpEntry::segment(at, 1).with_conditional(true));
    bench.ring(1);
    assert_eq!(bench.error().cause, Cause::PbSegment);
    assert_eq!(bench.seen(), [(0x100, 1)]);
}

#[test]
fn crcs_are_compared() {
    let words = [immd(0x100, 1), immd(0x104, 2)];
    let segment = words.iter().fold(0, |crc, &word| crc::add(crc, word));
    let entries = |entries: &[GpEntry]| {
        let words = entries.iter().flat_map(|&entry| {
            let bits = u64::from(entry);
            [bits as u32, (bits >> 32) as u32]
        });
        words.fold(0, crc::add)
    };
    let run = |change: [u32; 2]| {
        let mut bench = Bench::with_channel(ChannelClass::AmpereA);
        let at = bench.words(&words);
        let first = GpEntry::segment(at, 2);
        let compare = GpEntry::control(GpEntry::PB_CRC, segment ^ change[0]);
        let all = [first, first, compare];
        for entry in all {
            bench.entry(1, entry);
        }
        let all = entries(&all);
        bench.entry(1, GpEntry::control(GpEntry::GP_CRC, all ^ change[1]));
        // The comparison has cleared it.
        bench.entry(1, GpEntry::control(GpEntry::GP_CRC, 0));
        bench.ring(1);
        let mut events = bench.events();
        events.pop().map(|event| match event {
            HostEvent::Stopped(stop) => stop,
            event => panic!("{event:?}"),
        })
    };
    assert_eq!(run([0, 0]), None);
    let stop = run([1, 0]).unwrap();
    let (found, expected) = (segment, segment ^ 1);
    assert_eq!(stop.cause, Cause::PbCrc { found, expected });
    assert_eq!(stop.exception, 80);
    let stop = run([0, 1]).unwrap();
    assert!(matches!(stop.cause, Cause::GpCrc { .. }));
    assert_eq!(stop.exception, 32);
}
