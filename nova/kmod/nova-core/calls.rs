// SPDX-License-Identifier: GPL-2.0

//! Calls of GSP-RM, from any number of threads at once.

use core::time::Duration;

use kernel::prelude::*;
use nova_core::{Control, Error as NovaError, Reply, Running, Ticket};

use crate::errno::errno;
use crate::gsp::Gsp;
use crate::machine::Machine;
use crate::wait_queue::Woken;

/// How long to wait for room in the table of calls before looking again.
const ROOM: Duration = Duration::from_millis(100);

impl<'a> Gsp<'a> {
    /// Calls a control and waits for the reply; the call is lost on whoever is killed meanwhile.
    ///
    /// # Errors
    ///
    /// `EIO` where nothing runs on the GPU (any more), `EINTR` if the task was killed, or why the
    /// GSP is lost.
    pub(crate) fn call(&self, control: &Control<'_>) -> Result<Reply<Machine<'a>>> {
        let mut guard = self.running.lock();
        let mut ticket = None;
        loop {
            let running = (*guard).as_mut().ok_or(EIO)?;
            let pause = match self.advance(running, control, &mut ticket)? {
                Step::Answered(reply) => return Ok(reply),
                Step::Wait(pause) => pause,
            };
            let woken;
            (guard, woken) = self.changed.wait(&self.running, guard, pause);
            match (woken, (*guard).as_mut()) {
                (Woken::Killed, running) => {
                    if let (Some(running), Some(ticket)) = (running, ticket) {
                        running.cancel(ticket);
                    }
                    return Err(EINTR);
                }
                (Woken::Late, Some(running)) => self.service_running(running),
                _ => {}
            }
        }
    }

    /// Submits the call if it has not been, takes the reply if it is there.
    fn advance(
        &self,
        running: &mut Running<Machine<'a>>,
        control: &Control<'_>,
        ticket: &mut Option<Ticket>,
    ) -> Result<Step<'a>> {
        let machine = self.machine();
        let was_lost = running.lost().is_some();
        let submitted = match *ticket {
            Some(ticket) => ticket,
            None => match running.submit(machine, control) {
                Ok(submitted) => *ticket.insert(submitted),
                Err(NovaError::TooManyCalls) => return Ok(Step::Wait(ROOM)),
                Err(error) => {
                    self.note_loss(running, was_lost);
                    return Err(errno(error.kind()));
                }
            },
        };
        match running.take(submitted) {
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
