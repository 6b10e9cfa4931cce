// SPDX-License-Identifier: GPL-2.0

//! Payload of SET_REGISTRY: a table, its entries, and their names and values.
//!
//! Source: src/nvidia/generated/g_os_nvoc.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Start of the payload, followed by the entries; `PACKED_REGISTRY_TABLE`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PackedRegistryTable {
    /// Bytes of the table, the entries, the names and the values.
    pub size: u32,
    /// Number of entries.
    pub num_entries: u32,
}

layout!(PackedRegistryTable: 8);

/// An entry; `PACKED_REGISTRY_ENTRY`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct PackedRegistryEntry {
    /// Offset of the name, which ends with a NUL, from the start of the table.
    pub name_offset: u32,
    /// [`Self::DWORD`], [`Self::BINARY`] or [`Self::STRING`]; `type` in C.
    pub kind: u8,
    #[doc(hidden)]
    pub _padding: [u8; 3],
    /// The number, or the offset of the value from the start of the table.
    pub data: u32,
    /// Bytes of the value.
    pub length: u32,
}

layout!(PackedRegistryEntry: 16, kind @ 4, data @ 8, length @ 12);

impl PackedRegistryEntry {
    /// A number; `REGISTRY_TABLE_ENTRY_TYPE_DWORD`.
    pub const DWORD: u8 = 1;

    /// Bytes; `REGISTRY_TABLE_ENTRY_TYPE_BINARY`.
    pub const BINARY: u8 = 2;

    /// A string; `REGISTRY_TABLE_ENTRY_TYPE_STRING`.
    pub const STRING: u8 = 3;
}
