// SPDX-License-Identifier: GPL-2.0

//! Channels for second-level drivers.

use core::iter;
use core::ops::Range;

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use nova_core::platform::{DmaMemory, TableMemory, TableSource};
use nova_core::{
    Aperture, Attributes, Block, Change, ChannelError, ChannelLayout, ChannelObjects, ChannelWork,
    Classes, ContextOf, CopyObject, Engine, EngineKind, Engines, Entries, Entry, MemoryError, Push,
    RingState, Scheduling, Token, Unfinished, Userd, CHANNELS, CONTEXT_SHARED_ALIGN,
};

use crate::address_space::{AddressSpace, Spare, Tables};
use crate::calls::Epoch;
use crate::context::{self, Context, ContextRange};
use crate::dma::{self, Accounted};
use crate::errno::errno;
use crate::fifo::{Added, Host, NotMade};
use crate::instance::{Memory, Table, TABLE};
use crate::kept::Keep;
use crate::rm::{Client, Rm};

/// Addresses for the ring of a channel, of which each channel of the GPU has its own.
const RING: u64 = 1 << 20;

/// Why the epoch of a channel has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The GPU was stopped for a suspend or a reset.
    Stopped,
    /// The GSP was lost, and the GPU has been reset.
    Lost,
    /// The GPU is being unbound.
    Unbound,
}

/// What happens to a channel.
///
/// A spin lock is held during each call, so it must neither sleep nor call nova-core; it may queue work. None comes any
/// more once the [`Channel`] is dropped.
pub trait ChannelEvents: Send + Sync {
    /// The interrupt of the channel's runlist has come: [`Channel::completed`] may have changed. Interrupts may be lost,
    /// so this is no more than a hint.
    fn completed(&self);

    /// GSP-RM has stopped the channel, which has made an error. It never runs again.
    fn failed(&self, error: ChannelError);

    /// The epoch of the channel has ended, and the GPU accesses neither the channel's memory nor what is mapped in its
    /// address space any more.
    fn ended(&self, end: End);
}

/// What a channel is to be.
pub struct NewChannel {
    /// The engine, one of those that [`Gpu::engines`](crate::Gpu::engines) returns.
    pub engine: Engine,
    /// Entries of the ring, a power of two from 4 to 65536.
    pub entries: u32,
    /// When it runs.
    pub scheduling: Scheduling,
    /// Addresses of the address space that are the driver's alone: [`NewChannel::HOLE`] bytes from a multiple of
    /// [`NewChannel::HOLE_ALIGN`] on.
    /// Without `graphics`, those of the rings will do.
    pub hole: Range<u64>,
    /// What a channel of the graphics engine has, and no other.
    pub graphics: Option<NewGraphics>,
}

/// What a channel of the graphics engine has.
pub struct NewGraphics {
    /// Its context.
    pub context: Context,
    /// It has objects to draw, and not only for programs and copies.
    pub draws: bool,
}

// Contexts are behind the rings.
const _: () = assert!(NewChannel::RINGS % NewChannel::HOLE_ALIGN == 0);

impl NewChannel {
    /// Bytes of an address space in which channels have their rings.
    const RINGS: u64 = CHANNELS as u64 * RING;

    /// Bytes of an address space in which channels have their rings and their contexts.
    pub const HOLE: u64 = Self::RINGS + context::span(CHANNELS as u64);

    /// Alignment of these addresses.
    pub const HOLE_ALIGN: u64 = CONTEXT_SHARED_ALIGN;

    /// Where the context of the channel with a number is.
    fn context_range(&self, number: u16) -> Result<ContextRange> {
        match self.hole.end.checked_sub(self.hole.start) {
            Some(size) if size >= Self::HOLE => {
                let start = self.hole.start.saturating_add(Self::RINGS);
                Ok(context::place(start, number))
            }
            _ => Err(EINVAL),
        }
    }
}

/// Why a job was not put into a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// There is no room until an earlier job is done.
    NoRoom,
    /// The channel was stopped, or its epoch has ended.
    Ended,
    /// The job can be in no such ring; a mistake of the caller, who checks pushes before.
    Impossible(nova_core::SubmitError),
}

/// What a channel is made from.
pub(crate) struct Parts<'x, 'a> {
    pub(crate) rm: &'x Arc<dyn Rm + 'a>,
    pub(crate) host: &'x Arc<dyn Host + 'a>,
    pub(crate) classes: Classes,
    pub(crate) client: &'x Client<'a>,
    /// VRAM in the epoch of the address space.
    pub(crate) memory: Memory<'a>,
    pub(crate) space: &'x Arc<AddressSpace<'a>>,
}

