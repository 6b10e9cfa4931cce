// SPDX-License-Identifier: GPL-2.0

//! The interface for second-level drivers.

use core::time::Duration;

use kernel::auxiliary;
use kernel::device::Bound;
use kernel::fmt;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::types::CovariantForLt;
use nova_core::platform::Platform;
use nova_core::{pushes_max, BootReport, Classes, Engines, Text};
use nova_hw::chipset::{Chipset, Revision};
use nova_hw::gmmu::Format;

use crate::address_space::AddressSpace;
use crate::calls::Epoch;
use crate::channel::{Channel, ChannelEvents, NewChannel, Parts};
use crate::context::{Clear, Context, SharedContext};
use crate::fifo::Host;
use crate::graphics::{self, Graphics, GraphicsEngine};
use crate::gsp::Gsp;
use crate::health::{Health, Listener, Listeners};
use crate::instance::{Instance, Memory};
use crate::rm::{Client, Rm};
use crate::table_limit::TableLimit;
use crate::vram::Vram;
use nova_kernel::pci::bar_pages::BarPages;

/// A booted GPU. Second-level drivers get it from the auxiliary device that nova-core registers for it.
pub struct Gpu<'a> {
    /// The chip.
    pub chipset: Chipset,
    /// Its revision.
    pub revision: Revision,
    /// Its name, from GSP-RM.
    pub name: Text<64>,
    /// VRAM on the board, in bytes.
    pub vram: u64,
    /// VRAM that is not reserved by GSP-RM, in bytes.
    pub usable_vram: u64,
    /// The same VRAM, to be allocated.
    pub free_vram: Arc<Vram>,
    /// Size of the BAR through which the CPU sees VRAM, in bytes.
    pub vram_bar: u64,
    /// The pages of that BAR that show VRAM to programs, in slots of [`SLOT_SIZE`](nova_core::SLOT_SIZE).
    pub program_pages: BarPages<'a>,
    /// Release of the firmware that runs the GPU.
    pub firmware_release: Text<32>,
    listeners: Arc<Listeners>,
    rm: Arc<dyn Rm + 'a>,
    instance: Arc<dyn Instance + 'a>,
    host: Arc<dyn Host + 'a>,
    graphics: Arc<dyn GraphicsEngine + 'a>,
}

