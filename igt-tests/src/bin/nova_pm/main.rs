// SPDX-License-Identifier: MIT

//! The GPU works again after the system has slept and after a reset of its function.
//!
//! `NOVA_PM_ROUNDS` sets how often each subtest repeats this.

use std::io;
use std::process::ExitCode;

use igt::data::{assert_same, pattern};
use igt::mock::Mock;
use igt::nova::client::{Client, PAGE};
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::push::{Push, Until};
use igt::rm_control::{self, Answer, RmControl};
use igt::sleep::{self, State};
use igt::syncobj::assert_ended;
use igt::{kmsg, Children, ExitHandler, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;

mod broken;
mod vram;
mod waiting;

/// The default of `NOVA_PM_ROUNDS`.
const ROUNDS: u32 = 2;

/// The kernel's test levels of suspend (`/sys/power/pm_test`), with descriptions.
const LEVELS: [(&str, &str); 5] = [
    (
        "freezer",
        "Processes are frozen and thawed while the GPU runs.",
    ),
    ("devices", "All devices are suspended and resumed."),
    (
        "platform",
        "All devices and the platform are suspended and resumed.",
    ),
    (
        "processors",
        "All devices, the platform and all processors but one are suspended and resumed.",
    ),
    (
        "core",
        "Everything but the firmware's sleep state is suspended and resumed.",
    ),
];

fn main() -> ExitCode {
    igt::run("Sleep of the system and reset of the GPU.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());
        let rounds = tests.fixture(rounds);

        tests.subtest(
            "reset",
            "The function can be reset through sysfs, and the GPU works again.",
            || (0..*rounds).for_each(|_| reset(&gpu)),
        );
        tests.subtest(
            "reset-open",
            "A file that is open during a reset works after it.",
            || reset_open(&gpu),
        );
        tests.subtest(
            "reset-unbound",
            "A GPU that is reset without a driver boots afterwards.",
            || reset_unbound(&gpu),
        );
        tests.subtest(
            "reset-unloads",
            "GSP-RM is unloaded before a reset.",
            || reset_unloads(&gpu, &Mock::require(&gpu)),
        );
        tests.subtest(
            "reset-unbind",
            "A GPU can be unbound while callers wait for the boot after a reset.",
            || reset_unbind(&gpu),
        );
        tests.subtest(
            "suspend-unloads",
            "GSP-RM is unloaded before the system sleeps.",
            || suspend_unloads(&gpu, &Mock::require(&gpu)),
        );
        // As this one, these use the mock, whose port is dead after a sleep for which it was not put away.
        broken::subtests(tests, &gpu);
        for (level, proves) in LEVELS {
            tests.subtest(format!("suspend-{level}"), proves, || {
                let _test = test_sleep(State::Mem, level);
                (0..*rounds).for_each(|_| sleep(&gpu, State::Mem));
            });
        }
        tests.subtest(
            "hibernate-devices",
            "All devices are frozen for an image of the memory, and thawed.",
            || {
                let _test = test_sleep(State::Disk, "devices");
                (0..*rounds).for_each(|_| sleep(&gpu, State::Disk));
            },
        );
        tests.subtest(
            "suspend-open",
            "A file that is open while the system sleeps works after it.",
            || suspend_open(&gpu),
        );
        tests.subtest(
            "suspend-queue",
            "A queue without jobs goes on after the system has slept, and its objects have kept their contents.",
            || suspend_queue(&gpu),
        );
        tests.subtest(
            "suspend-busy",
            "Jobs that the sleep ends fail, and so does their queue, which is innocent.",
            || suspend_busy(&gpu),
        );
        waiting::subtests(tests, &gpu);
        vram::subtests(tests, &gpu);
        tests.subtest(
            "suspend-mem",
            "The system sleeps until its clock wakes it, and the GPU works again.",
            || (0..*rounds).for_each(|_| suspend_until_alarm(&gpu)),
        );
    })
}

fn rounds() -> u32 {
    match std::env::var("NOVA_PM_ROUNDS") {
        Ok(text) => match text.parse() {
            Ok(rounds) => rounds,
            Err(_) => panic!("NOVA_PM_ROUNDS={text:?} is not a number"),
        },
        Err(_) => ROUNDS,
    }
}

/// Asserts that the driver runs and that GSP-RM answers.
fn assert_works(gpu: &Gpu) {
    gpu.assert_running();
    let answer = ask_name(&mut RmControl::open(gpu));
    let answer = answer.unwrap_or_else(|error| panic!("GSP-RM does not answer: {error}"));
    assert_eq!(answer.status, rm_control::OK);
}

fn ask_name(control: &mut RmControl) -> Result<Answer, Errno> {
    let room = [0; rm_control::NAME_STRING_LEN];
    control.call(
        rm_control::SUBDEVICE,
        rm_control::GPU_GET_NAME_STRING,
        &room,
    )
}

fn reset(gpu: &Gpu) {
    gpu.require_reset();
    let _bound = Timeout::new(HANG, "a reset");
    gpu.pci().reset().unwrap();
    if gpu.pci().driver().is_some() {
        assert_works(gpu);
    }
}

