// SPDX-License-Identifier: MIT

//! Order of work: semaphores and sync objects.

use igt::nouveau::{Client, Engine, Gpu, Param, Place, PAGE};
use igt::push::{Push, Until};
use igt::syncobj::{assert_done, Signal};
use igt::{Fixture, Tests, HANG};

use crate::memory::{semaphore_of, word};

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "semaphore",
        "A channel waits for a semaphore, and another one releases it.",
        |parts| {
            for (name, before, until, released) in [
                ("equals", 6, Until::Equals(5), 5),
                ("at-least", 4, Until::AtLeast(5), 0xffff_fff0),
                ("passed", 0xffff_fff0, Until::Passed(2), 3),
                ("any-of", 0b0011, Until::HasAnyOf(0b1100), 0b0101),
            ] {
                parts.dynamic(name, || semaphore(gpu, before, until, released));
            }
        },
    );
    tests.subtest(
        "semaphore-cpu",
        "A channel waits for a semaphore that the CPU releases.",
        || semaphore_cpu(gpu),
    );
    tests.subtest(
        "semaphore-add",
        "No addition of two channels to one semaphore is lost.",
        || semaphore_add(gpu),
    );
    tests.subtest(
        "semaphore-time",
        "The time in a semaphore is that of the GPU's clock.",
        || semaphore_time(gpu),
    );
    tests.subtest(
        "syncobj",
        "Work waits for the work of another channel by a sync object.",
        || syncobj(gpu),
    );
    tests.subtest(
        "syncobj-timeline",
        "The points of a timeline are signaled as the work behind them is done.",
        || syncobj_timeline(gpu),
    );
}

fn semaphore(gpu: &Gpu, before: u32, until: Until, released: u32) {
    let client = Client::new(gpu);
    let [waiting, releasing] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (memory, address) = semaphore_of(&client);
    let (target, to) = client.bound(Place::System, PAGE);
    memory.memory().set(0, before);
    let work = waiting.start(&Push::new().acquire(address, until).fill(to, 1, 1));
    // Other channels go on meanwhile.
    releasing.run(&Push::new().fill(to + 4, 2, 1));
    assert_eq!(work.is_signaled(), Ok(false));
    assert_eq!(word(&target), 0);
    releasing.run(&Push::new().release(address, released));
    assert_done(&work);
    assert_eq!((word(&target), word(&memory)), (1, released));
}

fn semaphore_cpu(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    for place in [Place::System, Place::Vram] {
        let (memory, address) = client.bound(place, PAGE);
        memory.memory().set(16, 0_u32);
        let work = channel.start(&Push::new().acquire(address + 16, Until::Equals(7)));
        assert_eq!(work.is_signaled(), Ok(false), "{place:?}");
        memory.memory().set(16, 7_u32);
        assert_done(&work);
    }
}

fn semaphore_add(gpu: &Gpu) {
    const TIMES: u32 = 1000;
    let client = Client::new(gpu);
    let channels = [(); 2].map(|()| client.channel(Engine::Copy));
    let (memory, address) = semaphore_of(&client);
    let push = (0..TIMES).fold(Push::new(), |push, _| push.add(address, 3));
    let work = channels.each_ref().map(|channel| channel.start(&push));
    work.iter().for_each(assert_done);
    assert_eq!(word(&memory), 2 * TIMES * 3);
}

fn semaphore_time(gpu: &Gpu) {
    const PAYLOAD: u64 = 0x1234_5678_9abc_def0;
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let before = client.param(Param::PtimerTime);
    let push = Push::new().release_with_time(address, PAYLOAD);
    channel.run(&push.release_with_time(address + 16, PAYLOAD + 1));
    let after = client.param(Param::PtimerTime);
    let memory = memory.memory();
    let [first, second] = [0, 16].map(|at| (memory.get::<u64>(at), memory.get::<u64>(at + 8)));
    assert_eq!((first.0, second.0), (PAYLOAD, PAYLOAD + 1));
    let times = [before, first.1, second.1, after];
    assert!(times.is_sorted(), "{times:?}");
}

fn syncobj(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channels: Vec<_> = (0..3).map(|_| client.channel(Engine::Copy)).collect();
    let (memory, address) = semaphore_of(&client);
    let (target, to) = client.bound(Place::System, PAGE);

    let push = Push::new().acquire(address, Until::Equals(1));
    let first = channels[0].start(&push.fill(to, 1, 1));
    let copy = |number: u64| Push::new().copy(to + 4 * number, to + 4 * number + 4, 4);
    let second = channels[1].start_after(&[Signal::Binary(&first)], &copy(0));
    let third = channels[2].start_after(&[Signal::Binary(&second)], &copy(1));
    for work in [&first, &second, &third] {
        assert_eq!(work.is_signaled(), Ok(false));
    }
    memory.memory().set(0, 1_u32);
    assert_done(&third);
    let found = [0, 4, 8].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [1, 1, 1]);
}

fn syncobj_timeline(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&client);
    let timeline = client.syncobj();
    for point in [1, 2, 5] {
        let push = Push::new().acquire(address, Until::AtLeast(point));
        let segment = channel.place(push.words());
        let signal = Signal::Point(&timeline, point.into());
        assert_eq!(channel.exec(&[segment], &[], &[signal]), Ok(()));
    }
    assert_eq!(timeline.point(), Ok(0));
    for (word, point) in [(1, 1), (4, 2), (5, 5)] {
        memory.memory().set::<u32>(0, word);
        assert_eq!(timeline.wait_for_point(point, HANG), Ok(()));
        assert_eq!(timeline.point(), Ok(point));
    }
}
