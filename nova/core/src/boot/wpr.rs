// SPDX-License-Identifier: GPL-2.0

//! WPR2, the region of the frame buffer that only the GSP can write once booter has filled it, and
//! the WPR metadata, which describes its contents.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/arch/nvalloc/common/inc/gsp/gsp_fw_wpr_meta.h,
//! `kgspIsWpr2Up_TU102`.

use core::ops::Range;

use nova_hw::abi::GspFwWprMeta;
use nova_hw::regs::pfb::{Wpr2AddrHi, Wpr2AddrLo};

use super::layout::{FbLayout, VGA_WORKSPACE_SIZE};
use crate::firmware::common::Images;
use crate::mmio::Io;

/// Sizes of the regions of the frame buffer, if the GPU itself computes the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WprSizes {
    /// GSP-RM's heap in WPR2.
    pub(crate) heap: u64,
    /// GSP-RM's heap outside of WPR2.
    pub(crate) non_wpr_heap: u64,
    /// FRTS.
    pub(crate) frts: u64,
    /// Memory of the PMU.
    pub(crate) pmu_reserved: u32,
}

/// The range of WPR2, if it is set up.
pub(crate) fn wpr2(io: &Io<'_>) -> Option<Range<u64>> {
    let end = io.read::<Wpr2AddrHi>().address();
    // If the end is zero, WPR2 is not set up, whatever the start is.
    (end != 0).then(|| io.read::<Wpr2AddrLo>().address()..end)
}

/// The metadata for `images` and the layout of the frame buffer.
pub(crate) fn metadata(layout: &FbLayout, images: &Images) -> GspFwWprMeta {
    let size = |range: &Range<u64>| range.end.saturating_sub(range.start);
    GspFwWprMeta {
        gsp_fw_rsvd_start: layout.non_wpr_heap.start,
        non_wpr_heap_offset: layout.non_wpr_heap.start,
        non_wpr_heap_size: size(&layout.non_wpr_heap),
        gsp_fw_wpr_start: layout.wpr2.start,
        gsp_fw_heap_offset: layout.heap.start,
        gsp_fw_heap_size: size(&layout.heap),
        gsp_fw_offset: layout.firmware.start,
        boot_bin_offset: layout.bootloader.start,
        frts_offset: layout.frts.start,
        frts_size: size(&layout.frts),
        gsp_fw_wpr_end: layout.wpr_end,
        fb_size: layout.fb,
        vga_workspace_offset: layout.vga_workspace.start,
        vga_workspace_size: size(&layout.vga_workspace),
        ..of_images(images)
    }
}

/// The metadata for `images`, for a GPU that computes the layout itself.
pub(crate) fn metadata_of_sizes(sizes: &WprSizes, images: &Images) -> GspFwWprMeta {
    GspFwWprMeta {
        non_wpr_heap_size: sizes.non_wpr_heap,
        gsp_fw_heap_size: sizes.heap,
        frts_size: sizes.frts,
        vga_workspace_size: VGA_WORKSPACE_SIZE,
        pmu_reserved_size: sizes.pmu_reserved,
        ..of_images(images)
    }
}

/// The part of the metadata about the images.
fn of_images(images: &Images) -> GspFwWprMeta {
    let [code, data, manifest] = images.bootloader_offsets;
    GspFwWprMeta {
        magic: GspFwWprMeta::MAGIC,
        revision: GspFwWprMeta::REVISION,
        sysmem_addr_of_radix3_elf: images.radix3,
        size_of_radix3_elf: images.firmware_size,
        sysmem_addr_of_bootloader: images.bootloader.0,
        size_of_bootloader: images.bootloader.1,
        bootloader_code_offset: code.into(),
        bootloader_data_offset: data.into(),
        bootloader_manifest_offset: manifest.into(),
        sysmem_addr_of_signature: images.signature.0,
        size_of_signature: images.signature.1,
        ..Default::default()
    }
}
