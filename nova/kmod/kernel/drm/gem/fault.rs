// SPDX-License-Identifier: GPL-2.0

//! Page faults of the CPU in mappings of objects.
//!
//! What an object outside of system memory has is seen through a BAR of the device. Which pages of the BAR show it may
//! change, so that the driver inserts them when they are touched, and takes them back by [`Device::unmap_pages`]. While
//! they cannot be shown since the device does not work, the CPU sees a page of the object that has no other purpose, the
//! dummy page. An object may also have pages of another one instead, in system memory.

use core::ops::Range;

use kernel::bindings;
use kernel::page::{Page, PAGE_SHIFT};
use kernel::prelude::*;

use super::Object;
use crate::drm::device::{Device, Driver};
use crate::drm::shim;
use crate::pci::bar_pages::BarPages;

/// Pages of a [`Device`]'s file, by their numbers.
pub type FilePages = Range<u64>;

/// A page fault in a mapping of an object.
///
/// # Invariants
///
/// The kernel handles a fault in `vma`, which maps pages of the object by their frames (VM_PFNMAP).
pub struct Fault<'a, D: Driver> {
    object: &'a Object<D>,
    vma: *mut bindings::vm_area_struct,
    address: usize,
    /// Number in the object of the page that was touched.
    page: usize,
    /// What the kernel is told, once something has been inserted.
    answer: Option<bindings::vm_fault_t>,
}

impl<'a, D: Driver> Fault<'a, D> {
    /// # Safety
    ///
    /// The kernel handles this fault, in a VMA of `object` that maps pages by their frames.
    pub(super) unsafe fn new(
        object: &'a Object<D>,
        fault: &bindings::vm_fault__bindgen_ty_1,
    ) -> Option<Self> {
        // The VMA may begin anywhere in the object: it can be one for a part of it, or the rest of one that was split.
        let page = fault.pgoff.checked_sub(object.first_page())?;
        // INVARIANT: The caller promises so.
        Some(Self {
            object,
            vma: fault.vma,
            address: fault.address,
            page,
            answer: None,
        })
    }

