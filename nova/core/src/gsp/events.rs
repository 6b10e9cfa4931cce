// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM reports on its own.
//!
//! Source: open-gpu-kernel-modules 570, `_kgspProcessRpcEvent`, `_kgspRpcRCTriggered` and
//! `_kgspRpcMMUFaultQueued` in src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c.

use core::fmt;
use core::mem::offset_of;

use nova_hw::abi::{event, OsErrorLog};
use nova_hw::field::Field;
use nova_hw::release::Release;

use crate::gsp::payload::{Payload, ShortPayload};
use crate::text::Text;

/// What GSP-RM reports on its own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GspEvent<'a> {
    /// An error, with the number by which NVIDIA's documents know it.
    OsError {
        /// The Xid.
        xid: u32,
        /// What happened, in GSP-RM's words.
        text: &'a str,
    },
    /// A channel has died: *robust channel* error recovery.
    RcTriggered(ChannelError),
    /// MMU faults wait in the buffer for those that are not repeated.
    MmuFaultQueued,
    /// An event that is not what it should be; it has no effect.
    Malformed(&'a ShortPayload),
    /// Something that this driver does not act upon.
    Unknown {
        /// Number of the event.
        function: u32,
    },
}

/// Why a channel has died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelError {
    /// Engine on which it ran (`NV2080_ENGINE_TYPE_*`).
    pub engine: u32,
    /// Number of the channel on that engine's runlist.
    pub channel: u32,
    /// The Xid.
    pub xid: u32,
    /// Whom it concerns: the channel, or all that share its engine.
    pub scope: u32,
    /// Address of the MMU fault, if it was one and this release tells it.
    pub fault_address: u64,
    /// Kind of that fault.
    pub fault_type: u32,
}

/// Who is told of events.
pub(crate) type GspEvents<'a> = &'a mut dyn FnMut(GspEvent<'_>);

/// How many of them there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Errors.
    pub os_errors: u32,
    /// Channels that died.
    pub channel_errors: u32,
    /// MMU faults that were queued.
    pub mmu_faults: u32,
    /// What was not understood: unknown events, and replies that nobody waits for.
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

    /// Counts the event of message `function` and tells `events`.
    pub(crate) fn tell(
        &mut self,
        release: &Release,
        function: u32,
        bytes: &[u8],
        events: GspEvents<'_>,
    ) {
        let message = event::name(function).unwrap_or("an event");
        let payload = Payload { message, bytes };
        let told = read(release, function, payload, &mut |event| {
            self.count(&event);
            events(event);
        });
        if let Err(error) = told {
            let event = GspEvent::Malformed(&error);
            self.count(&event);
            events(event);
        }
    }
}

/// Tells `events` what the payload of message `function` says.
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
            let maybe = |field: Option<Field<u32>>| field.map_or(Ok(0), |f| payload.at(f));
            events(GspEvent::RcTriggered(ChannelError {
                engine: payload.at(at.engine)?,
                channel: payload.at(at.channel)?,
                xid: payload.at(at.xid)?,
                scope: payload.at(at.scope)?,
                fault_address: u64::from(maybe(at.mmu_fault_addr_hi)?) << 32
                    | u64::from(maybe(at.mmu_fault_addr_lo)?),
                fault_type: maybe(at.mmu_fault_type)?,
            }));
        }
        event::MMU_FAULT_QUEUED => events(GspEvent::MmuFaultQueued),
        function => events(GspEvent::Unknown { function }),
    }
    Ok(())
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
            fault_address,
            fault_type,
        } = self;
        write!(
            f,
            "Xid {xid}: channel {channel:#x} of engine {engine:#x} has died (scope {scope}, \
             fault {fault_type:#x} at {fault_address:#x})"
        )
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

    /// What is said of a message, and how it is counted.
    fn tell(function: u32, bytes: &[u8]) -> (Vec<String>, EventCounts) {
        let mut counts = EventCounts::default();
        let mut said = Vec::new();
        counts.tell(RELEASES[0], function, bytes, &mut |event| {
            said.push(event.to_string());
        });
        (said, counts)
    }

    #[test]
    fn errors_are_told_with_their_xid() {
        let mut log = OsErrorLog {
            except_type: 31,
            ..OsErrorLog::default()
        };
        log.err_string[..4].copy_from_slice(b"oops");
        let (said, counts) = tell(event::OS_ERROR_LOG, log.as_bytes());
        assert_eq!(said, ["Xid 31: oops"]);
        assert_eq!(counts.os_errors, 1);
    }

    #[test]
    fn the_death_of_a_channel_is_told_with_its_fault() {
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
        let (said, counts) = tell(event::RC_TRIGGERED, &rc);
        let expected =
            "Xid 31: channel 0x10 of engine 0x1 has died (scope 1, fault 0x2 at 0x7f00001000)";
        assert_eq!(said, [expected]);
        assert_eq!(counts.channel_errors, 1);
        let (said, counts) = tell(event::MMU_FAULT_QUEUED, &[]);
        assert_eq!(said, ["an MMU fault has been queued"]);
        assert_eq!(counts.mmu_faults, 1);
    }

    #[test]
    fn what_is_unknown_or_cut_off_is_counted_and_skipped() {
        let (said, counts) = tell(0x1020, &[0; 8]);
        assert_eq!(said, ["event 0x1020 of GSP-RM skipped"]);
        assert_eq!(counts.skipped, 1);
        let (said, counts) = tell(event::OS_ERROR_LOG, &[0; 267]);
        let expected = "event of GSP-RM skipped: OS_ERROR_LOG: payload: expected at least 0x10c \
                        bytes, found 0x10b";
        assert_eq!(said, [expected]);
        assert_eq!(counts.skipped, 1);
        let (said, _) = tell(event::RC_TRIGGERED, &[0; 31]);
        assert!(said[0].contains("RC_TRIGGERED: payload: expected at least 0x"));
    }
}
