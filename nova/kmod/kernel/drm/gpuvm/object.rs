// SPDX-License-Identifier: GPL-2.0

//! Objects of which an address space has mappings.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::Mutex;
use kernel::types::Opaque;

use super::GpuVm;
use crate::drm::device::Driver;
use crate::drm::gem::Object;

/// A reference to a `struct drm_gpuvm_bo`, which is an object in an address space, and keeps both.
///
/// [`GpuVm::clean_up`] frees what the drop of the last reference gives up.
///
/// # Invariants
///
/// The `struct drm_gpuvm_bo` is in its object's list, and the reference is held.
pub(super) struct VmObject<D: Driver>(NonNull<bindings::drm_gpuvm_bo>, PhantomData<D>);

impl<D: Driver> VmObject<D> {
    /// Finds or makes that of `object` in `vm`. Takes the reservation lock.
    pub(super) fn obtain(vm: &GpuVm<D>, object: &Object<D>) -> Result<Self> {
        // SAFETY: The address space and the object are initialized.
        let new = unsafe { bindings::drm_gpuvm_bo_create(vm.as_raw(), object.as_raw()) };
        let new = NonNull::new(new).ok_or(ENOMEM)?;
        // SAFETY: It is new, so it is in no list. This takes the reference over, and returns one.
        let obtained = unsafe { bindings::drm_gpuvm_bo_obtain_prealloc(new.as_ptr()) };
        // INVARIANT: As the function promises.
        let obtained = Self(NonNull::new(obtained).ok_or(ENOMEM)?, PhantomData);
        // SAFETY: The address space keeps the object of its reservation lock. It is locked without a ticket, which
        // cannot fail.
        unsafe {
            let reservation = (*(*vm.as_raw()).r_obj).resv;
            bindings::dma_resv_lock(reservation, ptr::null_mut());
            bindings::drm_gpuvm_bo_extobj_add(obtained.as_raw());
            bindings::dma_resv_unlock(reservation);
        }
        Ok(obtained)
    }

    /// Finds that of `object` in `vm`, if there is one.
    pub(super) fn find(vm: *mut bindings::drm_gpuvm, object: &Object<D>) -> Option<Self> {
        let _list = lock_list(object.as_raw());
        // SAFETY: Both are initialized, and the object's list is locked.
        let found = unsafe { bindings::drm_gpuvm_bo_find(vm, object.as_raw()) };
        // INVARIANT: The function takes a reference to what it finds, in the list.
        Some(Self(NonNull::new(found)?, PhantomData))
    }

    /// Takes another reference.
    ///
    /// # Safety
    ///
    /// There must be a reference already, of an address space of a `D`.
    pub(super) unsafe fn get(object: NonNull<bindings::drm_gpuvm_bo>) -> Self {
        // This is `drm_gpuvm_bo_get()`, an inline function without a binding.
        // SAFETY: The caller promises so.
        unsafe { bindings::refcount_inc(&raw mut (*object.as_ptr()).kref.refcount) };
        // INVARIANT: The reference has just been taken, and what has references is in the list.
        Self(object, PhantomData)
    }

    pub(super) fn as_raw(&self) -> *mut bindings::drm_gpuvm_bo {
        self.0.as_ptr()
    }

    /// The object.
    pub(super) fn object(&self) -> *mut bindings::drm_gem_object {
        // SAFETY: By the invariant; it never changes.
        unsafe { (*self.as_raw()).obj }
    }

    /// Adds a mapping to the object's list of them.
    ///
    /// # Safety
    ///
    /// It must be a mapping of this object that is in the tree of the address space and not in the list.
    pub(super) unsafe fn link(&self, va: *mut bindings::drm_gpuva) {
        let _list = lock_list(self.object());
        // SAFETY: The caller promises so, and the list is locked.
        unsafe { bindings::drm_gpuva_link(va, self.as_raw()) };
    }

    /// The first mapping in the object's list of them.
    pub(super) fn first(&self) -> Option<NonNull<bindings::drm_gpuva>> {
        let _list = lock_list(self.object());
        // SAFETY: By the invariant, and the list is locked: its entries are those of mappings.
        unsafe {
            let head = &raw mut (*self.as_raw()).list.gpuva;
            let first = (*head).next;
            if first == head {
                return None;
            }
            NonNull::new(kernel::container_of!(first, bindings::drm_gpuva, gem.entry))
        }
    }
}

impl<D: Driver> Drop for VmObject<D> {
    fn drop(&mut self) {
        // SAFETY: The reference is held, and not used again; its address space is in immediate mode.
        unsafe { bindings::drm_gpuvm_bo_put_deferred(self.as_raw()) };
    }
}

impl<D: Driver> Object<D> {
    /// Whether no other address spaces than these have mappings of it, or a [`Change`](super::Change) that is to make one. It
    /// stays so while its reservation lock is held, but for changes that nobody has prepared tables for.
    pub fn is_only_in<'x>(&self, known: impl Iterator<Item = &'x GpuVm<D>> + Clone) -> bool
    where
        D: 'x,
    {
        let mut is_only = true;
        each_vm(self, |vm| {
            is_only &= known.clone().any(|known| ptr::eq(known.as_raw(), vm))
        });
        is_only
    }
}

/// Calls `f` with each address space that [knows](VmObject) an object. The object's list is locked meanwhile.
pub(super) fn each_vm<D: Driver>(object: &Object<D>, mut f: impl FnMut(*mut bindings::drm_gpuvm)) {
    let object = object.as_raw();
    let _list = lock_list(object);
    // SAFETY: The object is initialized, and its list is locked: the entries are those of `struct drm_gpuvm_bo`, which leave
    // the list before they are freed.
    unsafe {
        let head = &raw mut (*object).gpuva.list;
        let mut entry = (*head).next;
        while entry != head {
            let known = kernel::container_of!(entry, bindings::drm_gpuvm_bo, list.entry.gem);
            entry = (*entry).next;
            f((*known).vm);
        }
    }
}

/// Locks an initialized object's list of mappings.
fn lock_list<'a>(object: *mut bindings::drm_gem_object) -> kernel::sync::MutexGuard<'a, ()> {
    // SAFETY: The callers have a reference to the object, which has initialized the lock.
    unsafe { Mutex::<()>::from_raw(&raw mut (*object).gpuva.lock) }.lock()
}

/// Allocates a `struct drm_gpuvm_bo`, which DRM frees by `kfree()`. DRM itself would not charge the memory cgroup.
pub(super) extern "C" fn alloc() -> *mut bindings::drm_gpuvm_bo {
    KBox::new(
        Opaque::<bindings::drm_gpuvm_bo>::zeroed(),
        GFP_KERNEL_ACCOUNT,
    )
    .map_or(ptr::null_mut(), |memory| KBox::into_raw(memory).cast())
}
