// SPDX-License-Identifier: MIT

//! Jobs: what they do and in which order, sync objects, what is refused, and what jobs end with when their queue is lost.

use std::process::ExitCode;

use igt::mock::Mock;
use igt::nova::Gpu;

mod copies;
mod device;
mod dumps;
mod faults;
mod jobs;
mod own_queue;
mod refused;
mod syncs;

fn main() -> ExitCode {
    igt::run("Jobs of queues.", |tests| {
        let gpu = &tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.group("Copies.", |tests| copies::subtests(tests, gpu));
        tests.group("Jobs and their pushes.", |tests| jobs::subtests(tests, gpu));
        tests.group("Sync objects.", |tests| syncs::subtests(tests, gpu));
        tests.group("Waits for the own queue.", |tests| {
            own_queue::subtests(tests, gpu);
        });
        tests.group("What is refused changes nothing.", |tests| {
            refused::subtests(tests, gpu);
        });
        tests.group("Queues that are lost.", |tests| {
            faults::subtests(tests, gpu);
        });
        tests.group("Dumps of queues that are lost.", |tests| {
            dumps::subtests(tests, gpu)
        });
        tests.group("A GPU that is reset, lost or unbound.", |tests| {
            let mock = &tests.fixture(|| Mock::require(gpu));
            device::subtests(tests, gpu, mock);
        });
    })
}
