// SPDX-License-Identifier: GPL-2.0

//! The driver's side of the queues, for tests.

use super::*;
use crate::machine::in_process::Arena;

/// Elements of each ring.
pub(crate) const COUNT: u32 = 4;
pub(crate) const COMMANDS: u64 = 0x1000;
pub(crate) const STATUS: u64 = 0x6000;

/// Pages of the shared memory.
pub(crate) const PAGES: usize = 11;

/// The driver's side of the queues, in pages that are not contiguous on the bus.
pub(crate) struct Driver<M> {
    pub(crate) memory: M,
    pages: Vec<u64>,
    sequence: u32,
    pub(crate) write_ptr: u32,
}

impl Queues {
    /// Takes the messages that wait to be sent to the driver.
    pub(crate) fn sent(&mut self) -> Vec<Outgoing> {
        self.waiting.drain(..).collect()
    }
}

impl Driver<Arena> {
    pub(crate) fn new() -> Self {
        let mut memory = Arena::new();
        let pages = (0..PAGES).map(|_| memory.place(&[0; PAGE_SIZE])).collect();
        Self::over(memory, pages)
    }
}

impl<M: GuestMemory> Driver<M> {
    /// A driver with the queues in these pages of `memory`.
    pub(crate) fn over(memory: M, pages: Vec<u64>) -> Self {
        let mut driver = Self {
            memory,
            pages,
            sequence: 0,
            write_ptr: 0,
        };
        let table: Vec<u8> = driver
            .pages
            .iter()
            .flat_map(|page| page.to_le_bytes())
            .collect();
        driver.write(0, &table);
        let header = MsgqTxHeader {
            size: (1 + COUNT) * PAGE_SIZE as u32,
            msg_size: PAGE_SIZE as u32,
            msg_count: COUNT,
            flags: MSGQ_FLAGS_SWAP_RX,
            rx_hdr_off: 0x20,
            entry_off: PAGE_SIZE as u32,
            ..MsgqTxHeader::default()
        };
        driver.write(COMMANDS, header.as_bytes());
        driver
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let address = self.pages[offset as usize / PAGE_SIZE] + offset % PAGE_SIZE as u64;
        self.memory.write(address, bytes).unwrap();
    }

    pub(crate) fn read_u32(&self, offset: u64) -> u32 {
        let address = self.pages[offset as usize / PAGE_SIZE] + offset % PAGE_SIZE as u64;
        self.memory.read_u32(address).unwrap()
    }

    pub(crate) fn arguments(&self) -> QueueArguments {
        QueueArguments {
            memory: self.pages[0],
            pages: PAGES as u32,
            commands: COMMANDS,
            status: STATUS,
        }
    }

    pub(crate) fn link(&mut self) -> Result<Queues, String> {
        let arguments = self.arguments();
        Queues::link(&mut self.memory, &arguments)
    }

    /// Sends a command of `len` bytes after applying `change` to its element.
    pub(crate) fn send(&mut self, len: usize, change: impl FnOnce(&mut [u8])) {
        let message = Outgoing {
            function: 76,
            sequence: 9,
            result: u32::MAX,
            payload: vec![0x5a; len],
        };
        let mut bytes = encode(&message, self.sequence, &Faults::default());
        change(&mut bytes);
        for page in bytes.chunks(PAGE_SIZE) {
            let at = COMMANDS + PAGE_SIZE as u64 * u64::from(1 + self.write_ptr);
            self.write(at, page);
            self.write_ptr = (self.write_ptr + 1) % COUNT;
        }
        self.sequence += 1;
        self.write(COMMANDS + 16, &self.write_ptr.to_le_bytes());
    }
}
