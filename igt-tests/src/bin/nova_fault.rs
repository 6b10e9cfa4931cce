// SPDX-License-Identifier: MIT

//! Faults of the GPU: the driver names the fault in one line, the kernel is not affected, and after
//! a repair the GPU binds and works again.

use std::fs::File;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use igt::kmsg::{self, Follow, Record};
use igt::memory::Words;
use igt::mock::Mock;
use igt::nova::calls::{call, Argument};
use igt::nova::{self, Gpu, IS_LOST, RUNS_AGAIN, STAYS_DOWN};
use igt::rm_control::{self, Answer, RmControl};
use igt::uevent::{Uevent, Uevents};
use igt::{wait_for, Children, Timeout, HANG};
use nix::errno::Errno;
use nix::libc;
use nova_uapi::{
    Exec, GemInfo, GemSetLabel, GetTime, QueueCreate, QueueDestroy, QueueGetState, VmBind,
    VmCreate, VmDestroy,
};

/// The PCI core's message about a failed probe.
const PROBE_FAILED: &str = ": probe with driver ";

/// The driver's message if the GSP is lost during the call that unloads it.
const NOT_UNLOADED: &str = ": shutdown: ";

/// The driver's additional message if the fault still exists when it puts the GPU back.
const NOT_PUT_BACK: &str = ": the GPU could not be put back: ";

/// The driver's message if the registers do not answer and configuration space does.
const NO_MEMORY: &str = ": configuration space answers, but no register does";

/// The driver's message if the registers do not answer.
const CARD_GONE: &str = "the card is gone";

/// The driver's message if it boots once more after a reset.
const TRIES_AGAIN: &str = "; trying again";

/// The GPUs that a fault applies to.
#[derive(Clone, Copy)]
enum On {
    /// Every GPU.
    Every,
    /// GPUs that boot through FWSEC and booter.
    Falcons,
    /// GPUs on which FWSEC sets WPR2 up: those that boot through booter except GA100.
    Frts,
    /// GPUs on which the generic bootloader loads FWSEC: Turing.
    Turing,
    /// GPUs with booter and a boot ROM in their falcons: GA102 to Ada.
    BootRom,
    /// GPUs that boot through the FSP: Hopper and later.
    Fsp,
}

impl On {
    /// Whether this includes the chipset.
    fn includes(self, chipset: u32) -> bool {
        let fsp = chipset & 0xff0 == 0x180 || chipset >= 0x1a0;
        let boot_rom = chipset >= 0x172 && !fsp;
        match self {
            Self::Every => true,
            Self::Falcons => !fsp,
            Self::Frts => !fsp && chipset != 0x170,
            Self::Turing => chipset < 0x170,
            Self::BootRom => boot_rom,
            Self::Fsp => fsp,
        }
    }
}

/// A fault, and its effect on user space.
struct Case {
    name: &'static str,
    on: On,
    fault: &'static str,
    errno: i32,
    /// Part of the driver's message.
    says: &'static str,
}

const fn case(
    on: On,
    name: &'static str,
    fault: &'static str,
    errno: i32,
    says: &'static str,
) -> Case {
    Case {
        name,
        on,
        fault,
        errno,
        says,
    }
}

