// SPDX-License-Identifier: MIT

//! The structures and numbers of the ioctls of Linux's nouveau: its tests on the mocked GPU call it
//! with these, and nova-nvk answers them.
//!
//! Source: `include/uapi/drm/nouveau_drm.h` of Linux 7.3; for NVIF, see [`nvif`]. Only what NVK and
//! the tests use is here.

#![no_std]
#![forbid(unsafe_code)]

pub mod nvif;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The driver's name.
pub const DRIVER_NAME: &str = "nouveau";

/// `DRM_COMMAND_BASE`: the number of a driver's first command. Source: `include/uapi/drm/drm.h`.
pub const COMMAND_BASE: u32 = 0x40;

/// A driver's ioctl: two bits of direction, 14 of size, 8 of type `d`, 8 of number.
const fn command<T>(direction: u32, number: u32) -> u32 {
    direction << 30 | (size_of::<T>() as u32) << 16 | (b'd' as u32) << 8 | (COMMAND_BASE + number)
}

const WRITE: u32 = 1;
const READ: u32 = 2;

/// Defines a structure whose members are named as in the header.
macro_rules! structure {
    ($(#[$about:meta])* $name:ident { $($(#[$member:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$about])*
        #[repr(C)]
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
        )]
        pub struct $name {
            $($(#[$member])* pub $field: $type,)+
        }
    };
}
pub(crate) use structure;

structure! {
    /// `struct drm_nouveau_getparam`.
    GetParam {
        /// One of the `PARAM_` constants.
        param: u64,
        /// Out: its value.
        value: u64,
    }
}

/// `DRM_IOCTL_NOUVEAU_GETPARAM`.
pub const GETPARAM: u32 = command::<GetParam>(READ | WRITE, 0x00);

/// `NOUVEAU_GETPARAM_PCI_VENDOR`.
pub const PARAM_PCI_VENDOR: u64 = 3;
/// `NOUVEAU_GETPARAM_PCI_DEVICE`.
pub const PARAM_PCI_DEVICE: u64 = 4;
/// `NOUVEAU_GETPARAM_CHIPSET_ID`.
pub const PARAM_CHIPSET_ID: u64 = 11;
/// `NOUVEAU_GETPARAM_GRAPH_UNITS`: GPCs in bits 7:0, TPCs in bits 23:8.
pub const PARAM_GRAPH_UNITS: u64 = 13;
/// `NOUVEAU_GETPARAM_PTIMER_TIME`: the time of the GPU in ns.
pub const PARAM_PTIMER_TIME: u64 = 14;
/// `NOUVEAU_GETPARAM_EXEC_PUSH_MAX`: most pushes of an [`Exec`].
pub const PARAM_EXEC_PUSH_MAX: u64 = 17;
/// `NOUVEAU_GETPARAM_VRAM_BAR_SIZE`: bytes of the BAR onto VRAM.
pub const PARAM_VRAM_BAR_SIZE: u64 = 18;
/// `NOUVEAU_GETPARAM_VRAM_USED`: bytes of VRAM in use.
pub const PARAM_VRAM_USED: u64 = 19;
/// `NOUVEAU_GETPARAM_HAS_VMA_TILEMODE`: whether a mapping has a kind of its own.
pub const PARAM_HAS_VMA_TILEMODE: u64 = 20;

structure! {
    /// `struct drm_nouveau_channel_alloc`.
    ChannelAlloc {
        /// All bits set, if `tt_ctxdma_handle` is an engine.
        fb_ctxdma_handle: u32,
        /// One of the `ENGINE_` constants.
        tt_ctxdma_handle: u32,
        /// Out: the number of the channel.
        channel: i32,
        /// Out: `DOMAIN_` constants.
        pushbuf_domains: u32,
        /// Out: a memory object for notifiers.
        notifier_handle: u32,
        /// Out: handle and class of each subchannel, before Celsius.
        subchannels: [[u32; 2]; 8],
        /// Out: how many there are.
        nr_subchan: u32,
    }
}

/// `DRM_IOCTL_NOUVEAU_CHANNEL_ALLOC`.
pub const CHANNEL_ALLOC: u32 = command::<ChannelAlloc>(READ | WRITE, 0x02);

/// `NOUVEAU_FIFO_ENGINE_GR`.
pub const ENGINE_GRAPHICS: u32 = 0x01;
/// `NOUVEAU_FIFO_ENGINE_CE`.
pub const ENGINE_COPY: u32 = 0x30;

structure! {
    /// `struct drm_nouveau_channel_free`.
    ChannelFree {
        /// The number of the channel.
        channel: i32,
    }
}

/// `DRM_IOCTL_NOUVEAU_CHANNEL_FREE`.
pub const CHANNEL_FREE: u32 = command::<ChannelFree>(WRITE, 0x03);

/// The command number of `DRM_NOUVEAU_NVIF`, after [`COMMAND_BASE`]; see [`nvif`].
pub const NVIF: u32 = 0x07;

structure! {
    /// `struct drm_nouveau_vm_init`.
    VmInit {
        /// First address of the kernel's range.
        kernel_managed_addr: u64,
        /// Bytes of the kernel's range.
        kernel_managed_size: u64,
    }
}

/// `DRM_IOCTL_NOUVEAU_VM_INIT`.
pub const VM_INIT: u32 = command::<VmInit>(READ | WRITE, 0x10);

structure! {
    /// `struct drm_nouveau_vm_bind_op`.
    VmBindOp {
        /// [`OP_MAP`] or [`OP_UNMAP`].
        op: u32,
        /// [`SPARSE`]; the kind of the pages is in bits 7:0.
        flags: u32,
        /// The object.
        handle: u32,
        /// Padding.
        pad: u32,
        /// Start of the range.
        addr: u64,
        /// Start in the object.
        bo_offset: u64,
        /// Bytes of the range.
        range: u64,
    }
}

/// `DRM_NOUVEAU_VM_BIND_OP_MAP`.
pub const OP_MAP: u32 = 0;
/// `DRM_NOUVEAU_VM_BIND_OP_UNMAP`.
pub const OP_UNMAP: u32 = 1;
/// `DRM_NOUVEAU_VM_BIND_SPARSE`.
pub const SPARSE: u32 = 1 << 8;

structure! {
    /// `struct drm_nouveau_vm_bind`.
    VmBind {
        /// Number of [`VmBindOp`]s.
        op_count: u32,
        /// [`RUN_ASYNC`].
        flags: u32,
        /// Number of [`Sync`]s to wait for.
        wait_count: u32,
        /// Number of [`Sync`]s to signal.
        sig_count: u32,
        /// User pointer to the former.
        wait_ptr: u64,
        /// User pointer to the latter.
        sig_ptr: u64,
        /// User pointer to the operations.
        op_ptr: u64,
    }
}

/// `DRM_IOCTL_NOUVEAU_VM_BIND`.
pub const VM_BIND: u32 = command::<VmBind>(READ | WRITE, 0x11);

/// `DRM_NOUVEAU_VM_BIND_RUN_ASYNC`.
pub const RUN_ASYNC: u32 = 1;

structure! {
    /// `struct drm_nouveau_sync`.
    Sync {
        /// [`SYNC_SYNCOBJ`] or [`SYNC_TIMELINE`].
        flags: u32,
        /// Handle of the sync object.
        handle: u32,
        /// The point of a timeline.
        timeline_value: u64,
    }
}

/// `DRM_NOUVEAU_SYNC_SYNCOBJ`.
pub const SYNC_SYNCOBJ: u32 = 0;
/// `DRM_NOUVEAU_SYNC_TIMELINE_SYNCOBJ`.
pub const SYNC_TIMELINE: u32 = 1;
/// `DRM_NOUVEAU_SYNC_TYPE_MASK`.
pub const SYNC_TYPES: u32 = 0xf;

structure! {
    /// `struct drm_nouveau_exec_push`.
    ExecPush {
        /// Address of the commands.
        va: u64,
        /// Bytes of commands.
        va_len: u32,
        /// [`PUSH_NO_PREFETCH`].
        flags: u32,
    }
}

/// `DRM_NOUVEAU_EXEC_PUSH_NO_PREFETCH`.
pub const PUSH_NO_PREFETCH: u32 = 1;

structure! {
    /// `struct drm_nouveau_exec`.
    Exec {
        /// The number of the channel.
        channel: u32,
        /// Number of [`ExecPush`]es.
        push_count: u32,
        /// Number of [`Sync`]s to wait for.
        wait_count: u32,
        /// Number of [`Sync`]s to signal.
        sig_count: u32,
        /// User pointer to those to wait for.
        wait_ptr: u64,
        /// User pointer to those to signal.
        sig_ptr: u64,
        /// User pointer to the pushes.
        push_ptr: u64,
    }
}

/// `DRM_IOCTL_NOUVEAU_EXEC`.
pub const EXEC: u32 = command::<Exec>(READ | WRITE, 0x12);

structure! {
    /// How the GPU's depth buffer can be divided for culling: `struct drm_nouveau_get_zcull_info`.
    ZcullInfo {
        /// Alignment of the width of a region in pixels.
        width_align_pixels: u32,
        /// Alignment of its height.
        height_align_pixels: u32,
        /// Pixels that an aliquot covers.
        pixel_squares_by_aliquots: u32,
        /// Number of aliquots.
        aliquot_total: u32,
        /// Bytes of an aliquot when a region is saved.
        zcull_region_byte_multiplier: u32,
        /// Bytes of a region's header.
        zcull_region_header_size: u32,
        /// Bytes of a subregion's header.
        zcull_subregion_header_size: u32,
        /// Number of subregions.
        subregion_count: u32,
        /// Alignment of the width of a subregion in pixels.
        subregion_width_align_pixels: u32,
        /// Alignment of its height.
        subregion_height_align_pixels: u32,
        /// Bytes of a region of a context, 0 if it is not switched.
        ctxsw_size: u32,
        /// Alignment of that.
        ctxsw_align: u32,
    }
}

/// `DRM_IOCTL_NOUVEAU_GET_ZCULL_INFO`.
pub const GET_ZCULL_INFO: u32 = command::<ZcullInfo>(READ, 0x13);

structure! {
    /// `struct drm_nouveau_gem_info`.
    GemInfo {
        /// The handle of the object.
        handle: u32,
        /// `DOMAIN_` constants.
        domain: u32,
        /// Bytes of the object.
        size: u64,
        /// Its address, before address spaces of user space.
        offset: u64,
        /// Where it can be mapped from the device's file.
        map_handle: u64,
        /// Tile mode.
        tile_mode: u32,
        /// Kind in bits 15:8, and [`TILE_NONCONTIG`].
        tile_flags: u32,
    }
}

structure! {
    /// `struct drm_nouveau_gem_new`.
    GemNew {
        /// What the object is to be like; out: what it is like.
        info: GemInfo,
        /// Not used.
        channel_hint: u32,
        /// Alignment in bytes.
        align: u32,
    }
}

/// `NOUVEAU_GEM_DOMAIN_VRAM`.
pub const DOMAIN_VRAM: u32 = 1 << 1;
/// `NOUVEAU_GEM_DOMAIN_GART`.
pub const DOMAIN_GART: u32 = 1 << 2;
/// `NOUVEAU_GEM_DOMAIN_MAPPABLE`.
pub const DOMAIN_MAPPABLE: u32 = 1 << 3;
/// `NOUVEAU_GEM_DOMAIN_COHERENT`.
pub const DOMAIN_COHERENT: u32 = 1 << 4;
/// `NOUVEAU_GEM_DOMAIN_NO_SHARE`: for the address space of its file alone.
pub const DOMAIN_NO_SHARE: u32 = 1 << 5;

/// `NOUVEAU_GEM_TILE_NONCONTIG`.
pub const TILE_NONCONTIG: u32 = 8;

/// `DRM_IOCTL_NOUVEAU_GEM_NEW`.
pub const GEM_NEW: u32 = command::<GemNew>(READ | WRITE, 0x40);
/// `DRM_IOCTL_NOUVEAU_GEM_INFO`.
pub const GEM_INFO: u32 = command::<GemInfo>(READ | WRITE, 0x44);

structure! {
    /// `struct drm_nouveau_gem_cpu_prep`.
    CpuPrep {
        /// The handle of the object.
        handle: u32,
        /// `CPU_PREP_` constants.
        flags: u32,
    }
}

/// `DRM_IOCTL_NOUVEAU_GEM_CPU_PREP`.
pub const GEM_CPU_PREP: u32 = command::<CpuPrep>(WRITE, 0x42);

/// `NOUVEAU_GEM_CPU_PREP_NOWAIT`.
pub const CPU_PREP_NOWAIT: u32 = 1;
/// `NOUVEAU_GEM_CPU_PREP_WRITE`.
pub const CPU_PREP_WRITE: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those that a C compiler makes of the header.
    #[test]
    fn numbers_are_those_of_the_header() {
        assert_eq!(GETPARAM, 0xc010_6440);
        assert_eq!(CHANNEL_ALLOC, 0xc058_6442);
        assert_eq!(CHANNEL_FREE, 0x4004_6443);
        assert_eq!(nvif::number::<[u8; 72]>(), 0xc048_6447);
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
    }
}
