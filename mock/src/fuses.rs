// SPDX-License-Identifier: GPL-2.0

//! The fuses of a chip. The registers that show them are in [`blocks`](crate::blocks).

use nova_hw::falcon::EngineId;

use crate::images::ucode::{Ucode, Versions};

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

/// Burnt bits of a version.
fn bits(version: u32) -> u16 {
    match version {
        0 => 0,
        _ => 1 << (version - 1).min(u16::BITS - 1),
    }
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
    /// These fuses, but with `version` fused for all programs.
    pub(crate) fn with_version(&self, version: u32) -> Self {
        let bits = bits(version);
        Self {
            sec2: [bits; 16],
            gsp: [bits; 16],
            ..self.clone()
        }
    }

    /// These fuses, but with the newest version of FWSEC that the VBIOS has fused, as on a card that
    /// is sold: tinygrad always takes the last signature.
    pub(crate) fn for_fwsec(&self, fwsec: &Ucode) -> Self {
        let mut fuses = self.clone();
        let newest = match fwsec.versions {
            Versions::Bits(bits) => bits.checked_ilog2(),
            Versions::Descending(_) => None,
        };
        let index = (fwsec.ucode_id as usize).checked_sub(1);
        if let (Some(newest), Some(version)) =
            (newest, index.and_then(|index| fuses.gsp.get_mut(index)))
        {
            *version = bits(newest);
        }
        fuses
    }

    /// Fused version of program `ucode_id` (from 1) of `engine`: the number of the highest burnt
    /// bit, from 1, or 0 if no bit is burnt.
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
    use crate::programs::fwsec::Fwsec;

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

    /// tinygrad takes the last signature on all cards. With the fault `fuse` a driver that does so
    /// fails, as version 1 is the middle one.
    #[test]
    fn the_last_signature_is_the_right_one_by_default() {
        let vbios = crate::images::vbios::build(by_name("ga102").unwrap());
        let fwsec = Fwsec::find(&vbios).unwrap().ucode;
        let fuses = Fuses::default().for_fwsec(&fwsec);
        let right = |fuses: &Fuses| {
            let fused = fuses.version(EngineId::Gsp, fwsec.ucode_id);
            let right = fwsec.signature(fused).unwrap();
            fwsec.signatures.iter().position(|found| found == right)
        };
        assert_eq!(fwsec.signatures.len(), 3);
        assert_eq!(right(&fuses), Some(2));
        assert_eq!(right(&fuses.with_version(1)), Some(1));
    }
}
