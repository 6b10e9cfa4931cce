// SPDX-License-Identifier: GPL-2.0

//! Channels: GSP-RM sets them up, the host runs them, and GSP-RM reports their errors
//! (`channels/errors.rs`). Some faults of the card strike a channel (`channels/faults.rs`).

use std::time::Duration;

use nova_hw::chipset::Architecture;
use nova_hw::class::copy::Class as CopyClass;
use nova_hw::class::graphics::Class as GraphicsClass;
use nova_hw::class::host::{exception, ChannelClass, Header};
use nova_hw::gmmu::instance::{PageDirBase, Target, PAGE_DIR_BASE};
use serde_json::json;

use super::{Channels, Gpu};
use crate::block_id::BlockId;
use crate::bus::machine::Machine;
use crate::chips::engines::{self, Engine};
use crate::chips::Chip;
use crate::engines::copy::CopyEngine;
use crate::engines::graphics::{self, Macros};
use crate::engines::host::channel::{ChannelId, Object, Place, Setup};
use crate::engines::host::event::{HostEvent, Invalidate};
use crate::engines::host::{Host, Surroundings, Turn};
use crate::engines::memory::{Aperture, Memory};
use crate::engines::mmu::space::Space;
use crate::engines::mmu::{instance, Invalidation, Mmu, Root};
use crate::engines::physical::Physical;
use crate::gsp_rm::effects::{Bar, Effect};
use crate::gsp_rm::resource::{self, GroupId, PageDirectory, Privilege, SpaceId};
use crate::gsp_rm::static_info::page_directories;
use crate::schedule::Event;

mod errors;
mod faults;
mod timeout;

/// Time from a doorbell to the first turn of its channel, and from one turn to the next; the model's
/// own value.
pub(super) const TURN: Duration = Duration::from_micros(5);

/// How long a channel that waits for memory sleeps before it looks again, since the CPU can change
/// memory without a doorbell: at first, and at most. Each look in vain doubles it. The model's own
/// values.
const POLL: Duration = Duration::from_millis(1);
const POLL_MAX: Duration = Duration::from_millis(10);

/// The card, as the host sees it.
struct Card<'a> {
    mmu: &'a mut Mmu,
    physical: Physical<'a>,
    time: u64,
    hangs_at: Option<u16>,
}

impl Surroundings for Card<'_> {
    fn memory(&mut self, instance: Place, is_privileged: bool) -> Box<dyn Memory + '_> {
        let root = instance::root(&self.physical, instance.aperture, instance.at);
        Box::new(Space {
            mmu: self.mmu,
            physical: self.physical.reborrow(),
            root,
            is_privileged,
        })
    }

    fn time(&self) -> u64 {
        self.time
    }

    fn hangs_at(&self) -> Option<u16> {
        self.hangs_at
    }
}

fn place((aperture, at): (Aperture, u64)) -> Place {
    Place { aperture, at }
}

/// The host's name of a channel.
fn id(channel: &resource::Channel) -> ChannelId {
    ChannelId {
        runlist: channel.runlist,
        channel: channel.number.0,
    }
}

/// The host's name of a group.
fn group(group: GroupId) -> u64 {
    u64::from(group.client) << 32 | u64::from(group.handle)
}

fn setup(chip: &Chip, channel: &resource::Channel) -> Setup {
    Setup {
        // Volta's class, which later chips also have, differs from Turing's in nothing here.
        class: ChannelClass::from_number(channel.class).unwrap_or(ChannelClass::TuringA),
        is_privileged: channel.privilege != Privilege::User,
        instance: place(channel.instance),
        userd: place(channel.userd),
        gpfifo: channel.gpfifo,
        entries: channel.gpfifo_entries,
        group: channel.group.map(group),
        engine: channel.engine.number(),
        is_graphics: channel.runlist == 0,
        has_context: channel.context.is_complete(),
        // Linux 7.3, drivers/gpu/drm/nouveau/nvkm/subdev/gsp/rm/gb20x.c.
        has_doorbell_kinds: chip.chipset.arch() == Architecture::BlackwellGb20x,
    }
}

