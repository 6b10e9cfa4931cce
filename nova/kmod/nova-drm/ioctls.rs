// SPDX-License-Identifier: GPL-2.0

//! The ioctls of `uapi/nova_drm.h`.

use kernel::prelude::*;
use kernel::uaccess::{UserPtr, UserSlice};
use nova_kernel::drm::ioctl::{Gate, Ioctl};
use nova_uapi::{QueryDevice, QueryFirmware};
use zerocopy::IntoBytes;

use crate::driver::{Device, File, NovaDrmDriver, Object};
use crate::gem;
use crate::gpu::Gpu;

/// `DRM_IOCTL_NOVA_GETPARAM`.
pub(crate) struct GetParam;

impl Ioctl<NovaDrmDriver> for GetParam {
    type Argument = nova_uapi::GetParam;
    const NUMBER: u32 = nova_uapi::IOCTL_GETPARAM;
    const GATE: Gate = Gate::Works;

    fn call(
        _device: &Device,
        gpu: &Gpu<'_>,
        _file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.value = match argument.param {
            nova_uapi::GETPARAM_VRAM_BAR_SIZE => gpu.core.vram_bar,
            _ => return Err(EINVAL),
        };
        Ok(())
    }
}

/// `DRM_IOCTL_NOVA_GEM_CREATE`.
pub(crate) struct GemCreate;

impl Ioctl<NovaDrmDriver> for GemCreate {
    type Argument = nova_uapi::GemCreate;
    const NUMBER: u32 = nova_uapi::IOCTL_GEM_CREATE;
    const GATE: Gate = Gate::Works;

    fn call(
        device: &Device,
        _gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(|_| EINVAL)?;
        argument.handle = gem::create(device, argument.size)?.create_handle(file)?;
        Ok(())
    }
}

/// `DRM_IOCTL_NOVA_GEM_INFO`.
pub(crate) struct GemInfo;

impl Ioctl<NovaDrmDriver> for GemInfo {
    type Argument = nova_uapi::GemInfo;
    const NUMBER: u32 = nova_uapi::IOCTL_GEM_INFO;
    const GATE: Gate = Gate::Always;

    fn call(
        _device: &Device,
        _gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.size = Object::lookup(file, argument.handle)?.size() as u64;
        Ok(())
    }
}

/// `DRM_IOCTL_NOVA_QUERY`.
pub(crate) struct Query;

impl Ioctl<NovaDrmDriver> for Query {
    type Argument = nova_uapi::Query;
    const NUMBER: u32 = nova_uapi::IOCTL_QUERY;
    const GATE: Gate = Gate::Always;

    fn call(
        _device: &Device,
        gpu: &Gpu<'_>,
        _file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        match argument.query {
            nova_uapi::QUERY_DEVICE => {
                answer(argument, gpu.device()?.as_bytes(), QueryDevice::FIRST_SIZE)
            }
            nova_uapi::QUERY_FIRMWARE => answer(
                argument,
                gpu.firmware().as_bytes(),
                QueryFirmware::FIRST_SIZE,
            ),
            _ => Err(EINVAL),
        }
    }
}

/// Copies an answer to user space.
fn answer(argument: &mut nova_uapi::Query, answer: &[u8], first_size: usize) -> Result {
    let bytes = argument.answer(answer, first_size).map_err(|_| EINVAL)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let data = UserPtr::from_addr(usize::try_from(argument.data)?);
    UserSlice::new(data, bytes.len())
        .writer()
        .write_slice(bytes)
}
