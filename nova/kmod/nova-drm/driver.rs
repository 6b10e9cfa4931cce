// SPDX-License-Identifier: GPL-2.0

//! Binds nova-core's auxiliary devices.

use kernel::device::{Bound, Core};
use kernel::prelude::*;
use kernel::{auxiliary, pci};
use nova_core_module::{Gpu, MODULE_NAME};
use nova_uapi::{QueryDevice, QueryFirmware, Text};

use crate::drm_device::{self, Registration};
use crate::drm_ioctl::{entry, Entry};
use crate::ioctls;

kernel::auxiliary_device_table!(
    AUXILIARY_TABLE,
    <NovaDrmDriver as auxiliary::Driver>::IdInfo,
    [(auxiliary::DeviceId::new(MODULE_NAME, Gpu::DEVICE_NAME), ())]
);

/// The driver, both of the auxiliary bus and of DRM.
pub(crate) struct NovaDrmDriver;

impl auxiliary::Driver for NovaDrmDriver {
    type IdInfo = ();
    type Data<'bound> = Registration<'bound, Self>;
    const ID_TABLE: auxiliary::IdTable<Self::IdInfo> = &AUXILIARY_TABLE;

    fn probe<'bound>(
        device: &'bound auxiliary::Device<Core<'_>>,
        _info: &'bound Self::IdInfo,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        let device: &'bound auxiliary::Device<Bound> = device;
        // Programs know GPUs by their place on the PCI bus, so that is the device that they are shown.
        let parent: &pci::Device<Bound> = device.parent().try_into()?;
        let answers = Answers::new(Gpu::of(device)?, parent)?;
        Registration::new(parent.as_ref(), answers)
    }
}

/// What user space is told about a GPU, all of which is known once it has booted.
#[derive(Clone, Copy)]
pub(crate) struct Answers {
    /// For `DRM_NOVA_QUERY_DEVICE`.
    pub(crate) device: QueryDevice,
    /// For `DRM_NOVA_QUERY_FIRMWARE`.
    pub(crate) firmware: QueryFirmware,
}

impl Answers {
    fn new(gpu: &Gpu, device: &pci::Device<Bound>) -> Result<Self> {
        let mut bar_size = [0; 6];
        for (index, size) in (0..).zip(&mut bar_size) {
            *size = device.resource_len(index)?;
        }
        Ok(Self {
            device: QueryDevice {
                chipset: gpu.chipset.id(),
                architecture: gpu.chipset.arch().id().into(),
                revision_major: u32::from(gpu.revision.major),
                revision_minor: u32::from(gpu.revision.minor),
                vram_size: gpu.vram,
                vram_usable: gpu.usable_vram,
                bar_size,
                name: Text::new(gpu.name.as_str().as_bytes()),
            },
            firmware: QueryFirmware {
                release: Text::new(gpu.firmware_release.as_str().as_bytes()),
            },
        })
    }
}

impl drm_device::Driver for NovaDrmDriver {
    type Data = Answers;
    type Module = crate::LocalModule;

    const NAME: &'static CStr = c"nova";
    const DESCRIPTION: &'static CStr = c"NVIDIA GPUs from Turing on";
    const IOCTLS: &'static [Entry] = &[
        entry::<Self, ioctls::GetParam>(nova_uapi::GETPARAM),
        entry::<Self, ioctls::GemCreate>(nova_uapi::GEM_CREATE),
        entry::<Self, ioctls::GemInfo>(nova_uapi::GEM_INFO),
        entry::<Self, ioctls::Query>(nova_uapi::QUERY),
    ];
}
