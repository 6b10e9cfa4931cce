// SPDX-License-Identifier: GPL-2.0

//! GEM objects. Those in system memory have pages, or another driver has these; those in VRAM have blocks of it.

use kernel::page::{PAGE_MASK, PAGE_SHIFT};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_spinlock, static_lock_class, Arc, SetOnce, SpinLock};
use nova_core_module::{Epoch, Vram, GENERIC_MEMORY, PITCH};
use nova_kernel::drm::gem::reservation::Reservation;
use nova_kernel::drm::gem::Backing;
use nova_kernel::sync::turns::Turns;
use nova_uapi::{Layout, GEM_CONTIGUOUS, GEM_CPU_ACCESS};

use crate::driver::{Device, NovaDrmDriver, Object};
use crate::gpu::Gpu;
use crate::limits::{SYSTEM, VRAM};

pub(crate) mod clear;
mod engine;
pub(crate) mod evict;
pub(crate) mod list;
mod memory;
pub(crate) mod regions;
mod save;
pub(crate) mod usage;
mod video;
pub(crate) mod windows;

pub(crate) use memory::{fault, is_resident, memory, Memory};
pub(crate) use video::Video;

use evict::Evicted;
use video::Videos;
use windows::Windows;

/// The bytes of system memory that are left for GEM objects.
pub(crate) struct Quota {
    size: u64,
    left: Atomic<u64>,
}

impl Quota {
    /// A quota of `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            size: bytes,
            left: Atomic::new(bytes),
        }
    }

    /// Bytes of all objects together.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that are left.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Relaxed)
    }

    /// Charges `size` bytes; returns whether they were left.
    fn charge(&self, size: u64) -> bool {
        let mut free = self.left.load(Relaxed);
        loop {
            let Some(left) = free.checked_sub(size) else {
                return false;
            };
            match self.left.cmpxchg(free, left, Relaxed) {
                Ok(_) => return true,
                Err(now) => free = now,
            }
        }
    }

    /// Returns bytes that were charged.
    fn uncharge(&self, size: u64) {
        self.left.add(size, Relaxed);
    }
}

/// What the objects of a device may take, and what programs see of their VRAM.
#[pin_data]
pub(crate) struct Accounts {
    vram: Arc<Vram>,
    system: Quota,
    #[pin]
    windows: Windows,
    #[pin]
    videos: Videos,
}

impl Accounts {
    /// Of a GPU.
    ///
    /// Objects may take half of system memory, as with TTM (drivers/gpu/drm/ttm/ttm_device.c): their pages cannot be
    /// swapped out, and the OOM killer does not see whose they are.
    pub(crate) fn new(gpu: &nova_core_module::Gpu<'_>) -> Result<Arc<Self>> {
        let windows = Windows::new(gpu)?;
        let accounts = pin_init!(Self {
            vram: gpu.free_vram.clone(),
            system: Quota::new(regions::machine_memory() / 2 & PAGE_MASK as u64),
            windows <- windows,
            videos <- Videos::new(),
        });
        Arc::pin_init(accounts, GFP_KERNEL)
    }

    /// What programs see of VRAM.
    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The objects in VRAM.
    fn videos(&self) -> &Videos {
        &self.videos
    }

    /// Whether so many bytes of VRAM, in blocks of at least `min_block`, are not left.
    fn lacks_vram(&self, size: u64, min_block: u64) -> bool {
        matches!(self.vram.alloc(size, min_block), Err(error) if error == ENOSPC)
    }

    /// Bytes of a region, and those of them that are left.
    pub(crate) fn of(&self, region: u32) -> (u64, u64) {
        match region {
            VRAM => {
                let size = self.vram.size();
                (size, size.saturating_sub(self.vram.used()))
            }
            _ => (self.system.size(), self.system.left()),
        }
    }
}

/// What a GEM object takes of its region; the drop returns it, which may be after the GPU is unbound.
enum Charge {
    /// Blocks of VRAM.
    Vram {
        accounts: Arc<Accounts>,
        video: Arc<Video>,
    },
    /// A number of bytes.
    System { accounts: Arc<Accounts>, size: u64 },
    /// Nothing: it is the driver's own, or another driver has the memory.
    Nothing,
}

