// SPDX-License-Identifier: GPL-2.0

//! Keeps the contents of VRAM while the system sleeps: a copy engine copies them to system memory before the GPU is
//! stopped, and back when it has been booted again.
//!
//! The contents of all objects lie one behind another in chunks of system memory, each of which the engine's window shows
//! as a whole. All memory is allocated before any device is suspended. A chunk is one job, or as many as its pieces take, one
//! after the other.

use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core_module::{pieces_in, Epoch};
use nova_kernel::drm::device::Reference;
use nova_kernel::drm::gem::Backing;

use super::clear::Clearer;
use super::engine::{Direction, Engine, Transfer, PANE, WINDOW_SIZE};
use super::video::Video;
use crate::driver::{Device, NovaDrmDriver, Object};
use crate::gpu::Gpu;

/// How far a sleep has come, as the contents of VRAM see it.
pub(super) enum Sleep {
    /// Nothing is saved.
    None,
    /// There is memory for the contents.
    Prepared(Arc<Saved>),
    /// The memory has the contents.
    Saved(Arc<Saved>),
}

/// An object whose contents are saved, and which bytes of all chunks it has.
pub(super) struct Part {
    pub(super) range: Range<u64>,
    pub(super) video: Arc<Video>,
}

/// What is copied between objects and a chunk. (A chain of the kernel's iterators has symbols that are too long for it.)
pub(super) struct Transfers<'x> {
    parts: &'x [Part],
    wanted: &'x dyn Fn(&Video) -> bool,
    /// The bytes of all chunks that the chunk has, of which some may be over.
    start: u64,
    next: u64,
    end: u64,
}

impl<'x> Transfers<'x> {
    /// What is `wanted` of objects that have something in these bytes of all chunks, which are one chunk's.
    pub(super) fn new(
        parts: &'x [Part],
        bytes: &Range<u64>,
        wanted: &'x dyn Fn(&Video) -> bool,
    ) -> Self {
        Self {
            parts,
            wanted,
            start: bytes.start,
            next: bytes.start,
            end: bytes.end,
        }
    }
}

impl Iterator for Transfers<'_> {
    type Item = Transfer;

    fn next(&mut self) -> Option<Transfer> {
        loop {
            let (part, rest) = self.parts.split_first()?;
            self.next = self.next.max(part.range.start);
            let offset = self.next.saturating_sub(self.start);
            // A transfer does not reach from one pane of the window to the next.
            let pane = self.next.saturating_add(PANE.saturating_sub(offset % PANE));
            let range = self.next..pane.min(part.range.end).min(self.end);
            let is_wanted = !range.is_empty() && (self.wanted)(&part.video);
            let mut pieces = pieces_in(part.video.extents(), part.range.start, range);
            match pieces.next().filter(|_| is_wanted) {
                Some(piece) => {
                    self.next = self.next.saturating_add(piece.size);
                    return Some(Transfer {
                        vram: piece.address,
                        window: offset,
                        bytes: piece.size,
                    });
                }
                None => self.parts = rest,
            }
        }
    }
}

/// The contents of VRAM, or memory for them.
pub(super) struct Saved {
    /// The epoch of the contents.
    epoch: Epoch,
    parts: KVVec<Part>,
    chunks: KVVec<Object>,
    /// Dropped last: it must outlive its objects, which no file has.
    _device: Reference<NovaDrmDriver>,
}

impl Saved {
    /// Memory for the contents that VRAM has in an epoch.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and those of mapping memory for the GPU.
    fn new(device: &Device, gpu: &Gpu<'_>, epoch: Epoch) -> Result<Arc<Self>> {
        let videos = device.data().videos().with_contents(epoch)?;
        let mut parts = KVVec::with_capacity(videos.len(), GFP_KERNEL)?;
        let mut size = 0_u64;
        for video in videos {
            let end = size.saturating_add(video.size());
            let range = size..end;
            parts.push(Part { range, video }, GFP_KERNEL)?;
            size = end;
        }
        let count = usize::try_from(size.div_ceil(WINDOW_SIZE))?;
        let mut chunks = KVVec::with_capacity(count, GFP_KERNEL)?;
        for number in 0..count {
            let bytes = bytes_of(number);
            let size = bytes.end.min(size).saturating_sub(bytes.start);
            let stored = super::uncharged(size);
            let chunk = Object::new(device, size as usize, Backing::System, false, None, stored)?;
            chunk.dma_blocks(gpu)?;
            chunks.push(chunk, GFP_KERNEL)?;
        }
        let saved = Self {
            epoch,
            parts,
            chunks,
            _device: device.reference(),
        };
        Ok(Arc::new(saved, GFP_KERNEL)?)
    }

