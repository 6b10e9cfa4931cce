// SPDX-License-Identifier: GPL-2.0

//! What mappings are in page tables.

use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core_module::{
    extents_of, AddressSpace, Aperture, Attributes, Block, Change, Epoch, Extent, Spare, Tables,
};
use nova_kernel::drm::gem::dma::DmaBlock;

use crate::driver::Object;
use crate::gem::{self, Video};
use crate::gpu::Gpu;

/// What is stored with a mapping.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mapped {
    /// Kind of the pages.
    pub(super) kind: u8,
    /// The GPU cannot write.
    pub(super) read_only: bool,
    /// A dump may have the contents.
    pub(super) dumpable: bool,
}

/// The memory of an object, and where it is.
enum Memory<'a> {
    System(&'a [DmaBlock]),
    Vram(Arc<Video>),
}

/// A range that is to be mapped, with all that this takes.
pub(super) struct Pages<'a> {
    range: Range<u64>,
    /// The object's memory, and where the part begins; `None` for sparse pages.
    memory: Option<(Memory<'a>, u64)>,
    mapped: Mapped,
}

impl<'a> Pages<'a> {
    /// Gets an object's memory, and tables for the range.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENOSPC`, `EIO` if another epoch has begun since the object was cleared.
    pub(super) fn prepare<'b>(
        gpu: &'a Gpu<'_>,
        space: &AddressSpace<'b>,
        spare: &mut Spare<'b>,
        range: Range<u64>,
        object: Option<(&'a Object, u64)>,
        mapped: Mapped,
    ) -> Result<Self> {
        let memory = match object {
            Some((object, offset)) => Some((Memory::of(gpu, space.epoch(), object)?, offset)),
            None => None,
        };
        let change = match (&memory, object) {
            (Some((memory, offset)), Some((object, _))) => Change::Map {
                aperture: memory.aperture(),
                page_shift: page_shift(object, range.start, *offset),
            },
            _ => Change::Unmap,
        };
        space.prepare(spare, range.clone(), change)?;
        Ok(Self {
            range,
            memory,
            mapped,
        })
    }

    /// What has been [prepared](Self::prepare) before, in the same epoch. Allocates nothing.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it has not been prepared.
    pub(super) fn prepared(
        gpu: &'a Gpu<'_>,
        range: Range<u64>,
        object: Option<(&'a Object, u64)>,
        mapped: Mapped,
    ) -> Result<Self> {
        let memory = match object {
            Some((object, offset)) => Some((Memory::prepared(gpu, object)?, offset)),
            None => None,
        };
        Ok(Self {
            range,
            memory,
            mapped,
        })
    }

    /// Writes the tables.
    pub(super) fn map(self, tables: &mut Tables<'_, '_>) {
        let Self {
            range,
            memory,
            mapped: Mapped {
                kind, read_only, ..
            },
        } = self;
        let Some((memory, offset)) = memory else {
            tables.map_sparse(range);
            return;
        };
        let size = range.end.saturating_sub(range.start);
        let part = offset..offset.saturating_add(size);
        let attributes = Attributes {
            kind,
            read_only,
            privileged: false,
        };
        let block = |extent| block(memory.aperture(), extent);
        match &memory {
            Memory::System(blocks) => {
                let extents = extents_of(blocks, extent, part);
                tables.map(range, &mut extents.map(block), attributes);
            }
            Memory::Vram(video) => {
                let extents = extents_of(video.extents(), |extent| *extent, part);
                tables.map(range, &mut extents.map(block), attributes);
            }
        }
    }
}

impl<'a> Memory<'a> {
    fn of(gpu: &'a Gpu<'_>, epoch: Epoch, object: &'a Object) -> Result<Self> {
        match gem::memory(object) {
            gem::Memory::Vram(video) if video.is_cleared_in(epoch) => Ok(Self::Vram(video)),
            gem::Memory::Vram(_) => Err(EIO),
            gem::Memory::System(pages) => Ok(Self::System(pages.dma_blocks(gpu)?)),
        }
    }

    /// What [`Self::of`] has returned before.
    fn prepared(gpu: &'a Gpu<'_>, object: &'a Object) -> Result<Self> {
        match gem::memory(object) {
            gem::Memory::Vram(video) => Ok(Self::Vram(video)),
            gem::Memory::System(pages) => Ok(Self::System(pages.mapped_dma_blocks(gpu)?)),
        }
    }

    fn aperture(&self) -> Aperture {
        match self {
            Self::System(_) => Aperture::System,
            Self::Vram(_) => Aperture::Vram,
        }
    }
}

/// How large pages are surely where a part of an object is mapped at an address: the object's, unless the address and the
/// offset of the part differ in the bits below that.
fn page_shift(object: &Object, address: u64, offset: u64) -> u32 {
    let alike = (address ^ offset).trailing_zeros();
    object.data().layout.page_shift.min(alike)
}

fn extent(block: &DmaBlock) -> Extent {
    let DmaBlock {
        offset,
        address,
        size,
    } = *block;
    Extent {
        offset,
        address,
        size,
    }
}

fn block(aperture: Aperture, Extent { address, size, .. }: Extent) -> Block {
    Block {
        aperture,
        address,
        size,
    }
}
