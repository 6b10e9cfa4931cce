// SPDX-License-Identifier: MIT

//! A memory cgroup (version 2), to see what the kernel charges a process for.

use std::fs;
use std::io;
use std::path::PathBuf;

use nix::mount::{mount, umount, MsFlags};
use tempfile::TempDir;

/// A cgroup of its own mount, removed when dropped; all who entered it must have ended by then.
#[derive(Debug)]
pub struct Cgroup {
    hierarchy: TempDir,
    folder: PathBuf,
}

impl Cgroup {
    /// Makes the cgroup `name`; skips where the kernel does not account memory.
    ///
    /// # Panics
    ///
    /// Where the hierarchy cannot be mounted or changed.
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

    /// Moves this process into it.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn enter(&self) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.procs"), "0")
    }

    /// Bytes that those in it are charged for.
    ///
    /// # Errors
    ///
    /// Where the kernel does not say so.
    pub fn memory(&self) -> io::Result<u64> {
        crate::sysfs::read_number(self.folder.join("memory.current"))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // What is left behind lasts as long as the machine under test, and harms no other test.
        let _ = fs::remove_dir(&self.folder);
        let _ = umount(self.hierarchy.path());
    }
}
