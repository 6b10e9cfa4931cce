// SPDX-License-Identifier: GPL-2.0

//! Classes of objects that this GSP-RM knows: their parents, and the parameters with which an
//! object may be allocated.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/rmapi/resource_list.h; for the checks
//! of the parameters, the file that has the class's constructor.

mod base;
mod channel;
mod display;
mod engine;
mod space;

use nova_hw::abi::class::*;
use nova_hw::abi::status::NV_ERR_INVALID_CLASS;

use super::objects::{Class, Family, Objects};
use super::refused::Refused;
use super::resource::Resource;

const fn of(number: u32, family: &'static Family) -> Class {
    Class { number, family }
}

/// The classes of all chips; whether a chip has one is for the family to check. A new one is a line
/// here, and a family in one of the modules if it is of a new kind.
pub(crate) static CLASSES: &[Class] = &[
    of(NV01_ROOT, &base::CLIENT),
    of(NV01_DEVICE_0, &base::DEVICE),
    of(NV20_SUBDEVICE_0, &base::SUBDEVICE),
    of(FERMI_VASPACE_A, &space::SPACE),
    of(NV01_MEMORY_VIRTUAL, &space::RANGE),
    of(KEPLER_CHANNEL_GROUP_A, &channel::GROUP),
    of(FERMI_CONTEXT_SHARE_A, &channel::SHARE),
    of(VOLTA_CHANNEL_GPFIFO_A, &channel::CHANNEL),
    of(TURING_CHANNEL_GPFIFO_A, &channel::CHANNEL),
    of(AMPERE_CHANNEL_GPFIFO_A, &channel::CHANNEL),
    of(HOPPER_CHANNEL_GPFIFO_A, &channel::CHANNEL),
    of(BLACKWELL_CHANNEL_GPFIFO_A, &channel::CHANNEL),
    of(BLACKWELL_CHANNEL_GPFIFO_B, &channel::CHANNEL),
    of(TURING_DMA_COPY_A, &engine::COPY),
    of(AMPERE_DMA_COPY_A, &engine::COPY),
    of(AMPERE_DMA_COPY_B, &engine::COPY),
    of(HOPPER_DMA_COPY_A, &engine::COPY),
    of(BLACKWELL_DMA_COPY_A, &engine::COPY),
    of(BLACKWELL_DMA_COPY_B, &engine::COPY),
    of(FERMI_TWOD_A, &engine::GRAPHICS),
    of(KEPLER_INLINE_TO_MEMORY_B, &engine::GRAPHICS),
    of(BLACKWELL_INLINE_TO_MEMORY_A, &engine::GRAPHICS),
    of(TURING_A, &engine::GRAPHICS),
    of(AMPERE_A, &engine::GRAPHICS),
    of(AMPERE_B, &engine::GRAPHICS),
    of(ADA_A, &engine::GRAPHICS),
    of(HOPPER_A, &engine::GRAPHICS),
    of(BLACKWELL_A, &engine::GRAPHICS),
    of(BLACKWELL_B, &engine::GRAPHICS),
    of(TURING_COMPUTE_A, &engine::GRAPHICS),
    of(AMPERE_COMPUTE_A, &engine::GRAPHICS),
    of(AMPERE_COMPUTE_B, &engine::GRAPHICS),
    of(ADA_COMPUTE_A, &engine::GRAPHICS),
    of(HOPPER_COMPUTE_A, &engine::GRAPHICS),
    of(BLACKWELL_COMPUTE_A, &engine::GRAPHICS),
    of(BLACKWELL_COMPUTE_B, &engine::GRAPHICS),
    of(NVC4B0_VIDEO_DECODER, &engine::NVDEC),
    of(NVC6B0_VIDEO_DECODER, &engine::NVDEC),
    of(NVC7B0_VIDEO_DECODER, &engine::NVDEC),
    of(NVC9B0_VIDEO_DECODER, &engine::NVDEC),
    of(NVB8B0_VIDEO_DECODER, &engine::NVDEC),
    of(NVCDB0_VIDEO_DECODER, &engine::NVDEC),
    of(NVCFB0_VIDEO_DECODER, &engine::NVDEC),
    of(NVB4B7_VIDEO_ENCODER, &engine::NVENC),
    of(NVC4B7_VIDEO_ENCODER, &engine::NVENC),
    of(NVC7B7_VIDEO_ENCODER, &engine::NVENC),
    of(NVC9B7_VIDEO_ENCODER, &engine::NVENC),
    of(NVCFB7_VIDEO_ENCODER, &engine::NVENC),
    of(NVC4D1_VIDEO_NVJPG, &engine::NVJPEG),
    of(NVC9D1_VIDEO_NVJPG, &engine::NVJPEG),
    of(NVB8D1_VIDEO_NVJPG, &engine::NVJPEG),
    of(NVCDD1_VIDEO_NVJPG, &engine::NVJPEG),
    of(NVCFD1_VIDEO_NVJPG, &engine::NVJPEG),
    of(NVC6FA_VIDEO_OFA, &engine::OFA),
    of(NVC7FA_VIDEO_OFA, &engine::OFA),
    of(NVC9FA_VIDEO_OFA, &engine::OFA),
    of(NVB8FA_VIDEO_OFA, &engine::OFA),
    of(NVCDFA_VIDEO_OFA, &engine::OFA),
    of(NVCFFA_VIDEO_OFA, &engine::OFA),
    of(GT200_DEBUGGER, &engine::DEBUGGER),
    of(VOLTA_USERMODE_A, &engine::USERMODE),
    of(TURING_USERMODE_A, &engine::USERMODE),
    of(AMPERE_USERMODE_A, &engine::USERMODE),
    of(HOPPER_USERMODE_A, &engine::USERMODE),
    of(BLACKWELL_USERMODE_A, &engine::USERMODE),
    of(NV04_DISPLAY_COMMON, &display::COMMON),
    of(NVC570_DISPLAY, &display::ROOT),
    of(NVC670_DISPLAY, &display::ROOT),
    of(NVC770_DISPLAY, &display::ROOT),
    of(NVCA70_DISPLAY, &display::ROOT),
    of(NV01_EVENT_KERNEL_CALLBACK_EX, &display::EVENT),
];

