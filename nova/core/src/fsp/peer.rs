// SPDX-License-Identifier: GPL-2.0

//! A simulated FSP for tests: external memory, queues, and predefined responses.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::vec::Vec;

use crate::platform::{Clock, Registers};

const EMEMC: u32 = 0x8f2ac0;
const EMEMD: u32 = 0x8f2ac4;
const QUEUE_HEAD: u32 = 0x8f2c00;
const QUEUE_TAIL: u32 = 0x8f2c04;
const MSGQ_HEAD: u32 = 0x8f2c80;
const MSGQ_TAIL: u32 = 0x8f2c84;

/// The FSP's response to a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    /// Contents of the external memory.
    pub(crate) words: Vec<u32>,
    /// Head and tail of the FSP's queue.
    pub(crate) head: u32,
    pub(crate) tail: u32,
}

impl Response {
    /// A response with matching pointers.
    pub(crate) fn of(words: &[u32]) -> Self {
        let last = words.len().saturating_sub(1);
        Self {
            words: words.to_vec(),
            head: 0,
            tail: last as u32 * 4,
        }
    }
}

/// A simulated FSP.
#[derive(Default)]
pub(crate) struct Fsp {
    /// The response to the next messages, if any.
    pub(crate) response: RefCell<Option<Response>>,
    /// The FSP does not take messages.
    pub(crate) ignores_messages: Cell<bool>,
    /// Messages that were received.
    pub(crate) received: RefCell<Vec<Vec<u32>>>,
    memory: RefCell<Vec<u32>>,
    at: Cell<usize>,
    /// Head and tail of the queue to the FSP.
    commands: Cell<(u32, u32)>,
    /// Head and tail of the FSP's queue.
    pub(crate) queue: Cell<(u32, u32)>,
    now: Cell<Duration>,
}

impl Fsp {
    /// An FSP with this response to every message.
    pub(crate) fn responding(response: Response) -> Self {
        Self {
            response: RefCell::new(Some(response)),
            ..Self::default()
        }
    }

    /// Index of the current word of the external memory, which is then incremented.
    fn step(&self) -> usize {
        self.at.replace(self.at.get() + 1)
    }

    /// Receives the message in the external memory.
    fn receive(&self) {
        if self.ignores_messages.get() {
            return;
        }
        let (_, tail) = self.commands.get();
        self.commands.set((tail, tail));
        let words = tail as usize / 4 + 1;
        let mut memory = self.memory.borrow_mut();
        let len = memory.len().max(words);
        memory.resize(len, 0);
        self.received.borrow_mut().push(memory[..words].to_vec());
        if let Some(response) = &*self.response.borrow() {
            memory.clone_from(&response.words);
            self.queue.set((response.head, response.tail));
        }
    }
}

impl Registers for Fsp {
    fn read32(&self, offset: u32) -> u32 {
        match offset {
            EMEMD => {
                let at = self.step();
                self.memory.borrow().get(at).copied().unwrap_or_default()
            }
            QUEUE_HEAD => self.commands.get().0,
            QUEUE_TAIL => self.commands.get().1,
            MSGQ_HEAD => self.queue.get().0,
            MSGQ_TAIL => self.queue.get().1,
            _ => 0,
        }
    }

    fn write32(&self, offset: u32, value: u32) {
        match offset {
            EMEMC => self.at.set(value as usize % 0x1_0000 / 4),
            EMEMD => {
                let at = self.step();
                let mut memory = self.memory.borrow_mut();
                let len = memory.len().max(at + 1);
                memory.resize(len, 0);
                memory[at] = value;
            }
            QUEUE_TAIL => self.commands.set((self.commands.get().0, value)),
            QUEUE_HEAD => {
                self.commands.set((value, self.commands.get().1));
                self.receive();
            }
            MSGQ_HEAD => self.queue.set((value, self.queue.get().1)),
            MSGQ_TAIL => self.queue.set((self.queue.get().0, value)),
            _ => (),
        }
    }
}

impl Clock for Fsp {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn sleep(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }
}
