// SPDX-License-Identifier: MIT

//! nouveau is loaded and unloaded, and knows the GPU.

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use igt::nouveau::{self, Channel, Chip, Client, Engine, Gpu, Param};
use igt::{kmsg, sysfs, Timeout, HANG};
use nix::errno::Errno;

/// Number of times that the module is unloaded and loaded.
const RELOADS: u32 = 3;

/// Number of clients, one after the other and at once.
const CLIENTS: usize = 16;

fn main() -> ExitCode {
    igt::run(
        "Loads and unloads nouveau; asks it what the GPU is.",
        |tests| {
            let gpu = tests.fixture(Gpu::require);

            tests.subtest(
                "load",
                "nouveau drives the GPU once it is loaded, and the kernel reports no bug.",
                || load(&gpu),
            );
            tests.subtest(
                "params",
                "The parameters are those of the chip and of its PCI function.",
                || params(&gpu),
            );
            tests.subtest(
                "info",
                "The information about the device agrees with the parameters.",
                || info(&gpu),
            );
            tests.subtest(
                "clock",
                "The GPU's clock goes on, and not slower than that of the CPU.",
                || clock(&gpu),
            );
            tests.subtest(
                "zcull-info",
                "The GPU's firmware says how the depth buffer can be divided.",
                || zcull_info(&gpu),
            );
            tests.subtest(
                "classes",
                "Channels have the classes of the chip's generation, and no others.",
                || classes(&gpu),
            );
            tests.subtest(
                "clients",
                "Clients come and go, one after the other and at once.",
                || clients(&gpu),
            );
            tests.subtest(
                "unload-while-open",
                "nouveau cannot be unloaded while a file is open, but after it is closed.",
                || unload_while_open(&gpu),
            );
            tests.subtest(
                "reload",
                "nouveau drives the GPU again each time it was unloaded and loaded.",
                || (0..RELOADS).for_each(|_| reload(&gpu)),
            );
        },
    )
}

fn load(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "loading nouveau");
    if nouveau::module().is_loaded() {
        gpu.unload();
    }
    let mut watch = kmsg::Watch::from_now().expect("the kernel log");
    gpu.load();
    let records = watch.assert_quiet();
    let warnings: Vec<_> = records.iter().filter(|it| it.is_warning()).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

/// A client that asks questions; loads the module if that is not done yet.
fn asking(gpu: &Gpu) -> Client {
    gpu.load();
    Client::without_addresses(gpu)
}

fn params(gpu: &Gpu) {
    /// `nouveau_abi16_ioctl_getparam` of nouveau_abi16.c.
    const PCI_EXPRESS: u64 = 2;
    /// As nouveau_exec.h and nouveau_dma.h have it: half of a GPFIFO of 8 KiB, but one.
    const PUSH_MAX: u64 = (0x2000 / 8 - 1) / 2 - 1;

    let client = asking(gpu);
    if let Some(chip) = Gpu::named_chip() {
        assert_eq!(client.param(Param::ChipsetId), chip.number, "{}", chip.name);
    }
    assert_eq!(client.param(Param::PciVendor), 0x10de);
    let device = sysfs::read_number(gpu.pci().path().join("device"));
    assert_eq!(client.param(Param::PciDevice), device.expect("sysfs"));
    assert_eq!(client.param(Param::BusType), PCI_EXPRESS);
    assert_eq!(client.param(Param::VramBarSize), gpu.bar1());
    assert_eq!(client.param(Param::ExecPushMax), PUSH_MAX);

    let (vram, used) = (client.param(Param::FbSize), client.param(Param::VramUsed));
    log::info!("{vram:#x} bytes of VRAM, {used:#x} in use");
    assert!(vram > 1 << 30 && used > 0 && used < vram);
    assert_ne!(client.param(Param::GraphUnits), 0);
}

fn info(gpu: &Gpu) {
    let client = asking(gpu);
    let info = client.info();
    log::info!("{info:#x?}");
    assert_eq!(u64::from(info.chipset), client.param(Param::ChipsetId));
    assert_eq!(info.chip.to_lowercase(), client.chip().name);
    assert!(!info.name.is_empty());
    assert!(info.ram_user > 0 && info.ram_user <= info.ram_size);
    assert!(client.param(Param::FbSize) <= info.ram_user);
}

fn clock(gpu: &Gpu) {
    const PAUSE: Duration = Duration::from_millis(50);
    let client = asking(gpu);
    let before = client.param(Param::PtimerTime);
    sleep(PAUSE);
    let passed = client.param(Param::PtimerTime).checked_sub(before);
    let passed = Duration::from_nanos(passed.expect("the clock does not go back"));
    // The clocks of a machine differ by less than one part in a hundred.
    assert!(passed >= PAUSE * 99 / 100, "{passed:?} in {PAUSE:?}");
}

fn zcull_info(gpu: &Gpu) {
    let client = asking(gpu);
    match client.zcull_info() {
        Ok(info) => log::info!("{info:?}"),
        Err(Errno::ENOTTY) => igt::skip!("This release of the firmware does not say it."),
        Err(error) => panic!("GET_ZCULL_INFO: {error}"),
    }
}

fn classes(gpu: &Gpu) {
    gpu.load();
    let client = Client::new(gpu);
    let known = client.chip().classes;
    log::info!("{known:#x?}");

    let copy = Channel::bare(&client, Engine::Copy);
    // Without nouveau's own classes, such as that for software methods (include/nvif/class.h).
    let is_hardware = |class: &u32| class >> 16 == 0;
    let found: Vec<u32> = copy.classes().into_iter().filter(is_hardware).collect();
    assert_eq!(found, [known.copy], "{found:#x?}");
    let graphics = Channel::bare(&client, Engine::Graphics);
    let found = graphics.classes();
    for class in [known.inline, known.two_d, known.three_d, known.compute] {
        assert!(found.contains(&class), "{class:#x} is not in {found:#x?}");
        let object = graphics.create(class);
        assert!(object.is_ok(), "{class:#x}: {object:?}");
    }

    let others = ["tu102", "ga100", "ga102", "gh100", "gb100", "gb202"];
    for other in others.iter().filter_map(|name| Chip::named(name)) {
        let class = other.classes.copy;
        let expected = match class == known.copy {
            true => None,
            false => Some(Errno::EINVAL),
        };
        let refused = copy.create(class).err();
        assert_eq!(refused, expected, "{class:#x} of {}", other.name);
    }
}

fn clients(gpu: &Gpu) {
    gpu.load();
    for _ in 0..CLIENTS {
        drop(Client::new(gpu));
    }
    let clients: Vec<_> = (0..CLIENTS).map(|_| Client::new(gpu)).collect();
    for client in clients.iter().rev() {
        drop(Channel::bare(client, Engine::Copy));
    }
}

fn unload_while_open(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unloading and loading nouveau");
    let client = asking(gpu);
    assert_eq!(nouveau::module().unload(), Err(Errno::EWOULDBLOCK));
    assert_eq!(client.param(Param::PciVendor), 0x10de);
    drop(client);
    reload(gpu);
}

fn reload(gpu: &Gpu) {
    let _bound = Timeout::new(HANG, "unloading and loading nouveau");
    gpu.load();
    gpu.unload();
    gpu.load();
    let client = Client::new(gpu);
    drop(client.channel(Engine::Copy));
}
