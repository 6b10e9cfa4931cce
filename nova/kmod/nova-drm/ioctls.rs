// SPDX-License-Identifier: GPL-2.0

//! The ioctls of `uapi/nova_drm.h`, but for those that are [not implemented yet](crate::not_yet).

use kernel::prelude::*;
use kernel::uaccess::{UserPtr, UserSlice};
use nova_kernel::drm::ioctl::{Gate, Ioctl};
use zerocopy::IntoBytes;

use crate::driver::{Device, File, NovaDrmDriver, Object};
use crate::gem;
use crate::gpu::Gpu;
use crate::limits::{REGIONS, VRAM};
use crate::user::error;

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
        argument.check(&REGIONS).map_err(error)?;
        // There are no address spaces yet.
        if argument.vm_id != 0 {
            return Err(ENOENT);
        }
        let layout = argument.layout(&REGIONS).map_err(error)?;
        // Objects have no memory yet, so the CPU cannot map them, and they count as VRAM.
        if argument.flags != 0 || layout.placement & 1 << VRAM == 0 {
            return Err(EOPNOTSUPP);
        }
        argument.handle = gem::create(device, layout)?.create_handle(file)?;
        argument.page_shift = layout.page_shift;
        argument.mmap_offset = 0;
        argument.region = VRAM;
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
        let object = Object::lookup(file, argument.handle)?;
        let layout = object.data().layout;
        *argument = nova_uapi::GemInfo {
            handle: argument.handle,
            pad: argument.pad,
            size: layout.size,
            placement: layout.placement,
            page_shift: layout.page_shift,
            region: VRAM,
            ..Default::default()
        };
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
        argument.check().map_err(error)?;
        match argument.query {
            nova_uapi::QUERY_DEVICE => answer(argument, gpu.device()?.as_bytes()),
            nova_uapi::QUERY_FIRMWARE => answer(argument, gpu.firmware().as_bytes()),
            // The others are not implemented yet.
            _ => Err(EOPNOTSUPP),
        }
    }
}

/// Copies an answer to user space.
fn answer(argument: &mut nova_uapi::Query, answer: &[u8]) -> Result {
    let bytes = argument.answer(answer);
    if bytes.is_empty() {
        return Ok(());
    }
    let data = UserPtr::from_addr(usize::try_from(argument.data)?);
    UserSlice::new(data, bytes.len())
        .writer()
        .write_slice(bytes)
}
