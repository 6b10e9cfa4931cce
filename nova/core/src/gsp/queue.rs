// SPDX-License-Identifier: GPL-2.0

//! The message queues between the CPU and GSP-RM, as a state machine.
//!
//! One DMA allocation holds a page with the addresses of its own pages, the command queue (CPU to
//! GSP) and the status queue (GSP to CPU). Each queue is a page of headers and a ring of 4 KiB
//! elements. A message takes as many elements as it needs, wraps at the end of the ring, and has a
//! checksum over all of its bytes and a sequence number. Pointers count elements. The reader of a
//! queue writes its read pointer into the header page of the *other* queue, so that each side
//! writes to its own header page only.
//!
//! The checksum is over 64-bit words of the ring, so the last word of a message is padded with
//! zeros; otherwise the GSP would include bytes of an older message.
//!
//! This module neither waits nor locks: [`QueuePair::send`] returns a doorbell to ring,
//! [`QueuePair::receive`] a message that has arrived.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/message_queue_cpu.c,
//! src/nvidia/inc/libraries/msgq/msgq_priv.h, src/nvidia/inc/kernel/gpu/gsp/message_queue_priv.h
//! (`_checkSum32`).

use core::fmt;
use core::mem::offset_of;

use nova_hw::abi::{self, MsgqRxHeader, MsgqTxHeader, QueueElement, RpcHeader};
use nova_hw::field::Fields;
use nova_hw::gsp::PAGE_SIZE;
use nova_hw::release::ArgumentsLayout;
use zerocopy::IntoBytes;

use crate::bug::OrBug;
use crate::mmio::Io;
use crate::platform::memory::{self, MemoryError};
use crate::platform::{DmaAllocator, DmaMemory, OutOfBounds};

/// Elements of each ring; the driver's own choice.
const ELEMENTS: u32 = 63;

/// Bytes of a queue: its header page and its ring.
const QUEUE_SIZE: usize = (ELEMENTS as usize + 1) * PAGE_SIZE;

/// Bytes of the ring.
const RING_SIZE: usize = ELEMENTS as usize * PAGE_SIZE;

/// Offset of the command queue, after the page of page addresses.
const COMMAND_QUEUE: usize = PAGE_SIZE;

/// Offset of the status queue.
const STATUS_QUEUE: usize = COMMAND_QUEUE + QUEUE_SIZE;

/// Bytes of the shared memory.
const SHARED_SIZE: usize = STATUS_QUEUE + QUEUE_SIZE;

/// Pages of the shared memory; their addresses fit into one page.
const SHARED_PAGES: usize = SHARED_SIZE / PAGE_SIZE;

/// Offset of the receiver's header in a queue's header page.
const RX_HEADER: usize = size_of::<MsgqTxHeader>();

/// Offset of the write pointer in a queue.
const WRITE_POINTER: usize = offset_of!(MsgqTxHeader, write_ptr);

/// Offset, in a queue, of the read pointer of the other queue.
const READ_POINTER: usize = RX_HEADER + offset_of!(MsgqRxHeader, read_ptr);

/// Bytes of a word of the checksum.
const WORD: usize = size_of::<u64>();

/// Bytes of the headers of a message.
const HEADERS: usize = size_of::<QueueElement>();

/// Bytes of the message's first header, which the RPC length excludes.
const ELEMENT_HEADER: usize = HEADERS - size_of::<RpcHeader>();

/// Longest message in bytes, headers included.
const MESSAGE_MAX: usize = abi::QUEUE_ELEMENT_SIZE_MAX;

/// Longest payload of a message in bytes.
pub(crate) const PAYLOAD_MAX: usize = MESSAGE_MAX - HEADERS;

// No word of the checksum spans headers and payload, or two messages.
const _: () = assert!(HEADERS % WORD == 0 && PAGE_SIZE % WORD == 0 && MESSAGE_MAX % WORD == 0);

