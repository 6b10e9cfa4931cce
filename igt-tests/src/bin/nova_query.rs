// SPDX-License-Identifier: MIT

//! The answers of a Nova device's ioctls, to valid and to invalid calls.

use std::fs::File;
use std::process::ExitCode;
use std::thread;

use igt::cgroup::Cgroup;
use igt::memory::{BadAddress, HalfWritable};
use igt::nova::object::{within, VRAM};
use igt::nova::{self, Gpu};
use igt::{drm, Children, HANG};
use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{
    GemCreate, GemInfo, MemoryRegion, Query, QueryDevice, QueryFirmware, QueryGraphics,
    QueryLimits, QueryList, QueryStatus, QueryVm, QueryZcull,
};

/// All queries, each with the size of its first version.
const QUERIES: [(u32, usize); 9] = [
    (uapi::QUERY_DEVICE, QueryDevice::FIRST_SIZE),
    (uapi::QUERY_FIRMWARE, QueryFirmware::FIRST_SIZE),
    (uapi::QUERY_MEMORY_REGIONS, QueryList::FIRST_SIZE),
    (uapi::QUERY_ENGINES, QueryList::FIRST_SIZE),
    (uapi::QUERY_VM, QueryVm::FIRST_SIZE),
    (uapi::QUERY_LIMITS, QueryLimits::FIRST_SIZE),
    (uapi::QUERY_STATUS, QueryStatus::FIRST_SIZE),
    (uapi::QUERY_GRAPHICS, QueryGraphics::FIRST_SIZE),
    (uapi::QUERY_ZCULL, QueryZcull::FIRST_SIZE),
];

/// Number of threads or processes that call at once.
const AT_ONCE: usize = 4;

/// Number of rounds of each thread or process.
const ROUNDS: usize = 200;

/// Number of objects that a thread has at a time.
const OBJECTS: u64 = 4;

/// Both nodes of the device.
struct Nodes {
    gpu: Gpu,
    render: File,
    primary: File,
}

impl Nodes {
    fn require() -> Self {
        let gpu = Gpu::require();
        gpu.start();
        Self {
            render: gpu.open_render(),
            primary: gpu.open_primary(),
            gpu,
        }
    }

    fn each(&self) -> [&File; 2] {
        [&self.render, &self.primary]
    }
}

fn main() -> ExitCode {
    igt::run(
        "Calls the driver's ioctls, in valid and in invalid ways.",
        |tests| {
            let nodes = tests.fixture(Nodes::require);

            tests.group("Right questions.", |tests| {
                tests.subtest("version", "Both nodes are driven by nova.", || {
                    version(&nodes)
                });
                tests.subtest("device", "The GPU is described as PCI shows it.", || {
                    device(&nodes)
                });
                tests.subtest("firmware", "The release is a release number.", || {
                    firmware(&nodes)
                });
                tests.subtest(
                    "graphics",
                    "The parts of the graphics engine add up.",
                    || graphics(&nodes),
                );
                tests.subtest("nodes-agree", "Both nodes answer the same.", || {
                    nodes_agree(&nodes)
                });
                tests.subtest(
                    "getparam",
                    "The parameter of Linux 7.3 is the size of the VRAM BAR.",
                    || getparam(&nodes),
                );
                tests.subtest(
                    "gem",
                    "Objects have the size that they were created with.",
                    || gem(&nodes),
                );
            });
            tests.group("Sizes.", |tests| {
                tests.subtest("size-zero", "Size 0 asks for the size.", || {
                    size_zero(&nodes)
                });
                tests.subtest(
                    "size-short",
                    "A size below that of the first version is refused.",
                    || size_short(&nodes),
                );
                tests.subtest(
                    "size-exact",
                    "The size of the first version is filled.",
                    || size_exact(&nodes),
                );
                tests.subtest(
                    "size-long",
                    "Memory behind the answer is not written.",
                    || size_long(&nodes),
                );
                tests.subtest("size-huge", "A huge size does no harm.", || {
                    size_huge(&nodes)
                });
            });
            tests.group("Wrong questions.", |tests| {
                tests.subtest("bad-query", "Unknown queries are refused.", || {
                    bad_query(&nodes)
                });
                tests.subtest("bad-flags", "Every reserved bit is refused.", || {
                    bad_flags(&nodes)
                });
                tests.subtest("bad-pointer", "Unwritable memory is refused.", || {
                    bad_pointer(&nodes)
                });
                tests.subtest("bad-getparam", "Unknown parameters are refused.", || {
                    bad_getparam(&nodes)
                });
                tests.subtest("bad-gem", "Wrong sizes and handles are refused.", || {
                    bad_gem(&nodes)
                });
                tests.subtest("bad-command", "Unknown commands are refused.", || {
                    bad_command(&nodes)
                });
                tests.subtest(
                    "argument-size",
                    "Arguments of other sizes are truncated or padded.",
                    || {
                        argument_size(&nodes);
                    },
                );
            });
            tests.group("At once.", |tests| {
                tests.subtest(
                    "threads",
                    "Threads that share a file get their own answers.",
                    || {
                        threads(&nodes);
                    },
                );
                tests.subtest(
                    "processes",
                    "Processes that call at once, each with its own file, get the same answer.",
                    || {
                        processes(&nodes);
                    },
                );
            });
            tests.group("Objects.", |tests| {
                tests.subtest("gem-pad", "Padding is ignored, as by Linux 7.3.", || {
                    gem_pad(&nodes)
                });
                tests.subtest(
                    "gem-too-large",
                    "Objects larger than VRAM are refused.",
                    || gem_too_large(&nodes),
                );
                tests.subtest(
                    "gem-full",
                    "All objects together cannot be larger than VRAM, and closing them frees it.",
                    || gem_full(&nodes),
                );
                tests.subtest(
                    "gem-used",
                    "What objects take of VRAM is told, and is free when they are closed.",
                    || gem_used(&nodes),
                );
                tests.subtest(
                    "gem-accounted",
                    "The kernel's memory for objects is charged to their creator.",
                    || gem_accounted(&nodes),
                );
            });
        },
    )
}

