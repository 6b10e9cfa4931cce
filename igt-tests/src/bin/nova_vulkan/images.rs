// SPDX-License-Identifier: MIT

//! Copies of images, whose texels lie in rows or in the GPU's own order.

use ash::vk;
use ash::vk::{Extent3D, Format, ImageTiling, Offset3D};
use igt::data::pattern;
use igt::vulkan::{image, Buffer, Device, Image, Vulkan};
use igt::{Fixture, Tests};

use crate::devices::{self, Devices, Pair};

/// A format, with the bytes and the texels of a side of a block.
#[derive(Clone, Copy)]
struct Texels {
    format: Format,
    bytes: u64,
    side: u32,
}

const fn texels(format: Format, bytes: u64, side: u32) -> Texels {
    Texels {
        format,
        bytes,
        side,
    }
}

/// Formats of all sizes. Each device must have those of a size that is a power of two.
const FORMATS: [Texels; 11] = [
    texels(Format::R8_UINT, 1, 1),
    texels(Format::R8G8_UINT, 2, 1),
    texels(Format::R8G8B8_UINT, 3, 1),
    texels(Format::R8G8B8A8_UINT, 4, 1),
    texels(Format::A2B10G10R10_UINT_PACK32, 4, 1),
    texels(Format::R16G16B16_UINT, 6, 1),
    texels(Format::R16G16B16A16_UINT, 8, 1),
    texels(Format::R32G32B32_UINT, 12, 1),
    texels(Format::R32G32B32A32_UINT, 16, 1),
    texels(Format::BC1_RGBA_UNORM_BLOCK, 8, 4),
    texels(Format::BC7_UNORM_BLOCK, 16, 4),
];

/// Formats for queues that do more than to copy: of texels, and of blocks. The others take minutes, and NVK copies them by
/// the same engine as on queues for copies.
const SOME_FORMATS: [Texels; 2] = [
    texels(Format::R8G8B8A8_UINT, 4, 1),
    texels(Format::BC7_UNORM_BLOCK, 16, 4),
];

/// Extents, layers and levels. Blocks of NVIDIA's layout are 64 bytes wide and 8 rows high or a multiple of it, so some are
/// smaller, some are whole blocks, and some end in the midst of one.
const SHAPES: [(Extent3D, u32, u32); 7] = [
    (extent(1, 1, 1), 1, 1),
    (extent(3, 5, 1), 1, 1),
    (extent(64, 8, 1), 1, 1),
    (extent(100, 70, 1), 1, 1),
    (extent(37, 21, 1), 3, 6),
    (extent(19, 10, 11), 1, 1),
    (extent(16, 16, 8), 1, 4),
];

const fn extent(width: u32, height: u32, depth: u32) -> Extent3D {
    Extent3D {
        width,
        height,
        depth,
    }
}

pub(crate) fn subtests(tests: &mut Tests, vulkan: &Fixture<Vulkan>, devices: &Fixture<Devices>) {
    let mut for_each_queue = |name: &str, proves: &str, body: fn(&Vulkan, &Pair<'_>)| {
        tests.subtest_with_dynamic(name, proves, |parts| {
            devices.for_each_queue(vulkan, parts, vk::QueueFlags::TRANSFER, |pair| {
                body(vulkan, pair);
            });
        });
    };
    for_each_queue(
        "image-optimal",
        "Texels come out of images as they went in: formats, extents, layers, levels and parts.",
        |vulkan, pair| copies(vulkan, pair, ImageTiling::OPTIMAL, ImageTiling::OPTIMAL),
    );
    for_each_queue(
        "image-linear",
        "The same holds for images whose texels lie in rows.",
        |vulkan, pair| copies(vulkan, pair, ImageTiling::LINEAR, ImageTiling::LINEAR),
    );
    for_each_queue(
        "image-mixed",
        "The same holds for copies from one kind to the other and back.",
        |vulkan, pair| copies(vulkan, pair, ImageTiling::OPTIMAL, ImageTiling::LINEAR),
    );
    for_each_queue(
        "image-mapped",
        "The rows of a linear image lie where the driver says.",
        |vulkan, pair| {
            for &texels in formats(pair) {
                let create = image::create(texels.format, extent(29, 13, 1), ImageTiling::LINEAR);
                if both_can(vulkan, pair, &create) {
                    let what = format!("{:?}", texels.format);
                    pair.assert_same(&what, |device| mapped(device, texels, &create));
                }
            }
        },
    );
}

