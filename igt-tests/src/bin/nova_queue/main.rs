// SPDX-License-Identifier: MIT

//! Queues: what they are created with, who may create them, their ids, how many there can be, and how they end.

use std::process::ExitCode;

use igt::mock::Mock;
use igt::nova::Gpu;
use igt::vgem;

mod create;
mod graphics;
mod ids;
mod lifetimes;
mod rights;
mod scheduling;

fn main() -> ExitCode {
    igt::run("Queues.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.group("What there is.", |tests| {
            tests.subtest("engines", "The engines are described consistently.", || {
                create::engines(&gpu)
            });
            tests.subtest("limits", "The limits make sense.", || create::limits(&gpu));
        });
        tests.group("Creation.", |tests| {
            tests.subtest_with_dynamic(
                "basic",
                "A queue of each copy engine, and of any, does what its jobs say.",
                |parts| create::basic(&gpu, parts),
            );
            tests.subtest_with_dynamic(
                "rings",
                "A ring of each size takes as many pushes as the kernel says.",
                |parts| create::rings(&gpu, parts),
            );
            tests.subtest(
                "refused",
                "What is wrong in one place is refused, and nothing is created.",
                || create::refused(&gpu),
            );
            tests.subtest(
                "order-of-checks",
                "Of two mistakes, the first is reported.",
                || create::order_of_checks(&gpu),
            );
            tests.subtest(
                "rights",
                "Before others, and longer than others, only those may run who have the right.",
                || rights::without(&gpu),
            );
            tests.subtest(
                "rights-root",
                "Who has the rights may run before others, and longer.",
                || rights::with(&gpu),
            );
            tests.subtest(
                "rights-master",
                "A DRM master may run before others, but not longer.",
                || rights::master(&gpu),
            );
        });
        tests.group("Priorities and time slices.", |tests| {
            tests.subtest(
                "scheduling",
                "GSP-RM is told of priorities and time slices.",
                || scheduling::told(&gpu, &Mock::require(&gpu)),
            );
            tests.subtest(
                "priorities",
                "Queues of all priorities beside each other are all done.",
                || scheduling::priorities(&gpu),
            );
            tests.subtest(
                "long-first",
                "Of queues that do the same, the one with a longer time slice is done earlier.",
                || scheduling::long_first(&gpu),
            );
        });
        tests.group("Graphics.", |tests| graphics::subtests(tests, &gpu));
        tests.group("Ids.", |tests| {
            tests.subtest(
                "ids",
                "Ids start at 1 in each file, and the lowest free one is taken.",
                || ids::ids(&gpu),
            );
            tests.subtest(
                "unknown",
                "An id that is free, none, or of another file is unknown.",
                || ids::unknown(&gpu),
            );
        });
        tests.group("State.", |tests| {
            tests.subtest(
                "state",
                "Jobs are counted when they are taken and when they are done.",
                || ids::state(&gpu),
            );
        });
        tests.group("Lifetimes.", |tests| {
            tests.subtest(
                "many",
                "A file can have many queues, which all work.",
                || lifetimes::many(&gpu),
            );
            tests.subtest(
                "exhaustion",
                "A file has as many queues as the limit says, and one more when one is destroyed. Other files have theirs.",
                || lifetimes::exhaustion(&gpu),
            );
            tests.subtest(
                "exhaustion-busy",
                "A queue that is destroyed counts until its jobs have ended.",
                || lifetimes::exhaustion_busy(&gpu),
            );
            tests.subtest(
                "exhaustion-of-firmware",
                "A queue that GSP-RM refuses leaves nothing, and the next one is created.",
                || lifetimes::refused_by_firmware(&gpu, &Mock::require(&gpu)),
            );
            tests.subtest(
                "objects",
                "Each queue is a channel of GSP-RM as long as its id, or its file.",
                || lifetimes::objects(&gpu, &Mock::require(&gpu)),
            );
            tests.subtest(
                "destroy-busy",
                "Jobs of a queue that is destroyed are done.",
                || lifetimes::destroy_busy(&gpu),
            );
            tests.subtest(
                "destroy-waiting",
                "Jobs that wait when their queue is destroyed are done, too.",
                || lifetimes::destroy_waiting(&gpu, &vgem::require()),
            );
            tests.subtest(
                "close-busy",
                "Jobs of a file that is closed are stopped.",
                || lifetimes::close_busy(&gpu),
            );
            tests.subtest(
                "close-waiting",
                "Jobs that wait when their file is closed are not done.",
                || lifetimes::close_waiting(&gpu, &vgem::require()),
            );
            tests.subtest(
                "killed",
                "Jobs of a process that is killed are stopped, and others go on.",
                || lifetimes::killed(&gpu),
            );
            tests.subtest(
                "forked",
                "A process and its child share a queue, which stays until both have gone.",
                || lifetimes::forked(&gpu),
            );
            tests.subtest(
                "without-vm",
                "A queue goes on when its address space is destroyed.",
                || lifetimes::without_vm(&gpu),
            );
            tests.subtest(
                "races",
                "Queues are created, used and destroyed by several processes at once.",
                || lifetimes::races(&gpu),
            );
        });
    })
}
