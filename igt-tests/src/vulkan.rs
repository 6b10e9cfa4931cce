// SPDX-License-Identifier: MIT

//! Vulkan, as far as the tests of copies, memory, synchronization and compute programs need it: the loader, the devices that its drivers
//! find, and objects that end when they are dropped.
//!
//! What the wrappers let a test do may be wrong for Vulkan, as unbound memory is. The CPU's addresses are only those of
//! mapped memory. Commands wait for the end of work when they are dropped, so a test makes what they use before them: a
//! driver for CPUs uses memory of this process.

use std::ffi::{CStr, CString};

use ash::vk;
use ash::{Entry, Instance};

pub mod buffer;
pub mod commands;
pub mod device;
pub mod image;
pub mod memory;
pub mod program;
pub mod queries;
pub mod semaphore;

pub use buffer::{Buffer, Texels};
pub use commands::Commands;
pub use device::{Device, Fence};
pub use image::Image;
pub use memory::{Memory, Place};
pub use program::{Bound, Groups, Program};
pub use semaphore::Semaphore;

/// The version of Vulkan that the tests are written for.
const API_VERSION: u32 = vk::API_VERSION_1_2;

/// What the drivers read when they are loaded: NVK refuses some generations of chips without the first one, and the others
/// keep Mesa from warning on stderr that it is not conformant there, which would be a warning of the test.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("NVK_I_WANT_A_BROKEN_VULKAN_DRIVER", "1"),
    ("MESA_VK_IGNORE_CONFORMANCE_WARNING", "1"),
    ("MESA_LOG", "null"),
];

/// An instance of Vulkan.
pub struct Vulkan {
    instance: Instance,
    // The library of the loader; the instance's functions are in it.
    _entry: Entry,
}

impl Vulkan {
    /// Loads the loader and the drivers of the machine; skips if there are none.
    pub fn open() -> Self {
        for (name, value) in ENVIRONMENT {
            std::env::set_var(name, value);
        }
        // SAFETY: The loader is a library that may be loaded.
        let entry = match unsafe { Entry::load() } {
            Ok(entry) => entry,
            Err(error) => crate::skip!("No Vulkan loader: {error}."),
        };
        let application = vk::ApplicationInfo::default()
            .application_name(c"igt")
            .api_version(API_VERSION);
        let create = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: The structure is complete.
        match unsafe { entry.create_instance(&create, None) } {
            Ok(instance) => Self {
                instance,
                _entry: entry,
            },
            Err(error) => crate::skip!("No Vulkan driver: {error}."),
        }
    }

    /// The functions of the instance.
    pub fn raw(&self) -> &Instance {
        &self.instance
    }

    /// The devices that the drivers have found.
    ///
    /// # Panics
    ///
    /// If a driver fails.
    pub fn devices(&self) -> Vec<Physical> {
        // SAFETY: The instance lives.
        let devices = unsafe { self.instance.enumerate_physical_devices() };
        let devices = devices.expect("the drivers enumerate devices");
        devices
            .into_iter()
            .map(|it| Physical::of(self, it))
            .collect()
    }
}

impl Drop for Vulkan {
    fn drop(&mut self) {
        // SAFETY: What was made of it borrows it, and is gone.
        unsafe { self.instance.destroy_instance(None) };
    }
}

/// A device that a driver has found, and what the driver says of it.
#[derive(Clone, Debug)]
pub struct Physical {
    /// The handle.
    pub handle: vk::PhysicalDevice,
    /// The name.
    pub name: String,
    /// Versions, PCI ids and limits.
    pub properties: vk::PhysicalDeviceProperties,
    /// The driver.
    pub driver: vk::DriverId,
    /// The driver's own version.
    pub driver_info: String,
    /// The version of the conformance tests that the device has passed; zeros if none.
    pub conformance: [u8; 4],
    /// The address of the PCI function, such as `0000:01:00.0`, if it is one.
    pub pci: Option<String>,
    /// The families of queues.
    pub families: Vec<vk::QueueFamilyProperties>,
    /// Heaps and types of memory.
    pub memory: vk::PhysicalDeviceMemoryProperties,
    /// The features.
    pub features: vk::PhysicalDeviceFeatures,
    extensions: Vec<CString>,
}

