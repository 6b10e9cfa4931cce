// SPDX-License-Identifier: MIT

//! Objects that may lie in either region make room in VRAM for those that need it. `nova_pm` has what a sleep does to them.

use std::fs::File;
use std::process::ExitCode;

use igt::data::{assert_same, pattern};
use igt::memory::Mapped;
use igt::nova::bind_queue::BindQueue;
use igt::nova::client::{map, Buffer, Client};
use igt::nova::object::{info, within, Object, SYSTEM, VRAM};
use igt::nova::queue::{Plug, Queue};
use igt::nova::{self, Gpu};
use igt::syncobj::{assert_done, Signal};
use igt::{drm, wait_for, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{GemCreate, VmBindOp};

/// Bytes of an object.
const SIZE: u64 = 8 << 20;

/// VRAM that objects of a test share.
const ROOM: u64 = 4 * SIZE;

/// VRAM beside that, for the driver's own. It is less than an object, and more than what the driver makes room for.
const SLACK: u64 = 6 << 20;

/// Bytes of the pattern at the start of an object, and at its end.
const PART: u64 = 64 << 10;

/// Bytes of a page.
const PAGE: u64 = 4096;

fn main() -> ExitCode {
    igt::run("Objects are moved from VRAM to system memory.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest(
            "contents",
            "Objects that are moved keep their contents, for the GPU and for the CPU.",
            || contents(&gpu),
        );
        tests.subtest(
            "least-recently-used",
            "The objects are moved first whose address space has had no job for the longest time.",
            || least_recently_used(&gpu),
        );
        tests.subtest("busy", "Nothing is moved that a job may use.", || {
            busy(&gpu)
        });
        tests.subtest(
            "waiting-bind",
            "Nothing is moved that a bind waits to map.",
            || waiting_bind(&gpu),
        );
        tests.subtest(
            "vram-alone",
            "What may lie in VRAM alone stays there, and nothing is moved in vain.",
            || vram_alone(&gpu),
        );
        tests.subtest(
            "shared",
            "An object of two address spaces is moved for both.",
            || shared(&gpu),
        );
        tests.subtest(
            "part-mapped",
            "Mappings of parts of an object find them again.",
            || part_mapped(&gpu),
        );
        tests.subtest(
            "random",
            "Objects that are made, used, moved and closed at random keep their contents.",
            || random(&gpu),
        );
        tests.subtest(
            "unbind",
            "What has been moved is there when the GPU is unbound.",
            || unbind(&gpu),
        );
        tests.subtest(
            "reset",
            "What has been moved is not lost in a reset.",
            || reset(&gpu),
        );
    })
}

/// What creates an object of [`SIZE`] in either region, in VRAM as long as there is room.
fn either() -> GemCreate {
    GemCreate {
        size: SIZE,
        flags: uapi::GEM_CPU_ACCESS,
        ..GemCreate::default()
    }
}

/// Takes all VRAM but for so many bytes.
fn ballast(file: &File, room: u64) -> Object<'_> {
    let regions = nova::query_regions(file).unwrap();
    let vram = regions.iter().find(|region| region.id == VRAM).unwrap();
    Object::new(file, within(VRAM, vram.size - vram.used - room))
}

/// An object that is mapped for the GPU and for the CPU. The drop unmaps it.
struct Mine<'a> {
    client: &'a Client,
    object: Object<'a>,
    memory: Mapped,
    address: u64,
    number: u64,
}

impl Mine<'_> {
    fn is_moved(&self) -> bool {
        self.object.info().region == SYSTEM
    }
}

impl Drop for Mine<'_> {
    fn drop(&mut self) {
        // It fails if the test has broken the GPU.
        let _ = self.client.bind(VmBindOp {
            op: uapi::VM_BIND_OP_UNMAP,
            address: self.address,
            size: SIZE,
            ..VmBindOp::default()
        });
    }
}

/// A client that makes, fills and reads objects, through a buffer.
struct Maker<'a> {
    client: &'a Client,
    queue: Queue<'a>,
    buffer: Buffer<'a>,
}

