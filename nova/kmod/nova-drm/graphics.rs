// SPDX-License-Identifier: GPL-2.0

//! The contexts of channels on the graphics engine, and the answers to queries about it.

use kernel::prelude::*;
use kernel::sync::{static_lock_class, Arc};
use nova_core_module::{Blocks, Clear, Context, SharedContext};
use nova_kernel::sync::turns::Turns;
use nova_uapi::{QueryGraphics, QueryZcull};

use crate::gpu::Gpu;

/// Makes contexts.
#[pin_data]
pub(crate) struct Contexts {
    /// Whose turn it is to have the golden context made, once in an epoch.
    #[pin]
    making: Turns<()>,
}

impl Contexts {
    /// Of a GPU.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            making <- Turns::new((), c"Contexts::making", static_lock_class!()),
        })
    }

    /// Allocates the context of a channel, and zeroes it. Has GSP-RM make the golden context first, if this is the first one
    /// of the epoch.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not so much VRAM left, `ENOMEM`, `EIO` if GSP-RM does not run, `EINTR` if the task was killed, those of
    /// clearing VRAM, and of [`nova_core_module::Gpu::make_golden`].
    pub(crate) fn make(&self, gpu: &Gpu<'_>) -> Result<Context> {
        let clear = &mut |blocks: &Arc<Blocks>| gpu.clearer.clear_blocks(gpu, blocks);
        let shared = self.making.with(|()| shared(gpu, clear))??;
        Context::new(&gpu.core.free_vram, &shared, clear)
    }
}

/// What contexts share in this epoch. One thread at a time asks, so there is none of an epoch that begins meanwhile.
fn shared(gpu: &Gpu<'_>, clear: Clear<'_>) -> Result<Arc<SharedContext>> {
    if let Some(shared) = gpu.core.shared_context(gpu.core.epoch()?) {
        return Ok(shared);
    }
    // It has a client of its own, which takes all with it that might be left, and before what is zeroed in its epoch.
    let client = gpu.core.client()?;
    gpu.core.make_golden(&client, clear)
}

/// The answer to `DRM_NOVA_QUERY_GRAPHICS`.
///
/// # Errors
///
/// `EOPNOTSUPP` if there can be no queues for graphics, and those of [`nova_core_module::Gpu::graphics`].
pub(crate) fn query(gpu: &Gpu<'_>) -> Result<QueryGraphics> {
    gpu.core.engines()?.graphics().ok_or(EOPNOTSUPP)?;
    let graphics = gpu.core.graphics()?;
    let info = &graphics.info;
    let [sm_major, sm_minor] = info.sm_version;
    let tpcs = info.tpcs.iter().map(|mask| mask.count_ones());
    Ok(QueryGraphics {
        sm_major,
        sm_minor,
        warps_per_sm: info.warps_per_sm,
        threads_per_warp: info.threads_per_warp,
        sms_per_tpc: info.sms_per_tpc,
        gpc_count: info.gpcs.count_ones(),
        tpc_count: tpcs.sum(),
        gpc_mask: info.gpcs,
        tpc_masks: info.tpcs,
    })
}

/// The answer to `DRM_NOVA_QUERY_ZCULL`.
///
/// # Errors
///
/// As [`query`], and `EOPNOTSUPP` if the GPU has no ZCULL.
pub(crate) fn zcull(gpu: &Gpu<'_>) -> Result<QueryZcull> {
    gpu.core.engines()?.graphics().ok_or(EOPNOTSUPP)?;
    let graphics = gpu.core.graphics()?;
    let zcull = graphics.zcull.ok_or(EOPNOTSUPP)?;
    let (context_size, context_align) = graphics.info.context.zcull;
    Ok(QueryZcull {
        width_align: zcull.width_align_pixels,
        height_align: zcull.height_align_pixels,
        aliquot_pixels: zcull.pixel_squares_by_aliquots,
        aliquot_count: zcull.aliquot_total,
        aliquot_size: zcull.zcull_region_byte_multiplier,
        region_header_size: zcull.zcull_region_header_size,
        subregion_header_size: zcull.zcull_subregion_header_size,
        subregion_count: zcull.subregion_count,
        subregion_width_align: zcull.subregion_width_align_pixels,
        subregion_height_align: zcull.subregion_height_align_pixels,
        context_size,
        context_align,
    })
}
