// SPDX-License-Identifier: MIT

//! Objects as the CPU maps them.

use std::fs::File;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use igt::cgroup::Cgroup;
use igt::data::{assert_same, pattern};
use igt::memory::Mapped;
use igt::nova::object::{mappable, mappable_in, within, Object, SYSTEM, VRAM};
use igt::nova::Gpu;
use igt::{drm, vgem, Children, Timeout, HANG};
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags};

mod vram;

use vram::Vram;

/// Bytes of a page.
const PAGE: usize = 4096;

/// Pages of an object.
const PAGES: usize = 16;

/// Bytes of an object.
const SIZE: usize = PAGES * PAGE;

fn main() -> ExitCode {
    igt::run("Maps objects, and reads and writes them.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        for (region, memory, prefix) in [(SYSTEM, "system memory", ""), (VRAM, "VRAM", "vram-")] {
            let name = |name: &str| format!("{prefix}{name}");
            tests.group(&format!("Mappings of {memory}."), |tests| {
                tests.subtest(
                    name("whole"),
                    "All mappings of an object show its bytes.",
                    || whole(&gpu, region),
                );
                tests.subtest(
                    name("part"),
                    "Any pages of an object can be mapped.",
                    || part(&gpu, region),
                );
                tests.subtest(
                    name("split"),
                    "The rest of a mapping shows the same pages as before.",
                    || split(&gpu, region),
                );
                tests.subtest(
                    name("widths"),
                    "The CPU accesses any number of bytes.",
                    || widths(&gpu, region),
                );
                tests.subtest(
                    name("read-only"),
                    "A mapping can be for reading alone.",
                    || read_only(&gpu, region),
                );
                tests.subtest(name("threads"), "Threads touch pages at once.", || {
                    threads(&gpu, region)
                });
                tests.subtest(name("fork"), "A child shares the mapping.", || {
                    fork(&gpu, region)
                });
                tests.subtest(
                    name("dma-buf"),
                    "An object's dma-buf is mapped as the object, from any page on.",
                    || dma_buf(&gpu, region),
                );
            });
            tests.group(&format!("What is refused, of {memory}."), |tests| {
                tests.subtest(name("private"), "Private mappings are refused.", || {
                    private(&gpu, region)
                });
                tests.subtest(
                    name("beyond"),
                    "Nothing beyond an object is mapped.",
                    || beyond(&gpu, region),
                );
                tests.subtest(
                    name("foreign"),
                    "A file that has no handle of an object cannot map it.",
                    || foreign(&gpu, region),
                );
                tests.subtest(name("grow"), "A mapping can shrink, but not grow.", || {
                    grow(&gpu, region)
                });
            });
        }
        tests.group("Contents.", |tests| {
            tests.subtest(
                "without-access",
                "Objects without CPU access are not mapped, nor are their dma-bufs.",
                || without_access(&gpu),
            );
            tests.subtest(
                "zero",
                "A new object is zero, whatever was in memory before.",
                || zero(&gpu),
            );
            tests.subtest(
                "closed",
                "A mapping stays when the handle and the file are closed.",
                || closed(&gpu, SYSTEM),
            );
            tests.subtest("vram-closed", "So does one of VRAM.", || closed(&gpu, VRAM));
            tests.subtest(
                "unbound",
                "A mapping stays when the GPU is unbound, and bound again.",
                || unbound(&gpu),
            );
            tests.subtest(
                "accounted",
                "The pages are charged to the memory cgroup of who maps them.",
                || accounted(&gpu),
            );
        });
        tests.group("VRAM.", |tests| {
            let vram = tests.fixture(|| Vram::new(&gpu));
            tests.subtest("vram-zero", "New objects in VRAM are zero.", || vram.zero());
            tests.subtest(
                "vram-windows",
                "More VRAM can be mapped than the CPU sees at a time.",
                || vram.windows(),
            );
            tests.subtest(
                "vram-shared-windows",
                "Objects next to each other in VRAM are seen at once.",
                || vram.shared_windows(),
            );
            tests.subtest(
                "vram-threads-windows",
                "Threads take windows from each other.",
                || vram.contended(),
            );
            tests.subtest(
                "vram-reset",
                "A mapping can be used after a reset, as the object.",
                || vram.reset(),
            );
            tests.subtest(
                "vram-unbound",
                "A mapping of VRAM can be accessed when the GPU is unbound, and bound again.",
                || vram.unbound(),
            );
        });
        tests.group("Other devices.", |tests| {
            let vgem = tests.fixture(vgem::require);
            tests.subtest(
                "attached",
                "Another device gets what lies in system memory, and nothing else.",
                || attached(&gpu, &vgem),
            );
        });
    })
}

fn whole(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    let [one, other] = [object.map(), object.map()];
    let written = pattern(1, SIZE);
    one.write(0, &written);
    assert_same(&other.read(0, SIZE), &written, "by the other mapping");
    other.set(SIZE - 4, 0x1234_5678_u32);
    assert_eq!(one.get::<u32>(SIZE - 4), 0x1234_5678);
}

