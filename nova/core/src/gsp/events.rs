// SPDX-License-Identifier: GPL-2.0

//! Events that GSP-RM sends.
//!
//! Source: open-gpu-kernel-modules 570, `_kgspProcessRpcEvent`, `_kgspRpcRCTriggered` and
//! `_kgspRpcMMUFaultQueued` in src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.

use core::fmt;
use core::mem::offset_of;

use nova_hw::abi::{event, OsErrorLog};
use nova_hw::class::host::exception;
use nova_hw::release::{RcTriggeredLayout, Release};

use crate::gsp::payload::{Payload, ShortPayload};
use crate::text::Text;

/// An event that GSP-RM sends.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GspEvent<'a> {
    /// An error, with the number that NVIDIA's documents use for it.
    OsError {
        /// The Xid.
        xid: u32,
        /// GSP-RM's message.
        text: &'a str,
    },
    /// A channel has failed (*robust channel* error recovery).
    RcTriggered(ChannelError),
    /// Non-replayable MMU faults are in their buffer.
    MmuFaultQueued,
    /// A malformed event; it has no effect.
    Malformed(&'a ShortPayload),
    /// An event that this driver does not handle.
    Unknown {
        /// Number of the event.
        function: u32,
    },
}

/// The failure of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelError {
    /// Engine that the channel ran on (`NV2080_ENGINE_TYPE_*`).
    pub engine: u32,
    /// Number of the channel on that engine's runlist.
    pub channel: u32,
    /// The Xid.
    pub xid: u32,
    /// Scope of the failure: the channel (0), or all channels of its group (1).
    pub scope: u32,
    /// The MMU fault, if it was one and the release reports it.
    pub mmu_fault: Option<MmuFault>,
}

/// An access that the page tables do not permit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MmuFault {
    /// The address.
    pub address: u64,
    /// The type (`NV_PFAULT_FAULT_TYPE_*`, [`nova_hw::gmmu::fault`]).
    pub kind: u32,
}

/// Callback for events.
pub(crate) type GspEvents<'a> = &'a mut dyn FnMut(GspEvent<'_>);

/// Number of events of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Errors.
    pub os_errors: u32,
    /// Channels that failed.
    pub channel_errors: u32,
    /// MMU faults that were queued.
    pub mmu_faults: u32,
    /// Messages that were skipped: unknown or malformed events, and replies that no call awaits.
    pub skipped: u32,
}

impl EventCounts {
    fn count(&mut self, event: &GspEvent<'_>) {
        let counter = match event {
            GspEvent::OsError { .. } => &mut self.os_errors,
            GspEvent::RcTriggered(_) => &mut self.channel_errors,
            GspEvent::MmuFaultQueued => &mut self.mmu_faults,
            GspEvent::Malformed(_) | GspEvent::Unknown { .. } => &mut self.skipped,
        };
        *counter = counter.saturating_add(1);
    }

    /// Counts the event of message `function` and passes it to `events`.
    pub(crate) fn report(
        &mut self,
        release: &Release,
        function: u32,
        bytes: &[u8],
        events: GspEvents<'_>,
    ) {
        let message = event::name(function).unwrap_or("an event");
        let payload = Payload { message, bytes };
        let result = read(release, function, payload, &mut |event| {
            self.count(&event);
            events(event);
        });
        if let Err(error) = result {
            let event = GspEvent::Malformed(&error);
            self.count(&event);
            events(event);
        }
    }
}

/// Decodes the payload of message `function` and passes the event to `events`.
fn read(
    release: &Release,
    function: u32,
    payload: Payload<'_>,
    events: GspEvents<'_>,
) -> Result<(), ShortPayload> {
    match function {
        event::OS_ERROR_LOG => {
            let text: [u8; OsErrorLog::TEXT] = payload.field(offset_of!(OsErrorLog, err_string))?;
            events(GspEvent::OsError {
                xid: payload.field(offset_of!(OsErrorLog, except_type))?,
                text: Text::<{ OsErrorLog::TEXT }>::from_bytes(&text).as_str(),
            });
        }
        event::RC_TRIGGERED => {
            let at = &release.rc_triggered;
            let xid = payload.at(at.xid)?;
            events(GspEvent::RcTriggered(ChannelError {
                engine: payload.at(at.engine)?,
                channel: payload.at(at.channel)?,
                xid,
                scope: payload.at(at.scope)?,
                mmu_fault: mmu_fault(at, payload)?
                    .filter(|_| xid == exception::FIFO_ERROR_MMU_ERR_FLT),
            }));
        }
        event::MMU_FAULT_QUEUED => events(GspEvent::MmuFaultQueued),
        function => events(GspEvent::Unknown { function }),
    }
    Ok(())
}

