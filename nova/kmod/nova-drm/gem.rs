// SPDX-License-Identifier: GPL-2.0

//! GEM objects. Those in system memory have pages, those in VRAM have blocks of it, which neither the GPU nor the CPU maps
//! yet.

use kernel::page::PAGE_MASK;
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_spinlock, Arc, SpinLock};
use nova_core_module::{Blocks, Vram};
use nova_kernel::drm::gem::reservation::Reservation;
use nova_kernel::drm::gem::Backing;
use nova_uapi::{Layout, GEM_CPU_ACCESS};

use crate::driver::{Device, NovaDrmDriver, Object};
use crate::limits::{SYSTEM, VRAM};

pub(crate) mod list;
pub(crate) mod regions;
pub(crate) mod usage;

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

/// What the objects of a device may take.
pub(crate) struct Accounts {
    vram: Arc<Vram>,
    system: Quota,
}

impl Accounts {
    /// Of a device with this VRAM.
    ///
    /// Objects may take half of system memory, as with TTM (drivers/gpu/drm/ttm/ttm_device.c): their pages cannot be
    /// swapped out, and the OOM killer does not see whose they are.
    pub(crate) fn new(vram: &Arc<Vram>) -> Self {
        Self {
            vram: vram.clone(),
            system: Quota::new(regions::machine_memory() / 2 & PAGE_MASK as u64),
        }
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
    /// Blocks of VRAM. Nobody can reach them yet, so nothing clears them.
    Vram { _blocks: Blocks },
    /// A number of bytes.
    System { accounts: Arc<Accounts>, size: u64 },
}

impl Charge {
    /// Takes what an object in this region needs.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the region never has so many bytes, or is VRAM and has not so many left, and `ENOMEM` if system memory
    /// has not.
    fn new(accounts: &Arc<Accounts>, region: u32, layout: &Layout) -> Result<Self> {
        let size = layout.size;
        if region == VRAM {
            let min_block = 1_u64.checked_shl(layout.page_shift).ok_or(EINVAL)?;
            let blocks = accounts.vram.alloc(size, min_block)?;
            return Ok(Self::Vram { _blocks: blocks });
        }
        let quota = &accounts.system;
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
        if let Self::System { accounts, size } = self {
            accounts.system.uncharge(*size);
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
    /// The region in which it lies.
    pub(crate) region: u32,
    /// The reservation lock of the only address space that may map it.
    pub(crate) private: Option<Private>,
    /// Its name with a NUL, or nothing.
    #[pin]
    label: SpinLock<KVec<u8>>,
    _charge: Charge,
}

impl Stored {
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

/// Creates an object, which other address spaces can map or not. VRAM is tried first, but what the CPU is to map cannot lie there yet.
///
/// # Errors
///
/// `ENOSPC` if it exceeds what is left of its regions, `EOPNOTSUPP` if it would have to lie in VRAM and that cannot be
/// done, `ENOMEM`.
pub(crate) fn create(
    device: &Device,
    layout: Layout,
    flags: u32,
    private: Option<Private>,
) -> Result<Object> {
    let allows = |region: u32| layout.placement & 1 << region != 0;
    if allows(VRAM) && flags == 0 {
        match create_in(device, VRAM, layout, flags, private.clone()) {
            Err(error) if error == ENOSPC && allows(SYSTEM) => {}
            created => return created,
        }
    }
    match allows(SYSTEM) {
        true => create_in(device, SYSTEM, layout, flags, private),
        false => Err(EOPNOTSUPP),
    }
}

fn create_in(
    device: &Device,
    region: u32,
    layout: Layout,
    flags: u32,
    private: Option<Private>,
) -> Result<Object> {
    let charge = Charge::new(device.data(), region, &layout)?;
    let backing = match region {
        VRAM => Backing::Driver,
        _ => Backing::System {
            cpu_access: flags & GEM_CPU_ACCESS != 0,
        },
    };
    let size = usize::try_from(layout.size)?;
    let reservation = private.clone();
    let stored = try_pin_init!(Stored {
        layout,
        flags,
        region,
        private,
        label <- new_spinlock!(KVec::new()),
        _charge: charge,
    });
    Object::new(device, size, backing, reservation.as_ref(), stored)
}
