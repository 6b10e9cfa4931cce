// SPDX-License-Identifier: MIT

//! Vulkan programs, by Debian's NVK, which knows Linux's nouveau alone and runs on Nova by the library of `nova-nvk`.
//!
//! Where the work of the GPU has a result, lavapipe does the same work: Mesa's Vulkan driver for CPUs, which Debian has in the
//! same package. The results must be equal.

use std::process::ExitCode;

use igt::vulkan::Vulkan;

mod buffers;
mod compute;
mod devices;
mod enumerate;
mod events;
mod images;
mod lost;
mod memory;
mod processes;
mod sparse;
mod time;
mod timelines;

use devices::Devices;

fn main() -> ExitCode {
    if let Some(status) = processes::inherited() {
        return status;
    }
    igt::run("Vulkan programs by Mesa's NVK.", |tests| {
        let _loaded = tests.fixture(devices::load);
        // They fork, and so come before this process has threads of a driver.
        tests.group("Two processes.", processes::subtests);
        let vulkan = &tests.fixture(Vulkan::open);
        let devices = &tests.fixture(|| Devices::require(vulkan));

        tests.group("What NVK says of the GPUs.", |tests| {
            enumerate::subtests(tests, devices);
        });
        // All that follows depends on what NVK pushes.
        tests.fixture(|| devices.require_series());
        tests.group("GPUs of each family.", |tests| {
            enumerate::families(tests, vulkan, devices)
        });
        tests.group("Memory.", |tests| memory::subtests(tests, vulkan, devices));
        tests.group("Buffers.", |tests| {
            buffers::subtests(tests, vulkan, devices)
        });
        tests.group("Images.", |tests| images::subtests(tests, vulkan, devices));
        tests.group("The time of the GPU.", |tests| {
            time::subtests(tests, vulkan, devices)
        });
        tests.group("Timelines.", |tests| {
            timelines::subtests(tests, vulkan, devices)
        });
        tests.group("Events.", |tests| events::subtests(tests, vulkan, devices));
        tests.group("Sparse buffers.", |tests| {
            sparse::subtests(tests, vulkan, devices)
        });
        tests.group("Compute programs.", |tests| {
            compute::subtests(tests, vulkan, devices)
        });
        tests.group("Devices that are lost.", |tests| {
            lost::subtests(tests, vulkan, devices)
        });
    })
}
