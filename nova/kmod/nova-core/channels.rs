// SPDX-License-Identifier: GPL-2.0

//! The channels of a GPU by their numbers: whom to tell what happens to each, and the calls that free it.
//!
//! They are under a spin lock, so nothing here allocates or sleeps.

use kernel::prelude::*;
use kernel::rbtree::{RBTree, RBTreeNode};
use kernel::sync::Arc;
use nova_core::{ChannelError, ChannelIds, Outgoing, Vectors};
use nova_hw::release::Release;

use crate::calls::Epoch;
use crate::channel::{ChannelEvents, End};
use crate::machine::Machine;

/// The calls that free the objects of a channel, in their order.
pub(crate) type Frees<'a> = [Outgoing<Machine<'a>>; 2];

/// A channel.
pub(crate) struct Entry<'a> {
    /// The epoch in which it is valid.
    pub(crate) epoch: Epoch,
    /// The interrupts of its runlist.
    pub(crate) interrupts: Vectors,
    /// Who is told.
    pub(crate) events: Arc<dyn ChannelEvents>,
    /// `None` once the channel was stopped.
    pub(crate) frees: Option<Frees<'a>>,
}

/// A channel and its number, with the memory that it takes to add it.
pub(crate) type Node<'a> = RBTreeNode<u16, Entry<'a>>;

/// The channels of a GPU.
pub(crate) struct Channels<'a> {
    ids: ChannelIds,
    by_number: RBTree<u16, Entry<'a>>,
    /// The channels of all earlier epochs have been told that these have ended.
    told: Epoch,
}

impl<'a> Channels<'a> {
    /// None.
    pub(crate) fn new() -> Self {
        Self {
            ids: ChannelIds::default(),
            by_number: RBTree::new(),
            told: Epoch::FIRST,
        }
    }

    /// Takes a number that no channel has.
    pub(crate) fn take_number(&mut self, release: &Release) -> Result<u16> {
        self.ids.take(release).ok_or(EMFILE)
    }

    /// Gives back a number for which no channel was added.
    pub(crate) fn give_number(&mut self, number: u16) {
        self.ids.give_back(number);
    }

    /// Adds a channel, whose number was taken.
    pub(crate) fn add(&mut self, channel: Node<'a>) {
        let before = self.by_number.insert(channel);
        debug_assert!(before.is_none(), "the number of a channel was taken twice");
    }

    /// Removes a channel, which the GPU does not use any more, or whose epoch is about to end. It is dropped without the
    /// lock.
    pub(crate) fn remove(&mut self, number: u16) -> Option<Node<'a>> {
        let channel = self.by_number.remove_node(&number);
        debug_assert!(channel.is_some(), "there is no channel {number}");
        if channel.is_some() {
            self.ids.give_back(number);
        }
        channel
    }

    /// Takes the calls that free a channel.
    pub(crate) fn take_frees(&mut self, number: u16) -> Option<Frees<'a>> {
        self.by_number.get_mut(&number)?.frees.take()
    }

    /// Takes the calls that free some channel of an epoch before this one.
    pub(crate) fn take_old_frees(&mut self, epoch: Epoch) -> Option<Frees<'a>> {
        for channel in self.by_number.values_mut() {
            if channel.epoch < epoch && channel.frees.is_some() {
                return channel.frees.take();
            }
        }
        None
    }

    /// Tells the channels with these interrupts that they came.
    pub(crate) fn completed(&self, raised: &Vectors) {
        for channel in self.by_number.values() {
            if channel.interrupts.intersects(raised) {
                channel.events.completed();
            }
        }
    }

    /// Tells a channel that GSP-RM has stopped it.
    pub(crate) fn failed(&self, epoch: Epoch, error: ChannelError) {
        let number = u16::try_from(error.channel);
        let channel = number.ok().and_then(|number| self.by_number.get(&number));
        match channel {
            Some(channel) if channel.epoch == epoch => channel.events.failed(error),
            Some(_) | None => {}
        }
    }

    /// Tells the channels of all epochs before this one that these have ended.
    pub(crate) fn ended(&mut self, epoch: Epoch, end: End) {
        let told = core::mem::replace(&mut self.told, epoch);
        for channel in self.by_number.values() {
            if (told..epoch).contains(&channel.epoch) {
                channel.events.ended(end);
            }
        }
    }
}
