// SPDX-License-Identifier: GPL-2.0

//! A machine with the card in it, in the same process as its driver.
//!
//! Time is the card's own: sleeping lets it pass at once, and each register access takes a little of
//! it, so that a driver which polls for ever still comes to its deadline.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::bus::config::{bars, BAR_COUNT};
use crate::bus::host::{GuestMemory, InterruptSink, Unmapped};
use crate::chips::Chip;
use crate::fuses::Fuses;
use crate::gpu::{Gpu, NoFwsec, Setup};
use crate::images::firmware::{FirmwareError, Firmwares, Store};
use crate::trace::Trace;
use crate::vram::Vram;

/// Time that a register access takes.
const ACCESS: Duration = Duration::from_micros(1);

const PAGE: u64 = 4096;

/// Where memory is given out from; the gap behind each piece catches accesses past its end.
const FIRST_ADDRESS: u64 = 0x1_0000_0000;
const GAP: u64 = PAGE;

/// Bus addresses of the BARs.
const BAR_ADDRESSES: [u64; BAR_COUNT] = [0xf000_0000, 0x40_0000_0000, 0x40_1000_0000];

/// A piece of the machine's memory.
#[derive(Debug)]
enum Piece {
    /// Coherent memory.
    Coherent(Box<[u8]>),
    /// A file that was read so that its byte `pad` before the start begins a page; each of its pages
    /// is followed by one that is not there, so that nobody takes them for contiguous.
    File { bytes: Arc<[u8]>, pad: usize },
}

impl Piece {
    /// Bus addresses that it takes.
    fn span(&self) -> u64 {
        match self {
            Self::Coherent(bytes) => bytes.len() as u64,
            Self::File { bytes, pad } => 2 * ((pad + bytes.len()) as u64 + PAGE),
        }
    }

    /// Reads from byte `at` of its span.
    fn read(&self, at: u64, into: &mut [u8]) -> Option<()> {
        match self {
            Self::Coherent(bytes) => {
                let from = bytes.get(at as usize..)?.get(..into.len())?;
                into.copy_from_slice(from);
                Some(())
            }
            Self::File { bytes, pad } => read_page(bytes, *pad, at, into),
        }
    }
}

/// The machine's memory, and a count of the interrupts that it got.
#[derive(Debug)]
pub struct Arena {
    next: u64,
    pieces: BTreeMap<u64, Piece>,
    interrupts: u64,
    allocations_left: Option<u64>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Self {
            next: FIRST_ADDRESS,
            pieces: BTreeMap::new(),
            interrupts: 0,
            allocations_left: None,
        }
    }

    /// MSIs that were delivered.
    pub fn interrupts(&self) -> u64 {
        self.interrupts
    }

    /// Pieces that are given out at the moment.
    pub fn allocations(&self) -> usize {
        self.pieces.len()
    }

    /// Lets only so many more allocations succeed.
    pub fn limit_allocations(&mut self, left: Option<u64>) {
        self.allocations_left = left;
    }

    /// Takes one of the allocations that are left; `false` where there is none. Memory that the card
    /// does not see counts, too, and takes no more than this.
    #[must_use]
    pub fn take_allocation(&mut self) -> bool {
        match &mut self.allocations_left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// Memory that holds `bytes`, for tests of what the card reads.
    #[cfg(test)]
    pub(crate) fn place(&mut self, bytes: &[u8]) -> u64 {
        let mut piece = bytes.to_vec();
        piece.resize(piece.len().next_multiple_of(PAGE as usize), 0);
        self.add(Piece::Coherent(piece.into()))
    }

    fn add(&mut self, piece: Piece) -> u64 {
        let address = self.next;
        self.next += piece.span().next_multiple_of(PAGE) + GAP;
        self.pieces.insert(address, piece);
        address
    }

    /// The piece that `addr` falls into, and the offset in it.
    fn find(&self, addr: u64) -> Option<(u64, u64)> {
        let (&start, _) = self.pieces.range(..=addr).next_back()?;
        Some((start, addr - start))
    }
}

