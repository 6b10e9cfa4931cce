// SPDX-License-Identifier: GPL-2.0

//! The adapter for tests: implements the driver's traits on a machine with the mocked card.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use zerocopy::FromZeros;

use crate::common::{with_file, Machine};
use nova_core::platform::{
    Clock, DmaAllocator, DmaMemory, FileLen, FirmwareFiles, FirmwareImage, Interrupts, LoadError,
    OutOfBounds, OutOfMemory, OutOfVram, PciInfo, Platform, Registers, Scratch, VideoBlock,
    VideoMemory, WindowBar, Windows,
};
use nova_core::MemoryError;
use nova_firmware::vbios::ROM_LEN;
use nova_hw::regs::pbus::PRAMIN;
use nova_hw::regs::vf_mmu::MmuInvalidate;
use nova_mock::config::bars;
use nova_mock::in_process::{Arena, MappedFile, Memory};
use nova_mock::Gpu;
use nova_mock::GuestMemory;

/// Offset of PROM, the window to the ROM, in BAR0.
const PROM: u32 = 0x300000;

/// The GSP's doorbell.
const DOORBELL: u32 = 0x110c00;

/// Domain 0, bus 1, device 0, function 0.
const BUS_DEVICE_FUNCTION: u64 = 0x100;

const EIO: i32 = 5;
const EINVAL: i32 = 22;
const EFBIG: i32 = 27;

/// The largest of the firmware files.
const GSP: &str = "nvidia/ga102/gsp/gsp-570.144.bin";

impl Registers for Machine {
    fn read32(&self, offset: u32) -> u32 {
        if PRAMIN.contains(&offset) {
            self.unflushed.set(false);
        }
        if self.silent.get() == Some(offset) {
            return u32::MAX;
        }
        let found = self.mock.read32(offset);
        let rom = self.rom.borrow();
        match (rom.as_ref(), offset.checked_sub(PROM)) {
            (Some(rom), Some(at)) if at < ROM_LEN as u32 => {
                let word = rom.get(at as usize..).and_then(|rest| rest.first_chunk());
                word.map_or(u32::MAX, |word| u32::from_le_bytes(*word))
            }
            _ => found,
        }
    }

    fn write32(&self, offset: u32, value: u32) {
        match offset {
            DOORBELL => self.doorbells.set(self.doorbells.get() + 1),
            _ if PRAMIN.contains(&offset) => self.unflushed.set(true),
            _ => {}
        }
        if matches!(offset, DOORBELL | MmuInvalidate::OFFSET) {
            let is_flushed = !self.unflushed.get();
            assert!(is_flushed, "the GPU may read what is still under way");
        }
        self.mock.write32(offset, value);
    }
}

/// Memory that the driver and the card share.
pub(crate) struct Coherent(Memory);

impl Coherent {
    /// The error for an access beyond the end.
    fn outside(&self, offset: usize, len: usize) -> OutOfBounds {
        let size = self.size();
        OutOfBounds { offset, len, size }
    }
}

