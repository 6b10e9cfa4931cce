// SPDX-License-Identifier: MIT

//! Displays, of which nova has none.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Call;
use crate::argument;
use crate::device::{Device, Errno, Result};

/// `struct drm_mode_card_res`, `include/uapi/drm/drm_mode.h`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
pub(super) struct Resources {
    pub(super) pointers: [u64; 4],
    pub(super) counts: [u32; 4],
    pub(super) limits: [u32; 4],
}

impl<D: Device> Call<'_, D> {
    /// nouveau, of a GPU without displays, says that there are none. A driver that knows nothing of
    /// displays fails, and then Mesa fails, too, for a program that is DRM master.
    pub(super) fn mode_resources(&self, bytes: &mut [u8]) -> Result {
        match self.device.pass_on(bytes) {
            Err(Errno::OPNOTSUPP) => {
                let asked: Resources = argument::read(bytes);
                let none = Resources {
                    counts: [0; 4],
                    limits: [0; 4],
                    ..asked
                };
                argument::write(&none, bytes);
                Ok(())
            }
            passed => passed,
        }
    }
}
