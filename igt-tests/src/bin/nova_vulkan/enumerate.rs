// SPDX-License-Identifier: MIT

//! What NVK says of the GPUs, beside what Nova says of them; and that it uses each.

use ash::vk;
use igt::data::{assert_same, pattern};
use igt::nova::{self, Gpu};
use igt::vulkan::{Device, Physical, Semaphore, Vulkan};
use igt::{Fixture, Tests, HANG};

use crate::compute;
use crate::devices::{copies, is_with_nova, nova_gpu, Devices, Pair};

/// The chips on which NVK has passed no conformance test, and runs only when it is told to.
const WITHOUT_CONFORMANCE: [&str; 2] = ["gh1", "gb10"];

pub(crate) fn subtests(tests: &mut Tests, devices: &Fixture<Devices>) {
    tests.subtest(
        "drivers",
        "There is a GPU to test, and the driver that it is compared with is of the same Mesa.",
        || {
            let mesa = |physical: &Physical| {
                let info = physical.driver_info.split(" (").next();
                info.map(str::to_owned)
            };
            for tested in &devices.tested {
                log::info!("{}: {:?}", tested.name, tested.driver_info);
                assert_eq!(mesa(tested), mesa(devices.reference()));
            }
        },
    );
    tests.subtest_with_dynamic(
        "enumerate",
        "NVK finds each GPU, names it, and says what the kernel says of it.",
        |parts| {
            let gpus: Vec<_> = Gpu::all().into_iter().filter(is_with_nova).collect();
            igt::require!(!gpus.is_empty(), "a GPU with nova");
            assert_eq!(devices.tested.len(), gpus.len(), "GPUs that NVK finds");
            devices.for_each(parts, |physical| {
                let gpu = nova_gpu(physical).expect("a GPU at this address");
                enumerate(&gpu, physical);
            });
        },
    );
}

pub(crate) fn families(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    tests.subtest_with_dynamic(
        "each",
        "Each GPU copies memory, signals a timeline, and adds vectors by a program.",
        |parts| {
            devices.for_each(parts, |physical| {
                each(physical, vulkan);
                adds(&devices.pair(vulkan, physical, 0));
            });
        },
    );
}

fn enumerate(gpu: &Gpu, physical: &Physical) {
    let chip = gpu.chip();
    let properties = &physical.properties;
    log::info!("{:?}", physical.families);
    log::info!("{:?} {:?}", physical.heaps(), physical.types());

    assert!(
        physical.name.to_lowercase().contains(&chip),
        "{}",
        physical.name
    );
    assert_eq!(u64::from(properties.vendor_id), gpu.pci().vendor().unwrap());
    let id = igt::sysfs::read_number(gpu.pci().path().join("device")).unwrap();
    assert_eq!(u64::from(properties.device_id), id);
    assert_eq!(properties.device_type, vk::PhysicalDeviceType::DISCRETE_GPU);
    assert!(
        properties.api_version >= vk::API_VERSION_1_3,
        "{:#x}",
        properties.api_version
    );
    let is_conformant = !WITHOUT_CONFORMANCE
        .iter()
        .any(|prefix| chip.starts_with(prefix));
    assert_eq!(
        physical.conformance != [0; 4],
        is_conformant,
        "{:?}",
        physical.conformance
    );

    use vk::QueueFlags as Flags;
    let all = Flags::GRAPHICS | Flags::COMPUTE | Flags::TRANSFER | Flags::SPARSE_BINDING;
    assert!(physical.can(0, all), "{:?}", physical.families);
    assert!(physical.can(1, Flags::TRANSFER), "{:?}", physical.families);
    assert!(!physical.can(1, Flags::GRAPHICS) && !physical.can(1, Flags::COMPUTE));

    let local = |heap: &&vk::MemoryHeap| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL);
    let heaps = physical.heaps().iter().filter(local);
    let vram = heaps
        .map(|heap| heap.size >> 20)
        .max()
        .expect("a heap of VRAM");
    let report = gpu.boot_report();
    let usable = nova::field(&report, "VRAM").expect("VRAM");
    assert!(
        usable.ends_with(&format!(" {vram} MiB usable")),
        "{usable}, {:?}",
        physical.heaps()
    );
    let is_mapped = |kind: &vk::MemoryType| {
        let flags = kind.property_flags;
        flags.contains(
            vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT,
        )
    };
    assert!(
        physical.types().iter().any(is_mapped),
        "{:?}",
        physical.types()
    );
}

fn each(physical: &Physical, vulkan: &Vulkan) {
    const SIZE: usize = 70_001;
    let device = &Device::new(vulkan, physical, copies(physical));
    let bytes = pattern(1, SIZE);
    let (from, to) = (device.buffer_with(&bytes), device.buffer(SIZE as u64));
    let timeline = Semaphore::timeline(device, 3);
    let commands = device.record(|commands| commands.copy_whole(&from, &to));
    let result = device.submit(
        &commands,
        &[(&timeline, 4)],
        &[(&timeline, 9)],
        vk::Fence::null(),
    );
    assert_eq!(result, Ok(()));
    timeline.signal(4);
    assert_eq!(timeline.wait(9, HANG), Ok(()));
    assert_eq!(timeline.value(), 9);
    assert_same(&device.read(&to), &bytes, "a copy");
}

fn adds(pair: &Pair<'_>) {
    let case = compute::vector_add();
    pair.assert_same("sums of vectors", |device| case.run(device));
}
