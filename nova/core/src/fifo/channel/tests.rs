// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::platform::DmaAllocator;
use crate::testing::Allocator;
use nova_hw::class::host::GpEntry;

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
        (64, 64, 64 * 8 + 64 * 64 + 16),
        (4096, 1024, 4096 * 8 + 1024 * 64 + 16),
        (65536, 1024, 65536 * 8 + 1024 * 64 + 16),
    ] {
        let layout = ChannelLayout::new(entries).unwrap();
        assert_eq!((layout.segments(), layout.size()), (segments, size));
        assert_eq!(layout.semaphore() % 16, 0);
        let last = layout.segment(u64::from(segments) - 1);
        assert_eq!(last + SEGMENT, layout.semaphore());
        assert_eq!(layout.segment(u64::from(segments)), layout.first_segment());
    }
    for entries in [0, 2, 96, 0x2_0000] {
        assert_eq!(ChannelLayout::new(entries), None, "{entries:#x}");
    }
}

#[test]
fn a_job_is_written_and_completes() {
    let (mut channel, memory) = channel(64);
    let segment = 64 * 8 + 64;
    let submitted = channel.submit(&memory, &[PUSH]).unwrap();
    let expected = Submitted { job: 1, gp_put: 2 };
    assert_eq!(submitted, expected);
    assert_eq!(word(&memory, 0), GpEntry::segment(0x9000, 3).into());
    let own = GpEntry::segment(VA + segment, 13);
    assert_eq!(word(&memory, 8), own.into());
    // The release of the first job: where the semaphore is, and the number.
    let semaphore = VA + 64 * 8 + 64 * 64;
    assert_eq!(word(&memory, segment), semaphore << 32 | 0x2005_0017);
    assert_eq!(word(&memory, segment + 8), 1 << 32);
    assert_eq!(channel.poll(&memory), 0);
    memory.store32((semaphore - VA) as usize, 1).unwrap();
    assert_eq!((channel.poll(&memory), channel.submitted()), (1, 1));
    memory.store32((semaphore - VA) as usize, 7).unwrap();
    assert_eq!(channel.poll(&memory), 1);
}

/// The segment of a job that may be under way stays as it is.
#[test]
fn a_job_without_room_writes_nothing() {
    let (mut channel, memory) = channel(4);
    for _ in 0..3 {
        channel.submit(&memory, &[]).unwrap();
    }
    let before = memory.read_all();
    assert_eq!(channel.submit(&memory, &[]), Err(SubmitError::NoRoom));
    let many = channel.submit(&memory, &[PUSH; 3]);
    let error = SubmitError::TooMany { needed: 4, room: 3 };
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
