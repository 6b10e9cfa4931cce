// SPDX-License-Identifier: MIT

//! Calls of GSP-RM, one at a time and many at once.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

use igt::kmsg::{self, Follow};
use igt::memory::Words;
use igt::mock::Mock;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, RmControl, Sizes};
use igt::{wait_for, Children, Timeout, HANG};
use nix::errno::Errno;

/// Number of processes that call at the same time.
const CALLERS: usize = 8;

/// Number of calls of each process.
const CALLS: usize = 50;

/// Number of long calls of each process.
const LONG_CALLS: usize = 3;

/// NV_STATUS of an unknown control (`NV_ERR_NOT_SUPPORTED`).
const NOT_SUPPORTED: u32 = 0x56;

/// Properties of a GPU (`NV2080_CTRL_GPU_INFO_INDEX_*`) that GSP-RM has for every GPU.
const PROPERTIES: [u32; 7] = [0x25, 0x27, 0x29, 0x33, 0x34, 0x35, 0x36];

fn main() -> ExitCode {
    igt::run("Calls of GSP-RM through debugfs.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());
        let sizes = tests.fixture(|| Sizes::of(&gpu));

        tests.subtest(
            "name",
            "GSP-RM returns the GPU's name, which is that of the boot report.",
            || name(&gpu),
        );
        tests.subtest(
            "bad-requests",
            "An invalid request is refused, and the next request is answered.",
            || bad_requests(&gpu),
        );
        tests.subtest(
            "refused",
            "GSP-RM's status is returned for a call that it refuses.",
            || refused(&gpu),
        );
        tests.subtest(
            "concurrent",
            "Eight processes call GSP-RM at the same time, and each gets its own answers.",
            || concurrent(&gpu, &sizes),
        );
        tests.subtest("interrupts", "Answers of GSP-RM raise interrupts.", || {
            interrupts(&gpu)
        });
        tests.subtest(
            "long",
            "Parameters that are too long for one message are returned complete.",
            || long(&gpu, &sizes, 0),
        );
        tests.subtest(
            "long-concurrent",
            "Concurrent long and short calls of several processes are not mixed up.",
            || long_concurrent(&gpu, &sizes),
        );
        tests.subtest(
            "killed",
            "Killed callers do not disturb the calls of others.",
            || killed(&gpu, &sizes),
        );
        tests.subtest(
            "unbind-while-open",
            "A file that is open while the GPU is unbound answers EIO, also after the next bind.",
            || unbind_while_open(&gpu),
        );
        tests.subtest(
            "unbind-while-calling",
            "The GPU can be unbound while eight processes call GSP-RM.",
            || unbind_while_calling(&gpu, &sizes),
        );
        tests.subtest(
            "events",
            "Events between answers are in the kernel log, and the calls are answered.",
            || events(&gpu, &Mock::require(&gpu), &sizes),
        );
        tests.subtest(
            "crashed",
            "All callers fail as soon as the GSP has crashed, and the next bind boots it.",
            || {
                // No caller runs into the time-out.
                let errors = [Errno::EIO];
                lost(&gpu, &sizes, "stage=gsp,kind=crash,after=20", &errors);
            },
        );
        tests.subtest(
            "silent",
            "All callers fail when the GSP stops answering, and the next bind boots it.",
            || {
                let errors = [Errno::ETIMEDOUT, Errno::EIO];
                lost(&gpu, &sizes, "stage=reply,kind=timeout", &errors);
            },
        );
    })
}

fn name(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a call");
    assert_name(gpu, &mut RmControl::open(gpu));
}

fn assert_name(gpu: &Gpu, control: &mut RmControl) {
    let params = [0; rm_control::NAME_STRING_LEN];
    let cmd = rm_control::GPU_GET_NAME_STRING;
    let answer = control.call(rm_control::SUBDEVICE, cmd, &params);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status, rm_control::OK);
    let name = answer.params[4..].split(|&byte| byte == 0).next();
    let name = String::from_utf8_lossy(name.unwrap_or_default());
    let report = gpu.boot_report();
    assert_eq!(igt::nova::field(&report, "GPU"), Some(&*name));
}

