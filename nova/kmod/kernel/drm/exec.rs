// SPDX-License-Identifier: GPL-2.0

//! Locks the reservations of several objects, which may be any, in any order (`drm_exec`).
//!
//! The `kernel` crate has no abstraction of it.

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::bindings;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::types::Opaque;

use super::device::Driver;
use super::fence::Fence;
use super::gem::{self, Object};
use super::gpuvm::GpuVm;

// DRM_EXEC_* of include/drm/drm_exec.h.
const INTERRUPTIBLE_WAIT: u32 = 1 << 0;
const IGNORE_DUPLICATES: u32 = 1 << 1;

/// Locks what it is told, for [`with_locked`].
pub struct Exec<D: Driver>(*mut bindings::drm_exec, PhantomData<D>);

impl<D: Driver> Exec<D> {
    /// Locks the reservation of an address space.
    ///
    /// # Errors
    ///
    /// What [`with_locked`] fails with, or handles.
    pub fn vm(&self, vm: &GpuVm<D>) -> Result {
        // SAFETY: Both are initialized; no place for a fence is asked for.
        to_result(unsafe { bindings::drm_gpuvm_prepare_vm(vm.as_raw(), self.0, 0) })
    }

    /// Locks the reservation of an object.
    ///
    /// # Errors
    ///
    /// What [`with_locked`] fails with, or handles.
    pub fn object(&self, object: &Object<D>) -> Result {
        // SAFETY: Both are initialized.
        to_result(unsafe { bindings::drm_exec_lock_obj(self.0, object.as_raw()) })
    }
}

/// Calls `then` while all that `lock` locks is locked. `lock` is called again if another thread has locked the same in
/// another order.
///
/// # Errors
///
/// Those of `lock`: its own, `ERESTARTSYS` if a signal came, `ENOMEM`.
pub fn with_locked<D: Driver, R>(
    lock: impl Fn(&Exec<D>) -> Result,
    then: impl FnOnce() -> R,
) -> Result<R> {
    with_exec(lock, |_| then())
}

/// Calls `then` while the reservations of an address space, and of all objects that are mapped there and not private to it,
/// are locked and have room for one more fence.
///
/// # Errors
///
/// `ERESTARTSYS` if a signal came, `ENOMEM`.
pub fn with_room_for_fence<D: Driver, R>(
    vm: &GpuVm<D>,
    then: impl FnOnce(Room<'_, D>) -> R,
) -> Result<R> {
    let lock = |exec: &Exec<D>| {
        // SAFETY: Both are initialized. Locking the address space first protects its list of objects.
        unsafe {
            to_result(bindings::drm_gpuvm_prepare_vm(vm.as_raw(), exec.0, 1))?;
            to_result(bindings::drm_gpuvm_prepare_objects(vm.as_raw(), exec.0, 1))
        }
    };
    // INVARIANT: Both functions lock with room for one fence, and `lock` has locked nothing else.
    with_exec(lock, |exec| then(Room { vm, exec }))
}

/// Room for a fence in reservations, for [`with_room_for_fence`].
///
/// # Invariants
///
/// All that is locked has room for one more fence.
pub struct Room<'a, D: Driver> {
    vm: &'a GpuVm<D>,
    exec: &'a Exec<D>,
}

impl<D: Driver> Room<'_, D> {
    /// Adds a fence, which nobody waits for who does not ask for all (`DMA_RESV_USAGE_BOOKKEEP`). It must not be a point of
    /// a timeline itself.
    pub fn add(self, fence: &Fence) {
        let usage = bindings::dma_resv_usage_DMA_RESV_USAGE_BOOKKEEP;
        // SAFETY: By the invariant; objects that share a reservation have one place in it, and the fence takes one. The
        // address space and the fence are initialized, and references are taken to the fence.
        unsafe {
            bindings::drm_gpuvm_resv_add_fence(
                self.vm.as_raw(),
                self.exec.0,
                fence.as_raw(),
                usage,
                usage,
            );
        }
    }
}

/// As [`with_locked`], with what has locked.
fn with_exec<D: Driver, R>(
    lock: impl Fn(&Exec<D>) -> Result,
    then: impl FnOnce(&Exec<D>) -> R,
) -> Result<R> {
    loop {
        let memory = Opaque::<bindings::drm_exec>::uninit();
        let exec = Exec(memory.get(), PhantomData);
        // SAFETY: It is memory for a `struct drm_exec`, which does not move until `drm_exec_fini()`.
        unsafe { bindings::drm_exec_init(exec.0, INTERRUPTIBLE_WAIT | IGNORE_DUPLICATES, 0) };
        let mut locked = Ok(());
        let mut spared = None;
        // This is `drm_exec_until_all_locked()`.
        // SAFETY: It is initialized.
        while unsafe { bindings::drm_exec_cleanup(exec.0) } {
            locked = lock(&exec);
            // SAFETY: As above.
            let is_contended = unsafe { !(*exec.0).contended.is_null() };
            if is_contended {
                continue;
            }
            if locked.is_err() {
                break;
            }
            // SAFETY: As above.
            spared = unsafe { Spared::new(&exec) };
        }
        if spared.is_some() {
            // SAFETY: As above; it is not used again.
            unsafe { bindings::drm_exec_fini(exec.0) };
            // Nothing is locked any more. It may be gone now, so this does not happen again and again.
            drop(spared);
            continue;
        }
        let result = locked.map(|()| then(&exec));
        // SAFETY: As above; it is not used again.
        unsafe { bindings::drm_exec_fini(exec.0) };
        // Nothing has happened yet, so the call is made again unless the signal's handler wants that otherwise.
        return result.map_err(|error| match error {
            EINTR => ERESTARTSYS,
            error => error,
        });
    }
}

/// A reference to an object that was contended, and in the end not among those to lock. `drm_exec_cleanup()` gives up its own
/// while the others are locked, and the last one must not go there: that frees the object. Nor must it go once a job has been
/// published, so all is locked once more without it.
///
/// # Invariants
///
/// The object is initialized, and the reference is held.
struct Spared<D: Driver>(NonNull<bindings::drm_gem_object>, PhantomData<D>);

impl<D: Driver> Spared<D> {
    /// That of `exec`, if there is one.
    ///
    /// # Safety
    ///
    /// It must be initialized, and nobody locks with it meanwhile.
    unsafe fn new(exec: &Exec<D>) -> Option<Self> {
        // SAFETY: The caller promises so.
        let object = NonNull::new(unsafe { (*exec.0).prelocked })?;
        // SAFETY: `drm_exec` has a reference.
        unsafe { gem::get(object.as_ptr()) };
        // INVARIANT: The reference has just been taken.
        Some(Self(object, PhantomData))
    }
}

impl<D: Driver> Drop for Spared<D> {
    fn drop(&mut self) {
        // SAFETY: By the invariant; the reference is not used again.
        unsafe { gem::put::<D>(self.0.as_ptr()) };
    }
}
