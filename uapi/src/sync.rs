// SPDX-License-Identifier: MIT

//! Sync objects that a call waits for or signals.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::array::Element;
use crate::refused::{require, require_flags, require_zero, Refused};

/// [`Sync::flags`]: signal the object, instead of waiting for it.
pub const SYNC_SIGNAL: u32 = 1 << 0;
/// [`Sync::flags`]: a point of a timeline.
pub const SYNC_TIMELINE: u32 = 1 << 1;

/// `struct drm_nova_sync`: wait for a sync object, or signal it.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct Sync {
    /// Handle of the sync object.
    pub handle: u32,
    /// [`SYNC_SIGNAL`], [`SYNC_TIMELINE`].
    pub flags: u32,
    /// The point of the timeline; else zero.
    pub point: u64,
}

impl Element for Sync {
    const FIRST_SIZE: u32 = 16;

    fn check(&self) -> Result<(), Refused> {
        const POINT: &str = "drm_nova_sync.point";
        require_flags(
            "drm_nova_sync.flags",
            self.flags,
            SYNC_SIGNAL | SYNC_TIMELINE,
        )?;
        match self.flags & SYNC_TIMELINE {
            0 => require_zero(POINT, self.point),
            _ => require(self.point != 0, POINT, "above zero", self.point),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync(flags: u32, point: u64) -> Sync {
        Sync {
            handle: 1,
            flags,
            point,
        }
    }

    #[test]
    fn a_point_is_above_zero_with_a_timeline_and_zero_without() {
        for signal in [0, SYNC_SIGNAL] {
            assert_eq!(sync(signal, 0).check(), Ok(()));
            assert_eq!(sync(signal | SYNC_TIMELINE, u64::MAX).check(), Ok(()));
            for wrong in [sync(signal, 1), sync(signal | SYNC_TIMELINE, 0)] {
                let refused = wrong.check().unwrap_err();
                assert_eq!(refused.member, "drm_nova_sync.point");
                assert_eq!(refused.found, wrong.point);
            }
        }
    }

    #[test]
    fn unknown_flags_are_refused() {
        for bit in 2..32 {
            let refused = sync(1 << bit, 0).check().unwrap_err();
            assert_eq!(refused.member, "drm_nova_sync.flags");
        }
    }
}
