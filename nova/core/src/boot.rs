// SPDX-License-Identifier: GPL-2.0

//! The boot and the unload of a GPU, from finding it to its teardown, and the report. This is the
//! top layer: it uses all others, and none of them uses it. Code for a single block of the GPU is
//! in the file of the block.

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
