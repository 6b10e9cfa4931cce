// SPDX-License-Identifier: GPL-2.0

//! The GPU's own firmware (GFW), which runs from the VBIOS after reset: memory training, clocks.
//! The card must not be used before GFW has completed.
//!
//! Source: open-gpu-kernel-modules 570, `kgspWaitForGfwBootOk_TU102`; Linux 7.3,
//! drivers/gpu/nova-core/gpu/hal/tu102.rs.

use core::time::Duration;

use nova_hw::regs::pgc6::{GfwBoot, GfwBootPrivLevelMask};

use super::error::Error;
use crate::mmio::Io;

/// Time-out for GFW, which starts when the GPU leaves reset; Linux's.
const LIMIT: Duration = Duration::from_secs(4);

/// Waits until GFW has completed.
pub(crate) fn wait(io: &Io<'_>) -> Result<(), Error> {
    // FWSEC lowers the privilege level of the progress register first; an earlier read would be
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