/// Faults that prevent the start of GSP-RM.
#[rustfmt::skip]
const LOAD: &[Case] = &[
    case(On::Every, "gone", "stage=card,kind=gone,after=100", libc::ENODEV, "the card is gone"),
    case(On::Every, "virtual", "stage=card,kind=virtual", libc::ENODEV, "a virtual function"),
    case(On::Falcons, "gfw-stuck", "stage=gfw,kind=progress", libc::ETIMEDOUT, "GFW to complete"),
    case(On::Fsp, "gfw-stuck", "stage=gfw,kind=progress", libc::ETIMEDOUT, "the FSP to complete its secure boot"),
    case(On::Falcons, "prom", "stage=prom,kind=garbage", libc::EINVAL, "PROM: VBIOS: rom_signature"),
    case(On::Falcons, "gsp-reset", "stage=gsp-reset,kind=timeout", libc::ETIMEDOUT, "GSP memory scrubbing"),
    case(On::Falcons, "sec2-reset", "stage=sec2-reset,kind=timeout", libc::ETIMEDOUT, "SEC2 memory scrubbing"),
    case(On::BootRom, "gsp-dma", "stage=gsp-dma,kind=timeout", libc::ETIMEDOUT, "falcon DMA"),
    case(On::Turing, "gsp-dma", "stage=gsp-dma,kind=timeout", libc::ETIMEDOUT, "GSP falcon to halt"),
    case(On::BootRom, "sec2-dma", "stage=sec2-dma,kind=timeout", libc::ETIMEDOUT, "falcon DMA"),
    case(On::BootRom, "fuse", "stage=fuse,kind=version", libc::EINVAL, "a fuse version"),
    case(On::Frts, "fwsec-timeout", "stage=fwsec-frts,kind=timeout", libc::ETIMEDOUT, "GSP falcon to halt"),
    case(On::Frts, "fwsec-error", "stage=fwsec-frts,kind=error", libc::EIO, "scratch register 0xe"),
    case(On::Frts, "fwsec-misplaced", "stage=fwsec-frts,kind=misplaced", libc::EIO, "WPR2 after FWSEC-FRTS"),
    case(On::Frts, "fwsec-silent", "stage=fwsec-frts,kind=silent", libc::EIO, "found none"),
    case(On::Falcons, "booter-timeout", "stage=booter,kind=timeout", libc::ETIMEDOUT, "SEC2 falcon to halt"),
    case(On::Falcons, "booter-error", "stage=booter,kind=error", libc::EIO, "found 0x2a"),
    case(On::Falcons, "riscv", "stage=riscv,kind=timeout", libc::ETIMEDOUT, "RISC-V core of the GSP"),
    case(On::Fsp, "fsp-error", "stage=fsp,kind=error", libc::EIO, "found error 0x9e"),
    case(On::Fsp, "fsp-timeout", "stage=fsp,kind=timeout", libc::ETIMEDOUT, "an answer of the FSP"),
    case(On::Fsp, "fsp-type", "stage=fsp,kind=type", libc::EPROTO, "expected NVDM header"),
    case(On::Fsp, "fsp-command", "stage=fsp,kind=command", libc::EPROTO, "expected one to message"),
    case(On::Fsp, "fsp-length", "stage=fsp,kind=length", libc::EPROTO, "FSP: answer: expected at least"),
    case(On::Fsp, "lockdown", "stage=lockdown,kind=timeout", libc::ETIMEDOUT, "the FMC to release"),
    case(On::Fsp, "fmc-error", "stage=fmc,kind=error", libc::EIO, "FMC: GSP mailbox 0"),
];

/// Faults during the start of GSP-RM.
#[rustfmt::skip]
const START: &[Case] = &[
    case(On::Falcons, "sequencer-never", "stage=sequencer,kind=never", libc::ETIMEDOUT, "GSP_INIT_DONE"),
    case(On::Falcons, "sequencer-opcode", "stage=sequencer,kind=opcode", libc::EPROTO, "CPU sequencer: word"),
    case(On::Falcons, "sequencer-poll", "stage=sequencer,kind=poll", libc::EPROTO, "CPU sequencer: word"),
    case(On::Falcons, "resume-timeout", "stage=resume,kind=timeout", libc::ETIMEDOUT, "SEC2 to resume the GSP"),
    case(On::Falcons, "resume-error", "stage=resume,kind=error", libc::EIO, "SEC2-RTOS"),
    case(On::Every, "init-done-timeout", "stage=init-done,kind=timeout", libc::ETIMEDOUT, "GSP_INIT_DONE"),
    case(On::Every, "init-done-error", "stage=init-done,kind=error", libc::EIO, "found 0x55"),
    case(On::Every, "init-done-0x65", "stage=init-done,kind=error,code=0x65", libc::EIO, "found 0x65"),
    case(On::Every, "init-done-crash", "stage=init-done,kind=crash", libc::EIO, "RISC-V core of the GSP"),
];

/// Faults in messages of GSP-RM.
#[rustfmt::skip]
const TALK: &[Case] = &[
    case(On::Every, "message-checksum", "stage=message,kind=checksum", libc::EPROTO, "checksum of function"),
    case(On::Every, "message-length", "stage=message,kind=length", libc::EPROTO, "RPC length"),
    case(On::Every, "message-elements", "stage=message,kind=elements", libc::EPROTO, "message queue"),
    case(On::Every, "message-sequence", "stage=message,kind=sequence", libc::EPROTO, "sequence number"),
    case(On::Every, "message-signature", "stage=message,kind=signature", libc::EPROTO, "RPC signature"),
    case(On::Every, "message-pointer", "stage=message,kind=write-pointer", libc::EPROTO, "write pointer"),
    case(On::Every, "read-pointer", "stage=message,kind=read-pointer", libc::EPROTO, "read pointer"),
    case(On::Every, "reply-timeout", "stage=reply,kind=timeout", libc::ETIMEDOUT, "GET_GSP_STATIC_INFO"),
    case(On::Every, "reply-error", "stage=reply,kind=error", libc::EIO, "found 0x56"),
    case(On::Every, "gsp-crash", "stage=gsp,kind=crash", libc::EIO, "RISC-V core of the GSP"),
];

