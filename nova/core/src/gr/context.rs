// SPDX-License-Identifier: GPL-2.0

//! The buffers of a graphics context.
//!
//! Each channel has two of its own. Those that hold nothing of a channel while it does not run are
//! shared by all channels of the GPU, the golden one included. GSP-RM makes the *golden context*
//! once, when the first object for 3D is allocated on a channel with its context: what each later
//! context begins as. It keeps a copy of it.
//!
//! All of them are mapped in the channel's address space, for privileged accesses only: the engine's
//! own.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gr.c
//! (`r535_gr_get_ctxbuf_info`, `r535_gr_promote_ctx`, `r535_gr_oneinit`).

use nova_hw::abi::{ContextBufferInfo, PromoteCtx, PromoteEntry};
use nova_hw::size::{GIB, KIB, MIB};

use crate::gsp::commands::context_buffers::GetContextBuffers;
use crate::gsp::rpc::error::RpcError;

/// Addresses that the buffers of one channel's own may take, in its address space. An H200's have
/// 3 MiB (docs/real-cards.md).
pub const OWN_SPAN: u64 = 16 * MIB;

/// Addresses that the shared buffers may take in an address space.
pub const SHARED_SPAN: u64 = GIB;

/// A multiple of this is where they begin. The first of them, for attributes, wants a multiple of
/// its size.
pub const SHARED_ALIGN: u64 = 512 * MIB;

/// Buffers that a context may have.
const BUFFERS: usize = KINDS.len();
const _: () = assert!(BUFFERS <= PromoteCtx::ENTRIES);

/// Bytes behind the main buffer: a page for each subcontext that a group can have.
///
/// Source: open-gpu-kernel-modules 570, `kgraphicsGetMainCtxBufferSize_IMPL` in
/// src/nvidia/src/kernel/gpu/gr/kernel_graphics.c.
const SUBCONTEXT_HEADERS: u64 = 64 * 4 * KIB;

/// The memory that a buffer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Of one channel: one block, zero when the channel is made.
    Own,
    /// Of all channels: one block, zero when the golden context is made.
    State,
    /// Of all channels: any blocks, with any contents.
    Scratch,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Own, Self::State, Self::Scratch];
}

/// A buffer.
#[derive(Clone, Copy)]
struct Kind {
    /// `NV0080_CTRL_FIFO_GET_ENGINE_CONTEXT_PROPERTIES_ENGINE_ID_GRAPHICS*`
    /// (open-gpu-kernel-modules 570, src/common/sdk/nvidia/inc/ctrl/ctrl0080/ctrl0080fifo.h).
    number: u8,
    /// `NV2080_CTRL_GPU_PROMOTE_CTX_BUFFER_ID_*` (ctrl2080/ctrl2080gpu.h).
    id: u16,
    part: Part,
}

const MAIN: u16 = 0;
const ATTRIBUTE_CB: u16 = 5;
const PRIV_ACCESS_MAP: u16 = 10;
const UNRESTRICTED_PRIV_ACCESS_MAP: u16 = 11;

const fn kind(number: u8, id: u16, part: Part) -> Kind {
    Kind { number, id, part }
}

/// The buffers that nouveau gives GSP-RM. The first one of a part comes first in its memory.
const KINDS: [Kind; 9] = [
    kind(0x00, MAIN, Part::Own),
    // PATCH
    kind(0x10, 2, Part::Own),
    kind(0x13, ATTRIBUTE_CB, Part::Scratch),
    // BUFFER_BUNDLE_CB, PAGEPOOL, RTV_CB_GLOBAL
    kind(0x11, 3, Part::Scratch),
    kind(0x0d, 4, Part::Scratch),
    kind(0x14, 6, Part::Scratch),
    // FECS_EVENT
    kind(0x17, 9, Part::State),
    kind(0x18, PRIV_ACCESS_MAP, Part::State),
    kind(0x18, UNRESTRICTED_PRIV_ACCESS_MAP, Part::State),
];

/// Number of the buffer in which programs keep ZCULL regions, which is not of the context.
const ZCULL: u8 = 0x08;

/// A buffer in the memory of its part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Placed {
    offset: u64,
    /// Bytes, as GSP-RM is told; zero for one that the GPU does not need.
    size: u64,
}

/// What a mapping of a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Offset in the memory of its part.
    pub offset: u64,
    /// Bytes, in whole pages of 4 KiB.
    pub size: u64,
    /// The engine does not write there.
    pub read_only: bool,
}

/// Where the parts of a context are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Addresses of [`Part::ALL`] in the channel's address space.
    pub virtual_addresses: [u64; 3],
    /// The block of [`Part::Own`] in VRAM.
    pub own: u64,
    /// The block of [`Part::State`] in VRAM.
    pub state: u64,
}

