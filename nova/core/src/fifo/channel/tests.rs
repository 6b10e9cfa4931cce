// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::fifo::unfinished::Meaning;
use crate::platform::DmaAllocator;
use crate::testing::Allocator;
use nova_hw::class::host::GpEntry;
use std::vec::Vec;

const VA: u64 = 0x40_0000;

fn channel(entries: u32) -> (Channel<Allocator>, crate::testing::Memory) {
    let layout = ChannelLayout::new(entries).unwrap();
    let allocator = Allocator::default();
    let memory = allocator.alloc_dma(layout.size() as usize).unwrap();
    let channel = Channel::new(&allocator, ChannelClass::AmpereA, layout, VA);
    (channel.unwrap(), memory)
}

fn word(memory: &impl DmaMemory, offset: u64) -> u64 {
    let mut bytes = [0; 8];
    memory.read(offset as usize, &mut bytes).unwrap();
    u64::from_le_bytes(bytes)
}

const PUSH: Push = Push {
    address: 0x9000,
    words: 3,
    no_prefetch: false,
};

#[test]
fn the_parts_of_the_memory_do_not_overlap() {
    for (entries, segments, size) in [
        (64, 64, 64 * 8 + 64 * 160 + 16),
        (4096, 1024, 4096 * 8 + 1024 * 160 + 16),
        (65536, 1024, 65536 * 8 + 1024 * 160 + 16),
    ] {
        let layout = ChannelLayout::new(entries).unwrap();
        assert_eq!((layout.segments(), layout.size()), (segments, size));
        assert_eq!(layout.semaphore() % 16, 0);
        let last = layout.segment(u64::from(segments) - 1);
        assert_eq!(last + SEGMENT, layout.first_stamps());
        assert_eq!(layout.first_stamps() % 16, 0);
        let last = layout.stamps(u64::from(segments) - 1);
        assert_eq!(last + STAMPS, layout.semaphore());
        assert_eq!(layout.segment(u64::from(segments)), layout.first_segment());
    }
    for entries in [0, 2, 96, 0x2_0000] {
        assert_eq!(ChannelLayout::new(entries), None, "{entries:#x}");
    }
}

#[test]
fn a_job_is_written_and_completes() {
    let (mut channel, memory) = channel(64);
    let segment = 64 * 8 + 128;
    let submitted = channel.submit(&memory, &[PUSH]).unwrap();
    let expected = Submitted { job: 1, gp_put: 3 };
    assert_eq!(submitted, expected);
    let own = GpEntry::segment(VA + segment + 96, 6);
    assert_eq!(word(&memory, 0), own.into());
    assert_eq!(word(&memory, 8), GpEntry::segment(0x9000, 3).into());
    let own = GpEntry::segment(VA + segment, 19);
    assert_eq!(word(&memory, 16), own.into());
    // The releases of the first job: where the stamps and the semaphore are, and the number.
    let stamps = VA + 64 * 8 + 64 * 128 + 32;
    let semaphore = VA + 64 * 8 + 64 * 160;
    for (at, to) in [(96, stamps), (0, stamps + 16), (24, semaphore)] {
        assert_eq!(word(&memory, segment + at), to << 32 | 0x2005_0017);
        assert_eq!(word(&memory, segment + at + 8), 1 << 32);
    }
    assert_eq!(channel.poll(&memory), 0);
    memory.store32((semaphore - VA) as usize, 1).unwrap();
    assert_eq!((channel.poll(&memory), channel.submitted()), (1, 1));
    memory.store32((semaphore - VA) as usize, 7).unwrap();
    assert_eq!(channel.poll(&memory), 1);
}

/// Writes a stamp, as the GPU does.
fn stamp(memory: &crate::testing::Memory, at: u32, job: u64, time: u64) {
    memory.write(at as usize + 8, &time.to_le_bytes()).unwrap();
    memory.write(at as usize, &job.to_le_bytes()).unwrap();
}

#[test]
fn the_time_of_jobs_is_that_between_their_stamps() {
    let (mut channel, memory) = channel(64);
    let layout = ChannelLayout::new(64).unwrap();
    let began = |job, time| stamp(&memory, layout.stamps(job), job, time);
    let ended = |job, time| stamp(&memory, layout.stamps(job) + 16, job, time);
    let done = |job| memory.store32(layout.semaphore() as usize, job).unwrap();
    for _ in 0..4 {
        channel.submit(&memory, &[PUSH]).unwrap();
    }
    let time = |channel: &Channel<Allocator>, now| channel.engine_time(&memory, now);
    assert_eq!(time(&channel, Some(1000)), 0, "none has begun");
    began(1, 100);
    assert_eq!(time(&channel, Some(130)), 30);
    assert_eq!(time(&channel, Some(90)), 0, "the clock is behind");
    assert_eq!(time(&channel, None), 0, "there is no clock");
    // The GPU was idle between two jobs that are found done at once.
    ended(1, 150);
    began(2, 200);
    ended(2, 205);
    began(3, 300);
    done(2);
    channel.poll(&memory);
    assert_eq!(time(&channel, Some(310)), 50 + 5 + 10);
    // The program has overwritten stamps of its own.
    stamp(&memory, layout.stamps(3) + 16, 7, 5000);
    done(3);
    channel.poll(&memory);
    assert_eq!(time(&channel, Some(310)), 55);
    began(4, u64::MAX);
    ended(4, 0);
    done(4);
    channel.poll(&memory);
    assert_eq!(time(&channel, Some(u64::MAX)), 55);
}

