// SPDX-License-Identifier: GPL-2.0

//! The mappings of address spaces, which DRM's `drm_gpuvm` keeps.
//!
//! `kernel::drm::gpuvm` is built with `CONFIG_RUST_DRM_GPUVM` alone, which distributions do not set, and has no sparse
//! mappings.
//!
//! Of the ways in which `drm_gpuvm` can be locked, this is *immediate mode*: [`GpuVm::prepare_map`] and
//! [`GpuVm::prepare_unmap`] get all that a [`Change`] needs, and [`Mappings::apply`] makes it without memory and without
//! reservation locks, so that jobs may wait for it. The lists of objects in a `drm_gpuvm` are protected by the
//! reservation lock of the address space.

use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::{self, NonNull};

use kernel::bindings;
use kernel::prelude::*;
use kernel::types::Opaque;

use super::device::{Device, Driver};
use super::gem::reservation::Reservation;
use super::gem::Object;

mod change;
mod mappings;
mod object;

pub use change::Change;
pub use mappings::{Mapping, Mappings};

/// A reference to a `struct drm_gpuvm`.
///
/// # Invariants
///
/// The `struct drm_gpuvm` is initialized by [`GpuVm::new`], and the reference is held.
struct Reference<D: Driver>(NonNull<bindings::drm_gpuvm>, PhantomData<D>);

// SAFETY: Any thread may use and release a `struct drm_gpuvm`; its tree is accessed through `Mappings` alone, its lists
// have locks, and what belongs to a mapping is `Send` and `Sync`.
unsafe impl<D: Driver> Send for Reference<D> {}

// SAFETY: As above.
unsafe impl<D: Driver> Sync for Reference<D> {}

impl<D: Driver> Reference<D> {
    fn as_raw(&self) -> *mut bindings::drm_gpuvm {
        self.0.as_ptr()
    }

    /// Gives up objects of which no mapping is left. Takes the reservation lock.
    fn clean_up(&self) {
        // SAFETY: By the invariant; it is in immediate mode.
        unsafe { bindings::drm_gpuvm_bo_deferred_cleanup(self.as_raw()) };
    }
}

impl<D: Driver> Clone for Reference<D> {
    fn clone(&self) -> Self {
        // This is `drm_gpuvm_get()`, an inline function without a binding.
        // SAFETY: A reference is held.
        unsafe { bindings::refcount_inc(&raw mut (*self.as_raw()).kref.refcount) };
        // INVARIANT: The reference has just been taken.
        Self(self.0, PhantomData)
    }
}

impl<D: Driver> Drop for Reference<D> {
    fn drop(&mut self) {
        // SAFETY: The reference is held, and not used again.
        unsafe { bindings::drm_gpuvm_put(self.as_raw()) };
    }
}

/// An address space: a range of addresses, and what is mapped there ([`Mappings`]).
pub struct GpuVm<D: Driver>(Reference<D>);

impl<D: Driver> GpuVm<D> {
    const OPERATIONS: bindings::drm_gpuvm_ops = bindings::drm_gpuvm_ops {
        vm_free: Some(free),
        vm_bo_alloc: Some(object::alloc),
        sm_step_map: Some(change::map::<D>),
        sm_step_remap: Some(change::remap::<D>),
        sm_step_unmap: Some(change::unmap::<D>),
        ..pin_init::zeroed()
    };

    /// An address space of `range`, of which `kernel` cannot be mapped.
    ///
    /// The caller's memory cgroup is charged.
    ///
    /// # Errors
    ///
    /// `EINVAL` if one of the ranges ends before it starts, `ENOMEM`.
    pub fn new(
        device: &Device<D>,
        name: &'static CStr,
        range: Range<u64>,
        kernel: Range<u64>,
    ) -> Result<(Self, Mappings<D>)> {
        let size = range.end.checked_sub(range.start).ok_or(EINVAL)?;
        let kernel_size = kernel.end.checked_sub(kernel.start).ok_or(EINVAL)?;
        let memory = KBox::new(Opaque::<bindings::drm_gpuvm>::zeroed(), GFP_KERNEL_ACCOUNT)?;
        let reservation = Reservation::new(device)?;
        let vm =
            NonNull::new(KBox::into_raw(memory).cast::<bindings::drm_gpuvm>()).ok_or(ENOMEM)?;
        // SAFETY: The memory is zeroed and nobody else's; `free` is given it back. The name and the operations are
        // static. `drm_gpuvm` takes references to the others.
        unsafe {
            bindings::drm_gpuvm_init(
                vm.as_ptr(),
                name.as_char_ptr(),
                bindings::drm_gpuvm_flags_DRM_GPUVM_IMMEDIATE_MODE
                    | bindings::drm_gpuvm_flags_DRM_GPUVM_RESV_PROTECTED,
                device.as_raw(),
                reservation.as_raw(),
                range.start,
                size,
                kernel.start,
                kernel_size,
                const { &Self::OPERATIONS },
            );
        }
        // INVARIANT: It has been initialized, with one reference.
        let vm = Reference(vm, PhantomData);
        // There are no other `Mappings` of it.
        let mappings = Mappings::new(vm.clone());
        Ok((Self(vm), mappings))
    }

    /// Prepares to map `object` from the given offset on, or nothing, in `range`, instead of what is mapped there.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is empty or not in the address space, `ENOMEM`.
    pub fn prepare_map(
        &self,
        range: Range<u64>,
        object: Option<(&Object<D>, u64)>,
        data: D::Mapping,
    ) -> Result<Change<D>> {
        Change::map(self, range, object, data)
    }

    /// Prepares to unmap what is mapped in `range`.
    ///
    /// # Errors
    ///
    /// As [`Self::prepare_map`].
    pub fn prepare_unmap(&self, range: Range<u64>) -> Result<Change<D>> {
        Change::unmap(self, range)
    }

    /// The reservation lock, which objects that only this address space maps share.
    pub fn reservation(&self) -> Reservation<D> {
        // SAFETY: The address space has a reference to the object, which comes from `Reservation::new`.
        unsafe { Reservation::of(NonNull::new_unchecked((*self.as_raw()).r_obj)) }
    }

    /// Whether it has mappings of an object, or a [`Change`] is to make one.
    pub fn has(&self, object: &Object<D>) -> bool {
        let mut has = false;
        object::each_vm(object, |vm| has |= ptr::eq(vm, self.as_raw()));
        has
    }

    /// Whether a job that uses it has not ended.
    pub fn is_active(&self) -> bool {
        // SAFETY: The address space is initialized, and keeps the object of its reservation lock.
        unsafe {
            !bindings::dma_resv_test_signaled(
                (*(*self.as_raw()).r_obj).resv,
                bindings::dma_resv_usage_DMA_RESV_USAGE_BOOKKEEP,
            )
        }
    }

    /// Gives up objects of which no mapping and no [`Change`] is left. Takes the reservation lock, and may free the
    /// objects.
    pub fn clean_up(&self) {
        self.0.clean_up();
    }

    /// The C side of it.
    pub(super) fn as_raw(&self) -> *mut bindings::drm_gpuvm {
        self.0.as_raw()
    }
}

impl<D: Driver> Drop for GpuVm<D> {
    fn drop(&mut self) {
        self.clean_up();
    }
}

/// # Safety
///
/// For DRM to call when the last reference to an address space of [`GpuVm::new`] is gone.
unsafe extern "C" fn free(vm: *mut bindings::drm_gpuvm) {
    // SAFETY: The memory came from a box of this type.
    drop(unsafe { KBox::from_raw(vm.cast::<Opaque<bindings::drm_gpuvm>>()) });
}
