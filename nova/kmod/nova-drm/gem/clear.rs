// SPDX-License-Identifier: GPL-2.0

//! Zeroes the VRAM of objects before they are mapped, by a copy engine: what was there before may be another program's.
//!
//! The driver has an address space of its own for that, in which all VRAM is mapped, and one channel. Both belong to an
//! epoch, and are made when they are first needed.

use core::ops::Range;
use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{new_mutex, static_lock_class, Arc, Mutex, SetOnce};
use kernel::time::{Instant, Monotonic};
use nova_core_module::{
    AddressSpace, Aperture, Attributes, Block, Blocks, Change, Channel, ChannelError,
    ChannelEvents, Classes, ClearBytes, End, Epoch, Extent, NewChannel, Push, Scheduling, Spare, Table,
    TableLimit, TableMemory, Words,
};
use nova_kernel::sync::completion::Completion;
use nova_kernel::sync::wait_queue::{TaskState, WaitQueue, WaitResult};

use crate::gpu::Gpu;

/// Where VRAM is mapped: below the end of the addresses of pushes, since the commands are there, too.
const VRAM_AT: u64 = 1 << 39;

/// The range of the channel's own memory.
const KERNEL: Range<u64> = 1 << 32..(1 << 32) + (2 << 30);

/// Words of the commands of a job, in one page.
const WORDS: usize = 4096 / 4;

/// Tables that map all VRAM: with pages of 2 MiB, one is enough for 512 MiB.
const TABLES_MAX: u64 = 1024;

/// Entries of the ring: there is one job at a time.
const ENTRIES: u32 = 64;

/// How long a job may take. So many words clear 150 GiB at most, which takes a copy engine a second. It counts while jobs
/// of programs are ahead on the same runlist, too.
const LIMIT: Duration = Duration::from_secs(30);

/// How often a job is looked at whose interrupt does not come.
const LOOK: Duration = Duration::from_millis(20);

/// VRAM of an object.
pub(crate) struct Video {
    blocks: Arc<Blocks>,
    /// The epoch in which it was zeroed first, so that it may have been mapped since then.
    first: SetOnce<Epoch>,
    /// The number of the epoch in which it was zeroed last, or zero. The zeros need not outlive that: a reset may drop what
    /// the L2 cache has not written to VRAM yet, so that what was there before is seen again.
    cleared: Atomic<u64>,
}

impl Video {
    /// Blocks whose contents may be another program's.
    pub(crate) fn new(blocks: Blocks) -> Result<Self> {
        Ok(Self {
            blocks: Arc::new(blocks, GFP_KERNEL_ACCOUNT)?,
            first: SetOnce::new(),
            cleared: Atomic::new(0),
        })
    }

    /// Where it is. Nobody may map it in an epoch in which it has not been cleared.
    pub(crate) fn extents(&self) -> &[Extent] {
        self.blocks.extents()
    }

    /// Whether it has been cleared in an epoch.
    pub(crate) fn is_cleared_in(&self, epoch: Epoch) -> bool {
        self.cleared.load(Relaxed) == epoch.number()
    }

    /// Notes that it has been cleared.
    fn set_cleared_in(&self, epoch: Epoch) {
        self.first.populate(epoch);
        self.cleared.store(epoch.number(), Relaxed);
    }

    /// Whether its contents have been lost: VRAM keeps none over an epoch.
    pub(crate) fn is_lost(&self, gpu: &Gpu<'_>) -> bool {
        let first = self.first.copy();
        first.is_some_and(|epoch| gpu.core.epoch() != Ok(epoch))
    }
}

/// What clears the VRAM of a GPU.
#[pin_data]
pub(crate) struct Clearer<'a> {
    #[pin]
    turn: Mutex<Turn<'a>>,
    /// Those who wait for their turn. A mutex cannot be waited for in a way that a fatal signal ends.
    #[pin]
    waiting: WaitQueue,
}

/// Whose turn it is to use the engine.
enum Turn<'a> {
    /// Nobody's. There may be no engine yet. One of an earlier epoch is replaced when it is needed again: by then the GPU
    /// has been reset, and uses nothing of it any more.
    Free(Option<Engine<'a>>),
    /// A thread's, which has the engine.
    Taken,
}

