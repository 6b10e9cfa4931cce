// SPDX-License-Identifier: MIT

//! Memory: what is allocated, mapped and bound.

use ash::{ext, vk};
use igt::data::{assert_same, pattern};
use igt::vulkan::{image, Buffer, Device, Image, Memory, Place, Vulkan};
use igt::{Fixture, Tests};

use crate::devices::{copies, require, Devices};

/// Sizes of allocations.
const SIZES: [u64; 6] = [1, 4095, 4096, 65_537, 1 << 20, (4 << 20) + 1];

/// The bytes that the CPU writes at a place; all of a large allocation would take long.
const WINDOW: u64 = 64;

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    let device = || {
        let physical = devices.first();
        Device::new(vulkan, physical, copies(physical))
    };
    tests.subtest(
        "allocate",
        "There is memory of each type and size, and the CPU maps what it is told that it can.",
        || allocate(&device()),
    );
    tests.subtest(
        "map",
        "What is in memory stays while it is mapped, unmapped and copied.",
        || {
            map(&device());
        },
    );
    tests.subtest("many", "Many objects at once do not share memory.", || {
        many(&device())
    });
    tests.subtest(
        "too-much",
        "More memory than there is cannot be had, and that is all.",
        || too_much(&device()),
    );
    tests.subtest(
        "requirements",
        "Buffers and images say what memory they need.",
        || {
            requirements(&device());
        },
    );
    tests.subtest(
        "bind",
        "Objects share an allocation, apart or in the same place.",
        || {
            devices.copies(vulkan).assert_same("bound objects", bind);
        },
    );
    tests.subtest(
        "budget",
        "What is allocated is used, and no more than what there is.",
        || {
            budget(&device());
        },
    );
}

fn allocate(device: &Device<'_>) {
    for (index, kind) in device.physical.types().iter().enumerate() {
        let is_mapped = kind
            .property_flags
            .contains(vk::MemoryPropertyFlags::HOST_VISIBLE);
        let is_coherent = kind
            .property_flags
            .contains(vk::MemoryPropertyFlags::HOST_COHERENT);
        for size in SIZES {
            let memory = device.memory(size, index as u32);
            if is_mapped && is_coherent {
                let length = size.min(WINDOW);
                for at in [0, (size - length) / 2, size - length] {
                    let bytes = pattern(at ^ size, length as usize);
                    memory.write(at, &bytes);
                    assert_same(
                        &memory.read(at, length as usize),
                        &bytes,
                        &format!("{kind:?}, {size}"),
                    );
                }
            }
        }
    }
}

fn map(device: &Device<'_>) {
    const SIZE: usize = 20_000;
    let buffer = device.buffer_at(SIZE as u64, Place::System);
    let mut bytes = pattern(1, SIZE);
    buffer.memory().write(0, &bytes);
    // Parts of it, at offsets of all kinds.
    for (number, at) in [0_usize, 1, 63, 4095, 4096, 4097, 12_345]
        .into_iter()
        .enumerate()
    {
        let piece = pattern(number as u64, 500 + number);
        buffer.memory().write(at as u64, &piece);
        bytes[at..at + piece.len()].copy_from_slice(&piece);
    }
    assert_same(
        &buffer.memory().read(0, SIZE),
        &bytes,
        "what was written in parts",
    );
    // The device reads it while it is mapped, and the CPU sees what the device writes.
    let other = device.buffer(SIZE as u64);
    let mapped = buffer.memory().map(0, SIZE);
    assert_same(&device.read(&buffer), &bytes, "what the device reads");
    let after = pattern(2, SIZE);
    let source = device.buffer_with(&after);
    device.run(|commands| {
        commands.copy_whole(&source, &other);
        commands.barrier();
        commands.copy_whole(&other, &buffer);
        commands.barrier();
    });
    assert_same(&mapped.read(), &after, "what the device has written");
}

fn many(device: &Device<'_>) {
    const COUNT: u32 = 150;
    let buffers: Vec<_> = (0..COUNT)
        .map(|number| device.buffer(u64::from(4 * number + 4)))
        .collect();
    let target = device.buffer_at(u64::from(4 * COUNT), Place::System);
    device.run(|commands| {
        for (number, buffer) in (0..).zip(&buffers) {
            commands.fill(buffer, 0, vk::WHOLE_SIZE, number);
        }
        commands.barrier();
        for (number, buffer) in (0..).zip(&buffers) {
            let last = vk::BufferCopy {
                src_offset: buffer.size() - 4,
                dst_offset: 4 * number,
                size: 4,
            };
            commands.copy(buffer, &target, &[last]);
        }
        commands.barrier();
    });
    let expected: Vec<u8> = (0..COUNT).flat_map(u32::to_le_bytes).collect();
    assert_same(
        &target.memory().read(0, expected.len()),
        &expected,
        "the numbers of the objects",
    );
}

fn too_much(device: &Device<'_>) {
    /// No GPU has so much, and no address space has room for it.
    const SIZE: u64 = 1 << 50;
    igt::require!(
        device.physical.driver == vk::DriverId::MESA_NVK,
        "a driver that has the memory that it gives"
    );
    let errors = [
        vk::Result::ERROR_OUT_OF_DEVICE_MEMORY,
        vk::Result::ERROR_OUT_OF_HOST_MEMORY,
    ];
    for (index, kind) in (0..).zip(device.physical.types()) {
        match Memory::new(device, SIZE, index) {
            Ok(_) => panic!("{SIZE} bytes of {kind:?}"),
            Err(error) => assert!(errors.contains(&error), "{error}"),
        }
        device.memory(4096, index);
    }
}

