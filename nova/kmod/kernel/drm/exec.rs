// SPDX-License-Identifier: GPL-2.0

//! Locks the reservations of several objects, which may be any, in any order (`drm_exec`).
//!
//! The `kernel` crate has no abstraction of it.

use core::marker::PhantomData;

use kernel::bindings;
use kernel::error::to_result;
use kernel::prelude::*;
use kernel::types::Opaque;

use super::device::Driver;
use super::gem::Object;
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
/// Those of `lock`: its own, `EINTR` if a signal came, `ENOMEM`.
pub fn with_locked<D: Driver, R>(
    lock: impl Fn(&Exec<D>) -> Result,
    then: impl FnOnce() -> R,
) -> Result<R> {
    let memory = Opaque::<bindings::drm_exec>::uninit();
    let exec = Exec(memory.get(), PhantomData);
    // SAFETY: It is memory for a `struct drm_exec`, which does not move until `drm_exec_fini()`.
    unsafe { bindings::drm_exec_init(exec.0, INTERRUPTIBLE_WAIT | IGNORE_DUPLICATES, 0) };
    let mut locked = Ok(());
    // This is `drm_exec_until_all_locked()`.
    // SAFETY: It is initialized.
    while unsafe { bindings::drm_exec_cleanup(exec.0) } {
        locked = lock(&exec);
        // SAFETY: As above.
        let is_contended = unsafe { !(*exec.0).contended.is_null() };
        if locked.is_err() && !is_contended {
            break;
        }
    }
    let result = locked.map(|()| then());
    // SAFETY: As above; it is not used again.
    unsafe { bindings::drm_exec_fini(exec.0) };
    result
}
