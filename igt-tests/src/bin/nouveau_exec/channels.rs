// SPDX-License-Identifier: MIT

//! Several channels and clients, and channels that are killed.

use std::time::Duration;

use igt::nouveau::{
    assert_same, pattern, Channel, Client, Engine, Gpu, Place, HUGE_PAGE, LARGE_PAGE,
    OF_KILLED_CHANNEL, PAGE,
};
use igt::push::{Push, Segment, Until};
use igt::syncobj::{assert_done, Signal};
use igt::{kmsg, Children, Fixture, Tests, Timeout, HANG};
use nix::errno::Errno;

use crate::memory::{semaphore_of, word};

/// Number of channels of a client, and of clients, in tests of many.
const MANY: usize = 8;

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest(
        "many-channels",
        "Many channels of a client work at once.",
        || many_channels(gpu),
    );
    tests.subtest(
        "two-clients",
        "The same address of two clients leads to the memory of each.",
        || two_clients(gpu),
    );
    tests.subtest(
        "processes",
        "Processes copy at the same time, and none sees the bytes of another.",
        || processes(gpu),
    );
    tests.subtest_with_dynamic(
        "fault",
        "A channel that does what it must not is killed, and others of its client go on.",
        |parts| {
            for (name, fault) in FAULTS {
                parts.dynamic(name, || a_fault(gpu, fault));
            }
        },
    );
    tests.subtest(
        "fault-other-client",
        "A channel that is killed does not disturb another client.",
        || fault_other_client(gpu),
    );
    tests.subtest(
        "hang",
        "A channel that waits in vain is killed after a while, and others go on until then.",
        || hang(gpu),
    );
}

fn many_channels(gpu: &Gpu) {
    let client = Client::new(gpu);
    let channels: Vec<_> = (0..MANY).map(|_| client.channel(Engine::Copy)).collect();
    let (target, to) = client.bound(Place::System, PAGE);
    let places = || (0..).step_by(4);
    let work: Vec<_> = channels
        .iter()
        .zip(places())
        .map(|(channel, at)| channel.start(&Push::new().fill(to + at, 1 + at as u32, 1)))
        .collect();
    work.iter().for_each(assert_done);
    for at in places().take(MANY) {
        assert_eq!(target.memory().get::<u32>(at as usize), 1 + at as u32);
    }
    // Their numbers are free again.
    let mut before: Vec<_> = channels.iter().map(|channel| channel.number()).collect();
    drop(channels);
    let channels: Vec<_> = (0..before.len())
        .map(|_| client.channel(Engine::Copy))
        .collect();
    let mut after: Vec<_> = channels.iter().map(|channel| channel.number()).collect();
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, after);
}

fn two_clients(gpu: &Gpu) {
    let clients = [(); 2].map(|()| Client::new(gpu));
    let channels = clients
        .each_ref()
        .map(|client| client.channel(Engine::Copy));
    let buffers = clients
        .each_ref()
        .map(|client| client.bound(Place::Vram, PAGE));
    let targets = clients
        .each_ref()
        .map(|client| client.bound(Place::System, PAGE));
    assert_eq!(buffers[0].1, buffers[1].1, "the addresses");
    assert_eq!(targets[0].1, targets[1].1, "the addresses");
    let (address, to) = (buffers[0].1, targets[0].1);
    for (word, channel) in (1..).zip(&channels) {
        channel.run(&Push::new().fill(address, word, 1));
    }
    for channel in &channels {
        channel.run(&Push::new().copy(address, to, 4));
    }
    let words = targets.each_ref().map(|(target, _)| word(target));
    assert_eq!(words, [1, 2]);
}

fn processes(gpu: &Gpu) {
    const PROCESSES: usize = 4;
    const ROUNDS: u64 = 10;
    const SIZE: usize = 2 * LARGE_PAGE as usize;
    let children = Children::fork(PROCESSES, |number| {
        let client = Client::new(gpu);
        let channel = client.channel(Engine::Copy);
        let (source, from) = client.bound(Place::System, SIZE as u64);
        let (_vram, vram) = client.bound(Place::Vram, SIZE as u64);
        let (target, to) = client.bound(Place::System, SIZE as u64);
        for round in 0..ROUNDS {
            let written = pattern(number as u64 * ROUNDS + round, SIZE);
            source.memory().write(0, &written);
            let push = Push::new().copy(from, vram, SIZE as u32);
            channel.run(&push.copy(vram, to, SIZE as u32));
            let found = target.memory().read(0, SIZE);
            assert_same(
                &found,
                &written,
                &format!("process {number}, round {round}"),
            );
        }
    });
    children.wait(HANG);
}

