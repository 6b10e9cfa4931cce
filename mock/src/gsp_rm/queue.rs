// SPDX-License-Identifier: GPL-2.0

//! The GSP's side of the two message queues in the memory that it shares with the driver.
//!
//! Source: open-gpu-kernel-modules 570, src/common/shared/msgq/msgq.c and
//! src/nvidia/src/kernel/gpu/gsp/message_queue_cpu.c, which are the driver's side.

use std::collections::VecDeque;
use std::mem::offset_of;

use nova_hw::abi::function::CONTINUATION_RECORD;
use nova_hw::abi::{
    MsgqTxHeader, QueueElement, RpcHeader, MSGQ_FLAGS_SWAP_RX, MSGQ_VERSION,
    QUEUE_ELEMENT_SIZE_MAX, QUEUE_ELEMENT_SIZE_MIN, RPC_HEADER_VERSION, RPC_SIGNATURE,
};
use nova_hw::gsp::PAGE_SIZE;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, IntoBytes};

use crate::bus::machine::BUS_BITS;
use crate::bus::machine::{GuestMemory, Unmapped};
use crate::faults::{Fault, Faults};

/// The most pages that the shared memory may have; the model's own limit.
const PAGES_MAX: u32 = 0x1000;

/// Bytes of a word of the checksum.
const WORD: usize = size_of::<U64>();

/// Bytes of a queue element before the RPC header.
const ELEMENT_HEADER: usize = offset_of!(QueueElement, rpc);

/// The driver's arguments that describe the queues (`MESSAGE_QUEUE_INIT_ARGUMENTS`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueueArguments {
    /// Bus address of the shared memory, which holds a table of its own pages and then the queues.
    pub(crate) memory: u64,
    /// Entries of the table.
    pub(crate) pages: u32,
    /// Offset of the command queue in that memory.
    pub(crate) commands: u64,
    /// Offset of the status queue in that memory.
    pub(crate) status: u64,
}

/// Bytes of the longest payload of one message.
pub(crate) const PAYLOAD_MAX: usize = QUEUE_ELEMENT_SIZE_MAX - size_of::<QueueElement>();

/// A message from the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) function: u32,
    pub(crate) sequence: u32,
    pub(crate) payload: Vec<u8>,
    /// Bytes behind the message in its elements, which its length and checksum do not cover.
    pub(crate) rest: Vec<u8>,
}

/// A message to the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) function: u32,
    pub(crate) sequence: u32,
    pub(crate) result: u32,
    pub(crate) payload: Vec<u8>,
}

impl Outgoing {
    /// Number of queue elements that the message takes.
    fn elements(&self) -> u32 {
        let len = size_of::<QueueElement>() + self.payload.len();
        len.div_ceil(QUEUE_ELEMENT_SIZE_MIN) as u32
    }
}

/// One direction: a ring of elements in the shared memory.
#[derive(Debug)]
struct Ring {
    /// Offset of the header.
    header: u64,
    /// Offset of the first element.
    entries: u64,
    /// Number of elements.
    count: u32,
    /// Index of the next element.
    next: u32,
    /// Sequence number of the next message.
    sequence: u32,
}

impl Ring {
    /// Offset of element `index`, which wraps around at the end of the ring.
    fn element(&self, index: u32) -> u64 {
        self.entries + u64::from(index % self.count) * QUEUE_ELEMENT_SIZE_MIN as u64
    }

    fn advance(&mut self, elements: u32) {
        self.next = (self.next + elements) % self.count;
        self.sequence = self.sequence.wrapping_add(1);
    }
}

/// Both queues.
#[derive(Debug)]
pub(crate) struct Queues {
    /// Bus addresses of the pages of the shared memory.
    pages: Vec<u64>,
    commands: Ring,
    status: Ring,
    /// Offset of the driver's read pointer for the status queue.
    driver_read_ptr: u64,
    /// Offset of the GSP's read pointer for the command queue.
    our_read_ptr: u64,
    /// Messages that wait for room in the status queue.
    waiting: VecDeque<Outgoing>,
}

fn unmapped(error: Unmapped) -> String {
    format!("shared memory: {error}")
}