/// The MMU fault that stopped a channel, if one did; `None` if the release does not report it.
fn mmu_fault(
    at: &RcTriggeredLayout,
    payload: Payload<'_>,
) -> Result<Option<MmuFault>, ShortPayload> {
    let fields = (
        at.mmu_fault_addr_hi,
        at.mmu_fault_addr_lo,
        at.mmu_fault_type,
    );
    let (Some(high), Some(low), Some(kind)) = fields else {
        return Ok(None);
    };
    Ok(Some(MmuFault {
        address: u64::from(payload.at(high)?) << 32 | u64::from(payload.at(low)?),
        kind: payload.at(kind)?,
    }))
}

impl fmt::Display for GspEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OsError { xid, text } => write!(f, "Xid {xid}: {text}"),
            Self::RcTriggered(error) => error.fmt(f),
            Self::MmuFaultQueued => f.write_str("an MMU fault has been queued"),
            Self::Malformed(error) => write!(f, "event of GSP-RM skipped: {error}"),
            Self::Unknown { function } => write!(f, "event {function:#x} of GSP-RM skipped"),
        }
    }
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            engine,
            channel,
            xid,
            scope,
            mmu_fault,
        } = self;
        write!(
            f,
            "Xid {xid}: channel {channel:#x} of engine {engine:#x} has died (scope {scope}"
        )?;
        if let Some(MmuFault { address, kind }) = mmu_fault {
            write!(f, ", fault {kind:#x} at {address:#x}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::field::Fields;
    use nova_hw::release::RELEASES;
    use std::string::{String, ToString};
    use std::vec::Vec;
    use zerocopy::IntoBytes;

    /// The events that a message causes, as text, and the counts.
    fn report(function: u32, bytes: &[u8]) -> (Vec<String>, EventCounts) {
        let mut counts = EventCounts::default();
        let mut events = Vec::new();
        counts.report(RELEASES[0], function, bytes, &mut |event| {
            events.push(event.to_string());
        });
        (events, counts)
    }

    #[test]
    fn errors_are_reported_with_their_xid() {
        let mut log = OsErrorLog {
            except_type: 31,
            ..OsErrorLog::default()
        };
        log.err_string[..4].copy_from_slice(b"oops");
        let (events, counts) = report(event::OS_ERROR_LOG, log.as_bytes());
        assert_eq!(events, ["Xid 31: oops"]);
        assert_eq!(counts.os_errors, 1);
    }

    #[test]
    fn the_failure_of_a_channel_is_reported_with_its_fault() {
        let at = &RELEASES[0].rc_triggered;
        let mut rc = std::vec![0; at.size];
        Fields(&mut rc)
            .set(at.engine, 1)
            .set(at.channel, 0x10)
            .set(at.xid, 31)
            .set(at.scope, 1)
            .set(at.mmu_fault_addr_lo, 0x1000)
            .set(at.mmu_fault_addr_hi, 0x7f)
            .set(at.mmu_fault_type, 2);
        let (events, counts) = report(event::RC_TRIGGERED, &rc);
        let expected =
            "Xid 31: channel 0x10 of engine 0x1 has died (scope 1, fault 0x2 at 0x7f00001000)";
        assert_eq!(events, [expected]);
        // What the fields of a fault have means nothing if it was none.
        Fields(&mut rc).set(at.xid, 13);
        let (events, _) = report(event::RC_TRIGGERED, &rc);
        let expected = "Xid 13: channel 0x10 of engine 0x1 has died (scope 1)";
        assert_eq!(events, [expected]);
        assert_eq!(counts.channel_errors, 1);
        let (events, counts) = report(event::MMU_FAULT_QUEUED, &[]);
        assert_eq!(events, ["an MMU fault has been queued"]);
        assert_eq!(counts.mmu_faults, 1);
    }

    #[test]
    fn unknown_and_truncated_events_are_counted_and_skipped() {
        let (events, counts) = report(0x1020, &[0; 8]);
        assert_eq!(events, ["event 0x1020 of GSP-RM skipped"]);
        assert_eq!(counts.skipped, 1);
        let (events, counts) = report(event::OS_ERROR_LOG, &[0; 267]);
        let expected = "event of GSP-RM skipped: OS_ERROR_LOG: payload: expected at least 0x10c \
                        bytes, found 0x10b";
        assert_eq!(events, [expected]);
        assert_eq!(counts.skipped, 1);
        let (events, _) = report(event::RC_TRIGGERED, &[0; 31]);
        assert!(events[0].contains("RC_TRIGGERED: payload: expected at least 0x"));
    }
}
