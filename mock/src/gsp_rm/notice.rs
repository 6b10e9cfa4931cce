// SPDX-License-Identifier: GPL-2.0

//! Events that GSP-RM sends: those of each boot, and those that a test can have it send.

use std::time::Duration;

use nova_hw::abi::{event, OsErrorLog};
use nova_hw::field::Field;
use nova_hw::release::{RcTriggeredLayout, Release};
use zerocopy::{FromZeros, IntoBytes};

/// An event as a message: its number and payload.
pub(crate) type EventMessage = (u32, Vec<u8>);

/// GSP-RM tells that it has closed its registers to the CPU, and opened them again
/// (`GSP_LOCKDOWN_NOTICE`). Real cards do so many times in a boot; nvidia.ko's list of the last RPCs
/// of a Hopper card has little else (open-gpu-kernel-modules issue 1230). In the model no time passes
/// in between, so the registers are never closed.
pub(crate) fn lockdown(release: &Release) -> Vec<EventMessage> {
    let function = number(release, "GSP_LOCKDOWN_NOTICE");
    let notice = |engaging| Some((function?, vec![engaging]));
    [notice(1), notice(0)].into_iter().flatten().collect()
}

/// What GSP-RM sends before GSP_INIT_DONE on real cards: that it has locked its registers, text of
/// another processor (`UCODE_LIBOS_PRINT`), and a record for NVIDIA's statistics
/// (`GSP_POST_NOCAT_RECORD`, where the release has it).
///
/// Source: open-gpu-kernel-modules issues 659 (RTX 4070) and 1230; tinygrad issue 14334 (RTX 5060 Ti).
pub(crate) fn before_init_done(release: &Release, now: Duration) -> Vec<EventMessage> {
    let print = (event::UCODE_LIBOS_PRINT, libos_print());
    let record = number(release, "GSP_POST_NOCAT_RECORD");
    let record = record.map(|function| (function, nocat_record(now)));
    [lockdown(release), lockdown(release), vec![print]]
        .concat()
        .into_iter()
        .chain(record)
        .collect()
}

/// Number of the event with this name, which differs between releases.
fn number(release: &Release, name: &str) -> Option<u32> {
    let mut events = event::GSP_INIT_DONE..event::GSP_INIT_DONE + 0x100;
    events.find(|&event| release.message_name(event) == Some(name))
}

/// An empty text of the PMU.
///
/// Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_rpc-structures.h
/// (`rpc_ucode_libos_print_v1E_08`) and g_eng_desc_nvoc.h (`ENG_PMU`, the only processor that
/// `_kgspRpcUcodeLibosPrint` knows).
fn libos_print() -> Vec<u8> {
    const ENG_PMU: u32 = 0xf3d722 << 8;
    [ENG_PMU, 0]
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect()
}

/// A record of a failed assertion, with nothing but its time.
///
/// Source: open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080nvd.h
/// (`NV2080CtrlNocatJournalInsertRecord`).
fn nocat_record(now: Duration) -> Vec<u8> {
    const SIZE: usize = 1208;
    const TIMESTAMP: usize = 8;
    const REC_TYPE: usize = 16;
    const ASSERT: u8 = 5;
    let mut record = vec![0; SIZE];
    let time = now.as_nanos() as u64;
    record[TIMESTAMP..REC_TYPE].copy_from_slice(&time.to_le_bytes());
    record[REC_TYPE] = ASSERT;
    record
}

/// An event of GSP-RM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An error (`OS_ERROR_LOG`).
    OsError {
        /// The Xid.
        xid: u32,
        /// Text of the error; truncated to the field's size.
        text: String,
    },
    /// An error that has stopped a channel, and all of its group (`RC_TRIGGERED`).
    RcTriggered {
        /// The Xid.
        xid: u32,
        /// Engine (`NV2080_ENGINE_TYPE_*`).
        engine: u32,
        /// Channel.
        channel: u32,
        /// Address of the MMU fault; not sent by releases without that field.
        fault_address: u64,
        /// Type of the MMU fault (`NV_PFAULT_FAULT_TYPE_*`); as for the address.
        fault_type: u32,
    },
    /// The MMU fault buffer has entries (`MMU_FAULT_QUEUED`).
    MmuFaultQueued,
    /// Any other message.
    Other {
        /// Its number.
        function: u32,
        /// Its payload.
        payload: Vec<u8>,
    },
}

