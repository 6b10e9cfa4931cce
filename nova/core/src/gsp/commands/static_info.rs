// SPDX-License-Identifier: GPL-2.0

//! GET_GSP_STATIC_INFO: GSP-RM's description of the GPU.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/inc/kernel/gpu/gsp/gsp_static_config.h; Linux
//! 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gsp.c (usable regions).

use core::mem::offset_of;
use core::ops::Range;

use nova_hw::abi::{function, FbRegionInfo, FbRegionInfoParams};
use nova_hw::release::{Release, StaticInfoLayout};

use crate::gsp::handles::{Handles, Internal};
use crate::gsp::payload::{Payload, ShortPayload};
use crate::gsp::rpc::command::Command;
use crate::gsp::rpc::error::RpcError;
use crate::text::Text;

/// Maximum number of usable regions, which is the number of regions in the reply.
const REGIONS: usize = 16;

/// Requests GSP-RM's description of the GPU.
pub(crate) struct GetStaticInfo;

impl Command for GetStaticInfo {
    const FUNCTION: u32 = function::GET_GSP_STATIC_INFO;
    type Reply = StaticInfo;

    fn size(&self, release: &Release) -> usize {
        release.static_info.size
    }

    fn write(&self, _release: &Release, _payload: &mut [u8]) {}

    fn read(&self, release: &Release, reply: Payload<'_>) -> Result<StaticInfo, RpcError> {
        Ok(StaticInfo::read(&release.static_info, reply)?)
    }
}

/// GSP-RM's description of the GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticInfo {
    /// Name of the GPU.
    pub name: Text<64>,
    /// Bytes of the frame buffer.
    pub fb_length: u64,
    /// Handle of GSP-RM's internal client, for the driver's own calls.
    pub(crate) client: u32,
    /// Handle of the internal client's device.
    pub(crate) device: u32,
    /// Handle of the internal client's subdevice.
    pub(crate) subdevice: u32,
    /// Address in VRAM of the root of BAR1's page tables, which GSP-RM shares with the driver.
    pub(crate) bar1_root: u64,
    /// Usable regions, followed by empty ranges.
    usable: [Range<u64>; REGIONS],
}

impl StaticInfo {
    fn read(at: &StaticInfoLayout, reply: Payload<'_>) -> Result<Self, ShortPayload> {
        let mut info = Self {
            name: Text::from_bytes(&reply.at(at.name)?),
            fb_length: reply.at(at.fb_length)?,
            client: reply.at(at.client)?,
            device: reply.at(at.device)?,
            subdevice: reply.at(at.subdevice)?,
            bar1_root: reply.at(at.bar1_pde_base)?,
            ..Self::default()
        };
        let regions = |field| at.fb_regions.offset().saturating_add(field);
        let count: u32 = reply.field(regions(offset_of!(FbRegionInfoParams, num_fb_regions)))?;
        let first = regions(offset_of!(FbRegionInfoParams, fb_region));
        let offsets = (first..).step_by(size_of::<FbRegionInfo>());
        let count = usize::try_from(count).unwrap_or(REGIONS);
        for (slot, offset) in info.usable.iter_mut().zip(offsets.take(count)) {
            *slot = usable(&reply.field(offset)?);
        }
        Ok(info)
    }

    /// Handles of an object that GSP-RM has allocated for the driver.
    pub(crate) fn internal(&self, object: Internal) -> Handles {
        Handles {
            client: self.client,
            object: match object {
                Internal::Client => self.client,
                Internal::Device => self.device,
                Internal::Subdevice => self.subdevice,
            },
        }
    }

    /// Regions of the frame buffer that the driver may use for allocations: those that are neither
    /// reserved nor protected, and that support compression and display.
    pub fn usable_regions(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.usable
            .iter()
            .filter(|region| !region.is_empty())
            .cloned()
    }

    /// Bytes of the usable regions.
    pub fn usable_vram(&self) -> u64 {
        self.usable_regions().fold(0, |sum, region| {
            sum.saturating_add(region.end.saturating_sub(region.start))
        })
    }
}

/// The range of a region, empty if the region is not usable.
fn usable(region: &FbRegionInfo) -> Range<u64> {
    let usable = region.reserved == 0
        && region.b_protected == 0
        && region.support_compressed != 0
        && region.support_iso != 0;
    match region.limit.checked_add(1) {
        Some(end) if usable => region.base..end,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::release::RELEASES;
    use std::vec::Vec;

    /// A reply of the newest release with these regions.
    fn reply(count: u32, regions: &[FbRegionInfo]) -> Vec<u8> {
        let at = &RELEASES[0].static_info;
        let mut params = FbRegionInfoParams {
            num_fb_regions: count,
            ..Default::default()
        };
        params.fb_region[..regions.len()].copy_from_slice(regions);
        let mut name = [0; 64];
        name[..4].copy_from_slice(b"Nova");
        let mut bytes = std::vec![0; at.size];
        at.fb_regions.write(&mut bytes, &params);
        at.name.write(&mut bytes, &name);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<StaticInfo, ShortPayload> {
        let message = "test";
        StaticInfo::read(&RELEASES[0].static_info, Payload { message, bytes })
    }

    #[test]
    fn only_usable_regions_count() {
        let good = FbRegionInfo {
            base: 0x1000,
            limit: 0x1fff,
            support_compressed: 1,
            support_iso: 1,
            ..FbRegionInfo::default()
        };
        let regions = [
            good,
            FbRegionInfo {
                reserved: 1,
                ..good
            },
            FbRegionInfo {
                b_protected: 1,
                ..good
            },
            FbRegionInfo {
                support_iso: 0,
                ..good
            },
            FbRegionInfo {
                support_compressed: 0,
                ..good
            },
            // One whose end is before its start, and one whose end exceeds 64 bits.
            FbRegionInfo {
                base: 0x3000,
                ..good
            },
            FbRegionInfo {
                limit: u64::MAX,
                ..good
            },
            FbRegionInfo {
                base: 0x8000,
                limit: 0xffff,
                ..good
            },
            // Beyond the number of regions.
            good,
        ];
        let info = read(&reply(8, &regions)).unwrap();
        assert!(info.usable_regions().eq([0x1000..0x2000, 0x8000..0x1_0000]));
        assert_eq!(info.usable_vram(), 0x9000);
        assert_eq!(info.name.as_str(), "Nova");
    }

    #[test]
    fn internal_objects_have_the_handles_of_the_reply() {
        let at = &RELEASES[0].static_info;
        let mut bytes = reply(0, &[]);
        at.client.write(&mut bytes, &10);
        at.device.write(&mut bytes, &11);
        at.subdevice.write(&mut bytes, &12);
        at.fb_length.write(&mut bytes, &13);
        at.bar1_pde_base.write(&mut bytes, &14);
        let info = read(&bytes).unwrap();
        let handles = [Internal::Client, Internal::Device, Internal::Subdevice];
        let handles = handles.map(|object| info.internal(object));
        let expected = [10, 11, 12].map(|object| Handles { client: 10, object });
        assert_eq!(handles, expected);
        assert_eq!((info.fb_length, info.bar1_root), (13, 14));
    }

    #[test]
    fn an_excessive_number_of_regions_is_harmless() {
        assert_eq!(read(&reply(u32::MAX, &[])).unwrap().usable_vram(), 0);
    }

    #[test]
    fn a_short_reply_is_refused() {
        assert!(matches!(
            read(&[0; 100]),
            Err(ShortPayload { found: 100, .. })
        ));
    }
}
