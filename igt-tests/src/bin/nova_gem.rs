// SPDX-License-Identifier: MIT

//! Memory objects: where they lie, what the driver says about them, and who else gets them.
//! `nova_mmap` has what the CPU maps.

use std::fs::{self, File};
use std::process::ExitCode;

use igt::nova::calls::call;
use igt::nova::object::{info, mappable, within, Object, SYSTEM, VRAM};
use igt::nova::{self, Gpu};
use igt::{drm, wait_for, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{GemCreate, GemInfo, MemoryRegion};

/// Bytes of a page.
const PAGE: u64 = 4096;

/// Bytes of an object.
const SIZE: u64 = 16 * PAGE;

/// A placement in either region.
const EITHER: u32 = 1 << SYSTEM | 1 << VRAM;

fn main() -> ExitCode {
    igt::run("Creates memory objects, and asks about them.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let _running = tests.fixture(|| gpu.keep_running());

        tests.group("Where objects lie.", |tests| {
            tests.subtest("placement", "VRAM is tried first.", || placement(&gpu));
            tests.subtest(
                "fallback",
                "When VRAM is full, objects that may lie in system memory do.",
                || fallback(&gpu),
            );
            tests.subtest(
                "system-full",
                "System memory for objects is limited, and closing them frees it.",
                || system_full(&gpu),
            );
            tests.subtest(
                "too-large",
                "An object larger than its region is refused.",
                || too_large(&gpu),
            );
            tests.subtest(
                "page-sizes",
                "Objects in VRAM have pages of 4 KiB, 64 KiB and 2 MiB.",
                || page_sizes(&gpu),
            );
            tests.subtest("info", "An object is as it was created.", || {
                described(&gpu)
            });
        });
        tests.group("Labels.", |tests| {
            tests.subtest("label", "The label of an object is in debugfs.", || {
                label(&gpu)
            });
            tests.subtest("label-refused", "Other labels are refused.", || {
                label_refused(&gpu)
            });
        });
        tests.group("Regions and status.", |tests| {
            tests.subtest(
                "regions",
                "There is system memory, and there is VRAM.",
                || regions(&gpu),
            );
            tests.subtest(
                "used",
                "What objects take is counted for all files and for each.",
                || used(&gpu),
            );
            tests.subtest("status", "The GPU works, and resets are counted.", || {
                status(&gpu)
            });
        });
        tests.group("Other files and drivers.", |tests| {
            tests.subtest("no-names", "Objects are not given global names.", || {
                no_names(&gpu)
            });
            tests.subtest(
                "same-file",
                "A dma-buf of its own gives a file the same handle.",
                || same_file(&gpu),
            );
            tests.subtest("other-file", "Another file gets the same object.", || {
                other_file(&gpu)
            });
            tests.subtest(
                "outlives",
                "An object lives as long as its dma-buf.",
                || outlives(&gpu),
            );
        });
    })
}

fn placement(gpu: &Gpu) {
    let node = gpu.open_render();
    for (asked, flags, region) in [
        (0, 0, VRAM),
        (EITHER, 0, VRAM),
        (1 << VRAM, 0, VRAM),
        (1 << SYSTEM, 0, SYSTEM),
        (0, uapi::GEM_CPU_ACCESS, VRAM),
        (EITHER, uapi::GEM_CPU_ACCESS, VRAM),
        (1 << VRAM, uapi::GEM_CPU_ACCESS, VRAM),
        (1 << SYSTEM, uapi::GEM_CPU_ACCESS, SYSTEM),
        (1 << VRAM, uapi::GEM_CONTIGUOUS, VRAM),
    ] {
        let create = GemCreate {
            size: SIZE,
            placement: asked,
            flags,
            ..GemCreate::default()
        };
        let object = Object::new(&node, create);
        assert_eq!(object.created.region, region, "{create:?}");
    }
}

