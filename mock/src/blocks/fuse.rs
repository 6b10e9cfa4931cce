// SPDX-License-Identifier: GPL-2.0

//! FUSE: what was burnt in, such as the versions of signed programs that are still accepted.

use nova_hw::chipset::Architecture;
use nova_hw::falcon::EngineId;
use nova_hw::regs::fuse::{
    GspUcodeVersion, NvdecUcodeVersion, OptDisplay, OptDisplayTu102, Sec2UcodeVersion,
};

use crate::chips::Chip;

/// The fuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fuses {
    /// Version bits per program of SEC2.
    pub sec2: [u16; 16],
    /// Version bits per program of NVDEC.
    pub nvdec: [u16; 16],
    /// Version bits per program of the GSP.
    pub gsp: [u16; 16],
    /// The chip has no display.
    pub display_disabled: bool,
}

impl Default for Fuses {
    /// The first version is fused for all programs of SEC2 and GSP.
    fn default() -> Self {
        Self {
            sec2: [1; 16],
            nvdec: [0; 16],
            gsp: [1; 16],
            display_disabled: false,
        }
    }
}

impl Fuses {
    /// The same with `version` fused for all programs.
    pub(crate) fn with_version(&self, version: u32) -> Self {
        let bits = match version {
            0 => 0,
            _ => 1 << (version - 1).min(u16::BITS - 1),
        };
        Self {
            sec2: [bits; 16],
            gsp: [bits; 16],
            ..self.clone()
        }
    }

    /// Reads the register at `offset`, where there is one.
    pub(crate) fn read(&self, chip: &Chip, offset: u32) -> Option<u32> {
        let element = |versions: &[u16; 16], first: u32| {
            let index = offset.checked_sub(first)? / 4;
            Some(u32::from(*versions.get(index as usize)?))
        };
        let is_turing = chip.chipset.arch() == Architecture::Turing;
        let display = match is_turing {
            true => OptDisplayTu102::OFFSET,
            false => OptDisplay::OFFSET,
        };
        match offset {
            _ if offset == display => Some(
                OptDisplay::new()
                    .with_display_disabled(self.display_disabled || !chip.has_display)
                    .into(),
            ),
            // Without a boot ROM none is looked up.
            _ if is_turing => None,
            _ => element(&self.gsp, GspUcodeVersion::OFFSET)
                .or_else(|| element(&self.sec2, Sec2UcodeVersion::OFFSET))
                .or_else(|| element(&self.nvdec, NvdecUcodeVersion::OFFSET)),
        }
    }

    /// Version of program `ucode_id` (from 1) of `engine` that is fused: the highest bit that is
    /// burnt, from 1; 0 where none is.
    pub(crate) fn version(&self, engine: EngineId, ucode_id: u32) -> u32 {
        let versions = match engine {
            EngineId::Sec2 => &self.sec2,
            EngineId::Nvdec => &self.nvdec,
            EngineId::Gsp => &self.gsp,
        };
        (ucode_id as usize)
            .checked_sub(1)
            .and_then(|index| versions.get(index))
            .map_or(0, |version| u16::BITS - version.leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::by_name;

    #[test]
    fn the_highest_burnt_bit_counts() {
        let mut fuses = Fuses::default();
        fuses.gsp[8] = 0b101;
        fuses.sec2[2] = 0;
        assert_eq!(fuses.version(EngineId::Gsp, 9), 3);
        assert_eq!(fuses.version(EngineId::Sec2, 3), 0);
        assert_eq!(fuses.version(EngineId::Sec2, 4), 1);
        assert_eq!(fuses.version(EngineId::Gsp, 0), 0);
        assert_eq!(fuses.version(EngineId::Gsp, 17), 0);
    }

    #[test]
    fn a_version_can_be_fused_for_all() {
        let fuses = Fuses::default().with_version(16);
        assert_eq!(fuses.version(EngineId::Sec2, 3), 16);
        assert_eq!(fuses.version(EngineId::Gsp, 9), 16);
        assert_eq!(fuses.with_version(0).version(EngineId::Gsp, 9), 0);
        assert_eq!(fuses.with_version(99).version(EngineId::Gsp, 9), 16);
    }

    #[test]
    fn registers_are_told_apart() {
        let mut fuses = Fuses::default();
        fuses.gsp[15] = 7;
        fuses.nvdec[0] = 3;
        let read = |chip, offset| fuses.read(by_name(chip).unwrap(), offset);
        assert_eq!(read("ga102", 0x82_41fc), Some(7));
        assert_eq!(read("ga102", 0x82_4100), Some(3));
        assert_eq!(read("ga102", 0x82_4200), None);
        assert_eq!(read("ga102", OptDisplay::OFFSET), Some(0));
        assert_eq!(read("ga100", OptDisplay::OFFSET), Some(1));
        assert_eq!(read("tu102", OptDisplay::OFFSET), None);
        assert_eq!(read("tu102", OptDisplayTu102::OFFSET), Some(0));
    }
}
