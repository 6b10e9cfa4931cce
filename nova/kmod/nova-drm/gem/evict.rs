// SPDX-License-Identifier: GPL-2.0

//! Moves objects from VRAM to system memory when VRAM is full: those that may be in either, and that nobody uses. They stay
//! there.

use kernel::page::PAGE_SHIFT;
use kernel::prelude::*;
use kernel::sync::Arc;
use nova_kernel::drm::device::Reference;
use nova_kernel::drm::gem::Backing;

use super::engine::{Direction, Engine, WINDOW_SIZE};
use super::save::{Part, Transfers};
use super::video::Video;
use super::Charge;
use crate::driver::{Device, NovaDrmDriver, Object};
use crate::gpu::Gpu;
use crate::limits::{SYSTEM, VRAM};
use crate::vm::{Everybody, Users};

/// The VRAM that a call may need for the driver's own: page tables, and a context of graphics. This driver's own value.
const OWN: u64 = 4 << 20;

/// Where an object lies that was in VRAM.
pub(super) struct Evicted {
    pages: Object,
    /// Its contents had been lost before.
    is_lost: bool,
    /// Dropped last: it must outlive the object, which no file has.
    _device: Reference<NovaDrmDriver>,
}

impl Evicted {
    /// So many bytes of system memory, which are zero and can be mapped for the GPU.
    fn new(gpu: &Gpu<'_>, device: &Device, size: usize, is_lost: bool) -> Result<Arc<Self>> {
        // What it takes is charged to the object that is evicted.
        let stored = super::uncharged(size as u64);
        let pages = Object::new(device, size, Backing::System, false, None, stored)?;
        pages.dma_blocks(gpu)?;
        let evicted = Self {
            pages,
            is_lost,
            _device: device.reference(),
        };
        Ok(Arc::new(evicted, GFP_KERNEL)?)
    }

    /// The object whose pages it has.
    pub(super) fn pages(&self) -> &Object {
        &self.pages
    }

    /// Whether its contents had been lost before.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }
}

/// Objects that may be moved, with what [`next_use`](super::next_use) was at their last use.
struct Victims {
    objects: KVVec<(u64, Object)>,
    everybody: Everybody,
}

