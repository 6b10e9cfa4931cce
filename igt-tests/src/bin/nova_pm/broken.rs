// SPDX-License-Identifier: MIT

//! A GPU that misbehaves while the system goes to sleep.

use igt::mock::Mock;
use igt::nova::client::{Client, PAGE};
use igt::nova::queue::Queue;
use igt::nova::Gpu;
use igt::push::{Push, Until};
use igt::sleep::State;
use igt::syncobj::assert_ended;
use igt::{Fixture, Tests};
use nix::errno::Errno;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest(
        "suspend-list",
        "GSP-RM can have registers accessed while a channel is stopped for the sleep.",
        || list(gpu, &Mock::require(gpu)),
    );
}

/// The job does not end, so its channel is stopped.
fn list(gpu: &Gpu, mock: &Mock) {
    let _test = super::test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let queue = client.queue_with(Queue::patient(client.file()));
    let semaphore = client.bound(PAGE);
    let work = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    let _broken = mock.broken("stage=sequencer,kind=free");
    let away = mock.put_away().unwrap();
    super::sleep(gpu, State::Mem);
    drop(away);
    assert_ended(&work, Err(Errno::ECANCELED));
    client.queue().run(&Push::new().nops(1));
}