impl Queues {
    /// Links to the queues that the driver describes, and creates the status queue.
    pub(crate) fn link(
        memory: &mut dyn GuestMemory,
        arguments: &QueueArguments,
    ) -> Result<Self, String> {
        let pages = read_page_table(memory, arguments)?;
        let size = (pages.len() * PAGE_SIZE) as u64;
        let (commands_at, status_at) = (arguments.commands, arguments.status);
        let page = PAGE_SIZE as u64;
        if commands_at % page != 0 || status_at % page != 0 || commands_at >= status_at {
            return Err(format!("queues at {commands_at:#x} and {status_at:#x}"));
        }
        let room = size.saturating_sub(status_at);
        if commands_at < page || room < 2 * page {
            return Err(format!(
                "queues at {commands_at:#x} and {status_at:#x} of {size:#x} bytes"
            ));
        }

        let mut queues = Self {
            pages,
            commands: Ring {
                header: commands_at,
                entries: 0,
                count: 1,
                next: 0,
                sequence: 0,
            },
            status: Ring {
                header: status_at,
                entries: status_at + page,
                count: (room / page - 1) as u32,
                next: 0,
                sequence: 0,
            },
            driver_read_ptr: 0,
            our_read_ptr: status_at + size_of::<MsgqTxHeader>() as u64,
            waiting: VecDeque::new(),
        };
        queues.link_commands(memory, status_at - commands_at)?;
        queues.create_status(memory, room as u32)?;
        Ok(queues)
    }

    /// Checks the header that the driver wrote.
    fn link_commands(&mut self, memory: &dyn GuestMemory, room: u64) -> Result<(), String> {
        let mut bytes = [0; size_of::<MsgqTxHeader>()];
        self.read(memory, self.commands.header, &mut bytes)?;
        let Ok(header) = MsgqTxHeader::read_from_bytes(&bytes) else {
            return Err("command queue header of the wrong size".into());
        };
        let count = u64::from(header.size)
            .checked_sub(header.entry_off.into())
            .map(|bytes| bytes / QUEUE_ELEMENT_SIZE_MIN as u64);
        let is_sound = header.version == MSGQ_VERSION
            && u64::from(header.size) <= room
            && header.msg_size as usize == QUEUE_ELEMENT_SIZE_MIN
            && header.msg_count > 1
            && count == Some(header.msg_count.into())
            && header.flags & MSGQ_FLAGS_SWAP_RX != 0
            && header.rx_hdr_off as usize >= size_of::<MsgqTxHeader>()
            && header.rx_hdr_off % 4 == 0
            && u64::from(header.entry_off) >= u64::from(header.rx_hdr_off) + 4
            && header.entry_off as usize % QUEUE_ELEMENT_SIZE_MIN == 0;
        if !is_sound {
            return Err(format!("command queue header {header:x?}"));
        }
        self.commands.entries = self.commands.header + u64::from(header.entry_off);
        self.commands.count = header.msg_count;
        self.driver_read_ptr = self.commands.header + u64::from(header.rx_hdr_off);
        Ok(())
    }

    fn create_status(&mut self, memory: &mut dyn GuestMemory, size: u32) -> Result<(), String> {
        let header = MsgqTxHeader {
            version: MSGQ_VERSION,
            size,
            msg_size: QUEUE_ELEMENT_SIZE_MIN as u32,
            msg_count: self.status.count,
            write_ptr: 0,
            flags: MSGQ_FLAGS_SWAP_RX,
            rx_hdr_off: size_of::<MsgqTxHeader>() as u32,
            entry_off: PAGE_SIZE as u32,
        };
        self.write(memory, self.our_read_ptr, &0_u32.to_le_bytes())?;
        self.write(memory, self.status.header, header.as_bytes())
    }

    /// Reads from byte `offset` of the shared memory, across pages.
    fn read(&self, memory: &dyn GuestMemory, offset: u64, into: &mut [u8]) -> Result<(), String> {
        let mut done = 0;
        while done < into.len() {
            let (address, left) = self.locate(offset + done as u64)?;
            let len = left.min(into.len() - done);
            memory
                .read(address, &mut into[done..done + len])
                .map_err(unmapped)?;
            done += len;
        }
        Ok(())
    }

    /// Writes to byte `offset` of the shared memory, across pages.
    fn write(&self, memory: &mut dyn GuestMemory, offset: u64, from: &[u8]) -> Result<(), String> {
        let mut done = 0;
        while done < from.len() {
            let (address, left) = self.locate(offset + done as u64)?;
            let len = left.min(from.len() - done);
            memory
                .write(address, &from[done..done + len])
                .map_err(unmapped)?;
            done += len;
        }
        Ok(())
    }

    /// Bus address of byte `offset` of the shared memory, and bytes to the end of its page.
    fn locate(&self, offset: u64) -> Result<(u64, usize), String> {
        let (page, within) = (offset / PAGE_SIZE as u64, offset as usize % PAGE_SIZE);
        match self.pages.get(page as usize) {
            Some(address) => Ok((address + within as u64, PAGE_SIZE - within)),
            None => Err(format!("byte {offset:#x} is outside of the shared memory")),
        }
    }

