// SPDX-License-Identifier: GPL-2.0

//! Instance memory: VRAM that the driver itself uses, for page tables, instance blocks and the like,
//! and sees through BAR2, or through BAR1 once BAR2 is full.
//!
//! Both windows show VRAM in chunks of 2 MiB, each in a slot of a window. The first chunk has the
//! page tables of the windows themselves, and the first slot of BAR2 shows it. So tables are written
//! through PRAMIN only once, before GSP-RM is told of them ([`WindowTables`]).

use nova_hw::gmmu::Format;

use super::error::WindowError;
use super::flush::flush;
use super::pool::{Chunk, Piece, Pool, Seat, CHUNK, CHUNKS_MAX, PAGE, PIECE_MAX};
use super::pramin::Pramin;
use super::slots::{Slots, SLOTS_MAX};
use super::tables::entry::address_bits;
use super::tlb;
use super::tree::Tree;
use crate::chip::PraminRegister;
use crate::gsp::commands::update_bar_pde::UpdateBar2Pde;
use crate::mmio::{Io, Timeout};
use crate::platform::memory;
use crate::platform::{
    Clock, OutOfVram, Registers, Scratch, VideoBlock, VideoMemory, WindowBar, Windows,
};

/// Bytes of BAR2 that are used. NVIDIA's driver uses half of the 32 MiB, too
/// (`BUS_BAR2_RM_APERTURE_MB` in open-gpu-kernel-modules 570,
/// src/nvidia/inc/kernel/gpu/bus/kern_bus.h), and so does nouveau.
const BAR2_USED: u64 = 16 << 20;

/// Bytes of BAR1, from its start on, that the driver uses for its own memory: for the chunks that
/// have no room in BAR2. What is above is for programs ([`super::program_slots`]).
pub const BAR1_OWN: u64 = CHUNKS_MAX as u64 * CHUNK - BAR2_USED;

/// As many slots of BAR1.
pub(super) const OWN_SLOTS: usize = (BAR1_OWN / CHUNK) as usize;

/// Directories PD0 of BAR1.
const BAR1_PD0S: u64 = SLOTS_MAX as u64 / 256;

/// Bytes of the tables of BAR2, which come first in the chunk of the tables.
const BAR2_TABLES: u64 = Tree::size(1);

/// Bytes of all tables.
const TABLES: u64 = BAR2_TABLES + Tree::size(BAR1_PD0S);

/// What the driver has to know of a GPU to make windows onto its VRAM.
#[derive(Clone, Copy, Debug)]
pub struct MemoryInfo {
    /// Format of the page tables.
    pub(crate) format: &'static Format,
    /// Register that moves PRAMIN.
    pub(crate) pramin: PraminRegister,
    /// Address in VRAM of the root of BAR1's tables.
    pub(crate) bar1_root: u64,
}

impl MemoryInfo {
    /// Format of the page tables.
    pub fn format(&self) -> &'static Format {
        self.format
    }

    /// Whether GSP-RM has named a root of BAR1's tables that can be written through PRAMIN.
    pub fn has_bar1_root(&self) -> bool {
        let root = self.bar1_root;
        root != 0 && root % PAGE == 0 && root >> self.pramin.address_bits() == 0
    }
}

/// What instance memory is made with.
pub trait MemoryPlatform: Registers + Clock + Scratch + Windows + VideoMemory {}

impl<P: Registers + Clock + Scratch + Windows + VideoMemory> MemoryPlatform for P {}

/// A chunk of a platform, on its heap.
type BoxedChunk<P> = <P as Scratch>::Boxed<Chunk<<P as VideoMemory>::Block>>;

/// A chunk of VRAM that no window shows.
pub struct NewChunk<P: MemoryPlatform>(BoxedChunk<P>);

