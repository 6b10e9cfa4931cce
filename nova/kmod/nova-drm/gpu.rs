// SPDX-License-Identifier: GPL-2.0

//! A bound GPU, and the answers to queries about it.

use kernel::device::{Bound, Device};
use kernel::pci;
use kernel::prelude::*;
use kernel::sync::{new_mutex, new_spinlock, Arc, Mutex, SpinLock};
use nova_core_module::{
    AddressSpace, Channel, ChannelEvents, Client, Health, NewChannel, Survival, TableLimit,
};
use nova_uapi::{QueryDevice, QueryFirmware, QueryStatus, Text};

use crate::driver;
use crate::gem::clear::Clearer;
use crate::graphics::Contexts;
use crate::queue::Queues;
use crate::vm::Spaces;

/// A bound GPU.
#[pin_data]
pub(crate) struct Gpu<'a> {
    /// nova-core's handle of the GPU.
    pub(crate) core: &'a nova_core_module::Gpu<'a>,
    pci: &'a pci::Device<Bound>,
    /// The queues of programs. Dropped before the address spaces, in which their channels are.
    #[pin]
    pub(crate) queues: Queues<'a>,
    /// What zeroes VRAM, and saves it for a sleep. Dropped before the client, of which its channel is.
    #[pin]
    pub(crate) clearer: Clearer<'a>,
    /// How often VRAM has kept its contents over a boot.
    #[pin]
    pub(crate) survival: SpinLock<Survival>,
    /// What makes contexts of graphics.
    #[pin]
    pub(crate) contexts: Contexts,
    /// The address spaces of programs. Dropped before the client, of which they are.
    #[pin]
    pub(crate) spaces: Spaces<'a>,
    /// This driver's client of GSP-RM. While the GPU does not work it is `None`, or one of an earlier epoch.
    #[pin]
    client: Mutex<Option<Client<'a>>>,
    /// Dropped last.
    _settled: Settled<'a>,
}

/// The drop waits until the GPU uses nothing of this driver any more.
struct Settled<'a>(&'a nova_core_module::Gpu<'a>);

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        self.0.settle();
    }
}

impl<'a> Gpu<'a> {
    /// A GPU and its auxiliary device, with a client if GSP-RM runs.
    pub(crate) fn new(
        core: &'a nova_core_module::Gpu<'a>,
        device: &'a Device<Bound>,
        pci: &'a pci::Device<Bound>,
        client: Option<Client<'a>>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            core,
            pci,
            queues <- Queues::new(core, device),
            clearer <- Clearer::new(),
            survival <- new_spinlock!(Survival::default()),
            contexts <- Contexts::new(),
            spaces <- Spaces::new(),
            client <- new_mutex!(client),
            _settled: Settled(core),
        })
    }

    /// Drops the client.
    pub(crate) fn drop_client(&self) {
        let client = self.client.lock().take();
        drop(client);
    }

    /// Replaces the client, unless it is one of the running GSP-RM.
    ///
    /// # Errors
    ///
    /// Those of [`nova_core_module::Gpu::client`], and `EIO` while GSP-RM does not run.
    pub(crate) fn renew_client(&self) -> Result {
        self.with_client(|_| Ok(()))
    }

    /// Calls `f` with a client of the running GSP-RM.
    fn with_client<R>(&self, f: impl FnOnce(&Client<'a>) -> Result<R>) -> Result<R> {
        let mut client = self.client.lock();
        let epoch = self.core.epoch()?;
        let current = client.take().filter(|client| client.epoch() == epoch);
        let current = match current {
            Some(current) => current,
            None => self.core.client()?,
        };
        f(client.insert(current))
    }

    /// Allocates an address space in which nothing is mapped. As long as the GPU may use what will be mapped there, there
    /// is a reference to `mapped`. Page tables are charged to `limit`.
    ///
    /// # Errors
    ///
    /// Those of [`Self::renew_client`], and of [`nova_core_module::Gpu::address_space`].
    pub(crate) fn address_space(
        &self,
        mapped: Arc<dyn Send + Sync>,
        limit: Arc<TableLimit>,
    ) -> Result<Arc<AddressSpace<'a>>> {
        self.with_client(|client| self.core.address_space(client, mapped, limit))
    }

    /// Makes a channel in an address space.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the GPU has no channel left, and those of [`Self::renew_client`] and [`nova_core_module::Gpu::channel`].
    pub(crate) fn channel(
        &self,
        space: &Arc<AddressSpace<'a>>,
        new: NewChannel,
        events: Arc<dyn ChannelEvents>,
    ) -> Result<Arc<Channel<'a>>> {
        let made = self.with_client(|client| self.core.channel(space, client, new, events));
        made.map_err(|error| match error {
            EMFILE => ENOSPC,
            _ => error,
        })
    }

    /// Logs that something has failed which no program is told of.
    #[inline(never)]
    pub(crate) fn report(&self, what: &str, error: Error) {
        dev_err!(self.pci, "{what}: {error:?}\n");
    }

    /// The answer to `DRM_NOVA_QUERY_DEVICE`.
    pub(crate) fn device(&self) -> Result<QueryDevice> {
        let Self { core, pci, .. } = self;
        let mut bar_size = [0; 6];
        for (index, size) in (0..).zip(&mut bar_size) {
            *size = pci.resource_len(index)?;
        }
        Ok(QueryDevice {
            chipset: core.chipset.id(),
            architecture: core.chipset.arch().id().into(),
            revision_major: core.revision.major.into(),
            revision_minor: core.revision.minor.into(),
            vram_size: core.vram,
            vram_usable: core.usable_vram,
            bar_size,
            name: Text::new(core.name.as_str().as_bytes()),
        })
    }

    /// The answer to `DRM_NOVA_QUERY_FIRMWARE`.
    pub(crate) fn firmware(&self) -> QueryFirmware {
        QueryFirmware {
            release: Text::new(self.core.firmware_release.as_str().as_bytes()),
        }
    }

    /// The answer to `DRM_NOVA_QUERY_STATUS`.
    pub(crate) fn status(&self, device: &driver::Device) -> QueryStatus {
        let (health, boots) = self.core.health();
        let survived = self.survival.lock().count(boots);
        // Who is told of a loss sees no dummy page any more: what it writes then is not lost, too. Without an epoch, another loss
        // is still to be counted.
        if self.core.epoch().is_ok() {
            device.data().windows().renew(self, device);
        }
        QueryStatus {
            health: match health {
                Health::Dead => nova_uapi::HEALTH_LOST,
                Health::Works if !device.is_wedged() => nova_uapi::HEALTH_OK,
                // When it works again, this driver has to be told before calls are let through.
                Health::Lost | Health::Works => nova_uapi::HEALTH_RECOVERING,
            },
            reserved: 0,
            resets: boots,
            vram_losses: boots.saturating_sub(survived),
        }
    }
}
