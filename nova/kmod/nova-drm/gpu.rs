// SPDX-License-Identifier: GPL-2.0

//! What user space is told about a GPU.

use kernel::device::Bound;
use kernel::pci;
use kernel::prelude::*;
use kernel::sync::{new_mutex, Mutex};
use nova_core_module::Client;
use nova_uapi::{QueryDevice, QueryFirmware, Text};

/// A GPU while it is bound.
#[pin_data]
pub(crate) struct Gpu<'a> {
    /// What nova-core offers of it.
    pub(crate) core: &'a nova_core_module::Gpu<'a>,
    pci: &'a pci::Device<Bound>,
    /// This driver's own client of GSP-RM, while there is one.
    #[pin]
    client: Mutex<Option<Client<'a>>>,
}

impl<'a> Gpu<'a> {
    /// A GPU, and the client if there is one.
    pub(crate) fn new(
        core: &'a nova_core_module::Gpu<'a>,
        pci: &'a pci::Device<Bound>,
        client: Option<Client<'a>>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            core,
            pci,
            client <- new_mutex!(client),
        })
    }

    /// Forgets the client.
    pub(crate) fn drop_client(&self) {
        let client = self.client.lock().take();
        drop(client);
    }

    /// Allocates a client anew, unless there is one of the GSP-RM that runs.
    ///
    /// # Errors
    ///
    /// Those of nova-core, which has said why.
    pub(crate) fn renew_client(&self) -> Result {
        let mut client = self.client.lock();
        let epoch = self.core.epoch()?;
        if client.as_ref().is_none_or(|client| client.epoch() != epoch) {
            *client = None;
            *client = Some(self.core.client()?);
        }
        Ok(())
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
}