/// Writes the number of each page to its beginning.
fn number(memory: &Mapped) {
    (0..PAGES).for_each(|page| memory.set(page * PAGE, page as u32));
}

/// Asserts that the mapping shows the pages from `first` on.
#[track_caller]
fn assert_numbered(memory: &Mapped, first: usize) {
    let numbers = (first..PAGES).map(|page| memory.get::<u32>((page - first) * PAGE) as usize);
    let found: Vec<usize> = numbers.collect();
    let expected: Vec<usize> = (first..PAGES).collect();
    assert_eq!(found, expected);
}

fn part(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    number(&object.map());
    for first in [0, 1, PAGES / 2, PAGES - 1] {
        let part = object.try_map((first * PAGE) as u64, (PAGES - first) * PAGE);
        assert_numbered(&part.unwrap(), first);
        let page = object.try_map((first * PAGE) as u64, PAGE).unwrap();
        assert_eq!(page.get::<u32>(0), first as u32);
    }
}

fn split(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    number(&object.map());
    // No page of this mapping has been touched when it is cut.
    let mut memory = object.map();
    memory.unmap_front(3 * PAGE);
    assert_numbered(&memory, 3);
    memory.unmap_front(2 * PAGE);
    assert_numbered(&memory, 5);
}

fn widths(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, 1));
    let memory = object.map();
    memory.set(0, 0x8877_6655_4433_2211_u64);
    memory.set(8, 0xccbb_aa99_u32);
    memory.set(12, 0xeedd_u16);
    memory.set(14, 0xff_u8);
    let bytes = memory.read(0, 16);
    let expected: Vec<u8> = (1..16).map(|n| n * 0x11).chain([0]).collect();
    assert_eq!(bytes, expected);
}

fn read_only(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    number(&object.map());
    let offset = object.created.mmap_offset;
    let (access, flags) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
    let memory = Mapped::with(&node, offset, SIZE, access, flags).unwrap();
    assert_numbered(&memory, 0);
}

fn threads(gpu: &Gpu, region: u32) {
    const THREADS: usize = 4;
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    let turn = AtomicU32::new(0);
    thread::scope(|scope| {
        for first in 0..THREADS {
            let (object, turn) = (&object, &turn);
            scope.spawn(move || {
                // All of them map, so that they also allocate at once.
                let memory = object.map();
                turn.fetch_add(1, Ordering::Relaxed);
                for page in (0..PAGES).map(|page| (first + page) % PAGES) {
                    let _ = memory.get::<u32>(page * PAGE);
                    if page % THREADS == first {
                        memory.set(page * PAGE, page as u32);
                    }
                }
            });
        }
    });
    assert_numbered(&object.map(), 0);
}

fn fork(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    let memory = object.map();
    memory.set(0, 1_u32);
    let children = Children::fork(1, |_| {
        assert_eq!(memory.get::<u32>(0), 1);
        number(&memory);
    });
    children.wait(HANG);
    assert_numbered(&memory, 0);
}

fn dma_buf(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    let exported = object.export();
    number(&object.map());
    for first in [0, 1, PAGES - 1] {
        let at = (first * PAGE) as u64;
        let memory = Mapped::new(&exported, at, (PAGES - first) * PAGE).unwrap();
        assert_numbered(&memory, first);
    }
    let too_long = Mapped::new(&exported, PAGE as u64, SIZE);
    assert_eq!(too_long.err(), Some(Errno::EINVAL));
    let (access, flags) = (ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE);
    let private = Mapped::with(&exported, 0, SIZE, access, flags);
    assert_eq!(private.err(), Some(Errno::EINVAL));
    // The dma-buf keeps the object.
    drop(object);
    drop(node);
    assert_numbered(&Mapped::new(&exported, 0, SIZE).unwrap(), 0);
}

fn private(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    let offset = object.created.mmap_offset;
    for access in [
        ProtFlags::PROT_READ,
        ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
    ] {
        let private = Mapped::with(&node, offset, SIZE, access, MapFlags::MAP_PRIVATE);
        assert_eq!(private.err(), Some(Errno::EINVAL), "{access:?}");
    }
}

fn beyond(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    // Their places in the file follow each other, in some order.
    let objects = [(); 3].map(|()| Object::new(&node, mappable_in(region, SIZE as u64)));
    for object in &objects {
        let size = SIZE as u64;
        for (at, length) in [
            (0, SIZE + PAGE),
            (size - PAGE as u64, 2 * PAGE),
            (PAGE as u64, SIZE),
        ] {
            let result = object.try_map(at, length);
            assert_eq!(result.err(), Some(Errno::EINVAL), "{length:#x} at {at:#x}");
        }
    }
    for offset in [0, PAGE as u64, 1 << 60] {
        let result = Mapped::new(&node, offset, PAGE);
        assert_eq!(result.err(), Some(Errno::EINVAL), "at {offset:#x}");
    }
}

