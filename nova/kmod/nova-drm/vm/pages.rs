// SPDX-License-Identifier: GPL-2.0

//! What mappings are in page tables.

use core::ops::Range;

use kernel::prelude::*;
use nova_core_module::{AddressSpace, Aperture, Attributes, Block, Change, Spare, Tables};
use nova_kernel::drm::gem::dma::{DmaBlock, DmaBlocks};

use crate::driver::Object;
use crate::gpu::Gpu;

/// What is stored with a mapping.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mapped {
    /// Kind of the pages.
    pub(super) kind: u8,
    /// The GPU cannot write.
    pub(super) read_only: bool,
}

/// A range that is to be mapped, with all that this takes.
pub(super) struct Pages<'a> {
    range: Range<u64>,
    /// The object's memory, and where the part begins; `None` for sparse pages.
    memory: Option<(DmaBlocks<'a>, u64)>,
    mapped: Mapped,
}

impl<'a> Pages<'a> {
    /// Gets an object's memory, and tables for the range.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` where the object has no memory that can be mapped, `ENOMEM`, `ENOSPC`.
    pub(super) fn prepare<'b>(
        gpu: &'a Gpu<'_>,
        space: &AddressSpace<'b>,
        spare: &mut Spare<'b>,
        range: Range<u64>,
        object: Option<(&'a Object, u64)>,
        mapped: Mapped,
    ) -> Result<Self> {
        let memory = match object {
            Some((object, offset)) => Some((object.dma_blocks(gpu)?, offset)),
            None => None,
        };
        let change = match memory {
            Some(_) => Change::Map {
                aperture: Aperture::System,
                page_shift: 12,
            },
            None => Change::Unmap,
        };
        space.prepare(spare, range.clone(), change)?;
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
            mapped: Mapped { kind, read_only },
        } = self;
        let Some((memory, offset)) = memory else {
            tables.map_sparse(range);
            return;
        };
        let size = range.end.saturating_sub(range.start);
        let part = offset..offset.saturating_add(size);
        let attributes = Attributes { kind, read_only };
        tables.map(range, &mut blocks(memory.iter(), part), attributes);
    }
}

/// The blocks of a part of an object.
fn blocks(all: impl Iterator<Item = DmaBlock>, part: Range<u64>) -> impl Iterator<Item = Block> {
    let mut next = 0_u64;
    all.filter_map(move |block| {
        let start = next;
        next = start.saturating_add(block.size);
        let within = start.max(part.start)..next.min(part.end);
        (!within.is_empty()).then(|| Block {
            aperture: Aperture::System,
            address: block
                .address
                .saturating_add(within.start.saturating_sub(start)),
            size: within.end.saturating_sub(within.start),
        })
    })
}
