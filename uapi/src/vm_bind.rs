// SPDX-License-Identifier: MIT

//! Changes of the mappings in an address space.

use core::ops::Range;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::answers::{QueryLimits, QueryVm};
use crate::array::{Array, Element, Elements};
use crate::range::{check_range, Names, PAGE};
use crate::refused::{
    invalid, is_aligned, require, require_flags, require_zero, unsupported, Refused,
};
use crate::sync::Sync;

/// `struct drm_nova_vm_bind`: change mappings.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct VmBind {
    /// The address space.
    pub vm_id: u32,
    /// Zero: before the call returns. Else a queue of the class BIND.
    pub queue_id: u32,
    /// Reserved, must be zero.
    pub flags: u32,
    /// Reserved, must be zero.
    pub pad: u32,
    /// [`VmBindOp`]s.
    pub ops: Array,
    /// [`Sync`]s.
    pub syncs: Array,
}

impl VmBind {
    /// Checks that come before the arrays are read; returns these.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check(
        &self,
        limits: &QueryLimits,
    ) -> Result<(Elements<VmBindOp>, Elements<Sync>), Refused> {
        require_zero("drm_nova_vm_bind.flags", self.flags)?;
        require_zero("drm_nova_vm_bind.pad", self.pad)?;
        let ops = self.ops.check(limits.bind_ops_max)?;
        let syncs = self.syncs.check(limits.syncs_max)?;
        Ok((ops, syncs))
    }

    /// Checks that come after the look-ups.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there are sync objects without a queue.
    pub fn check_syncs(&self) -> Result<(), Refused> {
        require(
            self.queue_id != 0 || self.syncs.count == 0,
            "drm_nova_vm_bind.syncs.count",
            "zero without a queue",
            self.syncs.count,
        )
    }
}

/// [`VmBindOp::op`]: map an object.
pub const VM_BIND_OP_MAP: u32 = 0;
/// [`VmBindOp::op`]: map nothing; reads give zero and writes are lost.
pub const VM_BIND_OP_MAP_SPARSE: u32 = 1;
/// [`VmBindOp::op`]: unmap a range.
pub const VM_BIND_OP_UNMAP: u32 = 2;
/// [`VmBindOp::op`]: unmap an object wherever it is.
pub const VM_BIND_OP_UNMAP_OBJECT: u32 = 3;
/// [`VmBindOp::op`]: for later; map memory of the process.
pub const VM_BIND_OP_MAP_USERPTR: u32 = 4;
/// [`VmBindOp::op`]: for later; bring memory near the GPU.
pub const VM_BIND_OP_PREFETCH: u32 = 5;

/// [`VmBindOp::flags`]: the GPU cannot write.
pub const VM_BIND_OP_FLAG_READONLY: u32 = 1 << 0;
/// [`VmBindOp::flags`]: the contents may be part of a dump.
pub const VM_BIND_OP_FLAG_DUMPABLE: u32 = 1 << 1;

/// `struct drm_nova_vm_bind_op`: change the mappings of a range or of an object.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
pub struct VmBindOp {
    /// One of the `VM_BIND_OP_` constants.
    pub op: u32,
    /// [`VM_BIND_OP_FLAG_READONLY`], [`VM_BIND_OP_FLAG_DUMPABLE`].
    pub flags: u32,
    /// The object.
    pub handle: u32,
    /// Kind of the pages.
    pub kind: u8,
    /// Reserved, must be zero.
    pub pad: [u8; 3],
    /// Start in the object, in bytes.
    pub offset: u64,
    /// Start of the range.
    pub address: u64,
    /// Size of the range.
    pub size: u64,
}

/// An object that is to be mapped, as far as the checks need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundObject {
    /// Size in bytes.
    pub size: u64,
    /// Its blocks have at least `1 << page_shift` bytes.
    pub page_shift: u32,
    /// Whether it may lie in VRAM alone.
    pub is_vram_only: bool,
    /// Whether it belongs to another driver.
    pub is_imported: bool,
}

const NAMES: Names = Names {
    address: "drm_nova_vm_bind_op.address",
    size: "drm_nova_vm_bind_op.size",
};
const OP: &str = "drm_nova_vm_bind_op.op";
const FLAGS: &str = "drm_nova_vm_bind_op.flags";
const HANDLE: &str = "drm_nova_vm_bind_op.handle";
const KIND: &str = "drm_nova_vm_bind_op.kind";
const OFFSET: &str = "drm_nova_vm_bind_op.offset";

