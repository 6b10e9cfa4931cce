// SPDX-License-Identifier: GPL-2.0

//! What the card learns from a turn.

use super::channel::{ChannelId, Method, Place};
use super::error::Cause;
use crate::engines::engine::Work;

/// Something that concerns the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostEvent {
    /// A channel has asked the host for its non-stall interrupt.
    NonStall,
    /// An engine (`NV2080_ENGINE_TYPE_*`) has asked for its non-stall interrupt.
    EngineNonStall {
        engine: u32,
    },
    /// An engine hangs in a method, as [`Surroundings::hangs_at`](super::Surroundings::hangs_at)
    /// wanted it.
    Hangs,
    /// TLBs are to be invalidated before the next turn.
    Invalidate(Invalidate),
    Stopped(Stopped),
}

/// The end of a channel, as GSP-RM reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) cause: Cause,
    /// `ROBUST_CHANNEL_*`.
    pub(crate) exception: u32,
    /// The engine at fault, or the channel's (`NV2080_ENGINE_TYPE_*`).
    pub(crate) engine: u32,
    /// The channels of the group that have stopped with this one.
    pub(crate) others: Vec<ChannelId>,
}

/// What TLBs are to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalidate {
    /// The page directory of the address space; none for all.
    pub(crate) directory: Option<Place>,
    /// A virtual address in the page; none for all.
    pub(crate) page: Option<u64>,
    /// How many levels of directories, from the last one on, beside the page tables; none for all.
    pub(crate) levels: Option<u8>,
}

/// What a channel has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// What it has executed, in order.
    pub(crate) steps: Vec<Step>,
    pub(crate) events: Vec<HostEvent>,
    /// It has come further, so memory may have changed.
    pub(crate) has_progressed: bool,
}

impl Report {
    /// The methods that it has begun to execute.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.steps.iter().filter_map(|step| match step {
            Step::Method(method) => Some(method),
            Step::Proceeded(_) | Step::Work(_) => None,
        })
    }
}

/// A part of what a channel has executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It has begun a method.
    Method(Method),
    /// It has gone on with a method of an earlier turn.
    Proceeded(Method),
    /// What the last method does.
    Work(Work),
}
