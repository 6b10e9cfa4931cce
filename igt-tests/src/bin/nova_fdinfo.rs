// SPDX-License-Identifier: MIT

//! What fdinfo tells of a file's memory, and of its work.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::process::{self, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};

use igt::fdinfo::FdInfo;
use igt::memory::Words;
use igt::mock::Mock;
use igt::nova::client::{Client, PAGE};
use igt::nova::object::{mappable, within, Object, VRAM};
use igt::nova::queue::{Plug, Queue};
use igt::nova::{self, Gpu};
use igt::push::{Push, Until};
use igt::syncobj::assert_done;
use igt::{drm, gputop, kmsg, test_name, wait_for, Children, Timeout, HANG};
use nix::errno::Errno;
use nix::sys::stat::minor;
use nova_uapi as uapi;

/// Bytes of an object.
const SIZE: u64 = 1 << 16;

/// Bytes of each copy.
const COPY: u64 = 16 << 20;

/// Names of the regions.
const REGIONS: [&str; 2] = ["system", "vram0"];

/// What is told of each region.
const STATS: [&str; 5] = ["total", "shared", "resident", "active", "purgeable"];

fn main() -> ExitCode {
    igt::run("Reads what fdinfo tells of files.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest("client", "A file is told from others.", || client(&gpu));
        tests.subtest("nothing", "A new file has no memory.", || nothing(&gpu));
        tests.subtest("total", "The total follows creates and closes.", || {
            total(&gpu)
        });
        tests.subtest(
            "resident",
            "System memory is resident once it has been touched.",
            || resident(&gpu),
        );
        tests.subtest("shared", "What two files have is shared.", || shared(&gpu));
        tests.subtest(
            "engine",
            "The time of engines goes on while a job runs, for its file alone, and stays when the queue has gone.",
            || engine(&gpu),
        );
        tests.subtest(
            "engine-idle",
            "The time of a file without work stands still.",
            || engine_idle(&gpu),
        );
        tests.subtest(
            "engine-lost",
            "The time of engines stays when a job takes too long.",
            || engine_lost(&gpu),
        );
        tests.subtest(
            "engine-gsp-lost",
            "The time of engines stays, and goes on, after the GSP was lost.",
            || engine_gsp_lost(&gpu, &Mock::require(&gpu)),
        );
        tests.subtest(
            "gputop",
            "gputop shows the process whose copies run, its memory, and that the engine is busy.",
            || gputop(&gpu),
        );
        tests.subtest("unbound", "An unbound GPU tells nothing.", || unbound(&gpu));
    })
}

fn client(gpu: &Gpu) {
    let nodes = [gpu.open_render(), gpu.open_primary()];
    let infos = nodes.each_ref().map(FdInfo::of);
    for info in &infos {
        assert_eq!(info.value("drm-driver"), Some("nova"), "{info:?}");
        assert_eq!(info.value("drm-pdev"), Some(&*gpu.pci().name()), "{info:?}");
    }
    let [one, other] = infos.each_ref().map(|info| info.value("drm-client-id"));
    assert!(one.is_some() && one != other, "{one:?} and {other:?}");
}

/// What fdinfo tells of a region of the file's, as in [`STATS`].
fn stats(node: &File, region: &str) -> [u64; 5] {
    let info = FdInfo::of(node);
    STATS.map(|stat| info.memory(stat, region))
}

fn nothing(gpu: &Gpu) {
    let node = gpu.open_render();
    for region in REGIONS {
        assert_eq!(stats(&node, region), [0; 5], "{region}");
    }
}