/// Reads from byte `at` of a [`Piece::File`]'s span; no further than to the end of a page, since the
/// next one is not there.
fn read_page(bytes: &[u8], pad: usize, at: u64, into: &mut [u8]) -> Option<()> {
    let (page, within) = (at / PAGE, (at % PAGE) as usize);
    let start = (page / 2 * PAGE) as usize;
    let is_there = page % 2 == 0 && start < pad + bytes.len();
    if !is_there || within + into.len() > PAGE as usize {
        return None;
    }
    let from = (start + within).checked_sub(pad)?;
    let found = bytes.get(from..).unwrap_or_default();
    let (copied, filled) = into.split_at_mut(found.len().min(into.len()));
    copied.copy_from_slice(&found[..copied.len()]);
    // The last page is filled up with zeroes.
    filled.fill(0);
    Some(())
}

impl GuestMemory for Arena {
    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr };
        let (start, at) = self.find(addr).ok_or(unmapped)?;
        self.pieces[&start].read(at, into).ok_or(unmapped)
    }

    fn write(&mut self, addr: u64, from: &[u8]) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr };
        let (start, at) = self.find(addr).ok_or(unmapped)?;
        match self.pieces.get_mut(&start) {
            Some(Piece::Coherent(bytes)) => {
                let into = bytes
                    .get_mut(at as usize..)
                    .and_then(|rest| rest.get_mut(..from.len()));
                into.ok_or(unmapped)?.copy_from_slice(from);
                Ok(())
            }
            _ => Err(unmapped),
        }
    }
}

impl InterruptSink for Arena {
    fn interrupt(&mut self) {
        self.interrupts += 1;
    }
}

/// The card cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its firmware is not usable.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// Its VBIOS is not usable.
    #[error(transparent)]
    Vbios(#[from] NoFwsec),
}

/// A machine with the card in it.
pub struct InProcess {
    card: Rc<RefCell<Gpu<Arena>>>,
    interrupts_seen: Cell<u64>,
}

impl InProcess {
    /// A machine with a card that is made of `setup`.
    pub fn new(setup: Setup) -> Result<Self, NoFwsec> {
        let card = Gpu::new(setup, Arena::new())?;
        let machine = Self {
            card: Rc::new(RefCell::new(card)),
            interrupts_seen: Cell::new(0),
        };
        machine.enumerate();
        Ok(machine)
    }

    /// A machine with a card as it was sold, whose firmware is in `files`.
    pub fn with_firmware(chip: &'static Chip, files: &dyn Store) -> Result<Self, Error> {
        let setup = Setup {
            chip,
            vram: Vram::in_process(chip.vram),
            firmware: Firmwares::load(chip, files)?,
            vbios: None,
            fuses: Fuses::default(),
            trace: Trace::default(),
        };
        Ok(Self::new(setup)?)
    }

