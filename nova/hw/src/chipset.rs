// SPDX-License-Identifier: GPL-2.0

//! The chips, by NVIDIA's names.
//!
//! Source: Linux 7.3, drivers/gpu/nova-core/gpu.rs; section names as in the GSP firmware files of
//! release 570.144 and in Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/*.c (`sig_section`).

use core::fmt;

use crate::regs::pmc::PmcBoot42;

/// Declares [`Chipset`] and its properties in one table.
macro_rules! chipsets {
    ($($variant:ident = $id:literal, $name:literal, $arch:ident, $signature:literal;)*) => {
        /// A chip. Its number is architecture << 4 | implementation, as `NV_PMC_BOOT_42` has them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        #[allow(missing_docs)]
        pub enum Chipset {
            $($variant = $id,)*
        }

        impl Chipset {
            /// All chips, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The chip with this number.
            pub const fn from_id(id: u32) -> Option<Self> {
                match id {
                    $($id => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The chip's name in lower case, which is also the name of its folder of firmware
            /// files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The chip's architecture.
            pub const fn arch(self) -> Architecture {
                match self {
                    $(Self::$variant => Architecture::$arch,)*
                }
            }

            /// The chip's family, such as `ga10x`: chips that boot the same way and share a
            /// signature in the GSP's firmware file.
            pub const fn family(self) -> &'static str {
                match self {
                    $(Self::$variant => $signature,)*
                }
            }

            /// Section of the GSP's firmware file that holds the signatures for this chip.
            pub const fn fwsignature_section(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!(".fwsignature_", $signature),)*
                }
            }
        }
    };
}

chipsets! {
    TU102 = 0x162, "tu102", Turing, "tu10x";
    TU104 = 0x164, "tu104", Turing, "tu10x";
    TU106 = 0x166, "tu106", Turing, "tu10x";
    TU117 = 0x167, "tu117", Turing, "tu11x";
    TU116 = 0x168, "tu116", Turing, "tu11x";
    GA100 = 0x170, "ga100", Ampere, "ga100";
    GA102 = 0x172, "ga102", Ampere, "ga10x";
    GA103 = 0x173, "ga103", Ampere, "ga10x";
    GA104 = 0x174, "ga104", Ampere, "ga10x";
    GA106 = 0x176, "ga106", Ampere, "ga10x";
    GA107 = 0x177, "ga107", Ampere, "ga10x";
    GH100 = 0x180, "gh100", Hopper, "gh100";
    AD102 = 0x192, "ad102", Ada, "ad10x";
    AD103 = 0x193, "ad103", Ada, "ad10x";
    AD104 = 0x194, "ad104", Ada, "ad10x";
    AD106 = 0x196, "ad106", Ada, "ad10x";
    AD107 = 0x197, "ad107", Ada, "ad10x";
    GB100 = 0x1a0, "gb100", BlackwellGb10x, "gb10x";
    GB102 = 0x1a2, "gb102", BlackwellGb10x, "gb10x";
    GB202 = 0x1b2, "gb202", BlackwellGb20x, "gb20x";
    GB203 = 0x1b3, "gb203", BlackwellGb20x, "gb20x";
    GB205 = 0x1b5, "gb205", BlackwellGb20x, "gb20x";
    GB206 = 0x1b6, "gb206", BlackwellGb20x, "gb20x";
    GB207 = 0x1b7, "gb207", BlackwellGb20x, "gb20x";
}

impl Chipset {
    /// The chip's number.
    pub const fn id(self) -> u32 {
        self as u32
    }

    /// The chip that `NV_PMC_BOOT_42` names.
    pub const fn from_boot42(boot42: PmcBoot42) -> Option<Self> {
        Self::from_id((boot42.architecture() as u32) << 4 | boot42.implementation() as u32)
    }
}

/// Error for a number that is not a [`Chipset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownChipset {
    /// The number.
    pub id: u32,
}

impl TryFrom<u32> for Chipset {
    type Error = UnknownChipset;

    fn try_from(id: u32) -> Result<Self, UnknownChipset> {
        Self::from_id(id).ok_or(UnknownChipset { id })
    }
}

impl fmt::Display for UnknownChipset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no known chip has the number {:#x}", self.id)
    }
}

impl fmt::Display for Chipset {
    /// The name as NVIDIA writes it, in upper case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A generation of chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Architecture {
    Turing = 0x16,
    Ampere = 0x17,
    Hopper = 0x18,
    Ada = 0x19,
    BlackwellGb10x = 0x1a,
    BlackwellGb20x = 0x1b,
}

impl Architecture {
    /// The architecture's number in `NV_PMC_BOOT_42`.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// Whether the FSP starts the GSP, instead of the CPU through booter on SEC2.
    ///
    /// Source: Linux 7.3, drivers/gpu/nova-core/gsp/hal.rs.
    pub const fn boots_through_fsp(self) -> bool {
        matches!(
            self,
            Self::Hopper | Self::BlackwellGb10x | Self::BlackwellGb20x
        )
    }
}

/// Name of the generation with the number `architecture` in `NV_PMC_BOOT_42`, including older ones
/// and those without a chip in [`Chipset`].
///
/// Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/engine/device/base.c.
pub const fn family(architecture: u8) -> Option<&'static str> {
    Some(match architecture {
        0x0c | 0x0d => "Fermi",
        0x0e..=0x10 => "Kepler",
        0x11 | 0x12 => "Maxwell",
        0x13 => "Pascal",
        0x14 => "Volta",
        0x16 => "Turing",
        0x17 => "Ampere",
        0x18 => "Hopper",
        0x19 => "Ada",
        0x1a | 0x1b => "Blackwell",
        _ => return None,
    })
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Turing => "Turing",
            Self::Ampere => "Ampere",
            Self::Hopper => "Hopper",
            Self::Ada => "Ada",
            Self::BlackwellGb10x => "Blackwell (GB10x)",
            Self::BlackwellGb20x => "Blackwell (GB20x)",
        })
    }
}

/// Revision of a chip; printed as `a.1`, both parts in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision {
    /// Major revision, 4 bits.
    pub major: u8,
    /// Minor revision, 4 bits.
    pub minor: u8,
}

impl From<PmcBoot42> for Revision {
    fn from(boot42: PmcBoot42) -> Self {
        Self {
            major: boot42.major_revision(),
            minor: boot42.minor_revision(),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_chip_is_found_by_its_number_and_named_after_itself() {
        assert_eq!(Chipset::ALL.len(), 24);
        assert!(Chipset::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for &chip in Chipset::ALL {
            assert_eq!(Chipset::try_from(chip.id()), Ok(chip));
            assert_eq!(chip.name().to_uppercase(), chip.to_string());
            assert_eq!(chip.id() >> 4, u32::from(chip.arch().id()));
        }
        assert_eq!(Chipset::try_from(0x140), Err(UnknownChipset { id: 0x140 }));
    }

    #[test]
    fn boot42_identifies_a_ga102() {
        let boot42 = PmcBoot42::from(0x172a_1000);
        assert_eq!(Chipset::from_boot42(boot42), Some(Chipset::GA102));
        assert_eq!(Revision::from(boot42).to_string(), "a.1");
        assert_eq!(Chipset::from_boot42(u32::MAX.into()), None);
    }

    #[test]
    fn signatures_are_shared_by_families() {
        assert_eq!(Chipset::GA107.fwsignature_section(), ".fwsignature_ga10x");
        assert_eq!(Chipset::TU116.fwsignature_section(), ".fwsignature_tu11x");
    }
}