impl DmaMemory for Coherent {
    fn dma_addr(&self) -> u64 {
        self.0.address()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds> {
        let outside = self.outside(offset, into.len());
        self.0.read(offset, into).map_err(|_| outside)
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds> {
        let outside = self.outside(offset, from.len());
        self.0.write(offset, from).map_err(|_| outside)
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

impl DmaAllocator for Machine {
    type Memory = Coherent;

    fn alloc_dma(&self, size: usize) -> Result<Coherent, OutOfMemory> {
        let memory = self.mock.allocate(size).ok_or(OutOfMemory { size })?;
        let allocation = (memory.address(), memory.size());
        self.allocations.borrow_mut().push(allocation);
        Ok(Coherent(memory))
    }
}

impl Scratch for Machine {
    type Bytes = Vec<u8>;
    type Boxed<T> = Box<T>;
    type Slice<T> = Vec<T>;

    fn alloc_bytes(&self, size: usize) -> Result<Vec<u8>, OutOfMemory> {
        match self.card().machine_mut().take_allocation() {
            true => Ok(vec![0; size]),
            false => Err(OutOfMemory { size }),
        }
    }

    fn zeroed<T: FromZeros>(&self) -> Result<Box<T>, OutOfMemory> {
        self.boxed(T::new_zeroed())
    }

    fn boxed<T>(&self, value: T) -> Result<Box<T>, OutOfMemory> {
        match self.card().machine_mut().take_allocation() {
            true => Ok(Box::new(value)),
            false => Err(OutOfMemory {
                size: size_of::<T>(),
            }),
        }
    }

    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<Vec<T>, OutOfMemory> {
        match self.card().machine_mut().take_allocation() {
            true => Ok(std::iter::repeat_with(make).take(len).collect()),
            false => Err(OutOfMemory {
                size: len * size_of::<T>(),
            }),
        }
    }
}

/// The VRAM that a test has for the driver: blocks are cut from it in rising order, and from its
/// start again where it ends.
#[derive(Debug, Default)]
pub(crate) struct Vram {
    range: Range<u64>,
    next: u64,
    /// Start and end of each block.
    blocks: BTreeMap<u64, u64>,
}

impl Vram {
    pub(crate) fn new(range: Range<u64>) -> Self {
        Self {
            next: range.start,
            range,
            blocks: BTreeMap::new(),
        }
    }

    /// Number of blocks that are allocated.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    fn alloc(&mut self, size: u64, align: u64) -> Option<u64> {
        let from = |start: u64| (start.next_multiple_of(align)..).step_by(align as usize);
        let starts = from(self.next).take_while(|start| start + size <= self.range.end);
        let wrapped = from(self.range.start).take_while(|start| *start < self.next);
        let start = starts.chain(wrapped).find(|&start| {
            let last = self.blocks.range(..start + size).next_back();
            let is_free = last.is_none_or(|(_, &end)| end <= start);
            is_free && start + size <= self.range.end
        })?;
        self.blocks.insert(start, start + size);
        self.next = start + size;
        Some(start)
    }
}

/// A block of [`Vram`].
#[derive(Debug)]
pub(crate) struct Block {
    vram: Rc<RefCell<Vram>>,
    address: u64,
    size: u64,
}

impl VideoBlock for Block {
    fn address(&self) -> u64 {
        self.address
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.vram.borrow_mut().blocks.remove(&self.address);
    }
}

impl VideoMemory for Machine {
    type Block = Block;

    fn alloc_vram(&self, size: u64, align: u64) -> Result<Block, MemoryError> {
        let address = self.vram.borrow_mut().alloc(size, align);
        Ok(Block {
            address: address.ok_or(OutOfVram { size })?,
            vram: self.vram.clone(),
            size,
        })
    }
}

impl Windows for Machine {
    fn window_size(&self, bar: WindowBar) -> u64 {
        match bar {
            WindowBar::Bar1 => self.pci.bar_sizes[1],
            WindowBar::Bar2 => self.pci.bar_sizes[2],
        }
    }

    fn read_window(&self, bar: WindowBar, offset: u64) -> u64 {
        self.unflushed.set(false);
        let (mut word, mut card) = ([0; 8], self.card());
        match bar {
            WindowBar::Bar1 => card.read_bar1(offset, &mut word),
            WindowBar::Bar2 => card.read_bar2(offset, &mut word),
        }
        u64::from_le_bytes(word)
    }

    fn write_window(&self, bar: WindowBar, offset: u64, value: u64) {
        self.unflushed.set(true);
        self.write_window_bytes(bar, offset, &value.to_le_bytes());
    }

    /// GP_PUT, which needs no flush: the host may see it late.
    fn write_window32(&self, bar: WindowBar, offset: u64, value: u32) {
        self.write_window_bytes(bar, offset, &value.to_le_bytes());
    }
}

impl Machine {
    fn write_window_bytes(&self, bar: WindowBar, offset: u64, bytes: &[u8]) {
        let mut card = self.card();
        match bar {
            WindowBar::Bar1 => card.write_bar1(offset, bytes),
            WindowBar::Bar2 => card.write_bar2(offset, bytes),
        }
    }
}

/// A firmware file that the card can read.
pub(crate) struct Image(MappedFile);

impl AsRef<[u8]> for Image {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl FirmwareImage for Image {
    fn page_addr(&self, offset: usize) -> Option<u64> {
        self.0.page_address(offset)
    }
}

fn load_error(error: io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::NotFound => LoadError::NotFound,
        _ => LoadError::Os(EIO),
    }
}

/// Like the kernel's firmware loader, this refuses empty files, and files that are larger than the
/// buffer for them.
impl FirmwareFiles for Machine {
    type File = Arc<[u8]>;
    type Image = Image;

    fn load(&self, name: &str) -> Result<Arc<[u8]>, LoadError> {
        let file = self.files.borrow().open(name).map_err(load_error)?;
        let bytes = file.read_all().map_err(load_error)?;
        match bytes.is_empty() {
            true => Err(LoadError::Os(EINVAL)),
            false => Ok(bytes),
        }
    }

    fn load_image(
        &self,
        name: &str,
        page_aligned_at: usize,
        len: FileLen,
    ) -> Result<Image, LoadError> {
        self.images.set(self.images.get() + 1);
        let bytes = self.load(name)?;
        let expected = match len {
            FileLen::Known(len) => Some(len),
            FileLen::FromHead(len) => bytes.first_chunk().and_then(len),
        };
        if expected.is_some_and(|expected| expected < bytes.len()) {
            return Err(LoadError::Os(EFBIG));
        }
        let mapped = self.mock.map_file(bytes, page_aligned_at);
        mapped.map(Image).ok_or(LoadError::OutOfMemory)
    }
}

impl Clock for Machine {
    fn now(&self) -> Duration {
        self.mock.now()
    }

    fn sleep(&self, time: Duration) {
        self.mock.sleep(time);
    }
}

impl Interrupts for Machine {
    fn wait(&self, timeout: Duration) -> bool {
        let interrupted = self.mock.wait_for_interrupt(timeout);
        match self.irq.get() {
            Some(irq) if interrupted => {
                let channels = self.channels.get();
                let handled = irq.handle_with(self, &channels);
                self.raised.set(self.raised.get().union(&handled.channels));
                if handled.messages {
                    self.announced.set(self.announced.get() + 1);
                }
                handled.messages
            }
            _ => false,
        }
    }
}

/// The PCI information in configuration space, as the kernel reads it.
pub(crate) fn pci_info(card: &Gpu<Arena>) -> PciInfo {
    let config = card.config();
    PciInfo {
        bars: [0, 1, 2].map(|bar| config.bar_address(bar)),
        bar_sizes: bars(card.chip()).map(|bar| bar.size),
        domain_bus_device_function: BUS_DEVICE_FUNCTION,
        device_id: config.read_u32(0),
        subsystem_id: config.read_u32(0x2c),
        revision: config.read_u32(8) as u8,
    }
}

impl Platform for Machine {
    fn pci(&self) -> &PciInfo {
        &self.pci
    }

    fn enable_dma(&self) {
        let mut card = self.card();
        let runs = card.gsp_runs() || card.sec2_runs();
        assert!(!runs, "a running processor may access freed memory");
        card.config_mut().set_bus_master(true);
    }

    fn disable_dma(&self) {
        let mut card = self.card();
        let allocations = card.machine().allocations();
        assert!(allocations > 0, "memory was freed before DMA was disabled");
        self.dma_disabled.set(self.dma_disabled.get() + 1);
        match card.chip().has_flr() {
            true => {
                drop(card);
                self.mock.reset();
            }
            false => card.config_mut().set_bus_master(false),
        }
    }
}

#[test]
fn accesses_beyond_the_end_of_memory_fail() {
    let machine = Machine::synthetic();
    let memory = machine.alloc_dma(5000).unwrap();
    assert_eq!(memory.size(), 8192);
    memory.store32(8188, 0x1234_5678).unwrap();
    assert_eq!(memory.load32(8188), Ok(0x1234_5678));
    let outside = |offset, len| OutOfBounds {
        offset,
        len,
        size: 8192,
    };
    assert_eq!(memory.load32(8189), Err(outside(8189, 4)));
    let read = memory.read(usize::MAX, &mut [0; 2]);
    assert_eq!(read, Err(outside(usize::MAX, 2)));
    assert_eq!(memory.write(8192, &[0]), Err(outside(8192, 1)));
    let read = machine.card().machine().read_u32(memory.dma_addr() + 8188);
    assert_eq!(read, Ok(0x1234_5678));
}

#[test]
fn allocations_of_all_kinds_can_fail() {
    let machine = Machine::synthetic();
    machine.card().machine_mut().limit_allocations(Some(1));
    assert!(machine.alloc_bytes(1).is_ok());
    assert_eq!(machine.alloc_bytes(1), Err(OutOfMemory { size: 1 }));
    assert_eq!(machine.boxed(0_u32), Err(OutOfMemory { size: 4 }));
    let memory = machine.alloc_dma(1).map(|memory| memory.dma_addr());
    assert_eq!(memory, Err(OutOfMemory { size: 1 }));
    let image = machine.load_image(GSP, 64, FileLen::FromHead(|_| None));
    assert_eq!(image.err(), Some(LoadError::OutOfMemory));
}

#[test]
fn an_image_has_the_contents_of_the_file() {
    let machine = Machine::synthetic();
    let file = machine.load(GSP).unwrap();
    let image = machine
        .load_image(GSP, 64, FileLen::FromHead(|_| None))
        .unwrap();
    assert_eq!(image.as_ref(), file.as_ref());
    assert_eq!(image.page_addr(0), None, "not a page boundary");
    let mut page = [0; 4096];
    let address = image.page_addr(64 + 4096).unwrap();
    machine.card().machine().read(address, &mut page).unwrap();
    assert_eq!(page, file[64 + 4096..64 + 8192]);
}

#[test]
fn missing_empty_and_overlong_files_are_not_loaded() {
    let machine = Machine::synthetic();
    assert_eq!(machine.load("nothing").err(), Some(LoadError::NotFound));
    let short = machine.load_image(GSP, 64, FileLen::Known(100));
    assert_eq!(short.err(), Some(LoadError::Os(EFBIG)));
    let empty = |bytes: &mut Vec<u8>| {
        bytes.clear();
        Some(())
    };
    machine.set_files(with_file("gsp", empty));
    assert_eq!(machine.load(GSP).err(), Some(LoadError::Os(EINVAL)));
}
