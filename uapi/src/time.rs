// SPDX-License-Identifier: MIT

//! The time of the GPU.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::refused::{require, require_zero, Refused};

/// The clocks that can be read: REALTIME, MONOTONIC, MONOTONIC_RAW, BOOTTIME and TAI, by their
/// numbers in `include/uapi/linux/time.h` of Linux.
pub const CLOCKS: [u32; 5] = [0, 1, 4, 7, 11];

/// `struct drm_nova_get_time`: read the clocks of the GPU and of the CPU at the same time.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct GetTime {
    /// The clock of the CPU, one of [`CLOCKS`].
    pub clock_id: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// Out: time of the GPU, in ns.
    pub gpu_ns: u64,
    /// Out: time of the CPU, in ns.
    pub cpu_ns: u64,
    /// Out: how far apart both can be, in ns.
    pub cpu_delta_ns: u64,
}

impl GetTime {
    /// Checks all members.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<(), Refused> {
        require_zero("drm_nova_get_time.flags", self.flags)?;
        require(
            CLOCKS.contains(&self.clock_id),
            "drm_nova_get_time.clock_id",
            "CLOCK_REALTIME, _MONOTONIC, _MONOTONIC_RAW, _BOOTTIME or _TAI",
            self.clock_id,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_measure_no_time_of_the_machine_are_refused() {
        for clock_id in 0..20 {
            let time = GetTime {
                clock_id,
                ..GetTime::default()
            };
            let is_clock = [0, 1, 4, 7, 11].contains(&clock_id);
            assert_eq!(time.check().is_ok(), is_clock, "clock {clock_id}");
        }
    }

    #[test]
    fn flags_are_refused_and_outputs_ignored() {
        let time = GetTime {
            gpu_ns: 1,
            cpu_ns: 2,
            cpu_delta_ns: 3,
            ..GetTime::default()
        };
        assert_eq!(time.check(), Ok(()));
        let refused = GetTime { flags: 1, ..time }.check().unwrap_err();
        assert_eq!(refused.member, "drm_nova_get_time.flags");
    }
}