impl<'a> Maker<'a> {
    fn new(client: &'a Client) -> Self {
        Self {
            client,
            queue: client.queue(),
            buffer: client.bound(2 * PART),
        }
    }

    /// An object in VRAM. The GPU writes the pattern of a number to both ends, and the CPU the number behind the first.
    fn make(&self, number: u64) -> Mine<'a> {
        let object = Object::new(self.client.file(), either());
        assert_eq!(object.created.region, VRAM, "object {number}");
        let made = Mine {
            client: self.client,
            memory: object.map(),
            address: self.client.bind_object(object.handle(), SIZE),
            object,
            number,
        };
        self.buffer
            .memory
            .write(0, &pattern(number, 2 * PART as usize));
        let copies = ends(&made)
            .into_iter()
            .zip([0, PART])
            .fold(self.queue.push(), |push, (at, offset)| {
                push.copy(self.buffer.address + offset, at, PART as u32)
            });
        self.queue.run(&copies);
        made.memory.set((PART + PAGE) as usize, number);
        made
    }

    /// Asserts that the object has what it was made with.
    fn check(&self, mine: &Mine<'_>) {
        let expected = pattern(mine.number, 2 * PART as usize);
        self.buffer.memory.write(0, &vec![0; 2 * PART as usize]);
        let copies = ends(mine)
            .into_iter()
            .zip([0, PART])
            .fold(self.queue.push(), |push, (at, offset)| {
                push.copy(at, self.buffer.address + offset, PART as u32)
            });
        self.queue.run(&copies);
        let what = format!("object {}, for the GPU", mine.number);
        assert_same(
            &self.buffer.memory.read(0, 2 * PART as usize),
            &expected,
            &what,
        );
        let what = format!("object {}, for the CPU", mine.number);
        let last = (SIZE - PAGE) as usize;
        let end = &expected[2 * (PART as usize) - PAGE as usize..][..16];
        assert_same(&mine.memory.read(0, 16), &expected[..16], &what);
        assert_same(&mine.memory.read(last, 16), end, &what);
        let word: u64 = mine.memory.get((PART + PAGE) as usize);
        assert_eq!(word, mine.number, "{what}");
    }
}

/// The addresses of the parts of an object that have its pattern.
fn ends(mine: &Mine<'_>) -> [u64; 2] {
    [mine.address, mine.address + SIZE - PART]
}

/// What creates an object in VRAM alone, in blocks of any size.
fn needed(bytes: u64) -> GemCreate {
    GemCreate {
        page_shift: 12,
        ..within(VRAM, bytes)
    }
}

/// Takes so many bytes of VRAM.
#[track_caller]
fn need(file: &File, bytes: u64) -> Object<'_> {
    Object::new(file, needed(bytes))
}

/// Asserts that so many bytes of VRAM cannot be had.
#[track_caller]
fn need_too_much(file: &File, bytes: u64) {
    let refused = Object::try_new(file, needed(bytes));
    assert_eq!(refused.map(|_| ()).err(), Some(Errno::ENOSPC));
}

fn contents(gpu: &Gpu) {
    let client = Client::new(gpu);
    let maker = Maker::new(&client);
    // The engine of the driver's own takes VRAM when it is first needed.
    drop(maker.make(0));
    let _ballast = ballast(client.file(), ROOM + SLACK);
    let mine: Vec<_> = (1..=4).map(|number| maker.make(number)).collect();
    let needed = need(client.file(), 2 * SIZE);
    let moved = mine.iter().filter(|mine| mine.is_moved()).count();
    assert!((2..4).contains(&moved), "{moved} objects are moved");
    mine.iter().for_each(|mine| maker.check(mine));
    drop(needed);
    // They stay there, and can be written.
    for mine in mine.iter().filter(|mine| mine.is_moved()) {
        mine.memory.set(0, !0_u64);
        let copy = maker.queue.push();
        maker
            .queue
            .run(&copy.copy(mine.address, maker.buffer.address, 8));
        assert_eq!(maker.buffer.memory.get::<u64>(0), !0);
        mine.memory.write(0, &pattern(mine.number, 16));
    }
    // Until they are closed: this takes the rest of VRAM, and then all that is not used by others.
    let all = need(client.file(), ROOM);
    assert!(mine.iter().all(Mine::is_moved));
    mine.iter().for_each(|mine| maker.check(mine));
    need_too_much(client.file(), SIZE);
    drop(all);
}