/// Faults that the driver tolerates.
const HARMLESS: [(On, &str, &str); 3] = [
    (On::Falcons, "wpr2-up", "stage=wpr2,kind=up"),
    (On::Every, "interrupt-lost", "stage=interrupt,kind=lost"),
    (On::Every, "interrupt-late", "stage=interrupt,kind=late"),
];

/// Faults that a reset of the GPU ends.
const ENDED_BY_RESET: [(On, &str, &str); 3] = [
    (On::Falcons, "prom", "stage=prom,kind=flaky"),
    (On::Fsp, "fsp", "stage=fsp,kind=flaky"),
    (On::Fsp, "fmc", "stage=fmc,kind=flaky"),
];

/// Faults that have an effect when the GPU is unbound.
#[rustfmt::skip]
const UNBIND: &[Case] = &[
    case(On::Every, "gone", "stage=card,kind=gone", 0, "the card is gone"),
    case(On::Every, "gsp-crash", "stage=gsp,kind=crash", 0, "RISC-V core of the GSP"),
    case(On::Falcons, "suspend", "stage=suspend,kind=timeout", 0, "processor to be suspended"),
    case(On::BootRom, "gsp-core", "stage=gsp-core,kind=timeout", 0, "GSP falcon core"),
    case(On::Falcons, "fwsec-sb", "stage=fwsec-sb,kind=error", 0, "scratch register 0x15"),
    case(On::Falcons, "booter-error", "stage=booter-unload,kind=error", 0, "booter_unload: SEC2 mailbox 0"),
    case(On::Falcons, "booter-silent", "stage=booter-unload,kind=silent", 0, "WPR2 after booter unload"),
];

/// A subtest: its name, its description, and the faults.
type Subtest = (&'static str, &'static str, &'static [Case]);

const BOOTS: [Subtest; 3] = [
    (
        "load",
        "A GPU on which GSP-RM cannot be started is not bound; one line gives the reason, and everything is released.",
        LOAD,
    ),
    ("start", "A GPU whose GSP-RM does not initialize is not bound.", START),
    ("talk", "A GPU whose GSP-RM sends wrong messages is not bound.", TALK),
];

/// A fault that loses a running GSP.
struct Loss {
    name: &'static str,
    fault: &'static str,
    /// Number of calls that are answered before the fault has an effect.
    answered: usize,
    /// Error of the first call that fails.
    errno: Errno,
}

const LOST: [Loss; 4] = [
    // Longer than a call takes, also on a slow machine.
    Loss {
        name: "link",
        fault: "stage=card,kind=link,ms=3000",
        answered: 0,
        errno: Errno::ENODEV,
    },
    Loss {
        name: "crash",
        fault: "stage=gsp,kind=crash",
        answered: 0,
        errno: Errno::EIO,
    },
    // The driver notices this fault when it makes the next call, not when a message arrives.
    Loss {
        name: "read-pointer",
        fault: "stage=message,kind=read-pointer",
        answered: 1,
        errno: Errno::EPROTO,
    },
    Loss {
        name: "hang",
        fault: "stage=reply,kind=timeout",
        answered: 0,
        errno: Errno::ETIMEDOUT,
    },
];

/// A crash at the first call after a boot, which makes two calls.
const CRASHES_AFTER_BOOT: &str = "stage=gsp,kind=crash,after=2";

/// The answer to one call comes after the driver's limit of 5 s.
const ONE_LATE: &str = "stage=reply,kind=late,ms=8000";

/// Time after which the late answer has arrived.
const LATE_IS_OVER: Duration = Duration::from_secs(9);

/// Number of resets of a GPU whose GSP is lost repeatedly.
const RESETS_OF_LOST: usize = 5;

/// Number of processes whose calls lose the GSP.
const CALLERS: usize = 2;

/// Times from the loss of the GSP to the reset of the function: before and during recovery.
const RESET_AFTER: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(20),
    Duration::from_millis(400),
];

