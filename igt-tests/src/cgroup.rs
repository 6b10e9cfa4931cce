// SPDX-License-Identifier: MIT

//! A memory cgroup (version 2), for measuring the kernel memory that is charged to a process, or limiting it.

use std::fs;
use std::io;
use std::path::PathBuf;

use nix::mount::{mount, umount, MsFlags};
use tempfile::TempDir;

/// A cgroup in a mount of its own, removed when dropped; all processes in it must have ended by
/// then.
#[derive(Debug)]
pub struct Cgroup {
    hierarchy: TempDir,
    folder: PathBuf,
}

impl Cgroup {
    /// Creates the cgroup `name`; skips if the kernel does not account memory.
    ///
    /// # Panics
    ///
    /// If the hierarchy cannot be mounted or changed.
    pub fn require(name: &str) -> Self {
        let hierarchy = tempfile::tempdir().expect("a folder to mount cgroups in");
        let none: Option<&str> = None;
        let mounted = mount(
            none,
            hierarchy.path(),
            Some("cgroup2"),
            MsFlags::empty(),
            none,
        );
        mounted.expect("mount cgroup2");
        let folder = hierarchy.path().join(name);
        let cgroup = Self { hierarchy, folder };
        let control = cgroup.hierarchy.path().join("cgroup.subtree_control");
        let has_memory = fs::write(control, "+memory");
        crate::require!(has_memory.is_ok(), "The kernel does not account memory.");
        fs::create_dir(&cgroup.folder).expect("make a cgroup");
        cgroup
    }

    /// Moves this process into the cgroup.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn enter(&self) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.procs"), "0")
    }

    /// Allows the cgroup so many bytes of memory.
    ///
    /// # Errors
    ///
    /// The kernel's error.
    pub fn limit(&self, bytes: u64) -> io::Result<()> {
        fs::write(self.folder.join("memory.max"), bytes.to_string())
    }

    /// Bytes of memory that are charged to the cgroup.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn memory(&self) -> io::Result<u64> {
        crate::sysfs::read_number(self.folder.join("memory.current"))
    }

    /// Bytes of it that the kernel has for itself, exact up to a few pages of each CPU.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn kernel(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.folder.join("memory.stat"))?;
        let value = text.lines().find_map(|line| line.strip_prefix("kernel "));
        let bytes = value.and_then(|value| value.parse().ok());
        bytes.ok_or_else(|| io::Error::other("memory.stat has no kernel memory"))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A cgroup that is left behind does not affect other tests.
        let _ = fs::remove_dir(&self.folder);
        let _ = umount(self.hierarchy.path());
    }
}