fn version(nodes: &Nodes) {
    for node in nodes.each() {
        let version = drm::version(node).unwrap();
        assert_eq!(version.name, uapi::DRIVER_NAME);
        let [major, minor, _] = version.numbers.map(i64::from);
        assert_eq!(major, uapi::DRIVER_MAJOR.into());
        assert_eq!(minor, uapi::DRIVER_MINOR.into());
    }
}

fn device(nodes: &Nodes) {
    let device = nova::query_device(&nodes.render).unwrap();
    log::info!("{device:?}");
    assert_ne!(device.chipset, 0);
    assert_eq!(
        device.chipset >> 4,
        device.architecture,
        "GA102 is 0x172, Ampere 0x17"
    );
    assert!(device.revision_major < 0x10 && device.revision_minor < 0x10);
    assert_ne!(device.vram_usable, 0);
    assert!(device.vram_usable <= device.vram_size);
    assert_eq!(device.bar_size, nodes.gpu.pci().bar_sizes().unwrap());
    let name = device.name.as_str().expect("the name is text");
    assert!(name.contains("NVIDIA"), "{name:?}");
    assert!(name.len() < 64, "the name does not end");
}

fn firmware(nodes: &Nodes) {
    let firmware = nova::query_firmware(&nodes.render).unwrap();
    log::info!("{firmware:?}");
    let release = firmware.release.as_str().expect("the release is text");
    let numbers: Vec<&str> = release.split('.').collect();
    assert!(numbers.len() >= 2, "{release:?}");
    assert!(
        numbers.iter().all(|number| number.parse::<u32>().is_ok()),
        "{release:?}"
    );
}

fn graphics(nodes: &Nodes) {
    let graphics = nova::query_graphics(&nodes.render).unwrap();
    log::info!("{graphics:?}");
    assert!((7..=12).contains(&graphics.sm_major), "Turing has 7.5");
    assert!(graphics.warps_per_sm >= 16 && graphics.sms_per_tpc != 0);
    assert_eq!(graphics.threads_per_warp, 32);
    assert_eq!(graphics.gpc_mask.count_ones(), graphics.gpc_count);
    let tpcs: u32 = graphics
        .tpc_masks
        .iter()
        .map(|mask| mask.count_ones())
        .sum();
    assert_eq!(tpcs, graphics.tpc_count);
    for (gpc, &mask) in graphics.tpc_masks.iter().enumerate() {
        assert_eq!(mask != 0, graphics.gpc_mask >> gpc & 1 != 0, "GPC {gpc}");
    }
    let zcull = nova::query_zcull(&nodes.render).unwrap();
    log::info!("{zcull:?}");
    assert_ne!(zcull.subregion_count, 0);
    assert!(zcull.width_align.is_power_of_two() && zcull.height_align.is_power_of_two());
}

fn nodes_agree(nodes: &Nodes) {
    let [render, primary] = nodes.each();
    assert_eq!(nova::query_device(render), nova::query_device(primary));
    assert_eq!(nova::query_firmware(render), nova::query_firmware(primary));
    let param = uapi::GETPARAM_VRAM_BAR_SIZE;
    assert_eq!(
        nova::get_param(render, param),
        nova::get_param(primary, param)
    );
}