impl<P: MemoryPlatform> NewChunk<P> {
    /// Allocates a chunk that page tables and PRAMIN reach.
    ///
    /// # Errors
    ///
    /// There is no memory, or VRAM is where it cannot be reached.
    #[inline(never)]
    pub fn new(platform: &P, info: &MemoryInfo) -> Result<Self, WindowError> {
        let block = platform.alloc_vram(CHUNK, CHUNK)?;
        let (address, size) = (block.address(), block.size());
        if size < CHUNK || address % CHUNK != 0 {
            debug_assert!(false, "{size:#x} bytes at {address:#x} are no chunk");
            return Err(WindowError::Vram(OutOfVram { size: CHUNK }));
        }
        let bits = address_bits(info.format.version).min(info.pramin.address_bits());
        if address >> bits != 0 {
            return Err(WindowError::Unreachable { address, bits });
        }
        let what = "a chunk of instance memory";
        Ok(Self(memory::boxed(platform, what, Chunk::new(block))?))
    }
}

/// Instance memory that the windows do not show yet.
pub struct WindowTables<P: MemoryPlatform>(P::Boxed<InstanceMemory<P>>);

impl<P: MemoryPlatform> WindowTables<P> {
    /// Allocates the chunk of the tables.
    ///
    /// # Errors
    ///
    /// There is no memory, or VRAM is where it cannot be reached.
    #[inline(never)]
    pub fn new(platform: &P, info: &MemoryInfo) -> Result<Self, WindowError> {
        let NewChunk(chunk) = NewChunk::new(platform, info)?;
        let memory = InstanceMemory::new(platform, info, chunk)?;
        let memory = memory::boxed(platform, "instance memory", memory)?;
        Ok(Self(memory))
    }

    /// Writes the tables of BAR2 through PRAMIN.
    #[inline(never)]
    pub fn write(&self, platform: &P) {
        let Self(memory) = self;
        let io = &Io::new(platform);
        let mut pramin = Pramin::new(io, memory.info.pramin);
        let mut write = |address, value| pramin.write(address, value);
        let tree = &memory.bar2.tree;
        tree.write_upper(&mut write);
        tree.write_pd0(0, &mut write);
        write(tree.slot(0), tree.slot_entry(Some(memory.tables)));
        pramin.flush();
    }

    /// The command that tells GSP-RM of the tables.
    pub fn bind(&self) -> UpdateBar2Pde {
        let Self(memory) = self;
        UpdateBar2Pde {
            entry: memory.bar2.tree.root_entry(),
            shift: memory.root_shift(),
        }
    }

    /// Takes the windows into use, once the tables are [written](Self::write) and GSP-RM has executed [`Self::bind`].
    ///
    /// # Errors
    ///
    /// BAR2 does not show the tables, or the TLBs cannot be invalidated. The memory comes with the
    /// error, since the caller may hold a lock under which none is to be freed.
    pub fn open(
        mut self,
        platform: &P,
    ) -> Result<P::Boxed<InstanceMemory<P>>, (Self, WindowError)> {
        match self.check(platform) {
            Ok(()) => Ok(self.0),
            Err(error) => Err((self, error)),
        }
    }

    fn check(&mut self, platform: &P) -> Result<(), WindowError> {
        let Self(memory) = self;
        memory.invalidate_windows(platform)?;
        let tree = &memory.bar2.tree;
        let expected = tree.slot_entry(Some(memory.tables));
        let at = tree.slot(0).saturating_sub(memory.tables);
        let found = platform.read_window(WindowBar::Bar2, at);
        match found == expected {
            true => Ok(()),
            false => Err(WindowError::NotShown { expected, found }),
        }
    }
}

/// A window, its tables, and its slots.
struct Window {
    tree: Tree,
    slots: Slots,
    /// A bit for each PD0 that is written.
    pd0s: u64,
}

impl Window {
    fn new(format: &Format, tables: u64, size: u64) -> Self {
        Self {
            tree: Tree::at(format, tables),
            slots: Slots::of(size),
            pd0s: 0,
        }
    }
}

