// SPDX-License-Identifier: GPL-2.0

//! The driver's own copy engine: an address space in which all VRAM is mapped, and one channel there. Both belong to an
//! epoch.

use core::ops::Range;
use core::time::Duration;

use kernel::prelude::*;
use kernel::sync::{new_mutex, Arc, Mutex};
use kernel::time::{Instant, Monotonic};
use nova_core_module::{
    extents_of, AddressSpace, Aperture, Attributes, Block, Blocks, Change, Channel, Classes,
    ClearBytes, CopyBytes, Epoch, Extent, NewChannel, Push, Scheduling, Spare, Table, TableLimit,
    TableMemory, Words,
};
use nova_kernel::drm::gem::dma::DmaBlock;

use crate::gpu::Gpu;

mod events;

use events::Events;

/// Where VRAM is mapped: below the end of the addresses of pushes, since the commands are there, too.
const VRAM_AT: u64 = 1 << 39;

/// Where a chunk of system memory is mapped.
const WINDOW_AT: u64 = 1 << 38;

/// Most bytes of system memory that the window shows at a time, which takes a copy engine a few milliseconds.
pub(super) const WINDOW_SIZE: u64 = 16 << 20;

/// The window consists of panes of so many bytes, which are as far apart as two entries of the directory above page tables.
/// To replace all that such an entry has takes new page tables; a part is written to those that are there.
pub(super) const PANE: u64 = 1 << 20;

/// See [`PANE`].
const APART: u64 = 2 << 20;

/// The range of the channel's own memory.
const KERNEL: Range<u64> = 1 << 32..(1 << 32) + (2 << 30);

/// Words of the commands of a job, in one page.
const WORDS: usize = 4096 / 4;

/// Tables that map all VRAM, and the window: with pages of 2 MiB, one is enough for 512 MiB.
const TABLES_MAX: u64 = 1024;

/// Entries of the ring: there is one job at a time.
const ENTRIES: u32 = 64;

/// How long a job may take. So many words clear 150 GiB at most, which takes a copy engine a second. It counts while jobs
/// of programs are ahead on the same runlist, too.
const LIMIT: Duration = Duration::from_secs(30);

/// How often a job is looked at whose interrupt does not come.
const LOOK: Duration = Duration::from_millis(20);

/// Bytes of VRAM, and their offset in what the window shows, where they are in one pane.
#[derive(Clone, Copy)]
pub(super) struct Transfer {
    pub(super) vram: u64,
    pub(super) window: u64,
    pub(super) bytes: u64,
}

/// Which way bytes are copied.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    /// From VRAM to the window.
    Save,
    /// Back.
    Restore,
}

/// A channel that clears and copies VRAM, in its address space.
pub(super) struct Engine<'a> {
    // In the order in which they are dropped.
    channel: Arc<Channel<'a>>,
    space: Arc<AddressSpace<'a>>,
    /// Page tables of the window, while it is used.
    window: Option<Spare<'a>>,
    /// Where the commands of a job are. They are in VRAM so that the GPU reads nothing else than VRAM, whatever happens
    /// to it.
    commands: Table<'a>,
    events: Arc<Events>,
    /// Commands that are being written.
    words: KVec<u32>,
    classes: Classes,
    uses: Arc<Uses>,
    /// The channel has failed, and could not be stopped.
    is_lost: bool,
}

/// What the GPU may use besides VRAM that is nobody's. The GPU's address space has a reference to this, so that is there
/// until the GPU is quiet.
#[pin_data]
struct Uses {
    #[pin]
    used: Mutex<Option<Arc<dyn Send + Sync>>>,
}

impl Uses {
    fn set(&self, used: Option<Arc<dyn Send + Sync>>) {
        let before = core::mem::replace(&mut *self.used.lock(), used);
        drop(before);
    }
}

