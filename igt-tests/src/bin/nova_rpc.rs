// SPDX-License-Identifier: MIT

//! Many talk to the GSP at once, and each is understood.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

use igt::kmsg::{self, Follow};
use igt::memory::Words;
use igt::mock::Mock;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, Conversation, Sizes};
use igt::{wait_for, Children, Timeout, HANG};
use nix::errno::Errno;

/// Processes that talk at the same time.
const CALLERS: usize = 8;

/// Calls of each of them.
const CALLS: usize = 50;

/// Long calls of each of them.
const LONG_CALLS: usize = 3;

/// NV_STATUS of a control that there is not.
const NOT_SUPPORTED: u32 = 0x56;

/// Properties of a GPU (`NV2080_CTRL_GPU_INFO_INDEX_*`) that GSP-RM knows of every one.
const PROPERTIES: [u32; 7] = [0x25, 0x27, 0x29, 0x33, 0x34, 0x35, 0x36];

fn main() -> ExitCode {
    igt::run("Calls of GSP-RM through debugfs.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());
        let sizes = tests.fixture(|| Sizes::of(&gpu));

        tests.subtest(
            "name",
            "GSP-RM tells the GPU's name, and it is the one of the boot report.",
            || name(&gpu),
        );
        tests.subtest(
            "bad-requests",
            "What is no request is refused, and the next request is answered.",
            || bad_requests(&gpu),
        );
        tests.subtest(
            "refused",
            "What GSP-RM refuses comes back with its status.",
            || refused(&gpu),
        );
        tests.subtest(
            "concurrent",
            "Eight processes call GSP-RM at the same time, and none gets what another asked for.",
            || concurrent(&gpu, &sizes),
        );
        tests.subtest(
            "interrupts",
            "What GSP-RM answers is announced by interrupts.",
            || interrupts(&gpu),
        );
        tests.subtest(
            "long",
            "Parameters that no message holds come back whole.",
            || long(&gpu, &sizes, 0),
        );
        tests.subtest(
            "long-concurrent",
            "Long calls of several processes and short ones between them are not mixed up.",
            || long_concurrent(&gpu, &sizes),
        );
        tests.subtest(
            "killed",
            "Callers that are killed leave the conversation of others alone.",
            || killed(&gpu, &sizes),
        );
        tests.subtest(
            "unbind-while-open",
            "A file that is open while the GPU is unbound answers EIO, also after the next bind.",
            || unbind_while_open(&gpu),
        );
        tests.subtest(
            "unbind-while-calling",
            "The GPU can be unbound while eight processes talk to it.",
            || unbind_while_calling(&gpu, &sizes),
        );
        tests.subtest(
            "events",
            "What the GSP reports between answers is in the kernel log, and the answers come.",
            || events(&gpu, &Mock::require(&gpu), &sizes),
        );
        tests.subtest(
            "crashed",
            "All callers fail as soon as the GSP has crashed, and the next bind boots it.",
            || {
                // None of them has waited in vain for its answer.
                let errors = [Errno::EIO];
                lost(&gpu, &sizes, "stage=gsp,kind=crash,after=20", &errors);
            },
        );
        tests.subtest(
            "silent",
            "All callers fail when the GSP does not answer any more, and the next bind boots it.",
            || {
                let errors = [Errno::ETIMEDOUT, Errno::EIO];
                lost(&gpu, &sizes, "stage=reply,kind=timeout", &errors);
            },
        );
    })
}

fn name(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a call");
    assert_name(gpu, &mut Conversation::open(gpu));
}

fn assert_name(gpu: &Gpu, conversation: &mut Conversation) {
    let params = [0; rm_control::NAME_STRING_LEN];
    let cmd = rm_control::GPU_GET_NAME_STRING;
    let answer = conversation.call(rm_control::SUBDEVICE, cmd, &params);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status, rm_control::OK);
    let name = answer.params[4..].split(|&byte| byte == 0).next();
    let name = String::from_utf8_lossy(name.unwrap_or_default());
    let report = gpu.boot_report();
    assert_eq!(igt::nova::field(&report, "GPU"), Some(&*name));
}

fn bad_requests(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a call");
    let mut conversation = Conversation::open(gpu);
    assert_eq!(conversation.answer(), Ok(Vec::new()), "nothing was asked");
    for len in 0..8 {
        let refused = conversation.ask(&vec![0; len]);
        assert_eq!(refused, Err(Errno::EINVAL), "{len} bytes");
    }
    for object in [3, u32::MAX] {
        let refused = conversation.call(object, rm_control::GPU_GET_NAME_STRING, &[]);
        assert_eq!(refused, Err(Errno::EINVAL), "object {object}");
    }
    for len in [(1 << 20) + 1, 8 << 20] {
        let refused = conversation.ask(&vec![0; len]);
        assert_eq!(refused, Err(Errno::EINVAL), "{len} bytes");
    }
    assert_name(gpu, &mut conversation);
}

fn refused(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "a call");
    let mut conversation = Conversation::open(gpu);
    let answer = conversation.call(rm_control::SUBDEVICE, 0x2080_ffff, &[1, 2, 3]);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status, NOT_SUPPORTED);
    for object in 0..2 {
        let params = [0; rm_control::NAME_STRING_LEN];
        let answer = conversation.call(object, rm_control::GPU_GET_NAME_STRING, &params);
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(answer.status, rm_control::OK, "a control of another class");
    }
    assert_name(gpu, &mut conversation);
}

