// SPDX-License-Identifier: GPL-2.0

//! Moves objects from VRAM to system memory when VRAM is full: those that may be in either, and that nobody uses. They stay
//! there.

use kernel::page::PAGE_SHIFT;
use kernel::prelude::*;
use kernel::rbtree::RBTree;
use kernel::sync::Arc;
use nova_core_module::{Epoch, Taken, Victim, Victims};
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

/// The blocks that this is taken in: tables come in chunks of that size.
const OWN_BLOCK: u64 = 2 << 20;

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

/// Objects that may be moved.
type Movable = Victims<KVVec<Option<Victim<Object>>>>;

/// The objects that nobody uses now, and when they were used last.
///
/// # Errors
///
/// `ENOMEM`.
fn victims(gpu: &Gpu<'_>, device: &Device) -> Result<Movable> {
    let everybody = Everybody::of(gpu)?;
    let found = movable(device)?;
    let mut victims = KVVec::with_capacity(found.len(), GFP_KERNEL)?;
    // Several files may have the same object.
    let mut shared = RBTree::new();
    for object in found {
        let key = object.as_raw() as usize;
        let is_known =
            object.is_shared() && shared.try_create_and_insert(key, (), GFP_KERNEL)?.is_some();
        if is_known || !everybody.let_go(&object) {
            continue;
        }
        let victim = Victim {
            size: object.size() as u64,
            used: object.data().last_use().max(everybody.last_job(&object)),
            object,
        };
        victims.push(Some(victim), GFP_KERNEL)?;
    }
    Ok(Victims::new(victims))
}

/// Moves an object, if it can be moved now.
///
/// # Errors
///
/// `EIO` if the GPU does not work, `ETIMEDOUT` if the engine does not copy, `EINTR` or `ERESTARTSYS` if a signal came.
fn try_evict(gpu: &Gpu<'_>, device: &Device, object: &Object) -> Result {
    // A task that is to be frozen has a signal, too.
    if kernel::current!().signal_pending() {
        return Err(ERESTARTSYS);
    }
    match evict(gpu, device, object) {
        // There is no memory for this one, or for its page tables, or somebody is about to use it.
        Err(ENOMEM | ENOSPC | EAGAIN) => Ok(()),
        tried => tried,
    }
}

/// The objects that files have handles of and that can be moved.
fn movable(device: &Device) -> Result<KVVec<Object>> {
    let each = |f: &mut dyn FnMut(&Object)| {
        device.each_file(|file| {
            file.each_object(|_, object| {
                let stored = object.data();
                let may_move = stored.layout.placement & 1 << SYSTEM != 0 && !stored.is_swizzled();
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
            are_all &= found.push_within_capacity(object.clone()).is_ok();
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
/// `ENOSPC` if there is too little that can be moved, `ENOMEM`, and those of [`try_evict`] and of `take`.
pub(super) fn with_room<T>(
    gpu: &Gpu<'_>,
    device: &Device,
    size: u64,
    take: impl Fn() -> Result<T>,
) -> Result<T> {
    gpu.core.await_epoch()?;
    // Binds that are over keep objects where they are.
    gpu.queues.clean_up_now();
    let take = || match take() {
        Ok(taken) => Ok(Taken::Taken(taken)),
        Err(ENOSPC) => {
            let (_, left) = device.data().of(VRAM);
            Ok(Taken::Short { left })
        }
        Err(error) => Err(error),
    };
    let evict = |object: Object| try_evict(gpu, device, &object);
    let taken = victims(gpu, device)?.until_taken(size, take, evict)?;
    taken.ok_or(ENOSPC)
}

/// Makes room for what the driver needs itself, if VRAM is full, as far as there is something to move.
///
/// # Errors
///
/// `ENOMEM`, and those of [`try_evict`].
pub(crate) fn leave_room(gpu: &Gpu<'_>, device: &Device) -> Result {
    let is_full = || device.data().lacks_vram(OWN, OWN_BLOCK);
    if !is_full() {
        return Ok(());
    }
    let take = || match is_full() {
        true => Ok(Taken::Short { left: 0 }),
        false => Ok(Taken::Taken(())),
    };
    let evict = |object: Object| try_evict(gpu, device, &object);
    victims(gpu, device)?.until_taken(0, take, evict)?;
    Ok(())
}

/// Moves an object, unless it is not in VRAM any more, or somebody uses it.
fn evict(gpu: &Gpu<'_>, device: &Device, object: &Object) -> Result {
    let stored = object.data();
    let everybody = Everybody::of(gpu)?;
    let Some(video) = stored.vram() else {
        return Ok(());
    };
    if !everybody.let_go(object) {
        return Ok(());
    }
    // What was saved for a sleep is there again after that.
    gpu.clearer.restore(gpu)?;
    let epoch = gpu.core.epoch()?;
    let charge = Charge::system(device.data(), &stored.layout)?;
    let evicted = Evicted::new(gpu, device, object.size(), video.is_lost(Some(epoch)));
    // Without memory that the GPU reaches, this one stays.
    let evicted = evicted.map_err(|_| ENOMEM)?;
    // A page fault of the CPU waits until it has been moved. Who is there already uses it, or moves it.
    let moved = stored.moving.try_with(|()| match stored.region() {
        VRAM => exchange(
            gpu,
            device,
            &everybody,
            object,
            epoch,
            (charge, video, evicted),
        ),
        _ => Ok(()),
    });
    moved.unwrap_or(Ok(()))
}

/// Moves an object to other memory, unless somebody uses it. It is the object's turn, and the VRAM is what it has.
///
/// The GPU stops using its VRAM before it uses the other memory, and not at once: if that fails, it is reset, and the object is
/// as it was.
fn exchange(
    gpu: &Gpu<'_>,
    device: &Device,
    everybody: &Everybody,
    object: &Object,
    epoch: Epoch,
    (charge, video, evicted): (Charge, Arc<Video>, Arc<Evicted>),
) -> Result {
    let stored = object.data();
    let exchange = |users: &mut Users<'_>, copy: &mut dyn FnMut() -> Result| {
        if stored.is_swizzled() {
            return Err(EAGAIN);
        }
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
            exchange(users, &mut || {
                // Somebody may be about to map it, or have done so, also in an epoch that has begun meanwhile.
                let is_empty = gpu.core.epoch()? == epoch && !video.is_cleared_in(epoch);
                match is_empty {
                    true => Ok(()),
                    false => Err(EAGAIN),
                }
            })
        })?
    };
    drop(before);
    Ok(())
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
