// SPDX-License-Identifier: MIT

//! Semaphores.

use std::time::Duration;

use ash::vk;

use super::Device;

/// A semaphore, and its value if it is a timeline.
pub type Point<'a> = (&'a Semaphore<'a>, u64);

/// A semaphore.
pub struct Semaphore<'d> {
    handle: vk::Semaphore,
    device: &'d Device<'d>,
}

impl<'d> Semaphore<'d> {
    /// Makes a timeline with this value.
    pub fn timeline(device: &'d Device<'_>, value: u64) -> Self {
        let kind = vk::SemaphoreTypeCreateInfo::default()
            .semaphore_type(vk::SemaphoreType::TIMELINE)
            .initial_value(value);
        Self::of(device, kind, vk::ExternalSemaphoreHandleTypeFlags::empty())
    }

    /// Makes a semaphore of a kind, which can be shared in these ways.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn of(
        device: &'d Device<'_>,
        mut kind: vk::SemaphoreTypeCreateInfo<'_>,
        shared: vk::ExternalSemaphoreHandleTypeFlags,
    ) -> Self {
        let mut export = vk::ExportSemaphoreCreateInfo::default().handle_types(shared);
        let mut create = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
        if !shared.is_empty() {
            create = create.push_next(&mut export);
        }
        // SAFETY: The structures are complete.
        let handle = unsafe { device.raw().create_semaphore(&create, None) };
        Self {
            handle: handle.unwrap_or_else(|error| panic!("a semaphore: {error}")),
            device,
        }
    }

    /// The handle.
    pub fn handle(&self) -> vk::Semaphore {
        self.handle
    }

    /// The value of a timeline.
    pub fn value(&self) -> u64 {
        // SAFETY: It is of this device.
        let value = unsafe { self.device.raw().get_semaphore_counter_value(self.handle) };
        value.unwrap_or_else(|error| panic!("the value of a semaphore: {error}"))
    }

    /// The CPU gives a timeline a value.
    pub fn signal(&self, value: u64) {
        let signal = vk::SemaphoreSignalInfo::default()
            .semaphore(self.handle)
            .value(value);
        // SAFETY: It is of this device.
        let result = unsafe { self.device.raw().signal_semaphore(&signal) };
        assert_eq!(result, Ok(()), "to signal {value}");
    }

    /// The CPU waits for a value of a timeline.
    ///
    /// # Errors
    ///
    /// `TIMEOUT`, or the driver's error.
    pub fn wait(&self, value: u64, bound: Duration) -> Result<(), vk::Result> {
        let (semaphores, values) = ([self.handle], [value]);
        let wait = vk::SemaphoreWaitInfo::default()
            .semaphores(&semaphores)
            .values(&values);
        // SAFETY: It is of this device.
        unsafe {
            self.device
                .raw()
                .wait_semaphores(&wait, bound.as_nanos() as u64)
        }
    }
}

impl Drop for Semaphore<'_> {
    fn drop(&mut self) {
        // SAFETY: What uses it has been waited for.
        unsafe { self.device.raw().destroy_semaphore(self.handle, None) };
    }
}
