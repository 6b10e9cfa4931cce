// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM says about the GPU once it runs.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h; Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gsp.c (which regions are usable).

use core::ops::Range;

use nova_hw::r570_144::{FbRegionInfo, GspStaticConfigInfo};
use zerocopy::FromBytes;

use crate::error::Error;
use crate::text::Text;

/// Regions that a frame buffer is described by, at most.
const REGIONS: usize = 16;

/// What GSP-RM says about the GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticInfo {
    /// Name of the GPU.
    pub name: Text<64>,
    /// Bytes of the frame buffer.
    pub fb_length: u64,
    /// Handles of the client, device and subdevice under which GSP-RM takes the driver's own calls.
    pub(crate) client: u32,
    pub(crate) subdevice: u32,
    regions: [Option<Region>; REGIONS],
}

/// A part of the frame buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Region {
    start: u64,
    end: u64,
    usable: bool,
}

impl StaticInfo {
    /// Reads the reply to GET_GSP_STATIC_INFO.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Error> {
        let (info, _) =
            GspStaticConfigInfo::ref_from_prefix(payload).map_err(|_| Error::Payload {
                message: "GET_GSP_STATIC_INFO",
                expected: size_of::<GspStaticConfigInfo>(),
                found: payload.len(),
            })?;
        let fb = &info.fb_region_info_params;
        let count = usize::try_from(fb.num_fb_regions).unwrap_or(usize::MAX);
        let mut regions = [None; REGIONS];
        for (slot, region) in regions.iter_mut().zip(fb.fb_region.iter().take(count)) {
            *slot = Region::new(region);
        }
        Ok(Self {
            name: Text::from_bytes(&info.gpu_name_string),
            fb_length: info.fb_length,
            client: info.h_internal_client,
            subdevice: info.h_internal_subdevice,
            regions,
        })
    }

    /// Parts of the frame buffer that a driver may give away: neither reserved nor protected, and good
    /// for compression and for display.
    pub fn usable_regions(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.regions
            .iter()
            .flatten()
            .filter(|region| region.usable)
            .map(|region| region.start..region.end)
    }

    /// Bytes of the usable regions.
    pub fn usable_vram(&self) -> u64 {
        self.usable_regions().fold(0, |sum, region| {
            sum.saturating_add(region.end.saturating_sub(region.start))
        })
    }
}

impl Region {
    /// `None` where the region is empty or ends past the last address.
    fn new(region: &FbRegionInfo) -> Option<Self> {
        let end = region.limit.checked_add(1)?;
        (region.base < end).then_some(Self {
            start: region.base,
            end,
            usable: region.reserved == 0
                && region.b_protected == 0
                && region.support_compressed != 0
                && region.support_iso != 0,
        })
    }
}
