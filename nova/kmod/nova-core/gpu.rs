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

use crate::health::{Listener, Listeners};

/// A booted GPU, found through the auxiliary device that nova-core has registered for it.
pub struct Gpu {
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
}

/// How [`Gpu`] is known to the auxiliary bus.
pub(crate) type Data = CovariantForLt!(Gpu);

impl Gpu {
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
    pub fn of(device: &auxiliary::Device<Bound>) -> Result<&Self> {
        device.registration_data::<Data>().map(Pin::get_ref)
    }

    /// Has `listener` told what becomes of the GPU from now on, or nobody; what was told last is over
    /// on return.
    #[inline(never)]
    pub fn listen(&self, listener: Option<Arc<dyn Listener>>) {
        self.listeners.set(listener);
    }

    pub(crate) fn new(report: &BootReport, pci: &PciInfo, listeners: Arc<Listeners>) -> Self {
        let [_registers, vram_bar, _instance] = pci.bar_sizes;
        Self {
            listeners,
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

impl fmt::Display for Gpu {
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
