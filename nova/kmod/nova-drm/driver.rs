// SPDX-License-Identifier: GPL-2.0

//! Binds nova-core's auxiliary devices.

use kernel::device::{self, Core};
use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use kernel::{auxiliary, pci};
use nova_core_module::{Health, Listener, MODULE_NAME};
use nova_kernel::drm::device::{self as drm_device, Reference, Registration, Remedy};
use nova_kernel::drm::gem as drm_gem;
use nova_kernel::drm::ioctl::{self, entry, table, Entry};
use nova_kernel::sync::work::{HasWork, Work};

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
        // Where the GSP is lost already, the GPU is made usable when it has been booted again.
        let client = gpu.client().ok();
        let is_wedged = client.is_none();
        let data = Gpu::new(gpu, parent, client);
        let registration = Registration::new(parent.as_ref(), is_wedged, Ok(space), data)?;
        let watch = Watch::new(registration.device().clone());
        gpu.listen(Some(Arc::pin_init(watch, GFP_KERNEL)?));
        Ok(Bound {
            gpu,
            _registration: registration,
        })
    }
}

/// A GPU that user space sees.
pub(crate) struct Bound<'a> {
    gpu: &'a nova_core_module::Gpu<'a>,
    _registration: Registration<'a, NovaDrmDriver>,
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        self.gpu.listen(None);
    }
}

/// Passes on to user space what becomes of the GPU: it can be used while this driver has a client of GSP-RM.
#[pin_data]
struct Watch {
    /// Calls GSP-RM, which whoever tells this must not wait for. It uses the rest, so it goes first.
    #[pin]
    work: Work,
    device: Reference<NovaDrmDriver>,
    /// What was told last.
    #[pin]
    health: Mutex<Health>,
}

impl Watch {
    fn new(device: Reference<NovaDrmDriver>) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: This is the work of a `Self`.
            work <- unsafe { Work::new::<Self>() },
            device,
            health <- new_mutex!(Health::Works),
        })
    }

    /// What was told last.
    fn health(&self) -> Health {
        *self.health.lock()
    }

    /// The GPU can be used from now on, unless it has been lost meanwhile.
    fn unwedge(&self) {
        let health = self.health.lock();
        if *health == Health::Works && self.device.set_wedged(false) {
            self.device.announce(Remedy::None);
        }
    }
}

// SAFETY: `work` is the first field, and fields are dropped in their order.
unsafe impl HasWork for Watch {
    const OFFSET: usize = core::mem::offset_of!(Self, work);

    fn work(&self) {
        let Some(entered) = self.device.enter() else {
            return;
        };
        entered.with(|gpu| match self.health() {
            Health::Lost | Health::Dead => gpu.drop_client(),
            Health::Works if gpu.renew_client().is_ok() => self.unwedge(),
            // nova-core has said why. It can be used after the next boot.
            Health::Works => {}
        });
    }
}

impl Listener for Watch {
    fn changed(&self, new: Health) {
        let mut health = self.health.lock();
        *health = new;
        if new != Health::Works {
            self.device.set_wedged(true);
        }
        if new == Health::Dead {
            self.device.announce(Remedy::BusReset);
        }
        drop(health);
        self.work.queue();
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
