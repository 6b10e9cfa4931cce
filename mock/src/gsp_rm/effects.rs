// SPDX-License-Identifier: GPL-2.0

//! What a message has changed for the rest of the card, beside its answer.
//!
//! The card takes the effects of a message before the driver can see the answer, and in their order.
//! When GSP-RM unloads, or another one starts, all channels end without an effect.

use super::resource::{Channel, ChannelNumber, GroupId, PageDirectory, Resource, SpaceId};
use crate::chips::engines::Engine;
use crate::engines::host::policy::Policy;

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
    ChannelFreed(ChannelNumber),
    /// A channel may run, or not.
    Scheduled { channel: ChannelNumber, runs: bool },
    /// The channels of a group run like this from now on, and those that it gets.
    PolicySet { group: GroupId, policy: Policy },
    /// A group is no more, and with it how its channels run.
    GroupFreed(GroupId),
    /// No channel runs any more, or all that may run do.
    AllScheduled { run: bool },
    /// A channel has a graphics context, so that it can execute work for graphics.
    ContextComplete(ChannelNumber),
    /// A channel has an object on an engine, so that its work may name the class.
    ObjectCreated {
        channel: ChannelNumber,
        class: u32,
        engine: Engine,
    },
    /// A channel's object on an engine is no more.
    ObjectFreed {
        channel: ChannelNumber,
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
    pub(crate) fn created(resource: &Resource) -> Option<Self> {
        match resource {
            Resource::Channel(channel) => Some(Self::ChannelCreated(*channel)),
            &Resource::Engine {
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
    pub(crate) fn freed(client: u32, handle: u32, resource: &Resource) -> Option<Self> {
        match resource {
            Resource::Channel(channel) => Some(Self::ChannelFreed(channel.number)),
            &Resource::Engine {
                class,
                engine,
                channel,
            } => Some(Self::ObjectFreed {
                channel,
                class,
                engine,
            }),
            Resource::Group(group) if group.policy != Policy::default() => {
                Some(Self::GroupFreed(GroupId { client, handle }))
            }
            Resource::Space(space) if space.directory.is_some() => Some(Self::PageDirectoryUnset {
                space: SpaceId { client, handle },
            }),
            _ => None,
        }
    }
}
