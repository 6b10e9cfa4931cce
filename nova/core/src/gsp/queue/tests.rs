// SPDX-License-Identifier: GPL-2.0

use super::far_side::{Draft, Gsp};
use super::*;
use crate::platform::OutOfMemory;
use crate::testing::{Allocator, Memory};
use core::cell::RefCell;
use nova_hw::release::RELEASES;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

fn pair() -> (Queue<Memory>, Gsp) {
    let allocator = Allocator::default();
    let queue = Queue::new(&allocator).unwrap();
    (queue, Gsp::of(&allocator))
}

fn send(queue: &mut Queue<Memory>, function: u32, payload: &[u8]) -> Result<(), QueueError> {
    queue.send(function, 0, payload).map(drop)
}

/// Shared memory that notes how it is used, and in which order.
struct Noted {
    memory: Memory,
    uses: RefCell<Vec<(Use, usize)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Bytes are copied, in no order with others.
    Copy,
    /// Acquire.
    Load,
    /// Release.
    Store,
}

impl Noted {
    fn note(&self, kind: Use, offset: usize) {
        self.uses.borrow_mut().push((kind, offset));
    }
}

impl DmaMemory for Noted {
    fn dma_addr(&self) -> u64 {
        self.memory.dma_addr()
    }

    fn size(&self) -> usize {
        self.memory.size()
    }

    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        self.note(Use::Copy, offset);
        self.memory.read(offset, into)
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        self.note(Use::Copy, offset);
        self.memory.write(offset, from)
    }

    fn load32(&self, offset: usize) -> Result<u32, OutOfBounds> {
        self.note(Use::Load, offset);
        self.memory.load32(offset)
    }

    fn store32(&self, offset: usize, value: u32) -> Result<(), OutOfBounds> {
        self.note(Use::Store, offset);
        self.memory.store32(offset, value)
    }
}

/// Hands out [`Noted`] memory.
struct Noting(Allocator);

impl DmaAllocator for Noting {
    type Memory = Noted;

    fn alloc_dma(&self, size: usize) -> Result<Noted, OutOfMemory> {
        Ok(Noted {
            memory: self.0.alloc_dma(size)?,
            uses: RefCell::default(),
        })
    }
}

/// What `act` does to the shared memory: a load of `asked`, copies, and a store to `told`.
#[track_caller]
fn assert_ordered(
    queue: &mut Queue<Noted>,
    act: impl FnOnce(&mut Queue<Noted>),
    [asked, told]: [usize; 2],
) {
    queue.shared.uses.take();
    act(queue);
    let uses = queue.shared.uses.take();
    let [(Use::Load, load), copies @ .., (Use::Store, store)] = &uses[..] else {
        panic!("{uses:x?}");
    };
    assert_eq!([*load, *store], [asked, told]);
    assert!(!copies.is_empty());
    for (kind, _) in copies {
        assert_eq!(*kind, Use::Copy, "{uses:x?}");
    }
}

/// Pointers say what may be read or written, so nothing may be moved out from between them.
#[test]
fn elements_are_touched_between_the_pointers() {
    let allocator = Noting(Allocator::default());
    let mut queue = Queue::new(&allocator).unwrap();
    let mut gsp = Gsp::of(&allocator.0);
    let mut buffer = vec![0; PAYLOAD_MAX];
    let pointers = [STATUS_QUEUE + READ_POINTER, COMMAND_QUEUE + WRITE_POINTER];
    let send = |queue: &mut Queue<Noted>| drop(queue.send(1, 0, &[1; 5000]).unwrap());
    assert_ordered(&mut queue, send, pointers);

    let pointers = [STATUS_QUEUE + WRITE_POINTER, COMMAND_QUEUE + READ_POINTER];
    gsp.put(5, &[1; 5000], |_| {});
    let receive = |queue: &mut Queue<Noted>| {
        assert!(queue.receive(&mut buffer).unwrap().is_some());
    };
    assert_ordered(&mut queue, receive, pointers);
    gsp.put(5, &[1; 5000], |draft| draft.elements = 0);
    let refuse = |queue: &mut Queue<Noted>| assert!(queue.receive(&mut []).is_err());
    assert_ordered(&mut queue, refuse, pointers);
}