impl Charge {
    /// Takes VRAM that an object needs.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not so much left, or no blocks as they have to be; `ENOMEM`.
    fn vram(accounts: &Arc<Accounts>, layout: &Layout, flags: u32) -> Result<Self> {
        let min_block = 1_u64.checked_shl(layout.page_shift).ok_or(EINVAL)?;
        let blocks = match flags & GEM_CONTIGUOUS != 0 {
            true => accounts.vram.alloc_contiguous(layout.size, min_block),
            false => accounts.vram.alloc(layout.size, min_block),
        }?;
        Ok(Self::Vram {
            accounts: accounts.clone(),
            video: accounts.videos.add(blocks)?,
        })
    }

    /// Takes system memory that an object needs, which gets its pages later.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there never is so much, and `ENOMEM` if there is not so much left.
    fn system(accounts: &Arc<Accounts>, layout: &Layout) -> Result<Self> {
        let (quota, size) = (&accounts.system, layout.size);
        if !quota.charge(size) {
            let is_short = size <= quota.size();
            return Err(if is_short { ENOMEM } else { ENOSPC });
        }
        Ok(Self::System {
            accounts: accounts.clone(),
            size,
        })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        match self {
            Self::Vram { accounts, video } => {
                accounts.windows.forget(video.extents());
                accounts.videos.remove(video);
            }
            Self::System { accounts, size } => accounts.system.uncharge(*size),
            Self::Nothing => {}
        }
    }
}

/// The reservation lock of an address space, which its private objects share.
pub(crate) type Private = Reservation<NovaDrmDriver>;

/// What is stored with a GEM object.
#[pin_data]
pub(crate) struct Stored {
    /// What it is to be like.
    pub(crate) layout: Layout,
    /// The flags that it was created with.
    pub(crate) flags: u32,
    /// The reservation lock of the only address space that may map it.
    pub(crate) private: Option<Private>,
    /// Its name with a NUL, or nothing.
    #[pin]
    label: SpinLock<KVec<u8>>,
    #[pin]
    charge: SpinLock<Charge>,
    /// See [`Self::last_use`].
    used: Atomic<u64>,
    /// Held while it is moved, and while a page of it is shown to the CPU.
    #[pin]
    moving: Turns<()>,
    /// See [`Self::is_swizzled`].
    is_swizzled: Atomic<bool>,
    /// Where it lies instead of VRAM, which it does not return to.
    evicted: SetOnce<Arc<Evicted>>,
}

/// A number for each use of objects, larger than those before it.
pub(crate) fn next_use() -> u64 {
    static NEXT: Atomic<u64> = Atomic::new(1);
    NEXT.fetch_add(1, Relaxed)
}

impl Stored {
    /// The VRAM in which it lies, if it does. It may be moved meanwhile, unless something prevents that.
    fn vram(&self) -> Option<Arc<Video>> {
        match &*self.charge.lock() {
            Charge::Vram { video, .. } => Some(video.clone()),
            Charge::System { .. } | Charge::Nothing => None,
        }
    }

    /// The region in which it lies.
    pub(crate) fn region(&self) -> u32 {
        match &*self.charge.lock() {
            Charge::Vram { .. } => VRAM,
            Charge::System { .. } | Charge::Nothing => SYSTEM,
        }
    }

    /// The object whose pages it has instead of VRAM.
    pub(crate) fn evicted(&self) -> Option<&Object> {
        let evicted = self.evicted.as_ref()?;
        Some(evicted.pages())
    }

    /// Whether contents have been lost with an epoch. `epoch` is the current one, if GSP-RM runs.
    pub(crate) fn is_lost(&self, epoch: Option<Epoch>) -> bool {
        match self.vram() {
            Some(video) => video.is_lost(epoch),
            None => self
                .evicted
                .as_ref()
                .is_some_and(|evicted| evicted.is_lost()),
        }
    }

    /// Notes that it is about to be mapped with a kind of pages.
    pub(crate) fn set_used(&self, kind: u8) {
        if ![PITCH, GENERIC_MEMORY].contains(&kind) {
            self.is_swizzled.store(true, Relaxed);
        }
        self.used.store(next_use(), Relaxed);
    }

    /// Whether its bytes may be arranged as a kind of pages has it, in a way that is not public and may depend on where they
    /// are: they must not be moved.
    fn is_swizzled(&self) -> bool {
        self.is_swizzled.load(Relaxed)
    }

