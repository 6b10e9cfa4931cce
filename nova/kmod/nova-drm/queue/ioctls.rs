// SPDX-License-Identifier: GPL-2.0

//! The ioctls about queues.

use kernel::prelude::*;
use kernel::sync::atomic::Relaxed;
use nova_kernel::drm::ioctl::{Gate, Ioctl};
use nova_uapi::{Errno, ENGINE_CLASS_BIND, QUEUE_STATE_ALIVE, QUEUE_STATE_LOST};

use super::exec::Syncs;
use super::{create, engines};
use crate::debug;
use crate::driver::{Device, File, NovaDrmDriver};
use crate::gpu::Gpu;
use crate::limits::{self, LIMITS};
use crate::user::{error, read};

/// `DRM_IOCTL_NOVA_QUEUE_CREATE`.
pub(crate) struct QueueCreate;

impl Ioctl<NovaDrmDriver> for QueueCreate {
    type Argument = nova_uapi::QueueCreate;
    const NUMBER: u32 = nova_uapi::IOCTL_QUEUE_CREATE;
    const GATE: Gate = Gate::Works;

    fn call(
        device: &Device,
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        let vm = file.data().vms.get(argument.vm_id)?;
        argument.check_limits(&LIMITS).map_err(error)?;
        // Where GSP-RM has never told the engines, the call fails with what else there is first.
        let engines = engines::of(gpu);
        let engine = match &engines {
            Ok(engines) => argument.check_engine(engines),
            Err(_) => Ok(()),
        };
        // What this GPU or this kernel lacks comes after what the caller may not do.
        if let Err(refused) = engine {
            if refused.errno == Errno::Invalid {
                return Err(error(refused));
            }
        }
        check_rights(file, argument)?;
        engine.map_err(error)?;
        let data = file.data();
        let queue = match argument.engine_class {
            ENGINE_CLASS_BIND => create::create_for_binds(device, gpu, &data, vm, argument),
            _ => {
                engines?;
                create::create(device, gpu, &data, vm, argument)
            }
        }?;
        let added = data.queues.add(queue.clone());
        if added.is_err() {
            gpu.queues.discard(&queue);
        }
        argument.queue_id = added?;
        queue.id.store(argument.queue_id, Relaxed);
        argument.pushes_max = queue.pushes_max;
        Ok(())
    }
}

/// Checks what the caller may do.
fn check_rights(file: &File<'_>, argument: &nova_uapi::QueueCreate) -> Result {
    let is_urgent = argument.needs_high_priority(&LIMITS);
    let is_long = argument.needs_long_jobs(&LIMITS);
    match (!is_urgent || limits::may_be_urgent(file)) && (!is_long || limits::may_take_long()) {
        true => Ok(()),
        false => Err(EACCES),
    }
}

/// `DRM_IOCTL_NOVA_QUEUE_DESTROY`.
pub(crate) struct QueueDestroy;

impl Ioctl<NovaDrmDriver> for QueueDestroy {
    type Argument = nova_uapi::QueueDestroy;
    const NUMBER: u32 = nova_uapi::IOCTL_QUEUE_DESTROY;
    const GATE: Gate = Gate::Always;

    fn call(
        _device: &Device,
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        let queue = file.data().queues.remove(argument.queue_id)?;
        if queue.release() {
            gpu.queues.discard(&queue);
        }
        Ok(())
    }
}

/// `DRM_IOCTL_NOVA_QUEUE_GET_STATE`.
pub(crate) struct QueueGetState;

impl Ioctl<NovaDrmDriver> for QueueGetState {
    type Argument = nova_uapi::QueueGetState;
    const NUMBER: u32 = nova_uapi::IOCTL_QUEUE_GET_STATE;
    const GATE: Gate = Gate::Always;

    fn call(
        _device: &Device,
        _gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        let queue = file.data().queues.get(argument.queue_id)?;
        let state = queue.state.lock();
        let loss = state.loss();
        *argument = nova_uapi::QueueGetState {
            state: match loss {
                Some(_) => QUEUE_STATE_LOST,
                None => QUEUE_STATE_ALIVE,
            },
            reason: loss.map_or(nova_uapi::QUEUE_REASON_NONE, |loss| loss.reason),
            blame: loss.map_or(nova_uapi::QUEUE_BLAME_NONE, |loss| loss.blame),
            xid: loss.map_or(0, |loss| loss.xid),
            jobs_submitted: state.submitted(),
            jobs_completed: state.done(),
            fault_sequence: loss.and_then(|loss| loss.fault).unwrap_or(u64::MAX),
            ..*argument
        };
        Ok(())
    }
}

/// `DRM_IOCTL_NOVA_EXEC`.
pub(crate) struct Exec;

impl Ioctl<NovaDrmDriver> for Exec {
    type Argument = nova_uapi::Exec;
    const NUMBER: u32 = nova_uapi::IOCTL_EXEC;
    const GATE: Gate = Gate::Works;

    fn call(
        device: &Device,
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        let (pushes, syncs) = argument.check(&LIMITS).map_err(error)?;
        let pushes = read(&pushes)?;
        let syncs = read(&syncs)?;
        let queue = file.data().queues.get(argument.queue_id)?;
        let syncs = Syncs::look_up(file, &queue, &syncs)?;
        argument.check_pushes(queue.pushes_max).map_err(error)?;
        let (vm, hole) = (limits::vm(gpu), queue.vm.kernel_range());
        for push in &pushes {
            push.check_range(&LIMITS, &vm, &hole).map_err(error)?;
        }
        if queue.takes_binds() {
            return Err(EINVAL);
        }
        syncs.check()?;
        debug::exec(device, argument, queue.number);
        queue.exec(gpu, &pushes, syncs)
    }
}