impl<'a> Clearer<'a> {
    /// Of a GPU.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            turn <- new_mutex!(Turn::Free(None)),
            waiting <- WaitQueue::new(c"Clearer::waiting", static_lock_class!()),
        })
    }

    /// Gets what [`Self::clear`] needs, so that it needs no more VRAM in this epoch.
    ///
    /// # Errors
    ///
    /// `EIO` if the GPU does not work, `EINTR` if the task was killed, and those of making a channel.
    pub(crate) fn prepare(&self, gpu: &Gpu<'a>) -> Result {
        self.with_engine(gpu, |_| Ok(()))
    }

    /// Zeroes VRAM unless it has been cleared in this epoch. Waits until that is done, or the task is killed.
    ///
    /// # Errors
    ///
    /// As [`Self::prepare`], and `ETIMEDOUT` if the engine does not clear it.
    pub(crate) fn clear(&self, gpu: &Gpu<'a>, video: &Video) -> Result {
        if video.is_cleared_in(gpu.core.epoch()?) {
            return Ok(());
        }
        self.with_engine(gpu, |engine| {
            let epoch = engine.channel.epoch();
            // Another thread may have been faster.
            if !video.is_cleared_in(epoch) {
                engine.clear(&video.blocks)?;
                video.set_cleared_in(epoch);
            }
            Ok(())
        })
    }

    fn with_engine<R>(
        &self,
        gpu: &Gpu<'a>,
        f: impl FnOnce(&mut Engine<'a>) -> Result<R>,
    ) -> Result<R> {
        let mut engine = self.take()?;
        let result = renew(gpu, &mut engine).and_then(f);
        self.give_back(engine);
        result
    }

    /// Waits for the engine, and takes it.
    fn take(&self) -> Result<Option<Engine<'a>>> {
        let mut turn = self.turn.lock();
        loop {
            if let Turn::Free(engine) = core::mem::replace(&mut *turn, Turn::Taken) {
                return Ok(engine);
            }
            let (locked, result) = self
                .waiting
                .wait(&self.turn, turn, TaskState::Killable, LIMIT);
            if result == WaitResult::Killed {
                return Err(EINTR);
            }
            turn = locked;
        }
    }

    /// Leaves the engine to the next one.
    fn give_back(&self, engine: Option<Engine<'a>>) {
        *self.turn.lock() = Turn::Free(engine);
        self.waiting.wake_all();
    }
}

/// Makes an engine, unless there is one that can be used.
fn renew<'x, 'a>(gpu: &Gpu<'a>, engine: &'x mut Option<Engine<'a>>) -> Result<&'x mut Engine<'a>> {
    let epoch = gpu.core.epoch()?;
    let is_usable = |engine: &Engine<'_>| engine.channel.epoch() == epoch && !engine.is_stopped();
    if !engine.as_ref().is_some_and(is_usable) {
        // There may be no channel left but that of the old one.
        *engine = None;
        *engine = Some(Engine::new(gpu)?);
    }
    engine.as_mut().ok_or(EIO)
}

/// A channel that clears, in its address space.
struct Engine<'a> {
    // In the order in which they are dropped.
    channel: Arc<Channel<'a>>,
    _space: Arc<AddressSpace<'a>>,
    /// Where the commands of a job are. They are in VRAM so that the GPU reads nothing else than VRAM, whatever happens
    /// to it.
    commands: Table<'a>,
    events: Arc<Events>,
    /// Commands that are being written.
    words: KVec<u32>,
    classes: Classes,
    lost: Arc<Lost>,
}

/// Blocks that the GPU may still write to after a channel could not be stopped. The GPU's address space has a reference to
/// them, so they are there until the GPU is quiet.
#[pin_data]
struct Lost {
    #[pin]
    blocks: Mutex<Option<Arc<Blocks>>>,
}

