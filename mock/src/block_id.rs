// SPDX-License-Identifier: GPL-2.0

//! The list of hardware blocks and their names.

use nova_hw::falcon::EngineId;

/// Passes the list to another macro. A line gives the block's type, relative to
/// [`blocks`](crate::blocks), and the block's name. The trace shows the blocks in this order.
macro_rules! with_blocks {
    ($make:ident) => {
        $make! {
            /// Identification.
            pmc::Pmc = "PMC",
            /// Bus interface: scratch registers and the address of the PRAMIN window.
            pbus::Pbus = "PBUS",
            /// Bus interface from Hopper on: the address of the PRAMIN window.
            xal::Xal = "XAL",
            /// Flushes of frame buffer and L2 cache.
            uflush::Uflush = "UFLUSH",
            /// What the board selects.
            pextdev::Pextdev = "PEXTDEV",
            /// The table of engines.
            ptop::Ptop = "PTOP",
            /// The clock.
            ptimer::Ptimer = "PTIMER",
            /// PCI configuration space, mirrored in BAR0.
            xve::Xve = "XVE",
            /// Frame buffer: WPR2, system memory flush page.
            pfb::Pfb = "PFB",
            /// Always-on island: GFW boot progress, frame-buffer size.
            pgc6::Pgc6 = "PGC6",
            /// VBIOS ROM.
            prom::Prom = "PROM",
            /// Display: the VGA workspace.
            pdisp::Pdisp = "PDISP",
            /// Frame buffer through BAR0.
            pramin::Pramin = "PRAMIN",
            /// Fuses.
            fuse::Fuse = "FUSE",
            /// GSP falcon and RISC-V core.
            gsp::Gsp = "GSP",
            /// SEC2 falcon.
            sec2::Sec2 = "SEC2",
            /// Copy engines.
            ce::Ce = "CE",
            /// Security processor that starts the GSP, from Hopper on.
            fsp::Fsp = "FSP",
            /// Thermal sensors; only a scratch register is modelled.
            therm::Therm = "THERM",
            /// The host, which runs channels: its doorbell.
            usermode::Usermode = "HOST",
            /// CPU interrupt tree.
            intr::Intr = "INTR",
            /// TLB invalidation.
            vf_mmu::VfMmu = "MMU",
        }
    };
}
pub(crate) use with_blocks;

macro_rules! define_ids {
    ($($(#[$doc:meta])* $module:ident::$Id:ident = $name:literal,)*) => {
        /// A hardware block, as a track of the trace and a counter of accesses by the driver.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum BlockId {
            $($(#[$doc])* $Id,)*
            /// Addresses of BAR0 at which no block is modelled.
            Unknown,
            /// BAR1, which shows the frame buffer or an address space.
            Bar1,
            /// BAR2, which shows an address space.
            Bar2,
        }

        impl BlockId {
            /// All blocks, in the order in which the trace shows them.
            pub const ALL: [Self; [$($name),*].len() + 3] =
                [$(Self::$Id,)* Self::Unknown, Self::Bar1, Self::Bar2];

            /// Name of the block.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Id => $name,)*
                    Self::Unknown => "unknown",
                    Self::Bar1 => "BAR1",
                    Self::Bar2 => "BAR2",
                }
            }
        }
    };
}

with_blocks!(define_ids);

/// A falcon of the card, which NVIDIA also calls an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FalconId {
    /// GPU system processor: a falcon and a RISC-V core that share one controller.
    Gsp,
    /// Security processor.
    Sec2,
}

impl FalconId {
    /// The block that the engine's registers belong to.
    pub const fn block(self) -> BlockId {
        match self {
            Self::Gsp => BlockId::Gsp,
            Self::Sec2 => BlockId::Sec2,
        }
    }

    /// The engine's id, as in masks of engine ids.
    pub const fn id(self) -> EngineId {
        match self {
            Self::Gsp => EngineId::Gsp,
            Self::Sec2 => EngineId::Sec2,
        }
    }
}
