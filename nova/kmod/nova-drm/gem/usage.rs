// SPDX-License-Identifier: GPL-2.0

//! What the objects of a file take of each region, for fdinfo and for `DRM_NOVA_QUERY_MEMORY_REGIONS`.

use kernel::prelude::*;
use nova_kernel::drm::fdinfo::MemoryStats;

use crate::driver::{File, Object};
use crate::gem;
use crate::limits::{NAMES, REGIONS};

/// What the file's objects take of the regions, by the ids of these.
pub(crate) fn of(file: &File<'_>) -> [MemoryStats; REGIONS.len()] {
    let mut all = [MemoryStats::default(); REGIONS.len()];
    file.each_object(|_, object| {
        if let Some(region) = all.get_mut(object.data().region() as usize) {
            add(region, object);
        }
    });
    all
}

fn add(stats: &mut MemoryStats, object: &Object) {
    let size = object.data().layout.size;
    let mut add = |is: bool, to: fn(&mut MemoryStats) -> &mut u64| {
        if is {
            let sum = to(stats);
            *sum = sum.saturating_add(size);
        }
    };
    let is_shared = object.is_shared();
    add(is_shared, |stats| &mut stats.shared);
    add(!is_shared, |stats| &mut stats.private);
    add(gem::is_resident(object), |stats| &mut stats.resident);
    add(object.is_active(), |stats| &mut stats.active);
}

/// Calls `show` for each region.
pub(crate) fn show(file: &File<'_>, show: &mut dyn FnMut(&CStr, &MemoryStats)) {
    for (name, stats) in NAMES.iter().zip(of(file)) {
        show(name, &stats);
    }
}
