// SPDX-License-Identifier: GPL-2.0

//! Calls to GSP-RM and what it reports on its own.
//!
//! A reply carries the function and the sequence number of its call. Whatever else arrives
//! meanwhile is an event: it is handled here, handed to the adapter, or counted and skipped.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c
//! (`_kgspRpcDrainOneEvent`, `_kgspProcessRpcEvent`),
//! src/nvidia/kernel/inc/vgpu/rpc_global_enums.h.

use core::fmt;
use core::mem::offset_of;
use core::time::Duration;

use nova_hw::abi::{event, function, OsErrorLog, RmControl};
use zerocopy::IntoBytes;

use crate::error::{Error, Failure, Timeout};
use crate::io::{Io, Pacer};
use crate::platform::{DmaAllocator, DmaMemory, Interrupts, Scratch};
use crate::queue::{Doorbell, Queue, QueueError, Received, MESSAGE_MAX};
use crate::sequencer::Sequencer;
use crate::text::Text;
use crate::wire::Payload;

/// GSP-RM answers a call in less than this.
const REPLY_LIMIT: Duration = Duration::from_secs(5);

/// GSP-RM makes room in the command queue in less than this.
const ROOM_LIMIT: Duration = Duration::from_secs(1);

/// Messages that are handled before the time is looked at again: as many as a queue holds, so that
/// a GSP which never stops talking cannot keep a caller for ever.
const BATCH: u32 = 64;

/// What GSP-RM reports on its own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An error, with the number by which NVIDIA's documents know it.
    OsError {
        /// The Xid.
        xid: u32,
        /// What happened, in GSP-RM's words.
        text: &'a str,
    },
    /// A boot failed, and so did putting the GPU back: it has to be reset.
    NotPutBack(&'a Failure),
    /// Something that this driver does not act upon.
    Unknown {
        /// Number of the event.
        function: u32,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OsError { xid, text } => write!(f, "Xid {xid}: {text}"),
            Self::NotPutBack(failure) => write!(f, "the GPU could not be put back: {failure}"),
            Self::Unknown { function } => write!(f, "event {function:#x} of GSP-RM skipped"),
        }
    }
}

/// Who is told of events.
pub(crate) type Events<'a> = &'a mut dyn FnMut(Event<'_>);

/// How to wait for a message.
#[derive(Clone, Copy)]
pub(crate) enum Wait<'a> {
    /// By looking again: GSP-RM's interrupt is not known yet.
    Polling,
    /// By its interrupt.
    Interrupt(&'a dyn Interrupts),
}

impl Wait<'_> {
    fn wait(self, pacer: &mut Pacer<'_>) {
        match self {
            Self::Polling => pacer.pause(),
            // Whether it fired does not matter: the queue is looked at either way.
            Self::Interrupt(interrupts) => {
                interrupts.wait(pacer.left());
            }
        }
    }
}

/// What is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Awaited {
    /// Its name, for errors.
    pub(crate) name: &'static str,
    /// Its function.
    pub(crate) function: u32,
    /// The sequence number of the call that it answers; events have none.
    pub(crate) sequence: Option<u32>,
}

impl Awaited {
    fn is(&self, message: &Received) -> bool {
        self.function == message.function
            && self
                .sequence
                .is_none_or(|sequence| sequence == message.sequence)
    }
}

/// The connection to GSP-RM.
pub(crate) struct Rpc<M, B> {
    queue: Queue<M>,
    /// The message that was received last.
    buffer: B,
    /// Sequence number of the last call; messages that answer none have zero.
    calls: u32,
    /// Messages that nobody waited for and nobody knew.
    skipped: u32,
    /// There if the GSP does not know of all that is in the command queue.
    doorbell: Option<Doorbell>,
}

impl<M: DmaMemory, B: AsRef<[u8]> + AsMut<[u8]>> Rpc<M, B> {
    /// Allocates the queues and a buffer for the longest message.
    pub(crate) fn new<P>(platform: &P) -> Result<Self, Error>
    where
        P: DmaAllocator<Memory = M> + Scratch<Bytes = B>,
    {
        Ok(Self {
            queue: Queue::new(platform)?,
            buffer: platform
                .alloc_bytes(MESSAGE_MAX)
                .map_err(|e| Error::no_memory("a message of the GSP", e))?,
            calls: 0,
            skipped: 0,
            doorbell: None,
        })
    }

    /// The queues.
    pub(crate) fn queue(&self) -> &Queue<M> {
        &self.queue
    }

