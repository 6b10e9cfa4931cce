// SPDX-License-Identifier: GPL-2.0

//! The hardware blocks, a file each, with the block's registers and state. How to add one is in
//! docs/adding-a-block.md.
//!
//! All times are the model's own; see [`gpu`](crate::gpu).
//!
//! Not here: what the programs on the falcons do ([`programs`](crate::programs),
//! [`gsp_rm`](crate::gsp_rm)), and how blocks and programs make up a card ([`gpu`](crate::gpu)).

use std::ops::Range;

use crate::block_id::{with_blocks, BlockId, FalconId};
use crate::schedule::Timer;
use block::{Block, Parts};
use falcon::Falcon;
use wires::Wires;

pub(crate) mod block;
pub(crate) mod ce;
pub(crate) mod falcon;
pub(crate) mod fsp;
pub(crate) mod fuse;
pub(crate) mod gsp;
pub(crate) mod intr;
pub(crate) mod pbus;
pub(crate) mod pdisp;
pub(crate) mod pextdev;
pub(crate) mod pfb;
pub(crate) mod pgc6;
pub(crate) mod pmc;
pub(crate) mod pramin;
pub(crate) mod prom;
pub(crate) mod ptimer;
pub(crate) mod ptop;
pub(crate) mod sec2;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod therm;
pub(crate) mod uflush;
pub(crate) mod usermode;
pub(crate) mod vf_mmu;
pub(crate) mod wires;
pub(crate) mod xal;
pub(crate) mod xve;

macro_rules! define_blocks {
    ($($(#[$doc:meta])* $module:ident::$Id:ident = $name:literal,)*) => {
        /// The blocks of a card.
        pub(crate) struct Blocks {
            $($(#[$doc])* pub(crate) $module: $module::$Id,)*
        }

        /// The address ranges of BAR0 in which each block answers.
        const RANGES: &[(BlockId, &[Range<u32>])] =
            &[$((BlockId::$Id, <$module::$Id as Block>::RANGES),)*];

        impl Blocks {
            /// The blocks before they get power.
            pub(crate) fn new(parts: &Parts) -> Self {
                Self { $($module: Block::new(parts),)* }
            }

            /// Powers all blocks on, or takes them out of reset.
            pub(crate) fn power_on(&mut self, wires: &mut Wires<'_>) {
                $(
                    wires.id = BlockId::$Id;
                    self.$module.power_on(wires);
                )*
            }

            /// Reads the register of the block that `wires` lead to.
            pub(crate) fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
                match wires.id {
                    $(BlockId::$Id => self.$module.read(wires, offset),)*
                    BlockId::Unknown | BlockId::Bar1 | BlockId::Bar2 => None,
                }
            }

            /// Writes the register of the block that `wires` lead to.
            pub(crate) fn write(
                &mut self,
                wires: &mut Wires<'_>,
                offset: u32,
                value: u32,
            ) -> Option<()> {
                match wires.id {
                    $(BlockId::$Id => self.$module.write(wires, offset, value),)*
                    BlockId::Unknown | BlockId::Bar1 | BlockId::Bar2 => None,
                }
            }

            /// A timer of the block that `wires` lead to has expired.
            pub(crate) fn elapsed(&mut self, wires: &mut Wires<'_>, timer: Timer) {
                match wires.id {
                    $(BlockId::$Id => self.$module.elapsed(wires, timer),)*
                    BlockId::Unknown | BlockId::Bar1 | BlockId::Bar2 => {}
                }
            }
        }
    };
}

with_blocks!(define_blocks);

impl Blocks {
    /// The falcon of an engine.
    pub(crate) fn falcon(&self, engine: FalconId) -> &Falcon {
        match engine {
            FalconId::Gsp => &self.gsp.falcon,
            FalconId::Sec2 => &self.sec2.falcon,
        }
    }

    /// The falcon of an engine.
    pub(crate) fn falcon_mut(&mut self, engine: FalconId) -> &mut Falcon {
        match engine {
            FalconId::Gsp => &mut self.gsp.falcon,
            FalconId::Sec2 => &mut self.sec2.falcon,
        }
    }
}

impl BlockId {
    /// The block that answers at byte `offset` of BAR0, on the chips where one does.
    pub fn at(offset: u32) -> Self {
        let has = |ranges: &[Range<u32>]| ranges.iter().any(|range| range.contains(&offset));
        let found = RANGES.iter().find(|(_, ranges)| has(ranges));
        found.map_or(Self::Unknown, |(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_ranges_do_not_overlap() {
        let mut ranges: Vec<_> = RANGES.iter().flat_map(|(_, ranges)| *ranges).collect();
        ranges.sort_by_key(|range| range.start);
        for pair in ranges.windows(2) {
            assert!(pair[0].end <= pair[1].start, "{pair:#x?}");
        }
        assert!(ranges.iter().all(|range| range.start < range.end));
    }

    #[test]
    fn a_block_is_found_by_an_address_in_its_range() {
        assert_eq!(BlockId::at(0), BlockId::Pmc);
        assert_eq!(BlockId::at(0x11_1ffc), BlockId::Gsp);
        assert_eq!(BlockId::at(0x11_2000), BlockId::Unknown);
        assert_eq!(BlockId::at(u32::MAX), BlockId::Unknown);
    }
}
