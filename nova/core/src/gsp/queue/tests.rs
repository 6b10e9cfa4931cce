// SPDX-License-Identifier: GPL-2.0

use super::peer::{Draft, Gsp};
use super::*;
use crate::platform::OutOfMemory;
use crate::testing::{Allocator, Memory};
use core::cell::RefCell;
use nova_hw::release::RELEASES;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

fn pair() -> (QueuePair<Memory>, Gsp) {
    let allocator = Allocator::default();
    let queue = QueuePair::new(&allocator).unwrap();
    (queue, Gsp::of(&allocator))
}

fn send(queue: &mut QueuePair<Memory>, function: u32, payload: &[u8]) -> Result<(), QueueError> {
    queue.send(function, 0, payload).map(drop)
}

/// Shared memory that records the order of its accesses.
struct TracedMemory {
    memory: Memory,
    accesses: RefCell<Vec<(Access, usize)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Bytes are copied, without an order.
    Copy,
    /// A load with acquire ordering.
    Load,
    /// A store with release ordering.
    Store,
}

impl TracedMemory {
    fn record(&self, kind: Access, offset: usize) {
        self.accesses.borrow_mut().push((kind, offset));
    }
}

impl DmaMemory for TracedMemory {
    fn dma_addr(&self) -> u64 {
        self.memory.dma_addr()
    }

    fn size(&self) -> usize {
        self.memory.size()
    }

    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        self.record(Access::Copy, offset);
        self.memory.read(offset, into)
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        self.record(Access::Copy, offset);
        self.memory.write(offset, from)
    }

    fn load32(&self, offset: usize) -> Result<u32, OutOfBounds> {
        self.record(Access::Load, offset);
        self.memory.load32(offset)
    }

    fn store32(&self, offset: usize, value: u32) -> Result<(), OutOfBounds> {
        self.record(Access::Store, offset);
        self.memory.store32(offset, value)
    }
}

/// Allocates [`TracedMemory`].
struct TracingAllocator(Allocator);

impl DmaAllocator for TracingAllocator {
    type Memory = TracedMemory;

    fn alloc_dma(&self, size: usize) -> Result<TracedMemory, OutOfMemory> {
        Ok(TracedMemory {
            memory: self.0.alloc_dma(size)?,
            accesses: RefCell::default(),
        })
    }
}

/// Checks that `act` loads the pointer at `loaded`, copies bytes, and stores the pointer at
/// `stored`, in this order.
#[track_caller]
fn assert_ordered(
    queue: &mut QueuePair<TracedMemory>,
    act: impl FnOnce(&mut QueuePair<TracedMemory>),
    [loaded, stored]: [usize; 2],
) {
    queue.shared.accesses.take();
    act(queue);
    let accesses = queue.shared.accesses.take();
    let [(Access::Load, load), copies @ .., (Access::Store, store)] = &accesses[..] else {
        panic!("{accesses:x?}");
    };
    assert_eq!([*load, *store], [loaded, stored]);
    assert!(!copies.is_empty());
    for (kind, _) in copies {
        assert_eq!(*kind, Access::Copy, "{accesses:x?}");
    }
}

/// Pointers define the elements that may be accessed, so the accesses must stay between their load
/// and store.
#[test]
fn elements_are_accessed_between_load_and_store_of_pointers() {
    let allocator = TracingAllocator(Allocator::default());
    let mut queue = QueuePair::new(&allocator).unwrap();
    let mut gsp = Gsp::of(&allocator.0);
    let mut buffer = vec![0; PAYLOAD_MAX];
    let pointers = [STATUS_QUEUE + READ_POINTER, COMMAND_QUEUE + WRITE_POINTER];
    let send = |queue: &mut QueuePair<TracedMemory>| drop(queue.send(1, 0, &[1; 5000]).unwrap());
    assert_ordered(&mut queue, send, pointers);

    let pointers = [STATUS_QUEUE + WRITE_POINTER, COMMAND_QUEUE + READ_POINTER];
    gsp.put(5, &[1; 5000], |_| {});
    let receive = |queue: &mut QueuePair<TracedMemory>| {
        assert!(queue.receive(&mut buffer).unwrap().is_some());
    };
    assert_ordered(&mut queue, receive, pointers);
    gsp.put(5, &[1; 5000], |draft| draft.elements = 0);
    let refuse = |queue: &mut QueuePair<TracedMemory>| assert!(queue.receive(&mut []).is_err());
    assert_ordered(&mut queue, refuse, pointers);
}

#[test]
fn shared_memory_has_the_addresses_of_its_pages() {
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
fn a_full_ring_accepts_messages_once_the_gsp_has_read() {
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

/// A pointer is stored, with release ordering, after the elements that it announces.
#[test]
fn pointers_are_stored_after_the_elements() {
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
fn the_checksum_covers_header_and_payload() {
    let header = QueueElement {
        seq_num: 0x0100_0000,
        ..QueueElement::default()
    };
    let payload = [1, 2, 3, 4, 5, 6, 7, 8, 0x10];
    let expected = 0x0100_0000 ^ 0x0403_0201 ^ 0x0807_0605 ^ 0x10;
    assert_eq!(checksum(&header, &payload), expected);
}

/// Receives a message that `change` has corrupted, then a valid one; returns the error of the
/// first.
fn receive_corrupt(change: impl FnOnce(&mut Draft)) -> QueueError {
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
fn corrupt_messages_are_refused_and_the_next_one_is_received() {
    let length = |found, elements| QueueError::Length {
        found,
        elements,
        available: 1,
    };
    assert_eq!(receive_corrupt(|m| m.len = 0), length(0, 1));
    assert_eq!(receive_corrupt(|m| m.len = 31), length(31, 1));
    assert_eq!(receive_corrupt(|m| m.len = u32::MAX), length(u32::MAX, 1));
    assert_eq!(receive_corrupt(|m| m.len = 0x1000), length(0x1000, 1));
    assert_eq!(receive_corrupt(|m| m.elements = 0), length(132, 0));
    assert_eq!(receive_corrupt(|m| m.elements = 2), length(132, 2));
    let checksum = QueueError::Checksum {
        function: 5,
        found: 0x100,
    };
    assert_eq!(receive_corrupt(|m| m.flip = 0x100), checksum);
    let signature = QueueError::Signature { found: 1 };
    assert_eq!(receive_corrupt(|m| m.signature = 1), signature);
}

#[test]
fn a_lost_message_is_detected() {
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

    /// Messages of any length arrive unchanged in both directions, also when they wrap.
    #[test]
    fn messages_arrive_unchanged(lens in prop::collection::vec(0..=MESSAGE_MAX - HEADERS, 1..20)) {
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

    /// No header that the GSP may write makes the receiver panic or loop.
    #[test]
    fn garbage_causes_neither_panic_nor_loop(
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
