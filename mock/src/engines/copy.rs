// SPDX-License-Identifier: GPL-2.0

//! The copy engine: the classes from `TURING_DMA_COPY_A` to `BLACKWELL_DMA_COPY_B`, as one channel
//! uses them.
//!
//! Methods set state; `LAUNCH_DMA` copies with it, releases a semaphore and interrupts, in this
//! order. Names and numbers are those of [`nova_hw::class::copy`]. Beyond them, this is from NVIDIA's
//! unified memory driver (open-gpu-kernel-modules 570.144, kernel-open/nvidia-uvm/uvm_*_ce.c) and
//! from Mesa (src/nouveau/vulkan/nvk_cmd_copy.c and src/nouveau/nil), which submit such work to
//! hardware; docs/real-cards.md has a copy on a real card. The names of errors,
//! `NV_CE_LCE_LAUNCHERR_REPORT_*`, say what hardware refuses (open-gpu-doc,
//! manuals/turing/tu104/dev_ce.ref.txt).
//!
//! The rest is this model's choice:
//!
//! - A launch is examined as a whole before it starts, so that one that is refused has no effect.
//!   Bits that the class does not define are refused as `INVALID_UNUSED_FIELD`, except that
//!   addresses lose the bits that they do not have.
//! - A copy reads up to [`transfer::PIECE`] bytes of a line and then writes them, from the first
//!   line's start to the last line's end. So a piece that overlaps its destination is copied whole,
//!   but later pieces read what earlier ones have written. How a copy is divided into turns changes
//!   nothing.
//! - A launch has completed when the next method comes, whether it is pipelined or not.
//! - There are no caches and no compression, so flushes and the bits that control these do nothing.
//!   Components that are not written are left alone, not read and written back.
//! - Nothing depends on the kind of the memory that is copied.
//! - A pitch counts only where there are several lines, and the source only where it is read.
//! - Physical addresses, which a channel that is not privileged does not have (uvm_channel.h,
//!   `uvm_channel_is_privileged`), are refused there as `INVALID_OPERATION`.
//! - A semaphore is aligned to its size, and its address is virtual.
//! - Where the condition forbids the copy, the semaphore is released all the same.
//! - A copy without bytes has no sides: neither is examined.

mod elements;
mod launch;
mod semaphore;
mod state;
mod transfer;

use nova_hw::class::copy::{method, offset, Class};

use super::engine::{Context, Engine, Exception, Progress};
use launch::Launch;
use state::State;

/// What hardware reports about a launch that it refuses.
mod report {
    use std::fmt::Display;

    use super::super::engine::Exception;

    pub(super) const LAYER_EXCEEDS_DEPTH: &str = "2D_LAYER_EXCEEDS_DEPTH";
    pub(super) const INVALID_ALIGNMENT: &str = "INVALID_ALIGNMENT";
    pub(super) const RECT_OUT_OF_BOUNDS: &str = "MEM2MEM_RECT_OUT_OF_BOUNDS";
    pub(super) const SRC_LINE_EXCEEDS_PITCH: &str = "SRC_LINE_EXCEEDS_PITCH";
    pub(super) const SRC_LINE_EXCEEDS_NEG_PITCH: &str = "SRC_LINE_EXCEEDS_NEG_PITCH";
    pub(super) const DST_LINE_EXCEEDS_PITCH: &str = "DST_LINE_EXCEEDS_PITCH";
    pub(super) const DST_LINE_EXCEEDS_NEG_PITCH: &str = "DST_LINE_EXCEEDS_NEG_PITCH";
    pub(super) const BAD_SRC_PIXEL_COMP_REF: &str = "BAD_SRC_PIXEL_COMP_REF";
    pub(super) const INVALID_VALUE: &str = "INVALID_VALUE";
    pub(super) const INVALID_UNUSED_FIELD: &str = "INVALID_UNUSED_FIELD";
    pub(super) const INVALID_OPERATION: &str = "INVALID_OPERATION";

    /// The exception of a launch with this report.
    pub(super) fn refused(report: &str, what: impl Display) -> Exception {
        let reason = format!("{report}: {what}");
        Exception::Method { reason }
    }

    /// The exception of a launch that hardware executes.
    pub(super) fn not_modelled(what: impl Into<String>) -> Exception {
        Exception::NotModelled { what: what.into() }
    }
}

/// A copy engine with the state of one channel.
#[derive(Debug)]
pub(crate) struct CopyEngine {
    state: State,
    launch: Option<Launch>,
}

impl CopyEngine {
    /// The engine of a channel that has just got an object of the class.
    pub(crate) fn new(class: Class) -> Self {
        Self {
            state: State::new(class),
            launch: None,
        }
    }
}

impl Engine for CopyEngine {
    fn method(
        &mut self,
        context: &mut Context<'_>,
        at: u16,
        data: u32,
    ) -> Result<Progress, Exception> {
        debug_assert!(self.launch.is_none(), "a launch has not completed");
        let class = self.state.class;
        if method(class, at).is_none() {
            let reason = format!("{} has no method {at:#x}", class.name());
            return Err(Exception::Method { reason });
        }
        self.state.set(at, data);
        if at == offset::LAUNCH_DMA {
            self.launch = Some(self.state.launch(context)?);
        }
        self.proceed(context)
    }

    fn proceed(&mut self, context: &mut Context<'_>) -> Result<Progress, Exception> {
        let Some(launch) = &mut self.launch else {
            return Ok(Progress::Done);
        };
        let progress = launch.run(context);
        if progress != Ok(Progress::Unfinished) {
            self.launch = None;
        }
        progress
    }
}

#[cfg(test)]
mod tests;