/// An error in a queue or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueError {
    /// A pointer of GSP-RM's is outside of the ring.
    Pointer {
        /// Name of the pointer.
        which: &'static str,
        /// Its value.
        found: u32,
    },
    /// The length of a message is invalid.
    Length {
        /// RPC length in the message.
        found: u32,
        /// Number of elements in the message.
        elements: u32,
        /// Number of elements in the ring.
        available: u32,
    },
    /// The checksum of a message is wrong.
    Checksum {
        /// Function in the message.
        function: u32,
        /// Checksum, which should be zero.
        found: u32,
    },
    /// The sequence number of a message is wrong: a message was lost or repeated.
    Sequence {
        /// Expected number.
        expected: u32,
        /// Number in the message.
        found: u32,
    },
    /// The RPC signature of a message is wrong.
    Signature {
        /// Signature in the message.
        found: u32,
    },
    /// The ring has too few free elements.
    Full {
        /// Elements that the message needs.
        needed: u32,
        /// Elements that are free.
        free: u32,
    },
    /// The message is longer than any message may be.
    TooLong {
        /// Bytes of the message, including headers.
        len: usize,
    },
    /// An access outside of the shared memory.
    Memory(OutOfBounds),
}

/// The doorbell that tells the GSP of new messages in the command queue.
#[must_use = "the GSP reads its queue only when the doorbell is rung"]
#[derive(Debug)]
pub(crate) struct Doorbell(());

impl Doorbell {
    /// Rings the doorbell.
    pub(crate) fn ring(self, io: &Io<'_>) {
        io.write(nova_hw::regs::gsp::PgspQueueHead::new());
    }
}

/// A message that has arrived; its payload is in the buffer that it was received into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// RPC or event number.
    pub(crate) function: u32,
    /// Sequence number of the call that the message answers.
    pub(crate) sequence: u32,
    /// NV_STATUS of the RPC.
    pub(crate) result: u32,
    /// Bytes of the payload.
    len: usize,
}

impl Received {
    /// The payload in `buffer`.
    pub(crate) fn payload<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        buffer.get(..self.len).or_bug()
    }
}

/// Both queues and the CPU's state of them.
pub(crate) struct QueuePair<M> {
    shared: M,
    /// Element that the next message is written to.
    write: u32,
    /// Element that the next message is read from.
    read: u32,
    /// Sequence number of the next sent message.
    sent: u32,
    /// Sequence number of the next received message; unknown after a message with an invalid
    /// length.
    expected: Option<u32>,
}

impl<M: DmaMemory> QueuePair<M> {
    /// Allocates the shared memory and initializes what the GSP reads.
    pub(crate) fn new<A: DmaAllocator<Memory = M>>(allocator: &A) -> Result<Self, MemoryError> {
        let shared = memory::alloc_dma(allocator, "the message queues", SHARED_SIZE)?;
        for (n, address) in page_addresses(shared.dma_addr())
            .take(SHARED_PAGES)
            .enumerate()
        {
            shared.write(n.saturating_mul(size_of::<u64>()), &address.to_le_bytes())?;
        }
        let header = MsgqTxHeader {
            version: 0,
            size: QUEUE_SIZE as u32,
            msg_size: PAGE_SIZE as u32,
            msg_count: ELEMENTS,
            write_ptr: 0,
            flags: abi::MSGQ_FLAGS_SWAP_RX,
            rx_hdr_off: RX_HEADER as u32,
            entry_off: PAGE_SIZE as u32,
        };
        shared.write(COMMAND_QUEUE, header.as_bytes())?;
        Ok(Self {
            shared,
            write: 0,
            read: 0,
            sent: 0,
            expected: Some(0),
        })
    }

    /// The shared memory.
    pub(crate) fn memory(&self) -> &M {
        &self.shared
    }

    /// Writes the location of the queues into GSP-RM's arguments.
    pub(crate) fn describe(&self, at: &ArgumentsLayout, arguments: &mut Fields<'_>) {
        arguments
            .set(at.queue_memory, self.shared.dma_addr())
            .set(at.queue_pages, SHARED_PAGES as u32)
            .set(at.command_queue, COMMAND_QUEUE as u64)
            .set(at.status_queue, STATUS_QUEUE as u64);
    }

