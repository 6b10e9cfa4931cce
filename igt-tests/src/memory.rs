// SPDX-License-Identifier: MIT

//! Memory that is shared with forked children, memory of a device, and addresses that the kernel
//! cannot write.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use nix::errno::Errno;
use nix::sys::mman::{
    mmap, mmap_anonymous, mprotect, mremap, munmap, MRemapFlags, MapFlags, ProtFlags,
};

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
        Self::with_second(ProtFlags::PROT_READ)
    }

    /// Maps a page that can be written, and one that can be accessed like that.
    fn with_second(protection: ProtFlags) -> Self {
        const LENGTH: NonZeroUsize = NonZeroUsize::new(2 * PAGE).unwrap();
        let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: A new mapping at an address that the kernel chooses disturbs no other.
        let start = unsafe { mmap_anonymous(None, LENGTH, writable, MapFlags::MAP_PRIVATE) };
        let pages = Self(start.unwrap_or_else(|error| panic!("mmap: {error}")));
        // SAFETY: The second page is part of the mapping, and no reference leads into it.
        let result = unsafe { mprotect(pages.0.byte_add(PAGE), PAGE, protection) };
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

/// A page that can be read, followed by one that cannot.
#[derive(Debug)]
pub struct HalfReadable(HalfWritable);

impl HalfReadable {
    /// Maps the pages, and puts `bytes` at the end of the first one.
    ///
    /// # Panics
    ///
    /// If the kernel has no memory, or the bytes are more than a page.
    pub fn with(bytes: &[u8]) -> Self {
        let pages = HalfWritable::with_second(ProtFlags::PROT_NONE);
        let at = pages.before_end(bytes.len());
        // SAFETY: So many bytes are writable there, in a new mapping.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at.get() as *mut u8, bytes.len()) };
        Self(pages)
    }

    /// The address of the last `readable` bytes before the page that cannot be read.
    ///
    /// # Panics
    ///
    /// If these are more than a page.
    pub fn before_end(&self, readable: usize) -> u64 {
        self.0.before_end(readable).get()
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

/// Memory of a device or of a buffer, mapped from its file. A device may change it at any time.
#[derive(Debug)]
pub struct Mapped {
    start: NonNull<c_void>,
    length: NonZeroUsize,
}

/// A number in which [`Mapped`] memory is accessed at once.
pub trait Access: Copy + private::Access {}

impl<T: Copy + private::Access> Access for T {}

mod private {
    /// Every pattern of bits is a value.
    pub trait Access {}
    impl Access for u8 {}
    impl Access for u16 {}
    impl Access for u32 {}
    impl Access for u64 {}
}

impl Mapped {
    /// Maps `length` bytes of the file from `offset` on.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    ///
    /// # Panics
    ///
    /// If the length is zero, or the offset none of a file.
    pub fn new(file: impl AsFd, offset: u64, length: usize) -> Result<Self, Errno> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        Self::with(file, offset, length, access, MapFlags::MAP_SHARED)
    }

    /// As [`Self::new`], with other flags.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    ///
    /// # Panics
    ///
    /// If the length is zero, the offset none of a file, or the mapping is to replace another one.
    pub fn with(
        file: impl AsFd,
        offset: u64,
        length: usize,
        access: ProtFlags,
        flags: MapFlags,
    ) -> Result<Self, Errno> {
        assert!(!flags.contains(MapFlags::MAP_FIXED));
        let length = NonZeroUsize::new(length).expect("there is a byte");
        let offset = i64::try_from(offset).expect("files have such offsets");
        // SAFETY: A new mapping at an address that the kernel chooses disturbs no other.
        let start = unsafe { mmap(None, length, access, flags, file, offset)? };
        Ok(Self { start, length })
    }

    /// Unmaps the first `length` bytes.
    ///
    /// # Panics
    ///
    /// If they are no pages, or all of the mapping, or the kernel refuses.
    pub fn unmap_front(&mut self, length: usize) {
        let rest = self
            .length
            .get()
            .checked_sub(length)
            .and_then(NonZeroUsize::new);
        let rest = rest
            .filter(|_| length % PAGE == 0)
            .expect("part of the pages");
        // SAFETY: The mapping is this value's own, and no reference leads into it.
        unsafe {
            munmap(self.start, length).unwrap_or_else(|error| panic!("munmap: {error}"));
            self.start = self.start.byte_add(length);
        }
        self.length = rest;
    }

    /// Makes the mapping larger or smaller, wherever it may have to go.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    ///
    /// # Panics
    ///
    /// If the length is zero.
    pub fn resize(&mut self, length: usize) -> Result<(), Errno> {
        let new = NonZeroUsize::new(length).expect("there is a byte");
        // SAFETY: The mapping is this value's own, and no reference leads into it.
        self.start = unsafe {
            mremap(
                self.start,
                self.length.get(),
                length,
                MRemapFlags::MREMAP_MAYMOVE,
                None,
            )?
        };
        self.length = new;
        Ok(())
    }

    fn place<T: Access>(&self, at: usize) -> *mut T {
        let size = size_of::<T>();
        let fits = at
            .checked_add(size)
            .is_some_and(|end| end <= self.length.get());
        assert!(
            fits && at % size == 0,
            "{size} bytes at {at:#x} of {self:?}"
        );
        // SAFETY: The place is within the mapping.
        unsafe { self.start.as_ptr().byte_add(at).cast() }
    }

    /// Reads a number at an offset, with one access.
    ///
    /// # Panics
    ///
    /// If it is not aligned, or beyond the end.
    pub fn get<T: Access>(&self, at: usize) -> T {
        // SAFETY: The place is mapped and aligned, and what is there is a value of this type.
        unsafe { self.place::<T>(at).read_volatile() }
    }

    /// Writes a number at an offset, with one access.
    ///
    /// # Panics
    ///
    /// If it is not aligned, or beyond the end.
    pub fn set<T: Access>(&self, at: usize, value: T) {
        // SAFETY: The place is mapped and aligned, and no reference leads there.
        unsafe { self.place::<T>(at).write_volatile(value) }
    }

    /// Reads bytes, in words where these are aligned.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn read(&self, at: usize, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let place = at + bytes.len();
            match place % 4 == 0 && length - bytes.len() >= 4 {
                true => bytes.extend(self.get::<u32>(place).to_le_bytes()),
                false => bytes.push(self.get(place)),
            }
        }
        bytes
    }

    /// Writes bytes, in words where these are aligned.
    ///
    /// # Panics
    ///
    /// If there is no room for them.
    pub fn write(&self, at: usize, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let place = at + done;
            match bytes[done..].first_chunk() {
                Some(word) if place % 4 == 0 => {
                    self.set(place, u32::from_le_bytes(*word));
                    done += 4;
                }
                _ => {
                    self.set(place, bytes[done]);
                    done += 1;
                }
            }
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: The mapping is this value's own, and no reference leads into it.
        let result = unsafe { munmap(self.start, self.length.get()) };
        debug_assert_eq!(result, Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Children, HANG};
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
    fn the_kernel_can_read_up_to_the_unreadable_page() {
        let pages = HalfReadable::with(b"text");
        let file = tempfile::tempfile().unwrap();
        let writes = |count| {
            let at = pages.before_end(4) as *const c_void;
            // SAFETY: The kernel reads from memory that is mapped, or fails.
            let result = unsafe { libc::write(file.as_raw_fd(), at, count) };
            Errno::result(result).map(|length| length as usize)
        };
        assert_eq!(writes(4), Ok(4));
        assert_ne!(writes(5), Ok(5));
    }

    #[test]
    fn mapped_memory_is_that_of_the_file() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8192).unwrap();
        let memory = Mapped::new(&file, 4096, 4096).unwrap();
        memory.write(1, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        memory.set(16, 0x1122_3344_5566_7788_u64);
        let mut bytes = [0; 24];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 4096).unwrap();
        let expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0x88, 0x77];
        assert_eq!(bytes[..18], expected);
        assert_eq!(memory.read(2, 7), [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(memory.get::<u16>(18), 0x5566);
    }

    #[test]
    #[should_panic(expected = "4 bytes at 0xffe")]
    fn mapped_memory_ends() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        let memory = Mapped::new(&file, 0, 4096).unwrap();
        memory.get::<u32>(4094);
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
