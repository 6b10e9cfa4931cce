// SPDX-License-Identifier: GPL-2.0

//! The host: it runs the channels of all runlists in turns.
//!
//! A turn is short, so that whoever holds the card can let go of it in between. Between turns all
//! state is in the channels; time does not pass here, and the same calls have the same effects.
//! Runlists take turns, and so do the channels in each (`host/runlist.rs`). An engine that hangs cannot be
//! given to another channel, so it holds up its runlist until GSP-RM has removed the channel, or its
//! group, from there and reset the engine.

use std::collections::{BTreeMap, BTreeSet};

use nova_hw::class::host::WorkSubmitToken;

use self::channel::{Channel, ChannelId, Object, Place, Setup, Status};
use self::error::Stop;
use self::event::{HostEvent, Report, Stopped};
use self::pbdma::Pbdma;
use self::policy::Policy;
use self::runlist::Runlist;
use super::memory::Memory;

pub(crate) mod channel;
mod crc;
pub(crate) mod error;
pub(crate) mod event;
mod methods;
mod pbdma;
pub(crate) mod policy;
mod runlist;
mod semaphore;
#[cfg(test)]
mod tests;

/// What the host needs of the card.
pub(crate) trait Surroundings {
    /// Memory in the address space of this instance block, and physical memory.
    fn memory(&mut self, instance: Place, is_privileged: bool) -> Box<dyn Memory + '_>;

    /// The GPU's time in nanoseconds.
    fn time(&self) -> u64;

    /// The method that no engine completes, if the card is broken so.
    fn hangs_at(&self) -> Option<u16>;
}

/// Why a channel was not created or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is such a channel.
    InUse,
    /// The hardware cannot have such a channel.
    Impossible,
}

/// A turn of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) channel: ChannelId,
    pub(crate) report: Report,
}

/// The host.
#[derive(Default)]
pub(crate) struct Host {
    channels: BTreeMap<ChannelId, Channel>,
    /// How the channels of groups run; those of others run by default.
    policies: BTreeMap<u64, Policy>,
    /// Whose turn it is on each runlist.
    runlists: BTreeMap<u8, Runlist>,
    /// The last runlist that had a turn.
    last_runlist: u8,
}

impl Host {
    /// Creates a channel that is not in its runlist yet.
    pub(crate) fn create(&mut self, id: ChannelId, setup: Setup) -> Result<(), Refused> {
        if self.channels.contains_key(&id) {
            return Err(Refused::InUse);
        }
        if !setup.is_possible() {
            return Err(Refused::Impossible);
        }
        self.channels.insert(id, Channel::new(setup));
        Ok(())
    }

    /// Removes a channel, with all that it had to do; false if there is none.
    pub(crate) fn remove(&mut self, id: ChannelId) -> bool {
        self.channels.remove(&id).is_some()
    }

    /// How the channels of a group run from now on; by default, if that is none.
    pub(crate) fn set_policy(&mut self, group: u64, policy: Option<Policy>) {
        match policy {
            Some(policy) => self.policies.insert(group, policy),
            None => self.policies.remove(&group),
        };
    }

    /// How a channel runs.
    fn policy(&self, channel: &Channel) -> Policy {
        let group = channel.setup.group;
        let policy = group.and_then(|group| self.policies.get(&group));
        policy.copied().unwrap_or_default()
    }

    /// Puts a channel into its runlist, or takes it out; false if there is none.
    pub(crate) fn enable(&mut self, id: ChannelId, is_enabled: bool) -> bool {
        let channel = self.channels.get_mut(&id);
        channel.is_some_and(|channel| {
            channel.is_enabled = is_enabled;
            channel.may_retry = channel.acquire.is_some();
            true
        })
    }

    /// Gives a channel a graphics context; false if there is no channel.
    pub(crate) fn set_context(&mut self, id: ChannelId) -> bool {
        let channel = self.channels.get_mut(&id);
        channel.is_some_and(|channel| {
            channel.setup.has_context = true;
            true
        })
    }

    /// Gives a subchannel an object; false if it has one, or there is no such channel.
    pub(crate) fn attach(&mut self, id: ChannelId, subchannel: u8, object: Object) -> bool {
        let channel = self.channels.get_mut(&id);
        channel.is_some_and(|channel| channel.attach(subchannel, object))
    }

    /// Removes the object of a subchannel; false if it has none.
    pub(crate) fn detach(&mut self, id: ChannelId, subchannel: u8) -> bool {
        let channel = self.channels.get_mut(&id);
        channel.is_some_and(|channel| channel.detach(subchannel))
    }