/// The formats for a queue.
fn formats(pair: &Pair<'_>) -> &'static [Texels] {
    let Device {
        physical, family, ..
    } = pair.tested;
    match family == devices::copies(physical) {
        true => &FORMATS,
        false => &SOME_FORMATS,
    }
}

/// Copies through two images of each format and shape.
fn copies(vulkan: &Vulkan, pair: &Pair<'_>, first: ImageTiling, second: ImageTiling) {
    for &texels in formats(pair) {
        let mut count = 0;
        for (extent, layers, levels) in SHAPES {
            let create = |tiling| {
                image::create(texels.format, extent, tiling)
                    .array_layers(layers)
                    .mip_levels(levels)
            };
            let creates = [first, second].map(create);
            if creates.iter().all(|create| both_can(vulkan, pair, create)) {
                let what = format!(
                    "{:?}, {extent:?}, {layers} layers, {levels} levels, {first:?} and {second:?}",
                    texels.format
                );
                pair.assert_same(&what, |device| through(device, texels, &creates));
                count += 1;
            }
        }
        log::info!("{:?}: {count} shapes", texels.format);
        assert!(
            count > 0 || !texels.bytes.is_power_of_two(),
            "no {:?}",
            texels.format
        );
    }
}

/// Whether both devices have such images.
fn both_can(vulkan: &Vulkan, pair: &Pair<'_>, create: &vk::ImageCreateInfo<'_>) -> bool {
    [pair.tested.physical, pair.reference().physical]
        .iter()
        .all(|physical| {
            physical.image_limits(vulkan, create).is_some_and(|limits| {
                let (most, asked) = (limits.max_extent, create.extent);
                most.width >= asked.width
                    && most.height >= asked.height
                    && most.depth >= asked.depth
                    && limits.max_array_layers >= create.array_layers
                    && limits.max_mip_levels >= create.mip_levels
            })
        })
}

/// A part of a level, from which and to which is copied.
#[derive(Clone, Copy)]
struct Part {
    offset: Offset3D,
    extent: Extent3D,
}

impl Part {
    /// A part of an image that begins after a third of it and ends before the end, in whole blocks, or all of a small image.
    fn middle(image: &Image<'_>, side: u32) -> Self {
        let all = image.extent(0);
        let along = |size: u32, side: u32| {
            let begin = size / 3 / side * side;
            let length = (size / 2 / side * side).max(side).min(size - begin);
            (begin, length)
        };
        let (x, width) = along(all.width, side);
        let (y, height) = along(all.height, side);
        let (z, depth) = along(all.depth, 1);
        Self {
            offset: Offset3D {
                x: x as i32,
                y: y as i32,
                z: z as i32,
            },
            extent: extent(width, height, depth),
        }
    }

    /// The same part at the beginning of the image.
    fn at_the_beginning(self) -> Self {
        let offset = Offset3D::default();
        Self { offset, ..self }
    }
}

/// Bytes of an extent in rows.
fn bytes_of(texels: Texels, extent: Extent3D) -> u64 {
    let blocks = |size: u32| u64::from(size.div_ceil(texels.side));
    blocks(extent.width) * blocks(extent.height) * u64::from(extent.depth) * texels.bytes
}

/// The regions of a buffer for all levels of an image, and the bytes of the buffer.
fn levels(image: &Image<'_>, texels: Texels) -> (Vec<vk::BufferImageCopy>, u64) {
    // Vulkan wants multiples of four and of a texel.
    let align = 4 * texels.bytes;
    let mut end = 0_u64;
    let regions = (0..image.created.mip_levels).map(|level| {
        let begin = end.next_multiple_of(align);
        let extent = image.extent(level);
        end = begin + bytes_of(texels, extent) * u64::from(image.created.array_layers);
        vk::BufferImageCopy::default()
            .buffer_offset(begin)
            .image_subresource(image.layers(level))
            .image_extent(extent)
    });
    (regions.collect(), end)
}

/// The region of a buffer whose rows are longer, and whose layers are farther apart, than a part has them; and the bytes of
/// the buffer.
fn wide(image: &Image<'_>, texels: Texels, part: Part) -> (vk::BufferImageCopy, u64) {
    let more = |size: u32| (size.div_ceil(texels.side) + 3) * texels.side;
    let (row, height) = (more(part.extent.width), more(part.extent.height));
    let begin = 12 * texels.bytes;
    let slices = part.extent.depth * image.created.array_layers;
    let region = vk::BufferImageCopy::default()
        .buffer_offset(begin)
        .buffer_row_length(row)
        .buffer_image_height(height)
        .image_subresource(image.layers(0))
        .image_offset(part.offset)
        .image_extent(part.extent);
    (
        region,
        begin + bytes_of(texels, extent(row, height, slices)),
    )
}

/// The region that copies a part of an image to a part of another one.
fn between(
    from: &Image<'_>,
    to: &Image<'_>,
    level: u32,
    source: Part,
    target: Part,
) -> vk::ImageCopy {
    vk::ImageCopy::default()
        .src_subresource(from.layers(level))
        .src_offset(source.offset)
        .dst_subresource(to.layers(level))
        .dst_offset(target.offset)
        .extent(source.extent)
}

/// Buffer to image, image to image and image to buffer, all of it and parts of it.
fn through(device: &Device<'_>, texels: Texels, creates: &[vk::ImageCreateInfo<'_>; 2]) -> Vec<u8> {
    let [first, second] = creates.each_ref().map(|create| device.image(create));
    let (all, size) = levels(&first, texels);
    let part = Part::middle(&first, texels.side);
    let (wide, wide_size) = wide(&first, texels, part);
    let new = |seed, size: u64| device.buffer_with(&pattern(seed, size as usize));
    let (texels_of_first, texels_of_second, texels_of_part) =
        (new(1, size), new(2, size), new(3, wide_size));
    let results = [size, size, wide_size].map(|size| new(4, size));

    let whole = |level| Part {
        offset: Offset3D::default(),
        extent: first.extent(level),
    };
    let levels = 0..first.created.mip_levels;
    let every_level =
        levels.map(|level| between(&first, &second, level, whole(level), whole(level)));
    let every_level: Vec<_> = every_level.collect();
    let back = between(&second, &first, 0, part, part.at_the_beginning());
    device.run(|commands| {
        commands.prepare(&first);
        commands.prepare(&second);
        commands.to_image(&texels_of_first, &first, &all);
        commands.barrier();
        commands.from_image(&first, &results[0], &all);
        commands.between_images(&first, &second, &every_level);
        commands.barrier();
        commands.to_image(&texels_of_second, &first, &all);
        commands.barrier();
        commands.to_image(&texels_of_part, &second, &[wide]);
        commands.barrier();
        commands.between_images(&second, &first, &[back]);
        commands.barrier();
        commands.from_image(&first, &results[1], &all);
        commands.from_image(&second, &results[2], &[wide]);
    });
    let read = |buffer: &Buffer<'_>| buffer.memory().read(0, buffer.size() as usize);
    results.iter().flat_map(read).collect()
}

/// The CPU writes the rows of an image, and reads those of another one, which the device copies.
fn mapped(device: &Device<'_>, texels: Texels, create: &vk::ImageCreateInfo<'_>) -> Vec<u8> {
    let [from, to] = [(); 2].map(|()| device.image(create));
    let height = u64::from(create.extent.height.div_ceil(texels.side));
    let row = bytes_of(texels, create.extent) / height;
    let place = |image: &Image<'_>, number: u64| {
        let layout = image.layout();
        layout.offset + number * layout.row_pitch
    };
    for number in 0..height {
        from.memory()
            .write(place(&from, number), &pattern(number, row as usize));
    }
    let (all, size) = levels(&from, texels);
    let buffer = device.buffer(size);
    device.run(|commands| {
        commands.prepare(&from);
        commands.prepare(&to);
        commands.barrier();
        commands.from_image(&from, &buffer, &all);
        commands.barrier();
        commands.to_image(&buffer, &to, &all);
        commands.barrier();
    });
    let rows = (0..height).flat_map(|number| to.memory().read(place(&to, number), row as usize));
    let mut bytes: Vec<u8> = rows.collect();
    bytes.extend(device.read(&buffer));
    bytes
}
