// SPDX-License-Identifier: GPL-2.0

//! The card in the same process as the driver, behind the traits that the driver stands on.
//!
//! Time is the card's own: sleeping lets it pass at once, and each register access takes a little of
//! it, so that a driver which polls for ever still comes to its deadline.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nova_core::platform::{
    Clock, DmaAllocator, DmaMemory, FileLen, FirmwareFiles, FirmwareImage, Interrupts, LoadError,
    OutOfBounds, OutOfMemory, PciInfo, Platform, Registers, Scratch,
};

use crate::chips::Chip;
use crate::config::{bars, BAR_COUNT};
use crate::firmware::{FirmwareError, Firmwares, Store};
use crate::fuse::Fuses;
use crate::gpu::{Gpu, NoFwsec, Setup};
use crate::host::{GuestMemory, InterruptSink, Unmapped};
use crate::trace::Trace;
use crate::vram::Vram;

/// Time that a register access takes.
const ACCESS: Duration = Duration::from_micros(1);

const PAGE: u64 = 4096;

/// Where memory is given out from; the gap behind each block catches accesses past its end.
const FIRST_ADDRESS: u64 = 0x1_0000_0000;
const GAP: u64 = PAGE;

/// Bus addresses of the BARs.
const BAR_ADDRESSES: [u64; BAR_COUNT] = [0xf000_0000, 0x40_0000_0000, 0x40_1000_0000];

/// Domain 0, bus 1, device 0, function 0.
const BUS_DEVICE_FUNCTION: u64 = 0x100;

const EINVAL: i32 = 22;
const EIO: i32 = 5;
const EFBIG: i32 = 27;

/// A block of the machine's memory.
#[derive(Debug)]
enum Block {
    /// Coherent memory.
    Coherent(Box<[u8]>),
    /// A file that was read so that its byte `pad` before the start begins a page; each of its pages
    /// is followed by one that is not there, so that nobody takes them for contiguous.
    File { bytes: Arc<[u8]>, pad: usize },
}

/// The machine's memory, and a count of the interrupts that it got.
#[derive(Debug)]
pub struct Arena {
    next: u64,
    blocks: BTreeMap<u64, Block>,
    interrupts: u64,
    allocations_left: Option<u64>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Self {
            next: FIRST_ADDRESS,
            blocks: BTreeMap::new(),
            interrupts: 0,
            allocations_left: None,
        }
    }

    /// MSIs that were delivered.
    pub fn interrupts(&self) -> u64 {
        self.interrupts
    }

    /// Blocks that are given out at the moment.
    pub fn allocations(&self) -> usize {
        self.blocks.len()
    }

    /// Lets only so many more allocations succeed.
    pub fn limit_allocations(&mut self, left: Option<u64>) {
        self.allocations_left = left;
    }

    /// Takes one of the allocations that are left.
    fn take_allocation(&mut self) -> bool {
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
        let mut block = bytes.to_vec();
        block.resize(block.len().next_multiple_of(PAGE as usize), 0);
        let span = block.len() as u64;
        self.add(Block::Coherent(block.into()), span)
    }

    fn add(&mut self, block: Block, span: u64) -> u64 {
        let address = self.next;
        self.next += span.next_multiple_of(PAGE) + GAP;
        self.blocks.insert(address, block);
        address
    }

    /// The block that `addr` falls into, and the offset in it.
    fn find(&self, addr: u64) -> Option<(u64, u64)> {
        let (&start, _) = self.blocks.range(..=addr).next_back()?;
        Some((start, addr - start))
    }
}

/// Where offset `at` of a [`Block::File`]'s span lies in the file.
fn offset_in_file(at: u64, pad: usize) -> Option<usize> {
    let (page, within) = (at / PAGE, at % PAGE);
    if page % 2 != 0 {
        return None;
    }
    ((page / 2 * PAGE + within) as usize).checked_sub(pad)
}

