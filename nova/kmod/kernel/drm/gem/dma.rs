// SPDX-License-Identifier: GPL-2.0

//! System memory of GEM objects as the device reads and writes it. That of other drivers is mapped in `import.rs`.
//!
//! An object is mapped for the device when that is first needed, and unmapped when it is freed, or when the device has
//! been unplugged: a device without driver has no memory mapped.

use core::ptr::NonNull;

use kernel::bindings;
use kernel::error::{from_err_ptr, to_result};
use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::scatterlist::SGTable;
use kernel::sync::{new_mutex, Mutex};

use super::Object;
use crate::drm::device::{Device, Driver};

/// Memory of an object as the device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaBlock {
    /// Where it begins in the object.
    pub offset: u64,
    /// The device's address of it.
    pub address: u64,
    /// Its bytes, whole pages.
    pub size: u64,
}

impl<D: Driver> Object<D> {
    /// The object's memory as the device sees it, in the order of the object's bytes. Its pages are allocated and mapped
    /// for the device, unless they have been. What is returned stays true as long as the object lives and the device is
    /// plugged in; `lent` is what only lives that long.
    ///
    /// # Errors
    ///
    /// `EINVAL` where another device has lent `lent`, `EOPNOTSUPP` where the object is not in system memory, `ENOMEM`, and
    /// those of mapping.
    pub fn dma_blocks<'a>(&'a self, lent: &'a D::RegistrationData<'_>) -> Result<&'a [DmaBlock]> {
        let device = self.lender(lent)?;
        if let Some(import) = &self.memory().import {
            return Ok(import.blocks());
        }
        let array = self.memory().get_pages()?;
        // Pages must not be mapped twice at once.
        let _lock = self.memory().pages.lock.lock();
        let mappings = device.dma_mappings();
        let blocks = match mappings.get(self.as_raw()) {
            Some(blocks) => blocks,
            None => {
                let (first, count) = array.as_raw();
                // SAFETY: There are so many pages. The parent of a device that is plugged in is bound.
                let table = unsafe {
                    let parent = (*device.as_raw()).dev;
                    Table::new::<D>(device, parent, first, u32::try_from(count)?)
                }?;
                mappings.insert(self.as_raw(), table)?
            }
        };
        // SAFETY: They are not changed. They are there until the object is freed, to which `self` is a reference, or until
        // what `lent` borrows is gone.
        Ok(unsafe { blocks.as_ref() })
    }

    /// What [`Self::dma_blocks`] has returned before. Allocates nothing, and waits for nobody who does.
    ///
    /// # Errors
    ///
    /// `EINVAL` where another device has lent `lent`, or the object's pages are not mapped for the device.
    pub fn mapped_dma_blocks<'a>(
        &'a self,
        lent: &'a D::RegistrationData<'_>,
    ) -> Result<&'a [DmaBlock]> {
        let device = self.lender(lent)?;
        if let Some(import) = &self.memory().import {
            return Ok(import.blocks());
        }
        let mappings = device.dma_mappings();
        let blocks = mappings.get(self.as_raw()).ok_or(EINVAL)?;
        // SAFETY: As in `dma_blocks`.
        Ok(unsafe { blocks.as_ref() })
    }

    /// The object's device, which must have lent this.
    fn lender(&self, lent: &D::RegistrationData<'_>) -> Result<&Device<D>> {
        // SAFETY: The object is of a `Device<D>`, which lives as long as its objects.
        let device = unsafe { Device::<D>::from_raw((*self.as_raw()).dev) };
        match device.has_lent(lent) {
            true => Ok(device),
            false => Err(EINVAL),
        }
    }
}

/// A table of pages that are mapped for a device; the drop unmaps them.
///
/// # Invariants
///
/// The table is mapped for the device, which is bound, and nobody else frees it.
struct Table {
    table: NonNull<bindings::sg_table>,
    device: *mut bindings::device,
    blocks: KVVec<DmaBlock>,
}

// SAFETY: Any thread may unmap it.
unsafe impl Send for Table {}

