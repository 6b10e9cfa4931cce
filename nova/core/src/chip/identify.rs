// SPDX-License-Identifier: GPL-2.0

//! Which GPU is it?
//!
//! Source: Linux 7.3, drivers/gpu/nova-core/gpu.rs; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/ampere/ga102/dev_boot.h.

use nova_hw::chipset::{Chipset, Revision};
use nova_hw::regs::pmc::{PmcBoot0, PmcBoot42};

use crate::boot::error::{Error, Failure};
use crate::boot::report::{Progress, Stage};
use crate::chip::Chip;
use crate::mmio::Io;
use crate::platform::{Clock, Registers};

/// A GPU that has been identified; nothing on it was changed.
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) chip: Chip,
    pub(crate) chipset: Chipset,
    pub(crate) revision: Revision,
    /// PMC_BOOT_0, which falcons are told after each reset.
    pub(crate) boot0: u32,
    /// Branch of the one firmware release that is to be booted.
    pub(crate) pinned: Option<u32>,
    pub(crate) progress: Progress,
}

/// Identifies the GPU behind `platform` with two register reads.
///
/// # Errors
///
/// [`Error::CardGone`] and [`Error::UnknownChip`].
pub fn probe<P: Registers + Clock>(platform: &P) -> Result<Found, Failure> {
    let io = Io::new(platform);
    let mut progress = Progress::default();
    let found = progress.run(&io, Stage::Identify, || identify(&io))?;
    Ok(Found { progress, ..found })
}

fn identify(io: &Io<'_>) -> Result<Found, Error> {
    let boot0 = u32::from(io.read::<PmcBoot0>());
    // Chips before Fermi may lack PMC_BOOT_42, and none before Turing has a GSP that we know.
    let boot42 = io.read::<PmcBoot42>();
    let chipset = Chipset::from_boot42(boot42).ok_or(Error::UnknownChip {
        boot0,
        boot42: boot42.into(),
    })?;
    Ok(Found {
        chip: Chip::of(chipset),
        chipset,
        revision: boot42.into(),
        boot0,
        pinned: None,
        progress: Progress::default(),
    })
}

/// Whether the card is gone from the bus.
pub(crate) fn card_gone(io: &Io<'_>) -> bool {
    u32::from(io.read::<PmcBoot0>()) == u32::MAX
}

impl Found {
    /// The chip.
    pub fn chipset(&self) -> Chipset {
        self.chipset
    }

    /// Its revision.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Has no firmware be booted but the release of this branch, such as 570; without one, the newest
    /// that is installed is.
    #[must_use]
    pub fn pin(self, branch: Option<u32>) -> Self {
        Self {
            pinned: branch,
            ..self
        }
    }

    /// Bits that bus addresses given to this chip may have.
    pub fn dma_address_bits(&self) -> u32 {
        self.chip.dma_address_bits
    }
}