/// Whose context it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextOf {
    /// The channel on which GSP-RM makes the golden context.
    Golden,
    /// Another channel.
    Program,
}

/// What GSP-RM is told of a context's buffers.
#[derive(Clone, Copy, Debug)]
pub struct Promotion {
    entries: [PromoteEntry; BUFFERS],
    count: usize,
}

impl Promotion {
    /// The buffers.
    pub fn entries(&self) -> &[PromoteEntry] {
        self.entries.get(..self.count).unwrap_or_default()
    }
}

/// The buffers of contexts, and where they are in the memory of their parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextLayout {
    buffers: [Placed; BUFFERS],
    parts: [PartLayout; 3],
    /// Bytes and alignment of the memory in which a program keeps ZCULL regions.
    pub zcull: (u32, u32),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PartLayout {
    size: u64,
    align: u64,
}

/// Numbers of the buffers that GSP-RM is asked for.
const ASKED: [u8; BUFFERS + 1] = {
    let mut asked = [ZCULL; BUFFERS + 1];
    let mut at = 0;
    while at < BUFFERS {
        asked[at] = KINDS[at].number;
        at += 1;
    }
    asked
};

impl ContextLayout {
    /// The control that asks GSP-RM for what [`Self::new`] needs.
    pub(super) const QUESTION: GetContextBuffers<{ BUFFERS + 1 }> = GetContextBuffers(ASKED);

    /// Places buffers of the sizes that GSP-RM has told.
    ///
    /// # Errors
    ///
    /// They do not fit into the addresses that there are for them.
    pub(super) fn new(told: &[ContextBufferInfo; BUFFERS + 1]) -> Result<Self, RpcError> {
        let [buffers @ .., zcull] = told;
        let mut layout = Self {
            buffers: [Placed::default(); BUFFERS],
            parts: [PartLayout {
                size: 0,
                align: 4 * KIB,
            }; 3],
            zcull: (zcull.size, zcull.alignment),
        };
        let places = layout.buffers.iter_mut().zip(buffers).zip(KINDS);
        let [own, state, scratch] = &mut layout.parts;
        for ((place, told), kind) in places {
            let (part, page_max) = match kind.part {
                // There is one for each channel: no more is rounded up than that.
                Part::Own => (&mut *own, 64 * KIB),
                Part::State => (&mut *state, 2 * MIB),
                Part::Scratch => (&mut *scratch, 2 * MIB),
            };
            *place = part.add(bytes(kind, told), told.alignment, page_max);
        }
        for part in &mut layout.parts {
            part.size = up(part.size, part.align);
        }
        check("a context of graphics", layout.size(Part::Own), OWN_SPAN)?;
        let shared = layout.state_at().saturating_add(layout.size(Part::State));
        check("shared buffers of contexts", shared, SHARED_SPAN)?;
        let attributes = layout.buffers.iter().zip(KINDS);
        for (placed, _) in attributes.filter(|(_, kind)| kind.id == ATTRIBUTE_CB) {
            check("the buffer of attributes", placed.size, SHARED_ALIGN)?;
        }
        Ok(layout)
    }

    /// Bytes of the memory of a part, a multiple of its [alignment](Self::align).
    pub fn size(&self, part: Part) -> u64 {
        self.part(part).size
    }

    /// Alignment of the memory of a part, and of each of its blocks if it has several.
    pub fn align(&self, part: Part) -> u64 {
        self.part(part).align
    }

    fn part(&self, part: Part) -> PartLayout {
        let [own, state, scratch] = self.parts;
        match part {
            Part::Own => own,
            Part::State => state,
            Part::Scratch => scratch,
        }
    }

    /// Where [`Part::State`] is behind the address of [`Part::Scratch`].
    pub fn state_at(&self) -> u64 {
        up(self.size(Part::Scratch), 2 * MIB)
    }

    /// The buffers of a part that are mapped.
    pub fn mappings(&self, part: Part, of: ContextOf) -> impl Iterator<Item = Mapping> + '_ {
        let buffers = self.buffers.iter().zip(KINDS);
        let mapped = buffers.filter(move |(placed, kind)| {
            kind.part == part && placed.size != 0 && is_mapped(*kind, of)
        });
        mapped.map(|(placed, kind)| Mapping {
            offset: placed.offset,
            size: up(placed.size, 4 * KIB),
            read_only: matches!(kind.id, PRIV_ACCESS_MAP | UNRESTRICTED_PRIV_ACCESS_MAP),
        })
    }

    /// What GSP-RM is told of a context that is there.
    pub fn promotion(&self, of: ContextOf, places: &Places) -> Promotion {
        let mut promotion = Promotion {
            entries: [PromoteEntry::default(); BUFFERS],
            count: 0,
        };
        let buffers = self.buffers.iter().zip(KINDS);
        // The golden context has them all.
        let told = buffers.filter(|(placed, kind)| {
            placed.size != 0 && (of == ContextOf::Golden || is_mapped(*kind, of))
        });
        for (entry, (placed, kind)) in promotion.entries.iter_mut().zip(told) {
            *entry = entry_for(kind, *placed, of, places);
            promotion.count = promotion.count.saturating_add(1);
        }
        promotion
    }
}

