// SPDX-License-Identifier: GPL-2.0

//! Inline functions and macros that have no symbol. nova-drm/shim.c gives them one, under the name of the original
//! behind `nova_helper_`; those that take a GEM object begin with `gem_` here. Functions of DRM that have a symbol but no
//! binding are here, too.
//!
//! `rust/helpers` of the kernel lacks them where DRM is a module.

use kernel::bindings::{
    dma_fence, drm_device, drm_file, drm_gem_object, drm_printer, drm_vma_offset_manager, page,
    seq_file, vm_area_struct, vm_flags_t,
};
use kernel::prelude::*;

/// A `struct drm_syncobj`.
#[repr(C)]
pub(super) struct Syncobj {
    _opaque: [u8; 0],
}

/// A `struct dma_fence_chain`.
#[repr(C)]
pub(super) struct FenceChain {
    _opaque: [u8; 0],
}

#[allow(
    improper_ctypes,
    reason = "lockdep's structures are empty without it, as in all bindings"
)]
// SAFETY: The declarations agree with nova-drm/shim.c, which is linked into the only module that calls them.
unsafe extern "C" {
    /// Has the object's pages come from where pages may stay for long.
    #[link_name = "nova_helper_gem_pin_gfp"]
    pub(super) fn gem_pin_gfp(object: *mut drm_gem_object);

    /// Takes a reference, unless the last one is gone.
    #[link_name = "nova_helper_gem_get_unless_zero"]
    pub(super) fn gem_get_unless_zero(object: *mut drm_gem_object) -> bool;

    /// Whether the object has more than one handle, or has been exported.
    #[link_name = "nova_helper_gem_is_shared"]
    pub(super) fn gem_is_shared(object: *mut drm_gem_object) -> bool;

    /// Whether the object has been exported.
    #[link_name = "nova_helper_gem_is_exported"]
    pub(super) fn gem_is_exported(object: *mut drm_gem_object) -> bool;

    #[link_name = "nova_helper_page_to_pfn"]
    pub(super) fn page_to_pfn(page: *mut page) -> c_ulong;

    #[link_name = "nova_helper_vma_is_cow_mapping"]
    pub(super) fn vma_is_cow_mapping(vma: *mut vm_area_struct) -> bool;

    #[link_name = "nova_helper_vm_flags_set"]
    pub(super) fn vm_flags_set(vma: *mut vm_area_struct, flags: vm_flags_t);

    #[link_name = "nova_helper_vma_offset_lock_lookup"]
    pub(super) fn vma_offset_lock_lookup(manager: *mut drm_vma_offset_manager);

    #[link_name = "nova_helper_vma_offset_unlock_lookup"]
    pub(super) fn vma_offset_unlock_lookup(manager: *mut drm_vma_offset_manager);

    /// Adds a file to the device's folder in debugfs.
    #[link_name = "nova_helper_debugfs_add_file"]
    pub(super) fn debugfs_add_file(
        device: *mut drm_device,
        name: *const c_char,
        show: unsafe extern "C" fn(*mut seq_file, *mut c_void) -> c_int,
    );

    /// The device that a file of `debugfs_add_file` is about.
    #[link_name = "nova_helper_debugfs_device"]
    pub(super) fn debugfs_device(file: *mut seq_file) -> *mut drm_device;

    /// Prints how long the engines of a class worked, and how many they are.
    #[link_name = "nova_helper_print_engine"]
    pub(super) fn print_engine(
        printer: *mut drm_printer,
        name: *const c_char,
        ns: u64,
        capacity: u32,
    );

    #[link_name = "nova_helper_syncobj_put"]
    pub(super) fn syncobj_put(syncobj: *mut Syncobj);

    /// Memory for a point of a timeline, or null. The caller's memory cgroup is charged.
    #[link_name = "nova_helper_fence_chain_alloc"]
    pub(super) fn fence_chain_alloc() -> *mut FenceChain;

    /// Frees what has not become a point.
    #[link_name = "nova_helper_fence_chain_free"]
    pub(super) fn fence_chain_free(chain: *mut FenceChain);

    /// What the link of a chain contains; or the fence itself, if it is none.
    #[link_name = "nova_helper_fence_chain_contained"]
    pub(super) fn fence_chain_contained(fence: *mut dma_fence) -> *mut dma_fence;

    /// Whether a fence comes after another one of its context.
    #[link_name = "nova_helper_fence_is_later"]
    pub(super) fn fence_is_later(fence: *mut dma_fence, other: *mut dma_fence) -> bool;

    /// What is to be added to CLOCK_MONOTONIC for the current task, in nanoseconds.
    #[link_name = "nova_helper_timens_monotonic"]
    pub(crate) fn timens_monotonic() -> i64;

    /// As `timens_monotonic`, for CLOCK_BOOTTIME.
    #[link_name = "nova_helper_timens_boottime"]
    pub(crate) fn timens_boottime() -> i64;
}

#[allow(
    improper_ctypes,
    reason = "lockdep's structures are empty without it, as in all bindings"
)]
// SAFETY: The declarations agree with include/drm/drm_auth.h, include/drm/drm_syncobj.h, include/linux/dma-fence-array.h and
// include/linux/dma-fence-chain.h.
unsafe extern "C" {
    /// The first fence of an array; or the fence itself, if it is none.
    pub(super) fn dma_fence_array_first(fence: *mut dma_fence) -> *mut dma_fence;

    /// The fence of an array with this index, from 1 on, or null.
    pub(super) fn dma_fence_array_next(fence: *mut dma_fence, index: c_uint) -> *mut dma_fence;

    /// The link of a chain before this one, or null. Takes a reference, and returns one.
    pub(super) fn dma_fence_chain_walk(fence: *mut dma_fence) -> *mut dma_fence;

    pub(super) fn drm_is_current_master(file: *mut drm_file) -> bool;

    pub(super) fn drm_syncobj_find(file: *mut drm_file, handle: u32) -> *mut Syncobj;

    pub(super) fn drm_syncobj_find_fence(
        file: *mut drm_file,
        handle: u32,
        point: u64,
        flags: u64,
        fence: *mut *mut dma_fence,
    ) -> c_int;

    pub(super) fn drm_syncobj_add_point(
        syncobj: *mut Syncobj,
        chain: *mut FenceChain,
        fence: *mut dma_fence,
        point: u64,
    );

    pub(super) fn drm_syncobj_replace_fence(syncobj: *mut Syncobj, fence: *mut dma_fence);

    #[link_name = "nova_helper_debug_bind"]
    pub(super) fn debug_bind(device: *mut drm_device, message: *const c_void);

    #[link_name = "nova_helper_debug_exec"]
    pub(super) fn debug_exec(device: *mut drm_device, message: *const c_void);

    #[link_name = "nova_helper_debug_fault"]
    pub(super) fn debug_fault(device: *mut drm_device, message: *const c_void);
}