/// [`Gpu`] as the registration data of the auxiliary device.
pub(crate) type Data = CovariantForLt!(Gpu<'_>);

impl<'a> Gpu<'a> {
    /// Second half of the auxiliary device's name; the first is [`MODULE_NAME`](crate::MODULE_NAME).
    pub const DEVICE_NAME: &'static CStr = c"drm";

    /// The GPU of an auxiliary device.
    ///
    /// Not inlined, so that a module that calls this depends on nova-core.ko and is loaded after it.
    ///
    /// # Errors
    ///
    /// `EINVAL` or `ENOENT` if nova-core has not registered the device.
    #[inline(never)]
    pub fn of(device: &'a auxiliary::Device<Bound>) -> Result<&'a Self> {
        device.registration_data::<Data>().map(Pin::get_ref)
    }

    /// Replaces the listener, which is notified of the GPU's health now and at each change. On return, a call of the
    /// old listener has ended.
    #[inline(never)]
    pub fn listen(&self, listener: Option<Arc<dyn Listener>>) {
        self.listeners.set(listener);
    }

    /// The GPU's health, and how often it has been booted again since it was bound: after the loss of its GSP, a reset,
    /// or a sleep. A boot counts when its epoch is there, neither earlier nor later.
    #[inline(never)]
    pub fn health(&self) -> (Health, u64) {
        let (health, _) = self.listeners.health();
        let boots = self.rm.boots();
        (health, boots.saturating_sub(1))
    }

    /// The epoch of the running GSP-RM.
    ///
    /// # Errors
    ///
    /// `EIO` if GSP-RM does not run, or its GSP is lost.
    #[inline(never)]
    pub fn epoch(&self) -> Result<Epoch> {
        self.rm.epoch()
    }

    /// Whether an epoch has not ended. Its GSP may be lost.
    #[inline(never)]
    pub fn is_current(&self, epoch: Epoch) -> bool {
        self.rm.is_current(epoch)
    }

    /// As [`Self::epoch`], but waits for a boot if the GPU is stopped for a suspend or a reset.
    ///
    /// # Errors
    ///
    /// `EIO` if GSP-RM does not run and will not be booted, `EINTR` if the task was killed.
    #[inline(never)]
    pub fn await_epoch(&self) -> Result<Epoch> {
        self.rm.await_epoch()
    }

    /// Waits until GSP-RM runs, but not for longer than `limit`. It is awaited if the GPU is stopped for a suspend or a
    /// reset, and if its GSP is lost.
    ///
    /// # Errors
    ///
    /// `EIO` if GSP-RM does not run and will not be booted, `EINTR` if the task was killed.
    #[inline(never)]
    pub fn await_boot(&self, limit: Duration) -> Result {
        self.rm.await_boot(limit)
    }

    /// Allocates an address space of a client, in which nothing is mapped. `mapped` has all that will be mapped there; the
    /// address space has a reference to it as long as the GPU may use it. Page tables are charged to `limit`.
    ///
    /// # Errors
    ///
    /// `EIO` if the client's epoch has ended, `ENOSPC` if there is no VRAM, `ENOMEM`, `EINTR` if the task was killed, or
    /// the error of the call of GSP-RM, which is logged.
    #[inline(never)]
    pub fn address_space(
        &self,
        client: &Client<'a>,
        mapped: Arc<dyn Send + Sync>,
        limit: Arc<TableLimit>,
    ) -> Result<Arc<AddressSpace<'a>>> {
        let memory = self.memory(client.epoch());
        let format = Format::of(self.chipset.arch());
        AddressSpace::new(&self.rm, memory, client.handles(), format, mapped, limit)
    }

    /// The engines that channels can feed. Asks GSP-RM if that has not been done before; they stay the same.
    ///
    /// # Errors
    ///
    /// Those of [`Self::client`].
    #[inline(never)]
    pub fn engines(&self) -> Result<Engines> {
        self.host.engines()
    }

    /// What GSP-RM tells of the graphics engine. Asks it if that has not been done before; it stays the same.
    ///
    /// # Errors
    ///
    /// Those of [`Self::client`].
    #[inline(never)]
    pub fn graphics(&self) -> Result<Arc<Graphics>> {
        self.graphics.graphics()
    }

    /// What all contexts share in an epoch, if the golden context has been [made](Self::make_golden).
    #[inline(never)]
    pub fn shared_context(&self, epoch: Epoch) -> Option<Arc<SharedContext>> {
        let (shared, has_golden) = self.graphics.shared_context(epoch)?;
        has_golden.then_some(shared)
    }

    /// Has GSP-RM make the golden context of the client's epoch. Returns what other contexts share with it, which is used
    /// until the end of the epoch. One thread at a time does that, and once in an epoch, but again where it has failed.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if channels cannot use graphics on this GPU, those of `clear`, and those of [`Self::address_space`] and
    /// [`Self::channel`].
    #[inline(never)]
    pub fn make_golden(&self, client: &Client<'a>, clear: Clear<'_>) -> Result<Arc<SharedContext>> {
        let epoch = client.epoch();
        let shared = match self.graphics.shared_context(epoch) {
            // GSP-RM may use it since an attempt that has failed.
            Some((shared, _)) => shared,
            None => {
                let graphics = self.graphics()?;
                let layout = &graphics.info.context;
                let shared = SharedContext::new(&self.free_vram, layout, clear)?;
                self.graphics.keep_shared_context(epoch, &shared)?;
                shared
            }
        };
        let context = Context::golden(&self.free_vram, &shared, clear)?;
        let memory = self.memory(epoch);
        let format = Format::of(self.chipset.arch());
        let limit = graphics::table_limit()?;
        let mapped = shared.clone();
        let space = AddressSpace::with_server_range(
            &self.rm,
            memory,
            client.handles(),
            format,
            mapped,
            limit,
        )?;
        graphics::make_golden(&space, self.parts(&space, client), context)?;
        self.graphics.set_golden(epoch)?;
        Ok(shared)
    }

    /// What a channel is made from.
    fn parts<'x>(
        &'x self,
        space: &'x Arc<AddressSpace<'a>>,
        client: &'x Client<'a>,
    ) -> Parts<'x, 'a> {
        Parts {
            rm: &self.rm,
            host: &self.host,
            classes: Classes::of(self.chipset),
            client,
            memory: self.memory(space.epoch()),
            space,
        }
    }

    /// The classes of channels, and of the objects on them.
    #[inline(never)]
    pub fn classes(&self) -> Classes {
        Classes::of(self.chipset)
    }

    /// Number of pushes that a job can have in a ring of so many entries, whatever their addresses.
    #[inline(never)]
    pub fn pushes_max(&self, entries: u32) -> u32 {
        pushes_max(Classes::of(self.chipset).channel, entries)
    }

    /// The GPU's time in nanoseconds, which is also what semaphores get.
    ///
    /// # Errors
    ///
    /// `EIO` if the GPU does not answer.
    #[inline(never)]
    pub fn gpu_time(&self) -> Result<u64> {
        self.host.time().ok_or(EIO)
    }

    /// Makes a channel in an address space of the same client.
    ///
    /// # Errors
    ///
    /// `EIO` if the epoch of the address space has ended, `EINVAL` if there is no such engine or ring, `EMFILE` if all
    /// channels of the GPU are in use, `ENOSPC` if there is no VRAM, `ENOMEM`, `EINTR` if the task was killed, or the
    /// error of the call of GSP-RM, which is logged.
    #[inline(never)]
    pub fn channel(
        &self,
        space: &Arc<AddressSpace<'a>>,
        client: &Client<'a>,
        new: NewChannel,
        events: Arc<dyn ChannelEvents>,
    ) -> Result<Arc<Channel<'a>>> {
        Channel::new(self.parts(space, client), new, events)
    }

    /// Allocates a client of GSP-RM. Does not wait for a boot: the listener ([`Self::listen`]) is notified when GSP-RM
    /// runs.
    ///
    /// # Errors
    ///
    /// `EIO` if GSP-RM does not run, `EINTR` if the task was killed, or the error of the call of GSP-RM, which is
    /// logged.
    #[inline(never)]
    pub fn client(&self) -> Result<Client<'a>> {
        Client::new(&self.rm)
    }

    /// Waits until the GPU uses nothing any more of what second-level drivers have dropped. If GSP-RM or the TLBs have not
    /// let go of it, so that nova-core keeps it, that is when the GPU has been reset.
    ///
    /// A second-level driver calls this at unbind, when all that it had of this GPU has been dropped.
    #[inline(never)]
    pub fn settle(&self) {
        self.rm.settle();
    }

    /// The driver's own memory in VRAM, for page tables, in the epoch of a client. It is the CPU that writes to it.
    #[inline(never)]
    pub fn memory(&self, epoch: Epoch) -> Memory<'a> {
        Memory::new(&self.instance, epoch)
    }

    /// Has a slot of [`Self::program_pages`] show the chunk of VRAM with this number. What it showed before is not seen
    /// there any more on success.
    ///
    /// # Errors
    ///
    /// `EIO` if the epoch has ended, `ETIMEDOUT` if the GPU's TLBs cannot be invalidated, `ENOSPC` if there is no such
    /// slot, `ENOMEM`.
    #[inline(never)]
    pub fn show(&self, epoch: Epoch, slot: usize, chunk: u64) -> Result {
        self.instance.show(epoch, slot, chunk)
    }

    pub(crate) fn new(
        gsp: &Arc<Gsp<'a>>,
        report: &BootReport,
        vram: Arc<Vram>,
        program_pages: BarPages<'a>,
    ) -> Self {
        let [_registers, vram_bar, _instance] = gsp.machine().pci().bar_sizes;
        Self {
            listeners: gsp.listeners.clone(),
            rm: gsp.clone(),
            instance: gsp.clone(),
            host: gsp.clone(),
            graphics: gsp.clone(),
            free_vram: vram,
            chipset: report.chipset,
            revision: report.revision,
            name: report.info.name,
            vram: report.info.fb_length,
            usable_vram: report.info.usable_vram(),
            vram_bar,
            program_pages,
            firmware_release: report.firmware_release,
        }
    }
}

impl fmt::Display for Gpu<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            chipset,
            revision,
            name,
            firmware_release,
            ..
        } = self;
        write!(
            f,
            "{name} ({chipset} rev {revision}), firmware {firmware_release}"
        )
    }
}