impl<'a> Engine<'a> {
    fn new(gpu: &Gpu<'a>) -> Result<Self> {
        let lost = pin_init!(Lost {
            blocks <- new_mutex!(None),
        });
        let lost = Arc::pin_init(lost, GFP_KERNEL)?;
        let space = gpu.address_space(lost.clone(), TableLimit::new(TABLES_MAX)?)?;
        map_vram(gpu, &space)?;
        let memory = gpu.core.memory(space.epoch());
        let engines = gpu.core.engines()?;
        // One that shares its runlist with graphics would have to wait for that.
        let engine = engines.copies().min_by_key(|engine| engine.shares_graphics);
        let new = NewChannel {
            engine: engine.ok_or(ENODEV)?,
            entries: ENTRIES,
            scheduling: Scheduling::default(),
            hole: KERNEL,
        };
        let events = Arc::pin_init(Events::new(), GFP_KERNEL)?;
        Ok(Self {
            channel: gpu.channel(&space, new, events.clone())?,
            _space: space,
            commands: memory.page()?,
            events,
            words: KVec::from_elem(0, WORDS, GFP_KERNEL)?,
            classes: Classes::of(gpu.core.chipset),
            lost,
        })
    }

    /// Whether it has failed and been stopped, so that another one may be made in the same epoch.
    fn is_stopped(&self) -> bool {
        self.events.is_over() && self.lost.blocks.lock().is_none()
    }

    /// See [`Clearer::clear`].
    fn clear(&mut self, blocks: &Arc<Blocks>) -> Result {
        if self.lost.blocks.lock().is_some() {
            return Err(EIO);
        }
        let class = self.classes.copy;
        let mut clears = blocks.extents().iter().map(|extent| ClearBytes {
            class,
            at: VRAM_AT.saturating_add(extent.address),
            bytes: extent.size,
        });
        let mut next = clears.next();
        while next.is_some() {
            let mut words = Words::new(&mut self.words);
            while let Some(clear) = &mut next {
                if !clear.write(&mut words) {
                    break;
                }
                next = clears.next();
            }
            let count = words.written().len();
            if let Err(error) = self.run(count) {
                // Once the channel has stopped, the GPU does not write to them any more.
                match self.channel.stop() {
                    Ok(()) => self.events.end(),
                    Err(_) => *self.lost.blocks.lock() = Some(blocks.clone()),
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Has the GPU execute so many words of commands, and waits for that, or until the task is killed.
    fn run(&self, count: usize) -> Result {
        let words = self.words.get(..count).ok_or(EINVAL)?;
        for (at, pair) in words.chunks(2).enumerate() {
            let half = |index| u64::from(pair.get(index).copied().unwrap_or(0));
            self.commands.write(at, &[half(0) | half(1) << 32]);
        }
        self.commands.flush();
        let push = Push {
            address: VRAM_AT.saturating_add(self.commands.address()),
            words: u32::try_from(count)?,
            no_prefetch: false,
        };
        let job = self.channel.submit(&[push]).map_err(|_| EIO)?;
        let start = Instant::<Monotonic>::now();
        while self.channel.completed() < job {
            if self.events.is_over() {
                return Err(EIO);
            }
            if start.elapsed().as_nanos() > LIMIT.as_nanos() as i64 {
                return Err(ETIMEDOUT);
            }
            self.events.something.wait_killable(LOOK)?;
        }
        Ok(())
    }
}

/// Maps all VRAM.
fn map_vram(gpu: &Gpu<'_>, space: &AddressSpace<'_>) -> Result {
    let change = Change::Map {
        aperture: Aperture::Vram,
        // The addresses differ from those in VRAM by a multiple of that.
        page_shift: 21,
    };
    for region in gpu.core.free_vram.regions() {
        let mut spare = Spare::default();
        let at = |address: u64| VRAM_AT.saturating_add(address);
        let range = at(region.start)..at(region.end);
        space.prepare(&mut spare, range.clone(), change)?;
        let block = Block {
            aperture: Aperture::Vram,
            address: region.start,
            size: region.end.saturating_sub(region.start),
        };
        space.change(&mut spare, &mut |tables| {
            let mut blocks = core::iter::once(block);
            tables.map(range.clone(), &mut blocks, Attributes::default());
        })?;
    }
    Ok(())
}

/// What is heard of the channel.
#[pin_data]
struct Events {
    /// Something has happened.
    #[pin]
    something: Completion,
    /// The channel never runs again.
    is_over: Atomic<bool>,
}

impl Events {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            something <- Completion::new(),
            is_over: Atomic::new(false),
        })
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    fn end(&self) {
        self.is_over.store(true, Relaxed);
        self.something.complete();
    }
}

impl ChannelEvents for Events {
    fn completed(&self) {
        self.something.complete();
    }

    fn failed(&self, _error: ChannelError) {
        self.end();
    }

    fn ended(&self, _end: End) {
        self.end();
    }
}
