// SPDX-License-Identifier: GPL-2.0

//! The boot and its undoing: a GPU that was found, prepared and booted, the report of that, and the
//! unload. It uses all that lies beside it, and nothing beside it uses it: what a block of the GPU can
//! do by itself is not here.

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
pub(crate) mod stage;
mod wpr;
