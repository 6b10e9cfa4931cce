// SPDX-License-Identifier: GPL-2.0

//! Calls of GSP-RM, from any number of threads at once.

use core::time::Duration;

use kernel::prelude::*;
use nova_core::{Control, Reply, RpcError, Ticket};

use crate::errno::errno;
use crate::gsp::{Current, Gsp, GspRm};
use crate::machine::Machine;
use nova_kernel::sync::wait_queue::Woken;

/// How long to wait for room in the table of calls, or for a boot, before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A call that has been made.
#[derive(Clone, Copy)]
struct Submitted {
    ticket: Ticket,
    /// When it was made, as [`Current::epoch`] counts.
    epoch: u64,
}

impl Submitted {
    /// Gives the call up, unless whom it was made to is no more.
    fn cancel(self, current: &mut Current<'_>) {
        let Self { ticket, epoch } = self;
        if epoch == current.epoch {
            if let Some(running) = current.running() {
                running.cancel(ticket);
            }
        }
    }
}

impl<'a> Gsp<'a> {
    /// Calls a control and waits for the reply; the call is lost on whoever is killed meanwhile. Where the
    /// GPU is stopped, waits for one boot, and no more if that fails or the GPU is stopped again: a system
    /// that is about to sleep waits for its tasks only so long.
    ///
    /// # Errors
    ///
    /// `EIO` where nothing runs on the GPU (any more), `EINTR` if the task was killed, or why the
    /// GSP is lost.
    pub(crate) fn call(&self, control: &Control<'_>) -> Result<Reply<Machine<'a>>> {
        let mut guard = self.current.lock();
        let since = guard.epoch;
        let mut submitted = None;
        loop {
            let pause = match self.advance(&mut guard, since, control, &mut submitted)? {
                Step::Answered(reply) => return Ok(reply),
                Step::Wait(pause) => pause,
            };
            let woken;
            (guard, woken) = self.changed.wait(&self.current, guard, pause);
            match woken {
                Woken::Killed => {
                    if let Some(submitted) = submitted {
                        submitted.cancel(&mut guard);
                    }
                    return Err(EINTR);
                }
                Woken::Late => self.service_current(&mut guard),
                Woken::Up => {}
            }
        }
    }

    /// Submits the call if it has not been, takes the reply if it is there; the caller is there since the
    /// epoch `since`.
    fn advance(
        &self,
        current: &mut Current<'a>,
        since: u64,
        control: &Control<'_>,
        submitted: &mut Option<Submitted>,
    ) -> Result<Step<'a>> {
        let machine = self.machine();
        let epoch = current.epoch;
        let running = match &mut current.gsp_rm {
            GspRm::Running(running) => running,
            GspRm::Stopped if epoch == since => return Ok(Step::Wait(LOOK_AGAIN)),
            GspRm::Stopped | GspRm::Down => return Err(EIO),
        };
        let was_lost = running.lost().is_some();
        let ticket = match *submitted {
            Some(submitted) if submitted.epoch == epoch => submitted.ticket,
            // It was made to a GSP-RM that is no more.
            Some(_) => return Err(EIO),
            None => match running.submit(machine, control) {
                Ok(ticket) => submitted.insert(Submitted { ticket, epoch }).ticket,
                Err(RpcError::TooManyCalls) => return Ok(Step::Wait(LOOK_AGAIN)),
                Err(error) => {
                    self.note_loss(running, was_lost);
                    return Err(errno(error.kind()));
                }
            },
        };
        match running.take(ticket) {
            Some(Ok(reply)) => Ok(Step::Answered(reply)),
            Some(Err(error)) => Err(errno(error.kind())),
            None => Ok(Step::Wait(running.pause(machine))),
        }
    }
}

/// What is to be done for a call.
enum Step<'a> {
    /// Nothing any more.
    Answered(Reply<Machine<'a>>),
    /// To wait so long.
    Wait(Duration),
}
