// SPDX-License-Identifier: GPL-2.0

//! The answer to `DRM_NOVA_QUERY_MEMORY_REGIONS`.

use kernel::bindings;
use kernel::page::PAGE_SIZE;
use nova_uapi::{MemoryRegion, MEMORY_REGION_SYSTEM};

use super::usage;
use crate::driver::{Device, File};
use crate::limits::REGIONS;

/// Bytes of the machine's memory.
pub(crate) fn machine_memory() -> u64 {
    let mut info = bindings::sysinfo::default();
    // SAFETY: The kernel fills the structure.
    unsafe { bindings::si_meminfo(&mut info) };
    let pages = u64::try_from(info.totalram).unwrap_or(u64::MAX);
    pages.saturating_mul(info.mem_unit.into())
}

/// Bytes of it that programs can have before the machine swaps.
fn machine_memory_available() -> u64 {
    // SAFETY: It only reads counters.
    let pages = unsafe { bindings::si_mem_available() };
    u64::try_from(pages)
        .unwrap_or(0)
        .saturating_mul(PAGE_SIZE as u64)
}

/// The regions, as the owner of `file` sees them.
pub(crate) fn of(device: &Device, file: &File<'_>) -> [MemoryRegion; REGIONS.len()] {
    let mut regions = REGIONS;
    for (region, stats) in regions.iter_mut().zip(usage::of(file)) {
        let (size, mut left) = device.data().of(region.id);
        region.size = size;
        // The kernel's allocator does not tell its largest free block.
        region.used = size.saturating_sub(left);
        (region.cpu_visible_size, region.cpu_visible_used) = match region.region_class {
            // The CPU reaches all of it.
            MEMORY_REGION_SYSTEM => (region.size, region.used),
            _ => device.data().windows().size_and_used(),
        };
        if region.region_class == MEMORY_REGION_SYSTEM {
            left = left.min(machine_memory_available());
        }
        region.client_used = stats.total();
        region.client_budget = region.client_used.saturating_add(left);
    }
    regions
}
