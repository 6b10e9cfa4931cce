// SPDX-License-Identifier: GPL-2.0

//! Binds nova-core's auxiliary devices, and registers a DRM device for each.

use kernel::device::{self, Core};
use kernel::prelude::*;
use kernel::seq_file::SeqFile;
use kernel::sync::{new_mutex, static_lock_class, Arc, Mutex};
use kernel::{auxiliary, pci};
use nova_core_module::{Health, Listener, TableLimit, MODULE_NAME};
use nova_kernel::drm::device::{self as drm_device, Reference, Registration, Remedy};
use nova_kernel::drm::fdinfo::{EngineStats, MemoryStats};
use nova_kernel::drm::gem::{self as drm_gem, fault::Fault};
use nova_kernel::drm::ioctl::{self, entry, table, Entry};
use nova_kernel::sync::work::{HasWork, LockClasses, When, Work};

use crate::gem::{self, Accounts, Stored};
use crate::gpu::Gpu;
use crate::ids::Ids;
use crate::ioctls;
use crate::limits::TABLES_MAX;
use crate::number::Number;
use crate::queue::engine_time::{self, EngineTime};
use crate::queue::{self, Queue};
use crate::time;
use crate::vm::{self, Vm};

/// DRM types for this driver.
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

/// The driver for the auxiliary bus and for DRM.
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
        // User space identifies GPUs by their PCI device, so that is the parent of the DRM device.
        let parent: &pci::Device<device::Bound> = device.parent().try_into()?;
        let gpu = nova_core_module::Gpu::of(device)?;
        let accounts = Accounts::new(gpu)?;
        // If the GSP is lost already, the device is wedged until the GPU has been booted again.
        let client = gpu.client().ok();
        let is_wedged = client.is_none();
        // Read now, so that QUERY can tell them while the GPU is wedged, too. It tries again if this fails.
        let _ = gpu.engines();
        let data = Gpu::new(gpu, device.as_ref(), parent, client);
        let registration = Registration::new(parent.as_ref(), is_wedged, Ok(accounts), data)?;
        let watch = Watch::new(registration.device().clone());
        gpu.listen(Some(Arc::pin_init(watch, GFP_KERNEL)?));
        Ok(Bound { gpu, registration })
    }
}

/// A GPU with a registered DRM device.
pub(crate) struct Bound<'a> {
    gpu: &'a nova_core_module::Gpu<'a>,
    registration: Registration<'a, NovaDrmDriver>,
}

impl Bound<'_> {
    /// Calls `f` with the GPU, and with its DRM device, which is registered as long as this exists.
    fn with_gpu<R>(&self, f: impl FnOnce(&Gpu<'_>, &Device) -> R) -> Option<R> {
        let device = self.registration.device();
        let entered = device.enter()?;
        Some(entered.with(|gpu| f(gpu, device)))
    }
}

impl nova_kernel::auxiliary::Driver for NovaDrmDriver {
    fn prepare(bound: Pin<&Bound<'_>>) -> Result {
        let prepared = bound.with_gpu(|gpu, device| gpu.prepare_sleep(device));
        prepared.unwrap_or(Ok(()))
    }

    fn suspend(bound: Pin<&Bound<'_>>) -> Result {
        let asleep = bound.with_gpu(|gpu, device| gpu.fall_asleep(device));
        asleep.unwrap_or(Ok(()))
    }

    fn complete(bound: Pin<&Bound<'_>>) {
        bound.with_gpu(|gpu, _device| gpu.end_sleep());
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        self.gpu.listen(None);
        // Who waits for a queue keeps the device from being unplugged.
        if let Some(entered) = self.registration.device().enter() {
            entered.with(|gpu| gpu.queues.unbind());
        }
    }
}

/// Makes the DRM device wedged while the GPU does not work, or while this driver has no client of GSP-RM.
#[pin_data]
struct Watch {
    /// Allocates and frees the client, since a [`Listener`] must not call nova-core. It is the first field, since it
    /// uses all others and must be dropped before them.
    #[pin]
    work: Work,
    device: Reference<NovaDrmDriver>,
    /// The health of the last notification.
    #[pin]
    health: Mutex<Health>,
}

impl Watch {
    fn new(device: Reference<NovaDrmDriver>) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: This initializes the field `work` of a `Watch`.
            work <- unsafe {
                // It boots nothing, so it need not be frozen: once nova-core has stopped the GSP, its calls fail.
                Work::new::<Self, 0>(When::Always, LockClasses {
                    name: c"Watch::work",
                    work: static_lock_class!(),
                    timer: static_lock_class!(),
                })
            },
            device,
            health <- new_mutex!(Health::Works),
        })
    }

    /// The health of the last notification.
    fn health(&self) -> Health {
        *self.health.lock()
    }

    /// Makes the DRM device usable, unless the GSP has been lost meanwhile.
    fn unwedge(&self) {
        let health = self.health.lock();
        if *health == Health::Works && self.device.set_wedged(false) {
            self.device.announce(Remedy::None);
        }
    }
}