/// Whether a buffer is mapped. Each context has the map of one sort: programs' channels may not access
/// all registers.
fn is_mapped(kind: Kind, of: ContextOf) -> bool {
    match kind.id {
        PRIV_ACCESS_MAP => of == ContextOf::Program,
        UNRESTRICTED_PRIV_ACCESS_MAP => of == ContextOf::Golden,
        _ => true,
    }
}

fn entry_for(kind: Kind, placed: Placed, of: ContextOf, places: &Places) -> PromoteEntry {
    /// `NV2080_CTRL_GPU_INITIALIZE_CTX_APERTURE_VIDMEM`
    const VIDEO: u32 = 4;
    let [own, state, scratch] = places.virtual_addresses;
    let (at, block) = match kind.part {
        Part::Own => (own, Some(places.own)),
        Part::State => (
            state,
            Some(places.state).filter(|_| of == ContextOf::Golden),
        ),
        Part::Scratch => (scratch, None),
    };
    let is_mapped = is_mapped(kind, of);
    let mut entry = PromoteEntry {
        buffer_id: kind.id,
        b_nonmapped: (!is_mapped).into(),
        ..PromoteEntry::default()
    };
    if is_mapped {
        entry.gpu_virt_addr = at.saturating_add(placed.offset);
    }
    if let Some(block) = block {
        entry.b_initialize = 1;
        entry.gpu_phys_addr = block.saturating_add(placed.offset);
        entry.size = placed.size;
        entry.phys_attr = VIDEO;
    }
    entry
}

/// Bytes of a buffer.
fn bytes(kind: Kind, told: &ContextBufferInfo) -> u64 {
    let size = u64::from(told.size);
    match kind.id {
        MAIN => up(size, 4 * KIB).saturating_add(SUBCONTEXT_HEADERS),
        _ => size,
    }
}

impl PartLayout {
    /// Places a buffer behind the others, in pages of `page_max` at most.
    fn add(&mut self, size: u64, alignment: u32, page_max: u64) -> Placed {
        // As large pages as it fills.
        let page = match size.min(page_max) {
            size if size >= 2 * MIB => 2 * MIB,
            size if size >= 64 * KIB => 64 * KIB,
            _ => 4 * KIB,
        };
        self.align = self.align.max(page);
        // What GSP-RM wants is a page at most. The attributes' buffer wants its size, which is why it is the first one.
        let offset = up(self.size, page.max(up_to_power(alignment)));
        self.size = offset.saturating_add(size);
        Placed { offset, size }
    }
}

fn up_to_power(alignment: u32) -> u64 {
    u64::from(alignment).max(1).next_power_of_two()
}

/// The next multiple of a power of two.
fn up(size: u64, align: u64) -> u64 {
    let below = align.saturating_sub(1);
    size.saturating_add(below) & !below
}

