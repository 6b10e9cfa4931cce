// SPDX-License-Identifier: GPL-2.0

//! What GSP-RM knows about an object besides its place in the tree.

use std::collections::BTreeMap;

use nova_hw::gsp::PAGE_SIZE;

use crate::chips::engines::Engine;
use crate::engines::host::policy::Policy;
use crate::engines::memory::Aperture;
use crate::gsp_rm::context::Context;

/// Number of a channel, by which the doorbell and errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChannelNumber(pub(crate) u16);

impl ChannelNumber {
    /// Numbers of channels; nouveau's and an H200's.
    pub(crate) const COUNT: u32 = 2048;
}

/// An address space: its client's handle, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SpaceId {
    pub(crate) client: u32,
    pub(crate) handle: u32,
}

/// A group of channels: its client's handle, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId {
    pub(crate) client: u32,
    pub(crate) handle: u32,
}

/// The root of an address space's page tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageDirectory {
    pub(crate) aperture: Aperture,
    /// The MMU reads it coherently with the CPU's caches.
    pub(crate) is_coherent: bool,
    pub(crate) address: u64,
    /// Number of its entries.
    pub(crate) entries: u32,
}

/// An address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    /// The driver owns the page tables.
    pub(crate) is_external: bool,
    /// The driver and GSP-RM share the page tables.
    pub(crate) is_shared: bool,
    /// The root of the page tables, once the driver has set it.
    pub(crate) directory: Option<PageDirectory>,
}

/// The privilege with which a channel's work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    User,
    Admin,
    Kernel,
}

/// A channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) number: ChannelNumber,
    /// Its class.
    pub(crate) class: u32,
    /// Its group; `None` for one that GSP-RM has made for this channel alone.
    pub(crate) group: Option<GroupId>,
    /// Its address space; `None` for the device's own, which has no page tables of the driver.
    pub(crate) space: Option<SpaceId>,
    /// Its engine, and the runlist of that.
    pub(crate) engine: Engine,
    pub(crate) runlist: u8,
    /// Which PBDMA of the runlist feeds it.
    pub(crate) runqueue: u8,
    /// Address of its instance block.
    pub(crate) instance: (Aperture, u64),
    /// Address of its USERD.
    pub(crate) userd: (Aperture, u64),
    /// Address of its GPFIFO in its address space, and the number of entries.
    pub(crate) gpfifo: u64,
    pub(crate) gpfifo_entries: u32,
    pub(crate) privilege: Privilege,
    /// Handle of its context share, or 0.
    pub(crate) share: u32,
    /// Its graphics context, which in a group is the group's.
    pub(crate) context: Context,
}

/// A group of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) engine: Engine,
    /// Address space of channels without context share.
    pub(crate) space: Option<SpaceId>,
    pub(crate) policy: Policy,
    /// The graphics context of all its channels.
    pub(crate) context: Context,
}

/// A context share: an address space for channels of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) space: Option<SpaceId>,
    /// Its number in the group.
    pub(crate) subcontext: u32,
}

/// The addresses of pages of 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// The pages follow each other from here on.
    From(u64),
    Listed(Vec<u64>),
}

/// Memory that the driver lists by its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemoryList {
    pub(crate) is_video: bool,
    /// Bytes.
    pub(crate) len: u64,
    pub(crate) pages: Pages,
}

impl MemoryList {
    /// Number of pages whose addresses are kept.
    pub(crate) fn listed(&self) -> usize {
        match &self.pages {
            Pages::From(_) => 1,
            Pages::Listed(pages) => pages.len(),
        }
    }

    /// The address of a byte, and the number of bytes from there to the end of its page.
    pub(crate) fn at(&self, offset: u64) -> Option<(u64, u64)> {
        const PAGE: u64 = PAGE_SIZE as u64;
        let (page, within) = (offset / PAGE, offset % PAGE);
        let page = match &self.pages {
            _ if offset >= self.len => None,
            Pages::From(first) => first.checked_add(page * PAGE),
            Pages::Listed(pages) => pages.get(page as usize).copied(),
        }?;
        Some((page.checked_add(within)?, PAGE - within))
    }
}

/// What GSP-RM knows about an object; NVIDIA's name for what a handle stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Nothing.
    None,
    /// The number of the device, and how its address spaces are (`vaMode`).
    Device {
        instance: u32,
        va_mode: u32,
    },
    /// The number of the subdevice, and the actions of its events that are not disabled.
    Subdevice {
        instance: u32,
        actions: BTreeMap<u32, u32>,
    },
    Space(Space),
    Memory(MemoryList),
    /// A range of an address space; `None` for the device's.
    Range(Option<SpaceId>),
    Group(Group),
    Share(Share),
    Channel(Channel),
    /// An object on a channel: its class, and its engine.
    Engine {
        class: u32,
        engine: Engine,
        channel: ChannelNumber,
    },
}

impl Resource {
    /// The number of the device or subdevice.
    pub(crate) fn instance(&self) -> Option<u32> {
        match self {
            Self::Device { instance, .. } | Self::Subdevice { instance, .. } => Some(*instance),
            _ => None,
        }
    }

    pub(crate) fn channel(&self) -> Option<&Channel> {
        match self {
            Self::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    /// It is an object of a class for graphics or compute.
    pub(crate) fn is_for_graphics(&self) -> bool {
        matches!(
            self,
            Self::Engine {
                engine: Engine::Gr,
                ..
            }
        )
    }

    /// The objects of its client that the object uses although it is not below them, so that it is
    /// freed with each of these.
    ///
    /// Source: open-gpu-kernel-modules 570, the calls of `refAddDependant` in
    /// src/nvidia/src/kernel/gpu/fifo/kernel_channel.c, kernel_channel_group_api.c and
    /// kernel_ctxshare.c, and in src/nvidia/src/kernel/mem_mgr/virt_mem_range.c.
    pub(crate) fn uses(&self) -> impl Iterator<Item = u32> {
        let (space, share) = match self {
            Self::Channel(channel) => (channel.space, channel.share),
            Self::Group(group) => (group.space, 0),
            Self::Share(share) => (share.space, 0),
            Self::Range(space) => (*space, 0),
            _ => (None, 0),
        };
        let share = Some(share).filter(|&share| share != 0);
        space.map(|space| space.handle).into_iter().chain(share)
    }
}
