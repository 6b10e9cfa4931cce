// SPDX-License-Identifier: GPL-2.0

//! What the driver needs from the machine it runs on.
//!
//! The kernel modules, the tests on a mocked GPU and (later) VFIO from user space implement these
//! traits; the rest of this crate knows no other way out. Nothing here locks, and nothing allocates except
//! through [`DmaAllocator`], [`Scratch`] and [`VideoMemory`], which may fail.

pub(crate) mod memory;
mod vram;

use core::fmt;
use core::ops::DerefMut;
use core::time::Duration;

use zerocopy::FromZeros;

pub use vram::{TableMemory, TableSource, VideoBlock, VideoMemory};

/// The 32-bit registers of BAR0.
pub trait Registers {
    /// Reads the register at byte `offset`.
    ///
    /// All ones where the card is gone or `offset` lies outside of the mapping, as the bus does.
    fn read32(&self, offset: u32) -> u32;

    /// Writes the register at byte `offset`; dropped where [`Self::read32`] would read all ones.
    fn write32(&self, offset: u32, value: u32);
}

/// An access outside of a [`DmaMemory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// First byte of the access.
    pub offset: usize,
    /// Bytes accessed.
    pub len: usize,
    /// Bytes that the memory has.
    pub size: usize,
}

/// Coherent memory that both the CPU and the GPU see: page-aligned, contiguous for the device.
pub trait DmaMemory {
    /// Address of the first byte as the device sees it.
    fn dma_addr(&self) -> u64;

    /// Size in bytes.
    fn size(&self) -> usize;

    /// Copies `into.len()` bytes from byte `offset`.
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfBounds>;

    /// Copies `from` to byte `offset`.
    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfBounds>;

    /// Loads a naturally aligned 32-bit word; later reads and writes are not moved before it
    /// (acquire).
    fn load32(&self, offset: usize) -> Result<u32, OutOfBounds>;

    /// Stores a naturally aligned 32-bit word; earlier reads and writes are not moved after it
    /// (release).
    fn store32(&self, offset: usize, value: u32) -> Result<(), OutOfBounds>;
}

/// Memory was asked for and there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes asked for.
    pub size: usize,
}

/// Where [`DmaMemory`] comes from.
pub trait DmaAllocator {
    /// Coherent memory of this machine; freed when dropped.
    type Memory: DmaMemory;

    /// Allocates `size` zeroed bytes, rounded up to whole pages.
    fn alloc_dma(&self, size: usize) -> Result<Self::Memory, OutOfMemory>;
}

/// Where plain memory comes from, for what no fixed capacity holds (a copy of the VBIOS) and what
/// should not lie on a stack.
pub trait Scratch {
    /// Bytes that only the CPU sees; freed when dropped.
    type Bytes: AsRef<[u8]> + AsMut<[u8]>;

    /// A value that only the CPU sees; freed when dropped.
    type Boxed<T>: DerefMut<Target = T>;

    /// Values that only the CPU sees; freed when dropped.
    type Slice<T>: DerefMut<Target = [T]>;

    /// Allocates `size` zeroed bytes.
    fn alloc_bytes(&self, size: usize) -> Result<Self::Bytes, OutOfMemory>;

    /// Allocates a value that is zeros, where it stays: it need not fit on a stack.
    fn zeroed<T: FromZeros>(&self) -> Result<Self::Boxed<T>, OutOfMemory>;

    /// Moves `value` off the stack.
    fn boxed<T>(&self, value: T) -> Result<Self::Boxed<T>, OutOfMemory>;

    /// Allocates `len` values, each made where it stays: together they need not fit on a stack.
    fn slice<T>(&self, len: usize, make: impl FnMut() -> T) -> Result<Self::Slice<T>, OutOfMemory>;
}

/// A firmware file could not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// There is no such file, plain or compressed.
    NotFound,
    /// There was no memory for it.
    OutOfMemory,
    /// The machine refused for another reason; the kernel's error number, positive.
    Os(i32),
}

/// A firmware file whose pages the device can read where they are.
pub trait FirmwareImage: AsRef<[u8]> {
    /// The device's address of the page that holds byte `offset` of the file at its start.
    ///
    /// `None` where `offset` is not a page boundary of the mapping or lies outside of the file.
    fn page_addr(&self, offset: usize) -> Option<u64>;

    /// Bytes that the machine had to copy to get the file into place; none where it read the file
    /// straight there.
    fn copied(&self) -> usize {
        0
    }
}

