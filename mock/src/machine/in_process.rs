// SPDX-License-Identifier: GPL-2.0

//! A machine with the card in it, in the same process as its driver.
//!
//! Time is the card's own: sleeping advances it at once, and so does each register access, by a
//! little, so that the deadline of a driver that polls still passes.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::bus::config::{bars, Bar, BAR_COUNT};
use crate::bus::machine::{GuestMemory, InterruptSink, Unmapped};
use crate::chips::Chip;
use crate::fuses::Fuses;
use crate::gpu::{Gpu, NoFwsec, Setup};
use crate::images::firmware::{FirmwareError, Firmwares, Store};
use crate::trace::Trace;
use crate::vram::Vram;

/// Time that a register access takes; the model's own value.
const ACCESS: Duration = Duration::from_micros(1);

const PAGE: u64 = 4096;

/// Bus address of the first allocation; the gap behind each one catches accesses past its end.
const FIRST_ADDRESS: u64 = 0x1_0000_0000;
const GAP: u64 = PAGE;

/// Bus addresses of the BARs, each at a multiple of its size.
fn bar_addresses([_, frame_buffer, instance]: [Bar; BAR_COUNT]) -> [u64; BAR_COUNT] {
    let second = frame_buffer.size.max(0x40_0000_0000);
    [
        0xf000_0000,
        second,
        second + frame_buffer.size.max(instance.size),
    ]
}

/// An allocation of the machine's memory.
#[derive(Debug)]
enum Allocation {
    /// Coherent memory.
    Coherent(Box<[u8]>),
    /// A file whose start is `pad` bytes into a page; a page that is not mapped follows each of its
    /// pages, so that code which takes them for contiguous fails.
    File { bytes: Arc<[u8]>, pad: usize },
}

impl Allocation {
    /// Bytes of bus address space that it takes.
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

/// The machine's memory, a count of the MSIs that it got, and the level of the card's pin.
#[derive(Debug)]
pub struct Arena {
    next: u64,
    allocations: BTreeMap<u64, Allocation>,
    interrupts: u64,
    pin: bool,
    allocations_left: Option<u64>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Self {
            next: FIRST_ADDRESS,
            allocations: BTreeMap::new(),
            interrupts: 0,
            pin: false,
            allocations_left: None,
        }
    }

    /// MSIs that were delivered.
    pub fn interrupts(&self) -> u64 {
        self.interrupts
    }

    /// Whether the card asserts its interrupt pin.
    pub fn pin(&self) -> bool {
        self.pin
    }

    /// Number of current allocations.
    pub fn allocations(&self) -> usize {
        self.allocations.len()
    }

    /// Makes allocations fail after `left` more of them.
    pub fn limit_allocations(&mut self, left: Option<u64>) {
        self.allocations_left = left;
    }

    /// Counts an allocation against the limit; `false` if it has to fail. Allocations that the card
    /// does not see are counted by calling this alone.
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

    /// Allocates memory that holds `bytes`, for tests of what the card reads.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn place(&mut self, bytes: &[u8]) -> u64 {
        let mut padded = bytes.to_vec();
        padded.resize(padded.len().next_multiple_of(PAGE as usize), 0);
        self.add(Allocation::Coherent(padded.into()))
    }

    fn add(&mut self, allocation: Allocation) -> u64 {
        let address = self.next;
        self.next += allocation.span().next_multiple_of(PAGE) + GAP;
        self.allocations.insert(address, allocation);
        address
    }

    /// Takes the allocation at `address` away.
    pub(crate) fn remove(&mut self, address: u64) {
        self.allocations.remove(&address);
    }

    /// Address of the allocation that `addr` falls into, and the offset in it.
    fn find(&self, addr: u64) -> Option<(u64, u64)> {
        let (&start, _) = self.allocations.range(..=addr).next_back()?;
        Some((start, addr - start))
    }
}

/// Reads from byte `at` of a [`Allocation::File`]'s span; no further than to the end of a page, since
/// the next one is not mapped.
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
    // The rest of the last page is zero.
    filled.fill(0);
    Some(())
}

