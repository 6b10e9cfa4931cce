// SPDX-License-Identifier: GPL-2.0

//! Why a queue is lost, and what its jobs end with.

use kernel::prelude::*;
use nova_core_module::{Blame, ChannelError, End, Reason};

/// Why a queue is lost.
#[derive(Clone, Copy)]
pub(super) struct Loss {
    /// One of the `QUEUE_REASON_` constants.
    pub(super) reason: u32,
    /// One of the `QUEUE_BLAME_` constants.
    pub(super) blame: u32,
    /// GSP-RM's number of the error; zero for none.
    pub(super) xid: u32,
    /// Number of the fault in the address space, if it was one.
    pub(super) fault: Option<u64>,
    /// What the oldest job ends with.
    pub(super) oldest: Error,
    /// What the other jobs end with, and those that come later fail with.
    pub(super) others: Error,
}

impl Loss {
    /// A job took too long.
    pub(super) const TIMEOUT: Self = Self {
        reason: nova_uapi::QUEUE_REASON_TIMEOUT,
        blame: nova_uapi::QUEUE_BLAME_GUILTY,
        oldest: ETIME,
        ..Self::CLOSED
    };

    /// Nobody uses the queue any more, or its file is closed.
    pub(super) const CLOSED: Self = Self {
        reason: nova_uapi::QUEUE_REASON_NONE,
        blame: nova_uapi::QUEUE_BLAME_NONE,
        xid: 0,
        fault: None,
        oldest: ECANCELED,
        others: ECANCELED,
    };

    /// A job can be in no ring: a mistake of this driver.
    pub(super) const IMPOSSIBLE: Self = Self {
        reason: nova_uapi::QUEUE_REASON_ENGINE_ERROR,
        blame: nova_uapi::QUEUE_BLAME_UNKNOWN,
        ..Self::CLOSED
    };

    /// The GPU was stopped for a sleep or a reset.
    pub(super) const STOPPED: Self = Self {
        reason: nova_uapi::QUEUE_REASON_DEVICE_RESET,
        blame: nova_uapi::QUEUE_BLAME_INNOCENT,
        ..Self::CLOSED
    };

    /// The GPU is unbound.
    pub(super) const UNBOUND: Self = Self {
        oldest: ENODEV,
        others: ENODEV,
        ..Self::CLOSED
    };

    /// Whether it leaves a dump: jobs of the queue did something wrong, or may have done so, while the rest of the GPU works. A
    /// mistake of this driver has no Xid, and leaves none.
    pub(super) fn leaves_dump(&self) -> bool {
        let is_by_jobs = matches!(
            self.reason,
            nova_uapi::QUEUE_REASON_MMU_FAULT
                | nova_uapi::QUEUE_REASON_ENGINE_ERROR
                | nova_uapi::QUEUE_REASON_TIMEOUT
        );
        let is_mistake = self.reason == nova_uapi::QUEUE_REASON_ENGINE_ERROR && self.xid == 0;
        is_by_jobs && !is_mistake && self.blame != nova_uapi::QUEUE_BLAME_INNOCENT
    }

    /// GSP-RM has stopped the channel, for the fault with this number if it was one.
    pub(super) fn error(error: &ChannelError, fault: Option<u64>) -> Self {
        Self {
            reason: match error.reason() {
                Reason::MmuFault => nova_uapi::QUEUE_REASON_MMU_FAULT,
                Reason::EngineError => nova_uapi::QUEUE_REASON_ENGINE_ERROR,
                Reason::Timeout => nova_uapi::QUEUE_REASON_TIMEOUT,
            },
            blame: match error.blame() {
                Blame::Guilty => nova_uapi::QUEUE_BLAME_GUILTY,
                Blame::Innocent => nova_uapi::QUEUE_BLAME_INNOCENT,
                Blame::Unknown => nova_uapi::QUEUE_BLAME_UNKNOWN,
            },
            xid: error.xid,
            fault,
            ..Self::CLOSED
        }
    }

    /// The channel's epoch has ended. `None` if the queue can have another channel: no job was under way, and the GPU was
    /// only stopped.
    pub(super) fn end(end: End, is_running: bool) -> Option<Self> {
        match end {
            End::Stopped if !is_running => None,
            End::Stopped => Some(Self::STOPPED),
            End::Lost => Some(Self {
                reason: nova_uapi::QUEUE_REASON_FIRMWARE_CRASH,
                // A job may have made the GSP crash.
                blame: match is_running {
                    true => nova_uapi::QUEUE_BLAME_UNKNOWN,
                    false => nova_uapi::QUEUE_BLAME_INNOCENT,
                },
                ..Self::CLOSED
            }),
            End::Unbound => Some(Self::UNBOUND),
        }
    }
}
