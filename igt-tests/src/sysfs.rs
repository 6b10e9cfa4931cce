// SPDX-License-Identifier: MIT

//! Devices as sysfs and debugfs show them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where debugfs is mounted.
pub const DEBUGFS: &str = "/sys/kernel/debug";

/// The text of a sysfs attribute, without the white space around it.
///
/// # Errors
///
/// Where it cannot be read.
pub fn read(path: impl AsRef<Path>) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

/// A number in a sysfs attribute: hexadecimal after `0x`, else decimal.
///
/// # Errors
///
/// Where it cannot be read or is no number.
pub fn read_number(path: impl AsRef<Path>) -> io::Result<u64> {
    let text = read(path)?;
    parse_number(&text).ok_or_else(|| io::Error::other(format!("{text:?} is no number")))
}

fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Names of what is in a folder, sorted; nothing where it does not exist.
pub fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A PCI function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciDevice(PathBuf);

impl PciDevice {
    /// All PCI functions of the machine, by address.
    pub fn all() -> Vec<Self> {
        let folder = Path::new("/sys/bus/pci/devices");
        names(folder)
            .iter()
            .map(|name| Self(folder.join(name)))
            .collect()
    }

    /// The folder in sysfs.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its address, such as `0000:01:00.0`.
    pub fn name(&self) -> String {
        self.0
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Vendor id.
    ///
    /// # Errors
    ///
    /// Where the function is gone.
    pub fn vendor(&self) -> io::Result<u64> {
        read_number(self.0.join("vendor"))
    }

    /// Class code: base class, sub class, interface, a byte each.
    ///
    /// # Errors
    ///
    /// Where the function is gone.
    pub fn class(&self) -> io::Result<u64> {
        read_number(self.0.join("class"))
    }

    /// The driver that it is bound to.
    pub fn driver(&self) -> Option<String> {
        let driver = fs::read_link(self.0.join("driver")).ok()?;
        Some(driver.file_name()?.to_string_lossy().into_owned())
    }

    /// Binds it to `driver`.
    ///
    /// # Errors
    ///
    /// The error of the driver's probe.
    pub fn bind(&self, driver: &str) -> io::Result<()> {
        fs::write(driver_folder(driver).join("bind"), self.name())
    }

    /// Unbinds it from its driver.
    ///
    /// # Errors
    ///
    /// Where it is bound to no driver.
    pub fn unbind(&self) -> io::Result<()> {
        let driver = self.driver().ok_or(io::ErrorKind::NotFound)?;
        fs::write(driver_folder(&driver).join("unbind"), self.name())
    }

    /// Whether the function can be reset alone.
    pub fn can_reset(&self) -> bool {
        let methods = read(self.0.join("reset_method")).unwrap_or_default();
        methods.split(' ').any(|method| method == "flr")
    }

    /// Resets the function alone.
    ///
    /// # Errors
    ///
    /// Where it cannot be reset.
    pub fn reset(&self) -> io::Result<()> {
        fs::write(self.0.join("reset_method"), "flr")?;
        fs::write(self.0.join("reset"), "1")
    }

    /// Size of each BAR in bytes; 0 where there is none.
    ///
    /// # Errors
    ///
    /// Where the function is gone.
    pub fn bar_sizes(&self) -> io::Result<[u64; 6]> {
        let text = fs::read_to_string(self.0.join("resource"))?;
        let mut sizes = [0; 6];
        for (size, line) in sizes.iter_mut().zip(text.lines()) {
            *size = resource_size(line)
                .ok_or_else(|| io::Error::other(format!("{line:?} is no resource")))?;
        }
        Ok(sizes)
    }
}

fn driver_folder(driver: &str) -> PathBuf {
    Path::new("/sys/bus/pci/drivers").join(driver)
}

/// Size in bytes of a line `first-address last-address flags`.
fn resource_size(line: &str) -> Option<u64> {
    let mut numbers = line.split_whitespace().map(parse_number);
    match (numbers.next()??, numbers.next()??) {
        (0, 0) => Some(0),
        (first, last) => last.checked_sub(first)?.checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(parse_number("0x10de"), Some(0x10de));
        assert_eq!(parse_number("12"), Some(12));
        assert_eq!(parse_number("x"), None);
    }

    #[test]
    fn resources() {
        let line = "0x00000000fa000000 0x00000000faffffff 0x0000000000040200";
        assert_eq!(resource_size(line), Some(16 << 20));
        assert_eq!(resource_size("0x0 0x0 0x0"), Some(0));
        assert_eq!(resource_size("0x2 0x0 0x0"), None);
        assert_eq!(resource_size("nothing"), None);
    }
}