/// Blocks of an object are as large as it says, and what the size is a multiple of.
fn page_sizes(gpu: &Gpu) {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    let node = gpu.open_render();
    for (id, size, asked, page_shift, rounded) in [
        (VRAM, 4 * KIB, 0, 12, 4 * KIB),
        (VRAM, 64 * KIB - 1, 0, 16, 64 * KIB),
        (VRAM, 68 * KIB, 0, 12, 68 * KIB),
        (VRAM, 4 * MIB, 0, 21, 4 * MIB),
        (VRAM, 4 * MIB, 12, 12, 4 * MIB),
        (VRAM, 4 * KIB, 16, 16, 64 * KIB),
        (VRAM, 4 * KIB, 21, 21, 2 * MIB),
        (SYSTEM, 4 * MIB, 0, 12, 4 * MIB),
    ] {
        let create = GemCreate {
            page_shift: asked,
            ..within(id, size)
        };
        let object = Object::new(&node, create);
        let GemInfo {
            size,
            page_shift: granted,
            ..
        } = object.info();
        assert_eq!((size, granted), (rounded, page_shift), "{create:?}");
        assert_eq!(object.created.page_shift, page_shift, "{create:?}");
    }
    for (id, page_shift) in [(SYSTEM, 16), (SYSTEM, 21), (VRAM, 13), (VRAM, 29)] {
        let create = GemCreate {
            page_shift,
            ..within(id, SIZE)
        };
        assert_refused(&node, create, Errno::EINVAL);
    }
    // What may be in system memory has the pages of that.
    let create = GemCreate {
        size: 2 * MIB,
        ..GemCreate::default()
    };
    assert_eq!(Object::new(&node, create).created.page_shift, 12);
}

/// The kernel refuses to create the object, and does not change the structure.
#[track_caller]
fn assert_refused(node: &File, asked: GemCreate, error: Errno) {
    let mut create = asked;
    assert_eq!(call(node, &mut create), Err(error), "{asked:?}");
    assert_eq!(create, asked, "the structure changed");
}

fn region(node: &File, id: u32) -> MemoryRegion {
    let regions = nova::query_regions(node).unwrap();
    *regions
        .iter()
        .find(|region| region.id == id)
        .expect("the region exists")
}

fn fallback(gpu: &Gpu) {
    let node = gpu.open_render();
    let vram = region(&node, VRAM);
    let all = Object::new(&node, within(VRAM, vram.size - vram.used));
    assert_refused(&node, within(VRAM, PAGE), Errno::ENOSPC);
    for placement in [0, EITHER] {
        let create = GemCreate {
            size: PAGE,
            placement,
            ..GemCreate::default()
        };
        let object = Object::new(&node, create);
        assert_eq!(object.created.region, SYSTEM);
        assert_eq!(object.info().placement, EITHER);
    }
    drop(all);
    assert_eq!(Object::new(&node, within(VRAM, PAGE)).created.region, VRAM);
}

/// The objects have no pages, since nobody maps them.
fn system_full(gpu: &Gpu) {
    let (node, other) = (gpu.open_render(), gpu.open_render());
    let system = region(&node, SYSTEM);
    let all = Object::new(&node, within(SYSTEM, system.size - system.used));
    assert_eq!(region(&node, SYSTEM).used, system.size);
    for node in [&node, &other] {
        assert_refused(node, mappable(PAGE), Errno::ENOMEM);
    }
    drop(all);
    drop(Object::new(
        &other,
        within(SYSTEM, system.size - system.used),
    ));
}

fn too_large(gpu: &Gpu) {
    let node = gpu.open_render();
    for id in [SYSTEM, VRAM] {
        let size = region(&node, id).size;
        for size in [size + PAGE, 1 << 48, 1 << 63, u64::MAX - 0xfff] {
            assert_refused(&node, within(id, size), Errno::ENOSPC);
        }
    }
}

fn described(gpu: &Gpu) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable(SIZE - 1));
    let mut expected = GemInfo {
        handle: object.handle(),
        size: SIZE,
        placement: 1 << SYSTEM,
        flags: uapi::GEM_CPU_ACCESS,
        page_shift: 12,
        mmap_offset: object.created.mmap_offset,
        region: SYSTEM,
        ..GemInfo::default()
    };
    assert_eq!(object.info(), expected);
    assert_eq!(object.created.page_shift, 12);
    let offset = object.created.mmap_offset;
    assert!(offset != 0 && offset % PAGE == 0, "{offset:#x}");
    drop(object.export());
    expected.state = uapi::GEM_STATE_EXPORTED;
    assert_eq!(object.info(), expected);
    let handle = object.handle();
    drop(object);
    assert_eq!(info(&node, handle), Err(Errno::ENOENT));
}