fn main() -> ExitCode {
    igt::run("Breaks the GPU and repairs it.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let mock = tests.fixture(|| Mock::require(&gpu));
        let _running = tests.fixture(|| gpu.keep_running());
        let chipset = tests.fixture(|| nova::query_device(&gpu.open_render()).unwrap().chipset);

        for (name, proves, cases) in BOOTS {
            tests.subtest_with_dynamic(name, proves, |parts| {
                gpu.unbind();
                for case in cases.iter().filter(|case| case.on.includes(*chipset)) {
                    parts.dynamic(case.name, || refuses_to_boot(&gpu, &mock, case));
                }
                gpu.bind();
            });
        }
        tests.subtest(
            "gfw",
            "A GPU whose GFW has never completed boots after a reset.",
            || {
                igt::require!(
                    On::Falcons.includes(*chipset),
                    "The driver does not wait for the GFW of this GPU."
                );
                gpu.require_reset();
                gfw(&gpu, &mock);
            },
        );
        tests.subtest_with_dynamic(
            "harmless",
            "A GPU boots and works in spite of a fault that the driver tolerates.",
            |parts| {
                gpu.unbind();
                for (on, name, fault) in HARMLESS {
                    if on.includes(*chipset) {
                        parts.dynamic(name, || boots_in_spite_of(&gpu, &mock, fault));
                    }
                }
                gpu.bind();
            },
        );
        tests.subtest_with_dynamic(
            "ended-by-reset",
            "A GPU that fails to boot for a cause that a reset removes is reset and booted again.",
            |parts| {
                gpu.require_reset();
                gpu.unbind();
                for (on, name, fault) in ENDED_BY_RESET {
                    if on.includes(*chipset) {
                        parts.dynamic(name, || boots_after_reset(&gpu, &mock, fault));
                    }
                }
                gpu.bind();
            },
        );
        tests.subtest_with_dynamic(
            "reset",
            "A GPU may come back late from a reset; if it does not, one line says what does not answer.",
            |parts| {
                gpu.require_reset();
                parts.dynamic("slow", || slow_reset(&gpu, &mock));
                parts.dynamic("no-memory", || {
                    bad_reset(&gpu, &mock, "stage=reset,kind=no-memory", NO_MEMORY);
                });
                parts.dynamic("gfw", || {
                    let says = match On::Fsp.includes(*chipset) {
                        true => "the FSP to complete its secure boot",
                        false => "GFW to open its progress register",
                    };
                    bad_reset(&gpu, &mock, "stage=gfw,kind=reset", says);
                });
            },
        );
        tests.subtest_with_dynamic(
            "unbind",
            "A GPU that breaks while it is bound can be unbound; one line names the fault.",
            |parts| {
                for case in UNBIND.iter().filter(|case| case.on.includes(*chipset)) {
                    parts.dynamic(case.name, || unbinds(&gpu, &mock, case));
                }
            },
        );
        tests.subtest_with_dynamic(
            "recover",
            "The driver boots a lost GSP again; waiting callers get an error.",
            |parts| {
                for loss in LOST {
                    parts.dynamic(loss.name, || recovers(&gpu, &mock, &loss));
                }
            },
        );
        tests.subtest(
            "idle",
            "The driver notices by itself that a GSP has stopped, and boots it again.",
            || idle(&gpu, &mock),
        );
        tests.subtest(
            "bad-list",
            "An invalid CPU sequencer list from GSP-RM means that the GSP is lost.",
            || bad_list(&gpu, &mock),
        );
        tests.subtest(
            "late",
            "A call that is answered late fails, but other calls do not, and the GSP is not lost.",
            || late(&gpu, &mock),
        );
        tests.subtest(
            "dead-after-three",
            "After three failed boots the GSP stays down until the GPU is bound again.",
            || dead_after_three(&gpu, &mock),
        );
        tests.subtest(
            "reset-lost",
            "A GPU that is reset during recovery of its GSP works afterwards.",
            || {
                gpu.require_reset();
                for after in RESET_AFTER {
                    reset_lost(&gpu, &mock, after);
                }
            },
        );
        tests.subtest(
            "lost-while-unbinding",
            "The GSP can be lost during an unbind, while other processes wait to unbind and to reset the GPU.",
            || lost_while_unbinding(&gpu, &mock),
        );
        tests.subtest(
            "lost-while-resetting",
            "A GPU whose GSP is lost repeatedly can be reset.",
            || {
                gpu.require_reset();
                lost_while_resetting(&gpu, &mock);
            },
        );
    })
}

