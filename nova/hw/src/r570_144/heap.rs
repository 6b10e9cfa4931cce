// SPDX-License-Identifier: GPL-2.0

//! What the size of GSP-RM's heap in WPR2 is made of, in bytes.
//!
//! libos2 runs on Turing and GA100, libos3 on all later chips.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_fw_heap.h.

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// What libos2 itself takes; `GSP_FW_HEAP_PARAM_OS_SIZE_LIBOS2`.
pub const OS_SIZE_LIBOS2: u64 = 0;

/// What libos3 itself takes; `GSP_FW_HEAP_PARAM_OS_SIZE_LIBOS3_BAREMETAL`.
pub const OS_SIZE_LIBOS3_BAREMETAL: u64 = 22 * MIB;

/// What GSP-RM takes to boot, Turing to Ada; `GSP_FW_HEAP_PARAM_BASE_RM_SIZE_TU10X`.
pub const BASE_RM_SIZE_TU10X: u64 = 8 * MIB;

/// What GSP-RM takes to boot, from Hopper on; `GSP_FW_HEAP_PARAM_BASE_RM_SIZE_GH100`.
pub const BASE_RM_SIZE_GH100: u64 = 14 * MIB;

/// What a GiB of frame buffer takes to manage; `GSP_FW_HEAP_PARAM_SIZE_PER_GB_FB`.
pub const SIZE_PER_GB_FB: u64 = 96 * KIB;

/// What the channels of a client take; `GSP_FW_HEAP_PARAM_CLIENT_ALLOC_SIZE`.
pub const CLIENT_ALLOC_SIZE: u64 = 48 * KIB * 2048;

/// Least, libos2; `GSP_FW_HEAP_SIZE_OVERRIDE_LIBOS2_MIN_MB`.
pub const MIN_LIBOS2: u64 = 64 * MIB;

/// Most, libos2; `GSP_FW_HEAP_SIZE_OVERRIDE_LIBOS2_MAX_MB`.
pub const MAX_LIBOS2: u64 = 256 * MIB;

/// Least, libos3; `GSP_FW_HEAP_SIZE_OVERRIDE_LIBOS3_BAREMETAL_MIN_MB`.
pub const MIN_LIBOS3_BAREMETAL: u64 = 88 * MIB;

/// Most, libos3; `GSP_FW_HEAP_SIZE_OVERRIDE_LIBOS3_BAREMETAL_MAX_MB`.
pub const MAX_LIBOS3_BAREMETAL: u64 = 280 * MIB;
