// SPDX-License-Identifier: MIT

//! nova-drm's objects in GSP-RM: a client with the GPU as its device.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use igt::kmsg::{self, Follow};
use igt::mock::Mock;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, RmControl};
use igt::{sysfs, wait_for, Timeout, HANG};

/// Names of the classes of a client, a device and a subdevice in the mock's list.
const TREE: [&str; 3] = ["NV01_ROOT", "NV01_DEVICE_0", "NV20_SUBDEVICE_0"];

/// Prefix of the lines of the driver's objects; clients that GSP-RM itself has created have other
/// handles.
const CLIENT: &str = "client=0xc1d";

fn main() -> ExitCode {
    igt::run("nova-drm's objects in GSP-RM.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let mock = tests.fixture(|| Mock::require(&gpu));
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest(
            "client",
            "nova-drm has a client, a device and a subdevice, and nothing else.",
            || {
                // Whoever has used VRAM since the last bind has made it a channel.
                bind_anew(&gpu);
                client(&mock);
            },
        );
        tests.subtest(
            "unbind-drm",
            "nova-drm frees its objects one by one when it is unbound, and allocates new ones when it is bound.",
            || unbind_drm(&gpu, &mock),
        );
        tests.subtest(
            "crash",
            "nova-drm has new objects after recovery from a crash of the GSP.",
            || crash(&gpu, &mock),
        );
        tests.subtest(
            "reset",
            "nova-drm has new objects after a reset of the GPU.",
            || reset(&gpu, &mock),
        );
    })
}

/// The driver's objects.
fn objects(mock: &Mock) -> Vec<String> {
    let mut objects = mock.objects().unwrap();
    objects.retain(|object| object.starts_with(CLIENT));
    objects
}

fn bind_anew(gpu: &Gpu) {
    gpu.unbind();
    gpu.bind();
}

/// Asserts that there is one client with its device and subdevice; returns its handle.
fn client(mock: &Mock) -> String {
    let objects = objects(mock);
    let name = |object: &String| object.rsplit_once("name=").map(|(_, name)| name.to_owned());
    let names: Vec<_> = objects.iter().filter_map(name).collect();
    assert_eq!(names, TREE, "{objects:#?}");
    let client = objects[0].split(' ').next().unwrap_or_default().to_owned();
    assert!(objects.iter().all(|it| it.starts_with(&client)));
    client
}

/// The auxiliary device that nova-core has created for nova-drm, and the folder of its driver.
fn auxiliary(gpu: &Gpu) -> (String, PathBuf) {
    let names = sysfs::names(gpu.pci().path());
    let name = names.into_iter().find(|name| name.contains(".drm."));
    let name = name.expect("an auxiliary device");
    let driver = gpu.pci().path().join(&name).join("driver");
    (name, fs::canonicalize(driver).unwrap())
}

fn write(driver: &Path, attribute: &str, name: &str) {
    sysfs::write(driver.join(attribute), name).unwrap();
}

fn unbind_drm(gpu: &Gpu, mock: &Mock) {
    let before = client(mock);
    let (name, driver) = auxiliary(gpu);
    let frees = count_frees(gpu);
    {
        let _bound = Timeout::new(HANG, "unbinding nova-drm");
        write(&driver, "unbind", &name);
    }
    assert_eq!(objects(mock), [""; 0]);
    assert_eq!(count_frees(gpu) - frees, TREE.len());
    write(&driver, "bind", &name);
    gpu.assert_running();
    assert_ne!(client(mock), before);
}

/// Number of the last calls that have freed an object.
fn count_frees(gpu: &Gpu) -> usize {
    let calls = fs::read_to_string(gpu.debugfs().join("last_calls")).unwrap();
    calls
        .lines()
        .filter(|call| call.contains(": FREE ("))
        .count()
}

fn crash(gpu: &Gpu, mock: &Mock) {
    // The number of recoveries is limited, and a bind resets it.
    bind_anew(gpu);
    let before = client(mock);
    kmsg::expect(&[nova::IS_LOST]);
    let mut log = Follow::from_now().unwrap();
    {
        let _bound = Timeout::new(HANG, "a GSP that crashes");
        let _broken = mock.broken("stage=gsp,kind=crash");
        let cmd = rm_control::GPU_GET_NAME_STRING;
        let params = [0; rm_control::NAME_STRING_LEN];
        let answer = RmControl::open(gpu).call(rm_control::SUBDEVICE, cmd, &params);
        answer.expect_err("a GSP that has crashed answers");
    }
    wait_for(HANG, "the GSP to run again", || {
        let records = log.records().unwrap();
        records
            .iter()
            .any(|record| record.text.contains(nova::RUNS_AGAIN))
    });
    gpu.assert_running();
    assert_ne!(client(mock), before);
}

fn reset(gpu: &Gpu, mock: &Mock) {
    gpu.require_reset();
    let before = client(mock);
    {
        let _bound = Timeout::new(HANG, "a reset");
        gpu.pci().reset().unwrap();
    }
    // A worker boots the GSP after the reset, and another one creates nova-drm's client.
    wait_for(HANG, "a new client", || {
        let objects = mock.objects().unwrap_or_default();
        let names = objects.iter().filter(|it| it.starts_with(CLIENT));
        names.clone().count() == TREE.len() && names.clone().all(|it| !it.starts_with(&before))
    });
    client(mock);
    gpu.assert_running();
}