/// Asserts that the driver has printed one message, and that it contains `says`.
fn assert_one_line(log: &mut Follow, says: &str) {
    let records = log.records().unwrap();
    let is_the_reason = |record: &&Record| {
        let besides = [PROBE_FAILED, NOT_PUT_BACK];
        record.is_warning() && !besides.iter().any(|said| record.text.contains(said))
    };
    let lines: Vec<&str> = records
        .iter()
        .filter(is_the_reason)
        .map(|record| record.text.as_str())
        .inspect(|line| log::info!("{line}"))
        .collect();
    assert!(
        matches!(lines[..], [line] if line.contains(says)),
        "{says}: {lines:#?}"
    );
}

/// Makes the runner ignore messages with `says` and those of a failed probe; follows the kernel
/// log.
fn follow(says: &str) -> Follow {
    kmsg::expect(&[&kmsg::literal(says), PROBE_FAILED, NOT_PUT_BACK]);
    Follow::from_now().unwrap()
}

/// Binds the GPU anew, which resets the number of recoveries, and gets rid of the coredump of an earlier loss.
fn bind_anew(gpu: &Gpu) {
    gpu.unbind();
    gpu.dismiss_coredump();
    gpu.bind();
}

fn assert_binds(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "binding a whole GPU");
    gpu.bind();
    gpu.assert_running();
}

fn refuses_to_boot(gpu: &Gpu, mock: &Mock, case: &Case) {
    let mut log = follow(case.says);
    let bound = {
        let _bound = Timeout::new(HANG, "binding a broken GPU");
        let _broken = mock.broken(case.fault);
        gpu.pci().bind(&nova::driver())
    };
    let error = bound.expect_err("the GPU was bound");
    assert_eq!(error.raw_os_error(), Some(case.errno), "{error}");
    assert_one_line(&mut log, case.says);
    gpu.assert_released();
    assert_binds(gpu);
    gpu.unbind();
}

fn gfw(gpu: &Gpu, mock: &Mock) {
    const SAYS: &str = "GFW to open its progress register";
    gpu.unbind();
    let mut log = follow(SAYS);
    let bound = {
        let _bound = Timeout::new(HANG, "binding a broken GPU");
        let _broken = mock.broken("stage=gfw,kind=timeout");
        gpu.pci().reset().unwrap();
        gpu.pci().bind(&nova::driver())
    };
    let error = bound.expect_err("the GPU was bound");
    assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT), "{error}");
    assert_one_line(&mut log, SAYS);
    gpu.assert_released();
    gpu.pci().reset().unwrap();
    assert_binds(gpu);
}

fn boots_in_spite_of(gpu: &Gpu, mock: &Mock, fault: &str) {
    kmsg::expect(&[]);
    {
        let _broken = mock.broken(fault);
        assert_binds(gpu);
    }
    gpu.unbind();
    gpu.assert_released();
    assert_binds(gpu);
    gpu.unbind();
}

/// The fault lasts until a reset, so a boot that succeeds comes after one.
fn boots_after_reset(gpu: &Gpu, mock: &Mock, fault: &str) {
    let mut log = Follow::from_now().unwrap();
    boots_in_spite_of(gpu, mock, fault);
    let records = log.records().unwrap();
    let tries = records
        .iter()
        .filter(|record| record.text.contains(TRIES_AGAIN));
    assert_eq!(tries.count(), 1, "{records:#?}");
}

fn slow_reset(gpu: &Gpu, mock: &Mock) {
    kmsg::expect(&[]);
    let _bound = Timeout::new(HANG, "a reset");
    let _broken = mock.broken("stage=reset,kind=slow");
    gpu.pci().reset().unwrap();
    assert_answers(gpu);
}

/// A GPU with this fault stays down after a reset, and works after the next one.
fn bad_reset(gpu: &Gpu, mock: &Mock, fault: &str, says: &str) {
    kmsg::expect(&[&kmsg::literal(says), CARD_GONE, NOT_PUT_BACK]);
    let mut log = Follow::from_now().unwrap();
    let mut records = Vec::new();
    let _bound = Timeout::new(HANG, "resets");
    {
        let _broken = mock.broken(fault);
        gpu.pci().reset().unwrap();
        wait_for(HANG, "the boot to fail", || {
            records.extend(log.records().unwrap());
            records.iter().any(|record| record.text.contains(says))
        });
        let node = gpu.open_render();
        wait_for(HANG, "the DRM device to be wedged", || {
            nova::needs_gpu(&node) == Err(Errno::EIO)
        });
    }
    gpu.pci().reset().unwrap();
    let node = gpu.open_render();
    wait_for(HANG, "the DRM device to work again", || {
        nova::needs_gpu(&node).is_ok()
    });
    assert_answers(gpu);
    records.extend(log.records().unwrap());
    assert_only(&[says, CARD_GONE], &records);
}

