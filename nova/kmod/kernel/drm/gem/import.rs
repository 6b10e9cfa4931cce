// SPDX-License-Identifier: GPL-2.0

//! dma-bufs as GEM objects: what we get of other drivers.
//!
//! A dma-buf is attached and mapped for the device when it is imported, which has its driver pin it. It is unmapped when
//! the object is freed, or when the device has been unplugged: a device without driver has no memory mapped.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use kernel::bindings;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode, RBTreeNodeReservation};
use kernel::scatterlist::SGTable;
use kernel::sync::{new_mutex, Mutex};

use super::dma::{self, DmaBlock};
use super::{Backing, Object};
use crate::drm::device::{Device, Driver};

/// Imports a dma-buf: of an object of the same device this makes that object.
///
/// # Safety
///
/// For DRM to call, with a `Device<D>` and a dma-buf.
pub(in crate::drm) unsafe extern "C" fn import<D: Driver>(
    drm: *mut bindings::drm_device,
    buffer: *mut bindings::dma_buf,
) -> *mut bindings::drm_gem_object {
    // SAFETY: The device lives as long as files of it are open.
    let device = unsafe { Device::<D>::from_raw(drm) };
    // Else it might be mapped for a device that is unbound already.
    let Some(_plugged) = device.enter() else {
        return ENODEV.to_ptr();
    };
    // SAFETY: DRM holds both. For another driver's buffer, this calls `import_table`.
    unsafe { bindings::drm_gem_prime_import(drm, buffer) }
}

/// Makes an object of another driver's memory.
///
/// # Safety
///
/// For `drm_gem_prime_import()` to call in [`import`], with a table of the attachment that has been mapped for the parent
/// of the device. If this succeeds, the object owns both; otherwise the caller does.
pub(in crate::drm) unsafe extern "C" fn import_table<D: Driver>(
    drm: *mut bindings::drm_device,
    attachment: *mut bindings::dma_buf_attachment,
    table: *mut bindings::sg_table,
) -> *mut bindings::drm_gem_object {
    // SAFETY: The device lives as long as files of it are open.
    let device = unsafe { Device::<D>::from_raw(drm) };
    // SAFETY: As the caller promises.
    match unsafe { object(device, attachment, table) } {
        Ok(object) => ManuallyDrop::new(object).as_raw(),
        Err(error) => error.to_ptr(),
    }
}

/// # Safety
///
/// As [`import_table`].
unsafe fn object<D: Driver>(
    device: &Device<D>,
    attachment: *mut bindings::dma_buf_attachment,
    table: *mut bindings::sg_table,
) -> Result<Object<D>> {
    let attachment = NonNull::new(attachment).ok_or(EINVAL)?;
    let table = NonNull::new(table).ok_or(EINVAL)?;
    // SAFETY: An attachment has a reference to its dma-buf, whose size never changes.
    let size = unsafe { (*attachment.as_ref().dmabuf).size };
    // SAFETY: The table is mapped, and nobody changes it.
    let import = Import::new(unsafe { SGTable::from_raw(table.as_ptr()) }, size)?;
    let node = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
    let data = D::import(size);
    let object = Object::new(device, size, Backing::Import(import), false, None, data)?;
    // Nothing can fail any more, so the table is the object's.
    // INVARIANT: The caller promises so.
    let table = Table(attachment, table, PhantomData);
    let node = node.into_node(object.as_raw().addr(), table);
    device.imports().insert(node);
    Ok(object)
}

/// Memory of another driver as the device sees it. It is there as long as the object lives and the device is plugged in.
pub struct Import(KVVec<DmaBlock>);

impl Import {
    /// The first `size` bytes of a table that has been mapped.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it has fewer, or not in whole pages; `ENOMEM`.
    fn new(table: &SGTable, size: usize) -> Result<Self> {
        const IN_PAGE: u64 = PAGE_SIZE as u64 - 1;
        let blocks = dma::blocks(table)?;
        let is_whole = |block: &DmaBlock| (block.address | block.size) & IN_PAGE == 0;
        let end = blocks
            .last()
            .map_or(0, |block| block.offset.saturating_add(block.size));
        let size = size as u64;
        match size & IN_PAGE == 0 && size <= end && blocks.iter().all(is_whole) {
            true => Ok(Self(blocks)),
            false => Err(EINVAL),
        }
    }

    /// Its blocks, in the order of the object's bytes.
    pub(super) fn blocks(&self) -> &[DmaBlock] {
        &self.0
    }
}

/// A dma-buf that is mapped for a device; the drop unmaps it. Generic, so that it is instantiated in nova-drm.ko, which
/// imports the symbols of dma-bufs.
///
/// # Invariants
///
/// The attachment is one for the device, which is bound, and lives longer. The table comes from mapping it, and nobody else
/// unmaps it.
struct Table<D: Driver>(
    NonNull<bindings::dma_buf_attachment>,
    NonNull<bindings::sg_table>,
    PhantomData<fn() -> D>,
);

// SAFETY: Any thread may unmap it.
unsafe impl<D: Driver> Send for Table<D> {}

impl<D: Driver> Drop for Table<D> {
    fn drop(&mut self) {
        // SAFETY: By the invariant; it is not used again.
        unsafe {
            let direction = bindings::dma_data_direction::DMA_BIDIRECTIONAL;
            bindings::dma_buf_unmap_attachment_unlocked(
                self.0.as_ptr(),
                self.1.as_ptr(),
                direction,
            );
        }
    }
}

/// The imported objects of a device whose dma-bufs are mapped for it.
#[pin_data]
pub struct Imports<D: Driver> {
    /// By the address of the object. The lock is held while one is unmapped, so that nobody believes that it has been
    /// while somebody else is about to do it.
    #[pin]
    tables: Mutex<RBTree<usize, Table<D>>>,
}

impl<D: Driver> Imports<D> {
    /// Of a device that has no objects yet.
    pub(in crate::drm) fn new() -> impl PinInit<Self> {
        pin_init!(Self { tables <- new_mutex!(RBTree::new()) })
    }

    /// Adds the table of a new object.
    fn insert(&self, node: RBTreeNode<usize, Table<D>>) {
        let replaced = self.tables.lock().insert(node);
        debug_assert!(replaced.is_none());
    }

    /// Unmaps and detaches an object's dma-buf, and gives it up. Nothing is done if the object is not an import.
    ///
    /// # Safety
    ///
    /// For [`free`](super::free) to call, for an object whose last reference is gone.
    pub(super) unsafe fn remove(&self, object: *mut bindings::drm_gem_object) {
        // SAFETY: As the caller promises. The attachment is set before anybody else has the object, and stays.
        if unsafe { (*object).import_attach.is_null() } {
            return;
        }
        let mut tables = self.tables.lock();
        drop(tables.remove(&object.addr()));
        drop(tables);
        // SAFETY: As above. Its table has been unmapped, here or by `clear`.
        unsafe { bindings::drm_prime_gem_destroy(object, ptr::null_mut()) };
    }

    /// Unmaps all.
    pub(in crate::drm) fn clear(&self) {
        let mut tables = self.tables.lock();
        drop(core::mem::replace(&mut *tables, RBTree::new()));
    }
}
