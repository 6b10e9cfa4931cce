// SPDX-License-Identifier: GPL-2.0

//! The GPU's own firmware (GFW), which runs out of the VBIOS after reset: memory training, clocks.
//! Nothing on the card may be relied on before it is through.
//!
//! Source: open-gpu-kernel-modules 570, `kgspWaitForGfwBootOk_TU102`; Linux 7.3,
//! drivers/gpu/nova-core/gpu/hal/tu102.rs.

use core::time::Duration;

use nova_hw::regs::pgc6::{GfwBoot, GfwBootPrivLevelMask};

use super::error::Error;
use crate::mmio::Io;

/// GFW starts when the GPU leaves reset and takes far less than this.
const LIMIT: Duration = Duration::from_secs(4);

/// Waits until the GFW is through.
pub(crate) fn wait(io: &Io<'_>) -> Result<(), Error> {
    // FWSEC lowers the privilege level of the progress register first; a read before would be
    // refused.
    io.wait_at(
        0,
        "GFW to open its progress register",
        LIMIT,
        |mask: GfwBootPrivLevelMask| mask.read_protection_level0(),
    )?;
    io.wait_at(0, "GFW to complete", LIMIT, |boot: GfwBoot| {
        boot.progress() == GfwBoot::COMPLETED
    })?;
    Ok(())
}
