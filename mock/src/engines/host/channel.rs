// SPDX-License-Identifier: GPL-2.0

//! A channel: what GSP-RM has set up, and the state that the hardware keeps in RAMFC.

use nova_hw::class::host::{ChannelClass, WorkSubmitToken, MAX_LOG2_ENTRIES};

use super::error::Cause;
use super::semaphore::{Acquire, Registers};
use crate::engines::engine::Engine;
use crate::engines::memory::Aperture;

/// The name of a channel: each runlist has its own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChannelId {
    pub(crate) runlist: u8,
    pub(crate) channel: u16,
}

/// A place in physical memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) aperture: Aperture,
    pub(crate) at: u64,
}

/// What GSP-RM decides when a channel is allocated.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) class: ChannelClass,
    /// The channel may execute privileged methods.
    pub(crate) is_privileged: bool,
    /// The instance block, which has the address space.
    pub(crate) instance: Place,
    /// USERD, which is aligned to its size.
    pub(crate) userd: Place,
    /// Virtual address of the GPFIFO, aligned to an entry.
    pub(crate) gpfifo: u64,
    /// Entries of the GPFIFO, a power of two.
    pub(crate) entries: u32,
    /// The channel group, by any number that no other one has; none if the channel is alone. An
    /// error stops all channels of the group.
    pub(crate) group: Option<u64>,
    /// The engine that the runlist serves (`NV2080_ENGINE_TYPE_*`).
    pub(crate) engine: u32,
    /// The runlist is that of the graphics engine, where each subchannel has an engine or a class
    /// of its own. On others, the subchannel does not matter.
    pub(crate) is_graphics: bool,
    /// The channel has a graphics context.
    pub(crate) has_context: bool,
    /// The chip has other doorbells beside those of runlists, which the token tells apart.
    pub(crate) has_doorbell_kinds: bool,
}

impl Setup {
    /// The hardware has registers for such a channel.
    pub(super) fn is_possible(&self) -> bool {
        self.entries.is_power_of_two() && self.entries.trailing_zeros() <= MAX_LOG2_ENTRIES
    }
}

/// An object on a channel: the engine's state for the channel.
pub(crate) struct Object {
    pub(crate) class: u16,
    pub(crate) engine: Box<dyn Engine + Send>,
    /// The engine (`NV2080_ENGINE_TYPE_*`).
    pub(crate) engine_type: u32,
    /// What stops the channel (`ROBUST_CHANNEL_*`) where the engine refuses a method.
    pub(crate) exception: u32,
    /// The engine needs the channel's graphics context.
    pub(crate) needs_context: bool,
}

/// What a channel is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status<'a> {
    /// It is not in the runlist.
    Disabled,
    Idle,
    Runnable,
    /// A semaphore has not been acquired yet.
    Waiting,
    /// The engine never completes a method, and holds up the runlist.
    Hanging,
    Stopped(&'a Cause),
}

/// The segment that is being processed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// Address of the next word.
    pub(super) at: u64,
    /// Words that are left, at least one.
    pub(super) left: u32,
    pub(super) is_conditional: bool,
    pub(super) is_subroutine: bool,
}

/// A header whose data has not all been read. It may go on in the next segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    pub(super) subchannel: u8,
    /// The next method, in words.
    pub(super) address: u16,
    /// How often the next method is one further.
    pub(super) increments: u16,
    /// Words of data that are left, at least one.
    pub(super) left: u16,
}

/// Which GPU's work is executed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subdevice {
    pub(super) stored: u16,
    pub(super) is_active: bool,
}

/// What the host tells the driver in USERD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Index of the next entry to begin with.
    pub(super) gp_get: u32,
    /// Address of the next word.
    pub(super) get: u64,
    /// End of the segment.
    pub(super) put: u64,
    /// Address of the next word outside of subroutines.
    pub(super) top_level_get: Option<u64>,
    /// Data of the last SET_REFERENCE.
    pub(super) reference: u32,
}

/// A channel.
pub(super) struct Channel {
    pub(super) setup: Setup,
    pub(super) is_enabled: bool,
    /// The doorbell was rung since GP_PUT was last read.
    pub(super) is_rung: bool,
    pub(super) error: Option<Cause>,

