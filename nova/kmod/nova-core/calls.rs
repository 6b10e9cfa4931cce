// SPDX-License-Identifier: GPL-2.0

//! Calls of GSP-RM, which threads may make concurrently.
//!
//! All memory of a call is allocated before `Gsp::current` is locked.

use core::time::Duration;

use kernel::prelude::*;
use nova_core::platform::Clock;
use nova_core::{Command, Handles, Internal, Outgoing, Reply, RpcError, Running, Ticket};
use nova_hw::release::Release;

use crate::errno::errno;
use crate::gsp::{Current, Gsp};
use crate::machine::Machine;
use nova_kernel::sync::wait_queue::{TaskState, WaitResult};

/// Interval at which a thread that waits for a boot, or for room in the table of calls, checks
/// again; this driver's own value.
const RECHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Number of a boot of GSP-RM. Objects and calls of one epoch are not valid in a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// Before the first boot.
    pub(crate) const FIRST: Self = Self(0);

    /// Its number, which is not zero once GSP-RM has run.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The next epoch.
    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// Why a call failed.
#[derive(Clone, Copy)]
pub(crate) enum CallError {
    /// GSP-RM has refused the call, the GSP is lost, or there is no memory.
    Rpc(RpcError),
    /// The GSP-RM of the call's epoch does not run any more.
    Gone,
    /// The task has received a fatal signal.
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

/// The boot of GSP-RM that a call is for.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) epoch: Epoch,
    /// Its release, which determines the layout of calls.
    pub(crate) release: &'static Release,
}

impl<'a> Current<'a> {
    /// The running GSP-RM, if it is still that of `epoch`.
    pub(crate) fn running_in(
        &mut self,
        epoch: Epoch,
    ) -> Result<&mut Running<Machine<'a>>, CallError> {
        match epoch == self.epoch {
            true => self.running().ok_or(CallError::Gone),
            false => Err(CallError::Gone),
        }
    }

    /// The running GSP-RM, as the target of calls.
    pub(crate) fn target(&mut self) -> Result<Target, CallError> {
        let epoch = self.epoch;
        let release = self.running().ok_or(CallError::Gone)?.release();
        Ok(Target { epoch, release })
    }
}

impl<'a> Gsp<'a> {
    /// The running GSP-RM, as the target of calls.
    pub(crate) fn target(&self) -> Result<Target, CallError> {
        self.current.lock().target()
    }

    /// As [`Self::target`], but waits for a boot if the GPU is stopped. Does not wait for another boot if that one fails
    /// or the GPU is stopped again, since the kernel freezes tasks before a suspend only within a time limit.
    pub(crate) fn await_target(&self) -> Result<Target, CallError> {
        let mut current = self.current.lock();
        let epoch = current.epoch;
        while current.is_stopped() && current.epoch == epoch {
            let (changed, state) = (&self.changed, TaskState::Killable);
            let result;
            (current, result) = changed.wait(&self.current, current, state, RECHECK_INTERVAL);
            if result == WaitResult::Killed {
                return Err(CallError::Killed);
            }
        }
        current.target()
    }

    /// Waits until GSP-RM runs, but not for longer than `limit`. It is awaited if the GPU is stopped, and if the GSP is
    /// lost, since another boot follows then.
    ///
    /// # Errors
    ///
    /// [`CallError::Gone`] if there will be no boot, [`CallError::Killed`].
    pub(crate) fn await_running(&self, limit: Duration) -> Result<(), CallError> {
        let end = self.machine().now().saturating_add(limit);
        let mut current = self.current.lock();
        loop {
            let is_awaited = current.is_awaited() || current.is_lost();
            let left = end.saturating_sub(self.machine().now());
            if !is_awaited {
                return current.target().map(|_| ());
            }
            if left.is_zero() {
                return Ok(());
            }
            let (changed, state) = (&self.changed, TaskState::Killable);
            let result;
            (current, result) = changed.wait(&self.current, current, state, left);
            if result == WaitResult::Killed {
                return Err(CallError::Killed);
            }
        }
    }

    /// Handles of an object that GSP-RM itself has allocated for the driver.
    pub(crate) fn internal(&self, target: Target, object: Internal) -> Result<Handles, CallError> {
        let mut current = self.current.lock();
        Ok(current.running_in(target.epoch)?.internal(object))
    }

    /// Sends a command to the GSP-RM of `target`, and returns its reply. Fails if GSP-RM refuses the command.
    pub(crate) fn execute<C: Command>(
        &self,
        target: Target,
        state: TaskState,
        command: &C,
    ) -> Result<C::Reply, CallError> {
        let reply = self.call(target, state, command)?;
        Ok(reply.read(target.release, command)?)
    }

    /// As [`Self::execute`], but if GSP-RM refuses the command, returns the reply with its status.
    pub(crate) fn call<C: Command>(
        &self,
        target: Target,
        state: TaskState,
        command: &C,
    ) -> Result<Reply<Machine<'a>>, CallError> {
        let call = Outgoing::new(self.machine(), target.release, command)?;
        self.send_and_wait(target.epoch, state, call)
    }

    /// Sends a call and waits for the reply. If the task is killed meanwhile, the reply is dropped when it arrives.
    pub(crate) fn send_and_wait(
        &self,
        epoch: Epoch,
        state: TaskState,
        call: Outgoing<Machine<'a>>,
    ) -> Result<Reply<Machine<'a>>, CallError> {
        let mut progress = Progress::Unsent(call);
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
                    if let (Progress::Sent(ticket), Ok(running)) =
                        (progress, current.running_in(epoch))
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

    /// Sends the call if there is room, and takes the reply if it has arrived.
    fn advance(
        &self,
        current: &mut Current<'a>,
        epoch: Epoch,
        progress: Progress<'a>,
    ) -> Result<Step<'a>, CallError> {
        let machine = self.machine();
        let running = current.running_in(epoch)?;
        let was_lost = running.lost().is_some();
        let ticket = match progress {
            Progress::Sent(ticket) => ticket,
            Progress::Unsent(_) if !running.has_room() && !was_lost => {
                return Ok(Step::Wait(progress, RECHECK_INTERVAL));
            }
            Progress::Unsent(call) => running
                .submit(machine, call)
                .inspect_err(|_| self.note_loss(running, was_lost))?,
        };
        match running.take(ticket) {
            Some(Ok(reply)) => Ok(Step::Answered(reply)),
            Some(Err(error)) => Err(error.into()),
            None => Ok(Step::Wait(Progress::Sent(ticket), running.pause(machine))),
        }
    }
}

/// Progress of a call.
enum Progress<'a> {
    /// The call has not been sent yet.
    Unsent(Outgoing<Machine<'a>>),
    /// The call has been sent, and the reply has not been taken.
    Sent(Ticket),
}

/// Result of [`Gsp::advance`].
enum Step<'a> {
    /// The call is complete.
    Answered(Reply<Machine<'a>>),
    /// The thread has to wait this long before the next step, or until it is woken.
    Wait(Progress<'a>, Duration),
}