// SAFETY: `work` is at `OFFSET`. It is the first field, so it is dropped first.
unsafe impl HasWork for Watch {
    const OFFSET: usize = core::mem::offset_of!(Self, work);

    fn work(&self) {
        let Some(entered) = self.device.enter() else {
            return;
        };
        entered.with(|gpu| {
            let windows = self.device.data().windows();
            windows.renew(gpu, &self.device);
            gpu.queues.look_at_binds();
            match self.health() {
                Health::Lost => gpu.drop_client(),
                Health::Dead => {
                    gpu.drop_client();
                    gpu.stay_asleep();
                }
                Health::Works if gpu.renew_client().is_ok() => {
                    self.unwedge();
                    gpu.wake_up();
                }
                // It has no client, so it is wedged until the next boot, which a loss of the GSP causes by itself.
                Health::Works => {
                    self.device.set_wedged(true);
                }
            }
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

    fn epoch_ended(&self) {
        self.device.data().windows().hide(&self.device);
    }
}

impl drm_device::Driver for NovaDrmDriver {
    /// What GEM objects take.
    type Data = Arc<Accounts>;
    type RegistrationData<'a> = Gpu<'a>;
    type FileData = FileData;
    type Object = Stored;
    type Mapping = vm::Mapped;
    type Module = crate::LocalModule;

    const NAME: &'static CStr = c"nova";
    const DESCRIPTION: &'static CStr = c"NVIDIA GPUs from Turing on";
    const MAJOR: u32 = nova_uapi::DRIVER_MAJOR;
    const MINOR: u32 = nova_uapi::DRIVER_MINOR;
    const IOCTLS: &'static [Entry] = &table([
        entry::<Self, ioctls::GetParam>(),
        entry::<Self, ioctls::GemCreate>(),
        entry::<Self, ioctls::GemInfo>(),
        entry::<Self, ioctls::Query>(),
        entry::<Self, vm::VmCreate>(),
        entry::<Self, vm::VmDestroy>(),
        entry::<Self, vm::VmBind>(),
        entry::<Self, vm::VmGetFaults>(),
        entry::<Self, queue::QueueCreate>(),
        entry::<Self, queue::QueueDestroy>(),
        entry::<Self, queue::QueueGetState>(),
        entry::<Self, queue::Exec>(),
        entry::<Self, time::GetTime>(),
        entry::<Self, ioctls::GemSetLabel>(),
    ]);

    fn import(size: usize) -> impl PinInit<Stored, Error> {
        gem::uncharged(size as u64)
    }

    fn is_private(object: &Stored) -> bool {
        object.private.is_some()
    }

    fn make_room(gpu: &Gpu<'_>, device: &Device) -> Result {
        // Binds and queues that are over have page tables, objects and channels.
        gpu.queues.clean_up_now();
        match gem::evict::leave_room(gpu, device) {
            Err(signal @ (EINTR | ERESTARTSYS)) => Err(signal),
            // The call may have room now, even if nothing could be moved.
            _ => Ok(()),
        }
    }

    fn show_engines(file: &File<'_>, show: &mut dyn FnMut(&CStr, &EngineStats)) {
        engine_time::show(file, show);
    }

    fn show_memory(file: &File<'_>, show: &mut dyn FnMut(&CStr, &MemoryStats)) {
        gem::usage::show(file, show);
    }

    fn show_objects(device: &Device, to: &SeqFile) {
        gem::list::show(device, to);
    }

    fn fault(gpu: &Gpu<'_>, device: &Device, fault: &mut Fault<'_, Self>) {
        gem::fault(gpu, device, fault);
    }

    fn moved_to(object: &Stored) -> Option<&Object> {
        object.evicted()
    }

    fn open(device: &Device) -> impl PinInit<FileData, Error> {
        try_pin_init!(FileData {
            device: device.reference(),
            number: Number::next(),
            engine_time: EngineTime::new()?,
            queues <- Ids::new(),
            vms <- Ids::new(),
            tables: TableLimit::new(TABLES_MAX)?,
        })
    }

    fn close(file: &File<'_>) {
        let data = file.data();
        // Where the device has been unplugged, all queues are stopped.
        if let Some(entered) = data.device.enter() {
            entered.with(|gpu| gpu.queues.close_file(data.number));
        };
    }
}

/// What belongs to an open file.
#[pin_data]
pub(crate) struct FileData {
    pub(crate) device: Reference<NovaDrmDriver>,
    /// No other file has it.
    pub(crate) number: Number,
    /// How long engines have worked for it.
    pub(crate) engine_time: Arc<EngineTime>,
    /// Its queues.
    #[pin]
    pub(crate) queues: Ids<Queue>,
    /// Its address spaces.
    #[pin]
    pub(crate) vms: Ids<Vm>,
    /// The page tables of these.
    pub(crate) tables: Arc<TableLimit>,
}
