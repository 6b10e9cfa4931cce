// SPDX-License-Identifier: GPL-2.0

//! The time of the GPU.

use kernel::bindings;
use kernel::interrupt::local_interrupt_disable;
use kernel::prelude::*;
use nova_kernel::clock::Clock;
use nova_kernel::drm::ioctl::{Gate, Ioctl};

use crate::driver::{Device, File, NovaDrmDriver};
use crate::gpu::Gpu;
use crate::user::error;

/// `DRM_IOCTL_NOVA_GET_TIME`.
pub(crate) struct GetTime;

impl Ioctl<NovaDrmDriver> for GetTime {
    type Argument = nova_uapi::GetTime;
    const NUMBER: u32 = nova_uapi::IOCTL_GET_TIME;
    const GATE: Gate = Gate::Works;

    fn call(
        _device: &Device,
        gpu: &Gpu<'_>,
        _file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        let clock = clock(argument.clock_id).ok_or(EINVAL)?;
        let epoch = gpu.core.epoch()?;
        // So that nothing comes between the clocks.
        let interrupts = local_interrupt_disable();
        let before = clock.now();
        let gpu_ns = gpu.core.gpu_time();
        let after = clock.now();
        drop(interrupts);
        // Registers have no values while the GPU is reset, or sleeps.
        if gpu.core.epoch()? != epoch {
            return Err(EIO);
        }
        let between = after.saturating_sub(before);
        argument.gpu_ns = gpu_ns?;
        argument.cpu_ns = before.saturating_add(between / 2);
        argument.cpu_delta_ns = between.div_ceil(2);
        Ok(())
    }
}

/// The clock with a number of `include/uapi/linux/time.h`.
fn clock(id: u32) -> Option<Clock> {
    match id {
        bindings::CLOCK_REALTIME => Some(Clock::RealTime),
        bindings::CLOCK_MONOTONIC => Some(Clock::Monotonic),
        bindings::CLOCK_MONOTONIC_RAW => Some(Clock::MonotonicRaw),
        bindings::CLOCK_BOOTTIME => Some(Clock::BootTime),
        bindings::CLOCK_TAI => Some(Clock::Tai),
        _ => None,
    }
}