    fn read_u32(&self, memory: &dyn GuestMemory, offset: u64) -> Result<u32, String> {
        let mut bytes = [0; 4];
        self.read(memory, offset, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Takes the next command out of the queue; `None` if it is empty. A malformed command is
    /// consumed and returned as an error. The outer error says why there is no looking into the
    /// queue, which stays as it is.
    pub(crate) fn receive(
        &mut self,
        memory: &mut dyn GuestMemory,
        faults: &Faults,
    ) -> Result<Option<Result<Message, String>>, String> {
        let write_ptr_at = self.commands.header + offset_of!(MsgqTxHeader, write_ptr) as u64;
        let write_ptr = self.read_u32(memory, write_ptr_at)?;
        if write_ptr == self.commands.next {
            return Ok(None);
        }
        if write_ptr >= self.commands.count {
            return Ok(None);
        }
        let available =
            (write_ptr + self.commands.count - self.commands.next) % self.commands.count;
        let (elements, message) = self.read_message(memory, available);
        self.commands.advance(elements);
        let read_ptr = faults.read_pointer().unwrap_or(self.commands.next);
        let consumed = self.write(memory, self.our_read_ptr, &read_ptr.to_le_bytes());
        Ok(Some(consumed.and(message)))
    }

    /// Reads the message at the read pointer; also returns the number of elements that it takes.
    fn read_message(
        &self,
        memory: &dyn GuestMemory,
        available: u32,
    ) -> (u32, Result<Message, String>) {
        let at = self.commands.next;
        let mut bytes = vec![0; QUEUE_ELEMENT_SIZE_MIN];
        if let Err(error) = self.read(memory, self.commands.element(at), &mut bytes) {
            return (1, Err(error));
        }
        let Ok((element, _)) = QueueElement::read_from_prefix(&bytes) else {
            return (1, Err("queue element of the wrong size".into()));
        };
        let elements = element.elem_count;
        if elements == 0 || elements as usize > QUEUE_ELEMENT_SIZE_MAX / QUEUE_ELEMENT_SIZE_MIN {
            return (1, Err(format!("message of {elements} elements")));
        }
        if elements > available {
            let error = format!("message of {elements} elements, {available} were written");
            return (available, Err(error));
        }
        for index in 1..elements {
            let mut more = vec![0; QUEUE_ELEMENT_SIZE_MIN];
            if let Err(error) = self.read(memory, self.commands.element(at + index), &mut more) {
                return (elements, Err(error));
            }
            bytes.append(&mut more);
        }
        (elements, self.check_message(&element, bytes))
    }

    fn check_message(&self, element: &QueueElement, mut bytes: Vec<u8>) -> Result<Message, String> {
        let rpc = &element.rpc;
        let len = ELEMENT_HEADER.saturating_add(rpc.length as usize);
        if len < size_of::<QueueElement>() || len > bytes.len() {
            return Err(format!(
                "message of {:#x} bytes in {} elements",
                rpc.length, element.elem_count
            ));
        }
        if len.div_ceil(QUEUE_ELEMENT_SIZE_MIN) != element.elem_count as usize {
            return Err(format!(
                "message of {len:#x} bytes in {} elements",
                element.elem_count
            ));
        }
        // The firmware sums whole words, including the bytes behind a message that does not fill
        // its last word.
        let sum = checksum(&bytes[..len.next_multiple_of(WORD)]);
        if sum != 0 {
            return Err(format!("the checksum leaves {sum:#x}"));
        }
        if element.seq_num != self.commands.sequence {
            return Err(format!(
                "message number {}, {} was expected",
                element.seq_num, self.commands.sequence
            ));
        }
        if rpc.header_version != RPC_HEADER_VERSION || rpc.signature != RPC_SIGNATURE {
            return Err(format!(
                "RPC header of version {:#x} with signature {:#x}",
                rpc.header_version, rpc.signature
            ));
        }
        let rest = bytes.split_off(len);
        Ok(Message {
            function: rpc.function,
            sequence: rpc.sequence,
            payload: bytes.split_off(size_of::<QueueElement>()),
            rest,
        })
    }

    /// Queues a message behind those that wait for room in the status queue. A payload that is too
    /// long is split into continuation records with consecutive sequence numbers.
    pub(crate) fn send(&mut self, mut message: Outgoing) {
        let rest = message
            .payload
            .split_off(message.payload.len().min(PAYLOAD_MAX));
        let records = rest
            .chunks(PAYLOAD_MAX)
            .zip(1..)
            .map(|(piece, n)| Outgoing {
                function: CONTINUATION_RECORD,
                sequence: message.sequence.wrapping_add(n),
                result: message.result,
                payload: piece.to_vec(),
            });
        let records: Vec<_> = records.collect();
        self.waiting.push_back(message);
        self.waiting.extend(records);
    }

    /// Whether messages wait for room.
    pub(crate) fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes the waiting messages that fit. Returns whether any was written.
    pub(crate) fn flush(
        &mut self,
        memory: &mut dyn GuestMemory,
        faults: &Faults,
    ) -> Result<bool, String> {
        let mut written = false;
        while let Some(message) = self.waiting.front() {
            let elements = message.elements();
            if elements > self.room(memory)? {
                break;
            }
            let bytes = encode(message, self.status.sequence, faults);
            for (index, element) in (0..).zip(bytes.chunks(QUEUE_ELEMENT_SIZE_MIN)) {
                self.write(
                    memory,
                    self.status.element(self.status.next + index),
                    element,
                )?;
            }
            self.status.advance(elements);
            let write_ptr_at = self.status.header + offset_of!(MsgqTxHeader, write_ptr) as u64;
            let write_ptr = faults.write_pointer().unwrap_or(self.status.next);
            self.write(memory, write_ptr_at, &write_ptr.to_le_bytes())?;
            self.waiting.pop_front();
            written = true;
        }
        Ok(written)
    }

    /// Number of free elements of the status queue; one element always stays empty.
    fn room(&self, memory: &dyn GuestMemory) -> Result<u32, String> {
        let Ring { next, count, .. } = self.status;
        let read_ptr = self.read_u32(memory, self.driver_read_ptr)? % count;
        Ok((read_ptr + count - next - 1) % count)
    }
}

fn read_page_table(
    memory: &dyn GuestMemory,
    arguments: &QueueArguments,
) -> Result<Vec<u64>, String> {
    let (address, count) = (arguments.memory, arguments.pages);
    if address == 0 || address % PAGE_SIZE as u64 != 0 || address >> BUS_BITS != 0 {
        return Err(format!("shared memory at {address:#x}"));
    }
    if count == 0 || count > PAGES_MAX {
        return Err(format!("shared memory of {count} pages"));
    }
    let table = memory
        .read_vec(address, count as usize * 8)
        .map_err(unmapped)?;
    let pages: Vec<u64> = table
        .chunks_exact(8)
        .map(|entry| {
            entry
                .iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | u64::from(byte))
        })
        .collect();
    if pages[0] != address {
        return Err(format!(
            "first page is {:#x}, shared memory is at {address:#x}",
            pages[0]
        ));
    }
    for (index, page) in pages.iter().enumerate() {
        if page % PAGE_SIZE as u64 != 0 || page >> BUS_BITS != 0 || *page == 0 {
            return Err(format!("page {index} of the shared memory at {page:#x}"));
        }
    }
    Ok(pages)
}

/// Exclusive or of all 64-bit words of `bytes`, which must be whole words, and then of both halves.
///
/// Source: open-gpu-kernel-modules 570, `_checkSum32` in
/// src/nvidia/inc/kernel/gpu/gsp/message_queue_priv.h.
fn checksum(bytes: &[u8]) -> u32 {
    let words = <[U64]>::ref_from_bytes(bytes).expect("whole words");
    let sum = words.iter().fold(0, |sum, word| sum ^ word.get());
    (sum >> 32) as u32 ^ sum as u32
}

/// Encodes a message as whole elements, changed as `faults` say.
fn encode(message: &Outgoing, number: u32, faults: &Faults) -> Vec<u8> {
    let elements = message.elements();
    let mut element = QueueElement {
        seq_num: number,
        elem_count: elements,
        rpc: RpcHeader {
            header_version: RPC_HEADER_VERSION,
            signature: RPC_SIGNATURE,
            length: (size_of::<RpcHeader>() + message.payload.len()) as u32,
            function: message.function,
            rpc_result: message.result,
            rpc_result_private: message.result,
            sequence: message.sequence,
            ..RpcHeader::default()
        },
        ..QueueElement::default()
    };
    if faults.has(Fault::BadSequence) {
        element.seq_num = number.wrapping_add(7);
    }
    if faults.has(Fault::BadSignature) {
        element.rpc.signature = !RPC_SIGNATURE;
    }
    if let Some(count) = faults.message_elements() {
        element.elem_count = count;
    }
    if let Some(len) = faults.message_length() {
        element.rpc.length = len;
    }
    let mut bytes = element.as_bytes().to_vec();
    bytes.extend_from_slice(&message.payload);
    bytes.resize(elements as usize * QUEUE_ELEMENT_SIZE_MIN, 0);
    element.checksum = checksum(&bytes) ^ u32::from(faults.has(Fault::BadChecksum));
    bytes[..size_of::<QueueElement>()].copy_from_slice(element.as_bytes());
    bytes
}

#[cfg(any(test, fuzzing))]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod driver;
#[cfg(test)]
mod tests;
