// SPDX-License-Identifier: MIT

//! The faults of an address space.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::array::{Array, Element, Elements};
use crate::refused::{require_zero, Refused};

/// [`Fault::fault_type`]: not known.
pub const FAULT_TYPE_UNKNOWN: u32 = 0;
/// [`Fault::fault_type`]: nothing is mapped there.
pub const FAULT_TYPE_UNMAPPED: u32 = 1;
/// [`Fault::fault_type`]: a write to a mapping that is read-only.
pub const FAULT_TYPE_READ_ONLY: u32 = 2;
/// [`Fault::fault_type`]: the mapping is for privileged accesses.
pub const FAULT_TYPE_PRIVILEGE: u32 = 3;
/// [`Fault::fault_type`]: the address is beyond the address space.
pub const FAULT_TYPE_LIMIT: u32 = 4;
/// [`Fault::fault_type`]: the access does not fit the kind of the pages.
pub const FAULT_TYPE_KIND: u32 = 5;
/// [`Fault::fault_type`]: the access cannot reach this kind of memory.
pub const FAULT_TYPE_APERTURE: u32 = 6;
/// [`Fault::fault_type`]: an atomic access that the mapping does not allow.
pub const FAULT_TYPE_ATOMIC: u32 = 7;
/// [`Fault::fault_type`]: the memory is damaged.
pub const FAULT_TYPE_POISON: u32 = 8;
/// [`Fault::fault_type`]: compressed data cannot be read.
pub const FAULT_TYPE_COMPRESSION: u32 = 9;
/// [`Fault::fault_type`]: a cause without a number here.
pub const FAULT_TYPE_OTHER: u32 = 15;

/// [`Fault::access`]: not known.
pub const FAULT_ACCESS_UNKNOWN: u32 = 0;
/// [`Fault::access`]: a read.
pub const FAULT_ACCESS_READ: u32 = 1;
/// [`Fault::access`]: a write.
pub const FAULT_ACCESS_WRITE: u32 = 2;
/// [`Fault::access`]: an atomic operation.
pub const FAULT_ACCESS_ATOMIC: u32 = 3;
/// [`Fault::access`]: fetching an instruction.
pub const FAULT_ACCESS_EXECUTE: u32 = 4;

/// `struct drm_nova_fault`: a fault.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct Fault {
    /// Number of the fault in its address space.
    pub sequence: u64,
    /// When it was reported, in ns of `CLOCK_MONOTONIC`.
    pub time_ns: u64,
    /// The address.
    pub address: u64,
    /// The fault was within the `1 << precision_shift` bytes from the address on.
    pub precision_shift: u32,
    /// One of the `FAULT_TYPE_` constants.
    pub fault_type: u32,
    /// One of the `FAULT_ACCESS_` constants.
    pub access: u32,
    /// Class of the engine that faulted; that of binds if it is not known.
    pub engine_class: u32,
    /// Instance of the engine that faulted.
    pub engine_instance: u32,
    /// The queue, or zero.
    pub queue_id: u32,
    /// The GPU's own number of the type; zero if the type is unknown.
    pub hw_type: u32,
    /// Always zero.
    pub reserved: u32,
}

/// The kernel writes faults, so there is nothing to check in one.
impl Element for Fault {
    const FIRST_SIZE: u32 = 56;

    fn check(&self) -> Result<(), Refused> {
        Ok(())
    }
}

/// `struct drm_nova_vm_get_faults`: read the faults of an address space.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct VmGetFaults {
    /// The address space.
    pub vm_id: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// In: the first fault that is wanted. Out: the one to ask for next.
    pub next: u64,
    /// Out: faults that were asked for and are forgotten.
    pub missed: u64,
    /// Room for [`Fault`]s.
    pub faults: Array,
    /// Out: how many were written.
    pub written: u32,
    /// Reserved, must be zero.
    pub reserved: u32,
}

impl VmGetFaults {
    /// Checks that need no kernel object; returns the room for faults.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<Elements<Fault>, Refused> {
        require_zero("drm_nova_vm_get_faults.flags", self.flags)?;
        require_zero("drm_nova_vm_get_faults.reserved", self.reserved)?;
        self.faults.check(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_members_are_refused_and_room_may_be_any() {
        let room = |count, stride| VmGetFaults {
            faults: Array {
                pointer: u64::from(count != 0),
                count,
                stride,
            },
            next: u64::MAX,
            missed: u64::MAX,
            written: u32::MAX,
            ..VmGetFaults::default()
        };
        assert_eq!(room(0, 0).check().unwrap().count(), 0);
        assert_eq!(room(u32::MAX, 56).check().unwrap().count(), u32::MAX);
        let flags = VmGetFaults {
            flags: 1,
            ..room(0, 0)
        };
        let reserved = VmGetFaults {
            reserved: 1,
            ..room(0, 0)
        };
        for (wrong, member) in [
            (flags, "drm_nova_vm_get_faults.flags"),
            (reserved, "drm_nova_vm_get_faults.reserved"),
            (room(1, 55), "drm_nova_array.stride"),
        ] {
            assert_eq!(wrong.check().unwrap_err().member, member);
        }
    }
}