/// The state that an engine has for an object of this class, and the subchannel; `None` for classes
/// whose methods are not modelled. The channel has these macros.
fn object(class: u32, engine: Engine, macros: &Macros) -> Option<(u8, Object)> {
    let copy = CopyClass::from_number(class);
    let graphics = GraphicsClass::from_number(class);
    let class = class as u16;
    let object = Object {
        class,
        engine: match copy {
            Some(copy) => Box::new(CopyEngine::new(copy)),
            None => graphics::engine(graphics?, macros.clone()),
        },
        engine_type: engine.number(),
        exception: match copy {
            Some(_) => exception::copy_engine(engine.instance().into()),
            None => exception::GR_CLASS_ERROR,
        },
        needs_context: graphics.is_some(),
    };
    Some((Header::subchannel_of(class)?, object))
}

impl<M: Machine> Gpu<M> {
    /// Carries out what a message to GSP-RM has changed.
    pub(crate) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::ChannelCreated(channel) => self.create_channel(channel),
            Effect::ChannelFreed(number) => {
                if let Some(channel) = self.channels.made.remove(&number) {
                    let id = id(&channel);
                    self.channels.host.remove(id);
                    self.end_wait(id, self.schedule.now());
                }
                self.channels.objects.retain(|(of, _), _| *of != number);
                self.channels.macros.remove(&number);
                self.schedule_turn();
            }
            Effect::Scheduled { channel, runs } => {
                self.with_channel(channel, |host, id| host.enable(id, runs));
                self.schedule_turn();
            }
            Effect::PolicySet { group: id, policy } => {
                self.channels.host.set_policy(group(id), Some(policy));
            }
            Effect::GroupFreed(id) => self.channels.host.set_policy(group(id), None),
            Effect::ContextComplete(channel) => self.with_channel(channel, Host::set_context),
            Effect::AllScheduled { run } => {
                self.channels.are_stopped = !run;
                self.schedule_turn();
            }
            Effect::ObjectCreated {
                channel,
                class,
                engine,
            } => self.add_object(channel, class, engine),
            Effect::ObjectFreed {
                channel,
                class,
                engine,
            } => {
                self.remove_object(channel, class, engine);
                self.schedule_turn();
            }
            Effect::PageDirectorySet { space, directory } => {
                let old = self.channels.spaces.insert(space, directory);
                self.forget_translations(old);
                self.bind_channels(space);
            }
            Effect::PageDirectoryUnset { space } => {
                let old = self.channels.spaces.remove(&space);
                self.forget_translations(old);
            }
            Effect::BarPde { bar, entry } => self.set_bar_pde(bar, entry),
        }
    }

    /// All channels end, and touch nothing any more.
    pub(super) fn forget_channels(&mut self) {
        self.channels = Channels::default();
        let is_theirs = |event| matches!(event, Event::Turn | Event::SwitchTimeout { .. });
        self.schedule.cancel(is_theirs);
    }

    fn with_channel(
        &mut self,
        number: resource::ChannelNumber,
        change: impl FnOnce(&mut Host, ChannelId) -> bool,
    ) {
        let Some(channel) = self.channels.made.get(&number) else {
            return;
        };
        if !change(&mut self.channels.host, id(channel)) {
            let reason = format!("channel {:#x} cannot be changed so", number.0);
            self.refuse(BlockId::Usermode, reason);
        }
    }

    fn add_object(&mut self, channel: resource::ChannelNumber, class: u32, engine: Engine) {
        let macros = self.channels.macros.entry(channel).or_default();
        let Some((subchannel, object)) = object(class, engine, macros) else {
            return;
        };
        let objects = self.channels.objects.entry((channel, subchannel));
        let objects = objects.or_default();
        objects.push((class, engine));
        if objects.len() == 1 {
            self.with_channel(channel, |host, id| host.attach(id, subchannel, object));
        }
    }

    fn remove_object(&mut self, channel: resource::ChannelNumber, class: u32, engine: Engine) {
        // A channel that has ended has neither.
        let Some(macros) = self.channels.macros.get(&channel) else {
            return;
        };
        let Some((subchannel, _)) = object(class, engine, macros) else {
            return;
        };
        let Some(objects) = self.channels.objects.get_mut(&(channel, subchannel)) else {
            return;
        };
        let Some(at) = objects.iter().rposition(|&it| it == (class, engine)) else {
            return;
        };
        objects.remove(at);
        let next = objects
            .first()
            .and_then(|&(class, engine)| object(class, engine, macros));
        if at > 0 {
            return;
        }
        self.with_channel(channel, |host, id| host.detach(id, subchannel));
        if let Some((subchannel, object)) = next {
            self.with_channel(channel, |host, id| host.attach(id, subchannel, object));
        }
    }

    fn create_channel(&mut self, channel: resource::Channel) {
        self.note(
            BlockId::Usermode,
            "new channel",
            json!({"channel": channel.number.0, "runlist": channel.runlist}),
        );
        let setup = setup(self.parts.chip, &channel);
        match self.channels.host.create(id(&channel), setup) {
            Ok(()) => {
                self.record_channel(&channel);
                self.channels.made.insert(channel.number, channel);
                if let Some(space) = channel.space {
                    self.bind_channels(space);
                }
            }
            Err(refused) => {
                let reason = format!("channel {:#x}: {refused:?}", channel.number.0);
                self.refuse(BlockId::Usermode, reason);
            }
        }
    }

    /// GSP-RM writes the page directory of an address space into the instance blocks of its
    /// channels. nouveau, which fills these blocks by itself, writes the same.
    fn bind_channels(&mut self, space: SpaceId) {
        let Some(directory) = self.channels.spaces.get(&space) else {
            return;
        };
        let base = PageDirBase::new()
            .with_target(match directory.aperture {
                Aperture::Vram => Target::VidMem,
                Aperture::System if directory.is_coherent => Target::SysMemCoherent,
                Aperture::System => Target::SysMemNoncoherent,
            })
            .with_vol(directory.aperture != Aperture::Vram)
            .with_use_ver2_pt_format(true)
            .with_big_page_size_64kb(true)
            .with_page(directory.address >> 12);
        let channels = self.channels.made.values();
        let instances: Vec<Place> = channels
            .filter(|channel| channel.space == Some(space))
            .map(|channel| place(channel.instance))
            .collect();
        for Place { aperture, at } in instances {
            let bytes = base.into_bits().to_le_bytes();
            let (_, mut physical) = self.memory();
            if let Err(end) = physical.write(aperture, at + PAGE_DIR_BASE, &bytes) {
                let reason = format!("instance block at {at:#x}: {}", end.reason);
                self.refuse(BlockId::Gsp, reason);
            }
        }
    }

    /// GSP-RM invalidates the TLBs for an address space that has lost its page directory.
    fn forget_translations(&mut self, directory: Option<PageDirectory>) {
        let Some(directory) = directory else {
            return;
        };
        let root = Root {
            aperture: directory.aperture,
            address: directory.address,
        };
        self.mmu.invalidate(Invalidation {
            root: Some(root),
            ..Invalidation::ALL
        });
    }

    /// The first entry of GSP-RM's page directory of a BAR becomes the driver's.
    fn set_bar_pde(&mut self, bar: Bar, entry: u64) {
        let meta = self.programs.meta.unwrap_or_default();
        let [bar1, bar2] = page_directories(&meta);
        let directory = match bar {
            Bar::Bar1 => bar1,
            Bar::Bar2 => bar2,
        };
        self.vram.write(directory, &entry.to_le_bytes());
        let root = Root {
            aperture: Aperture::Vram,
            address: directory,
        };
        self.mmu.invalidate(Invalidation {
            root: Some(root),
            ..Invalidation::ALL
        });
    }

    /// The doorbell was rung.
    pub(super) fn ring(&mut self, token: u32) {
        if !self.channels.host.ring(token) {
            let args = json!({"token": token});
            self.note(BlockId::Usermode, "doorbell of no channel", args);
        }
        self.schedule_turn();
    }

    /// Memory may have changed, so that a waiting channel looks at it in its next turn.
    pub(super) fn look_again(&mut self) {
        if self.channels.host.is_waiting() {
            self.channels.host.poll();
            self.schedule_turn();
        }
    }

    /// Plans the next turn. Work that has fallen behind the machine's time is not made up for at
    /// once, so that whoever holds the card lets go of it between turns.
    pub(super) fn schedule_turn(&mut self) {
        self.watch_switches();
        self.schedule.cancel(|event| event == Event::Turn);
        let pause = match &self.channels.host {
            _ if self.channels.are_stopped => return,
            host if host.is_ready() => TURN,
            host if host.is_waiting() => self.channels.poll.max(POLL),
            _ => return,
        };
        let behind = self.until.saturating_sub(self.schedule.now());
        self.schedule.after(behind + pause, Event::Turn);
    }

    /// A channel has its turn.
    pub(super) fn turn(&mut self) {
        if !self.channels.host.is_ready() {
            self.channels.host.poll();
        }
        self.strike();
        let time = self.blocks.ptimer.nanoseconds(self.schedule.now());
        let hangs_at = self.faults.engine_hangs();
        let mut host = std::mem::take(&mut self.channels.host);
        let (mmu, physical) = self.memory();
        let turn = host.turn(&mut Card {
            mmu,
            physical,
            time,
            hangs_at,
        });
        self.channels.host = host;
        if let Some(turn) = turn {
            self.channels.poll = match turn.report.has_progressed {
                true => POLL,
                false => (2 * self.channels.poll.max(POLL)).min(POLL_MAX),
            };
            self.took_turn(turn);
        }
        self.schedule_turn();
    }

    fn took_turn(&mut self, turn: Turn) {
        self.record_turn(&turn);
        let engine = self
            .channels
            .made
            .get(&resource::ChannelNumber(turn.channel.channel));
        let engine = engine.map(|channel| channel.engine.number());
        for event in turn.report.events {
            match event {
                HostEvent::NonStall => self.pulse_engine(engine.unwrap_or_default()),
                HostEvent::EngineNonStall { engine } => self.pulse_engine(engine),
                HostEvent::Hangs => self.hangs(turn.channel),
                HostEvent::Invalidate(invalidate) => self.invalidate(invalidate),
                HostEvent::Stopped(stopped) => self.stopped(turn.channel, &stopped),
            }
        }
    }

    /// The non-stall interrupt of an engine (`NV2080_ENGINE_TYPE_*`).
    fn pulse_engine(&mut self, engine: u32) {
        let table = engines::of(self.parts.chip.chipset).table();
        let Some(row) = table.iter().find(|row| row.engine.number() == engine) else {
            return;
        };
        if self.loses_nonstall(row.engine) {
            return;
        }
        self.blocks.intr.pulse(row.nonstall);
        self.announce_tree();
    }

    /// A channel has invalidated TLBs. Those of a single page are dropped with the others of the
    /// address space, as hardware may do at any time.
    fn invalidate(&mut self, invalidate: Invalidate) {
        let root = invalidate.directory.map(|Place { aperture, at }| Root {
            aperture,
            address: at,
        });
        let levels = invalidate.levels.map_or(usize::MAX, usize::from);
        self.mmu.invalidate(Invalidation { root, levels });
    }

    /// The channels, a line for each: number, runlist, class and what it does.
    pub fn channels(&self) -> String {
        let line = |channel: &resource::Channel| {
            let status = self.channels.host.status(id(channel));
            let (number, runlist, class) = (channel.number.0, channel.runlist, channel.class);
            let status = status.map_or("gone".into(), |status| format!("{status:?}"));
            format!("{number:#x} runlist {runlist} class {class:#x}: {status}\n")
        };
        self.channels.made.values().map(line).collect()
    }
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
