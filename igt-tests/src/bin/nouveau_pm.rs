// SPDX-License-Identifier: MIT

//! nouveau's work goes on after the system has slept.
//!
//! `NOVA_PM_ROUNDS` sets how often each subtest repeats this.

use std::io;
use std::process::ExitCode;

use igt::nouveau::{assert_same, pattern, Client, Engine, Gpu, Place, LARGE_PAGE, OF_RESET, PAGE};
use igt::push::Push;
use igt::sleep::{self, State};
use igt::{kmsg, Timeout, HANG};

/// The default of `NOVA_PM_ROUNDS`. The subtests already sleep one after the other, with the same driver.
const ROUNDS: u32 = 1;

/// The kernel's test levels of suspend (`/sys/power/pm_test`), with descriptions.
const LEVELS: [(&str, &str); 5] = [
    (
        "freezer",
        "Work goes on after processes were frozen and thawed.",
    ),
    ("devices", "Work goes on after all devices were suspended."),
    (
        "platform",
        "Work goes on after all devices and the platform were suspended.",
    ),
    (
        "processors",
        "As suspend-platform, with all processors but one.",
    ),
    (
        "core",
        "Work goes on after everything but the firmware's sleep state.",
    ),
];

fn main() -> ExitCode {
    igt::run("nouveau's work and the sleep of the system.", |tests| {
        let gpu = tests.fixture(Gpu::require_running);
        let rounds = tests.fixture(rounds);

        for (level, proves) in LEVELS {
            tests.subtest(format!("suspend-{level}"), proves, || {
                igt::require!(State::Mem.is_known(), "The system cannot sleep.");
                igt::require!(
                    sleep::can_test_up_to(level),
                    "The kernel cannot test sleep up to {level}."
                );
                let test = State::Mem.test_up_to(level);
                let _test = test.unwrap_or_else(|error| panic!("a test of sleep: {error}"));
                (0..*rounds).for_each(|_| across(&gpu, || State::Mem.enter()));
            });
        }
        tests.subtest(
            "suspend-mem",
            "Work goes on after the system has slept until its clock woke it.",
            || {
                igt::require!(State::Mem.is_known(), "The system cannot sleep.");
                igt::require!(sleep::has_alarm(), "No clock can wake the system.");
                (0..*rounds).for_each(|_| across(&gpu, sleep::until_alarm));
            },
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

/// Puts the system to sleep, and asserts that VRAM has kept its contents, that a channel from
/// before works, and that a new client does.
fn across(gpu: &Gpu, sleep: impl FnOnce() -> io::Result<()>) {
    const SIZE: u64 = LARGE_PAGE + PAGE;
    let _bound = Timeout::new(HANG, "a sleep");
    kmsg::expect(&[&sleep::OF_OTHERS[..], &OF_RESET].concat());
    let client = Client::new(gpu);
    let channel = client.channel(Engine::Copy);
    let (system, system_address) = client.bound(Place::System, SIZE);
    let (_vram, vram_address) = client.bound(Place::Vram, SIZE);
    let written = pattern(1, SIZE as usize);
    system.memory().write(0, &written);
    channel.run(&Push::new().copy(system_address, vram_address, SIZE as u32));
    system.memory().write(0, &vec![0; SIZE as usize]);

    sleep().unwrap_or_else(|error| panic!("the system does not sleep: {error}"));

    channel.run(&Push::new().copy(vram_address, system_address, SIZE as u32));
    assert_same(&system.memory().read(0, SIZE as usize), &written, "VRAM");
    let other = Client::new(gpu);
    let (word, address) = other.bound(Place::System, PAGE);
    other
        .channel(Engine::Copy)
        .run(&Push::new().fill(address, 5, 1));
    assert_eq!(word.memory().get::<u32>(0), 5);
}
