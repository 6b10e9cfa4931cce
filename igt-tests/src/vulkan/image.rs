// SPDX-License-Identifier: MIT

//! Images.

use ash::vk;

use super::{Device, Memory, Place};

/// What the images of the tests are for.
const COPIES: vk::ImageUsageFlags = vk::ImageUsageFlags::from_raw(
    vk::ImageUsageFlags::TRANSFER_SRC.as_raw() | vk::ImageUsageFlags::TRANSFER_DST.as_raw(),
);

/// What makes an image for copies, with one layer and one level.
pub fn create(
    format: vk::Format,
    extent: vk::Extent3D,
    tiling: vk::ImageTiling,
) -> vk::ImageCreateInfo<'static> {
    let image_type = match extent {
        vk::Extent3D { depth: 2.., .. } => vk::ImageType::TYPE_3D,
        _ => vk::ImageType::TYPE_2D,
    };
    vk::ImageCreateInfo::default()
        .image_type(image_type)
        .format(format)
        .extent(extent)
        .mip_levels(1)
        .array_layers(1)
        .samples(vk::SampleCountFlags::TYPE_1)
        .tiling(tiling)
        .usage(COPIES)
        .initial_layout(match tiling {
            vk::ImageTiling::LINEAR => vk::ImageLayout::PREINITIALIZED,
            _ => vk::ImageLayout::UNDEFINED,
        })
}

/// An image of colors, with memory or without it.
pub struct Image<'d> {
    handle: vk::Image,
    /// What it was made of.
    pub created: vk::ImageCreateInfo<'static>,
    device: &'d Device<'d>,
    memory: Option<Memory<'d>>,
}

impl<'d> Image<'d> {
    /// Makes an image without memory.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    pub fn new(device: &'d Device<'_>, create: &vk::ImageCreateInfo<'_>) -> Self {
        // SAFETY: The structure is complete.
        let handle = unsafe { device.raw().create_image(create, None) };
        Self {
            handle: handle.unwrap_or_else(|error| panic!("an image: {error}")),
            created: self::create(create.format, create.extent, create.tiling)
                .mip_levels(create.mip_levels)
                .array_layers(create.array_layers)
                .initial_layout(create.initial_layout),
            device,
            memory: None,
        }
    }

    /// The handle.
    pub fn handle(&self) -> vk::Image {
        self.handle
    }

    /// What memory it needs.
    pub fn requirements(&self) -> vk::MemoryRequirements {
        // SAFETY: The image is of this device.
        unsafe { self.device.raw().get_image_memory_requirements(self.handle) }
    }

    /// The image with this memory.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn with(mut self, memory: Memory<'d>) -> Self {
        // SAFETY: The image has no memory yet, and this memory goes with it.
        let result = unsafe {
            self.device
                .raw()
                .bind_image_memory(self.handle, memory.handle(), 0)
        };
        assert_eq!(result, Ok(()), "memory of an image");
        self.memory = Some(memory);
        self
    }

    /// Binds memory that others use, too, at an offset.
    ///
    /// # Panics
    ///
    /// If the driver refuses it.
    #[track_caller]
    pub fn bind(&self, memory: &'d Memory<'_>, offset: u64) {
        // SAFETY: The image has no memory yet, and the memory outlives the image.
        let result = unsafe {
            self.device
                .raw()
                .bind_image_memory(self.handle, memory.handle(), offset)
        };
        assert_eq!(result, Ok(()), "an image at {offset:#x}");
    }

    /// Its own memory.
    ///
    /// # Panics
    ///
    /// If it has none.
    pub fn memory(&self) -> &Memory<'d> {
        self.memory
            .as_ref()
            .expect("an image with memory of its own")
    }

    /// Where the texels of a linear image lie.
    pub fn layout(&self) -> vk::SubresourceLayout {
        let first = vk::ImageSubresource::default().aspect_mask(vk::ImageAspectFlags::COLOR);
        // SAFETY: The image is of this device.
        unsafe {
            self.device
                .raw()
                .get_image_subresource_layout(self.handle, first)
        }
    }

    /// All of it.
    pub fn range(&self) -> vk::ImageSubresourceRange {
        vk::ImageSubresourceRange {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            base_mip_level: 0,
            level_count: self.created.mip_levels,
            base_array_layer: 0,
            layer_count: self.created.array_layers,
        }
    }

    /// The extent of a level.
    pub fn extent(&self, level: u32) -> vk::Extent3D {
        let vk::Extent3D {
            width,
            height,
            depth,
        } = self.created.extent;
        let of_level = |size: u32| (size >> level).max(1);
        vk::Extent3D {
            width: of_level(width),
            height: of_level(height),
            depth: of_level(depth),
        }
    }

    /// All layers of a level.
    pub fn layers(&self, level: u32) -> vk::ImageSubresourceLayers {
        vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: level,
            base_array_layer: 0,
            layer_count: self.created.array_layers,
        }
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        // SAFETY: What uses it has been waited for.
        unsafe { self.device.raw().destroy_image(self.handle, None) };
    }
}

impl Device<'_> {
    /// An image with memory of its own. All uses of it are in the layout `GENERAL`.
    pub fn image(&self, create: &vk::ImageCreateInfo<'_>) -> Image<'_> {
        let place = match create.tiling {
            vk::ImageTiling::LINEAR => Place::System,
            _ => Place::Local,
        };
        let image = Image::new(self, create);
        let requirements = image.requirements();
        let index = place.find(self.physical, requirements.memory_type_bits);
        image.with(self.memory(requirements.size, index))
    }
}
