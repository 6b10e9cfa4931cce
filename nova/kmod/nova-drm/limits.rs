// SPDX-License-Identifier: GPL-2.0

//! What arguments are checked against.

use kernel::prelude::*;
use nova_core_module::{kinds_for_programs, NewChannel, CHANNELS, TIMESLICE_US_DEFAULT};
use nova_kernel::capability::{is_capable, Capability};
use nova_uapi::{MemoryRegion, QueryLimits, QueryVm, MEMORY_REGION_SYSTEM, MEMORY_REGION_VRAM};

use crate::driver::File;
use crate::gpu::Gpu;

/// Id of the region of system memory.
pub(crate) const SYSTEM: u32 = 0;

/// Id of the region of VRAM.
pub(crate) const VRAM: u32 = 1;

/// The regions of memory by their ids, as far as arguments are checked against them.
pub(crate) const REGIONS: [MemoryRegion; 2] = [
    region(SYSTEM, MEMORY_REGION_SYSTEM, 1 << 12),
    region(VRAM, MEMORY_REGION_VRAM, 1 << 12 | 1 << 16 | 1 << 21),
];

/// Names of the regions in fdinfo and debugfs, by their ids.
pub(crate) const NAMES: [&CStr; REGIONS.len()] = [c"system", c"vram0"];

const fn region(id: u32, region_class: u32, page_sizes: u64) -> MemoryRegion {
    MemoryRegion {
        id,
        region_class,
        page_sizes,
        size: 0,
        used: 0,
        largest_free: 0,
        cpu_visible_size: 0,
        cpu_visible_used: 0,
        client_used: 0,
        client_budget: 0,
    }
}

/// Limits of calls, for a caller without rights: how much one call makes the kernel read and keep.
pub(crate) const LIMITS: QueryLimits = QueryLimits {
    ring_entries_min: 64,
    ring_entries_max: 65536,
    ring_entries_default: 4096,
    // 21 bits of words.
    push_bytes_max: (1 << 23) - 4,
    push_align: 4,
    syncs_max: 256,
    // What so many operations may need of page tables at most, six tables each, has room in the windows onto VRAM.
    bind_ops_max: 1024,
    jobs_max: 1024,
    priorities: 1 << nova_uapi::PRIORITY_LOW | 1 << nova_uapi::PRIORITY_NORMAL,
    timeslice_us_min: 100,
    timeslice_us_max: 20_000,
    // GSP-RM's.
    timeslice_us_default: TIMESLICE_US_DEFAULT,
    job_timeout_ms: 10_000,
    job_timeout_ms_max: 60_000,
    vms_max: 0,
    // A few files cannot take all channels of a GPU.
    queues_max: 128,
};

/// Queues of a GPU, of all files together: some of its channels are left for the driver itself, which clears VRAM by one.
pub(crate) const QUEUES_MAX: usize = CHANNELS - 64;

/// Page tables of a file, of 4 KiB each: half of those that have room in the windows onto VRAM. They map 20 GiB in pages
/// of 4 KiB.
pub(crate) const TABLES_MAX: u64 = 10 << 10;

/// Whether a file's user may have jobs run before those of others.
pub(crate) fn may_be_urgent(file: &File<'_>) -> bool {
    file.is_master() || is_capable(Capability::SysNice)
}

/// Whether the current task may have jobs take longer than by default.
pub(crate) fn may_take_long() -> bool {
    is_capable(Capability::SysResource)
}

/// The answer to `DRM_NOVA_QUERY_LIMITS`.
pub(crate) fn of(file: &File<'_>) -> QueryLimits {
    let high = match may_be_urgent(file) {
        true => 1 << nova_uapi::PRIORITY_HIGH,
        false => 0,
    };
    QueryLimits {
        priorities: LIMITS.priorities | high,
        ..LIMITS
    }
}

/// What address spaces look like.
pub(crate) fn vm(gpu: &Gpu<'_>) -> QueryVm {
    QueryVm {
        // Null pointers fault.
        va_start: 2 << 20,
        // The page tables of Turing, Ampere and Ada translate 49 bits, and later ones more.
        va_end: 1 << 49,
        // The entries of a ring have addresses of 40 bits.
        push_va_end: 1 << 40,
        kernel_size_min: NewChannel::HOLE,
        kernel_align: NewChannel::HOLE_ALIGN,
        kinds: kinds_for_programs(gpu.core.chipset.arch()),
        kinds_compressible: 0,
        compression_align: 64 << 10,
    }
}
