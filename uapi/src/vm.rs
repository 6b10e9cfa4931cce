// SPDX-License-Identifier: MIT

//! Address spaces.

use core::ops::Range;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::answers::QueryVm;
use crate::range::{check_range, Names};
use crate::refused::{is_aligned, require, require_zero, Refused};

/// `struct drm_nova_vm_create`: create an address space.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct VmCreate {
    /// Reserved, must be zero.
    pub flags: u32,
    /// Out: the id of the new address space.
    pub vm_id: u32,
    /// Start of the kernel's range. Zero, if the size is zero too: the kernel chooses both.
    pub kernel_start: u64,
    /// Size of the kernel's range.
    pub kernel_size: u64,
}

impl VmCreate {
    /// Checks that need no facts about the GPU.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<(), Refused> {
        require_zero("drm_nova_vm_create.flags", self.flags)
    }

    /// Checks the kernel's range, or chooses one: the highest addresses that pushes may have.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn kernel_range(&self, vm: &QueryVm) -> Result<Range<u64>, Refused> {
        const NAMES: Names = Names {
            address: "drm_nova_vm_create.kernel_start",
            size: "drm_nova_vm_create.kernel_size",
        };
        const ALIGNED: &str = "a multiple of drm_nova_query_vm.kernel_align";
        let (start, size) = (self.kernel_start, self.kernel_size);
        if start == 0 && size == 0 {
            return Ok(vm.push_va_end.saturating_sub(vm.kernel_size_min)..vm.push_va_end);
        }
        require(start != 0, NAMES.address, "zero only if the size is", start)?;
        require(size != 0, NAMES.size, "zero only if the start is", size)?;
        require(
            is_aligned(start, vm.kernel_align),
            NAMES.address,
            ALIGNED,
            start,
        )?;
        require(is_aligned(size, vm.kernel_align), NAMES.size, ALIGNED, size)?;
        require(
            size >= vm.kernel_size_min,
            NAMES.size,
            "at least drm_nova_query_vm.kernel_size_min",
            size,
        )?;
        check_range(&NAMES, start, size, vm.va_start..vm.push_va_end, &(0..0))?;
        Ok(start..start.saturating_add(size))
    }
}

/// `struct drm_nova_vm_destroy`: destroy an address space.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct VmDestroy {
    /// The id of the address space.
    pub vm_id: u32,
    /// Reserved, must be zero.
    pub pad: u32,
}

impl VmDestroy {
    /// Checks that need no kernel object.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(&self) -> Result<(), Refused> {
        require_zero("drm_nova_vm_destroy.pad", self.pad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::VM;

    const GIB: u64 = 1 << 30;

    fn create(kernel_start: u64, kernel_size: u64) -> VmCreate {
        VmCreate {
            kernel_start,
            kernel_size,
            ..VmCreate::default()
        }
    }

    #[test]
    fn reserved_members_are_refused_and_outputs_ignored() {
        let mut create = create(0, 0);
        create.vm_id = u32::MAX;
        assert_eq!(create.check(), Ok(()));
        create.flags = 1 << 31;
        let refused = create.check().unwrap_err();
        assert_eq!(refused.member, "drm_nova_vm_create.flags");
        let mut destroy = VmDestroy { vm_id: 1, pad: 0 };
        assert_eq!(destroy.check(), Ok(()));
        destroy.pad = 1;
        let refused = destroy.check().unwrap_err();
        assert_eq!(refused.member, "drm_nova_vm_destroy.pad");
    }

    #[test]
    fn the_kernel_chooses_the_end_of_what_pushes_reach() {
        let range = create(0, 0).kernel_range(&VM);
        assert_eq!(range, Ok((1 << 40) - GIB..1 << 40));
    }

    #[test]
    fn a_range_of_user_space_is_taken_as_it_is() {
        let range = create(GIB, 2 * GIB).kernel_range(&VM);
        assert_eq!(range, Ok(GIB..3 * GIB));
        let last = create((1 << 40) - GIB, GIB).kernel_range(&VM);
        assert_eq!(last, Ok((1 << 40) - GIB..1 << 40));
    }

    #[test]
    fn a_range_that_is_misaligned_small_or_elsewhere_is_refused() {
        const START: &str = "drm_nova_vm_create.kernel_start";
        const SIZE: &str = "drm_nova_vm_create.kernel_size";
        for (start, size, member) in [
            (GIB, 0, SIZE),
            (0, GIB, START),
            (GIB + 4096, GIB, START),
            (GIB, GIB + 4096, SIZE),
            (GIB, GIB / 2, SIZE),
            (1 << 40, GIB, START),
            ((1 << 40) - GIB, 2 * GIB, SIZE),
            (GIB, 0_u64.wrapping_sub(GIB), SIZE),
        ] {
            let refused = create(start, size).kernel_range(&VM).unwrap_err();
            assert_eq!(refused.member, member, "{start:#x}, {size:#x}");
        }
    }
}
