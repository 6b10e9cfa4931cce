// SPDX-License-Identifier: MIT

//! The structures and numbers of nouveau's ioctls.
//!
//! Source: `include/uapi/drm/nouveau_drm.h` of Linux 7.3; for NVIF, `nvif/ioctl.h` and
//! `nvif/cl0080.h` in `drivers/gpu/drm/nouveau/include`.

use crate::drm::{ior, iow, iowr, COMMAND_BASE};
use crate::syncobj::Signal;

const fn command(number: u32) -> u32 {
    COMMAND_BASE + number
}

/// `struct drm_nouveau_getparam`.
#[repr(C)]
pub(super) struct GetParam {
    pub(super) param: u64,
    pub(super) value: u64,
}

pub(super) const GETPARAM: u32 = iowr::<GetParam>(command(0x00));

/// `struct drm_nouveau_channel_alloc`.
#[repr(C)]
#[derive(Default)]
pub(super) struct ChannelAlloc {
    pub(super) fb_ctxdma_handle: u32,
    pub(super) tt_ctxdma_handle: u32,
    pub(super) channel: i32,
    pub(super) pushbuf_domains: u32,
    pub(super) notifier_handle: u32,
    pub(super) subchannels: [[u32; 2]; 8],
    pub(super) nr_subchan: u32,
}

pub(super) const CHANNEL_ALLOC: u32 = iowr::<ChannelAlloc>(command(0x02));

/// `struct drm_nouveau_channel_free`.
#[repr(C)]
pub(super) struct ChannelFree {
    pub(super) channel: i32,
}

pub(super) const CHANNEL_FREE: u32 = iow::<ChannelFree>(command(0x03));

/// `DRM_NOUVEAU_NVIF`, whose argument has the size that its number says.
pub(super) const fn nvif<T>() -> u32 {
    iowr::<T>(command(0x07))
}

/// `struct drm_nouveau_vm_init`.
#[repr(C)]
pub(super) struct VmInit {
    pub(super) kernel_managed_addr: u64,
    pub(super) kernel_managed_size: u64,
}

pub(super) const VM_INIT: u32 = iowr::<VmInit>(command(0x10));

/// `struct drm_nouveau_vm_bind_op`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct VmBindOp {
    pub(super) op: u32,
    pub(super) flags: u32,
    pub(super) handle: u32,
    pub(super) pad: u32,
    pub(super) addr: u64,
    pub(super) bo_offset: u64,
    pub(super) range: u64,
}

/// `DRM_NOUVEAU_VM_BIND_OP_MAP`.
pub(super) const OP_MAP: u32 = 0;
/// `DRM_NOUVEAU_VM_BIND_OP_UNMAP`.
pub(super) const OP_UNMAP: u32 = 1;
/// `DRM_NOUVEAU_VM_BIND_SPARSE`.
pub(super) const SPARSE: u32 = 1 << 8;

/// `struct drm_nouveau_vm_bind`.
#[repr(C)]
#[derive(Default)]
pub(super) struct VmBind {
    pub(super) op_count: u32,
    pub(super) flags: u32,
    pub(super) wait_count: u32,
    pub(super) sig_count: u32,
    pub(super) wait_ptr: u64,
    pub(super) sig_ptr: u64,
    pub(super) op_ptr: u64,
}

pub(super) const VM_BIND: u32 = iowr::<VmBind>(command(0x11));

/// `DRM_NOUVEAU_VM_BIND_RUN_ASYNC`.
pub(super) const RUN_ASYNC: u32 = 1;

/// `struct drm_nouveau_sync`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync {
    pub(super) flags: u32,
    pub(super) handle: u32,
    pub(super) timeline_value: u64,
}

impl Sync {
    pub(super) fn of(signal: &Signal<'_, '_>) -> Self {
        Self {
            flags: match signal {
                Signal::Binary(_) => SYNC_SYNCOBJ,
                Signal::Point(..) => SYNC_TIMELINE,
            },
            handle: signal.handle(),
            timeline_value: signal.point(),
        }
    }
}

/// `DRM_NOUVEAU_SYNC_SYNCOBJ`.
pub(super) const SYNC_SYNCOBJ: u32 = 0;
/// `DRM_NOUVEAU_SYNC_TIMELINE_SYNCOBJ`.
pub(super) const SYNC_TIMELINE: u32 = 1;

/// `struct drm_nouveau_exec_push`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct ExecPush {
    pub(super) va: u64,
    pub(super) va_len: u32,
    pub(super) flags: u32,
}

/// `struct drm_nouveau_exec`.
#[repr(C)]
pub(super) struct Exec {
    pub(super) channel: u32,
    pub(super) push_count: u32,
    pub(super) wait_count: u32,
    pub(super) sig_count: u32,
    pub(super) wait_ptr: u64,
    pub(super) sig_ptr: u64,
    pub(super) push_ptr: u64,
}

pub(super) const EXEC: u32 = iowr::<Exec>(command(0x12));

