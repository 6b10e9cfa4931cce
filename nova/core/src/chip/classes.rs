// SPDX-License-Identifier: GPL-2.0

//! The classes of a chip's channels and of the objects on them.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/generated/g_gpu_class_list.c; Linux 7.3,
//! drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/{tu1xx,ga100,ga1xx,ad10x,gh100,gb10x,gb20x}.c.

use nova_hw::class::host::ChannelClass;
use nova_hw::class::{copy, graphics};

/// The classes of a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Channels.
    pub channel: ChannelClass,
    /// Objects of copy engines.
    pub copy: copy::Class,
    /// Objects that draw.
    pub three_d: graphics::Class,
    /// Objects that execute programs.
    pub compute: graphics::Class,
    /// Objects that write data of methods to memory.
    pub inline: graphics::Class,
}

impl Classes {
    /// Objects that draw in two dimensions, on all chips.
    pub const TWO_D: graphics::Class = graphics::Class::FermiTwodA;

    /// Those of the graphics engine that a channel for graphics has.
    pub const fn graphics(&self) -> [graphics::Class; 4] {
        [self.three_d, self.compute, Self::TWO_D, self.inline]
    }

    /// Those of the graphics engine that a channel for programs alone has.
    pub const fn compute(&self) -> [graphics::Class; 2] {
        [self.compute, self.inline]
    }
}
