// SPDX-License-Identifier: GPL-2.0

//! What a message has changed for the rest of the card, beside its answer.
//!
//! The card takes the effects of a message before the driver can see the answer, and in their order.
//! When GSP-RM unloads, or another one starts, all channels end without an effect.

use super::payload::{Channel, ChannelId, PageDirectory, Payload, SpaceId};
use crate::chips::engines::Engine;

/// A BAR that is a window into an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bar {
    Bar1,
    Bar2,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// There is a new channel, which does not run yet.
    ChannelCreated(Channel),
    /// A channel is no more: none of its memory may be touched again.
    ChannelFreed(ChannelId),
    /// A channel may run, or not.
    Scheduled { channel: ChannelId, runs: bool },
    /// No channel runs any more, or all that may run do.
    AllScheduled { run: bool },
    /// A channel has an object on an engine, so that its work may name the class.
    ObjectCreated {
        channel: ChannelId,
        class: u32,
        engine: Engine,
    },
    /// A channel's object on an engine is no more.
    ObjectFreed {
        channel: ChannelId,
        class: u32,
        engine: Engine,
    },
    /// An address space has this page directory.
    PageDirectorySet {
        space: SpaceId,
        directory: PageDirectory,
    },
    /// An address space has no page directory any more.
    PageDirectoryUnset { space: SpaceId },
    /// The first entry of GSP-RM's page directory for a BAR, in the MMU's format.
    BarPde { bar: Bar, entry: u64 },
}

impl Effect {
    /// Of a new object.
    pub(crate) fn created(payload: &Payload) -> Option<Self> {
        match payload {
            Payload::Channel(channel) => Some(Self::ChannelCreated(*channel)),
            &Payload::Engine {
                class,
                engine,
                channel,
            } => Some(Self::ObjectCreated {
                channel,
                class,
                engine,
            }),
            _ => None,
        }
    }

    /// Of an object that was freed: the object `handle` of `client`.
    pub(crate) fn freed(client: u32, handle: u32, payload: &Payload) -> Option<Self> {
        match payload {
            Payload::Channel(channel) => Some(Self::ChannelFreed(channel.id)),
            &Payload::Engine {
                class,
                engine,
                channel,
            } => Some(Self::ObjectFreed {
                channel,
                class,
                engine,
            }),
            Payload::Space(space) if space.directory.is_some() => Some(Self::PageDirectoryUnset {
                space: SpaceId { client, handle },
            }),
            _ => None,
        }
    }
}