    /// Writes a message into the command queue.
    pub(crate) fn send(
        &mut self,
        function: u32,
        sequence: u32,
        payload: &[u8],
    ) -> Result<Doorbell, QueueError> {
        let len = HEADERS.saturating_add(payload.len());
        let too_long = QueueError::TooLong { len };
        if len > MESSAGE_MAX {
            return Err(too_long);
        }
        let needed = u32::try_from(len.div_ceil(PAGE_SIZE)).map_err(|_| too_long)?;
        let gsp_read = self.pointer(
            "read pointer of the command queue",
            STATUS_QUEUE,
            READ_POINTER,
        )?;
        // One element stays empty, since equal pointers mean an empty ring.
        let free = distance(advance(self.write, 1), gsp_read);
        if needed > free {
            return Err(QueueError::Full { needed, free });
        }

        let rpc_len = len.saturating_sub(ELEMENT_HEADER);
        let mut header = QueueElement {
            seq_num: self.sent,
            elem_count: needed,
            rpc: RpcHeader {
                header_version: abi::RPC_HEADER_VERSION,
                signature: abi::RPC_SIGNATURE,
                length: u32::try_from(rpc_len).map_err(|_| too_long)?,
                function,
                rpc_result: abi::RPC_RESULT_PENDING,
                rpc_result_private: abi::RPC_RESULT_PENDING,
                sequence,
                spare: 0,
            },
            ..Default::default()
        };
        header.checksum = checksum(&header, payload);

        self.write_ring(0, header.as_bytes())?;
        self.write_ring(HEADERS, payload)?;
        let (padding, _) = [0; WORD].split_at(len.wrapping_neg() % WORD);
        self.write_ring(len, padding)?;
        self.write = advance(self.write, needed);
        self.sent = self.sent.wrapping_add(1);
        self.shared
            .store32(COMMAND_QUEUE + WRITE_POINTER, self.write)?;
        Ok(Doorbell(()))
    }

    /// Reads the next message from the status queue into `buffer`, if there is one.
    ///
    /// An invalid message is consumed, too, so that the next call reads the message after it.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<Received>, QueueError> {
        let gsp_write = self.pointer(
            "write pointer of the status queue",
            STATUS_QUEUE,
            WRITE_POINTER,
        )?;
        let available = distance(self.read, gsp_write);
        if available == 0 {
            return Ok(None);
        }
        // The copies are checked and used, since the GSP can still write to the ring.
        let mut header = QueueElement::default();
        self.read_ring(0, header.as_mut_bytes())?;
        let payload = payload_len(&header, available)
            .and_then(|len| Some((len, buffer.get_mut(..len.next_multiple_of(WORD))?)));
        let Some((len, payload)) = payload else {
            // The start of the next message is unknown, so all elements are dropped.
            self.consume(available)?;
            self.expected = None;
            return Err(QueueError::Length {
                found: header.rpc.length,
                elements: header.elem_count,
                available,
            });
        };
        self.read_ring(HEADERS, payload)?;
        self.consume(header.elem_count)?;
        let expected = self.expected.unwrap_or(header.seq_num);
        self.expected = Some(expected.wrapping_add(1));

        let function = header.rpc.function;
        let found = checksum(&header, payload);
        if found != 0 {
            return Err(QueueError::Checksum { function, found });
        }
        let found = header.seq_num;
        if found != expected {
            self.expected = Some(found.wrapping_add(1));
            return Err(QueueError::Sequence { expected, found });
        }
        let found = header.rpc.signature;
        if found != abi::RPC_SIGNATURE {
            return Err(QueueError::Signature { found });
        }
        Ok(Some(Received {
            function,
            sequence: header.rpc.sequence,
            result: header.rpc.rpc_result,
            len,
        }))
    }

    /// Returns `elements` elements to the GSP.
    fn consume(&mut self, elements: u32) -> Result<(), OutOfBounds> {
        self.read = advance(self.read, elements);
        self.shared.store32(COMMAND_QUEUE + READ_POINTER, self.read)
    }

    /// Reads a pointer that the GSP owns.
    fn pointer(&self, which: &'static str, queue: usize, offset: usize) -> Result<u32, QueueError> {
        let found = self.shared.load32(queue.saturating_add(offset))?;
        if found < ELEMENTS {
            Ok(found)
        } else {
            Err(QueueError::Pointer { which, found })
        }
    }

    /// Writes `bytes` to the command ring, `at` bytes after the write pointer.
    fn write_ring(&self, at: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let start = ring_offset(self.write, at);
        let (first, rest) = bytes.split_at(bytes.len().min(RING_SIZE.saturating_sub(start)));
        self.shared
            .write(COMMAND_QUEUE + PAGE_SIZE + start, first)?;
        self.shared.write(COMMAND_QUEUE + PAGE_SIZE, rest)
    }

    /// Reads from the status ring, `at` bytes after the read pointer.
    fn read_ring(&self, at: usize, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        let start = ring_offset(self.read, at);
        let whole = bytes.len().min(RING_SIZE.saturating_sub(start));
        let (first, rest) = bytes.split_at_mut(whole);
        self.shared.read(STATUS_QUEUE + PAGE_SIZE + start, first)?;
        self.shared.read(STATUS_QUEUE + PAGE_SIZE, rest)
    }
}

