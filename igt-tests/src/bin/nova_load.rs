// SPDX-License-Identifier: MIT

//! Loading and unloading the modules, binding and unbinding the GPU.

use std::fs;
use std::io;
use std::process::ExitCode;

use igt::mock::Mock;
use igt::module::{self, Module};
use igt::nova::{self, Gpu};
use igt::rm_control::RmControl;
use igt::{kmsg, Dynamic, Timeout, HANG};
use nix::errno::Errno;

/// Number of times that the modules are loaded and unloaded.
const RELOADS: u32 = 20;

/// Number of times that the GPU is unbound and bound.
const REBINDS: u32 = 3;

fn main() -> ExitCode {
    igt::run(
        "Loads and unloads the modules; binds and unbinds the GPU.",
        |tests| {
            let gpu = tests.fixture(Gpu::require);
            let _running = tests.fixture(|| gpu.keep_running());

            tests.subtest(
                "unload-load",
                "Unloading releases everything, and the next load boots the GPU.",
                || reload(&gpu),
            );
            tests.subtest(
                "reload",
                "The GPU boots every time when the modules are loaded and unloaded 20 times.",
                || (0..RELOADS).for_each(|_| reload(&gpu)),
            );
            tests.subtest(
                "unbind-bind",
                "The GPU can be unbound and bound through sysfs, and boots again.",
                || (0..REBINDS).for_each(|_| rebind(&gpu)),
            );
            tests.subtest(
                "unbind-unloads",
                "GSP-RM is unloaded when the GPU is unbound.",
                || unbind_unloads(&gpu, &Mock::require(&gpu)),
            );
            tests.subtest(
                "bind-bound",
                "A GPU that is bound cannot be bound again, and keeps running.",
                || bind_bound(&gpu),
            );
            tests.subtest(
                "unload-while-open",
                "The modules cannot be unloaded while a file is open, but after it is closed.",
                || unload_while_open(&gpu),
            );
            tests.subtest(
                "unload-core-first",
                "nova-core cannot be unloaded before nova-drm.",
                || unload_core_first(&gpu),
            );
            tests.subtest(
            "unbind-while-open",
            "A file that is open while the GPU is unbound answers ENODEV, also after the next bind.",
            || unbind_while_open(&gpu),
        );
            tests.subtest(
                "unload-unbound",
                "The modules can be unloaded after the GPU has been unbound.",
                || unload_unbound(&gpu),
            );
            tests.subtest_with_dynamic(
                "firmware-release",
                "The parameter firmware_release of nova-core selects the release that boots.",
                |parts| each_release(&gpu, parts),
            );
            tests.subtest(
                "without-rm-control",
                "Controls of GSP-RM can be called only with the parameter rm_control of nova-core.",
                || without_rm_control(&gpu),
            );
            tests.subtest(
                "foreign-drm",
                "nova-drm of another build is refused, and the kernel log names the symbol.",
                || foreign_drm(&gpu),
            );
        },
    )
}

fn reload(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unloading and loading");
    nova::unload();
    gpu.assert_released();
    nova::load();
    gpu.assert_running();
}

fn rebind(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    gpu.unbind();
    gpu.assert_released();
    // A card that has fallen off the bus would not take this setting, so it is checked only here.
    assert_eq!(gpu.pci().is_bus_master().ok(), Some(false));
    gpu.bind();
    gpu.assert_running();
}

fn unbind_unloads(gpu: &Gpu, mock: &Mock) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let before = mock.unloads();
    gpu.unbind();
    assert_eq!(mock.unloads(), before + 1);
    gpu.bind();
    gpu.assert_running();
}

fn bind_bound(gpu: &Gpu) {
    let result = gpu.pci().bind(&nova::driver());
    let error = result.expect_err("it was bound twice");
    assert!(
        matches!(
            error.raw_os_error(),
            Some(nix::libc::EBUSY | nix::libc::ENODEV)
        ),
        "{error}"
    );
    gpu.assert_running();
}

fn unload_while_open(gpu: &Gpu) {
    let nodes = [gpu.open_render(), gpu.open_primary()];
    for node in nodes {
        assert_held(&nova::drm_module());
        let answer = nova::query_device(&node);
        assert!(answer.is_ok(), "{answer:?}");
    }
    reload(gpu);
}