impl Physical {
    fn of(vulkan: &Vulkan, handle: vk::PhysicalDevice) -> Self {
        let instance = vulkan.raw();
        let extensions = extensions(instance, handle);
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut pci = vk::PhysicalDevicePCIBusInfoPropertiesEXT::default();
        let has_pci = extensions
            .iter()
            .any(|it| **it == *ash::ext::pci_bus_info::NAME);
        let mut all = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
        if has_pci {
            all = all.push_next(&mut pci);
        }
        // SAFETY: The handle is of this instance, and the structures are those that the driver knows.
        let (families, memory, features) = unsafe {
            instance.get_physical_device_properties2(handle, &mut all);
            (
                instance.get_physical_device_queue_family_properties(handle),
                instance.get_physical_device_memory_properties(handle),
                instance.get_physical_device_features(handle),
            )
        };
        let properties = all.properties;
        let text = |bytes: Result<&CStr, _>| match bytes {
            Ok(text) => text.to_string_lossy().into_owned(),
            Err(_) => panic!("a name without an end"),
        };
        let version = driver.conformance_version;
        Self {
            handle,
            name: text(properties.device_name_as_c_str()),
            driver: driver.driver_id,
            driver_info: text(driver.driver_info_as_c_str()),
            conformance: [
                version.major,
                version.minor,
                version.subminor,
                version.patch,
            ],
            pci: has_pci.then(|| pci_address(&pci)),
            properties,
            families,
            memory,
            features,
            extensions,
        }
    }

    /// Whether the driver has an extension for the device.
    pub fn has(&self, extension: &CStr) -> bool {
        self.extensions.iter().any(|it| **it == *extension)
    }

    /// The heaps of memory.
    pub fn heaps(&self) -> &[vk::MemoryHeap] {
        self.memory.memory_heaps_as_slice()
    }

    /// The types of memory.
    pub fn types(&self) -> &[vk::MemoryType] {
        self.memory.memory_types_as_slice()
    }

    /// Whether the queues of a family do all of this.
    pub fn can(&self, family: u32, flags: vk::QueueFlags) -> bool {
        let family = self.families.get(family as usize);
        family.is_some_and(|family| family.queue_flags.contains(flags))
    }

    /// What images of this kind may be, or `None` if there are none.
    pub fn image_limits(
        &self,
        vulkan: &Vulkan,
        image: &vk::ImageCreateInfo<'_>,
    ) -> Option<vk::ImageFormatProperties> {
        // SAFETY: The handle is of this instance.
        let limits = unsafe {
            vulkan.raw().get_physical_device_image_format_properties(
                self.handle,
                image.format,
                image.image_type,
                image.tiling,
                image.usage,
                image.flags,
            )
        };
        match limits {
            Ok(limits) => Some(limits),
            Err(vk::Result::ERROR_FORMAT_NOT_SUPPORTED) => None,
            Err(error) => panic!("{:?}: {error}", image.format),
        }
    }
}

fn extensions(instance: &Instance, handle: vk::PhysicalDevice) -> Vec<CString> {
    // SAFETY: The handle is of this instance.
    let extensions = unsafe { instance.enumerate_device_extension_properties(handle) };
    let extensions = extensions.expect("a driver lists its extensions");
    let name = |it: &vk::ExtensionProperties| it.extension_name_as_c_str().map(CString::from);
    extensions.iter().filter_map(|it| name(it).ok()).collect()
}

fn pci_address(pci: &vk::PhysicalDevicePCIBusInfoPropertiesEXT<'_>) -> String {
    format!(
        "{:04x}:{:02x}:{:02x}.{:x}",
        pci.pci_domain, pci.pci_bus, pci.pci_device, pci.pci_function
    )
}
