// SPDX-License-Identifier: GPL-2.0

//! The fused versions of ucodes; the boot ROM refuses a ucode that is older than the chip's.

use nova_firmware::falcon::Brom;
use nova_hw::falcon::EngineId;
use nova_hw::regs::fuse::{GspUcodeVersion, NvdecUcodeVersion, Sec2UcodeVersion};

use super::error::FalconError;
use crate::chip::FalconKind;
use crate::mmio::Io;

impl FalconKind {
    /// The chip's fused version of the ucode `name`.
    pub(crate) fn fuse_version(
        self,
        io: &Io<'_>,
        name: &'static str,
        brom: &Brom,
    ) -> Result<u32, FalconError> {
        match self {
            // These falcons have no boot ROM, which would check the fuses.
            Self::Tu102 => Ok(0),
            Self::Ga102 => fuse_version(io, name, brom),
        }
    }
}

/// The chip's fused version of the ucode `name`.
fn fuse_version(io: &Io<'_>, name: &'static str, brom: &Brom) -> Result<u32, FalconError> {
    let id = u32::from(brom.ucode_id);
    let engines = u32::from(brom.engine_id_mask);
    let fuses = if engines & EngineId::Sec2.bit() != 0 {
        Sec2UcodeVersion::at
    } else if engines & EngineId::Nvdec.bit() != 0 {
        NvdecUcodeVersion::at
    } else if engines & EngineId::Gsp.bit() != 0 {
        GspUcodeVersion::at
    } else {
        return Err(FalconError::Ucode {
            name,
            field: "engine mask",
            expected: "SEC2 (0x1), NVDEC (0x4) or GSP (0x400)",
            found: engines,
        });
    };
    // Ucodes are numbered from 1.
    let offset = id
        .checked_sub(1)
        .and_then(fuses)
        .ok_or(FalconError::Ucode {
            name,
            field: "ucode id",
            expected: "1 to 16",
            found: id,
        })?;
    // The three registers have the same fields. Each newer version blows the next fuse.
    let fuses = GspUcodeVersion::from(io.read32(offset)).data();
    Ok(u16::BITS.saturating_sub(fuses.leading_zeros()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Card;

    const BROM: Brom = Brom {
        pkc_data_offset: 0x10,
        engine_id_mask: 0x401,
        ucode_id: 9,
    };

    #[test]
    fn fuses_count_versions() {
        let card = Card::default();
        let io = &Io::new(&card);
        let version = |engine_id_mask, ucode_id| {
            let brom = Brom {
                engine_id_mask,
                ucode_id,
                ..BROM
            };
            FalconKind::Ga102.fuse_version(io, "test", &brom)
        };
        card.set(0x824140, 0b11);
        card.set(0x82413c, 0b1);
        card.set(0x8241c0, 0b111);
        assert_eq!(version(0x1, 1), Ok(2));
        assert_eq!(version(0x401, 1), Ok(2));
        assert_eq!(version(0x4, 16), Ok(1));
        assert_eq!(version(0x400, 1), Ok(3));
        assert_eq!(version(0x400, 2), Ok(0));
        assert!(version(0x400, 0).is_err() && version(0x400, 17).is_err());
        assert!(version(0x2, 1).is_err());
        // Turing's falcons have no boot ROM, which would check the fuses.
        assert_eq!(FalconKind::Tu102.fuse_version(io, "test", &BROM), Ok(0));
    }
}
