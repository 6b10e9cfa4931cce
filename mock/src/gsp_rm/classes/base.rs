// SPDX-License-Identifier: GPL-2.0

//! Clients, devices and subdevices.

use std::collections::BTreeMap;

use nova_hw::abi::status::{
    NV_ERR_INSUFFICIENT_RESOURCES, NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_CLASS,
    NV_ERR_NOT_SUPPORTED,
};
use nova_hw::abi::{Nv0080AllocParameters, Nv2080AllocParameters};
use zerocopy::FromBytes;

use crate::gsp_rm::objects::{Allocation, Family, Kind, Params, Parents};
use crate::gsp_rm::refused::Refused;
use crate::gsp_rm::resource::Resource;

pub(super) static CLIENT: Family = Family {
    kind: Kind::Client,
    parents: Parents::None,
    params: Params::Optional(|release| release.root.size),
    controls: &[0],
    construct: |_, _| Ok(Resource::None),
};

pub(super) static DEVICE: Family = Family {
    kind: Kind::Device,
    parents: Parents::Of(&[Kind::Client]),
    params: Params::Required(|_| size_of::<Nv0080AllocParameters>()),
    controls: &[0x80],
    construct: construct_device,
};

pub(super) static SUBDEVICE: Family = Family {
    kind: Kind::Subdevice,
    parents: Parents::Of(&[Kind::Device]),
    params: Params::Optional(|_| size_of::<Nv2080AllocParameters>()),
    controls: &[0x2080],
    construct: construct_subdevice,
};

/// Memory of the driver's own. GSP-RM's end of its allocation is ALLOC_MEMORY: NVIDIA's driver makes
/// objects of this kind by itself, and tells GSP-RM with that (`memRegisterWithGsp_IMPL` in
/// src/nvidia/src/kernel/mem_mgr/mem.c).
pub(super) static MEMORY: Family = Family {
    kind: Kind::Memory,
    parents: Parents::Of(&[Kind::Device, Kind::Subdevice]),
    params: Params::None,
    controls: &[],
    construct: |_, _| {
        let error = "memory is allocated by a message of its own".into();
        Err((NV_ERR_NOT_SUPPORTED, error))
    },
};

pub(super) fn device(instance: u32, va_mode: u32) -> Resource {
    Resource::Device { instance, va_mode }
}

pub(super) fn subdevice(instance: u32) -> Resource {
    Resource::Subdevice {
        instance,
        actions: BTreeMap::new(),
    }
}

/// Source: `resservResourceFactory` in src/nvidia/src/kernel/rmapi/alloc_free.c,
/// `deviceConstruct_IMPL` and `_deviceInit` in src/nvidia/src/kernel/gpu/device.c, and
/// `deviceSetClientShare_IMPL` in src/nvidia/src/kernel/gpu/device_share.c.
///
/// A second object for the same device is refused up to release 570, unless the GPU has partitions
/// (MIG). From 575 on it is refused in a virtual GPU only: an H200 with 580 takes it.
fn construct_device(allocation: &Allocation<'_>, params: &mut [u8]) -> Result<Resource, Refused> {
    let device = Nv0080AllocParameters::read_from_bytes(params).unwrap_or_default();
    let has = |flag| device.flags & flag != 0;
    let (start, limit) = (device.va_start_internal, device.va_limit_internal);
    if device.device_id >= Nv0080AllocParameters::DEVICES_MAX {
        let error = format!("device {:#x} does not exist", device.device_id);
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    }
    if has(Nv0080AllocParameters::RESTRICT_RESERVED_VALIMITS) && (limit < start || limit == 0) {
        let error = format!("addresses from {start:#x} to {limit:#x} as GSP-RM's internal range");
        return Err((NV_ERR_INVALID_ARGUMENT, error));
    }
    let instance = check_instance(allocation, "device", 1, params)?;
    if has(Nv0080AllocParameters::VASPACE_SIZE) && device.va_space_size == 0 {
        return Err((
            NV_ERR_INVALID_ARGUMENT,
            "an address space of no size".into(),
        ));
    }
    Ok(self::device(instance, device.va_mode))
}

/// Source: `subdeviceConstruct_IMPL` in src/nvidia/src/kernel/gpu/subdevice/subdevice.c. In a device
/// with one GPU, `gpugrpGetGpuFromSubDeviceInstance_IMPL` of src/nvidia/src/kernel/gpu_mgr/gpu_group.c
/// finds that GPU for each number that is valid, as on an H200.
fn construct_subdevice(
    allocation: &Allocation<'_>,
    params: &mut [u8],
) -> Result<Resource, Refused> {
    let count = Nv2080AllocParameters::SUBDEVICES_MAX;
    check_instance(allocation, "subdevice", count, params).map(subdevice)
}

/// Checks that the parameters name one of the first `count` devices or subdevices, and that it has
/// no other object.
fn check_instance(
    allocation: &Allocation<'_>,
    what: &str,
    count: u32,
    params: &[u8],
) -> Result<u32, Refused> {
    // Both structures begin with the instance. Without parameters it is 0.
    let instance = u32::read_from_prefix(params).map_or(0, |(instance, _)| instance);
    if instance >= count {
        let error = format!("there is no {what} {instance:#x}");
        return Err((NV_ERR_INVALID_CLASS, error));
    }
    let mut others = allocation.siblings();
    if others.any(|other| other.resource.instance() == Some(instance)) {
        let error = format!("there is an object for {what} {instance:#x}");
        return Err((NV_ERR_INSUFFICIENT_RESOURCES, error));
    }
    Ok(instance)
}