#[test]
fn shared_memory_describes_itself() {
    let (queue, gsp) = pair();
    assert_eq!(SHARED_PAGES, 129);
    for page in 0..SHARED_PAGES {
        let mut entry = [0; 8];
        gsp.shared.read(page * 8, &mut entry).unwrap();
        let expected = gsp.shared.dma_addr() + (page * PAGE_SIZE) as u64;
        assert_eq!(u64::from_le_bytes(entry), expected);
    }
    let at = &RELEASES[0].arguments;
    let arguments = &mut *vec![0; at.size];
    queue.describe(at, &mut Fields(arguments));
    assert_eq!(at.queue_memory.read(arguments), Some(gsp.shared.dma_addr()));
    assert_eq!(at.queue_pages.read(arguments), Some(129));
    assert_eq!(at.command_queue.read(arguments), Some(0x1000));
    assert_eq!(at.status_queue.read(arguments), Some(0x41000));
}

#[test]
fn a_full_ring_takes_no_more_until_the_gsp_has_read() {
    let (mut queue, gsp) = pair();
    for _ in 0..ELEMENTS - 1 {
        send(&mut queue, 1, &[]).unwrap();
    }
    let full = QueueError::Full { needed: 1, free: 0 };
    assert_eq!(send(&mut queue, 1, &[]), Err(full));
    assert_eq!(gsp.commands(usize::MAX).len() as u32, ELEMENTS - 1);
    send(&mut queue, 2, &[]).unwrap();
    assert_eq!(gsp.commands(usize::MAX)[0].function, 2);
}