    /// The card, to break it or to look into its trace.
    ///
    /// # Panics
    ///
    /// Whatever else is done with the machine panics while the result lives.
    pub fn card(&self) -> RefMut<'_, Gpu<Arena>> {
        self.card.borrow_mut()
    }

    fn enumerate(&self) {
        self.card().config_mut().enumerate(BAR_ADDRESSES);
    }

    /// Resets the card, and enumerates it again.
    pub fn reset(&self) {
        self.card().reset();
        self.enumerate();
    }

    /// Reads the register at byte `offset` of BAR0; all ones where there is none.
    pub fn read32(&self, offset: u32) -> u32 {
        self.sleep(ACCESS);
        let mut card = self.card();
        match is_register(card.chip(), offset) {
            true => card.read32(offset),
            false => u32::MAX,
        }
    }

    /// Writes the register at byte `offset` of BAR0, where there is one.
    pub fn write32(&self, offset: u32, value: u32) {
        self.sleep(ACCESS);
        let mut card = self.card();
        if is_register(card.chip(), offset) {
            card.write32(offset, value);
        }
    }

    /// Time since the card was made.
    pub fn now(&self) -> Duration {
        self.card.borrow().now()
    }

    /// Lets `time` pass.
    pub fn sleep(&self, time: Duration) {
        let mut card = self.card();
        let until = card.now() + time;
        card.advance(until);
    }

    /// Lets time pass until there is an interrupt that the last call did not see, or until `timeout`
    /// has passed; `false` means the latter.
    pub fn wait_for_interrupt(&self, timeout: Duration) -> bool {
        let mut card = self.card();
        let deadline = card.now() + timeout;
        loop {
            let interrupts = card.host().interrupts;
            if self.interrupts_seen.replace(interrupts) != interrupts {
                return true;
            }
            match card.next_event() {
                Some(next) if next <= deadline => card.advance(next),
                _ => {
                    card.advance(deadline);
                    return false;
                }
            }
        }
    }

    /// Zeroed memory of `size` bytes, rounded up to whole pages; `None` where there is none.
    pub fn allocate(&self, size: usize) -> Option<Memory> {
        let size = size.checked_next_multiple_of(PAGE as usize)?;
        let given = self.give(Piece::Coherent(vec![0; size].into()))?;
        Some(Memory { given, size })
    }

    /// Lets the card read a file, whose byte at `page_aligned_at` starts a page; `None` where there
    /// is no memory for it.
    pub fn map_file(&self, bytes: Arc<[u8]>, page_aligned_at: usize) -> Option<MappedFile> {
        let pad = page_aligned_at.wrapping_neg() % PAGE as usize;
        let file = Piece::File {
            bytes: Arc::clone(&bytes),
            pad,
        };
        let given = self.give(file)?;
        Some(MappedFile { given, bytes, pad })
    }

    fn give(&self, piece: Piece) -> Option<Given> {
        let mut card = self.card();
        let arena = card.host_mut();
        arena.take_allocation().then(|| Given {
            address: arena.add(piece),
            card: Rc::clone(&self.card),
        })
    }
}

/// Does BAR0 have a register at this offset?
fn is_register(chip: &Chip, offset: u32) -> bool {
    let [registers, ..] = bars(chip);
    u64::from(offset) < registers.size && offset % 4 == 0
}

/// A piece of memory that was given out; it is taken back when this is dropped.
struct Given {
    card: Rc<RefCell<Gpu<Arena>>>,
    address: u64,
}

impl Drop for Given {
    fn drop(&mut self) {
        let mut card = self.card.borrow_mut();
        card.host_mut().pieces.remove(&self.address);
    }
}

/// Memory of the machine; freed when dropped.
pub struct Memory {
    given: Given,
    size: usize,
}

impl Memory {
    /// Bus address of the first byte.
    pub fn address(&self) -> u64 {
        self.given.address
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bus address of `len` bytes at byte `offset`.
    fn find(&self, offset: usize, len: usize) -> Result<u64, Unmapped> {
        let addr = self.address().wrapping_add(offset as u64);
        match offset.checked_add(len) {
            Some(end) if end <= self.size => Ok(addr),
            _ => Err(Unmapped { addr }),
        }
    }

    /// Copies `into.len()` bytes from byte `offset`.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), Unmapped> {
        let addr = self.find(offset, into.len())?;
        self.given.card.borrow().host().read(addr, into)
    }

    /// Copies `from` to byte `offset`.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), Unmapped> {
        let addr = self.find(offset, from.len())?;
        self.given.card.borrow_mut().host_mut().write(addr, from)
    }
}

/// A file that the card can read.
pub struct MappedFile {
    given: Given,
    bytes: Arc<[u8]>,
    pad: usize,
}

