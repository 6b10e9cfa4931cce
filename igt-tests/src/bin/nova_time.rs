// SPDX-License-Identifier: MIT

//! The clocks of the GPU and of the CPU, read at once.

use std::fs::File;
use std::process::ExitCode;
use std::time::Duration;

use igt::nova::calls::{call, call_with};
use igt::nova::client::{Client, PAGE};
use igt::nova::Gpu;
use igt::{sysfs, Children, HANG};
use nix::errno::Errno;
use nix::libc;
use nix::time::{clock_gettime, ClockId};
use nova_uapi as uapi;
use nova_uapi::GetTime;

/// Pairs that are read of each clock.
const PAIRS: usize = 100;

/// The largest `cpu_delta_ns` of the best of [`PAIRS`]: a register is read in less, even by a VM that is not scheduled for
/// a while.
const DELTA_MAX: u64 = 100_000_000;

fn main() -> ExitCode {
    igt::run("The clocks of the GPU and of the CPU.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest_with_dynamic(
            "pairs",
            "The CPU's time is that of the clock, and the error is small.",
            |parts| {
                for (name, clock) in clocks() {
                    parts.dynamic(name, || pairs(&gpu.open_render(), clock));
                }
            },
        );
        tests.subtest(
            "clocks",
            "All clocks tell the same time of the GPU.",
            || {
                all_clocks(&gpu.open_render());
            },
        );
        tests.subtest("monotonic", "The GPU's time never goes back.", || {
            monotonic(&gpu)
        });
        tests.subtest("rate", "Both clocks run at the same speed.", || {
            rate(&gpu.open_render())
        });
        tests.subtest(
            "semaphore",
            "The time of the GPU is the one that its semaphores get.",
            || semaphore(&gpu),
        );
        tests.subtest("bad-clock", "Other clocks are refused.", || {
            bad_clock(&gpu.open_render())
        });
        tests.subtest(
            "time-namespace",
            "The CPU's time is the one that the process sees.",
            || time_namespace(&gpu),
        );
        tests.subtest("unbound", "An unbound GPU has no time.", || unbound(&gpu));
    })
}

