// SPDX-License-Identifier: GPL-2.0

//! Components of the size of GSP-RM's heap in WPR2.
//!
//! Source: src/nvidia/inc/kernel/gpu/gsp/gsp_fw_heap.h.

use crate::release::{Heap, Libos};
use crate::size::{KIB, MIB};

pub(super) const HEAP: Heap = Heap {
    // GSP_FW_HEAP_PARAM_OS_SIZE_LIBOS2, GSP_FW_HEAP_SIZE_OVERRIDE_LIBOS2_*
    libos2: Libos {
        size: 0,
        min: 64 * MIB,
        max: 256 * MIB,
    },
    // GSP_FW_HEAP_PARAM_OS_SIZE_LIBOS3, GSP_FW_HEAP_SIZE_OVERRIDE_LIBOS3_BAREMETAL_*
    libos3: Libos {
        size: 20 * MIB,
        min: 84 * MIB,
        max: 276 * MIB,
    },
    // GSP_FW_HEAP_PARAM_BASE_RM_SIZE_*
    base_tu10x: 8 * MIB,
    base_gh100: 14 * MIB,
    // GSP_FW_HEAP_PARAM_SIZE_PER_GB_FB
    per_gib_of_fb: 96 * KIB,
    // GSP_FW_HEAP_PARAM_CLIENT_ALLOC_SIZE
    clients: 48 * KIB * 2048,
};