fn getparam(nodes: &Nodes) {
    let size = nova::get_param(&nodes.render, uapi::GETPARAM_VRAM_BAR_SIZE);
    assert_eq!(size, Ok(nodes.gpu.vram_bar_size()));
}

fn gem(nodes: &Nodes) {
    for node in nodes.each() {
        for (asked, given) in [(1, 4096), (4096, 4096), (4097, 8192)] {
            let mut create = GemCreate {
                size: asked,
                ..GemCreate::default()
            };
            assert_eq!(nova::gem_create(node, &mut create), Ok(()));
            assert_ne!(create.handle, 0);
            let mut info = GemInfo {
                handle: create.handle,
                ..GemInfo::default()
            };
            assert_eq!(nova::gem_info(node, &mut info), Ok(()));
            assert_eq!(info.size, given, "an object of {asked} bytes");
        }
    }
}

/// A query with `size` bytes of room.
fn query(query: u32, size: u64) -> Query {
    Query {
        query,
        size,
        ..Query::default()
    }
}

fn size_zero(nodes: &Nodes) {
    for node in nodes.each() {
        for (id, first_size) in QUERIES {
            let size = nova::query_size(node, id).unwrap();
            assert!(size >= first_size as u64, "query {id} has {size} bytes");
        }
    }
}

fn size_short(nodes: &Nodes) {
    for (id, first_size) in QUERIES {
        for size in [1, first_size / 2, first_size - 1] {
            let mut room = vec![0xa5; first_size];
            let asked = query(id, size as u64);
            let (error, after) = nova::query_into(&nodes.render, asked, &mut room).unwrap_err();
            assert_eq!(error, Errno::EINVAL, "query {id} with {size} bytes");
            assert_eq!(after.size, asked.size, "the query changed");
            assert!(
                room.iter().all(|byte| *byte == 0xa5),
                "something was copied"
            );
        }
    }
}

fn size_exact(nodes: &Nodes) {
    for (id, first_size) in QUERIES {
        let mut room = vec![0xa5; first_size];
        let asked = query(id, first_size as u64);
        let after = nova::query_into(&nodes.render, asked, &mut room).unwrap();
        assert_eq!(after.size, first_size as u64);
        assert!(room.iter().any(|byte| *byte != 0xa5), "nothing was copied");
    }
}

fn size_long(nodes: &Nodes) {
    for (id, _) in QUERIES {
        let size = nova::query_size(&nodes.render, id).unwrap();
        let mut room = vec![0xa5; size as usize + 100];
        let asked = query(id, size + 100);
        let after = nova::query_into(&nodes.render, asked, &mut room).unwrap();
        assert_eq!(after.size, size);
        assert_eq!(room[size as usize..], [0xa5; 100]);
    }
}

/// The kernel must write no more than its answer, whatever the size.
fn size_huge(nodes: &Nodes) {
    let pages = HalfWritable::new();
    for (id, _) in QUERIES {
        let size = nova::query_size(&nodes.render, id).unwrap();
        for huge in [1 << 32, 1 << 63, u64::MAX] {
            let at = pages.before_end(size as usize);
            let after = nova::query_at(&nodes.render, query(id, huge), at).unwrap();
            assert_eq!(after.size, size);
        }
    }
}

#[track_caller]
fn assert_refused(node: &File, asked: Query, error: Errno) {
    let mut room = vec![0xa5; 4096];
    let refused = nova::query_into(node, asked, &mut room).unwrap_err();
    assert_eq!(refused.0, error, "{asked:?}");
    let data = refused.1.data;
    assert_eq!(refused.1, Query { data, ..asked }, "the query changed");
    assert!(
        room.iter().all(|byte| *byte == 0xa5),
        "something was copied"
    );
}

fn bad_query(nodes: &Nodes) {
    let unknown = [uapi::QUERY_ZCULL + 1, 0x100, 1 << 31, u32::MAX];
    for node in nodes.each() {
        for id in unknown {
            assert_refused(node, query(id, 0), Errno::EINVAL);
            assert_refused(node, query(id, 4096), Errno::EINVAL);
        }
    }
}

fn bad_flags(nodes: &Nodes) {
    for (id, _) in QUERIES {
        for bit in 0..32 {
            for size in [0, 4096] {
                let flagged = Query {
                    flags: 1 << bit,
                    ..query(id, size)
                };
                assert_refused(&nodes.render, flagged, Errno::EINVAL);
            }
        }
    }
}

