// SPDX-License-Identifier: MIT

//! Culling by depth.

use nouveau_uapi as nouveau;

use super::Call;
use crate::device::{Device, Errno, Result};

impl<D: Device> Call<'_, D> {
    /// Where nouveau cannot say, it has another error than nova, and NVK does without.
    pub(super) fn zcull_info(&self, argument: &mut nouveau::ZcullInfo) -> Result {
        let zcull = self.query_zcull().map_err(|error| match error {
            Errno::OPNOTSUPP => Errno::NOTTY,
            error => error,
        })?;
        *argument = nouveau::ZcullInfo {
            width_align_pixels: zcull.width_align,
            height_align_pixels: zcull.height_align,
            pixel_squares_by_aliquots: zcull.aliquot_pixels,
            aliquot_total: zcull.aliquot_count,
            zcull_region_byte_multiplier: zcull.aliquot_size,
            zcull_region_header_size: zcull.region_header_size,
            zcull_subregion_header_size: zcull.subregion_header_size,
            subregion_count: zcull.subregion_count,
            subregion_width_align_pixels: zcull.subregion_width_align,
            subregion_height_align_pixels: zcull.subregion_height_align,
            ctxsw_size: zcull.context_size,
            ctxsw_align: zcull.context_align,
        };
        Ok(())
    }
}
