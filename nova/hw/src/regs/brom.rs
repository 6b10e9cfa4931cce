// SPDX-License-Identifier: GPL-2.0

//! PFALCON2, the parameters for the falcon's boot ROM, which checks a signature, on GA102 and
//! later. Offsets count from the falcon's second base.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/ampere/ga102/dev_falcon_second_pri.h; Linux 7.3,
//! drivers/gpu/nova-core/regs.rs.

registers! {
    /// Signature algorithm.
    NV_PFALCON2_FALCON_MOD_SEL as BromModSel @ 0x180 {
        /// Algorithm.
        #[bits(8)]
        pub algo: ModSelAlgo,
        #[bits(24)]
        __: u32,
    }

    /// ID of the ucode, which selects the fuses with its version.
    NV_PFALCON2_FALCON_BROM_CURR_UCODE_ID as BromCurrUcodeId @ 0x198 {
        /// 1 to 16.
        pub ucode_id: u8,
        #[bits(24)]
        __: u32,
    }

    /// Falcons that the ucode may run on.
    NV_PFALCON2_FALCON_BROM_ENGIDMASK as BromEngidmask @ 0x19c {
        /// Bits as in [`EngineId`](crate::falcon::EngineId).
        pub value: u32,
    }

    /// Offset of the signature in data memory.
    NV_PFALCON2_FALCON_BROM_PARAADDR as BromParaaddr @ 0x210 {
        /// Bytes.
        pub value: u32,
    }
}

/// Algorithm of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModSelAlgo {
    /// AES.
    Aes,
    /// RSA with 3072 bits, the only one in use.
    Rsa3k,
    /// Unknown value.
    Other(u8),
}

impl ModSelAlgo {
    const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Aes,
            1 => Self::Rsa3k,
            other => Self::Other(other),
        }
    }

    const fn into_bits(self) -> u8 {
        match self {
            Self::Aes => 0,
            Self::Rsa3k => 1,
            Self::Other(other) => other,
        }
    }
}