/// The number of a channel, which is removed when dropped.
struct Number<'a> {
    host: Arc<dyn Host + 'a>,
    number: u16,
}

impl Drop for Number<'_> {
    fn drop(&mut self) {
        self.host.remove(self.number);
    }
}

/// What the GPU accesses in the machine's memory.
struct Buffers {
    /// The ring, the driver's segments and the semaphore.
    ring: dma::Memory,
    /// For methods that a fault interrupts.
    methods: dma::Memory,
    /// That of a channel of the graphics engine.
    context: Option<Context>,
}

/// The ring, as the driver writes it.
struct Ring {
    channel: nova_core::Channel<Accounted>,
    is_stopped: bool,
    /// The most that [`Channel::engine_time`] has returned.
    engine_time: u64,
}

/// Whether GSP-RM has a channel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has.
    Made,
    /// It has not.
    Stopped,
    /// That is not known until the end of the epoch.
    Unknown,
}

/// A channel of the GPU, which is valid in one epoch. Its drop stops it.
///
/// The client must be dropped after it.
#[pin_data(PinnedDrop)]
pub struct Channel<'a> {
    #[pin]
    ring: Mutex<Ring>,
    /// Held while it is stopped.
    #[pin]
    state: Mutex<State>,
    rm: Arc<dyn Rm + 'a>,
    userd: Userd,
    range: Range<u64>,
    /// Where the context is.
    context_at: Option<ContextRange>,
    buffers: Arc<Buffers>,
    /// `None` only once it is dropped.
    keep: Option<Keep>,
    /// Dropped after the state is known, as all that follows.
    number: Number<'a>,
    memory: Memory<'a>,
    /// The instance block and USERD.
    tables: [Table<'a>; 2],
    space: Arc<AddressSpace<'a>>,
}

impl<'a> Channel<'a> {
    /// The epoch in which it is valid.
    pub fn epoch(&self) -> Epoch {
        self.space.epoch()
    }

    /// Puts a job into the ring, and tells the host. Returns the number of the job, rising from 1. Allocates nothing.
    ///
    /// # Errors
    ///
    /// There is no room, or the channel does not run any more.
    #[inline(never)]
    pub fn submit(&self, pushes: &[Push]) -> Result<u64, SubmitError> {
        let ring = &mut *self.ring.lock();
        if ring.is_stopped {
            return Err(SubmitError::Ended);
        }
        let submitted = ring.channel.submit(&self.buffers.ring, pushes);
        let submitted = submitted.map_err(|error| match error {
            nova_core::SubmitError::NoRoom => SubmitError::NoRoom,
            error => SubmitError::Impossible(error),
        })?;
        let Number { host, .. } = &self.number;
        match host.put(self.epoch(), self.userd, submitted.gp_put) {
            true => Ok(submitted.job),
            false => Err(SubmitError::Ended),
        }
    }

    /// Number of the last job that is done, as all before it are. Looks at memory only.
    #[inline(never)]
    pub fn completed(&self) -> u64 {
        self.ring.lock().channel.poll(&self.buffers.ring)
    }

    /// Nanoseconds that the channel's jobs have taken together, that of the one under way included. It never gets less.
    /// Looks at memory and at the GPU's clock only. For a channel that has stopped it is called once at most, since the job
    /// that was under way then would seem to go on.
    #[inline(never)]
    pub fn engine_time(&self) -> u64 {
        let ring = &mut *self.ring.lock();
        let memory = &self.buffers.ring;
        ring.channel.poll(memory);
        let now = self.number.host.time_in(self.epoch());
        let time = ring.channel.engine_time(memory, now);
        ring.engine_time = ring.engine_time.max(time);
        ring.engine_time
    }

    /// How far the ring is.
    #[inline(never)]
    pub fn ring_state(&self) -> RingState {
        self.ring.lock().channel.ring_state()
    }

    /// The numbers of the jobs that are in the ring and not done.
    #[inline(never)]
    pub fn unfinished(&self) -> Range<u64> {
        self.ring.lock().channel.unfinished()
    }

    /// What the ring has of one of [these jobs](Self::unfinished).
    #[inline(never)]
    pub fn unfinished_job(&self, job: u64) -> Option<Unfinished> {
        let ring = self.ring.lock();
        ring.channel.unfinished_job(&self.buffers.ring, job)
    }

