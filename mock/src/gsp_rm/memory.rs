// SPDX-License-Identifier: GPL-2.0

//! Memory that the driver tells GSP-RM about, by a list of its pages.
//!
//! Source: open-gpu-kernel-modules 570, `rpcAllocMemory_v13_01` and `_issuePteDescRpc` in
//! src/nvidia/src/kernel/vgpu/rpc.c; Linux 7.3, `r535_fbsr_memlist` in
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/fbsr.c. GSP-RM's checks are not public.

use nova_hw::abi::status::{NV_ERR_INVALID_ARGUMENT, NV_OK};
use nova_hw::abi::{class, RpcAllocMemory};
use nova_hw::gsp::PAGE_SIZE;
use zerocopy::{FromBytes, IntoBytes};

use super::refused::Refused;
use super::resource::{MemoryList, Pages};
use super::{classes, Card, GspRm, Next};
use crate::bus::machine::BUS_BITS;
use crate::gsp_rm::queue::Message;

const PAGE: u64 = PAGE_SIZE as u64;

impl GspRm {
    /// Makes an object of memory that the driver has. The answer is the call without its list.
    pub(super) fn alloc_memory(
        &mut self,
        card: &Card<'_>,
        message: &Message,
    ) -> Result<Next, String> {
        let Ok((request, list)) = RpcAllocMemory::read_from_prefix(&message.payload) else {
            self.reply(card, message, NV_ERR_INVALID_ARGUMENT, Vec::new());
            return Err(format!(
                "ALLOC_MEMORY of {:#x} bytes",
                message.payload.len()
            ));
        };
        let result = self.alloc_listed(card, &request, list);
        let status = result.as_ref().map_or_else(|refused| refused.0, |()| NV_OK);
        self.reply(card, message, status, request.as_bytes().to_vec());
        result
            .map(|()| Next::Wait)
            .map_err(|(_, error)| format!("memory {request:x?}: {error}"))
    }

    fn alloc_listed(
        &mut self,
        card: &Card<'_>,
        request: &RpcAllocMemory,
        list: &[u8],
    ) -> Result<(), Refused> {
        let class = classes::memory(request.h_class)?;
        let memory = memory(request, list, card.meta.fb_size)
            .map_err(|error| (NV_ERR_INVALID_ARGUMENT, error))?;
        let handles = [request.h_client, request.h_device, request.h_memory];
        self.objects.alloc_memory(class, handles, memory)
    }
}

/// The memory that is listed. Of contiguous memory the first page may stand for all.
fn memory(request: &RpcAllocMemory, list: &[u8], vram: u64) -> Result<MemoryList, String> {
    let is_video = request.h_class == class::NV01_MEMORY_LIST_FBMEM;
    let location = match is_video {
        true => RpcAllocMemory::LOCATION_VIDMEM,
        false => RpcAllocMemory::LOCATION_PCI,
    };
    if request.flags & RpcAllocMemory::LOCATION != location || request.pte_adjust != 0 {
        return Err("it is elsewhere".into());
    }
    let count = request.pte_desc >> 16;
    if request.pte_desc & 3 != 0 || request.page_count != count {
        return Err(format!("a list of {count:#x} pages"));
    }
    let Some(list) = list.get(..8 * count as usize) else {
        return Err(format!("{:#x} bytes of a list", list.len()));
    };
    let end = match is_video {
        true => vram,
        false => 1 << BUS_BITS,
    };
    let listed = list.chunks_exact(8).map(|page| page_below(end, page));
    let listed: Vec<u64> = listed.collect::<Result<_, String>>()?;
    let needed = request.length.div_ceil(PAGE);
    let is_contiguous = request.flags & RpcAllocMemory::PHYSICALITY == 0;
    let pages = match listed[..] {
        [first] if is_contiguous && needed > 0 && needed <= vram / PAGE => Pages::From(first),
        _ if needed > 0 && listed.len() as u64 == needed => Pages::Listed(listed),
        _ => {
            let found = listed.len();
            return Err(format!("{found:#x} pages, and {needed:#x} are needed"));
        }
    };
    Ok(MemoryList {
        is_video,
        len: request.length,
        pages,
    })
}

/// The address of a page whose number is listed.
fn page_below(end: u64, number: &[u8]) -> Result<u64, String> {
    let number = u64::read_from_bytes(number).unwrap_or_default();
    let address = number.checked_mul(PAGE).filter(|&address| address < end);
    address.ok_or_else(|| format!("a page with the number {number:#x}"))
}
