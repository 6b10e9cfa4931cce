// SPDX-License-Identifier: MIT

//! What a Vulkan program submits, until it knows that it is done: by Mesa's NVK, on nouveau, or on Nova by `nova-nvk`.

use ash::vk;
use igt::vulkan::{Device, Fence, Vulkan};
use igt::HANG;

use crate::meter::Meter;

/// Submits, one after the other.
const SUBMITS: u32 = 200;

/// The family of NVK's queues that draw, compute and copy.
const UNIVERSAL: u32 = 0;

pub(crate) fn measure(meter: &mut Meter) {
    let vulkan = Vulkan::open();
    let all = vulkan.devices();
    let mut all = all.iter();
    let physical = all.find(|it| it.driver == vk::DriverId::MESA_NVK);
    let device = Device::new(&vulkan, physical.expect("NVK finds the GPU"), UNIVERSAL);
    let buffer = device.buffer(4);
    let commands = device.record(|commands| commands.fill(&buffer, 0, vk::WHOLE_SIZE, 7));
    let fence = Fence::new(&device);
    let submit = || {
        let submitted = device.submit(&commands, &[], &[], fence.handle());
        assert_eq!(submitted, Ok(()), "vkQueueSubmit");
        assert_eq!(fence.wait(HANG), Ok(()), "vkWaitForFences");
        fence.reset();
    };
    // What only the first one does is done.
    submit();
    meter.measure("submit", SUBMITS, |_| submit());
}