/// Instance memory of a GPU. It belongs to one boot of GSP-RM: after that, the windows show nothing,
/// and it can only be dropped.
pub struct InstanceMemory<P: MemoryPlatform> {
    info: MemoryInfo,
    /// Address in VRAM of the chunk with the tables.
    tables: u64,
    bar1: Window,
    bar2: Window,
    pool: Pool<BoxedChunk<P>>,
    /// An invalidation that did not end. What the TLBs have is not known from then on.
    stuck: Option<Timeout>,
}

impl<P: MemoryPlatform> InstanceMemory<P> {
    #[inline(never)]
    fn new(platform: &P, info: &MemoryInfo, mut chunk: BoxedChunk<P>) -> Result<Self, WindowError> {
        let tables = chunk.block.address();
        let size = |bar| platform.window_size(bar);
        let after = tables.saturating_add(BAR2_TABLES);
        let bar2_size = size(WindowBar::Bar2).min(BAR2_USED);
        // Without a root that PRAMIN reaches, BAR1 has no slots.
        let bar1_size = match info.has_bar1_root() {
            true => size(WindowBar::Bar1).min(BAR1_OWN),
            false => 0,
        };
        let mut memory = Self {
            info: *info,
            tables,
            bar1: Window::new(info.format, after, bar1_size),
            bar2: Window::new(info.format, tables, bar2_size),
            pool: Pool::new(),
            stuck: None,
        };
        memory.bar2.pd0s = 1;
        let slot = memory.bar2.slots.take().ok_or(WindowError::Full)?;
        let bar = WindowBar::Bar2;
        chunk.seat = Seat { bar, slot };
        chunk.keep(TABLES);
        memory.pool.add(chunk);
        Ok(memory)
    }

    /// What it was made for, and what further chunks are for.
    pub fn info(&self) -> &MemoryInfo {
        &self.info
    }

    /// Lowest bit of the addresses by which the root is indexed.
    fn root_shift(&self) -> u32 {
        let root = self.info.format.directories.first();
        root.map_or(0, |level| level.shift)
    }

    /// Allocates a piece of `size` bytes, rounded up to a power of two and to 4 KiB. Its contents
    /// are undefined.
    ///
    /// It is `None` if that takes another chunk, and `chunk` is none. Then the caller gets one and
    /// calls this again: the caller may hold a lock under which nothing is to be allocated or freed.
    ///
    /// # Errors
    ///
    /// There is no slot left, the size is above 256 KiB, or the TLBs cannot be invalidated.
    pub fn alloc(
        &mut self,
        platform: &P,
        size: u64,
        chunk: &mut Option<NewChunk<P>>,
    ) -> Result<Option<Piece>, WindowError> {
        if size > PIECE_MAX {
            return Err(WindowError::TooLarge { size });
        }
        if let Some(timeout) = self.stuck {
            return Err(timeout.into());
        }
        if let Some(piece) = self.pool.take(size) {
            return Ok(Some(piece));
        }
        match self.add_chunk(platform, chunk)? {
            true => self.pool.take(size).ok_or(WindowError::Full).map(Some),
            false => Ok(None),
        }
    }

    /// Frees a piece of this memory. If that was the last one of its chunk, no window shows the
    /// chunk any more, and the caller frees it.
    ///
    /// After an invalidation that did not end, nothing is freed: the TLBs may still lead there.
    pub fn free(&mut self, platform: &P, piece: Piece) -> Option<NewChunk<P>> {
        if self.stuck.is_some() {
            return None;
        }
        let mut chunk = self.pool.give(piece)?;
        let seat = chunk.seat;
        match self.set_slot(platform, seat, None) {
            Ok(()) => {
                self.window(seat.bar).slots.give(seat.slot);
                Some(NewChunk(chunk))
            }
            // The window may still show it.
            Err(_) => {
                chunk.keep_all();
                self.pool.add(chunk);
                None
            }
        }
    }

