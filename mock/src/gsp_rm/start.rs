// SPDX-License-Identifier: GPL-2.0

//! What a driver tells GSP-RM before that starts: the machine that the card is in, and settings.

use nova_hw::abi::{PackedRegistryEntry, PackedRegistryTable};
use nova_hw::field::Field;
use nova_hw::release::SystemInfoLayout;
use zerocopy::FromBytes;

use crate::bus::config::{self, bars, mirror_base, ConfigSpace};
use crate::chips::Chip;

/// Checks that the driver describes the card as it is. All drivers fill the fields with the
/// addresses and numbers of PCI: `rpcGspSetSystemInfo_v17_00` of NVIDIA's driver (in
/// src/nvidia/src/kernel/vgpu/rpc.c), `r535_gsp_set_system_info` of nouveau, Linux's nova-core and
/// tinygrad.
pub(super) fn check_system_info(
    chip: &Chip,
    config: &ConfigSpace,
    at: &SystemInfoLayout,
    payload: &[u8],
) -> Result<(), String> {
    if payload.len() < at.size {
        return Err(format!("system info of {:#x} bytes", payload.len()));
    }
    let word = |field: Field<u32>| field.read(payload).map(u64::from);
    let pair = |high: u16, low: u16| u64::from(high) << 16 | u64::from(low);
    // Linux 7.3's nova-core assumes a 32-bit BAR0 when it looks for these two BARs, and passes 0 if
    // BAR0 has 64 bits (drivers/gpu/nova-core/gsp/fw/commands.rs).
    let [registers, ..] = bars(chip);
    let is_told = |&address: &u64| address != 0 || !registers.is_64bit;
    let fields = [
        (
            "gpuPhysAddr",
            at.gpu_phys_addr.read(payload),
            config.bar_address(0),
        ),
        (
            "gpuPhysFbAddr",
            at.gpu_phys_fb_addr.read(payload).filter(is_told),
            config.bar_address(1),
        ),
        (
            "gpuPhysInstAddr",
            at.gpu_phys_inst_addr.read(payload).filter(is_told),
            config.bar_address(2),
        ),
        (
            "pciConfigMirrorBase",
            word(at.pci_config_mirror_base),
            mirror_base(chip).into(),
        ),
        (
            "pciConfigMirrorSize",
            word(at.pci_config_mirror_size),
            config::SIZE as u64,
        ),
        (
            "PCIDeviceID",
            at.pci_device_id.and_then(word),
            pair(chip.device_id, chip.vendor_id),
        ),
        (
            "PCISubDeviceID",
            at.pci_sub_device_id.and_then(word),
            pair(chip.subsystem_id, chip.subsystem_vendor_id),
        ),
        (
            "PCIRevisionID",
            at.pci_revision_id.and_then(word),
            chip.pci_revision.into(),
        ),
    ];
    for (name, found, expected) in fields {
        // Fields that the release does not have are not checked.
        if let Some(found) = found.filter(|&found| found != expected) {
            return Err(format!("{name} is {found:#x}, not {expected:#x}"));
        }
    }
    if at.max_user_va.read(payload) == Some(0) {
        return Err("maxUserVa is 0".into());
    }
    Ok(())
}

/// Checks that the table lies within its message and that each entry is one.
///
/// Source: open-gpu-kernel-modules 570, `rpcSetRegistry_v17_00` in src/nvidia/src/kernel/vgpu/rpc.c,
/// which writes it.
pub(super) fn check_registry(payload: &[u8]) -> Result<(), String> {
    let Ok((table, entries)) = PackedRegistryTable::read_from_prefix(payload) else {
        return Err(format!("registry of {:#x} bytes", payload.len()));
    };
    if table.size as usize != payload.len() {
        return Err(format!(
            "registry of {:#x} bytes has size {:#x}",
            payload.len(),
            table.size
        ));
    }
    let entries = entries.chunks_exact(size_of::<PackedRegistryEntry>());
    if entries.len() < table.num_entries as usize {
        return Err(format!(
            "registry with {} entries is too short",
            table.num_entries
        ));
    }
    for (index, entry) in entries.take(table.num_entries as usize).enumerate() {
        let Ok(entry) = PackedRegistryEntry::read_from_bytes(entry) else {
            return Err(format!("registry entry {index} is cut off"));
        };
        let name = payload
            .get(entry.name_offset as usize..)
            .unwrap_or_default();
        let is_named = name
            .iter()
            .position(|&byte| byte == 0)
            .is_some_and(|len| len > 0);
        if !is_named {
            return Err(format!("registry entry {index} has no name"));
        }
        let is_sound = match entry.kind {
            PackedRegistryEntry::DWORD => matches!(entry.length, 0 | 4),
            PackedRegistryEntry::BINARY | PackedRegistryEntry::STRING => payload
                .get(entry.data as usize..)
                .is_some_and(|value| value.len() >= entry.length as usize),
            _ => false,
        };
        if !is_sound {
            return Err(format!("registry entry {index} is {entry:?}"));
        }
    }
    Ok(())
}
