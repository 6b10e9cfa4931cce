// SPDX-License-Identifier: GPL-2.0

//! Kinds of pages: how their bytes are arranged and compressed.
//!
//! The numbers are the same in both versions. A chip does not have all of them: from GB202 on, depth
//! and stencil have the kinds of other memory.
//!
//! Source: open-gpu-doc, manuals/turing/tu104/dev_mmu.ref.txt (`NV_MMU_PTE_KIND_*`);
//! open-gpu-kernel-modules 570, src/common/inc/swref/published: turing/tu102, hopper/gh100 and
//! blackwell/gb202, dev_mmu.h. Which chip has which: turing/tu102 and blackwell/gb202,
//! kind_macros.h (`PTEKIND_*`), and src/nvidia/generated/g_mem_mgr_nvoc.c (`memmgrIsKind`).

/// Lines one after the other.
pub const PITCH: u8 = 0x0;
/// Depth of 16 bits.
pub const Z16: u8 = 0x1;
/// Stencil of 8 bits.
pub const S8: u8 = 0x2;
/// Stencil of 8 bits above depth of 24.
pub const S8Z24: u8 = 0x3;
/// Depth as a float, with stencil.
pub const ZF32_X24S8: u8 = 0x4;
/// Depth of 24 bits above stencil of 8.
pub const Z24S8: u8 = 0x5;
/// Anything, in pitch or block-linear form.
pub const GENERIC_MEMORY: u8 = 0x6;
/// No kind.
pub const INVALID: u8 = 0x7;
/// As [`GENERIC_MEMORY`], compressed.
pub const GENERIC_MEMORY_COMPRESSIBLE: u8 = 0x8;
/// As [`GENERIC_MEMORY`], compressed, but not after the L2 cache.
pub const GENERIC_MEMORY_COMPRESSIBLE_DISABLE_PLC: u8 = 0x9;
/// As [`S8`], compressed.
pub const S8_COMPRESSIBLE_DISABLE_PLC: u8 = 0xa;
/// As [`Z16`], compressed.
pub const Z16_COMPRESSIBLE_DISABLE_PLC: u8 = 0xb;
/// As [`S8Z24`], compressed.
pub const S8Z24_COMPRESSIBLE_DISABLE_PLC: u8 = 0xc;
/// As [`ZF32_X24S8`], compressed.
pub const ZF32_X24S8_COMPRESSIBLE_DISABLE_PLC: u8 = 0xd;
/// As [`Z24S8`], compressed.
pub const Z24S8_COMPRESSIBLE_DISABLE_PLC: u8 = 0xe;
/// Messages to the compute scheduler; the last kind.
pub const SMSKED_MESSAGE: u8 = 0xf;

/// The kinds of a chip; bit n is for the kind n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// All that its pages can have; `PTEKIND_SUPPORTED`.
    pub all: u16,
    /// Those of pages whose data may be compressed; `PTEKIND_COMPRESSIBLE`.
    pub compressible: u16,
}

impl Kinds {
    /// From Turing to GB100.
    pub(super) const TU102: Self = Self {
        all: !(1 << INVALID),
        compressible: 1 << GENERIC_MEMORY_COMPRESSIBLE
            | 1 << GENERIC_MEMORY_COMPRESSIBLE_DISABLE_PLC
            | 1 << S8_COMPRESSIBLE_DISABLE_PLC
            | 1 << Z16_COMPRESSIBLE_DISABLE_PLC
            | 1 << S8Z24_COMPRESSIBLE_DISABLE_PLC
            | 1 << ZF32_X24S8_COMPRESSIBLE_DISABLE_PLC
            | 1 << Z24S8_COMPRESSIBLE_DISABLE_PLC,
    };

    /// GB202 and its relatives.
    pub(super) const GB202: Self = {
        let compressible =
            1 << GENERIC_MEMORY_COMPRESSIBLE | 1 << GENERIC_MEMORY_COMPRESSIBLE_DISABLE_PLC;
        Self {
            all: compressible | 1 << PITCH | 1 << GENERIC_MEMORY | 1 << SMSKED_MESSAGE,
            compressible,
        }
    };

    /// Whether pages can have a kind.
    pub const fn has(&self, kind: u8) -> bool {
        kind <= SMSKED_MESSAGE && self.all >> kind & 1 != 0
    }
}
