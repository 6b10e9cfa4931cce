// SPDX-License-Identifier: GPL-2.0

//! Pages of a BAR that user space maps.
//!
//! `kernel::pci` maps BARs for the kernel alone.

use core::ops::Range;

use kernel::bindings::resource_size_t;
use kernel::device::Bound;
use kernel::error::to_result;
use kernel::page::PAGE_SHIFT;
use kernel::pci;
use kernel::prelude::*;

// SAFETY: The declarations agree with nova-core/shim.c, which is linked into the module of this crate.
unsafe extern "C" {
    fn nova_helper_arch_io_reserve_memtype_wc(
        start: resource_size_t,
        size: resource_size_t,
    ) -> c_int;
    fn nova_helper_arch_io_free_memtype_wc(start: resource_size_t, size: resource_size_t);
}

/// Pages of a BAR of a bound device. User space maps them write-combined, where the processor can.
pub struct BarPages<'a> {
    _device: &'a pci::Device<Bound>,
    /// Number of the frame of the BAR's first page.
    frame: usize,
    /// Numbers of the pages in the BAR.
    pages: Range<usize>,
    is_reserved: bool,
}

impl<'a> BarPages<'a> {
    /// Whole pages of the BAR with this index. The kernel must not have mapped them otherwise.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they are not within the BAR, or there is none.
    pub fn new(device: &'a pci::Device<Bound>, index: u32, pages: Range<usize>) -> Result<Self> {
        let len = usize::try_from(device.resource_len(index)?)?;
        if pages.start > pages.end || pages.end > len >> PAGE_SHIFT {
            return Err(EINVAL);
        }
        let frame = usize::try_from(device.resource_start(index)?)? >> PAGE_SHIFT;
        let mut made = Self {
            _device: device,
            frame,
            pages,
            is_reserved: false,
        };
        let (start, size) = made.bytes();
        // Without this, the kernel maps them uncached, whatever a VMA says. That is only slower.
        // SAFETY: They are pages of the device, which is bound, and its driver maps them in no other way.
        let reserved = unsafe { nova_helper_arch_io_reserve_memtype_wc(start, size) };
        made.is_reserved = size != 0 && to_result(reserved).is_ok();
        Ok(made)
    }

    /// The numbers of the pages in the BAR.
    pub fn pages(&self) -> Range<usize> {
        self.pages.clone()
    }

    /// Number of the frame of a page with this number in the BAR.
    pub(crate) fn frame(&self, page: usize) -> Option<usize> {
        self.pages
            .contains(&page)
            .then(|| self.frame.wrapping_add(page))
    }

    /// Address and size of them.
    fn bytes(&self) -> (u64, u64) {
        let Self { frame, pages, .. } = self;
        let start = frame.wrapping_add(pages.start);
        let bytes = |pages: usize| (pages as u64) << PAGE_SHIFT;
        (bytes(start), bytes(pages.len()))
    }
}

impl Drop for BarPages<'_> {
    fn drop(&mut self) {
        if self.is_reserved {
            let (start, size) = self.bytes();
            // SAFETY: `new` has reserved them.
            unsafe { nova_helper_arch_io_free_memtype_wc(start, size) };
        }
    }
}