/// No call is made, and no interrupt comes: after the bind, and after the recovery.
fn idle(gpu: &Gpu, mock: &Mock) {
    bind_anew(gpu);
    kmsg::expect(&[IS_LOST]);
    let mut log = Follow::from_now().unwrap();
    for _ in 0..2 {
        let mut records = Vec::new();
        mock.tell("fault stage=gsp,kind=stop");
        wait_for(HANG, "the GSP to run again", || {
            records.extend(log.records().unwrap());
            let mut texts = records.iter().map(|record| &record.text);
            texts.any(|text| text.contains(RUNS_AGAIN))
        });
        assert_only_lost(&records);
    }
    assert_answers(gpu);
}

fn unbinds(gpu: &Gpu, mock: &Mock, case: &Case) {
    let mut log = follow(case.says);
    {
        let _bound = Timeout::new(HANG, "unbinding a broken GPU");
        let _broken = mock.broken(case.fault);
        gpu.unbind();
    }
    assert_one_line(&mut log, case.says);
    gpu.assert_released();
    assert_binds(gpu);
}

/// Asks GSP-RM for the GPU's name.
fn ask_name(gpu: &Gpu) -> Result<Answer, Errno> {
    RmControl::open(gpu).call(
        rm_control::SUBDEVICE,
        rm_control::GPU_GET_NAME_STRING,
        &[0; rm_control::NAME_STRING_LEN],
    )
}

fn recovers(gpu: &Gpu, mock: &Mock, loss: &Loss) {
    bind_anew(gpu);
    kmsg::expect(&[IS_LOST]);
    let mut log = Follow::from_now().unwrap();
    let answer = {
        let _bound = Timeout::new(HANG, "asking a GSP that is lost");
        let _broken = mock.broken(loss.fault);
        for _ in 0..loss.answered {
            ask_name(gpu).unwrap();
        }
        ask_name(gpu)
    };
    // The error is that of the loss, or that of a GSP in recovery.
    let error = answer.expect_err("a GSP that is lost answers");
    let expected = [loss.errno, Errno::EIO, Errno::ENODEV];
    assert!(expected.contains(&error), "{error}");
    let mut records = Vec::new();
    let mut said = |what: &str| {
        records.extend(log.records().unwrap());
        records
            .iter()
            .filter(|record| record.text.contains(what))
            .count()
    };
    wait_for(HANG, "the GSP to run again", || said(RUNS_AGAIN) == 1);
    assert_eq!(said(IS_LOST), 1);
    assert_answers(gpu);
    assert_only_lost(&records);
}

/// The driver runs the list in its boot work, so no call is needed.
fn bad_list(gpu: &Gpu, mock: &Mock) {
    const GSP_RUN_CPU_SEQUENCER: &str = "event other function=0x1002";
    bind_anew(gpu);
    kmsg::expect(&[IS_LOST]);
    let mut log = Follow::from_now().unwrap();
    mock.tell(GSP_RUN_CPU_SEQUENCER);
    let mut records = Vec::new();
    wait_for(HANG, "the GSP to run again", || {
        records.extend(log.records().unwrap());
        let mut texts = records.iter().map(|record| &record.text);
        texts.any(|text| text.contains(RUNS_AGAIN))
    });
    let says = |record: &Record| {
        record
            .text
            .contains("the GSP is lost: GSP_RUN_CPU_SEQUENCER")
    };
    assert!(records.iter().any(says), "{records:#?}");
    assert_answers(gpu);
    assert_only_lost(&records);
}

