// SPDX-License-Identifier: MIT

//! The faults of address spaces: what is told of them, to whom, and for how long.

use std::process::ExitCode;

use igt::memory::HalfWritable;
use igt::mock::Mock;
use igt::nova::calls::{call_with, Faults};
use igt::nova::client::{Client, PAGE};
use igt::nova::faults::{get_faults, get_faults_with_stride, Told};
use igt::nova::queue::Queue;
use igt::nova::wrong::{Wrong, OF_STOPPED};
use igt::nova::{self, Gpu};
use igt::push::{Push, Segment};
use igt::syncobj::{assert_ended, Signal};
use igt::{kmsg, wait_for, Timeout, HANG};
use nix::errno::Errno;
use nix::time::{clock_gettime, ClockId};
use nova_uapi as uapi;
use nova_uapi::{Array, Fault, QueueGetState, VmGetFaults};

/// How many faults the kernel keeps.
const KEPT: u64 = 64;

/// Bytes of a fault in the header.
const FAULT: u32 = size_of::<Fault>() as u32;

fn main() -> ExitCode {
    igt::run("The faults of address spaces.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest_with_dynamic(
            "place",
            "A fault is told with its page, its type and its queue, of its address space alone.",
            |parts| {
                for (name, wrong) in Wrong::ALL {
                    if wrong.is_fault() {
                        parts.dynamic(name, || place(&gpu, wrong));
                    }
                }
            },
        );
        tests.subtest(
            "other-errors",
            "A queue that is lost for something else has no fault.",
            || other_errors(&gpu, &Mock::require(&gpu)),
        );
        tests.subtest(
            "sequence",
            "Faults have numbers in their order, and are read in parts.",
            || sequence(&gpu),
        );
        tests.subtest(
            "overflow",
            "The last faults are kept, and how many are not is told.",
            || overflow(&gpu),
        );
        tests.subtest(
            "larger",
            "A newer program gets zeros for what the kernel does not know.",
            || larger(&gpu),
        );
        tests.subtest(
            "unknown",
            "An id that is free, none, destroyed, or of another file is unknown.",
            || unknown(&gpu),
        );
        tests.subtest(
            "unwritable",
            "Faults that cannot be written change nothing.",
            || unwritable(&gpu),
        );
        tests.subtest(
            "vm-destroyed",
            "A queue can fault in an address space whose id is gone.",
            || vm_destroyed(&gpu),
        );
        tests.subtest(
            "after-reset",
            "Faults are kept while the GPU is reset, and the numbers go on.",
            || after_reset(&gpu),
        );
    })
}

/// Time in ns of the clock that faults have.
fn now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is this clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// Whether the firmware tells more of a fault than that there was one.
fn is_place_told(client: &Client) -> bool {
    let firmware = nova::query_firmware(client.file()).expect("it is told");
    let release = firmware.release.as_str().expect("it is text");
    !release.starts_with("535.")
}

/// Runs a job that faults, and returns what the queue's state is then.
#[track_caller]
fn run(client: &Client, queue: &Queue<'_>, job: Segment) -> QueueGetState {
    let failed = client.syncobj();
    let result = queue.exec(&[job], &[], &[Signal::Binary(&failed)]);
    assert_eq!(result, Ok(()));
    assert_ended(&failed, Err(Errno::ECANCELED));
    let state = queue.state().unwrap();
    assert_eq!(state.reason, uapi::QUEUE_REASON_MMU_FAULT, "{state:?}");
    state
}

/// Has a new queue fault where nothing is, and returns it with the page.
#[track_caller]
fn fault(client: &Client) -> (Queue<'_>, u64) {
    let queue = client.queue();
    let page = client.reserve(PAGE);
    let push = queue.push().fill(page, 1, 1);
    run(client, &queue, queue.place(push.words()));
    (queue, page)
}

/// What is told where there are no faults, or none from this one on.
fn nothing(next: u64) -> Told {
    Told {
        faults: Vec::new(),
        next,
        missed: 0,
    }
}

/// The numbers of faults.
fn sequences(told: &Told) -> Vec<u64> {
    told.faults.iter().map(|fault| fault.sequence).collect()
}