    /// Writes 64-bit words to a piece, from its word `first` on. What lies outside of the piece is
    /// dropped.
    pub fn write(&self, platform: &P, piece: &Piece, first: usize, words: &[u64]) {
        for (number, &word) in (first..).zip(words) {
            if let Some(offset) = Self::word(piece, number) {
                platform.write_window(piece.bar(), offset, word);
            }
        }
    }

    /// Reads a 64-bit word of a piece; all ones outside of it.
    pub fn read(&self, platform: &P, piece: &Piece, number: usize) -> u64 {
        match Self::word(piece, number) {
            Some(offset) => platform.read_window(piece.bar(), offset),
            None => u64::MAX,
        }
    }

    /// Offset in its window of a word of a piece.
    fn word(piece: &Piece, number: usize) -> Option<u64> {
        let within = u64::try_from(number).ok()?.checked_mul(8)?;
        let is_inside = within < piece.size();
        debug_assert!(is_inside, "word {number} of {piece:?}");
        is_inside.then_some(piece.offset().saturating_add(within))
    }

    /// Completes what was written, so that the GPU sees it.
    pub fn flush(&self, platform: &P) {
        flush(platform);
    }

    /// Completes what was written, and invalidates what the TLBs have of the address space whose
    /// root is at `root` in VRAM.
    ///
    /// # Errors
    ///
    /// The invalidation did not end, now or earlier.
    pub fn invalidate(&mut self, platform: &P, root: u64) -> Result<(), WindowError> {
        flush(platform);
        self.note(|| tlb::invalidate(&Io::new(platform), root))
    }

    /// Has a slot of programs show a chunk of VRAM, or nothing. What it showed before is not seen
    /// there any more on success.
    ///
    /// # Errors
    ///
    /// There is no such slot, the chunk cannot be reached, or the TLBs cannot be invalidated.
    pub fn show(
        &mut self,
        platform: &P,
        slot: usize,
        chunk: Option<u64>,
    ) -> Result<(), WindowError> {
        let is_programs = (OWN_SLOTS..SLOTS_MAX).contains(&slot);
        debug_assert!(is_programs, "slot {slot} is none of programs");
        if !is_programs || !self.info.has_bar1_root() {
            return Err(WindowError::Full);
        }
        let chunk = match chunk {
            Some(number) => Some(self.reachable(number.saturating_mul(CHUNK))?),
            None => None,
        };
        if let Some(timeout) = self.stuck {
            return Err(timeout.into());
        }
        let bar = WindowBar::Bar1;
        let seat = Seat { bar, slot };
        self.write_pd0(platform, seat);
        self.set_slot(platform, seat, chunk)
    }

    /// Checks that a page table can have an address.
    fn reachable(&self, address: u64) -> Result<u64, WindowError> {
        let bits = address_bits(self.info.format.version);
        match address >> bits {
            0 => Ok(address),
            _ => Err(WindowError::Unreachable { address, bits }),
        }
    }

    /// The command that takes the tables from GSP-RM before it unloads.
    pub(crate) fn unbind(&self) -> UpdateBar2Pde {
        UpdateBar2Pde {
            entry: 0,
            shift: self.root_shift(),
        }
    }

    fn window(&mut self, bar: WindowBar) -> &mut Window {
        match bar {
            WindowBar::Bar1 => &mut self.bar1,
            WindowBar::Bar2 => &mut self.bar2,
        }
    }

    fn invalidate_windows(&mut self, platform: &P) -> Result<(), WindowError> {
        self.note(|| tlb::invalidate_windows(&Io::new(platform)))
    }

    /// Invalidates; not again after one that did not end, so that a GPU which hangs is waited for
    /// only once.
    fn note(
        &mut self,
        invalidate: impl FnOnce() -> Result<(), Timeout>,
    ) -> Result<(), WindowError> {
        let result = match self.stuck {
            Some(timeout) => Err(timeout),
            None => invalidate(),
        };
        Ok(result.inspect_err(|&timeout| self.stuck = Some(timeout))?)
    }

