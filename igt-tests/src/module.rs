// SPDX-License-Identifier: MIT

//! Loading and unloading kernel modules.

use std::ffi::CString;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::kmod::{delete_module, init_module, DeleteModuleFlags};

use crate::sysfs;

/// A kernel module, loaded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module(String);

impl Module {
    /// The module of this name; `-` and `_` are the same.
    pub fn new(name: &str) -> Self {
        Self(name.replace('-', "_"))
    }

    fn folder(&self) -> PathBuf {
        Path::new("/sys/module").join(&self.0)
    }

    /// Whether it is loaded.
    pub fn is_loaded(&self) -> bool {
        self.folder().is_dir()
    }

    /// Its reference count: modules that depend on it, and open files.
    pub fn users(&self) -> Option<u64> {
        sysfs::read_number(self.folder().join("refcnt")).ok()
    }

    /// Addresses of its code in the kernel.
    pub fn addresses(&self) -> Option<Range<u64>> {
        let modules = fs::read_to_string("/proc/modules").ok()?;
        addresses(&modules, &self.0)
    }

    /// The PCI drivers that it has registered.
    pub fn pci_drivers(&self) -> Vec<String> {
        let drivers = sysfs::names(self.folder().join("drivers"));
        let pci = drivers.iter().filter_map(|name| name.strip_prefix("pci:"));
        pci.map(str::to_owned).collect()
    }

    /// Loads it and its dependencies, with `modprobe`.
    ///
    /// # Errors
    ///
    /// The message of `modprobe`.
    pub fn load(&self) -> Result<(), String> {
        self.load_with(&[])
    }

    /// As [`Self::load`], with parameters such as `name=value`.
    ///
    /// # Errors
    ///
    /// The message of `modprobe`.
    pub fn load_with(&self, parameters: &[&str]) -> Result<(), String> {
        let output = Command::new("modprobe")
            .arg(&self.0)
            .args(parameters)
            .output();
        let output = output.map_err(|error| format!("modprobe: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("modprobe {self}: {}", said.trim()))
    }

    /// Contents of the file from which `modprobe` loads it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn image(&self) -> Result<Vec<u8>, String> {
        let output = Command::new("modinfo").args(["-n", &self.0]).output();
        let output = output.map_err(|error| format!("modinfo: {error}"))?;
        let path = String::from_utf8_lossy(&output.stdout);
        fs::read(path.trim()).map_err(|error| format!("{}: {error}", path.trim()))
    }

    /// Unloads it, without waiting for its users.
    ///
    /// # Errors
    ///
    /// `EWOULDBLOCK` while it is in use, `ENOENT` if it is not loaded.
    pub fn unload(&self) -> Result<(), Errno> {
        // A name with a NUL is not the name of a module.
        let name = CString::new(self.0.as_str()).map_err(|_| Errno::ENOENT)?;
        delete_module(&name, DeleteModuleFlags::O_NONBLOCK)
    }
}

/// Loads a module from the contents of its file.
///
/// # Errors
///
/// The kernel's error.
pub fn load_image(image: &[u8]) -> Result<(), Errno> {
    init_module(image, c"")
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Finds a module in `/proc/modules`: `name size users by state address`. The size includes data
/// that may be elsewhere, so the code ends before the end of this range.
fn addresses(modules: &str, name: &str) -> Option<Range<u64>> {
    let fields = modules
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let fields = fields
        .into_iter()
        .find(|fields| fields.first() == Some(&name))?;
    let size: u64 = fields.get(1)?.parse().ok()?;
    let start = u64::from_str_radix(fields.get(5)?.strip_prefix("0x")?, 16).ok()?;
    Some(start..start.checked_add(size)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_by_name() {
        let modules = "nova_drm 8192 0 - Live 0xffffffffc0008000 (O)\n\
            nova_core 16384 1 nova_drm, Live 0xffffffffc0000000 (O)\n";
        let expected = 0xffff_ffff_c000_0000..0xffff_ffff_c000_4000;
        assert_eq!(addresses(modules, "nova_core"), Some(expected));
        assert_eq!(addresses(modules, "nova"), None);
    }

    #[test]
    fn dashes_are_underscores() {
        assert_eq!(Module::new("nova-drm").to_string(), "nova_drm");
    }

    #[test]
    fn a_module_that_does_not_exist_is_not_loaded() {
        let module = Module::new("no-such-module");
        assert!(!module.is_loaded());
        assert_eq!(module.users(), None);
        assert!(module.pci_drivers().is_empty());
        assert!(module.unload().is_err());
    }
}
