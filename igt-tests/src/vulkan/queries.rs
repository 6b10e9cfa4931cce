// SPDX-License-Identifier: MIT

//! Pools of time stamps.

use ash::vk;

use super::{Buffer, Commands, Device};

/// A result is a time, and whether it is there.
const RESULTS: vk::QueryResultFlags = vk::QueryResultFlags::from_raw(
    vk::QueryResultFlags::TYPE_64.as_raw() | vk::QueryResultFlags::WITH_AVAILABILITY.as_raw(),
);

/// A pool of time stamps.
pub struct Queries<'d> {
    handle: vk::QueryPool,
    count: u32,
    device: &'d Device<'d>,
}

impl<'d> Queries<'d> {
    /// Makes a pool. Its queries must be reset before they are used.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(device: &'d Device<'_>, count: u32) -> Self {
        let create = vk::QueryPoolCreateInfo::default()
            .query_type(vk::QueryType::TIMESTAMP)
            .query_count(count);
        // SAFETY: The structure is complete.
        let handle = unsafe { device.raw().create_query_pool(&create, None) };
        Self {
            handle: handle.unwrap_or_else(|error| panic!("a pool of queries: {error}")),
            count,
            device,
        }
    }

    /// The CPU resets all of them.
    pub fn reset(&self) {
        // SAFETY: The pool is of this device, and no command uses it.
        unsafe {
            self.device
                .raw()
                .reset_query_pool(self.handle, 0, self.count)
        };
    }

    /// The device resets all of them.
    pub fn reset_by(&self, commands: &Commands<'_>) {
        // SAFETY: Commands are recorded, and the pool lives.
        unsafe {
            let device = self.device.raw();
            device.cmd_reset_query_pool(commands.handle(), self.handle, 0, self.count);
        }
    }

    /// The device writes the time when all before has ended.
    pub fn write(&self, commands: &Commands<'_>, query: u32) {
        let stage = vk::PipelineStageFlags::ALL_COMMANDS;
        // SAFETY: Commands are recorded, and the pool lives.
        unsafe {
            let device = self.device.raw();
            device.cmd_write_timestamp(commands.handle(), stage, self.handle, query);
        }
    }

    /// The device copies all of them to a buffer: 8 bytes each, and 8 bytes that say whether they are there.
    pub fn copy(&self, commands: &Commands<'_>, to: &Buffer<'_>) {
        // SAFETY: Commands are recorded, and the pool and the buffer live.
        unsafe {
            let device = self.device.raw();
            device.cmd_copy_query_pool_results(
                commands.handle(),
                self.handle,
                0,
                self.count,
                to.handle(),
                0,
                16,
                RESULTS,
            );
        }
    }

    /// The times that have been written.
    ///
    /// # Panics
    ///
    /// If the driver fails.
    pub fn results(&self) -> Vec<Option<u64>> {
        let mut results = vec![[0_u64; 2]; self.count as usize];
        // SAFETY: The pool is of this device, and the results have room for all.
        let result = unsafe {
            let device = self.device.raw();
            device.get_query_pool_results(self.handle, 0, &mut results, RESULTS)
        };
        // That some are not there is no error.
        assert!(
            matches!(result, Ok(()) | Err(vk::Result::NOT_READY)),
            "{result:?}"
        );
        let time = |[time, is_there]: [u64; 2]| (is_there != 0).then_some(time);
        results.into_iter().map(time).collect()
    }
}

impl Drop for Queries<'_> {
    fn drop(&mut self) {
        // SAFETY: What uses it has been waited for.
        unsafe { self.device.raw().destroy_query_pool(self.handle, None) };
    }
}
