// SPDX-License-Identifier: MIT

//! Which descriptors are open files of nova, and what is kept for these.
//!
//! One lock guards all of it. It is never held across a call of the kernel, so that it can be taken
//! for a fork: the child's copy is whole then.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::device::{Errno, Result};
use crate::driver::{Driver, Verdict};
use crate::file::File;

/// An open file of nova, which several descriptors may name. Numbers are not used again, so that a
/// call that is late finds no file, and not another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(u64);

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// An open file of nova.
    Nova(FileId),
    /// A DRM device with another driver.
    Foreign,
}

#[derive(Debug)]
struct Files {
    descriptors: BTreeMap<RawFd, Known>,
    files: BTreeMap<FileId, File>,
    next: u64,
}

impl Files {
    fn forget(&mut self, descriptor: RawFd) {
        if let Some(Known::Nova(id)) = self.descriptors.remove(&descriptor) {
            let is_open = self
                .descriptors
                .values()
                .any(|known| *known == Known::Nova(id));
            if !is_open {
                self.files.remove(&id);
            }
        }
    }
}

/// The descriptors of a process that are known to be DRM devices.
#[derive(Debug)]
pub struct Table {
    /// How many are known. With none, nothing is locked.
    known: AtomicUsize,
    /// The process that the table is about; zero before there is one. Between vfork and exec, a child
    /// has its parent's memory but descriptors of its own.
    process: AtomicU32,
    has_told: AtomicBool,
    files: RwLock<Files>,
}

impl Table {
    /// A table in which no descriptor is known.
    pub const fn new() -> Self {
        Self {
            known: AtomicUsize::new(0),
            process: AtomicU32::new(0),
            has_told: AtomicBool::new(false),
            files: RwLock::new(Files {
                descriptors: BTreeMap::new(),
                files: BTreeMap::new(),
                next: 0,
            }),
        }
    }

    /// Makes the table one about this process, unless it is about another one; whether it is.
    pub fn claim(&self) -> bool {
        let (free, us) = (0, this_process());
        let before = self
            .process
            .compare_exchange(free, us, Ordering::Relaxed, Ordering::Relaxed);
        before == Ok(free) || before == Err(us)
    }

    /// What the descriptor is, if that is known.
    pub fn find(&self, descriptor: RawFd) -> Option<Known> {
        match self.known.load(Ordering::Relaxed) {
            0 => None,
            _ => self.read().descriptors.get(&descriptor).copied(),
        }
    }

    /// Notes that a descriptor is a DRM device with this driver. Says on `tell`, once, why a nova is
    /// not used. A table about another process notes nothing (`None`).
    pub fn adopt(
        &self,
        descriptor: RawFd,
        driver: &Driver,
        tell: impl FnOnce(&str),
    ) -> Option<Known> {
        if !self.claim() {
            return None;
        }
        let is_nova = match driver.verdict() {
            Verdict::Translated => true,
            Verdict::Foreign => false,
            Verdict::Unsuitable(why) => {
                if !self.has_told.swap(true, Ordering::Relaxed) {
                    tell(&why);
                }
                false
            }
        };
        Some(self.change_descriptors(|files| {
            // Another thread may have been faster.
            if let Some(known) = files.descriptors.get(&descriptor) {
                return *known;
            }
            let known = if is_nova {
                let id = FileId(files.next);
                files.next = files.next.wrapping_add(1);
                files.files.insert(id, File::default());
                Known::Nova(id)
            } else {
                Known::Foreign
            };
            files.descriptors.insert(descriptor, known);
            known
        }))
    }

    /// Notes that a descriptor is closed, or has just been opened for something else.
    pub fn forget(&self, descriptor: RawFd) {
        if self.is_about_us() && self.find(descriptor).is_some() {
            self.change_descriptors(|files| files.forget(descriptor));
        }
    }

    /// Notes that all descriptors in a range are closed.
    pub fn forget_range(&self, descriptors: RangeInclusive<u32>) {
        if !self.is_about_us() {
            return;
        }
        self.change_descriptors(|files| {
            let is_closed = |known: &RawFd| descriptors.contains(&known.unsigned_abs());
            let closed: Vec<_> = files
                .descriptors
                .keys()
                .copied()
                .filter(is_closed)
                .collect();
            for descriptor in closed {
                files.forget(descriptor);
            }
        });
    }

    /// Notes that `copy` is now another descriptor of what `original` is.
    pub fn duplicate(&self, original: RawFd, copy: RawFd) {
        if original == copy || !self.is_about_us() {
            return;
        }
        self.change_descriptors(|files| {
            files.forget(copy);
            if let Some(known) = files.descriptors.get(&original).copied() {
                files.descriptors.insert(copy, known);
            }
        });
    }

    /// Holds the table until the process has forked.
    pub fn freeze(&self) -> Frozen<'_> {
        Frozen {
            table: self,
            _files: self.write(),
        }
    }

    /// Whether descriptors are known, and this process has them.
    fn is_about_us(&self) -> bool {
        self.known.load(Ordering::Relaxed) != 0
            && self.process.load(Ordering::Relaxed) == this_process()
    }

    /// Reads what is kept for a file.
    pub(crate) fn with<T>(&self, id: FileId, read: impl FnOnce(&File) -> Result<T>) -> Result<T> {
        read(self.read().files.get(&id).ok_or(Errno::BADF)?)
    }

    /// Changes what is kept for a file.
    pub(crate) fn change<T>(
        &self,
        id: FileId,
        change: impl FnOnce(&mut File) -> Result<T>,
    ) -> Result<T> {
        change(self.write().files.get_mut(&id).ok_or(Errno::BADF)?)
    }

    fn change_descriptors<T>(&self, change: impl FnOnce(&mut Files) -> T) -> T {
        let mut files = self.write();
        let result = change(&mut files);
        self.known.store(files.descriptors.len(), Ordering::Relaxed);
        result
    }

    fn read(&self) -> RwLockReadGuard<'_, Files> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Files> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

/// A table that does not change, until this is dropped.
pub struct Frozen<'a> {
    table: &'a Table,
    _files: RwLockWriteGuard<'a, Files>,
}

impl Frozen<'_> {
    /// Lets go of the copy of the table that a forked child has.
    pub fn thaw_in_child(self) {
        self.table.process.store(this_process(), Ordering::Relaxed);
    }
}

impl fmt::Debug for Frozen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frozen")
    }
}

fn this_process() -> u32 {
    rustix::process::getpid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs()
}

#[cfg(test)]
mod tests;
