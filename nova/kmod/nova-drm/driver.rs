// SPDX-License-Identifier: GPL-2.0

//! Binds nova-core's auxiliary devices.

use kernel::device::{self, Core};
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::{auxiliary, pci};
use nova_core_module::{Health, Listener, MODULE_NAME};
use nova_kernel::drm::device::{self as drm_device, Registration, Remedy, Wedge};
use nova_kernel::drm::gem as drm_gem;
use nova_kernel::drm::ioctl::{self, entry, table, Entry};

use crate::gem::{Space, Taken};
use crate::gpu::Gpu;
use crate::ioctls;

/// The types of DRM for this driver.
pub(crate) type Device = drm_device::Device<NovaDrmDriver>;
pub(crate) type File<'a> = ioctl::File<'a, NovaDrmDriver>;
pub(crate) type Object = drm_gem::Object<NovaDrmDriver>;

kernel::auxiliary_device_table!(
    AUXILIARY_TABLE,
    <NovaDrmDriver as auxiliary::Driver>::IdInfo,
    [(
        auxiliary::DeviceId::new(MODULE_NAME, nova_core_module::Gpu::DEVICE_NAME),
        ()
    )]
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
        let gpu = nova_core_module::Gpu::of(device)?;
        let space = Arc::new(Space::new(gpu.usable_vram), GFP_KERNEL)?;
        let bound = Gpu {
            core: gpu,
            pci: parent,
        };
        let registration = Registration::new(parent.as_ref(), Ok(space), Ok(bound))?;
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
    gpu: &'a nova_core_module::Gpu,
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

impl drm_device::Driver for NovaDrmDriver {
    /// Until objects have memory, what they may take of it.
    type Data = Arc<Space>;
    type RegistrationData<'a> = Gpu<'a>;
    type Object = Taken;
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