impl Notice {
    /// Function and payload of the message.
    pub(crate) fn message(&self, release: &Release) -> EventMessage {
        match self {
            Self::OsError { xid, text } => (event::OS_ERROR_LOG, os_error(*xid, text)),
            Self::RcTriggered {
                xid,
                engine,
                channel,
                fault_address,
                fault_type,
            } => {
                let at = &release.rc_triggered;
                let mut payload = vec![0; at.size];
                at.xid.write(&mut payload, xid);
                at.engine.write(&mut payload, engine);
                at.channel.write(&mut payload, channel);
                at.scope
                    .write(&mut payload, &RcTriggeredLayout::SCOPE_GROUP);
                let mut maybe = |field: Option<Field<u32>>, value: u32| {
                    if let Some(field) = field {
                        field.write(&mut payload, &value);
                    }
                };
                maybe(at.mmu_fault_addr_lo, *fault_address as u32);
                maybe(at.mmu_fault_addr_hi, (*fault_address >> 32) as u32);
                maybe(at.mmu_fault_type, *fault_type);
                (event::RC_TRIGGERED, payload)
            }
            Self::MmuFaultQueued => (event::MMU_FAULT_QUEUED, Vec::new()),
            Self::Other { function, payload } => (*function, payload.clone()),
        }
    }
}

fn os_error(xid: u32, text: &str) -> Vec<u8> {
    let mut log = OsErrorLog::new_zeroed();
    log.except_type = xid;
    // The last byte is always a NUL.
    let room = log.err_string.len() - 1;
    for (to, from) in log.err_string[..room].iter_mut().zip(text.bytes()) {
        *to = from;
    }
    log.as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;

    #[test]
    fn notices_are_the_messages_of_their_release() {
        let text = "x".repeat(1000);
        let (function, payload) = Notice::OsError { xid: 79, text }.message(RELEASES[0]);
        assert_eq!((function, payload[0]), (0x1006, 79));
        assert_eq!(payload.iter().filter(|&&byte| byte == b'x').count(), 255);
        for release in RELEASES {
            let notice = Notice::RcTriggered {
                xid: 31,
                engine: 1,
                channel: 2,
                fault_address: 3 << 32,
                fault_type: 6,
            };
            let (function, payload) = notice.message(release);
            let at = &release.rc_triggered;
            assert_eq!((function, payload.len()), (0x1004, at.size));
            assert_eq!(at.channel.read(&payload), Some(2));
            let kind = at.mmu_fault_type.map(|field| field.read(&payload));
            assert_eq!(
                kind,
                release.branch().filter(|&it| it >= 570).map(|_| Some(6))
            );
            // As cards report also a channel without a group (nouveau logs "scope:1").
            assert_eq!(at.scope.read(&payload), Some(1));
        }
    }

    /// In the order in which nvidia.ko's list of RPCs shows them for real cards.
    #[test]
    fn each_boot_has_notices_before_it_is_done() {
        for release in RELEASES {
            let names: Vec<_> = before_init_done(release, Duration::ZERO)
                .iter()
                .map(|&(function, _)| release.message_name(function).unwrap())
                .collect();
            assert_eq!(names[..4], ["GSP_LOCKDOWN_NOTICE"; 4]);
            assert_eq!(names[4], "UCODE_LIBOS_PRINT");
            let has_records = release.branch() >= Some(570);
            assert_eq!(names.get(5).is_some(), has_records);
        }
        let notices = lockdown(RELEASES[0]);
        assert_eq!(notices, [(0x101c, vec![1]), (0x101c, vec![0])]);
    }
}
