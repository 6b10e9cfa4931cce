// SPDX-License-Identifier: MIT

//! Jobs of a queue.

use core::ops::Range;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::answers::{QueryLimits, QueryVm};
use crate::array::{Array, Element, Elements};
use crate::range::{check_range, Names};
use crate::refused::{is_aligned, require, require_flags, require_zero, Refused};
use crate::sync::Sync;

/// `struct drm_nova_exec`: give a queue a job.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct Exec {
    /// The queue.
    pub queue_id: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// [`Push`]es.
    pub pushes: Array,
    /// [`Sync`]s.
    pub syncs: Array,
}

impl Exec {
    /// Checks that come before the arrays are read; returns these. The queue may allow fewer pushes
    /// than these may be.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self, limits: &QueryLimits) -> Result<(Elements<Push>, Elements<Sync>), Refused> {
        require_zero("drm_nova_exec.flags", self.flags)?;
        let pushes = self.pushes.check(limits.ring_entries_max)?;
        let syncs = self.syncs.check(limits.syncs_max)?;
        Ok((pushes, syncs))
    }

    /// Checks that come after the look-ups.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there are more pushes than the queue takes.
    pub fn check_pushes(&self, pushes_max: u32) -> Result<(), Refused> {
        require(
            self.pushes.count <= pushes_max,
            "drm_nova_exec.pushes.count",
            "at most drm_nova_queue_create.pushes_max",
            self.pushes.count,
        )
    }
}

/// [`Push::flags`]: the GPU reads the push when it comes to it, not before.
pub const PUSH_NO_PREFETCH: u32 = 1 << 0;

/// `struct drm_nova_push`: commands for the GPU.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct Push {
    /// Address of the commands.
    pub address: u64,
    /// Bytes of commands.
    pub size: u32,
    /// [`PUSH_NO_PREFETCH`].
    pub flags: u32,
}

const NAMES: Names = Names {
    address: "drm_nova_push.address",
    size: "drm_nova_push.size",
};

/// Upper bits of an address are the same for the whole push: 40 bits are in an entry of the ring.
const UPPER_SHIFT: u32 = 40;

impl Push {
    /// Checks that come after the look-ups.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check_range(
        &self,
        limits: &QueryLimits,
        vm: &QueryVm,
        hole: &Range<u64>,
    ) -> Result<(), Refused> {
        const ALIGNED: &str = "a multiple of drm_nova_query_limits.push_align";
        let (address, size) = (self.address, u64::from(self.size));
        let alignment = limits.push_align.into();
        require(
            is_aligned(address, alignment),
            NAMES.address,
            ALIGNED,
            address,
        )?;
        require(is_aligned(size, alignment), NAMES.size, ALIGNED, size)?;
        require(
            self.size <= limits.push_bytes_max,
            NAMES.size,
            "at most drm_nova_query_limits.push_bytes_max",
            size,
        )?;
        check_range(&NAMES, address, size, vm.va_start..vm.push_va_end, hole)?;
        let last = address.saturating_add(size).saturating_sub(1);
        require(
            address >> UPPER_SHIFT == last >> UPPER_SHIFT,
            NAMES.address,
            "in one range of 1 TiB as a whole",
            address,
        )
    }
}

impl Element for Push {
    const FIRST_SIZE: u32 = 16;

    fn check(&self) -> Result<(), Refused> {
        require_flags("drm_nova_push.flags", self.flags, PUSH_NO_PREFETCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LIMITS, VM};

    const ADDRESS: &str = "drm_nova_push.address";
    const SIZE: &str = "drm_nova_push.size";
    const HOLE: Range<u64> = 0x10_0000_0000..0x20_0000_0000;
    const TIB: u64 = 1 << 40;

    fn push(address: u64, size: u32) -> Push {
        Push {
            address,
            size,
            flags: 0,
        }
    }

    fn refused(vm: &QueryVm, push: Push) -> Option<&'static str> {
        let result = push.check_range(&LIMITS, vm, &HOLE);
        result.err().map(|refused| refused.member)
    }

    #[test]
    fn pushes_are_words_that_the_gpu_reaches() {
        let start = VM.va_start;
        let most = (1 << 23) - 4;
        for right in [
            push(start, 4),
            push(start + 4, most),
            push(TIB - 4, 4),
            push(HOLE.start - 4, 4),
            push(HOLE.end, 4),
        ] {
            assert_eq!(refused(&VM, right), None, "{right:?}");
        }
        for (wrong, member) in [
            (push(start, 0), SIZE),
            (push(start + 1, 4), ADDRESS),
            (push(start, 5), SIZE),
            (push(start, most + 4), SIZE),
            (push(start, u32::MAX - 3), SIZE),
            (push(start - 4, 4), ADDRESS),
            (push(TIB, 4), ADDRESS),
            (push(TIB - 4, 8), SIZE),
            (push(u64::MAX - 3, 4), ADDRESS),
            (push(HOLE.start - 4, 8), ADDRESS),
            (push(HOLE.end - 4, 8), ADDRESS),
        ] {
            assert_eq!(refused(&VM, wrong), Some(member), "{wrong:?}");
        }
    }

    #[test]
    fn the_upper_bits_of_an_address_are_the_same_for_the_whole_push() {
        let large = QueryVm {
            push_va_end: 1 << 49,
            ..VM
        };
        for right in [push(TIB - 4, 4), push(TIB, 8), push(5 * TIB - 8, 8)] {
            assert_eq!(refused(&large, right), None, "{right:?}");
        }
        for wrong in [push(TIB - 4, 8), push(5 * TIB - 8, 12)] {
            assert_eq!(refused(&large, wrong), Some(ADDRESS), "{wrong:?}");
        }
    }

    #[test]
    fn flags_are_those_of_the_header() {
        let flagged = |flags| Push {
            flags,
            ..push(4096, 4)
        };
        assert_eq!(flagged(0).check(), Ok(()));
        assert_eq!(flagged(PUSH_NO_PREFETCH).check(), Ok(()));
        for bit in 1..32 {
            let refused = flagged(1 << bit).check().unwrap_err();
            assert_eq!(refused.member, "drm_nova_push.flags");
        }
    }

    #[test]
    fn a_job_has_limits_and_no_flags() {
        let array = |count, stride| Array {
            pointer: 4096,
            count,
            stride,
        };
        let exec = |pushes, syncs| Exec {
            pushes: array(pushes, 16),
            syncs: array(syncs, 16),
            ..Exec::default()
        };
        let right = exec(65536, 256);
        let (pushes, syncs) = right.check(&LIMITS).unwrap();
        assert_eq!((pushes.count(), syncs.count()), (65536, 256));
        assert_eq!(right.check_pushes(65536), Ok(()));
        let refused = right.check_pushes(65535).unwrap_err();
        assert_eq!(refused.member, "drm_nova_exec.pushes.count");
        assert!(Exec::default().check(&LIMITS).is_ok());
        for (wrong, member) in [
            (Exec { flags: 1, ..right }, "drm_nova_exec.flags"),
            (exec(65537, 1), "drm_nova_array.count"),
            (exec(1, 257), "drm_nova_array.count"),
        ] {
            assert_eq!(wrong.check(&LIMITS).unwrap_err().member, member);
        }
    }
}
