// SPDX-License-Identifier: GPL-2.0

//! GSP-RM's table of interrupts: the vectors of the engines.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h
//! (`NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS`); Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gsp.c (`r535_gsp_intr_get_table`).

use core::mem::offset_of;

use nova_hw::abi::{control, IntrKernelTable, IntrKernelTableEntry, INTR_VECTOR_INVALID};
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::rpc::error::RpcError;

/// Copy engines that a release has numbers for, at most.
pub(crate) const COPIES: usize = 20;

/// Reads the table.
pub(crate) struct GetInterruptTable;

/// The vectors that the driver uses. An engine without an entry, or without an interrupt, has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InterruptTable {
    /// The GSP's.
    pub(crate) gsp: Option<u32>,
    /// That with which a channel on graphics tells that it has got somewhere (*non-stalling*).
    pub(crate) graphics: Option<u32>,
    /// The same of each copy engine.
    pub(crate) copies: [Option<u32>; COPIES],
}

impl Method for GetInterruptTable {
    const CMD: u32 = control::INTERNAL_INTR_GET_KERNEL_TABLE;
    type Reply = InterruptTable;

    fn size(&self, _release: &Release) -> usize {
        size_of::<IntrKernelTable>()
    }

    fn write(&self, _release: &Release, _params: &mut [u8]) {}

    fn read(&self, release: &Release, params: Payload<'_>) -> Result<InterruptTable, RpcError> {
        Ok(read(release, params)?)
    }
}

fn read(release: &Release, table: Payload<'_>) -> Result<InterruptTable, ShortPayload> {
    let count: u32 = table.field(offset_of!(IntrKernelTable, table_len))?;
    let entries = offset_of!(IntrKernelTable, table)..offset_of!(IntrKernelTable, subtree_map);
    let offsets = entries.step_by(size_of::<IntrKernelTableEntry>());
    let mut found = InterruptTable::default();
    for offset in offsets.take(usize::try_from(count).unwrap_or(usize::MAX)) {
        found.add(release, &table.field(offset)?);
    }
    Ok(found)
}

impl InterruptTable {
    /// Takes the vector of an entry. An engine has one entry; of several the first one counts.
    fn add(&mut self, release: &Release, entry: &IntrKernelTableEntry) {
        let numbers = &release.engines;
        let engine = entry.engine_idx;
        if engine == release.gsp_engine {
            self.gsp = self.gsp.or(Some(entry.vector_stall));
            return;
        }
        let slot = match engine.checked_sub(numbers.mc.copy) {
            _ if engine == numbers.mc.gr => Some(&mut self.graphics),
            Some(copy) if copy < numbers.copies.into() => self.copies.get_mut(usize::from(copy)),
            _ => None,
        };
        if let Some(slot) = slot {
            let vector = entry.vector_non_stall;
            *slot = slot.or((vector != INTR_VECTOR_INVALID).then_some(vector));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;
    use zerocopy::IntoBytes;

    /// Numbers of engines in release 570.
    const GSP: u16 = 50;
    const GR: u16 = 84;
    const COPY0: u16 = 15;

    /// The table of entries with a stalling and a non-stalling vector.
    fn table(entries: &[(u16, u32, u32)], count: u32) -> InterruptTable {
        let mut table = IntrKernelTable {
            table_len: count,
            ..Default::default()
        };
        for (to, &(engine, stall, non_stall)) in table.table.iter_mut().zip(entries) {
            (to.engine_idx, to.vector_stall, to.vector_non_stall) = (engine, stall, non_stall);
        }
        let (message, bytes) = ("test", table.as_bytes());
        read(RELEASES[0], Payload { message, bytes }).unwrap()
    }

    #[test]
    fn the_vector_of_the_gsp_is_found() {
        let gsp = |entries: &[_], count| table(entries, count).gsp;
        let entry = |vector| (GSP, vector, u32::MAX);
        assert_eq!(gsp(&[(7, 1, 2), entry(0x9b)], 2), Some(0x9b));
        assert_eq!(gsp(&[entry(0x9b)], u32::MAX), Some(0x9b));
        assert_eq!(gsp(&[(7, 1, 2), entry(0x9b)], 1), None);
        assert_eq!(gsp(&[entry(u32::MAX)], 1), Some(u32::MAX));
        assert_eq!(gsp(&[entry(1), entry(2)], 2), Some(1));
    }

    #[test]
    fn the_non_stalling_vectors_of_engines_are_found() {
        let entries = [
            (GR, 1, 0),
            (COPY0, 1, u32::MAX),
            (COPY0 + 2, 1, 5),
            (COPY0 + 19, 1, 6),
            (COPY0 + 20, 1, 7),
            (COPY0 - 1, 1, 8),
        ];
        let found = table(&entries, 6);
        assert_eq!((found.gsp, found.graphics), (None, Some(0)));
        let copies = (0..).zip(found.copies);
        let copies: std::vec::Vec<_> = copies.filter(|(_, vector)| vector.is_some()).collect();
        assert_eq!(copies, [(2, Some(5)), (19, Some(6))]);
    }
}