impl Table {
    /// Maps `count` pages.
    ///
    /// # Safety
    ///
    /// `first` is the first of so many pointers to pages, which are not freed before the table is dropped; nor
    /// is `device` unbound.
    unsafe fn new<D: Driver>(
        drm: &Device<D>,
        device: *mut bindings::device,
        first: *mut *mut bindings::page,
        count: u32,
    ) -> Result<Self> {
        // SAFETY: As the caller promises.
        let table =
            from_err_ptr(unsafe { bindings::drm_prime_pages_to_sg(drm.as_raw(), first, count) })?;
        let table = NonNull::new(table).ok_or(ENOMEM)?;
        // SAFETY: The table has just been made, and the device is bound.
        let mapped = to_result(unsafe {
            let direction = bindings::dma_data_direction::DMA_BIDIRECTIONAL;
            bindings::dma_map_sgtable(device, table.as_ptr(), direction, 0)
        });
        if let Err(error) = mapped {
            // SAFETY: It is not mapped, and not used again.
            unsafe { free(table) };
            return Err(error);
        }
        // INVARIANT: It has been mapped.
        let mut made = Self {
            table,
            device,
            blocks: KVVec::new(),
        };
        // SAFETY: As above; nobody changes it.
        made.blocks = blocks(unsafe { SGTable::from_raw(table.as_ptr()) })?;
        Ok(made)
    }
}

/// Where the blocks of a mapped table are, so that any part of the object is found at once.
pub(super) fn blocks(table: &SGTable) -> Result<KVVec<DmaBlock>> {
    let mut blocks = KVVec::new();
    let mut offset = 0_u64;
    for entry in table.iter() {
        let block = DmaBlock {
            offset,
            address: entry.dma_address(),
            size: entry.dma_len(),
        };
        offset = offset.saturating_add(block.size);
        blocks.push(block, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(blocks)
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: By the invariant; it is not used again.
        unsafe {
            let direction = bindings::dma_data_direction::DMA_BIDIRECTIONAL;
            bindings::dma_unmap_sgtable(self.device, self.table.as_ptr(), direction, 0);
            free(self.table);
        }
    }
}

/// # Safety
///
/// The table comes from `drm_prime_pages_to_sg()`, and is not used again.
unsafe fn free(table: NonNull<bindings::sg_table>) {
    // SAFETY: As the caller promises.
    unsafe {
        bindings::sg_free_table(table.as_ptr());
        bindings::kfree(table.as_ptr().cast());
    }
}

/// The objects of a device that are mapped for it.
#[pin_data]
pub struct Mappings {
    /// By the address of the object.
    #[pin]
    tables: Mutex<RBTree<usize, Table>>,
}

impl Mappings {
    /// Of a device that has no objects yet.
    pub(in crate::drm) fn new() -> impl PinInit<Self> {
        pin_init!(Self { tables <- new_mutex!(RBTree::new()) })
    }

    fn get(&self, object: *mut bindings::drm_gem_object) -> Option<NonNull<[DmaBlock]>> {
        let tables = self.tables.lock();
        let table = tables.get(&object.addr())?;
        Some(NonNull::from(table.blocks.as_slice()))
    }

    /// Adds the table of an object that has none.
    fn insert(
        &self,
        object: *mut bindings::drm_gem_object,
        table: Table,
    ) -> Result<NonNull<[DmaBlock]>> {
        // They stay where they are when the table is moved.
        let blocks = NonNull::from(table.blocks.as_slice());
        let node = RBTreeNode::new(object.addr(), table, GFP_KERNEL)?;
        let replaced = self.tables.lock().insert(node);
        debug_assert!(replaced.is_none());
        Ok(blocks)
    }

    /// Unmaps an object, if it is mapped, before its pages are freed.
    pub(super) fn remove(&self, object: *mut bindings::drm_gem_object) {
        // Under the lock, so that nobody believes that it has been unmapped while somebody else is about to do it.
        let mut tables = self.tables.lock();
        drop(tables.remove(&object.addr()));
    }

    /// Unmaps all objects.
    pub(in crate::drm) fn clear(&self) {
        // Under the lock, as above.
        let mut tables = self.tables.lock();
        drop(core::mem::replace(&mut *tables, RBTree::new()));
    }
}