fn unload_core_first(gpu: &Gpu) {
    assert_held(&nova::core_module());
    gpu.assert_running();
}

/// Asserts that the kernel refuses to unload `module`, and that it stays loaded.
fn assert_held(module: &Module) {
    assert!(
        module.users().is_some_and(|users| users > 0),
        "{module} is not in use"
    );
    assert_eq!(module.unload(), Err(Errno::EWOULDBLOCK), "unload {module}");
    assert!(module.is_loaded(), "{module} is not loaded any more");
}

fn unbind_while_open(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding and binding");
    let nodes = [gpu.open_render(), gpu.open_primary()];
    let assert_gone = || {
        for node in &nodes {
            assert_eq!(nova::query_device(node), Err(Errno::ENODEV));
        }
    };
    gpu.unbind();
    gpu.assert_released();
    assert_gone();
    gpu.bind();
    gpu.assert_running();
    assert_gone();
}

fn unload_unbound(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unbinding, unloading and loading");
    gpu.unbind();
    nova::unload();
    gpu.assert_released();
    nova::load();
    gpu.assert_running();
}

/// Runs a dynamic subtest for each installed release of the GPU's firmware.
fn each_release(gpu: &Gpu, parts: &mut Dynamic<'_>) {
    let folder = format!("/lib/firmware/nvidia/{}/gsp", gpu.chip());
    let names = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    for entry in names {
        let name = entry.expect(&folder).file_name();
        let release = name.to_str().and_then(|name| {
            let release = name.strip_prefix("gsp-")?.strip_suffix(".bin");
            release.map(str::to_owned)
        });
        if let Some(release) = release {
            parts.dynamic(release.replace('.', "-"), || boot_release(gpu, &release));
        }
    }
}

fn boot_release(gpu: &Gpu, release: &str) {
    let _bound = Timeout::new(HANG, "unloading, and loading with a parameter");
    let branch = release.split('.').next().unwrap_or_default();
    nova::unload();
    let parameter = format!("firmware_release={branch}");
    let loaded = nova::core_module().load_with(&[&parameter]);
    loaded.unwrap_or_else(|error| panic!("{error}"));
    nova::load();
    gpu.assert_running();
    let firmware = nova::query_firmware(&gpu.open_render()).expect("the firmware is known");
    assert_eq!(firmware.release.as_str(), Some(release));
    reload(gpu);
}

/// Loads nova-core without parameters, which modprobe's configuration may add.
fn without_rm_control(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unloading, and loading without parameters");
    let image = nova::core_module().image().expect("nova-core has a file");
    nova::unload();
    assert_eq!(module::load_image(&image), Ok(()));
    nova::load();
    gpu.assert_running();
    let opened = RmControl::try_open(gpu).map_err(|error| error.kind());
    assert_eq!(opened.err(), Some(io::ErrorKind::NotFound));
    reload(gpu);
}

/// nova-drm is tied to nova-core by the name of a symbol, which ends with a hash.
fn foreign_drm(gpu: &Gpu) {
    const NAME: &[u8] = b"nova_core_of_build_";
    const HASH: usize = 16;

    let mut image = nova::drm_module().image().expect("nova-drm has a file");
    let is_name = |at: &usize| image[*at..].starts_with(NAME);
    let names: Vec<usize> = (0..image.len()).filter(is_name).collect();
    assert!(!names.is_empty(), "nova-drm is not tied to a build");
    for at in names {
        image[at + NAME.len()..][..HASH].fill(b'0');
    }
    let said = "nova_drm: Unknown symbol nova_core_of_build_0000000000000000";
    kmsg::expect(&[said]);
    let mut log = kmsg::Follow::from_now().expect("the kernel log");
    let unloaded = nova::drm_module().unload();
    assert_eq!(unloaded, Ok(()), "unload nova-drm");
    assert_eq!(module::load_image(&image), Err(Errno::ENOENT));
    let records = log.records().expect("the kernel log");
    assert!(
        records.iter().any(|record| record.text.contains(said)),
        "the kernel log has {records:?}"
    );
    nova::load();
    gpu.assert_running();
}
