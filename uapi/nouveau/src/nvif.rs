// SPDX-License-Identifier: MIT

//! NVIF, nouveau's calls on objects: a header, and what its kind of call has behind it.
//!
//! Source: `nvif/ioctl.h`, `nvif/cl0080.h` and `nvif/class.h` in
//! `drivers/gpu/drm/nouveau/include` of Linux 7.3.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{command, structure, NVIF, READ, WRITE};

/// `DRM_NOUVEAU_NVIF` for an argument of this size.
pub const fn number<T>() -> u32 {
    command::<T>(READ | WRITE, NVIF)
}

structure! {
    /// `struct nvif_ioctl_v0`, the header of each argument.
    Header {
        /// Zero.
        version: u8,
        /// One of the constants [`SCLASS`], [`NEW`], [`DEL`] and [`MTHD`].
        kind: u8,
        /// Padding.
        pad: [u8; 4],
        /// Who made the object.
        owner: u8,
        /// Zero, or [`ROUTE_CHANNEL`].
        route: u8,
        /// The number of a channel.
        token: u64,
        /// The object, by the number that the program chose.
        object: u64,
    }
}

/// `NVIF_IOCTL_V0_SCLASS`: what classes are there?
pub const SCLASS: u8 = 1;
/// `NVIF_IOCTL_V0_NEW`: create an object.
pub const NEW: u8 = 2;
/// `NVIF_IOCTL_V0_DEL`: delete an object; there is nothing behind the header.
pub const DEL: u8 = 3;
/// `NVIF_IOCTL_V0_MTHD`: call a method of an object.
pub const MTHD: u8 = 4;
/// `NVIF_IOCTL_V0_OWNER_ANY`.
pub const OWNER_ANY: u8 = 0xff;
/// `NVIF_IOCTL_V0_ROUTE_HIDDEN`: [`Header::token`] is the number of a channel.
pub const ROUTE_CHANNEL: u8 = 0xff;

structure! {
    /// Creates an object: the header, and `struct nvif_ioctl_new_v0`.
    New {
        /// The header.
        header: Header,
        /// Zero.
        version: u8,
        /// Padding.
        pad: [u8; 6],
        /// `NVIF_IOCTL_V0_ROUTE_HIDDEN`.
        route: u8,
        /// What the program wants to hear with events of the object.
        token: u64,
        /// The number of the new object.
        object: u64,
        /// Its handle for GSP-RM.
        handle: u32,
        /// Its class.
        class: i32,
    }
}

/// `NV_DEVICE`, the class of the device.
pub const CLASS_DEVICE: i32 = 0x80;

structure! {
    /// Asks for classes: the header, and `struct nvif_ioctl_sclass_v0`, behind which are
    /// [`SclassEntry`]s.
    Sclass {
        /// The header.
        header: Header,
        /// Zero.
        version: u8,
        /// In: room for classes; out: how many there are.
        count: u8,
        /// Padding.
        pad: [u8; 6],
    }
}

structure! {
    /// `struct nvif_ioctl_sclass_oclass_v0`.
    SclassEntry {
        /// The class.
        class: i32,
        /// Lowest and highest version of its arguments.
        versions: [i8; 2],
        /// Padding.
        pad: [u8; 2],
    }
}

structure! {
    /// Calls a method: the header, and `struct nvif_ioctl_mthd_v0`, behind which is its argument.
    Method {
        /// The header.
        header: Header,
        /// Zero.
        version: u8,
        /// The number of the method.
        method: u8,
        /// Padding.
        pad: [u8; 6],
    }
}

/// `NV_DEVICE_V0_INFO`, the method of a device that asks what it is.
pub const METHOD_INFO: u8 = 0;

/// `struct nv_device_info_v0`, the argument of [`METHOD_INFO`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct DeviceInfo {
    /// Zero.
    pub version: u8,
    /// Out: [`PLATFORM_PCIE`].
    pub platform: u8,
    /// Out: the chip, bits 28:20 of `NV_PMC_BOOT_0`.
    pub chipset: u16,
    /// Out: its revision.
    pub revision: u8,
    /// Out: one of the `FAMILY_` constants.
    pub family: u8,
    /// Padding.
    pub pad: [u8; 2],
    /// Out: bytes of VRAM.
    pub ram_size: u64,
    /// Out: bytes of VRAM for programs.
    pub ram_user: u64,
    /// Out: the chip's name.
    pub chip: [u8; 16],
    /// Out: the card's name.
    pub name: [u8; 64],
}

/// `NV_DEVICE_INFO_V0_PCIE`.
pub const PLATFORM_PCIE: u8 = 0x03;
/// `NV_DEVICE_INFO_V0_TURING`.
pub const FAMILY_TURING: u8 = 0x0c;
/// `NV_DEVICE_INFO_V0_AMPERE`.
pub const FAMILY_AMPERE: u8 = 0x0d;
/// `NV_DEVICE_INFO_V0_ADA`.
pub const FAMILY_ADA: u8 = 0x0e;
/// `NV_DEVICE_INFO_V0_HOPPER`.
pub const FAMILY_HOPPER: u8 = 0x0f;
/// `NV_DEVICE_INFO_V0_BLACKWELL`.
pub const FAMILY_BLACKWELL: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_header() {
        assert_eq!(size_of::<Header>(), 24);
        assert_eq!(size_of::<New>(), 24 + 32);
        assert_eq!(size_of::<Sclass>(), 24 + 8);
        assert_eq!(size_of::<SclassEntry>(), 8);
        assert_eq!(size_of::<Method>(), 24 + 8);
        assert_eq!(size_of::<DeviceInfo>(), 104);
    }
}
