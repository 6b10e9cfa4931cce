// SPDX-License-Identifier: MIT

//! A test of the library itself, with a subtest for each possible result.
//!
//! `tests/contract.rs` runs it and compares what it prints with what `igt_runner` expects.

use std::process::ExitCode;
use std::time::Duration;

use igt::{Children, ExitHandler, Timeout};

/// Writes a warning into the kernel log; skips if that is not allowed.
fn kernel_warns(text: &str) {
    let warned = std::fs::write("/dev/kmsg", format!("<4>contract: {text}\n"));
    igt::require!(warned.is_ok(), "/dev/kmsg: {warned:?}");
}

fn main() -> ExitCode {
    igt::run("Ends in every way in which a test can end.", |tests| {
        let two = tests.fixture(|| 2);
        tests.subtest("pass", "Passing passes.", || assert_eq!(*two, 2));
        tests.subtest("skip", "Requirements skip.", || igt::require!(*two == 3));
        tests.subtest("fail", "Assertions fail.", || {
            log::debug!("said before failing");
            assert_eq!(*two, 3, "two is not three");
        });
        tests.subtest("panic", "Mistakes of a test fail it.", || {
            let nothing: [u8; 0] = [];
            log::info!("{:?}", nothing[..].first().unwrap());
        });
        tests.subtest("warn", "Warnings are shown.", || log::warn!("odd"));
        tests.subtest("crash", "Fatal signals crash.", || {
            let _put_right = ExitHandler::new(|| println!("put right"));
            std::process::abort();
        });
        tests.subtest("hang", "Signals end what hangs.", || {
            let _put_right = ExitHandler::new(|| println!("put right"));
            log::info!("hanging");
            std::thread::sleep(Duration::from_secs(60));
        });
        tests.subtest("timeout", "Timeouts end what hangs.", || {
            let _bound = Timeout::new(Duration::from_millis(50), "sleeping");
            std::thread::sleep(Duration::from_secs(60));
        });
        tests.subtest("abort", "Aborting stops the runner.", || {
            igt::abort!("machine is broken")
        });
        tests.subtest_with_dynamic("dynamic", "Parts pass and skip.", |parts| {
            parts.dynamic("one", || {});
            parts.dynamic("two", || igt::skip!("no two"));
        });
        tests.subtest_with_dynamic(
            "dynamic-fail",
            "A part fails, the next one runs.",
            |parts| {
                parts.dynamic("one", || panic!("broken"));
                parts.dynamic("two", || {});
            },
        );
        tests.subtest("children", "Children are waited for.", || {
            let parent = std::process::id();
            // A child forked while the thread of a timeout starts or ends must not wait for a lock
            // that this thread held.
            for _ in 0..100 {
                let _bound = Timeout::new(igt::HANG, "children");
                let children = Children::fork(3, |_| assert_ne!(std::process::id(), parent));
                children.wait(igt::HANG);
            }
        });
        tests.subtest("child-fails", "A child's failure is its parent's.", || {
            let children = Children::fork(2, |number| assert_eq!(number, 0, "child one"));
            children.wait(igt::HANG);
        });
        tests.subtest("kernel-warns", "Warnings of the kernel count.", || {
            kernel_warns("odd")
        });
        tests.subtest(
            "kernel-warns-twice",
            "Warnings that are expected do not.",
            || {
                igt::kmsg::expect(&["od+", "even"]);
                kernel_warns("odd");
                kernel_warns("even");
            },
        );
        tests.group("What a skipping fixture skips.", |tests| {
            tests.fixture(|| igt::skip!("no such hardware"));
            tests.subtest("after-skip", "Never runs.", || unreachable!());
        });
        tests.subtest("last", "A group has no effect on what follows.", || {});
        tests.group("What a failing fixture fails.", |tests| {
            tests.fixture(|| panic!("set-up broke"));
            tests.subtest("after-fail", "Never runs.", || unreachable!());
        });
    })
}