/// The lines about objects in debugfs.
fn listed(gpu: &Gpu) -> String {
    let path = format!("/sys/kernel/debug/dri/{}/gems", gpu.pci().name());
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn label(gpu: &Gpu) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable(SIZE));
    let line = |text: &str| {
        listed(gpu)
            .lines()
            .find(|line| line.ends_with(text))
            .map(str::to_owned)
    };
    let longest = format!("{}\0", "é".repeat(2047));
    for label in ["vertices of a teapot\0", "Gefäß\0", &longest] {
        assert_eq!(object.set_label(label.as_bytes()), Ok(()));
        let text = label.trim_end_matches('\0');
        let line = line(text).unwrap_or_else(|| panic!("{text} is not in\n{}", listed(gpu)));
        assert!(line.contains("system") && line.contains("65536"), "{line}");
    }
    assert_eq!(object.set_label(b"\0"), Ok(()));
    assert_eq!(object.set_label(b"again\0"), Ok(()));
    assert!(line("again").is_some());
    assert_eq!(object.set_label(&[]), Ok(()));
    assert_eq!(line("again"), None, "the label is not removed");
    assert_eq!(object.set_label(b"again\0"), Ok(()));
    drop(object);
    assert_eq!(line("again"), None, "the object is closed");
}

fn label_refused(gpu: &Gpu) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable(SIZE));
    assert_eq!(object.set_label(b"kept\0"), Ok(()));
    for wrong in [&b"a"[..], b"a\0b\0", b"a\nb\0", b"\xff\0", &[0; 4097]] {
        assert_eq!(object.set_label(wrong), Err(Errno::EINVAL));
    }
    assert!(listed(gpu).lines().any(|line| line.ends_with("kept")));
}

fn regions(gpu: &Gpu) {
    let node = gpu.open_render();
    let regions = nova::query_regions(&node).unwrap();
    let [system, vram] = regions[..] else {
        panic!("{regions:?}");
    };
    log::info!("{system:?}\n{vram:?}");
    assert_eq!(
        (system.id, system.region_class),
        (SYSTEM, uapi::MEMORY_REGION_SYSTEM)
    );
    assert_eq!(
        (vram.id, vram.region_class),
        (VRAM, uapi::MEMORY_REGION_VRAM)
    );
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let total = memory.lines().find_map(|line| {
        let value = line.strip_prefix("MemTotal:")?.strip_suffix("kB")?;
        value.trim().parse::<u64>().ok()
    });
    let half = total.map(|kibibytes| (kibibytes << 10 >> 1) / PAGE * PAGE);
    assert_eq!(Some(system.size), half, "half of the machine's memory");
    let device = nova::query_device(&node).unwrap();
    assert_eq!(vram.size, device.vram_usable);
    assert_eq!(vram.page_sizes, 1 << 12 | 1 << 16 | 1 << 21);
    let bar = device.bar_size.into_iter().max().unwrap();
    let is_visible = (1..=bar).contains(&vram.cpu_visible_size);
    assert!(is_visible, "{vram:?} through {bar:#x} bytes");
    assert_eq!(system.cpu_visible_size, system.size);
    for region in regions {
        assert_eq!(region.page_sizes & 1 << 12, 1 << 12, "{region:?}");
        assert_eq!(region.client_used, 0, "{region:?}");
        assert!(region.client_budget > 0, "{region:?}");
        assert!(region.client_budget <= region.size, "{region:?}");
    }
}

