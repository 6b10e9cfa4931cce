// SPDX-License-Identifier: GPL-2.0

//! How the trace names channels.

use std::fmt;

/// The name of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChannelName {
    pub(crate) runlist: u8,
    pub(crate) channel: u16,
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:#x}", self.runlist, self.channel)
    }
}
