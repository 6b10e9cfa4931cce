// SPDX-License-Identifier: GPL-2.0

//! FIFO_GET_DEVICE_INFO_TABLE, a control of a subdevice: a part of the table of the engines that
//! channels feed.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080fifo.h; Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fifo.c (`r535_fifo_runl_ctor`).

use core::mem::offset_of;

use nova_hw::abi::{control, DeviceEntry, DeviceInfoTable};
use nova_hw::release::Release;

use super::control::Method;
use crate::bug::OrBug;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::rpc::error::RpcError;

/// Parts that a whole table has at most.
pub(crate) const PARTS: u32 = (DeviceInfoTable::MAX_DEVICES / ENTRIES) as u32;

/// Engines of a part.
const ENTRIES: usize = DeviceInfoTable::MAX_ENTRIES;

/// Reads a part of the table, by its number.
pub(crate) struct GetDeviceInfo(pub(crate) u32);

/// An engine in the table, as far as the driver reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Device {
    /// Number of the engine in the release ([`EngineNumbers::rm`](nova_hw::release::EngineNumbers)).
    pub(crate) number: u32,
    /// Its runlist.
    pub(crate) runlist: u32,
}

/// A part of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Devices {
    devices: [Device; ENTRIES],
    count: usize,
    /// There is another part.
    pub(crate) has_more: bool,
}

impl Devices {
    /// The engines of the part.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Device> + '_ {
        self.devices.iter().take(self.count).copied()
    }
}

impl Method for GetDeviceInfo {
    const CMD: u32 = control::FIFO_GET_DEVICE_INFO_TABLE;
    type Reply = Devices;

    fn size(&self, _release: &Release) -> usize {
        size_of::<DeviceInfoTable>()
    }

    fn write(&self, _release: &Release, params: &mut [u8]) {
        let Self(part) = self;
        let base = part.saturating_mul(ENTRIES as u32);
        let at = offset_of!(DeviceInfoTable, base_index);
        let field = params.get_mut(at..).and_then(|it| it.first_chunk_mut());
        if let Some(field) = field {
            *field = base.to_le_bytes();
        }
    }

    fn read(&self, _release: &Release, params: Payload<'_>) -> Result<Devices, RpcError> {
        Ok(read(params)?)
    }
}

fn read(table: Payload<'_>) -> Result<Devices, ShortPayload> {
    let count: u32 = table.field(offset_of!(DeviceInfoTable, num_entries))?;
    let has_more: u8 = table.field(offset_of!(DeviceInfoTable, b_more))?;
    let mut part = Devices {
        count: usize::try_from(count).unwrap_or(ENTRIES).min(ENTRIES),
        has_more: has_more != 0,
        ..Devices::default()
    };
    let first = offset_of!(DeviceInfoTable, entries);
    let offsets = (first..).step_by(size_of::<DeviceEntry>());
    for (device, offset) in part.devices.iter_mut().zip(offsets).take(part.count) {
        let data: [u32; 16] = table.field(offset)?;
        let value = |index: usize| data.get(index).copied().or_bug();
        *device = Device {
            number: value(DeviceEntry::RM_ENGINE_TYPE),
            runlist: value(DeviceEntry::RUNLIST),
        };
    }
    Ok(part)
}

const _: () = assert!(offset_of!(DeviceEntry, engine_data) == 0);

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    fn part(count: u32, bytes: usize) -> Result<Devices, ShortPayload> {
        let mut table = DeviceInfoTable {
            num_entries: count,
            b_more: 1,
            ..DeviceInfoTable::default()
        };
        for (entry, number) in table.entries.iter_mut().zip(9..) {
            entry.engine_data[DeviceEntry::RM_ENGINE_TYPE] = number;
            entry.engine_data[DeviceEntry::RUNLIST] = number + 100;
        }
        let (message, bytes) = ("test", &table.as_bytes()[..bytes]);
        read(Payload { message, bytes })
    }

    #[test]
    fn a_part_has_as_many_engines_as_it_says() {
        let found = part(2, 0xc8c).unwrap();
        assert!(found.has_more);
        let devices: std::vec::Vec<_> = found.iter().collect();
        let device = |number| Device {
            number,
            runlist: number + 100,
        };
        assert_eq!(devices, [device(9), device(10)]);
        assert_eq!(part(u32::MAX, 0xc8c).unwrap().iter().count(), 32);
        assert_eq!(part(2, 12 + 100).unwrap_err().found, 112);
    }

    #[test]
    fn parts_are_asked_for_by_their_first_entry() {
        let mut params = [0; 8];
        GetDeviceInfo(3).write(nova_hw::release::RELEASES[0], &mut params);
        assert_eq!(params, [96, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(PARTS, 8);
    }
}
