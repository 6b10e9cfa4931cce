// SPDX-License-Identifier: GPL-2.0

//! Events that a test can have GSP-RM send.

use nova_hw::abi::{event, OsErrorLog};
use nova_hw::field::Field;
use nova_hw::release::Release;
use zerocopy::{FromZeros, IntoBytes};

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
    /// An error that has stopped a channel (`RC_TRIGGERED`).
    RcTriggered {
        /// The Xid.
        xid: u32,
        /// Engine (`NV2080_ENGINE_TYPE_*`).
        engine: u32,
        /// Channel.
        channel: u32,
        /// Address of the MMU fault; not sent by releases without that field.
        fault_address: u64,
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
    pub(crate) fn message(&self, release: &Release) -> (u32, Vec<u8>) {
        match self {
            Self::OsError { xid, text } => (event::OS_ERROR_LOG, os_error(*xid, text)),
            Self::RcTriggered {
                xid,
                engine,
                channel,
                fault_address,
            } => {
                let at = &release.rc_triggered;
                let mut payload = vec![0; at.size];
                at.xid.write(&mut payload, xid);
                at.engine.write(&mut payload, engine);
                at.channel.write(&mut payload, channel);
                let mut maybe = |field: Option<Field<u32>>, value: u32| {
                    if let Some(field) = field {
                        field.write(&mut payload, &value);
                    }
                };
                maybe(at.mmu_fault_addr_lo, *fault_address as u32);
                maybe(at.mmu_fault_addr_hi, (*fault_address >> 32) as u32);
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
            };
            let (function, payload) = notice.message(release);
            let at = &release.rc_triggered;
            assert_eq!((function, payload.len()), (0x1004, at.size));
            assert_eq!(at.channel.read(&payload), Some(2));
        }
    }
}