    /// Reads the next entry of a job. It is that of the job as long as the job is not done.
    #[inline(never)]
    pub fn read_entry(&self, entries: &mut Entries) -> Option<Entry> {
        entries.read(&self.buffers.ring)
    }

    /// Stops the channel. On success, the GPU does not work on it any more, whatever jobs it had. Allocates nothing, and
    /// waits for GSP-RM.
    ///
    /// # Errors
    ///
    /// It is not known whether the channel has stopped: the epoch ends, now or soon, and [`ChannelEvents::ended`]
    /// follows.
    #[inline(never)]
    pub fn stop(&self) -> Result {
        self.ring.lock().is_stopped = true;
        let mut state = self.state.lock();
        if *state == State::Made {
            let Number { host, number } = &self.number;
            *state = match host.stop(self.epoch(), *number) {
                Ok(()) => State::Stopped,
                Err(_) => State::Unknown,
            };
        }
        match *state {
            State::Unknown => Err(EIO),
            State::Made | State::Stopped => Ok(()),
        }
    }

    /// Makes a channel.
    pub(crate) fn new(
        parts: Parts<'_, 'a>,
        mut new: NewChannel,
        events: Arc<dyn ChannelEvents>,
    ) -> Result<Arc<Self>> {
        let Parts {
            rm,
            host,
            classes,
            client,
            memory,
            space,
        } = parts;
        let (engine, epoch) = (new.engine, memory.epoch());
        let engines = host.open(epoch)?;
        let is_known = engines.all().any(|known| known == engine)
            && new.graphics.is_some() == (engine.kind == EngineKind::Graphics);
        let layout = ChannelLayout::new(new.entries).filter(|_| is_known);
        let layout = layout.ok_or(EINVAL)?;
        let (context, draws) = match new.graphics.take() {
            Some(NewGraphics { context, draws }) => (Some(context), draws),
            None => (None, false),
        };
        let buffers = Buffers {
            context,
            ring: host.alloc_dma(layout.size() as usize)?,
            methods: host.alloc_dma(engines.method_buffer().max(1) as usize)?,
        };
        let buffers = Arc::new(buffers, GFP_KERNEL_ACCOUNT)?;
        let tables = [zeroed_table(&memory)?, zeroed_table(&memory)?];
        let added = Added {
            client: client.handles(),
            interrupts: engines.interrupts(engine.runlist),
            events,
        };
        let number = Number {
            number: host.add(epoch, added)?,
            host: host.clone(),
        };
        let token = Token::new(classes.channel, engine.runlist, number.number);
        let [_, userd] = &tables;
        let userd = userd.piece().map(|piece| Userd::new(piece, 0, token));
        let range = range(&new.hole, number.number, &buffers.ring)?;
        let context_at = match buffers.context {
            Some(_) => Some(new.context_range(number.number)?),
            None => None,
        };
        let ring = nova_core::Channel::new(&Accounted, classes.channel, layout, range.start);
        let ring = Ring {
            channel: ring.map_err(error)?,
            is_stopped: false,
            engine_time: 0,
        };
        let channel = try_pin_init!(Self {
            ring <- new_mutex!(ring),
            state <- new_mutex!(State::Stopped),
            rm: rm.clone(),
            userd: userd.ok_or(EIO)?,
            range,
            context_at,
            keep: Some(Keep::new(buffers.clone())?),
            buffers,
            number,
            memory,
            tables,
            space: space.clone(),
        });
        let channel = Arc::pin_init(channel, GFP_KERNEL_ACCOUNT)?;
        // From here on, the drop of the channel undoes what is done.
        channel.map()?;
        channel.make(client, classes, &new, layout, &engines, draws)?;
        Ok(channel)
    }

    /// Maps the context and the ring. That also completes what was written to the instance block and to USERD.
    fn map(&self) -> Result {
        if let Some((context, at)) = self.context() {
            context.map(&self.space, at)?;
        }
        let aperture = Aperture::System;
        let change = Change::Map {
            aperture,
            page_shift: 12,
        };
        let mut spare = Spare::default();
        self.space.prepare(&mut spare, self.range.clone(), change)?;
        let ring = &self.buffers.ring;
        let block = Block {
            aperture,
            address: ring.dma_addr(),
            size: ring.size() as u64,
        };
        self.space.change(&mut spare, &mut |tables| {
            let attributes = Attributes::default();
            tables.map(self.range.clone(), &mut iter::once(block), attributes);
        })
    }

