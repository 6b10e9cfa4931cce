// SPDX-License-Identifier: GPL-2.0

//! Calls of GSP-RM, from any number of threads at once.
//!
//! All memory of a call is allocated before the lock is taken under which it is made.

use core::time::Duration;

use kernel::prelude::*;
use nova_core::{Command, Handles, Internal, Outgoing, Reply, RpcError, Running, Ticket};
use nova_hw::release::Release;

use crate::errno::errno;
use crate::gsp::{Current, Gsp};
use crate::machine::Machine;
use nova_kernel::sync::wait_queue::{TaskState, WaitResult};

/// How long to wait for room in the table of calls, or for a boot, before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Tells one boot of GSP-RM from the next: what belongs to one belongs to no later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(u64);

impl Epoch {
    /// Before the first boot.
    pub(crate) const FIRST: Self = Self(0);

    /// The one after this.
    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// Why a call has failed.
pub(crate) enum CallError {
    /// GSP-RM has refused it, or the GSP is lost, or there is no memory.
    Rpc(RpcError),
    /// That GSP-RM runs no more.
    Gone,
    /// The task is to die.
    Killed,
}

impl From<RpcError> for CallError {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Rpc(error) => errno(error.kind()),
            CallError::Gone => EIO,
            CallError::Killed => EINTR,
        }
    }
}

/// A GSP-RM that runs, or has run.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) epoch: Epoch,
    /// By which its calls are written.
    pub(crate) release: &'static Release,
}

impl<'a> Current<'a> {
    /// What runs, if it is still that of `epoch`.
    fn running_since(&mut self, epoch: Epoch) -> Result<&mut Running<Machine<'a>>, CallError> {
        match epoch == self.epoch {
            true => self.running().ok_or(CallError::Gone),
            false => Err(CallError::Gone),
        }
    }

    /// What runs, as somebody whom to call.
    fn target(&mut self) -> Result<Target, CallError> {
        let epoch = self.epoch;
        let release = self.running().ok_or(CallError::Gone)?.release();
        Ok(Target { epoch, release })
    }
}

impl<'a> Gsp<'a> {
    /// Whom to call, where something runs on the GPU.
    pub(crate) fn target(&self) -> Result<Target, CallError> {
        self.current.lock().target()
    }

    /// The same. Where the GPU is stopped, waits for one boot, and no more if that fails or the GPU is stopped again:
    /// a system that is about to sleep waits for its tasks only so long.
    pub(crate) fn await_target(&self) -> Result<Target, CallError> {
        let mut current = self.current.lock();
        let since = current.epoch;
        while current.is_stopped() && current.epoch == since {
            let (changed, state) = (&self.changed, TaskState::Killable);
            let result;
            (current, result) = changed.wait(&self.current, current, state, LOOK_AGAIN);
            if result == WaitResult::Killed {
                return Err(CallError::Killed);
            }
        }
        current.target()
    }

    /// Handles of an object that GSP-RM has made for the driver.
    pub(crate) fn internal(&self, target: Target, object: Internal) -> Result<Handles, CallError> {
        let mut current = self.current.lock();
        Ok(current.running_since(target.epoch)?.internal(object))
    }

    /// Has GSP-RM execute a command, unless it is another one by now.
    pub(crate) fn execute<C: Command>(
        &self,
        target: Target,
        state: TaskState,
        command: &C,
    ) -> Result<C::Reply, CallError> {
        let reply = self.call(target, state, command)?;
        Ok(reply.read(target.release, command)?)
    }

    /// The same, where GSP-RM may refuse the command: its reply says whether it did.
    pub(crate) fn call<C: Command>(
        &self,
        target: Target,
        state: TaskState,
        command: &C,
    ) -> Result<Reply<Machine<'a>>, CallError> {
        let call = Outgoing::new(self.machine(), target.release, command)?;
        self.make(target.epoch, state, call)
    }

    /// Makes a call and waits for the reply. Where the task is killed meanwhile, the reply is dropped when it comes.
    fn make(
        &self,
        epoch: Epoch,
        state: TaskState,
        call: Outgoing<Machine<'a>>,
    ) -> Result<Reply<Machine<'a>>, CallError> {
        let mut progress = Progress::ToMake(call);
        let mut current = self.current.lock();
        loop {
            let pause;
            (progress, pause) = match self.advance(&mut current, epoch, progress)? {
                Step::Answered(reply) => return Ok(reply),
                Step::Wait(progress, pause) => (progress, pause),
            };
            let result;
            (current, result) = self.changed.wait(&self.current, current, state, pause);
            match result {
                WaitResult::Killed => {
                    if let (Progress::Made(ticket), Ok(running)) =
                        (progress, current.running_since(epoch))
                    {
                        running.cancel(ticket);
                    }
                    return Err(CallError::Killed);
                }
                WaitResult::TimedOut => self.service_current(&mut current),
                WaitResult::Woken => {}
            }
        }
    }

    /// Makes the call if there is room, takes the reply if it is there.
    fn advance(
        &self,
        current: &mut Current<'a>,
        epoch: Epoch,
        progress: Progress<'a>,
    ) -> Result<Step<'a>, CallError> {
        let machine = self.machine();
        let running = current.running_since(epoch)?;
        let was_lost = running.lost().is_some();
        let ticket = match progress {
            Progress::Made(ticket) => ticket,
            Progress::ToMake(_) if !running.has_room() && !was_lost => {
                return Ok(Step::Wait(progress, LOOK_AGAIN));
            }
            Progress::ToMake(call) => running
                .submit(machine, call)
                .inspect_err(|_| self.note_loss(running, was_lost))?,
        };
        match running.take(ticket) {
            Some(Ok(reply)) => Ok(Step::Answered(reply)),
            Some(Err(error)) => Err(error.into()),
            None => Ok(Step::Wait(Progress::Made(ticket), running.pause(machine))),
        }
    }
}

/// How far a call is.
enum Progress<'a> {
    /// There was no room for it.
    ToMake(Outgoing<Machine<'a>>),
    /// Its reply is awaited.
    Made(Ticket),
}

/// What is to be done for a call.
enum Step<'a> {
    /// Nothing any more.
    Answered(Reply<Machine<'a>>),
    /// To wait so long.
    Wait(Progress<'a>, Duration),
}
