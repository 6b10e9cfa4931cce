// SPDX-License-Identifier: GPL-2.0

//! The classes of the graphics engine, objects of a channel.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/gr.c (`r535_gr_oneinit`), which
//! gives no parameters.

use nova_hw::class::graphics;
use nova_hw::release::Release;

use super::alloc::Class;

impl Class for graphics::Class {
    fn class(&self) -> u32 {
        self.number()
    }

    fn size(&self, _release: &Release) -> usize {
        0
    }

    fn write(&self, _release: &Release, _client: u32, _params: &mut [u8]) {}
}