impl GuestMemory for Arena {
    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr };
        let (start, at) = self.find(addr).ok_or(unmapped)?;
        match &self.blocks[&start] {
            Block::Coherent(bytes) => {
                let from = bytes
                    .get(at as usize..)
                    .and_then(|rest| rest.get(..into.len()));
                into.copy_from_slice(from.ok_or(unmapped)?);
            }
            Block::File { bytes, pad } => {
                for (at, byte) in (at..).zip(into) {
                    let from = offset_in_file(at, *pad).ok_or(unmapped)?;
                    // The last page is filled up with zeroes.
                    *byte = match bytes.get(from) {
                        Some(byte) => *byte,
                        None if from < bytes.len().next_multiple_of(PAGE as usize) => 0,
                        None => return Err(unmapped),
                    };
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, addr: u64, from: &[u8]) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr };
        let (start, at) = self.find(addr).ok_or(unmapped)?;
        match self.blocks.get_mut(&start) {
            Some(Block::Coherent(bytes)) => {
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
    files: RefCell<Box<dyn Store>>,
    pci: PciInfo,
    interrupts_seen: Cell<u64>,
}

impl InProcess {
    /// A machine with a card that is made of `setup`, and with firmware files for its driver.
    pub fn new(setup: Setup, files: impl Store + 'static) -> Result<Self, Error> {
        let mut card = Gpu::new(setup, Arena::new())?;
        card.config_mut().enumerate(BAR_ADDRESSES);
        let chip = card.chip();
        let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        let pci = PciInfo {
            bars: BAR_ADDRESSES,
            bar_sizes: bars(chip).map(|bar| bar.size),
            domain_bus_device_function: BUS_DEVICE_FUNCTION,
            device_id: pair(chip.device_id, chip.vendor_id),
            subsystem_id: pair(chip.subsystem_id, chip.subsystem_vendor_id),
            revision: chip.pci_revision,
        };
        Ok(Self {
            card: Rc::new(RefCell::new(card)),
            files: RefCell::new(Box::new(files)),
            pci,
            interrupts_seen: Cell::new(0),
        })
    }

    /// A machine with a card as it was sold, whose firmware and whose driver's is in `files`.
    pub fn with_firmware(chip: &'static Chip, files: impl Store + 'static) -> Result<Self, Error> {
        let setup = Setup {
            chip,
            vram: Vram::in_process(chip.vram),
            firmware: Firmwares::load(chip, &files)?,
            vbios: None,
            fuses: Fuses::default(),
            trace: Trace::default(),
        };
        Self::new(setup, files)
    }

    /// The card, to break it or to look into its trace.
    ///
    /// # Panics
    ///
    /// Accesses by the driver panic while the result lives.
    pub fn card(&self) -> RefMut<'_, Gpu<Arena>> {
        self.card.borrow_mut()
    }

    /// Gives the driver other firmware files.
    pub fn set_files(&self, files: impl Store + 'static) {
        *self.files.borrow_mut() = Box::new(files);
    }

    /// Resets the card, and enumerates it again.
    pub fn reset(&self) {
        let mut card = self.card();
        card.reset();
        card.config_mut().enumerate(BAR_ADDRESSES);
    }

    fn is_register(&self, offset: u32) -> bool {
        u64::from(offset) < self.pci.bar_sizes[0] && offset % 4 == 0
    }

    fn pass(card: &mut Gpu<Arena>, time: Duration) {
        let until = card.now() + time;
        card.advance(until);
    }
}

impl Registers for InProcess {
    fn read32(&self, offset: u32) -> u32 {
        let mut card = self.card();
        Self::pass(&mut card, ACCESS);
        match self.is_register(offset) {
            true => card.read32(offset),
            false => u32::MAX,
        }
    }

    fn write32(&self, offset: u32, value: u32) {
        let mut card = self.card();
        Self::pass(&mut card, ACCESS);
        if self.is_register(offset) {
            card.write32(offset, value);
        }
    }
}

/// Coherent memory of the machine.
pub struct Coherent {
    card: Rc<RefCell<Gpu<Arena>>>,
    addr: u64,
    size: usize,
}

impl Coherent {
    fn check(&self, offset: usize, len: usize) -> Result<u64, OutOfBounds> {
        match offset.checked_add(len) {
            Some(end) if end <= self.size => Ok(self.addr + offset as u64),
            _ => Err(OutOfBounds {
                offset,
                len,
                size: self.size,
            }),
        }
    }
}

impl Drop for Coherent {
    fn drop(&mut self) {
        self.card.borrow_mut().host_mut().blocks.remove(&self.addr);
    }
}

impl DmaMemory for Coherent {
    fn dma_addr(&self) -> u64 {
        self.addr
    }

    fn size(&self) -> usize {
        self.size
    }

    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        let addr = self.check(offset, into.len())?;
        let outside = OutOfBounds {
            offset,
            len: into.len(),
            size: self.size,
        };
        self.card
            .borrow()
            .host()
            .read(addr, into)
            .map_err(|_| outside)
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        let addr = self.check(offset, from.len())?;
        let outside = OutOfBounds {
            offset,
            len: from.len(),
            size: self.size,
        };
        let mut card = self.card.borrow_mut();
        card.host_mut().write(addr, from).map_err(|_| outside)
    }

    fn load32(&self, offset: usize) -> Result<u32, OutOfBounds> {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn store32(&self, offset: usize, value: u32) -> Result<(), OutOfBounds> {
        self.write(offset, &value.to_le_bytes())
    }
}

impl DmaAllocator for InProcess {
    type Memory = Coherent;

    fn alloc_dma(&self, size: usize) -> Result<Coherent, OutOfMemory> {
        let rounded = size.checked_next_multiple_of(PAGE as usize);
        let mut card = self.card();
        let arena = card.host_mut();
        let rounded = rounded
            .filter(|_| arena.take_allocation())
            .ok_or(OutOfMemory { size })?;
        let block = Block::Coherent(vec![0; rounded].into());
        Ok(Coherent {
            addr: arena.add(block, rounded as u64),
            size: rounded,
            card: Rc::clone(&self.card),
        })
    }
}

impl Scratch for InProcess {
    type Bytes = Vec<u8>;
    type Boxed<T> = Box<T>;

    fn boxed<T>(&self, value: T) -> Result<Box<T>, OutOfMemory> {
        match self.card().host_mut().take_allocation() {
            true => Ok(Box::new(value)),
            false => Err(OutOfMemory {
                size: size_of::<T>(),
            }),
        }
    }

    fn alloc_bytes(&self, size: usize) -> Result<Vec<u8>, OutOfMemory> {
        match self.card().host_mut().take_allocation() {
            true => Ok(vec![0; size]),
            false => Err(OutOfMemory { size }),
        }
    }
}

/// A firmware file.
#[derive(Clone, Debug)]
pub struct FileBytes(Arc<[u8]>);

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A firmware file that the card can read.
pub struct MappedFile {
    card: Rc<RefCell<Gpu<Arena>>>,
    bytes: Arc<[u8]>,
    addr: u64,
    pad: usize,
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl FirmwareImage for MappedFile {
    fn page_addr(&self, offset: usize) -> Option<u64> {
        let at = (self.pad + offset) as u64;
        (offset < self.bytes.len() && at % PAGE == 0).then(|| self.addr + 2 * at)
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        self.card.borrow_mut().host_mut().blocks.remove(&self.addr);
    }
}

impl FirmwareFiles for InProcess {
    type File = FileBytes;
    type Image = MappedFile;

    fn load(&self, name: &str) -> Result<FileBytes, LoadError> {
        let not_found = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => LoadError::NotFound,
            _ => LoadError::Os(EIO),
        };
        let image = self.files.borrow().open(name).map_err(not_found)?;
        let bytes = match image {
            crate::firmware::Image::Bytes(bytes) => bytes,
            file => file.read_all().map_err(not_found)?.into(),
        };
        // The kernel's loader does not load empty files either.
        match bytes.is_empty() {
            true => Err(LoadError::Os(EINVAL)),
            false => Ok(FileBytes(bytes)),
        }
    }

    fn load_image(
        &self,
        name: &str,
        page_aligned_at: usize,
        len: FileLen,
    ) -> Result<MappedFile, LoadError> {
        let FileBytes(bytes) = self.load(name)?;
        let said = match len {
            FileLen::Known(len) => Some(len),
            FileLen::FromHead(len) => bytes.first_chunk().and_then(len),
        };
        if said.is_some_and(|said| said < bytes.len()) {
            return Err(LoadError::Os(EFBIG));
        }
        let pad = page_aligned_at.wrapping_neg() % PAGE as usize;
        let mut card = self.card();
        let arena = card.host_mut();
        if !arena.take_allocation() {
            return Err(LoadError::OutOfMemory);
        }
        let span = 2 * (pad + bytes.len()) as u64 + 2 * PAGE;
        let addr = arena.add(
            Block::File {
                bytes: Arc::clone(&bytes),
                pad,
            },
            span,
        );
        Ok(MappedFile {
            card: Rc::clone(&self.card),
            bytes,
            addr,
            pad,
        })
    }
}

impl Clock for InProcess {
    fn now(&self) -> Duration {
        self.card.borrow().now()
    }

    fn sleep(&self, time: Duration) {
        Self::pass(&mut self.card(), time);
    }
}

impl Interrupts for InProcess {
    fn wait(&self, timeout: Duration) -> bool {
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
}

impl Platform for InProcess {
    fn pci(&self) -> &PciInfo {
        &self.pci
    }

    fn admit(&self) {
        self.card().config_mut().set_bus_master(true);
    }

    fn isolate(&self) {
        let has_flr = self.card().chip().has_flr();
        match has_flr {
            true => self.reset(),
            false => self.card().config_mut().set_bus_master(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chips::CHIPS;
    use crate::synthetic;

    fn machine() -> InProcess {
        InProcess::with_firmware(&CHIPS[0], synthetic::firmware(&CHIPS[0])).unwrap()
    }

    #[test]
    fn memory_is_given_back() {
        let machine = machine();
        let memory = machine.alloc_dma(5000).unwrap();
        assert_eq!(memory.size(), 8192);
        memory.store32(8188, 0x1234_5678).unwrap();
        assert_eq!(memory.load32(8188), Ok(0x1234_5678));
        assert!(memory.load32(8189).is_err());
        assert!(memory.read(usize::MAX, &mut [0; 2]).is_err());
        assert_eq!(
            machine.card().host().read_u32(memory.dma_addr() + 8188),
            Ok(0x1234_5678)
        );
        assert!(machine
            .card()
            .host()
            .read_u32(memory.dma_addr() + 8190)
            .is_err());
        assert_eq!(machine.card().host().allocations(), 1);
        drop(memory);
        assert_eq!(machine.card().host().allocations(), 0);
    }

    #[test]
    fn allocations_can_be_made_to_fail() {
        let machine = machine();
        machine.card().host_mut().limit_allocations(Some(1));
        assert!(machine.alloc_bytes(1).is_ok());
        assert!(machine.alloc_dma(1).is_err());
        machine.card().host_mut().limit_allocations(None);
        assert!(machine.alloc_dma(usize::MAX).is_err());
        assert!(machine.alloc_dma(1).is_ok());
    }

    #[test]
    fn a_mapped_file_is_read_by_pages_that_do_not_follow_each_other() {
        let machine = machine();
        let name = "nvidia/ga102/gsp/gsp-570.144.bin";
        let file = machine
            .load_image(name, 64, FileLen::FromHead(|_| None))
            .unwrap();
        assert_eq!(file.page_addr(0), None, "no page starts there");
        let (first, second) = (
            file.page_addr(64).unwrap(),
            file.page_addr(64 + 4096).unwrap(),
        );
        assert_ne!(second, first + 4096);
        let mut page = [0; 4096];
        machine.card().host().read(second, &mut page).unwrap();
        assert_eq!(page, file.as_ref()[64 + 4096..64 + 8192]);
        assert!(machine.card().host().read(first + 4096, &mut [0]).is_err());
        let last = file.as_ref().len() - 1;
        assert_eq!(file.page_addr(last + 4096), None);
        assert!(machine.card().host_mut().write(first, &[0]).is_err());
        drop(file);
        assert_eq!(machine.card().host().allocations(), 0);
    }

    #[test]
    fn files_that_are_not_there_or_longer_than_they_say_are_not_loaded() {
        let machine = machine();
        assert_eq!(machine.load("nothing").err(), Some(LoadError::NotFound));
        let name = "nvidia/ga102/gsp/gsp-570.144.bin";
        let short = machine.load_image(name, 64, FileLen::Known(100));
        assert_eq!(short.err(), Some(LoadError::Os(EFBIG)));
    }

    #[test]
    fn time_passes_by_sleeping_and_by_accesses() {
        let machine = machine();
        let before = machine.now();
        machine.read32(0);
        assert_eq!(machine.now(), before + ACCESS);
        machine.sleep(Duration::from_secs(1));
        assert_eq!(machine.now(), before + ACCESS + Duration::from_secs(1));
        assert!(!machine.wait(Duration::from_secs(1)));
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