/// What a pointer announces is there before the pointer is: it is stored, and stored last.
#[test]
fn pointers_are_stored_behind_what_they_announce() {
    let (mut queue, mut gsp) = pair();
    send(&mut queue, 1, &[1; 5000]).unwrap();
    let write_pointer = COMMAND_QUEUE + WRITE_POINTER;
    assert_eq!(gsp.shared.stored(), Some(write_pointer));
    gsp.put(1, &[], |_| {});
    queue.receive(&mut [0; HEADERS]).unwrap().unwrap();
    let read_pointer = COMMAND_QUEUE + READ_POINTER;
    assert_eq!(gsp.shared.stored(), Some(read_pointer));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn too_long_a_message_is_refused() {
    let (mut queue, _) = pair();
    send(&mut queue, 1, &vec![0; MESSAGE_MAX - HEADERS]).unwrap();
    let error = send(&mut queue, 1, &vec![0; MESSAGE_MAX - HEADERS + 1]);
    assert!(matches!(error, Err(QueueError::TooLong { .. })));
}

#[test]
fn what_the_checksum_is_over() {
    let header = QueueElement {
        seq_num: 0x0100_0000,
        ..QueueElement::default()
    };
    let payload = [1, 2, 3, 4, 5, 6, 7, 8, 0x10];
    let expected = 0x0100_0000 ^ 0x0403_0201 ^ 0x0807_0605 ^ 0x10;
    assert_eq!(checksum(&header, &payload), expected);
}

/// Puts a message that `change` spoils and a good one behind it; returns what is said of the
/// first.
fn spoiled(change: impl FnOnce(&mut Draft)) -> QueueError {
    let (mut queue, mut gsp) = pair();
    let mut buffer = vec![0; MESSAGE_MAX];
    gsp.put(5, &[1; 100], change);
    let error = queue.receive(&mut buffer).unwrap_err();
    gsp.put(6, &[2; 100], |_| {});
    let next = queue.receive(&mut buffer).unwrap().unwrap();
    assert_eq!((next.function, next.payload(&buffer)), (6, &[2; 100][..]));
    assert_eq!(queue.receive(&mut buffer), Ok(None));
    error
}

#[test]
fn spoiled_messages_are_refused_and_the_next_one_is_not() {
    let length = |found, elements| QueueError::Length {
        found,
        elements,
        available: 1,
    };
    assert_eq!(spoiled(|m| m.len = 0), length(0, 1));
    assert_eq!(spoiled(|m| m.len = 31), length(31, 1));
    assert_eq!(spoiled(|m| m.len = u32::MAX), length(u32::MAX, 1));
    assert_eq!(spoiled(|m| m.len = 0x1000), length(0x1000, 1));
    assert_eq!(spoiled(|m| m.elements = 0), length(132, 0));
    assert_eq!(spoiled(|m| m.elements = 2), length(132, 2));
    let checksum = QueueError::Checksum {
        function: 5,
        found: 0x100,
    };
    assert_eq!(spoiled(|m| m.flip = 0x100), checksum);
    let signature = QueueError::Signature { found: 1 };
    assert_eq!(spoiled(|m| m.signature = 1), signature);
}

#[test]
fn a_lost_message_is_noticed() {
    let (mut queue, mut gsp) = pair();
    let mut buffer = vec![0; MESSAGE_MAX];
    gsp.sequence = 3;
    gsp.put(5, &[], |_| {});
    gsp.put(6, &[], |_| {});
    let lost = QueueError::Sequence {
        expected: 0,
        found: 3,
    };
    assert_eq!(queue.receive(&mut buffer), Err(lost));
    assert_eq!(queue.receive(&mut buffer).unwrap().unwrap().function, 6);
}

#[test]
fn pointers_outside_of_the_ring_are_refused() {
    let (mut queue, gsp) = pair();
    gsp.shared
        .store32(STATUS_QUEUE + WRITE_POINTER, ELEMENTS)
        .unwrap();
    gsp.shared
        .store32(STATUS_QUEUE + READ_POINTER, u32::MAX)
        .unwrap();
    let error = queue.receive(&mut [0; HEADERS]).unwrap_err();
    assert!(matches!(
        error,
        QueueError::Pointer {
            found: ELEMENTS,
            ..
        }
    ));
    let error = send(&mut queue, 1, &[]).unwrap_err();
    assert!(matches!(
        error,
        QueueError::Pointer {
            found: u32::MAX,
            ..
        }
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 32 }))]

    /// Whatever the lengths are, what is put in on one side comes out on the other, wrapping
    /// included.
    #[test]
    fn what_goes_in_comes_out(lens in prop::collection::vec(0..=MESSAGE_MAX - HEADERS, 1..20)) {
        let (mut queue, mut gsp) = pair();
        let mut buffer = vec![0; MESSAGE_MAX];
        for (n, len) in lens.into_iter().enumerate() {
            let len = if cfg!(miri) { len % 300 } else { len };
            let payload: Vec<u8> = (0..len).map(|i| (i * 7 + n) as u8).collect();
            drop(queue.send(n as u32, 0, &payload).unwrap());
            let [command] = &gsp.commands(usize::MAX)[..] else {
                panic!("one command");
            };
            prop_assert_eq!(command.function, n as u32);
            prop_assert_eq!(&command.payload, &payload);
            gsp.put(n as u32, &payload, |_| {});
            let message = queue.receive(&mut buffer).unwrap().unwrap();
            prop_assert_eq!(message.function, n as u32);
            prop_assert_eq!(message.sequence, 7);
            prop_assert_eq!(message.payload(&buffer), &payload);
        }
    }

    /// Nothing that the GSP may write makes the receiver panic or loop.
    #[test]
    fn garbage_is_survived(
        header in prop::collection::vec(any::<u8>(), HEADERS),
        write in 0..ELEMENTS + 2,
    ) {
        let (mut queue, gsp) = pair();
        gsp.shared.write(STATUS_QUEUE + PAGE_SIZE, &header).unwrap();
        gsp.shared.store32(STATUS_QUEUE + WRITE_POINTER, write).unwrap();
        let mut buffer = vec![0; MESSAGE_MAX];
        for _ in 0..ELEMENTS {
            if let Ok(None) = queue.receive(&mut buffer) {
                return Ok(());
            }
        }
        prop_assert!(write >= ELEMENTS);
    }
}