fn least_recently_used(gpu: &Gpu) {
    let clients = [(); 3].map(|()| Client::new(gpu));
    let makers: Vec<_> = clients.iter().map(Maker::new).collect();
    drop(makers[0].make(0));
    let _ballast = ballast(clients[0].file(), 3 * SIZE + SLACK);
    let mine: Vec<_> = (1..)
        .zip(&makers)
        .map(|(number, maker)| maker.make(number))
        .collect();
    let mut others = Vec::new();
    for (used, moved) in [(0, [false, true, false]), (1, [false, true, true])] {
        makers[used].check(&mine[used]);
        others.push(need(clients[2].file(), SIZE));
        let are_moved: Vec<_> = mine.iter().map(Mine::is_moved).collect();
        assert_eq!(are_moved, moved);
    }
    for (maker, mine) in makers.iter().zip(&mine) {
        maker.check(mine);
    }
}

fn busy(gpu: &Gpu) {
    let (client, other) = (Client::new(gpu), Client::new(gpu));
    let maker = Maker::new(&client);
    drop(maker.make(0));
    let _ballast = ballast(client.file(), SIZE + SLACK);
    // A job may use what is mapped after its beginning.
    let plug = Plug::new(&client);
    let mine = maker.make(1);
    need_too_much(other.file(), SIZE);
    assert!(!mine.is_moved());
    plug.pull();
    assert_done(&plug.done);
    let _needed = need(other.file(), SIZE);
    assert!(mine.is_moved());
    maker.check(&mine);
}

fn waiting_bind(gpu: &Gpu) {
    let client = Client::new(gpu);
    let maker = Maker::new(&client);
    drop(maker.make(0));
    let _ballast = ballast(client.file(), SIZE + SLACK);
    let mine = maker.make(1);
    let binds = BindQueue::new(client.file(), client.vm_id());
    // The job that is waited for is one of another address space.
    let other = client.beside();
    let plug = Plug::new(&other);
    let again = client.reserve(SIZE);
    let done = client.syncobj();
    let ops = [map(mine.object.handle(), again, SIZE)];
    let waits = [Signal::Binary(&plug.done)];
    assert_eq!(
        binds.try_bind(&ops, &waits, &[Signal::Binary(&done)]),
        Ok(())
    );
    need_too_much(client.file(), SIZE);
    assert!(!mine.is_moved());
    plug.pull();
    assert_done(&done);
    let _needed = need(client.file(), SIZE);
    assert!(mine.is_moved());
    maker.check(&mine);
    maker.check(&Mine {
        client: &client,
        object: Object::new(client.file(), within(SYSTEM, PAGE)),
        memory: mine.object.map(),
        address: again,
        number: mine.number,
    });
}

fn vram_alone(gpu: &Gpu) {
    let client = Client::new(gpu);
    let maker = Maker::new(&client);
    drop(maker.make(0));
    let _ballast = ballast(client.file(), 2 * SIZE + SLACK);
    let mine = maker.make(1);
    let _alone = need(client.file(), SIZE);
    need_too_much(client.file(), 3 * SIZE);
    assert!(!mine.is_moved(), "it would not have been enough");
    // One that may lie in system memory moves nobody.
    let modest = Object::new(client.file(), either());
    assert_eq!(modest.created.region, SYSTEM);
    assert!(!mine.is_moved());
    maker.check(&mine);
}

fn shared(gpu: &Gpu) {
    let (client, other) = (Client::new(gpu), Client::new(gpu));
    let makers = [Maker::new(&client), Maker::new(&other)];
    drop(makers[0].make(0));
    let _ballast = ballast(client.file(), SIZE + SLACK);
    let mine = makers[0].make(1);
    let handle = drm::import(other.file(), mine.object.export()).unwrap();
    let address = other.bind_object(handle, SIZE);
    let memory = Mapped::new(
        other.file(),
        info(other.file(), handle).unwrap().mmap_offset,
        SIZE as usize,
    );
    let plug = Plug::new(&other);
    need_too_much(client.file(), SIZE);
    plug.pull();
    assert_done(&plug.done);
    let _needed = need(client.file(), SIZE);
    assert!(mine.is_moved());
    makers[0].check(&mine);
    makers[1].check(&Mine {
        client: &other,
        object: Object::new(other.file(), within(SYSTEM, PAGE)),
        memory: memory.unwrap(),
        address,
        number: mine.number,
    });
}

