// SPDX-License-Identifier: GPL-2.0

//! The interface of an engine that the host feeds with methods.

use super::memory::{Address, Memory, MmuFault};

/// What an engine reaches while it executes.
pub(crate) struct Context<'a> {
    /// Memory of the channel.
    pub(crate) memory: &'a mut dyn Memory,
    /// The GPU's time in nanoseconds, which time stamps have.
    pub(crate) time: u64,
    /// The channel may name physical memory.
    pub(crate) is_privileged: bool,
    /// Bytes that the engine may still copy in this turn; it subtracts what it copies.
    pub(crate) budget: u64,
    /// The engine has requested its non-stall interrupt.
    pub(crate) interrupt: bool,
    /// What the engine has done, for the trace.
    pub(crate) work: Vec<Work>,
}

/// What a channel does beyond setting state, as the trace shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It starts to copy between these surfaces.
    Copy {
        /// Bytes of the destination.
        bytes: u64,
        /// `None` if constants or inline data are written.
        source: Option<Address>,
        destination: Address,
    },
    /// It starts to execute a program.
    Launch {
        program: u64,
        /// How many threads execute it.
        threads: u64,
    },
    /// It has written a semaphore.
    Release { at: Address, payload: u64 },
    /// It has computed a semaphore from its value and the payload.
    Reduce { at: Address, payload: u64 },
    /// It has found that a semaphore has the value that the payload demands.
    Acquire { at: Address, payload: u64 },
    /// It waits until a semaphore has that value.
    Wait { at: Address, payload: u64 },
}

/// How far a method has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Progress {
    /// It has completed.
    Done,
    /// The budget is used up; the host calls [`Engine::proceed`] in the channel's next turn.
    Unfinished,
}

/// Why an engine has stopped executing its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exception {
    /// A memory access failed.
    Fault(MmuFault),
    /// The engine has no such method, or its data is invalid.
    Method {
        /// What is wrong, for the trace.
        reason: String,
    },
    /// A program has done what the hardware does not allow, or what this model cannot execute.
    Program {
        /// What is wrong, for the trace.
        reason: String,
    },
    /// The work is valid, but this model cannot execute it.
    NotModelled {
        /// What was to be executed, for the trace.
        what: String,
    },
}

impl From<MmuFault> for Exception {
    fn from(fault: MmuFault) -> Self {
        Self::Fault(fault)
    }
}

/// An engine, with the state that one channel has there.
pub(crate) trait Engine {
    /// Executes the method at byte offset `method` (0x100 and above) with `data`.
    fn method(
        &mut self,
        context: &mut Context<'_>,
        method: u16,
        data: u32,
    ) -> Result<Progress, Exception>;

    /// Continues the method that has not completed.
    fn proceed(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception>;
}
