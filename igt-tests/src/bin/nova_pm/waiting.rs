// SPDX-License-Identifier: MIT

//! Jobs that wait while the system sleeps, for a job that the sleep ends.

use igt::nova::client::{Client, PAGE};
use igt::nova::queue::Plug;
use igt::nova::Gpu;
use igt::sleep::State;
use igt::syncobj::{assert_done, assert_ended, Signal};
use igt::{Fixture, Tests};
use nix::errno::Errno;
use nova_uapi as uapi;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest(
        "suspend-waiting",
        "Jobs that wait for another queue's fence when the system goes to sleep are done after that.",
        || waiting(gpu),
    );
    tests.subtest(
        "suspend-waiting-destroyed",
        "So are those of a queue that has been destroyed.",
        || destroyed(gpu),
    );
}

/// The first job waits, and has another one behind it. A job was done before, so the queue has used its ring.
fn waiting(gpu: &Gpu) {
    let _test = super::test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let (queue, plug) = (client.queue(), Plug::new(&client));
    let target = client.bound(PAGE);
    let fill = |word| queue.push().fill(target.address, word, 1);
    queue.run(&fill(1));
    let first = queue.start_after(&[Signal::Binary(&plug.done)], &fill(2));
    let second = queue.start(&queue.push().fill(target.address + 4, 3, 1));
    assert_eq!((first.is_signaled(), target.word()), (Ok(false), 1));
    super::sleep(gpu, State::Mem);
    assert_ended(&plug.done, Err(Errno::ECANCELED));
    assert_done(&first);
    assert_done(&second);
    assert_eq!((target.word(), target.memory.get::<u32>(4)), (2, 3));
    queue.run(&fill(4));
    assert_eq!(target.word(), 4);
    let state = queue.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_ALIVE, "{state:?}");
    assert_eq!((state.jobs_submitted, state.jobs_completed), (4, 4));
}

fn destroyed(gpu: &Gpu) {
    let _test = super::test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let (queue, plug) = (client.queue(), Plug::new(&client));
    let target = client.bound(PAGE);
    let after = [Signal::Binary(&plug.done)];
    let work = queue.start_after(&after, &queue.push().fill(target.address, 2, 1));
    queue.destroy().unwrap();
    assert_eq!(work.is_signaled(), Ok(false));
    super::sleep(gpu, State::Mem);
    assert_done(&work);
    assert_eq!(target.word(), 2);
}