impl<'a> Engine<'a> {
    pub(super) fn new(gpu: &Gpu<'a>) -> Result<Self> {
        let uses = pin_init!(Uses {
            used <- new_mutex!(None),
        });
        let uses = Arc::pin_init(uses, GFP_KERNEL)?;
        let space = gpu.address_space(uses.clone(), TableLimit::new(TABLES_MAX)?)?;
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
            graphics: None,
        };
        let events = Arc::pin_init(Events::new(), GFP_KERNEL)?;
        let mut engine = Self {
            channel: gpu.channel(&space, new, events.clone())?,
            space,
            window: None,
            commands: memory.page()?,
            events,
            words: KVec::from_elem(0, WORDS, GFP_KERNEL)?,
            classes: Classes::of(gpu.core.chipset),
            uses,
            is_lost: false,
        };
        // Programs may have all VRAM later.
        engine.prepare_window()?;
        Ok(engine)
    }

    /// The epoch in which it is valid.
    pub(super) fn epoch(&self) -> Epoch {
        self.channel.epoch()
    }

    /// Whether it has failed and been stopped, so that another one may be made in the same epoch.
    pub(super) fn is_stopped(&self) -> bool {
        self.events.is_over() && !self.is_lost
    }

    /// Whether it can be used: what it uses is known only while its channel can be stopped.
    fn check(&self) -> Result {
        match self.is_lost {
            true => Err(EIO),
            false => Ok(()),
        }
    }

    /// Zeroes VRAM. Waits until that is done, or the task is killed.
    ///
    /// # Errors
    ///
    /// `EIO` if the GPU does not work, `ETIMEDOUT` if the engine does not, `EINTR` if the task was killed.
    pub(super) fn clear(&mut self, blocks: &Arc<Blocks>) -> Result {
        self.check()?;
        let class = self.classes.copy;
        let clears = blocks.extents().iter().map(|extent| ClearBytes {
            class,
            at: VRAM_AT.saturating_add(extent.address),
            bytes: extent.size,
        });
        self.uses.set(Some(blocks.clone()));
        let result = self.execute(clears, ClearBytes::write);
        // Once the channel has stopped, the GPU does not write to them any more.
        if !self.is_lost {
            self.uses.set(None);
        }
        result
    }

    /// Gets what [`Self::show`] takes, unless it is there.
    ///
    /// # Errors
    ///
    /// Those of [`AddressSpace::prepare`].
    pub(super) fn prepare_window(&mut self) -> Result {
        if self.window.is_none() {
            let mut spare = Spare::default();
            let change = Change::Map {
                aperture: Aperture::System,
                page_shift: 12,
            };
            for offset in panes(WINDOW_SIZE) {
                self.space.prepare(&mut spare, pane(offset, PANE), change)?;
            }
            self.window = Some(spare);
        }
        Ok(())
    }

    /// Has the window show a part of system memory, of at most [`WINDOW_SIZE`] bytes, which belongs to `owner`. What it has
    /// shown of others must have been [hidden](Self::hide).
    ///
    /// # Errors
    ///
    /// `EINVAL` if it has not been [prepared](Self::prepare_window), and those of [`AddressSpace::change`].
    pub(super) fn show(
        &mut self,
        blocks: &[DmaBlock],
        part: Range<u64>,
        owner: &Arc<dyn Send + Sync>,
    ) -> Result {
        self.check()?;
        let spare = self.window.as_mut().ok_or(EINVAL)?;
        self.uses.set(Some(owner.clone()));
        let size = part.end.saturating_sub(part.start);
        self.space.change(spare, &mut |tables| {
            for offset in panes(size) {
                let end = size.min(offset.saturating_add(PANE));
                let bytes = part.start.saturating_add(offset)..part.start.saturating_add(end);
                let extents = extents_of(blocks, extent, bytes);
                let mut blocks = extents.map(|extent| Block {
                    aperture: Aperture::System,
                    address: extent.address,
                    size: extent.size,
                });
                let range = pane(offset, end.saturating_sub(offset));
                tables.map(range, &mut blocks, Attributes::default());
            }
        })
    }

    /// Has the window show nothing any more. Its tables must be prepared again.
    ///
    /// # Errors
    ///
    /// Those of [`AddressSpace::change`]. The GPU may use what was shown until it is reset, and has a reference.
    pub(super) fn hide(&mut self) -> Result {
        let Some(mut spare) = self.window.take() else {
            return Ok(());
        };
        self.space.change(&mut spare, &mut |tables| {
            for offset in panes(WINDOW_SIZE) {
                tables.unmap(pane(offset, PANE));
            }
        })?;
        if !self.is_lost {
            self.uses.set(None);
        }
        Ok(())
    }

    /// Copies between VRAM and the window, and waits until that is done, or the task is killed.
    ///
    /// # Errors
    ///
    /// Those of [`Self::clear`].
    pub(super) fn copy(
        &mut self,
        direction: Direction,
        transfers: impl Iterator<Item = Transfer>,
    ) -> Result {
        self.check()?;
        let class = self.classes.copy;
        let copies = transfers.map(|transfer| {
            let vram = VRAM_AT.saturating_add(transfer.vram);
            let window = pane(transfer.window, 0).start;
            let (from, to) = match direction {
                Direction::Save => (vram, window),
                Direction::Restore => (window, vram),
            };
            CopyBytes {
                class,
                from,
                to,
                bytes: transfer.bytes,
            }
        });
        self.execute(copies, CopyBytes::write)
    }

    /// Has the GPU do work, which `write` writes as commands, in as many jobs as that takes, one after the other.
    fn execute<W>(
        &mut self,
        mut work: impl Iterator<Item = W>,
        write: impl Fn(&mut W, &mut Words<'_>) -> bool,
    ) -> Result {
        let mut next = work.next();
        while next.is_some() {
            let mut words = Words::new(&mut self.words);
            while let Some(piece) = &mut next {
                if !write(piece, &mut words) {
                    break;
                }
                next = work.next();
            }
            let count = words.written().len();
            if let Err(error) = self.run(count) {
                match self.channel.stop() {
                    Ok(()) => self.events.end(),
                    Err(_) => self.is_lost = true,
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

/// The offsets at which the panes begin that show so many bytes.
fn panes(size: u64) -> impl Iterator<Item = u64> {
    (0..size.div_ceil(PANE)).map(|number| number.saturating_mul(PANE))
}

/// The addresses of so many bytes at an offset in what the window shows, which are in one pane.
fn pane(offset: u64, size: u64) -> Range<u64> {
    let start = WINDOW_AT
        .saturating_add((offset / PANE).saturating_mul(APART))
        .saturating_add(offset % PANE);
    start..start.saturating_add(size)
}

fn extent(block: &DmaBlock) -> Extent {
    let DmaBlock {
        offset,
        address,
        size,
    } = *block;
    Extent {
        offset,
        address,
        size,
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
