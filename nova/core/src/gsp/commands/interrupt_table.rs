// SPDX-License-Identifier: GPL-2.0

//! GSP-RM's table of interrupts: the vectors of the engines.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/sdk/nvidia/inc/ctrl/ctrl2080/ctrl2080internal.h
//! (`NV2080_CTRL_INTERNAL_INTR_GET_KERNEL_TABLE_PARAMS`); Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gsp.c (`r535_gsp_intr_get_table`).

use core::mem::offset_of;

use nova_hw::abi::{control, IntrKernelTable, IntrKernelTableEntry};
use nova_hw::release::Release;

use super::control::Method;
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::rpc::error::RpcError;

/// Reads the vector of the GSP's interrupt from the table, if it has an entry.
pub(crate) struct GetGspVector;

impl Method for GetGspVector {
    const CMD: u32 = control::INTERNAL_INTR_GET_KERNEL_TABLE;
    type Reply = Option<u32>;

    fn size(&self, _release: &Release) -> usize {
        size_of::<IntrKernelTable>()
    }

    fn write(&self, _release: &Release, _params: &mut [u8]) {}

    fn read(&self, release: &Release, params: Payload<'_>) -> Result<Option<u32>, RpcError> {
        Ok(vector_of(release.gsp_engine, params)?)
    }
}

/// The vector of `engine`, if it has an entry in the table.
fn vector_of(engine: u16, table: Payload<'_>) -> Result<Option<u32>, ShortPayload> {
    let count: u32 = table.field(offset_of!(IntrKernelTable, table_len))?;
    let entries = offset_of!(IntrKernelTable, table)..offset_of!(IntrKernelTable, subtree_map);
    let offsets = entries.step_by(size_of::<IntrKernelTableEntry>());
    for offset in offsets.take(usize::try_from(count).unwrap_or(usize::MAX)) {
        let entry: IntrKernelTableEntry = table.field(offset)?;
        if entry.engine_idx == engine {
            return Ok(Some(entry.vector_stall));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::IntoBytes;

    const GSP: u16 = 50;

    fn find(entries: &[(u16, u32)], count: u32) -> Option<u32> {
        let mut table = IntrKernelTable {
            table_len: count,
            ..Default::default()
        };
        for (to, &(engine_idx, vector_stall)) in table.table.iter_mut().zip(entries) {
            (to.engine_idx, to.vector_stall) = (engine_idx, vector_stall);
        }
        let (message, bytes) = ("test", table.as_bytes());
        vector_of(GSP, Payload { message, bytes }).unwrap()
    }

    #[test]
    fn the_vector_of_the_gsp_is_found() {
        assert_eq!(find(&[(7, 1), (GSP, 0x9b)], 2), Some(0x9b));
        assert_eq!(find(&[(GSP, 0x9b)], u32::MAX), Some(0x9b));
        assert_eq!(find(&[(7, 1), (GSP, 0x9b)], 1), None);
        assert_eq!(find(&[(GSP, u32::MAX)], 1), Some(u32::MAX));
    }
}
