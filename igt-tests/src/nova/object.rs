// SPDX-License-Identifier: MIT

//! Memory objects of the driver.

use std::fs::File;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nova_uapi as uapi;
use nova_uapi::{GemCreate, GemInfo, GemSetLabel};

use super::calls;
use crate::drm;
use crate::memory::Mapped;

/// The id of the region of system memory.
pub const SYSTEM: u32 = 0;
/// The id of the region of VRAM.
pub const VRAM: u32 = 1;

/// What creates an object in system memory that the CPU can map.
pub fn mappable(size: u64) -> GemCreate {
    mappable_in(SYSTEM, size)
}

/// What creates an object in that region that the CPU can map.
pub fn mappable_in(region: u32, size: u64) -> GemCreate {
    GemCreate {
        flags: uapi::GEM_CPU_ACCESS,
        ..within(region, size)
    }
}

/// What creates an object in that region.
pub fn within(region: u32, size: u64) -> GemCreate {
    GemCreate {
        size,
        placement: 1 << region,
        ..GemCreate::default()
    }
}

/// The handle of an object; the drop closes it.
#[derive(Debug)]
pub struct Object<'a> {
    file: &'a File,
    /// What the kernel said when it created the object.
    pub created: GemCreate,
}

impl<'a> Object<'a> {
    /// Creates an object.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    #[track_caller]
    pub fn new(file: &'a File, create: GemCreate) -> Self {
        match Self::try_new(file, create) {
            Ok(object) => object,
            Err(error) => panic!("{create:?}: {error}"),
        }
    }

    /// Creates an object.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn try_new(file: &'a File, create: GemCreate) -> Result<Self, Errno> {
        let mut created = create;
        calls::call(file, &mut created)?;
        Ok(Self { file, created })
    }

    /// The handle.
    pub fn handle(&self) -> u32 {
        self.created.handle
    }

    /// What the kernel says about the object.
    ///
    /// # Panics
    ///
    /// If it says nothing.
    pub fn info(&self) -> GemInfo {
        info(self.file, self.handle()).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// Maps `length` bytes from `at` on.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn try_map(&self, at: u64, length: usize) -> Result<Mapped, Errno> {
        Mapped::new(self.file, self.created.mmap_offset + at, length)
    }

    /// Maps the whole object.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    #[track_caller]
    pub fn map(&self) -> Mapped {
        let mapped = self.try_map(0, self.info().size as usize);
        mapped.unwrap_or_else(|error| panic!("mmap {self:?}: {error}"))
    }

    /// Exports the object.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    #[track_caller]
    pub fn export(&self) -> OwnedFd {
        let exported = drm::export(self.file, self.handle());
        exported.unwrap_or_else(|error| panic!("export {self:?}: {error}"))
    }

    /// Names the object by bytes that end with a NUL; none remove the name.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn set_label(&self, label: &[u8]) -> Result<(), Errno> {
        let mut argument = GemSetLabel {
            handle: self.handle(),
            size: label.len() as u32,
            label: match label {
                [] => 0,
                label => label.as_ptr() as u64,
            },
        };
        calls::call(self.file, &mut argument)
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        // It fails if the test has closed it.
        let _ = drm::gem_close(self.file, self.handle());
    }
}

/// What the kernel says about the object that `file` knows as `handle`.
///
/// # Errors
///
/// The kernel's error.
pub fn info(file: &File, handle: u32) -> Result<GemInfo, Errno> {
    let mut info = GemInfo {
        handle,
        ..GemInfo::default()
    };
    calls::call(file, &mut info)?;
    Ok(info)
}
