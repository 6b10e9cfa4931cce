// SPDX-License-Identifier: GPL-2.0

//! The VRAM that GSP-RM leaves to the driver and its users. The kernel's buddy allocator manages it, with a lock of its
//! own.

use core::ops::Range;

use kernel::gpu::buddy::{
    AllocatedBlocks, GpuBuddy, GpuBuddyAllocFlag, GpuBuddyAllocFlags, GpuBuddyAllocMode,
    GpuBuddyParams,
};
use kernel::prelude::*;
use kernel::ptr::Alignment;
use kernel::sizes::SZ_4K;
use nova_core::platform::VideoBlock;
use nova_core::{Extent, StaticInfo};

/// End of the addresses in VRAM: those of Hopper and later have 40 bits, others fewer.
const ADDRESS_END: u64 = 1 << 40;

/// VRAM. Blocks keep the allocator, so they may be dropped at any time, also after unbind.
pub struct Vram {
    buddy: GpuBuddy,
    /// What the driver may use, in rising order.
    regions: KVec<Range<u64>>,
    /// Bytes of the regions.
    size: u64,
    /// What lies between the regions, allocated for good. So all regions are managed together, and a block is aligned in
    /// VRAM and not only in its region.
    _gaps: KVec<Pin<KBox<AllocatedBlocks>>>,
}

