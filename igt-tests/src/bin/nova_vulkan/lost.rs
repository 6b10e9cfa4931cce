// SPDX-License-Identifier: MIT

//! Devices that are lost by what they do, and others, which are not.

use std::time::Duration;

use ash::vk;
use igt::data::{assert_same, pattern};
use igt::kmsg::{self, Follow};
use igt::mock::Mock;
use igt::nouveau::OF_KILLED_CHANNEL;
use igt::nova::wrong::OF_STOPPED;
use igt::nova::Gpu;
use igt::vulkan::{Bound, Buffer, Device, Fence, Groups, Place, Program, Texels, Vulkan};
use igt::{wait_for, Fixture, Tests, HANG};

use crate::devices::{nova_gpu, Devices, Pair};

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    tests.subtest_with_dynamic(
        "lost",
        "A device that copies from where nothing is bound is lost; the one beside it and a new one work.",
        |parts| {
            require(devices);
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::TRANSFER, |beside| {
                others_work(beside, "a fault of the MMU", unbound);
            });
        },
    );
    tests.subtest(
        "endless",
        "A device whose program never ends is lost by the job's time-out; others work meanwhile.",
        || {
            require(devices);
            let beside = devices.pair(vulkan, devices.first(), devices.for_programs());
            others_work(&beside, "a job took too long", |device| {
                endless(device, &beside.tested);
            });
        },
    );
    tests.subtest(
        "not-modelled",
        "A device whose program has an instruction that the mock cannot execute is lost, and the log names the instruction.",
        || {
            require(devices);
            Mock::require(&Gpu::require());
            let beside = devices.pair(vulkan, devices.first(), devices.for_programs());
            others_work(&beside, "an error of the engine, Xid 13", not_modelled);
        },
    );
}

/// Skips if the devices use the memory of this process.
fn require(devices: &Devices) {
    igt::require!(
        devices.first().driver == vk::DriverId::MESA_NVK,
        "a driver whose GPU has address spaces"
    );
}

/// Loses a device. The one beside it works before and afterwards, and a new one does. nova leaves a dump with the reason.
fn others_work(beside: &Pair<'_>, reason: &str, lose: impl FnOnce(&Device<'_>)) {
    let tested = &beside.tested;
    let new = || Device::new(tested.vulkan, tested.physical, tested.family);
    kmsg::expect(&[&OF_STOPPED[..], &OF_KILLED_CHANNEL].concat());
    let gpu = nova_gpu(tested.physical);
    if let Some(gpu) = &gpu {
        gpu.dismiss_queue_dump();
    }
    works(tested);
    lose(&new());
    works(tested);
    works(&new());
    if let Some(gpu) = &gpu {
        let dump = gpu.await_queue_dump().text;
        assert!(dump.contains(reason), "{dump}");
    }
}

/// Copies, and compares what was copied.
fn works(device: &Device<'_>) {
    let bytes = pattern(1, 3000);
    let (from, to) = (device.buffer_with(&bytes), device.buffer(3000));
    device.run(|commands| commands.copy_whole(&from, &to));
    assert_same(&device.read(&to), &bytes, "a copy");
}

/// Asserts that work loses its device. It may end before the driver knows; what follows must say it.
fn assert_lost(device: &Device<'_>, work: impl Fn() -> Result<(), vk::Result>) {
    let results = [work(), device.wait_idle(), work(), device.wait_idle()];
    let lost = Err(vk::Result::ERROR_DEVICE_LOST);
    assert!(
        results.iter().all(|result| [Ok(()), lost].contains(result)),
        "{results:?}"
    );
    assert_eq!(results[2..], [lost, lost], "{results:?}");
}

fn unbound(device: &Device<'_>) {
    const SIZE: u64 = 1 << 16;
    // A buffer whose memory is to be bound by a queue has addresses at once, and nothing is there.
    let create = Buffer::create(SIZE).flags(vk::BufferCreateFlags::SPARSE_BINDING);
    let (unbound, target) = (Buffer::of(device, &create), device.buffer(SIZE));
    assert_lost(device, || {
        device.try_run(&[], |commands| commands.copy_whole(&unbound, &target))
    });
}

fn endless(device: &Device<'_>, beside: &Device<'_>) {
    let word = device.buffer_for_programs(&[0; 4]);
    let spirv = include_bytes!("programs/endless.spv");
    let program = Program::new(device, spirv, &[Bound::Buffer(&word)]);
    let commands = device.record(|it| it.launch(&program, &[], Groups::Count([1; 3])));
    assert_lost(device, || {
        let fence = Fence::new(device);
        device.submit(&commands, &[], &[], fence.handle())?;
        let mut rounds = 0;
        loop {
            match fence.wait(Duration::ZERO) {
                Err(vk::Result::TIMEOUT) => works(beside),
                ended => {
                    log::info!("the device beside it did {rounds} rounds meanwhile");
                    return ended;
                }
            }
            rounds += 1;
        }
    });
}

fn not_modelled(device: &Device<'_>) {
    const SIZE: u64 = 4 * 32;
    let mut log = Follow::from_now().expect("the kernel log");
    let create = Buffer::create_for_programs(SIZE);
    let [words, from] = [0, 1].map(|_| device.buffer_of(&create, Place::Local));
    let texels = Texels::of(&from);
    let spirv = include_bytes!("programs/texels.spv");
    let bound = [Bound::Buffer(&words), Bound::Texels(&texels)];
    let program = Program::new(device, spirv, &bound);
    assert_lost(device, || {
        device.try_run(&[], |commands| {
            commands.launch(&program, &[], Groups::Count([1; 3]));
        })
    });
    let mut said = Vec::new();
    wait_for(
        HANG,
        "the name of the instruction in the kernel log",
        || {
            let records = log.records().expect("the kernel log");
            said.extend(records.into_iter().map(|record| record.text));
            said.iter().any(|text| text.contains("SULD"))
        },
    );
}
