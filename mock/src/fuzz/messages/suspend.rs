// SPDX-License-Identifier: GPL-2.0

//! What a driver sends for a suspend, and what GSP-RM then does on the card.

use std::time::Duration;

use nova_hw::abi::class::{NV01_MEMORY_LIST_FBMEM, NV01_MEMORY_LIST_SYSTEM};
use nova_hw::abi::{control, RpcAllocMemory, UnloadingGuestDriver};
use nova_hw::gsp::PAGE_SIZE;
use nova_hw::release::r535_113_01::{FbsrInit, FbsrSendRegionInfo};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use crate::bus::machine::GuestMemory;
use crate::gpu::Gpu;
use crate::machine::in_process::Arena;

/// Time in which GSP-RM resumes.
const RESUME: Duration = Duration::from_secs(1);

/// ALLOC_MEMORY of an object with these handles (client, device and its own).
pub(super) fn memory(handles: [u32; 3], is_video: bool, pages: &[u64]) -> Vec<u8> {
    let [h_client, h_device, h_memory] = handles;
    let (h_class, location) = match is_video {
        true => (NV01_MEMORY_LIST_FBMEM, RpcAllocMemory::LOCATION_VIDMEM),
        false => (NV01_MEMORY_LIST_SYSTEM, RpcAllocMemory::LOCATION_PCI),
    };
    let count = pages.len() as u32;
    let request = RpcAllocMemory {
        h_client,
        h_device,
        h_memory,
        h_class,
        flags: location | 1 << 4,
        length: u64::from(count) * PAGE_SIZE as u64,
        page_count: count,
        pte_desc: count << 16,
        ..RpcAllocMemory::default()
    };
    [request.as_bytes(), pages.as_bytes()].concat()
}

/// Number and parameters of the control that names the memory for a suspend.
pub(super) fn init(release: &Release, client: u32, memory: u32) -> (u32, Vec<u8>) {
    let Some(at) = release.fbsr_init() else {
        return (control::INTERNAL_FBSR_INIT, Vec::new());
    };
    let mut params = vec![0; at.size];
    at.client.write(&mut params, &client);
    at.memory.write(&mut params, &memory);
    for (field, value) in [(at.kind, FbsrInit::DMA), (at.regions, 1)] {
        if let Some(field) = field {
            field.write(&mut params, &value);
        }
    }
    if let Some(metadata) = at.metadata {
        metadata.write(&mut params, &0x100);
    }
    (control::INTERNAL_FBSR_INIT, params)
}

/// Number and parameters of the control that names a page of the frame buffer to save.
pub(super) fn region(release: &Release, h_client: u32, h_vid_mem: u32) -> (u32, Vec<u8>) {
    let region = FbsrSendRegionInfo {
        fbsr_type: FbsrInit::DMA,
        h_client,
        h_vid_mem,
        size: PAGE_SIZE as u64,
        ..FbsrSendRegionInfo::default()
    };
    let number = release.control_numbers.fbsr_send_region_info;
    (number.unwrap_or_default(), region.as_bytes().to_vec())
}

/// UNLOADING_GUEST_DRIVER.
pub(super) fn unloading(is_suspend: bool) -> Vec<u8> {
    let request = UnloadingGuestDriver {
        b_in_pm_transition: is_suspend.into(),
        new_level: if is_suspend { 3 } else { 0 },
        ..UnloadingGuestDriver::default()
    };
    request.as_bytes().to_vec()
}

/// GSP-RM ends. If it was suspended, it is started again, with its arguments at this bus address;
/// returns whether it runs. Booter and the FMC, which save WPR2 and put it back, have no part in it.
pub(super) fn end_and_resume(card: &mut Gpu<Arena>, arguments: u64) -> bool {
    let rm = card.programs.rm.as_ref().expect("GSP-RM");
    let (at, level) = (
        &rm.release.arguments,
        rm.suspend.as_ref().map(|it| it.level),
    );
    card.end_gsp_rm();
    card.schedule.cancel(|_| true);
    assert!(card.programs.rm.is_none(), "GSP-RM has ended");
    assert_eq!(card.channels(), "", "channels of a GSP-RM that has ended");
    let Some(level) = level else {
        return false;
    };
    let mut bytes = vec![0; at.size];
    at.in_pm_transition.write(&mut bytes, &1);
    at.resume_level.write(&mut bytes, &level);
    card.machine_mut().write(arguments, &bytes).expect("memory");
    card.start_riscv();
    card.start_libos();
    card.blocks.gsp.falcon.os = 1;
    let until = card.now() + RESUME;
    card.advance(until);
    card.objects().is_some()
}
