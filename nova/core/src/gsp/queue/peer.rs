// SPDX-License-Identifier: GPL-2.0

//! The GSP's side of the queues for tests; it checks all that it reads and can write any message.

use core::cell::Cell;

use std::vec;
use std::vec::Vec;

use zerocopy::little_endian::U64;
use zerocopy::FromBytes;

use super::*;
use crate::testing::{Allocator, Memory};

/// The GSP's side of the queues.
pub(crate) struct Gsp {
    pub(crate) shared: Memory,
    write: u32,
    pub(crate) sequence: u32,
    /// Sequence number of the next command.
    expected: Cell<u32>,
}

/// A message before it is written, with fields that a test may change.
pub(crate) struct Draft {
    pub(crate) function: u32,
    pub(crate) len: u32,
    pub(crate) elements: u32,
    pub(crate) sequence: u32,
    pub(crate) signature: u32,
    /// Sequence number of the call that the message answers.
    pub(crate) answers: u32,
    /// NV_STATUS.
    pub(crate) result: u32,
    /// Value that is XORed into the checksum to make it wrong.
    pub(crate) flip: u32,
}

/// A command that the GSP has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentCommand {
    pub(crate) function: u32,
    pub(crate) sequence: u32,
    pub(crate) payload: Vec<u8>,
}

impl Gsp {
    /// The GSP's side of the queues in the first allocation of `allocator`.
    pub(crate) fn of(allocator: &Allocator) -> Self {
        Self {
            shared: allocator.allocations.borrow()[0].clone(),
            write: 0,
            sequence: 0,
            expected: Cell::new(0),
        }
    }

    /// Number of free elements in the status queue.
    pub(crate) fn room(&self) -> u32 {
        let read = self.shared.load32(COMMAND_QUEUE + READ_POINTER).unwrap();
        (read + ELEMENTS - self.write - 1) % ELEMENTS
    }

    /// Number of elements of a message with a payload of `len` bytes.
    pub(crate) fn elements(len: usize) -> u32 {
        (HEADERS + len).div_ceil(PAGE_SIZE) as u32
    }

    /// Writes a message after applying `change`, even if the ring is full.
    pub(crate) fn put(&mut self, function: u32, payload: &[u8], change: impl FnOnce(&mut Draft)) {
        let mut draft = Draft {
            function,
            len: (HEADERS + payload.len() - ELEMENT_HEADER) as u32,
            elements: Self::elements(payload.len()),
            sequence: self.sequence,
            signature: abi::RPC_SIGNATURE,
            answers: 7,
            result: 0,
            flip: 0,
        };
        change(&mut draft);
        let words = [
            // The checksum, which is filled in below, and the rest of the element's header.
            [0, draft.sequence, draft.elements, 0],
            [0x0300_0000, draft.signature, draft.len, draft.function],
            [draft.result, draft.result, draft.answers, 0],
        ];
        let words = words.as_flattened().iter();
        let mut message = vec![0; 32];
        message.extend(words.flat_map(|word| word.to_le_bytes()));
        message.extend(payload);
        // The rest of the last word is not part of the message but of the checksum.
        message.resize(message.len().next_multiple_of(8), 0xa5);
        let sum = sum(&message) ^ draft.flip;
        message[32..36].copy_from_slice(&sum.to_le_bytes());
        for (page, bytes) in (self.write..).zip(message.chunks(PAGE_SIZE)) {
            let at = STATUS_QUEUE + PAGE_SIZE * (1 + (page % ELEMENTS) as usize);
            self.shared.write(at, bytes).unwrap();
        }
        self.write = (self.write + Self::elements(payload.len())) % ELEMENTS;
        self.sequence = self.sequence.wrapping_add(1);
        self.shared
            .store32(STATUS_QUEUE + WRITE_POINTER, self.write)
            .unwrap();
    }

    /// Reads up to `most` commands.
    pub(crate) fn commands(&self, most: usize) -> Vec<SentCommand> {
        core::iter::from_fn(|| self.command()).take(most).collect()
    }

    /// Consumes all commands without reading them.
    pub(crate) fn skip_commands(&self) {
        let write = self.shared.load32(COMMAND_QUEUE + WRITE_POINTER).unwrap();
        self.shared
            .store32(STATUS_QUEUE + READ_POINTER, write)
            .unwrap();
    }

    /// Writes any bytes to any offset of the status queue.
    pub(crate) fn scribble(&self, at: usize, bytes: &[u8]) {
        let _ = self.shared.write(STATUS_QUEUE + at, bytes);
    }

    fn command(&self) -> Option<SentCommand> {
        let read = self.shared.load32(STATUS_QUEUE + READ_POINTER).unwrap();
        let write = self.shared.load32(COMMAND_QUEUE + WRITE_POINTER).unwrap();
        if read == write {
            return None;
        }
        let element = |n: u32| COMMAND_QUEUE + PAGE_SIZE * (1 + (n % ELEMENTS) as usize);
        let word = |n: usize| self.shared.load32(element(read) + n).unwrap();
        let (number, elements) = (word(36), word(40));
        let len = ELEMENT_HEADER + word(56) as usize;
        assert_eq!(number, self.expected.get(), "sequence number");
        self.expected.set(number.wrapping_add(1));
        let mut bytes = vec![0; elements as usize * PAGE_SIZE];
        for (page, bytes) in (read..).zip(bytes.chunks_mut(PAGE_SIZE)) {
            self.shared.read(element(page), bytes).unwrap();
        }
        assert_eq!(elements as usize, len.div_ceil(PAGE_SIZE));
        assert_eq!(sum(&bytes[..len.next_multiple_of(8)]), 0, "checksum");
        bytes.truncate(len);
        let next = (read + elements) % ELEMENTS;
        self.shared
            .store32(STATUS_QUEUE + READ_POINTER, next)
            .unwrap();
        Some(SentCommand {
            function: word(60),
            sequence: word(72),
            payload: bytes.split_off(HEADERS),
        })
    }
}

/// The checksum of a message that is padded to whole words: zero for a valid one.
fn sum(message: &[u8]) -> u32 {
    let words = <[U64]>::ref_from_bytes(message).expect("whole words");
    let sum = words.iter().fold(0, |sum, word| sum ^ word.get());
    (sum >> 32) as u32 ^ sum as u32
}