    /// Copies all that is `wanted`, and calls `done` with each object of which that is complete.
    fn copy(
        self: &Arc<Self>,
        gpu: &Gpu<'_>,
        engine: &mut Engine<'_>,
        direction: Direction,
        wanted: &dyn Fn(&Video) -> bool,
        done: impl Fn(&Video),
    ) -> Result {
        engine.prepare_window()?;
        let owner: Arc<dyn Send + Sync> = self.clone();
        let mut copy_chunk = |bytes: &Range<u64>, chunk: &Object| -> Result {
            let transfers = || Transfers::new(self.parts_in(bytes), bytes, wanted);
            if transfers().next().is_none() {
                return Ok(());
            }
            engine.show(chunk.dma_blocks(gpu)?, 0..chunk.size() as u64, &owner)?;
            engine.copy(direction, transfers())
        };
        let mut copy_all = || -> Result {
            for (number, chunk) in self.chunks.iter().enumerate() {
                let bytes = bytes_of(number);
                copy_chunk(&bytes, chunk)?;
                for Part { range, video } in self.parts_in(&bytes) {
                    if range.end <= bytes.end && wanted(video) {
                        done(video);
                    }
                }
            }
            Ok(())
        };
        let copied = copy_all();
        let hidden = engine.hide();
        copied.and(hidden)
    }

    /// The objects that have something in these bytes of the chunks.
    fn parts_in(&self, bytes: &Range<u64>) -> &[Part] {
        let parts = &self.parts;
        let first = parts.partition_point(|part| part.range.end <= bytes.start);
        let end = parts.partition_point(|part| part.range.start < bytes.end);
        parts.get(first..end).unwrap_or_default()
    }

    /// Notes whether the objects have their contents here.
    fn set_saved(&self, is_saved: bool) {
        for part in &self.parts {
            part.video.set_saved(is_saved);
        }
    }
}

/// The bytes of all chunks that the one with this number has at most.
fn bytes_of(chunk: usize) -> Range<u64> {
    let start = (chunk as u64).saturating_mul(WINDOW_SIZE);
    start..start.saturating_add(WINDOW_SIZE)
}

impl Sleep {
    /// Copies the contents back, unless this is still the epoch in which they were saved. Where the engine fails, the rest is
    /// lost, which is logged.
    ///
    /// # Errors
    ///
    /// `EINTR` if the task was killed, `ENOMEM`, `EIO` if the epoch has ended: the rest is left to the next call.
    pub(super) fn restore(&mut self, gpu: &Gpu<'_>, engine: &mut Engine<'_>) -> Result {
        let Self::Saved(saved) = self else {
            return Ok(());
        };
        let (from, to) = (saved.epoch, engine.epoch());
        if from == to {
            return Ok(());
        }
        let (_, boots) = gpu.core.health();
        let result = saved.copy(gpu, engine, Direction::Restore, &Video::is_saved, |video| {
            video.set_restored(from, to);
            gpu.survival.lock().restore_some(boots);
        });
        match result {
            Ok(()) => {
                gpu.survival.lock().end(boots);
                // For the next sleep, which tries again.
                let _ = engine.prepare_window();
            }
            Err(EINTR | ENOMEM) => return result,
            Err(_) if gpu.core.epoch() != Ok(to) => return result,
            Err(error) => gpu.report(
                "contents of VRAM are lost, since they cannot be restored",
                error,
            ),
        }
        self.forget(gpu);
        Ok(())
    }

    /// Gives up what is saved.
    fn forget(&mut self, gpu: &Gpu<'_>) {
        if let Self::Saved(saved) = core::mem::replace(self, Self::None) {
            saved.set_saved(false);
            gpu.survival.lock().give_up();
        }
    }
}

