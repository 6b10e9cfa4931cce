// SPDX-License-Identifier: MIT

//! What is in VRAM while the system sleeps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use igt::cgroup::Cgroup;
use igt::data::{assert_same, pattern};
use igt::memory::Mapped;
use igt::nova::client::{Buffer, Client, PAGE};
use igt::nova::object::{mappable_in, within, Object, SYSTEM, VRAM};
use igt::nova::queue::Queue;
use igt::nova::{self, Gpu};
use igt::sleep::{self, State};
use igt::{kmsg, require, wait_for, Children, Fixture, Tests, Timeout, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{GemCreate, VmBindOp};

/// Bytes of the largest object: the driver saves 16 MiB at a time.
const LARGE: u64 = (20 << 20) + PAGE;

/// Ways to sleep.
const STATES: [(State, &str); 3] = [
    (State::Mem, "mem"),
    (State::Freeze, "freeze"),
    (State::Disk, "disk"),
];

pub(crate) fn subtests(tests: &mut Tests, gpu: &Fixture<Gpu>) {
    tests.subtest_with_dynamic(
        "suspend-vram",
        "Objects in VRAM, small and large, keep their contents, each time that the system sleeps.",
        |parts| {
            for (state, name) in STATES {
                parts.dynamic(name, || contents(gpu, state));
            }
        },
    );
    tests.subtest(
        "suspend-vram-mapped",
        "A program that writes to VRAM all the time finds what it has written, before and after it was frozen.",
        || mapped(gpu),
    );
    tests.subtest(
        "suspend-vram-first",
        "What a program writes to VRAM for the first time, right after the sleep, is there when the GPU has been booted.",
        || first_touch(gpu),
    );
    tests.subtest(
        "suspend-vram-lost",
        "What a reset has lost stays lost, and what was written after that is kept.",
        || lost(gpu),
    );
    tests.subtest(
        "suspend-vram-moved",
        "What has been moved to system memory, and what has not, is there after a sleep.",
        || moved(gpu),
    );
    tests.subtest(
        "suspend-vram-no-memory",
        "Where there is no memory for what is in VRAM, the system does not sleep, and nothing is lost.",
        || no_memory(gpu),
    );
    tests.subtest(
        "suspend-mem-vram",
        "VRAM keeps its contents while the system sleeps until its clock wakes it.",
        || until_alarm(gpu),
    );
}

/// An object in VRAM, mapped at an address, and what is in it.
struct Stored<'a> {
    object: Object<'a>,
    address: u64,
    written: Vec<u8>,
}

/// A program with objects in VRAM.
struct Program<'a> {
    queue: Queue<'a>,
    /// Through which the objects are written and read.
    buffer: Buffer<'a>,
    stored: Vec<Stored<'a>>,
}

impl<'a> Program<'a> {
    fn new(client: &'a Client, objects: &[GemCreate]) -> Self {
        let mut program = Self {
            queue: client.queue(),
            buffer: client.bound(LARGE),
            stored: Vec::new(),
        };
        for (number, create) in (1..).zip(objects) {
            let object = Object::new(client.file(), *create);
            let size = object.info().size;
            let address = client.reserve(size);
            let bound = client.bind(VmBindOp {
                op: uapi::VM_BIND_OP_MAP,
                handle: object.handle(),
                address,
                size,
                ..VmBindOp::default()
            });
            assert_eq!(bound, Ok(()), "{create:?}");
            let written = pattern(number, size as usize);
            program.buffer.memory.write(0, &written);
            program.copy(program.buffer.address, address, size);
            program.stored.push(Stored {
                object,
                address,
                written,
            });
        }
        program
    }

    fn copy(&self, from: u64, to: u64, size: u64) {
        self.queue
            .run(&self.queue.push().copy(from, to, size as u32));
    }

    fn assert_kept(&self) {
        for stored in &self.stored {
            let info = stored.object.info();
            assert_eq!(info.state, 0, "{info:?}");
            self.copy(stored.address, self.buffer.address, info.size);
            let read = self.buffer.memory.read(0, info.size as usize);
            assert_same(&read, &stored.written, &format!("{info:?}"));
        }
    }
}

/// Objects of all kinds; two have no pages next to each other, and two are larger than what is saved at a time.
fn objects() -> Vec<GemCreate> {
    let contiguous = GemCreate {
        flags: uapi::GEM_CONTIGUOUS,
        ..within(VRAM, LARGE)
    };
    let sizes = [PAGE, 3 * PAGE, 68 * PAGE, 2 << 20, LARGE, PAGE];
    let mut objects: Vec<_> = sizes.map(|size| within(VRAM, size)).into();
    objects.insert(2, contiguous);
    objects
}

fn contents(gpu: &Gpu, state: State) {
    require!(state.is_known(), "The system cannot sleep that way.");
    let _test = super::test_sleep(state, "devices");
    let client = Client::new(gpu);
    let program = Program::new(&client, &objects());
    let unused = Object::new(client.file(), mappable_in(VRAM, PAGE));
    for _ in 0..2 {
        let before = nova::query_status(client.file()).unwrap();
        super::sleep(gpu, state);
        program.assert_kept();
        let after = nova::query_status(client.file()).unwrap();
        assert_eq!(after.resets, before.resets + 1);
        assert_eq!(after.vram_losses, before.vram_losses);
    }
    assert_eq!(unused.info().state, 0);
    assert_eq!(unused.map().get::<u64>(0), 0);
}

