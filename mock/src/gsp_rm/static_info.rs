// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM tells of the GPU in its answer to GET_GSP_STATIC_INFO.

use nova_hw::abi::{FbRegionInfo, FbRegionInfoParams, GspFwWprMeta};
use nova_hw::release::StaticInfoLayout;
use zerocopy::FromZeros;

use super::objects::{INTERNAL_CLIENT, INTERNAL_DEVICE, INTERNAL_SUBDEVICE};
use crate::chips::{engines, Chip};

/// The static info about the GPU, in the release's layout.
pub(super) fn static_info(chip: &Chip, meta: &GspFwWprMeta, at: &StaticInfoLayout) -> Vec<u8> {
    let mut reply = vec![0; at.size];
    let name = chip.marketing_name;
    at.name.write(&mut reply, &text(name.bytes()));
    at.unicode_name
        .write(&mut reply, &text(name.encode_utf16()));
    let short = chip.chipset.name().to_uppercase();
    at.short_name.write(&mut reply, &text(short.bytes()));

    let graphics = engines::of(chip.chipset);
    if let Some(at) = at.gpcs {
        at.write(&mut reply, &graphics.gpc_mask());
    }
    if let Some(at) = at.tpcs {
        let mut tpcs = [[0; 2]; 32];
        for (gpc, row) in (0..).zip(&mut tpcs) {
            *row = [gpc, graphics.tpc_mask(gpc)];
        }
        at.write(&mut reply, &tpcs);
    }

    at.fb_length.write(&mut reply, &meta.fb_size);
    at.fb_regions.write(&mut reply, &fb_regions(meta));
    let heap = meta.non_wpr_heap_offset;
    let [bar1, bar2] = page_directories(meta);
    at.bar1_pde_base.write(&mut reply, &bar1);
    at.bar2_pde_base.write(&mut reply, &bar2);
    at.vbios_valid.write(&mut reply, &1);
    at.vbios_sub_vendor
        .write(&mut reply, &chip.subsystem_vendor_id.into());
    at.vbios_sub_device
        .write(&mut reply, &chip.subsystem_id.into());
    at.client.write(&mut reply, &INTERNAL_CLIENT);
    at.device.write(&mut reply, &INTERNAL_DEVICE);
    at.subdevice.write(&mut reply, &INTERNAL_SUBDEVICE);
    if let Some(at) = at.non_wpr_heap {
        at.write(&mut reply, &heap);
    }
    if let Some(at) = at.frts {
        at.write(&mut reply, &meta.frts_offset);
    }
    reply
}

/// Bytes of a page directory of GSP-RM, of which only the first entries are in use.
pub(crate) const PAGE_DIRECTORY: u64 = 0x1000;

/// Addresses of GSP-RM's page directories for BAR1 and BAR2: in its heap outside of WPR2, which has
/// had the sequencer's image before. The model's choice.
pub(crate) fn page_directories(meta: &GspFwWprMeta) -> [u64; 2] {
    [1, 2].map(|page| meta.non_wpr_heap_offset + page * PAGE_DIRECTORY)
}

/// Characters in a field, padded with NULs.
fn text<T: Default + Copy, const N: usize>(characters: impl Iterator<Item = T>) -> [T; N] {
    let mut field = [T::default(); N];
    for (to, from) in field.iter_mut().zip(characters) {
        *to = from;
    }
    field
}

/// The regions of the frame buffer: the driver's, and the firmware's.
fn fb_regions(meta: &GspFwWprMeta) -> FbRegionInfoParams {
    let mut params = FbRegionInfoParams::new_zeroed();
    let regions = [
        (0..meta.gsp_fw_rsvd_start, 0),
        (
            meta.gsp_fw_rsvd_start..meta.fb_size,
            meta.fb_size - meta.gsp_fw_rsvd_start,
        ),
    ];
    params.num_fb_regions = regions.len() as u32;
    for (entry, (range, reserved)) in params.fb_region.iter_mut().zip(regions) {
        let is_usable = u8::from(reserved == 0);
        *entry = FbRegionInfo {
            base: range.start,
            limit: range.end - 1,
            reserved,
            performance: 100,
            support_compressed: is_usable,
            support_iso: is_usable,
            b_protected: 1 - is_usable,
            ..FbRegionInfo::new_zeroed()
        };
    }
    params
}
