// SPDX-License-Identifier: GPL-2.0

//! Memory from the platform, with errors that say what it was for.

use core::fmt;

use zerocopy::FromZeros;

use super::{DmaAllocator, DmaMemory, OutOfBounds, OutOfMemory, OutOfVram, Scratch};
use crate::error_kind::ErrorKind;

/// There is no memory, or not such as it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// There was no memory.
    NoMemory {
        /// For what.
        what: &'static str,
        /// Bytes asked for.
        size: usize,
    },
    /// There was no VRAM.
    NoVram(OutOfVram),
    /// There is no VRAM that the driver itself could use, maybe since the GPU does not do what that
    /// takes.
    NoInstance {
        /// For what.
        what: &'static str,
        /// Why.
        kind: ErrorKind,
    },
    /// The GPU cannot be told of memory at such an address.
    Unreachable {
        /// What lies there.
        what: &'static str,
        /// Its bus address.
        address: u64,
        /// Bits that the address may have.
        bits: u32,
    },
    /// An access outside of DMA memory.
    OutOfBounds(OutOfBounds),
}

impl MemoryError {
    /// The coarse sort.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoMemory { .. } => ErrorKind::NoMemory,
            Self::NoVram(_) => ErrorKind::NoSpace,
            Self::NoInstance { kind, .. } => *kind,
            Self::Unreachable { .. } | Self::OutOfBounds(_) => ErrorKind::Invalid,
        }
    }
}

/// Allocates `size` zeroed bytes that the GPU can reach, rounded up to whole pages.
pub(crate) fn alloc_dma<A: DmaAllocator>(
    allocator: &A,
    what: &'static str,
    size: usize,
) -> Result<A::Memory, MemoryError> {
    allocator.alloc_dma(size).map_err(no_memory(what))
}

/// Copies `bytes` to memory that the GPU can read.
pub(crate) fn copy_to_dma<A: DmaAllocator>(
    allocator: &A,
    what: &'static str,
    bytes: &[u8],
) -> Result<A::Memory, MemoryError> {
    let memory = alloc_dma(allocator, what, bytes.len())?;
    memory.write(0, bytes)?;
    Ok(memory)
}

/// Allocates `size` zeroed bytes that only the CPU sees.
pub(crate) fn alloc_bytes<S: Scratch>(
    scratch: &S,
    what: &'static str,
    size: usize,
) -> Result<S::Bytes, MemoryError> {
    scratch.alloc_bytes(size).map_err(no_memory(what))
}

/// Moves `value` off the stack.
pub(crate) fn boxed<S: Scratch, T>(
    scratch: &S,
    what: &'static str,
    value: T,
) -> Result<S::Boxed<T>, MemoryError> {
    scratch.boxed(value).map_err(no_memory(what))
}

/// Allocates a value that is zeros, where it stays.
pub(crate) fn zeroed<S: Scratch, T: FromZeros>(
    scratch: &S,
    what: &'static str,
) -> Result<S::Boxed<T>, MemoryError> {
    scratch.zeroed().map_err(no_memory(what))
}

/// Allocates `len` values, each made where it stays.
pub(crate) fn slice<S: Scratch, T>(
    scratch: &S,
    what: &'static str,
    len: usize,
    make: impl FnMut() -> T,
) -> Result<S::Slice<T>, MemoryError> {
    scratch.slice(len, make).map_err(no_memory(what))
}

fn no_memory(what: &'static str) -> impl Fn(OutOfMemory) -> MemoryError {
    move |OutOfMemory { size }| MemoryError::NoMemory { what, size }
}

impl From<OutOfBounds> for MemoryError {
    fn from(e: OutOfBounds) -> Self {
        Self::OutOfBounds(e)
    }
}

impl From<OutOfVram> for MemoryError {
    fn from(e: OutOfVram) -> Self {
        Self::NoVram(e)
    }
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMemory { what, size } => write!(f, "no memory for {what} ({size:#x} bytes)"),
            Self::NoVram(e) => e.fmt(f),
            Self::NoInstance { what, kind } => write!(f, "no VRAM for {what} ({kind:?})"),
            Self::Unreachable {
                what,
                address,
                bits,
            } => write!(
                f,
                "{what}: expected a bus address of {bits} bits, found {address:#x}"
            ),
            Self::OutOfBounds(e) => e.fmt(f),
        }
    }
}
