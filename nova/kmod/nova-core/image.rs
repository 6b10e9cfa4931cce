// SPDX-License-Identifier: GPL-2.0

//! The GSP's firmware image, which the device reads where the firmware loader has put it.
//!
//! The file is tens of megabytes long and its interesting section does not start on a page boundary of
//! the file. So its length is learnt beforehand, and the loader then reads the file to where the section
//! does start on a page boundary of memory: no byte is copied by the driver. Only where the file is
//! compressed, which the loader can only load to a place of its own, is it copied once.

use kernel::alloc::allocator::VmallocPageIter;
use kernel::alloc::flags::__GFP_NOWARN;
use kernel::device::Bound;
use kernel::dma::{DataDirection, DmaAddress};
use kernel::firmware::Firmware;
use kernel::page::{AsPageIter, PAGE_SIZE};
use kernel::pci;
use kernel::prelude::*;
use kernel::scatterlist::{Owned, SGTable};
use kernel::sync::Arc;
use nova_core::platform::{FileLen, FirmwareImage};

use nova_kernel::partial_firmware;

/// No firmware file is longer.
const MAX_LEN: usize = 256 << 20;

/// What the GPU takes for a page, whatever the CPU does.
const GPU_PAGE_SIZE: usize = 4096;

/// Bytes of a file in pages that the device can read.
pub(crate) struct Image {
    /// Keeps the pages mapped.
    _table: Pin<KBox<SGTable<Owned<Pages>>>>,
    /// The device's address of each page.
    addresses: KVVec<DmaAddress>,
    file: Buffer,
}

impl Image {
    /// Loads the file `name` so that its byte `page_aligned_at` starts a page, and maps it for `device`.
    pub(crate) fn load(
        device: &pci::Device<Bound>,
        name: &CStr,
        page_aligned_at: usize,
        len: FileLen,
    ) -> Result<Self> {
        let skew = page_aligned_at % GPU_PAGE_SIZE;
        let start = (GPU_PAGE_SIZE - skew) % GPU_PAGE_SIZE;
        let file = match Buffer::read(device, name, start, len) {
            Err(ENOENT) => Buffer::copy(device, name, start)?,
            read => read?,
        };
        Self::map(device, file)
    }

    fn map(device: &pci::Device<Bound>, file: Buffer) -> Result<Self> {
        let table = KBox::pin_init(
            SGTable::new(
                device.as_ref(),
                Pages(file.bytes.clone()),
                DataDirection::ToDevice,
                GFP_KERNEL,
            ),
            GFP_KERNEL,
        )?;
        let mut addresses = KVVec::with_capacity(file.bytes.len().div_ceil(PAGE_SIZE), GFP_KERNEL)?;
        for segment in table.iter() {
            let end = segment.dma_address() + segment.dma_len();
            for address in (segment.dma_address()..end).step_by(PAGE_SIZE) {
                addresses.push(address, GFP_KERNEL)?;
            }
        }
        Ok(Self {
            _table: table,
            addresses,
            file,
        })
    }
}

impl AsRef<[u8]> for Image {
    fn as_ref(&self) -> &[u8] {
        self.file.contents()
    }
}

impl FirmwareImage for Image {
    fn page_addr(&self, offset: usize) -> Option<u64> {
        let position = self.file.start.checked_add(offset)?;
        if offset >= self.file.len || position % GPU_PAGE_SIZE != 0 {
            return None;
        }
        let page = self.addresses.get(position / PAGE_SIZE)?;
        Some(page + (position % PAGE_SIZE) as u64)
    }

    fn copied(&self) -> usize {
        self.file.copied
    }
}

/// A file somewhere in whole pages.
struct Buffer {
    bytes: Arc<VVec<u8>>,
    /// Where in `bytes` the file starts.
    start: usize,
    /// Bytes of the file.
    len: usize,
    /// Bytes of the file that were copied here by the driver.
    copied: usize,
}

impl Buffer {
    /// Has the firmware loader read a plain file to `start`.
    fn read(device: &pci::Device<Bound>, name: &CStr, start: usize, len: FileLen) -> Result<Self> {
        let len = match len {
            FileLen::Known(len) => len,
            FileLen::FromHead(from_head) => {
                let mut head = KBox::new([0; 64], GFP_KERNEL)?;
                let head_len = partial_firmware::read(name, device.as_ref(), &mut *head)?;
                // A file that does not tell its length is none that can be used; its head shows why.
                from_head(&head).unwrap_or(head_len)
            }
        };
        Self::fill(start, len, |room| {
            partial_firmware::read(name, device.as_ref(), room)
        })
    }

    /// Has the firmware loader load a file to a place of its own, which it can do with a compressed one
    /// too, and copies it to `start`.
    fn copy(device: &pci::Device<Bound>, name: &CStr, start: usize) -> Result<Self> {
        let firmware = Firmware::request_nowarn(name, device.as_ref())?;
        let buffer = Self::fill(start, firmware.size(), |room| {
            room.copy_from_slice(firmware.data());
            Ok(room.len())
        })?;
        Ok(Self {
            copied: buffer.len,
            ..buffer
        })
    }

    /// Makes room for `len` bytes at `start`, zeroed, since the device sees whole pages, and has `fill`
    /// fill it; `fill` says how many bytes it had.
    fn fill(
        start: usize,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<Self> {
        if len > MAX_LEN {
            return Err(EFBIG);
        }
        let mut bytes = VVec::zeroed(start + len, GFP_KERNEL | __GFP_NOWARN)?;
        let len = fill(bytes.get_mut(start..).unwrap_or_default())?;
        Ok(Self {
            bytes: Arc::new(bytes, GFP_KERNEL)?,
            start,
            len,
            copied: 0,
        })
    }

    fn contents(&self) -> &[u8] {
        self.bytes
            .get(self.start..)
            .and_then(|bytes| bytes.get(..self.len))
            .unwrap_or_default()
    }
}

/// The pages of a buffer, which its mapping and its readers keep alive together.
///
/// `kernel::scatterlist` maps what it owns alone and gives no way to read it; these are only read, by
/// the device and by the CPU.
struct Pages(Arc<VVec<u8>>);

impl AsPageIter for Pages {
    type Iter<'a> = VmallocPageIter<'a>;

    fn page_iter(&mut self) -> VmallocPageIter<'_> {
        let bytes = core::ptr::NonNull::from(self.0.as_slice()).cast();
        // SAFETY: A `VVec` that is not empty starts on a page of a vmalloc allocation of at least its
        // length, and it lives as long as `self` is borrowed; an empty one yields no page.
        unsafe { VmallocPageIter::new(bytes, self.0.len()) }
    }
}