fn requirements(device: &Device<'_>) {
    let all = (1_u32 << device.physical.types().len()) - 1;
    let check = |requirements: vk::MemoryRequirements, least: u64| {
        let vk::MemoryRequirements {
            size,
            alignment,
            memory_type_bits: types,
        } = requirements;
        assert!(
            size >= least && alignment.is_power_of_two(),
            "{requirements:?}"
        );
        assert!(types != 0 && types & !all == 0, "{requirements:?}");
        types
    };
    let of_buffers: Vec<u32> = [1, 3, 4, 255, 4096, 65_537, 1 << 30]
        .into_iter()
        .map(|size| check(Buffer::new(device, size).requirements(), size))
        .collect();
    // They depend on the usage alone.
    assert!(
        of_buffers.windows(2).all(|pair| pair[0] == pair[1]),
        "{of_buffers:x?}"
    );
    let last = of_buffers[0];
    Place::System.find(device.physical, last);
    Place::Local.find(device.physical, last);
    for tiling in [vk::ImageTiling::LINEAR, vk::ImageTiling::OPTIMAL] {
        for size in [1, 7, 64, 1000] {
            let extent = vk::Extent3D {
                width: size,
                height: size,
                depth: 1,
            };
            let create = image::create(vk::Format::R8G8B8A8_UINT, extent, tiling);
            let image = Image::new(device, &create);
            check(image.requirements(), 4 * u64::from(size) * u64::from(size));
        }
    }
}

/// Buffers and an image in one allocation, and a second buffer in the place of another one.
fn bind(device: &Device<'_>) -> Vec<u8> {
    const SIZE: u64 = 10_001;
    let extent = vk::Extent3D {
        width: 50,
        height: 30,
        depth: 1,
    };
    let create = image::create(vk::Format::R8G8B8A8_UINT, extent, vk::ImageTiling::OPTIMAL);
    let image = Image::new(device, &create);
    let buffers = [(); 4].map(|()| Buffer::new(device, SIZE));
    let [of_image, of_buffer] = [image.requirements(), buffers[0].requirements()];
    // Linear and other objects must be apart.
    let apart = device.physical.properties.limits.buffer_image_granularity;
    let align = of_image.alignment.max(of_buffer.alignment).max(apart);
    let step = of_image.size.max(of_buffer.size).next_multiple_of(align);
    let types = of_image.memory_type_bits & of_buffer.memory_type_bits;
    let memory = device.memory(5 * step, Place::Local.find(device.physical, types));
    // In another order than they were made. The last buffer is in the place of the first one.
    for (buffer, place) in buffers.iter().zip([4, 0, 2, 4]) {
        buffer.bind(&memory, place * step);
    }
    image.bind(&memory, 3 * step);
    let texels = device.buffer_with(&pattern(9, 4 * 50 * 30));
    let whole = vk::BufferImageCopy::default()
        .image_subresource(image.layers(0))
        .image_extent(extent);
    let back = device.buffer(texels.size());
    let sources = [1, 2, 3].map(|seed| device.buffer_with(&pattern(seed, SIZE as usize)));
    device.run(|commands| {
        commands.prepare(&image);
        commands.to_image(&texels, &image, &[whole]);
        for (source, buffer) in sources.iter().zip(&buffers) {
            commands.copy_whole(source, buffer);
        }
        commands.barrier();
        commands.update(&buffers[3], 100, &pattern(5, 64));
        commands.barrier();
        commands.from_image(&image, &back, &[whole]);
    });
    let mut bytes = device.read(&back);
    for buffer in &buffers {
        bytes.extend(device.read(buffer));
    }
    bytes
}

fn budget(device: &Device<'_>) {
    const SIZE: u64 = 8 << 20;
    require(
        device.physical,
        device.physical.has(ext::memory_budget::NAME),
        "VK_EXT_memory_budget",
    );
    igt::require!(
        device.physical.driver == vk::DriverId::MESA_NVK,
        "a driver that counts its own memory, not that of the machine"
    );
    let read = || {
        let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
        let mut all = vk::PhysicalDeviceMemoryProperties2::default().push_next(&mut budget);
        let instance = device.vulkan.raw();
        // SAFETY: The handle is of this instance, whose driver knows the structure.
        unsafe {
            instance.get_physical_device_memory_properties2(device.physical.handle, &mut all)
        };
        (budget.heap_budget, budget.heap_usage)
    };
    for (index, kind) in (0..).zip(device.physical.types()) {
        let heap = kind.heap_index as usize;
        let (_, before) = read();
        let memory = device.memory(SIZE, index);
        let (budgets, usage) = read();
        log::info!("{kind:?}: {before:?} {usage:?} {budgets:?}");
        assert!(
            usage[heap] >= before[heap] + SIZE,
            "{usage:?} after {before:?}"
        );
        let size = device.physical.heaps()[heap].size;
        assert!((1..=size).contains(&budgets[heap]), "{budgets:?} of {size}");
        drop(memory);
        let (_, after) = read();
        assert!(after[heap] < usage[heap], "{after:?} after {usage:?}");
    }
}
