// SPDX-License-Identifier: GPL-2.0

//! What nova-core offers to second-level drivers.

use kernel::auxiliary;
use kernel::device::Bound;
use kernel::fmt;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::types::CovariantForLt;
use nova_core::platform::PciInfo;
use nova_core::{BootReport, Text};
use nova_hw::chipset::{Chipset, Revision};

use crate::calls::Epoch;
use crate::health::{Listener, Listeners};
use crate::rm::{Client, Rm};

/// A booted GPU, found through the auxiliary device that nova-core has registered for it.
pub struct Gpu<'a> {
    /// The chip.
    pub chipset: Chipset,
    /// Its revision.
    pub revision: Revision,
    /// Its name, as GSP-RM tells it.
    pub name: Text<64>,
    /// VRAM in all, in bytes.
    pub vram: u64,
    /// VRAM that GSP-RM leaves to its users, in bytes.
    pub usable_vram: u64,
    /// Size of the BAR through which the CPU sees VRAM, in bytes.
    pub vram_bar: u64,
    /// Release of the firmware that runs the GPU.
    pub firmware_release: Text<32>,
    listeners: Arc<Listeners>,
    rm: Arc<dyn Rm + 'a>,
}

/// How [`Gpu`] is known to the auxiliary bus.
pub(crate) type Data = CovariantForLt!(Gpu<'_>);

impl<'a> Gpu<'a> {
    /// Second half of the auxiliary device's name; the first is [`MODULE_NAME`](crate::MODULE_NAME).
    pub const DEVICE_NAME: &'static CStr = c"drm";

    /// The GPU of an auxiliary device.
    ///
    /// Not inlined, so that whoever calls it depends on nova-core.ko and is loaded after it.
    ///
    /// # Errors
    ///
    /// `EINVAL` or `ENOENT` where the device is not one of nova-core's.
    #[inline(never)]
    pub fn of(device: &'a auxiliary::Device<Bound>) -> Result<&'a Self> {
        device.registration_data::<Data>().map(Pin::get_ref)
    }

    /// Has `listener` told what becomes of the GPU from now on, or nobody; what was told last is over
    /// on return.
    #[inline(never)]
    pub fn listen(&self, listener: Option<Arc<dyn Listener>>) {
        self.listeners.set(listener);
    }

    /// The GSP-RM that runs.
    ///
    /// # Errors
    ///
    /// `EIO` where none does.
    #[inline(never)]
    pub fn epoch(&self) -> Result<Epoch> {
        self.rm.epoch()
    }

    /// Allocates a client of GSP-RM. Does not wait for a boot: whoever has asked by [`Self::listen`] is told when
    /// GSP-RM runs.
    ///
    /// # Errors
    ///
    /// `EIO` where GSP-RM does not run, `EINTR` if the task was killed, or why GSP-RM does not answer; where that is
    /// not the loss of the GSP, the log has it.
    #[inline(never)]
    pub fn client(&self) -> Result<Client<'a>> {
        Client::new(&self.rm)
    }

    pub(crate) fn new(
        report: &BootReport,
        pci: &PciInfo,
        listeners: Arc<Listeners>,
        rm: Arc<dyn Rm + 'a>,
    ) -> Self {
        let [_registers, vram_bar, _instance] = pci.bar_sizes;
        Self {
            listeners,
            rm,
            chipset: report.chipset,
            revision: report.revision,
            name: report.info.name,
            vram: report.info.fb_length,
            usable_vram: report.info.usable_vram(),
            vram_bar,
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
