// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM is told before it starts: the system that it runs in, and its registry.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h
//! (`GspSystemInfo`), src/nvidia/generated/g_os_nvoc.h (`PACKED_REGISTRY_TABLE`),
//! `initUnixSpecificRegistry` in src/nvidia/arch/nvalloc/unix/src/osinit.c (which resets there may
//! be); Linux 7.3, drivers/gpu/nova-core/gsp/commands.rs.

use core::ffi::CStr;

use nova_hw::abi::{PackedRegistryEntry, PackedRegistryTable};
use nova_hw::field::Draft;
use nova_hw::release::SystemInfoAt;
use zerocopy::IntoBytes;

use crate::chip::Chip;
use crate::platform::PciInfo;

/// Registry keys that GSP-RM is started with, and their numbers.
const REGISTRY: [(&CStr, u32); 3] = [
    // The GPU can be reset through the bridge above it; off by default.
    (c"RMSecBusResetEnable", 1),
    // PCI configuration is saved, so that it survives such a reset; off by default.
    (c"RMForcePcieConfigSave", 1),
    // A board that GSP-RM's table of products does not know is started too.
    (c"RMDevidCheckIgnore", 1),
];

/// User addresses end below this: x86-64's limit, which GSP-RM needs to know but does not enforce.
const MAX_USER_VA: u64 = (1 << 47) - 0x1000;

/// Payload of GSP_SET_SYSTEM_INFO.
pub(crate) fn system_info(at: &SystemInfoAt, pci: &PciInfo, chip: &Chip) -> Draft {
    let [registers, frame_buffer, instance] = pci.bars;
    let (mirror_base, mirror_size) = chip.pci_config_mirror;
    let mut info = Draft::new(at.size);
    info.set(at.gpu_phys_addr, registers)
        .set(at.gpu_phys_fb_addr, frame_buffer)
        .set(at.gpu_phys_inst_addr, instance)
        .set(at.nv_domain_bus_device_func, pci.domain_bus_device_function)
        .set(at.max_user_va, MAX_USER_VA)
        .set(at.pci_config_mirror_base, mirror_base)
        .set(at.pci_config_mirror_size, mirror_size)
        .set(at.pci_device_id, pci.device_id)
        .set(at.pci_sub_device_id, pci.subsystem_id)
        .set(at.pci_revision_id, pci.revision.into());
    info
}

/// Payload of SET_REGISTRY: the table, its entries and their names.
pub(crate) struct Registry {
    table: PackedRegistryTable,
    entries: [PackedRegistryEntry; REGISTRY.len()],
}

impl Registry {
    /// The registry.
    pub(crate) fn new() -> Self {
        let mut end = size_of::<Self>();
        let entries = REGISTRY.map(|(name, value)| {
            let name_offset = end as u32;
            end = end.saturating_add(name.to_bytes_with_nul().len());
            PackedRegistryEntry {
                name_offset,
                kind: PackedRegistryEntry::DWORD,
                data: value,
                ..Default::default()
            }
        });
        Self {
            table: PackedRegistryTable {
                size: end as u32,
                num_entries: REGISTRY.len() as u32,
            },
            entries,
        }
    }

    /// The parts of the payload.
    pub(crate) fn parts(&self) -> [&[u8]; 2 + REGISTRY.len()] {
        let [a, b, c] = REGISTRY.map(|(name, _)| name.to_bytes_with_nul());
        [self.table.as_bytes(), self.entries.as_bytes(), a, b, c]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_has_its_names_where_it_says() {
        let registry = Registry::new();
        let payload = registry.parts().concat();
        assert_eq!(registry.table.size as usize, payload.len());
        for (entry, (name, value)) in registry.entries.iter().zip(REGISTRY) {
            let found = CStr::from_bytes_until_nul(&payload[entry.name_offset as usize..]);
            assert_eq!((found, entry.data), (Ok(name), value));
        }
    }
}