fn check(what: &'static str, found: u64, expected: u64) -> Result<(), RpcError> {
    let short = |size| u32::try_from(size).unwrap_or(u32::MAX);
    match found <= expected {
        true => Ok(()),
        false => Err(RpcError::Reply {
            what,
            expected: short(expected),
            found: short(found),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const PAGE: ContextBufferInfo = ContextBufferInfo {
        size: 0x1000,
        alignment: 0x1000,
    };

    /// Sizes as those of a large GPU.
    fn large() -> [ContextBufferInfo; BUFFERS + 1] {
        let sizes = [
            0x1d_6500, 0x1_2000, 0x240_0000, 0x3_0000, 0x2_0000, 0x8000, 0x2_0000, 0x8_0000,
            0x8_0000, 0x6_0000,
        ];
        sizes.map(|size| ContextBufferInfo { size, ..PAGE })
    }

    fn ids(promotion: &Promotion) -> Vec<u16> {
        let entries = promotion.entries().iter();
        entries.map(|entry| entry.buffer_id).collect()
    }

    #[test]
    fn buffers_do_not_overlap_and_fit() {
        for told in [[PAGE; BUFFERS + 1], large()] {
            let layout = ContextLayout::new(&told).unwrap();
            for part in Part::ALL {
                let mut end = 0;
                for mapping in layout.mappings(part, ContextOf::Golden) {
                    assert!(mapping.offset >= end && mapping.offset % 0x1000 == 0);
                    end = mapping.offset + mapping.size;
                }
                assert!(end <= layout.size(part));
                assert!(layout.align(part).is_power_of_two());
                assert_eq!(layout.size(part) % layout.align(part), 0);
            }
        }
        let layout = ContextLayout::new(&large()).unwrap();
        let own = (layout.size(Part::Own), layout.align(Part::Own));
        assert_eq!(own, (0x24_0000, 64 << 10));
        assert_eq!(layout.align(Part::Scratch), 2 << 20);
        // The main buffer has room for headers, and the next begins at a page as large as it has.
        let own: Vec<_> = layout.mappings(Part::Own, ContextOf::Program).collect();
        assert_eq!((own[0].offset, own[0].size), (0, 0x21_7000));
        assert_eq!((own[1].offset, own[1].size), (0x22_0000, 0x1_2000));
        let mut scratch = layout.mappings(Part::Scratch, ContextOf::Program);
        let attributes = scratch.next().unwrap();
        assert_eq!((attributes.offset, attributes.size), (0, 0x240_0000));
        // Events, and one of the maps.
        for (of, map_at) in [
            (ContextOf::Program, 0x2_0000),
            (ContextOf::Golden, 0xa_0000),
        ] {
            let state: Vec<_> = layout.mappings(Part::State, of).collect();
            assert_eq!(state.len(), 2);
            assert_eq!((state[0].offset, state[0].read_only), (0, false));
            assert_eq!((state[1].offset, state[1].read_only), (map_at, true));
        }
        assert_eq!(layout.zcull, (0x6_0000, 0x1000));
    }

    const PLACES: Places = Places {
        virtual_addresses: [0x1_0000_0000, 0x2_0000_0000, 0x3_0000_0000],
        own: 0x100_0000,
        state: 0x200_0000,
    };

    /// As nouveau promotes: what is initialized, and what has no address.
    #[test]
    fn the_golden_context_initializes_what_is_shared() {
        let layout = ContextLayout::new(&[PAGE; BUFFERS + 1]).unwrap();
        let golden = layout.promotion(ContextOf::Golden, &PLACES);
        assert_eq!(ids(&golden), [0, 2, 5, 3, 4, 6, 9, 10, 11]);
        for entry in golden.entries() {
            let has_block = matches!(entry.buffer_id, 0 | 2 | 9 | 10 | 11);
            assert_eq!(entry.b_initialize != 0, has_block, "{entry:x?}");
            assert_eq!(entry.b_nonmapped != 0, entry.buffer_id == 10, "{entry:x?}");
            assert_eq!(
                entry.gpu_virt_addr == 0,
                entry.buffer_id == 10,
                "{entry:x?}"
            );
            assert_eq!(entry.phys_attr, 4 * u32::from(has_block));
        }
        let main = golden.entries()[0];
        assert_eq!((main.gpu_phys_addr, main.size), (0x100_0000, 0x4_1000));
        assert_eq!(golden.entries()[8].gpu_phys_addr, 0x200_2000);
    }

    #[test]
    fn a_program_s_context_has_its_own_buffers_alone_initialized() {
        let layout = ContextLayout::new(&[PAGE; BUFFERS + 1]).unwrap();
        let context = layout.promotion(ContextOf::Program, &PLACES);
        assert_eq!(ids(&context), [0, 2, 5, 3, 4, 6, 9, 10]);
        for entry in context.entries() {
            let is_own = matches!(entry.buffer_id, 0 | 2);
            assert_eq!(entry.b_initialize != 0, is_own, "{entry:x?}");
            assert_eq!(entry.b_nonmapped, 0);
        }
        assert_eq!(context.entries()[1].gpu_virt_addr, 0x1_0004_1000);
        assert_eq!(context.entries()[2].gpu_virt_addr, 0x3_0000_0000);
        assert_eq!(context.entries()[7].gpu_virt_addr, 0x2_0000_1000);
    }

    #[test]
    fn a_buffer_that_the_gpu_does_not_need_is_left_out() {
        let mut told = [PAGE; BUFFERS + 1];
        told[5].size = 0;
        let layout = ContextLayout::new(&told).unwrap();
        let context = layout.promotion(ContextOf::Program, &PLACES);
        assert_eq!(ids(&context), [0, 2, 5, 3, 4, 9, 10]);
        assert_eq!(
            layout.mappings(Part::Scratch, ContextOf::Program).count(),
            3
        );
    }

    #[test]
    fn contexts_that_have_no_room_are_refused() {
        for (number, size) in [(0, 16 << 20), (2, 513 << 20), (6, u32::MAX)] {
            let mut told = [PAGE; BUFFERS + 1];
            told[number].size = size;
            let error = ContextLayout::new(&told).unwrap_err();
            assert!(matches!(error, RpcError::Reply { .. }), "{error}");
        }
        let mut told = [PAGE; BUFFERS + 1];
        told[1].alignment = u32::MAX;
        assert!(ContextLayout::new(&told).is_err());
    }
}