    /// Adds a chunk of VRAM, in a slot of BAR2 if there is one; `false` if there is no chunk.
    fn add_chunk(
        &mut self,
        platform: &P,
        chunk: &mut Option<NewChunk<P>>,
    ) -> Result<bool, WindowError> {
        if !self.pool.has_room() {
            return Err(WindowError::Full);
        }
        let take = |bar, window: &mut Window| {
            let slot = window.slots.take()?;
            Some(Seat { bar, slot })
        };
        let seat = take(WindowBar::Bar2, &mut self.bar2)
            .or_else(|| take(WindowBar::Bar1, &mut self.bar1))
            .ok_or(WindowError::Full)?;
        let Some(NewChunk(mut chunk)) = chunk.take() else {
            self.window(seat.bar).slots.give(seat.slot);
            return Ok(false);
        };
        chunk.seat = seat;
        self.write_pd0(platform, seat);
        let shown = self.set_slot(platform, seat, Some(chunk.block.address()));
        if shown.is_err() {
            // The window may show it.
            chunk.keep_all();
        }
        self.pool.add(chunk);
        shown.map(|()| true)
    }

    /// Writes the tables of a slot that are not written yet.
    fn write_pd0(&mut self, platform: &P, seat: Seat) {
        let number = Tree::pd0_of(seat.slot);
        let (tables, bar1_root, pramin) = (self.tables, self.info.bar1_root, self.info.pramin);
        let window = self.window(seat.bar);
        let tree = window.tree;
        let is_first = window.pd0s == 0;
        let before = window.pd0s;
        window.pd0s |= 1_u64.checked_shl(number as u32).unwrap_or(0);
        if window.pd0s == before {
            return;
        }
        let mut write = |address, value| write_table(platform, tables, address, value);
        if is_first {
            tree.write_upper(&mut write);
        }
        tree.write_pd0(number, &mut write);
        if is_first {
            // Only BAR1 gets here: the first PD0 of BAR2 is written before BAR2 is used. What is
            // below an entry must be complete before the entry is.
            flush(platform);
            let io = &Io::new(platform);
            let mut root = Pramin::new(io, pramin);
            root.write(bar1_root, tree.root_entry());
            root.flush();
        }
    }

    /// Has a slot show a chunk of VRAM, or nothing. What the slot showed before may be reused on
    /// success.
    fn set_slot(
        &mut self,
        platform: &P,
        seat: Seat,
        chunk: Option<u64>,
    ) -> Result<(), WindowError> {
        let tables = self.tables;
        let tree = &self.window(seat.bar).tree;
        write_table(
            platform,
            tables,
            tree.slot(seat.slot),
            tree.slot_entry(chunk),
        );
        flush(platform);
        self.invalidate_windows(platform)
    }
}

/// Writes a word of the tables, which start at `tables` in VRAM, through the first slot of BAR2.
fn write_table<W: Windows>(windows: &W, tables: u64, address: u64, value: u64) {
    windows.write_window(WindowBar::Bar2, address.saturating_sub(tables), value);
}

const _: () = {
    assert!(TABLES < CHUNK, "the tables fit into a chunk");
    assert!(TABLES % PAGE == 0);
    assert!(BAR1_PD0S <= 64, "PD0s are bits of a word");
};

#[cfg(test)]
mod tests {
    use super::*;
    use nova_hw::chipset::Architecture;

    #[test]
    fn a_root_that_pramin_does_not_reach_is_none() {
        for (pramin, bits) in [(PraminRegister::Tu102, 40), (PraminRegister::Gh100, 38)] {
            let limit = 1 << bits;
            for (bar1_root, expected) in [
                (PAGE, true),
                (limit - PAGE, true),
                (0, false),
                (limit, false),
                (PAGE + 8, false),
                (u64::MAX, false),
            ] {
                let info = MemoryInfo {
                    format: Format::of(Architecture::Ampere),
                    pramin,
                    bar1_root,
                };
                assert_eq!(info.has_bar1_root(), expected, "{bar1_root:#x}");
            }
        }
    }
}