fn place(gpu: &Gpu, wrong: Wrong) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let (beside, other) = (client.beside(), Client::new(gpu));
    let queue = client.queue();
    assert_eq!(queue.state().unwrap().fault_sequence, u64::MAX);
    assert_eq!(client.faults(0, 4), nothing(0));
    let job = wrong.job(&client, &queue);
    let (page, fault_type) = job.fault.expect("it is a fault");
    let before = now();
    let state = run(&client, &queue, job.push);
    let after = now();
    assert_eq!(state.fault_sequence, 0);
    let told = client.faults(0, 4);
    assert_eq!((told.next, told.missed), (1, 0));
    let [fault] = told.faults[..] else {
        panic!("{told:x?}");
    };
    assert!((before..=after).contains(&fault.time_ns), "{fault:?}");
    let unknown = Fault {
        time_ns: fault.time_ns,
        precision_shift: 64,
        fault_type: uapi::FAULT_TYPE_UNKNOWN,
        access: uapi::FAULT_ACCESS_UNKNOWN,
        engine_class: uapi::ENGINE_CLASS_COPY,
        engine_instance: fault.engine_instance,
        queue_id: queue.id(),
        ..Fault::default()
    };
    let expected = match is_place_told(&client) {
        true => Fault {
            address: page,
            precision_shift: 12,
            fault_type,
            hw_type: fault.hw_type,
            ..unknown
        },
        false => unknown,
    };
    assert_eq!(fault, expected, "{wrong:?}");
    let mut engines = client.copy_engines().into_iter();
    assert!(engines.any(|engine| engine.engine_instance == fault.engine_instance));
    for neighbor in [&beside, &other] {
        assert_eq!(neighbor.faults(0, 4), nothing(0));
    }
}

fn other_errors(gpu: &Gpu, mock: &Mock) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let (queue, other) = (client.queue(), client.queue());
    assert_ended(&queue.start(&queue.push().illegal()), Err(Errno::ECANCELED));
    let broken = mock.broken("stage=channel,kind=error,code=43");
    assert_ended(&other.start(&Push::new().nops(1)), Err(Errno::ECANCELED));
    drop(broken);
    for queue in [&queue, &other] {
        let state = queue.state().unwrap();
        assert_eq!(state.reason, uapi::QUEUE_REASON_ENGINE_ERROR, "{state:?}");
        assert_eq!(state.fault_sequence, u64::MAX, "{state:?}");
    }
    assert_eq!(client.faults(0, 4), nothing(0));
}

fn sequence(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let queues: Vec<_> = (0..3).map(|_| fault(&client)).collect();
    let all = client.faults(0, 4);
    assert_eq!((all.next, all.missed), (3, 0));
    for (sequence, ((queue, page), fault)) in (0..).zip(queues.iter().zip(&all.faults)) {
        assert_eq!(queue.state().unwrap().fault_sequence, sequence);
        assert_eq!((fault.sequence, fault.queue_id), (sequence, queue.id()));
        if is_place_told(&client) {
            assert_eq!(fault.address, *page);
        }
    }
    assert!(all.faults.is_sorted_by_key(|fault| fault.time_ns));
    // One after the other.
    for (next, fault) in (0..).zip(&all.faults) {
        let told = client.faults(next, 1);
        assert_eq!((told.next, told.missed), (next + 1, 0));
        assert_eq!(told.faults, [*fault]);
    }
    assert_eq!(client.faults(1, 4).faults, all.faults[1..]);
    // None from there on yet.
    for next in [3, 4, u64::MAX] {
        assert_eq!(client.faults(next, 4), nothing(next));
    }
    // Without room, the next one is told.
    for next in [0, 3, u64::MAX] {
        assert_eq!(client.faults(next, 0), nothing(3));
    }
    // The queue that is gone is not told any more, even if its id is taken again.
    assert_eq!(queues[1].0.destroy(), Ok(()));
    let again = client.queue();
    assert_eq!(again.id(), queues[1].0.id());
    let ids: Vec<_> = client
        .faults(0, 4)
        .faults
        .iter()
        .map(|f| f.queue_id)
        .collect();
    assert_eq!(ids, [queues[0].0.id(), 0, queues[2].0.id()]);
}