/// GSP-RM answers one call of two processes after the driver's limit. That call fails; the later
/// calls of both processes succeed, also when the late answer arrives.
fn late(gpu: &Gpu, mock: &Mock) {
    bind_anew(gpu);
    let mut log = Follow::from_now().unwrap();
    let (answered, failed) = (Words::new(CALLERS), Words::new(1));
    {
        let _bound = Timeout::new(HANG, "a late answer");
        let _broken = mock.broken(ONE_LATE);
        let begin = Instant::now();
        let callers = Children::fork(CALLERS, |caller| {
            while failed[0].load(Relaxed) == 0 || begin.elapsed() < LATE_IS_OVER {
                match ask_name(gpu) {
                    Ok(_) if failed[0].load(Relaxed) == 0 => {
                        answered[caller].fetch_add(1, Relaxed);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        assert_eq!(error, Errno::ETIMEDOUT);
                        assert_eq!(failed[0].fetch_add(1, Relaxed), 0, "another call fails");
                    }
                }
            }
        });
        callers.wait(HANG);
    }
    let mut answered: Vec<_> = answered.iter().map(|count| count.load(Relaxed)).collect();
    answered.sort_unstable();
    log::info!("{answered:?} calls were answered meanwhile.");
    // The first call was the late one.
    assert!(
        matches!(answered[..], [0, others] if others > 1),
        "{answered:?}"
    );
    let state = igt::sysfs::read(gpu.debugfs().join("state")).unwrap();
    assert_eq!(nova::field(&state, "state"), Some("running"));
    assert_eq!(nova::field(&state, "recoveries"), Some("0"));
    assert_answers(gpu);
    assert_only(&[], &log.records().unwrap());
}

fn assert_answers(gpu: &Gpu) {
    gpu.assert_running();
    let answer = ask_name(gpu).unwrap_or_else(|error| panic!("GSP-RM does not answer: {error}"));
    assert_eq!(answer.status, rm_control::OK);
}

/// Asserts that the kernel's only warnings are about the loss of the GSP.
fn assert_only_lost(records: &[Record]) {
    assert_only(&[IS_LOST], records);
}

