// SPDX-License-Identifier: MIT

//! Work of nouveau's channels: copies, pages, semaphores, sync objects, and channels that are
//! killed.

mod addresses;
mod channels;
mod copies;
mod memory;
mod order;
mod pushes;

use std::process::ExitCode;

use igt::nouveau::Gpu;

fn main() -> ExitCode {
    igt::run("Work of nouveau's channels.", |tests| {
        let gpu = &tests.fixture(Gpu::require_running);

        tests.group("The copy engine.", |tests| copies::subtests(tests, gpu));
        tests.group("Addresses and pages.", |tests| {
            addresses::subtests(tests, gpu)
        });
        tests.group("Order of work.", |tests| order::subtests(tests, gpu));
        tests.group("What a channel reads.", |tests| {
            pushes::subtests(tests, gpu)
        });
        tests.group("Channels and clients.", |tests| {
            channels::subtests(tests, gpu)
        });
    })
}
