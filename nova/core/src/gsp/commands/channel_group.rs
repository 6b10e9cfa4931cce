// SPDX-License-Identifier: GPL-2.0

//! KEPLER_CHANNEL_GROUP_A: a group of channels, which the host schedules as one.
//!
//! Source: open-gpu-kernel-modules 570, src/nvidia/src/kernel/gpu/fifo/kernel_channel_group_api.c.

use nova_hw::abi::{class, ChannelGroupAllocationParameters};
use nova_hw::release::Release;
use zerocopy::IntoBytes;

use super::alloc::Class;

/// A group for an engine.
pub(crate) struct NewGroup {
    /// Engine (`NV2080_ENGINE_TYPE_*`).
    pub(crate) engine: u32,
    /// Handle of the address space that its channels have.
    pub(crate) space: u32,
}

impl Class for NewGroup {
    fn class(&self) -> u32 {
        class::KEPLER_CHANNEL_GROUP_A
    }

    fn size(&self, _release: &Release) -> usize {
        size_of::<ChannelGroupAllocationParameters>()
    }

    fn write(&self, _release: &Release, _client: u32, params: &mut [u8]) {
        let group = ChannelGroupAllocationParameters {
            h_va_space: self.space,
            engine_type: self.engine,
            ..ChannelGroupAllocationParameters::default()
        };
        params.copy_from_slice(group.as_bytes());
    }
}