/// What the ring has of a job: the indices and meanings of its entries.
fn entries(
    channel: &Channel<Allocator>,
    memory: &crate::testing::Memory,
    job: u64,
) -> Vec<(u32, Meaning)> {
    let mut entries = channel.unfinished_job(memory, job).unwrap().entries;
    core::iter::from_fn(|| entries.read(memory))
        .inspect(|entry| assert_eq!(entry.bits, word(memory, u64::from(entry.index) * 8)))
        .map(|entry| (entry.index, entry.meaning))
        .collect()
}

#[test]
fn jobs_that_have_not_completed_are_found_in_the_ring() {
    use Meaning::{Own, Push as Pushed};
    let (mut channel, memory) = channel(8);
    assert_eq!(channel.unfinished(), 1..1);
    let other = Push {
        address: 0xab_0000_0000,
        words: 7,
        no_prefetch: true,
    };
    channel.submit(&memory, &[PUSH]).unwrap();
    channel.submit(&memory, &[PUSH, other]).unwrap();
    assert_eq!(channel.unfinished(), 1..3);
    let first = [(0, Own), (1, Pushed(PUSH)), (2, Own)];
    assert_eq!(entries(&channel, &memory, 1), first);
    let second = [(3, Own), (4, Pushed(PUSH)), (5, Pushed(other)), (6, Own)];
    assert_eq!(entries(&channel, &memory, 2), second);
    let layout = ChannelLayout::new(8).unwrap();
    memory.store32(layout.semaphore() as usize, 1).unwrap();
    channel.poll(&memory);
    // The next one goes on at the start of the ring.
    channel.submit(&memory, &[PUSH]).unwrap();
    assert_eq!(channel.unfinished(), 2..4);
    assert_eq!(entries(&channel, &memory, 2), second);
    let third = [(7, Own), (0, Pushed(PUSH)), (1, Own)];
    assert_eq!(entries(&channel, &memory, 3), third);
    let state = RingState {
        entries: 8,
        get: 3,
        put: 2,
    };
    assert_eq!(channel.ring_state(), state);
    for job in [0, 1, 4, u64::MAX] {
        assert_eq!(channel.unfinished_job(&memory, job), None, "{job}");
    }
    let began = |job| channel.unfinished_job(&memory, job).unwrap().began;
    stamp(&memory, layout.stamps(2), 2, 1234);
    assert_eq!([began(2), began(3)], [Some(1234), None]);
}

/// From Hopper on, and whatever a program has written to the ring.
#[test]
fn entries_have_bases() {
    const TIB: u64 = 1 << 40;
    let layout = ChannelLayout::new(64).unwrap();
    let allocator = Allocator::default();
    let memory = allocator.alloc_dma(layout.size() as usize).unwrap();
    let va = 3 * TIB + VA;
    let mut channel = Channel::new(&allocator, ChannelClass::HopperA, layout, va).unwrap();
    let far = Push {
        address: 5 * TIB + 0x9000,
        ..PUSH
    };
    channel.submit(&memory, &[far]).unwrap();
    channel.submit(&memory, &[PUSH]).unwrap();
    let meanings = |job| -> Vec<_> {
        let entries = entries(&channel, &memory, job);
        entries.into_iter().map(|(_, meaning)| meaning).collect()
    };
    let (own, base) = (Meaning::Own, |number| Meaning::Base(number * TIB));
    let first = [base(3), own, base(5), Meaning::Push(far), base(3), own];
    assert_eq!(meanings(1), first);
    assert_eq!(
        meanings(2),
        [own, base(0), Meaning::Push(PUSH), base(3), own]
    );
    let nop = GpEntry::control(GpEntry::NOP, 0);
    memory.write(8, &u64::from(nop).to_le_bytes()).unwrap();
    assert_eq!(meanings(1)[1], Meaning::Unknown);
}

/// The segment of a job that may be under way stays as it is.
#[test]
fn a_job_without_room_writes_nothing() {
    let (mut channel, memory) = channel(8);
    for _ in 0..3 {
        channel.submit(&memory, &[]).unwrap();
    }
    let before = memory.read_all();
    assert_eq!(channel.submit(&memory, &[]), Err(SubmitError::NoRoom));
    let many = channel.submit(&memory, &[PUSH; 6]);
    let error = SubmitError::TooMany { needed: 8, room: 7 };
    assert_eq!(many, Err(error));
    assert_eq!(memory.read_all(), before);
}

#[test]
fn memory_must_be_where_the_host_reaches_it() {
    let layout = ChannelLayout::new(64).unwrap();
    let new = |class, va| Channel::new(&Allocator::default(), class, layout, va).is_ok();
    let (ampere, hopper) = (ChannelClass::AmpereA, ChannelClass::HopperA);
    let end = u64::from(layout.size().next_multiple_of(0x1000));
    assert!(new(ampere, (1 << 40) - end) && !new(ampere, (1 << 40) - 0x1000));
    assert!(new(hopper, (1 << 57) - end) && !new(hopper, (1 << 57) - 0x1000));
    assert!(!new(hopper, 0x800) && !new(hopper, u64::MAX - 0xfff));
}
