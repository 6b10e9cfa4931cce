// SPDX-License-Identifier: MIT

//! What fdinfo tells of a file's memory.

use std::fs::File;
use std::process::ExitCode;

use igt::drm;
use igt::fdinfo::FdInfo;
use igt::nova::object::{mappable, within, Object, VRAM};
use igt::nova::Gpu;
use igt::{Timeout, HANG};

/// Bytes of an object.
const SIZE: u64 = 1 << 16;

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