/// How the GPU's depth buffer can be divided for culling: `struct drm_nouveau_get_zcull_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZcullInfo {
    /// Alignment of the width of a region in pixels.
    pub width_align_pixels: u32,
    /// Alignment of its height.
    pub height_align_pixels: u32,
    /// Pixels that an aliquot covers.
    pub pixel_squares_by_aliquots: u32,
    /// Number of aliquots.
    pub aliquot_total: u32,
    /// Bytes of an aliquot when a region is saved.
    pub zcull_region_byte_multiplier: u32,
    /// Bytes of a region's header.
    pub zcull_region_header_size: u32,
    /// Bytes of a subregion's header.
    pub zcull_subregion_header_size: u32,
    /// Number of subregions.
    pub subregion_count: u32,
    /// Alignment of the width of a subregion in pixels.
    pub subregion_width_align_pixels: u32,
    /// Alignment of its height.
    pub subregion_height_align_pixels: u32,
    /// Bytes of a region of a context, 0 if it is not switched.
    pub ctxsw_size: u32,
    /// Alignment of that.
    pub ctxsw_align: u32,
}

pub(super) const GET_ZCULL_INFO: u32 = ior::<ZcullInfo>(command(0x13));

/// `struct drm_nouveau_gem_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GemInfo {
    pub(super) handle: u32,
    pub(super) domain: u32,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) map_handle: u64,
    pub(super) tile_mode: u32,
    pub(super) tile_flags: u32,
}

/// `struct drm_nouveau_gem_new`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GemNew {
    pub(super) info: GemInfo,
    pub(super) channel_hint: u32,
    pub(super) align: u32,
}

/// `NOUVEAU_GEM_DOMAIN_VRAM`.
pub(super) const DOMAIN_VRAM: u32 = 1 << 1;
/// `NOUVEAU_GEM_DOMAIN_GART`.
pub(super) const DOMAIN_GART: u32 = 1 << 2;
/// `NOUVEAU_GEM_DOMAIN_MAPPABLE`.
pub(super) const DOMAIN_MAPPABLE: u32 = 1 << 3;
/// `NOUVEAU_GEM_DOMAIN_COHERENT`.
pub(super) const DOMAIN_COHERENT: u32 = 1 << 4;

/// `NOUVEAU_GEM_TILE_NONCONTIG`.
pub(super) const TILE_NONCONTIG: u32 = 8;

pub(super) const GEM_NEW: u32 = iowr::<GemNew>(command(0x40));
pub(super) const GEM_INFO: u32 = iowr::<GemInfo>(command(0x44));

/// `struct drm_nouveau_gem_cpu_prep`.
#[repr(C)]
pub(super) struct CpuPrep {
    pub(super) handle: u32,
    pub(super) flags: u32,
}

pub(super) const GEM_CPU_PREP: u32 = iow::<CpuPrep>(command(0x42));

/// `NOUVEAU_GEM_CPU_PREP_NOWAIT`.
pub(super) const CPU_PREP_NOWAIT: u32 = 1;
/// `NOUVEAU_GEM_CPU_PREP_WRITE`.
pub(super) const CPU_PREP_WRITE: u32 = 4;

/// `struct nvif_ioctl_v0`, the header of each argument of NVIF.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nvif {
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) pad: [u8; 4],
    pub(super) owner: u8,
    pub(super) route: u8,
    pub(super) token: u64,
    pub(super) object: u64,
}

/// `NVIF_IOCTL_V0_SCLASS`.
const NVIF_SCLASS: u8 = 1;
/// `NVIF_IOCTL_V0_NEW`.
const NVIF_NEW: u8 = 2;
/// `NVIF_IOCTL_V0_DEL`.
const NVIF_DEL: u8 = 3;
/// `NVIF_IOCTL_V0_MTHD`.
const NVIF_MTHD: u8 = 4;
/// `NVIF_IOCTL_V0_ROUTE_HIDDEN`: the token is the number of a channel.
const ROUTE_CHANNEL: u8 = 0xff;

impl Nvif {
    fn of(kind: u8) -> Self {
        let kind = Self {
            kind,
            ..Self::default()
        };
        Self {
            owner: 0xff,
            ..kind
        }
    }

    fn on(kind: u8, channel: i32) -> Self {
        Self {
            route: ROUTE_CHANNEL,
            token: channel as u64,
            ..Self::of(kind)
        }
    }
}

/// `struct nvif_ioctl_new_v0` after the header.
#[repr(C)]
pub(super) struct NvifNew {
    header: Nvif,
    version: u8,
    pad: [u8; 6],
    route: u8,
    token: u64,
    object: u64,
    handle: u32,
    class: i32,
}

/// `NV_DEVICE` of `nvif/class.h`.
const DEVICE_CLASS: i32 = 0x80;

impl NvifNew {
    /// Makes a name for the device.
    pub(super) fn device(object: u64) -> Self {
        Self::with(Nvif::of(NVIF_NEW), object, DEVICE_CLASS)
    }