fn bad_pointer(nodes: &Nodes) {
    let pages = HalfWritable::new();
    for (id, first_size) in QUERIES {
        for address in [
            BadAddress::NULL,
            BadAddress::KERNEL,
            BadAddress::NON_CANONICAL,
            pages.read_only(),
            pages.before_end(1),
            pages.before_end(first_size - 1),
        ] {
            for size in [first_size as u64, 4096] {
                let asked = query(id, size);
                let (error, after) = nova::query_at(&nodes.render, asked, address).unwrap_err();
                assert_eq!(error, Errno::EFAULT, "query {id} at {address:?}");
                assert_eq!(after.size, size, "the query changed");
            }
        }
    }
}

fn bad_getparam(nodes: &Nodes) {
    for node in nodes.each() {
        // The lower half of the last one is a valid parameter.
        for param in [
            0,
            2,
            1 << 31,
            u64::MAX,
            1 << 32 | uapi::GETPARAM_VRAM_BAR_SIZE,
        ] {
            assert_eq!(
                nova::get_param(node, param),
                Err(Errno::EINVAL),
                "{param:#x}"
            );
        }
    }
}

fn bad_gem(nodes: &Nodes) {
    for node in nodes.each() {
        for size in [0, u64::MAX] {
            let mut create = GemCreate {
                size,
                ..GemCreate::default()
            };
            assert_eq!(
                nova::gem_create(node, &mut create),
                Err(Errno::EINVAL),
                "{size:#x} bytes"
            );
        }
        for handle in [0, 0x1234, u32::MAX] {
            let mut info = GemInfo {
                handle,
                ..GemInfo::default()
            };
            assert_eq!(
                nova::gem_info(node, &mut info),
                Err(Errno::ENOENT),
                "handle {handle:#x}"
            );
        }
    }
}

fn bad_command(nodes: &Nodes) {
    for node in nodes.each() {
        for command in uapi::GEM_SET_LABEL + 1..0x60 {
            let result = drm::command_with_zeros(node, command, 16);
            assert_eq!(result, Err(Errno::EINVAL), "command {command:#x}");
        }
    }
}

/// DRM pads arguments of programs older than the kernel with zeroes, and truncates those of newer
/// ones; zeroes ask for the size of the first query.
fn argument_size(nodes: &Nodes) {
    for size in [4, 8, 16, 24, 32, 1024] {
        let result = drm::command_with_zeros(&nodes.render, uapi::QUERY, size);
        assert_eq!(result, Ok(()), "an argument of {size} bytes");
    }
}

/// Calls all queries many times and compares the answers.
fn ask_and_compare(node: &File, device: &QueryDevice, firmware: &QueryFirmware) {
    for _ in 0..ROUNDS {
        assert_eq!(nova::query_device(node).as_ref(), Ok(device));
        assert_eq!(nova::query_firmware(node).as_ref(), Ok(firmware));
        assert!(nova::get_param(node, uapi::GETPARAM_VRAM_BAR_SIZE).is_ok());
    }
}

/// Each thread's objects have sizes that no other thread uses; a handle that two threads got, or an
/// answer for another thread, has the wrong size.
fn threads(nodes: &Nodes) {
    for node in nodes.each() {
        thread::scope(|scope| {
            for number in 0..AT_ONCE {
                scope.spawn(move || (0..ROUNDS).for_each(|_| own_objects(node, number as u64)));
            }
        });
    }
}

fn own_objects(node: &File, thread: u64) {
    let sizes = (0..OBJECTS).map(|n| (1 + thread + n * AT_ONCE as u64) << 12);
    let objects: Vec<(u64, u32)> = sizes
        .map(|size| {
            let mut create = GemCreate {
                size,
                ..GemCreate::default()
            };
            assert_eq!(nova::gem_create(node, &mut create), Ok(()));
            (size, create.handle)
        })
        .collect();
    for (size, handle) in objects {
        let mut info = GemInfo {
            handle,
            ..GemInfo::default()
        };
        assert_eq!(nova::gem_info(node, &mut info), Ok(()));
        assert_eq!(info.size, size, "another thread's object");
        assert_eq!(drm::gem_close(node, handle), Ok(()));
    }
}

fn processes(nodes: &Nodes) {
    let device = nova::query_device(&nodes.render).unwrap();
    let firmware = nova::query_firmware(&nodes.render).unwrap();
    let children = Children::fork(AT_ONCE, |_| {
        ask_and_compare(&nodes.gpu.open_render(), &device, &firmware);
    });
    children.wait(HANG);
}

