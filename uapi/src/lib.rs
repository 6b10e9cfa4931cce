// SPDX-License-Identifier: MIT

//! The Rust definitions of `nova_drm.h`: the same structures, constants and ioctl numbers.
//!
//! The header is authoritative and documents each member; `tests/header.rs` compares this crate
//! with the compiled header. The kernel modules and the programs in user space both use this crate.
//! Not here: system calls, and knowledge of the hardware.

#![no_std]
#![forbid(unsafe_code)]

mod text;

pub use text::Text;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Name under which the DRM driver is registered.
pub const DRIVER_NAME: &str = "nova";

/// [`GetParam::param`]: size of the VRAM BAR in bytes.
pub const GETPARAM_VRAM_BAR_SIZE: u64 = 0x1;

/// `struct drm_nova_getparam`: read a parameter of the GPU.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GetParam {
    /// The identifier of the parameter to query.
    pub param: u64,
    /// Out: the value of the parameter.
    pub value: u64,
}

/// An argument that the header does not allow: `EINVAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidArgument;

/// `struct drm_nova_gem_create`: create a GEM object.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GemCreate {
    /// Out: the handle of the new object.
    pub handle: u32,
    /// Padding, ignored.
    pub pad: u32,
    /// The size of the object in bytes.
    pub size: u64,
}

impl GemCreate {
    /// Checks that do not need the device.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`] if the size is zero.
    pub fn check(&self) -> Result<(), InvalidArgument> {
        match self.size {
            0 => Err(InvalidArgument),
            _ => Ok(()),
        }
    }
}

/// `struct drm_nova_gem_info`: query a GEM object.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GemInfo {
    /// The handle of the object.
    pub handle: u32,
    /// Padding, ignored.
    pub pad: u32,
    /// Out: the size of the object in bytes.
    pub size: u64,
}

/// [`Query::query`]: answers [`QueryDevice`].
pub const QUERY_DEVICE: u32 = 0;
/// [`Query::query`]: answers [`QueryFirmware`].
pub const QUERY_FIRMWARE: u32 = 1;

/// `struct drm_nova_query`: query a structure that describes the GPU.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct Query {
    /// The queried structure: [`QUERY_DEVICE`] or [`QUERY_FIRMWARE`].
    pub query: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// In: bytes of room at `data`, or zero. Out: bytes copied, or the size of the whole answer.
    pub size: u64,
    /// User pointer that the answer is copied to.
    pub data: u64,
}

impl Query {
    /// Returns the bytes of `answer` to copy to [`Self::data`], and sets [`Self::size`] for a
    /// successful call.
    ///
    /// `first_size` is the size of the answer's first version in bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`] if flags are set or the size is below that of the first version; the
    /// query is unchanged then.
    pub fn answer<'a>(
        &mut self,
        answer: &'a [u8],
        first_size: usize,
    ) -> Result<&'a [u8], InvalidArgument> {
        debug_assert!(answer.len() >= first_size, "an answer never shrinks");
        if self.flags != 0 {
            return Err(InvalidArgument);
        }
        if self.size == 0 {
            self.size = answer.len() as u64;
            return Ok(&[]);
        }
        if self.size < first_size as u64 {
            return Err(InvalidArgument);
        }
        let room = usize::try_from(self.size).unwrap_or(usize::MAX);
        let copied = answer.get(..room).unwrap_or(answer);
        self.size = copied.len() as u64;
        Ok(copied)
    }
}

/// [`QueryDevice::architecture`]: TU10x, TU11x.
pub const ARCHITECTURE_TURING: u32 = 0x16;
/// [`QueryDevice::architecture`]: GA10x.
pub const ARCHITECTURE_AMPERE: u32 = 0x17;
/// [`QueryDevice::architecture`]: GH10x.
pub const ARCHITECTURE_HOPPER: u32 = 0x18;
/// [`QueryDevice::architecture`]: AD10x.
pub const ARCHITECTURE_ADA: u32 = 0x19;
/// [`QueryDevice::architecture`]: GB10x.
pub const ARCHITECTURE_BLACKWELL_GB10X: u32 = 0x1a;
/// [`QueryDevice::architecture`]: GB20x.
pub const ARCHITECTURE_BLACKWELL_GB20X: u32 = 0x1b;

/// `struct drm_nova_query_device`: the GPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct QueryDevice {
    /// Chipset id: 0x172 is a GA102.
    pub chipset: u32,
    /// One of the `ARCHITECTURE_` constants.
    pub architecture: u32,
    /// Major revision: 0xa for revision A1.
    pub revision_major: u32,
    /// Minor revision: 0x1 for revision A1.
    pub revision_minor: u32,
    /// VRAM on the board, in bytes.
    pub vram_size: u64,
    /// VRAM that is not reserved by the firmware, in bytes.
    pub vram_usable: u64,
    /// Size in bytes of each PCI BAR by its index; zero if there is none.
    pub bar_size: [u64; 6],
    /// The GPU's name, from its firmware.
    pub name: Text<64>,
}