fn part_mapped(gpu: &Gpu) {
    let client = Client::new(gpu);
    let maker = Maker::new(&client);
    drop(maker.make(0));
    let _ballast = ballast(client.file(), SIZE + SLACK);
    let mine = maker.make(1);
    // A hole in a page of 2 MiB, and what is left around it.
    client.unmap(mine.address + SIZE / 2 + 5 * PAGE, PAGE);
    let _needed = need(client.file(), SIZE);
    assert!(mine.is_moved());
    maker.check(&mine);
    let beside = mine.address + SIZE / 2 + 4 * PAGE;
    mine.memory.set((SIZE / 2 + 4 * PAGE) as usize, 0x1234_u64);
    let copy = maker.queue.push();
    maker.queue.run(&copy.copy(beside, maker.buffer.address, 8));
    assert_eq!(maker.buffer.memory.get::<u64>(0), 0x1234);
}

fn random(gpu: &Gpu) {
    const STEPS: u64 = 150;
    let clients = [(); 2].map(|()| Client::new(gpu));
    let makers = clients.each_ref().map(Maker::new);
    drop(makers[0].make(0));
    let _ballast = ballast(clients[0].file(), ROOM + SLACK);
    let has_room = || Object::new(clients[0].file(), either()).created.region == VRAM;
    let mut random = fastrand::Rng::with_seed(1);
    let (mut mine, mut others) = (Vec::new(), Vec::new());
    let mut moved = 0;
    for number in 1..=STEPS {
        let which = random.usize(0..2);
        let place = random.usize(0..8);
        match random.u32(0..8) {
            0..3 if has_room() => mine.push((which, makers[which].make(number))),
            3..5 => {
                if let Ok(object) = Object::try_new(clients[which].file(), needed(SIZE)) {
                    others.push(object);
                }
            }
            5 if place < mine.len() => drop(mine.swap_remove(place)),
            6 if place < others.len() => drop(others.swap_remove(place)),
            7 if place < mine.len() => makers[mine[place].0].check(&mine[place].1),
            _ => {}
        }
        moved += mine.iter().filter(|(_, mine)| mine.is_moved()).count();
    }
    for (which, mine) in &mine {
        makers[*which].check(mine);
    }
    assert!(moved > 0, "no object was moved");
}

fn unbind(gpu: &Gpu) {
    let client = Client::new(gpu);
    let maker = Maker::new(&client);
    drop(maker.make(0));
    let ballast = ballast(client.file(), SIZE + SLACK);
    let mine = maker.make(1);
    let needed = need(client.file(), SIZE);
    assert!(mine.is_moved());
    drop((ballast, needed));
    gpu.unbind();
    let word = mine.memory.get::<u64>((PART + PAGE) as usize);
    assert_eq!(word, mine.number);
    gpu.bind();
}

fn reset(gpu: &Gpu) {
    gpu.require_reset();
    let client = Client::new(gpu);
    let maker = Maker::new(&client);
    drop(maker.make(0));
    let ballast = ballast(client.file(), SIZE + SLACK);
    let mine = maker.make(1);
    let needed = need(client.file(), SIZE);
    assert!(mine.is_moved());
    drop((ballast, needed));
    let boots = || nova::query_status(client.file()).unwrap().resets;
    let before = boots();
    gpu.pci().reset().expect("the GPU is reset");
    wait_for(HANG, "the reset to be counted", || boots() == before + 1);
    gpu.assert_running();
    assert_eq!(mine.object.info().state & uapi::GEM_STATE_CONTENT_LOST, 0);
    // The queue has ended with the reset.
    Maker::new(&client).check(&mine);
}