fn gem_pad(nodes: &Nodes) {
    for node in nodes.each() {
        let mut create = GemCreate {
            pad: u32::MAX,
            size: 4096,
            ..GemCreate::default()
        };
        assert_eq!(nova::gem_create(node, &mut create), Ok(()));
        let mut info = GemInfo {
            handle: create.handle,
            pad: u32::MAX,
            ..GemInfo::default()
        };
        assert_eq!(nova::gem_info(node, &mut info), Ok(()));
        assert_eq!(info.size, 4096);
        assert_eq!(drm::gem_close(node, create.handle), Ok(()));
    }
}

fn gem_too_large(nodes: &Nodes) {
    let vram = nova::query_device(&nodes.render).unwrap().vram_usable;
    for node in nodes.each() {
        for size in [vram + 1, 1 << 48, 1 << 63, u64::MAX - 0xfff] {
            let asked = GemCreate {
                handle: 0x1234,
                ..within(VRAM, size)
            };
            let mut create = asked;
            let result = nova::gem_create(node, &mut create);
            assert_eq!(result, Err(Errno::ENOSPC), "{size:#x} bytes");
            assert_eq!(create, asked, "the structure changed");
        }
    }
}

/// Creates an object in VRAM; returns its handle.
fn create_in_vram(node: &File, size: u64) -> Result<u32, Errno> {
    let mut create = within(VRAM, size);
    nova::gem_create(node, &mut create)?;
    Ok(create.handle)
}

/// Creates objects until not even a page is free.
fn fill(node: &File) -> Vec<u32> {
    let mut handles = Vec::new();
    let mut size = 1 << 62;
    while size >= 4096 {
        assert!(handles.len() < 64, "objects never fill VRAM");
        match create_in_vram(node, size) {
            Ok(handle) => handles.push(handle),
            Err(Errno::ENOSPC) => size /= 2,
            Err(error) => panic!("an object of {size:#x} bytes: {error}"),
        }
    }
    handles
}

fn gem_full(nodes: &Nodes) {
    let node = nodes.gpu.open_render();
    let handles = fill(&node);
    for other in nodes.each() {
        assert_eq!(create_in_vram(other, 1), Err(Errno::ENOSPC));
    }
    let last = handles.last().expect("there was no room at all");
    assert_eq!(drm::gem_close(&node, *last), Ok(()));
    let handle = create_in_vram(&nodes.render, 4096).expect("a page was freed");
    assert_eq!(drm::gem_close(&nodes.render, handle), Ok(()));
    drop(node);
    let handles = fill(&nodes.render).into_iter();
    assert!(handles.len() > 1, "a closed file does not free its objects");
    for handle in handles {
        assert_eq!(drm::gem_close(&nodes.render, handle), Ok(()));
    }
}

/// The region of VRAM.
fn vram(node: &File) -> MemoryRegion {
    let regions = nova::query_regions(node).unwrap().into_iter();
    let mut vram = regions.filter(|region| region.region_class == uapi::MEMORY_REGION_VRAM);
    vram.next().expect("there is VRAM")
}

fn gem_used(nodes: &Nodes) {
    let used = || vram(&nodes.render).used;
    let before = used();
    // The second time shows that nothing is lost.
    for _ in 0..2 {
        let node = nodes.gpu.open_render();
        let handles = fill(&node);
        let full = used();
        assert_eq!(full, vram(&nodes.render).size, "VRAM is full");
        let largest = handles.first().expect("there was no room at all");
        let mut info = GemInfo {
            handle: *largest,
            ..GemInfo::default()
        };
        assert_eq!(nova::gem_info(&node, &mut info), Ok(()));
        assert_eq!(drm::gem_close(&node, *largest), Ok(()));
        assert_eq!(used(), full - info.size);
        drop(node);
        assert_eq!(used(), before);
    }
}

fn gem_accounted(nodes: &Nodes) {
    const OBJECTS: u64 = 10_000;
    /// Smaller than `struct drm_gem_object` of any kernel.
    const LEAST: u64 = 256;

    let cgroup = Cgroup::require("nova_query");
    let children = Children::fork(1, |_| {
        cgroup.enter().expect("the process enters the cgroup");
        let node = nodes.gpu.open_render();
        let before = cgroup.memory().expect("the cgroup counts");
        for _ in 0..OBJECTS {
            nova::create(&node, 4096).expect("there is room");
        }
        let charged = cgroup.memory().expect("the cgroup counts") - before;
        log::info!("{charged} bytes for {OBJECTS} objects");
        assert!(charged > OBJECTS * LEAST, "{charged} bytes were charged");
    });
    children.wait(HANG);
}