/// The clocks, with names.
fn clocks() -> [(&'static str, ClockId); 5] {
    [
        ("realtime", ClockId::CLOCK_REALTIME),
        ("monotonic", ClockId::CLOCK_MONOTONIC),
        ("monotonic-raw", ClockId::CLOCK_MONOTONIC_RAW),
        ("boottime", ClockId::CLOCK_BOOTTIME),
        ("tai", ClockId::from_raw(libc::CLOCK_TAI)),
    ]
}

/// Reads the clocks.
fn get_time(file: &File, clock_id: u32) -> Result<GetTime, Errno> {
    let mut time = GetTime {
        clock_id,
        flags: 0,
        gpu_ns: u64::MAX,
        cpu_ns: u64::MAX,
        cpu_delta_ns: u64::MAX,
    };
    call(file, &mut time)?;
    assert_eq!((time.clock_id, time.flags), (clock_id, 0));
    Ok(time)
}

/// Reads a clock that is known.
#[track_caller]
fn read(file: &File, clock: ClockId) -> GetTime {
    let time = get_time(file, clock.as_raw() as u32);
    time.unwrap_or_else(|error| panic!("{clock:?}: {error}"))
}

/// The time of a clock in ns, as the process sees it.
fn cpu_ns(clock: ClockId) -> u64 {
    let now = clock_gettime(clock).unwrap_or_else(|error| panic!("{clock:?}: {error}"));
    Duration::from(now).as_nanos() as u64
}

fn pairs(file: &File, clock: ClockId) {
    let mut least = u64::MAX;
    for _ in 0..PAIRS {
        let before = cpu_ns(clock);
        let time = read(file, clock);
        let after = cpu_ns(clock);
        assert!(
            (before..=after).contains(&time.cpu_ns),
            "{before} {time:?} {after}"
        );
        // The error is no more than what the call has taken.
        assert!(
            time.cpu_delta_ns <= after - before,
            "{before} {time:?} {after}"
        );
        least = least.min(time.cpu_delta_ns);
    }
    log::info!("an error of {least} ns at best");
    assert!(least < DELTA_MAX, "{least} ns");
}

/// Reads them in turn, so that the GPU's times are in the order of the calls.
fn all_clocks(file: &File) {
    let mut last = 0;
    for _ in 0..PAIRS {
        for (name, clock) in clocks() {
            let time = read(file, clock);
            assert!(time.gpu_ns >= last, "{name}: {time:?} after {last}");
            last = time.gpu_ns;
        }
    }
}

/// For two files, and for processes at once.
fn monotonic(gpu: &Gpu) {
    let files = [gpu.open_render(), gpu.open_primary()];
    let children = Children::fork(2, |_| {
        let mut last = [0; 2];
        for round in 0..10 * PAIRS {
            let time = read(&files[round % 2], ClockId::CLOCK_MONOTONIC);
            let now = [time.gpu_ns, time.cpu_ns];
            assert!(
                now[0] >= last[0] && now[1] >= last[1],
                "{now:?} after {last:?}"
            );
            last = now;
        }
    });
    children.wait(HANG);
}

fn rate(file: &File) {
    const SPAN: Duration = Duration::from_secs(1);
    let first = read(file, ClockId::CLOCK_MONOTONIC_RAW);
    std::thread::sleep(SPAN);
    let second = read(file, ClockId::CLOCK_MONOTONIC_RAW);
    let gpu = second.gpu_ns - first.gpu_ns;
    let cpu = second.cpu_ns - first.cpu_ns;
    // What both readings can be wrong by, and a thousandth for clocks that differ.
    let error = first.cpu_delta_ns + second.cpu_delta_ns + cpu / 1000;
    assert!(
        gpu.abs_diff(cpu) <= error,
        "{gpu} ns and {cpu} ns: {first:?} {second:?}"
    );
}

fn semaphore(gpu: &Gpu) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let memory = client.bound(PAGE);
    let clock = ClockId::CLOCK_MONOTONIC;
    for round in 1..5 {
        let before = read(client.file(), clock).gpu_ns;
        queue.run(&queue.push().release_with_time(memory.address, round));
        let after = read(client.file(), clock).gpu_ns;
        let [payload, time] = [0, 8].map(|at| memory.memory.get::<u64>(at));
        assert_eq!(payload, round);
        assert!((before..=after).contains(&time), "{before} {time} {after}");
    }
}

fn bad_clock(file: &File) {
    let clocks = (0..64).chain([u32::MAX, 1 << 31]);
    for clock_id in clocks.filter(|id| !uapi::CLOCKS.contains(id)) {
        assert_eq!(get_time(file, clock_id), Err(Errno::EINVAL), "{clock_id}");
    }
    for bit in 0..32 {
        let asked = GetTime {
            clock_id: uapi::CLOCKS[1],
            flags: 1 << bit,
            ..GetTime::default()
        };
        assert_eq!(call_with(file, asked), Err(Errno::EINVAL));
    }
}

/// A child of a process that has made a namespace in which the monotonic clocks are ahead.
fn time_namespace(gpu: &Gpu) {
    /// Seconds by which the clocks are ahead.
    const AHEAD: [(&str, u64); 2] = [("monotonic", 100_000), ("boottime", 700_000)];
    let file = gpu.open_render();
    let outside = cpu_ns(ClockId::CLOCK_MONOTONIC);
    let makes = Children::fork(1, |_| {
        // SAFETY: This moves later children of this process alone.
        let made = unsafe { libc::unshare(libc::CLONE_NEWTIME) };
        assert_eq!(Errno::result(made).map(drop), Ok(()), "a time namespace");
        for (clock, seconds) in AHEAD {
            let offset = format!("{clock} {seconds} 0");
            sysfs::write("/proc/self/timens_offsets", offset).expect("an offset");
        }
        let child = Children::fork(1, |_| {
            assert!(cpu_ns(ClockId::CLOCK_MONOTONIC) > outside + 90_000_000_000_000);
            clocks().iter().for_each(|&(_, clock)| pairs(&file, clock));
        });
        child.wait(HANG);
    });
    makes.wait(HANG);
}

fn unbound(gpu: &Gpu) {
    let file = gpu.open_render();
    gpu.unbind();
    assert_eq!(get_time(&file, uapi::CLOCKS[0]), Err(Errno::ENODEV));
    gpu.bind();
    gpu.assert_running();
}
