// SPDX-License-Identifier: MIT

//! The GPU works again after the system has slept and after a reset of its function.
//!
//! `NOVA_PM_ROUNDS` says how often each of it happens.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use igt::nova::{self, Gpu};
use igt::rm_control::{self, Conversation};
use igt::{kmsg, sysfs, ExitHandler, Timeout, HANG};

/// How often each of it happens unless the environment says otherwise.
const ROUNDS: u32 = 2;

/// Seconds that the system sleeps, where a clock wakes it.
const SLEEP: u64 = 2;

const POWER: &str = "/sys/power";

/// What the kernel says of other devices of QEMU's when the system sleeps: of clocks that stand still,
/// now and then in two pieces, and of a mouse that is not probed meanwhile.
const OF_OTHERS: [&str; 5] = [
    "hpet: Lost",
    "hpet_rtc_timer_reinit: ",
    "Could not disable RealTimeClock events",
    "ACPI Error: $",
    "serio serio[0-9]: deferred probe pending",
];

/// The kernel's tests of suspend, and how far each goes.
const LEVELS: [(&str, &str); 5] = [
    ("freezer", "Processes stop and go on, the GPU runs on."),
    ("devices", "All devices are suspended and resumed."),
    ("platform", "So is what the firmware knows of the platform."),
    ("processors", "So are all processors but one."),
    ("core", "So is all but the firmware's own sleep."),
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
        for (level, proves) in LEVELS {
            tests.subtest(format!("suspend-{level}"), proves, || {
                let _test = test_sleep("suspend", level);
                (0..*rounds).for_each(|_| sleep(&gpu, "mem"));
            });
        }
        tests.subtest(
            "hibernate-devices",
            "All devices are frozen for an image of the memory, and thawed.",
            || {
                let _test = test_sleep("hibernate", "devices");
                (0..*rounds).for_each(|_| sleep(&gpu, "disk"));
            },
        );
        tests.subtest(
            "suspend-open",
            "A file that is open while the system sleeps works after it.",
            || suspend_open(&gpu),
        );
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
            Err(_) => panic!("NOVA_PM_ROUNDS={text:?} is no number"),
        },
        Err(_) => ROUNDS,
    }
}

/// Asserts that the driver runs and that GSP-RM answers.
fn assert_works(gpu: &Gpu) {
    gpu.assert_running();
    let room = [0; rm_control::NAME_STRING_LEN];
    let mut conversation = Conversation::open(gpu);
    let answer = conversation.call(
        rm_control::SUBDEVICE,
        rm_control::GPU_GET_NAME_STRING,
        &room,
    );
    let answer = answer.unwrap_or_else(|error| panic!("GSP-RM does not answer: {error}"));
    assert_eq!(answer.status, rm_control::OK);
}

fn write(path: impl Into<PathBuf>, text: &str) {
    let path = path.into();
    if let Err(error) = fs::write(&path, text) {
        panic!("{text} to {}: {error}", path.display());
    }
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
    // A test that is skipped below would leave the GPU unbound.
    gpu.require_reset();
    gpu.unbind();
    reset(gpu);
    gpu.bind();
    assert_works(gpu);
}

/// Has the kernel only test its sleep of that `kind` from now on, and go as far as `level`.
fn test_sleep(kind: &str, level: &str) -> ExitHandler {
    let file = format!("{POWER}/pm_test");
    let levels = sysfs::read(&file).unwrap_or_default();
    igt::require!(
        levels.split(' ').any(|known| known == level),
        "The kernel cannot test sleep up to {level}."
    );
    let seconds = format!("/sys/module/{kind}/parameters/pm_test_delay");
    let before = sysfs::read(&seconds).unwrap_or_default();
    // One there is as good as the five that are usual.
    write(&seconds, "1");
    write(&file, level);
    ExitHandler::new(move || {
        write(&file, "none");
        write(&seconds, &before);
    })
}

/// Has the system sleep in that state, `mem` or `disk`.
fn sleep(gpu: &Gpu, state: &str) {
    let states = sysfs::read(format!("{POWER}/state")).unwrap_or_default();
    igt::require!(
        states.split(' ').any(|known| known == state),
        "The system cannot sleep."
    );
    kmsg::expect(&OF_OTHERS);
    let _bound = Timeout::new(HANG, "a sleep");
    write(format!("{POWER}/state"), state);
    assert_works(gpu);
}

fn suspend_open(gpu: &Gpu) {
    let _test = test_sleep("suspend", "devices");
    let node = gpu.open_render();
    let before = nova::query_device(&node).unwrap();
    sleep(gpu, "mem");
    assert_eq!(nova::query_device(&node), Ok(before));
}

fn suspend_until_alarm(gpu: &Gpu) {
    let clock = PathBuf::from("/sys/class/rtc/rtc0");
    let now = sysfs::read_number(clock.join("since_epoch"));
    let Ok(now) = now else {
        igt::skip!("There is no clock that could wake the system.");
    };
    let alarm = clock.join("wakealarm");
    igt::require!(alarm.exists(), "The clock cannot wake the system.");
    write(&alarm, "0");
    write(&alarm, &(now + SLEEP).to_string());
    sleep(gpu, "mem");
}