fn overflow(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    for _ in 0..KEPT + 2 {
        assert_eq!(fault(&client).0.destroy(), Ok(()));
    }
    let all = client.faults(0, 100);
    assert_eq!((all.next, all.missed), (KEPT + 2, 2));
    assert_eq!(sequences(&all), (2..KEPT + 2).collect::<Vec<_>>());
    for (next, missed, first) in [(0, 2, 2), (1, 1, 2), (2, 0, 2), (3, 0, 3)] {
        let told = client.faults(next, 1);
        assert_eq!((told.next, told.missed), (first + 1, missed));
        assert_eq!(sequences(&told), [first]);
    }
    assert_eq!(client.faults(0, 0), nothing(KEPT + 2));
}

fn larger(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let _queues = [fault(&client), fault(&client)];
    let all = client.faults(0, 4);
    for stride in [FAULT + 1, 64, 255, 256] {
        let stride = stride as usize;
        let told = get_faults_with_stride(client.file(), client.vm_id(), 0, 4, stride);
        assert_eq!(told, Ok(all.clone()), "{stride}");
    }
}

fn unknown(gpu: &Gpu) {
    let (client, other) = (Client::new(gpu), Client::new(gpu));
    let beside = client.beside();
    for room in [0, 1] {
        for id in [0, beside.vm_id() + 1, u32::MAX] {
            let told = get_faults(client.file(), id, 0, room);
            assert_eq!(told, Err(Errno::ENOENT), "{id}");
        }
        let told = get_faults(other.file(), beside.vm_id(), 0, room);
        assert_eq!(told, Err(Errno::ENOENT));
    }
    assert_eq!(beside.destroy_vm(), Ok(()));
    let told = get_faults(client.file(), beside.vm_id(), 0, 1);
    assert_eq!(told, Err(Errno::ENOENT));
    assert_eq!(client.faults(0, 1), nothing(0));
}

fn unwritable(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let memory = HalfWritable::new();
    let fails = |writable: u32, expected| {
        let asked = VmGetFaults {
            vm_id: client.vm_id(),
            faults: Array {
                count: 2,
                stride: FAULT,
                ..Array::default()
            },
            ..VmGetFaults::default()
        };
        let asked = Faults::new(asked, memory.before_end(writable as usize));
        assert_eq!(call_with(client.file(), asked), expected, "{writable}");
    };
    // Where there is nothing to write, nothing is.
    fails(0, Ok(()));
    let _queues = [fault(&client), fault(&client)];
    for writable in [0, FAULT - 1, FAULT, 2 * FAULT - 1] {
        fails(writable, Err(Errno::EFAULT));
    }
    assert_eq!(sequences(&client.faults(0, 4)), [0, 1]);
}

fn vm_destroyed(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    let client = Client::new(gpu);
    let queue = client.queue();
    let push = queue.push().fill(client.reserve(PAGE), 1, 1);
    let job = queue.place(push.words());
    assert_eq!(client.destroy_vm(), Ok(()));
    let state = run(&client, &queue, job);
    assert_eq!(state.fault_sequence, 0);
    // The address space that takes the id has faults of its own.
    let next = client.beside();
    assert_eq!(next.vm_id(), client.vm_id());
    assert_eq!(next.faults(0, 1), nothing(0));
}

fn after_reset(gpu: &Gpu) {
    kmsg::expect(&OF_STOPPED);
    gpu.require_reset();
    let client = Client::new(gpu);
    let _before = fault(&client);
    let told = client.faults(0, 4);
    {
        let _bound = Timeout::new(HANG, "a reset");
        gpu.pci().reset().unwrap();
    }
    assert_eq!(client.faults(0, 4), told);
    wait_for(HANG, "the GPU to work", || {
        nova::needs_gpu(client.file()) == Ok(())
    });
    let (queue, _page) = fault(&client);
    assert_eq!(queue.state().unwrap().fault_sequence, 1);
    assert_eq!(sequences(&client.faults(0, 4)), [0, 1]);
    assert_eq!(client.faults(0, 1).faults, told.faults);
}
