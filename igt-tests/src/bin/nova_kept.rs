// SPDX-License-Identifier: MIT

//! What is mapped when the GSP is lost: the GPU may use it until it has been reset.

use std::process::ExitCode;

use igt::kmsg::{self, Follow};
use igt::mock::Mock;
use igt::nova::{self, Gpu, IS_LOST, RUNS_AGAIN};
use igt::space::{map, Filled, Space, PAGE};
use igt::{wait_for, HANG};

/// The card does not answer, and so cannot be reset, for this long.
const GONE: &str = "fault stage=card,kind=link,ms=3000";

/// The GSP's processor stops at the next call.
const CRASH: &str = "stage=gsp,kind=crash";

/// What the driver says of a crash at unbind.
const CRASHED: &str = "RISC-V core of the GSP";

/// Where objects are mapped, and how many pages they have.
const AT: u64 = 1 << 30;
const PAGES: u64 = 64;

fn main() -> ExitCode {
    igt::run("Memory that a lost GPU may use.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let mock = tests.fixture(|| Mock::require(&gpu));
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest(
            "until-reset",
            "What a closed file has mapped is kept until the GPU has been reset.",
            || until_reset(&gpu, &mock),
        );
        tests.subtest(
            "unbind",
            "A lost GPU can be unbound while a file has mapped something, which goes when the file is closed.",
            || unbind(&gpu, &mock),
        );
    })
}

/// Binds the GPU anew, which resets the number of recoveries, and gets rid of the coredump of an earlier loss.
fn bind_anew(gpu: &Gpu) {
    gpu.unbind();
    gpu.dismiss_coredump();
    gpu.bind();
}

fn until_reset(gpu: &Gpu, mock: &Mock) {
    bind_anew(gpu);
    kmsg::expect(&[IS_LOST]);
    let mut log = Follow::from_now().unwrap();
    let observer = gpu.open_render();
    let used = || nova::query_regions(&observer).map(|regions| regions[0].used);
    let before = used().unwrap();
    {
        let owner = gpu.open_render();
        let object = Filled::new(&owner, PAGES, 1);
        let space = Space::new(&owner, mock);
        space.bind(&[map(&object, 0, AT, PAGES)]);
        mock.tell(GONE);
        assert_eq!(space.destroy(), Ok(()));
    }
    assert_eq!(used(), Ok(before + PAGES * PAGE), "it may be in use");
    let mut runs = false;
    wait_for(HANG, "the GSP to run again", || {
        let records = log.records().unwrap();
        runs |= records
            .iter()
            .any(|record| record.text.contains(RUNS_AGAIN));
        runs
    });
    assert_eq!(used(), Ok(before));
    gpu.assert_running();
    assert_binds(gpu, mock);
}

fn unbind(gpu: &Gpu, mock: &Mock) {
    bind_anew(gpu);
    kmsg::expect(&[IS_LOST, CRASHED]);
    let owner = gpu.open_render();
    let object = Filled::new(&owner, PAGES, 1);
    let space = Space::new(&owner, mock);
    space.bind(&[map(&object, 0, AT, PAGES)]);
    {
        let _broken = mock.broken(CRASH);
        gpu.unbind();
    }
    gpu.assert_released();
    drop(object);
    gpu.bind();
    assert_binds(gpu, mock);
    drop(owner);
}

/// Objects can be mapped.
fn assert_binds(gpu: &Gpu, mock: &Mock) {
    let file = gpu.open_render();
    let object = Filled::new(&file, 1, 2);
    let space = Space::new(&file, mock);
    space.bind(&[map(&object, 0, AT, 1)]);
    space.has(AT, &object, 0, 1);
}