/// Pages of compressed memory have at least `1 << COMPRESSED_SHIFT` bytes.
const COMPRESSED_SHIFT: u32 = 16;

/// What an operation works on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// An object that is mapped in a range.
    Mapping,
    /// A range.
    Range,
    /// An object.
    Object,
}

impl VmBindOp {
    fn target(&self) -> Result<Target, Refused> {
        match self.op {
            VM_BIND_OP_MAP => Ok(Target::Mapping),
            VM_BIND_OP_MAP_SPARSE | VM_BIND_OP_UNMAP => Ok(Target::Range),
            VM_BIND_OP_UNMAP_OBJECT => Ok(Target::Object),
            VM_BIND_OP_MAP_USERPTR | VM_BIND_OP_PREFETCH => {
                Err(unsupported(OP, "an operation of this kernel", self.op))
            }
            op => Err(invalid(OP, "an operation of the header", op)),
        }
    }

    /// Checks that come after the look-ups and need no object.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check_range(&self, vm: &QueryVm, hole: &Range<u64>) -> Result<(), Refused> {
        const ALIGNED: &str = "a multiple of 4096";
        let target = self.target()?;
        if target == Target::Object {
            return Ok(());
        }
        let Self {
            offset,
            address,
            size,
            kind,
            ..
        } = *self;
        require(is_aligned(address, PAGE), NAMES.address, ALIGNED, address)?;
        require(is_aligned(size, PAGE), NAMES.size, ALIGNED, size)?;
        check_range(&NAMES, address, size, vm.va_start..vm.va_end, hole)?;
        if target == Target::Mapping {
            require(is_aligned(offset, PAGE), OFFSET, ALIGNED, offset)?;
            require(
                has_kind(vm.kinds, kind),
                KIND,
                "a kind of drm_nova_query_vm",
                kind,
            )?;
        }
        Ok(())
    }

    /// Checks of [`VM_BIND_OP_MAP`] with the object.
    ///
    /// # Errors
    ///
    /// The first member that is refused.
    pub fn check_object(&self, vm: &QueryVm, object: &BoundObject) -> Result<(), Refused> {
        let Self {
            offset, size, kind, ..
        } = *self;
        let end = offset.checked_add(size);
        require(
            end.is_some_and(|end| end <= object.size),
            OFFSET,
            "so small that the range ends within the object",
            offset,
        )?;
        require(
            kind == 0 || !object.is_imported,
            KIND,
            "zero for the object of another driver",
            kind,
        )?;
        match has_kind(vm.kinds_compressible, kind) {
            true => self.check_compressed(vm.compression_align, object),
            false => Ok(()),
        }
    }

    fn check_compressed(&self, alignment: u64, object: &BoundObject) -> Result<(), Refused> {
        const ALIGNED: &str = "a multiple of drm_nova_query_vm.compression_align";
        require(
            object.is_vram_only && object.page_shift >= COMPRESSED_SHIFT,
            KIND,
            "compressible only for objects in VRAM with pages of 64 KiB",
            self.kind,
        )?;
        for (member, value) in [
            (NAMES.address, self.address),
            (NAMES.size, self.size),
            (OFFSET, self.offset),
        ] {
            require(is_aligned(value, alignment), member, ALIGNED, value)?;
        }
        Ok(())
    }
}

/// Whether `kinds` has the bit of `kind`.
fn has_kind(kinds: u64, kind: u8) -> bool {
    kinds.checked_shr(kind.into()).unwrap_or(0) & 1 != 0
}

impl Element for VmBindOp {
    const FIRST_SIZE: u32 = 40;

    fn check(&self) -> Result<(), Refused> {
        let target = self.target()?;
        let flags = match self.op {
            VM_BIND_OP_MAP => VM_BIND_OP_FLAG_READONLY | VM_BIND_OP_FLAG_DUMPABLE,
            _ => 0,
        };
        require_flags(FLAGS, self.flags, flags)?;
        let [a, b, c] = self.pad;
        require_zero("drm_nova_vm_bind_op.pad", u32::from_le_bytes([a, b, c, 0]))?;
        if target != Target::Mapping {
            require_zero(KIND, self.kind)?;
            require_zero(OFFSET, self.offset)?;
        }
        match target {
            Target::Mapping => Ok(()),
            Target::Range => require_zero(HANDLE, self.handle),
            Target::Object => {
                require_zero(NAMES.address, self.address)?;
                require_zero(NAMES.size, self.size)
            }
        }
    }
}

#[cfg(test)]
mod tests;
