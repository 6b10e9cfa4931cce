// SPDX-License-Identifier: GPL-2.0

//! Address spaces, and ranges of them.

use nova_hw::abi::status::{
    NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_LIMIT, NV_ERR_INVALID_OFFSET, NV_ERR_INVALID_STATE,
};
use nova_hw::abi::{
    MemoryVirtualAllocationParams, Nv0080AllocParameters, VaSpaceAllocationParameters,
};
use zerocopy::{FromBytes, IntoBytes};

use crate::gsp_rm::objects::{Allocation, Family, Kind, Params, Parents};
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::{Resource, Space};

pub(super) static SPACE: Family = Family {
    kind: Kind::Space,
    parents: Parents::Of(&[Kind::Device, Kind::Subdevice]),
    params: Params::Required(|_| size_of::<VaSpaceAllocationParameters>()),
    controls: &[0x90f1],
    construct: construct_space,
};

pub(super) static RANGE: Family = Family {
    kind: Kind::Range,
    parents: Parents::Of(&[Kind::Device]),
    params: Params::Required(|_| size_of::<MemoryVirtualAllocationParams>()),
    controls: &[],
    construct: construct_range,
};

/// Sizes of big pages that there are; 0 is the default.
const BIG_PAGES: [u32; 3] = [0, 0x1_0000, 0x2_0000];

/// Bits of an address.
fn address_bits(allocation: &Allocation<'_>) -> u32 {
    let (shift, entries) = allocation.platform.directory();
    shift + entries.trailing_zeros()
}

/// Source: `vaspaceapiConstruct_IMPL` and `translateAllocFlagsToVASpaceFlags` in
/// src/nvidia/src/kernel/gpu/mem_mgr/vaspace_api.c, `gvaspaceConstruct__IMPL` in
/// src/nvidia/src/kernel/mem_mgr/gpu_vaspace.c. The statuses are those of an H200's GSP-RM, as far
/// as docs/real-cards.md has them.
///
/// Only new address spaces are modelled. Those of a device and of BAR1 are not, so that they are
/// refused with the status of an H200 for a device that has none.
fn construct_space(allocation: &Allocation<'_>, params: &mut [u8]) -> Result<Resource, Refused> {
    type Flags = VaSpaceAllocationParameters;
    let request = VaSpaceAllocationParameters::read_from_bytes(params).unwrap_or_default();
    let has = |flag| request.flags & flag != 0;
    let is_external = has(Flags::IS_EXTERNALLY_OWNED);
    let is_shared = has(Flags::SHARED_MANAGEMENT);
    let invalid = |error: String| Err((NV_ERR_INVALID_ARGUMENT, error));
    if is_external && has(Flags::IS_MIRRORED)
        || has(Flags::ENABLE_NVLINK_ATS) && !is_external && !is_shared
        || has(Flags::ENABLE_PAGE_FAULTING) && !is_external
    {
        return invalid(format!("an address space with flags {:#x}", request.flags));
    }
    let device = match &allocation.parent.resource {
        Resource::Device { va_mode, .. } => *va_mode,
        _ => 0,
    };
    if device == Nv0080AllocParameters::VA_MODE_SINGLE {
        let error = "a device with one address space".into();
        return Err((NV_ERR_INVALID_STATE, error));
    }
    if request.index != Flags::GPU_NEW {
        let error = format!("address space {:#x} of the device", request.index);
        return Err((NV_ERR_INVALID_STATE, error));
    }
    if !BIG_PAGES.contains(&request.big_page_size) {
        return invalid(format!("big pages of {:#x} bytes", request.big_page_size));
    }
    // An H200 refuses 0x1000 and 0x10001 bytes, and takes 1 GiB and more; where the border is, is
    // not known.
    const SIZE_MIN: u64 = 1 << 30;
    let end = request.va_base.checked_add(request.va_size);
    let is_sized = request.va_size == 0
        || request.va_size >= SIZE_MIN
            && end.is_some_and(|_| request.va_size <= 1 << address_bits(allocation));
    if !is_sized {
        return invalid(format!(
            "an address space of {:#x} bytes from {:#x} on",
            request.va_size, request.va_base
        ));
    }
    Ok(Resource::Space(Space {
        is_external,
        is_shared,
        directory: None,
    }))
}

/// Source: `vmrangeConstruct_IMPL` in src/nvidia/src/kernel/mem_mgr/virt_mem_range.c, and an H200
/// with release 580.
fn construct_range(allocation: &Allocation<'_>, params: &mut [u8]) -> Result<Resource, Refused> {
    let mut range = MemoryVirtualAllocationParams::read_from_bytes(params).unwrap_or_default();
    let space = allocation.space(range.h_va_space)?;
    let mut end = 1 << address_bits(allocation);
    if range.limit >= end {
        let error = format!("a range up to {:#x}", range.limit);
        return Err((NV_ERR_INVALID_LIMIT, error));
    }
    if range.limit != 0 {
        end = range.limit + 1;
    }
    if range.offset >= end {
        let error = format!("a range from {:#x} on, of {end:#x} bytes", range.offset);
        return Err((NV_ERR_INVALID_OFFSET, error));
    }
    range.limit = end - 1;
    params.copy_from_slice(range.as_bytes());
    Ok(Resource::Range(space))
}
