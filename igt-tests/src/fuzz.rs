// SPDX-License-Identifier: MIT

//! Tools for a fuzzer of ioctls, which keep its own process intact: memory that any pointer may
//! point to, and files that threads close and replace concurrently.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags};

use crate::memory::{BadAddress, Mapped, Words};

/// Words of an arena.
const WORDS: usize = 1 << 17;

/// Words whose addresses are used; the kernel may also write to the words behind them.
const REACHED: usize = 1 << 13;

/// The most elements of an array that are passed to the kernel: they fit behind any address in the
/// arena. For some four million, the page allocator would warn, which is not the driver's fault.
pub const MAX_COUNT: u32 = 0xffff;

const _: () = assert!((REACHED + MAX_COUNT as usize) < WORDS);

/// The lowest address that a position-independent program uses.
const LOWEST: u64 = 1 << 40;

/// End of user space.
const END: u64 = 1 << 47;

/// Memory for arguments and the data that they point to. No word in it is an address of other
/// memory of this program.
#[derive(Debug)]
pub struct Arena(Words);

/// The place of an argument.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// This word of the arena.
    At(usize),
    /// An address that the kernel cannot access.
    Nowhere(BadAddress),
}

impl Arena {
    /// Maps the memory.
    ///
    /// # Panics
    ///
    /// If the kernel has no memory, or the program is mapped below `LOWEST`.
    pub fn new() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let lowest = maps.split('-').next();
        let lowest = lowest.and_then(|text| u64::from_str_radix(text, 16).ok());
        assert!(lowest.is_some_and(|lowest| lowest >= LOWEST), "{lowest:x?}");
        Self(Words::new(WORDS))
    }

    /// The address of a word.
    ///
    /// # Panics
    ///
    /// If the word's address may not be used.
    pub fn address(&self, at: usize) -> u64 {
        self.0[..REACHED][at].as_ptr() as u64
    }

    /// The current value of a word.
    pub fn get(&self, at: usize) -> u64 {
        self.0[at].load(Relaxed)
    }

    /// Sets a word; a value that could be an address in this program outside of the arena is
    /// changed.
    pub fn set(&self, at: usize, word: u64) {
        let first = self.address(0);
        let arena = first..first + (REACHED * size_of::<u64>()) as u64;
        let is_harmless = !(LOWEST..END).contains(&word) || arena.contains(&word);
        let word = if is_harmless { word } else { word | 1 << 63 };
        self.0[at].store(word, Relaxed);
    }

    /// Calls a DRM ioctl.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    ///
    /// # Panics
    ///
    /// If `number` is not of DRM's type, or the argument's address may not be used.
    pub fn ioctl(&self, file: RawFd, number: u32, place: Place) -> Result<(), Errno> {
        assert_eq!(number >> 8 & 0xff, u32::from(b'd'), "{number:#x}");
        let argument = match place {
            Place::At(at) => self.address(at),
            Place::Nowhere(address) => address.get(),
        };
        // SAFETY: The kernel writes the argument, which has less than 16 KiB and is in the arena,
        // and to addresses in the argument. `set` ensures that addresses of this program are in the
        // arena, with room behind them, and the arena is accessed through atomics only.
        let result = unsafe { libc::ioctl(file, libc::c_ulong::from(number), argument) };
        Errno::result(result).map(drop)
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

/// A fixed file descriptor, which any thread may close or replace at any time. Nothing else has
/// these numbers: they are far above the lowest ones, which the kernel allocates.
#[derive(Clone, Copy, Debug)]
pub struct Slot(RawFd);

impl Slot {
    /// Number of slots.
    pub const COUNT: usize = 32;

    /// The slot with this number.
    ///
    /// # Panics
    ///
    /// If there is no such slot.
    pub fn new(number: usize) -> Self {
        assert!(number < Self::COUNT, "slot {number}");
        Self(960 + number as RawFd)
    }

    /// The file descriptor, which may be closed.
    pub fn get(self) -> RawFd {
        self.0
    }

    /// Puts a file into the slot.
    pub fn put(self, file: &OwnedFd) {
        self.copy(file.as_raw_fd());
    }

    /// Duplicates the file `number` into the slot.
    pub fn copy(self, number: RawFd) {
        // SAFETY: The number that is replaced is the slot's own.
        unsafe { libc::dup2(number, self.0) };
    }

    /// Moves a file that the kernel has just opened into the slot.
    ///
    /// # Panics
    ///
    /// If `number` is one of the first three, which are always open.
    pub fn adopt(self, number: RawFd) {
        assert!(number > 2, "the kernel has opened file {number}");
        self.copy(number);
        // SAFETY: No other code knows the number, which the kernel has just allocated.
        unsafe { libc::close(number) };
    }

    /// Maps memory of the slot's file, if it has one.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn map(self, offset: u64, length: usize, is_shared: bool) -> Result<Mapped, Errno> {
        let flags = match is_shared {
            true => MapFlags::MAP_SHARED,
            false => MapFlags::MAP_PRIVATE,
        };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: The number is the slot's own. If its file is closed or replaced, the kernel maps
        // nothing, or the other file.
        let file = unsafe { BorrowedFd::borrow_raw(self.0) };
        Mapped::with(file, offset, length, access, flags)
    }

    /// Closes the slot's file, if it has one.
    pub fn close(self) {
        // SAFETY: The number is the slot's own.
        unsafe { libc::close(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_holds_no_address_but_its_own() {
        let arena = Arena::new();
        let outside = &arena as *const Arena as u64;
        arena.set(1, outside);
        assert_ne!(arena.get(1), outside);
        for word in [0, 4096, u64::MAX, 1 << 62, arena.address(2)] {
            arena.set(1, word);
            assert_eq!(arena.get(1), word);
        }
    }

    #[test]
    fn slots_are_closed_and_replaced() {
        let slot = Slot::new(0);
        let arena = Arena::new();
        let ask = || arena.ioctl(slot.get(), u32::from(b'd') << 8, Place::At(0));
        assert_eq!(ask(), Err(Errno::EBADF));
        slot.put(&fs::File::open("/dev/null").unwrap().into());
        assert_eq!(ask(), Err(Errno::ENOTTY));
        slot.close();
        assert_eq!(ask(), Err(Errno::EBADF));
    }
}