/// How long a file is, before it is read.
#[derive(Clone, Copy, Debug)]
pub enum FileLen {
    /// So many bytes; what a longer one has beyond them is not wanted.
    Known(usize),
    /// What this says of its first 64 bytes; `None` for a file that cannot be used.
    FromHead(fn(&[u8; 64]) -> Option<usize>),
}

/// VRAM was asked for and there was none, or none that the CPU can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfVram {
    /// Bytes asked for.
    pub size: u64,
}

/// A BAR through which the CPU sees memory by page tables of the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowBar {
    /// BAR1, which is for VRAM that programs use.
    Bar1,
    /// BAR2, which is for what the driver itself keeps in VRAM.
    Bar2,
}

/// The BARs that are windows onto memory of the GPU.
///
/// Accesses of one thread reach the GPU in their order.
pub trait Windows {
    /// Bytes of the BAR, from its start on, that this machine can access.
    fn window_size(&self, bar: WindowBar) -> u64;

    /// Reads the naturally aligned 64-bit word at byte `offset`.
    ///
    /// All ones where the card is gone, where the window shows nothing, or outside of
    /// [`Self::window_size`].
    fn read_window(&self, bar: WindowBar, offset: u64) -> u64;

    /// Writes such a word; dropped where [`Self::read_window`] would read all ones.
    fn write_window(&self, bar: WindowBar, offset: u64, value: u64);

    /// As [`Self::write_window`], a naturally aligned 32-bit word.
    fn write_window32(&self, bar: WindowBar, offset: u64, value: u32);
}

/// Firmware files by the name under which the distribution installs them
/// (`nvidia/ga102/gsp/gsp-570.144.bin`).
pub trait FirmwareFiles {
    /// A small file, whole.
    type File: AsRef<[u8]>;

    /// A large file, mapped for the device.
    type Image: FirmwareImage;

    /// Loads a file to be read by the CPU.
    fn load(&self, name: &str) -> Result<Self::File, LoadError>;

    /// Loads a file and maps it for the device without copying it.
    ///
    /// The byte at `page_aligned_at` lands on a page boundary, so that the section that starts
    /// there can be given to the device as pages. `len` tells the length of the whole file, which
    /// lets the machine read the file straight into place.
    fn load_image(
        &self,
        name: &str,
        page_aligned_at: usize,
        len: FileLen,
    ) -> Result<Self::Image, LoadError>;
}

/// Time.
pub trait Clock {
    /// Monotonic time since an arbitrary start.
    fn now(&self) -> Duration;

    /// Sleeps for at least `time`.
    fn sleep(&self, time: Duration);
}

/// The GSP's interrupt.
pub trait Interrupts {
    /// Sleeps until the GSP's interrupt has fired since the last call returned, or until `timeout`
    /// has passed; `false` means the latter.
    fn wait(&self, timeout: Duration) -> bool;
}

/// What PCI says about the card; the GSP is told all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PciInfo {
    /// Physical addresses of the BARs of the registers, the frame buffer and instance memory, which
    /// mostly are BAR0, BAR1 and BAR3.
    pub bars: [u64; 3],
    /// Sizes of the same in bytes.
    pub bar_sizes: [u64; 3],
    /// Domain << 32 | bus << 8 | device << 3 | function.
    pub domain_bus_device_function: u64,
    /// Vendor in the low half, device in the high half.
    pub device_id: u32,
    /// Subsystem vendor in the low half, subsystem device in the high half.
    pub subsystem_id: u32,
    /// Revision.
    pub revision: u8,
}

/// All of it together.
pub trait Platform:
    Registers + DmaAllocator + Scratch + FirmwareFiles + Clock + Interrupts
{
    /// What PCI says about the card.
    fn pci(&self) -> &PciInfo;

    /// Lets the card read and write the memory of this machine, which it must not before: who knows
    /// what an earlier driver has left running on it.
    fn enable_dma(&self);

    /// Keeps the card off the memory of this machine: what runs on it could not be stopped, and the
    /// memory that it knows of is about to be freed.
    ///
    /// Resets the card where that is possible; else the card must not read or write memory until it
    /// may again.
    fn disable_dma(&self);
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, len, size } = self;
        write!(
            f,
            "{len} bytes at {offset:#x} of DMA memory of {size:#x} bytes"
        )
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no memory for {:#x} bytes", self.size)
    }
}

impl fmt::Display for OutOfVram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no VRAM for {:#x} bytes", self.size)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found"),
            Self::OutOfMemory => f.write_str("no memory"),
            Self::Os(errno) => write!(
                f,
                "expected a readable file that is not empty, found error {errno}"
            ),
        }
    }
}
