// SPDX-License-Identifier: GPL-2.0

//! The classes of a chip's channels and of the objects on them.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_gpu_class_list.c; Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/{tu1xx,ga100,ga1xx,ad10x,gh100,gb10x,gb20x}.c.

use nova_hw::class::copy;
use nova_hw::class::host::ChannelClass;

/// The classes of a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Channels.
    pub channel: ChannelClass,
    /// Objects of copy engines.
    pub copy: copy::Class,
}
