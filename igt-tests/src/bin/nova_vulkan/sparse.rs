// SPDX-License-Identifier: MIT

//! Buffers whose parts are bound to memory by a queue.

use ash::vk;
use igt::data::{assert_same, pattern};
use igt::vulkan::{Buffer, Device, Fence, Memory, Place, Vulkan};
use igt::{Fixture, Tests, HANG};

use crate::devices::{require, Devices, Pair};

/// The largest alignment of a part that a device may want (the standard block of Vulkan).
const BLOCK: u64 = 64 << 10;

/// The blocks of a buffer.
const BLOCKS: usize = 4;

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    let mut for_each_queue = |name: &str, proves: &str, body: fn(&Pair<'_>)| {
        tests.subtest_with_dynamic(name, proves, |parts| {
            let physical = devices.first();
            let is_there = physical.features.sparse_binding == vk::TRUE;
            require(physical, is_there, "sparse binding");
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::SPARSE_BINDING, body);
        });
    };
    for_each_queue(
        "sparse",
        "Parts of a buffer lie where they are bound, also later elsewhere.",
        |pair| {
            pair.assert_same("a sparse buffer", bind_twice);
        },
    );
    for_each_queue(
        "sparse-hole",
        "Where nothing is bound, a buffer reads as zero, and nothing is written.",
        |pair| hole(&pair.tested),
    );
}

/// A buffer for parts that are bound later, and memory of that size.
fn sparse<'d>(device: &'d Device<'_>, flags: vk::BufferCreateFlags) -> (Buffer<'d>, Memory<'d>) {
    let size = BLOCK * BLOCKS as u64;
    let create = Buffer::create(size).flags(vk::BufferCreateFlags::SPARSE_BINDING | flags);
    let buffer = Buffer::of(device, &create);
    let requirements = buffer.requirements();
    assert!(BLOCK % requirements.alignment == 0, "{requirements:?}");
    let index = Place::Local.find(device.physical, requirements.memory_type_bits);
    (buffer, device.memory(size, index))
}

/// Binds the blocks of a buffer to these blocks of memory, and waits until they are.
fn bind(device: &Device<'_>, buffer: &Buffer<'_>, blocks: [Option<(&Memory<'_>, u64)>; BLOCKS]) {
    let binds = (0..).zip(blocks).map(|(block, to): (u64, _)| {
        let bind = vk::SparseMemoryBind::default()
            .resource_offset(block * BLOCK)
            .size(BLOCK);
        match to {
            Some((memory, block)) => bind.memory(memory.handle()).memory_offset(block * BLOCK),
            None => bind,
        }
    });
    let binds: Vec<_> = binds.collect();
    let buffers = [vk::SparseBufferMemoryBindInfo::default()
        .buffer(buffer.handle())
        .binds(&binds)];
    let info = vk::BindSparseInfo::default().buffer_binds(&buffers);
    // NVK has binds and work in queues of the kernel that do not wait for each other, so that waiting for an idle device is
    // not enough.
    let fence = Fence::new(device);
    // SAFETY: The handles are of this device and live.
    let result = unsafe {
        let raw = device.raw();
        raw.queue_bind_sparse(device.queue(), &[info], fence.handle())
    };
    assert_eq!(result, Ok(()));
    assert_eq!(fence.wait(HANG), Ok(()));
}

/// What a buffer has after each of two binds, in both of which its blocks lie in other places.
fn bind_twice(device: &Device<'_>) -> Vec<u8> {
    let (buffer, first) = sparse(device, vk::BufferCreateFlags::empty());
    let second = device.memory(first.size(), {
        let types = buffer.requirements().memory_type_bits;
        Place::Local.find(device.physical, types)
    });
    let source = device.buffer_with(&pattern(1, buffer.size() as usize));
    let write = |buffer| {
        device.run(|commands| {
            commands.copy_whole(&source, buffer);
            // Across the border of two blocks.
            commands.update(buffer, BLOCK - 8, &[7; 16]);
        });
    };
    let at = |memory, block| Some((memory, block));
    bind(
        device,
        &buffer,
        [at(&first, 2), at(&second, 0), at(&first, 0), at(&second, 3)],
    );
    write(&buffer);
    let mut bytes = device.read(&buffer);
    bind(
        device,
        &buffer,
        [at(&second, 3), at(&first, 0), at(&first, 2), at(&second, 0)],
    );
    bytes.extend(device.read(&buffer));
    bytes
}

fn hole(device: &Device<'_>) {
    let features = &device.physical.features;
    let sparse_properties = &device.physical.properties.sparse_properties;
    require(
        device.physical,
        features.sparse_residency_buffer == vk::TRUE
            && sparse_properties.residency_non_resident_strict == vk::TRUE,
        "buffers that read as zero where nothing is bound",
    );
    let (buffer, memory) = sparse(device, vk::BufferCreateFlags::SPARSE_RESIDENCY);
    let bytes = pattern(1, buffer.size() as usize);
    let source = device.buffer_with(&bytes);
    let write = || device.run(|commands| commands.copy_whole(&source, &buffer));
    let zeros = vec![0; bytes.len()];
    write();
    assert_same(&device.read(&buffer), &zeros, "a buffer without memory");
    bind(
        device,
        &buffer,
        [None, Some((&memory, 1)), None, Some((&memory, 0))],
    );
    write();
    let block = BLOCK as usize;
    let mut expected = zeros.clone();
    for bound in [1, 3].map(|number| number * block..(number + 1) * block) {
        expected[bound.clone()].copy_from_slice(&bytes[bound]);
    }
    assert_same(&device.read(&buffer), &expected, "a buffer with holes");
    bind(device, &buffer, [None, None, Some((&memory, 1)), None]);
    expected = zeros;
    expected[2 * block..3 * block].copy_from_slice(&bytes[block..2 * block]);
    assert_same(
        &device.read(&buffer),
        &expected,
        "a block that was bound elsewhere",
    );
}
