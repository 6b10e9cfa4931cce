// SPDX-License-Identifier: MIT

//! What nova-drm has of GSP-RM's objects, as GSP-RM knows them: a client with the GPU as its device.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use igt::kmsg::{self, Follow};
use igt::mock::Mock;
use igt::nova::{self, Gpu};
use igt::rm_control::{self, Conversation};
use igt::{sysfs, wait_for, Timeout, HANG};

/// How the mock shows a client, a device and a subdevice.
const TREE: [&str; 3] = ["NV01_ROOT", "NV01_DEVICE_0", "NV20_SUBDEVICE_0"];

/// How a line of an object of the driver's begins; clients that GSP-RM itself has made have other handles.
const CLIENT: &str = "client=0xc1d";

fn main() -> ExitCode {
    igt::run("Objects of GSP-RM that nova-drm has.", |tests| {
        let gpu = tests.fixture(Gpu::require);
        let mock = tests.fixture(|| Mock::require(&gpu));
        let _running = tests.fixture(|| gpu.keep_running());

        tests.subtest(
            "client",
            "nova-drm has a client, a device and a subdevice, and nothing else.",
            || {
                client(&mock);
            },
        );
        tests.subtest(
            "unbind-drm",
            "They are freed one by one when nova-drm is unbound, and others are there when it is bound.",
            || unbind_drm(&gpu, &mock),
        );
        tests.subtest(
            "crash",
            "When the GSP has crashed and runs again, nova-drm has others.",
            || crash(&gpu, &mock),
        );
        tests.subtest(
            "reset",
            "When the GPU was reset, nova-drm has others.",
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

/// Asserts that there is one client as it should be; returns its handle.
fn client(mock: &Mock) -> String {
    let objects = objects(mock);
    let name = |object: &String| object.rsplit_once("name=").map(|(_, name)| name.to_owned());
    let names: Vec<_> = objects.iter().filter_map(name).collect();
    assert_eq!(names, TREE, "{objects:#?}");
    let client = objects[0].split(' ').next().unwrap_or_default().to_owned();
    assert!(objects.iter().all(|it| it.starts_with(&client)));
    client
}

/// The device that nova-core has made for nova-drm, and the folder of nova-drm on its bus.
fn auxiliary(gpu: &Gpu) -> (String, PathBuf) {
    let names = sysfs::names(gpu.pci().path());
    let name = names.into_iter().find(|name| name.contains(".drm."));
    let name = name.expect("an auxiliary device");
    let driver = gpu.pci().path().join(&name).join("driver");
    (name, fs::canonicalize(driver).unwrap())
}

fn tell(driver: &Path, what: &str, name: &str) {
    sysfs::write(driver.join(what), name).unwrap();
}

fn unbind_drm(gpu: &Gpu, mock: &Mock) {
    let before = client(mock);
    let (name, driver) = auxiliary(gpu);
    let frees = count_frees(gpu);
    {
        let _bound = Timeout::new(HANG, "unbinding nova-drm");
        tell(&driver, "unbind", &name);
    }
    assert_eq!(objects(mock), [""; 0]);
    assert_eq!(count_frees(gpu) - frees, TREE.len());
    tell(&driver, "bind", &name);
    gpu.assert_running();
    assert_ne!(client(mock), before);
}

/// How many of the last calls have freed an object.
fn count_frees(gpu: &Gpu) -> usize {
    let calls = fs::read_to_string(gpu.debugfs().join("last_calls")).unwrap();
    calls
        .lines()
        .filter(|call| call.contains(": FREE ("))
        .count()
}

fn crash(gpu: &Gpu, mock: &Mock) {
    // A GSP may be lost only so often until the GPU is bound anew.
    gpu.unbind();
    gpu.bind();
    let before = client(mock);
    kmsg::expect(&[nova::IS_LOST]);
    let mut log = Follow::from_now().unwrap();
    {
        let _bound = Timeout::new(HANG, "a GSP that crashes");
        let _broken = mock.broken("stage=gsp,kind=crash");
        let cmd = rm_control::GPU_GET_NAME_STRING;
        let params = [0; rm_control::NAME_STRING_LEN];
        let answer = Conversation::open(gpu).call(rm_control::SUBDEVICE, cmd, &params);
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
    // The boot is left to a worker, and nova-drm's client to another.
    wait_for(HANG, "a new client", || {
        let objects = mock.objects().unwrap_or_default();
        let names = objects.iter().filter(|it| it.starts_with(CLIENT));
        names.clone().count() == TREE.len() && names.clone().all(|it| !it.starts_with(&before))
    });
    client(mock);
    gpu.assert_running();
}
