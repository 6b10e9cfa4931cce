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

    /// Whether it is in the kernel.
    pub fn is_loaded(&self) -> bool {
        self.folder().is_dir()
    }

    /// How many hold it: modules that depend on it, and open files.
    pub fn users(&self) -> Option<u64> {
        sysfs::read_number(self.folder().join("refcnt")).ok()
    }

    /// Where in the kernel's memory its code is.
    pub fn addresses(&self) -> Option<Range<u64>> {
        let modules = fs::read_to_string("/proc/modules").ok()?;
        addresses(&modules, &self.0)
    }

    /// The PCI drivers that it registered.
    pub fn pci_drivers(&self) -> Vec<String> {
        let drivers = sysfs::names(self.folder().join("drivers"));
        let pci = drivers.iter().filter_map(|name| name.strip_prefix("pci:"));
        pci.map(str::to_owned).collect()
    }

    /// Loads it and what it depends on, with `modprobe`.
    ///
    /// # Errors
    ///
    /// What `modprobe` said.
    pub fn load(&self) -> Result<(), String> {
        self.load_with(&[])
    }

    /// Likewise, with parameters such as `name=value`.
    ///
    /// # Errors
    ///
    /// What `modprobe` said.
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

    /// What is in the file that `modprobe` loads it from.
    ///
    /// # Errors
    ///
    /// Where there is none that can be read.
    pub fn image(&self) -> Result<Vec<u8>, String> {
        let output = Command::new("modinfo").args(["-n", &self.0]).output();
        let output = output.map_err(|error| format!("modinfo: {error}"))?;
        let path = String::from_utf8_lossy(&output.stdout);
        fs::read(path.trim()).map_err(|error| format!("{}: {error}", path.trim()))
    }

    /// Unloads it, and does not wait for those who hold it.
    ///
    /// # Errors
    ///
    /// `EWOULDBLOCK` while it is held, `ENOENT` where it is not loaded.
    pub fn unload(&self) -> Result<(), Errno> {
        // The name came from a str; one with a NUL in it is no module's name.
        let name = CString::new(self.0.as_str()).map_err(|_| Errno::ENOENT)?;
        delete_module(&name, DeleteModuleFlags::O_NONBLOCK)
    }
}

/// Loads a module from what would be in its file.
///
/// # Errors
///
/// The kernel's.
pub fn load_image(image: &[u8]) -> Result<(), Errno> {
    init_module(image, c"")
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What `/proc/modules` says of a module: `name size users by state address`. Its data, which the size
/// includes, may be elsewhere, so that the code ends before that.
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
    fn a_module_that_does_not_exist() {
        let module = Module::new("no-such-module");
        assert!(!module.is_loaded());
        assert_eq!(module.users(), None);
        assert!(module.pci_drivers().is_empty());
        assert!(module.unload().is_err());
    }
}