fn bad_requests(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a call");
    let mut control = RmControl::open(gpu);
    assert_eq!(control.answer(), Ok(Vec::new()), "there was no request");
    for len in 0..8 {
        let refused = control.ask(&vec![0; len]);
        assert_eq!(refused, Err(Errno::EINVAL), "{len} bytes");
    }
    for object in [3, u32::MAX] {
        let refused = control.call(object, rm_control::GPU_GET_NAME_STRING, &[]);
        assert_eq!(refused, Err(Errno::EINVAL), "object {object}");
    }
    for len in [(1 << 20) + 1, 8 << 20] {
        let refused = control.ask(&vec![0; len]);
        assert_eq!(refused, Err(Errno::EINVAL), "{len} bytes");
    }
    assert_name(gpu, &mut control);
}

fn refused(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a call");
    let mut control = RmControl::open(gpu);
    let answer = control.call(rm_control::SUBDEVICE, 0x2080_ffff, &[1, 2, 3]);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status, NOT_SUPPORTED);
    for object in 0..2 {
        let params = [0; rm_control::NAME_STRING_LEN];
        let answer = control.call(object, rm_control::GPU_GET_NAME_STRING, &params);
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(answer.status, rm_control::OK, "a control of another class");
    }
    assert_name(gpu, &mut control);
}

/// Asks for the properties, beginning with the `n`th, and checks that the answer has the same ones.
fn properties(control: &mut RmControl, sizes: &Sizes, n: usize) -> Result<(), Errno> {
    const UNSET: u32 = 0xeeee_eeee;
    let count = PROPERTIES.len();
    let asked: Vec<u32> = (0..count).map(|at| PROPERTIES[(at + n) % count]).collect();
    let mut words = vec![count as u32];
    words.extend(asked.iter().flat_map(|&index| [index, UNSET]));
    let mut params: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    params.resize(sizes.gpu_infos, 0);
    let cmd = rm_control::GPU_GET_INFO_V2;
    let answer = control.call(rm_control::SUBDEVICE, cmd, &params)?;
    assert_eq!(answer.status, rm_control::OK);
    let infos = answer.params[4..].chunks_exact(8).take(count);
    let infos: Vec<[u32; 2]> = infos
        .map(|info| [0, 4].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|n| info[at + n]))))
        .collect();
    let answered: Vec<u32> = infos.iter().map(|info| info[0]).collect();
    assert_eq!(answered, asked, "another's answer");
    assert!(infos.iter().all(|info| info[1] != UNSET), "{infos:x?}");
    Ok(())
}

fn concurrent(gpu: &Gpu, sizes: &Sizes) {
    let children = Children::fork(CALLERS, |caller| {
        let mut control = RmControl::open(gpu);
        for call in 0..CALLS {
            let answered = properties(&mut control, sizes, caller + call);
            assert_eq!(answered, Ok(()));
        }
    });
    children.wait(HANG);
}

/// The driver may find some answers before their interrupt.
fn interrupts(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "calls");
    let mut control = RmControl::open(gpu);
    let before = gpu.interrupts();
    let come = (0..CALLS).any(|_| {
        assert_name(gpu, &mut control);
        gpu.interrupts() > before
    });
    assert!(come, "no interrupt during {CALLS} calls");
}

/// Registers zero types of virtual GPUs, with a pattern in the unused room.
fn long(gpu: &Gpu, sizes: &Sizes, seed: usize) {
    let mut params: Vec<u8> = (0..sizes.vgpu_types)
        .map(|at| (at ^ at >> 8 ^ seed) as u8)
        .collect();
    params[..8].fill(0);
    let mut control = RmControl::open(gpu);
    let cmd = rm_control::PGPU_ADD_VGPU_TYPE;
    let answer = control.call(rm_control::SUBDEVICE, cmd, &params);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.params.len(), params.len());
    if answer.status == rm_control::OK {
        assert!(answer.params == params, "the parameters changed");
    } else {
        log::info!(
            "This GPU does not support virtual GPUs: {:#x}.",
            answer.status
        );
    }
}

fn long_concurrent(gpu: &Gpu, sizes: &Sizes) {
    let children = Children::fork(CALLERS, |caller| {
        let mut control = RmControl::open(gpu);
        for call in 0..LONG_CALLS {
            if caller % 2 == 0 {
                long(gpu, sizes, caller + call);
            }
            let answered = properties(&mut control, sizes, caller + call);
            assert_eq!(answered, Ok(()));
        }
    });
    children.wait(HANG);
}

