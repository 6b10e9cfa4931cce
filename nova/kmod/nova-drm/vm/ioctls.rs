// SPDX-License-Identifier: GPL-2.0

//! The ioctls about address spaces.

use kernel::prelude::*;
use nova_kernel::drm::ioctl::{Gate, Ioctl};

use super::{bind, Vm};
use crate::debug;
use crate::driver::{Device, File, NovaDrmDriver};
use crate::gpu::Gpu;
use crate::limits::{self, LIMITS};
use crate::queue::Syncs;
use crate::user::{error, read};

/// `DRM_IOCTL_NOVA_VM_CREATE`.
pub(crate) struct VmCreate;

impl Ioctl<NovaDrmDriver> for VmCreate {
    type Argument = nova_uapi::VmCreate;
    const NUMBER: u32 = nova_uapi::IOCTL_VM_CREATE;
    const GATE: Gate = Gate::Works;

    fn call(
        device: &Device,
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        let kernel = argument.kernel_range(&limits::vm(gpu)).map_err(error)?;
        gpu.core.await_epoch()?;
        let vm = Vm::new(device, gpu, file.data().tables.clone(), kernel.clone())?;
        argument.vm_id = file.data().vms.add(vm)?;
        argument.kernel_start = kernel.start;
        argument.kernel_size = kernel.end.saturating_sub(kernel.start);
        Ok(())
    }
}

/// `DRM_IOCTL_NOVA_VM_DESTROY`.
pub(crate) struct VmDestroy;

impl Ioctl<NovaDrmDriver> for VmDestroy {
    type Argument = nova_uapi::VmDestroy;
    const NUMBER: u32 = nova_uapi::IOCTL_VM_DESTROY;
    const GATE: Gate = Gate::Always;

    fn call(
        _device: &Device,
        _gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        file.data().vms.remove(argument.vm_id).map(drop)
    }
}

/// `DRM_IOCTL_NOVA_VM_BIND`.
pub(crate) struct VmBind;

impl Ioctl<NovaDrmDriver> for VmBind {
    type Argument = nova_uapi::VmBind;
    const NUMBER: u32 = nova_uapi::IOCTL_VM_BIND;
    const GATE: Gate = Gate::Works;

    fn call(
        device: &Device,
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        let (ops, syncs) = argument.check(&LIMITS).map_err(error)?;
        let ops = read(&ops)?;
        let syncs = read(&syncs)?;
        debug::bind(device, argument, &ops);
        let vm = file.data().vms.get(argument.vm_id)?;
        let queue = match argument.queue_id {
            0 => None,
            id => Some(file.data().queues.get(id)?),
        };
        let ops = bind::look_up(file, ops)?;
        argument.check_syncs().map_err(error)?;
        let Some(queue) = queue else {
            bind::check(&vm, gpu, &ops)?;
            gpu.core.await_epoch()?;
            return bind::bind(&vm, gpu, ops);
        };
        let syncs = Syncs::look_up(file, &queue, &syncs)?;
        if !queue.takes_binds_of(&vm) {
            return Err(EINVAL);
        }
        syncs.check()?;
        bind::check(&vm, gpu, &ops)?;
        queue.bind(gpu, ops, syncs)
    }
}