fn reset_open(gpu: &Gpu) {
    let node = gpu.open_render();
    let before = nova::query_device(&node).unwrap();
    reset(gpu);
    assert_eq!(nova::query_device(&node), Ok(before));
}

fn reset_unbound(gpu: &Gpu) {
    // A skip after the unbind would leave the GPU unbound.
    gpu.require_reset();
    gpu.unbind();
    reset(gpu);
    gpu.bind();
    assert_works(gpu);
}

fn reset_unloads(gpu: &Gpu, mock: &Mock) {
    let before = mock.unloads();
    reset(gpu);
    assert_eq!(mock.unloads(), before + 1);
}

fn suspend_unloads(gpu: &Gpu, mock: &Mock) {
    let _test = test_sleep(State::Mem, "devices");
    let before = mock.unloads();
    let away = mock.put_away().unwrap();
    sleep(gpu, State::Mem);
    drop(away);
    assert_eq!(mock.unloads(), before + 1);
}

/// A process that waits for the device lock during a reset gets it before the boot work, which only
/// polls for it.
fn reset_unbind(gpu: &Gpu) {
    gpu.require_reset();
    let _bound = Timeout::new(HANG, "unbinding a GPU that is stopped");
    let resetting = Children::in_write(|| gpu.pci().reset().unwrap());
    let calling = Children::in_write(|| {
        let mut control = RmControl::open(gpu);
        while ask_name(&mut control).is_ok() {}
    });
    let unbinding = Children::in_write(|| gpu.unbind());
    for child in [resetting, calling, unbinding] {
        child.wait(HANG);
    }
    gpu.assert_released();
    gpu.bind();
    assert_works(gpu);
}

/// Makes the kernel only test that kind of sleep, up to `level`; skips if it cannot.
fn test_sleep(state: State, level: &str) -> ExitHandler {
    igt::require!(
        sleep::can_test_up_to(level),
        "The kernel cannot test sleep up to {level}."
    );
    let test = state.test_up_to(level);
    test.unwrap_or_else(|error| panic!("a test of sleep up to {level}: {error}"))
}

/// Puts the system to sleep in that state.
fn sleep(gpu: &Gpu, state: State) {
    igt::require!(state.is_known(), "The system cannot sleep.");
    asleep(gpu, || state.enter());
}

/// Puts the system to sleep with `sleep`, and asserts that the GPU works afterwards.
fn asleep(gpu: &Gpu, sleep: impl FnOnce() -> io::Result<()>) {
    kmsg::expect(&sleep::OF_OTHERS);
    let _bound = Timeout::new(HANG, "a sleep");
    sleep().unwrap_or_else(|error| panic!("the system does not sleep: {error}"));
    assert_works(gpu);
}

fn suspend_open(gpu: &Gpu) {
    let _test = test_sleep(State::Mem, "devices");
    let node = gpu.open_render();
    let before = nova::query_device(&node).unwrap();
    sleep(gpu, State::Mem);
    assert_eq!(nova::query_device(&node), Ok(before));
}

fn suspend_queue(gpu: &Gpu) {
    const SIZE: usize = 64 << 10;
    let _test = test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let (queue, unused) = (client.queue(), client.queue());
    let [source, target] = [(); 2].map(|()| client.bound(SIZE as u64));
    let written = pattern(1, SIZE);
    source.memory.write(0, &written);
    let half = SIZE as u32 / 2;
    let copy = |queue: &Queue<'_>, at: u64| {
        queue.run(
            &queue
                .push()
                .copy(source.address + at, target.address + at, half),
        );
    };
    copy(&queue, 0);
    sleep(gpu, State::Mem);
    copy(&queue, half.into());
    assert_same(&target.memory.read(0, SIZE), &written, "both halves");
    unused.run(&unused.push().nops(1));
    let state = queue.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_ALIVE, "{state:?}");
    assert_eq!((state.jobs_submitted, state.jobs_completed), (2, 2));
}

fn suspend_busy(gpu: &Gpu) {
    let _test = test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let queue = client.queue_with(Queue::patient(client.file()));
    let semaphore = client.bound(PAGE);
    let work = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    sleep(gpu, State::Mem);
    assert_ended(&work, Err(Errno::ECANCELED));
    let state = queue.state().unwrap();
    assert_eq!(state.state, uapi::QUEUE_STATE_LOST, "{state:?}");
    assert_eq!(state.reason, uapi::QUEUE_REASON_DEVICE_RESET, "{state:?}");
    assert_eq!(state.blame, uapi::QUEUE_BLAME_INNOCENT, "{state:?}");
    assert_eq!(queue.exec(&[], &[], &[]), Err(Errno::ECANCELED));
    client.queue().run(&Push::new().nops(1));
}

fn suspend_until_alarm(gpu: &Gpu) {
    igt::require!(sleep::has_alarm(), "No clock can wake the system.");
    igt::require!(State::Mem.is_known(), "The system cannot sleep.");
    asleep(gpu, sleep::until_alarm);
}
