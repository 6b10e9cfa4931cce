// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM is told before it starts: the system that it runs in, and its registry.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h
//! (`GspSystemInfo`), src/nvidia/generated/g_os_nvoc.h (`PACKED_REGISTRY_TABLE`); Linux 7.3,
//! drivers/gpu/nova-core/gsp/commands.rs.

use nova_hw::abi::{PackedRegistryEntry, PackedRegistryTable};
use nova_hw::field::Draft;
use nova_hw::release::SystemInfoAt;
use zerocopy::IntoBytes;

use crate::chip::Chip;
use crate::platform::PciInfo;

/// Registry keys that GSP-RM is started with, all numbers, in the order of their names below.
const REGISTRY_VALUES: [u32; 3] = [
    // A reset through the bridge above is possible.
    1, // PCI configuration survives such a reset.
    1, // A board that the product table does not know may start too.
    1,
];

/// Their names, NUL-terminated, after one another.
const REGISTRY_NAMES: &[u8] = b"RMSecBusResetEnable\0RMForcePcieConfigSave\0RMDevidCheckIgnore\0";

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
    entries: [PackedRegistryEntry; REGISTRY_VALUES.len()],
}

impl Registry {
    /// The registry.
    pub(crate) fn new() -> Self {
        let names_at = size_of::<Self>();
        let mut entries = [PackedRegistryEntry::default(); REGISTRY_VALUES.len()];
        let mut name_at = names_at;
        let names = REGISTRY_NAMES.split_inclusive(|&byte| byte == 0);
        for ((entry, name), value) in entries.iter_mut().zip(names).zip(REGISTRY_VALUES) {
            *entry = PackedRegistryEntry {
                name_offset: name_at as u32,
                kind: PackedRegistryEntry::DWORD,
                data: value,
                ..Default::default()
            };
            name_at = name_at.saturating_add(name.len());
        }
        Self {
            table: PackedRegistryTable {
                size: name_at as u32,
                num_entries: REGISTRY_VALUES.len() as u32,
            },
            entries,
        }
    }

    /// The parts of the payload.
    pub(crate) fn parts(&self) -> [&[u8]; 3] {
        [
            self.table.as_bytes(),
            self.entries.as_bytes(),
            REGISTRY_NAMES,
        ]
    }
}
