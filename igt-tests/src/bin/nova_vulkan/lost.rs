// SPDX-License-Identifier: MIT

//! Devices that are lost by what they do, and others, which are not.

use ash::vk;
use igt::data::{assert_same, pattern};
use igt::kmsg;
use igt::nouveau::OF_KILLED_CHANNEL;
use igt::nova::wrong::OF_STOPPED;
use igt::vulkan::{Buffer, Device, Vulkan};
use igt::{Fixture, Tests};

use crate::devices::Devices;

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    tests.subtest_with_dynamic(
        "lost",
        "A device that copies from where nothing is bound is lost; the one beside it and a new one work.",
        |parts| {
            igt::require!(
                devices.first().driver == vk::DriverId::MESA_NVK,
                "a driver whose GPU has address spaces"
            );
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::TRANSFER, |beside| {
                let tested = &beside.tested;
                kmsg::expect(&[&OF_STOPPED[..], &OF_KILLED_CHANNEL].concat());
                works(tested);
                lose(&Device::new(vulkan, tested.physical, tested.family));
                works(tested);
                works(&Device::new(vulkan, tested.physical, tested.family));
            });
        },
    );
}

/// Copies, and compares what was copied.
fn works(device: &Device<'_>) {
    let bytes = pattern(1, 3000);
    let (from, to) = (device.buffer_with(&bytes), device.buffer(3000));
    device.run(|commands| commands.copy_whole(&from, &to));
    assert_same(&device.read(&to), &bytes, "a copy");
}

fn lose(device: &Device<'_>) {
    const SIZE: u64 = 1 << 16;
    // A buffer whose memory is to be bound by a queue has addresses at once, and nothing is there.
    let create = Buffer::create(SIZE).flags(vk::BufferCreateFlags::SPARSE_BINDING);
    let (unbound, target) = (Buffer::of(device, &create), device.buffer(SIZE));
    let copy = || device.try_run(&[], |commands| commands.copy_whole(&unbound, &target));
    // The wait may end before the driver knows; what follows must say it.
    let results = [copy(), device.wait_idle(), copy(), device.wait_idle()];
    let lost = Err(vk::Result::ERROR_DEVICE_LOST);
    assert!(
        results.iter().all(|result| [Ok(()), lost].contains(result)),
        "{results:?}"
    );
    assert_eq!(results[2..], [lost, lost], "{results:?}");
}
