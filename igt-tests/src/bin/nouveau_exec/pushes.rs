// SPDX-License-Identifier: MIT

//! What a channel reads.

use igt::nouveau::{Client, Engine, Gpu, Param};
use igt::push::{Push, Until};
use igt::syncobj::{assert_done, Signal};
use igt::{Fixture, Tests};

use crate::memory::{semaphore_of, word};

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest(
        "no-push",
        "Work without words is done after the work before it.",
        || no_push(gpu),
    );
    tests.subtest(
        "many-pushes",
        "As many pushes as nouveau takes at once are all done, more often than the ring holds.",
        || many_pushes(gpu),
    );
    tests.subtest(
        "long-push",
        "A push of many pages is done to its last word.",
        || long_push(gpu),
    );
    tests.subtest(
        "split-method",
        "A method's words may be in another push than its header.",
        || split_method(gpu),
    );
}

fn no_push(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let done = client.syncobj();
    let work = channel.start(&Push::new().acquire(address, Until::Equals(1)));
    assert_eq!(channel.exec(&[], &[], &[Signal::Binary(&done)]), Ok(()));
    assert_eq!(done.is_signaled(), Ok(false));
    memory.memory().set(0, 1_u32);
    assert_done(&done);
    assert_done(&work);
}

fn many_pushes(gpu: &Gpu) {
    const ROUNDS: u64 = 5;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let segment = channel.place(Push::new().add(address, 1).words());
    let most = client.param(Param::ExecPushMax);
    let segments = vec![segment; most as usize];
    let done = client.syncobj();
    for _ in 0..ROUNDS {
        let result = channel.exec(&segments, &[], &[Signal::Binary(&done)]);
        assert_eq!(result, Ok(()));
    }
    assert_done(&done);
    assert_eq!(u64::from(word(&memory)), ROUNDS * most);
}

fn long_push(gpu: &Gpu) {
    /// Less than the room for words of a channel.
    const NOPS: usize = 12345;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let some = |push: Push, _| push.nops(NOPS).add(address, 1);
    channel.run(&(0..4).fold(Push::new(), some));
    assert_eq!(word(&memory), 4);
}

fn split_method(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let push = Push::new().release(address, 0x77);
    for at in 1..push.words().len() {
        memory.memory().set(0, 0_u32);
        let (first, second) = push.words().split_at(at);
        let segments = [channel.place(first), channel.place(second)];
        let done = client.syncobj();
        let result = channel.exec(&segments, &[], &[Signal::Binary(&done)]);
        assert_eq!(result, Ok(()));
        assert_done(&done);
        assert_eq!(word(&memory), 0x77, "split after {at} words");
    }
}
