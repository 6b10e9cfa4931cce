// SPDX-License-Identifier: GPL-2.0

//! Identification of the chip.
//!
//! Source: Linux 7.3, drivers/gpu/nova-core/gpu.rs; open-gpu-kernel-modules 570,
//! src/common/inc/swref/published/ampere/ga102/dev_boot.h.

use core::fmt;
use core::time::Duration;

use nova_hw::chipset::{family, Chipset, Revision};
use nova_hw::regs::pmc::{PmcBoot0, PmcBoot1, PmcBoot42};

use crate::mmio::Io;

/// Error message if the registers read all ones.
pub(crate) const CARD_GONE: &str = "registers: expected a GPU, found all ones (the card is gone)";

/// Maximum time after a reset until the registers answer; the driver's own limit. On real boards they read all ones for
/// some 100 ms, while configuration space answers already.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

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

/// Identifies the chip with two register reads, as soon as the registers answer.
pub(crate) fn identify(io: &Io<'_>) -> Result<Identity, UnknownChip> {
    let boot0 = wait_boot0(io);
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

/// Waits until the registers answer. Returns PMC_BOOT_0, or all ones if they do not.
fn wait_boot0(io: &Io<'_>) -> u32 {
    let answers = |boot0: PmcBoot0| u32::from(boot0) != u32::MAX;
    let boot0 = io.wait_at(0, "the registers to answer", ANSWER_LIMIT, answers);
    boot0.map_or(u32::MAX, u32::from)
}

/// Whether the card is gone from the bus.
pub(crate) fn card_gone(io: &Io<'_>) -> bool {
    u32::from(io.read::<PmcBoot0>()) == u32::MAX
}

/// Whether this is a virtual function, of which only PMC can be used.
pub(crate) fn is_virtual(io: &Io<'_>) -> bool {
    io.read::<PmcBoot1>().vgpu() == PmcBoot1::VGPU_VF
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Clock;
    use crate::testing::Card;

    fn ga102() -> Card {
        let card = Card::default();
        card.set(PmcBoot0::OFFSET, 0xb720_00a1);
        card.set(PmcBoot42::OFFSET, 0x172a_1000);
        card
    }

    #[test]
    fn registers_may_answer_late() {
        let card = ga102();
        card.set_silent_until(Duration::from_millis(100));
        let identity = identify(&Io::new(&card)).unwrap();
        assert_eq!(identity.boot0, 0xb720_00a1);
        assert!(card.now() < Duration::from_millis(120), "{:?}", card.now());
    }

    #[test]
    fn registers_that_never_answer_are_given_up() {
        let card = ga102();
        card.set_silent_until(Duration::MAX);
        assert_eq!(identify(&Io::new(&card)).unwrap_err().boot0, u32::MAX);
        assert!(card.now() >= ANSWER_LIMIT && card.now() < 2 * ANSWER_LIMIT);
    }
}