    /// Creates an object of an engine's class on a channel.
    pub(super) fn on(channel: i32, object: u64, class: u32) -> Self {
        Self::with(Nvif::on(NVIF_NEW, channel), object, class as i32)
    }

    /// nouveau passes the handle on to GSP-RM, where it must be unlike all others of the address
    /// space: those of a client's objects, and nouveau's own (`N * 0x10000 + n` with other N).
    fn with(header: Nvif, object: u64, class: i32) -> Self {
        const HANDLES: u32 = 0x0c1a_0000;
        Self {
            header,
            version: 0,
            pad: [0; 6],
            route: 0xff,
            token: object,
            object,
            handle: HANDLES | object as u32,
            class,
        }
    }
}

/// Deletes an object: `struct nvif_ioctl_del` is empty.
#[repr(C)]
pub(super) struct NvifDel(Nvif);

impl NvifDel {
    pub(super) fn new(object: u64) -> Self {
        Self(Nvif {
            object,
            ..Nvif::of(NVIF_DEL)
        })
    }
}

/// The classes of which a channel can have objects: `struct nvif_ioctl_sclass_v0` after the header.
#[repr(C)]
pub(super) struct NvifSclass {
    header: Nvif,
    version: u8,
    count: u8,
    pad: [u8; 6],
    classes: [[i32; 2]; Self::ROOM],
}

impl NvifSclass {
    const ROOM: usize = 64;

    pub(super) fn of(channel: i32) -> Self {
        Self {
            header: Nvif::on(NVIF_SCLASS, channel),
            version: 0,
            count: Self::ROOM as u8,
            pad: [0; 6],
            classes: [[0; 2]; Self::ROOM],
        }
    }

    /// The classes that the kernel has filled in.
    pub(super) fn classes(&self) -> Vec<u32> {
        let count = usize::from(self.count).min(Self::ROOM);
        let classes = self.classes[..count].iter();
        classes.map(|[class, _]| *class as u32).collect()
    }
}

/// A method of the device that asks what it is: `struct nvif_ioctl_mthd_v0` after the header, and
/// `struct nv_device_info_v0`.
#[repr(C)]
pub(super) struct NvifInfo {
    header: Nvif,
    version: u8,
    method: u8,
    pad: [u8; 6],
    pub(super) info: RawInfo,
}

/// `NV_DEVICE_V0_INFO`.
const METHOD_INFO: u8 = 0;

impl NvifInfo {
    pub(super) fn of(object: u64) -> Self {
        Self {
            header: Nvif {
                object,
                ..Nvif::of(NVIF_MTHD)
            },
            version: 0,
            method: METHOD_INFO,
            pad: [0; 6],
            info: RawInfo {
                version: 0,
                platform: 0,
                chipset: 0,
                revision: 0,
                family: 0,
                pad: [0; 2],
                ram_size: 0,
                ram_user: 0,
                chip: [0; 16],
                name: [0; 64],
            },
        }
    }
}

/// `struct nv_device_info_v0`.
#[repr(C)]
pub(super) struct RawInfo {
    pub(super) version: u8,
    pub(super) platform: u8,
    pub(super) chipset: u16,
    pub(super) revision: u8,
    pub(super) family: u8,
    pub(super) pad: [u8; 2],
    pub(super) ram_size: u64,
    pub(super) ram_user: u64,
    pub(super) chip: [u8; 16],
    pub(super) name: [u8; 64],
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those that a C compiler makes of the header.
    #[test]
    fn numbers_are_those_of_the_header() {
        assert_eq!(GETPARAM, 0xc010_6440);
        assert_eq!(CHANNEL_ALLOC, 0xc058_6442);
        assert_eq!(CHANNEL_FREE, 0x4004_6443);
        assert_eq!(VM_INIT, 0xc010_6450);
        assert_eq!(VM_BIND, 0xc028_6451);
        assert_eq!(EXEC, 0xc028_6452);
        assert_eq!(GET_ZCULL_INFO, 0x8030_6453);
        assert_eq!(GEM_NEW, 0xc030_6480);
        assert_eq!(GEM_CPU_PREP, 0x4008_6482);
        assert_eq!(GEM_INFO, 0xc028_6484);
    }

    #[test]
    fn sizes_are_those_of_the_header() {
        assert_eq!(size_of::<VmBindOp>(), 40);
        assert_eq!(size_of::<ExecPush>(), 16);
        assert_eq!(size_of::<Sync>(), 16);
        assert_eq!(size_of::<Nvif>(), 24);
        assert_eq!(size_of::<NvifNew>(), 24 + 32);
        assert_eq!(size_of::<NvifDel>(), 24);
        assert_eq!(size_of::<NvifSclass>(), 24 + 8 + 64 * 8);
        assert_eq!(size_of::<NvifInfo>(), 24 + 8 + 104);
    }
}
