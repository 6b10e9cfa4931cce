// SPDX-License-Identifier: GPL-2.0

//! The GSP's firmware file, mapped for the device without a copy.
//!
//! The file has tens of megabytes, and its section with GSP-RM does not start on a page boundary of the
//! file. So the driver first finds out the length of the file. It then has the firmware loader read the
//! file into a buffer at an offset such that the section starts on a page boundary of memory. Only a
//! compressed file is copied once, since the loader decompresses it into its own buffer.

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

/// Size of the largest file that is loaded; this driver's own limit, which no known file reaches.
const MAX_LEN: usize = 256 << 20;

/// Page size in the tables for the GSP, which does not depend on the CPU's page size.
const GPU_PAGE_SIZE: usize = 4096;

/// A file in memory that is mapped for the device.
pub(crate) struct Image {
    /// Keeps the pages mapped.
    _table: Pin<KBox<SGTable<Owned<Pages>>>>,
    /// The DMA address of each of the CPU's pages.
    addresses: KVVec<DmaAddress>,
    file: Buffer,
}

impl Image {
    /// Loads the file `name` with its byte `page_aligned_at` on a page boundary, and maps it for `device`.
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

/// A file in a buffer.
struct Buffer {
    bytes: Arc<VVec<u8>>,
    /// Offset of the file in `bytes`.
    start: usize,
    /// Length of the file.
    len: usize,
    /// Bytes of the file that the driver has copied.
    copied: usize,
}

impl Buffer {
    /// Reads an uncompressed file to offset `start` of a buffer.
    fn read(device: &pci::Device<Bound>, name: &CStr, start: usize, len: FileLen) -> Result<Self> {
        let len = match len {
            FileLen::Known(len) => len,
            FileLen::FromHead(from_head) => {
                let mut head = KBox::new([0; 64], GFP_KERNEL)?;
                let head_len = partial_firmware::read(name, device.as_ref(), &mut *head)?;
                // If the head has no valid length, only the head is loaded, and its parser reports the
                // error.
                from_head(&head).unwrap_or(head_len)
            }
        };
        Self::fill(start, len, |room| {
            partial_firmware::read(name, device.as_ref(), room)
        })
    }

    /// Loads a file, which may be compressed, into the firmware loader's buffer, and copies it to offset
    /// `start` of a buffer.
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

    /// Allocates a buffer for `len` bytes at offset `start`, and calls `fill` with these bytes, which
    /// returns the length of the file. The buffer is zeroed, since the device can read all of its pages.
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

/// The pages of a buffer, which is shared with [`Image`].
///
/// `kernel::scatterlist` takes ownership of the pages that it maps and does not let the CPU read them.
/// Sharing is sound, since both the device and the CPU only read them.
struct Pages(Arc<VVec<u8>>);

impl AsPageIter for Pages {
    type Iter<'a> = VmallocPageIter<'a>;

    fn page_iter(&mut self) -> VmallocPageIter<'_> {
        let bytes = core::ptr::NonNull::from(self.0.as_slice()).cast();
        // SAFETY: A `VVec` that is not empty starts on a page boundary of a vmalloc allocation of at
        // least its length, which `self` keeps while it is borrowed. An empty one has no pages.
        unsafe { VmallocPageIter::new(bytes, self.0.len()) }
    }
}
