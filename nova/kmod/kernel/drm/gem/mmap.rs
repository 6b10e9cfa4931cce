// SPDX-License-Identifier: GPL-2.0

//! What the CPU maps of GEM objects.

use kernel::bindings;
use kernel::container_of;
use kernel::mm::virt::{flags, VmaRef};
use kernel::page::PAGE_SHIFT;
use kernel::prelude::*;

use super::fault::Fault;
use super::{memory, Object};
use crate::drm::device::{Device, Driver};
use crate::drm::shim;

impl<D: Driver> Object<D> {
    /// What the kernel calls for a VMA of [`mmap_object`], which holds a reference to the object.
    pub(super) const VM_OPERATIONS: bindings::vm_operations_struct =
        bindings::vm_operations_struct {
            fault: Some(fault::<D>),
            open: Some(bindings::drm_gem_vm_open),
            close: Some(bindings::drm_gem_vm_close),
            ..pin_init::zeroed()
        };

    /// The object that has these pages of the device's file, of which none may be another's.
    ///
    /// As `drm_gem_object_lookup_at_offset()`, which finds the start of an object alone.
    fn lookup_at(device: &Device<D>, first: usize, count: usize) -> Option<Self> {
        // SAFETY: The device is initialized, and has had the manager since then.
        let manager = unsafe { (*device.as_raw()).vma_offset_manager };
        // SAFETY: As above. Objects leave the manager before their memory goes, which takes its lock; so the object
        // is there as long as that is held here, and longer if there is a reference to take.
        let object = unsafe {
            shim::vma_offset_lock_lookup(manager);
            let node = bindings::drm_vma_offset_lookup_locked(manager, first, count);
            let object = match node.is_null() {
                true => core::ptr::null_mut(),
                false => container_of!(node, bindings::drm_gem_object, vma_node),
            };
            let is_held = !object.is_null() && shim::gem_get_unless_zero(object);
            shim::vma_offset_unlock_lookup(manager);
            is_held.then_some(object)
        };
        // SAFETY: The reference has just been taken, and all in the manager are objects of this device.
        unsafe { Self::from_raw(object?) }
    }
}

/// Maps an object, or whole pages of it, from the device's file.
///
/// `drm_gem_mmap()` would map from the start of an object on.
///
/// # Safety
///
/// For the kernel to call, for an open file of a `Device<D>` and a VMA of it that is being made.
pub(in crate::drm) unsafe extern "C" fn mmap<D: Driver>(
    file: *mut bindings::file,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: DRM keeps its own structure with each open file of a device.
    let file = unsafe { (*file).private_data }.cast::<bindings::drm_file>();
    // SAFETY: The device lives as long as files of it are open.
    let device = unsafe { Device::<D>::from_raw((*(*file).minor).dev) };
    let Some(_plugged) = device.enter() else {
        return ENODEV.to_errno();
    };
    // SAFETY: The VMA is being made by this thread.
    let (vma_ref, first) = unsafe { (VmaRef::from_raw(vma), (*vma).vm_pgoff) };
    let length = vma_ref.end() - vma_ref.start();
    let Some(object) = Object::lookup_at(device, first, length >> PAGE_SHIFT) else {
        return EINVAL.to_errno();
    };
    // SAFETY: The object is initialized, and the file open.
    unsafe {
        if !bindings::drm_vma_node_is_allowed(&raw mut (*object.as_raw()).vma_node, file) {
            return EACCES.to_errno();
        }
        bindings::drm_gem_mmap_obj(object.as_raw(), object.size(), vma)
    }
}

/// Prepares a VMA that maps an object, from the device's file or from a dma-buf. It maps system memory as all memory is
/// mapped: cached and coherent; and what is seen through a BAR write-combined.
///
/// # Safety
///
/// For DRM to call, with an object of a `Device<D>` and a VMA that is being made, and to take the reference
/// of the VMA, if this succeeds.
pub(super) unsafe extern "C" fn mmap_object<D: Driver>(
    object: *mut bindings::drm_gem_object,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: DRM holds the object.
    let memory = unsafe { memory::<D>(object) };
    // SAFETY: The VMA is being made by this thread, and the object is initialized.
    unsafe {
        // A private mapping would have to be copied when it is written to. An object that the CPU may not map has no
        // place in the device's file, but may have a dma-buf.
        if shim::vma_is_cow_mapping(vma) || (*object).vma_node.vm_node.start == 0 {
            return EINVAL.to_errno();
        }
    }
    // VM_PFNMAP: nobody but the object holds the pages, so that the kernel must not get references to them through the
    // VMA.
    let flags = flags::PFNMAP | flags::DONTEXPAND | flags::DONTDUMP;
    // SAFETY: The object is initialized.
    if unsafe { (*object).filp.is_null() } {
        // SAFETY: As above.
        unsafe {
            shim::vm_flags_set(vma, flags | flags::IO);
            let cached = bindings::vm_get_page_prot((*vma).__bindgen_anon_2.vm_flags);
            (*vma).vm_page_prot = bindings::pgprot_writecombine(cached);
        }
        return 0;
    }
    // They are allocated now, so that a page fault cannot fail.
    if let Err(error) = memory.get_pages() {
        return error.to_errno();
    }
    // SAFETY: As above.
    unsafe { shim::vm_flags_set(vma, flags) };
    0
}

/// Maps a page. This works, too, when the device has been unplugged: pages of system memory are the object's as long as
/// it lives, and for others there is one that has no other purpose.
///
/// # Safety
///
/// For the kernel to call, in a VMA of [`mmap_object`].
unsafe extern "C" fn fault<D: Driver>(fault: *mut bindings::vm_fault) -> bindings::vm_fault_t {
    const ERROR: bindings::vm_fault_t =
        bindings::vm_fault_reason_VM_FAULT_SIGBUS as bindings::vm_fault_t;
    // SAFETY: The kernel has filled the structure. The VMA holds an object of a `Device<D>`.
    let (fault, object) = unsafe {
        let fault = &(*fault).__bindgen_anon_1;
        let place = &raw const (*fault.vma).vm_private_data;
        (fault, Object::<D>::from_pointer(place.cast()))
    };
    // SAFETY: As above.
    let Some(mut fault) = (unsafe { Fault::new(object, fault) }) else {
        return ERROR;
    };
    // SAFETY: The object is initialized.
    match unsafe { (*object.as_raw()).filp.is_null() } {
        true => fault.show(),
        false => fault.insert_page(),
    }
    fault.answer()
}