/// Asserts that the kernel's only warnings contain one of these texts.
fn assert_only(said: &[&str], records: &[Record]) {
    let others = records.iter().filter(|record| record.is_warning());
    let others: Vec<_> = others
        .filter(|record| !said.iter().any(|said| record.text.contains(said)))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// No call is answered: neither that of the test nor those of the recovery boots.
fn dead_after_three(gpu: &Gpu, mock: &Mock) {
    const TRIES: usize = 3;
    const SAYS: &str = "RISC-V core of the GSP";
    bind_anew(gpu);
    kmsg::expect(&[SAYS, STAYS_DOWN, NOT_PUT_BACK]);
    let mut log = Follow::from_now().unwrap();
    let mut uevents = Uevents::from_now().unwrap();
    let node = gpu.open_render();
    let before = nova::query_device(&node).unwrap();
    let handle = nova::create(&node, 4096).unwrap();
    let _bound = Timeout::new(HANG, "a GSP that is lost for good");
    let broken = mock.broken("stage=gsp,kind=crash");
    ask_name(gpu).expect_err("a GSP that has crashed answers");
    let is_try = |record: &&Record| {
        let besides = [IS_LOST, NOT_PUT_BACK];
        record.text.contains(SAYS) && !besides.iter().any(|said| record.text.contains(said))
    };
    let tries = |records: &[Record]| records.iter().filter(is_try).count();
    let mut records = Vec::new();
    wait_for(HANG, "the GPU to be given up", || {
        records.extend(log.records().unwrap());
        assert!(tries(&records) <= TRIES, "{records:#?}");
        let is_given_up = |record: &Record| record.text.contains(STAYS_DOWN);
        records.iter().any(is_given_up)
    });
    assert_eq!(tries(&records), TRIES, "{records:#?}");
    assert_only(&[SAYS, STAYS_DOWN, NOT_PUT_BACK], &records);
    let mut remedy = None;
    wait_for(HANG, "the wedged event", || {
        let events = uevents.events().unwrap();
        let mut remedies = events.iter().filter_map(|event| event.get("WEDGED"));
        remedy = remedies.next().map(str::to_owned);
        remedy.is_some()
    });
    assert_eq!(remedy.as_deref(), Some("bus-reset"));
    assert_eq!(nova::needs_gpu(&node), Err(Errno::EIO));
    assert_eq!(nova::create(&node, 4096), Err(Errno::EIO));
    assert_wedged(&node);
    // Queries are still answered.
    assert_eq!(nova::query_device(&node), Ok(before));
    let mut info = GemInfo {
        handle,
        ..GemInfo::default()
    };
    assert_eq!(nova::gem_info(&node, &mut info), Ok(()));
    assert_eq!(ask_name(gpu), Err(Errno::EIO));
    drop(broken);
    gpu.unbind();
    gpu.assert_released();
    assert_binds(gpu);
    assert_answers(gpu);
}

/// Calls that need the GPU fail. Others look for what they are to work on, as while the GPU works.
fn assert_wedged(node: &File) {
    fn answer<T: Argument + Default>(node: &File) -> Result<(), Errno> {
        call(node, &mut T::default())
    }
    for needs_gpu in [
        answer::<VmCreate>,
        answer::<VmBind>,
        answer::<QueueCreate>,
        answer::<Exec>,
        answer::<GetTime>,
    ] {
        assert_eq!(needs_gpu(node), Err(Errno::EIO));
    }
    for looks_up in [
        answer::<VmDestroy>,
        answer::<GemSetLabel>,
        answer::<QueueDestroy>,
        answer::<QueueGetState>,
    ] {
        assert_eq!(looks_up(node), Err(Errno::ENOENT));
    }
}

fn reset_lost(gpu: &Gpu, mock: &Mock, after: Duration) {
    bind_anew(gpu);
    kmsg::expect(&[IS_LOST]);
    let mut log = Follow::from_now().unwrap();
    {
        let _bound = Timeout::new(HANG, "asking a GSP that is lost");
        let _broken = mock.broken("stage=gsp,kind=crash");
        ask_name(gpu).expect_err("a GSP that has crashed answers");
    }
    std::thread::sleep(after);
    let _bound = Timeout::new(HANG, "a reset");
    gpu.pci().reset().unwrap();
    // The reset does not wait for the boot.
    let node = gpu.open_render();
    wait_for(HANG, "the DRM device to work again", || {
        nova::needs_gpu(&node).is_ok()
    });
    assert_answers(gpu);
    assert_only_lost(&log.records().unwrap());
}

/// The loss is detected while unbind holds the device lock: by a call that waits for its answer, or
/// by unbind itself. Recovery must leave the device to unbind, and other processes must get the
/// lock only afterwards.
fn lost_while_unbinding(gpu: &Gpu, mock: &Mock) {
    bind_anew(gpu);
    kmsg::expect(&[IS_LOST, NOT_UNLOADED]);
    let mut log = Follow::from_now().unwrap();
    let mut uevents = Uevents::from_now().unwrap();
    let _bound = Timeout::new(HANG, "a loss while the GPU is unbound");
    let broken = mock.broken("stage=reply,kind=timeout");
    let caller = Children::in_write(|| {
        ask_name(gpu).expect_err("a GSP that is lost answers");
    });
    let driver = nova::driver();
    let unbinding = Children::in_write(|| gpu.unbind());
    // A second unbind finds the device unbound.
    let second = Children::in_write(|| drop(gpu.pci().unbind_from(&driver)));
    let can_reset = gpu.pci().can_reset();
    let resetting = can_reset.then(|| Children::in_write(|| drop(gpu.pci().reset())));
    for child in [caller, unbinding, second].into_iter().chain(resetting) {
        child.wait(HANG);
    }
    drop(broken);
    // A second unbind that gets the lock too early causes a second unbind event.
    let events = uevents.events().unwrap();
    let is_unbound = |event: &&Uevent| {
        event.get("ACTION") == Some("unbind")
            && event.get("PCI_SLOT_NAME") == Some(&*gpu.pci().name())
    };
    assert_eq!(events.iter().filter(is_unbound).count(), 1, "{events:#?}");
    gpu.assert_released();
    assert_binds(gpu);
    assert_answers(gpu);
    assert_only(&[IS_LOST, NOT_UNLOADED], &log.records().unwrap());
}

/// The GSP is lost repeatedly, soon after each boot. The GPU is reset during recovery.
fn lost_while_resetting(gpu: &Gpu, mock: &Mock) {
    const SAID: [&str; 3] = [IS_LOST, STAYS_DOWN, NOT_UNLOADED];
    kmsg::expect(&SAID);
    let mut log = Follow::from_now().unwrap();
    for _ in 0..RESETS_OF_LOST {
        bind_anew(gpu);
        let _bound = Timeout::new(HANG, "a reset of a GPU whose GSP is lost");
        let broken = mock.broken(CRASHES_AFTER_BOOT);
        let callers = Children::fork(CALLERS, |_| loop {
            // The call may fail, also because the GPU is down.
            drop(ask_name(gpu));
        });
        wait_for(HANG, "the GSP to be lost", || {
            let records = log.records().unwrap();
            assert_only(&SAID, &records);
            records.iter().any(|record| record.text.contains(IS_LOST))
        });
        gpu.pci().reset().unwrap();
        drop(callers);
        drop(broken);
    }
    gpu.unbind();
    gpu.bind();
    assert_answers(gpu);
    assert_only(&SAID, &log.records().unwrap());
}
