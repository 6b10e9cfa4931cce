// SPDX-License-Identifier: GPL-2.0

//! The classes of copy engines (`*_DMA_COPY_*`), objects of a channel: with one, the channel can send
//! methods to its copy engine.
//!
//! Source: Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/r535/ce.c.

use nova_hw::abi::CopyAllocationParameters;
use nova_hw::class::copy;
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::alloc::Class;

/// An object of a copy engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyObject {
    /// Class of the chip's copy engines.
    pub class: copy::Class,
    /// The engine (`NV2080_ENGINE_TYPE_COPY*`).
    pub engine: u32,
}

impl Class for CopyObject {
    fn class(&self) -> u32 {
        self.class.number()
    }

    fn size(&self, _release: &Release) -> usize {
        size_of::<CopyAllocationParameters>()
    }

    fn write(&self, _release: &Release, _client: u32, params: &mut [u8]) {
        let object = CopyAllocationParameters {
            version: 1,
            engine_type: self.engine,
        };
        params.copy_from_slice(object.as_bytes());
    }
}