fn used(gpu: &Gpu) {
    let (node, other) = (gpu.open_render(), gpu.open_primary());
    for (id, create) in [(SYSTEM, mappable(SIZE)), (VRAM, within(VRAM, SIZE))] {
        let before = region(&node, id);
        let objects = [(); 3].map(|()| Object::new(&node, create));
        let after = region(&node, id);
        assert_eq!(after.client_used, before.client_used + 3 * SIZE);
        assert_eq!(after.used, before.used + 3 * SIZE);
        assert_eq!(region(&other, id).client_used, 0);
        assert_eq!(region(&other, id).used, after.used);
        let handle = drm::import(&other, objects[0].export()).unwrap();
        assert_eq!(region(&other, id).client_used, SIZE);
        assert_eq!(region(&other, id).used, after.used, "it is one object");
        drop(objects);
        assert_eq!(region(&node, id).client_used, 0);
        assert_eq!(region(&node, id).used, before.used + SIZE);
        assert_eq!(drm::gem_close(&other, handle), Ok(()));
        assert_eq!(region(&node, id).used, before.used);
    }
}

fn status(gpu: &Gpu) {
    let node = gpu.open_render();
    let before = nova::query_status(&node).unwrap();
    assert_eq!(before.health, uapi::HEALTH_OK);
    gpu.require_reset();
    gpu.pci().reset().expect("the GPU is reset");
    wait_for(HANG, "the reset to be counted", || {
        nova::query_status(&node).unwrap().resets == before.resets + 1
    });
    gpu.assert_running();
    let after = nova::query_status(&node).unwrap();
    assert_eq!(after.health, uapi::HEALTH_OK);
    assert_eq!(after.vram_losses, before.vram_losses + 1);
    drop(node);
    gpu.unbind();
    gpu.bind();
    gpu.assert_running();
    let fresh = nova::query_status(&gpu.open_render()).unwrap();
    assert_eq!((fresh.resets, fresh.vram_losses), (0, 0));
}

fn no_names(gpu: &Gpu) {
    let node = gpu.open_primary();
    let object = Object::new(&node, mappable(SIZE));
    assert_eq!(
        drm::gem_flink(&node, object.handle()),
        Err(Errno::EOPNOTSUPP)
    );
    for name in 0..4 {
        assert_eq!(drm::gem_open(&node, name), Err(Errno::ENOENT));
    }
}

fn same_file(gpu: &Gpu) {
    let node = gpu.open_render();
    for create in [mappable(SIZE), within(VRAM, SIZE)] {
        let object = Object::new(&node, create);
        let exported = object.export();
        assert_eq!(drm::import(&node, &exported), Ok(object.handle()));
        assert_eq!(drm::import(&node, object.export()), Ok(object.handle()));
        assert_eq!(object.info().state, uapi::GEM_STATE_EXPORTED);
    }
}

fn other_file(gpu: &Gpu) {
    let (node, other) = (gpu.open_render(), gpu.open_primary());
    let object = Object::new(&node, mappable(SIZE));
    assert_eq!(object.set_label(b"shared\0"), Ok(()));
    let handle = drm::import(&other, object.export()).unwrap();
    assert_eq!(drm::import(&other, object.export()), Ok(handle));
    let expected = GemInfo {
        handle,
        ..object.info()
    };
    assert_eq!(info(&other, handle), Ok(expected));
    let lines = listed(gpu)
        .lines()
        .filter(|line| line.ends_with("shared"))
        .count();
    assert_eq!(lines, 2, "{}", listed(gpu));
    drop(object);
    assert_eq!(info(&other, handle), Ok(expected));
}

fn outlives(gpu: &Gpu) {
    let node = gpu.open_render();
    let object = Object::new(&node, mappable(SIZE));
    object.map().set(0, 0x1234_5678_u32);
    let exported = object.export();
    let used = region(&node, SYSTEM).used;
    drop(object);
    assert_eq!(region(&node, SYSTEM).used, used);
    let handle = drm::import(&node, &exported).unwrap();
    let offset = info(&node, handle).unwrap().mmap_offset;
    let memory = igt::memory::Mapped::new(&node, offset, SIZE as usize).unwrap();
    assert_eq!(memory.get::<u32>(0), 0x1234_5678);
    assert_eq!(drm::gem_close(&node, handle), Ok(()));
    drop((exported, memory));
    // The last reference of a dma-buf's file is dropped a moment later.
    wait_for(HANG, "the object to be freed", || {
        region(&node, SYSTEM).used == used - SIZE
    });
}
