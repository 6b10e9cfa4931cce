// SPDX-License-Identifier: GPL-2.0

//! SET_REGISTRY: the registry keys for GSP-RM.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_os_nvoc.h (`PACKED_REGISTRY_TABLE`),
//! `initUnixSpecificRegistry` in src/nvidia/arch/nvalloc/unix/src/osinit.c (keys about resets);
//! Linux 7.3, drivers/gpu/nova-core/gsp/commands.rs.

use core::ffi::CStr;

use nova_hw::abi::{function, PackedRegistryEntry, PackedRegistryTable};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::bug::OrBug;
use crate::gsp::payload::Payload;
use crate::gsp::rpc::call::CallKind;
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;

/// Registry keys for GSP-RM and their values.
const REGISTRY: [(&CStr, u32); 3] = [
    // Allows a reset of the GPU through the bridge above it; off by default.
    (c"RMSecBusResetEnable", 1),
    // Saves PCI configuration space, so that it survives such a reset; off by default.
    (c"RMForcePcieConfigSave", 1),
    // Starts boards that are not in GSP-RM's table of products, too.
    (c"RMDevidCheckIgnore", 1),
];

/// The command.
pub(crate) struct SetRegistry;

impl Command for SetRegistry {
    const FUNCTION: u32 = function::SET_REGISTRY;
    const KIND: CallKind = CallKind::Notice;
    type Reply = ();

    fn size(&self, _release: &Release) -> usize {
        REGISTRY.iter().fold(NAMES_AT, |end, (name, _)| {
            end.saturating_add(name.to_bytes_with_nul().len())
        })
    }

    fn write(&self, _release: &Release, payload: &mut [u8]) {
        let table = PackedRegistryTable {
            size: payload.len() as u32,
            num_entries: REGISTRY.len() as u32,
        };
        let mut rest = put(payload, table.as_bytes());
        let mut name_offset = NAMES_AT;
        for (name, value) in REGISTRY {
            let entry = PackedRegistryEntry {
                name_offset: name_offset as u32,
                kind: PackedRegistryEntry::DWORD,
                data: value,
                ..Default::default()
            };
            rest = put(rest, entry.as_bytes());
            name_offset = name_offset.saturating_add(name.to_bytes_with_nul().len());
        }
        for (name, _) in REGISTRY {
            rest = put(rest, name.to_bytes_with_nul());
        }
    }

    fn read(&self, _release: &Release, _reply: Payload<'_>) -> Result<(), RpcError> {
        Ok(())
    }
}

/// Offset of the names, which follow the table and its entries.
const NAMES_AT: usize =
    size_of::<PackedRegistryTable>() + REGISTRY.len() * size_of::<PackedRegistryEntry>();

/// Copies `part` to the start of `place`; returns the rest of `place`.
fn put<'b>(place: &'b mut [u8], part: &[u8]) -> &'b mut [u8] {
    let (to, behind) = place.split_at_mut_checked(part.len()).or_bug();
    to.copy_from_slice(part);
    behind
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;
    use zerocopy::FromBytes;

    #[test]
    fn entries_have_the_offsets_of_their_names() {
        let release = RELEASES[0];
        let mut payload = std::vec![0; SetRegistry.size(release)];
        SetRegistry.write(release, &mut payload);
        let (table, rest) = PackedRegistryTable::read_from_prefix(&payload).unwrap();
        assert_eq!(table.size as usize, payload.len());
        assert_eq!(table.num_entries as usize, REGISTRY.len());
        let entries = rest.chunks_exact(size_of::<PackedRegistryEntry>());
        for (entry, (name, value)) in entries.zip(REGISTRY) {
            let entry = PackedRegistryEntry::read_from_bytes(entry).unwrap();
            let found = CStr::from_bytes_until_nul(&payload[entry.name_offset as usize..]);
            assert_eq!((found, entry.data), (Ok(name), value));
        }
        assert_eq!(payload.last(), Some(&0));
    }
}
