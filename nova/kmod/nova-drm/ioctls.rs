// SPDX-License-Identifier: GPL-2.0

//! The ioctls of `uapi/nova_drm.h` about the GPU and about memory objects.

use kernel::prelude::*;
use kernel::uaccess::{UserPtr, UserSlice};
use nova_kernel::drm::ioctl::{Gate, Ioctl};
use nova_uapi::QueryList;
use zerocopy::{Immutable, IntoBytes};

use crate::driver::{Device, File, NovaDrmDriver, Object};
use crate::gem;
use crate::gpu::Gpu;
use crate::graphics;
use crate::limits::{self, REGIONS};
use crate::queue::engines;
use crate::user::{error, read_label};

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
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check(&REGIONS).map_err(error)?;
        let private = match argument.vm_id {
            0 => None,
            id => Some(file.data().vms.get(id)?.private()),
        };
        let layout = argument.layout(&REGIONS).map_err(error)?;
        let object = gem::create(device, gpu, layout, argument.flags, private)?;
        argument.handle = object.create_handle(file)?;
        argument.page_shift = layout.page_shift;
        argument.mmap_offset = object.mmap_offset().unwrap_or(0);
        argument.region = object.data().region();
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
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        let object = Object::lookup(file, argument.handle)?;
        let stored = object.data();
        let mut state = 0;
        if object.is_imported() {
            state |= nova_uapi::GEM_STATE_IMPORTED;
        }
        if object.is_exported() {
            state |= nova_uapi::GEM_STATE_EXPORTED;
        }
        let epoch = gpu.core.epoch().ok();
        if stored.is_lost(epoch) {
            state |= nova_uapi::GEM_STATE_CONTENT_LOST;
        }
        let vm_id = stored.private.as_ref().map_or(0, |private| {
            file.data().vms.find(|vm| vm.private() == *private)
        });
        *argument = nova_uapi::GemInfo {
            handle: argument.handle,
            pad: argument.pad,
            size: stored.layout.size,
            placement: stored.layout.placement,
            flags: stored.flags,
            vm_id,
            page_shift: stored.layout.page_shift,
            mmap_offset: object.mmap_offset().unwrap_or(0),
            region: stored.region(),
            state,
        };
        Ok(())
    }
}

/// `DRM_IOCTL_NOVA_GEM_SET_LABEL`.
pub(crate) struct GemSetLabel;

impl Ioctl<NovaDrmDriver> for GemSetLabel {
    type Argument = nova_uapi::GemSetLabel;
    const NUMBER: u32 = nova_uapi::IOCTL_GEM_SET_LABEL;
    const GATE: Gate = Gate::Always;

    fn call(
        _device: &Device,
        _gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        let label = read_label(argument)?;
        let object = Object::lookup(file, argument.handle)?;
        object.data().set_label(label);
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
        device: &Device,
        gpu: &Gpu<'_>,
        file: &File<'_>,
        argument: &mut Self::Argument,
    ) -> Result {
        argument.check().map_err(error)?;
        match argument.query {
            nova_uapi::QUERY_DEVICE => answer(argument, gpu.device()?.as_bytes()),
            nova_uapi::QUERY_FIRMWARE => answer(argument, gpu.firmware().as_bytes()),
            nova_uapi::QUERY_MEMORY_REGIONS => {
                answer(argument, &list(&gem::regions::of(device, file))?)
            }
            nova_uapi::QUERY_STATUS => answer(argument, gpu.status(device).as_bytes()),
            nova_uapi::QUERY_VM => answer(argument, limits::vm(gpu).as_bytes()),
            nova_uapi::QUERY_ENGINES => answer(argument, &list(&engines::of(gpu)?)?),
            nova_uapi::QUERY_LIMITS => answer(argument, limits::of(file).as_bytes()),
            nova_uapi::QUERY_GRAPHICS => answer(argument, graphics::query(gpu)?.as_bytes()),
            nova_uapi::QUERY_ZCULL => answer(argument, graphics::zcull(gpu)?.as_bytes()),
            _ => Err(EINVAL),
        }
    }
}

/// An answer that is a list.
fn list<T: IntoBytes + Immutable>(elements: &[T]) -> Result<KVec<u8>> {
    let start = QueryList {
        count: u32::try_from(elements.len())?,
        stride: u32::try_from(size_of::<T>())?,
    };
    let mut answer = KVec::new();
    answer.extend_from_slice(start.as_bytes(), GFP_KERNEL)?;
    answer.extend_from_slice(elements.as_bytes(), GFP_KERNEL)?;
    Ok(answer)
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
