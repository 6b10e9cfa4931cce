// SPDX-License-Identifier: MIT

//! A GPU's facts, for tests.

use crate::{Engine, MemoryRegion, QueryLimits, QueryVm, Text};
use crate::{MEMORY_REGION_SYSTEM, MEMORY_REGION_VRAM};

/// Address spaces such as Ampere's.
pub(crate) const VM: QueryVm = QueryVm {
    va_start: 2 << 20,
    va_end: 1 << 47,
    push_va_end: 1 << 40,
    kernel_size_min: 1 << 30,
    kernel_align: 512 << 20,
    kinds: 0xff7f,
    kinds_compressible: 0x7f00,
    compression_align: 64 << 10,
};

/// Limits of a driver.
pub(crate) const LIMITS: QueryLimits = QueryLimits {
    ring_entries_min: 64,
    ring_entries_max: 65536,
    ring_entries_default: 4096,
    push_bytes_max: (1 << 23) - 4,
    push_align: 4,
    syncs_max: 256,
    bind_ops_max: 1024,
    jobs_max: 1024,
    priorities: 0b111,
    timeslice_us_min: 100,
    timeslice_us_max: 10_000,
    timeslice_us_default: 2000,
    job_timeout_ms: 10_000,
    job_timeout_ms_max: 60_000,
    vms_max: 0,
    queues_max: 0,
};

/// Memory of the machine in small pages, and VRAM in three sizes.
pub(crate) fn regions() -> [MemoryRegion; 2] {
    let region = |id, region_class, page_sizes| MemoryRegion {
        id,
        region_class,
        page_sizes,
        ..MemoryRegion::default()
    };
    [
        region(0, MEMORY_REGION_SYSTEM, 1 << 12),
        region(1, MEMORY_REGION_VRAM, 1 << 12 | 1 << 16 | 1 << 21),
    ]
}

/// An engine.
pub(crate) fn engine(engine_class: u32, engine_instance: u32) -> Engine {
    Engine {
        engine_class,
        engine_instance,
        flags: 0,
        channel_class: 0xc56f,
        object_count: 0,
        object_classes: [0; 16],
        name: Text::new(b"copy"),
        reserved: 0,
    }
}