impl GuestMemory for Arena {
    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr };
        let (start, at) = self.find(addr).ok_or(unmapped)?;
        self.allocations[&start].read(at, into).ok_or(unmapped)
    }

    fn write(&mut self, addr: u64, from: &[u8]) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr };
        let (start, at) = self.find(addr).ok_or(unmapped)?;
        match self.allocations.get_mut(&start) {
            Some(Allocation::Coherent(bytes)) => {
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

    fn set_pin(&mut self, is_asserted: bool) {
        self.pin = is_asserted;
    }
}

/// The card cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its firmware cannot be used.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// Its VBIOS cannot be used.
    #[error(transparent)]
    Vbios(#[from] NoFwsec),
}

/// A machine with the card in it. Its driver has MSIs, unless the test takes them from it in
/// configuration space.
pub struct InProcess {
    card: Rc<RefCell<Gpu<Arena>>>,
    interrupts_seen: Cell<u64>,
}

impl InProcess {
    /// A machine with the card that `setup` describes.
    pub fn new(setup: Setup) -> Result<Self, NoFwsec> {
        let card = Gpu::new(setup, Arena::new())?;
        let machine = Self {
            card: Rc::new(RefCell::new(card)),
            interrupts_seen: Cell::new(0),
        };
        machine.enumerate(true);
        Ok(machine)
    }

    /// A machine with a card in its default configuration, with its firmware in `files`.
    pub fn with_firmware(chip: &'static Chip, files: &dyn Store) -> Result<Self, Error> {
        let setup = Setup {
            chip,
            vram: Vram::in_process(chip.vram),
            bar1: None,
            firmware: Firmwares::load(chip, files)?,
            vbios: None,
            fuses: Fuses::default(),
            trace: Trace::default(),
        };
        Ok(Self::new(setup)?)
    }

    /// The card, for injecting faults or reading its trace.
    ///
    /// # Panics
    ///
    /// All other methods of the machine panic while the result is alive.
    pub fn card(&self) -> RefMut<'_, Gpu<Arena>> {
        self.card.borrow_mut()
    }

    fn enumerate(&self, has_msi: bool) {
        let mut card = self.card();
        let config = card.config_mut();
        config.enumerate(bar_addresses(config.bars()));
        config.set_msi(has_msi);
    }

    /// Resets the card, and enumerates it again.
    pub fn reset(&self) {
        let had_msi = self.card().config().has_msi();
        self.card().reset();
        self.enumerate(had_msi);
    }

    /// Reads the register at byte `offset` of BAR0; all ones outside of BAR0.
    pub fn read32(&self, offset: u32) -> u32 {
        self.sleep(ACCESS);
        let mut card = self.card();
        match is_register(card.chip(), offset) {
            true => card.read32(offset),
            false => u32::MAX,
        }
    }

    /// Writes the register at byte `offset` of BAR0; nothing outside of BAR0.
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

    /// Lets time pass until there is an MSI that the last call has not returned, or the card asserts
    /// its pin; `false` if `timeout` has passed before.
    pub fn wait_for_interrupt(&self, timeout: Duration) -> bool {
        let mut card = self.card();
        let deadline = card.now() + timeout;
        loop {
            let interrupts = card.machine().interrupts;
            let is_new = self.interrupts_seen.replace(interrupts) != interrupts;
            if is_new || card.machine().pin {
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

    /// Allocates zeroed memory of `size` bytes, rounded up to whole pages; `None` if that fails.
    pub fn allocate(&self, size: usize) -> Option<Memory> {
        let size = size.checked_next_multiple_of(PAGE as usize)?;
        let guard = self.register(Allocation::Coherent(vec![0; size].into()))?;
        Some(Memory { guard, size })
    }

    /// Maps a file for the card, with its byte at `page_aligned_at` at the start of a page; `None`
    /// if that fails.
    pub fn map_file(&self, bytes: Arc<[u8]>, page_aligned_at: usize) -> Option<MappedFile> {
        let pad = page_aligned_at.wrapping_neg() % PAGE as usize;
        let file = Allocation::File {
            bytes: Arc::clone(&bytes),
            pad,
        };
        let guard = self.register(file)?;
        Some(MappedFile { guard, bytes, pad })
    }

    fn register(&self, allocation: Allocation) -> Option<AllocationGuard> {
        let mut card = self.card();
        let arena = card.machine_mut();
        arena.take_allocation().then(|| AllocationGuard {
            address: arena.add(allocation),
            card: Rc::clone(&self.card),
        })
    }
}

/// Whether `offset` is aligned and in BAR0.
fn is_register(chip: &Chip, offset: u32) -> bool {
    let [registers, ..] = bars(chip);
    u64::from(offset) < registers.size && offset % 4 == 0
}

/// Owns an allocation and frees it when dropped.
struct AllocationGuard {
    card: Rc<RefCell<Gpu<Arena>>>,
    address: u64,
}

impl Drop for AllocationGuard {
    fn drop(&mut self) {
        let mut card = self.card.borrow_mut();
        card.machine_mut().remove(self.address);
    }
}

/// Memory of the machine; freed when dropped.
pub struct Memory {
    guard: AllocationGuard,
    size: usize,
}

impl Memory {
    /// Bus address of the first byte.
    pub fn address(&self) -> u64 {
        self.guard.address
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
        self.guard.card.borrow().machine().read(addr, into)
    }

    /// Copies `from` to byte `offset`.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), Unmapped> {
        let addr = self.find(offset, from.len())?;
        self.guard.card.borrow_mut().machine_mut().write(addr, from)
    }
}

/// A file that is mapped for the card.
pub struct MappedFile {
    guard: AllocationGuard,
    bytes: Arc<[u8]>,
    pad: usize,
}

impl MappedFile {
    /// Bus address of the page that starts at byte `offset`; `None` if no page does.
    pub fn page_address(&self, offset: usize) -> Option<u64> {
        let at = (self.pad + offset) as u64;
        (offset < self.bytes.len() && at % PAGE == 0).then(|| self.guard.address + 2 * at)
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