fn total(gpu: &Gpu) {
    let (node, other) = (gpu.open_render(), gpu.open_render());
    let system = Object::new(&node, mappable(SIZE));
    assert_eq!(stats(&node, "system"), [SIZE, 0, 0, 0, 0]);
    assert_eq!(stats(&node, "vram0"), [0; 5]);
    let vram = Object::new(&node, within(VRAM, 2 * SIZE));
    assert_eq!(stats(&node, "vram0"), [2 * SIZE, 0, 2 * SIZE, 0, 0]);
    let more = Object::new(&node, mappable(3 * SIZE));
    assert_eq!(stats(&node, "system"), [4 * SIZE, 0, 0, 0, 0]);
    for region in REGIONS {
        assert_eq!(stats(&other, region), [0; 5], "{region}");
    }
    drop((system, vram));
    assert_eq!(stats(&node, "system"), [3 * SIZE, 0, 0, 0, 0]);
    assert_eq!(stats(&node, "vram0"), [0; 5]);
    drop(more);
    assert_eq!(stats(&node, "system"), [0; 5]);
}

fn resident(gpu: &Gpu) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable(SIZE));
    object.map().set(0, 1_u32);
    // All pages are allocated at once, and stay.
    assert_eq!(stats(&node, "system"), [SIZE, 0, SIZE, 0, 0]);
}

fn shared(gpu: &Gpu) {
    let (node, other) = (gpu.open_render(), gpu.open_render());
    let own = Object::new(&node, mappable(SIZE));
    let object = Object::new(&node, mappable(2 * SIZE));
    let handle = drm::import(&other, object.export()).unwrap();
    assert_eq!(stats(&node, "system"), [3 * SIZE, 2 * SIZE, 0, 0, 0]);
    assert_eq!(stats(&other, "system"), [2 * SIZE, 2 * SIZE, 0, 0, 0]);
    assert_eq!(drm::gem_close(&other, handle), Ok(()));
    assert_eq!(stats(&other, "system"), [0; 5]);
    drop(own);
    assert_eq!(stats(&node, "system")[0], 2 * SIZE);
}

/// The time that copy engines have worked for a file.
fn copy_time(client: &Client) -> u64 {
    FdInfo::of(client.file()).engine("copy")
}

/// Waits until the time is above this.
fn wait_for_time(client: &Client, above: u64) -> u64 {
    wait_for(HANG, "the time of engines to go on", || {
        copy_time(client) > above
    });
    copy_time(client)
}

fn engine(gpu: &Gpu) {
    let (client, other) = (Client::new(gpu), Client::new(gpu));
    let info = FdInfo::of(client.file());
    let engines = client.copy_engines().len().to_string();
    assert_eq!(info.value("drm-engine-capacity-copy"), Some(&*engines));
    assert_eq!(info.engine("copy"), 0);
    let plug = Plug::new(&client);
    let first = wait_for_time(&client, 0);
    let second = wait_for_time(&client, first);
    plug.pull();
    assert_done(&plug.done);
    let done = copy_time(&client);
    assert!(done >= second, "{second} and then {done}");
    drop(plug);
    let gone = copy_time(&client);
    assert_eq!(gone, done);
    assert_eq!(copy_time(&other), 0);
    // Another queue adds to it.
    let plug = Plug::new(&client);
    wait_for_time(&client, gone);
    plug.pull();
}

fn engine_idle(gpu: &Gpu) {
    let (client, other) = (Client::new(gpu), Client::new(gpu));
    let queue = client.queue();
    queue.run(&queue.push().nops(1));
    let before = copy_time(&client);
    let plug = Plug::new(&other);
    let busy = wait_for_time(&other, 0);
    wait_for_time(&other, busy);
    assert_eq!(copy_time(&client), before);
    plug.pull();
}

fn engine_lost(gpu: &Gpu) {
    let client = Client::new(gpu);
    let semaphore = client.bound(PAGE);
    let queue = client.queue_with(uapi::QueueCreate {
        timeout_ms: 100,
        ..Queue::COPY
    });
    let work = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    let running = wait_for_time(&client, 0);
    assert_eq!(work.export().unwrap().wait(), Err(Errno::ETIME));
    let lost = copy_time(&client);
    assert!(lost >= running, "{running} and then {lost}");
    // The job took as long as it might, and has ended.
    assert!((100_000_000..60_000_000_000).contains(&lost), "{lost}");
    let plug = Plug::new(&client);
    let after = wait_for_time(&client, lost);
    plug.pull();
    assert_done(&plug.done);
    assert!(copy_time(&client) >= after);
}

