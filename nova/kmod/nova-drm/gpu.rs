// SPDX-License-Identifier: GPL-2.0

//! What user space is told about a GPU.

use kernel::device::Bound;
use kernel::pci;
use kernel::prelude::*;
use nova_uapi::{QueryDevice, QueryFirmware, Text};

/// A GPU while it is bound.
pub(crate) struct Gpu<'a> {
    /// What nova-core offers of it.
    pub(crate) core: &'a nova_core_module::Gpu,
    pub(crate) pci: &'a pci::Device<Bound>,
}

impl Gpu<'_> {
    /// The answer to `DRM_NOVA_QUERY_DEVICE`.
    pub(crate) fn device(&self) -> Result<QueryDevice> {
        let Self { core, pci } = self;
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