fn until_alarm(gpu: &Gpu) {
    require!(sleep::has_alarm(), "No clock can wake the system.");
    require!(State::Mem.is_known(), "The system cannot sleep.");
    let client = Client::new(gpu);
    let program = Program::new(&client, &objects());
    super::asleep(gpu, sleep::until_alarm);
    program.assert_kept();
}

/// Counts in all pages, from the first touch on.
fn count(memory: &Mapped, pages: u64, is_over: &AtomicBool) -> Result<(), String> {
    let mut count = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        for page in 0..pages {
            let at = (page * PAGE) as usize;
            let found = memory.get::<u64>(at);
            if found != count {
                return Err(format!("page {page} has {found} in place of {count}"));
            }
            memory.set(at, count + 1);
        }
        count += 1;
    }
    Ok(())
}

fn mapped(gpu: &Gpu) {
    const PAGES: u64 = 5;
    let _test = super::test_sleep(State::Mem, "devices");
    let file = gpu.open_render();
    let object = Object::new(&file, mappable_in(VRAM, PAGES * PAGE));
    let is_over = AtomicBool::new(false);
    let counted = thread::scope(|threads| {
        let counting = threads.spawn(|| count(&object.map(), PAGES, &is_over));
        for _ in 0..2 {
            super::sleep(gpu, State::Mem);
        }
        is_over.store(true, Ordering::Relaxed);
        counting.join().expect("the thread does not panic")
    });
    assert_eq!(counted, Ok(()));
    assert_eq!(object.info().state, 0);
}

fn first_touch(gpu: &Gpu) {
    let _test = super::test_sleep(State::Mem, "devices");
    let file = gpu.open_render();
    let object = Object::new(&file, mappable_in(VRAM, PAGE));
    let memory = object.map();
    let before = nova::query_status(&file).unwrap();
    super::asleep(gpu, || {
        State::Mem.enter()?;
        // The GPU has not been booted yet.
        memory.set(0, 1_u64);
        Ok(())
    });
    assert_eq!((object.info().state, memory.get::<u64>(0)), (0, 1));
    let after = nova::query_status(&file).unwrap();
    assert_eq!(after.vram_losses, before.vram_losses);
}

fn lost(gpu: &Gpu) {
    gpu.require_reset();
    let _test = super::test_sleep(State::Mem, "devices");
    let file = gpu.open_render();
    let object = Object::new(&file, mappable_in(VRAM, PAGE));
    let memory = object.map();
    memory.set(0, 1_u64);
    super::sleep(gpu, State::Mem);
    assert_eq!((object.info().state, memory.get::<u64>(0)), (0, 1));
    let before = nova::query_status(&file).unwrap();
    gpu.pci().reset().expect("the GPU is reset");
    let status = || nova::query_status(&file).unwrap();
    wait_for(HANG, "the boot", || status().resets == before.resets + 1);
    let lost = uapi::GEM_STATE_CONTENT_LOST;
    assert_eq!(object.info().state, lost);
    assert_eq!(status().vram_losses, before.vram_losses + 1);
    gpu.assert_running();
    assert_eq!(memory.get::<u64>(0), 0);
    memory.set(0, 2_u64);
    super::sleep(gpu, State::Mem);
    assert_eq!((object.info().state, memory.get::<u64>(0)), (lost, 2));
    assert_eq!(status().vram_losses, before.vram_losses + 1);
}

/// `nova_evict` is about what is moved.
fn moved(gpu: &Gpu) {
    let _test = super::test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let either = GemCreate {
        size: LARGE,
        ..GemCreate::default()
    };
    let program = Program::new(&client, &[either, within(VRAM, PAGE)]);
    let regions = nova::query_regions(client.file()).unwrap();
    let vram = regions.iter().find(|region| region.id == VRAM).unwrap();
    let more = vram.size - vram.used + LARGE / 2;
    drop(Object::new(client.file(), within(VRAM, more / PAGE * PAGE)));
    let regions = program
        .stored
        .iter()
        .map(|stored| stored.object.info().region);
    assert_eq!(regions.collect::<Vec<_>>(), [SYSTEM, VRAM]);
    program.assert_kept();
    super::sleep(gpu, State::Mem);
    program.assert_kept();
}

/// The pages that the contents are saved in are charged to whoever puts the system to sleep.
fn no_memory(gpu: &Gpu) {
    const LIMIT: u64 = 8 << 20;
    let _test = super::test_sleep(State::Mem, "devices");
    let client = Client::new(gpu);
    let program = Program::new(&client, &[within(VRAM, LARGE)]);
    let before = nova::query_status(client.file()).unwrap();
    let cgroup = Cgroup::require("nova_pm");
    let mut expected = sleep::OF_OTHERS.to_vec();
    expected.extend([
        // The debug kernel has no names of errors.
        "no sleep, since there is no memory for what is in VRAM: (ENOMEM|Error[(]12[)])",
        "device_prepare[(][)]: .* returns -12",
    ]);
    kmsg::expect(&expected);
    let _bound = Timeout::new(HANG, "a sleep that is refused");
    let child = Children::fork(1, |_| {
        cgroup.enter().unwrap();
        cgroup.limit(LIMIT).unwrap();
        let refused = State::Mem.enter().unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(Errno::ENOMEM as i32));
    });
    child.wait(HANG);
    program.assert_kept();
    assert_eq!(nova::query_status(client.file()).unwrap(), before);
    // With memory, it sleeps.
    super::sleep(gpu, State::Mem);
    program.assert_kept();
}