/// The class with this number.
///
/// Source: `rmapiGetClassAllocParamSize`, src/nvidia/src/kernel/rmapi/resource_desc.c.
pub(crate) fn numbered(number: u32) -> Result<&'static Class, Refused> {
    let class = CLASSES.iter().find(|class| class.number == number);
    class.ok_or_else(|| {
        let error = format!("class {number:#x} is not known");
        (NV_ERR_INVALID_CLASS, error)
    })
}

/// The class of memory with this number, whose objects ALLOC_MEMORY makes.
pub(crate) fn memory(number: u32) -> Result<&'static Class, Refused> {
    static CLASSES: [Class; 2] = [
        of(NV01_MEMORY_LIST_SYSTEM, &base::MEMORY),
        of(NV01_MEMORY_LIST_FBMEM, &base::MEMORY),
    ];
    let class = CLASSES.iter().find(|class| class.number == number);
    class.ok_or_else(|| {
        let error = format!("class {number:#x} is no list of memory");
        (NV_ERR_INVALID_CLASS, error)
    })
}

/// A table with GSP-RM's own objects.
pub(crate) fn objects() -> Objects {
    static ROOT: Class = of(NV01_ROOT, &base::CLIENT);
    static DEVICE: Class = of(NV01_DEVICE_0, &base::DEVICE);
    static SUBDEVICE: Class = of(NV20_SUBDEVICE_0, &base::SUBDEVICE);
    Objects::new([
        (&ROOT, Resource::None),
        (&DEVICE, base::device(0, 0)),
        (&SUBDEVICE, base::subdevice(0)),
    ])
}

#[cfg(test)]
mod tests;