    pub(crate) fn status(&self, id: ChannelId) -> Option<Status<'_>> {
        self.channels.get(&id).map(Channel::status)
    }

    /// The doorbell: the channel is to look for new work in its next turn. False if the token names
    /// no channel; the hardware ignores it.
    pub(crate) fn ring(&mut self, token: u32) -> bool {
        let token = WorkSubmitToken::from(token);
        let id = ChannelId {
            runlist: token.runlist(),
            channel: token.channel(),
        };
        // Whoever rings may have written anything.
        self.poll();
        match self.channels.get_mut(&id) {
            Some(channel) if channel.is_right_doorbell(token) => {
                channel.is_rung = true;
                true
            }
            _ => false,
        }
    }

    /// Some channel waits for memory, which others than channels can change without a doorbell.
    pub(crate) fn is_waiting(&self) -> bool {
        self.moving()
            .any(|(_, channel)| channel.status() == Status::Waiting)
    }

    /// The channels whose engine hangs.
    pub(crate) fn hanging(&self) -> impl Iterator<Item = ChannelId> + '_ {
        let hangs = |(_, channel): &(&ChannelId, &Channel)| channel.status() == Status::Hanging;
        self.channels.iter().filter(hangs).map(|(&id, _)| id)
    }

    /// The channels whose engine hangs while a channel of another group waits for the runlist.
    pub(crate) fn overdue(&self) -> impl Iterator<Item = ChannelId> + '_ {
        self.hanging().filter(move |&id| {
            let channel = self.channels.get(&id);
            let group = channel.and_then(|channel| channel.setup.group);
            let waits = |(&other, channel): (&ChannelId, &Channel)| {
                other != id
                    && other.runlist == id.runlist
                    && (group.is_none() || channel.setup.group != group)
                    && matches!(channel.status(), Status::Runnable | Status::Waiting)
            };
            self.channels.iter().any(waits)
        })
    }

    /// The channels of the runlists that no engine holds up.
    fn moving(&self) -> impl Iterator<Item = (ChannelId, &Channel)> {
        let held: BTreeSet<u8> = self.hanging().map(|id| id.runlist).collect();
        let channels = self.channels.iter().map(|(&id, channel)| (id, channel));
        channels.filter(move |(id, _)| !held.contains(&id.runlist))
    }

    /// Has waiting channels look at memory again.
    pub(crate) fn poll(&mut self) {
        for channel in self.channels.values_mut() {
            channel.may_retry = channel.acquire.is_some();
        }
    }

    /// Some channel can have a turn.
    pub(crate) fn is_ready(&self) -> bool {
        self.next().is_some()
    }

    /// Runs one channel for a turn; none if no channel can get further.
    pub(crate) fn turn(&mut self, card: &mut dyn Surroundings) -> Option<Turn> {
        let id = self.next()?;
        let policy = self.policy(self.channels.get(&id)?);
        self.last_runlist = id.runlist;
        let runlist = self.runlists.entry(id.runlist).or_default();
        runlist.take_turn(id.channel, policy);
        let channel = self.channels.get_mut(&id)?;
        let mut report = Report::default();
        let (time, hangs_at) = (card.time(), card.hangs_at());
        let result = {
            let setup = &channel.setup;
            let mut memory = card.memory(setup.instance, setup.is_privileged);
            let budget = runlist::budget(policy);
            Pbdma::new(channel, &mut *memory, time, hangs_at, budget, &mut report).run()
        };
        if let Err(stop) = result {
            let stopped = self.stop(id, stop).map(HostEvent::Stopped);
            report.events.extend(stopped);
        }
        if report.has_progressed {
            let others = self.channels.iter_mut().filter(|(&other, _)| other != id);
            for (_, channel) in others {
                channel.may_retry = channel.acquire.is_some();
            }
        }
        Some(Turn {
            channel: id,
            report,
        })
    }

    /// Stops a channel and its group, as GSP-RM does after a time-out; none if there is no such
    /// channel, or it has stopped.
    pub(crate) fn stop(&mut self, id: ChannelId, stop: Stop) -> Option<Stopped> {
        let channel = self.channels.get(&id)?;
        if channel.error.is_some() {
            return None;
        }
        let group = channel.setup.group;
        let engine = stop.engine.unwrap_or(channel.setup.engine);
        let mut others = Vec::new();
        for (&other, channel) in &mut self.channels {
            let is_with = group.is_some()
                && channel.setup.group == group
                && other.runlist == id.runlist
                && channel.error.is_none();
            if other == id || is_with {
                channel.error = Some(stop.cause.clone());
                if other != id {
                    others.push(other);
                }
            }
        }
        Some(Stopped {
            cause: stop.cause,
            exception: stop.exception,
            engine,
            others,
        })
    }

    /// The channel whose turn it is; none if no channel can get further.
    pub(crate) fn next(&self) -> Option<ChannelId> {
        let mut ready: BTreeMap<u8, Vec<_>> = BTreeMap::new();
        for (id, _) in self.moving().filter(|(_, channel)| channel.is_ready()) {
            ready.entry(id.runlist).or_default().push(id.channel);
        }
        // False sorts first: what comes after the last turn.
        let key = |&runlist: &u8| (runlist <= self.last_runlist, runlist);
        let runlist = ready.keys().copied().min_by_key(key)?;
        let none = Runlist::default();
        let order = self.runlists.get(&runlist).unwrap_or(&none);
        let channel = order.next(ready.get(&runlist)?)?;
        Some(ChannelId { runlist, channel })
    }
}
