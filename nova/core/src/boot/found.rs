// SPDX-License-Identifier: GPL-2.0

//! A GPU that was found.

use nova_hw::chipset::{Chipset, Revision};

use super::error::{Error, Failure};
use super::progress::Progress;
use super::stage::Stage;
use crate::chip::identify::{identify, Identity};
use crate::chip::Chip;
use crate::mmio::{Counts, Io};
use crate::platform::{Clock, Registers};

/// A GPU that has been identified; its state is unchanged.
#[derive(Clone, Debug)]
pub struct Found {
    pub(crate) chip: Chip,
    pub(crate) identity: Identity,
    /// Branch of the firmware release to boot; `None` for the newest release.
    pub(crate) pinned: Option<u32>,
    pub(crate) progress: Progress,
}

/// Identifies the GPU behind `platform` with two register reads.
///
/// # Errors
///
/// [`Error::CardGone`] and [`Error::UnknownChip`].
pub fn probe<P: Registers + Clock>(platform: &P) -> Result<Found, Failure> {
    let counts = Counts::default();
    let io = Io::counted(platform, &counts);
    let mut progress = Progress::default();
    let identity = progress.run(&io, Stage::Identify, || {
        identify(&io).map_err(Error::UnknownChip)
    })?;
    Ok(Found {
        chip: Chip::of(identity.chipset),
        identity,
        pinned: None,
        progress,
    })
}

impl Found {
    /// The chip.
    pub fn chipset(&self) -> Chipset {
        self.identity.chipset
    }

    /// The chip's revision.
    pub fn revision(&self) -> Revision {
        self.identity.revision
    }

    /// Restricts the boot to the firmware release of this branch, such as 570; by default the
    /// newest installed release is booted.
    #[must_use]
    pub fn pin(self, branch: Option<u32>) -> Self {
        Self {
            pinned: branch,
            ..self
        }
    }

    /// Number of bits in bus addresses that the chip supports.
    pub fn dma_address_bits(&self) -> u32 {
        self.chip.dma_address_bits
    }
}
