// SPDX-License-Identifier: GPL-2.0

//! Registers that a channel changes through the falcon that switches contexts (FECS).
//!
//! The falcon's program decides which registers those are, and that list is not public. The model
//! takes those that Mesa changes (src/nouveau/vulkan/nvk_cmd_draw.c; the numbers from Hopper on are
//! those that its release 26.1.6 sends). They belong to shader processors and rasterisers, which the
//! model does not have, so a write is acknowledged and has no effect.

use nova_hw::class::graphics::mme::falcon;
use nova_hw::class::graphics::Generation;

use super::super::engine::{Exception, Progress};
use super::error::not_modelled;
use super::mme::Expander;

/// Registers of shader processors, until Ada and from Hopper on.
const UNTIL_ADA: [u32; 2] = [0x41_9ba4, 0x41_9ea8];
const SINCE_HOPPER: [u32; 2] = [0x42_43a4, 0x42_46a8];

/// The register about conservative rasterising.
const RASTER: u32 = 0x41_8800;

/// `SET_FALCON04`: changes the register at this offset.
pub(super) fn set_register(
    mme: &mut Expander,
    generation: Generation,
    register: u32,
) -> Result<Progress, Exception> {
    let registers = match generation {
        generation if generation < Generation::Hopper => UNTIL_ADA,
        _ => SINCE_HOPPER,
    };
    if register != RASTER && !registers.contains(&register) {
        let what = format!("register {register:#x}, which SET_FALCON04 changes");
        return Err(not_modelled(what));
    }
    mme.set_scratch(falcon::DONE, 1);
    Ok(Progress::Done)
}
