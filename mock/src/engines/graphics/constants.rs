// SPDX-License-Identifier: GPL-2.0

//! Constants for shaders, which methods write to memory.
//!
//! Source: Mesa, src/gallium/drivers/nouveau/nvc0/nvc0_transfer.c, `nvc0_cb_bo_push`, which fills
//! buffers so instead of with inline data.

use nova_hw::class::graphics::offset;

use super::super::engine::{Context, Exception, Progress};
use super::super::memory::Address;
use super::error::{self, refused};
use super::state::State;

/// Bits of an offset that `LOAD_CONSTANT_BUFFER_OFFSET` sets.
const OFFSET_MASK: u64 = 0xffff;

/// Bits of a size.
const SIZE_MASK: u64 = 0x1_ffff;

/// Bits of an address.
const ADDRESS_MASK: u64 = 0xff_ffff_ffff;

/// Writes a word, and goes on behind it.
pub(super) fn load(
    state: &mut State,
    context: &mut Context<'_>,
    data: u32,
) -> Result<Progress, Exception> {
    let size = state.get_u64(offset::SET_CONSTANT_BUFFER_SELECTOR_A) & SIZE_MASK;
    let at = state.get_u64(offset::LOAD_CONSTANT_BUFFER_OFFSET) & OFFSET_MASK;
    if at + 4 > size {
        let what = format!("{at:#x} in a constant buffer of {size:#x} bytes");
        return Err(refused(error::ILLEGAL_CONSTANT_OFFSET, what));
    }
    let (upper, lower) = (
        offset::SET_CONSTANT_BUFFER_SELECTOR_B,
        offset::SET_CONSTANT_BUFFER_SELECTOR_C,
    );
    let buffer = Address::Virtual(state.get_halves(upper, lower) & ADDRESS_MASK);
    context.memory.write(buffer.plus(at), &data.to_le_bytes())?;
    state.set(offset::LOAD_CONSTANT_BUFFER_OFFSET, (at + 4) as u32);
    Ok(Progress::Done)
}
