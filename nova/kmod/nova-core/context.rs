// SPDX-License-Identifier: GPL-2.0

//! The memory of graphics contexts, which the second-level driver has zeroed: its copy engine is faster than the CPU.

use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::Arc;
use nova_core::{
    extents_of, Aperture, Attributes, Block, Change, ContextLayout, ContextMapping, ContextOf,
    ContextPart, ContextPlaces, Promotion, CONTEXT_OWN_SPAN, CONTEXT_SHARED_ALIGN,
    CONTEXT_SHARED_SPAN,
};

use crate::address_space::{AddressSpace, Spare};
use crate::vram::{Blocks, Vram};

/// Zeroes VRAM, and waits until that is done.
pub type Clear<'x> = &'x mut dyn FnMut(&Arc<Blocks>) -> Result;

/// Where contexts are mapped in an address space.
pub(crate) struct ContextRange {
    /// What is shared, at a multiple of [`CONTEXT_SHARED_ALIGN`].
    pub(crate) shared: u64,
    /// The channel's own.
    pub(crate) own: u64,
}

/// What all contexts of an epoch share.
pub struct SharedContext {
    layout: ContextLayout,
    state: Arc<Blocks>,
    scratch: Arc<Blocks>,
}

impl SharedContext {
    /// Allocates it.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not so much VRAM left, `ENOMEM`, and those of `clear`.
    #[inline(never)]
    pub(crate) fn new(vram: &Vram, layout: &ContextLayout, clear: Clear<'_>) -> Result<Arc<Self>> {
        let (size, align) = size_of(layout, ContextPart::Scratch);
        let scratch = Arc::new(vram.alloc(size, align)?, GFP_KERNEL_ACCOUNT)?;
        let state = zeroed(vram, layout, ContextPart::State, clear)?;
        let shared = Self {
            layout: *layout,
            state,
            scratch,
        };
        Ok(Arc::new(shared, GFP_KERNEL_ACCOUNT)?)
    }
}

/// The context of a channel. While GSP-RM has that, the GPU uses it.
pub struct Context {
    shared: Arc<SharedContext>,
    own: Arc<Blocks>,
    of: ContextOf,
}

impl Context {
    /// Allocates the context of a program's channel.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there is not so much VRAM left, `ENOMEM`, and those of `clear`.
    #[inline(never)]
    pub fn new(vram: &Vram, shared: &Arc<SharedContext>, clear: Clear<'_>) -> Result<Self> {
        Self::alloc(vram, shared, ContextOf::Program, clear)
    }

    /// Allocates the context of the channel by which GSP-RM makes the golden one. That channel is privileged.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    #[inline(never)]
    pub(crate) fn golden(
        vram: &Vram,
        shared: &Arc<SharedContext>,
        clear: Clear<'_>,
    ) -> Result<Self> {
        Self::alloc(vram, shared, ContextOf::Golden, clear)
    }

    fn alloc(
        vram: &Vram,
        shared: &Arc<SharedContext>,
        of: ContextOf,
        clear: Clear<'_>,
    ) -> Result<Self> {
        Ok(Self {
            own: zeroed(vram, &shared.layout, ContextPart::Own, clear)?,
            shared: shared.clone(),
            of,
        })
    }

    /// Whose it is.
    pub(crate) fn of(&self) -> ContextOf {
        self.of
    }

    /// Maps it, and what it shares unless that is mapped in the address space already.
    pub(crate) fn map(&self, space: &AddressSpace<'_>, at: &ContextRange) -> Result {
        let SharedContext {
            layout,
            state,
            scratch,
        } = &*self.shared;
        space.map_shared(&self.shared, || {
            self.map_part(space, at.shared, ContextPart::Scratch, scratch)?;
            let state_at = at.shared.saturating_add(layout.state_at());
            self.map_part(space, state_at, ContextPart::State, state)
        })?;
        self.map_part(space, at.own, ContextPart::Own, &self.own)
    }

    /// Maps the buffers of a part, for the engine alone.
    fn map_part(
        &self,
        space: &AddressSpace<'_>,
        at: u64,
        part: ContextPart,
        blocks: &Blocks,
    ) -> Result {
        let layout = &self.shared.layout;
        let change = Change::Map {
            aperture: Aperture::Vram,
            page_shift: layout.align(part).trailing_zeros(),
        };
        let range = |mapping: &ContextMapping| {
            let start = at.saturating_add(mapping.offset);
            start..start.saturating_add(mapping.size)
        };
        let mut spare = Spare::default();
        for mapping in layout.mappings(part, self.of) {
            space.prepare(&mut spare, range(&mapping), change)?;
        }
        space.change(&mut spare, &mut |tables| {
            for mapping in layout.mappings(part, self.of) {
                let offsets = mapping.offset..mapping.offset.saturating_add(mapping.size);
                let extents = extents_of(blocks.extents(), |extent| *extent, offsets);
                let mut blocks = extents.map(|extent| Block {
                    aperture: Aperture::Vram,
                    address: extent.address,
                    size: extent.size,
                });
                let attributes = Attributes {
                    read_only: mapping.read_only,
                    privileged: true,
                    ..Attributes::default()
                };
                tables.map(range(&mapping), &mut blocks, attributes);
            }
        })
    }

    /// Addresses that [`Self::map`] has mapped for this channel alone.
    pub(crate) fn own_range(&self, at: &ContextRange) -> Range<u64> {
        let size = self.shared.layout.size(ContextPart::Own);
        at.own..at.own.saturating_add(size)
    }

    /// What GSP-RM is told of it.
    pub(crate) fn promotion(&self, at: &ContextRange) -> Promotion {
        let layout = &self.shared.layout;
        let state_at = at.shared.saturating_add(layout.state_at());
        let places = ContextPlaces {
            virtual_addresses: [at.own, state_at, at.shared],
            own: address(&self.own),
            state: address(&self.shared.state),
        };
        layout.promotion(self.of, &places)
    }
}

/// Bytes and alignment of the memory of a part.
fn size_of(layout: &ContextLayout, part: ContextPart) -> (u64, u64) {
    (layout.size(part), layout.align(part))
}

/// A block for a part, which is zero.
fn zeroed(
    vram: &Vram,
    layout: &ContextLayout,
    part: ContextPart,
    clear: Clear<'_>,
) -> Result<Arc<Blocks>> {
    let (size, align) = size_of(layout, part);
    let blocks = Arc::new(vram.alloc_contiguous(size, align)?, GFP_KERNEL_ACCOUNT)?;
    clear(&blocks)?;
    Ok(blocks)
}

/// The address of a block.
fn address(blocks: &Blocks) -> u64 {
    let first = blocks.extents().first();
    debug_assert!(first.is_some());
    first.map_or(0, |extent| extent.address)
}

/// Bytes of an address space for the contexts of so many channels.
pub(crate) const fn span(channels: u64) -> u64 {
    CONTEXT_SHARED_SPAN + channels * CONTEXT_OWN_SPAN
}

/// Where the context of a channel is in these bytes, which begin at a multiple of [`CONTEXT_SHARED_ALIGN`].
pub(crate) fn place(start: u64, number: u16) -> ContextRange {
    debug_assert!(start % CONTEXT_SHARED_ALIGN == 0);
    let own = u64::from(number).saturating_mul(CONTEXT_OWN_SPAN);
    ContextRange {
        shared: start,
        own: start
            .saturating_add(CONTEXT_SHARED_SPAN)
            .saturating_add(own),
    }
}
