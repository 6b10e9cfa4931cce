// SPDX-License-Identifier: GPL-2.0

//! Binds nova-core's auxiliary devices.

use kernel::device::{self, Core};
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::{auxiliary, pci};
use nova_core_module::{Gpu, Health, Listener, MODULE_NAME};
use nova_kernel::drm::device::{self as drm_device, Registration, Remedy, Wedge};
use nova_kernel::drm::ioctl::{entry, table, Entry};
use nova_uapi::{QueryDevice, QueryFirmware, Text};

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
    type Data<'bound> = Bound<'bound>;
    const ID_TABLE: auxiliary::IdTable<Self::IdInfo> = &AUXILIARY_TABLE;

    fn probe<'bound>(
        device: &'bound auxiliary::Device<Core<'_>>,
        _info: &'bound Self::IdInfo,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        let device: &'bound auxiliary::Device<device::Bound> = device;
        // Programs know GPUs by their place on the PCI bus, so that is the device that they are shown.
        let parent: &pci::Device<device::Bound> = device.parent().try_into()?;
        let gpu = Gpu::of(device)?;
        let answers = Answers::new(gpu, parent);
        let registration = Registration::new(parent.as_ref(), answers, gpu.usable_vram)?;
        let watch = Watch(registration.wedge());
        gpu.listen(Some(Arc::new(watch, GFP_KERNEL)?));
        Ok(Bound {
            gpu,
            _registration: registration,
        })
    }
}

/// A GPU that user space sees.
pub(crate) struct Bound<'a> {
    gpu: &'a Gpu,
    _registration: Registration<'a, NovaDrmDriver>,
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        self.gpu.listen(None);
    }
}

/// Passes on to user space what becomes of the GPU.
struct Watch(Wedge<NovaDrmDriver>);

impl Listener for Watch {
    fn changed(&self, health: Health) {
        let Self(device) = self;
        device.set(health != Health::Works);
        match health {
            Health::Lost => {}
            Health::Works => device.announce(Remedy::None),
            Health::Dead => device.announce(Remedy::BusReset),
        }
    }
}

/// What user space is told about a GPU, all of which is known once it has booted.
pub(crate) struct Answers {
    /// For `DRM_NOVA_QUERY_DEVICE`.
    pub(crate) device: QueryDevice,
    /// For `DRM_NOVA_QUERY_FIRMWARE`.
    pub(crate) firmware: QueryFirmware,
    /// For `NOVA_GETPARAM_VRAM_BAR_SIZE`.
    pub(crate) vram_bar: u64,
}

impl Answers {
    fn new(gpu: &Gpu, device: &pci::Device<device::Bound>) -> Result<Self> {
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
            vram_bar: gpu.vram_bar,
        })
    }
}

impl drm_device::Driver for NovaDrmDriver {
    type Data = Answers;
    type Module = crate::LocalModule;

    const NAME: &'static CStr = c"nova";
    const DESCRIPTION: &'static CStr = c"NVIDIA GPUs from Turing on";
    const IOCTLS: &'static [Entry] = &table([
        entry::<Self, ioctls::GetParam>(),
        entry::<Self, ioctls::GemCreate>(),
        entry::<Self, ioctls::GemInfo>(),
        entry::<Self, ioctls::Query>(),
    ]);
}
