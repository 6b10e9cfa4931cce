// SPDX-License-Identifier: GPL-2.0

//! Classes of objects that this GSP-RM knows: their parents, and the parameters with which an
//! object may be allocated.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/rmapi/resource_list.h; for the checks
//! of the parameters, the file that has the class's constructor.

use nova_hw::abi::class::{self, NV01_DEVICE_0, NV01_ROOT, NV20_SUBDEVICE_0};
use nova_hw::abi::status::{
    NV_ERR_INSUFFICIENT_RESOURCES, NV_ERR_INVALID_ARGUMENT, NV_ERR_INVALID_CLASS,
};
use nova_hw::abi::{Nv0080AllocParameters, Nv2080AllocParameters};
use nova_hw::release::Release;
use zerocopy::FromBytes;

use super::refused::Refused;

/// A class. A new one is a `static` like those below, and is listed in [`CLASSES`].
#[derive(Debug)]
pub(crate) struct Class {
    /// Its number.
    pub(crate) number: u32,
    /// The class of its objects' parents; a client has no parent.
    parent: Option<u32>,
    /// Bytes of its parameters.
    size: fn(&Release) -> usize,
    /// Checks an object's parameters, given the instances of the other objects with its class and
    /// parent; returns its own instance, the number of the device or subdevice that it stands for.
    pub(crate) check: fn(params: &[u8], others: &[u32]) -> Result<u32, Refused>,
}

pub(crate) static ROOT: Class = Class {
    number: NV01_ROOT,
    parent: None,
    size: |release| release.root.size,
    check: |_, _| Ok(0),
};

pub(crate) static DEVICE: Class = Class {
    number: NV01_DEVICE_0,
    parent: Some(NV01_ROOT),
    size: |_| size_of::<Nv0080AllocParameters>(),
    check: check_device,
};

pub(crate) static SUBDEVICE: Class = Class {
    number: NV20_SUBDEVICE_0,
    parent: Some(NV01_DEVICE_0),
    size: |_| size_of::<Nv2080AllocParameters>(),
    check: check_subdevice,
};

static CLASSES: [&Class; 3] = [&ROOT, &DEVICE, &SUBDEVICE];

impl Class {
    /// The class with this number.
    ///
    /// Source: `rmapiGetClassAllocParamSize`, src/nvidia/src/kernel/rmapi/resource_desc.c.
    pub(crate) fn numbered(number: u32) -> Result<&'static Self, Refused> {
        let class = CLASSES.into_iter().find(|class| class.number == number);
        class.ok_or_else(|| {
            let error = format!("class {number:#x} is not known");
            (NV_ERR_INVALID_CLASS, error)
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        class::name(self.number).unwrap_or("unknown")
    }

    /// Whether objects of class `parent` can be parents of its objects.
    pub(crate) fn belongs_below(&self, parent: &Self) -> bool {
        self.parent == Some(parent.number)
    }

    /// Checks that there are as many bytes of parameters as the release has, or none.
    ///
    /// Missing parameters are NV_ERR_INVALID_ARGUMENT in `rmapiParamsCopyInit` of
    /// src/nvidia/src/kernel/rmapi/param_copy.c. The same status for a wrong size is the model's
    /// choice, since GSP-RM's end of the RPC is not public.
    pub(crate) fn check_size(&self, release: &Release, params: &[u8]) -> Result<(), Refused> {
        let (found, expected) = (params.len(), (self.size)(release));
        match found == 0 || found == expected {
            true => Ok(()),
            false => {
                let error = format!("{found:#x} bytes of parameters, not {expected:#x}");
                Err((NV_ERR_INVALID_ARGUMENT, error))
            }
        }
    }
}

/// Source: `resservResourceFactory` in src/nvidia/src/kernel/rmapi/alloc_free.c,
/// `deviceConstruct_IMPL` and `_deviceInit` in src/nvidia/src/kernel/gpu/device.c, and
/// `deviceSetClientShare_IMPL` in src/nvidia/src/kernel/gpu/device_share.c.
///
/// A second object for the same device is refused up to release 570, unless the GPU has partitions
/// (MIG). From 575 on it is refused in a virtual GPU only: an H200 with 580 takes it.
fn check_device(params: &[u8], others: &[u32]) -> Result<u32, Refused> {
    let Ok(device) = Nv0080AllocParameters::read_from_bytes(params) else {
        return Err((NV_ERR_INVALID_ARGUMENT, "a device needs parameters".into()));
    };
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
    let instance = check_instance("device", 1, params, others)?;
    if has(Nv0080AllocParameters::VASPACE_SIZE) && device.va_space_size == 0 {
        return Err((
            NV_ERR_INVALID_ARGUMENT,
            "an address space of no size".into(),
        ));
    }
    Ok(instance)
}

/// Source: `subdeviceConstruct_IMPL` in src/nvidia/src/kernel/gpu/subdevice/subdevice.c. In a device
/// with one GPU, `gpugrpGetGpuFromSubDeviceInstance_IMPL` of src/nvidia/src/kernel/gpu_mgr/gpu_group.c
/// finds that GPU for each number that is valid, as on an H200.
fn check_subdevice(params: &[u8], others: &[u32]) -> Result<u32, Refused> {
    let count = Nv2080AllocParameters::SUBDEVICES_MAX;
    check_instance("subdevice", count, params, others)
}

/// Checks that the parameters name one of the first `count` devices or subdevices, and that it has
/// no other object.
fn check_instance(what: &str, count: u32, params: &[u8], others: &[u32]) -> Result<u32, Refused> {
    // Both structures begin with the instance. Without parameters it is 0.
    let instance = u32::read_from_prefix(params).map_or(0, |(instance, _)| instance);
    if instance >= count {
        let error = format!("there is no {what} {instance:#x}");
        return Err((NV_ERR_INVALID_CLASS, error));
    }
    if others.contains(&instance) {
        let error = format!("there is an object for {what} {instance:#x}");
        return Err((NV_ERR_INSUFFICIENT_RESOURCES, error));
    }
    Ok(instance)
}