impl Vram {
    /// The usable VRAM of a GPU, none of which is allocated.
    ///
    /// # Errors
    ///
    /// `EPROTO` if there is none, or regions overlap; `ENOMEM`.
    pub(crate) fn new(info: &StaticInfo) -> Result<Self> {
        let regions = regions(info)?;
        let end = regions.last().ok_or(EPROTO)?.end;
        let buddy = GpuBuddy::new(GpuBuddyParams {
            base_offset: 0,
            size: end,
            chunk_size: Alignment::new::<SZ_4K>(),
        })?;
        let mut gaps = KVec::new();
        let mut before = 0;
        for region in &regions {
            let gap = before..region.start;
            before = region.end;
            if gap.is_empty() {
                continue;
            }
            let size = gap.end.saturating_sub(gap.start);
            let blocks = buddy.alloc_blocks(
                GpuBuddyAllocMode::Range(gap),
                size,
                Alignment::new::<SZ_4K>(),
                GpuBuddyAllocFlags::default(),
            );
            gaps.push(KBox::pin_init(blocks, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        Ok(Self {
            size: buddy.avail(),
            buddy,
            regions,
            _gaps: gaps,
        })
    }

    /// Whether the GPU still has the same usable VRAM, after another boot.
    pub(crate) fn is_of(&self, info: &StaticInfo) -> bool {
        let mut count = 0_usize;
        for region in info.usable_regions() {
            let region = whole_pages(&region);
            if !region.is_empty() && !self.regions.contains(&region) {
                return false;
            }
            count = count.saturating_add(usize::from(!region.is_empty()));
        }
        count == self.regions.len()
    }

    /// Allocates `size` bytes, a multiple of 4 KiB, in blocks of at least `min_block` bytes, which are aligned to that.
    /// `min_block` is a power of two from 4 KiB on. The contents are undefined.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not so much VRAM left, `ENOMEM`.
    #[inline(never)]
    pub fn alloc(&self, size: u64, min_block: u64) -> Result<Blocks> {
        self.alloc_with(size, min_block, GpuBuddyAllocFlags::default())
    }

    /// As [`Self::alloc`], in blocks of which each begins where the one before ends.
    ///
    /// # Errors
    ///
    /// As [`Self::alloc`], and `ENOSPC` if what is left is in pieces.
    #[inline(never)]
    pub fn alloc_contiguous(&self, size: u64, align: u64) -> Result<Blocks> {
        self.alloc_with(size, align, GpuBuddyAllocFlag::Contiguous.into())
    }

    fn alloc_with(&self, size: u64, min_block: u64, flags: GpuBuddyAllocFlags) -> Result<Blocks> {
        let min_block = Alignment::new_checked(usize::try_from(min_block)?).ok_or(EINVAL)?;
        let mode = GpuBuddyAllocMode::Simple;
        let blocks = self.buddy.alloc_blocks(mode, size, min_block, flags);
        match KBox::pin_init(blocks, GFP_KERNEL) {
            Ok(blocks) => Blocks::new(blocks),
            Err(ENOMEM) => Err(ENOMEM),
            // The allocator also says `EINVAL` for more than it manages.
            Err(_) => Err(ENOSPC),
        }
    }

    /// Allocates one block for the driver itself.
    pub(crate) fn chunk(&self, size: u64, align: u64) -> Result<Chunk> {
        let blocks = self.alloc(size, size.max(align))?;
        let &Extent { address, size, .. } = blocks.extents().first().ok_or(ENOSPC)?;
        Ok(Chunk {
            address,
            size,
            _blocks: blocks,
        })
    }

    /// Where it is, in rising order.
    pub fn regions(&self) -> &[Range<u64>] {
        &self.regions
    }

    /// Size in bytes.
    #[inline(never)]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that are allocated.
    #[inline(never)]
    pub fn used(&self) -> u64 {
        self.size.saturating_sub(self.buddy.avail())
    }
}

/// The whole pages of 4 KiB in a region.
fn whole_pages(region: &Range<u64>) -> Range<u64> {
    const PAGE: u64 = SZ_4K as u64;
    let start = region.start.div_ceil(PAGE).saturating_mul(PAGE);
    start..region.end / PAGE * PAGE
}

/// The usable regions in whole pages, in rising order.
fn regions(info: &StaticInfo) -> Result<KVec<Range<u64>>> {
    let mut regions = KVec::new();
    for region in info.usable_regions() {
        let region = whole_pages(&region);
        if !region.is_empty() {
            insert(&mut regions, region)?;
        }
    }
    let mut before = 0;
    for region in &regions {
        if region.start < before || region.end > ADDRESS_END {
            return Err(EPROTO);
        }
        before = region.end;
    }
    Ok(regions)
}

/// Inserts a region before those that start after it.
fn insert(regions: &mut KVec<Range<u64>>, region: Range<u64>) -> Result {
    let later = regions.iter().position(|other| other.start > region.start);
    let at = later.unwrap_or(regions.len());
    regions.reserve(1, GFP_KERNEL)?;
    regions
        .insert_within_capacity(at, region)
        .map_err(|_| ENOMEM)
}

/// Blocks of VRAM, freed when dropped.
pub struct Blocks {
    /// The blocks one after the other; those that follow each other in VRAM, too, are one extent.
    extents: KVVec<Extent>,
    _blocks: Pin<KBox<AllocatedBlocks>>,
}

impl Blocks {
    fn new(blocks: Pin<KBox<AllocatedBlocks>>) -> Result<Self> {
        let mut extents: KVVec<Extent> = KVVec::new();
        let mut offset = 0;
        for block in blocks.iter() {
            let (address, size) = (block.offset(), block.size());
            match extents.last_mut() {
                Some(last) if last.address.saturating_add(last.size) == address => {
                    last.size = last.size.saturating_add(size);
                }
                _ => {
                    let extent = Extent {
                        offset,
                        address,
                        size,
                    };
                    extents.push(extent, GFP_KERNEL_ACCOUNT)?;
                }
            }
            offset = offset.saturating_add(size);
        }
        Ok(Self {
            extents,
            _blocks: blocks,
        })
    }

    /// Where they are in VRAM, in the order of their offsets.
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }
}

/// A block of VRAM for the driver itself.
pub(crate) struct Chunk {
    address: u64,
    size: u64,
    _blocks: Blocks,
}

impl VideoBlock for Chunk {
    fn address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> u64 {
        self.size
    }
}