/// Addresses of the pages of contiguous memory that starts at `base`.
pub(crate) fn page_addresses(base: u64) -> impl Iterator<Item = u64> {
    core::iter::successors(Some(base), |address| address.checked_add(PAGE_SIZE as u64))
}

/// Number of elements from pointer `from` to pointer `to`.
fn distance(from: u32, to: u32) -> u32 {
    to.wrapping_add(ELEMENTS).wrapping_sub(from) % ELEMENTS
}

/// Pointer `from` advanced by `by` elements.
fn advance(from: u32, by: u32) -> u32 {
    from.wrapping_add(by) % ELEMENTS
}

/// Offset in a ring of the byte that is `at` bytes after the start of element `element`.
fn ring_offset(element: u32, at: usize) -> usize {
    (element as usize)
        .saturating_mul(PAGE_SIZE)
        .saturating_add(at)
        % RING_SIZE
}

/// Bytes of the payload, if the lengths in the header agree with each other and with the available
/// elements.
fn payload_len(header: &QueueElement, available: u32) -> Option<usize> {
    let rpc_len = usize::try_from(header.rpc.length).ok()?;
    let end = ELEMENT_HEADER.checked_add(rpc_len)?;
    let elements = u32::try_from(end.div_ceil(PAGE_SIZE)).ok()?;
    let fits = end <= MESSAGE_MAX && (elements..=available).contains(&header.elem_count);
    end.checked_sub(HEADERS).filter(|_| fits)
}

/// The checksum of a message: the XOR of its words, then of the two halves. The header has the
/// value that makes the result zero.
fn checksum(header: &QueueElement, payload: &[u8]) -> u32 {
    let [a, b, c, d, e, f, g, h] = (sum(header.as_bytes()) ^ sum(payload)).to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h])
}

/// The XOR of the words of `bytes`, the last one padded with zeros.
fn sum(bytes: &[u8]) -> u64 {
    bytes.chunks(WORD).fold(0, |sum, chunk| {
        let mut word = [0; WORD];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        sum ^ u64::from_le_bytes(word)
    })
}

impl From<OutOfBounds> for QueueError {
    fn from(e: OutOfBounds) -> Self {
        Self::Memory(e)
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("message queue: ")?;
        match self {
            Self::Pointer { which, found } => {
                write!(
                    f,
                    "{which}: expected less than {ELEMENTS}, found {found:#x}"
                )
            }
            Self::Length {
                found,
                elements,
                available,
            } => write!(
                f,
                "RPC length: expected at most {available} elements of {PAGE_SIZE:#x} bytes, \
                 found {found:#x} bytes in {elements} elements"
            ),
            Self::Checksum { function, found } => write!(
                f,
                "checksum of function {function:#x}: expected 0, found {found:#010x}"
            ),
            Self::Sequence { expected, found } => {
                write!(f, "sequence number: expected {expected}, found {found}")
            }
            Self::Signature { found } => write!(
                f,
                "RPC signature: expected {:#010x}, found {found:#010x}",
                abi::RPC_SIGNATURE
            ),
            Self::Full { needed, free } => {
                write!(f, "free elements: expected {needed}, found {free}")
            }
            Self::TooLong { len } => write!(
                f,
                "message length: expected at most {MESSAGE_MAX:#x} bytes, found {len:#x}"
            ),
            Self::Memory(e) => e.fmt(f),
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(any(test, fuzzing))]
pub(crate) mod peer;
#[cfg(test)]
mod tests;