/// What a channel must not do.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Read where nothing is.
    Read,
    /// Write where nothing is.
    Write,
    /// Write beyond the end of a buffer.
    Border,
    /// Read words where there are none.
    Words,
    /// Release a semaphore where nothing is.
    Semaphore,
    /// A method that is never allowed.
    Method,
}

const FAULTS: [(&str, Fault); 6] = [
    ("read", Fault::Read),
    ("write", Fault::Write),
    ("border", Fault::Border),
    ("words", Fault::Words),
    ("semaphore", Fault::Semaphore),
    ("method", Fault::Method),
];

/// Has a channel do what it must not, and asserts that it is killed and does nothing of `after`.
fn kill(client: &Client, channel: &Channel<'_>, fault: Fault, after: &Push) {
    let nowhere = client.reserve(HUGE_PAGE);
    let (_memory, address) = client.bound(Place::System, PAGE);
    let wrong = match fault {
        Fault::Read => Push::new().copy(nowhere, address, 64),
        Fault::Write => Push::new().copy(address, nowhere, 64),
        Fault::Border => Push::new().fill(address + PAGE - 8, 1, 4),
        Fault::Semaphore => Push::new().release(nowhere, 1),
        Fault::Method => Push::new().illegal(),
        Fault::Words => Push::new(),
    };
    let mut segments = vec![channel.place(wrong.words()), channel.place(after.words())];
    if matches!(fault, Fault::Words) {
        segments[0] = Segment {
            address: nowhere,
            length: 16,
        };
    }
    let done = client.syncobj();
    let result = channel.exec(&segments, &[], &[Signal::Binary(&done)]);
    assert_eq!(result, Ok(()));
    assert_eq!(done.wait(HANG), Ok(()));
    assert_eq!(done.outcome(), Ok(Some(Err(Errno::ENODEV))), "{fault:?}");
    assert_eq!(channel.exec(&[], &[], &[]), Err(Errno::ENODEV));
}

fn a_fault(gpu: &Gpu, fault: Fault) {
    kmsg::expect(&OF_KILLED_CHANNEL);
    let client = Client::new(gpu);
    let [bad, good] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (target, to) = client.bound(Place::System, PAGE);
    kill(&client, &bad, fault, &Push::new().release(to, 1));
    good.run(&Push::new().fill(to + 4, 2, 1));
    drop(bad);
    let new = client.channel(Engine::Copy);
    new.run(&Push::new().fill(to + 8, 3, 1));
    let found = [0, 4, 8].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [0, 2, 3]);
}

fn fault_other_client(gpu: &Gpu) {
    kmsg::expect(&OF_KILLED_CHANNEL);
    let [bad, good] = [(); 2].map(|()| Client::new(gpu));
    let channel = good.channel(Engine::Copy);
    let (memory, address) = semaphore_of(&good);
    let (target, to) = good.bound(Place::System, PAGE);
    let push = Push::new().acquire(address, Until::Equals(1));
    let work = channel.start(&push.fill(to, 1, 1));
    {
        let channel = bad.channel(Engine::Copy);
        kill(&bad, &channel, Fault::Read, &Push::new());
    }
    drop(bad);
    memory.memory().set(0, 1_u32);
    assert_done(&work);
    channel.run(&Push::new().fill(to + 4, 2, 1));
    let found = [0, 4].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [1, 2]);
}

fn hang(gpu: &Gpu) {
    kmsg::expect(&OF_KILLED_CHANNEL);
    let client = Client::new(gpu);
    let [bad, good] = [(); 2].map(|()| client.channel(Engine::Copy));
    let (_memory, address) = semaphore_of(&client);
    let (target, to) = client.bound(Place::System, PAGE);
    let push = Push::new().acquire(address, Until::Equals(1));
    let work = bad.start(&push.fill(to, 1, 1));
    let _bound = Timeout::new(HANG, "the end of work that waits for ever");
    let mut rounds = 0;
    while !work.is_signaled().expect("there is a fence") {
        rounds += 1;
        good.run(&Push::new().fill(to + 4, rounds, 1));
        std::thread::sleep(Duration::from_millis(100));
    }
    // The scheduler itself cancels work that has timed out (scheduler/sched_main.c).
    assert_eq!(work.outcome(), Ok(Some(Err(Errno::ECANCELED))));
    log::info!("the other channel did {rounds} rounds meanwhile");
    let found = [0, 4].map(|at| target.memory().get::<u32>(at));
    assert_eq!(found, [0, rounds]);
    drop(bad);
    good.run(&Push::new().fill(to, 5, 1));
    assert_eq!(word(&target), 5);
}
