// SPDX-License-Identifier: GPL-2.0

//! The commands of FWSEC, the signed program in the VBIOS, as they are written to the input
//! buffer of its DMEM mapper.
//!
//! Source: open-gpu-kernel-modules 570,
//! src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_frts_tu102.c.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Number of the command that sets up WPR2 and copies verified VBIOS data into it; takes a
/// [`FrtsCommand`].
pub const CMD_FRTS: u32 = 0x15;

/// Number of the command that restores the GSP's state after reset; takes a [`ReadVbios`].
pub const CMD_SB: u32 = 0x19;

/// Location of the VBIOS (`FWSECLIC_READ_VBIOS_DESC`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct ReadVbios {
    /// Version of this structure.
    pub version: u32,
    /// Bytes of this structure.
    pub size: u32,
    /// Address of the image, low half first; not used if FWSEC reads the ROM itself.
    pub gfw_image_offset: [u32; 2],
    /// Bytes of the image.
    pub gfw_image_size: u32,
    /// Flags; [`Self::ROM`] has `FWSECLIC_READ_VBIOS_STRUCT_FLAGS`.
    pub flags: u32,
}

const _: () = assert!(size_of::<ReadVbios>() == 24);

impl ReadVbios {
    /// Descriptor that has FWSEC read the ROM itself.
    pub const ROM: Self = Self {
        version: 1,
        size: size_of::<Self>() as u32,
        gfw_image_offset: [0; 2],
        gfw_image_size: 0,
        flags: 2,
    };
}

/// Location of FRTS (`FWSECLIC_FRTS_REGION_DESC`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FrtsRegion {
    /// Version of this structure.
    pub version: u32,
    /// Bytes of this structure.
    pub size: u32,
    /// Start of the region in pages of 4 KiB.
    pub offset_4k: u32,
    /// Size of the region in pages of 4 KiB.
    pub size_4k: u32,
    /// Memory that the region is in, `MEDIA_*`.
    pub media_type: u32,
}

const _: () = assert!(size_of::<FrtsRegion>() == 20);

impl FrtsRegion {
    /// [`Self::media_type`] of the frame buffer.
    pub const MEDIA_FB: u32 = 2;

    /// A region of the frame buffer, start and size in pages of 4 KiB.
    pub const fn in_fb(offset_4k: u32, size_4k: u32) -> Self {
        Self {
            version: 1,
            size: size_of::<Self>() as u32,
            offset_4k,
            size_4k,
            media_type: Self::MEDIA_FB,
        }
    }
}

/// Arguments of [`CMD_FRTS`] (`FWSECLIC_FRTS_CMD`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct FrtsCommand {
    /// Location of the VBIOS.
    pub read_vbios: ReadVbios,
    /// Location of FRTS.
    pub frts_region: FrtsRegion,
}

const _: () = assert!(size_of::<FrtsCommand>() == 44);
