// SPDX-License-Identifier: GPL-2.0

//! Numbers of RPCs and events that differ from other releases.
//!
//! Source: src/nvidia/inc/kernel/vgpu/rpc_global_enums.h.

use crate::abi;

/// Functions that a driver calls (`NV_VGPU_MSG_FUNCTION_*`).
pub mod function {
    numbers! {
        CTRL_GPU_QUERY_ECC_STATUS = 201,
        CTRL_DBG_GET_MODE_MMU_DEBUG = 203,
        RM_API_CONTROL = 204,
        CTRL_CMD_INTERNAL_GPU_START_FABRIC_PROBE = 205,
        CTRL_NVLINK_GET_INBAND_RECEIVED_DATA = 206,
        GET_STATIC_DATA = 207,
        RESERVED_208 = 208,
        CTRL_GPU_GET_INFO_V2 = 209,
        GET_BRAND_CAPS = 210,
        CTRL_CMD_NVLINK_INBAND_SEND_DATA = 211,
        UPDATE_GPM_GUEST_BUFFER_INFO = 212,
        CTRL_CMD_INTERNAL_CONTROL_GSP_TRACE = 213,
        CTRL_SET_ZBC_STENCIL_CLEAR = 214,
        CTRL_SUBDEVICE_GET_VGPU_HEAP_STATS = 215,
        CTRL_SUBDEVICE_GET_LIBOS_HEAP_STATS = 216,
        CTRL_DBG_SET_MODE_MMU_GCC_DEBUG = 217,
        CTRL_DBG_GET_MODE_MMU_GCC_DEBUG = 218,
        CTRL_RESERVE_HES = 219,
        CTRL_RELEASE_HES = 220,
        CTRL_RESERVE_CCU_PROF = 221,
        CTRL_RELEASE_CCU_PROF = 222,
        RESERVED = 223,
        CTRL_CMD_GET_CHIPLET_HS_CREDIT_POOL = 224,
        CTRL_CMD_GET_HS_CREDITS_MAPPING = 225,
        CTRL_EXEC_PARTITIONS_EXPORT = 226,
    }
}

/// Events that the firmware sends (`NV_VGPU_MSG_EVENT_*`).
pub mod event {
    numbers! {
        NVLINK_FAULT_UP = 0x101b,
        GSP_LOCKDOWN_NOTICE = 0x101c,
        MIG_CI_CONFIG_UPDATE = 0x101d,
        UPDATE_GSP_TRACE = 0x101e,
        NVLINK_FATAL_ERROR_RECOVERY = 0x101f,
        GSP_POST_NOCAT_RECORD = 0x1020,
        FECS_ERROR = 0x1021,
        RECOVERY_ACTION = 0x1022,
    }
}

/// Name of a function or event, for logs and traces.
pub(in crate::release) fn message_name(number: u32) -> Option<&'static str> {
    abi::message_name(number)
        .or_else(|| function::name(number))
        .or_else(|| event::name(number))
}

#[cfg(test)]
mod tests {
    use super::message_name;

    #[test]
    fn numbers_have_names() {
        assert_eq!(message_name(72), Some("GSP_SET_SYSTEM_INFO"));
        assert_eq!(message_name(204), Some("RM_API_CONTROL"));
        assert_eq!(message_name(0x1022), Some("RECOVERY_ACTION"));
        assert_eq!(message_name(227), None);
    }
}