impl MappedFile {
    /// Bus address of the page that byte `offset` starts; `None` where it starts none.
    pub fn page_address(&self, offset: usize) -> Option<u64> {
        let at = (self.pad + offset) as u64;
        (offset < self.bytes.len() && at % PAGE == 0).then(|| self.given.address + 2 * at)
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::CHIPS;
    use crate::images::synthetic;

    fn machine() -> InProcess {
        InProcess::with_firmware(&CHIPS[0], &synthetic::firmware(&CHIPS[0])).unwrap()
    }

    #[test]
    fn memory_is_given_back() {
        let machine = machine();
        let memory = machine.allocate(5000).unwrap();
        assert_eq!(memory.size(), 8192);
        memory.write(8188, &[1, 2, 3, 4]).unwrap();
        let mut word = [0; 4];
        memory.read(8188, &mut word).unwrap();
        assert_eq!(word, [1, 2, 3, 4]);
        assert!(memory.read(8189, &mut word).is_err());
        assert!(memory.write(8189, &word).is_err());
        assert!(memory.read(usize::MAX, &mut word).is_err());
        let card = machine.card();
        let read = |offset| card.host().read_u32(memory.address() + offset);
        assert_eq!(read(8188), Ok(0x0403_0201));
        assert!(read(8190).is_err());
        assert_eq!(card.host().allocations(), 1);
        drop(card);
        drop(memory);
        assert_eq!(machine.card().host().allocations(), 0);
    }

    #[test]
    fn memory_does_not_reach_into_the_next_one() {
        let machine = machine();
        let [first, second] = [1, 1].map(|size| machine.allocate(size).unwrap());
        let apart = (second.address() - first.address()) as usize;
        assert!(first.read(apart, &mut [0]).is_err());
        assert!(first.write(apart, &[0]).is_err());
    }

    #[test]
    fn allocations_can_be_made_to_fail() {
        let machine = machine();
        machine.card().host_mut().limit_allocations(Some(1));
        assert!(machine.card().host_mut().take_allocation());
        assert!(machine.allocate(1).is_none());
        assert!(machine.map_file([0].into(), 0).is_none());
        machine.card().host_mut().limit_allocations(None);
        assert!(machine.allocate(usize::MAX).is_none());
        assert!(machine.allocate(1).is_some());
    }

    #[test]
    fn a_mapped_file_is_read_by_pages_that_do_not_follow_each_other() {
        let machine = machine();
        let bytes: Vec<u8> = (0..10_000_u32).map(|at| (at ^ at >> 8) as u8).collect();
        let file = machine.map_file(bytes.into(), 64).unwrap();
        assert_eq!(file.page_address(0), None, "no page starts there");
        let (first, second) = (
            file.page_address(64).unwrap(),
            file.page_address(64 + 4096).unwrap(),
        );
        assert_ne!(second, first + 4096);
        let mut page = [0; 4096];
        machine.card().host().read(second, &mut page).unwrap();
        assert_eq!(page, file.as_ref()[64 + 4096..64 + 8192]);
        let read = |address, len| machine.card().host().read_vec(address, len);
        assert!(read(first + 4096, 1).is_err());
        assert!(read(first, 4097).is_err());
        let last = file.page_address(64 + 2 * 4096).unwrap();
        let mut expected = file.as_ref()[64 + 2 * 4096..].to_vec();
        expected.resize(4096, 0);
        assert_eq!(read(last, 4096).unwrap(), expected, "filled up");
        assert_eq!(read(last + 4095, 1), Ok(vec![0]));
        assert!(read(last + 2 * 4096, 1).is_err());
        assert_eq!(file.page_address(64 + 3 * 4096), None, "behind its end");
        assert!(machine.card().host_mut().write(first, &[0]).is_err());
        drop(file);
        assert_eq!(machine.card().host().allocations(), 0);
    }

    #[test]
    fn time_passes_by_sleeping_and_by_accesses() {
        let machine = machine();
        let before = machine.now();
        machine.read32(0);
        assert_eq!(machine.now(), before + ACCESS);
        machine.sleep(Duration::from_secs(1));
        assert_eq!(machine.now(), before + ACCESS + Duration::from_secs(1));
        assert!(!machine.wait_for_interrupt(Duration::from_secs(1)));
        assert_eq!(machine.now(), before + ACCESS + Duration::from_secs(2));
    }

    #[test]
    fn outside_of_the_registers_is_nothing() {
        let machine = machine();
        assert_eq!(machine.read32(16 << 20), u32::MAX);
        assert_eq!(machine.read32(2), u32::MAX);
        machine.write32(u32::MAX, 0);
        assert_eq!(machine.card().trace().accesses().total(), 0);
    }
}