    /// Puts a message that has no reply into the command queue; the GSP is told by [`Self::ring`].
    pub(crate) fn enqueue(&mut self, function: u32, parts: &[&[u8]]) -> Result<(), Error> {
        self.doorbell = Some(self.queue.send(function, 0, parts)?);
        Ok(())
    }

    /// Tells the GSP of what was enqueued.
    pub(crate) fn ring(&mut self, io: &Io<'_>) {
        if let Some(doorbell) = self.doorbell.take() {
            doorbell.ring(io);
        }
    }

    /// Calls GSP-RM and waits for the reply, whose payload is returned.
    pub(crate) fn call(
        &mut self,
        (name, function): (&'static str, u32),
        parts: &[&[u8]],
        wait: Wait<'_>,
        sequencer: &Sequencer<'_>,
        events: Events<'_>,
    ) -> Result<Payload<'_>, Error> {
        self.calls = self.calls.wrapping_add(1).max(1);
        let awaited = Awaited {
            name,
            function,
            sequence: Some(self.calls),
        };
        self.send(function, parts, sequencer.hardware.io)?;
        self.wait_for(awaited, REPLY_LIMIT, wait, sequencer, events)
    }

    /// Calls a control of an object of GSP-RM with `params`; returns what they have become.
    pub(crate) fn control(
        &mut self,
        name: &'static str,
        control: RmControl,
        params: &[u8],
        wait: Wait<'_>,
        sequencer: &Sequencer<'_>,
        events: Events<'_>,
    ) -> Result<Payload<'_>, Error> {
        let control = RmControl {
            params_size: u32::try_from(params.len()).unwrap_or(u32::MAX),
            ..control
        };
        let parts = [control.as_bytes(), params];
        let rpc = (name, function::GSP_RM_CONTROL);
        let reply = self.call(rpc, &parts, wait, sequencer, events)?;
        match reply.field(offset_of!(RmControl, status))? {
            0 => Ok(reply.after::<RmControl>()),
            status => Err(Error::Rpc { rpc: name, status }),
        }
    }

    /// Puts a message into the command queue, waiting for room, and tells the GSP.
    fn send(&mut self, function: u32, parts: &[&[u8]], io: &Io<'_>) -> Result<(), Error> {
        let mut pacer = io.pacer(ROOM_LIMIT);
        loop {
            let last = pacer.expired();
            match self.queue.send(function, self.calls, parts) {
                Ok(doorbell) => {
                    doorbell.ring(io);
                    return Ok(());
                }
                Err(QueueError::Full { .. }) if !last => pacer.pause(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Handles what arrives until `awaited` does, whose payload is returned.
    pub(crate) fn wait_for(
        &mut self,
        awaited: Awaited,
        limit: Duration,
        wait: Wait<'_>,
        sequencer: &Sequencer<'_>,
        events: Events<'_>,
    ) -> Result<Payload<'_>, Error> {
        let mut pacer = sequencer.hardware.io.pacer(limit);
        loop {
            let last = pacer.expired();
            if let Some(message) = self.handle_until(Some(awaited), sequencer, events)? {
                if message.result != 0 {
                    return Err(Error::Rpc {
                        rpc: awaited.name,
                        status: message.result,
                    });
                }
                return Ok(Payload {
                    message: awaited.name,
                    bytes: message.payload(self.buffer.as_ref()),
                });
            }
            if last {
                return Err(Error::Timeout(Timeout {
                    awaited: awaited.name,
                    seen: self.skipped,
                    after: limit,
                }));
            }
            wait.wait(&mut pacer);
        }
    }

    /// Handles what has arrived, up to a queue full of it.
    pub(crate) fn handle(
        &mut self,
        sequencer: &Sequencer<'_>,
        events: Events<'_>,
    ) -> Result<(), Error> {
        self.handle_until(None, sequencer, events).map(|_| ())
    }

    /// Handles what has arrived up to `awaited`, which is returned.
    fn handle_until(
        &mut self,
        awaited: Option<Awaited>,
        sequencer: &Sequencer<'_>,
        events: Events<'_>,
    ) -> Result<Option<Received>, Error> {
        for _ in 0..BATCH {
            let Some(message) = self.queue.receive(self.buffer.as_mut())? else {
                break;
            };
            if awaited.is_some_and(|awaited| awaited.is(&message)) {
                return Ok(Some(message));
            }
            self.dispatch(&message, sequencer, events)?;
        }
        Ok(None)
    }

    /// Handles one message that nobody waits for.
    fn dispatch(
        &mut self,
        message: &Received,
        sequencer: &Sequencer<'_>,
        events: Events<'_>,
    ) -> Result<(), Error> {
        let bytes = message.payload(self.buffer.as_ref());
        match message.function {
            event::GSP_RUN_CPU_SEQUENCER => sequencer.run(bytes)?,
            event::OS_ERROR_LOG => {
                let message = "OS_ERROR_LOG";
                let log = Payload { message, bytes };
                let text: [u8; OsErrorLog::TEXT] = log.field(offset_of!(OsErrorLog, err_string))?;
                events(Event::OsError {
                    xid: log.field(offset_of!(OsErrorLog, except_type))?,
                    text: Text::<{ OsErrorLog::TEXT }>::from_bytes(&text).as_str(),
                });
            }
            function => {
                self.skipped = self.skipped.saturating_add(1);
                events(Event::Unknown { function });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::falcon::{Engine, Falcon};
    use crate::gpu::Hardware;
    use crate::platform::Clock;
    use crate::queue::tests::Gsp;
    use crate::testing::{Allocator, Card};
    use std::cell::RefCell;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const REPLY: Awaited = Awaited {
        name: "a reply",
        function: 99,
        // What the other side puts into all of its messages.
        sequence: Some(7),
    };

    /// Waits for [`REPLY`] while `meanwhile` is told of each event; returns the events too.
    fn wait(
        first: &[(u32, &[u8])],
        mut meanwhile: impl FnMut(&mut Gsp),
    ) -> (Result<Vec<u8>, Error>, Vec<String>, Duration) {
        let (card, allocator) = (Card::default(), Allocator::default());
        let io = &Io::new(&card);
        let mut rpc = Rpc::new(&allocator).unwrap();
        let gsp = RefCell::new(Gsp::of(&allocator));
        for &(function, payload) in first {
            gsp.borrow_mut().put(function, payload, |_| {});
        }
        let sequencer = Sequencer {
            hardware: Hardware {
                io,
                gsp: Falcon::new(io, Engine::Gsp, 0),
                sec2: Falcon::new(io, Engine::Sec2, 0),
            },
            bar: 1 << 24,
            libos: 0,
            app_version: 0,
        };
        let mut events = Vec::new();
        let note = &mut |event: Event<'_>| {
            events.push(event.to_string());
            // What a wait in between would cost.
            card.sleep(Duration::from_micros(1));
            meanwhile(&mut gsp.borrow_mut());
        };
        let limit = Duration::from_millis(5);
        let reply = rpc
            .wait_for(REPLY, limit, Wait::Polling, &sequencer, note)
            .map(|payload| payload.bytes.to_vec());
        (reply, events, card.now())
    }

    #[test]
    fn events_before_a_reply_are_told() {
        let mut log = [0; size_of::<OsErrorLog>()];
        log[0] = 31;
        log[12..16].copy_from_slice(b"oops");
        let first = [(0x1006, &log[..]), (0x1020, &[]), (99, &[1, 2, 3])];
        let (reply, events, _) = wait(&first, |_| {});
        assert_eq!(reply, Ok(Vec::from([1, 2, 3])));
        assert_eq!(events, ["Xid 31: oops", "event 0x1020 of GSP-RM skipped"]);
    }

    #[test]
    fn an_event_that_is_cut_off_is_refused() {
        let (reply, ..) = wait(&[(0x1006, &[0; 267])], |_| {});
        assert!(matches!(
            reply,
            Err(Error::Payload {
                message: "OS_ERROR_LOG",
                ..
            })
        ));
        let (reply, ..) = wait(&[(0x1002, &[0; 8])], |_| {});
        assert!(matches!(reply, Err(Error::Payload { found: 8, .. })));
    }

    #[test]
    fn a_gsp_that_says_nothing_is_not_waited_for_for_ever() {
        let (reply, _, time) = wait(&[], |_| {});
        let seen = 0;
        assert!(matches!(reply, Err(Error::Timeout(e)) if e.seen == seen));
        assert!(time < Duration::from_millis(10));
    }

    #[test]
    fn nor_is_one_that_never_stops_talking() {
        let (reply, events, time) = wait(&[(0x1020, &[])], |gsp| gsp.put(0x1020, &[], |_| {}));
        let seen = events.len() as u32;
        assert!(matches!(reply, Err(Error::Timeout(e)) if e.seen == seen));
        assert!(events.len() > 100 && time < Duration::from_millis(10));
    }

    #[test]
    fn the_reply_to_another_call_is_none() {
        let mut message = Received::default();
        (message.function, message.sequence) = (99, 6);
        assert!(!REPLY.is(&message));
        let event = Awaited {
            sequence: None,
            ..REPLY
        };
        assert!(event.is(&message));
    }
}