    pub(super) gp_put: u32,
    pub(super) gp_crc: u32,
    pub(super) pb_crc: u32,
    /// Upper bits of the addresses of segments.
    pub(super) extended_base: u64,
    pub(super) segment: Option<Segment>,
    pub(super) sequence: Option<Sequence>,
    pub(super) subdevice: Subdevice,
    pub(super) semaphore: Registers,
    pub(super) mem_op: [u32; 3],
    pub(super) progress: Progress,
    /// What USERD has.
    pub(super) written: Progress,

    /// The semaphore that the channel waits for.
    pub(super) acquire: Option<Acquire>,
    /// Memory may have changed since the last attempt.
    pub(super) may_retry: bool,
    /// The object whose method has not completed.
    pub(super) unfinished: Option<(usize, Method)>,
    /// The object whose method never completes.
    pub(super) hanging: Option<usize>,
    objects: [Option<Object>; Self::SLOTS],
}

/// A method and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) subchannel: u8,
    /// Class of the object that executes it; none if the host does, or there is no object.
    pub(crate) class: Option<u16>,
    /// Byte offset.
    pub(crate) method: u32,
    pub(crate) data: u32,
}

impl Channel {
    const SLOTS: usize = 5;

    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            is_enabled: false,
            is_rung: false,
            error: None,
            gp_put: 0,
            gp_crc: 0,
            pb_crc: 0,
            extended_base: 0,
            segment: None,
            sequence: None,
            // Every mask but zero means this GPU, as with nouveau's RAMFC (Linux 7.3,
            // drivers/gpu/drm/nouveau/nvkm/engine/fifo/ga100.c).
            subdevice: Subdevice {
                stored: 0,
                is_active: true,
            },
            semaphore: Registers::default(),
            mem_op: [0; 3],
            progress: Progress::default(),
            written: Progress::default(),
            acquire: None,
            may_retry: false,
            unfinished: None,
            hanging: None,
            objects: [const { None }; Self::SLOTS],
        }
    }

    /// A doorbell for this channel has this form.
    pub(super) fn is_right_doorbell(&self, token: WorkSubmitToken) -> bool {
        token == token.without_reserved()
            && token.runlist_doorbell() == self.setup.has_doorbell_kinds
    }

    pub(super) fn status(&self) -> Status<'_> {
        let has_work = self.is_rung
            || self.unfinished.is_some()
            || self.segment.is_some()
            || self.progress.gp_get != self.gp_put;
        match &self.error {
            Some(cause) => Status::Stopped(cause),
            None if !self.is_enabled => Status::Disabled,
            None if self.hanging.is_some() => Status::Hanging,
            None if self.acquire.is_some() => Status::Waiting,
            None if has_work => Status::Runnable,
            None => Status::Idle,
        }
    }

    /// A turn may get the channel further.
    pub(super) fn is_ready(&self) -> bool {
        match self.status() {
            Status::Runnable => true,
            Status::Waiting => self.may_retry || self.is_rung,
            Status::Disabled | Status::Idle | Status::Hanging | Status::Stopped(_) => false,
        }
    }

    /// Where the object of a subchannel is kept; none for those of software.
    pub(super) fn slot(&self, subchannel: u8) -> Option<usize> {
        let subchannel = usize::from(subchannel);
        match self.setup.is_graphics {
            _ if subchannel >= Self::SLOTS => None,
            true => Some(subchannel),
            false => Some(0),
        }
    }

    pub(super) fn object(&mut self, slot: usize) -> Option<&mut Object> {
        self.objects.get_mut(slot)?.as_mut()
    }

    /// Puts an object at a free subchannel.
    pub(super) fn attach(&mut self, subchannel: u8, object: Object) -> bool {
        let slot = self.slot(subchannel);
        let Some(place) = slot.and_then(|slot| self.objects.get_mut(slot)) else {
            return false;
        };
        let is_free = place.is_none();
        if is_free {
            *place = Some(object);
        }
        is_free
    }

    /// Removes the object at a subchannel, with what it has not completed.
    pub(super) fn detach(&mut self, subchannel: u8) -> bool {
        let Some(slot) = self.slot(subchannel) else {
            return false;
        };
        if self.unfinished.is_some_and(|(at, _)| at == slot) {
            self.unfinished = None;
        }
        self.hanging = self.hanging.filter(|&at| at != slot);
        self.objects[slot].take().is_some()
    }
}