fn foreign(gpu: &Gpu, region: u32) {
    let (node, other) = (gpu.open_render(), gpu.open_render());
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    let offset = object.created.mmap_offset;
    for at in [0, PAGE as u64] {
        let result = Mapped::new(&other, offset + at, PAGE);
        assert_eq!(result.err(), Some(Errno::EACCES));
    }
    let handle = drm::import(&other, object.export()).expect("it is imported");
    assert!(Mapped::new(&other, offset, SIZE).is_ok());
    assert_eq!(drm::gem_close(&other, handle), Ok(()));
    let result = Mapped::new(&other, offset, SIZE);
    assert_eq!(result.err(), Some(Errno::EACCES));
    drop(object);
    let result = Mapped::new(&node, offset, SIZE);
    assert!(result.is_err(), "the object is gone");
}

fn grow(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    number(&object.map());
    let mut memory = object.try_map(0, 4 * PAGE).unwrap();
    assert_eq!(memory.resize(5 * PAGE), Err(Errno::EFAULT));
    assert_eq!(memory.resize(2 * PAGE), Ok(()));
    assert_eq!(memory.get::<u32>(PAGE), 1);
}

fn without_access(gpu: &Gpu) {
    let node = gpu.open_render();
    for region in [SYSTEM, VRAM] {
        let object = Object::new(&node, within(region, SIZE as u64));
        assert_eq!(object.created.mmap_offset, 0);
        assert_eq!(object.try_map(0, SIZE).err(), Some(Errno::EINVAL));
        let mapped = Mapped::new(object.export(), 0, SIZE);
        assert_eq!(mapped.err(), Some(Errno::EINVAL), "region {region}");
    }
}

fn zero(gpu: &Gpu) {
    /// So many bytes that the kernel uses pages again.
    const LARGE: usize = 4 << 20;
    let node = gpu.open_render();
    for round in 0..4 {
        let object = Object::new(&node, mappable(LARGE as u64));
        let memory = object.map();
        for at in (0..LARGE).step_by(8) {
            assert_eq!(memory.get::<u64>(at), 0, "round {round}, at {at:#x}");
            memory.set(at, u64::MAX);
        }
    }
}

fn closed(gpu: &Gpu, region: u32) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable_in(region, SIZE as u64));
    let memory = object.map();
    number(&memory);
    drop(object);
    assert_numbered(&memory, 0);
    drop(node);
    assert_numbered(&memory, 0);
}

fn unbound(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let node = gpu.open_render();
    let object = Object::new(&node, mappable(SIZE as u64));
    let (touched, untouched) = (object.map(), object.map());
    let exported = object.export();
    number(&touched);
    gpu.unbind();
    // The kernel has taken the pages out of all mappings, and puts them back.
    assert_numbered(&touched, 0);
    assert_numbered(&untouched, 0);
    touched.set(4, 7_u32);
    assert_eq!(untouched.get::<u32>(4), 7);
    assert_eq!(object.try_map(0, SIZE).err(), Some(Errno::ENODEV));
    assert_eq!(Mapped::new(&exported, 0, SIZE).unwrap().get::<u32>(4), 7);
    gpu.bind();
    gpu.assert_running();
    assert_eq!(untouched.get::<u32>(4), 7);
    assert_eq!(object.try_map(0, SIZE).err(), Some(Errno::ENODEV));
}

fn accounted(gpu: &Gpu) {
    const LARGE: usize = 16 << 20;
    let cgroup = Cgroup::require("nova_mmap");
    let children = Children::fork(1, |_| {
        cgroup.enter().expect("the process enters the cgroup");
        let node = gpu.open_render();
        let memory = || cgroup.memory().expect("the cgroup counts");
        let before = memory();
        let object = Object::new(&node, mappable(LARGE as u64));
        let created = memory() - before;
        assert!(created < 1 << 20, "{created} bytes without a mapping");
        let mapped = object.map();
        let charged = memory() - before;
        log::info!("{charged} bytes for {LARGE}");
        assert!(charged >= LARGE as u64, "{charged} bytes were charged");
        drop((mapped, object));
        let left = memory().saturating_sub(before);
        assert!(left < LARGE as u64 / 2, "{left} bytes are still charged");
    });
    children.wait(HANG);
}

fn attached(gpu: &Gpu, vgem: &File) {
    let node = gpu.open_render();
    for create in [mappable(SIZE as u64), within(SYSTEM, SIZE as u64)] {
        let object = Object::new(&node, create);
        let handle = drm::import(vgem, object.export()).expect("vgem imports it");
        assert_eq!(drm::gem_close(vgem, handle), Ok(()));
    }
    let object = Object::new(&node, within(VRAM, SIZE as u64));
    let imported = drm::import(vgem, object.export());
    assert_eq!(imported, Err(Errno::EOPNOTSUPP));
}
