// SPDX-License-Identifier: GPL-2.0

//! The boot and the unload: a GPU that is found, prepared and booted, the report of that, and the
//! teardown. This is the top layer: it uses all others, and none of them uses it. What a single block
//! of the GPU does is in the file of the block.

mod booter;
pub(crate) mod error;
pub(crate) mod event;
mod flush;
pub(crate) mod found;
mod gfw;
mod gpu;
pub(crate) mod layout;
mod method;
pub(crate) mod prepare;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod running;
mod scrubber;
pub(crate) mod sequencer_list;
pub(crate) mod stage;
mod wpr;