impl<'a> Clearer<'a> {
    /// Gets the memory in which the contents of VRAM can be saved, since the system is about to sleep. Nobody may map VRAM
    /// after that which has not been mapped before.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `EINTR` if the task was killed, and those of making a channel.
    pub(crate) fn prepare_sleep(&self, gpu: &Gpu<'a>, device: &Device) -> Result {
        let Ok(epoch) = gpu.core.epoch() else {
            // What was saved for an earlier sleep stays, and there is nothing else.
            return Ok(());
        };
        let prepare = || {
            // What has contents is known after that.
            self.restore(gpu)?;
            let saved = Saved::new(device, gpu, epoch)?;
            if saved.parts.is_empty() {
                return self.with_turn(|held| held.sleep = Sleep::Prepared(saved));
            }
            self.with_engine(gpu, |engine, sleep| {
                engine.prepare_window()?;
                *sleep = Sleep::Prepared(saved);
                Ok(())
            })
        };
        unless_over(gpu, epoch, prepare())
    }

    /// Copies the contents of VRAM to the memory that was prepared. Nobody uses VRAM any more.
    ///
    /// # Errors
    ///
    /// `EINTR` if the task was killed, `ETIMEDOUT` if the engine does not copy; `EBUSY` if the GPU was booted after the
    /// preparation, as it may be while a hibernation allocates its image, so that there is no memory for what was restored.
    pub(crate) fn save(&self, gpu: &Gpu<'a>, device: &Device) -> Result {
        let Ok(epoch) = gpu.core.epoch() else {
            return Ok(());
        };
        let prepared = self.with_turn(|held| match &held.sleep {
            Sleep::Prepared(saved) if saved.epoch == epoch => Some(saved.clone()),
            _ => None,
        })?;
        let Some(saved) = prepared else {
            return match device.data().videos().have_contents(epoch) {
                true => Err(EBUSY),
                false => Ok(()),
            };
        };
        let copied = match saved.parts.is_empty() {
            true => Ok(()),
            false => self.with_engine(gpu, |engine, _| {
                saved.copy(gpu, engine, Direction::Save, &|_| true, |_| {})
            }),
        };
        if copied.is_ok() {
            let (_, boots) = gpu.core.health();
            return self.with_turn(|held| {
                saved.set_saved(true);
                gpu.survival.lock().begin(boots);
                held.sleep = Sleep::Saved(saved);
            });
        }
        unless_over(gpu, epoch, copied)
    }

    /// The sleep is over, or has not come about: gives up the memory, unless the contents of VRAM are there alone.
    ///
    /// # Errors
    ///
    /// `EINTR` if the task was killed.
    pub(crate) fn end_sleep(&self, gpu: &Gpu<'a>) -> Result {
        self.with_turn(|held| match &held.sleep {
            Sleep::Prepared(_) => held.sleep = Sleep::None,
            // Jobs may write to VRAM again, also if the GSP has been lost.
            Sleep::Saved(saved) if gpu.core.is_current(saved.epoch) => held.sleep.forget(gpu),
            Sleep::None | Sleep::Saved(_) => {}
        })
    }

    /// Restores what is saved, now that the GPU works again.
    ///
    /// # Errors
    ///
    /// Those of [`Self::prepare`], and of [`Sleep::restore`].
    pub(crate) fn restore(&self, gpu: &Gpu<'a>) -> Result {
        let is_needed = self.with_turn(|held| match &held.sleep {
            Sleep::Saved(saved) if saved.parts.is_empty() => {
                let (_, boots) = gpu.core.health();
                gpu.survival.lock().end(boots);
                held.sleep.forget(gpu);
                false
            }
            Sleep::Saved(_) => true,
            Sleep::None | Sleep::Prepared(_) => false,
        })?;
        match is_needed {
            true => self.prepare(gpu),
            false => Ok(()),
        }
    }

    /// Gives up what is saved, since the GPU stays down.
    pub(crate) fn give_up_saved(&self, gpu: &Gpu<'a>) {
        // Nobody kills the work item that calls this.
        let _ = self.with_turn(|held| held.sleep.forget(gpu));
    }
}

/// An error does not count if the epoch has ended: then nothing can be saved any more.
fn unless_over(gpu: &Gpu<'_>, epoch: Epoch, result: Result) -> Result {
    match gpu.core.epoch() == Ok(epoch) {
        true => result,
        false => Ok(()),
    }
}