/// Waits until each caller has counted at least one of `what`.
fn wait_for_all(counted: &Words, what: &str) {
    wait_for(HANG, what, || {
        counted.iter().all(|count| count.load(Relaxed) > 0)
    });
}

fn killed(gpu: &Gpu, sizes: &Sizes) {
    let _bound = Timeout::new(HANG, "calls");
    for _ in 0..5 {
        let begun = Words::new(CALLERS);
        let children = Children::fork(CALLERS, |caller| loop {
            begun[caller].fetch_add(1, Relaxed);
            long(gpu, sizes, caller);
        });
        wait_for_all(&begun, "calls");
        drop(children);
        assert_name(gpu, &mut RmControl::open(gpu));
    }
}

fn unbind_while_open(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let mut control = RmControl::open(gpu);
    assert_name(gpu, &mut control);
    gpu.unbind();
    gpu.assert_released();
    let params = [0; rm_control::NAME_STRING_LEN];
    let mut call = || control.call(2, rm_control::GPU_GET_NAME_STRING, &params);
    assert_eq!(call(), Err(Errno::EIO));
    gpu.bind();
    gpu.assert_running();
    assert_eq!(call(), Err(Errno::EIO));
    assert_name(gpu, &mut RmControl::open(gpu));
}

fn unbind_while_calling(gpu: &Gpu, sizes: &Sizes) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let answered = Words::new(CALLERS);
    let children = Children::fork(CALLERS, |caller| {
        let mut control = RmControl::open(gpu);
        // debugfs closes the file when the GPU is unbound.
        while properties(&mut control, sizes, caller) != Err(Errno::EIO) {
            answered[caller].fetch_add(1, Relaxed);
        }
    });
    wait_for_all(&answered, "answers");
    gpu.unbind();
    gpu.assert_released();
    children.wait(HANG);
    gpu.bind();
    gpu.assert_running();
    assert_name(gpu, &mut RmControl::open(gpu));
}

fn events(gpu: &Gpu, mock: &Mock, sizes: &Sizes) {
    let _bound = Timeout::new(HANG, "events");
    kmsg::expect(&["Xid", "MMU fault"]);
    let mut log = Follow::from_now().unwrap_or_else(|error| panic!("the kernel log: {error}"));
    let children = Children::fork(CALLERS, |caller| {
        let mut control = RmControl::open(gpu);
        for call in 0..CALLS {
            assert_eq!(properties(&mut control, sizes, caller + call), Ok(()));
        }
    });
    for event in [
        "os-error xid=79 text=GPU has fallen off the bus.",
        "rc-triggered xid=31 engine=1 channel=8 address=0x7f00001000",
        "mmu-fault",
        "other function=0x1fff",
    ] {
        mock.tell(&format!("event {event}"));
    }
    children.wait(HANG);
    let mut awaited = vec![
        "Xid 79: GPU has fallen off the bus.",
        "Xid 31: channel 0x8 of engine 0x1",
        "an MMU fault has been queued",
    ];
    wait_for(HANG, "the events in the kernel log", || {
        for record in log.records().unwrap_or_default() {
            awaited.retain(|text| !record.text.contains(text));
        }
        awaited.is_empty()
    });
    assert_name(gpu, &mut RmControl::open(gpu));
}

/// Breaks the GSP while all callers use it; each must fail with one of `errors`.
fn lost(gpu: &Gpu, sizes: &Sizes, fault: &str, errors: &[Errno]) {
    let mock = Mock::require(gpu);
    kmsg::expect(&[nova::IS_LOST]);
    let broken = mock.broken(fault);
    let children = Children::fork(CALLERS, |caller| {
        let mut control = RmControl::open(gpu);
        let error = loop {
            if let Err(error) = properties(&mut control, sizes, caller) {
                break error;
            }
        };
        assert!(errors.contains(&error), "{error}");
    });
    children.wait(HANG);
    drop(broken);
    gpu.unbind();
    gpu.assert_released();
    gpu.bind();
    gpu.assert_running();
    assert_name(gpu, &mut RmControl::open(gpu));
}
