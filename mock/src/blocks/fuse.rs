// SPDX-License-Identifier: GPL-2.0

//! FUSE: shows the fuses, such as the versions of signed programs that are still accepted.

use std::ops::Range;

use nova_hw::chipset::Architecture;
use nova_hw::regs::fuse::{
    GspUcodeVersion, NvdecUcodeVersion, OptDisplay, OptDisplayTu102, OptSecureGspDebugDis,
    OptSecureGspDebugDisTu102, Sec2UcodeVersion,
};

use super::block::{Block, Parts};
use super::wires::Wires;
use crate::faults::Faults;
use crate::fuses::Fuses;

/// The copy engines that are disabled, on Turing: bit 0 for the first, bit 2 for the third.
///
/// Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/devinit/gm107.c.
const COPY_ENGINES_TU102: u32 = 0x02_1c00;

/// The block.
#[derive(Debug)]
pub(crate) struct Fuse {
    fuses: Fuses,
}

impl Fuse {
    /// The fuses of the chip, or those that a fault sets.
    pub(crate) fn burnt(&self, faults: &Faults) -> Fuses {
        match faults.fuse_version() {
            Some(version) => self.fuses.with_version(version),
            None => self.fuses.clone(),
        }
    }
}

impl Block for Fuse {
    const RANGES: &'static [Range<u32>] = &[0x02_1000..0x02_2000, 0x82_0000..0x83_0000];

    fn new(parts: &Parts) -> Self {
        Self {
            fuses: parts.fuses.clone(),
        }
    }

    fn read(&mut self, wires: &mut Wires<'_>, offset: u32) -> Option<u32> {
        let (chip, fuses) = (wires.chip, self.burnt(wires.faults));
        let element = |versions: &[u16; 16], first: u32| {
            let index = offset.checked_sub(first)? / 4;
            Some(u32::from(*versions.get(index as usize)?))
        };
        let is_turing = chip.chipset.arch() == Architecture::Turing;
        let (display, debug) = match is_turing {
            true => (OptDisplayTu102::OFFSET, OptSecureGspDebugDisTu102::OFFSET),
            false => (OptDisplay::OFFSET, OptSecureGspDebugDis::OFFSET),
        };
        match offset {
            _ if offset == display => Some(
                OptDisplay::new()
                    .with_display_disabled(fuses.display_disabled || !chip.has_display)
                    .into(),
            ),
            // nvidia.ko takes a board without this fuse for a debug board and looks for an FWSEC that
            // is signed for debugging (`kgspIsDebugModeEnabled_TU102`), which no card that is sold
            // has in its VBIOS.
            _ if offset == debug => Some(OptSecureGspDebugDis::new().with_data(true).into()),
            COPY_ENGINES_TU102 if is_turing => Some(0),
            // Without a boot ROM there are no version fuses.
            _ if is_turing => None,
            _ => element(&fuses.gsp, GspUcodeVersion::OFFSET)
                .or_else(|| element(&fuses.sec2, Sec2UcodeVersion::OFFSET))
                .or_else(|| element(&fuses.nvdec, NvdecUcodeVersion::OFFSET)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::testing::TestCard;

    #[test]
    fn each_register_shows_its_own_fuses() {
        let mut fuses = Fuses::default();
        fuses.gsp[15] = 7;
        fuses.nvdec[0] = 3;
        let mut fuse = Fuse { fuses };
        let mut read = |chip, offset| TestCard::new(chip).read(&mut fuse, offset);
        assert_eq!(read("ga102", 0x82_41fc), Some(7));
        assert_eq!(read("ga102", 0x82_4100), Some(3));
        assert_eq!(read("ga102", 0x82_4200), None);
        assert_eq!(read("ga102", OptDisplay::OFFSET), Some(0));
        assert_eq!(read("ga100", OptDisplay::OFFSET), Some(1));
        assert_eq!(read("tu102", OptDisplay::OFFSET), None);
        assert_eq!(read("tu102", OptDisplayTu102::OFFSET), Some(0));
        assert_eq!(read("tu102", COPY_ENGINES_TU102), Some(0));
        assert_eq!(read("ga102", COPY_ENGINES_TU102), None);
    }

    /// nvidia.ko boots no card of which it reads 0 here.
    #[test]
    fn no_card_is_a_debug_board() {
        let read = |chip, offset| {
            let fuses = Fuses::default();
            TestCard::new(chip).read(&mut Fuse { fuses }, offset)
        };
        assert_eq!(read("tu102", 0x02_174c), Some(1));
        assert_eq!(read("tu102", 0x82_074c), None);
        for chip in ["ga100", "ga102", "ad102", "gh100", "gb202"] {
            assert_eq!(read(chip, 0x82_074c), Some(1), "{chip}");
            assert_eq!(read(chip, 0x02_174c), None, "{chip}");
        }
    }
}
