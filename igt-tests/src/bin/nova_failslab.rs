// SPDX-License-Identifier: MIT

//! Each of the driver's allocations fails in turn. The caller gets an error, everything is
//! released, and the GPU works when there is memory again. At the end of a run kmemleak shows
//! whether something was leaked (run-in-guest).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use igt::device;
use igt::fault_injection::FaultInjection;
use igt::kmsg;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, RmControl};
use nix::errno::Errno;
use nova_uapi::GemInfo;

/// More allocations than a call makes.
const MANY: u32 = 10_000;

/// All messages of the kernel are expected: a failed allocation prints a trace of many lines, and
/// each layer above it may print a message, too. igt-summary still finds reports of kernel bugs in
/// the console.
const SAYS: &[&str] = &["."];

/// Errors of a failed probe. The PCI core returns EBUSY for a BAR if it has no memory to record the
/// owner (`__request_region()`, kernel/resource.c).
const NO_MEMORY: [Option<Errno>; 2] = [Some(Errno::ENOMEM), Some(Errno::EBUSY)];

/// The open files of a user, for its calls.
struct User {
    path: PathBuf,
    node: File,
    object: u32,
    control: RmControl,
}

impl User {
    fn of(gpu: &Gpu) -> Self {
        let node = gpu.open_render();
        Self {
            object: nova::create(&node, 4096).expect("there is memory"),
            node,
            control: RmControl::open(gpu),
            path: gpu
                .drm()
                .and_then(|drm| drm.render)
                .expect("a node is open"),
        }
    }
}

type Call = fn(&mut User) -> Result<(), Errno>;

const CALLS: [(&str, Call); 8] = [
    ("open", |user| open(&user.path)),
    ("version", |user| igt::drm::version(&user.node).map(drop)),
    ("getparam", |user| {
        nova::get_param(&user.node, nova_uapi::GETPARAM_VRAM_BAR_SIZE).map(drop)
    }),
    ("query-device", |user| {
        nova::query_device(&user.node).map(drop)
    }),
    ("query-firmware", |user| {
        nova::query_firmware(&user.node).map(drop)
    }),
    ("gem-create", |user| {
        nova::create(&user.node, 4096).map(drop)
    }),
    ("gem-info", |user| info(&user.node, user.object)),
    ("rm-control", |user| ask_name(&mut user.control)),
];

fn main() -> ExitCode {
    igt::run("Makes the driver's allocations fail.", |tests| {
        let faults = tests.fixture(FaultInjection::require);
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest_with_dynamic(
            "calls",
            "A call without memory fails, and the next one succeeds.",
            |parts| {
                let mut user = User::of(&gpu);
                for (name, call) in CALLS {
                    parts.dynamic(name, || fails(&faults, &mut user, call));
                }
            },
        );
        tests.subtest(
            "probe",
            "A GPU without memory for its probe is not bound, or is bound without an optional part; everything is released, and it can be bound afterwards.",
            || probe(&faults, &gpu),
        );
        tests.subtest(
            "unbind",
            "A GPU is unbound even without memory, and can be bound again.",
            || unbind(&faults, &gpu),
        );
    })
}

fn open(node: &Path) -> Result<(), Errno> {
    let opened = device::open(node);
    opened
        .map(drop)
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))
}

fn info(node: &File, handle: u32) -> Result<(), Errno> {
    let mut info = GemInfo {
        handle,
        ..GemInfo::default()
    };
    nova::gem_info(node, &mut info)
}

fn ask_name(control: &mut RmControl) -> Result<(), Errno> {
    let params = [0; rm_control::NAME_STRING_LEN];
    let answer = control.call(
        rm_control::SUBDEVICE,
        rm_control::GPU_GET_NAME_STRING,
        &params,
    )?;
    assert_eq!(answer.status, rm_control::OK);
    Ok(())
}

/// Makes each allocation and copy of a call fail in turn.
fn fails(faults: &FaultInjection, user: &mut User, call: Call) {
    kmsg::expect(SAYS);
    for nth in 1..MANY {
        let (result, failed) = faults.in_thread(nth, || call(user));
        if !failed {
            assert_eq!(result, Ok(()));
            log::info!("{} allocations and copies", nth - 1);
            return;
        }
        // Some allocations are optional.
        let expected = [Ok(()), Err(Errno::ENOMEM), Err(Errno::EFAULT)];
        assert!(
            expected.contains(&result),
            "without allocation or copy {nth}: {result:?}"
        );
        assert_eq!(
            call(user),
            Ok(()),
            "after it failed for allocation or copy {nth}"
        );
    }
    panic!("more than {MANY} allocations and copies");
}

/// Numbers of the allocations that fail in a long operation: all of the first ones, then fewer and
/// fewer. Each is logged, since igt_runner considers a test hung that prints nothing for long.
fn choice() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(1), |nth| Some(nth + 1 + nth / 16))
        .inspect(|nth| log::info!("Without allocation {nth}"))
}

// Allocations of nova-drm do not fail here: if drm_minor_alloc() has no memory for the device of a
// node, drm_minor_alloc_release() dereferences an error pointer and the kernel oopses.

fn probe(faults: &FaultInjection, gpu: &Gpu) {
    kmsg::expect(SAYS);
    let (driver, module) = (nova::driver(), nova::core_module());
    gpu.start();
    gpu.unbind();
    for nth in choice() {
        let (bound, failed) = faults.in_module(&module, nth, || gpu.pci().bind(&driver));
        match bound {
            Ok(()) if failed => gpu.unbind(),
            Ok(()) => {
                log::info!("{} allocations", nth - 1);
                return gpu.assert_running();
            }
            Err(error) => assert!(
                NO_MEMORY.contains(&error.raw_os_error().map(Errno::from_raw)),
                "without allocation {nth}: {error}"
            ),
        }
        gpu.assert_released();
    }
}

fn unbind(faults: &FaultInjection, gpu: &Gpu) {
    let module = nova::core_module();
    kmsg::expect(SAYS);
    gpu.start();
    for nth in choice() {
        let ((), failed) = faults.in_module(&module, nth, || gpu.unbind());
        gpu.assert_released();
        gpu.bind();
        gpu.assert_running();
        if !failed {
            log::info!("{} allocations", nth - 1);
            return;
        }
    }
}
