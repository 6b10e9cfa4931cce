// SPDX-License-Identifier: GPL-2.0

//! PGC6: how far the GFW is after reset, how large the frame buffer is, and whether SEC2 has handed
//! the GSP over when it was resumed.

use nova_hw::regs::pgc6::{
    BsiSecureScratch14, BsiVprSecureScratch15, GfwBoot, GfwBootPrivLevelMask, UsableFbSize,
};

use crate::chips::Chip;

/// State of the always-on island.
#[derive(Debug, Default)]
pub(crate) struct Pgc6 {
    /// The GFW is through.
    pub(crate) gfw_done: bool,
    /// SEC2 has resumed GSP-RM.
    pub(crate) handoff: bool,
    /// The scrubber has cleared all of the frame buffer.
    pub(crate) scrubbed: bool,
}

impl Pgc6 {
    /// Reads the register at `offset`, where there is one.
    ///
    /// Until the GFW lowers the mask, reading its progress is a privilege violation.
    pub(crate) fn read(&self, chip: &Chip, vram: u64, offset: u32) -> Option<u32> {
        match offset {
            BsiSecureScratch14::OFFSET => Some(
                BsiSecureScratch14::new()
                    .with_boot_stage_3_handoff(self.handoff)
                    .into(),
            ),
            GfwBootPrivLevelMask::OFFSET => Some(
                GfwBootPrivLevelMask::new()
                    .with_read_protection_level0(self.gfw_done)
                    .into(),
            ),
            GfwBoot::OFFSET if self.gfw_done => {
                Some(GfwBoot::new().with_progress(GfwBoot::COMPLETED).into())
            }
            BsiVprSecureScratch15::OFFSET if chip.has_scrubber() => Some(
                BsiVprSecureScratch15::new()
                    .with_scrubber_handoff(match self.scrubbed {
                        true => BsiVprSecureScratch15::SCRUBBER_DONE,
                        false => 0,
                    })
                    .into(),
            ),
            UsableFbSize::OFFSET if chip.falcons.has_boot_rom() => {
                Some(UsableFbSize::new().with_value((vram >> 20) as u32).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;

    fn chip() -> &'static Chip {
        by_name("ga102").unwrap()
    }

    #[test]
    fn progress_cannot_be_read_before_the_mask_allows_it() {
        let mut pgc6 = Pgc6::default();
        let mask = |pgc6: &Pgc6| pgc6.read(chip(), 0, GfwBootPrivLevelMask::OFFSET);
        assert_eq!(mask(&pgc6), Some(0));
        assert_eq!(pgc6.read(chip(), 0, GfwBoot::OFFSET), None);
        pgc6.gfw_done = true;
        assert_eq!(mask(&pgc6), Some(1));
        assert_eq!(pgc6.read(chip(), 0, GfwBoot::OFFSET), Some(0xff));
    }

    #[test]
    fn size_is_in_mebibytes() {
        assert_eq!(
            Pgc6::default().read(chip(), 24 << 30, UsableFbSize::OFFSET),
            Some(24 << 10)
        );
    }
}