fn engine_gsp_lost(gpu: &Gpu, mock: &Mock) {
    // The number of recoveries is limited, and a bind resets it.
    gpu.unbind();
    gpu.bind();
    gpu.assert_running();
    kmsg::expect(&[nova::IS_LOST]);
    let client = Client::new(gpu);
    let before = nova::query_status(client.file()).unwrap().resets;
    let semaphore = client.bound(PAGE);
    let queue = client.queue_with(Queue::patient(client.file()));
    let work = queue.start(&Push::new().acquire(semaphore.address, Until::Equals(1)));
    let running = wait_for_time(&client, 0);
    mock.tell("fault stage=gsp,kind=stop");
    assert_eq!(work.export().unwrap().wait(), Err(Errno::ECANCELED));
    let lost = copy_time(&client);
    assert!(lost >= running, "{running} and then {lost}");
    wait_for(HANG, "the GSP to run again", || {
        let status = nova::query_status(client.file()).unwrap();
        status.resets > before && status.health == uapi::HEALTH_OK
    });
    let plug = Plug::new(&client);
    wait_for_time(&client, lost);
    plug.pull();
}

/// Copies from VRAM to system memory until `over` is set, and sets `busy` to the number of this process.
fn copy(gpu: &Gpu, busy: &AtomicU64, over: &AtomicU64) {
    let client = Client::new(gpu);
    let queue = client.queue();
    let source = Object::new(client.file(), within(VRAM, COPY));
    let source = client.bind_object(source.handle(), COPY);
    let target = client.bound(COPY);
    while over.load(Ordering::Relaxed) == 0 {
        queue.run(&queue.push().copy(source, target.address, COPY as u32));
        busy.store(process::id().into(), Ordering::Relaxed);
    }
}

/// Another process copies. This one has done so before, and is not shown.
fn gputop(gpu: &Gpu) {
    let words = Words::new(2);
    let [busy, over] = [&words[0], &words[1]];
    let copying = Children::fork(1, |_| copy(gpu, busy, over));
    let client = Client::new(gpu);
    let (queue, target) = (client.queue(), client.bound(2 * SIZE));
    let at = target.address;
    queue.run(&queue.push().copy(at, at + SIZE, SIZE as u32));
    wait_for(HANG, "a copy", || busy.load(Ordering::Relaxed) != 0);
    let shown = gputop::clients();
    over.store(1, Ordering::Relaxed);
    copying.wait(HANG);

    let [shown] = &shown[..] else {
        panic!("clients: {shown:?}");
    };
    assert_eq!(u64::from(shown.pid), busy.load(Ordering::Relaxed));
    assert_eq!(shown.name, test_name());
    let number = client.file().metadata().expect("a device").rdev();
    assert_eq!(u64::from(shown.minor), minor(number));
    let mut engines: Vec<_> = shown.engines.iter().map(|(name, _)| &**name).collect();
    engines.sort_unstable();
    assert_eq!(engines, ["compute", "copy", "graphics"], "{shown:?}");
    for (name, percentage) in &shown.engines {
        assert_eq!(*percentage > 0.0, name == "copy", "{shown:?}");
    }
    // What the copies are between, and less than a unit more.
    assert_eq!((&*shown.memory, &*shown.resident), ("32M", "32M"));
}

fn unbound(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let node = gpu.open_render();
    let _object = Object::new(&node, mappable(SIZE));
    gpu.unbind();
    let info = FdInfo::of(&node);
    assert_eq!(info.value("drm-total-system"), None, "{info:?}");
    gpu.bind();
    gpu.assert_running();
}
