// SPDX-License-Identifier: MIT

//! Memory that is shared with forked children, and addresses that the kernel cannot write.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use nix::sys::mman::{mmap_anonymous, mprotect, munmap, MapFlags, ProtFlags};

/// Bytes of a page on the machines that these tests support.
const PAGE: usize = 4096;

/// A page that can be written, followed by one that can only be read.
#[derive(Debug)]
pub struct HalfWritable(NonNull<c_void>);

/// An address that is safe to pass to the kernel for writing, since no memory of this program is
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAddress(u64);

impl BadAddress {
    /// The null pointer; nothing is ever mapped there.
    pub const NULL: Self = Self(0);
    /// The last bytes of the address space, in the half that belongs to the kernel.
    pub const KERNEL: Self = Self(u64::MAX - 15);
    /// An address in neither half of the address space.
    pub const NON_CANONICAL: Self = Self(1 << 62);

    /// The address as a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl HalfWritable {
    /// Maps the pages.
    ///
    /// # Panics
    ///
    /// If the kernel has no memory.
    pub fn new() -> Self {
        const LENGTH: NonZeroUsize = NonZeroUsize::new(2 * PAGE).unwrap();
        let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: A new mapping at an address that the kernel chooses disturbs no other.
        let start = unsafe { mmap_anonymous(None, LENGTH, writable, MapFlags::MAP_PRIVATE) };
        let pages = Self(start.unwrap_or_else(|error| panic!("mmap: {error}")));
        // SAFETY: The second page is part of the mapping, and no reference leads into it.
        let result = unsafe { mprotect(pages.0.byte_add(PAGE), PAGE, ProtFlags::PROT_READ) };
        result.unwrap_or_else(|error| panic!("mprotect: {error}"));
        pages
    }

    /// The address of the read-only page.
    pub fn read_only(&self) -> BadAddress {
        self.before_end(0)
    }

    /// An address with `writable` bytes before the read-only page.
    ///
    /// # Panics
    ///
    /// If `writable` is more than a page.
    pub fn before_end(&self, writable: usize) -> BadAddress {
        assert!(writable <= PAGE, "{writable} bytes are more than a page");
        BadAddress((self.0.as_ptr() as usize + PAGE - writable) as u64)
    }
}

impl Default for HalfWritable {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for HalfWritable {
    fn drop(&mut self) {
        // SAFETY: The mapping is this value's own, and no reference leads into it.
        let result = unsafe { munmap(self.0, 2 * PAGE) };
        debug_assert_eq!(result, Ok(()));
    }
}

/// Words that a process shares with its forked children, initially zero.
#[derive(Debug)]
pub struct Words {
    start: NonNull<c_void>,
    mapped: NonZeroUsize,
    count: usize,
}

// SAFETY: The mapping is accessed through atomics only.
unsafe impl Send for Words {}

// SAFETY: As above.
unsafe impl Sync for Words {}

impl Words {
    /// Maps `count` words.
    ///
    /// # Panics
    ///
    /// If the kernel has no memory.
    pub fn new(count: usize) -> Self {
        let mapped = NonZeroUsize::new(count * size_of::<AtomicU64>()).expect("there is a word");
        let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: A new mapping at an address that the kernel chooses disturbs no other.
        let start = unsafe { mmap_anonymous(None, mapped, writable, MapFlags::MAP_SHARED) };
        Self {
            start: start.unwrap_or_else(|error| panic!("mmap: {error}")),
            mapped,
            count,
        }
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: `count` words are mapped, aligned to a page, as long as this value lives; zeroes
        // are valid words, and other processes access them atomically.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.count) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: The mapping is this value's own, and no reference outlives it.
        let result = unsafe { munmap(self.start, self.mapped.get()) };
        debug_assert_eq!(result, Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Children, HANG};
    use nix::errno::Errno;
    use nix::libc;
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::sync::atomic::Ordering::Relaxed;

    /// Makes the kernel write 8 bytes to `address`.
    fn kernel_writes(address: BadAddress) -> Result<usize, Errno> {
        let zero = File::open("/dev/zero").unwrap();
        // SAFETY: A `BadAddress` is safe to write to.
        let result = unsafe { libc::read(zero.as_raw_fd(), address.get() as *mut c_void, 8) };
        Errno::result(result).map(|length| length as usize)
    }

    #[test]
    fn the_kernel_cannot_write_to_bad_addresses() {
        let pages = HalfWritable::new();
        for address in [
            BadAddress::NULL,
            BadAddress::KERNEL,
            BadAddress::NON_CANONICAL,
            pages.read_only(),
        ] {
            assert_eq!(kernel_writes(address), Err(Errno::EFAULT), "{address:?}");
        }
    }

    #[test]
    fn words_are_shared_with_children() {
        let words = Words::new(3);
        let children = Children::fork(3, |number| {
            words[number].fetch_add(number as u64 + 1, Relaxed);
        });
        children.wait(HANG);
        let words: Vec<u64> = words.iter().map(|word| word.load(Relaxed)).collect();
        assert_eq!(words, [1, 2, 3]);
    }

    #[test]
    fn the_kernel_can_write_before_the_read_only_page() {
        let pages = HalfWritable::new();
        assert_eq!(kernel_writes(pages.before_end(8)), Ok(8));
        assert_ne!(kernel_writes(pages.before_end(4)), Ok(8));
    }
}