impl Victims {
    /// Those that there are now.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn find(gpu: &Gpu<'_>, device: &Device) -> Result<Self> {
        let everybody = Everybody::of(gpu)?;
        let mut objects = movable(device)?;
        for (used, object) in &mut objects {
            *used = (*used).max(everybody.last_job(object));
        }
        Ok(Self { objects, everybody })
    }

    /// Bytes that they have.
    fn size(&self) -> u64 {
        let sizes = self.objects.iter().map(|(_, object)| object.size() as u64);
        sizes.fold(0, u64::saturating_add)
    }

    /// The one that was used the longest time ago.
    fn pop(&mut self) -> Option<Object> {
        let all = self.objects.iter().enumerate();
        let (oldest, _) = all.min_by_key(|(_, (used, _))| *used)?;
        let last = self.objects.len().checked_sub(1)?;
        self.objects.swap(oldest, last);
        self.objects.pop().map(|(_, object)| object)
    }

    /// Moves the next one that can be moved. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// `EIO` if the GPU does not work, `ETIMEDOUT` if the engine does not copy, `EINTR` or `ERESTARTSYS` if a signal came.
    fn evict_one(&mut self, gpu: &Gpu<'_>, device: &Device) -> Result<bool> {
        while let Some(object) = self.pop() {
            match evict(gpu, device, &self.everybody, &object) {
                Ok(true) => return Ok(true),
                // There is no memory for this one, or for its page tables, or somebody is about to use it.
                Ok(false) | Err(ENOMEM | ENOSPC | EAGAIN) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// The objects that files have handles of and that can be moved, with what they were used last as far as they know.
fn movable(device: &Device) -> Result<KVVec<(u64, Object)>> {
    let each = |f: &mut dyn FnMut(&Object)| {
        device.each_file(|file| {
            file.each_object(|_, object| {
                let stored = object.data();
                let may_move = stored.layout.placement & 1 << SYSTEM != 0;
                if may_move && stored.region() == VRAM && !object.is_active() {
                    f(object);
                }
            });
        });
    };
    loop {
        let mut count = 0_usize;
        each(&mut |_| count = count.saturating_add(1));
        let mut found = KVVec::with_capacity(count, GFP_KERNEL)?;
        let mut are_all = true;
        each(&mut |object| {
            let used = object.data().last_use();
            are_all &= found.push_within_capacity((used, object.clone())).is_ok();
        });
        // There may be more meanwhile.
        if are_all {
            return Ok(found);
        }
    }
}

/// Calls `take`, which needs VRAM of `size` bytes, after one object after the other has been moved, until there is room.
///
/// # Errors
///
/// `ENOSPC` if there is too little that can be moved, `ENOMEM`, and those of [`Victims::evict_one`] and of `take`.
pub(super) fn with_room<T>(
    gpu: &Gpu<'_>,
    device: &Device,
    size: u64,
    take: impl Fn() -> Result<T>,
) -> Result<T> {
    // Binds that are over keep objects where they are.
    gpu.queues.clean_up_now();
    let mut victims = Victims::find(gpu, device)?;
    let (_, left) = device.data().of(VRAM);
    if left.saturating_add(victims.size()) < size {
        return Err(ENOSPC);
    }
    loop {
        match take() {
            Err(ENOSPC) if victims.evict_one(gpu, device)? => {}
            taken => return taken,
        }
    }
}

/// Makes room for what the driver needs itself, if VRAM is full.
///
/// # Errors
///
/// `ENOMEM`, and those of [`Victims::evict_one`].
pub(crate) fn leave_room(gpu: &Gpu<'_>, device: &Device) -> Result {
    let is_full = || device.data().of(VRAM).1 < OWN;
    if !is_full() {
        return Ok(());
    }
    let mut victims = Victims::find(gpu, device)?;
    while is_full() && victims.evict_one(gpu, device)? {}
    Ok(())
}

/// Moves an object; `false` if it is not in VRAM any more, or somebody uses it.
///
/// The GPU stops using its VRAM before it uses the other memory, and not at once: if that fails, it is reset, and the object is
/// as it was.
fn evict(gpu: &Gpu<'_>, device: &Device, everybody: &Everybody, object: &Object) -> Result<bool> {
    let stored = object.data();
    // A page fault of the CPU waits until it has been moved.
    let _moving = stored.moving.lock();
    let Some(video) = stored.vram() else {
        return Ok(false);
    };
    if !everybody.let_go(object) {
        return Ok(false);
    }
    // What was saved for a sleep is there again after that.
    gpu.clearer.restore(gpu)?;
    let epoch = gpu.core.epoch()?;
    let charge = Charge::system(device.data(), &stored.layout)?;
    let evicted = Evicted::new(gpu, device, object.size(), video.is_lost(Some(epoch)))?;
    let exchange = |users: &mut Users<'_>, copy: &mut dyn FnMut() -> Result| {
        users.prepare()?;
        if object.mmap_offset().is_some() {
            device.unmap_pages(&object.file_pages(0..object.size() >> PAGE_SHIFT));
        }
        copy()?;
        users.unmap()?;
        // Nobody has populated it, since the object was in VRAM.
        stored.evicted.populate(evicted.clone());
        let before = core::mem::replace(&mut *stored.charge.lock(), charge);
        users.map(gpu);
        Ok(before)
    };
    // What the object has had is dropped when the locks of its users are released.
    let before = if video.is_cleared_in(epoch) {
        gpu.clearer.with_engine(gpu, |engine, _| {
            if engine.epoch() != epoch {
                return Err(EIO);
            }
            engine.prepare_window()?;
            let before = everybody.with_users(gpu, object, |users| {
                exchange(users, &mut || copy(gpu, engine, &video, &evicted))
            });
            let hidden = engine.hide();
            // For the next one. If there is no room now, there is soon.
            let _ = engine.prepare_window();
            hidden.and(before)
        })?
    } else {
        everybody.with_users(gpu, object, |users| {
            exchange(users, &mut || match video.is_cleared_in(epoch) {
                // Somebody is about to map it.
                true => Err(EAGAIN),
                false => Ok(()),
            })
        })?
    };
    Ok(before.is_some())
}

/// Copies the contents.
fn copy(
    gpu: &Gpu<'_>,
    engine: &mut Engine<'_>,
    video: &Arc<Video>,
    evicted: &Arc<Evicted>,
) -> Result {
    let size = video.size();
    let parts = [Part {
        range: 0..size,
        video: video.clone(),
    }];
    let owner: Arc<dyn Send + Sync> = evicted.clone();
    let blocks = evicted.pages.dma_blocks(gpu)?;
    let mut start = 0;
    while start < size {
        let bytes = start..size.min(start.saturating_add(WINDOW_SIZE));
        engine.show(blocks, bytes.clone(), &owner)?;
        engine.copy(Direction::Save, Transfers::new(&parts, &bytes, &|_| true))?;
        start = bytes.end;
    }
    Ok(())
}
