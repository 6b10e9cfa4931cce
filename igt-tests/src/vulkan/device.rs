// SPDX-License-Identifier: MIT

//! A device with a queue.

use std::ffi::CStr;
use std::time::Duration;

use ash::{ext, khr, vk};

use super::{Physical, Vulkan};

/// The extensions that a device gets if its driver has them.
const EXTENSIONS: [&CStr; 3] = [
    khr::external_memory_fd::NAME,
    khr::external_semaphore_fd::NAME,
    ext::calibrated_timestamps::NAME,
];

/// A device with a queue.
pub struct Device<'v> {
    /// The instance.
    pub vulkan: &'v Vulkan,
    /// What the driver says of the device.
    pub physical: &'v Physical,
    /// The family of the queue.
    pub family: u32,
    device: ash::Device,
    queue: vk::Queue,
    pool: vk::CommandPool,
}

impl<'v> Device<'v> {
    /// Makes a device with a queue of a family.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(vulkan: &'v Vulkan, physical: &'v Physical, family: u32) -> Self {
        let priorities = [1.0];
        let queues = [vk::DeviceQueueCreateInfo::default()
            .queue_family_index(family)
            .queue_priorities(&priorities)];
        let known = EXTENSIONS.into_iter().filter(|name| physical.has(name));
        let extensions: Vec<_> = known.map(CStr::as_ptr).collect();
        let features = vk::PhysicalDeviceFeatures {
            sparse_binding: physical.features.sparse_binding,
            sparse_residency_buffer: physical.features.sparse_residency_buffer,
            shader_int64: physical.features.shader_int64,
            ..Default::default()
        };
        let mut newer = vk::PhysicalDeviceVulkan12Features::default()
            .timeline_semaphore(true)
            .host_query_reset(true);
        let create = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions)
            .enabled_features(&features)
            .push_next(&mut newer);
        // SAFETY: The handle is of this instance, and the structures are complete.
        let device = unsafe { vulkan.raw().create_device(physical.handle, &create, None) };
        let device =
            device.unwrap_or_else(|error| panic!("a device of {}: {error}", physical.name));
        let pool = vk::CommandPoolCreateInfo::default().queue_family_index(family);
        // SAFETY: The device has just been made, with that queue.
        let (queue, pool) = unsafe {
            (
                device.get_device_queue(family, 0),
                device.create_command_pool(&pool, None),
            )
        };
        Self {
            vulkan,
            physical,
            family,
            device,
            queue,
            pool: pool.expect("a pool of command buffers"),
        }
    }

    /// The functions of the device.
    pub fn raw(&self) -> &ash::Device {
        &self.device
    }

    /// The queue.
    pub fn queue(&self) -> vk::Queue {
        self.queue
    }

    /// Where command buffers are allocated.
    pub(super) fn pool(&self) -> vk::CommandPool {
        self.pool
    }

    /// Waits until the device is idle.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn wait_idle(&self) -> Result<(), vk::Result> {
        // SAFETY: The device lives.
        unsafe { self.device.device_wait_idle() }
    }
}

impl Drop for Device<'_> {
    fn drop(&mut self) {
        // It fails if the device is lost, and then nothing is under way.
        let _ = self.wait_idle();
        // SAFETY: What was made of the device borrows it, and is gone.
        unsafe {
            self.device.destroy_command_pool(self.pool, None);
            self.device.destroy_device(None);
        }
    }
}

/// A fence. It lives as long as what signals it.
pub struct Fence<'d>(vk::Fence, &'d Device<'d>);

impl<'d> Fence<'d> {
    /// Makes a fence.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(device: &'d Device<'_>) -> Self {
        let create = vk::FenceCreateInfo::default();
        // SAFETY: The device lives.
        let fence = unsafe { device.raw().create_fence(&create, None) };
        Self(fence.expect("a fence"), device)
    }

    /// The handle.
    pub fn handle(&self) -> vk::Fence {
        self.0
    }

    /// Waits for what signals it.
    ///
    /// # Errors
    ///
    /// The driver's error.
    pub fn wait(&self, bound: Duration) -> Result<(), vk::Result> {
        // SAFETY: The fence is of this device.
        unsafe {
            let device = self.1.raw();
            device.wait_for_fences(&[self.0], true, bound.as_nanos() as u64)
        }
    }

    /// Makes it wait for what signals it next.
    ///
    /// # Panics
    ///
    /// If the driver fails.
    pub fn reset(&self) {
        // SAFETY: The fence is of this device, and nothing is under way that signals it.
        let result = unsafe { self.1.raw().reset_fences(&[self.0]) };
        assert_eq!(result, Ok(()), "a fence");
    }
}

impl Drop for Fence<'_> {
    fn drop(&mut self) {
        let _ = self.1.wait_idle();
        // SAFETY: Nothing is under way.
        unsafe { self.1.raw().destroy_fence(self.0, None) };
    }
}
