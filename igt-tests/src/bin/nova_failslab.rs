// SPDX-License-Identifier: MIT

//! Each of the driver's allocations fails in turn. The caller gets an error, everything is
//! released, and the GPU works when there is memory again. At the end of a run kmemleak shows
//! whether something was leaked (run-in-guest).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use igt::device;
use igt::fault_injection::FaultInjection;
use igt::nova::bind_queue::BindQueue;
use igt::nova::calls::call;
use igt::nova::client::Client;
use igt::nova::faults::get_faults;
use igt::nova::queue::{destroy, Queue};
use igt::nova::{self, Gpu};
use igt::push::{Push, Segment};
use igt::rm_control::{self, RmControl};
use igt::syncobj::{assert_done, Signal, Syncobj};
use igt::{kmsg, HANG};
use nix::errno::Errno;
use nova_uapi::{GemInfo, QueueCreate, VmBindOp};

/// More allocations than a call makes.
const MANY: u32 = 10_000;

/// All messages of the kernel are expected: a failed allocation prints a trace of many lines, and
/// each layer above it may print a message, too. igt-summary still finds reports of kernel bugs in
/// the console.
const SAYS: &[&str] = &["."];

/// Errors of a failed probe. The PCI core returns EBUSY for a BAR if it has no memory to record the
/// owner (`__request_region()`, kernel/resource.c).
const NO_MEMORY: [Option<Errno>; 2] = [Some(Errno::ENOMEM), Some(Errno::EBUSY)];

/// What a user has, for its calls.
struct User<'a> {
    path: PathBuf,
    node: &'a File,
    object: u32,
    control: RmControl,
    client: &'a Client,
    queue: Queue<'a>,
    binds: BindQueue<'a>,
    /// A job's words, what it waits for, and what it signals.
    segment: Segment,
    before: Syncobj<'a>,
    binary: Syncobj<'a>,
    timeline: Syncobj<'a>,
}

impl<'a> User<'a> {
    fn of(gpu: &Gpu, client: &'a Client) -> Self {
        let queue = client.queue();
        let before = queue.start(&Push::new().nops(1));
        assert_done(&before);
        Self {
            object: nova::create(client.file(), 4096).expect("there is memory"),
            node: client.file(),
            control: RmControl::open(gpu),
            path: gpu
                .drm()
                .and_then(|drm| drm.render)
                .expect("a node is open"),
            client,
            segment: queue.place(Push::new().nops(1).words()),
            queue,
            binds: BindQueue::new(client.file(), client.vm_id()),
            before,
            binary: client.syncobj(),
            timeline: client.syncobj(),
        }
    }

    /// Creates and destroys a queue.
    fn queue_create(&self) -> Result<(), Errno> {
        let mut create = QueueCreate {
            vm_id: self.client.vm_id(),
            ..Queue::COPY
        };
        call(self.node, &mut create)?;
        destroy(self.node, create.queue_id)
    }

    /// Has a queue map and unmap an object, as a whole or not at all.
    fn bind(&self) -> Result<(), Errno> {
        let point = self.binds.state()?.jobs_submitted + 1;
        let after = [Signal::Binary(&self.before)];
        let done = self.client.syncobj();
        let signals = [Signal::Binary(&self.binary), Signal::Point(&done, point)];
        let mapping = VmBindOp {
            op: nova_uapi::VM_BIND_OP_MAP,
            handle: self.object,
            address: 1 << 30,
            size: 4096,
            ..VmBindOp::default()
        };
        let unmapping = VmBindOp {
            op: nova_uapi::VM_BIND_OP_UNMAP_OBJECT,
            handle: self.object,
            ..VmBindOp::default()
        };
        let result = self.binds.try_bind(&[mapping, unmapping], &after, &signals);
        done_or_untaken(result, &signals[1])
    }

    /// Has the queue do a job, which is taken as a whole or not at all.
    fn exec(&self) -> Result<(), Errno> {
        let point = self.queue.state()?.jobs_submitted + 1;
        let after = [Signal::Binary(&self.before)];
        let signals = [
            Signal::Binary(&self.binary),
            Signal::Point(&self.timeline, point),
        ];
        let result = self.queue.exec(&[self.segment], &after, &signals);
        done_or_untaken(result, &signals[1])
    }
}

/// Waits for the end of a job that was taken. One that was not must have left no fence.
fn done_or_untaken(result: Result<(), Errno>, signal: &Signal<'_, '_>) -> Result<(), Errno> {
    let signaled = signal.wait(HANG);
    match result {
        Ok(()) => signaled,
        Err(error) => {
            assert_eq!(signaled, Err(Errno::EINVAL), "a fence");
            Err(error)
        }
    }
}

type Call = fn(&mut User<'_>) -> Result<(), Errno>;

const CALLS: [(&str, Call); 14] = [
    ("open", |user| open(&user.path)),
    ("version", |user| igt::drm::version(user.node).map(drop)),
    ("getparam", |user| {
        nova::get_param(user.node, nova_uapi::GETPARAM_VRAM_BAR_SIZE).map(drop)
    }),
    ("query-device", |user| {
        nova::query_device(user.node).map(drop)
    }),
    ("query-firmware", |user| {
        nova::query_firmware(user.node).map(drop)
    }),
    ("query-engines", |user| {
        nova::query_engines(user.node).map(drop)
    }),
    ("gem-create", |user| nova::create(user.node, 4096).map(drop)),
    ("gem-info", |user| info(user.node, user.object)),
    ("vm-get-faults", |user| {
        get_faults(user.node, user.client.vm_id(), 0, 1).map(drop)
    }),
    ("queue-create", |user| user.queue_create()),
    ("queue-get-state", |user| user.queue.state().map(drop)),
    ("exec", |user| user.exec()),
    ("bind", |user| user.bind()),
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
                let client = Client::new(&gpu);
                let mut user = User::of(&gpu, &client);
                for (name, call) in CALLS {
                    parts.dynamic(name, || fails(&faults, &mut user, call));
                }
            },
        );
        tests.subtest(
            "jobs",
            "A job that is taken is done, although the driver gets no memory then.",
            || jobs(&faults, &gpu),
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
fn fails(faults: &FaultInjection, user: &mut User<'_>, call: Call) {
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

/// Neither the interrupt nor the work behind it may need memory to tell that a job is done.
fn jobs(faults: &FaultInjection, gpu: &Gpu) {
    kmsg::expect(SAYS);
    let client = Client::new(gpu);
    let user = User::of(gpu, &client);
    for module in [nova::core_module(), nova::drm_module()] {
        for nth in choice() {
            let (result, failed) = faults.in_module(&module, nth, || user.exec());
            let expected = [Ok(()), Err(Errno::ENOMEM), Err(Errno::EFAULT)];
            assert!(
                expected.contains(&result),
                "without allocation {nth}: {result:?}"
            );
            assert_eq!(user.exec(), Ok(()), "after allocation {nth} failed");
            if !failed {
                break;
            }
        }
    }
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