    /// What [`next_use`] was when it was created, or prepared to be mapped.
    fn last_use(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// Zeroes it before it is mapped, or restores it, unless that has been done in this epoch. System memory is zero from
    /// the start.
    ///
    /// # Errors
    ///
    /// Those of [`Clearer::clear`](clear::Clearer::clear).
    pub(crate) fn clear(&self, gpu: &Gpu<'_>) -> Result {
        match self.vram() {
            Some(video) => gpu.clearer.clear(gpu, &video),
            None => Ok(()),
        }
    }

    /// Whether it can be mapped in an epoch: VRAM must have been zeroed or restored in that.
    pub(crate) fn is_clear_in(&self, epoch: Epoch) -> bool {
        self.vram().is_none_or(|video| video.is_cleared_in(epoch))
    }

    /// Names the object; an empty label removes the name.
    pub(crate) fn set_label(&self, label: KVec<u8>) {
        // The old one is freed without the lock.
        let old = core::mem::replace(&mut *self.label.lock(), label);
        drop(old);
    }

    /// Calls `f` with the object's name, which is empty if it has none. A spin lock is held meanwhile.
    pub(crate) fn with_label<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        let label = self.label.lock();
        let text = label.split_last().map_or(&[][..], |(_nul, text)| text);
        // It was checked when it was set.
        f(core::str::from_utf8(text).unwrap_or_default())
    }
}

/// Creates an object, which other address spaces can map or not. VRAM is tried first, unless the CPU is to map the object
/// and cannot see VRAM. If VRAM is full, the object is in system memory, or others that may be there make room.
///
/// # Errors
///
/// `EOPNOTSUPP` if the object may be in VRAM alone, and the CPU cannot see that; `ENOSPC` if it exceeds what is left of its
/// regions, `ENOMEM`, and those of [`Clearer::prepare`](clear::Clearer::prepare) if it is in VRAM and the CPU is to map it.
pub(crate) fn create(
    device: &Device,
    gpu: &Gpu<'_>,
    layout: Layout,
    flags: u32,
    private: Option<Private>,
) -> Result<Object> {
    let accounts = device.data();
    let cpu_access = flags & GEM_CPU_ACCESS != 0;
    let allows = |region: u32| layout.placement & 1 << region != 0;
    let vram_serves = !cpu_access || accounts.windows.exist();
    if allows(VRAM) && !vram_serves && !allows(SYSTEM) {
        return Err(EOPNOTSUPP);
    }
    let charge = match allows(VRAM) && vram_serves {
        true => match Charge::vram(accounts, &layout, flags) {
            Err(ENOSPC) if allows(SYSTEM) => Charge::system(accounts, &layout),
            Err(ENOSPC) => evict::with_room(gpu, device, layout.size, || {
                Charge::vram(accounts, &layout, flags)
            }),
            charged => charged,
        },
        false => Charge::system(accounts, &layout),
    }?;
    let backing = match charge {
        Charge::Vram { .. } => Backing::Driver,
        Charge::System { .. } | Charge::Nothing => Backing::System,
    };
    let size = usize::try_from(layout.size)?;
    if matches!(charge, Charge::Vram { .. }) && cpu_access {
        // A page fault clears it, and cannot say that there is no VRAM for what that takes.
        gpu.core.await_epoch()?;
        gpu.clearer.prepare(gpu)?;
    }
    let reservation = private.clone();
    let stored = stored(layout, flags, private, charge);
    let reservation = reservation.as_ref();
    Object::new(device, size, backing, cpu_access, reservation, stored)
}

/// What is stored with an object of `size` bytes of system memory that counts for no program: another driver's, or this
/// driver's own.
pub(crate) fn uncharged(size: u64) -> impl PinInit<Stored, Error> {
    let layout = Layout {
        size,
        placement: 1 << SYSTEM,
        page_shift: PAGE_SHIFT as u32,
    };
    stored(layout, 0, None, Charge::Nothing)
}

fn stored(
    layout: Layout,
    flags: u32,
    private: Option<Private>,
    charge: Charge,
) -> impl PinInit<Stored, Error> {
    try_pin_init!(Stored {
        layout,
        flags,
        private,
        label <- new_spinlock!(KVec::new()),
        charge <- new_spinlock!(charge),
        used: Atomic::new(next_use()),
        moving <- Turns::new((), c"Stored::moving", static_lock_class!()),
        is_swizzled: Atomic::new(false),
        evicted: SetOnce::new(),
    })
}
