// SPDX-License-Identifier: MIT

//! GPUs in the same machine do not disturb each other.

use std::fs::File;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use igt::kmsg;
use igt::mock::Mock;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, RmControl};
use igt::{wait_for, ExitHandler, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi::QueryDevice;

/// Number of times that a GPU is unbound and bound while the other one is in use.
const REBINDS: u32 = 5;

/// Two GPUs of different chips.
struct Pair {
    gpus: [Gpu; 2],
    _running: [ExitHandler; 2],
}

impl Pair {
    /// Skips if the machine does not have two different GPUs.
    fn require() -> Self {
        let all = Gpu::all();
        igt::require!(all.len() >= 2, "There are not two NVIDIA GPUs.");
        all.iter().for_each(Gpu::start);
        let first = &all[0];
        let chip = first.chip();
        let Some(second) = all.iter().find(|gpu| gpu.chip() != chip) else {
            igt::skip!("All NVIDIA GPUs are of the same chip.");
        };
        let gpus = [first.clone(), second.clone()];
        Self {
            _running: gpus.each_ref().map(Gpu::keep_running),
            gpus,
        }
    }
}

fn main() -> ExitCode {
    igt::run("Two different GPUs in one machine.", |tests| {
        let pair = tests.fixture(Pair::require);

        tests.subtest("answers", "Each GPU has its own nodes and answers.", || {
            answers(&pair.gpus)
        });
        tests.subtest(
            "unbind-one",
            "While one GPU is unbound, files of the other one work.",
            || in_both_orders(&pair.gpus, unbind_one),
        );
        tests.subtest(
            "rebind-one",
            "A GPU answers all the time while the other one is unbound and bound.",
            || in_both_orders(&pair.gpus, rebind_one),
        );
        tests.subtest(
            "lose-one",
            "A GPU whose GSP is lost recovers, and the other one answers meanwhile.",
            || in_both_orders(&pair.gpus, lose_one),
        );
        tests.subtest(
            "bind-at-once",
            "Both GPUs can be unbound and bound at the same time.",
            || bind_at_once(&pair.gpus),
        );
    })
}

fn in_both_orders([first, second]: &[Gpu; 2], body: fn(&Gpu, &Gpu)) {
    body(first, second);
    body(second, first);
}

fn ask(node: &File) -> QueryDevice {
    let answer = nova::query_device(node);
    answer.unwrap_or_else(|error| panic!("the render node answers {error}"))
}

fn answers(gpus: &[Gpu; 2]) {
    let nodes = gpus.each_ref().map(Gpu::open_render);
    let [first, second] = nodes.each_ref().map(ask);
    assert_ne!(first.chipset, second.chipset);
    for (gpu, answer) in gpus.iter().zip([first, second]) {
        assert_eq!(answer.bar_size, gpu.pci().bar_sizes().unwrap());
        let report = gpu.boot_report();
        let name = nova::field(&report, "GPU");
        assert_eq!(name, answer.name.as_str(), "{report}");
    }
    let drm = gpus.each_ref().map(|gpu| gpu.drm().unwrap());
    assert_ne!(drm[0].primary, drm[1].primary);
    assert_ne!(drm[0].render, drm[1].render);
}

fn unbind_one(one: &Gpu, other: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let node = other.open_render();
    let before = ask(&node);
    one.unbind();
    one.assert_released();
    assert_eq!(ask(&node), before);
    other.assert_running();
    one.bind();
    one.assert_running();
    assert_eq!(ask(&node), before);
}

fn rebind_one(one: &Gpu, other: &Gpu) {
    let node = other.open_render();
    let before = ask(&node);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut count = 0_u64;
            while !done.load(Ordering::Relaxed) {
                assert_eq!(ask(&node), before);
                count += 1;
            }
            count
        });
        let rebinds = Until(&done);
        for _ in 0..REBINDS {
            let _bound = Timeout::new(HANG, "unbinding and binding");
            one.unbind();
            one.bind();
            one.assert_running();
        }
        drop(rebinds);
        let count = asking.join().expect("the other GPU gave a wrong answer");
        log::info!("{} answered {count} times", other.pci().name());
        assert!(count > 0);
    });
}

fn lose_one(one: &Gpu, other: &Gpu) {
    let mock = Mock::require(one);
    let _bound = Timeout::new(HANG, "losing a GSP");
    kmsg::expect(&[nova::IS_LOST]);
    assert_eq!(ask_gsp(other), Ok(rm_control::OK));
    let answer = {
        let _broken = mock.broken("stage=gsp,kind=crash");
        ask_gsp(one)
    };
    answer.expect_err("a GSP that has crashed answers");
    // The other GPU must answer until the lost one has recovered.
    wait_for(HANG, "the GSP to run again", || {
        assert_eq!(ask_gsp(other), Ok(rm_control::OK));
        ask_gsp(one) == Ok(rm_control::OK)
    });
    one.assert_running();
    other.assert_running();
}

/// Asks the GSP of `gpu` for its name, and returns the status.
fn ask_gsp(gpu: &Gpu) -> Result<u32, Errno> {
    let room = [0; rm_control::NAME_STRING_LEN];
    let cmd = rm_control::GPU_GET_NAME_STRING;
    let answer = RmControl::open(gpu).call(rm_control::SUBDEVICE, cmd, &room)?;
    Ok(answer.status)
}

/// Sets the flag when dropped, so that the other thread ends even after a panic.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn bind_at_once(gpus: &[Gpu; 2]) {
    let at_once = |action: fn(&Gpu)| {
        let _bound = Timeout::new(HANG, "unbinding or binding both GPUs");
        thread::scope(|scope| {
            for gpu in gpus {
                scope.spawn(|| action(gpu));
            }
        });
    };
    at_once(Gpu::unbind);
    gpus.iter().for_each(Gpu::assert_released);
    at_once(Gpu::bind);
    gpus.iter().for_each(Gpu::assert_running);
}
