// SPDX-License-Identifier: GPL-2.0

//! The hardware blocks of the card, as tracks of the trace and counters of register accesses.

use nova_hw::falcon::EngineId;
use nova_hw::regs::falcon::{GSP_BASE, SEC2_BASE, SIZE};

/// A hardware block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// Identification.
    Pmc,
    /// Bus interface: scratch registers and the PRAMIN window.
    Pbus,
    /// The clock.
    Ptimer,
    /// PCI configuration space and its mirror in BAR0.
    Xve,
    /// Frame buffer: WPR2, system memory flush page.
    Pfb,
    /// Always-on island: GFW boot progress, frame-buffer size.
    Pgc6,
    /// VBIOS ROM.
    Prom,
    /// Display: the VGA workspace.
    Pdisp,
    /// Frame buffer through BAR0.
    Pramin,
    /// Fuses.
    Fuse,
    /// GSP falcon and RISC-V core.
    Gsp,
    /// SEC2 falcon.
    Sec2,
    /// Security processor that starts the GSP, from Hopper on.
    Fsp,
    /// Thermal sensors; of them, a scratch register.
    Therm,
    /// CPU interrupt tree.
    Intr,
    /// Addresses at which the model has nothing.
    Unknown,
}

impl Block {
    /// All blocks, in the order in which the trace shows them.
    pub const ALL: [Self; 16] = [
        Self::Pmc,
        Self::Pbus,
        Self::Ptimer,
        Self::Xve,
        Self::Pfb,
        Self::Pgc6,
        Self::Prom,
        Self::Pdisp,
        Self::Pramin,
        Self::Fuse,
        Self::Gsp,
        Self::Sec2,
        Self::Fsp,
        Self::Therm,
        Self::Intr,
        Self::Unknown,
    ];

    /// The block that answers at byte `offset` of BAR0, on the chips where one does.
    ///
    /// Source: open-gpu-kernel-modules 570, src/common/inc/swref/published/ampere/ga102 and
    /// turing/tu102.
    pub fn at(offset: u32) -> Self {
        match offset {
            0x00_0000..0x00_1000 => Self::Pmc,
            0x00_1000..0x00_2000 => Self::Pbus,
            0x00_9000..0x00_a000 => Self::Ptimer,
            0x02_1000..0x02_2000 => Self::Fuse,
            0x02_0000..0x02_1000 | 0xad_0000..0xad_1000 => Self::Therm,
            0x08_8000..0x08_9000 | 0x09_2000..0x09_3000 => Self::Xve,
            0x10_0000..0x10_1000 | 0x1f_a000..0x1f_b000 => Self::Pfb,
            0x87_0000..0x87_1000 | 0x8a_1000..0x8a_2000 => Self::Pfb,
            0x8f_0000..0x8f_4000 => Self::Fsp,
            0x11_0000..0x11_2000 => Self::Gsp,
            0x11_8000..0x11_9000 => Self::Pgc6,
            0x30_0000..0x40_0000 => Self::Prom,
            0x61_0000..0x6a_0000 => Self::Pdisp,
            0x70_0000..0x80_0000 => Self::Pramin,
            0x82_0000..0x83_0000 => Self::Fuse,
            0x84_0000..0x84_2000 => Self::Sec2,
            0xb8_0000..0xb9_0000 => Self::Intr,
            _ => Self::Unknown,
        }
    }

    /// Name of the block.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pmc => "PMC",
            Self::Pbus => "PBUS",
            Self::Ptimer => "PTIMER",
            Self::Xve => "XVE",
            Self::Pfb => "PFB",
            Self::Pgc6 => "PGC6",
            Self::Prom => "PROM",
            Self::Pdisp => "PDISP",
            Self::Pramin => "PRAMIN",
            Self::Fuse => "FUSE",
            Self::Gsp => "GSP",
            Self::Sec2 => "SEC2",
            Self::Fsp => "FSP",
            Self::Therm => "THERM",
            Self::Intr => "INTR",
            Self::Unknown => "unknown",
        }
    }
}

/// A falcon of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// GPU system processor: a falcon and a RISC-V core that share one controller.
    Gsp,
    /// Security processor.
    Sec2,
}

impl Engine {
    /// The block that the engine's registers belong to.
    pub const fn block(self) -> Block {
        match self {
            Self::Gsp => Block::Gsp,
            Self::Sec2 => Block::Sec2,
        }
    }

    /// The falcon as masks of engines name it.
    pub const fn id(self) -> EngineId {
        match self {
            Self::Gsp => EngineId::Gsp,
            Self::Sec2 => EngineId::Sec2,
        }
    }

    /// The engine whose registers are at byte `offset` of BAR0, and the offset from its base.
    pub(crate) fn at(offset: u32) -> Option<(Self, u32)> {
        match offset {
            GSP_BASE..SEC2_BASE => Some((Self::Gsp, offset - GSP_BASE)),
            _ => Some((Self::Sec2, offset.checked_sub(SEC2_BASE)?)),
        }
        .filter(|&(_, offset)| offset < 2 * SIZE)
    }
}
