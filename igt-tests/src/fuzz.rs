// SPDX-License-Identifier: MIT

//! What a fuzzer of ioctls needs to harm nobody but the kernel: memory that any pointer may lead to, and
//! files that are closed and replaced behind each other's back.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;
use nix::libc;

use crate::memory::{BadAddress, Words};

/// Words of an arena.
const WORDS: usize = 1 << 17;

/// Words to which addresses lead; what is behind them is for the kernel, which may write more.
const REACHED: usize = 1 << 13;

/// Elements of an array that the kernel may be told of, at most: they fit behind any address in the arena.
/// Some four million would be refused by the page allocator, with a warning that is not the driver's fault.
pub const MAX_COUNT: u32 = 0xffff;

const _: () = assert!((REACHED + MAX_COUNT as usize) < WORDS);

/// The lowest address at which a program that is position independent has anything.
const LOWEST: u64 = 1 << 40;

/// Where user space ends.
const END: u64 = 1 << 47;

/// Memory for arguments, and for what they point to. No word in it is an address of anything else in this
/// program.
#[derive(Debug)]
pub struct Arena(Words);

/// Where an argument is.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// At this word of the arena.
    At(usize),
    /// Where the kernel finds no memory.
    Nowhere(BadAddress),
}

impl Arena {
    /// Maps the memory.
    ///
    /// # Panics
    ///
    /// Where the kernel has none, or the program lies elsewhere than it should.
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
    /// Where no address may lead there.
    pub fn address(&self, at: usize) -> u64 {
        self.0[..REACHED][at].as_ptr() as u64
    }

    /// A word, as it is now.
    pub fn get(&self, at: usize) -> u64 {
        self.0[at].load(Relaxed)
    }

    /// Sets a word; one that could be an address in this program, but not in the arena, becomes one that
    /// is none.
    pub fn set(&self, at: usize, word: u64) {
        let first = self.address(0);
        let arena = first..first + (REACHED * size_of::<u64>()) as u64;
        let is_harmless = !(LOWEST..END).contains(&word) || arena.contains(&word);
        let word = if is_harmless { word } else { word | 1 << 63 };
        self.0[at].store(word, Relaxed);
    }

    /// Calls an ioctl of DRM's.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Panics
    ///
    /// Where `number` is not of DRM's type, or no address leads to the argument's place.
    pub fn ioctl(&self, file: RawFd, number: u32, place: Place) -> Result<(), Errno> {
        assert_eq!(number >> 8 & 0xff, u32::from(b'd'), "{number:#x}");
        let argument = match place {
            Place::At(at) => self.address(at),
            Place::Nowhere(address) => address.get(),
        };
        // SAFETY: The kernel writes the argument, of less than 16 KiB, which lies in the arena, and to
        // addresses in it. Those are none of this program's but in the arena, as `set` sees to, with
        // room behind them, and the arena is reached through atomics only.
        let result = unsafe { libc::ioctl(file, libc::c_ulong::from(number), argument) };
        Errno::result(result).map(drop)
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

/// Files by number, which any thread may close or replace at any time. Nothing else has these numbers: they
/// are far from the lowest ones, which the kernel gives out.
#[derive(Clone, Copy, Debug)]
pub struct Slot(RawFd);

impl Slot {
    /// Number of slots.
    pub const COUNT: usize = 32;

    /// One of them.
    ///
    /// # Panics
    ///
    /// Where there is no such slot.
    pub fn new(number: usize) -> Self {
        assert!(number < Self::COUNT, "slot {number}");
        Self(960 + number as RawFd)
    }

    /// The number of its file, if it has one.
    pub fn get(self) -> RawFd {
        self.0
    }

    /// Puts a file in it.
    pub fn put(self, file: &OwnedFd) {
        self.copy(file.as_raw_fd());
    }

    /// Puts the file `number` in it, too.
    pub fn copy(self, number: RawFd) {
        // SAFETY: The number that is replaced is the slot's own.
        unsafe { libc::dup2(number, self.0) };
    }

    /// Moves a file into it that the kernel has just opened.
    ///
    /// # Panics
    ///
    /// Where that is one of the first three, which are always open.
    pub fn adopt(self, number: RawFd) {
        assert!(number > 2, "the kernel has opened file {number}");
        self.copy(number);
        // SAFETY: Nobody else knows the number that the kernel has given to the caller.
        unsafe { libc::close(number) };
    }

    /// Closes its file, if it has one.
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