    /// The context, and where it is.
    fn context(&self) -> Option<(&Context, &ContextRange)> {
        self.buffers.context.as_ref().zip(self.context_at.as_ref())
    }

    /// Unmaps the ring, and what is the channel's own of the context. They are unmapped where the mappings end, so no table
    /// is needed.
    fn unmap(&self) -> Result {
        let own = self.context().map(|(context, at)| context.own_range(at));
        let unmap = &mut |tables: &mut Tables<'_, '_>| {
            tables.unmap(self.range.clone());
            if let Some(own) = own.clone() {
                tables.unmap(own);
            }
        };
        self.space.change(&mut Spare::default(), unmap)
    }

    /// Has GSP-RM make the objects.
    fn make(
        &self,
        client: &Client<'_>,
        classes: Classes,
        new: &NewChannel,
        layout: ChannelLayout,
        engines: &Engines,
        draws: bool,
    ) -> Result {
        let context = self.context();
        let is_golden = context.is_some_and(|(context, _)| context.of() == ContextOf::Golden);
        let Number { host, number } = &self.number;
        let [instance, userd] = &self.tables;
        let channel = nova_core::NewChannel {
            class: classes.channel,
            id: *number,
            space: self.space.handle(),
            scheduling: new.scheduling,
            is_privileged: is_golden,
            engine: new.engine.number(),
            ring: self.range.start,
            entries: layout.entries(),
            instance: instance.address(),
            userd: userd.address(),
            method_buffer: (self.buffers.methods.dma_addr(), engines.method_buffer()),
        };
        let copies = match context {
            Some(_) => engines.copy_beside_graphics().ok_or(EINVAL)?,
            None => new.engine,
        };
        let copy = CopyObject {
            class: classes.copy,
            engine: copies.number(),
        };
        let promotion = context.map(|(context, at)| context.promotion(at));
        let (for_graphics, for_programs) = (classes.graphics(), classes.compute());
        let work = match &promotion {
            None => ChannelWork::Copy(copy),
            Some(context) if is_golden => ChannelWork::Golden {
                context: context.entries(),
                class: classes.three_d,
            },
            Some(context) => ChannelWork::Graphics {
                context: context.entries(),
                classes: match draws {
                    true => &for_graphics,
                    false => &for_programs,
                },
                copy,
            },
        };
        let objects = ChannelObjects::new(client.handles(), *number);
        let made = host.make(self.epoch(), objects, &channel, work);
        *self.state.lock() = match &made {
            Ok(()) => State::Made,
            Err(NotMade { may_exist, .. }) if *may_exist => State::Unknown,
            Err(_) => State::Stopped,
        };
        made.map_err(|NotMade { error, .. }| error)
    }
}

#[pinned_drop]
impl PinnedDrop for Channel<'_> {
    fn drop(self: Pin<&mut Self>) {
        let unused = self.stop().and_then(|()| self.unmap());
        if unused.is_err() {
            // The GPU may use all of it until it is reset, or until GSP-RM is unloaded.
            self.memory.keep();
            let (rm, epoch) = (self.rm.clone(), self.epoch());
            if let Some(keep) = self.project().keep.take() {
                rm.keep(epoch, keep);
            }
        }
    }
}

/// A page of VRAM that is zero.
fn zeroed_table<'a>(memory: &Memory<'a>) -> Result<Table<'a>> {
    const ZEROS: [u64; TABLE as usize / 8] = [0; TABLE as usize / 8];
    let table = memory.alloc_table().map_err(error)?;
    table.write(0, &ZEROS);
    Ok(table)
}

/// Where the ring of a channel is mapped.
fn range(hole: &Range<u64>, number: u16, ring: &dma::Memory) -> Result<Range<u64>> {
    const _: () = match ChannelLayout::new(0x1_0000) {
        Some(layout) => assert!(layout.size() as u64 <= RING),
        None => panic!("there is no such ring"),
    };
    let start = hole.start.checked_add(u64::from(number) * RING);
    let end = start.and_then(|start| start.checked_add(ring.size() as u64));
    match (start, end) {
        (Some(start), Some(end)) if end <= hole.end => Ok(start..end),
        _ => Err(EINVAL),
    }
}

fn error(error: MemoryError) -> Error {
    errno(error.kind())
}