/// Asks for the properties, beginning with the `n`th, and checks that it is those that come.
fn properties(conversation: &mut Conversation, sizes: &Sizes, n: usize) -> Result<(), Errno> {
    const UNSET: u32 = 0xeeee_eeee;
    let count = PROPERTIES.len();
    let asked: Vec<u32> = (0..count).map(|at| PROPERTIES[(at + n) % count]).collect();
    let mut words = vec![count as u32];
    words.extend(asked.iter().flat_map(|&index| [index, UNSET]));
    let mut params: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    params.resize(sizes.gpu_infos, 0);
    let cmd = rm_control::GPU_GET_INFO_V2;
    let answer = conversation.call(rm_control::SUBDEVICE, cmd, &params)?;
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
        let mut conversation = Conversation::open(gpu);
        for call in 0..CALLS {
            let answered = properties(&mut conversation, sizes, caller + call);
            assert_eq!(answered, Ok(()));
        }
    });
    children.wait(HANG);
}

/// Some answers may be found before their interrupt has come.
fn interrupts(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "calls");
    let mut conversation = Conversation::open(gpu);
    let before = gpu.interrupts();
    let come = (0..CALLS).any(|_| {
        assert_name(gpu, &mut conversation);
        gpu.interrupts() > before
    });
    assert!(come, "no interrupt during {CALLS} calls");
}

/// Has GSP-RM learn of no kinds of virtual GPUs, with a pattern where it does not look.
fn long(gpu: &Gpu, sizes: &Sizes, seed: usize) {
    let mut params: Vec<u8> = (0..sizes.vgpu_types)
        .map(|at| (at ^ at >> 8 ^ seed) as u8)
        .collect();
    params[..8].fill(0);
    let mut conversation = Conversation::open(gpu);
    let cmd = rm_control::PGPU_ADD_VGPU_TYPE;
    let answer = conversation.call(rm_control::SUBDEVICE, cmd, &params);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.params.len(), params.len());
    if answer.status == rm_control::OK {
        assert!(answer.params == params, "they changed on their way");
    } else {
        log::info!("This GPU has no virtual ones: {:#x}.", answer.status);
    }
}

fn long_concurrent(gpu: &Gpu, sizes: &Sizes) {
    let children = Children::fork(CALLERS, |caller| {
        let mut conversation = Conversation::open(gpu);
        for call in 0..LONG_CALLS {
            if caller % 2 == 0 {
                long(gpu, sizes, caller + call);
            }
            let answered = properties(&mut conversation, sizes, caller + call);
            assert_eq!(answered, Ok(()));
        }
    });
    children.wait(HANG);
}

/// Waits until each caller has counted one of `what`.
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
        assert_name(gpu, &mut Conversation::open(gpu));
    }
}

fn unbind_while_open(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let mut conversation = Conversation::open(gpu);
    assert_name(gpu, &mut conversation);
    gpu.unbind();
    gpu.assert_released();
    let params = [0; rm_control::NAME_STRING_LEN];
    let mut call = || conversation.call(2, rm_control::GPU_GET_NAME_STRING, &params);
    assert_eq!(call(), Err(Errno::EIO));
    gpu.bind();
    gpu.assert_running();
    assert_eq!(call(), Err(Errno::EIO));
    assert_name(gpu, &mut Conversation::open(gpu));
}

fn unbind_while_calling(gpu: &Gpu, sizes: &Sizes) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let answered = Words::new(CALLERS);
    let children = Children::fork(CALLERS, |caller| {
        let mut conversation = Conversation::open(gpu);
        // Debugfs has closed the file when the GPU is gone.
        while properties(&mut conversation, sizes, caller) != Err(Errno::EIO) {
            answered[caller].fetch_add(1, Relaxed);
        }
    });
    wait_for_all(&answered, "answers");
    gpu.unbind();
    gpu.assert_released();
    children.wait(HANG);
    gpu.bind();
    gpu.assert_running();
    assert_name(gpu, &mut Conversation::open(gpu));
}

fn events(gpu: &Gpu, mock: &Mock, sizes: &Sizes) {
    let _bound = Timeout::new(HANG, "events");
    kmsg::expect(&["Xid", "MMU fault"]);
    let mut log = Follow::from_now().unwrap_or_else(|error| panic!("the kernel log: {error}"));
    let children = Children::fork(CALLERS, |caller| {
        let mut conversation = Conversation::open(gpu);
        for call in 0..CALLS {
            assert_eq!(properties(&mut conversation, sizes, caller + call), Ok(()));
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
    assert_name(gpu, &mut Conversation::open(gpu));
}

/// Breaks the GSP while everybody talks to it; they all have to fail, with one of `errors`.
fn lost(gpu: &Gpu, sizes: &Sizes, fault: &str, errors: &[Errno]) {
    let mock = Mock::require(gpu);
    kmsg::expect(&[nova::IS_LOST]);
    let broken = mock.broken(fault);
    let children = Children::fork(CALLERS, |caller| {
        let mut conversation = Conversation::open(gpu);
        let error = loop {
            if let Err(error) = properties(&mut conversation, sizes, caller) {
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
    assert_name(gpu, &mut Conversation::open(gpu));
}
