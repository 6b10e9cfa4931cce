// SPDX-License-Identifier: GPL-2.0

//! When the channels of a group run, as GSP-RM tells the host.

use nova_hw::abi::{InterleaveLevel, TIMESLICE_US_DEFAULT};

/// When the channels of a group run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// How often they would be on the runlist; without effect (`runlist.rs`).
    pub(crate) level: InterleaveLevel,
    /// How long they run before others do, in microseconds.
    pub(crate) timeslice_us: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            level: InterleaveLevel::default(),
            timeslice_us: TIMESLICE_US_DEFAULT,
        }
    }
}
