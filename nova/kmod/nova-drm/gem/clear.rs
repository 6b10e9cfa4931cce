// SPDX-License-Identifier: GPL-2.0

//! Zeroes the VRAM of objects before they are mapped, by a copy engine: what was there before may be another program's.
//!
//! The engine is made when an epoch first needs it. It also saves contents before a sleep, and restores them
//! (`save.rs`).

use kernel::prelude::*;
use kernel::sync::{static_lock_class, Arc};
use nova_core_module::Blocks;
use nova_kernel::sync::turns::Turns;

use super::engine::Engine;
use super::save::Sleep;
use super::video::Video;
use crate::gpu::Gpu;

/// What clears, saves and restores the VRAM of a GPU.
#[pin_data]
pub(crate) struct Clearer<'a> {
    #[pin]
    turn: Turns<Held<'a>>,
}

/// What a thread has whose turn it is.
pub(super) struct Held<'a> {
    /// There may be no engine yet. One of an earlier epoch is replaced when it is needed again: by then the GPU has been
    /// reset, and uses nothing of it any more.
    engine: Option<Engine<'a>>,
    pub(super) sleep: Sleep,
}

impl<'a> Clearer<'a> {
    /// Of a GPU.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            turn <- Turns::new(
                Held {
                    engine: None,
                    sleep: Sleep::None,
                },
                c"Clearer::turn",
                static_lock_class!(),
            ),
        })
    }

    /// Gets what [`Self::clear`] needs, so that it needs no more VRAM in this epoch.
    ///
    /// # Errors
    ///
    /// `EIO` if the GPU does not work, `EINTR` if the task was killed, and those of making a channel.
    pub(crate) fn prepare(&self, gpu: &Gpu<'a>) -> Result {
        self.with_engine(gpu, |_, _| Ok(()))
    }

    /// Zeroes VRAM unless it has been cleared in this epoch; or restores its contents, if they were saved. Waits until that
    /// is done, or the task is killed.
    ///
    /// # Errors
    ///
    /// As [`Self::prepare`], and `ETIMEDOUT` if the engine does not clear it.
    pub(crate) fn clear(&self, gpu: &Gpu<'a>, video: &Video) -> Result {
        if video.is_cleared_in(gpu.core.epoch()?) {
            return Ok(());
        }
        self.with_engine(gpu, |engine, _| {
            let epoch = engine.epoch();
            // Another thread may have been faster, or it has just been restored.
            if !video.is_cleared_in(epoch) {
                engine.clear(video.blocks())?;
                video.set_cleared_in(epoch);
            }
            Ok(())
        })
    }

    /// Zeroes VRAM that is no object's. Waits until that is done, or the task is killed.
    ///
    /// # Errors
    ///
    /// As [`Self::clear`].
    pub(crate) fn clear_blocks(&self, gpu: &Gpu<'a>, blocks: &Arc<Blocks>) -> Result {
        self.with_engine(gpu, |engine, _| engine.clear(blocks))
    }

    /// Calls `f` with the engine. What was saved before a sleep has been restored, or is lost.
    pub(super) fn with_engine<R>(
        &self,
        gpu: &Gpu<'a>,
        f: impl FnOnce(&mut Engine<'a>, &mut Sleep) -> Result<R>,
    ) -> Result<R> {
        self.with_turn(|held| {
            let Held { engine, sleep } = held;
            sleep.restore(gpu, renew(gpu, engine)?)?;
            // It may have failed in that.
            f(renew(gpu, engine)?, sleep)
        })?
    }

    /// Calls `f` when it is this thread's turn.
    ///
    /// # Errors
    ///
    /// `EINTR` if the task was killed.
    pub(super) fn with_turn<R>(&self, f: impl FnOnce(&mut Held<'a>) -> R) -> Result<R> {
        self.turn.with(f)
    }
}

/// Makes an engine, unless there is one that can be used.
fn renew<'x, 'a>(gpu: &Gpu<'a>, engine: &'x mut Option<Engine<'a>>) -> Result<&'x mut Engine<'a>> {
    let epoch = gpu.core.epoch()?;
    let is_usable = |engine: &Engine<'_>| engine.epoch() == epoch && !engine.is_stopped();
    if !engine.as_ref().is_some_and(is_usable) {
        // There may be no channel left but that of the old one.
        *engine = None;
        *engine = Some(Engine::new(gpu)?);
    }
    engine.as_mut().ok_or(EIO)
}
