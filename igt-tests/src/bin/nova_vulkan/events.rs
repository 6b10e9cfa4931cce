// SPDX-License-Identifier: MIT

//! Events, which the GPU and the CPU set and reset.

use ash::vk;
use igt::vulkan::{Commands, Device, Vulkan};
use igt::{Fixture, Tests};

use crate::devices::Devices;

const ALL: vk::PipelineStageFlags = vk::PipelineStageFlags::ALL_COMMANDS;

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    let mut for_each_queue = |name: &str, proves: &str, body: fn(&Device<'_>)| {
        tests.subtest_with_dynamic(name, proves, |parts| {
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::COMPUTE, |pair| {
                body(&pair.tested);
            });
        });
    };
    for_each_queue(
        "event",
        "The CPU sees what the GPU does to an event.",
        event,
    );
    for_each_queue(
        "event-wait",
        "The GPU waits for an event that the GPU has set.",
        event_wait,
    );
}

/// An event.
struct Event<'d>(vk::Event, &'d Device<'d>);

impl<'d> Event<'d> {
    fn new(device: &'d Device<'_>) -> Self {
        // SAFETY: The device lives.
        let event = unsafe { device.raw().create_event(&Default::default(), None) };
        Self(event.expect("an event"), device)
    }

    fn is_set(&self) -> bool {
        // SAFETY: The event is of this device.
        let status = unsafe { self.1.raw().get_event_status(self.0) };
        status.unwrap_or_else(|error| panic!("an event: {error}"))
    }

    /// By the CPU.
    fn set(&self, to: bool) {
        let device = self.1.raw();
        // SAFETY: The event is of this device.
        let result = unsafe {
            match to {
                true => device.set_event(self.0),
                false => device.reset_event(self.0),
            }
        };
        assert_eq!(result, Ok(()), "an event");
    }

    /// By the GPU.
    fn set_by(&self, commands: &Commands<'_>, to: bool) {
        let device = self.1.raw();
        // SAFETY: Commands are recorded, and the event lives.
        unsafe {
            match to {
                true => device.cmd_set_event(commands.handle(), self.0, ALL),
                false => device.cmd_reset_event(commands.handle(), self.0, ALL),
            }
        }
    }

    /// The GPU waits until it is set.
    fn wait_by(&self, commands: &Commands<'_>) {
        let access = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
        let memory = [vk::MemoryBarrier::default()
            .src_access_mask(access)
            .dst_access_mask(access)];
        // SAFETY: Commands are recorded, and the event lives.
        unsafe {
            let device = self.1.raw();
            device.cmd_wait_events(commands.handle(), &[self.0], ALL, ALL, &memory, &[], &[]);
        }
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        // SAFETY: What uses it has been waited for.
        unsafe { self.1.raw().destroy_event(self.0, None) };
    }
}

fn event(device: &Device<'_>) {
    let event = Event::new(device);
    assert!(!event.is_set());
    for by_gpu in [true, false] {
        for to in [true, false, false, true, true, false] {
            match by_gpu {
                true => device.run(|commands| event.set_by(commands, to)),
                false => event.set(to),
            }
            assert_eq!(event.is_set(), to);
        }
    }
}

fn event_wait(device: &Device<'_>) {
    let (first, second) = (Event::new(device), Event::new(device));
    let buffer = device.buffer(4);
    device.run(|commands| {
        commands.fill(&buffer, 0, 4, 1);
        first.set_by(commands, true);
        first.wait_by(commands);
        commands.fill(&buffer, 0, 4, 2);
        second.set_by(commands, true);
        second.wait_by(commands);
        first.set_by(commands, false);
    });
    assert_eq!(device.read(&buffer), 2_u32.to_le_bytes());
    assert!(!first.is_set() && second.is_set());
}
