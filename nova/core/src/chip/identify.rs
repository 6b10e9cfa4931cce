// SPDX-License-Identifier: GPL-2.0

//! Identification of the chip.
//!
//! Source: Linux 7.3, drivers/gpu/nova-core/gpu.rs; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/ampere/ga102/dev_boot.h.

use core::fmt;

use nova_hw::chipset::{family, Chipset, Revision};
use nova_hw::regs::pmc::{PmcBoot0, PmcBoot42};

use crate::mmio::Io;

/// Error message if the registers read all ones.
pub(crate) const CARD_GONE: &str = "registers: expected a GPU, found all ones (the card is gone)";

/// An identified chip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) chipset: Chipset,
    pub(crate) revision: Revision,
    /// PMC_BOOT_0, which falcons get after each reset.
    pub(crate) boot0: u32,
}

/// Error for a GPU without a GSP, or with a chip that this driver does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownChip {
    /// PMC_BOOT_0.
    pub boot0: u32,
    /// PMC_BOOT_42.
    pub boot42: u32,
    /// Family of the architecture in PMC_BOOT_42.
    pub family: &'static str,
}

/// Identifies the chip with two register reads.
pub(crate) fn identify(io: &Io<'_>) -> Result<Identity, UnknownChip> {
    let boot0 = u32::from(io.read::<PmcBoot0>());
    // Chips before Fermi lack PMC_BOOT_42, and none before Turing has a supported GSP.
    let boot42 = io.read::<PmcBoot42>();
    let chipset = Chipset::from_boot42(boot42).ok_or(UnknownChip {
        boot0,
        boot42: boot42.into(),
        family: family(boot42.architecture()).unwrap_or("no family that is known"),
    })?;
    Ok(Identity {
        chipset,
        revision: boot42.into(),
        boot0,
    })
}

/// Whether the card is gone from the bus.
pub(crate) fn card_gone(io: &Io<'_>) -> bool {
    u32::from(io.read::<PmcBoot0>()) == u32::MAX
}

impl fmt::Display for UnknownChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            boot0,
            boot42,
            family,
        } = self;
        write!(
            f,
            "PMC_BOOT_42: expected a chip from TU102 to GB207, found {boot42:#010x}, which looks \
             like {family} and is not supported (PMC_BOOT_0 {boot0:#010x})"
        )
    }
}