    /// The object.
    pub fn object(&self) -> &'a Object<D> {
        self.object
    }

    /// Offset in the object of the page that was touched.
    pub fn offset(&self) -> u64 {
        (self.page as u64) << PAGE_SHIFT
    }

    /// Maps pages of a BAR, from number `from` in the BAR on, as pages `pages` of the object, the one that was touched
    /// among them, as far as the VMA goes.
    pub fn insert(&mut self, bar: &BarPages<'_>, from: usize, pages: Range<usize>) {
        debug_assert!(pages.contains(&self.page));
        // SAFETY: The VMA is there while the fault is handled.
        let (start, end) = unsafe {
            let range = (*self.vma).__bindgen_anon_1.__bindgen_anon_1;
            (range.vm_start, range.vm_end)
        };
        for page in pages.clone() {
            // Where it is, or would be, in the address space of the task.
            let distance = page
                .wrapping_sub(self.page)
                .wrapping_mul(kernel::page::PAGE_SIZE);
            let address = self.address.wrapping_add(distance);
            let frame = bar.frame(from.wrapping_add(page.wrapping_sub(pages.start)));
            if let (true, Some(frame)) = ((start..end).contains(&address), frame) {
                self.insert_frame(address, frame, page == self.page);
            }
        }
    }

    /// Maps the page of the object that has no other purpose. Nothing is mapped if there is no memory for it.
    pub fn insert_dummy(&mut self) {
        if let Ok(page) = self.object.memory().dummy_page() {
            // SAFETY: The page lives as long as the object, to which the VMA has a reference.
            let frame = unsafe { shim::page_to_pfn(page.as_ptr()) };
            self.insert_frame(self.address, frame, true);
        }
    }

    /// Has the touch fail.
    pub fn fail(&mut self) {
        self.answer = Some(bindings::vm_fault_reason_VM_FAULT_SIGBUS as bindings::vm_fault_t);
    }

    /// Has the page touched again.
    pub fn touch_again(&mut self) {
        self.answer = Some(bindings::vm_fault_reason_VM_FAULT_NOPAGE as bindings::vm_fault_t);
    }

    /// Has the kernel free memory, and the page touched again.
    pub fn out_of_memory(&mut self) {
        self.answer = Some(bindings::vm_fault_reason_VM_FAULT_OOM as bindings::vm_fault_t);
    }

    /// Maps a page that user space may have.
    fn insert_frame(&mut self, address: usize, frame: usize, is_touched: bool) {
        // SAFETY: By the invariant; the address is in the VMA. Whoever calls this has a page that lives until the VMA is
        // gone, or, of a BAR, until the driver takes it back, or the device is unplugged, which both unmap it.
        let answer = unsafe { bindings::vmf_insert_pfn(self.vma, address, frame) };
        if is_touched {
            self.answer = Some(answer);
        }
    }

    /// Maps the page of system memory.
    pub(super) fn insert_page(&mut self) {
        let pages = self.object.memory().pages.get();
        if let Some(page) = pages.and_then(|pages| pages.page(self.page)) {
            // SAFETY: It is a page.
            let frame = unsafe { shim::page_to_pfn(page) };
            self.insert_frame(self.address, frame, true);
        }
    }

    /// Maps the page that is in its place in the object that this one has been [moved to](Driver::moved_to).
    pub fn insert_moved(&mut self) {
        let other = D::moved_to(self.object.data());
        let pages = other.and_then(|other| other.memory().pages.get());
        let Some(page) = pages.and_then(|pages| pages.page(self.page)) else {
            return;
        };
        // SAFETY: It is a page. The VMA is there while the fault is handled. The address is in it, and the page lives as long as
        // the object, which has a reference to the other one for good. Unlike a BAR's, it is mapped cached.
        let answer = unsafe {
            let frame = shim::page_to_pfn(page);
            let cached = bindings::vm_get_page_prot((*self.vma).__bindgen_anon_2.vm_flags);
            bindings::vmf_insert_pfn_prot(self.vma, self.address, frame, cached)
        };
        self.answer = Some(answer);
    }

    /// Has the driver map the page.
    pub(super) fn show(&mut self) {
        // SAFETY: The object is of a `Device<D>`, which lives as long as its objects.
        let device = unsafe { Device::<D>::from_raw((*self.object.as_raw()).dev) };
        match device.enter() {
            Some(entered) => entered.with(|data| D::fault(data, device, self)),
            None => match D::moved_to(self.object.data()) {
                Some(_) => self.insert_moved(),
                None => self.insert_dummy(),
            },
        }
    }

    /// What the kernel is told.
    pub(super) fn answer(self) -> bindings::vm_fault_t {
        let error = bindings::vm_fault_reason_VM_FAULT_SIGBUS as bindings::vm_fault_t;
        self.answer.unwrap_or(error)
    }
}

impl<D: Driver> Object<D> {
    /// Number in the device's file of the object's first page.
    fn first_page(&self) -> usize {
        // SAFETY: The object is initialized. Its place is set before anybody else sees it, and stays.
        unsafe { (*self.as_raw()).vma_node.vm_node.start as usize }
    }

    /// Where pages of the object are in the device's file.
    pub fn file_pages(&self, pages: Range<usize>) -> FilePages {
        let at = |page: usize| self.first_page().saturating_add(page) as u64;
        at(pages.start)..at(pages.end)
    }
}

impl<D: Driver> super::Memory<D> {
    /// The page that the CPU sees while the object's memory cannot be seen.
    fn dummy_page(&self) -> Result<&Page> {
        if self.dummy.as_ref().is_none() {
            let page = Page::alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
            // If another thread was faster, this one is freed.
            self.dummy.populate(page);
        }
        self.dummy.as_ref().ok_or(ENOMEM)
    }
}

impl<D: Driver> Device<D> {
    /// Takes pages of the device's file from all that have mapped them. They are inserted again when they are touched.
    pub fn unmap_pages(&self, pages: &FilePages) {
        let bytes = |pages: u64| pages.saturating_mul(kernel::page::PAGE_SIZE as u64) as i64;
        let count = pages.end.saturating_sub(pages.start);
        self.unmap(bytes(pages.start), bytes(count));
    }

    /// As [`Self::unmap_pages`], of all pages.
    pub fn unmap_all_pages(&self) {
        // Up to the end of the file.
        self.unmap(0, 0);
    }

    fn unmap(&self, start: i64, length: i64) {
        // SAFETY: The device is initialized, so it has an inode, whose address space all of its files and dma-bufs have.
        unsafe {
            let mapping = (*(*self.as_raw()).anon_inode).i_mapping;
            bindings::unmap_mapping_range(mapping, start, length, 1);
        }
    }
}
