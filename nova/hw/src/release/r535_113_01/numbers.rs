// SPDX-License-Identifier: GPL-2.0

//! Numbers of events that differ from other releases.
//!
//! Source: src/nvidia/kernel/inc/vgpu/rpc_global_enums.h.

use crate::abi;

/// Events that the firmware sends (`NV_VGPU_MSG_EVENT_*`).
pub mod event {
    numbers! {
        GSP_SEND_USER_SHARED_DATA = 0x101b,
        NVLINK_FAULT_UP = 0x101c,
        GSP_LOCKDOWN_NOTICE = 0x101d,
        MIG_CI_CONFIG_UPDATE = 0x101e,
    }
}

/// Name of a function or event, for logs and traces.
pub(in crate::release) fn message_name(number: u32) -> Option<&'static str> {
    abi::message_name(number).or_else(|| event::name(number))
}

#[cfg(test)]
mod tests {
    use super::message_name;

    #[test]
    fn numbers_have_names() {
        assert_eq!(message_name(72), Some("GSP_SET_SYSTEM_INFO"));
        assert_eq!(message_name(0x101b), Some("GSP_SEND_USER_SHARED_DATA"));
        assert_eq!(message_name(0x1020), None);
        assert_eq!(message_name(203), None);
    }
}