impl QueryDevice {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 144;
}

const _: () = assert!(size_of::<QueryDevice>() >= QueryDevice::FIRST_SIZE);

/// `struct drm_nova_query_firmware`: the firmware that runs the GPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub struct QueryFirmware {
    /// Release such as `570.144`.
    pub release: Text<32>,
}

impl QueryFirmware {
    /// Size of the first version, in bytes.
    pub const FIRST_SIZE: usize = 32;
}

const _: () = assert!(size_of::<QueryFirmware>() >= QueryFirmware::FIRST_SIZE);

/// Command number of [`GetParam`], relative to [`DRM_COMMAND_BASE`].
pub const GETPARAM: u32 = 0x00;
/// Command number of [`GemCreate`], relative to [`DRM_COMMAND_BASE`].
pub const GEM_CREATE: u32 = 0x01;
/// Command number of [`GemInfo`], relative to [`DRM_COMMAND_BASE`].
pub const GEM_INFO: u32 = 0x02;
/// Command number of [`Query`], relative to [`DRM_COMMAND_BASE`].
pub const QUERY: u32 = 0x03;

/// First command number for drivers. Source: `include/uapi/drm/drm.h`.
pub const DRM_COMMAND_BASE: u32 = 0x40;

/// Whole ioctl number of [`GetParam`].
pub const IOCTL_GETPARAM: u32 = drm_iowr::<GetParam>(GETPARAM);
/// Whole ioctl number of [`GemCreate`].
pub const IOCTL_GEM_CREATE: u32 = drm_iowr::<GemCreate>(GEM_CREATE);
/// Whole ioctl number of [`GemInfo`].
pub const IOCTL_GEM_INFO: u32 = drm_iowr::<GemInfo>(GEM_INFO);
/// Whole ioctl number of [`Query`].
pub const IOCTL_QUERY: u32 = drm_iowr::<Query>(QUERY);

/// `DRM_IOWR` of a driver's command: 8 bits of number, 8 of type `d`, 14 of size, 2 of direction.
///
/// Sources: `include/uapi/drm/drm.h`, `include/uapi/asm-generic/ioctl.h`.
const fn drm_iowr<T>(command: u32) -> u32 {
    const READ_WRITE: u32 = 3;
    const DRM: u32 = b'd' as u32;
    READ_WRITE << 30 | (size_of::<T>() as u32) << 16 | DRM << 8 | (DRM_COMMAND_BASE + command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: [u8; 6] = [1, 2, 3, 4, 5, 6];

    fn query(size: u64) -> Query {
        Query {
            size,
            ..Query::default()
        }
    }

    #[test]
    fn an_object_of_size_zero_is_refused() {
        let mut create = GemCreate::default();
        assert_eq!(create.check(), Err(InvalidArgument));
        create.size = 1;
        assert_eq!(create.check(), Ok(()));
    }

    #[test]
    fn padding_and_outputs_are_ignored() {
        let create = GemCreate {
            handle: u32::MAX,
            pad: u32::MAX,
            size: 1,
        };
        assert_eq!(create.check(), Ok(()));
    }

    #[test]
    fn size_zero_asks_for_the_size() {
        let mut query = query(0);
        assert_eq!(query.answer(&ANSWER, 4), Ok(&[][..]));
        assert_eq!(query.size, 6);
    }

    #[test]
    fn an_older_program_gets_the_first_version() {
        let mut query = query(4);
        assert_eq!(query.answer(&ANSWER, 4), Ok(&[1, 2, 3, 4][..]));
        assert_eq!(query.size, 4);
    }

    #[test]
    fn a_newer_program_gets_the_size_of_the_answer() {
        for room in [6, 7, u64::MAX] {
            let mut query = query(room);
            assert_eq!(query.answer(&ANSWER, 4), Ok(&ANSWER[..]));
            assert_eq!(query.size, 6);
        }
    }

    #[test]
    fn a_size_below_the_first_version_is_refused() {
        for room in 1..4 {
            let mut short = query(room);
            assert_eq!(short.answer(&ANSWER, 4), Err(InvalidArgument));
            assert_eq!(short, query(room));
        }
    }

    #[test]
    fn flags_are_refused() {
        for size in [0, 6] {
            let before = Query {
                flags: 1 << 31,
                ..query(size)
            };
            let mut flagged = before;
            assert_eq!(flagged.answer(&ANSWER, 4), Err(InvalidArgument));
            assert_eq!(flagged, before);
        }
    }
}
